"""In a demo: the simulated world beside what the product believes of it.

The world tells the truth through its window (`api.window`); here it is joined with the dealer's own
cars, so nobody sees another dealer's, and judged (`api.verdict`).
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api import render, timeline, words
from api.door import Desk, NotFound, SeeingWorld
from api.pages.vehicles import own_vehicle
from api.store import telemetry
from api.store import vehicles as vehicle_store
from api.store import world as store
from api.timeline import Drawing, Moment, Span
from api.verdict import SERVICE, TITLES, Matter, Verdict, counted, judge, kind_title
from api.window import Car, Fault, NoWorld, Window

log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

PAGE = 50
WIDE, NARROW = 880.0, 340.0
"""Widths of the two drawings: one for a desk, one for a phone."""

LEFT = 132.0
LANES = ("Fault", "Looks like one", "Alert", "Texts", "Bookings", "Workshop")
MOST_SIGNALS = 3
RANGES = {"90d": "90 days", "7d": "7 days", "24h": "24 h"}

ENDED = {
    "repaired": "repaired",
    "broke down": "ended with the breakdown",
    "elsewhere": "repaired elsewhere",
}
DID = {
    "fixed": "The workshop fixed it",
    "misdiagnosed": "The workshop repaired something else",
    "nothing_found": "The workshop found nothing",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One matter and the car that it is about."""

    car: store.CarRow
    matter: Matter
    kind: str


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a car's story: what really happened, or what the product did."""

    at: datetime
    words: str
    real: bool
    more: str = ""


def _window(desk: Desk) -> Window:
    asked: Window = desk.request.app.state.world
    return asked


def _silent(desk: Desk, error: NoWorld) -> Response:
    log.warning("the simulated world does not answer", extra={"why": error})
    return render.page(desk, "world_silent.html", 503)


@router.get("/world")
def index(
    desk: SeeingWorld,
    verdict: Annotated[str, Query(max_length=20)] = "",
    kind: Annotated[str, Query(max_length=60)] = "",
    first: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    try:
        told = _window(desk).cars()
    except NoWorld as error:
        return _silent(desk, error)
    own = store.cars(desk.conn, desk.dealer_id)
    alerts = store.beliefs(desk.conn, desk.dealer_id)
    cars = [car for car in told.vehicles if car.vin in own]
    rows = _judged(cars, own, alerts, desk.now)
    of_kind = [row for row in rows if not kind or row.matter.kind == kind]
    chosen = [row for row in of_kind if not verdict or row.matter.verdict == verdict]
    return render.page(
        desk,
        "world.html",
        cars=len(cars),
        counts=counted([row.matter for row in of_kind]),
        all_count=len(of_kind),
        titles={v.value: title for v, title in TITLES.items()},
        kinds=sorted({(row.kind, row.matter.kind) for row in rows}),
        verdict=verdict if verdict in set(Verdict) else "",
        kind=kind,
        rows=chosen[first : first + PAGE],
        first=first,
        more=first + PAGE if len(chosen) > first + PAGE else None,
    )


def _judged(
    cars: Iterable[Car],
    own: dict[str, store.CarRow],
    alerts: Sequence[store.Belief],
    now: datetime,
) -> list[Row]:
    """Every matter of these cars, the newest first."""
    about: dict[str, list[store.Belief]] = {}
    for alert in alerts:
        about.setdefault(alert.vin, []).append(alert)
    rows = [
        Row(own[car.vin], matter, _kind(matter))
        for car in cars
        for matter in judge(car, about.get(car.vin, ()), now)
    ]
    return sorted(rows, key=lambda row: (row.matter.since, row.car.id), reverse=True)


def _kind(matter: Matter) -> str:
    """What the matter is, in words: a fault's kind, or what a false alert alleged."""
    if matter.fault is not None or matter.kind == SERVICE:
        return kind_title(matter.kind)
    return words.cause_title(matter.kind)


@router.get("/world/{vehicle_id}")
def one(desk: SeeingWorld, vehicle_id: int) -> Response:
    card = own_vehicle(desk, vehicle_id)
    try:
        car = _window(desk).car(card.vin)
    except NoWorld as error:
        return _silent(desk, error)
    if car is None:
        raise NotFound("The simulated world does not know this car.")
    alerts = [
        a for a in store.beliefs(desk.conn, desk.dealer_id, vehicle_id) if a.opened_at <= desk.now
    ]
    texts = store.texts(desk.conn, vehicle_id)
    visits = store.visits(desk.conn, vehicle_id)
    matters = judge(car, alerts, desk.now)
    spans, moments = _drawn(car, alerts, texts, visits, desk.now)
    return render.page(
        desk,
        "world_car.html",
        v=card,
        car=car,
        rows=[Row(_row(card), matter, _kind(matter)) for matter in matters],
        drawings=_drawings(desk, spans, moments) if spans or moments else None,
        story=_story(car, alerts, texts, visits, desk.now),
        signals=_signals(desk, car, card),
        ranges=RANGES,
        kind_title=kind_title,
    )


def _row(card: vehicle_store.VehicleCard) -> store.CarRow:
    return store.CarRow(card.id, card.vin, card.plate, card.make, card.model, card.model_year)


def _signals(desk: Desk, car: Car, card: vehicle_store.VehicleCard) -> list[str]:
    """In which signals one can see what is wrong, or what a detector looked at last."""
    named = [
        name
        for fault in sorted(car.faults, key=lambda f: f.onset, reverse=True)
        if fault.onset <= desk.now
        for name in fault.shows_in
    ]
    if not named:
        for finding in vehicle_store.findings(desk.conn, desk.dealer_id, card.id, limit=1):
            named += [str(name) for name in finding.evidence.get("signals") or []]
    return [s.name for s in telemetry.numeric(named)][:MOST_SIGNALS]


# -- the drawing ----------------------------------------------------------------------------------


def _drawings(desk: Desk, spans: list[Span], moments: list[Moment]) -> dict[str, Drawing]:
    """The same story for a desk and for a phone."""
    since, until = timeline.stretch(spans, moments, desk.now)
    return {
        name: timeline.draw(
            LANES,
            spans,
            moments,
            since=since,
            until=until,
            now=desk.now,
            place=desk.place,
            width=width,
            left=left,
        )
        for name, width, left in (("wide", WIDE, LEFT), ("narrow", NARROW, 0.0))
    }


def _drawn(
    car: Car,
    alerts: Sequence[store.Belief],
    texts: Sequence[store.Text],
    visits: Sequence[store.Visit],
    now: datetime,
) -> tuple[list[Span], list[Moment]]:
    """Bars and marks, each with the words that a pointer or a screen reader gets."""
    spans, moments = [], []
    for fault in car.faults:
        if fault.onset > now:
            continue
        name = kind_title(fault.kind)
        fails_at = fault.failed_at or fault.fails_at
        # a repair that came first took the failure away
        fails = fails_at is not None and (fault.ended_at is None or fails_at <= fault.ended_at)
        ends = fault.ended_at or (fails_at if fails else None)
        bar = Span("Fault", fault.onset, ends, "real", name)
        spans.append(bar)
        if fault.noticed_at and (fault.ended_at is None or fault.noticed_at <= fault.ended_at):
            moments.append(
                Moment("Fault", fault.noticed_at, "eye", "real", f"{name}: the driver notices", bar)
            )
        if fails and fails_at is not None:
            said = "failed" if fault.failed_at else "fails"
            moments.append(Moment("Fault", fails_at, "cross", "real", f"{name}: {said}", bar))
    moments += [
        Moment("Fault", due, "diamond", "real", "Service fell due")
        for due in car.dues
        if due <= now
    ]
    # What is always so (a roof box) would stretch the drawing: it starts with the rest.
    begins = [s.begins for s in spans] + [a.opened_at for a in alerts]
    earliest = min(begins, default=now) - timedelta(days=3)
    for innocent in car.innocents:
        if innocent.start <= now and (innocent.end is None or innocent.end >= earliest):
            spans.append(
                Span(
                    "Looks like one",
                    max(innocent.start, earliest),
                    innocent.end,
                    "innocent",
                    kind_title(innocent.kind),
                )
            )
    for alert in alerts:
        title = words.cause_title(alert.cause)
        spans.append(Span("Alert", alert.opened_at, alert.closed_at or now, alert.urgency, title))
    for text in texts:
        sent = text.state in ("sent", "delivered", "undelivered")
        moments.append(
            Moment(
                "Texts",
                text.at,
                "dot",
                "said" if sent else "unsaid",
                f"Text {words.OUTREACH[text.state].lower()}",
            )
        )
    for visit in visits:
        came = visit.state in ("arrived", "done")
        lost = visit.state in ("cancelled", "no_show")
        tone = "booked" if not lost else "lost"
        label = words.BOOKING[visit.state]
        spans.append(Span("Bookings", visit.starts_at, visit.ends_at, tone, label))
        if came and visit.closed_at:
            good = visit.finding == "confirmed"
            moments.append(
                Moment(
                    "Workshop",
                    visit.closed_at,
                    "check" if good else "none",
                    "good" if good else "nothing",
                    visit.correction or "Repair order closed",
                )
            )
    return spans, moments


def _story(
    car: Car,
    alerts: Sequence[store.Belief],
    texts: Sequence[store.Text],
    visits: Sequence[store.Visit],
    now: datetime,
) -> list[Event]:
    """The same in words, in order of time: the newest first."""
    events = [
        event for fault in car.faults if fault.onset <= now for event in _of_fault(fault, now)
    ]
    for innocent in car.innocents:
        name = kind_title(innocent.kind)
        if innocent.start <= now:
            events.append(Event(innocent.start, f"{name} begins", True, "looks like a fault"))
        if innocent.end and innocent.end <= now:
            events.append(Event(innocent.end, f"{name} ends", True))
    events += [Event(due, "Service fell due", True) for due in car.dues if due <= now]
    events += [
        Event(s.at, "Serviced elsewhere" if s.by == "elsewhere" else "Serviced", True)
        for s in car.services
        if s.at <= now
    ]
    for visit in car.visits:
        if visit.at <= now and visit.verdict != "serviced":  # which is told above
            about = kind_title(visit.kind) if visit.kind else ""
            events.append(Event(visit.at, DID.get(visit.verdict, visit.verdict), True, about))
    for alert in alerts:
        title = words.cause_title(alert.cause)
        events.append(Event(alert.opened_at, f"Alert: {title}", False))
        if alert.closed_at and alert.close_reason:
            why = words.CLOSED[alert.close_reason]
            events.append(Event(alert.closed_at, f"Alert closed: {title}", False, why))
    for text in texts:
        what = f"Text {words.OUTREACH[text.state].lower()}"
        events.append(Event(text.at, what, False, text.reason or text.body))
    for row in visits:
        when = f"{row.op_title}, {words.BOOKING[row.state].lower()}"
        events.append(Event(row.created_at, "Booking made", False, when))
        if row.closed_at:
            events.append(Event(row.closed_at, "Repair order closed", False, row.correction or ""))
    return sorted(events, key=lambda e: (e.at, not e.real), reverse=True)


def _of_fault(fault: Fault, now: datetime) -> list[Event]:
    name = kind_title(fault.kind)
    events = [Event(fault.onset, f"{name} begins", True)]
    ended = fault.ended_at or now
    if fault.noticed_at and fault.noticed_at <= min(ended, now):
        events.append(Event(fault.noticed_at, f"{name}: the driver notices", True))
    if fault.failed_at and fault.failed_at <= now:
        events.append(Event(fault.failed_at, f"{name}: the car failed", True))
    if fault.ended_at and fault.ended_at <= now:
        how = ENDED.get(fault.ended_by or "", fault.ended_by or "over")
        events.append(Event(fault.ended_at, f"{name}: {how}", True))
    return events
