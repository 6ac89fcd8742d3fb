"""The next service: when, by this car's own use, and what belongs to it."""

from datetime import timedelta
from typing import Any

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.drive import Drive
from detectors.hard_use import HardUse
from detectors.reading import DAY_MS, number
from detectors.use import Due, Use
from record import maintenance
from record.flow import Evidence, FindingKind, Frame, Urgency, Vehicle

LEAD_DAYS = 30.0
"""So early we speak: time to find a slot that suits."""

CLEAR_DAYS = 60.0

PRIOR_M = (36_000.0, 19_000.0, 22_000.0)
PRIOR_H = (0.9, 0.5, 0.55)
"""What we believe of a day's use before we know the car: mean, how much cars differ, how much days
do. 13,000 km a year at 40 km/h: a usual mileage in Europe and North America, and cars differ by
half of it (Eurostat, *Passenger mobility statistics*; FHWA, *National Household Travel Survey*)."""

PAST_DAYS = 21.0
"""The use since the last service tells something after so long."""

MILE = 1.609344
FASTEST_M_PER_MS = 0.07  # 250 km/h; an odometer that moves faster was corrected
FASTEST_H_PER_MS = 1.5 / 3_600_000
SLACK_M, SLACK_H = 5_000.0, 1.0

FRESH, USED = 0.9, 0.8
"""A service display that shows this much of its interval, after less than that, was set back."""

SERVICE = "service"


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms."""

    distance: Use = msgspec.field(default_factory=Use)
    hours: Use = msgspec.field(default_factory=Use)
    hard: HardUse = msgspec.field(default_factory=HardUse)
    judged_day: int = 0
    service: str = ""
    display: float = 1.0  # the share of the interval that the car's own service display left last
    reset_ms: int = 0  # when that was set back last, and what the meters showed
    reset_m: float | None = None
    reset_h: float | None = None
    told: bool = False
    told_from_ms: int = 0
    told_to_ms: int = 0
    told_overdue: bool = False


class ServiceDue(Detector[State]):
    """Service by distance, by time or by engine hours: whichever comes first.

    What wears: oil loses its additives with distance, with cold hours of idling, and with age; so
    makers give all limits (often 15,000 to 30,000 km or 12 to 24 months; vans and taxis also by
    hours). How it shows: not at all, until it is expensive. The limits are the vehicle's own, or
    its maker's (`record.maintenance`); with hard use, mostly short trips or idling, the maker's for
    that. An item that was done at an earlier service (brake fluid, spark plugs) counts from then.
    What falls due within three months of the first is done in one visit, and named with it.

    The car's own use of each weekday is learned (8 weeks of memory), starting from a usual mileage
    and from what it did since its last service. Then days are counted forward until what is left
    will be used up. The date is an 80 % interval: days differ, and the rate itself is uncertain.
    Raised 30 days ahead, refreshed when the likely date leaves the interval that was told or the
    service becomes overdue, recovered when a service is recorded, or when the car's own service
    display was set back: it was done elsewhere. An odometer that is set back, or jumps, as after an
    instrument cluster was replaced, hides no distance; nor does one that goes over to miles. A car
    that sends no odometer still ages; one that stands for more than a week is away, and will be
    driven as before when it is back.

    >>> car = Vehicle(1, "VNKKD3D300A000001", "Toyota", "Yaris", 2019, "petrol",
    ...     service_interval_m=15_000_000, last_service_odometer_m=76_000_000)
    >>> detector = ServiceDue(car)
    >>> for day in range(60):
    ...     odometer_m = 89_000_000 + day * 30_000
    ...     finding = detector.update(Frame(1, day * DAY_MS, {"odometer_m": odometer_m}))
    ...     if finding:
    ...         print(day, finding.kind, finding.summary)
    37 raised Service due in 29 days (27 to 31) by distance: 890 km left; with spark plugs
    """

    name = "service_due"
    version = 5
    signals = (
        "distance_to_service_km",
        "engine_hours_h",
        "engine_running",
        "engine_speed_rpm",
        "ignition",
        "odometer_m",
        "speed_kmh",
        "time_to_service_s",
    )
    causes = ("service_due",)
    State = State
    __slots__ = ("by_hours", "limits", "may_be_hard", "service")

    def __init__(self, vehicle: Vehicle, state: Any = None, drive: Drive | None = None) -> None:
        super().__init__(vehicle, state, drive)
        last = (vehicle.last_service_at, vehicle.last_service_odometer_m)
        self.service = f"{last[0]} {last[1]} {vehicle.last_service_engine_hours}"
        self.limits = maintenance.service(vehicle, self.state.hard.now)
        schedule = maintenance.schedule(vehicle)
        self.may_be_hard = schedule is not None and schedule.hard is not None
        services = (self.limits, maintenance.service(vehicle, hard=True))
        self.by_hours = any(one.hours for one in services) or any(
            one.hours for one in maintenance.items(vehicle)
        )  # most makers don't ask for them

    def update(self, frame: Frame) -> Answer:
        s = self.state
        now = frame.ts_ms
        car = self.vehicle
        corrections = len(s.distance.corrections)
        odometer_m = number(frame, "odometer_m", 0, 5e9)
        if odometer_m is not None:
            if not s.distance.week:
                past = self._past(odometer_m, car.last_service_odometer_m, now, FASTEST_M_PER_MS)
                s.distance.believe(PRIOR_M, past)
            s.distance.read(odometer_m, now, FASTEST_M_PER_MS, SLACK_M, MILE)
        hours = number(frame, "engine_hours_h", 0, 200_000) if self.by_hours else None
        if hours is not None:
            if not s.hours.week:
                past = self._past(hours, car.last_service_engine_hours, now, FASTEST_H_PER_MS)
                s.hours.believe(PRIOR_H, past)
            s.hours.read(hours, now, FASTEST_H_PER_MS, SLACK_H, 1.0)
        if self.may_be_hard:
            self._see_use(frame)
        changed = self._see_display(frame) or s.service != self.service
        changed = changed or len(s.distance.corrections) != corrections
        if not changed and now // DAY_MS == s.judged_day:
            return None
        s.service, s.judged_day = self.service, now // DAY_MS
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

    def _see_use(self, frame: Frame) -> None:
        hard = self.state.hard
        was = hard.now
        hard.see(frame, self.drive)
        if hard.now != was:
            self.limits = maintenance.service(self.vehicle, hard.now)

    def _see_display(self, frame: Frame) -> bool:
        """Whether the car's own service display was set back just now."""
        signals, limits, s = frame.signals, self.limits, self.state
        if "distance_to_service_km" not in signals and "time_to_service_s" not in signals:
            return False
        km = number(frame, "distance_to_service_km", -100_000, 100_000)
        left_s = number(frame, "time_to_service_s", -157_680_000, 157_680_000)
        shares = []
        if km is not None and limits.km:
            shares.append(km / limits.km)
        if left_s is not None and limits.months:
            shares.append(left_s / 86_400 / (limits.months * maintenance.MONTH_DAYS))
        if not shares:
            return False
        was, s.display = s.display, min(shares)
        if was > USED or s.display < FRESH:
            return False
        s.reset_ms, s.reset_m, s.reset_h = frame.ts_ms, s.distance.last, s.hours.last
        return True

    def _dues(self, now_ms: int) -> list[Due]:
        """Every way in which the service, or what was done at one, falls due."""
        s, car = self.state, self.vehicle
        at_ms = car.last_service_at.timestamp() * 1000 if car.last_service_at else None
        then = (car.last_service_odometer_m, car.last_service_engine_hours)
        if s.reset_ms > (at_ms or 0):
            at_ms, then = float(s.reset_ms), (s.reset_m, s.reset_h)  # type: ignore[assignment]
        dues = self._of(SERVICE, self.limits, at_ms, then, now_ms)
        done = maintenance.book(car)
        for item in maintenance.items(car):
            if item.item in done:
                at, *meters = done[item.item]
                dues += self._of(item.item, item, at.timestamp() * 1000, meters, now_ms)
        return dues

    def _of(
        self,
        item: str,
        limits: maintenance.Limits | maintenance.Item,
        at_ms: float | None,
        then: Any,
        now_ms: int,
    ) -> list[Due]:
        """Every way in which one item falls due that was done with the meters at `then`."""
        s = self.state
        then_m, then_h = then
        dues = []
        if limits.km and then_m is not None:
            used_m = s.distance.since(then_m, at_ms or 0)
            if used_m is not None:
                left_m = limits.km * 1000 - used_m
                dues.append(s.distance.due(item, "distance", "km", left_m, now_ms))
        if limits.hours and then_h is not None:
            used_h = s.hours.since(then_h, at_ms or 0)
            if used_h is not None:
                left_h = limits.hours - used_h
                dues.append(s.hours.due(item, "engine hours", "h", left_h, now_ms))
        if limits.months and at_ms is not None:
            left = limits.months * maintenance.MONTH_DAYS - (now_ms - at_ms) / DAY_MS
            days = max(left, 0.0)
            dues.append(Due(item, "time", left, "days", days, days, days, days))
        return dues

    def _judge(self, frame: Frame) -> Answer:
        s = self.state
        now = frame.ts_ms
        dues = self._dues(now)
        if not dues:
            return None
        first = min(dues, key=lambda due: due.likely)
        days = _first(dues)
        soonest_ms, likely_ms, latest_ms = (now + round(d * DAY_MS) for d in days)
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
        others = () if kind == FindingKind.RECOVERED else self._others(first, dues, frame)
        return self.says(
            kind,
            frame,
            self.causes[0],
            Urgency.SERVICE,
            0.95 if overdue else 0.9 if known else 0.7,
            _words(kind, first, left, days, others),
            Evidence(
                feature=f"{first.what} left to the next {first.item}",
                value=round(left, 1),
                expected=0.0,
                unit=first.unit,
                signals=("engine_hours_h",) if first.unit == "h" else ("odometer_m",),
                window_from=time_of(now - 60 * DAY_MS),
                window_to=frame.ts,
                notes=self._use(),
            ),
            expect_from=time_of(soonest_ms),
            expect_to=time_of(max(latest_ms, soonest_ms)),
        )

    def _others(self, first: Due, dues: list[Due], frame: Frame) -> tuple[str, ...]:
        """What else is done in the visit for what falls due first."""
        car, distance, hours = self.vehicle, self.state.distance, self.state.hours
        at_ms = car.last_service_at.timestamp() * 1000 if car.last_service_at else 0.0
        odometer_m, then = distance.last, car.last_service_odometer_m
        if then is not None and (came_m := distance.since(then, at_ms)) is not None:
            odometer_m = then + came_m  # as the book counts, whatever was done to the meter
        items = maintenance.with_visit(
            car,
            frame.ts + timedelta(days=first.likely),
            None if odometer_m is None else odometer_m + first.likely * distance.a_day,
            None if hours.last is None else hours.last + first.likely * hours.a_day,
        )
        close = first.likely + maintenance.CLOSE_DAYS
        also = any(due.item == SERVICE and due.likely <= close for due in dues)
        named = (SERVICE, *items) if also else items
        return tuple(item for item in named if item != first.item)

    def _use(self) -> tuple[str, ...]:
        s = self.state
        notes = []
        if s.distance.last is not None:
            notes.append(f"Drives {s.distance.a_day / 1000:.0f} km a day of late")
        if s.hours.last is not None:
            notes.append(f"Engine runs {s.hours.a_day:.1f} h a day of late")
        if s.hard.now:
            notes.append(s.hard.why())
        if hidden_m := sum(hides for _, hides in s.distance.corrections):
            notes.append(f"Odometer was corrected by {-hidden_m / 1000:.0f} km")
        if s.distance.scale != 1.0:
            notes.append("Odometer shows miles by now")
        return tuple(notes)


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


def _words(
    kind: FindingKind,
    due: Due,
    left: float,
    days: tuple[float, float, float],
    others: tuple[str, ...],
) -> str:
    what = due.item.capitalize()
    if kind == FindingKind.RECOVERED:
        return f"{what} is {left:,.0f} {due.unit} away: done, or its schedule changed"
    also = f"; with {_listed(others)}" if others else ""
    if due.left <= 0:
        return f"{what} overdue by {due.what}: {-left:,.0f} {due.unit} over{also}"
    if due.what == "time":
        return f"{what} due in {left:.0f} days, by its calendar{also}"
    span = f"{days[1]:.0f} days ({days[0]:.0f} to {days[2]:.0f})"
    return f"{what} due in {span} by {due.what}: {left:,.0f} {due.unit} left{also}"


def _listed(words: tuple[str, ...]) -> str:
    """Join as in a sentence.

    >>> _listed(("service", "brake fluid", "spark plugs"))
    'service, brake fluid and spark plugs'
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
