"""The customer's page behind a signed link: why, three times to choose from, the dealer's phone.

Nobody signs in here and nothing needs JavaScript. The link alone says whose page it is, so it shows
no more than its message did: first name, car and reason.
"""

from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api import calendar_file, progress_texts, render, slot_texts, words
from api.door import AtDoor, Connection, Door, Refusal
from api.slots import apart, slot_key, slot_of
from api.store import bookings as booking_store
from api.store import slot as store
from care import booking as care_booking
from care.errors import CareError
from care.links import LinkExpired, LinkInvalid, progress_token, read_slot_token
from care.store import repairs
from record.causes import cause_of
from record.flow import Slot

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """One time that a customer may choose."""

    key: str
    day: str
    time: str
    dealer_time: str  # empty where the customer lives by the dealer's clock


class Closed(Refusal):
    """The link can't be used; says how the page should put it."""

    def __init__(self, kind: str, status: int) -> None:
        super().__init__(kind)
        self.kind = kind
        self.status = status


def _visitor(shared: Door, conn: Connection, token: str) -> store.Visitor:
    now = shared.clock.now()
    try:
        link = read_slot_token(shared.settings.secret_key, token, now)
    except LinkExpired:
        raise Closed("expired", 410) from None
    except LinkInvalid:
        raise Closed("broken", 404) from None
    who = store.visitor(
        conn,
        customer_id=link.customer_id,
        vehicle_id=link.vehicle_id,
        alert_id=link.alert_id,
        now=now,
    )
    if who is None:
        raise Closed("broken", 404)
    if not who.owns:  # sold: what the car says now is its new owner's
        raise Closed("expired", 410)
    return who


def _answer(request: Request, name: str, language: str, status: int = 200, **more: Any) -> Response:
    texts = slot_texts.LANGUAGES[language]
    response = render.plain(
        request, name, status, t=texts, lang=language, path=request.url.path, **more
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def closed(request: Request, why: Closed) -> Response:
    """The page of a link that can't be used, in the phone's language."""
    language = slot_texts.accepted(request.headers.get("accept-language", ""))
    texts = slot_texts.LANGUAGES[language]
    title, body = (
        (texts.expired_title, texts.expired)
        if why.kind == "expired"
        else (texts.broken_title, texts.broken)
    )
    return _answer(
        request,
        "slot_note.html",
        language,
        why.status,
        title=title,
        body=body,
        phone="",
        country="",
    )


def _op(who: store.Visitor) -> str:
    return cause_of(who.cause).op_code if who.cause else "SERVICE"


def _slots(conn: Connection, shared: Door, who: store.Visitor, count: int) -> list[Slot]:
    now = shared.clock.now()
    booked = booking_store.hours_of(conn, who.vehicle_id, now)
    slots = care_booking.find_slots(
        conn,
        dealer_id=who.dealer_id,
        op_code=_op(who),
        now=now,
        before=who.expect_from,
        count=count * (2 if booked else 1),
    )
    return apart(slots, booked)[:count]


def _choice(slot: Slot, who: store.Visitor, language: str) -> Choice:
    at = slot.starts_at
    theirs, ours = (at.astimezone(ZoneInfo(z)) for z in (who.time_zone, who.dealer_time_zone))
    texts = slot_texts.LANGUAGES[language]
    other = theirs.utcoffset() != ours.utcoffset()
    return Choice(
        slot_key(slot),
        slot_texts.day(at, who.time_zone, language, who.dealer_country),
        words.clock(at, words.Place(who.time_zone, who.dealer_country)),
        texts.dealer_time.format(
            time=words.clock(at, words.Place(who.dealer_time_zone, who.dealer_country))
        )
        if other
        else "",
    )


def _show(
    request: Request,
    shared: Door,
    conn: Connection,
    token: str,
    count: int = 3,
    notice: bool = False,
    status: int = 200,
) -> Response:
    who = _visitor(shared, conn, token)
    language = slot_texts.language_of(who.language)
    texts = slot_texts.LANGUAGES[language]
    about: dict[str, Any] = {
        "who": who,
        "car": words.car(who.make, who.model),
        "phone": who.dealer_phone,
        "country": who.dealer_country,
        "first_name": who.customer_name.split()[0] if who.customer_name.split() else "",
    }
    booked = store.appointment(conn, who, shared.clock.now())
    if booked is not None:
        if booked.state == "arrived":
            body = texts.here.format(car=about["car"], dealer=who.dealer_name)
            order = repairs.of_booking(conn, booked.id)
            return _answer(
                request,
                "slot_note.html",
                language,
                title=texts.here_title,
                body=body,
                phone=who.dealer_phone,
                country=who.dealer_country,
                follow=progress_texts.LANGUAGES[language].follow if order else "",
                follow_token=progress_token(
                    shared.settings.secret_key,
                    customer_id=who.customer_id,
                    repair_order_id=order.id,
                )
                if order
                else "",
            )
        return _answer(
            request,
            "slot_booked.html",
            language,
            day=slot_texts.day(booked.starts_at, who.time_zone, language, who.dealer_country),
            time=words.clock(booked.starts_at, words.Place(who.time_zone, who.dealer_country)),
            work=slot_texts.work(booked.op_code, language),
            token=token,
            **about,
        )
    if who.alert_state == "closed":
        return _answer(
            request,
            "slot_note.html",
            language,
            title=texts.over_title,
            body=texts.over.format(phone=words.phone(who.dealer_phone, who.dealer_country)),
            phone=who.dealer_phone,
            country=who.dealer_country,
        )
    slots = _slots(conn, shared, who, count)
    op = next((o for o in booking_store.ops(conn) if o.code == _op(who)), None)
    return _answer(
        request,
        "slot.html",
        language,
        status,
        why=slot_texts.why(who.cause, language),
        choices=[_choice(s, who, language) for s in slots],
        count=count,
        notice=notice,
        work=slot_texts.work(_op(who), language),
        minutes=op.minutes if op else 0,
        token=token,
        **about,
    )


@router.get("/b/{token}")
def show(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    token: str,
    count: Annotated[int, Query(ge=3, le=12)] = 3,
    taken: bool = False,
) -> Response:
    return _show(request, shared, conn, token, count, notice=taken)


@router.post("/b/{token}")
def choose(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    token: str,
    slot: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Hold and confirm in one step, so that a customer needs one touch.

    A customer who touches twice, or goes back and touches again, sees the booking that they have.
    """
    who = _visitor(shared, conn, token)
    now = shared.clock.now()
    again = RedirectResponse(f"/b/{token}", status_code=303)
    if store.appointment(conn, who, now) is not None or who.alert_state == "closed":
        return again
    try:
        chosen = slot_of(slot)
        kept = care_booking.book(
            conn,
            slot=chosen,
            dealer_id=who.dealer_id,
            vehicle_id=who.vehicle_id,
            customer_id=who.customer_id,
            alert_id=who.alert_id,
            op_code=_op(who),
            source="slot page",
            now=now,
        )
    except CareError:
        # Booked by somebody else meanwhile, or no time that we offer: show how it stands.
        conn.rollback()
        return RedirectResponse(f"/b/{token}?taken=1", status_code=303)
    if isinstance(kept, care_booking.Taken):
        conn.rollback()
        return _show(request, shared, conn, token, notice=True, status=409)
    return again


@router.get("/b/{token}/booking.ics")
def calendar(request: Request, shared: AtDoor, conn: Connection, token: str) -> Response:
    who = _visitor(shared, conn, token)
    now = shared.clock.now()
    booked = store.appointment(conn, who, now)
    if booked is None:
        return RedirectResponse(f"/b/{token}", status_code=303)
    text = calendar_file.appointment(
        uid=f"booking-{booked.id}@roadworthy",
        starts_at=booked.starts_at,
        ends_at=booked.ends_at,
        summary=f"{slot_texts.work(booked.op_code, slot_texts.language_of(who.language))}: "
        f"{words.car(who.make, who.model)}",
        place=f"{who.dealer_name}, {who.dealer_phone}",
        now=now,
    )
    return Response(
        text,
        media_type="text/calendar",
        headers={"Content-Disposition": 'attachment; filename="booking.ics"'},
    )
