"""The page behind a signed link on which a customer follows a repair, approves it and rates it.

Nobody signs in and nothing needs JavaScript. It shows that one repair, for as long as the car is in
the workshop and some time after.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api import progress_texts, render, slot_texts, words
from api.door import AtDoor, Connection, Door, Refusal
from api.store import repairs as store
from care import estimate as care_estimate
from care import rating as care_rating
from care.errors import CareError
from care.estimate import amount
from care.links import LinkInvalid, read_progress_token
from care.money import DECIMAL_COMMA, money
from care.store import estimates, ratings

router = APIRouter(include_in_schema=False)

OPEN_FOR = timedelta(days=60)
"""How long after the car was picked up the page can be seen."""

REFRESH_S = 60
"""The page looks again by itself, where there is nothing to fill in that would be lost."""


class Closed(Refusal):
    """The link can't be used; says how the page should put it."""

    def __init__(self, kind: str, status: int) -> None:
        super().__init__(kind)
        self.kind = kind
        self.status = status


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the estimate as the customer reads it."""

    line: int
    title: str
    detail: str
    price: str
    approved: bool | None


def _visitor(shared: Door, conn: Connection, token: str) -> store.Visitor:
    now = shared.clock.now()
    try:
        link = read_progress_token(shared.settings.secret_key, token)
    except LinkInvalid:
        raise Closed("broken", 404) from None
    who = store.visitor(
        conn, customer_id=link.customer_id, repair_order_id=link.repair_order_id, now=now
    )
    if who is None:
        raise Closed("broken", 404)
    if who.closed_at is not None and now > who.closed_at + OPEN_FOR:
        raise Closed("expired", 410)
    return who


def _answer(request: Request, name: str, language: str, status: int = 200, **more: Any) -> Response:
    response = render.plain(
        request,
        name,
        status,
        t=progress_texts.LANGUAGES[language],
        lang=language,
        path=request.url.path,
        **more,
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def closed(request: Request, why: Closed) -> Response:
    """The page of a link that can't be used, in the phone's language."""
    language = slot_texts.accepted(request.headers.get("accept-language", ""))
    texts = progress_texts.LANGUAGES[language]
    old = why.kind == "expired"
    return _answer(
        request,
        "slot_note.html",
        language,
        why.status,
        title=texts.expired_title if old else texts.broken_title,
        body=texts.expired if old else texts.broken,
        phone="",
        country="",
    )


def _shown(estimate: estimates.Estimate, language: str) -> list[Shown]:
    texts = progress_texts.LANGUAGES[language]
    shown = []
    for one in estimate.lines:
        n = f"{one.hundredths / 100:g}"
        n = n.replace(".", ",") if language in DECIMAL_COMMA else n
        detail = f"{texts.labour}, {texts.hours.format(n=n)}" if one.kind == "labour" else f"× {n}"
        price = money(amount(one), estimate.currency, language)
        shown.append(Shown(one.line, one.title, detail, price, one.approved))
    return shown


def _show(
    request: Request,
    shared: Door,
    conn: Connection,
    token: str,
    notice: str = "",
    status: int = 200,
    edit: bool = False,
) -> Response:
    who = _visitor(shared, conn, token)
    now = shared.clock.now()
    language = slot_texts.language_of(who.language)
    texts = progress_texts.LANGUAGES[language]
    place = words.Place(who.time_zone, who.dealer_country)
    estimate = estimates.newest(conn, who.repair_order_id)
    if estimate is not None and estimate.sent_at is None:
        estimate = None  # a draft is the advisor's
    asks = (
        estimate is not None
        and who.state not in care_estimate.BEGUN
        and (edit or any(one.approved is None for one in estimate.lines))
    )
    rating = ratings.of_order(conn, who.repair_order_id)
    changeable = who.state == "closed" and (
        rating is None or now <= rating.first_at + care_rating.CHANGEABLE
    )
    rates = changeable and (rating is None or edit)
    watch = store.watch(conn, who.repair_order_id) if who.owns else None
    total = care_estimate.total_of(estimate) if estimate else None
    steps = store.steps(conn, who.repair_order_id)
    return _answer(
        request,
        "progress.html",
        language,
        status,
        who=who,
        token=token,
        car=words.car(who.make, who.model),
        work=slot_texts.work(who.op_code, language),
        phone=who.dealer_phone,
        country=who.dealer_country,
        notice=getattr(texts, notice) if notice else "",
        steps=[
            (
                texts.states[s.state],
                f"{slot_texts.day(s.at, who.time_zone, language, who.dealer_country)}, "
                f"{words.clock(s.at, place)}",
            )
            for s in steps
        ],
        notes=[
            (n, f"{slot_texts.day(n.at, who.time_zone, language, who.dealer_country)}")
            for n in store.notes(conn, who.repair_order_id, customers=True)
        ],
        estimate=estimate,
        lines=_shown(estimate, language) if estimate else [],
        tax=money(total.tax, estimate.currency, language) if estimate and total else "",
        total=money(total.total, estimate.currency, language) if estimate and total else "",
        agreed=money(care_estimate.approved_of(estimate).total, estimate.currency, language)
        if estimate
        else "",
        asks=asks,
        answerable=estimate is not None and who.state not in care_estimate.BEGUN,
        invoice=money(who.invoice_minor, who.invoice_currency, language)
        if who.invoice_minor is not None and who.invoice_currency
        else "",
        rating=rating,
        rates=rates,
        changeable=changeable,
        watch=_watched(watch, who, language) if watch else "",
        watch_state=watch.state if watch else "",
        refresh_s=0 if asks or rates else REFRESH_S,
    )


def _watched(watch: store.Watch, who: store.Visitor, language: str) -> str:
    texts = progress_texts.LANGUAGES[language]
    day = slot_texts.day(watch.until_at, who.time_zone, language, who.dealer_country)
    template: str = getattr(texts, watch.state)
    return template.format(day=day, days=watch.evidence.get("days_driven", 0))


NOTICES = frozenset({"thanks_answer", "changed", "too_late"})


@router.get("/r/{token}")
def show(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    token: str,
    note: Annotated[str, Query(max_length=20)] = "",
    change: bool = False,
) -> Response:
    return _show(request, shared, conn, token, notice=note if note in NOTICES else "", edit=change)


@router.get("/r/{token}/photos/{note_id}")
def photo(shared: AtDoor, conn: Connection, token: str, note_id: int) -> Response:
    who = _visitor(shared, conn, token)
    jpeg = store.photo(conn, who.repair_order_id, note_id, customers=True)
    if jpeg is None:
        raise Closed("broken", 404)
    return Response(jpeg, media_type="image/jpeg", headers={"X-Robots-Tag": "noindex"})


@router.post("/r/{token}/estimate")
def answer(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    token: str,
    version: Annotated[int, Form(ge=1, le=99)],
    approve: Annotated[list[int], Form(max_length=care_estimate.MOST_LINES)] = [],  # noqa: B006
    everything: Annotated[bool, Form()] = False,
) -> Response:
    """What the customer approves; the rest of the lines is declined."""
    who = _visitor(shared, conn, token)
    language = slot_texts.language_of(who.language)
    texts = progress_texts.LANGUAGES[language]
    estimate = estimates.newest(conn, who.repair_order_id)
    lines = _shown(estimate, language) if estimate else []
    chosen = {one.line for one in lines} if everything else set(approve)
    try:
        if not chosen <= {one.line for one in lines}:
            raise CareError("The estimate has no such line.")
        care_estimate.answer(
            conn,
            who.repair_order_id,
            version,
            {one.line: one.line in chosen for one in lines},
            actor=f"customer:{who.customer_id}",
            wordings={
                one.line: f"{one.title}, {one.detail}: {one.price}. {texts.consent} ({language})"
                for one in lines
            },
            address=request.client.host if request.client else "",
            now=shared.clock.now(),
        )
    except CareError:
        conn.rollback()
        return _show(request, shared, conn, token, notice="changed", status=409)
    return RedirectResponse(f"/r/{token}?note=thanks_answer", status_code=303)


@router.post("/r/{token}/rating")
def rate(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    token: str,
    stars: Annotated[int, Form(ge=1, le=5)],
    body: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    who = _visitor(shared, conn, token)
    try:
        care_rating.rate(conn, who.repair_order_id, stars, body, "link", shared.clock.now())
    except CareError:
        conn.rollback()
        return _show(request, shared, conn, token, notice="too_late", status=409)
    return RedirectResponse(f"/r/{token}", status_code=303)
