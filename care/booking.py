"""Slots, holds and bookings. The database keeps the promise that nothing is booked twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection, errors

from care import alert, loyalty, outreach, task
from care.errors import CareError
from care.slots import find_slots, fits
from care.store import alerts, bookings, people, repairs
from record.causes import cause_of
from record.flow import Booking, RepairOrder, Slot

__all__ = ["Taken", "arrive", "cancel", "confirm", "find_slots", "hold", "no_show"]


@dataclass(frozen=True, slots=True)
class Taken:
    """Someone was faster, or the time has passed.

    Parameters
    ----------
    reason : str
        For the person who asked.
    """

    reason: str


_TAKEN = Taken("Someone else has just taken that time.")
_PASSED = Taken("That time has passed.")
_BOOKED = Taken("Another time is booked for this already.")


def hold(
    conn: Connection,
    *,
    slot: Slot,
    dealer_id: int,
    vehicle_id: int,
    customer_id: int,
    alert_id: int | None,
    op_code: str,
    source: str,
    now: datetime,
    minutes: int = 10,
) -> Booking | Taken:
    """Keep a slot for a customer for a few minutes.

    Lets go of expired holds, and of this customer's earlier holds for the car, first.

    Parameters
    ----------
    conn : Connection
        The caller commits.
    slot : Slot
        As `find_slots` gave it; one that the workshop would never offer is refused.
    dealer_id, vehicle_id, customer_id : int
    alert_id : int or None
    op_code : str
    source : str
        ``reply``, ``slot page`` or ``staff:3``.
    now : datetime
    minutes : int
        How long the hold lasts.

    Raises
    ------
    CareError
        If the alert has a booking, the car has one at that time, or the slot isn't one of this
        workshop's.
    """
    if slot.starts_at <= now:
        return _PASSED
    op, dealer = bookings.op_code(conn, op_code), people.dealer(conn, dealer_id)
    if op is None or dealer is None:
        raise CareError(f"There is no op-code {op_code} at dealer {dealer_id}.")
    if not bookings.lock_dealer(conn, dealer_id) or not fits(
        slot, dealer, bookings.bays(conn, dealer_id), bookings.technicians(conn, dealer_id), op
    ):
        raise CareError("That is not a time that the workshop offers for this work.")
    bookings.release(conn, dealer_id, vehicle_id, customer_id, now)
    live = bookings.live_for_alert(conn, alert_id) if alert_id is not None else None
    if live is not None:
        raise CareError("There is a booking for this already. Cancel it first to choose again.")
    if bookings.of_car_during(conn, vehicle_id, slot) is not None:
        raise CareError("The car is in the workshop already at that time, for other work.")
    try:
        with conn.transaction():
            held = bookings.insert_hold(
                conn,
                slot,
                dealer_id=dealer_id,
                vehicle_id=vehicle_id,
                customer_id=customer_id,
                alert_id=alert_id,
                op_code=op_code,
                source=source,
                at=now,
                until=now + timedelta(minutes=minutes),
            )
    except errors.ExclusionViolation:
        return _TAKEN
    people.audit(
        conn, now, _actor(source, customer_id), "slot held", f"booking:{held.id}", source=source
    )
    return held


def book(
    conn: Connection,
    *,
    slot: Slot,
    dealer_id: int,
    vehicle_id: int,
    customer_id: int,
    alert_id: int | None,
    op_code: str,
    source: str,
    now: datetime,
) -> Booking | Taken:
    """Hold a slot and promise it in one step, for whoever has chosen already.

    Parameters and errors are those of `hold`; the caller commits, or rolls back what is `Taken`.
    """
    held = hold(
        conn,
        slot=slot,
        dealer_id=dealer_id,
        vehicle_id=vehicle_id,
        customer_id=customer_id,
        alert_id=alert_id,
        op_code=op_code,
        source=source,
        now=now,
    )
    return held if isinstance(held, Taken) else confirm(conn, held.id, now)


def confirm(conn: Connection, booking_id: int, now: datetime) -> Booking | Taken:
    """Promise a held slot to its customer: finishes the alert's task, plans the confirmation text.

    Safe to repeat. A hold that has run out is still confirmed where nobody took the slot since.

    Raises
    ------
    CareError
        If the booking was cancelled or is over.
    """
    booking = _locked(conn, booking_id)
    if booking.state in ("booked", "arrived"):
        return booking
    if booking.state not in ("held", "expired"):
        raise CareError(f"This booking is {_plain(booking.state)}; choose a new time.")
    if booking.starts_at <= now:
        return _PASSED
    try:
        with conn.transaction():
            booking = bookings.set_state(conn, booking_id, "booked")
    except errors.ExclusionViolation:
        return _TAKEN
    except errors.UniqueViolation:
        return _BOOKED
    source = bookings.source_of(conn, booking_id)
    actor = _actor(source, booking.customer_id)
    if booking.alert_id is not None:
        task.finish(conn, booking.alert_id, actor, "customer booked", now)
    outreach.plan(
        conn,
        customer_id=booking.customer_id,
        template="confirmed",
        purpose="reply",
        dedupe_key=f"booking:{booking.id}:confirmed",
        alert_id=booking.alert_id,
        booking_id=booking.id,
        answers_at=now,
        now=now,
    )
    people.audit(conn, now, actor, "booked", f"booking:{booking.id}", source=source)
    return booking


def cancel(conn: Connection, booking_id: int, actor: str, now: datetime) -> Booking:
    """Give a slot back. Safe to repeat. The alert gets its task again, or ends if the car is well.

    Raises
    ------
    CareError
        If the car has arrived already or the booking is over.
    """
    booking = _locked(conn, booking_id)
    if booking.state in ("cancelled", "expired"):
        return booking
    if booking.state not in ("held", "booked"):
        raise CareError(f"This booking is {_plain(booking.state)} and can't be cancelled.")
    was_booked = booking.state == "booked"
    booking = bookings.set_state(conn, booking_id, "cancelled")
    people.audit(conn, now, actor, "booking cancelled", f"booking:{booking.id}")
    if was_booked and booking.alert_id is not None:
        alert.booking_lost(conn, booking.alert_id, "The booking was cancelled", now)
    return booking


def no_show(conn: Connection, booking_id: int, actor: str, now: datetime) -> Booking:
    """The car did not come. Safe to repeat. Someone calls the customer.

    Raises
    ------
    CareError
        If it isn't time yet, or the booking isn't one that we wait for.
    """
    booking = _locked(conn, booking_id)
    if booking.state == "no_show":
        return booking
    if booking.state != "booked":
        raise CareError(f"This booking is {_plain(booking.state)}; nobody is waiting for the car.")
    if now < booking.starts_at:
        raise CareError("It is not time yet: the car may still come.")
    booking = bookings.set_state(conn, booking_id, "no_show")
    people.audit(conn, now, actor, "did not come", f"booking:{booking.id}")
    if booking.alert_id is not None:
        alert.booking_lost(conn, booking.alert_id, "The customer did not come", now)
    return booking


def arrive(conn: Connection, booking_id: int, actor: str, now: datetime) -> RepairOrder:
    """The car is here: opens the repair order. Safe to repeat.

    Raises
    ------
    CareError
        If the booking isn't one that we wait for.
    """
    booking = _locked(conn, booking_id)
    if booking.state in ("arrived", "done"):
        existing = repairs.of_booking(conn, booking_id)
        assert existing is not None
        return existing
    if booking.state != "booked":
        raise CareError(f"This booking is {_plain(booking.state)}; make a new one first.")
    bookings.set_state(conn, booking_id, "arrived")
    op = bookings.op_code(conn, booking.op_code)
    spoken_of = alerts.get(conn, booking.alert_id) if booking.alert_id is not None else None
    concern = (
        f"{cause_of(spoken_of.cause).title}: {spoken_of.summary}"
        if spoken_of
        else (op.title if op else booking.op_code)
    )
    counters = repairs.counters(conn, booking.vehicle_id, now)
    order = repairs.insert(conn, booking.id, booking.vehicle_id, concern, counters.odometer_m, now)
    reason = "visit_kept" if booking.alert_id is None else "check_attended"
    loyalty.earn(conn, booking.customer_id, reason, f"booking:{booking.id}", now)
    people.audit(conn, now, actor, "car arrived", f"booking:{booking.id}", repair_order=order.id)
    return order


def _locked(conn: Connection, booking_id: int) -> Booking:
    booking = bookings.get(conn, booking_id)
    if booking is None:
        raise CareError(f"There is no booking {booking_id}.")
    bookings.lock_dealer(conn, booking.dealer_id)
    booking = bookings.get(conn, booking_id)
    assert booking is not None
    return booking


def _actor(source: str, customer_id: int) -> str:
    return source if source.startswith("staff:") else f"customer:{customer_id}"


def _plain(state: str) -> str:
    return {"no_show": "marked as not come", "done": "done", "arrived": "in the shop"}.get(
        state, state
    )
