"""What a customer answered: a slot is booked, a question goes to a person, never a robot's noise.

Keywords (STOP, START) have taken effect when the webhook was answered; see `care.webhooks`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from psycopg import Connection

from care import (
    alert,
    booking,
    compose,
    elsewhere,
    law,
    loyalty,
    outreach,
    rating,
    task,
    texts,
    words,
)
from care.elsewhere import Report
from care.errors import CareError
from care.hours import instant
from care.slots import STEP, Spans
from care.store import alerts, bookings, outbox, people, repairs, tasks
from care.store.outbox import NewReply, Offered
from care.store.people import Customer
from record.causes import cause_of
from record.flow import Alert, Booking, Slot

_SAYS = {
    "yes": "says yes",
    "no": "says no to the times",
    "sold": "says a car is sold",
    "done elsewhere": "says it is done already",
    "who": "asks who we are",
    "reschedule": "wants another time",
    "cannot come": "can't come",
}
"""What an advisor reads of an answer that a person must settle."""

_TELLS = ("confirmed", "reminder", "help", "noted", "progress", "ready", "verified", "birthday")
"""Templates that ask nothing: a yes after them still answers the offer before."""

DUE = "service_due"
"""The cause that the customer's word alone may settle: no fault, only a date in the book."""

FURTHER = timedelta(days=14)
"""How far after the last time that did not suit we look for others."""

OFFER_STANDS = timedelta(days=7)
"""How long "2" still means the second choice of the last message."""


@dataclass(frozen=True, slots=True)
class Book:
    """Book this slot."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Seek:
    """Offer times that suit; with no wish, the next ones."""

    wished: Spans


@dataclass(frozen=True, slots=True)
class Shift:
    """Offer other times for the visit that is booked.

    Parameters
    ----------
    booking : Booking
    wished : sequence of (datetime, datetime)
    title : str
        What an advisor should know at once; empty: nothing.
    """

    booking: Booking
    wished: Spans
    title: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The service of the last offer is done already, elsewhere."""

    report: Report


@dataclass(frozen=True, slots=True)
class Move:
    """Move a visit to this slot."""

    booking_id: int
    slot: Slot


@dataclass(frozen=True, slots=True)
class Nothing:
    """It is done already."""

    why: str


@dataclass(frozen=True, slots=True)
class Sold:
    """The car of the last offer is no longer the customer's."""


@dataclass(frozen=True, slots=True)
class WrongNumber:
    """The number is somebody else's."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must answer."""

    title: str


Deed = Book | Move | Seek | Shift | Done | Nothing | Sold | WrongNumber | Ask


def decide(
    reply: NewReply,
    customer: Customer,
    offer: Offered | None,
    owns_car: bool,
    live: Booking | None,
    zone: ZoneInfo,
    due: bool = False,
    coming: Booking | None = None,
    asked_since: bool = False,
    names: frozenset[str] = frozenset(),
) -> tuple[str, Deed]:
    """What an answer means, and what to do about it: the rows of ``docs/replies.md``.

    Parameters
    ----------
    reply : NewReply
        Not one of the keywords.
    customer : Customer
    offer : Offered or None
        The last message with choices that went to this number lately.
    owns_car : bool
        Whether the customer owns the car of that offer now.
    live : Booking or None
        The booking that the offer is about: its alert's, or the one that it would move.
    zone : ZoneInfo
        The dealer's: its clock is the one that offers and answers speak of.
    due : bool
        Whether the offer is about work that falls due, and not a fault.
    coming : Booking or None
        The only visit that the customer has booked.
    asked_since : bool
        Whether something else went to this number after the offer: an estimate, for example. A
        bare yes or no is about that, then.
    names : frozenset of str
        Words that name the cars of which a service was told.

    Returns
    -------
    tuple of str and Deed
        The meaning as it is kept, and the deed.
    """
    name = customer.name
    today = reply.received_at.astimezone(law.zone_named(customer.time_zone) or zone).date()
    said = words.understand(reply.body, len(offer.slots) if offer else 0, today, names)
    booked = live is not None and live.state in ("booked", "arrived")
    visit = live if live is not None and live.state == "booked" else None if booked else coming
    match said:
        case words.Call():
            return "call", Ask(f"{name} asks for a call")
        case words.Says("thanks"):
            return "thanks", Nothing("nothing was asked")
        case words.Says("wrong number"):
            return "wrong number", WrongNumber()
        case words.Says("sold") if owns_car and offer is not None and offer.alert_id is not None:
            return "sold", Sold()
        case words.Says("done elsewhere") if (
            due and owns_car and not booked and (report := elsewhere.read(reply.body, today))
        ):
            return f"done elsewhere: {_plain(report)}", Done(report)
        case words.Says("yes" | "no" as what) if asked_since:
            return what, Ask(f"{name} wrote: {_short(reply.body)}")
        case words.Says("yes") if offer is not None and len(offer.slots) == 1:
            return _chosen(1, name, offer, owns_car, live)
        case words.Says("yes") if booked and offer is not None and offer.moves is None:
            return "yes (booked already)", Nothing("booked already")
        case words.Says("yes") if offer is not None and owns_car:
            return "yes", Shift(visit, ()) if booked and visit else Seek(())
        case words.Says("reschedule") if visit is not None:
            return "reschedule", Shift(visit, ())
        case words.Says("reschedule") if offer is not None and owns_car and not booked:
            last = max(slot.starts_at for slot in offer.slots.values())
            return "other times", Seek(((last + STEP, last + FURTHER),))
        case words.Says("cannot come") if visit is not None:
            return "cannot come", Shift(visit, (), f"{name} {_SAYS['cannot come']}")
        case words.Says(what):
            return what, Ask(f"{name} {_SAYS[what]}")
        case words.Choice(number) if offer is not None:
            return _chosen(number, name, offer, owns_car, live)
        case words.When(wishes):
            spans = [span for wish in wishes for span in wish.spans(zone)]
            meaning = "wish: " + ", ".join(wish.plain for wish in wishes)
            if offer is not None and all(wish.sure and wish.day_named for wish in wishes):
                meant = [n for n, slot in offer.slots.items() if _inside(slot, spans)]
                if len(meant) == 1:
                    return _chosen(meant[0], name, offer, owns_car, live)
            if visit is not None and spans:
                return meaning, Shift(visit, spans)
            if offer is not None and owns_car and not booked and spans:
                return meaning, Seek(spans)
            return meaning, Ask(f"{name} wrote: {_short(reply.body)}")
        case _:
            return "unclear", Ask(f"{name} wrote: {_short(reply.body)}")


def _plain(report: Report) -> str:
    km = "" if report.odometer_m is None else f" {report.odometer_m / 1000:.0f} km"
    return f"{report.day}{km}"


def _inside(slot: Slot, spans: Spans) -> bool:
    return any(since <= slot.starts_at < until for since, until in spans)


def _chosen(
    number: int, name: str, offer: Offered, owns_car: bool, live: Booking | None
) -> tuple[str, Deed]:
    """One of the offered slots is wanted."""
    meaning, slot = f"choice {number}", offer.slots[number]
    if live is not None and live.state in ("booked", "arrived"):
        if live.starts_at == slot.starts_at:
            return f"{meaning} (booked already)", Nothing("booked already")
        if live.state == "booked" and (offer.moves is not None or live.parts_late_at is not None):
            return meaning, Move(live.id, slot)
        return f"{meaning} (has another booking)", Ask(f"{name} wants another time")
    if offer.moves is not None:
        return f"{meaning} (no longer booked)", Ask(f"{name} wants a time for a visit that is off")
    if not owns_car:
        return f"{meaning} (not the owner)", Ask(f"{name} wants a slot for a sold car")
    return meaning, Book(slot)


def _short(body: str) -> str:
    text = " ".join(body.split())
    return f"“{text[:77]}…”" if len(text) > 80 else f"“{text}”" if text else "(no words)"


def take_up(conn: Connection, reply: NewReply, now: datetime) -> str:
    """Act on a reply, and return what it meant. The caller commits."""
    meaning = _act(conn, reply, now)
    outbox.reply_handled(conn, reply.id, meaning, now)
    return meaning


def _act(conn: Connection, reply: NewReply, now: datetime) -> str:
    customer = people.customer(conn, reply.customer_id) if reply.customer_id is not None else None
    if customer is None:
        return reply.meaning or "unknown number"
    dealer = people.dealer(conn, customer.dealer_id)
    assert dealer is not None
    if reply.meaning == "help":
        asked_in = words.HELP_WORDS.get(words.plain(reply.body)) or customer.language
        outreach.plan(
            conn,
            customer_id=customer.id,
            template="help",
            purpose="reply",
            dedupe_key=f"reply:{reply.id}:help",
            body=texts.who_we_are(asked_in, dealer=dealer.name, phone=dealer.phone),
            answers_at=reply.received_at,
            now=now,
        )
    if reply.meaning == "stop" and bookings.has_upcoming(conn, customer.id, now):
        # "cancel" may have meant the appointment; it surely ends the messages
        title = f"{customer.name} wrote {_short(reply.body)} and has a booking"
        action = "No more texts. Call and ask whether the booking stands."
        task.ask_person(conn, customer, title, action, now)
    if reply.meaning is not None:
        return reply.meaning
    rated = rating.take_reply(conn, reply, customer, now)
    if rated is not None:
        return rated
    dues = alerts.told_of(conn, DUE, customer.id, reply.from_phone, now - OFFER_STANDS, now)
    offer = outbox.latest_offer(conn, reply, now - OFFER_STANDS, compose.MOVES)
    about = alerts.get(conn, offer.alert_id) if offer and offer.alert_id is not None else None
    if offer is not None and offer.moves is not None:
        live = bookings.get(conn, offer.moves)
        owns_car = live is not None and live.customer_id == customer.id
    elif about is not None:
        owner = people.owner(conn, about.vehicle_id, now)
        owns_car = owner is not None and owner.id == customer.id
        live = bookings.live_for_alert(conn, about.id)
    else:
        offer, owns_car, live = None, False, None
    coming = bookings.upcoming(conn, customer.id, now)
    meaning, deed = decide(
        reply,
        customer,
        offer,
        owns_car,
        live,
        ZoneInfo(dealer.time_zone),
        due=about is not None and about.cause == DUE,
        coming=coming[0] if len(coming) == 1 else None,
        asked_since=offer is not None and outbox.asked_after(conn, offer, reply, _TELLS),
        names=frozenset(word for one in dues for word in words.plain(one.car).split()),
    )
    if offer is not None and isinstance(deed, Book | Move | Seek | Shift):
        loyalty.answered(conn, customer.id, offer.outreach_id, offer.sent_at, reply.received_at)
    match deed:
        case Book(slot):
            assert about is not None
            return meaning + _book(conn, reply, customer, about, slot, now)
        case Move(booking_id, slot):
            return meaning + _move(conn, reply, customer, booking_id, slot, now)
        case Seek(wished):
            assert about is not None
            _offer(conn, reply, customer, compose.WISHED, wished, now, about.id)
        case Shift(booking, wished, title):
            _offer(conn, reply, customer, compose.MOVE, wished, now, booking.alert_id, booking.id)
            if title:
                action = f"Other times are offered. Answer {customer.name}: {_short(reply.body)}"
                task.ask_person(conn, customer, title, action, now)
        case Done(report):
            assert about is not None
            return meaning + _done_elsewhere(
                conn, reply, customer, about, report, dues, ZoneInfo(dealer.time_zone), now
            )
        case Sold():
            assert about is not None
            _sold(conn, reply, customer, about, now)
        case WrongNumber():
            _wrong_number(conn, reply, customer, now)
        case Ask(title):
            action = f"Answer {customer.name}: {_short(reply.body)}"
            task.ask_person(conn, customer, title, action, now)
        case Nothing():
            pass
    return meaning


def _offer(
    conn: Connection,
    reply: NewReply,
    customer: Customer,
    template: str,
    wished: Spans,
    now: datetime,
    alert_id: int | None,
    booking_id: int | None = None,
) -> None:
    """Answer with times; a person where there are none."""
    planned = outreach.plan(
        conn,
        customer_id=customer.id,
        template=template,
        purpose="reply",
        dedupe_key=f"reply:{reply.id}:times",
        alert_id=alert_id,
        booking_id=booking_id,
        answers_at=reply.received_at,
        wished=wished,
        now=now,
    )
    if planned is None or not outbox.offers(conn, planned.id):
        action = f"No time is free. Call {customer.name}: {_short(reply.body)}"
        task.ask_person(conn, customer, f"{customer.name} found no time", action, now)


def _done_elsewhere(
    conn: Connection,
    reply: NewReply,
    customer: Customer,
    about: Alert,
    report: Report,
    dues: Sequence[alerts.Told],
    zone: ZoneInfo,
    now: datetime,
) -> str:
    """Write the service book as the customer tells it, let the due rest, and thank them.

    Returns what to add to the meaning. Where several of their cars were told of a service, and the
    answer names none, we ask which; what the book or the car's own counter contradicts goes to a
    person.
    """
    named = [one for one in dues if _names(one, reply.body)]
    if len(dues) > 1 and len(named) != 1:
        return _ask_which(conn, reply, customer, [one.car for one in dues], now)
    alert_id, vehicle_id = (
        (named[0].alert_id, named[0].vehicle_id) if named else (about.id, about.vehicle_id)
    )
    noon = instant(report.day, time(12), zone) or now
    at = min(now, noon) if report.day < now.astimezone(zone).date() else now
    actor, title = f"customer:{customer.id}", f"{customer.name} {_SAYS['done elsewhere']}"
    shown = repairs.counters(conn, vehicle_id, at)
    try:
        with conn.transaction():
            repairs.check_report(conn, vehicle_id, report.odometer_m, at, now)
            alert.dismiss(conn, alert_id, actor, reply.body, now, code="repaired_elsewhere")
    except CareError as error:
        action = f"Answer {customer.name}: {_short(reply.body)} {error}"
        task.ask_person(conn, customer, title, action, now)
        return " (a person must look)"
    if report.odometer_m is not None:
        shown = replace(shown, odometer_m=report.odometer_m)
    repairs.serviced(conn, vehicle_id, shown, at)
    why = "The customer has had the service done elsewhere."
    tasks.drop_planned(conn, alert_id, customer.id, why, now)
    people.audit(
        conn,
        now,
        actor,
        "service done elsewhere",
        f"vehicle:{vehicle_id}",
        on=str(report.day),
        odometer_m=shown.odometer_m,
        told=report.odometer_m is not None,
    )
    outreach.plan(
        conn,
        customer_id=customer.id,
        template="noted",
        purpose="reply",
        dedupe_key=f"reply:{reply.id}:noted",
        vehicle_id=vehicle_id,
        answers_at=reply.received_at,
        now=now,
    )
    return ""


def _names(one: alerts.Told, body: str) -> bool:
    """Whether words name a car by its model, or by its make and model."""
    model = words.plain(one.model)
    return bool(model) and f" {model} " in f" {words.plain(body)} "


def _ask_which(
    conn: Connection, reply: NewReply, customer: Customer, cars: Sequence[str], now: datetime
) -> str:
    """Ask which car is meant; a person, where their names don't tell them apart."""
    if len(set(cars)) < len(cars):
        action = f"Ask which car: {_short(reply.body)}"
        title = f"{customer.name} {_SAYS['done elsewhere']}"
        task.ask_person(conn, customer, title, action, now)
        return " (which car?)"
    dealer = people.dealer(conn, customer.dealer_id)
    assert dealer is not None
    first = f" {customer.name.split()[0]}" if customer.name.strip() else ""
    outreach.plan(
        conn,
        customer_id=customer.id,
        template="which",
        purpose="reply",
        dedupe_key=f"reply:{reply.id}:which",
        body=texts.which(customer.language, dealer=dealer.name, name=first, cars=cars),
        answers_at=reply.received_at,
        now=now,
    )
    return " (which car?)"


def _sold(
    conn: Connection, reply: NewReply, customer: Customer, about: Alert, now: datetime
) -> None:
    """The car's new data isn't theirs any more, and nothing more of it goes to them."""
    people.end_ownership(conn, about.vehicle_id, customer.id, now)
    actor, car = f"customer:{customer.id}", f"vehicle:{about.vehicle_id}"
    people.audit(conn, now, actor, "car sold", car, customer=customer.id)
    why = "The customer no longer owns the car."
    tasks.drop_planned_of_car(conn, about.vehicle_id, customer.id, why, now)
    for alert_id in tasks.open_alerts_of(conn, about.vehicle_id, customer.id):
        task.finish(conn, alert_id, actor, f"{customer.name} has sold the car.", now)
    title = f"{customer.name} has sold the car"
    action = f"Confirm the sale, and who has the car now: {_short(reply.body)}"
    if any(one.vehicle_id == about.vehicle_id for one in bookings.upcoming(conn, customer.id, now)):
        action += " Cancel its visit, or let it stand for the new owner."
    task.ask_person(conn, customer, title, action, now)


def _wrong_number(conn: Connection, reply: NewReply, customer: Customer, now: datetime) -> None:
    """Nothing more goes to a number that is somebody else's; a person finds the right one."""
    if people.stopped(conn, reply.from_phone) is None:
        people.add_suppression(conn, reply.from_phone, True, "wrong number, by text", now)
    people.audit(conn, now, "unknown number", "wrong number", f"customer:{customer.id}")
    title = f"The number of {customer.name} is somebody else's"
    task.ask_person(conn, customer, title, "Find the right number and call.", now)


def _book(
    conn: Connection, reply: NewReply, customer: Customer, about: Alert, slot: Slot, now: datetime
) -> str:
    """Book a slot that was offered; returns what to add to the meaning."""
    op_code = cause_of(about.cause).op_code
    try:
        got = booking.book(
            conn,
            slot=slot,
            dealer_id=customer.dealer_id,
            vehicle_id=about.vehicle_id,
            customer_id=customer.id,
            alert_id=about.id,
            op_code=op_code,
            source="reply",
            now=now,
            extras=booking.bundled(
                conn,
                slot=slot,
                dealer_id=customer.dealer_id,
                vehicle_id=about.vehicle_id,
                alert_id=about.id,
                op_code=op_code,
                now=now,
            ),
        )
    except CareError as error:
        action = f"Answer {customer.name}: {_short(reply.body)} {error}"
        task.ask_person(conn, customer, f"{customer.name} could not be booked", action, now)
        return " (not bookable)"
    if isinstance(got, Booking):
        return ""
    planned = outreach.plan(
        conn,
        customer_id=customer.id,
        template="taken",
        purpose="reply",
        dedupe_key=f"reply:{reply.id}:taken",
        alert_id=about.id,
        answers_at=reply.received_at,
        now=now,
    )
    if planned is None or not outbox.offers(conn, planned.id):
        action = f"{customer.name} wanted a time that is gone, and no other is free. Call."
        task.ask_person(conn, customer, f"{customer.name} found no time", action, now)
    return " (taken)"


def _move(
    conn: Connection,
    reply: NewReply,
    customer: Customer,
    booking_id: int,
    slot: Slot,
    now: datetime,
) -> str:
    """Move a visit to a slot that was offered; returns what to add to the meaning."""
    try:
        got = booking.reschedule(conn, booking_id, slot, actor=f"customer:{customer.id}", now=now)
    except CareError as error:
        action = f"Answer {customer.name}: {_short(reply.body)} {error}"
        task.ask_person(conn, customer, f"{customer.name} could not be booked", action, now)
        return " (not bookable)"
    if isinstance(got, Booking):
        return " (moved)"
    outreach.plan(
        conn,
        customer_id=customer.id,
        template=compose.MOVE,
        purpose="reply",
        dedupe_key=f"reply:{reply.id}:taken",
        booking_id=booking_id,
        answers_at=reply.received_at,
        now=now,
    )
    return " (taken)"
