"""The 12 V battery will not start the car much longer."""

from math import sqrt
from typing import NamedTuple

import msgspec
from river import stats

from detectors.contract import Answer, Detector, time_of
from detectors.learn import Slope, Trend, Usual
from detectors.reading import DAY_MS, HOUR_MS, MINUTE_MS, number, running
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

COLD_REST_MS = 2 * HOUR_MS
"""Parked so long, battery and oil are near the air's temperature; warm restarts are not judged."""

REST_MS = 4 * HOUR_MS
"""After charging, the surface charge needs hours to fade before the voltage tells the charge."""

LONG_PARKED_MS = 4 * DAY_MS
"""After that, clock and alarm have emptied any battery a little: not held against it."""

SETTLED_MS = 30_000
CHARGED_MS = 5 * MINUTE_MS

CRANK_LIMIT_V = 9.6
"""Lowest voltage under starter load at 20 °C. Makers' load test tables give 9.6 V from 20 °C up,
9.1 at -1 °C, 8.5 at -18 °C (Kia, Hyundai workshop manuals): 0.029 V for each °C."""

CRANK_V_PER_C = 0.029
CRANK_FAILS_V = 7.2
"""What a battery must hold in the cold cranking test (SAE J537), and about where control units
reset and the starter stalls. Not brought to 20 °C: the car must start in the weather it has."""

REST_LIMIT_V = 12.2
"""Half charged (12.65 full, 12.45 three quarters, 12.24 half, 12.06 a quarter: flooded, 25 °C)."""

REST_V_PER_C = 0.0015
REST_FAILS_V = 11.9
"""Flat."""

CHARGING_V = 13.2
"""Less, as a usual value over a drive, and the alternator (or its belt) fills no battery."""

DRAIN_V_DAY = 0.1
"""About 300 mA where 30 are usual, for a 60 Ah battery."""

EMPTIED_V = 0.25
"""A rest so much below the one before: about a third of the charge, gone at once. Lamps left on or
a door ajar do that, and wear does not."""

REFILL_MS = 7 * DAY_MS
"""A flat lead-acid battery takes little current, and everyday trips fill it over days (Bosch,
Automotive Handbook, "charging": acceptance falls with sulphation). Until then it tells nothing."""

AGAIN_MS = 30 * DAY_MS
"""Whoever is emptied twice within this time has more than a forgotten lamp."""

KNOWN = 8
"""Cold starts, or rests, after which we know what is usual for this car."""

HORIZON_DAYS = 45.0

STEEP = (1.2, 2.2)
"""How wear may accelerate: the power of time with which a voltage drop grows."""

Z_80 = 1.28


class Feature(msgspec.Struct, array_like=True, gc=False):
    """One voltage, at 20 °C: what it was at first, what it is now, where it goes."""

    usual: Usual = msgspec.field(default_factory=Usual)
    now: stats.EWMean = msgspec.field(default_factory=lambda: stats.EWMean(0.4))
    trend: Trend = msgspec.field(default_factory=lambda: Trend(memory=8))
    cold: Slope = msgspec.field(default_factory=Slope)
    temp: Usual = msgspec.field(default_factory=Usual)
    count: int = 0
    last_v: float = 0.0
    well: int = 0  # how often in a row it was as good as new

    def learn(self, day: float, volt: float, temp_c: float, v_per_c: float) -> None:
        """Learn from one start or rest."""
        self.cold.learn(temp_c, volt)
        at_20 = volt + self.cold.get(v_per_c, weight=1500.0) * (20.0 - temp_c)
        self.usual.learn(at_20, keep=2 * KNOWN)
        self.temp.learn(temp_c, keep=2 * KNOWN)
        self.now.update(at_20)
        self.trend.learn(day, at_20)
        self.count += 1
        self.last_v = volt


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    crank: Feature = msgspec.field(default_factory=Feature)
    rest: Feature = msgspec.field(default_factory=Feature)
    charging: stats.EWMean = msgspec.field(default_factory=lambda: stats.EWMean(0.3))
    trips: int = 0
    drains: int = 0
    drain_v_day: stats.EWMean = msgspec.field(default_factory=lambda: stats.EWMean(0.5))
    # this drive, or this rest
    on: bool = False
    started_ms: int = 0
    seen_run_ms: int = 0
    rested_ms: int = 0  # how long it stood before this start
    judged: bool = True
    trip_v: stats.Mean = msgspec.field(default_factory=stats.Mean)
    crank_v: float | None = None
    rest_v: float | None = None
    rest_ms: int = 0
    rest_off: bool = False
    first_rest_v: float | None = None
    first_rest_ms: int = 0
    temp_c: float | None = None
    temp_ms: int = 0
    emptied_ms: int = 0
    # what was said
    told_ms: int = 0
    told_fails_ms: int = 0


class Verdict(NamedTuple):
    """One feature's opinion."""

    weak: bool
    sinking: bool
    volt: float  # at 20 °C, smoothed
    usual: float
    days: tuple[float, float] | None  # until it fails, 80 %


class WeakBattery(Detector[State]):
    """A 12 V battery that loses its strength, found weeks before it leaves a driver stranded.

    What fails: plates sulphate and shed, so the battery's inner resistance grows and its capacity
    shrinks. How it shows: under the starter's 150 to 800 A the voltage dips deeper with each week
    (new 10 to 11 V at 20 °C, weak below 9.6), and after a night it rests lower (full 12.6 V, half
    empty 12.2). Both fall with the cold in a healthy battery too, so each is brought to 20 °C with
    a slope that starts from the load test table and is learned for this car from the steps between
    neighbouring starts, which weather moves and ageing does not.

    Raised after some cold starts that are low for any car and low for this car, or when its own
    trend reaches failure (8.6 V) within 45 days; with the days left as an 80 % interval. Recovered
    after three starts as good as at first: somebody changed the battery.

    Rivals, named in the evidence: an alternator that charges below 13.2 V, a consumer that empties
    the parked car faster than 0.1 V a day (a healthy car loses 0.01 to 0.02), long parking (rests
    beyond 4 days are not counted), lamps left on and a jump start (a week is not counted), cold.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = WeakBattery(car)
    >>> for day in range(40):
    ...     cold_c = 10.0 - 0.5 * day            # winter comes
    ...     dip_v = 10.4 - 0.03 * (20 - cold_c) - (0.06 * (day - 15) if day > 15 else 0)
    ...     morning = day * DAY_MS
    ...     for ms, signals in (
    ...         (0, {"battery_voltage_v": dip_v, "ignition": "START", "ambient_temp_c": cold_c}),
    ...         (2_000, {"engine_speed_rpm": 900.0, "battery_voltage_v": 14.2}),
    ...         (60_000, {"engine_speed_rpm": 2000.0, "battery_voltage_v": 14.2}),
    ...         (1_800_000, {"engine_speed_rpm": 0.0, "ignition": "OFF"}),
    ...     ):
    ...         finding = detector.update(Frame(1, morning + ms, signals))
    ...         if finding and finding.kind == FindingKind.RAISED:
    ...             print(day, finding.summary)
    25 Battery while cranking 9.9 V, was 10.4 V (at 20 °C); may fail in 21 to 65 days
    """

    name = "weak_battery"
    version = 2
    signals = (
        "battery_voltage_v",
        "ignition",
        "engine_speed_rpm",
        "engine_running",
        "ambient_temp_c",
        "intake_air_temp_c",
    )
    causes = ("battery_12v",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        now = frame.ts_ms
        volt = number(frame, "battery_voltage_v", 3, 18)
        ambient_c = number(frame, "ambient_temp_c", -50, 60)
        if ambient_c is not None:
            s.temp_c, s.temp_ms = ambient_c, now
        on = running(frame)
        if on:
            if not s.on:
                self._start(now)
            s.seen_run_ms = now
            since_ms = now - s.started_ms
            if volt is not None and since_ms >= CHARGED_MS:
                s.trip_v.update(volt)
            if not s.judged and since_ms >= SETTLED_MS:
                s.judged = True
                return self._judge(frame)
        elif on is False:
            if s.on:
                self._stop()
            if volt is not None:
                self._standing(frame, volt)
        return None

    def _start(self, now: int) -> None:
        s = self.state
        s.rested_ms = now - s.seen_run_ms if s.seen_run_ms else 0
        s.on, s.started_ms, s.judged = True, now, False
        s.trip_v = stats.Mean()

    def _stop(self) -> None:
        s = self.state
        s.on = False
        if s.trip_v.n >= 3:
            s.charging.update(s.trip_v.get())
            s.trips += 1
        s.crank_v = s.rest_v = s.first_rest_v = None

    def _standing(self, frame: Frame, volt: float) -> None:
        """The engine stands: cranking now, or at rest."""
        s = self.state
        now = frame.ts_ms
        rpm = number(frame, "engine_speed_rpm", 0, 1000) or 0.0
        if frame.signals.get("ignition") == "START" or rpm > 50:
            s.crank_v = volt if s.crank_v is None else min(s.crank_v, volt)
            return
        off = frame.signals.get("ignition") in ("OFF", "LOCK")
        if not s.seen_run_ms or now - s.seen_run_ms < REST_MS or volt < 9:
            return
        if s.rest_off and not off:
            return  # what was read with the key off beats a reading under load
        s.rest_v, s.rest_ms, s.rest_off = volt, now, off
        if s.first_rest_v is None:
            s.first_rest_v, s.first_rest_ms = volt, now

    def _judge(self, frame: Frame) -> Answer:
        """Some seconds after a start: learn from it and from the rest before it, then decide."""
        s = self.state
        crank_v, rest_v, rest_ms = s.crank_v, s.rest_v, s.rest_ms
        s.crank_v = s.rest_v = None
        s.rest_off = False
        temp_c = self._temp(frame)
        if temp_c is None or (s.seen_run_ms and s.rested_ms < COLD_REST_MS and s.crank.count):
            return None
        day = s.started_ms / DAY_MS
        cranked = crank_v is not None and crank_v < 11.8  # else the dip fell between two readings
        if cranked and crank_v is not None:
            s.crank.learn(day, crank_v, temp_c, CRANK_V_PER_C)
        if self._refills(rest_v, temp_c):
            s.first_rest_v = None
            return None
        if rest_v is not None and rest_ms - (s.started_ms - s.rested_ms) <= LONG_PARKED_MS:
            s.rest.learn(day, rest_v, temp_c, REST_V_PER_C)
            hours = (rest_ms - s.first_rest_ms) / HOUR_MS
            if s.first_rest_v is not None and hours >= 8:
                s.drains += 1
                s.drain_v_day.update((s.first_rest_v - rest_v) / hours * 24)
        s.first_rest_v = None
        if not cranked and rest_v is None:
            return None
        fails_v = CRANK_FAILS_V + CRANK_V_PER_C * (20 - temp_c)
        crank = _verdict(s.crank, day, CRANK_LIMIT_V, fails_v, 0.35, temp_c)
        rest = _verdict(s.rest, day, REST_LIMIT_V, REST_FAILS_V, 0.15, temp_c)
        return self._decide(frame, crank, rest, temp_c)

    def _refills(self, rest_v: float | None, temp_c: float) -> bool:
        """Whether somebody emptied the battery, once and not long ago."""
        s = self.state
        now = s.started_ms
        if s.emptied_ms and now - s.emptied_ms < REFILL_MS:
            return True
        if rest_v is None or s.rest.count < 3 or (s.emptied_ms and now - s.emptied_ms < AGAIN_MS):
            return False
        at_20 = rest_v + s.rest.cold.get(REST_V_PER_C, 1500.0) * (20.0 - temp_c)
        if at_20 > s.rest.now.get() - EMPTIED_V:
            return False
        s.emptied_ms = now
        return True

    def _temp(self, frame: Frame) -> float | None:
        """Battery temperature before the start: outside air, else air in the cold intake."""
        s = self.state
        if s.temp_c is not None and frame.ts_ms - s.temp_ms <= 6 * HOUR_MS:
            return s.temp_c
        return number(frame, "intake_air_temp_c", -50, 60)

    def _decide(
        self, frame: Frame, crank: Verdict | None, rest: Verdict | None, temp_c: float
    ) -> Answer:
        s = self.state
        opinions = [v for v in (crank, rest) if v is not None]
        weak = [v for v in opinions if v.weak or v.sinking]
        if not weak:
            return self._recovered(frame, temp_c) if s.told_ms and opinions else None
        worst = weak[0]
        s.crank.well = s.rest.well = 0
        low, high = worst.days or (0.0, HORIZON_DAYS)
        now = frame.ts_ms
        fails_ms = now + int((low + high) / 2 * DAY_MS)
        kind = FindingKind.RAISED
        if s.told_ms:
            sooner = s.told_fails_ms - fails_ms > max(3 * DAY_MS, 0.3 * (s.told_fails_ms - now))
            if now - s.told_ms < 3 * DAY_MS or not sooner:
                return None
            kind = FindingKind.REFRESHED
        s.told_ms, s.told_fails_ms = now, fails_ms
        rivals, doubt = self._rivals()
        sure = (0.75 if worst is crank else 0.6) + (0.15 if len(weak) == 2 else 0)
        sure += 0.05 if worst.weak else 0
        sure *= doubt
        return self._says(kind, frame, worst, worst is crank, sure, rivals, temp_c, low, high)

    def _rivals(self) -> tuple[tuple[str, ...], float]:
        """What else it could be, and how much that takes from our confidence."""
        s = self.state
        notes, doubt = [], 1.0
        if s.trips >= 2:
            volt = s.charging.get()
            if volt < CHARGING_V:
                doubt *= 0.6
                notes.append(f"Alternator suspected: charges with {volt:.1f} V only; test it first")
            else:
                notes.append(f"Alternator charges with {volt:.1f} V: not the cause")
        drain = s.drain_v_day.get()
        if s.drains >= 3 and drain > DRAIN_V_DAY:
            doubt *= 0.8
            notes.append(f"Loses {drain:.2f} V a day parked: look for a parasitic drain")
        notes.append("High cable resistance looks alike in cranking: check the terminals")
        return tuple(notes), doubt

    def _says(
        self,
        kind: FindingKind,
        frame: Frame,
        verdict: Verdict,
        cranking: bool,
        confidence: float,
        rivals: tuple[str, ...],
        temp_c: float,
        low: float,
        high: float,
    ) -> Finding:
        s = self.state
        feature = s.crank if cranking else s.rest
        what = "while cranking" if cranking else "at rest"
        limit_v = CRANK_LIMIT_V if cranking else REST_LIMIT_V
        v_per_c = feature.cold.get(CRANK_V_PER_C if cranking else REST_V_PER_C, 1500.0)
        evidence = Evidence(
            feature=f"lowest battery voltage {what}, at 20 °C",
            value=round(verdict.volt, 2),
            expected=round(max(verdict.usual, limit_v), 2),
            unit="V",
            signals=("battery_voltage_v", "ambient_temp_c", "engine_speed_rpm"),
            window_from=time_of(frame.ts_ms - 30 * DAY_MS),
            window_to=frame.ts,
            notes=(
                f"Last read {feature.last_v:.2f} V at {temp_c:.0f} °C;"
                f" this car loses {v_per_c * 10:.2f} V for each 10 °C colder",
                *rivals,
            ),
        )
        return self.says(
            kind,
            frame,
            self.causes[0],
            Urgency.SOON,
            confidence,
            f"Battery {what} {verdict.volt:.1f} V, was {verdict.usual:.1f} V (at 20 °C);"
            f" may fail {f'in {low:.0f} to' if low >= 1 else 'within'} {high:.0f} days",
            evidence,
            expect_from=time_of(frame.ts_ms + int(low * DAY_MS)),
            expect_to=time_of(frame.ts_ms + int(high * DAY_MS)),
        )

    def _recovered(self, frame: Frame, temp_c: float) -> Answer:
        """Three starts in a row as good as new end it; then everything is learned afresh."""
        s = self.state
        feature = s.crank if s.crank.count >= s.rest.count else s.rest
        cranking = feature is s.crank
        slope = feature.cold.get(CRANK_V_PER_C if cranking else REST_V_PER_C, 1500.0)
        volt = feature.last_v + slope * (20 - temp_c)
        limit_v = CRANK_LIMIT_V + 0.2 if cranking else REST_LIMIT_V + 0.2
        feature.well = feature.well + 1 if volt > max(limit_v, feature.usual.mean - 0.3) else 0
        if feature.well < 3:
            return None
        evidence = Evidence(
            feature="battery voltage " + ("while cranking" if cranking else "at rest"),
            value=round(volt, 2),
            expected=round(feature.usual.mean, 2),
            unit="V",
            signals=("battery_voltage_v",),
            window_from=time_of(s.told_ms),
            window_to=frame.ts,
        )
        s.crank, s.rest, s.told_ms = Feature(), Feature(), 0
        text = f"Battery is strong again: {volt:.1f} V at 20 °C"
        kind, cause = FindingKind.RECOVERED, self.causes[0]
        return self.says(kind, frame, cause, Urgency.INFO, 0.85, text, evidence)


def _verdict(
    feature: Feature, day: float, limit_v: float, fails_v: float, least_drop_v: float, temp_c: float
) -> Verdict | None:
    """Judge one feature by any car's limit, by its own past, and by where it goes."""
    if feature.count < 5:
        return None
    usual, spread = feature.usual.mean, max(feature.usual.spread, least_drop_v / 5)
    known = feature.usual.count >= KNOWN
    volt = float(feature.now.get())
    # What the cold's slope may be wrong by, over the way from the temperatures first seen.
    least_drop_v += 0.01 * abs(temp_c - feature.temp.mean) * least_drop_v / 0.35
    drop = usual - volt
    fell = known and drop > max(least_drop_v, 3 * spread * sqrt(0.4 / 1.6))
    weak = volt < limit_v - 0.4 * least_drop_v if fell else volt < limit_v - 1.2 * least_drop_v
    rise, error = feature.trend.rise()
    days = None
    if fell and rise + 2 * error < 0:
        days = _days_left(feature, day, -rise, error, fails_v)
    sinking = days is not None and sum(days) / 2 < HORIZON_DAYS
    return Verdict(weak, sinking, volt, usual, days)


def _days_left(
    feature: Feature, day: float, fall: float, error: float, fails_v: float
) -> tuple[float, float]:
    """Days until the feature reaches `fails_v`, as an 80 % interval.

    Wear accelerates: a drop that grows with a power p of the time since it began has, where it is
    now d and falls by r a day, begun p·d/r days ago, and is D after (D/d)^(1/p) times as long.
    Both p and r are uncertain; neither takes part with its full width, so that together they make
    80 %.
    """
    then, volt = feature.trend.middle
    drop, whole = max(feature.usual.mean - volt, 0.05), feature.usual.mean - fails_v
    ends = []
    for power, a_day in (
        (STEEP[1], fall + 0.85 * Z_80 * error),
        (STEEP[0], fall - 0.85 * Z_80 * error),
    ):
        age = power * drop / max(a_day, 1e-3)
        left = age * (max(whole / drop, 1.0) ** (1 / power) - 1) - (day - then)
        ends.append(min(max(left, 0.0), 4 * HORIZON_DAYS))
    return min(ends), max(ends)
