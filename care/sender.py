"""From the outbox to Twilio, each message once, whoever dies when.

    planned ──claim: commit──▶ sending ──call──▶ sent
                 ▲                │
                 └──asked: no─────┤ nobody knows: ask Twilio, never send blindly
                                  └──asked: yes──▶ sent

The row is marked ``sending`` and committed before the call. Whoever finds a row that has been
``sending`` for too long asks Twilio for it; only what Twilio surely doesn't have is sent again.
"""

import logging
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from prometheus_client import Counter
from psycopg import Connection, errors

from care import compose, delivery, journey, learn, links, outreach, repair_texts, task
from care.outreach import Drop, Hold, Policy, Send
from care.sms import Kept, Later, Refused, Sent, Sms
from care.store import alerts, bookings, outbox, people, repairs
from care.store.outbox import Due
from care.store.people import Customer
from care.texts import text
from record.db import BAD_MOMENT
from record.flow import Alert
from record.log import mask

log = logging.getLogger(__name__)

MESSAGES = Counter("care_messages_total", "What became of messages, by result", ["result"])

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


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours to send, now."""

    id: int
    attempt: int
    to_phone: str
    body: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A message that won't go out now."""

    id: int
    code: str


def claim(
    conn: Connection, now: datetime, policy: Policy, letterhead: Letterhead
) -> Claimed | Judged | None:
    """Judge the next due message; where nothing speaks against it, make it ours.

    The caller commits before it sends. A message that can't be judged is set back and logged.

    Returns
    -------
    Claimed, Judged or None
        None when nothing is due.
    """
    message = outbox.next_due(conn, now)
    if message is None:
        return None
    try:
        with conn.transaction():
            return _judge(conn, message, now, policy, letterhead)
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
    conn: Connection, message: Due, now: datetime, policy: Policy, letterhead: Letterhead
) -> Claimed | Judged:
    customer = people.customer(conn, message.customer_id)
    assert customer is not None
    facts = outreach.facts_of(conn, message, customer, now)
    match outreach.check(message, facts, now, policy):
        case Drop(code, reason):
            outbox.drop(conn, message.id, reason, now)
            outbox.clear_setback(conn, "outreach", message.id)
            if code == "sold" and facts.alert is not None:
                _tell_new_owner(conn, facts.alert, now)
            if code in ("no number", "stop", "no consent", "no time zone", "no hour", "stale"):
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
            assert facts.phone is not None
            body = _final_words(conn, message, customer, now, letterhead)
            if "STOP" not in body and not outbox.ever_written_to(conn, facts.phone):
                body = f"{body} {text('opt out', customer.language)}"
            if message.template not in SAID_AGAIN and outbox.same_words_since(
                conn, facts.phone, body, now - SAME_WORDS
            ):
                outbox.drop(conn, message.id, "The same words went to this number today.", now)
                outbox.clear_setback(conn, "outreach", message.id)
                return Judged(message.id, "repeated")
            outbox.set_sending(conn, message.id, facts.phone, body)
            return Claimed(message.id, message.attempts + 1, facts.phone, body)


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
    """Write down what Twilio answered. The caller commits."""
    fields = {"outreach": message.id, "to": mask(message.to_phone)}
    match result:
        case Sent(sid):
            if outbox.set_sent(conn, message.id, message.attempt, sid, now):
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
                _refused(conn, message, code, reason, now)
            log.warning("message refused", extra=fields | {"code": code, "why": reason})


def _refused(conn: Connection, message: Claimed, code: int, reason: str, now: datetime) -> None:
    if code == delivery.STOPPED and people.stopped(conn, message.to_phone) is None:
        people.add_suppression(conn, message.to_phone, True, f"Twilio {code}", now)
    row = outbox.get_due(conn, message.id)
    delivery.not_told(conn, row.customer_id, row.alert_id, row.purpose, reason, now)


def match(body: str, kept: list[Kept], ours: set[str]) -> list[str]:
    """Which of Twilio's messages is the one whose fate we don't know.

    Parameters
    ----------
    body : str
        Its words.
    kept : list of Kept
        What Twilio has for its number, newest first.
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
    sms : Sms
    now : callable
        The clock.
    policy : Policy
    letterhead : Letterhead
    settle_after_s : float
        How long a message may be on its way before its sender is taken for dead. A sender that
        was held up for half of that lets its claim go instead of sending.
    monotonic : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        transact: Transact,
        sms: Sms,
        now: Callable[[], datetime],
        policy: Policy,
        letterhead: Letterhead,
        settle_after_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transact = transact
        self._sms = sms
        self._now = now
        self._policy = policy
        self._letterhead = letterhead
        self._settle_after_s = settle_after_s
        self._monotonic = monotonic

    def send_next(self) -> bool:
        """Take one due message as far as it goes. False when nothing is due."""
        began = self._monotonic()
        claimed = self._transact(
            lambda conn: claim(conn, self._now(), self._policy, self._letterhead)
        )
        if claimed is None:
            return False
        if isinstance(claimed, Judged):
            MESSAGES.labels(claimed.code).inc()
            return True
        if self._monotonic() - began > self._settle_after_s / 2:
            log.warning("held up, left to be settled", extra={"outreach": claimed.id})
            return True
        result = self._sms.send(claimed.to_phone, claimed.body)
        MESSAGES.labels(type(result).__name__.lower()).inc()
        self._transact(lambda conn: record(conn, claimed, result, self._now()))
        return True

    def settle_next(self) -> bool:
        """Ask Twilio about one message whose fate is unknown. False when there is none."""
        found = self._transact(self._lease)
        if found is None:
            return False
        assert found.to_phone is not None
        kept = self._sms.look(found.to_phone)
        fields = {"outreach": found.id, "to": mask(found.to_phone)}
        if isinstance(kept, Later):
            log.warning("Twilio could not be asked", extra=fields | {"why": kept.reason})
            return True
        has = kept
        self._transact(lambda conn: self._settle(conn, found, has))
        return True

    def _lease(self, conn: Connection) -> Due | None:
        """One unsettled message, ours to ask about for a while."""
        found = outbox.next_unsettled(conn, self._settle_after_s)
        if found is not None:
            outbox.set_back(conn, "outreach", found.id, self._settle_after_s, "asking Twilio")
        return found

    def _settle(self, conn: Connection, message: Due, kept: list[Kept]) -> None:
        fields = {"outreach": message.id, "to": mask(message.to_phone or "")}
        sids = match(message.body, kept, outbox.known_sids(conn, [k.sid for k in kept]))
        if len(sids) > 1:
            log.error("Twilio has it more than once", extra=fields | {"sids": sids})
        now = self._now()
        if sids:
            if outbox.set_sent(conn, message.id, message.attempts, sids[0], now):
                delivery.settle(conn, sids[0], now)
                MESSAGES.labels("settled: sent").inc()
                log.info("Twilio has it", extra=fields)
        elif outbox.set_planned_again(
            conn, message.id, message.attempts, "Twilio was asked and does not have it."
        ):
            MESSAGES.labels("settled: not sent").inc()
            log.info("Twilio does not have it, will send again", extra=fields)
        outbox.clear_setback(conn, "outreach", message.id)
