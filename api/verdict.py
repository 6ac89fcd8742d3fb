"""Truth beside belief: was each fault found, in time, and by its right name? Values in, values out.

A *matter* is one fault, one service that fell due, or one alert with nothing behind it. An alert
belongs to the fault that it speaks of if it was opened while that lasted; the first one has found
it, and names it right or wrong. An alert that belongs to nothing is false. These are the rules by
which the world's scorecard is made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from api.store.world import Belief
from api.window import Car, Fault, Innocent
from api.words import length

SERVICE = "service_due"
"""Kind and cause of a service that falls due."""

SERVICE_AHEAD = timedelta(days=60)
"""A service may be announced so long before its plan runs out."""

AFTERMATH = timedelta(days=2)
"""A repair shows only when the car has been driven again; alerts of these days belong to the fault.

So do those of what only looked like a fault: a car dug out of the snow still starts badly.
"""


JUST_BEGUN = timedelta(hours=12)
"""A car must be driven before anything can be seen."""


SHOWS_AFTER = timedelta(days=21)
"""By then it should have been found, even if its driver feels nothing."""


class Verdict(StrEnum):
    """How truth and belief agree."""

    FOUND = "found"
    LATE = "late"
    WRONG = "wrong"
    EARLY = "early"
    MISSED = "missed"
    FALSE = "false"


TITLES = {
    Verdict.FOUND: "Found",
    Verdict.LATE: "Found late",
    Verdict.WRONG: "Wrong cause",
    Verdict.EARLY: "Too early to tell",
    Verdict.MISSED: "Missed",
    Verdict.FALSE: "False alert",
}
TONES = {
    Verdict.FOUND: "good",
    Verdict.LATE: "soon",
    Verdict.WRONG: "soon",
    Verdict.EARLY: "info",
    Verdict.MISSED: "stop",
    Verdict.FALSE: "service",
}
"""The pill's colour."""


@dataclass(frozen=True, slots=True)
class Matter:
    """One fault, due or false alert, and what may be said of it.

    Parameters
    ----------
    kind : str
        Of the fault; of a false alert, its cause.
    since : datetime
        When it began, fell due, or was alleged.
    fault : Fault or None
    due_at : datetime or None
    innocents : tuple of Innocent
        What a false alert may have been fooled by.
    alert : Belief or None
        The one that decides the verdict.
    alerts : tuple of Belief
        All that belong to it.
    verdict : Verdict
    words : str
        The verdict for a person.
    before_failure, before_notice : timedelta or None
        How long before it fails, and before its driver notices, it was found; negative is after.
    """

    vin: str
    kind: str
    since: datetime
    verdict: Verdict
    words: str
    fault: Fault | None = None
    due_at: datetime | None = None
    innocents: tuple[Innocent, ...] = ()
    alert: Belief | None = None
    alerts: tuple[Belief, ...] = ()
    before_failure: timedelta | None = None
    before_notice: timedelta | None = None

    @property
    def title(self) -> str:
        """The verdict's short name."""
        return TITLES[self.verdict]

    @property
    def tone(self) -> str:
        """The verdict's colour."""
        return TONES[self.verdict]


def judge(car: Car, alerts: Iterable[Belief], now: datetime) -> list[Matter]:
    """Every matter of one car up to `now`, newest first.

    Parameters
    ----------
    car : Car
        As it really is. What begins after `now` is left out.
    alerts : iterable of Belief
        About this car.
    now : datetime
    """
    told = sorted((a for a in alerts if a.opened_at <= now), key=lambda a: (a.opened_at, a.id))
    matters: list[Matter] = []
    belongs: set[int] = set()
    services = [a for a in told if a.cause == SERVICE]
    for due_at in sorted(d for d in car.dues if d <= now):
        ours = tuple(
            a for a in services
            if a.id not in belongs and due_at - SERVICE_AHEAD <= a.opened_at
            and (a.closed_at is None or a.closed_at >= due_at or a.opened_at <= due_at)
            and a.opened_at <= _next_due(car, due_at, now)
        )  # fmt: skip
        belongs |= {a.id for a in ours}
        matters.append(_of_due(car.vin, due_at, ours))
    faults = [f for f in car.faults if f.onset <= now]
    others = [a for a in told if a.cause != SERVICE]
    about: list[list[Belief]] = [[] for _ in faults]
    for alert in others:
        meant = [n for n, fault in enumerate(faults) if _speaks(alert, fault)]
        right = [n for n in meant if alert.cause in faults[n].named_by]
        if meant:
            about[(right or meant)[0]].append(alert)
            belongs.add(alert.id)
    matters += [
        _of_fault(car.vin, fault, tuple(ours), now)
        for fault, ours in zip(faults, about, strict=True)
    ]
    matters += [_of_nothing(car, a, now) for a in told if a.id not in belongs]
    return sorted(matters, key=lambda m: m.since, reverse=True)


def _next_due(car: Car, due_at: datetime, now: datetime) -> datetime:
    return min((d for d in car.dues if d > due_at), default=now)


def _speaks(alert: Belief, fault: Fault) -> bool:
    """Whether the alert was opened while the fault lasted, and its cause speaks of it."""
    over = fault.ended_at is not None and alert.opened_at > fault.ended_at + AFTERMATH
    in_time = fault.onset <= alert.opened_at and not over
    return in_time and alert.cause in fault.named_by + fault.near


def _of_fault(vin: str, fault: Fault, alerts: tuple[Belief, ...], now: datetime) -> Matter:
    hit = alerts[0] if alerts else None
    fails_at = fault.failed_at or fault.fails_at
    # what shows at once, a lamp, can't be found before it is noticed
    noticed_at = fault.noticed_at if fault.noticed_at != fault.onset else None
    before_failure = fails_at - hit.opened_at if hit and fails_at else None
    before_notice = noticed_at - hit.opened_at if hit and noticed_at else None
    if hit is None:
        verdict, words = _say_unfound(fault, now)
    elif hit.cause not in fault.named_by:
        verdict, words = Verdict.WRONG, "found, wrong cause"
    else:
        verdict, words = _say_found(hit.opened_at - fault.onset, before_failure, before_notice)
    return Matter(
        vin, fault.kind, fault.onset, verdict, words, fault=fault, alerts=alerts, alert=hit,
        before_failure=before_failure, before_notice=before_notice,
    )  # fmt: skip


def _say_found(
    took: timedelta, before_failure: timedelta | None, before_notice: timedelta | None
) -> tuple[Verdict, str]:
    now = timedelta(0)
    if before_failure is not None:
        if before_failure > now:
            return Verdict.FOUND, f"found {length(before_failure)} before failure"
        return Verdict.LATE, f"found {length(before_failure)} after failure"
    if before_notice is not None:
        if before_notice > now:
            return Verdict.FOUND, f"found {length(before_notice)} before the driver notices"
        return Verdict.LATE, f"found {length(before_notice)} after the driver noticed"
    return Verdict.FOUND, f"found {length(took)} after it began"


def _say_unfound(fault: Fault, now: datetime) -> tuple[Verdict, str]:
    if fault.ended_at is None and now - fault.onset < JUST_BEGUN:
        return Verdict.EARLY, "not found yet, it has just begun"
    if fault.failed_at is not None and fault.failed_at <= now:
        return Verdict.MISSED, "missed: it failed without a word"
    if fault.ended_at is not None and fault.ended_at <= now:
        return Verdict.MISSED, "missed: it ended without a word"
    if fault.fails_at is not None and fault.fails_at <= now:
        return Verdict.MISSED, "missed so far: it is as bad as it gets"
    if fault.noticed_at is not None and fault.noticed_at <= now:
        return Verdict.MISSED, "missed so far: the driver notices it already"
    if now - fault.onset >= SHOWS_AFTER:
        return Verdict.MISSED, f"missed so far: it is there for {length(now - fault.onset)}"
    if fault.fails_at is not None:
        return Verdict.EARLY, f"not found yet, {length(fault.fails_at - now)} to failure"
    return Verdict.EARLY, "not found yet"


def _of_due(vin: str, due_at: datetime, alerts: tuple[Belief, ...]) -> Matter:
    hit = alerts[0] if alerts else None
    lead = due_at - hit.opened_at if hit else None
    if lead is None:
        verdict, words = Verdict.MISSED, "missed: it fell due without a word"
    elif lead > timedelta(0):
        verdict, words = Verdict.FOUND, f"announced {length(lead)} before it fell due"
    else:
        verdict, words = Verdict.LATE, f"announced {length(lead)} after it fell due"
    return Matter(
        vin, SERVICE, due_at, verdict, words,
        due_at=due_at, alert=hit, alerts=alerts, before_failure=lead,
    )  # fmt: skip


def _of_nothing(car: Car, alert: Belief, now: datetime) -> Matter:
    """An alert with no fault behind it: what may have fooled the detector?"""
    fooled = tuple(
        i for i in car.innocents
        if i.start <= alert.opened_at and (i.end is None or alert.opened_at <= i.end + AFTERMATH)
    )  # fmt: skip
    verdict = Verdict.FALSE
    if alert.cause == SERVICE:
        elsewhere = [s for s in car.services if s.by == "elsewhere" and s.at <= alert.opened_at]
        still = alert.closed_at is None and (alert.expect_to or now) >= now
        if elsewhere:
            words = "false alert: serviced elsewhere"
        elif still or (alert.closed_at is not None and alert.close_reason == "repaired"):
            verdict, words = Verdict.EARLY, "announced, not due yet"
            if not still:
                verdict, words = Verdict.FOUND, "serviced before it fell due"
        else:
            words = "false alert: it is not due"
    elif fooled:
        words = f"false alert: {' and '.join(_plain(i.kind) for i in fooled)}"
    elif any(
        f.onset <= alert.opened_at and not (f.ended_at and f.ended_at + AFTERMATH < alert.opened_at)
        for f in car.faults
    ):
        words = "false alert: something else is wrong"
    elif any(f.ended_at and f.ended_at < alert.opened_at for f in car.faults):
        words = "false alert: repaired before"
    else:
        words = "false alert: nothing is wrong"
    return Matter(
        car.vin, alert.cause, alert.opened_at, verdict, words,
        innocents=fooled, alert=alert, alerts=(alert,),
    )  # fmt: skip


KIND_WORDS = {
    "weak_battery": "aging 12 V battery",
    "battery_12v": "12 V battery weak",
    "alternator": "failing alternator",
    "high_resistance_cable": "corroded battery cable",
    "coolant_overheat": "water pump",
    "slow_tire_leak": "slow tire leak",
    "brake_wear": "worn brake pads",
    "dpf_clogged": "clogged particulate filter",
    "weak_cell": "weak traction cell",
    "dtc_raised": "trouble code",
    "odometer_in_miles": "odometer in miles",
    "firmware_unit": "firmware changed a unit",
    "low_sensor_batch": "sensor batch reads low",
    "underground_week": "a week underground",
    "duplicates": "duplicated frames",
    "drop_outs": "frames dropped",
    "long_parking": "a long parking",
    "altitude": "a high place",
    "sold": "owner changed",
}
"""Where the name with spaces for underscores would not do."""


def _plain(kind: str) -> str:
    return KIND_WORDS.get(kind, kind.replace("_", " "))


def kind_title(kind: str) -> str:
    """A kind of fault, or of what looks like one, in words.

    Examples
    --------
    >>> kind_title("stuck_caliper"), kind_title("dpf_clogged")
    ('Stuck caliper', 'Clogged particulate filter')
    """
    words = _plain(kind)
    return words[:1].upper() + words[1:]


def counted(matters: Sequence[Matter]) -> dict[str, int]:
    """How many of each verdict, in the order of `Verdict`."""
    return {v.value: sum(m.verdict is v for m in matters) for v in Verdict}
