"""REST under ``/api/v1``: all that the pages show and do, for programs.

Signed in by the same cookie, or by ``Authorization: Bearer`` with a token from ``POST
/api/v1/token``. Errors are problem details (RFC 9457) with a sentence that helps. Lists give
``next``: the address of the next page, or null.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from api import auth, words
from api.door import (
    AtDoor,
    Booking,
    Connection,
    Looking,
    NotFound,
    NotSignedIn,
    Receiving,
    Repairing,
    SeeingCustomers,
    SortingOut,
    Working,
)
from api.pages.bookings import local_day, own_booking
from api.pages.customers import own_customer
from api.pages.inbox import TO_DO, own_task, today
from api.pages.quarantine import strangers
from api.pages.repairs import own_repair_order
from api.pages.sign_in import check_password
from api.pages.vehicles import last_heard, own_alert, own_vehicle
from api.replay import replay_one
from api.slots import slot_key, slot_of
from api.store import bookings as booking_store
from api.store import customers as customer_store
from api.store import inbox as inbox_store
from api.store import quarantine as quarantine_store
from api.store import telemetry as telemetry_store
from api.store import vehicles as vehicle_store
from care import alert as care_alert
from care import booking as care_booking
from care import outreach as care_outreach
from care import repair as care_repair
from care import task as care_task
from care.errors import CareError
from care.money import MOST_MINOR
from record.clock import wall
from record.signals import SIGNALS

router = APIRouter(prefix="/api/v1")

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=200)]
Id = Annotated[int, Query(ge=1, lt=2**31)]
BigId = Annotated[int, Query(ge=1, lt=2**62)]
Search = Annotated[str, Query(max_length=80)]


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list, and where the rest is."""

    items: list[T]
    next: str | None = None


def _page(
    request: Request, rows: list[T], limit: int, after: Callable[[T], dict[str, Any]]
) -> Page[T]:
    """A page of `limit` rows out of ``limit + 1`` that were read."""
    if len(rows) <= limit:
        return Page(rows)
    query = {**request.query_params, **after(rows[limit - 1])}
    return Page(rows[:limit], f"{request.url.path}?{urlencode(query)}")


def _clean(text: str) -> str:
    return text.strip().replace("\x00", "")


# Signing in


class Credentials(BaseModel):
    """Who asks for a token."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=200)


@dataclass(frozen=True)
class Token:
    """For ``Authorization: Bearer``."""

    token: str
    expires_at: datetime


@router.post("/token", tags=["sign-in"])
def token(request: Request, shared: AtDoor, conn: Connection, who: Credentials) -> Token:
    """A bearer token, good for 90 days or until the person is signed out everywhere."""
    address = request.client.host if request.client else ""
    staff = check_password(shared, conn, _clean(who.email), who.password, address)
    if staff is None:
        conn.commit()  # the failure counts, though the answer is an error
        raise NotSignedIn
    now = wall()
    return Token(shared.signer.session("token", staff, now), now + auth.TOKEN)


@dataclass(frozen=True)
class Me:
    """The person behind the request."""

    id: int
    name: str
    email: str
    role: str
    dealer_id: int
    dealer_name: str
    time_zone: str
    may: list[str]
    now: datetime


@router.get("/me", tags=["sign-in"])
def me(desk: Looking) -> Me:
    """Who is asking, what they may do, and the (story's) time."""
    s = desk.staff
    return Me(
        s.id,
        s.name,
        s.email,
        s.role,
        s.dealer_id,
        s.dealer_name,
        s.dealer_time_zone,
        [m.value for m in auth.May if s.may(m)],
        desk.now,
    )


# Tasks


@router.get("/tasks", tags=["tasks"])
def tasks(
    request: Request,
    desk: Looking,
    kind: Literal["call", "watch", "reply", "handle", ""] = "",
    owner: Literal["me", "nobody", ""] = "",
    urgency: Literal["stop", "soon", "service", "info", ""] = "",
    after_priority: float | None = None,
    after_id: BigId | None = None,
    limit: Limit = 50,
) -> Page[inbox_store.TaskRow]:
    """Open tasks, most important first; without `kind` all but the watched ones.

    What was put aside or is with a colleague is left out.
    """
    rows = inbox_store.tasks(
        desk.conn,
        dealer_id=desk.dealer_id,
        now=desk.now,
        kinds=[kind] if kind else TO_DO,
        owner_id=desk.staff.id if owner == "me" else None,
        unclaimed=owner == "nobody",
        urgency=urgency or None,
        after=(after_priority, after_id)
        if after_priority is not None and after_id is not None
        else None,
        limit=limit + 1,
    )
    return _page(request, rows, limit, lambda t: {"after_priority": t.priority, "after_id": t.id})


@router.get("/tasks/counts", tags=["tasks"])
def task_counts(desk: Looking) -> inbox_store.Counts:
    """How many open tasks there are, and how many of them are for today."""
    return inbox_store.counts(desk.conn, desk.dealer_id, desk.staff.id, today(desk), desk.now)


@router.get("/tasks/{task_id}", tags=["tasks"])
def task(desk: Looking, task_id: int) -> inbox_store.TaskRow:
    """One task."""
    return own_task(desk, task_id)


class Reason(BaseModel):
    """Why."""

    reason: str = Field(min_length=1, max_length=500)


@router.post("/tasks/{task_id}/claim", tags=["tasks"])
def claim_task(desk: Working, task_id: int) -> inbox_store.TaskRow:
    """Make it yours."""
    own_task(desk, task_id)
    care_task.claim(desk.conn, task_id, desk.staff.id, desk.now)
    return own_task(desk, task_id)


@router.post("/tasks/{task_id}/done", tags=["tasks"])
def finish_task(desk: Working, task_id: int, why: Reason) -> inbox_store.TaskRow:
    """Done, and why."""
    own_task(desk, task_id)
    care_task.done(desk.conn, task_id, desk.staff.actor, why.reason, desk.now)
    return own_task(desk, task_id)


# Vehicles, telemetry, findings, alerts


@router.get("/vehicles", tags=["vehicles"])
def vehicles(
    request: Request,
    desk: Looking,
    q: Search = "",
    after_make: Annotated[str, Query(max_length=100)] = "",
    after_model: Annotated[str, Query(max_length=100)] = "",
    after_id: Id | None = None,
    limit: Limit = 50,
) -> Page[vehicle_store.VehicleRow]:
    """Cars by make and model, or those that fit `q`: VIN, plate, owner's name or phone."""
    if len(_clean(q)) >= 2:
        return Page(
            vehicle_store.search(
                desk.conn, dealer_id=desk.dealer_id, part=_clean(q), now=desk.now, limit=limit
            )
        )
    rows = vehicle_store.page(
        desk.conn,
        dealer_id=desk.dealer_id,
        now=desk.now,
        after=(_clean(after_make), _clean(after_model), after_id) if after_id else None,
        limit=limit + 1,
    )
    return _page(
        request,
        rows,
        limit,
        lambda v: {"after_make": v.make, "after_model": v.model, "after_id": v.id},
    )


@dataclass(frozen=True)
class VehicleState:
    """One car and how it is."""

    vehicle: vehicle_store.VehicleCard
    condition: str
    last: vehicle_store.LastFrame | None
    alerts: list[vehicle_store.AlertRow]


@router.get("/vehicles/{vehicle_id}", tags=["vehicles"])
def vehicle(desk: Looking, vehicle_id: int) -> VehicleState:
    """One car. A silent one's condition is `unknown`, never `quiet`."""
    card = own_vehicle(desk, vehicle_id)
    alerts = vehicle_store.alerts_of(desk.conn, desk.dealer_id, vehicle_id)
    last, heard_at = last_heard(desk, vehicle_id)
    worst = next((a.urgency for a in alerts if a.state == "open"), None)
    return VehicleState(card, words.condition(worst, heard_at, desk.now), last, alerts)


@router.get("/vehicles/{vehicle_id}/telemetry", tags=["vehicles"])
def telemetry(
    desk: Looking,
    vehicle_id: int,
    signals: Annotated[str, Query(max_length=500, description="column names, separated by commas")],
    since: datetime,
    until: datetime,
    points: Annotated[int, Query(ge=10, le=2000)] = 600,
) -> telemetry_store.Window:
    """Least and greatest value of each signal in at most `points` buckets."""
    own_vehicle(desk, vehicle_id)
    if not (since.tzinfo and until.tzinfo and since < until):
        raise CareError("since and until need a time zone, and since must come first.")
    if until - since > timedelta(days=400):
        raise CareError("Ask for 400 days at most.")
    return telemetry_store.window(
        desk.conn,
        vehicle_id=vehicle_id,
        names=signals.split(",")[:12],
        since=since,
        until=until,
        points=points,
    )


@router.get("/vehicles/{vehicle_id}/findings", tags=["vehicles"])
def findings(
    request: Request,
    desk: Looking,
    vehicle_id: int,
    cause: Annotated[str, Query(max_length=60)] = "",
    before: datetime | None = None,
    limit: Limit = 50,
) -> Page[vehicle_store.FindingRow]:
    """What the detectors said of a car, newest first."""
    own_vehicle(desk, vehicle_id)
    rows = vehicle_store.findings(
        desk.conn, desk.dealer_id, vehicle_id, _clean(cause) or None, before, limit + 1
    )
    return _page(request, rows, limit, lambda f: {"before": f.at.isoformat()})


@dataclass(frozen=True)
class SignalCard:
    """One signal of the catalogue."""

    name: str
    path: str
    unit: str
    description: str
    low: float | None
    high: float | None
    pid: str | None


@router.get("/signals", tags=["vehicles"])
def signals(desk: Looking) -> list[SignalCard]:
    """The catalogue: what a car can say."""
    return [
        SignalCard(s.name, s.path, s.unit, s.description, s.low, s.high, s.pid) for s in SIGNALS
    ]


@router.get("/alerts", tags=["alerts"])
def alerts(
    request: Request,
    desk: Looking,
    after_opened_at: datetime | None = None,
    after_id: BigId | None = None,
    limit: Limit = 50,
) -> Page[vehicle_store.AlertRow]:
    """Open alerts, newest first."""
    after = (after_opened_at, after_id) if after_opened_at and after_id else None
    rows = vehicle_store.open_alerts(desk.conn, desk.dealer_id, after, limit + 1)
    return _page(
        request,
        rows,
        limit,
        lambda a: {"after_opened_at": a.opened_at.isoformat(), "after_id": a.id},
    )


@router.get("/alerts/{alert_id}", tags=["alerts"])
def alert(desk: Looking, alert_id: int) -> vehicle_store.AlertRow:
    """One alert."""
    return own_alert(desk, alert_id)


class Dismissal(Reason):
    """Why, in words, and as one of ``GET /dismiss-reasons``."""

    code: str = Field("other", max_length=40)


@router.post("/alerts/{alert_id}/dismiss", tags=["alerts"])
def dismiss_alert(desk: Working, alert_id: int, why: Dismissal) -> vehicle_store.AlertRow:
    """Close an alert that needs nothing, and say why."""
    own_alert(desk, alert_id)
    care_alert.dismiss(desk.conn, alert_id, desk.staff.actor, why.reason, desk.now, why.code)
    return own_alert(desk, alert_id)


# Customers


@router.get("/customers", tags=["customers"])
def customers(
    request: Request,
    desk: SeeingCustomers,
    q: Search = "",
    after_name: Annotated[str, Query(max_length=200)] = "",
    after_id: Id | None = None,
    limit: Limit = 50,
) -> Page[customer_store.CustomerRow]:
    """Customers by name, or those that fit `q`: name, phone, plate or VIN of a car."""
    if len(_clean(q)) >= 2:
        return Page(
            customer_store.search(
                desk.conn, dealer_id=desk.dealer_id, part=_clean(q), now=desk.now, limit=limit
            )
        )
    rows = customer_store.page(
        desk.conn,
        dealer_id=desk.dealer_id,
        now=desk.now,
        after=(_clean(after_name), after_id) if after_id else None,
        limit=limit + 1,
    )
    return _page(request, rows, limit, lambda c: {"after_name": c.name, "after_id": c.id})


@dataclass(frozen=True)
class CustomerState:
    """One customer: cars, consent, STOP, bookings."""

    customer: customer_store.CustomerCard
    cars: list[customer_store.Car]
    consents: list[customer_store.Consent]
    stop: customer_store.Stop | None
    bookings: list[booking_store.BookingRow]


@router.get("/customers/{customer_id}", tags=["customers"])
def customer(desk: SeeingCustomers, customer_id: int) -> CustomerState:
    """One customer."""
    card = own_customer(desk, customer_id)
    return CustomerState(
        card,
        customer_store.cars(desk.conn, desk.dealer_id, customer_id, desk.now),
        customer_store.consents(desk.conn, customer_id),
        customer_store.stop(desk.conn, card.phone) if card.phone else None,
        booking_store.of_customer(desk.conn, desk.dealer_id, customer_id),
    )


@router.get("/customers/{customer_id}/conversation", tags=["customers"])
def conversation(
    desk: SeeingCustomers, customer_id: int, limit: Limit = 100
) -> list[customer_store.Said]:
    """What was said in both directions, oldest first; messages not sent too, with the reason."""
    own_customer(desk, customer_id)
    return customer_store.conversation(desk.conn, desk.dealer_id, customer_id, limit)


class Message(BaseModel):
    """An advisor's own words."""

    body: str = Field(min_length=1, max_length=1000)


@dataclass(frozen=True)
class Written:
    """What became of it so far."""

    id: int
    state: str
    reason: str | None


@router.post("/customers/{customer_id}/messages", tags=["customers"], status_code=202)
def write(desk: Working, customer_id: int, message: Message) -> Written:
    """Write to a customer. It passes the same checks as every message before it is sent."""
    own_customer(desk, customer_id)
    sent = care_outreach.write(
        desk.conn,
        customer_id=customer_id,
        body=_clean(message.body),
        actor=desk.staff.actor,
        now=desk.now,
    )
    return Written(sent.id, sent.state, sent.reason)


# Slots, bookings, repair orders


@dataclass(frozen=True)
class FreeSlot:
    """A time that the workshop can offer; `key` books it."""

    key: str
    starts_at: datetime
    ends_at: datetime


@router.get("/slots", tags=["bookings"])
def slots(
    desk: Looking,
    op_code: Annotated[str, Query(max_length=40)],
    before: datetime | None = None,
    count: Annotated[int, Query(ge=1, le=50)] = 3,
) -> list[FreeSlot]:
    """Free times for a piece of work, soonest first."""
    found = care_booking.find_slots(
        desk.conn,
        dealer_id=desk.dealer_id,
        op_code=_clean(op_code),
        now=desk.now,
        before=before,
        count=count,
    )
    return [FreeSlot(slot_key(s), s.starts_at, s.ends_at) for s in found]


class Wish(BaseModel):
    """What to book."""

    vehicle_id: int = Field(ge=1, lt=2**31)
    slot: str = Field(max_length=80, description="`key` of a free slot")
    op_code: str = Field(max_length=40)
    alert_id: int | None = Field(default=None, ge=1, lt=2**62)


@router.post("/bookings", tags=["bookings"], status_code=201)
def book(desk: Booking, wish: Wish) -> booking_store.BookingRow:
    """Hold and confirm a slot for the car's owner."""
    card = own_vehicle(desk, wish.vehicle_id)
    if wish.alert_id and own_alert(desk, wish.alert_id).vehicle_id != wish.vehicle_id:
        raise NotFound("This alert is about another vehicle.")
    if card.owner_id is None:
        raise NotFound("This car has no customer on record, so it can't be booked.")
    kept = care_booking.book(
        desk.conn,
        slot=slot_of(wish.slot),
        dealer_id=desk.dealer_id,
        vehicle_id=wish.vehicle_id,
        customer_id=card.owner_id,
        alert_id=wish.alert_id,
        op_code=_clean(wish.op_code),
        source=desk.staff.actor,
        now=desk.now,
    )
    if isinstance(kept, care_booking.Taken):
        raise CareError(kept.reason)
    return own_booking(desk, kept.id)


@router.get("/bookings", tags=["bookings"])
def bookings(
    desk: Looking, day: Annotated[str, Query(max_length=10)]
) -> list[booking_store.BookingRow]:
    """Bookings of one of the dealer's local days, ``2026-12-03``."""
    try:
        since, until = local_day(datetime.fromisoformat(day).date(), desk.zone)
    except (ValueError, OverflowError):
        raise NotFound("There is no such day; write it as 2026-12-03.") from None
    return booking_store.day(desk.conn, desk.dealer_id, since, until)


@router.get("/bookings/{booking_id}", tags=["bookings"])
def booking(desk: Looking, booking_id: int) -> booking_store.BookingRow:
    """One booking."""
    return own_booking(desk, booking_id)


@router.post("/bookings/{booking_id}/arrive", tags=["bookings"])
def arrive(desk: Receiving, booking_id: int) -> booking_store.RepairOrderRow:
    """The car is here: opens the repair order."""
    own_booking(desk, booking_id)
    order = care_booking.arrive(desk.conn, booking_id, desk.staff.actor, desk.now)
    return own_repair_order(desk, order.id)


@router.post("/bookings/{booking_id}/no-show", tags=["bookings"])
def no_show(desk: Booking, booking_id: int) -> booking_store.BookingRow:
    """The customer didn't come."""
    own_booking(desk, booking_id)
    care_booking.no_show(desk.conn, booking_id, desk.staff.actor, desk.now)
    return own_booking(desk, booking_id)


@router.post("/bookings/{booking_id}/cancel", tags=["bookings"])
def cancel(desk: Booking, booking_id: int) -> booking_store.BookingRow:
    """Give the slot back."""
    own_booking(desk, booking_id)
    care_booking.cancel(desk.conn, booking_id, desk.staff.actor, desk.now)
    return own_booking(desk, booking_id)


class NewTime(BaseModel):
    """When a booking should be instead."""

    slot: str = Field(max_length=80, description="`key` of a free slot")


@router.get("/bookings/{booking_id}/slots", tags=["bookings"])
def slots_to_move(
    desk: Looking, booking_id: int, count: Annotated[int, Query(ge=1, le=50)] = 3
) -> list[FreeSlot]:
    """Other times for a booking, with all that it takes."""
    own_booking(desk, booking_id)
    found = care_booking.find_for_move(desk.conn, booking_id, desk.now, count)
    if isinstance(found, care_booking.NoSlot):
        return []
    return [FreeSlot(slot_key(s), s.starts_at, s.ends_at) for s in found]


@router.post("/bookings/{booking_id}/move", tags=["bookings"])
def move(desk: Booking, booking_id: int, to: NewTime) -> booking_store.BookingRow:
    """Another time in one step; the old one stands until the new one is had."""
    own_booking(desk, booking_id)
    moved = care_booking.reschedule(
        desk.conn, booking_id, slot_of(to.slot), actor=desk.staff.actor, now=desk.now
    )
    if isinstance(moved, care_booking.Taken):
        raise CareError(moved.reason)
    return own_booking(desk, booking_id)


@router.get("/repair-orders/{repair_order_id}", tags=["repair orders"])
def repair_order(desk: Looking, repair_order_id: int) -> booking_store.RepairOrderRow:
    """One repair order."""
    return own_repair_order(desk, repair_order_id)


@router.post("/repair-orders/{repair_order_id}/start", tags=["repair orders"])
def start(desk: Repairing, repair_order_id: int) -> booking_store.RepairOrderRow:
    """Work begins."""
    own_repair_order(desk, repair_order_id)
    care_repair.start(desk.conn, repair_order_id, desk.staff.actor, desk.now)
    return own_repair_order(desk, repair_order_id)


class Close(BaseModel):
    """What the workshop found and did."""

    cause: str = Field(min_length=1, max_length=1000)
    correction: str = Field(min_length=1, max_length=1000)
    finding: Literal[
        "confirmed",
        "confirmed_other",
        "no_fault_found",
        "not_reproduced",
        "customer_declined",
        "already_repaired",
    ]
    actual_cause: str = Field(default="", max_length=60)
    invoice_minor: int | None = Field(default=None, ge=0, le=MOST_MINOR)


@router.post("/repair-orders/{repair_order_id}/close", tags=["repair orders"])
def close(desk: Repairing, repair_order_id: int, what: Close) -> booking_store.RepairOrderRow:
    """Work is done; the alert gets its answer."""
    own_repair_order(desk, repair_order_id)
    care_repair.close(
        desk.conn,
        repair_order_id,
        cause=what.cause,
        correction=what.correction,
        finding=what.finding,
        actual_cause=what.actual_cause,
        invoice_minor=what.invoice_minor,
        actor=desk.staff.actor,
        now=desk.now,
    )
    return own_repair_order(desk, repair_order_id)


# Quarantine


@router.get("/quarantine", tags=["quarantine"])
def quarantine(
    request: Request,
    desk: SortingOut,
    reason_code: Annotated[str, Query(max_length=60)] = "",
    before: BigId | None = None,
    limit: Limit = 50,
) -> Page[quarantine_store.Held]:
    """Frames that could not be used, newest first."""
    rows = quarantine_store.page(
        desk.conn,
        dealer_id=desk.dealer_id,
        strangers=strangers(desk),
        reason_code=_clean(reason_code) or None,
        before=before,
        limit=limit + 1,
    )
    return _page(request, rows, limit, lambda q: {"before": q.id})


@router.get("/quarantine/reasons", tags=["quarantine"])
def quarantine_reasons(desk: SortingOut) -> list[quarantine_store.ReasonCount]:
    """How many wait, by reason."""
    return quarantine_store.reasons(desk.conn, desk.dealer_id, strangers(desk))


@dataclass(frozen=True)
class Replay:
    """Whether a frame could be used this time."""

    stored: bool
    reason: str


@router.post("/quarantine/{row_id}/replay", tags=["quarantine"])
def replay(desk: SortingOut, row_id: int) -> Replay:
    """Try one frame again."""
    if not quarantine_store.visible(desk.conn, desk.dealer_id, strangers(desk), row_id):
        raise NotFound("There is no such frame waiting.")
    stored, reason = replay_one(desk.conn, row_id, desk.now)
    return Replay(stored, reason)
