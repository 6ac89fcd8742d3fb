"""The workshop's day, bay by bay."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api import render, words
from api.door import Booking, Desk, Looking, NotFound, Receiving, see
from api.slots import slot_key, slot_of
from api.store import audit as audit_store
from api.store import bookings as store
from api.store import workshop as workshop_store
from care import booking as care_booking

router = APIRouter(include_in_schema=False)

STEP_MIN = 15
"""One column of the day's grid, minutes."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A booking on the day's grid.

    Parameters
    ----------
    booking : BookingRow
    column, width : int
        Of `STEP_MIN` each; the first column is 1.
    """

    booking: store.BookingRow
    column: int
    width: int


def place(
    rows: list[store.BookingRow], day_starts: datetime, first_min: int, last_min: int
) -> list[Placed]:
    """Put bookings on the grid between two minutes of the day; what sticks out is cut.

    Parameters
    ----------
    rows : list of BookingRow
    day_starts : datetime
        Local midnight.
    first_min, last_min : int
        Minutes after midnight that the grid shows.
    """
    placed = []
    for row in rows:
        starts = (row.starts_at - day_starts) / timedelta(minutes=1)
        ends = (row.ends_at - day_starts) / timedelta(minutes=1)
        a = max(starts, first_min)
        b = min(ends, last_min)
        if a < b:
            column = int(a - first_min) // STEP_MIN
            end = -(-int(b - first_min) // STEP_MIN)
            placed.append(Placed(row, column + 1, max(end - column, 1)))
    return placed


def local_day(day: date, zone: str) -> tuple[datetime, datetime]:
    """A local day's first and last moment; 23 or 25 hours long when clocks change."""
    there = ZoneInfo(zone)
    starts = datetime.combine(day, time(), there)
    ends = datetime.combine(day + timedelta(days=1), time(), there)
    return starts.astimezone(UTC), ends.astimezone(UTC)


@router.get("/bookings")
def show(
    desk: Looking,
    day: Annotated[str, Query(max_length=10)] = "",
    by: Annotated[str, Query(pattern="^(bay|technician)$")] = "bay",
) -> Response:
    today = desk.now.astimezone(ZoneInfo(desk.zone)).date()
    try:
        chosen = date.fromisoformat(day) if day else today
        since, until = local_day(chosen, desk.zone)
        before, after = chosen - timedelta(days=1), chosen + timedelta(days=1)
    except (ValueError, OverflowError):
        raise NotFound("There is no such day; write it as 2026-12-03.") from None
    dealer = store.dealer(desk.conn, desk.dealer_id)
    rows = store.day(desk.conn, desk.dealer_id, since, until)
    on_grid = [r for r in rows if r.state in ("held", "booked", "arrived", "done")]
    first_min = dealer.opens_minute // 60 * 60
    last_min = -(-dealer.closes_minute // 60) * 60
    placed = place(on_grid, since, first_min, last_min)
    minute = (desk.now - since) / timedelta(minutes=1)
    return render.page(
        desk,
        "bookings.html",
        day=chosen,
        today=today,
        before=before,
        after=after,
        by=by,
        lanes=lanes(desk, chosen, by, on_grid),
        load=workshop_store.load(desk.conn, desk.dealer_id, chosen),
        loaners=workshop_store.loaners(desk.conn, desk.dealer_id, since, until),
        runs=workshop_store.runs(desk.conn, desk.dealer_id, chosen),
        wanted=workshop_store.wanted(desk.conn, desk.dealer_id, since, until),
        placed=placed,
        rows=rows,
        hours=list(range(first_min // 60, last_min // 60)),
        columns=(last_min - first_min) // STEP_MIN,
        now_column=int(minute - first_min) // STEP_MIN + 1
        if first_min <= minute < last_min
        else None,
        here_path=f"/bookings?day={chosen}&by={by}",
    )


@dataclass(frozen=True, slots=True)
class Lane:
    """A bay or a technician on the day's grid, and how full the day is."""

    id: int
    name: str
    note: str
    hours: str


def lanes(desk: Desk, day: date, by: str, rows: list[store.BookingRow]) -> list[Lane]:
    """The day's bays, or technicians with their absences."""
    key = "bay_id" if by == "bay" else "technician_id"
    taken: dict[int, timedelta] = {}
    for row in rows:
        one = getattr(row, key)
        taken[one] = taken.get(one, timedelta()) + (row.ends_at - row.starts_at)

    def hours(one: int) -> str:
        return f"{taken.get(one, timedelta()) / timedelta(hours=1):.1f} h booked"

    if by == "bay":
        bays = store.bays(desk.conn, desk.dealer_id)
        return [
            Lane(
                b.id, b.name, words.BAY.get(b.kind, "") if b.kind != "general" else "", hours(b.id)
            )
            for b in bays
        ]
    people = workshop_store.technicians(desk.conn, desk.dealer_id, day)
    return [Lane(t.id, t.name, "Away" if t.away else "", hours(t.id)) for t in people]


@router.get("/bookings/{booking_id}/move")
def move_to(
    desk: Booking, booking_id: int, count: Annotated[int, Query(ge=3, le=24)] = 9
) -> Response:
    booking = own_booking(desk, booking_id)
    found = care_booking.find_for_move(desk.conn, booking_id, desk.now, count)
    none = found if isinstance(found, care_booking.NoSlot) else None
    slots = [] if isinstance(found, care_booking.NoSlot) else found
    return render.page(
        desk,
        "booking_move.html",
        b=booking,
        no_slot=none.told if none else "",
        slots=[(slot_key(s), s) for s in slots],
        count=count,
    )


@router.post("/bookings/{booking_id}/move")
def move(desk: Booking, booking_id: int, slot: Annotated[str, Form(max_length=80)]) -> Response:
    own_booking(desk, booking_id)
    moved = care_booking.reschedule(
        desk.conn, booking_id, slot_of(slot), actor=desk.staff.actor, now=desk.now
    )
    if isinstance(moved, care_booking.Taken):
        back = see(f"/bookings/{booking_id}/move")
        return render.noted(back, desk.request, moved.reason, "sorry")
    when = words.moment(moved.starts_at, desk.place)
    return render.noted(see(f"/bookings/{booking_id}"), desk.request, f"Moved to {when}.")


@router.get("/bookings/{booking_id}")
def one(desk: Looking, booking_id: int) -> Response:
    booking = own_booking(desk, booking_id)
    return render.page(
        desk,
        "booking.html",
        b=booking,
        trail=audit_store.trail(desk.conn, [f"booking:{booking_id}"]),
    )


@router.post("/bookings/{booking_id}/arrive")
def arrive(desk: Receiving, booking_id: int) -> Response:
    own_booking(desk, booking_id)
    order = care_booking.arrive(desk.conn, booking_id, desk.staff.actor, desk.now)
    return render.noted(
        see(f"/repair-orders/{order.id}"), desk.request, "The car is here: repair order opened."
    )


@router.post("/bookings/{booking_id}/no-show")
def no_show(desk: Booking, booking_id: int) -> Response:
    own_booking(desk, booking_id)
    care_booking.no_show(desk.conn, booking_id, desk.staff.actor, desk.now)
    return render.noted(see(f"/bookings/{booking_id}"), desk.request, "Noted: didn't come.")


@router.post("/bookings/{booking_id}/cancel")
def cancel(desk: Booking, booking_id: int) -> Response:
    own_booking(desk, booking_id)
    care_booking.cancel(desk.conn, booking_id, desk.staff.actor, desk.now)
    return render.noted(
        see(f"/bookings/{booking_id}"), desk.request, "Cancelled; the slot is free."
    )


def own_booking(desk: Desk, booking_id: int) -> store.BookingRow:
    """The booking, if it is this dealer's.

    Raises
    ------
    NotFound
    """
    booking = store.booking(desk.conn, desk.dealer_id, booking_id)
    if booking is None:
        raise NotFound("There is no such booking at your dealer.")
    return booking
