"""What takes time: carriers, status callbacks, inbound webhooks.

One thread keeps the calendar; a few workers carry each message through its life and post what
Twilio would post, signed, to our own webhooks. Callbacks of one message usually come in order;
Twilio does not promise it, nor that each comes once, and a test can ask for either.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

from simulators.twilio_standin.messages import (
    API_VERSION,
    WHATSAPP,
    Exchange,
    Message,
    add_to_chat,
    waiting,
)
from simulators.twilio_standin.signature import sign
from simulators.twilio_standin.twiml import TwimlError, replies

log = logging.getLogger(__name__)

#: Twilio waits 15 s for a webhook's answer.
WEBHOOK_TIMEOUT_S = 15.0

#: Per SMS segment, US long code.
PRICE_USD = -0.0079

#: Per WhatsApp message, Twilio's fee alone.
WHATSAPP_PRICE_USD = -0.005

FailureKind = Literal["500", "429", "slow", "accept_then_timeout", "accept_then_500"]


@dataclass(slots=True)
class Failure:
    """What the next requests to create a message will meet.

    ``slow`` answers correctly after `seconds`; the two ``accept_then_…`` take the message and then
    answer too late, or with an error: the message exists although the client saw a failure.
    """

    kind: FailureKind
    count: int = 1
    seconds: float = 30.0


@dataclass(slots=True)
class Callbacks:
    """How status callbacks behave: copies posted of each, order within a message, paused."""

    copies: int = 1
    reorder: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook request that was made, for tests to look at."""

    at: str
    url: str
    params: dict[str, str]
    status: int | None
    error: str | None = None


@dataclass(slots=True)
class Network:
    """The telephone network around an `Exchange`.

    Parameters
    ----------
    now
        The clock of the world; step times are wall seconds all the same.
    webhook_url
        Where inbound messages are posted; None only records them.
    step_s
        Wall seconds between queued, sent and delivered.
    """

    exchange: Exchange
    now: Callable[[], datetime]
    webhook_url: str | None = None
    step_s: float = 0.05
    failures: list[Failure] = field(default_factory=list)
    callbacks: Callbacks = field(default_factory=Callbacks)
    deliveries: list[Delivery] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    _calendar: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _order: Any = field(default_factory=itertools.count)
    _held: list[Callable[[], None]] = field(default_factory=list)
    _busy: int = 0
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(8, thread_name_prefix="twilio")
    )
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to deliver, and go on with what an earlier process left unfinished."""
        self._thread = threading.Thread(target=self._keep_calendar, name="twilio", daemon=True)
        self._thread.start()
        for message in waiting(self.exchange.all()):
            self.accept(message)

    def stop(self) -> None:
        """Stop at once; what is unfinished stays so."""
        self.closing.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no delivery and no webhook is under way."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._calendar and not self._busy, timeout_s)

    def take_failure(self) -> Failure | None:
        """The failure that the next request shall meet."""
        with self._changed:
            if not self.failures:
                return None
            failure = self.failures[0]
            failure.count -= 1
            if failure.count <= 0:
                del self.failures[0]
            return failure

    def hold_callbacks(self, paused: bool) -> None:
        """Keep status callbacks back; letting go posts those held, in order."""
        with self._changed:
            self.callbacks.paused = paused
            held, self._held = ([], self._held) if paused else (self._held, [])
        for post in held:
            self._at(0, post)

    # -- outbound ----------------------------------------------------------------------------

    def accept(self, message: Message) -> None:
        """Carry an accepted message on its way."""
        if message.status == "scheduled":
            self._at(self.step_s, lambda: self._when_due(message.sid))
        elif message.status in {"accepted", "queued"}:
            self._at(0, lambda: self._queue(message.sid))
        elif message.status == "sent":
            self._at(self._pace(message), lambda: self._finish(message.sid))
        elif message.status == "failed":
            self._post_status(message)

    def _when_due(self, sid: str) -> None:
        message = self.exchange.fetch(sid)
        if message.status != "scheduled" or message.send_at is None:
            return
        if self.now() >= message.send_at:
            self._queue(sid)
        else:
            self._at(max(self.step_s, 0.2), lambda: self._when_due(sid))

    def _queue(self, sid: str) -> None:
        with self.exchange.lock:
            message = self.exchange.fetch(sid)
            if message.status == "canceled":
                return
            now = self.now()
            if message.status in {"accepted", "scheduled"}:
                message = self.exchange.assign_sender(message, now)
                stopped = self.exchange.opted_out(message.to, message.sender or "")
                if stopped or self.exchange.opted_out(
                    message.to, message.messaging_service_sid or ""
                ):
                    message = self.exchange.change(message, now, status="failed", error_code=21610)
            if message.status == "queued" and self.exchange.outside_window(message, now):
                message = self.exchange.change(message, now, status="failed", error_code=63016)
        self._post_status(message)
        if message.status == "queued":
            self._at(self._pace(message), lambda: self._send(sid))

    def _send(self, sid: str) -> None:
        now = self.now()
        with self.exchange.lock:
            message = self.exchange.change(
                self.exchange.fetch(sid), now, status="sent", date_sent=now
            )
            if not isinstance(self.exchange.phone(message.to).outcome, int):
                add_to_chat(self.exchange, message.to, message, incoming=True)
        self._post_status(message)
        self._at(self._pace(message), lambda: self._finish(sid))

    def _finish(self, sid: str) -> None:
        with self.exchange.lock:
            message = self.exchange.fetch(sid)
            outcome = self.exchange.phone(message.to).outcome
            if outcome == "sent":
                return
            whatsapp = message.to.startswith(WHATSAPP)
            price = WHATSAPP_PRICE_USD if whatsapp else PRICE_USD * message.num_segments
            if isinstance(outcome, int):
                fields: dict[str, Any] = {"status": "undelivered", "error_code": outcome}
            else:
                fields = {"status": "delivered"}
            message = self.exchange.change(message, self.now(), price=price, **fields)
        self._post_status(message)

    def _pace(self, message: Message) -> float:
        delay_s = self.exchange.phone(message.to).delay_s
        return self.step_s if delay_s is None else delay_s

    def _post_status(self, message: Message) -> None:
        if not message.status_callback:
            return
        url = message.status_callback
        params = {
            "AccountSid": message.account_sid,
            "ApiVersion": API_VERSION,
            "From": message.sender or "",
            "MessageSid": message.sid,
            "MessageStatus": message.status,
            "SmsSid": message.sid,
            "SmsStatus": message.status,
            "To": message.to,
        }
        if message.messaging_service_sid:
            params["MessagingServiceSid"] = message.messaging_service_sid
        if message.error_code is not None:
            params["ErrorCode"] = str(message.error_code)
        if message.status in {"delivered", "undelivered"}:
            params["RawDlrDoneDate"] = message.date_updated.strftime("%y%m%d%H%M")

        def post() -> None:
            self._post(url, params)

        for _ in range(max(0, self.callbacks.copies)):
            with self._changed:
                if self.callbacks.paused:
                    self._held.append(post)
                    continue
            # out of order: an early status is overtaken by the later ones
            late = self.callbacks.reorder and message.status in {"queued", "sent"}
            self._at(self.step_s * (30 if message.status == "queued" else 25) if late else 0, post)

    # -- inbound ---------------------------------------------------------------------------

    def text(self, number: str, to: str, body: str, media: tuple[str, ...] = ()) -> dict[str, Any]:
        """A phone sends a message to one of our numbers; waits for the webhook's answer.

        Returns
        -------
        dict
            ``sid``, ``webhook_status`` (None if there is no webhook or no answer), ``replies``
            (their SIDs), ``auto_reply`` (Twilio's own answer to STOP and its kin).
        """
        message, answer = self.exchange.receive(number, to, body, media, self.now())
        add_to_chat(self.exchange, number, message, incoming=False)
        if answer is not None:
            # Twilio's own answer costs nothing and is not among the account's messages
            note = Message(
                sid="", account_sid=message.account_sid, body=answer, to=number, sender=to,
                direction="outbound-reply", status="delivered", date_created=self.now(),
                date_updated=self.now(),
            )  # fmt: skip
            add_to_chat(self.exchange, number, note, incoming=True, auto=True)
        result: dict[str, Any] = {
            "sid": message.sid, "webhook_status": None, "replies": [], "auto_reply": answer,
        }  # fmt: skip
        if self.webhook_url:
            params = _inbound_params(message)
            status, content_type, text = self._post(self.webhook_url, params)
            result["webhook_status"] = status
            if status is not None and 200 <= status < 300:
                result["replies"] = self._answer(message, content_type, text)
        return result

    def _answer(self, inbound: Message, content_type: str, text: str) -> list[str]:
        try:
            found = replies(content_type, text)
        except TwimlError as error:
            log.warning("webhook answer not understood", extra={"code": error.code})
            self._note(self.webhook_url or "", {}, 200, f"{error.code} {error}")
            return []
        sids = []
        for reply in found:
            message = self.exchange.reply(
                inbound, reply.body, reply.sender, reply.to, reply.media_urls,
                reply.status_callback, self.now(),
            )  # fmt: skip
            sids.append(message.sid)
            self.accept(message)
        return sids

    # -- details ---------------------------------------------------------------------------

    def _post(self, url: str, params: dict[str, str]) -> tuple[int | None, str, str]:
        """POST signed; once more if no connection was made, which is Twilio's default policy."""
        data = urlencode(params).encode()
        request = Request(  # noqa: S310  (our own webhook)
            url,
            data,
            {
                "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
                "User-Agent": "TwilioProxy/1.1",
                "Accept": "*/*",
                "X-Twilio-Signature": sign(url, params, self.exchange.account.auth_token),
                "I-Twilio-Idempotency-Token": str(uuid4()),
            },
        )
        for attempt in (1, 2):
            try:
                with urlopen(request, timeout=WEBHOOK_TIMEOUT_S) as response:  # noqa: S310
                    text = response.read().decode("utf-8", "replace")
                    self._note(url, params, response.status)
                    return response.status, response.headers.get("Content-Type", ""), text
            except HTTPError as error:
                with error:
                    self._note(url, params, error.code, "11200 HTTP retrieval failure")
                return error.code, "", ""
            except URLError as error:  # no connection
                self._note(url, params, None, f"11200 {error}")
                if attempt == 2 or self.closing.wait(self.step_s):
                    break
            except (OSError, HTTPException) as error:  # connected, but no whole answer
                self._note(url, params, None, f"11200 {error}")
                break
        return None, "", ""

    def _note(
        self, url: str, params: dict[str, str], status: int | None, error: str | None = None
    ) -> None:
        with self._changed:
            self.deliveries.append(Delivery(self.now().isoformat(), url, params, status, error))

    def _at(self, delay_s: float, action: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._calendar, (time.monotonic() + delay_s, next(self._order), action))
            self._changed.notify_all()

    def _keep_calendar(self) -> None:
        while not self.closing.is_set():
            with self._changed:
                if not self._calendar:
                    self._changed.wait(1)
                    continue
                wait_s = self._calendar[0][0] - time.monotonic()
                if wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
                action = heapq.heappop(self._calendar)[2]
                self._busy += 1
            self._pool.submit(self._act, action)

    def _act(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            log.exception("the network stumbled")
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()


def _inbound_params(message: Message) -> dict[str, str]:
    params = {
        "AccountSid": message.account_sid,
        "ApiVersion": API_VERSION,
        "Body": message.body,
        "From": message.sender or "",
        "FromCity": "",
        "FromCountry": "",
        "FromState": "",
        "FromZip": "",
        "MessageSid": message.sid,
        "NumMedia": str(len(message.media_urls)),
        "NumSegments": str(message.num_segments),
        "SmsMessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsStatus": "received",
        "To": message.to,
        "ToCity": "",
        "ToCountry": "",
        "ToState": "",
        "ToZip": "",
    }
    if message.messaging_service_sid:
        params["MessagingServiceSid"] = message.messaging_service_sid
    for index, url in enumerate(message.media_urls):
        params[f"MediaUrl{index}"] = url
        params[f"MediaContentType{index}"] = "image/jpeg"
    return params
