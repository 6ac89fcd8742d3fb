"""The workshop's repair orders: what is in the shop, and everything about one of them."""

from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, File, Form, UploadFile
from starlette.responses import Response

from api import render
from api.door import Desk, Looking, NotFound, Pricing, Receiving, Repairing, Working, see
from api.pages.bookings import local_day
from api.store import audit as audit_store
from api.store import bookings as booking_store
from api.store import repairs as store
from care import estimate as care_estimate
from care import repair as care_repair
from care.errors import CareError
from care.estimate import Wanted
from care.finding_codes import CODES
from care.money import NO_MINOR_UNIT, hundredths_of, minor_of
from care.photo import photo_of
from care.rating import ask_rating
from care.repair_states import TITLES, following
from care.store import estimates, people, ratings
from care.store import repairs as care_repairs
from care.store.estimates import Line, Prices
from record.causes import CAUSES

router = APIRouter(include_in_schema=False)

SPARE_ROWS = 3
"""Empty lines of the estimate's editor; more come when they are filled."""

Words = Annotated[str, Form(max_length=2000)]
Short = Annotated[str, Form(max_length=300)]
Many = Annotated[list[str], Form(max_length=care_estimate.MOST_LINES + SPARE_ROWS)]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the estimate's editor, as typed."""

    kind: str
    title: str
    quantity: str
    price: str


def own_repair_order(desk: Desk, repair_order_id: int) -> booking_store.RepairOrderRow:
    """The repair order, if it is this dealer's.

    Raises
    ------
    NotFound
    """
    order = booking_store.repair_order(desk.conn, desk.dealer_id, repair_order_id)
    if order is None:
        raise NotFound("There is no such repair order at your dealer.")
    return order


def typed(minor: int, currency: str) -> str:
    """An amount as one types it.

    Examples
    --------
    >>> typed(11950, "USD"), typed(980, "JPY")
    ('119.50', '980')
    """
    return str(minor) if currency in NO_MINOR_UNIT else f"{minor // 100}.{minor % 100:02d}"


def quantity(line: Line) -> str:
    """A quantity as one types it.

    Examples
    --------
    >>> quantity(Line(1, "labour", "x", 150, 1)), quantity(Line(1, "part", "x", 200, 1))
    ('1.5', '2')
    """
    return f"{line.hundredths / 100:.2f}".rstrip("0").rstrip(".")


def to_the_page(desk: Desk, repair_order_id: int, words: str) -> Response:
    """Back to the order, which says what was done."""
    return render.noted(see(f"/repair-orders/{repair_order_id}"), desk.request, words)


@router.get("/repair-orders")
def workshop(desk: Looking) -> Response:
    today = desk.now.astimezone(ZoneInfo(desk.zone)).date()
    since, until = local_day(today, desk.zone)
    rows = store.workshop(desk.conn, desk.dealer_id, since, until)
    return render.page(
        desk,
        "workshop.html",
        mine=[r for r in rows if r.staff_id == desk.staff.id],
        others=[r for r in rows if r.staff_id != desk.staff.id],
        today=today,
    )


@router.get("/repair-orders/{repair_order_id}")
def repair_order(desk: Looking, repair_order_id: int) -> Response:
    order = own_repair_order(desk, repair_order_id)
    estimate = estimates.newest(desk.conn, order.id)
    prices = estimates.prices(desk.conn, desk.dealer_id)
    lines = estimate.lines if estimate else ()
    rows = [
        Row(one.kind, one.title, quantity(one), typed(one.unit_minor, prices.currency))
        for one in lines
    ]
    blank = [Row("labour" if not rows else "part", "", "", "")] * SPARE_ROWS
    return render.page(
        desk,
        "repair_order.html",
        r=order,
        steps=store.steps(desk.conn, order.id),
        notes=store.notes(desk.conn, order.id),
        next_states=following(order.state),
        codes=list(CODES.values()),
        causes=list(CAUSES.values()),
        estimate=estimate,
        total=care_estimate.total_of(estimate) if estimate else None,
        agreed=care_estimate.approved_of(estimate) if estimate else None,
        amount=care_estimate.amount,
        quantity=quantity,
        typed=typed,
        rows=(rows + blank)[: care_estimate.MOST_LINES],
        prices=prices,
        rating=ratings.of_order(desk.conn, order.id),
        watch=store.watch(desk.conn, order.id),
        comeback=store.comeback(desk.conn, order.id),
        promotions_stopped=store.promotion_stop(desk.conn, order.id),
        trail=audit_store.trail(
            desk.conn, [f"repair_order:{repair_order_id}", f"booking:{order.booking_id}"]
        ),
    )


@router.post("/repair-orders/{repair_order_id}/start")
def start(desk: Repairing, repair_order_id: int) -> Response:
    own_repair_order(desk, repair_order_id)
    care_repair.start(desk.conn, repair_order_id, desk.staff.actor, desk.now)
    return to_the_page(desk, repair_order_id, "Work has begun.")


@router.post("/repair-orders/{repair_order_id}/state")
def move(
    desk: Repairing,
    repair_order_id: int,
    state: Annotated[str, Form(max_length=40)],
    note: Short = "",
) -> Response:
    own_repair_order(desk, repair_order_id)
    moved = care_repair.move(
        desk.conn, repair_order_id, state, actor=desk.staff.actor, now=desk.now, note=note
    )
    return to_the_page(desk, repair_order_id, f"Now: {TITLES[moved.state].lower()}.")


@router.post("/repair-orders/{repair_order_id}/close")
def close(
    desk: Repairing,
    repair_order_id: int,
    cause: Annotated[str, Form(min_length=1, max_length=1000)],
    correction: Annotated[str, Form(min_length=1, max_length=1000)],
    finding: Annotated[str, Form(pattern=f"^({'|'.join(CODES)})$")],
    actual_cause: Annotated[str, Form(max_length=60)] = "",
    invoice: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    own_repair_order(desk, repair_order_id)
    currency = estimates.prices(desk.conn, desk.dealer_id).currency
    estimate = estimates.newest(desk.conn, repair_order_id)
    care_repair.close(
        desk.conn,
        repair_order_id,
        cause=cause,
        correction=correction,
        finding=finding,
        actual_cause=actual_cause,
        invoice_minor=minor_of(invoice, estimate.currency if estimate else currency)
        if invoice.strip()
        else None,
        actor=desk.staff.actor,
        now=desk.now,
    )
    return to_the_page(desk, repair_order_id, "Closed. The alert has its answer.")


@router.post("/repair-orders/{repair_order_id}/notes")
def note(
    desk: Receiving,
    repair_order_id: int,
    body: Words = "",
    for_customer: Annotated[bool, Form()] = False,
    photo: Annotated[UploadFile | None, File()] = None,
) -> Response:
    own_repair_order(desk, repair_order_id)
    data = photo.file.read() if photo is not None else b""
    care_repair.add_note(
        desk.conn,
        repair_order_id,
        body=body,
        photo=photo_of(data) if data else None,
        for_customer=for_customer,
        actor=desk.staff.actor,
        now=desk.now,
    )
    return to_the_page(desk, repair_order_id, "Noted.")


@router.post("/repair-orders/{repair_order_id}/notes/{note_id}/show")
def show_note(
    desk: Receiving,
    repair_order_id: int,
    note_id: int,
    for_customer: Annotated[bool, Form()] = False,
) -> Response:
    own_repair_order(desk, repair_order_id)
    if not care_repairs.show_note(desk.conn, repair_order_id, note_id, for_customer):
        raise NotFound("There is no such note.")
    people.audit(
        desk.conn,
        desk.now,
        desk.staff.actor,
        "note shown to the customer" if for_customer else "note hidden from the customer",
        f"repair_order:{repair_order_id}",
        note=note_id,
    )
    words = "The customer sees it now." if for_customer else "The customer doesn't see it any more."
    return to_the_page(desk, repair_order_id, words)


@router.get("/repair-orders/{repair_order_id}/photos/{note_id}")
def photo(desk: Looking, repair_order_id: int, note_id: int) -> Response:
    own_repair_order(desk, repair_order_id)
    jpeg = store.photo(desk.conn, repair_order_id, note_id)
    if jpeg is None:
        raise NotFound("There is no such photo.")
    return Response(jpeg, media_type="image/jpeg")


def lines_of(
    kind: list[str], title: list[str], quantity: list[str], price: list[str], currency: str
) -> list[Wanted]:
    """The editor's columns as lines; rows without a title are left out.

    Raises
    ------
    CareError
        If a number can't be read, or the columns don't match.
    """
    if not len(kind) == len(title) == len(quantity) == len(price):
        raise CareError("The lines of the estimate are incomplete.")
    return [
        Wanted(k, t, hundredths_of(q), minor_of(p, currency) if p.strip() else None)
        for k, t, q, p in zip(kind, title, quantity, price, strict=True)
        if t.strip()
    ]


@router.post("/repair-orders/{repair_order_id}/estimate")
def write_estimate(
    desk: Working,
    repair_order_id: int,
    kind: Many,
    title: Many,
    quantity: Many,
    price: Many,
    send: Annotated[bool, Form()] = False,
) -> Response:
    own_repair_order(desk, repair_order_id)
    currency = estimates.prices(desk.conn, desk.dealer_id).currency
    wanted = lines_of(kind, title, quantity, price, currency)
    made = care_estimate.write(desk.conn, repair_order_id, wanted, desk.staff.actor, desk.now)
    if send:
        care_estimate.send(desk.conn, repair_order_id, desk.staff.actor, desk.now)
    return to_the_page(
        desk,
        repair_order_id,
        f"Estimate {made.version} goes to the customer." if send else "Saved as a draft.",
    )


@router.post("/repair-orders/{repair_order_id}/estimate/send")
def send_estimate(desk: Working, repair_order_id: int) -> Response:
    own_repair_order(desk, repair_order_id)
    care_estimate.send(desk.conn, repair_order_id, desk.staff.actor, desk.now)
    return to_the_page(desk, repair_order_id, "The estimate goes to the customer.")


@router.post("/repair-orders/{repair_order_id}/estimate/answer")
def answer_estimate(
    desk: Working,
    repair_order_id: int,
    version: Annotated[int, Form(ge=1, le=99)],
    how: Annotated[str, Form(min_length=1, max_length=100)],
    approve: Annotated[list[int], Form()] = [],  # noqa: B006  FastAPI copies it
) -> Response:
    own_repair_order(desk, repair_order_id)
    heard(desk, repair_order_id, version, approve, how)
    return to_the_page(desk, repair_order_id, "The customer's answer is noted.")


def heard(desk: Desk, repair_order_id: int, version: int, approve: list[int], how: str) -> None:
    """Keep what a customer told an advisor of an estimate: what isn't approved is declined."""
    estimate = estimates.newest(desk.conn, repair_order_id)
    lines = {one.line: one for one in estimate.lines} if estimate else {}
    if not set(approve) <= set(lines):
        raise CareError("The estimate has no such line.")
    care_estimate.answer(
        desk.conn,
        repair_order_id,
        version,
        {line: line in approve for line in lines},
        actor=desk.staff.actor,
        wordings={line: f"{one.title}: told to an advisor" for line, one in lines.items()},
        address=how,
        now=desk.now,
    )


@router.post("/repair-orders/{repair_order_id}/text-link")
def text_link(desk: Working, repair_order_id: int) -> Response:
    own_repair_order(desk, repair_order_id)
    care_repair.text_progress(desk.conn, repair_order_id, desk.staff.actor, desk.now)
    return to_the_page(desk, repair_order_id, "The customer gets the link by text.")


@router.post("/repair-orders/{repair_order_id}/ask-rating")
def ask(desk: Working, repair_order_id: int) -> Response:
    own_repair_order(desk, repair_order_id)
    asked(desk, repair_order_id)
    return to_the_page(desk, repair_order_id, "The customer is asked how we did.")


def asked(desk: Desk, repair_order_id: int) -> None:
    """Ask for a rating."""
    order = care_repairs.get(desk.conn, repair_order_id)
    assert order is not None
    ask_rating(desk.conn, order, desk.now)


@router.post("/repair-orders/{repair_order_id}/promotions")
def allow_promotions(desk: Working, repair_order_id: int) -> Response:
    order = own_repair_order(desk, repair_order_id)
    if ratings.lift_stop(desk.conn, order.customer_id, repair_order_id, desk.staff.actor, desk.now):
        people.audit(
            desk.conn,
            desk.now,
            desk.staff.actor,
            "promotions allowed again",
            f"repair_order:{repair_order_id}",
        )
    return to_the_page(desk, repair_order_id, "Promotions may be sent again.")


@router.get("/prices")
def prices(desk: Pricing) -> Response:
    charged = estimates.prices(desk.conn, desk.dealer_id)
    return render.page(desk, "prices.html", prices=charged, typed=typed)


@router.post("/prices")
def set_prices(
    desk: Pricing,
    currency: Annotated[str, Form(pattern="^[A-Z]{3}$")],
    labour: Annotated[str, Form(max_length=20)],
    labour_tax: Annotated[str, Form(max_length=10)],
    parts_tax: Annotated[str, Form(max_length=10)],
) -> Response:
    taxes = (hundredths_of(labour_tax), hundredths_of(parts_tax))
    charge(desk, Prices(currency, minor_of(labour, currency), *taxes))
    return render.noted(see("/prices"), desk.request, "Saved for new estimates.")


def charge(desk: Desk, new: Prices) -> None:
    """Change what the dealer charges.

    Raises
    ------
    CareError
        If a tax is above 50 %.
    """
    if max(new.labour_tax_bp, new.parts_tax_bp) > 5000:
        raise CareError("A tax is 50 % at most.")
    estimates.set_prices(desk.conn, desk.dealer_id, new)
    people.audit(
        desk.conn, desk.now, desk.staff.actor, "prices set", f"dealer:{desk.dealer_id}",
        labour_minor=new.labour_minor, currency=new.currency,
        labour_tax_bp=new.labour_tax_bp, parts_tax_bp=new.parts_tax_bp,
    )  # fmt: skip
