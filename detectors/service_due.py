"""The next service: when, by this car's own use."""

from datetime import datetime, timedelta
from math import sqrt
from typing import Any, NamedTuple

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.drive import Drive
from detectors.learn import Fading
from detectors.reading import DAY_MS, number
from record.flow import Evidence, FindingKind, Frame, Urgency, Vehicle

LEAD_DAYS = 30.0
"""So early we speak: time to find a slot that suits."""

CLEAR_DAYS = 60.0

PRIOR_M = (36_000.0, 30_000.0, 7.0)
PRIOR_H = (0.9, 0.8, 7.0)
"""What we believe of a day's use before we know the car: mean, spread, and how many days that is
worth. 13,000 km a year, a usual European mileage, at 40 km/h."""

MEMORY_DAYS = 56
"""Whole weeks, so that weekends weigh as they should."""

Z_80 = 1.28
FASTEST_M_PER_MS = 0.07  # 250 km/h; an odometer that moves faster was corrected
FASTEST_H_PER_MS = 1.5 / 3_600_000
SLACK_M, SLACK_H = 5_000.0, 1.0


class Due(NamedTuple):
    """One way in which the service falls due, in days from now."""

    what: str
    left: float
    unit: str
    soonest: float
    likely: float
    latest: float


class Use(msgspec.Struct, array_like=True, gc=False):
    """How much of one meter (metres, hours) the car uses up in a day."""

    a_day: Fading
    day: int = 0
    dawn: float = 0.0  # the meter when this day began
    last: float | None = None
    last_ms: int = 0
    shift: float = 0.0  # what corrections of the meter hide

    def read(self, value: float, now: int, fastest: float, slack: float) -> None:
        """Take one reading, and learn from the days that it ends."""
        day = now // DAY_MS
        if self.last is None:
            self.day, self.dawn, self.last, self.last_ms = day, value, value, now
            return
        step = value - self.last
        if not -slack <= step <= fastest * (now - self.last_ms) + slack:
            self.shift -= step  # another meter from now on, the way driven is the same
            self.dawn += step
            step = 0.0
        step = max(step, 0.0)
        if day > self.day:
            self.a_day.learn(max(value - step - self.dawn, 0.0), MEMORY_DAYS)
            share = step / (day - self.day)  # what moved unseen is spread over the days unseen
            for _ in range(min(day - self.day - 1, MEMORY_DAYS)):
                self.a_day.learn(share, MEMORY_DAYS)
            self.day, self.dawn = day, value - share
        self.last, self.last_ms = value, now

    def due(self, what: str, unit: str, left: float) -> Due:
        """When `left` will be used up, with 80 % intervals.

        Days differ (the sum of n days spreads by the square root of n), and the rate itself is
        known from so many days only (which grows with n).
        """
        rate = max(self.a_day.mean, 1e-3)
        days = min(max(left, 0.0) / rate, 3650.0)
        spread = self.a_day.spread / rate
        width = Z_80 * spread * sqrt(days + days * days / self.a_day.weight)
        return Due(what, left, unit, max(days - width, 0.0), days, min(days + width, 3650.0))


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms."""

    distance: Use = msgspec.field(default_factory=lambda: Use(Fading.believing(*PRIOR_M)))
    hours: Use = msgspec.field(default_factory=lambda: Use(Fading.believing(*PRIOR_H)))
    judged_day: int = 0
    service: str = ""
    told: bool = False
    told_from_ms: int = 0
    told_to_ms: int = 0
    told_overdue: bool = False


class ServiceDue(Detector[State]):
    """Service by distance, by time or by engine hours: whichever comes first.

    What wears: oil loses its additives with distance, with cold hours of idling, and with age; so
    makers give all limits (often 15,000 to 30,000 km or 12 to 24 months; vans and taxis also by
    hours). How it shows: not at all, until it is expensive.

    The car's own use a day is learned (8 weeks of memory), starting from a usual mileage. The date
    is an 80 % interval: days differ, and the rate itself is uncertain. Raised 30 days ahead,
    refreshed when the likely date leaves the interval that was told or the service becomes overdue,
    recovered when a service is recorded. An odometer that is set back, or jumps, as after an
    instrument cluster was replaced, hides no distance. A car that sends no odometer still ages.

    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol",
    ...     service_interval_m=15_000_000, last_service_odometer_m=40_000_000)
    >>> detector = ServiceDue(car)
    >>> for day in range(60):
    ...     odometer_m = 53_000_000 + day * 30_000
    ...     finding = detector.update(Frame(1, day * DAY_MS, {"odometer_m": odometer_m}))
    ...     if finding:
    ...         print(day, finding.kind, finding.summary)
    37 raised Service due in 29 days (26 to 33) by distance: 890 km left
    """

    name = "service_due"
    version = 1
    signals = ("odometer_m", "engine_hours_h", "speed_kmh", "ignition")
    causes = ("service_due",)
    State = State
    __slots__ = ("service",)

    def __init__(self, vehicle: Vehicle, state: Any = None, drive: Drive | None = None) -> None:
        super().__init__(vehicle, state, drive)
        last = (vehicle.last_service_at, vehicle.last_service_odometer_m)
        self.service = f"{last[0]} {last[1]} {vehicle.last_service_engine_hours}"

    def update(self, frame: Frame) -> Answer:
        s = self.state
        now = frame.ts_ms
        shift = s.distance.shift
        odometer_m = number(frame, "odometer_m", 0, 5e9)
        if odometer_m is not None:
            s.distance.read(odometer_m, now, FASTEST_M_PER_MS, SLACK_M)
        hours = number(frame, "engine_hours_h", 0, 200_000)
        if hours is not None:
            s.hours.read(hours, now, FASTEST_H_PER_MS, SLACK_H)
        if s.service != self.service:  # read in the meter of today
            s.service, s.judged_day = self.service, 0
            s.distance.shift = s.hours.shift = 0.0
        if now // DAY_MS == s.judged_day and s.distance.shift == shift:
            return None
        s.judged_day = now // DAY_MS
        return self._judge(frame)

    def _dues(self, now_ms: int) -> list[Due]:
        """Every way in which the service falls due, as far as we know it."""
        s, car = self.state, self.vehicle
        by_distance, by_time, by_hours = _limits(car)
        dues = []
        if by_distance is not None and s.distance.last is not None:
            left_m = by_distance - s.distance.last - s.distance.shift
            dues.append(s.distance.due("distance", "km", left_m))
        if by_hours is not None and s.hours.last is not None:
            left_h = by_hours - s.hours.last - s.hours.shift
            dues.append(s.hours.due("engine hours", "h", left_h))
        if by_time is not None:
            left = by_time.timestamp() * 1000 - now_ms
            days = max(left, 0.0) / DAY_MS
            dues.append(Due("time", left / DAY_MS, "days", days, days, days))
        return dues

    def _judge(self, frame: Frame) -> Answer:
        s = self.state
        now = frame.ts_ms
        dues = self._dues(now)
        if not dues:
            return None
        first = min(dues, key=lambda due: due.likely)
        days = (min(d.soonest for d in dues), first.likely, min(d.latest for d in dues))
        soonest_ms, likely_ms, latest_ms = (now + int(d * DAY_MS) for d in days)
        overdue = first.left <= 0
        if first.likely > (CLEAR_DAYS if s.told else LEAD_DAYS):
            if not s.told:
                return None
            s.told = s.told_overdue = False
            kind = FindingKind.RECOVERED
        elif not s.told:
            kind = FindingKind.RAISED
        elif (overdue and not s.told_overdue) or not (
            s.told_from_ms - DAY_MS <= likely_ms <= s.told_to_ms + DAY_MS or s.told_overdue
        ):
            kind = FindingKind.REFRESHED
        else:
            return None
        if kind != FindingKind.RECOVERED:
            s.told, s.told_overdue = True, overdue
            s.told_from_ms, s.told_to_ms = soonest_ms, latest_ms
        known = s.distance.a_day.weight >= 14 or first.what == "time" or overdue
        left = first.left / 1000 if first.unit == "km" else first.left
        return self.says(
            kind,
            frame,
            self.causes[0],
            Urgency.SERVICE,
            0.95 if overdue else 0.9 if known else 0.7,
            _words(kind, first, left, days),
            Evidence(
                feature=f"{first.what} left to the next service",
                value=round(left, 1),
                expected=0.0,
                unit=first.unit,
                signals=("odometer_m",),
                window_from=time_of(now - 60 * DAY_MS),
                window_to=frame.ts,
                notes=self._use(),
            ),
            expect_from=time_of(soonest_ms),
            expect_to=time_of(max(latest_ms, soonest_ms)),
        )

    def _use(self) -> tuple[str, ...]:
        s = self.state
        notes = []
        if s.distance.last is not None:
            notes.append(f"Drives {s.distance.a_day.mean / 1000:.0f} km a day of late")
        if s.hours.last is not None:
            notes.append(f"Engine runs {s.hours.a_day.mean:.1f} h a day of late")
        if s.distance.shift:
            notes.append(f"Odometer was corrected by {-s.distance.shift / 1000:.0f} km")
        return tuple(notes)


def _limits(car: Vehicle) -> tuple[float | None, datetime | None, float | None]:
    """Odometer, date and engine hours of the next service, None where the schedule doesn't say."""
    by_distance = by_hours = by_time = None
    if car.service_interval_m and car.last_service_odometer_m is not None:
        by_distance = float(car.last_service_odometer_m + car.service_interval_m)
    if car.service_interval_days and car.last_service_at:
        by_time = car.last_service_at + timedelta(days=car.service_interval_days)
    if car.service_interval_hours and car.last_service_engine_hours is not None:
        by_hours = car.last_service_engine_hours + car.service_interval_hours
    return by_distance, by_time, by_hours


def _words(kind: FindingKind, due: Due, left: float, days: tuple[float, float, float]) -> str:
    if kind == FindingKind.RECOVERED:
        return f"Service is {left:,.0f} {due.unit} away: done, or its schedule changed"
    if due.left <= 0:
        return f"Service overdue by {due.what}: {-left:,.0f} {due.unit} over"
    if due.what == "time":
        return f"Service due in {left:.0f} days, by its calendar"
    span = f"{days[1]:.0f} days ({days[0]:.0f} to {days[2]:.0f})"
    return f"Service due in {span} by {due.what}: {left:,.0f} {due.unit} left"
