"""REST of repairs: their states, notes and photos, estimates, ratings, and what the car proves."""

from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.door import Looking, NotFound, Pricing, Receiving, Repairing, Working
from api.pages.bookings import local_day
from api.pages.repairs import asked, charge, heard, own_repair_order
from api.store import bookings as booking_store
from api.store import repairs as store
from care import estimate as care_estimate
from care import repair as care_repair
from care.estimate import MOST_HUNDREDTHS, MOST_LINES, Wanted
from care.money import MOST_MINOR
from care.photo import photo_of
from care.store import estimates, ratings
from care.store.estimates import Estimate, Prices
from care.store.ratings import Rating

router = APIRouter(prefix="/api/v1", tags=["repair orders"])


@dataclass(frozen=True)
class Sums:
    """An estimate's sums in minor units: all of it, and what was approved, with tax."""

    total_minor: int
    tax_minor: int
    approved_minor: int


@dataclass(frozen=True)
class Progress:
    """Everything about a repair besides its order."""

    order: booking_store.RepairOrderRow
    steps: list[store.Step]
    notes: list[store.Note]
    estimate: Estimate | None
    sums: Sums | None
    rating: Rating | None
    verification: store.Watch | None
    comeback: int | None


@router.get("/repair-orders")
def workshop(desk: Looking) -> list[store.OrderRow]:
    """What is in the workshop, and what was finished today."""
    today = desk.now.astimezone(ZoneInfo(desk.zone)).date()
    since, until = local_day(today, desk.zone)
    return store.workshop(desk.conn, desk.dealer_id, since, until)


@router.get("/repair-orders/{repair_order_id}/progress")
def progress(desk: Looking, repair_order_id: int) -> Progress:
    """States with times, notes, estimate, rating, and whether the repair holds."""
    order = own_repair_order(desk, repair_order_id)
    estimate = estimates.newest(desk.conn, order.id)
    sums = None
    if estimate:
        whole, agreed = care_estimate.total_of(estimate), care_estimate.approved_of(estimate)
        sums = Sums(whole.total, whole.tax, agreed.total)
    return Progress(
        order,
        store.steps(desk.conn, order.id),
        store.notes(desk.conn, order.id),
        estimate,
        sums,
        ratings.of_order(desk.conn, order.id),
        store.watch(desk.conn, order.id),
        store.comeback(desk.conn, order.id),
    )


class Move(BaseModel):
    """Where a repair goes next."""

    state: Literal[
        "diagnosing", "waiting_approval", "waiting_parts", "in_progress", "quality_check", "ready"
    ]
    note: str = Field(default="", max_length=300)


@router.post("/repair-orders/{repair_order_id}/state")
def move(desk: Repairing, repair_order_id: int, to: Move) -> booking_store.RepairOrderRow:
    """Move a repair on; `close` ends it."""
    own_repair_order(desk, repair_order_id)
    care_repair.move(
        desk.conn,
        repair_order_id,
        to.state,
        actor=desk.staff.actor,
        now=desk.now,
        note=to.note,
    )
    return own_repair_order(desk, repair_order_id)


@dataclass(frozen=True)
class Kept:
    """A note that was kept."""

    id: int


@router.post("/repair-orders/{repair_order_id}/notes", status_code=201)
def note(
    desk: Receiving,
    repair_order_id: int,
    body: Annotated[str, Form(max_length=2000)] = "",
    for_customer: Annotated[bool, Form()] = False,
    photo: Annotated[UploadFile | None, File()] = None,
) -> Kept:
    """A note, a photo (JPEG, PNG or WebP, 10 MB at most), or both; as multipart form."""
    own_repair_order(desk, repair_order_id)
    data = photo.file.read() if photo is not None else None
    return Kept(
        care_repair.add_note(
            desk.conn,
            repair_order_id,
            body=body,
            photo=photo_of(data) if data is not None else None,
            for_customer=for_customer,
            actor=desk.staff.actor,
            now=desk.now,
        )
    )


@router.get("/repair-orders/{repair_order_id}/photos/{note_id}", response_class=Response)
def photo(desk: Looking, repair_order_id: int, note_id: int) -> Response:
    """A note's photo as JPEG."""
    own_repair_order(desk, repair_order_id)
    jpeg = store.photo(desk.conn, repair_order_id, note_id)
    if jpeg is None:
        raise NotFound("There is no such photo.")
    return Response(jpeg, media_type="image/jpeg")


class LineWish(BaseModel):
    """One line. Without a price, labour has the dealer's rate."""

    kind: Literal["labour", "part"]
    title: str = Field(min_length=1, max_length=120)
    hundredths: int = Field(gt=0, le=MOST_HUNDREDTHS, description="of an hour, or of a piece")
    unit_minor: int | None = Field(default=None, ge=0, le=MOST_MINOR)


class EstimateWish(BaseModel):
    """The lines of an estimate."""

    lines: list[LineWish] = Field(min_length=1, max_length=MOST_LINES)


@router.post("/repair-orders/{repair_order_id}/estimate")
def write(desk: Working, repair_order_id: int, wish: EstimateWish) -> Estimate:
    """Write the draft anew, or the next version where the last was sent."""
    own_repair_order(desk, repair_order_id)
    wanted = [Wanted(w.kind, w.title, w.hundredths, w.unit_minor) for w in wish.lines]
    return care_estimate.write(desk.conn, repair_order_id, wanted, desk.staff.actor, desk.now)


@router.post("/repair-orders/{repair_order_id}/estimate/send")
def send(desk: Working, repair_order_id: int) -> Estimate:
    """Text the customer the link to the estimate."""
    own_repair_order(desk, repair_order_id)
    return care_estimate.send(desk.conn, repair_order_id, desk.staff.actor, desk.now)


class Heard(BaseModel):
    """What a customer told an advisor; lines that aren't approved are declined."""

    version: int = Field(ge=1, le=99)
    approve: list[int] = Field(max_length=MOST_LINES)
    how: str = Field(min_length=1, max_length=100, description="by phone, by text ...")


@router.post("/repair-orders/{repair_order_id}/estimate/answer")
def answer(desk: Working, repair_order_id: int, told: Heard) -> Estimate | None:
    """Keep what the customer said of the estimate."""
    own_repair_order(desk, repair_order_id)
    heard(desk, repair_order_id, told.version, told.approve, told.how)
    return estimates.newest(desk.conn, repair_order_id)


@router.post("/repair-orders/{repair_order_id}/text-link", status_code=202)
def text_link(desk: Working, repair_order_id: int) -> None:
    """Text the customer the link to the repair's page."""
    own_repair_order(desk, repair_order_id)
    care_repair.text_progress(desk.conn, repair_order_id, desk.staff.actor, desk.now)


@router.post("/repair-orders/{repair_order_id}/ask-rating", status_code=202)
def ask(desk: Working, repair_order_id: int) -> None:
    """Ask the customer how we did, once."""
    own_repair_order(desk, repair_order_id)
    asked(desk, repair_order_id)


@router.get("/prices")
def prices(desk: Looking) -> Prices:
    """What the dealer charges."""
    return estimates.prices(desk.conn, desk.dealer_id)


class PriceWish(BaseModel):
    """What the dealer charges from now on; taxes in hundredths of a percent."""

    currency: str = Field(pattern="^[A-Z]{3}$")
    labour_minor: int = Field(ge=0, le=MOST_MINOR)
    labour_tax_bp: int = Field(ge=0, le=5000)
    parts_tax_bp: int = Field(ge=0, le=5000)


@router.post("/prices")
def set_prices(desk: Pricing, new: PriceWish) -> Prices:
    """Change what the dealer charges; estimates already written keep theirs."""
    charge(desk, Prices(new.currency, new.labour_minor, new.labour_tax_bp, new.parts_tax_bp))
    return estimates.prices(desk.conn, desk.dealer_id)
