"""What all vehicles' histories say together, version beside version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatch
from math import fsum

import pandas as pd

from detectors.backtest.history import Answer, Source
from detectors.backtest.trial import Kind, Lived, Raised, kinds_of
from record.flow import RELAPSE
from record.share import wilson

GRACE = timedelta(days=2)
"""An alert so soon after a fault's end still speaks of it."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Score:
    """What one version would have done.

    Parameters
    ----------
    params : dict
        What differs from the version in force; empty for that itself.
    alerts, vehicles : int
        And on how many vehicles.
    per_day, per_advisor_day : float
        Alerts; the latter None where no advisors are known.
    right, wrong, open : int
        By what is known of them.
    precision : tuple of float or None
        Share of the right among those answered, with its 95 % interval.
    root : int
        Right ones that name the root.
    lead_days : float or None
        Median from alert to failure, or repair, of the right ones.
    held : (int, int)
        Failure windows, and intervals of what falls due, that held what came: so many of so many.
    by_cause : dict of str to int
    by_fault : dict of str to (int, int)
        Faults of a world that it should have found: how many it found, of how many.
    wrong_by : dict of str to int
        What only looked like a fault, where alerts were wrong.
    by_week : list of (str, int)
        Monday, and alerts of that week.
    failed : int
        Vehicles on which it raised an exception and was set aside.
    """

    params: dict[str, float | int]
    alerts: int
    vehicles: int
    per_day: float
    per_advisor_day: float | None
    right: int
    wrong: int
    open: int
    precision: tuple[float, float, float] | None
    root: int
    lead_days: float | None
    held: tuple[int, int]
    by_cause: dict[str, int]
    by_fault: dict[str, tuple[int, int]]
    wrong_by: dict[str, int]
    by_week: list[tuple[str, int]]
    failed: int


@dataclass(frozen=True, slots=True)
class Report:
    """A trial, whole.

    Parameters
    ----------
    name : str
    since, to : datetime
    vehicles, frames : int
    vehicle_days : float
    scores : tuple of Score
        In force, and tried if anything differs.
    only : tuple of two tuples of Raised
        Alerts that only the one, or only the other, would have raised.
    """

    name: str
    since: datetime
    to: datetime
    vehicles: int
    frames: int
    vehicle_days: float
    scores: tuple[Score, ...]
    only: tuple[tuple[Raised, ...], tuple[Raised, ...]] = ((), ())


def judged(
    alerts: Iterable[Raised], answers: Sequence[Answer], whole: bool
) -> tuple[list[Raised], set[Answer]]:
    """Alerts with what is known of them, and the known faults that were found.

    Parameters
    ----------
    alerts, answers
    whole
        Whether what `answers` doesn't know is wrong; else it stays open, as does what falls due.
    """
    mine: dict[int, list[Answer]] = {}
    for answer in answers:
        mine.setdefault(answer.vehicle_id, []).append(answer)
    told, found = [], set()
    for alert in alerts:
        about = [
            one
            for one in mine.get(alert.vehicle_id, ())
            if one.since <= alert.at <= one.to + GRACE
            and (
                alert.cause in (one.roots if _due(alert.cause) else one.causes)
                or not (one.causes or _due(alert.cause))
            )
        ]
        right = sorted((one for one in about if one.true), key=lambda o: alert.cause not in o.roots)
        found.update(right[:1])
        if right:
            one = right[0]
            lead = None if one.failed_at is None else (one.failed_at - alert.at) / DAY
            verdict = "root" if alert.cause in one.roots else "right"
            told.append(
                replace(
                    alert,
                    verdict="due" if one.what and _due(alert.cause) else verdict,
                    about=one.what,
                    lead_days=lead,
                    held=_held(alert, one.failed_at),
                )
            )
        elif about or (whole and not _due(alert.cause)):
            told.append(replace(alert, verdict="wrong", about=about[0].what if about else ""))
        else:
            told.append(alert)
    return told, found


def _held(alert: Raised, at: datetime | None) -> bool | None:
    """Whether the window that was told held what came; a date from the calendar is no window."""
    since, to = alert.expect_from, alert.expect_to
    if at is None or since is None or to is None or at < alert.at or to - since < DAY:
        return None
    return since <= at <= to


def _due(cause: str) -> bool:
    """Whether this is no fault, but work that falls due."""
    return cause.endswith("_due")


def score(
    kinds: Sequence[Kind],
    params: Mapping[str, float | int],
    alerts: Sequence[Raised],
    source: Source,
    answers: Sequence[Answer],
    days: float,
    failed: int,
) -> tuple[Score, list[Raised]]:
    """One version's score, and its alerts with their verdicts."""
    told, found = judged(alerts, answers, source.whole())
    table = pd.DataFrame([asdict(one) for one in told], columns=list(Raised.__slots__))
    counts = Counter(table["verdict"])
    right, wrong = counts["right"] + counts["root"], counts["wrong"]
    answered = right + wrong
    held = [one.held for one in told if one.held is not None]
    at = pd.to_datetime(table["at"], utc=True).dt.tz_localize(None)
    weeks = at.dt.to_period("W").dt.start_time.dt.date.value_counts().sort_index()
    leads = table.loc[table["verdict"].isin(["right", "root"]), "lead_days"].dropna().astype(float)
    names = ["*"] if len(kinds) > 1 else kinds[0].causes
    counted = Counter(
        one.what
        for one in answers
        if one.counts and any(fnmatch(root, name) for root in one.roots for name in names)
    )
    hit = Counter(one.what for one in found if one.counts)
    per_day = len(told) / days if days else 0.0
    advisors = source.advisors()
    return Score(
        dict(params),
        len(told),
        len({one.vehicle_id for one in told}),
        per_day,
        per_day / advisors if advisors else None,
        right,
        wrong,
        len(told) - answered,
        (right / answered, *wilson(right, answered)) if answered else None,
        counts["root"],
        float(leads.median()) if len(leads) else None,
        (sum(held), len(held)),
        dict(Counter(table["cause"]).most_common()),
        {what: (hit[what], count) for what, count in sorted(counted.items())},
        dict(Counter(one.about or "nothing" for one in told if one.verdict == "wrong")),
        [(str(monday), int(n)) for monday, n in weeks.items()],
        failed,
    ), told


def run(
    source: Source,
    name: str,
    params: Mapping[str, float | int],
    lived: Iterable[Lived],
    since: datetime,
    to: datetime,
) -> Report:
    """Make one report of what all vehicles lived through."""
    kinds = kinds_of(name)
    everything = list(lived)
    answers = [one for one in source.answers() if one.to >= since and one.since <= to]
    days = (to - since) / DAY
    versions = ({}, params) if params else ({},)
    scores, told = [], []
    for n, version in enumerate(versions):
        alerts = sorted(
            (alert for one in everything for alert in one.alerts[n]),
            key=lambda one: (one.at, one.vin, one.cause),
        )
        failed = sum(one.failed[n] for one in everything)
        made, verdicts = score(kinds, version, alerts, source, answers, days, failed)
        scores.append(made)
        told.append(verdicts)
    only = _differences(*told) if params else ((), ())
    return Report(
        name,
        since,
        to,
        len(everything),
        sum(one.frames for one in everything),
        fsum(one.days for one in everything),
        tuple(scores),
        only,
    )


def _differences(
    before: Sequence[Raised], after: Sequence[Raised]
) -> tuple[tuple[Raised, ...], tuple[Raised, ...]]:
    """Alerts without a like one, same vehicle and cause within the time of a relapse."""

    def without(some: Sequence[Raised], others: Sequence[Raised]) -> tuple[Raised, ...]:
        times: dict[tuple[int, str], list[datetime]] = {}
        for one in others:
            times.setdefault((one.vehicle_id, one.cause), []).append(one.at)
        return tuple(
            one
            for one in some
            if not any(
                abs(at - one.at) <= RELAPSE for at in times.get((one.vehicle_id, one.cause), ())
            )
        )

    return without(before, after), without(after, before)


# --- in words --------------------------------------------------------------------------------


def table(report: Report) -> str:
    """The report for a terminal."""
    heads = ["in force", "tried"][: len(report.scores)]
    rows: list[tuple[str, list[str]]] = [
        ("alerts", [f"{s.alerts:,}" for s in report.scores]),
        ("vehicles with one", [f"{s.vehicles:,}" for s in report.scores]),
        ("alerts a day", [f"{s.per_day:.2f}" for s in report.scores]),
    ]
    if any(s.per_advisor_day is not None for s in report.scores):
        rows.append(
            ("alerts a day for each advisor", [f"{s.per_advisor_day:.2f}" for s in report.scores])
        )
    rows += [
        ("right", [f"{s.right:,}" for s in report.scores]),
        ("wrong", [f"{s.wrong:,}" for s in report.scores]),
        ("nobody knows yet", [f"{s.open:,}" for s in report.scores]),
        ("precision", [_precision(s) for s in report.scores]),
    ]
    rows.append(("names the root", [f"{s.root:,}" for s in report.scores]))
    rows.append(
        (
            "median days before failure or repair",
            ["–" if s.lead_days is None else f"{s.lead_days:.1f}" for s in report.scores],
        )
    )
    rows.append(("windows that hold, of 0.75–0.85", [_windows(s) for s in report.scores]))
    causes = sorted({cause for s in report.scores for cause in s.by_cause})
    rows += [(f"  {c}", [f"{s.by_cause.get(c, 0):,}" for s in report.scores]) for c in causes]
    for fault in sorted({fault for s in report.scores for fault in s.by_fault}):
        found = [s.by_fault.get(fault, (0, 0)) for s in report.scores]
        rows.append((f"  found {fault}", [f"{n:,} of {of:,}" for n, of in found]))
    for what in sorted({what for s in report.scores for what in s.wrong_by}):
        rows.append((f"  wrong at {what}", [f"{s.wrong_by.get(what, 0):,}" for s in report.scores]))
    if any(s.failed for s in report.scores):
        rows.append(("vehicles on which it crashed", [f"{s.failed:,}" for s in report.scores]))
    width = max(len(what) for what, _ in rows)
    lines = [
        f"{report.name}, {report.since:%Y-%m-%d} to {report.to:%Y-%m-%d}: {report.vehicles:,} "
        f"vehicles, {report.vehicle_days:,.0f} vehicle-days, {report.frames:,} frames",
        "",
        " " * width + "".join(f"  {head:>18}" for head in heads),
    ]
    lines += [f"{what:<{width}}" + "".join(f"  {v:>18}" for v in values) for what, values in rows]
    for what, only in zip(("only in force", "only tried"), report.only, strict=True):
        if only:
            lines += ["", f"{what} ({len(only)}):"]
            lines += [
                f"  {one.at:%Y-%m-%d %H:%M}  {one.vin}  {one.verdict:<5}  {one.summary}"
                for one in only[:20]
            ]
            if len(only) > 20:
                lines.append(f"  and {len(only) - 20} more (--json has all)")
    return "\n".join(lines)


def _windows(one: Score) -> str:
    hold, of = one.held
    return f"{hold / of:.2f} of {of:,}" if of else "–"


def _precision(one: Score) -> str:
    if one.precision is None:
        return "–"
    share, low, high = one.precision
    return f"{share:.2f} ({low:.2f}–{high:.2f})"
