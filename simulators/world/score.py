"""Compares what the product believed and did with what really was.

**Faults.** An alert is *true* if its car had a fault that the alert's cause speaks of
(`simulators.world.causes`) between the fault's onset and `GRACE` after its end; the first true
alert found the fault, and it is *right* if it names the root. Every other alert about faults is
*false*, charged to what only looked like a fault on that car at the time, if anything did.

A fault is *gradable*, and counts in the recall, if an ordinary driver would have noticed it, or the
car broke down, or the workshop repaired it, or it was there for `SHOWS_AFTER`, before the world
ended; the others began too late to be judged.

**Windows.** A window is judged as it was told first, the one that a customer plans by: what is
told anew after the event would hold anything. What the calendar alone makes due is known to the
day, so it is counted apart; a service that is done early would have been due when a twin of the car
that goes on without it is.

**Promises.** What arrived on the telephones decides, not what the product says it sent: the same
words twice within a day, a text outside 08:00 to 21:00 of the recipient's day (47 CFR
64.1200(c)(1)) that answers nothing the customer just did, any text after a STOP but the one that
confirms it, and every frame that the broker took and nobody has.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row

from record.share import wilson
from simulators.world.causes import KIN

DAY = timedelta(days=1)
GRACE = timedelta(days=2)
SHOWS_AFTER = timedelta(days=21)
VERIFIED = timedelta(days=14)
ANSWERED_WITHIN = timedelta(minutes=90)
"""A text so soon after the customer's own word answers it, at whatever hour."""

GOALS = {"precision": 0.95, "recall": 0.95, "root": 0.90, "false": 1.0}


# -- rows ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of ``truth.fault``."""

    vin: str
    kind: str
    onset: datetime
    noticed_at: datetime | None
    fails_at: datetime | None
    failed_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class Innocent:
    """A row of ``truth.innocent``."""

    vin: str
    kind: str
    start: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Alert:
    """What the product believed, with the window that it told first."""

    id: int
    vin: str
    cause: str
    opened_at: datetime
    closed_at: datetime | None
    reopened: int
    expect_from: datetime | None
    expect_to: datetime | None


@dataclass(frozen=True, slots=True)
class Text:
    """What arrived on a telephone, with what the product says of it."""

    phone: str
    at: datetime
    body: str
    automatic: bool
    outreach_id: int | None
    template: str | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking and what brought it."""

    vin: str
    alert_id: int | None
    cause: str | None
    state: str
    created_at: datetime
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Visit:
    """A row of ``truth.visit``."""

    vin: str
    at: datetime
    cause: str | None
    kind: str | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Rows:
    """All that the score is made of."""

    seed: int
    start: datetime
    now: datetime
    notes: tuple[str, ...]
    vehicles: int
    customers: int
    faults: Sequence[Fault] = ()
    innocents: Sequence[Innocent] = ()
    alerts: Sequence[Alert] = ()
    dues: Sequence[tuple[str, datetime]] = ()
    services: Sequence[tuple[str, datetime]] = ()
    texts: Sequence[Text] = ()
    said: Sequence[tuple[str, datetime, str]] = ()
    bookings: Sequence[Booking] = ()
    visits: Sequence[Visit] = ()
    silences: Sequence[tuple[str, int]] = ()
    calls: Sequence[tuple[str, int]] = ()
    measured: int = 0
    uploaded: int = 0
    distinct: int = 0
    lost_by_gateways: int = 0
    stored: int = 0
    quarantined: int = 0


# -- the card ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByKind:
    """One kind of fault.

    Parameters
    ----------
    cars, gradable, found, right
        Faults; those that had time to show; of them found, and named right.
    false
        False alerts whose cause speaks of this kind.
    lead_days
        Median time from the first true alert to the failure, of those that fail.
    before_noticed_days
        Median time from the first true alert to when the driver would notice.
    after_onset_days
        Median time from the onset to the first true alert.
    """

    kind: str
    cars: int
    gradable: int
    found: int
    right: int
    false: int
    lead_days: float | None
    before_noticed_days: float | None
    after_onset_days: float | None


@dataclass(frozen=True, slots=True)
class Dues:
    """Maintenance that fell due.

    Parameters
    ----------
    due, found, false
        Services that fell due; of them foretold; and foretold ones that did not come.
    error_days
        Median distance of what was foretold by use from the middle of its window.
    inside, with_window
        Windows that held, of those given by use.
    on_the_day, dated
        Dates that were right, of those told from the calendar: known, so no forecast.
    """

    due: int
    found: int
    false: int
    error_days: float | None
    inside: int
    with_window: int
    on_the_day: int
    dated: int


@dataclass(frozen=True, slots=True)
class Care:
    """What customers had of it."""

    texts: int
    by_template: dict[str, int]
    silences: dict[str, int]
    calls: dict[str, int]
    contacted: int
    answered: int
    booked: int
    came: int
    no_shows: int
    fixed: int
    verified: int
    verdicts: dict[str, int]
    before_failure: int
    broke_down: int
    texts_per_customer: float


@dataclass(frozen=True, slots=True)
class Promises:
    """What must be nothing."""

    twice: int
    at_night: int
    after_stop: int
    frames_lost: int


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All of it."""

    seed: int
    days: float
    vehicles: int
    notes: tuple[str, ...]
    alerts: int
    true_alerts: int
    false_alerts: int
    precision: float | None
    recall: float | None
    right: float | None
    per_1000_days: float
    windows: int
    windows_hold: int
    kinds: tuple[ByKind, ...]
    false_by: dict[str, int]
    exposed_days: dict[str, float]
    dues: Dues
    care: Care
    promises: Promises
    frames: dict[str, int] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """For programs: the same for the same world on every machine."""
        made: dict[str, Any] = _rounded(asdict(self))
        return made


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value


def broken(card: Scorecard) -> list[str]:
    """The promises that were broken, in words."""
    said = {
        "texts sent twice": card.promises.twice,
        "texts at night": card.promises.at_night,
        "texts after a STOP": card.promises.after_stop,
        "frames lost": card.promises.frames_lost,
    }
    return [f"{count} {what}" for what, count in said.items() if count]


# -- reading -------------------------------------------------------------------------------------


def score(conn: psycopg.Connection) -> Scorecard:
    """Score the world in this database, as the owner of schema truth."""
    return judge(read(conn))


def read(conn: psycopg.Connection) -> Rows:
    """All that the score is made of."""

    def rows(kind: type[Any], query: str) -> list[Any]:
        with conn.cursor(row_factory=class_row(kind)) as cur:
            return cur.execute(query).fetchall()

    def one(query: str) -> tuple[Any, ...]:
        row = conn.execute(query).fetchone()
        assert row is not None
        return row

    seed, start, now, notes = one("SELECT seed, start, now, notes FROM truth.run")
    vehicles, customers, measured, uploaded, distinct, lost = one(
        "SELECT count(*), count(DISTINCT phone), sum(measured)::bigint, sum(uploaded)::bigint, "
        "sum(distinct_frames)::bigint, sum(lost)::bigint FROM truth.vehicle"
    )
    return Rows(
        seed=seed,
        start=start,
        now=now,
        notes=tuple(notes),
        vehicles=vehicles,
        customers=customers,
        faults=rows(Fault, "SELECT * FROM truth.fault ORDER BY vin, onset, kind"),
        innocents=rows(Innocent, "SELECT * FROM truth.innocent ORDER BY vin, start, kind"),
        alerts=rows(
            Alert,
            """
            SELECT a.id, v.vin, a.cause, opened_at, closed_at, reopened, f.expect_from, f.expect_to
            FROM alert a JOIN vehicle v ON v.id = a.vehicle_id
            LEFT JOIN LATERAL (
                SELECT expect_from, expect_to FROM finding f
                WHERE f.vehicle_id = a.vehicle_id AND f.cause = a.cause
                  AND f.at >= a.opened_at AND f.expect_from IS NOT NULL
                ORDER BY f.at LIMIT 1
            ) f ON true
            ORDER BY opened_at, vin, cause
            """,
        ),
        dues=conn.execute("SELECT vin, at FROM truth.due ORDER BY vin, at").fetchall(),
        services=conn.execute("SELECT vin, at FROM truth.serviced ORDER BY vin, at").fetchall(),
        texts=rows(
            Text,
            """
            SELECT t.phone, t.at, t.body, t.automatic, o.id AS outreach_id, o.template,
                (SELECT time_zone FROM truth.vehicle v WHERE v.phone = t.phone LIMIT 1) AS time_zone
            FROM truth.text t LEFT JOIN outreach o ON o.provider_sid = t.sid
            ORDER BY t.at, t.phone, t.body
            """,
        ),
        said=conn.execute("SELECT phone, at, what FROM truth.said ORDER BY at, phone").fetchall(),
        bookings=rows(
            Booking,
            """
            SELECT v.vin, b.alert_id, a.cause, b.state, b.created_at, lower(b.during) AS starts_at
            FROM booking b JOIN vehicle v ON v.id = b.vehicle_id
            LEFT JOIN alert a ON a.id = b.alert_id
            WHERE b.state NOT IN ('held', 'expired') ORDER BY b.created_at, v.vin
            """,
        ),
        visits=rows(Visit, "SELECT * FROM truth.visit ORDER BY at, vin"),
        silences=conn.execute(
            """
            SELECT split_part(coalesce(reason, state), ':', 1), count(*) FROM outreach
            WHERE state IN ('dropped', 'failed', 'undelivered') GROUP BY 1 ORDER BY 1
            """
        ).fetchall(),
        calls=conn.execute(
            "SELECT what, count(*) FROM truth.call GROUP BY 1 ORDER BY 1"
        ).fetchall(),
        measured=measured or 0,
        uploaded=uploaded or 0,
        distinct=distinct or 0,
        lost_by_gateways=lost or 0,
        stored=one("SELECT count(*) FROM telemetry")[0],
        quarantined=one("SELECT count(*) FROM quarantine")[0],
    )


# -- judging -------------------------------------------------------------------------------------


def judge(rows: Rows) -> Scorecard:
    """The score: a pure function of the rows."""
    mine: dict[str, list[Fault]] = defaultdict(list)
    for fault in rows.faults:
        mine[fault.vin].append(fault)
    found: dict[Fault, list[Alert]] = defaultdict(list)
    wrong: list[Alert] = []
    speaking = [alert for alert in rows.alerts if alert.cause != "service_due"]
    for alert in speaking:
        about = [
            fault
            for fault in mine[alert.vin]
            if fault.onset <= alert.opened_at <= (fault.ended_at or rows.now) + GRACE
            and KIN[fault.kind].speaks(alert.cause)
        ]
        if about:
            right = [fault for fault in about if alert.cause in KIN[fault.kind].right]
            found[(right or about)[0]].append(alert)
        else:
            wrong.append(alert)
    true = len(speaking) - len(wrong)
    graded = [fault for fault in rows.faults if _gradable(fault, rows.now)]
    hit = [fault for fault in graded if found[fault]]
    named = [fault for fault in hit if _named_right(fault, found[fault])]
    days = (rows.now - rows.start) / timedelta(days=1)
    windows = [
        (fault, alert)
        for fault, alerts in found.items()
        for alert in alerts[:1]
        if alert.expect_from and alert.expect_to and _failure(fault)
    ]
    return Scorecard(
        seed=rows.seed,
        days=days,
        vehicles=rows.vehicles,
        notes=rows.notes,
        alerts=len(rows.alerts),
        true_alerts=true,
        false_alerts=len(wrong),
        precision=_share(true, len(speaking)),
        recall=_share(len(hit), len(graded)),
        right=_share(len(named), len(hit)),
        per_1000_days=1000 * len(wrong) / (rows.vehicles * days) if rows.vehicles * days else 0.0,
        windows=len(windows),
        windows_hold=sum(
            alert.expect_from <= _failure(fault) <= alert.expect_to  # type: ignore[operator]
            for fault, alert in windows
        ),
        kinds=tuple(_by_kind(kind, rows, found, wrong) for kind in KIN),
        false_by=dict(sorted(Counter(_blamed(alert, rows, mine) for alert in wrong).items())),
        exposed_days=_exposed_days(rows),
        dues=_dues(rows),
        care=_care(rows),
        promises=_promises(rows),
        frames={
            "measured": rows.measured,
            "lost by gateways": rows.lost_by_gateways,
            "uploaded": rows.uploaded,
            "distinct": rows.distinct,
            "stored": rows.stored,
            "in quarantine": rows.quarantined,
        },
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _failure(fault: Fault) -> datetime | None:
    """When it failed, or would have."""
    return fault.failed_at or fault.fails_at


def _gradable(fault: Fault, now: datetime) -> bool:
    if fault.onset >= now:
        return False
    moments = (fault.noticed_at, fault.failed_at, fault.ended_at, fault.onset + SHOWS_AFTER)
    return any(at is not None and at <= now for at in moments)


def _named_right(fault: Fault, alerts: Sequence[Alert]) -> bool:
    return alerts[0].cause in KIN[fault.kind].right


def _days(times: Sequence[timedelta]) -> float | None:
    return median(time / timedelta(days=1) for time in times) if times else None


def _by_kind(
    kind: str, rows: Rows, found: dict[Fault, list[Alert]], wrong: Sequence[Alert]
) -> ByKind:
    all_cars = [fault for fault in rows.faults if fault.kind == kind]
    graded = [fault for fault in all_cars if _gradable(fault, rows.now)]
    hit = [(fault, found[fault][0]) for fault in graded if found[fault]]
    return ByKind(
        kind=kind,
        cars=len(all_cars),
        gradable=len(graded),
        found=len(hit),
        right=sum(_named_right(fault, found[fault]) for fault, _ in hit),
        false=sum(alert.cause in KIN[kind].right for alert in wrong),
        lead_days=_days([at - alert.opened_at for f, alert in hit if (at := _failure(f))]),
        before_noticed_days=_days(
            [f.noticed_at - alert.opened_at for f, alert in hit if f.noticed_at]
        ),
        after_onset_days=_days([alert.opened_at - fault.onset for fault, alert in hit]),
    )


def _blamed(alert: Alert, rows: Rows, mine: dict[str, list[Fault]]) -> str:
    """What may have misled the product."""
    at = alert.opened_at
    kinds = [
        one.kind
        for one in rows.innocents
        if one.vin == alert.vin
        and one.start <= at
        and (one.until is None or at <= one.until + GRACE)
    ]
    if kinds:
        return kinds[-1]  # the one that began last
    if any(f.onset <= at <= (f.ended_at or rows.now) + GRACE for f in mine[alert.vin]):
        return "another fault was there"
    if any(f.ended_at is not None and f.ended_at < at for f in mine[alert.vin]):
        return "after a repair"
    return "nothing"


def _exposed_days(rows: Rows) -> dict[str, float]:
    """For how many vehicle-days each innocent cause was there."""
    days: dict[str, float] = defaultdict(float)
    for one in rows.innocents:
        until = min(one.until or rows.now, rows.now)
        days[one.kind] += max(0.0, (until - one.start) / timedelta(days=1))
    return dict(sorted(days.items()))


def _dues(rows: Rows) -> Dues:
    alerts: dict[str, list[Alert]] = defaultdict(list)
    for alert in rows.alerts:
        if alert.cause == "service_due":
            alerts[alert.vin].append(alert)
    errors, inside, windows, found, on_the_day, dated = [], 0, 0, 0, 0, 0
    spoken: set[int] = set()
    for vin, at in rows.dues:
        near = [a for a in alerts[vin] if a.opened_at <= at + GRACE and a.id not in spoken]
        if not near:
            continue
        found += 1
        last = near[-1]
        spoken.add(last.id)
        if not last.expect_from or not last.expect_to or last.opened_at > at:
            continue
        if last.expect_to - last.expect_from < DAY:
            dated += 1
            on_the_day += abs(last.expect_to - at) < DAY
            continue
        middle = last.expect_from + (last.expect_to - last.expect_from) / 2
        errors.append(abs(middle - at) / DAY)
        windows += 1
        inside += last.expect_from <= at <= last.expect_to
    # said to be due within what was lived, and was not: done elsewhere, or nonsense
    false = sum(
        alert.id not in spoken
        and alert.expect_to is not None
        and alert.expect_to < rows.now
        and not any(vin == alert.vin and at <= alert.opened_at for vin, at in rows.dues)
        and not any(vin == alert.vin and at >= alert.opened_at for vin, at in rows.services)
        for one in alerts.values()
        for alert in one
    )
    return Dues(
        due=len(rows.dues),
        found=found,
        false=false,
        error_days=median(errors) if errors else None,
        inside=inside,
        with_window=windows,
        on_the_day=on_the_day,
        dated=dated,
    )


def _care(rows: Rows) -> Care:
    spoken = [text for text in rows.texts if not text.automatic]
    contacted = {text.phone for text in spoken}
    answered = {phone for phone, _, _ in rows.said} & contacted
    made = [b for b in rows.bookings if b.state in ("booked", "arrived", "done", "no_show")]
    came = sum(b.state in ("arrived", "done") for b in made)
    fixed = [visit for visit in rows.visits if visit.verdict == "fixed"]
    verified = sum(
        not any(
            alert.vin == visit.vin
            and visit.kind is not None
            and KIN[visit.kind].speaks(alert.cause)
            and (alert.opened_at > visit.at or (alert.reopened and alert.closed_at is None))
            and alert.opened_at <= visit.at + VERIFIED
            for alert in rows.alerts
        )
        for visit in fixed
    )
    broke = [fault for fault in rows.faults if fault.failed_at is not None]
    before = sum(
        fault.ended_by == "repaired"
        and fault.failed_at is None
        and any(visit.kind == fault.kind and visit.vin == fault.vin for visit in fixed)
        for fault in rows.faults
    )
    templates = Counter(text.template or "unknown" for text in spoken)
    return Care(
        texts=len(spoken),
        by_template=dict(sorted(templates.items())),
        silences=dict(rows.silences),
        calls=dict(rows.calls),
        contacted=len(contacted),
        answered=len(answered),
        booked=len(made),
        came=came,
        no_shows=sum(b.state == "no_show" for b in made),
        fixed=len(fixed),
        verified=verified,
        verdicts=dict(sorted(Counter(visit.verdict for visit in rows.visits).items())),
        before_failure=before,
        broke_down=len(broke),
        texts_per_customer=len(spoken) / rows.customers if rows.customers else 0.0,
    )


def _promises(rows: Rows) -> Promises:
    spoken = [text for text in rows.texts if not text.automatic]
    last: dict[tuple[str, str], datetime] = {}
    outreach: Counter[int] = Counter()
    twice = night = after = 0
    stops: dict[str, datetime] = {}
    for phone, at, what in rows.said:
        if what == "stop":
            stops.setdefault(phone, at)
    for text in spoken:
        before = last.get((text.phone, text.body))
        repeated = before is not None and text.at - before < timedelta(days=1)
        last[text.phone, text.body] = text.at
        if text.outreach_id is not None:
            outreach[text.outreach_id] += 1
            repeated |= outreach[text.outreach_id] > 1
        twice += repeated
        hour = text.at.astimezone(ZoneInfo(text.time_zone)).hour
        answers = any(
            phone == text.phone and timedelta() <= text.at - at <= ANSWERED_WITHIN
            for phone, at, _ in rows.said
        )
        night += not 8 <= hour < 21 and not answers
        after += text.phone in stops and text.at > stops[text.phone]
    lost = rows.distinct - rows.stored - rows.quarantined
    return Promises(twice, night, after, max(0, lost))


# -- in words ------------------------------------------------------------------------------------


def markdown(card: Scorecard) -> str:
    """For people."""
    graded = sum(kind.gradable for kind in card.kinds)
    found = sum(kind.found for kind in card.kinds)
    right = sum(kind.right for kind in card.kinds)
    spoken = card.true_alerts + card.false_alerts
    whole = card.vehicles * card.days
    lines = [
        f"**Seed {card.seed}, {card.vehicles} vehicles, {card.days:.0f} days.** "
        + "; ".join(card.notes)
        + ".",
        "",
        "| | goal | result | | of | 95 % interval |",
        "|---|---:|---:|---|---:|---:|",
        _goal("precision", GOALS["precision"], card.true_alerts, spoken),
        _goal("recall", GOALS["recall"], found, graded),
        _goal("root cause named right", GOALS["root"], right, found),
        f"| false alerts in 1,000 vehicle-days | ≤ {GOALS['false']:.0f} | {card.per_1000_days:.2f} "
        f"| {_mark(card.per_1000_days <= GOALS['false'])} | {card.false_alerts} alerts | |",
        f"| failure windows that hold | 0.75–0.85 | {_fraction(card.windows_hold, card.windows)} "
        f"| | {card.windows} | |",
        "",
        "### By fault",
        "",
        "Days are medians. *Gradable*: it had time to show. *Lead*: from the first true alert to "
        "the failure; *before noticed*: to when an ordinary driver would notice; negative came "
        "too late.",
        "",
        "| fault | cars | gradable | found | named right | false alerts | lead | before noticed "
        "| after onset |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one.kind.replace('_', ' ')} | {one.cars} | {one.gradable} | {one.found} | {one.right} "
        f"| {one.false} | {_number(one.lead_days)} | {_number(one.before_noticed_days)} "
        f"| {_number(one.after_onset_days)} |"
        for one in card.kinds
    ]
    lines += [
        "",
        "### False alerts by what misled",
        "",
        "*Days* are vehicle-days on which the cause was there.",
        "",
        "| innocent cause | false alerts | days | in 1,000 days |",
        "|---|---:|---:|---:|",
    ]
    for name in sorted({*card.exposed_days, *card.false_by, "nothing"}):
        days, alerts = card.exposed_days.get(name, whole), card.false_by.get(name, 0)
        rate = f"{1000 * alerts / days:.2f}" if days >= 1 else "–"
        lines.append(f"| {name.replace('_', ' ')} | {alerts} | {days:,.0f} | {rate} |")
    due, care, kept = card.dues, card.care, card.promises
    lines += [
        "",
        "### Maintenance due",
        "",
        f"{due.due} services fell due; {due.found} were foretold: {due.dated} by the calendar, "
        f"{due.on_the_day} of them on the day; {due.with_window} by use, with a median error of "
        f"{_number(due.error_days)} days, and {_fraction(due.inside, due.with_window)} of those "
        "fell inside the 80 % interval that was told first (goal 0.75–0.85); "
        f"{due.false} were foretold that did not come.",
        "",
        "### Care",
        "",
        "| | |",
        "|---|---:|",
        f"| texts | {care.texts} ({care.texts_per_customer:.2f} a customer) |",
        f"| customers contacted → answered | {care.contacted} → {care.answered} |",
        f"| bookings → came → no-shows | {care.booked} → {care.came} → {care.no_shows} |",
        f"| faults fixed → stayed quiet for 14 days | {care.fixed} → {care.verified} |",
        f"| repaired before they failed | {care.before_failure} |",
        f"| broke down on the road | {care.broke_down} |",
        *(f"| visits: {name.replace('_', ' ')} | {n} |" for name, n in care.verdicts.items()),
        *(f"| advisors: {what} | {n} |" for what, n in care.calls.items()),
        *(f"| texts: {name} | {count} |" for name, count in care.by_template.items()),
        *(f"| not sent: {reason} | {count} |" for reason, count in care.silences.items()),
        "",
        "### Promises",
        "",
        "| | goal | result |",
        "|---|---:|---:|",
        f"| texts sent twice | 0 | {kept.twice} |",
        f"| texts at night | 0 | {kept.at_night} |",
        f"| texts after a STOP | 0 | {kept.after_stop} |",
        f"| frames lost | 0 | {kept.frames_lost} |",
        "",
        "Frames: " + ", ".join(f"{count:,} {name}" for name, count in card.frames.items()) + ".",
    ]
    return "\n".join(lines) + "\n"


def _mark(reached: bool) -> str:
    return "reached" if reached else "not reached"


def _goal(name: str, goal: float, part: int, whole: int) -> str:
    low, high = wilson(part, whole)
    share = _share(part, whole)
    reached = share is not None and share >= goal
    return (
        f"| {name} | ≥ {goal} | {_fraction(part, whole)} | {_mark(reached)} | {part} of {whole} "
        f"| {low:.2f}–{high:.2f} |"
    )


def _fraction(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
