"""What the workshop has and expects: shelves, deliveries, closures, and its calendar elsewhere."""

import hashlib
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form
from starlette.responses import Response

from api import calendar_file, render
from api.door import AtDoor, Booking, Connection, Desk, Looking, NotFound, SortingOut, door, see
from api.store import workshop as store
from care import parts as care_parts
from care.errors import CareError
from care.hours import instant

router = APIRouter(include_in_schema=False)

FEED_BACK = timedelta(days=14)
FEED_AHEAD = timedelta(days=90)
"""What a calendar address shows."""


@router.get("/workshop")
def show(desk: Looking) -> Response:
    today = desk.now.astimezone(ZoneInfo(desk.zone)).date()
    return render.page(
        desk,
        "shelves.html",
        today=today,
        parts=store.parts(desk.conn, desk.dealer_id),
        arrivals=store.arrivals(desk.conn, desk.dealer_id),
        closures=store.closures(desk.conn, desk.dealer_id, today),
        feeds=store.feeds(desk.conn, desk.dealer_id),
        technicians=store.technicians(desk.conn, desk.dealer_id, today),
    )


def _local(desk: Desk, text: str) -> datetime:
    """A time as a form gives it, by the dealer's clock.

    Raises
    ------
    CareError
    """
    try:
        local = datetime.fromisoformat(text)
        at = instant(local.date(), local.time().replace(tzinfo=None), ZoneInfo(desk.zone))
    except (ValueError, OverflowError):
        at = None
    if at is None or at.year > 9000:
        raise CareError("Say a day and a time that clocks will show, as 2026-12-03T09:00.")
    return at


@router.post("/workshop/arrivals")
def order(
    desk: Booking,
    part_no: Annotated[str, Form(max_length=60)],
    quantity: Annotated[int, Form(ge=1, le=10_000)],
    expected: Annotated[str, Form(max_length=25)],
) -> Response:
    care_parts.order(
        desk.conn,
        desk.dealer_id,
        part_no.replace("\x00", ""),
        quantity,
        _local(desk, expected),
        desk.staff.actor,
        desk.now,
    )
    return render.noted(see("/workshop"), desk.request, "Noted: on its way.")


@router.post("/workshop/arrivals/{arrival_id}/expected")
def expect(
    desk: Booking, arrival_id: int, expected: Annotated[str, Form(max_length=25)]
) -> Response:
    _own_arrival(desk, arrival_id)
    moved = care_parts.set_arrival(
        desk.conn, arrival_id, _local(desk, expected), desk.staff.actor, desk.now
    )
    told = f"{len(moved)} {'visit has' if len(moved) == 1 else 'visits have'} to move"
    note = f"{told}; the customers are asked." if moved else "Noted. No visit has to move."
    return render.noted(see("/workshop"), desk.request, note)


@router.post("/workshop/arrivals/{arrival_id}/arrived")
def arrived(desk: Booking, arrival_id: int) -> Response:
    _own_arrival(desk, arrival_id)
    care_parts.arrived(desk.conn, arrival_id, desk.staff.actor, desk.now)
    return render.noted(see("/workshop"), desk.request, "It lies on the shelf now.")


@router.post("/workshop/parts/count")
def count(
    desk: Booking,
    part_no: Annotated[str, Form(max_length=60)],
    on_hand: Annotated[int, Form(ge=0, le=10_000)],
) -> Response:
    part = part_no.replace("\x00", "")
    care_parts.count(desk.conn, desk.dealer_id, part, on_hand, desk.staff.actor, desk.now)
    return render.noted(see("/workshop"), desk.request, "Counted.")


@router.post("/workshop/closures")
def close(
    desk: SortingOut,
    day: Annotated[str, Form(max_length=10)],
    reason: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    try:
        chosen = date.fromisoformat(day)
    except ValueError:
        raise CareError("Say a day, as 2026-12-25.") from None
    store.close_on(desk.conn, desk.dealer_id, chosen, reason.replace("\x00", "").strip())
    return render.noted(see("/workshop"), desk.request, "Closed on that day; nothing is offered.")


@router.post("/workshop/absences")
def away(
    desk: SortingOut,
    technician_id: Annotated[int, Form(ge=1, lt=2**31)],
    since: Annotated[str, Form(max_length=25)],
    until: Annotated[str, Form(max_length=25)],
    reason: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    first, last = _local(desk, since), _local(desk, until)
    if not first < last:
        raise CareError("The absence must end after it begins.")
    why = reason.replace("\x00", "").strip()
    if not store.add_absence(desk.conn, desk.dealer_id, technician_id, first, last, why):
        raise NotFound("There is no such technician at your dealer.")
    clash = store.booked_with(desk.conn, technician_id, first, last)
    note = f"Noted. {clash} of their visits must be moved by hand." if clash else "Noted."
    return render.noted(see("/workshop"), desk.request, note)


@router.post("/workshop/feeds")
def add_feed(desk: SortingOut) -> Response:
    """Make a secret address; it is shown once, for we keep only its hash."""
    token = secrets.token_urlsafe(24)
    store.add_feed(desk.conn, desk.dealer_id, desk.staff.id, _hash(token), desk.now)
    base = door(desk.request).settings.public_url.rstrip("/")
    return render.page(desk, "feed.html", feed_url=f"{base}/calendar/{token}.ics")


@router.post("/workshop/feeds/{feed_id}/revoke")
def revoke_feed(desk: SortingOut, feed_id: int) -> Response:
    if not store.revoke_feed(desk.conn, desk.dealer_id, feed_id, desk.now):
        raise NotFound("There is no such calendar address at your dealer.")
    return render.noted(see("/workshop"), desk.request, "Revoked: the address shows nothing now.")


@router.get("/calendar/{token}.ics")
def calendar(shared: AtDoor, conn: Connection, token: str) -> Response:
    """The workshop's bookings for a calendar program that knows the secret address."""
    whose = store.feed_dealer(conn, _hash(token))
    if whose is None:
        raise NotFound("There is no such calendar, or its address was revoked.")
    now = shared.clock.now()
    dealer_id, name = whose
    events = (
        calendar_file.Event(
            uid=f"booking-{one.id}@roadworthy",
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            summary=f"{one.work}: {one.car}",
            place=one.bay,
            sequence=one.sequence,
            description=one.technician,
        )
        for one in store.entries(conn, dealer_id, now - FEED_BACK, now + FEED_AHEAD)
    )
    return Response(
        calendar_file.feed(name, events, now.astimezone(UTC)),
        media_type="text/calendar",
        headers={"X-Robots-Tag": "noindex"},
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _own_arrival(desk: Desk, arrival_id: int) -> store.Arrival:
    found = store.arrival(desk.conn, desk.dealer_id, arrival_id)
    if found is None:
        raise NotFound("There is no such delivery at your dealer.")
    return found
