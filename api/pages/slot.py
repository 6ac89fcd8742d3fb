"""The customer's page behind a signed link: why, three times to choose from, the dealer's phone.

Nobody signs in here and nothing needs JavaScript. The link alone says whose page it is, so it shows
no more than its message did: first name, car and reason.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api import calendar_file, progress_texts, render, slot_texts, visit_texts, words
from api.door import AtDoor, Connection, Door, Refusal
from api.slots import apart, slot_key, slot_of
from api.store import bookings as booking_store
from api.store import slot as store
from care import booking as care_booking
from care.errors import CareError
from care.links import LinkExpired, LinkInvalid, progress_token, read_slot_token
from care.slots import Alternative
from care.store import alerts, repairs
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


@dataclass(frozen=True, slots=True)
class Way:
    """What can be done where no slot fits."""

    kind: str
    says: str
    address: str
    directions: str | None


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


def _find(
    conn: Connection, shared: Door, who: store.Visitor, count: int, only: bool
) -> care_booking.Offer | care_booking.NoSlot:
    now = shared.clock.now()
    booked = booking_store.hours_of(conn, who.vehicle_id, now)
    found = care_booking.find(
        conn,
        dealer_id=who.dealer_id,
        op_code=_op(who),
        now=now,
        vehicle_id=who.vehicle_id,
        customer_id=who.customer_id,
        alert=alerts.get(conn, who.alert_id) if who.alert_id is not None else None,
        count=count * (2 if booked else 1),
        also=() if only else None,
    )
    if isinstance(found, care_booking.NoSlot):
        return found
    return care_booking.Offer(apart(list(found.slots), booked)[:count], found.also)


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
    notice: str = "",
    status: int = 200,
    only: bool = False,
) -> Response:
    who = _visitor(shared, conn, token)
    language = slot_texts.language_of(who.language)
    texts, more = slot_texts.LANGUAGES[language], visit_texts.LANGUAGES[language]
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
            work=", ".join(slot_texts.work(op, language) for op in (booked.op_code, *booked.also)),
            token=token,
            more=more,
            booked=booked,
            fetched=_fetched(booked, who, language),
            notice=_notice(notice, language),
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
    found = _find(conn, shared, who, count, only)
    if isinstance(found, care_booking.NoSlot):
        return _answer(
            request,
            "slot_none.html",
            language,
            status,
            why=slot_texts.why(who.cause, language),
            says=more.too_late if found.too_late else texts.no_times,
            ways=[_way(one, who, language) for one in found.alternatives],
            notice=_notice(notice, language),
            more=more,
            token=token,
            **about,
        )
    also = [one.op_code for one in found.also]
    minutes = {op.code: op.minutes for op in booking_store.ops(conn)}
    return _answer(
        request,
        "slot.html",
        language,
        status,
        why=slot_texts.why(who.cause, language),
        choices=[_choice(s, who, language) for s in found.slots],
        count=count,
        notice=_notice(notice, language),
        work=slot_texts.work(_op(who), language),
        also=", ".join(slot_texts.work(op, language) for op in also),
        only=only,
        gone=notice == "cancelled",
        minutes=sum(minutes.get(op, 0) for op in (_op(who), *also)),
        token=token,
        more=more,
        **about,
    )


def _notice(code: str, language: str) -> str:
    """What the page says first, after something did not go as wished."""
    more = visit_texts.LANGUAGES[language]
    known = {"taken": slot_texts.LANGUAGES[language].taken, "asked": more.asked}
    return (known | more.refused | {"cancelled": more.cancelled}).get(code, "")


def _fetched(booked: store.Appointment, who: store.Visitor, language: str) -> str:
    """What was agreed about fetching the car."""
    more = visit_texts.LANGUAGES[language]
    if booked.fetches_from and booked.fetches_until and booked.returns_from:
        a, b, c = booked.fetches_from, booked.fetches_until, booked.returns_from
        return more.fetched.format(a=f"{a:%H:%M}", b=f"{b:%H:%M}", c=f"{c:%H:%M}")
    return more.fetch_asked if booked.pick_up else ""


def _way(one: Alternative, who: store.Visitor, language: str) -> Way:
    more = visit_texts.LANGUAGES[language]
    said = {"mobile": more.mobile, "pick_up": more.pick_up, "tow": more.tow}.get(one.kind, "")
    if one.starts_at is not None:
        said = more.site.format(
            site=one.site.name,
            day=slot_texts.day(one.starts_at, who.time_zone, language, who.dealer_country),
            time=words.clock(one.starts_at, words.Place(who.time_zone, who.dealer_country)),
        )
    return Way(one.kind, said, one.site.address if one.kind == "site" else "", one.directions)


@router.get("/b/{token}")
def show(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    token: str,
    count: Annotated[int, Query(ge=3, le=12)] = 3,
    taken: bool = False,
    note: Annotated[str, Query(max_length=20)] = "",
    only: bool = False,
) -> Response:
    return _show(request, shared, conn, token, count, notice="taken" if taken else note, only=only)


@router.post("/b/{token}")
def choose(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    token: str,
    slot: Annotated[str, Form(max_length=80)] = "",
    loaner: Annotated[bool, Form()] = False,
    pick_up: Annotated[str, Form(max_length=200)] = "",
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
            extras=replace(
                care_booking.bundled(
                    conn,
                    slot=chosen,
                    dealer_id=who.dealer_id,
                    vehicle_id=who.vehicle_id,
                    alert_id=who.alert_id,
                    op_code=_op(who),
                    now=now,
                ),
                loaner=loaner,
                pick_up=" ".join(pick_up.replace("\x00", "").split()),
            ),
        )
    except CareError:
        # Booked by somebody else meanwhile, or no time that we offer: show how it stands.
        conn.rollback()
        return RedirectResponse(f"/b/{token}?taken=1", status_code=303)
    if isinstance(kept, care_booking.Taken):
        conn.rollback()
        return _show(request, shared, conn, token, notice=kept.code, status=409)
    return again


def _standing(
    shared: Door, conn: Connection, token: str
) -> tuple[store.Visitor, store.Appointment | None]:
    """Whose page it is, and the visit that may still be moved or cancelled."""
    who = _visitor(shared, conn, token)
    booked = store.appointment(conn, who, shared.clock.now())
    return who, booked if booked is not None and booked.state == "booked" else None


@router.get("/b/{token}/move")
def move_to(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    token: str,
    count: Annotated[int, Query(ge=3, le=12)] = 3,
    note: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    who, booked = _standing(shared, conn, token)
    if booked is None:
        return RedirectResponse(f"/b/{token}", status_code=303)
    language = slot_texts.language_of(who.language)
    more = visit_texts.LANGUAGES[language]
    found = care_booking.find_for_move(conn, booked.id, shared.clock.now(), count)
    slots = [] if isinstance(found, care_booking.NoSlot) else found
    return _answer(
        request,
        "slot_move.html",
        language,
        who=who,
        title=more.move_title.format(car=words.car(who.make, who.model)),
        choices=[_choice(s, who, language) for s in slots],
        count=count,
        notice=_notice(note, language),
        more=more,
        token=token,
        phone=who.dealer_phone,
        country=who.dealer_country,
    )


@router.post("/b/{token}/move")
def move(
    shared: AtDoor,
    conn: Connection,
    token: str,
    slot: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Move the visit; the old time stands until the new one is had."""
    who, booked = _standing(shared, conn, token)
    if booked is None:
        return RedirectResponse(f"/b/{token}", status_code=303)
    try:
        moved = care_booking.reschedule(
            conn,
            booked.id,
            slot_of(slot),
            actor=f"customer:{who.customer_id}",
            now=shared.clock.now(),
        )
    except CareError:
        conn.rollback()
        return RedirectResponse(f"/b/{token}/move?note=taken", status_code=303)
    if isinstance(moved, care_booking.Taken):
        conn.rollback()
        note = moved.code.replace(" ", "+")
        return RedirectResponse(f"/b/{token}/move?note={note}", status_code=303)
    return RedirectResponse(f"/b/{token}", status_code=303)


@router.post("/b/{token}/cancel")
def cancel(shared: AtDoor, conn: Connection, token: str) -> Response:
    who, booked = _standing(shared, conn, token)
    if booked is None:
        return RedirectResponse(f"/b/{token}", status_code=303)
    care_booking.cancel(conn, booked.id, f"customer:{who.customer_id}", shared.clock.now())
    return RedirectResponse(f"/b/{token}?note=cancelled", status_code=303)


@router.post("/b/{token}/ask")
def ask(
    shared: AtDoor, conn: Connection, token: str, way: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """No slot fits, and the customer chose what should be done instead."""
    who = _visitor(shared, conn, token)
    try:
        care_booking.ask_for(conn, who.customer_id, way, shared.clock.now())
    except CareError:
        return RedirectResponse(f"/b/{token}", status_code=303)
    return RedirectResponse(f"/b/{token}?note=asked", status_code=303)


@router.get("/b/{token}/booking.ics")
def calendar(request: Request, shared: AtDoor, conn: Connection, token: str) -> Response:
    who = _visitor(shared, conn, token)
    now = shared.clock.now()
    booked = store.appointment(conn, who, now)
    gone = store.cancelled(conn, who, now) if booked is None else None
    visit = booked or gone
    if visit is None:
        return RedirectResponse(f"/b/{token}", status_code=303)
    language = slot_texts.language_of(who.language)
    work = ", ".join(slot_texts.work(op, language) for op in (visit.op_code, *visit.also))
    text = calendar_file.invitation(
        calendar_file.Event(
            uid=f"booking-{visit.id}@roadworthy",
            starts_at=visit.starts_at,
            ends_at=visit.ends_at,
            summary=f"{work}: {words.car(who.make, who.model)}",
            place=f"{who.dealer_name}, {who.dealer_phone}",
            sequence=visit.sequence + (gone is not None),
            cancelled=gone is not None,
        ),
        organizer=who.dealer_phone,
        attendee=f"customer-{who.customer_id}",
        now=now,
    )
    return Response(
        text,
        media_type="text/calendar",
        headers={"Content-Disposition": 'attachment; filename="booking.ics"'},
    )
