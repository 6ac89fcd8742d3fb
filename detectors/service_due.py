"""The next service: when, by this car's own use."""

from datetime import datetime, timedelta
from math import sqrt
from typing import Any, NamedTuple

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.drive import Drive
from detectors.reading import DAY_MS, number
from record.flow import Evidence, FindingKind, Frame, Urgency, Vehicle

LEAD_DAYS = 30.0
"""So early we speak: time to find a slot that suits."""

CLEAR_DAYS = 60.0
HORIZON_DAYS = 180
"""So far ahead we count days one by one; nobody plans further."""

PRIOR_M = (36_000.0, 19_000.0, 22_000.0)
PRIOR_H = (0.9, 0.5, 0.55)
"""What we believe of a day's use before we know the car: mean, how much cars differ, how much days
do. 13,000 km a year at 40 km/h: a usual mileage in Europe and North America, and cars differ by
half of it (Eurostat, *Passenger mobility statistics*; FHWA, *National Household Travel Survey*)."""

CHANGES = 0.25
"""By so much of itself a car's use differs between one year and the next: our assumption."""

PAST_DAYS = 21.0
"""The use since the last service tells something after so long."""

DRIFT = CHANGES**2 / 365 / 0.6**2
"""So much is forgotten a day, as a share of the variance of days: use that walks by `CHANGES` in a
year, and days that spread by 60 % of their mean. Seven weeks of memory come of it."""

VAGUE_DAYS = 4
"""So many days seen weigh as much as what we believed of their spread."""

MEMORY_DAYS = 56
"""Of the spread; and of a longer silence only so many days are learned."""

AWAY_DAYS = 7
"""A car that stands for longer is away: the days after that say nothing of how it is driven."""

Z_80, Z_60 = 1.2816, 0.8416
"""Standard deviations that leave a tenth, or a fifth, on one side."""

MILE = 1.609344
FASTEST_M_PER_MS = 0.07  # 250 km/h; an odometer that moves faster was corrected
FASTEST_H_PER_MS = 1.5 / 3_600_000
SLACK_M, SLACK_H = 5_000.0, 1.0


class Due(NamedTuple):
    """One way in which the service falls due, in days from now.

    With equal chances it is sooner or later than `likely`; in one of ten cases sooner than
    `soonest`, in two of ten than `sooner`, in one of ten later than `latest`.
    """

    what: str
    left: float
    unit: str
    soonest: float
    sooner: float
    likely: float
    latest: float


class Use(msgspec.Struct, array_like=True, gc=False):
    """How much of one meter (metres, hours) the car uses up in a day, by day of the week.

    Attributes
    ----------
    week : list of float
        Mean use of each weekday, from Monday; empty until the first reading.
    weight : float
        How many days stand behind those means together, a belief included.
    days : int
        How many of them were seen.
    variance : float
        Of a day around the mean of its weekday.
    day, dawn : int, float or None
        The day now under way, since 1970, and the meter when it began; None on the first.
    idle : int
        For how many days it stood until then.
    last, last_ms : float or None, int
        The last reading, in the unit of `scale` 1.
    scale : float
        Of the meter: `MILE` once an odometer went over to miles.
    shift : float
        What corrections of the meter hide.
    """

    week: list[float] = msgspec.field(default_factory=list)
    weight: float = 0.0
    days: int = 0
    variance: float = 0.0
    day: int = 0
    dawn: float | None = None
    idle: int = 0
    last: float | None = None
    last_ms: int = 0
    scale: float = 1.0
    shift: float = 0.0

    @property
    def a_day(self) -> float:
        """Mean use of a day."""
        return sum(self.week) / 7

    def believe(self, prior: tuple[float, float, float], past: tuple[float, float] | None) -> None:
        """Begin with what cars do, and what this one did since its last service.

        Two beliefs in one: each weighs as the inverse of its variance (Gelman et al., *Bayesian
        Data Analysis*, 2.5), in logarithms, as cars differ by factors. What stands behind the
        result is told in days.

        Parameters
        ----------
        prior
            Mean, spread of cars, spread of days.
        past
            Mean use a day, and for how many days.
        """
        mean, cars, days = prior
        known = (mean / cars) ** 2
        self.variance = days * days
        if past is not None:
            was = max(past[0], mean / 36)
            own = 1 / (CHANGES**2 + self.variance / past[1] / was**2)
            mean *= (was / mean) ** (own / (known + own))
            known += own
        self.week, self.weight = [mean] * 7, self.variance * known / mean**2

    def read(self, value: float, now: int, fastest: float, slack: float, unit: float) -> None:
        """Take one reading, and learn from the days that it ends.

        A step that can't be driven is another meter, or the same one in another `unit`.
        """
        day = now // DAY_MS
        value *= self.scale
        if self.last is None:
            self.day, self.last, self.last_ms = day, value, now
            return
        most = fastest * (now - self.last_ms) + slack
        step = value - self.last
        if not -slack <= step <= most:
            scale = unit if self.scale == 1.0 else 1.0
            other = value / self.scale * scale
            if -slack <= other - self.last <= most:
                self.scale, value, step = scale, other, other - self.last
            else:
                self.shift -= step  # another meter from now on, the way driven is the same
                if self.dawn is not None:
                    self.dawn += step
                step = 0.0
        step = max(step, 0.0)
        if day > self.day:
            if self.dawn is not None:
                self._learn(self.day, max(value - step - self.dawn, 0.0))
            share = step / (day - self.day)  # what moved unseen is spread over the days unseen
            for unseen in range(max(self.day + 1, day - MEMORY_DAYS), day):
                self._learn(unseen, share)
            self.day, self.dawn = day, value - share
        self.last, self.last_ms = value, now

    def _learn(self, day: int, used: float) -> None:
        """Learn what one day used up."""
        self.idle = 0 if used > 0 else self.idle + 1
        if self.idle > AWAY_DAYS:
            return
        weekday = (day + 3) % 7  # 1970 began on a Thursday
        off = used - self.week[weekday]
        fit = self.weight / (self.weight + 7)  # as well as the weekday's mean is known
        self.week[weekday] += off * (1 - fit)
        self.days = min(self.days + 1, MEMORY_DAYS)
        self.variance += (off * off * fit - self.variance) / (self.days + VAGUE_DAYS)
        self.weight = 1 / (1 / (self.weight + 1) + DRIFT)

    def due(self, what: str, unit: str, left: float, now: int) -> Due:
        """When `left` will be used up."""
        return Due(what, left, unit, *(self._lasts(left, now, z) for z in (Z_80, Z_60, 0, -Z_80)))

    def _lasts(self, left: float, now: int, z: float) -> float:
        """For how many days `left` will do, if use is `z` standard deviations from its mean.

        Days differ, so the sum of n spreads by the square root of n; and their mean is known from
        so many days only, which spreads it by n.
        """
        if left <= 0:
            return 0.0

        def used(mean: float, days: float) -> float:
            return mean + z * sqrt(self.variance * (days + days * days / self.weight))

        began = now / DAY_MS
        mean = days = 0.0
        week = sum(self.week)
        while used(mean + week, days + 7) < left:  # first by weeks, then by days
            mean, days = mean + week, days + 7
            if days >= HORIZON_DAYS:
                return float(HORIZON_DAYS)
        before = used(mean, days)
        for _ in range(9):  # the rest of today, a week, and what rounding leaves
            day = int(began + days)
            share = day + 1 - began - days  # of a day under way, what is left of it
            mean, days = mean + share * self.week[(day + 3) % 7], days + share
            after = used(mean, days)
            if after >= left:
                return days - share * (after - left) / (after - before)
            before = after
        return days


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms."""

    distance: Use = msgspec.field(default_factory=Use)
    hours: Use = msgspec.field(default_factory=Use)
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

    The car's own use of each weekday is learned (8 weeks of memory), starting from a usual mileage
    and from what it did since its last service. Then days are counted forward until what is left
    will be used up. The date is an 80 % interval: days differ, and the rate itself is uncertain.
    Raised 30 days ahead, refreshed when the likely date leaves the interval that was told or the
    service becomes overdue, recovered when a service is recorded. An odometer that is set back, or
    jumps, as after an instrument cluster was replaced, hides no distance; nor does one that goes
    over to miles. A car that sends no odometer still ages; one that stands for more than a week is
    away, and will be driven as before when it is back.

    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol",
    ...     service_interval_m=15_000_000, last_service_odometer_m=40_000_000)
    >>> detector = ServiceDue(car)
    >>> for day in range(60):
    ...     odometer_m = 53_000_000 + day * 30_000
    ...     finding = detector.update(Frame(1, day * DAY_MS, {"odometer_m": odometer_m}))
    ...     if finding:
    ...         print(day, finding.kind, finding.summary)
    37 raised Service due in 29 days (27 to 32) by distance: 890 km left
    """

    name = "service_due"
    version = 2
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
        car = self.vehicle
        odometer_m = number(frame, "odometer_m", 0, 5e9)
        if odometer_m is not None:
            if not s.distance.week:
                past = self._past(odometer_m, car.last_service_odometer_m, now, FASTEST_M_PER_MS)
                s.distance.believe(PRIOR_M, past)
            s.distance.read(odometer_m, now, FASTEST_M_PER_MS, SLACK_M, MILE)
        hours = number(frame, "engine_hours_h", 0, 200_000)
        if hours is not None:
            if not s.hours.week:
                past = self._past(hours, car.last_service_engine_hours, now, FASTEST_H_PER_MS)
                s.hours.believe(PRIOR_H, past)
            s.hours.read(hours, now, FASTEST_H_PER_MS, SLACK_H, 1.0)
        if s.service != self.service:  # read in the meter of today
            s.service, s.judged_day = self.service, 0
            s.distance.shift = (car.last_service_odometer_m or 0) * (1 - s.distance.scale)
            s.hours.shift = 0.0
        if now // DAY_MS == s.judged_day and s.distance.shift == shift:
            return None
        s.judged_day = now // DAY_MS
        return self._judge(frame)

    def _past(
        self, meter: float, then: float | None, now: int, fastest: float
    ) -> tuple[float, float] | None:
        """Mean use a day since the last service, and for how many days; None if unknown."""
        if then is None or self.vehicle.last_service_at is None:
            return None
        days = now / DAY_MS - self.vehicle.last_service_at.timestamp() / 86_400
        used = meter - then
        if days < PAST_DAYS or not 0 <= used <= fastest * DAY_MS * days / 6:
            return None
        return used / days, days

    def _dues(self, now_ms: int) -> list[Due]:
        """Every way in which the service falls due, as far as we know it."""
        s, car = self.state, self.vehicle
        by_distance, by_time, by_hours = _limits(car)
        dues = []
        if by_distance is not None and s.distance.last is not None:
            left_m = by_distance - s.distance.last - s.distance.shift
            dues.append(s.distance.due("distance", "km", left_m, now_ms))
        if by_hours is not None and s.hours.last is not None:
            left_h = by_hours - s.hours.last - s.hours.shift
            dues.append(s.hours.due("engine hours", "h", left_h, now_ms))
        if by_time is not None:
            left = by_time.timestamp() * 1000 - now_ms
            days = max(left, 0.0) / DAY_MS
            dues.append(Due("time", left / DAY_MS, "days", days, days, days, days))
        return dues

    def _judge(self, frame: Frame) -> Answer:
        s = self.state
        now = frame.ts_ms
        dues = self._dues(now)
        if not dues:
            return None
        first = min(dues, key=lambda due: due.likely)
        days = _first(dues)
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
        known = s.distance.days >= 14 or first.what == "time" or overdue
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
            notes.append(f"Drives {s.distance.a_day / 1000:.0f} km a day of late")
        if s.hours.last is not None:
            notes.append(f"Engine runs {s.hours.a_day:.1f} h a day of late")
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


def _first(dues: list[Due]) -> tuple[float, float, float]:
    """The shortest span of days in which the first of several falls due in eight of ten cases.

    A date is certain: what use alone would make later than that falls on that very day. So where
    the date ends the span, its early end may leave out two of ten cases instead of one.

    Returns
    -------
    float, float, float
        Soonest, likely, latest.
    """
    latest = min(due.latest for due in dues)
    dated = any(due.what == "time" and due.latest == latest for due in dues)
    soonest = min(due.sooner if dated else due.soonest for due in dues)
    return soonest, min(due.likely for due in dues), latest


def _words(kind: FindingKind, due: Due, left: float, days: tuple[float, float, float]) -> str:
    if kind == FindingKind.RECOVERED:
        return f"Service is {left:,.0f} {due.unit} away: done, or its schedule changed"
    if due.left <= 0:
        return f"Service overdue by {due.what}: {-left:,.0f} {due.unit} over"
    if due.what == "time":
        return f"Service due in {left:.0f} days, by its calendar"
    span = f"{days[1]:.0f} days ({days[0]:.0f} to {days[2]:.0f})"
    return f"Service due in {span} by {due.what}: {left:,.0f} {due.unit} left"
