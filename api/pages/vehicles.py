"""Vehicles and their alerts: who, what, since when, how sure, what to do."""

from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api import render, words
from api.door import Booking, Desk, KeepingRecords, Looking, NotFound, Working, see
from api.slots import apart, slot_key, slot_of
from api.store import audit as audit_store
from api.store import bookings as booking_store
from api.store import inbox as inbox_store
from api.store import telemetry
from api.store import vehicles as store
from api.store import workshop as workshop_store
from care import alert as care_alert
from care import booking as care_booking
from care import people as care_people
from care.errors import CareError
from care.store import alerts as care_alerts
from care.store import incidents
from record import dtc
from record.causes import cause_of

router = APIRouter(include_in_schema=False)

PAGE = 50
RECENT = timedelta(days=14)
RANGES = {
    "evidence": "Evidence",
    "24h": "24 h",
    "7d": "7 days",
    "90d": "90 days",
}
SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "90d": timedelta(days=90)}
USUAL = ["battery_voltage_v", "coolant_temp_c", "speed_kmh"]
USUAL_ELECTRIC = ["battery_voltage_v", "soc_displayed_pct", "pack_temp_c"]


@router.get("/vehicles")
def index(
    desk: Looking,
    q: Annotated[str, Query(max_length=80)] = "",
    after: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    part = q.strip().replace("\x00", "")
    more = ""
    if len(part) >= 2:
        rows = store.search(desk.conn, dealer_id=desk.dealer_id, part=part, now=desk.now)
    else:
        rows = store.page(
            desk.conn,
            dealer_id=desk.dealer_id,
            now=desk.now,
            after=cursor(after),
            limit=PAGE + 1,
        )
        if len(rows) > PAGE:
            last = rows[PAGE - 1]
            more = f"{last.make}~{last.model}~{last.id}"
    return render.page(desk, "vehicles.html", rows=rows[:PAGE], q=q, more=more, after=after)


def cursor(after: str) -> tuple[str, str, int] | None:
    """``SEAT~Leon~12`` as make, model and id; None if it isn't one.

    Examples
    --------
    >>> cursor("SEAT~Leon~12"), cursor("")
    (('SEAT', 'Leon', 12), None)
    """
    parts = after.replace("\x00", "").rsplit("~", 1)
    if len(parts) != 2 or not parts[1].isdigit() or len(parts[1]) > 9:
        return None
    make, _, model = parts[0].partition("~")
    return make, model, int(parts[1])


@router.get("/vehicles/{vehicle_id}")
def vehicle(desk: Looking, vehicle_id: int) -> Response:
    return _show(desk, vehicle_id, None)


@router.get("/alerts/{alert_id}")
def alert(desk: Looking, alert_id: int) -> Response:
    chosen = own_alert(desk, alert_id)
    return _show(desk, chosen.vehicle_id, chosen)


def _show(desk: Desk, vehicle_id: int, chosen: store.AlertRow | None) -> Response:
    conn, dealer_id = desk.conn, desk.dealer_id
    card = own_vehicle(desk, vehicle_id)
    alerts = store.alerts_of(conn, dealer_id, vehicle_id)
    if chosen is None and alerts and alerts[0].state == "open":
        chosen = alerts[0]
    findings = store.findings(conn, dealer_id, vehicle_id)
    about = [f for f in findings if chosen and f.cause == chosen.cause]
    newest = next((f for f in about if f.kind != "recovered"), about[0] if about else None)
    frame, heard_at = last_heard(desk, vehicle_id)
    worst = next((a.urgency for a in alerts if a.state == "open"), None)
    task = inbox_store.open_task_of(conn, dealer_id, chosen.id) if chosen else None
    booking = (
        booking_store.of_alert(conn, dealer_id, chosen.id)
        if chosen
        else booking_store.live_of_vehicle(conn, dealer_id, vehicle_id, desk.now)
    )
    subjects = [f"vehicle:{vehicle_id}", *([f"alert:{chosen.id}"] if chosen else [])]
    subjects += [f"task:{task.id}"] if task else []
    subjects += [f"booking:{booking.id}"] if booking else []
    return render.page(
        desk,
        "vehicle.html",
        v=card,
        alert=chosen,
        alerts=alerts,
        newest=newest,
        findings=findings,
        frame=frame,
        heard_at=heard_at,
        condition_=words.condition(worst, heard_at, desk.now),
        dtcs=[_decoded(code) for code in (frame.dtcs or [] if frame else [])],
        task=task,
        part_of=incidents.of_alert(conn, chosen.id) if chosen else None,
        booking=booking,
        repairs=booking_store.repair_orders_of(conn, dealer_id, vehicle_id),
        signals=_signals(card, newest),
        ranges=RANGES if newest else {k: v for k, v in RANGES.items() if k != "evidence"},
        trail=audit_store.trail(conn, subjects, 12),
    )


def last_heard(desk: Desk, vehicle_id: int) -> tuple[store.LastFrame | None, datetime | None]:
    """The car's newest frame and its time, asking as few days of telemetry as will do.

    The detectors know until when they judged; what is newer can only be after that. A car that was
    never judged is looked for in the last `RECENT` days.
    """
    judged_at = store.judged_at(desk.conn, vehicle_id)
    since = max(judged_at or desk.now - RECENT, desk.now - RECENT)
    frame = store.last_frame(desk.conn, vehicle_id, since, desk.now + timedelta(days=1))
    return frame, frame.ts if frame else judged_at


def _signals(card: store.VehicleCard, newest: store.FindingRow | None) -> list[str]:
    named = (newest.evidence.get("signals") or []) if newest else []
    known = [s.name for s in telemetry.numeric([str(n) for n in named])]
    return known or (USUAL_ELECTRIC if card.powertrain == "electric" else USUAL)


def _decoded(code: str) -> dict[str, str]:
    try:
        known = dtc.decode(code)
    except dtc.DtcError:
        return {"code": code, "description": "Not a code of SAE J2012", "urgency": "info"}
    return {
        "code": known.code,
        "description": known.description,
        "urgency": known.urgency.value,
        "why": known.why,
    }


def own_vehicle(desk: Desk, vehicle_id: int) -> store.VehicleCard:
    """The car, if it is this dealer's.

    Raises
    ------
    NotFound
    """
    card = (
        store.card(desk.conn, desk.dealer_id, vehicle_id, desk.now) if vehicle_id < 2**31 else None
    )
    if card is None:
        raise NotFound("There is no such vehicle at your dealer.")
    return card


def own_alert(desk: Desk, alert_id: int) -> store.AlertRow:
    """The alert, if it is about a car of this dealer's.

    Raises
    ------
    NotFound
    """
    found = store.alert(desk.conn, desk.dealer_id, alert_id)
    if found is None:
        raise NotFound("There is no such alert at your dealer.")
    return found


def chart_window(
    desk: Desk, vehicle_id: int, span: str, cause: str | None
) -> tuple[datetime, datetime, store.FindingRow | None]:
    """From when to when a chart shows, and the finding that it is about.

    The evidence window is widened by a quarter on both sides, so that one sees what was normal.
    Other spans end with the car's last word, not with now: a car parked for a week still shows how
    it was.
    """
    newest = None
    if span not in SPANS:
        rows = store.findings(desk.conn, desk.dealer_id, vehicle_id, cause, limit=10)
        newest = next((f for f in rows if f.kind != "recovered"), rows[0] if rows else None)
    if newest is not None:
        since, until = _evidence_window(newest)
        margin = max((until - since) / 4, timedelta(minutes=5))
        return since - margin, max(until, min(until + margin, desk.now)), newest
    _, heard_at = last_heard(desk, vehicle_id)
    until = (heard_at or desk.now) + timedelta(minutes=1)
    return until - SPANS.get(span, SPANS["24h"]), until, None


def _evidence_window(finding: store.FindingRow) -> tuple[datetime, datetime]:
    """From when to when the detector looked, as far as it says."""
    since = _time(finding.evidence.get("window_from")) or finding.at - timedelta(hours=2)
    return since, _time(finding.evidence.get("window_to")) or finding.at


def _time(value: Any) -> datetime | None:
    """A time in evidence, ISO 8601 or epoch milliseconds; None if it isn't one."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at if at.tzinfo else None
    except ValueError:
        pass
    return None


@router.get("/vehicles/{vehicle_id}/telemetry.json")
def chart(
    desk: Looking,
    vehicle_id: int,
    signals: Annotated[str, Query(max_length=300)],
    span: Annotated[str, Query(max_length=10)] = "24h",
    cause: Annotated[str, Query(max_length=60)] = "",
    points: Annotated[int, Query(ge=50, le=2000)] = 600,
) -> dict[str, Any]:
    own_vehicle(desk, vehicle_id)
    since, until, finding = chart_window(desk, vehicle_id, span, cause or None)
    shown = telemetry.window(
        desk.conn,
        vehicle_id=vehicle_id,
        names=signals.split(",")[:6],
        since=since,
        until=until,
        points=points,
    )
    marks = store.findings(desk.conn, desk.dealer_id, vehicle_id, cause or None, limit=20)
    return {
        "since": since.timestamp(),
        "until": until.timestamp(),
        "zone": desk.zone,
        "twelve_hours": desk.place.twelve_hours,
        "month_first": desk.place.month_first,
        "at": shown.at,
        "bucket_s": shown.bucket_s,
        "series": [_readable(s, finding) for s in shown.series],
        "marks": [
            {"at": f.at.timestamp(), "kind": f.kind, "summary": f.summary}
            for f in marks
            if since <= f.at <= until
        ],
        "window": [t.timestamp() for t in _evidence_window(finding)] if finding else None,
    }


def _readable(series: telemetry.Series, finding: store.FindingRow | None) -> dict[str, Any]:
    """A series as a chart shows it: with what was expected, and distances in km."""
    doc = {**asdict(series), "title": words.signal_title(series.name), "expected": None}
    if finding and finding.evidence.get("unit") == series.unit:
        doc["expected"] = finding.evidence.get("expected")
    if series.unit == "m":  # nobody reads an odometer in metres
        for key in ("low", "high"):
            doc[key] = [None if v is None else round(v / 1000, 3) for v in doc[key]]
        doc["unit"] = "km"
    return doc


@router.post("/alerts/{alert_id}/dismiss")
def dismiss(
    desk: Working,
    alert_id: int,
    reason: Annotated[str, Form(max_length=500)] = "",
    code: Annotated[str, Form(max_length=40)] = "other",
) -> Response:
    own_alert(desk, alert_id)
    reason = reason.replace("\x00", "")
    care_alert.dismiss(desk.conn, alert_id, desk.staff.actor, reason, desk.now, code)
    return render.noted(see(f"/alerts/{alert_id}"), desk.request, "Dismissed, and noted why.")


@router.post("/vehicles/{vehicle_id}/warranty")
def set_warranty(
    desk: KeepingRecords, vehicle_id: int, until: Annotated[str, Form(max_length=10)] = ""
) -> Response:
    own_vehicle(desk, vehicle_id)
    try:
        day = date.fromisoformat(until) if until else None
    except ValueError:
        raise CareError("Say a day, as 2027-05-31.") from None
    care_people.set_warranty(desk.conn, vehicle_id, day, desk.staff.actor, desk.now)
    return render.noted(
        see(f"/vehicles/{vehicle_id}"), desk.request, "Kept. New tasks of this car count it."
    )


@router.get("/vehicles/{vehicle_id}/book")
def choose(
    desk: Booking,
    vehicle_id: int,
    alert: int | None = None,
    op: Annotated[str, Query(max_length=40)] = "",
    count: Annotated[int, Query(ge=3, le=24)] = 9,
    only: bool = False,
    late: bool = False,
) -> Response:
    card = own_vehicle(desk, vehicle_id)
    about = own_alert(desk, alert) if alert else None
    if about and about.vehicle_id != vehicle_id:
        raise NotFound("This alert is about another vehicle.")
    ops = booking_store.ops(desk.conn)
    code = op or (cause_of(about.cause).op_code if about else "SERVICE")
    if code not in {o.code for o in ops} and ops:
        code = ops[0].code
    booked = booking_store.hours_of(desk.conn, vehicle_id, desk.now)
    found = care_booking.find(
        desk.conn,
        dealer_id=desk.dealer_id,
        op_code=code,
        now=desk.now,
        vehicle_id=vehicle_id,
        customer_id=card.owner_id,
        alert=care_alerts.get(desk.conn, about.id) if about and not late else None,
        count=count * (2 if booked else 1),
        also=() if only or late else None,
    )
    none = found if isinstance(found, care_booking.NoSlot) else None
    offered = found if isinstance(found, care_booking.Offer) else care_booking.Offer(())
    slots = apart(list(offered.slots), booked)[:count]
    titles = {o.code: o.title for o in ops}
    return render.page(
        desk,
        "book.html",
        v=card,
        alert=about,
        ops=ops,
        op=code,
        slots=[(slot_key(s), s) for s in slots],
        count=count,
        no_slot=none.told if none else "",
        also=[titles[one.op_code] for one in offered.also],
        only=only,
        late=late,
        lends=workshop_store.lends(desk.conn, desk.dealer_id),
        fetches=workshop_store.fetches(desk.conn, desk.dealer_id),
    )


@router.post("/vehicles/{vehicle_id}/book")
def book(
    desk: Booking,
    vehicle_id: int,
    slot: Annotated[str, Form(max_length=80)],
    op: Annotated[str, Form(max_length=40)],
    alert: Annotated[int | None, Form()] = None,
    loaner: Annotated[bool, Form()] = False,
    pick_up: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    card = own_vehicle(desk, vehicle_id)
    about = own_alert(desk, alert) if alert else None
    if about and about.vehicle_id != vehicle_id:
        raise NotFound("This alert is about another vehicle.")
    if card.owner_id is None:
        raise NotFound("This car has no customer on record, so it can't be booked.")
    back = f"/vehicles/{vehicle_id}/book?op={op}" + (f"&alert={about.id}" if about else "")
    chosen = slot_of(slot)
    bundled = care_booking.bundled(
        desk.conn,
        slot=chosen,
        dealer_id=desk.dealer_id,
        vehicle_id=vehicle_id,
        alert_id=about.id if about else None,
        op_code=op,
        now=desk.now,
    )
    kept = care_booking.book(
        desk.conn,
        slot=chosen,
        dealer_id=desk.dealer_id,
        vehicle_id=vehicle_id,
        customer_id=card.owner_id,
        alert_id=about.id if about else None,
        op_code=op,
        source=desk.staff.actor,
        now=desk.now,
        extras=replace(
            bundled, loaner=loaner, pick_up=" ".join(pick_up.replace("\x00", "").split())
        ),
    )
    if isinstance(kept, care_booking.Taken):
        return render.noted(see(back), desk.request, kept.reason, "sorry")
    when = words.moment(kept.starts_at, desk.place)
    path = f"/alerts/{about.id}" if about else f"/vehicles/{vehicle_id}"
    return render.noted(see(path), desk.request, f"Booked for {when}.")
