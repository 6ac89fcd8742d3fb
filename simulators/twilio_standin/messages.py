"""What Twilio remembers and decides: messages, who opted out, which request is an error.

No sockets and no clock here: `now` is an argument. One `Exchange` is one account; the HTTP surface
and the network call it under its lock.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Literal

import phonenumbers

from simulators.twilio_standin.segments import num_segments

API_VERSION = "2010-04-01"

#: Longest body of a message, in characters (error 21617 beyond it).
BODY_LIMIT = 1600

#: A scheduled message goes out from 15 minutes to 35 days ahead (error 35114 otherwise).
SCHEDULE_EARLIEST = timedelta(seconds=900)
SCHEDULE_LATEST = timedelta(days=35)

STOP_WORDS = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
)
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})

#: Twilio's own answers to those words on a long code.
STOP_ANSWER = (
    "You have successfully been unsubscribed. You will not receive any more messages from this "
    "number. Reply START to resubscribe."
)
START_ANSWER = (
    "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply."
)
HELP_ANSWER = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."

#: Meanings of error codes that a message, not a request, may end with.
DELIVERY_ERRORS = {
    21610: "Attempt to send to unsubscribed recipient",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    63014: "Message failed because the channel's user blocked it",
    63016: "Outside the messaging window; use a message template instead",
    63024: "Invalid message recipient",
}

#: Before a number it makes an address of WhatsApp.
WHATSAPP = "whatsapp:"

#: How long after a person's own message WhatsApp takes free words.
WINDOW = timedelta(hours=24)

FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received", "read"})

Outcome = Literal["delivered", "sent", "not_mobile"] | int


class ApiError(Exception):
    """A request that Twilio refuses.

    Parameters
    ----------
    status
        Of HTTP.
    code
        Of Twilio's error dictionary.
    """

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, Any]:
        """The error as Twilio writes it."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class Message:
    """One Message resource; times are aware UTC."""

    sid: str
    account_sid: str
    body: str
    to: str
    sender: str | None
    direction: str
    status: str
    date_created: datetime
    date_updated: datetime
    date_sent: datetime | None = None
    messaging_service_sid: str | None = None
    num_segments: int = 1
    media_urls: tuple[str, ...] = ()
    error_code: int | None = None
    price: float | None = None
    status_callback: str | None = None
    send_at: datetime | None = None
    content_sid: str | None = None

    def resource(self) -> dict[str, Any]:
        """The JSON that the API returns for it."""
        path = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        code = self.error_code
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": _rfc2822(self.date_created),
            "date_sent": _rfc2822(self.date_sent),
            "date_updated": _rfc2822(self.date_updated),
            "direction": self.direction,
            "error_code": code,
            "error_message": None if code is None else DELIVERY_ERRORS.get(code, "Unknown error"),
            "from": self.sender,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": str(len(self.media_urls)),
            "num_segments": str(self.num_segments),
            "price": None if self.price is None else f"{self.price:.5f}",
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{path}/Media.json"},
            "to": self.to,
            "uri": f"{path}.json",
        }


def _rfc2822(at: datetime | None) -> str | None:
    return None if at is None else format_datetime(at)


@dataclass(slots=True)
class Content:
    """One Content resource: words with gaps ``{{1}}``, which WhatsApp may have approved."""

    sid: str
    friendly_name: str
    language: str
    types: dict[str, Any]
    variables: dict[str, str]
    date_created: datetime
    approval: str = "unsubmitted"

    def words(self, given: dict[str, str]) -> str:
        """The words with their gaps filled."""
        kind = next((k for k in ("twilio/text", *self.types) if k in self.types), "")
        body = str(self.types.get(kind, {}).get("body", ""))
        filled = {**self.variables, **given}
        return re.sub(r"\{\{(\w+)\}\}", lambda gap: filled.get(gap[1], ""), body)

    def resource(self, account_sid: str) -> dict[str, Any]:
        """The JSON that the Content API returns for it."""
        at = self.date_created.strftime("%Y-%m-%dT%H:%M:%SZ")
        url = f"https://content.twilio.com/v1/Content/{self.sid}"
        return {
            "account_sid": account_sid,
            "date_created": at,
            "date_updated": at,
            "friendly_name": self.friendly_name,
            "language": self.language,
            "links": {
                "approval_create": f"{url}/ApprovalRequests/whatsapp",
                "approval_fetch": f"{url}/ApprovalRequests",
            },
            "sid": self.sid,
            "types": self.types,
            "url": url,
            "variables": self.variables,
        }


@dataclass(slots=True)
class Phone:
    """One handset: what becomes of messages to it, and its chat.

    ``outcome`` is "delivered"; "sent" (no delivery receipt ever comes); "not_mobile" (refused at
    once, 21614); or the error code of an undelivered message.
    """

    number: str
    name: str = ""
    outcome: Outcome = "delivered"
    delay_s: float | None = None
    chat: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Account:
    """Who may use the API and what it may send from.

    Parameters
    ----------
    numbers
        Its phone numbers; none given accepts any possible number as sender.
    services
        Messaging Service SID to the numbers in its pool.
    """

    sid: str
    auth_token: str
    numbers: tuple[str, ...] = ()
    services: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Exchange:
    """The messages and opt-outs of one account.

    Parameters
    ----------
    seed
        Makes the SIDs the same in every run.
    state
        File that receives every change as a line of JSON, and is read at the start.
    """

    def __init__(self, account: Account, *, seed: int = 0, state: Path | None = None) -> None:
        self.account = account
        self.lock = threading.RLock()
        self._random = random.Random(seed)
        self.phones: dict[str, Phone] = {}
        self._messages: dict[str, Message] = {}  # in order of creation
        self.contents: dict[str, Content] = {}
        self._opted_out: set[tuple[str, str]] = set()
        self._state = state
        if state is not None and state.exists():
            self._load(state)

    # -- reading ---------------------------------------------------------------------------

    def all(self) -> list[Message]:
        """Every message, oldest first."""
        with self.lock:
            return list(self._messages.values())

    def fetch(self, sid: str) -> Message:
        """One message.

        Raises
        ------
        ApiError
            20404 if there is none.
        """
        with self.lock:
            if sid in self._messages:
                return self._messages[sid]
        path = f"/{API_VERSION}/Accounts/{self.account.sid}/Messages/{sid}.json"
        raise ApiError(404, 20404, f"The requested resource {path} was not found")

    def find(
        self,
        *,
        to: str | None = None,
        sender: str | None = None,
        sent_on: str | None = None,
        sent_before: str | None = None,
        sent_after: str | None = None,
    ) -> list[Message]:
        """Messages newest first, as the list resource filters them.

        Dates are ``YYYY-MM-DD`` or ``YYYY-MM-DDThh:mm:ssZ`` in GMT, both ends included (Twilio
        documents ``<=`` and ``>=``); a message not sent yet counts by its creation.
        """

        def wanted(message: Message) -> bool:
            at = message.date_sent or message.date_created
            return (
                (to is None or message.to == to)
                and (sender is None or message.sender == sender)
                and (sent_on is None or at.date() == _bound(sent_on).date())
                and (sent_before is None or at <= _bound(sent_before, end=True))
                and (sent_after is None or at >= _bound(sent_after))
            )

        with self.lock:
            return [message for message in reversed(self._messages.values()) if wanted(message)]

    def phone(self, number: str) -> Phone:
        """The handset of a number, made when first spoken of."""
        with self.lock:
            return self.phones.setdefault(number, Phone(number))

    def opted_out(self, recipient: str, sender: str) -> bool:
        """Whether a recipient said STOP to a sender (a number, or a Messaging Service)."""
        with self.lock:
            return (recipient, self._block_key(sender)) in self._opted_out

    # -- requests --------------------------------------------------------------------------

    def create(self, form: Sequence[tuple[str, str]], now: datetime) -> Message:
        """Accept a message.

        Raises
        ------
        ApiError
            As the error dictionary says: 21655 no such content, 21656 bad content variables, 21910
            addresses of different channels, 21604 no To, 21211 invalid To, 21603 no sender, 21606
            unknown sender, 21602 no body, 21617 body too long, 21609 bad status callback, 21620
            bad media URL, 21610 opted out, 21614 not mobile, 21701 no such service, 35114 bad time.
        """
        one = dict(form)
        to = self._recipient(one.get("To", ""))
        service, sender = self._sender(one)
        media = tuple(value for name, value in form if name == "MediaUrl")
        body = one.get("Body", "")
        if sender is not None and to.startswith(WHATSAPP) != sender.startswith(WHATSAPP):
            raise ApiError(
                400, 21910, "Invalid From and To pair. From and To should be of the same channel"
            )
        if one.get("ContentSid"):
            body = self._content_words(one)
        if not body and not media and not one.get("ContentSid"):
            raise ApiError(400, 21602, "Message body is required.")
        if len(body) > BODY_LIMIT:
            raise ApiError(
                400,
                21617,
                f"The concatenated message body exceeds the {BODY_LIMIT} character limit.",
            )
        for url in media:
            if not re.match(r"https?://\S+$", url):
                raise ApiError(400, 21620, f"Invalid media URL(s): {url}")
        callback = one.get("StatusCallback") or None
        if callback and not re.match(r"https?://[^\s/_]+", callback):
            raise ApiError(400, 21609, f"The 'StatusCallback' URL {callback} is not a valid URL.")
        send_at = self._schedule(one, service, now)
        with self.lock:
            if self.phone(to).outcome == "not_mobile" or _is_landline(to):
                raise ApiError(400, 21614, f"To number: {to}, is not a mobile number")
            # with a Messaging Service the check comes later and the message fails (see Network)
            if sender is not None and service is None and self.opted_out(to, sender):
                raise ApiError(400, 21610, "Attempt to send to unsubscribed recipient")
            message = Message(
                sid=self._sid("MM" if media else "SM"),
                account_sid=self.account.sid,
                body=body,
                to=to,
                sender=sender,
                direction="outbound-api",
                status="scheduled" if send_at else "accepted" if service else "queued",
                date_created=now,
                date_updated=now,
                messaging_service_sid=service,
                num_segments=0 if service else num_segments(body),  # as Twilio: no sender yet
                media_urls=media,
                status_callback=callback,
                send_at=send_at,
                content_sid=one.get("ContentSid") or None,
            )
            self._keep(message)
            return message

    def add_content(
        self,
        friendly_name: str,
        language: str,
        types: dict[str, Any],
        variables: dict[str, str],
        now: datetime,
        approval: str = "unsubmitted",
    ) -> Content:
        """Keep a template.

        Raises
        ------
        ApiError
            20001 without words.
        """
        if not types or not all(isinstance(one, dict) for one in types.values()):
            raise ApiError(400, 20001, "types is required")
        with self.lock:
            made = Content(
                self._sid("HX"), friendly_name, language, types, variables, now, approval
            )
            self.contents[made.sid] = made
            return made

    def content(self, sid: str) -> Content:
        """A template.

        Raises
        ------
        ApiError
            20404 if there is none.
        """
        with self.lock:
            if sid in self.contents:
                return self.contents[sid]
        raise ApiError(404, 20404, f"The requested resource /v1/Content/{sid} was not found")

    def outside_window(self, message: Message, now: datetime) -> bool:
        """Whether WhatsApp won't carry it: free words, and the person hasn't written for a day."""
        if not message.to.startswith(WHATSAPP):
            return False
        content = self.contents.get(message.content_sid or "")
        if content is not None and content.approval == "approved":
            return False
        with self.lock:
            return not any(
                one.direction == "inbound"
                and one.sender == message.to
                and now - one.date_created < WINDOW
                for one in self._messages.values()
            )

    def update(self, sid: str, form: dict[str, str], now: datetime) -> Message:
        """Cancel a scheduled message (``Status=canceled``) or redact one (``Body=``).

        Raises
        ------
        ApiError
            20404, 30409 (no longer scheduled), 20009 (not finished), 21602.
        """
        with self.lock:
            message = self.fetch(sid)
            if form.get("Status") == "canceled":
                if message.status != "scheduled":
                    raise ApiError(409, 30409, "This message cannot be canceled")
                return self.change(message, now, status="canceled")
            if form.get("Body") == "":
                if message.status not in FINAL:
                    raise ApiError(400, 20009, "Cannot redact a message that is not finished")
                return self.change(message, now, body="")
            raise ApiError(400, 21602, "Only Body='' or Status=canceled can be set")

    def delete(self, sid: str) -> None:
        """Forget a message."""
        with self.lock:
            self.fetch(sid)
            del self._messages[sid]
            self._write({"deleted": sid})

    # -- what the network does -------------------------------------------------------------

    def change(self, message: Message, now: datetime, **fields: Any) -> Message:
        """Replace fields of a message."""
        with self.lock:
            changed = replace(message, date_updated=now, **fields)
            self._keep(changed)
            return changed

    def assign_sender(self, message: Message, now: datetime) -> Message:
        """Choose the number of a Messaging Service, unless the request did: the one this
        recipient knows already."""
        with self.lock:
            pool = self.account.services.get(message.messaging_service_sid or "", ())
            known = (one.sender for one in self.find(to=message.to) if one.sender in pool)
            # a service nobody configured gets one number of its own
            fallback = pool[0] if pool else "+15005550006"
            sender = message.sender or next(known, None) or fallback
            return self.change(
                message,
                now,
                sender=sender,
                status="queued",
                num_segments=num_segments(message.body),
            )

    def receive(
        self, number: str, to: str, body: str, media: tuple[str, ...], now: datetime
    ) -> tuple[Message, str | None]:
        """A phone texts one of our numbers: returns the message, and Twilio's own answer if any.

        A body that is exactly one opt-out, opt-in or help word (any case) has its effect at once.
        Twilio answers an opt-in only from someone who had opted out, and sends no help to someone
        who has opted out.
        """
        with self.lock:
            message = Message(
                sid=self._sid("MM" if media else "SM"),
                account_sid=self.account.sid,
                body=body,
                to=to,
                sender=number,
                direction="inbound",
                status="received",
                date_created=now,
                date_updated=now,
                date_sent=now,
                messaging_service_sid=self._service_of(to),
                num_segments=num_segments(body),
                media_urls=media,
                price=-0.0075 * num_segments(body),
            )
            self._keep(message)
            word = body.strip().upper()
            key = (number, self._block_key(to))
            answer = None
            if number.startswith(WHATSAPP):
                pass  # Twilio's STOP handling is for text messages; on WhatsApp a person blocks
            elif word in STOP_WORDS and key not in self._opted_out:
                answer = STOP_ANSWER
                self._opted_out.add(key)
                self._write({"opted_out": key})
            elif word in START_WORDS and key in self._opted_out:
                answer = START_ANSWER
                self._opted_out.discard(key)
                self._write({"opted_in": key})
            elif word in HELP_WORDS and key not in self._opted_out:
                answer = HELP_ANSWER
            return message, answer

    def reply(
        self, inbound: Message, body: str, sender: str | None, to: str | None,
        media: tuple[str, ...], status_callback: str | None, now: datetime,
    ) -> Message:  # fmt: skip
        """A ``<Message>`` of the webhook's answer; to someone opted out it fails with 21610."""
        with self.lock:
            sender, to = sender or inbound.to, to or inbound.sender or ""
            stopped = self.opted_out(to, sender)
            message = Message(
                sid=self._sid("MM" if media else "SM"),
                account_sid=self.account.sid,
                body=body,
                to=to,
                sender=sender,
                direction="outbound-reply",
                status="failed" if stopped else "queued",
                error_code=21610 if stopped else None,
                date_created=now,
                date_updated=now,
                messaging_service_sid=self._service_of(sender),
                num_segments=num_segments(body),
                media_urls=media,
                status_callback=status_callback,
            )
            self._keep(message)
            return message

    def reset(self) -> None:
        """Forget everything but the account."""
        with self.lock:
            self._messages.clear()
            self._opted_out.clear()
            self.phones.clear()
            self.contents.clear()
            self._write({"reset": True})

    # -- details -----------------------------------------------------------------------------

    def _recipient(self, to: str) -> str:
        if not to.strip():
            raise ApiError(400, 21604, "A 'To' phone number is required.")
        number = _e164(to)
        if number is None:
            raise ApiError(400, 21211, f"Invalid 'To' Phone Number: {to}")
        return number

    def _sender(self, one: dict[str, str]) -> tuple[str | None, str | None]:
        service, sender = one.get("MessagingServiceSid"), one.get("From")
        if service:
            if not re.fullmatch(r"MG[0-9a-f]{32}", service):
                raise ApiError(400, 21701, "The Messaging Service does not exist.")
            if not sender:
                return service, None
        elif not sender:
            raise ApiError(400, 21603, "A 'From' phone number is required.")
        number = _e164(sender) or (sender if re.fullmatch(r"[A-Za-z0-9 ]{1,11}", sender) else None)
        if number is None:
            raise ApiError(400, 21212, f"Invalid From Number (caller ID): {sender}")
        if self.account.numbers and number not in self.account.numbers:
            raise ApiError(
                400, 21606, f"The From phone number {sender} is not a valid, SMS-capable inbound "
                "phone number or short code for your account.",
            )  # fmt: skip
        return service, number

    def _content_words(self, one: dict[str, str]) -> str:
        content = self.contents.get(one["ContentSid"])
        if content is None:
            raise ApiError(400, 21655, f"The ContentSid {one['ContentSid']} is invalid.")
        try:
            given = json.loads(one.get("ContentVariables") or "{}")
            assert isinstance(given, dict)
        except (ValueError, AssertionError):
            raise ApiError(400, 21656, "The ContentVariables parameter is invalid.") from None
        return content.words({str(k): str(v) for k, v in given.items()})

    def _schedule(self, one: dict[str, str], service: str | None, now: datetime) -> datetime | None:
        if one.get("ScheduleType") != "fixed" or service is None:
            return None  # without a Messaging Service, Twilio sends at once
        refusal = ApiError(
            400, 35114, "SendAt time must be between 900 seconds and 35 days (3024000 seconds) in "
            "the future",
        )  # fmt: skip
        try:
            send_at = datetime.fromisoformat(one.get("SendAt", ""))
        except ValueError:
            raise refusal from None
        send_at = send_at.replace(tzinfo=send_at.tzinfo or UTC)
        if not SCHEDULE_EARLIEST <= send_at - now <= SCHEDULE_LATEST:
            raise refusal
        return send_at

    def _service_of(self, number: str) -> str | None:
        return next((sid for sid, pool in self.account.services.items() if number in pool), None)

    def _block_key(self, sender: str) -> str:
        """An opt-out holds for the number, or for the whole service that the number belongs to."""
        return self._service_of(sender) or sender

    def _sid(self, prefix: str) -> str:
        while (sid := f"{prefix}{self._random.getrandbits(128):032x}") in self._messages:
            pass  # after a restart the generator runs past what it gave out before
        return sid

    def _keep(self, message: Message) -> None:
        self._messages[message.sid] = message
        self._write({"message": asdict(message)})

    def _write(self, line: dict[str, Any]) -> None:
        if self._state is not None:
            with self._state.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, default=datetime.isoformat) + "\n")

    def _load(self, state: Path) -> None:
        text = state.read_text(encoding="utf-8")
        for line in text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]:
            entry = json.loads(line)
            if "message" in entry:
                message = _restore(entry["message"])
                self._messages[message.sid] = message
            elif "opted_out" in entry:
                self._opted_out.add((entry["opted_out"][0], entry["opted_out"][1]))
            elif "opted_in" in entry:
                self._opted_out.discard((entry["opted_in"][0], entry["opted_in"][1]))
            elif "deleted" in entry:
                self._messages.pop(entry["deleted"], None)
            elif "reset" in entry:
                self._messages.clear()
                self._opted_out.clear()
        for message in self._messages.values():
            _chat(self, message)


def _chat(exchange: Exchange, message: Message) -> None:
    """Put a loaded message back into its phone's chat."""
    if message.direction == "inbound" and message.sender:
        add_to_chat(exchange, message.sender, message, incoming=False)
    elif message.status in {"delivered", "sent"}:
        add_to_chat(exchange, message.to, message, incoming=True)


def add_to_chat(
    exchange: Exchange, number: str, message: Message, *, incoming: bool, auto: bool = False
) -> None:
    """Show a message on a handset; `incoming` as its owner sees it, `auto` if Twilio answered."""
    entry = {
        "sid": message.sid,
        "incoming": incoming,
        "auto": auto,
        "body": message.body,
        "from": message.sender,
        "to": message.to,
        "at": (message.date_sent or message.date_created).isoformat(),
        "media_urls": list(message.media_urls),
    }
    with exchange.lock:
        exchange.phone(number).chat.append(entry)


def _restore(saved: dict[str, Any]) -> Message:
    for name in ("date_created", "date_updated", "date_sent", "send_at"):
        if saved[name] is not None:
            saved[name] = datetime.fromisoformat(saved[name])
    return Message(**{**saved, "media_urls": tuple(saved["media_urls"])})


def _e164(text: str) -> str | None:
    """A phone number, or one with a channel prefix, in E.164; None if it cannot be one.

    >>> _e164("+49 151 23456789"), _e164("whatsapp:+4915123456789"), _e164("+123"), _e164("Bob")
    ('+4915123456789', 'whatsapp:+4915123456789', None, None)
    """
    channel, colon, digits = text.strip().rpartition(":")
    try:
        number = phonenumbers.parse(digits, None if digits.startswith("+") else "US")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    e164: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return channel + colon + e164


def _is_landline(number: str) -> bool:
    if ":" in number:
        return False
    kind = phonenumbers.number_type(phonenumbers.parse(number))
    return bool(kind == phonenumbers.PhoneNumberType.FIXED_LINE)


def _bound(text: str, *, end: bool = False) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, 20001, f"Invalid DateSent: {text}") from None
    at = at.replace(tzinfo=at.tzinfo or UTC)
    return at + timedelta(days=1, microseconds=-1) if end and len(text) == 10 else at


def waiting(messages: Iterable[Message]) -> list[Message]:
    """Outbound messages that have not reached an end, oldest first: to resume after a restart."""
    return [
        message
        for message in messages
        if message.direction != "inbound" and message.status not in FINAL
    ]
