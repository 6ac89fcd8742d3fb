"""The broker's side: one connection, and a loop that waits for nothing but the network.

The loop runs in the main thread with paho's interface for foreign loops. That gives three things
that paho's own thread doesn't: it can stop reading while too much waits (TCP then holds the broker
back) and go on sending keep-alives; it reads many messages for each look at the socket; and all of
paho is called from one thread.

Memory is bounded twice: the broker has at most `WINDOW` messages unacknowledged with us (MQTT 5
receive maximum), and reading pauses while they weigh more than `MOST_BYTES`.
"""

import logging
import random
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest import metrics
from ingest.writer import Arrival, Settled
from record.flow import Message
from record.settings import MqttAddress

log = logging.getLogger(__name__)

TOPICS = ("vehicles/+/frames", "vehicles/+/frames/msgpack", "vehicles/+/status")

WINDOW = 12_000
"""Messages that the broker may have unacknowledged with us: two full batches and some."""

MOST_BYTES = 32_000_000
"""Reading pauses while what waits to be committed weighs more."""

MESSAGE_COST = 1_000
"""What a message weighs besides its payload, bytes."""

SESSION_S = 14 * 24 * 3600
"""How long the broker keeps our session, and all that comes for it, while we are away."""

PIECE = 65_536
"""Bytes asked of the socket at once."""

RESPONSE_TOPIC = 0x08
"""The property's identifier (MQTT 5, 2.2.2.2)."""

READS = 500
"""Messages read before the loop looks at its other duties."""


class _Client(mqtt.Client):
    """paho's client with short cuts on the way of each message.

    paho asks the system for a message three times (one byte, the length, the rest), makes half a
    dozen objects of it, and sends each acknowledgement by itself. Here a message that was received
    whole is cut out of what was received; all others, and everything else, is left to paho. Inner
    methods are overridden for that: should a later paho not call them, only speed is lost.

    Parameters
    ----------
    take : callable
        Takes each message: topic, payload, packet identifier, QoS, response topic.
    client_id : str
    """

    def __init__(self, take: Callable[[str, bytes, int, int, str | None], None], client_id: str):
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        self._take = take
        self._unread = b""
        self._place = 0

    @property
    def unread(self) -> bool:
        """Whether something was received that paho hasn't asked for yet."""
        return self._place < len(self._unread)

    def forget(self) -> None:
        """Drop what an earlier connection left."""
        self._unread, self._place = b"", 0

    def hang_up(self) -> None:
        """Say goodbye, if that can be said at once, and close the socket in any case."""
        self.disconnect()
        self._sock_close()

    def ack_all(self, mids: Iterable[int]) -> None:
        """Acknowledge messages of QoS 1, all in one piece."""
        pubacks = b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids)
        if pubacks:
            self._packet_queue(0x40, pubacks, 0, 1)

    def _sock_recv(self, bufsize: int) -> bytes:
        if not self.unread:
            self._unread, self._place = super()._sock_recv(PIECE), 0
            self._last_bytes_received = time.monotonic()  # the broker lives
        piece = self._unread[self._place : self._place + bufsize]
        self._place += len(piece)
        return piece

    def _packet_read(self) -> MQTTErrorCode:
        if self._in_packet["command"] == 0 and self._take_whole():
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return super()._packet_read()

    def _take_whole(self) -> bool:
        """Take a PUBLISH, if one lies whole and plain in what was received (MQTT 5, 3.3)."""
        data, at = self._unread, self._place
        try:
            kind = data[at]
            if kind >> 4 != 3 or (qos := kind >> 1 & 3) > 1:
                return False
            length, at = _variable_int(data, at + 1)
            end = at + length
            if end > len(data):
                return False
            topic_end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            topic = data[at + 2 : topic_end].decode()
            mid_end = topic_end + 2 * qos
            length, payload_at = _variable_int(data, mid_end)
            receipt_to = None
            if length:  # only a response topic, or it is left to paho
                size = int.from_bytes(data[payload_at + 1 : payload_at + 3], "big")
                if data[payload_at] != RESPONSE_TOPIC or length != 3 + size:
                    return False
                receipt_to = data[payload_at + 3 : payload_at + 3 + size].decode()
                payload_at += length
        except (IndexError, UnicodeDecodeError):
            return False
        if payload_at > end:
            return False
        self._place = end
        mid = int.from_bytes(data[topic_end:mid_end], "big")
        self._take(topic, data[payload_at:end], mid, qos, receipt_to)
        return True

    def _handle_on_message(self, message: mqtt.MQTTMessage) -> None:
        receipt_to = getattr(message.properties, "ResponseTopic", None)
        self._take(message.topic, bytes(message.payload), message.mid, message.qos, receipt_to)


def _variable_int(data: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, lowest first (MQTT 5, 1.5.5), and where it ends."""
    number = data[at] & 0x7F
    shift = 7
    while data[at] & 0x80 and shift < 28:
        at += 1
        number |= (data[at] & 0x7F) << shift
        shift += 7
    return number, at + 1


class Subscriber:
    """Receives messages, hands them on, and acknowledges them when told that they are safe.

    Parameters
    ----------
    address : MqttAddress
    client_id : str
        Names the session that the broker keeps for us.
    deliver : callable
        Takes each message; must not wait.
    now : callable
        Story time; must not wait.
    keepalive_s : int
        The broker takes us for dead after one and a half times that.
    """

    def __init__(
        self,
        address: MqttAddress,
        client_id: str,
        deliver: Callable[[Arrival], None],
        now: Callable[[], datetime],
        keepalive_s: int = 60,
    ) -> None:
        self._keepalive_s = keepalive_s
        self._address = address
        self._deliver = deliver
        self._now = now
        self._client = self._make_client(client_id)
        self._settled: deque[Settled] = deque()
        self._bell, self._bell_rope = socket.socketpair()
        self._bell.setblocking(False)
        self._bell_rope.setblocking(False)

        self.connected = False
        self.waiting = 0
        self.waiting_bytes = 0
        self._connection = 0
        self._arrived = 0
        self._arrived_at = now()
        self._arrived_s = 0.0
        self._said_s = 0.0  # when we last made sure that the broker hears from us
        self._listening = True
        self._pause_s = 0.0

    # -- called by other threads, and by signal handlers ---------------------------------------

    def settle(self, settled: Settled) -> None:
        """Let messages be acknowledged and their senders be told."""
        self._settled.append(settled)
        self.wake()

    def wake(self) -> None:
        """Make the loop look up from the network."""
        with suppress(OSError):  # it has been rung already, or taken down
            self._bell_rope.send(b"!")

    # -- the loop ------------------------------------------------------------------------------

    def run(self, going: Callable[[], bool]) -> None:
        """Receive while `going`; connects, and connects again, as needed."""
        while going():
            if self._client.socket() is None:
                self._pause(going)
                if going():
                    self._connect()
            self._turn()

    def drain(self, done: Callable[[], bool]) -> None:
        """Take nothing more, acknowledge what is committed until `done`, and say goodbye."""
        self._listening = False
        while not done() or self._settled:
            self._turn()
        deadline_s = time.monotonic() + 5
        while self._client.want_write() and time.monotonic() < deadline_s:
            self._turn()
        # Closing a socket with unread data resets the connection, and the last acknowledgements
        # with it; so read (and forget) what is still under way.
        while self._more_to_read() and time.monotonic() < deadline_s:
            self._turn()
        self.leave()

    def leave(self) -> None:
        """Drop the connection. The broker keeps the session, and what is unacknowledged."""
        self._client.hang_up()
        self.connected = False
        metrics.connected.set(0)
        self._bell.close()
        self._bell_rope.close()

    def _turn(self, patience_s: float = 1.0) -> None:
        """Look once at everything; waits a while for something to happen."""
        sock = self._client.socket()
        paused = self.waiting_bytes > MOST_BYTES
        pending = self._client.unread or (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0)
        readers: list[Any] = [self._bell] + ([sock] if sock and not paused else [])
        writers = [sock] if sock and self._client.want_write() else []
        try:
            readable, writable, _ = select.select(
                readers, writers, [], 0 if pending and not paused else max(patience_s, 0)
            )
        except (OSError, ValueError):  # the socket was closed under us
            return
        if self._bell in readable:
            with suppress(BlockingIOError):
                self._bell.recv(4096)
        self._acknowledge()
        if writable:
            self._client.loop_write()
        if sock in readable or (pending and not paused):
            self._read()
        self._stay_alive(paused)
        metrics.waiting.set(self.waiting)
        metrics.waiting_bytes.set(self.waiting_bytes)

    def _read(self) -> None:
        self._arrived_at = self._now()
        self._arrived_s = time.monotonic()
        for _ in range(READS):
            before = self._arrived
            if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            if self._arrived == before or self.waiting_bytes > MOST_BYTES:
                return

    def _acknowledge(self) -> None:
        while self._settled:
            arrivals, receipts = self._settled.popleft()
            self.waiting -= len(arrivals)
            self.waiting_bytes -= sum(len(a.message.payload) + MESSAGE_COST for a in arrivals)
            if self.connected:
                self._client.ack_all(
                    a.mid for a in arrivals if a.qos and a.connection == self._connection
                )
                for topic, times_ms in receipts.items():
                    self._client.publish(topic, msgspec.json.encode({"ts": times_ms}))
                metrics.receipts.inc(len(receipts))

    def _stay_alive(self, paused: bool) -> None:
        if not paused:
            self._client.loop_misc()
            self._said_s = time.monotonic()
        elif self.connected and time.monotonic() - self._said_s > self._keepalive_s / 2:
            # paho's own pings would end the connection, since the answers lie unread behind the
            # messages. To subscribe again changes nothing, and keeps us alive at the broker.
            self._subscribe()
            self._said_s = time.monotonic()

    def _more_to_read(self) -> bool:
        sock: Any = self._client.socket()
        return sock is not None and bool(select.select([sock], [], [], 0.05)[0])

    def _pause(self, going: Callable[[], bool]) -> None:
        """Wait before the next attempt, longer each time, and at random so as not to crowd."""
        until_s = time.monotonic() + self._pause_s * random.uniform(0.5, 1.0)
        while going() and time.monotonic() < until_s:
            self._turn(until_s - time.monotonic())

    def _connect(self) -> None:
        """Try once; whether the broker accepts shows in `_on_connect`."""
        self._pause_s = min(max(self._pause_s * 2, 0.2), 10.0)
        self._connection += 1
        self._client.forget()
        address = self._address
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = WINDOW
        try:
            self._client.connect(
                address.host,
                address.port,
                self._keepalive_s,
                clean_start=False,
                properties=properties,
            )
        except OSError as error:
            log.warning("broker not reached, will try again", extra={"why": error})

    # -- paho's callbacks, within the loop -----------------------------------------------------

    def _make_client(self, client_id: str) -> _Client:
        client = _Client(self._take, client_id)
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls:
            client.tls_set()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        return client

    def _on_connect(
        self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            log.error("broker refuses us, will try again", extra={"why": str(reason)})
            return
        self.connected = True
        self._pause_s = 0.0
        metrics.connected.set(1)
        metrics.connections.inc()
        log.info("broker connected", extra={"session_kept": flags.session_present})
        self._subscribe()

    def _subscribe(self) -> None:
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        self._client.subscribe([(topic, options) for topic in TOPICS])

    def _on_subscribe(
        self, client: mqtt.Client, _: Any, mid: int, reasons: list[ReasonCode], properties: Any
    ) -> None:
        for topic, reason in zip(TOPICS, reasons, strict=False):
            if reason.is_failure:
                log.error("broker refuses a subscription", extra={"topic": topic, "why": reason})

    def _on_disconnect(
        self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if self.connected:
            log.info("broker disconnected", extra={"why": str(reason)})
        self.connected = False
        metrics.connected.set(0)

    def _take(self, topic: str, payload: bytes, mid: int, qos: int, receipt_to: str | None) -> None:
        self._arrived += 1
        if not self._listening:
            return  # not acknowledged: the broker brings it again
        self.waiting += 1
        self.waiting_bytes += len(payload) + MESSAGE_COST
        message = Message(topic, payload, self._arrived_at, receipt_to)
        self._deliver(Arrival(message, mid, qos, self._connection, self._arrived_s))
