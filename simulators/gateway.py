"""A vehicle's gateway: keeps every frame until the service says that it is stored.

A PUBACK only says that the broker took the message; a broker that is killed may forget it. So a
frame leaves the buffer on a *receipt*: the gateway publishes with the MQTT 5 Response Topic
``vehicles/{vin}/stored`` and hears there, after the commit, which times are safe. Whatever has no
receipt is published again, oldest first, after every reconnect and after a receipt time-out. The
natural key (vehicle, time) makes the second arrival harmless.

A broker that lost the service's subscription takes messages and drops them, so frames must not
overtake the ones that were dropped: after each connect, and after a time-out, one message goes out
alone, and the window opens with its receipt.

`Gateway` is one car: its own user, a last will, ``online``/``offline``. `FleetPublisher` carries
many cars over one connection (no will for each). Both are used from any thread::

    with Gateway(url, vin, password="…") as gateway:
        gateway.send([Frame(…), Frame(…)])
        with gateway.tunnel():       # buffered meanwhile
            gateway.send([Frame(…)])
        gateway.flush(timeout_s=30)  # True once each has its receipt
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from urllib.parse import quote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from record.settings import parse_mqtt_url
from simulators.wire import (
    Encoding,
    Frame,
    decode_receipt,
    encode,
    receipt_topic,
    status_topic,
    topic,
)

log = logging.getLogger(__name__)

_Numbered = tuple[int, Frame]


class Buffer:
    """The frames of many vehicles that have no receipt yet: waiting, or in flight.

    No I/O and no clock, so it is easy to reason about; the publisher guards it with its lock.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[_Numbered]] = OrderedDict()
        self._in_flight: OrderedDict[tuple[str, int], tuple[float, int, Frame]] = OrderedDict()
        self._held: set[tuple[str, int]] = set()
        self._next_seq: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def in_flight(self) -> int:
        """Frames published and not yet receipted."""
        return len(self._in_flight)

    def add(self, vin: str, frames: Iterable[Frame]) -> None:
        """Keep new frames; one whose time is already held is the same frame and is dropped."""
        queue = self._waiting.setdefault(vin, deque())
        seq = self._next_seq.get(vin, 0)
        for frame in frames:
            if (vin, frame.ts_ms) not in self._held:
                self._held.add((vin, frame.ts_ms))
                queue.append((seq, frame))
                seq += 1
        self._next_seq[vin] = seq

    def take(self, now_s: float, limit: int, window: int) -> tuple[str, list[_Numbered]] | None:
        """The next message: up to `limit` oldest frames of the vehicle that waited longest.

        None while `window` frames are in flight or nothing waits.
        """
        limit = min(limit, window - self.in_flight)
        while self._waiting and limit > 0:
            vin, queue = self._waiting.popitem(last=False)
            batch: list[_Numbered] = []
            while queue and len(batch) < limit:
                seq, frame = queue.popleft()
                if (vin, frame.ts_ms) in self._held:  # else a late receipt freed it meanwhile
                    self._in_flight[vin, frame.ts_ms] = (now_s, seq, frame)
                    batch.append((seq, frame))
            if queue:
                self._waiting[vin] = queue  # at the end: every vehicle gets its turn
            if batch:
                return vin, batch
        return None

    def release(self, vin: str, times_ms: Iterable[int]) -> int:
        """Forget the frames that a receipt names; returns how many those were."""
        before = len(self._held)
        for ts_ms in times_ms:
            self._held.discard((vin, ts_ms))
            self._in_flight.pop((vin, ts_ms), None)
        return before - len(self._held)

    def oldest_flight_s(self) -> float | None:
        """When the frame that is longest in flight was published."""
        return next(iter(self._in_flight.values()))[0] if self._in_flight else None

    def requeue(self) -> int:
        """Put all that is in flight back among the waiting, in order of time."""
        returned: dict[str, list[_Numbered]] = {}
        for (vin, _), (_, seq, frame) in self._in_flight.items():
            returned.setdefault(vin, []).append((seq, frame))
        count = len(self._in_flight)
        self._in_flight.clear()
        for vin, frames in returned.items():
            frames.extend(self._waiting.pop(vin, ()))
            frames.sort(key=lambda numbered: numbered[1].ts_ms)
            self._waiting[vin] = deque(frames)
            self._waiting.move_to_end(vin, last=False)
        return count


class FleetPublisher:
    """Publishes for many vehicles over one MQTT 5 connection and minds their receipts.

    Parameters
    ----------
    url
        ``mqtt://user:password@host:port``; ``mqtts`` for TLS.
    receipts
        False behaves like a device that knows no receipts: a PUBACK frees the frame.
    window
        Most frames in flight at any time. A broker that queues less for its subscriber drops the
        rest without a word (Mosquitto's default is 1,000 messages): they come again, but late.
    frames_per_message
        Most frames of one vehicle in one message.
    receipt_timeout_s
        A frame without its receipt for so long is published again; doubles up to eight times as
        long while the service stays silent.
    capacity
        Most frames held; `send` waits for room beyond it. None holds everything.
    """

    #: The receipts of every vehicle; `Gateway` narrows it to its own.
    _receipts_filter = "vehicles/+/stored"

    def __init__(
        self,
        url: str,
        *,
        client_id: str = "",
        receipts: bool = True,
        encoding: Encoding = "json",
        window: int = 500,
        frames_per_message: int = 20,
        receipt_timeout_s: float = 10.0,
        capacity: int | None = None,
        keepalive_s: int = 30,
    ) -> None:
        self._address = parse_mqtt_url(url)
        self._client_id = client_id
        self._receipts = receipts
        self._encoding: Encoding = encoding
        self._window = window
        self._frames_per_message = frames_per_message
        self._receipt_timeout_s = receipt_timeout_s
        self._patience_s = receipt_timeout_s
        self._capacity = capacity
        self._keepalive_s = keepalive_s

        self._buffer = Buffer()
        self._changed = threading.Condition()  # guards everything below and the buffer
        self._client: mqtt.Client | None = None
        self._connected = False
        self._lost = False  # the current connection has ended
        self._wanted = True  # False in a tunnel
        self._proven = False  # a receipt came for what this connection carried
        self._closing = False
        self._unacknowledged: dict[int, tuple[str, list[int]]] = {}
        self._receipted = 0
        self._republished = 0
        self._random = random.Random(client_id)
        self._thread = threading.Thread(target=self._run, name=f"gateway {client_id}", daemon=True)
        self._thread.start()

    # -- for the caller ----------------------------------------------------------------------

    def send_for(self, vin: str, frames: Iterable[Frame]) -> None:
        """Take frames of one vehicle into the buffer; waits only where `capacity` is reached."""
        frames = list(frames)
        with self._changed:
            if self._closing:
                raise RuntimeError("the gateway is closed")
            if self._capacity is not None:
                full = self._capacity
                self._changed.wait_for(
                    lambda: (
                        self._closing or len(self._buffer) + len(frames) <= full or not self._buffer
                    )  # a batch beyond the whole capacity goes in alone
                )
            self._buffer.add(vin, frames)
            self._changed.notify_all()

    @property
    def pending(self) -> int:
        """Frames that have no receipt yet."""
        with self._changed:
            return len(self._buffer)

    @property
    def receipted(self) -> int:
        """Frames whose receipt came."""
        with self._changed:
            return self._receipted

    @property
    def republished(self) -> int:
        """Frames put back to be published again, because no receipt came in time."""
        with self._changed:
            return self._republished

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted this connection."""
        with self._changed:
            return self._connected

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait for the broker; False when it did not accept in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._connected, timeout_s)

    def flush(self, timeout_s: float) -> bool:
        """Wait until nothing is pending; False when the time ran out first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._buffer, timeout_s)

    def cut(self) -> None:
        """Lose the connection as radio does, without a goodbye; it comes back by itself."""
        with self._changed:
            client = self._client
        if client is not None:
            _cut(client)

    def go_offline(self) -> None:
        """Drive into a tunnel: the connection is cut and stays away; frames are buffered."""
        with self._changed:
            self._wanted = False
            self._changed.notify_all()
        self.cut()
        with self._changed:
            self._changed.wait_for(lambda: not self._connected, 10)

    def go_online(self) -> None:
        """Leave the tunnel."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    @contextmanager
    def tunnel(self) -> Iterator[None]:
        """No connection inside the block."""
        self.go_offline()
        try:
            yield
        finally:
            self.go_online()

    def close(self) -> None:
        """Say goodbye and stop; what is pending is lost (call `flush` first)."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout=15)
        if pending := self.pending:
            log.warning("closed with frames that have no receipt", extra={"frames": pending})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- for one car; a fleet has no status ------------------------------------------------------

    def _before_connect(self, client: mqtt.Client) -> None:
        """Prepare a fresh client (a last will)."""

    def _after_connect(self, client: mqtt.Client) -> None:
        """Greet the broker."""

    def _before_goodbye(self, client: mqtt.Client) -> None:
        """Leave on purpose."""

    # -- the connection, in its own thread -----------------------------------------------------

    def _run(self) -> None:
        delay_s = 0.2
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closing)
                if self._closing:
                    return
            try:
                accepted = self._session()
            except OSError as error:
                accepted = False
                log.info("broker not reached", extra={"reason": str(error)})
            delay_s = 0.2 if accepted else min(delay_s * 2, 5.0)
            with self._changed:
                # a random share, so that a fleet does not return all at once
                self._changed.wait_for(
                    lambda: self._closing, delay_s * self._random.uniform(0.5, 1.0)
                )

    def _session(self) -> bool:
        """One connection from CONNECT to its end; True if the broker accepted it.

        Every connection is a fresh client with a clean session, so that paho never sends
        anything of an earlier one behind our back: what to repeat is the buffer's decision.
        """
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        address = self._address
        if address.username is not None:
            client.username_pw_set(address.username, address.password)
        if address.tls:
            client.tls_set()
        client.max_inflight_messages_set(max(20, self._window))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        self._before_connect(client)
        with self._changed:
            self._connected = self._lost = False
            self._unacknowledged.clear()
            self._client = client
        accepted = False
        try:
            client.connect(address.host, address.port, self._keepalive_s)
            client.loop_start()
            with self._changed:
                self._changed.wait_for(lambda: self._connected or self._over(), 10)
                accepted = self._connected
                if accepted:
                    again = self._again()
                    if again:
                        log.info("publishing again after reconnect", extra={"frames": again})
            if accepted:
                self._after_connect(client)
                self._pump(client)
        finally:
            with self._changed:
                leaving = self._closing and self._connected and not self._lost
                self._connected = False
                self._client = None
                self._changed.notify_all()
            if leaving:
                self._before_goodbye(client)
                client.disconnect()
            else:
                _cut(client)  # a DISCONNECT would silence the last will
            client.loop_stop()
        return accepted

    def _over(self) -> bool:
        return self._lost or self._closing or not self._wanted

    def _pump(self, client: mqtt.Client) -> None:
        """Publish what waits until the connection ends."""
        while True:
            with self._changed:
                if self._over():
                    return
                now_s = time.monotonic()
                self._return_overdue(now_s)
                message = self._buffer.take(now_s, self._frames_per_message, self._open_window())
                if message is None:
                    oldest_s = self._buffer.oldest_flight_s()
                    patience_s = 1.0 if oldest_s is None else oldest_s + self._patience_s - now_s
                    self._changed.wait(max(0.01, min(patience_s, 1.0)))
                    continue
            vin, frames = message
            properties = None
            if self._receipts:
                properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
                properties.ResponseTopic = receipt_topic(vin)
            info = client.publish(
                topic(vin, self._encoding), encode(frames, self._encoding), 1, False, properties
            )
            if not self._receipts:
                self._await_puback(info.mid, vin, [frame.ts_ms for _, frame in frames])

    def _return_overdue(self, now_s: float) -> None:
        oldest_s = self._buffer.oldest_flight_s()
        if oldest_s is None or now_s - oldest_s < self._patience_s:
            return
        self._patience_s = min(self._patience_s * 2, 8 * self._receipt_timeout_s)
        log.warning("no receipt in time, publishing again", extra={"frames": self._again()})

    def _again(self) -> int:
        """Take all that is in flight back, oldest first, and prove the way before all follows."""
        self._proven = False
        again = self._buffer.requeue()
        self._republished += again
        return again

    def _open_window(self) -> int:
        if self._proven or not self._receipts:
            return self._window
        return 0 if self._buffer.in_flight else self._frames_per_message

    # -- paho's thread -------------------------------------------------------------------------

    def _on_connect(
        self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            log.warning("broker refused the connection", extra={"reason": str(reason)})
            with self._changed:
                self._lost = True
                self._changed.notify_all()
        elif self._receipts:
            client.subscribe(self._receipts_filter, qos=1)  # first publish waits for its SUBACK
        else:
            self._mark_connected(client)

    def _on_subscribe(
        self, client: mqtt.Client, _: Any, mid: int, reasons: list[ReasonCode], properties: Any
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("broker refuses us the receipts", extra={"filter": self._receipts_filter})
        self._mark_connected(client)

    def _mark_connected(self, client: mqtt.Client) -> None:
        with self._changed:
            if client is self._client:
                self._connected = True
                self._changed.notify_all()

    def _on_disconnect(
        self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        with self._changed:
            if client is self._client:
                self._lost = True
                self._connected = False
                self._changed.notify_all()

    def _on_message(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        vin = message.topic.split("/")[1]
        self._release(vin, decode_receipt(bytes(message.payload)))

    def _on_publish(
        self, client: mqtt.Client, _: Any, mid: int, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            log.warning("broker refused a message", extra={"reason": str(reason)})
        if not self._receipts:
            with self._changed:
                if mid not in self._unacknowledged:  # PUBACK faster than our own bookkeeping
                    self._unacknowledged[mid] = ("", [])
                    return
                vin, times_ms = self._unacknowledged.pop(mid)
            self._release(vin, times_ms)

    def _await_puback(self, mid: int, vin: str, times_ms: list[int]) -> None:
        with self._changed:
            early = self._unacknowledged.pop(mid, None) is not None
            if not early:
                self._unacknowledged[mid] = (vin, times_ms)
        if early:
            self._release(vin, times_ms)

    def _release(self, vin: str, times_ms: list[int]) -> None:
        with self._changed:
            in_flight = self._buffer.in_flight
            self._receipted += self._buffer.release(vin, times_ms)
            self._proven |= self._buffer.in_flight < in_flight
            self._patience_s = self._receipt_timeout_s
            self._changed.notify_all()


class Gateway(FleetPublisher):
    """One car: user is its VIN, last will ``offline``, frames under its own topic only.

    Parameters
    ----------
    url
        ``mqtt://host:port``; user and password in it, if any, win over `password`.
    vin
        The car's VIN, and its user name.
    password
        None connects without credentials.
    firmware
        Told with ``online``, where it is known.
    """

    def __init__(
        self,
        url: str,
        vin: str,
        *,
        password: str | None = None,
        firmware: str = "",
        **options: Any,
    ) -> None:
        self.vin = vin
        self._online = f"online {firmware}".rstrip().encode()
        self._receipts_filter = receipt_topic(vin)
        parts = urlsplit(url)
        if password is not None and parts.username is None:
            url = parts._replace(netloc=f"{vin}:{quote(password, safe='')}@{parts.netloc}").geturl()
        super().__init__(url, client_id=options.pop("client_id", f"gateway-{vin}"), **options)

    def send(self, frames: Iterable[Frame]) -> None:
        """Take frames into the buffer and publish them when there is a connection."""
        self.send_for(self.vin, frames)

    def _before_connect(self, client: mqtt.Client) -> None:
        client.will_set(status_topic(self.vin), b"offline", qos=1, retain=True)

    def _after_connect(self, client: mqtt.Client) -> None:
        client.publish(status_topic(self.vin), self._online, qos=1, retain=True)

    def _before_goodbye(self, client: mqtt.Client) -> None:
        said = client.publish(status_topic(self.vin), b"offline", qos=1, retain=True)
        with suppress(RuntimeError, ValueError):  # the connection went first: the will speaks
            said.wait_for_publish(5)


def _cut(client: mqtt.Client) -> None:
    """End a connection without a goodbye."""
    live = client.socket()
    if live is not None:
        with suppress(OSError):  # it has gone already
            live.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]
