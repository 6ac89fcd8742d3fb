"""From the outbox to the providers, each message once, whoever dies when.

    planned ──claim: commit──▶ sending ──call──▶ sent
                 ▲                │
                 └──asked: no─────┤ nobody knows: ask the provider, never send blindly
                                  └──asked: yes──▶ sent

The row is marked ``sending`` and committed before the call. Whoever finds a row that has been
``sending`` for too long asks the provider for it; only what it surely doesn't have is sent again.
Where nobody can be asked (a mail server), nothing is sent again, and a person takes over.
"""

import logging
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from prometheus_client import Counter
from psycopg import Connection, errors

from care import compose, delivery, journey, learn, links, outreach, repair_texts, task
from care.channels.contract import (
    Channel,
    Kept,
    Later,
    Lost,
    Message,
    News,
    Refused,
    Sent,
)
from care.channels.twilio_whatsapp import in_window
from care.outreach import Drop, Hold, Policy, Send
from care.store import alerts, bookings, outbox, people, repairs
from care.store import channels as channel_store
from care.store.outbox import Due
from care.store.people import Customer
from care.texts import text
from record.db import BAD_MOMENT
from record.flow import Alert
from record.log import mask

log = logging.getLogger(__name__)

MESSAGES = Counter("care_messages_total", "What became of messages, by result", ["result"])

NOT_TOLD = frozenset(
    {"no number", "stop", "no consent", "no way", "no time zone", "no hour", "stale"}
)
"""Reasons against a message that its reader has nothing to do with: where it mattered, a person
takes over."""

SUBJECT = {
    "en": "about your car",
    "zh": "关于您的车辆",
    "es": "sobre su coche",
    "fr": "à propos de votre voiture",
    "de": "zu Ihrem Auto",
}

PACE_S = 0.5
"""A channel has used up its pace: look again after so long."""

TOO_LONG = 21617
"""Twilio's code for it; we use it for every channel."""

ASK_AFTER_S = 60.0
"""After how long the provider is asked what became of a message that nothing was told of."""

BUSY_NUMBER_S = 2.0
"""Another message is on its way to this number: look again after so long."""

SAME_WORDS = timedelta(days=1)
"""Nobody reads the same words twice within this time, whatever sent them ..."""

SAID_AGAIN = frozenset({"help", "confirmed"})
"""... but who asks again is answered again."""

T = TypeVar("T")


class Transact(Protocol):
    """Runs work in one transaction and commits; waits while the database has a bad moment."""

    def __call__(self, work: Callable[[Connection], T]) -> T:
        """Do it, again after a bad moment: work must be safe to repeat."""
        ...


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What links are made with.

    Parameters
    ----------
    secret : str
    public_url : str
    """

    secret: str
    public_url: str


Claimed = Message
"""A message that is ours to send, now."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What can be sent on, and how fast.

    Parameters
    ----------
    there_are : collection of str
        The channels with settings.
    per_s : mapping of str to float
        How many messages a second each of them takes from all senders together; others are free.
    """

    there_are: Sequence[str] = ("sms",)
    per_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """A message that won't go out now."""

    id: int
    code: str


def claim(
    conn: Connection,
    now: datetime,
    policy: Policy,
    letterhead: Letterhead,
    lines: Lines = Lines(),
) -> Claimed | Judged | None:
    """Judge the next due message; where nothing speaks against it, make it ours.

    The caller commits before it sends. A message that can't be judged is set back and logged.

    Returns
    -------
    Claimed, Judged or None
        None when nothing is due.
    """
    message = outbox.next_due(conn, now, channel_store.waiting(conn, lines.per_s))
    if message is None:
        return None
    try:
        with conn.transaction():
            return _judge(conn, message, now, policy, letterhead, lines)
    except BAD_MOMENT:
        raise
    except errors.UniqueViolation:
        outbox.set_back(conn, "outreach", message.id, BUSY_NUMBER_S, "number is busy")
        return Judged(message.id, "number is busy")
    except Exception as error:
        tries = outbox.set_back(conn, "outreach", message.id, None, repr(error))
        log.exception(
            "message could not be judged, will try again",
            extra={"outreach": message.id, "alert": message.alert_id, "tries": tries},
        )
        return Judged(message.id, "failed")


def _judge(
    conn: Connection,
    message: Due,
    now: datetime,
    policy: Policy,
    letterhead: Letterhead,
    lines: Lines,
) -> Claimed | Judged:
    customer = people.customer(conn, message.customer_id)
    assert customer is not None
    facts = outreach.facts_of(conn, message, customer, now, lines.there_are)
    match outreach.check(message, facts, now, policy):
        case Drop(code, reason):
            outbox.drop(conn, message.id, reason, now)
            outbox.clear_setback(conn, "outreach", message.id)
            if code == "sold" and facts.alert is not None:
                _tell_new_owner(conn, facts.alert, now)
            if code in NOT_TOLD:
                delivery.not_told(
                    conn,
                    customer.id,
                    message.alert_id,
                    message.purpose,
                    f"No text was sent: {reason[0].lower()}{reason[1:]}",
                    now,
                )
            return Judged(message.id, code)
        case Hold(until, code, reason):
            outbox.postpone(conn, message.id, until, reason)
            return Judged(message.id, code)
        case Send():
            assert facts.phone is not None and facts.way is not None
            channel = facts.way.channel
            per_s = lines.per_s.get(channel)
            if per_s and not channel_store.take_token(conn, channel, per_s):
                outbox.set_back(conn, "outreach", message.id, PACE_S, "the channel's pace")
                return Judged(message.id, "pace")
            return _take(conn, message, customer, channel, facts.phone, now, letterhead)


def _take(
    conn: Connection,
    message: Due,
    customer: Customer,
    channel: str,
    address: str,
    now: datetime,
    letterhead: Letterhead,
) -> Claimed | Judged:
    """Make it ours: what is said, to whom and how is final."""
    body = _final_words(conn, message, customer, now, letterhead)
    by_phone = channel in ("sms", "whatsapp")
    if by_phone and "STOP" not in body and not outbox.ever_written_to(conn, address):
        body = f"{body} {text('opt out', customer.language)}"
    if message.template not in SAID_AGAIN and outbox.same_words_since(
        conn, address, body, now - SAME_WORDS
    ):
        outbox.drop(conn, message.id, "The same words went to this number today.", now)
        outbox.clear_setback(conn, "outreach", message.id)
        return Judged(message.id, "repeated")
    content_sid, variables = None, {}
    if channel == "whatsapp" and not in_window(outbox.last_inbound(conn, address), now):
        approved = channel_store.template(conn, message.template, customer.language)
        assert approved is not None
        content_sid = approved.content_sid
        words = {
            "first_name": (customer.name.split() or [""])[0],
            "dealer": _dealer_name(conn, customer),
            "link": _link(conn, message, now, letterhead) if "link" in approved.variables else "",
            "body": " ".join(body.split()),  # WhatsApp takes no line breaks in a variable
        }
        variables = {str(n): words[name] for n, name in enumerate(approved.variables, start=1)}
    subject, unsubscribe_url, by = "", "", ""
    if channel == "wecom":
        by = channel_store.addresses(conn, customer.id).advisor_wecom_id or ""
    outbox.set_sending(conn, message.id, address, body, channel, content_sid, by or None)
    if channel == "email":
        about = SUBJECT.get(customer.language[:2], SUBJECT["en"])
        subject = f"{_dealer_name(conn, customer)}: {about}"
        token = links.unsubscribe_token(letterhead.secret, outreach_id=message.id)
        unsubscribe_url = f"{letterhead.public_url}/u/{token}"
    return Claimed(
        message.id,
        message.attempts + 1,
        address,
        body,
        channel,
        message.media_url,
        subject,
        unsubscribe_url,
        content_sid,
        variables,
        by,
    )


def _dealer_name(conn: Connection, customer: Customer) -> str:
    dealer = people.dealer(conn, customer.dealer_id)
    assert dealer is not None
    return dealer.name


def _tell_new_owner(conn: Connection, alert: Alert, now: datetime) -> None:
    """The car was sold since the message was planned: task and message go to whoever has it now."""
    task.put(conn, alert, now)
    owner = people.owner(conn, alert.vehicle_id, now)
    if owner is not None:
        journey.for_alert(conn, alert, f"owner{owner.id}", now)


def _final_words(
    conn: Connection, message: Due, customer: Customer, now: datetime, letterhead: Letterhead
) -> str:
    """The words as they go out: slots that are still free, and the link."""
    body = message.body
    if compose.offers(message.template) and not compose.still_good(
        conn, message, customer.dealer_id, now
    ):
        fresh = compose.draft(
            conn,
            message.template,
            customer,
            message.alert_id,
            message.booking_id,
            now,
            variant=learn.variant_of(conn, message.id),
            wished=message.spans,
        )
        outbox.replace_offers(conn, message.id, list(fresh.slots))
        body = fresh.body
    if "{link}" in body:
        body = body.replace("{link}", _link(conn, message, now, letterhead))
    return body


def _link(conn: Connection, message: Due, now: datetime, letterhead: Letterhead) -> str:
    if message.template in repair_texts.TEMPLATES and message.booking_id is not None:
        order = repairs.of_booking(conn, message.booking_id)
        assert order is not None
        token = links.progress_token(
            letterhead.secret, customer_id=message.customer_id, repair_order_id=order.id
        )
        return f"{letterhead.public_url}/r/{token}"
    alert = alerts.get(conn, message.alert_id) if message.alert_id is not None else None
    booking = bookings.get(conn, message.booking_id) if message.booking_id is not None else None
    vehicle_id = (
        alert.vehicle_id
        if alert
        else booking.vehicle_id
        if booking
        else people.any_car(conn, message.customer_id, now)
    )
    if vehicle_id is None:
        return letterhead.public_url
    token = links.slot_token(
        letterhead.secret,
        customer_id=message.customer_id,
        vehicle_id=vehicle_id,
        alert_id=message.alert_id,
        now=now,
    )
    return f"{letterhead.public_url}/b/{token}"


def record(
    conn: Connection, message: Claimed, result: Sent | Later | Refused, now: datetime
) -> None:
    """Write down what the provider answered. The caller commits."""
    fields = {"outreach": message.id, "to": mask(message.to_phone)}
    match result:
        case Sent(sid, segments, note):
            if outbox.set_sent(conn, message.id, message.attempt, sid, now, segments, note):
                outbox.clear_setback(conn, "outreach", message.id)
                delivery.settle(conn, sid, now)
                log.info("message sent", extra=fields)
            else:
                log.error("message was settled by someone else", extra=fields | {"sid": sid})
        case Later(reason, unsure=True):
            log.warning("message may be sent, will ask", extra=fields | {"why": reason})
        case Later(reason, after_s=after_s):
            if outbox.set_planned_again(conn, message.id, message.attempt, reason):
                outbox.set_back(conn, "outreach", message.id, after_s, reason)
            log.warning("message not sent, will try again", extra=fields | {"why": reason})
        case Refused(code, reason):
            if outbox.set_failed(conn, message.id, message.attempt, reason, code, now):
                outbox.clear_setback(conn, "outreach", message.id)
                delivery.failed(conn, outbox.get_due(conn, message.id), code, reason, now)
            log.warning("message refused", extra=fields | {"code": code, "why": reason})


def match(body: str, kept: Sequence[Kept], ours: set[str]) -> list[str]:
    """Which of the provider's messages is the one whose fate we don't know.

    Parameters
    ----------
    body : str
        Its words.
    kept : list of Kept
        What the provider has for its address, newest first.
    ours : set of str
        Ids that belong to other messages of ours.

    Returns
    -------
    list of str
        Ids, oldest first. A trial account puts its own words before ours.

    Examples
    --------
    >>> match("Hi", [Kept("SM2", "Hi"), Kept("SM1", "Hi"), Kept("SM0", "Bye")], {"SM1"})
    ['SM2']
    """
    words = _bare(body)
    return [k.sid for k in reversed(kept) if _bare(k.body).endswith(words) and k.sid not in ours]


def _bare(body: str) -> str:
    """Letters and digits only: carriers and Smart Encoding may change quotes, dashes and spaces.

    Too alike is the safe side: what might be the same message is not sent again.
    """
    bare = "".join(c for c in unicodedata.normalize("NFKD", body) if c.isalnum())
    return bare or body.strip()


class Sender:
    """Sends what is due and settles what is unsure; several may run at once.

    Parameters
    ----------
    transact : callable
        Runs work in one transaction.
    channels : mapping of str to Channel
        By name.
    now : callable
        The clock.
    policy : Policy
    letterhead : Letterhead
    settle_after_s : float
        How long a message may be on its way before its sender is taken for dead. A sender that
        was held up for half of that lets its claim go instead of sending.
    monotonic : callable
        Seconds that never go back.
    per_s : mapping of str to float
        How fast each channel may go; see `Lines`.
    ask_after_s : float
        After how long the provider is asked what became of a message.
    """

    def __init__(
        self,
        transact: Transact,
        channels: Mapping[str, Channel],
        now: Callable[[], datetime],
        policy: Policy,
        letterhead: Letterhead,
        settle_after_s: float,
        monotonic: Callable[[], float] = time.monotonic,
        per_s: Mapping[str, float] | None = None,
        ask_after_s: float = ASK_AFTER_S,
    ) -> None:
        self._transact = transact
        self._channels = channels
        self._lines = Lines(tuple(channels), per_s or {})
        self._ask_after_s = ask_after_s
        self._now = now
        self._policy = policy
        self._letterhead = letterhead
        self._settle_after_s = settle_after_s
        self._monotonic = monotonic

    def send_next(self) -> bool:
        """Take one due message as far as it goes. False when nothing is due."""
        began = self._monotonic()
        claimed = self._transact(
            lambda conn: claim(conn, self._now(), self._policy, self._letterhead, self._lines)
        )
        if claimed is None:
            return False
        if isinstance(claimed, Judged):
            MESSAGES.labels(claimed.code).inc()
            return True
        if self._monotonic() - began > self._settle_after_s / 2:
            log.warning("held up, left to be settled", extra={"outreach": claimed.id})
            return True
        channel = self._channels[claimed.channel]
        result: Sent | Later | Refused
        if len(claimed.body) > channel.longest:
            result = Refused(TOO_LONG, f"It is longer than {channel.longest} characters.")
        else:
            result = channel.send(claimed)
        MESSAGES.labels(type(result).__name__.lower()).inc()
        self._transact(lambda conn: record(conn, claimed, result, self._now()))
        return True

    def settle_next(self) -> bool:
        """Ask about one message whose fate is unknown. False when there is none."""
        leased = self._transact(self._lease)
        if leased is None:
            return False
        found, message = leased
        channel = self._channels.get(found.channel)
        kept = channel.look(message) if channel else Later("it is not set up", unsure=True)
        fields = {"outreach": found.id, "to": mask(message.to_phone)}
        if isinstance(kept, Later):
            log.warning("provider could not be asked", extra=fields | {"why": kept.reason})
            return True
        has = kept
        self._transact(lambda conn: self._settle(conn, found, has))
        return True

    def _lease(self, conn: Connection) -> tuple[Due, Message] | None:
        """One unsettled message, ours to ask about for a while."""
        found = outbox.next_unsettled(conn, self._settle_after_s)
        if found is None:
            return None
        outbox.set_back(conn, "outreach", found.id, self._settle_after_s, "asking")
        return found, _asked_of(found)

    def _settle(self, conn: Connection, message: Due, kept: Sequence[Kept] | Lost) -> None:
        fields = {"outreach": message.id, "to": mask(message.to_phone or "")}
        now = self._now()
        if isinstance(kept, Lost):
            # another channel might tell the person the same twice: a person takes over
            if outbox.set_failed(conn, message.id, message.attempts, kept.reason, None, now):
                delivery.not_told(
                    conn, message.customer_id, message.alert_id, message.purpose, kept.reason, now
                )
                MESSAGES.labels("settled: nobody knows").inc()
            outbox.clear_setback(conn, "outreach", message.id)
            return
        ours = outbox.known_sids(conn, [k.sid for k in kept])
        # what an approved template became is the provider's to know: any that isn't ours may be it
        words = "" if message.content_sid else message.body
        sids = match(words, kept, ours)
        if len(sids) > 1 and words:
            log.error("provider has it more than once", extra=fields | {"sids": sids})
        if sids and not words:
            sids = sids[-1:]
        if sids:
            if outbox.set_sent(conn, message.id, message.attempts, sids[0], now):
                delivery.settle(conn, sids[0], now)
                MESSAGES.labels("settled: sent").inc()
                log.info("provider has it", extra=fields)
        elif outbox.set_planned_again(
            conn, message.id, message.attempts, "The provider was asked and does not have it."
        ):
            MESSAGES.labels("settled: not sent").inc()
            log.info("provider does not have it, will send again", extra=fields)
        outbox.clear_setback(conn, "outreach", message.id)

    def ask_next(self) -> bool:
        """Ask what became of one message that nothing was told of. False when there is none."""
        telling = [name for name, channel in self._channels.items() if channel.tells]
        leased = self._transact(lambda conn: self._lease_to_ask(conn, telling))
        if leased is None:
            return False
        found, message, sid = leased
        news = self._channels[found.channel].news(message, sid)
        if isinstance(news, Later):
            log.warning("provider could not be asked", extra={"why": news.reason})
            return True
        told = news
        self._transact(lambda conn: learned(conn, found, sid, told, self._now()))
        return True

    def _lease_to_ask(
        self, conn: Connection, telling: Sequence[str]
    ) -> tuple[Due, Message, str] | None:
        found = outbox.next_to_ask(conn, telling, self._ask_after_s)
        if found is None:
            return None
        return found, _asked_of(found), outbox.sid_of(conn, found.id)


def _asked_of(found: Due) -> Message:
    """A message whose fate is asked for, with whose name it went in where that is needed."""
    assert found.to_phone is not None
    return Message(
        found.id,
        found.attempts,
        found.to_phone,
        found.body,
        found.channel,
        content_sid=found.content_sid,
        sender=found.sent_by or "",
        sending_at=found.sending_at,
    )


def learned(conn: Connection, message: Due, sid: str, news: News, now: datetime) -> None:
    """Take in what the provider said when asked, as if it had told so. The caller commits."""
    if news.cost_micros is not None and news.currency is not None:
        outbox.set_cost(conn, message.id, news.cost_micros, news.currency)
    if news.status in delivery.ENDINGS and outbox.put_delivery(
        conn, sid, news.status, news.error_code, now
    ):
        delivery.settle(conn, sid, now)
