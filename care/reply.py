"""What a customer answered: a slot is booked, a question goes to a person, never a robot's noise.

Keywords (STOP, START) have taken effect when the webhook was answered; see `care.webhooks`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection

from care import booking, compose, outreach, rating, task, words
from care.errors import CareError
from care.store import alerts, bookings, outbox, people, tasks
from care.store.outbox import NewReply, Offered
from care.store.people import Customer
from record.causes import cause_of
from record.flow import Alert, Booking, Slot

_SAYS = {
    "sold": "says a car is sold",
    "done elsewhere": "says it is done already",
    "who": "asks who we are",
    "reschedule": "wants another time",
    "cannot come": "can't come",
}
"""What an advisor reads of an answer that a person must settle."""

OFFER_STANDS = timedelta(days=7)
"""How long "2" still means the second choice of the last message."""


@dataclass(frozen=True, slots=True)
class Book:
    """Book this slot."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Move:
    """Move a visit, whose parts come late, to this slot."""

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


def decide(
    reply: NewReply, customer: Customer, offer: Offered | None, owns_car: bool, live: Booking | None
) -> tuple[str, Book | Move | Nothing | Sold | WrongNumber | Ask]:
    """What an answer means, and what to do about it.

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
        The booking that the offer's alert has now.

    Returns
    -------
    tuple of str and Book or Move or Nothing or Sold or WrongNumber or Ask
        The meaning as it is kept, and the deed.
    """
    name = customer.name
    said = words.understand(reply.body, len(offer.slots) if offer else 0)
    match said:
        case words.Call():
            return "call", Ask(f"{name} asks for a call")
        case words.Says("thanks"):
            return "thanks", Nothing("nothing was asked")
        case words.Says("wrong number"):
            return "wrong number", WrongNumber()
        case words.Says("sold") if owns_car:
            return "sold", Sold()
        case words.Says(what):
            return what, Ask(f"{name} {_SAYS[what]}")
        case words.Choice(number) if offer is not None:
            meaning = f"choice {number}"
            slot = offer.slots[number]
            if live is not None and live.state in ("booked", "arrived"):
                if live.starts_at == slot.starts_at:
                    return f"{meaning} (booked already)", Nothing("booked already")
                if live.parts_late_at is not None and live.state == "booked":
                    return meaning, Move(live.id, slot)
                return f"{meaning} (has another booking)", Ask(f"{name} wants another time")
            if not owns_car:
                return f"{meaning} (not the owner)", Ask(f"{name} wants a slot for a sold car")
            return meaning, Book(slot)
        case _:
            return "unclear", Ask(f"{name} wrote: {_short(reply.body)}")


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
    if reply.meaning == "help":
        outreach.plan(
            conn,
            customer_id=customer.id,
            template="help",
            purpose="reply",
            dedupe_key=f"reply:{reply.id}:help",
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
    offer = outbox.latest_offer(conn, reply, now - OFFER_STANDS)
    about = alerts.get(conn, offer.alert_id) if offer and offer.alert_id is not None else None
    if about is None:
        offer = None
    owner = people.owner(conn, about.vehicle_id, now) if about else None
    live = bookings.live_for_alert(conn, about.id) if about else None
    owns_car = owner is not None and owner.id == customer.id
    meaning, deed = decide(reply, customer, offer, owns_car, live)
    match deed:
        case Book(slot):
            assert about is not None
            return meaning + _book(conn, reply, customer, about, slot, now)
        case Move(booking_id, slot):
            assert about is not None
            return meaning + _move(conn, reply, customer, about, booking_id, slot, now)
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


def _sold(
    conn: Connection, reply: NewReply, customer: Customer, about: Alert, now: datetime
) -> None:
    """The car's new data isn't theirs any more, and nothing more of it goes to them."""
    people.end_ownership(conn, about.vehicle_id, customer.id, now)
    actor, car = f"customer:{customer.id}", f"vehicle:{about.vehicle_id}"
    people.audit(conn, now, actor, "car sold", car, customer=customer.id)
    tasks.drop_planned(conn, about.id, customer.id, "The customer no longer owns the car.", now)
    title = f"{customer.name} has sold the car"
    action = f"Confirm the sale, and who has the car now: {_short(reply.body)}"
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
    about: Alert,
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
        template=compose.PART_LATE,
        purpose="reply",
        dedupe_key=f"reply:{reply.id}:taken",
        alert_id=about.id,
        booking_id=booking_id,
        answers_at=reply.received_at,
        now=now,
    )
    return " (taken)"
