"""Deliveries of parts: ordered, late, here; and the visits that wait for them.

When a delivery slips past a visit that needs it, the visit has to move. The old time is kept until
the customer has chosen a new one by text or on the slot page; an advisor has a task meanwhile. Two
hours before the old time `care.booking.give_up_late` cancels what nobody has moved.
"""

from datetime import datetime

from psycopg import Connection, errors

from care import outreach, task
from care.compose import PART_LATE
from care.errors import CareError
from care.store import alerts, bookings, parts, people
from care.store.parts import Arrival
from care.supply import Missing, allot
from record.flow import Booking

MOST = 10_000
"""Nobody orders, or counts, more pieces of one part."""


def order(
    conn: Connection,
    dealer_id: int,
    part_no: str,
    quantity: int,
    expected_at: datetime,
    actor: str,
    now: datetime,
) -> int:
    """Note that parts are on their way.

    Raises
    ------
    CareError
        If there is no such part, or the number or the time makes no sense.
    """
    if not parts.known(conn, part_no):
        raise CareError(f"There is no part {part_no}.")
    if not 0 < quantity <= MOST:
        raise CareError(f"Order between 1 and {MOST} pieces.")
    if expected_at <= now:
        raise CareError("Say a time to come.")
    arrival_id = parts.add_arrival(conn, dealer_id, part_no, quantity, expected_at)
    people.audit(conn, now, actor, "parts ordered", f"arrival:{arrival_id}", part=part_no)
    return arrival_id


def count(
    conn: Connection, dealer_id: int, part_no: str, on_hand: int, actor: str, now: datetime
) -> None:
    """Note what was counted on the shelf.

    Raises
    ------
    CareError
        If there is no such part, or more of it are promised to visits.
    """
    if not parts.known(conn, part_no):
        raise CareError(f"There is no part {part_no}.")
    if not 0 <= on_hand <= MOST:
        raise CareError(f"Count between 0 and {MOST} pieces.")
    bookings.lock_dealer(conn, dealer_id)
    try:
        with conn.transaction():
            parts.set_on_hand(conn, dealer_id, part_no, on_hand)
    except errors.CheckViolation:
        raise CareError(
            f"More pieces of {part_no} are promised to visits. Move or cancel one first."
        ) from None
    people.audit(conn, now, actor, "parts counted", f"part:{part_no}", on_hand=on_hand)


def set_arrival(
    conn: Connection, arrival_id: int, expected_at: datetime, actor: str, now: datetime
) -> list[int]:
    """A delivery comes sooner or later than expected: visits that can't have it in time must move.

    Returns
    -------
    list of int
        Bookings that have to move; their customers are offered other times.

    Raises
    ------
    CareError
        If there is no such delivery, it is here already, or the time has passed.
    """
    of = _open(conn, arrival_id)
    if expected_at <= now:
        raise CareError("Say a time to come; if the parts are here, say so.")
    parts.set_expected(conn, arrival_id, expected_at)
    people.audit(
        conn,
        now,
        actor,
        "arrival moved",
        f"arrival:{arrival_id}",
        before=of.expected_at.isoformat(),
    )
    return [b for b in parts.waiting_for(conn, arrival_id) if _is_late(conn, b, expected_at, now)]


def arrived(conn: Connection, arrival_id: int, actor: str, now: datetime) -> None:
    """The delivery is here: its pieces lie on the shelf for the visits that they were promised.

    Raises
    ------
    CareError
        If there is no such delivery, or it is here already.
    """
    of = _open(conn, arrival_id)
    waiting = parts.waiting_for(conn, arrival_id)
    parts.put_on_shelf(conn, of, now)
    for booking_id in waiting:
        if parts.ready_for(conn, booking_id) is None:
            bookings.set_parts_late(conn, booking_id, None)
    people.audit(conn, now, actor, "parts arrived", f"arrival:{arrival_id}")


def _is_late(conn: Connection, booking_id: int, expected_at: datetime, now: datetime) -> bool:
    """Whether the visit's parts come too late now; tells its customer and an advisor if so."""
    booking = bookings.get(conn, booking_id)
    assert booking is not None
    ready = parts.ready_for(conn, booking_id)
    if ready is None or ready <= booking.starts_at or _had_elsewhere(conn, booking):
        bookings.set_parts_late(conn, booking_id, None)
        return False
    bookings.set_parts_late(conn, booking_id, now)
    outreach.plan(
        conn,
        customer_id=booking.customer_id,
        template=PART_LATE,
        purpose="reply",
        dedupe_key=f"booking:{booking_id}:{booking.sequence}:part late:{expected_at:%Y%m%dT%H%M}",
        alert_id=booking.alert_id,
        booking_id=booking_id,
        now=now,
    )
    why = "A part comes too late for the visit, and the customer was offered other times"
    about = alerts.get(conn, booking.alert_id) if booking.alert_id is not None else None
    if about is not None and about.state == "open":
        task.put(conn, about, now, why)
    else:
        customer = people.customer(conn, booking.customer_id)
        assert customer is not None
        task.ask_person(conn, customer, f"{customer.name} needs a new time", f"{why}.", now)
    return True


def _had_elsewhere(conn: Connection, booking: Booking) -> bool:
    """Whether the shelf, or another delivery, has what the visit needs in time; then it gets it."""
    codes = [booking.op_code, *(one.op_code for one in bookings.also_of(conn, booking.id))]
    needs = parts.needs(conn, codes)
    try:
        with conn.transaction():
            parts.release(conn, booking.id)
            supplies = parts.supplies(conn, booking.dealer_id, [n.part_no for n in needs])
            portions = allot(needs, supplies, by=booking.starts_at)
            if isinstance(portions, Missing):
                raise _NotThereError
            for p in portions:
                parts.reserve(
                    conn, booking.id, booking.dealer_id, p.part_no, p.quantity, p.arrival_id
                )
    except _NotThereError:
        return False
    return True


class _NotThereError(Exception):
    """Undo the savepoint."""


def _open(conn: Connection, arrival_id: int) -> Arrival:
    """The delivery that is still expected, its dealer locked."""
    found = parts.arrival(conn, arrival_id)
    if found is not None:
        bookings.lock_dealer(conn, found.dealer_id)
        found = parts.arrival(conn, arrival_id)
    if found is None:
        raise CareError(f"There is no delivery {arrival_id}.")
    if found.arrived_at is not None:
        raise CareError("This delivery is here already.")
    return found
