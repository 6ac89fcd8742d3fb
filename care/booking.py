"""Slots, holds and bookings. The database keeps the promise that nothing is booked twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import Connection, errors

from care import alert, journey, outreach, task
from care.errors import CareError
from care.hours import instant
from care.slots import (
    LEAD,
    NoSlot,
    Offer,
    find,
    find_for_move,
    find_slots,
    fits,
    in_reach,
    known_bundle,
    shop_of,
    work_of,
)
from care.store import alerts, bookings, parts, people, repairs, workshop
from care.store.bookings import Also, Extras, Seat
from care.store.people import Dealer
from care.supply import Missing, allot
from record.causes import cause_of
from record.flow import Booking, RepairOrder, Slot

__all__ = [
    "Also",
    "Extras",
    "NoSlot",
    "Offer",
    "Taken",
    "arrive",
    "ask_for",
    "book",
    "bundled",
    "cancel",
    "confirm",
    "find",
    "find_for_move",
    "find_slots",
    "give_up_late",
    "hold",
    "known_bundle",
    "loaner_until",
    "no_show",
    "reschedule",
]


@dataclass(frozen=True, slots=True)
class Taken:
    """Someone was faster, or the time has passed.

    Parameters
    ----------
    reason : str
        For the person who asked.
    code : str
        Short, for pages in other languages.
    """

    reason: str
    code: str = "taken"


NOTHING_MORE = Extras()

_TAKEN = Taken("Someone else has just taken that time.")
_PASSED = Taken("That time has passed.")
_BOOKED = Taken("Another time is booked for this already.")
_NO_PARTS = Taken("The parts for this work will not be here by then.", "no parts")
_NO_LOANER = Taken("No loaner car is free at that time.", "no loaner")
_NO_SEAT = Taken("The driver who fetches cars has no room left for that time.", "no seat")
_TOO_FAR = Taken("We do not fetch cars from so far away.", "too far")


class _Refused(Exception):  # noqa: N818
    """Undo the savepoint and answer so."""

    def __init__(self, why: Taken) -> None:
        super().__init__(why.reason)
        self.why = why


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
    extras: Extras = NOTHING_MORE,
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
    extras : Extras
        Further works on the same visit, a loaner car, an address to fetch the car from.

    Raises
    ------
    CareError
        If the alert has a booking, the car has one at that time, or the slot isn't one of this
        workshop's.
    """
    if slot.starts_at <= now:
        return _PASSED
    dealer = people.dealer(conn, dealer_id)
    codes = [op_code, *(one.op_code for one in extras.also)]
    if dealer is None or not bookings.lock_dealer(conn, dealer_id):
        raise CareError(f"There is no dealer {dealer_id}.")
    _check_offered(conn, dealer, slot, codes, now)
    bookings.release(conn, dealer_id, vehicle_id, customer_id, now)
    for spoken_of in (alert_id, *(one.alert_id for one in extras.also)):
        if spoken_of is not None and bookings.live_for_alert(conn, spoken_of) is not None:
            raise CareError("There is a booking for this already. Cancel it first to choose again.")
    if bookings.of_car_during(conn, vehicle_id, slot) is not None:
        raise CareError("The car is in the workshop already at that time, for other work.")
    try:
        with conn.transaction():
            loaner_id, until = _loaner(conn, dealer, slot, wanted=extras.loaner)
            pick_up = extras.pick_up.strip()
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
                loaner_id=loaner_id,
                loaner_until=until,
                seat=_seat(conn, dealer, customer_id, slot) if pick_up else None,
                pick_up=pick_up,
            )
            for one in extras.also:
                bookings.add_op(conn, held.id, one)
            _reserve_parts(conn, held, codes)
    except _Refused as refused:
        return refused.why
    except (errors.ExclusionViolation, errors.UniqueViolation, errors.CheckViolation) as error:
        return _why(error)
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
    extras: Extras = NOTHING_MORE,
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
        extras=extras,
    )
    return held if isinstance(held, Taken) else confirm(conn, held.id, now)


def bundled(
    conn: Connection,
    *,
    slot: Slot,
    dealer_id: int,
    vehicle_id: int,
    alert_id: int | None,
    op_code: str,
    now: datetime,
) -> Extras:
    """What else is done in a slot that was offered in a text: all that is open on the car, if the
    slot is as long as that; else nothing."""
    also = known_bundle(conn, vehicle_id, alert_id, op_code)
    dealer = people.dealer(conn, dealer_id)
    ops = bookings.op_codes(conn, [op_code, *(one.op_code for one in also)])
    if also and dealer is not None and fits(slot, shop_of(conn, dealer, now), work_of(ops)):
        return Extras(also)
    return NOTHING_MORE


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
    also = bookings.also_of(conn, booking_id)
    about = [a for a in (booking.alert_id, *(one.alert_id for one in also)) if a is not None]
    try:
        with conn.transaction():
            if booking.state == "expired":  # it gave its parts back
                for alert_id in about:
                    if bookings.live_for_alert(conn, alert_id) is not None:
                        raise _Refused(_BOOKED)
                _reserve_parts(conn, booking, [booking.op_code, *(one.op_code for one in also)])
            booking = bookings.set_state(conn, booking_id, "booked")
    except _Refused as refused:
        return refused.why
    except (errors.ExclusionViolation, errors.UniqueViolation, errors.CheckViolation) as error:
        return _why(error)
    source = bookings.source_of(conn, booking_id)
    actor = _actor(source, booking.customer_id)
    for alert_id in about:
        task.finish(conn, alert_id, actor, "customer booked", now)
    if booking.pick_up and booking.run_id is None:
        _ask_about_pick_up(conn, booking, now)
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
    journey.begin(
        conn,
        "booking.made",
        customer_id=booking.customer_id,
        vehicle_id=booking.vehicle_id,
        booking_id=booking.id,
        now=now,
    )
    people.audit(conn, now, actor, "booked", f"booking:{booking.id}", source=source)
    return booking


def reschedule(
    conn: Connection, booking_id: int, slot: Slot, *, actor: str, now: datetime
) -> Booking | Taken:
    """Move a booking to another slot in one step: the old one is kept until the new one is had.

    Its further works, loaner car, seat and parts move with it, or nothing moves.

    Parameters
    ----------
    conn : Connection
        The caller commits.
    booking_id : int
    slot : Slot
        As `find_for_move` gave it.
    actor : str
        ``customer:7`` or ``staff:3``.
    now : datetime

    Raises
    ------
    CareError
        If the car is here or the booking over, the car has another one at that time, or the slot
        isn't one of this workshop's.
    """
    booking = _locked(conn, booking_id)
    if booking.state not in ("held", "booked"):
        raise CareError(f"This booking is {_plain(booking.state)} and can't be moved.")
    if slot.starts_at <= now:
        return _PASSED
    before = Slot(booking.bay_id, booking.technician_id, booking.starts_at, booking.ends_at)
    if slot == before:
        return booking
    dealer = people.dealer(conn, booking.dealer_id)
    assert dealer is not None
    also = bookings.also_of(conn, booking_id)
    codes = [booking.op_code, *(one.op_code for one in also)]
    _check_offered(conn, dealer, slot, codes, now)
    if bookings.of_car_during(conn, booking.vehicle_id, slot, but=booking_id) is not None:
        raise CareError("The car is in the workshop already at that time, for other work.")
    try:
        with conn.transaction():
            loaner_id, until = _loaner(
                conn, dealer, slot, wanted=booking.loaner_id is not None, but=booking_id
            )
            seat = None
            if booking.run_id is not None:
                seat = _seat(conn, dealer, booking.customer_id, slot, but=booking_id)
            moved = bookings.move(
                conn, booking_id, slot, loaner_id=loaner_id, loaner_until=until, seat=seat
            )
            parts.release(conn, booking_id)
            _reserve_parts(conn, moved, codes)
    except _Refused as refused:
        return refused.why
    except (errors.ExclusionViolation, errors.UniqueViolation, errors.CheckViolation) as error:
        return _why(error)
    if moved.state == "booked":
        for alert_id in (booking.alert_id, *(one.alert_id for one in also)):
            if alert_id is not None:
                task.finish(conn, alert_id, actor, "visit moved", now)
        outreach.plan(
            conn,
            customer_id=moved.customer_id,
            template="confirmed",
            purpose="reply",
            dedupe_key=f"booking:{moved.id}:moved:{moved.sequence}",
            alert_id=moved.alert_id,
            booking_id=moved.id,
            answers_at=now,
            now=now,
        )
    people.audit(
        conn,
        now,
        actor,
        "booking moved",
        f"booking:{moved.id}",
        before=before.starts_at.isoformat(),
    )
    return moved


WAYS = {
    "mobile": "a technician to come",
    "pick_up": "the car to be fetched",
    "tow": "a tow",
    "site": "the other workshop",
}
"""What a customer may ask for where no slot fits."""


def ask_for(conn: Connection, customer_id: int, way: str, now: datetime) -> None:
    """A customer chose what can be done instead of a slot: an advisor arranges it.

    Raises
    ------
    CareError
        If there is no such customer or way.
    """
    customer = people.customer(conn, customer_id)
    if customer is None or way not in WAYS:
        raise CareError("Please choose one of the ways.")
    title = f"{customer.name} asks for {WAYS[way]}"
    action = f"No time here fits. Call {customer.name} and arrange it."
    task.ask_person(conn, customer, title, action, now)
    people.audit(
        conn, now, f"customer:{customer_id}", "asked for", f"customer:{customer_id}", way=way
    )


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
    if was_booked:
        _lost(conn, booking, "The booking was cancelled", now)
    return booking


def give_up_late(conn: Connection, now: datetime) -> int:
    """Cancel the visits that begin soon and whose parts still do not come by then.

    Their customers were told and offered other times; who has not answered by now is called.
    Returns how many.
    """
    given_up = 0
    for _, booking_id in bookings.parts_never_came(conn, now + LEAD):
        booking = _locked(conn, booking_id)
        if booking.state != "booked" or booking.parts_late_at is None:
            continue
        bookings.set_state(conn, booking_id, "cancelled")
        people.audit(conn, now, "care", "cancelled, parts are late", f"booking:{booking_id}")
        why = "The part did not come in time and the customer chose no other day"
        if not _lost(conn, booking, why, now):
            customer = people.customer(conn, booking.customer_id)
            assert customer is not None
            action = f"{why}. Call before {customer.name} sets out."
            task.ask_person(conn, customer, f"{customer.name} needs a new time", action, now)
        given_up += 1
    return given_up


def _lost(conn: Connection, booking: Booking, why: str, now: datetime) -> bool:
    """The booking is gone: its alerts need someone again. False if it had none."""
    also = bookings.also_of(conn, booking.id)
    about = [a for a in (booking.alert_id, *(one.alert_id for one in also)) if a is not None]
    for alert_id in about:
        alert.booking_lost(conn, alert_id, why, now)
    return bool(about)


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
    journey.begin(
        conn,
        "booking.no_show",
        customer_id=booking.customer_id,
        vehicle_id=booking.vehicle_id,
        alert_id=booking.alert_id,
        booking_id=booking.id,
        now=now,
    )
    people.audit(conn, now, actor, "did not come", f"booking:{booking.id}")
    _lost(conn, booking, "The customer did not come", now)
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
    more = bookings.op_codes(conn, [one.op_code for one in bookings.also_of(conn, booking_id)])
    if more:
        concern += ". Also: " + ", ".join(one.title for one in more)
    counters = repairs.counters(conn, booking.vehicle_id, now)
    order = repairs.insert(
        conn, booking.id, booking.vehicle_id, concern, counters.odometer_m, now, actor
    )
    people.audit(conn, now, actor, "car arrived", f"booking:{booking.id}", repair_order=order.id)
    return order


def _check_offered(
    conn: Connection, dealer: Dealer, slot: Slot, codes: Sequence[str], now: datetime
) -> None:
    """Refuse a slot that the workshop would never offer for these works."""
    ops = bookings.op_codes(conn, codes)
    if len(ops) != len(set(codes)) or len(codes) != len(set(codes)):
        raise CareError(f"There is no op-code {', '.join(codes)} at dealer {dealer.id}.")
    if not fits(slot, shop_of(conn, dealer, now), work_of(ops)):
        raise CareError("That is not a time that the workshop offers for this work.")


def _reserve_parts(conn: Connection, booking: Booking, codes: Sequence[str]) -> None:
    """Give the booking its parts, each ready before it begins."""
    needs = parts.needs(conn, codes)
    if not needs:
        return
    supplies = parts.supplies(conn, booking.dealer_id, [n.part_no for n in needs])
    portions = allot(needs, supplies, by=booking.starts_at)
    if isinstance(portions, Missing):
        raise _Refused(_NO_PARTS)
    for p in portions:
        parts.reserve(conn, booking.id, booking.dealer_id, p.part_no, p.quantity, p.arrival_id)


def _loaner(
    conn: Connection, dealer: Dealer, slot: Slot, *, wanted: bool, but: int | None = None
) -> tuple[int | None, datetime | None]:
    """A loaner car from the slot's begin until the workshop closes, and until when that is."""
    if not wanted:
        return None, None
    until = loaner_until(dealer, slot)
    loaner_id = workshop.free_loaner(conn, dealer.id, slot.starts_at, until, but)
    if loaner_id is None:
        raise _Refused(_NO_LOANER)
    return loaner_id, until


def loaner_until(dealer: Dealer, slot: Slot) -> datetime:
    """When a loaner car is back: the work may take longer, but not than the day."""
    zone = ZoneInfo(dealer.time_zone)
    closes = instant(slot.starts_at.astimezone(zone).date(), dealer.closes, zone)
    return max(closes or slot.ends_at, slot.ends_at)


def _seat(
    conn: Connection, dealer: Dealer, customer_id: int, slot: Slot, but: int | None = None
) -> Seat | None:
    """A place on a run that fetches the car before the slot and returns it after.

    None where nobody knows whether the run goes so far: a person asks then.
    """
    site = workshop.site(conn, dealer.id)
    assert site is not None
    place = workshop.place(conn, customer_id)
    zone = ZoneInfo(dealer.time_zone)
    starts, ends = slot.starts_at.astimezone(zone), slot.ends_at.astimezone(zone)
    runs = workshop.runs(conn, dealer.id)
    if place is None and runs:
        return None
    near = [run for run in runs if in_reach(site, place, run.radius_km) is not False]
    if not near:
        raise _Refused(_TOO_FAR if runs else _NO_SEAT)
    if any(in_reach(site, place, run.radius_km) is None for run in near):
        return None
    for run in near:
        suits = starts.isoweekday() in run.weekdays
        if suits and run.fetches_until <= starts.time() and ends.time() <= run.returns_from:
            seat = workshop.free_seat(conn, run.id, starts.date(), but)
            if seat is not None:
                return Seat(run.id, seat, starts.date())
    raise _Refused(_NO_SEAT)


def _why(error: errors.IntegrityError) -> Taken:
    """What a constraint of the database says, for the person who asked."""
    match error.diag.constraint_name:
        case "booking_one_live":
            return _BOOKED
        case "booking_loaner_free":
            return _NO_LOANER
        case "booking_seat_free":
            return _NO_SEAT
        case "booking_bay_free" | "booking_technician_free":
            return _TAKEN
        case "part_stock_enough" | "part_arrival_enough":
            return _NO_PARTS
        case _:
            raise error


def _ask_about_pick_up(conn: Connection, booking: Booking, now: datetime) -> None:
    customer = people.customer(conn, booking.customer_id)
    assert customer is not None
    title = f"{customer.name} wants the car fetched"
    action = f"Check whether a driver can go to: {booking.pick_up}. Then tell {customer.name}."
    task.ask_person(conn, customer, title, action, now)


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
