"""Air that nobody metered: the engine is lean at idle, and less so the more it breathes."""

from math import sqrt

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.learn import Usual
from detectors.reading import DAY_MS, MINUTE_MS, number, running
from record.flow import Evidence, FindingKind, Frame, Urgency

WARM_C = 60.0
"""Below, the engine runs in open loop, and trims tell nothing (SAE J1979, PID 03)."""

WARM_MS = 15 * MINUTE_MS
"""Whatever the coolant sensor says, an engine that has run so long is in closed loop."""

APART_MS = 5_000
"""Between two samples: trims that were read faster say the same twice."""

HELD_MS = MINUTE_MS
"""So long an older reading of a slow signal may stand beside a newer one of a fast signal."""

ENOUGH, MOST = 60, 720
"""Samples after which a stretch of driving is judged: five minutes; and an hour, if idle and load
were not both in it."""

ERROR_PCT = 2.0
"""How well a stretch must know the leak: standard error of the trim that it explains at idle."""

RISE_PCT = 8.0
"""Above the car's own past. Healthy engines stay within ±10 % of both trims together (workshop rule
of thumb), of which the part that fades with load is some 4 % (carOBD's real drives: -4 to 6)."""

ALONE_PCT = 15.0
"""With no past to compare with. P0171 is set where both trims are at their end, at 20 to 25 %."""

SURE = 3.0
"""And above it so many times the spread of its own stretches. A stretch's standard error knows
nothing of what differs from one to the next: purge, fuel, heat under the hood, idling only."""

WELL_PCT = 4.0
KNOWN = 12
"""Stretches after which we know what is usual for this car: some drives."""

WELL_DAYS = 4
"""A crack in a hose opens and closes: it is mended after so many days without."""

CHOKED = 0.528
"""Below this ratio of manifold to outside pressure air enters a leak at the speed of sound, however
deep the vacuum; above it the flow falls, about as an ellipse, to nothing (ISO 6358)."""

NOMINAL_G_REV = 1.6 * 1.18 / 2
"""Air that a 1.6 l engine takes for each turn at full load, where no meter tells; one filling in
two turns, at 1.18 g/l."""

LEAST_G_S = 1.0


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    coolant_c: float | None = None
    long_pct: float = 0.0
    long_ms: int = 0
    map_kpa: float = 0.0
    map_ms: int = 0
    sampled_ms: int = 0
    # this stretch: sums over x, the share of the air that 1 g/s of leak would be, and y, the trims
    n: int = 0
    sum_x: float = 0.0
    sum_y: float = 0.0
    sum_xx: float = 0.0
    sum_xy: float = 0.0
    sum_yy: float = 0.0
    most_x: float = 0.0
    # all stretches
    usual: Usual = msgspec.field(default_factory=Usual)
    lean_ms: int = 0  # the drive since which every stretch was lean
    well_day: int = 0
    well_days: int = 0
    told_ms: int = 0


class VacuumLeak(Detector[State]):
    """A hose, gasket or valve behind the air-flow meter lets in air.

    What fails: an intake hose cracks, the manifold's gasket shrinks, the crankcase (PCV) valve
    sticks open. How it shows: the meter misses that air, the mixture is lean, and the engine adds
    fuel until its oxygen sensor is content: short- and long-term fuel trim rise. A leak passes a
    nearly constant flow q, so of all the air it is a large share at idle (2 to 3 g/s) and next to
    nothing on the road. A dirty air-flow meter, low fuel pressure or a failing cylinder raise the
    trims everywhere; so we fit, over each five minutes of warm driving, a line

        both trims [%] = what is needed anyhow + 100 · q · ψ / flow

    where ψ is 1 in deep vacuum and falls with the manifold's pressure. Its slope is the leak in
    g/s, and q over the idle's flow the share of the trim that only a leak explains. Raised when
    that is 8 % above the car's own past and well outside its spread, or 15 % wherever that was, in
    two drives and nowhere between, as a trouble code needs two trips (13 CCR 1968.2); recovered
    after four good days. An engine without a meter (speed-density) sees much of a leak by its
    manifold pressure, so it is judged with less confidence, by the flow of a 1.6 l engine.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = VacuumLeak(car)
    >>> for day in range(9):
    ...     leak_g_s = 0.6 if day >= 6 else 0.0
    ...     for s in range(0, 900, 5):
    ...         flow = (2.6, 8.0, 18.0)[s // 5 % 3]
    ...         frame = Frame(1, day * DAY_MS + s * 1000, {
    ...             "engine_speed_rpm": 400 + 150 * flow, "coolant_temp_c": 88.0,
    ...             "air_flow_g_s": flow, "long_fuel_trim_1_pct": 2.0,
    ...             "short_fuel_trim_1_pct": (0.5, -0.5)[s % 2] + 100 * leak_g_s / flow})
    ...         detector.drive.see(frame)
    ...         finding = detector.update(frame)
    ...         if finding:
    ...             print(day, finding.kind, finding.summary)
    7 raised Lean at idle: trims 23 % above those at load, usually 0 %; 0.6 g/s of air unmetered
    """

    name = "vacuum_leak"
    version = 2
    signals = (
        "short_fuel_trim_1_pct",
        "long_fuel_trim_1_pct",
        "coolant_temp_c",
        "intake_pressure_kpa",
        "air_flow_g_s",
        "engine_load_pct",
        "engine_speed_rpm",
    )
    causes = ("vacuum_leak",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        now = frame.ts_ms
        coolant_c = number(frame, "coolant_temp_c", -60, 250)
        if coolant_c is not None:
            s.coolant_c = coolant_c
        long_pct = number(frame, "long_fuel_trim_1_pct", -50, 50)
        if long_pct is not None:
            s.long_pct, s.long_ms = long_pct, now
        map_kpa = number(frame, "intake_pressure_kpa", 5, 120)
        if map_kpa is not None:
            s.map_kpa, s.map_ms = map_kpa, now
        short_pct = number(frame, "short_fuel_trim_1_pct", -50, 50)
        if short_pct is None or now - s.sampled_ms < APART_MS or now - s.long_ms > HELD_MS:
            return None
        if not running(frame) or not self._warm(now):
            return None
        flow_g_s = _flow(frame)
        if flow_g_s is None:
            return None
        s.sampled_ms = now
        share = _through(s.map_kpa) if now - s.map_ms <= APART_MS else 1.0
        self._sample(share / max(flow_g_s, LEAST_G_S), short_pct + s.long_pct)
        return self._judge(frame) if s.n >= ENOUGH else None

    def _warm(self, now: int) -> bool:
        s = self.state
        if s.coolant_c is not None and s.coolant_c >= WARM_C:
            return True
        since_ms = self.drive.engine_since_ms
        return since_ms != 0 and now - since_ms >= WARM_MS

    def _sample(self, x: float, y: float) -> None:
        s = self.state
        s.n += 1
        s.sum_x += x
        s.sum_y += y
        s.sum_xx += x * x
        s.sum_xy += x * y
        s.sum_yy += y * y
        s.most_x = max(s.most_x, x)

    def _judge(self, frame: Frame) -> Answer:
        """Fit the stretch's line; if it tells enough, begin a new stretch and decide."""
        s = self.state
        n = s.n
        xx = s.sum_xx - s.sum_x * s.sum_x / n
        xy = s.sum_xy - s.sum_x * s.sum_y / n
        yy = s.sum_yy - s.sum_y * s.sum_y / n
        slope = xy / xx if xx > 1e-9 else 0.0
        error = sqrt(max(yy - slope * xy, 0.0) / (n - 2) / xx) if xx > 1e-9 else float("inf")
        most_x, at_load_pct = s.most_x, (s.sum_y - slope * s.sum_x) / n
        if error * most_x > ERROR_PCT and n < MOST:
            return None
        s.n = 0
        s.sum_x = s.sum_y = s.sum_xx = s.sum_xy = s.sum_yy = s.most_x = 0.0
        if error * most_x > ERROR_PCT:
            return None
        lean_pct = slope * most_x
        usual_pct = max(s.usual.mean, 0.0)
        known = s.usual.count >= KNOWN
        rise_pct = max(RISE_PCT, SURE * s.usual.spread)
        limit_pct = min(usual_pct + rise_pct, ALONE_PCT) if known else ALONE_PCT
        if lean_pct > limit_pct:
            s.lean_ms = s.lean_ms or self.drive.since_ms
            s.well_days = 0
            return self._raised(frame, lean_pct, usual_pct, slope / 100, at_load_pct)
        s.lean_ms = 0
        s.usual.learn(lean_pct, keep=KNOWN)
        return self._recovered(frame, lean_pct, usual_pct) if s.told_ms else None

    def _raised(
        self, frame: Frame, lean_pct: float, usual_pct: float, leak_g_s: float, load_pct: float
    ) -> Answer:
        s = self.state
        if s.told_ms or s.lean_ms == self.drive.since_ms:
            return None
        s.told_ms = frame.ts_ms
        metered = number(frame, "air_flow_g_s", 0) is not None
        sure = 0.75 if s.usual.count >= KNOWN else 0.65
        sure += 0.1 * ("P0171" in frame.dtcs) - 0.15 * (not metered)
        notes = (
            f"At load the trims need {load_pct:+.0f} %: not fuel pressure or a dirty air-flow"
            " meter, which grow with load",
            "Smoke-test the intake: hoses, manifold gasket, PCV and purge valve",
        )
        return self.says(
            FindingKind.RAISED,
            frame,
            self.causes[0],
            Urgency.SERVICE,
            sure,
            f"Lean at idle: trims {lean_pct:.0f} % above those at load, usually {usual_pct:.0f} %;"
            f" {leak_g_s:.1f} g/s of air unmetered",
            self._evidence(frame, lean_pct, usual_pct, 14 * DAY_MS, notes),
        )

    def _recovered(self, frame: Frame, lean_pct: float, usual_pct: float) -> Answer:
        """Some days on which idle and load want the same."""
        s = self.state
        if lean_pct > usual_pct + WELL_PCT:
            s.well_days = 0
            return None
        day = frame.ts_ms // DAY_MS
        if day == s.well_day:
            return None
        s.well_day, s.well_days = day, s.well_days + 1
        if s.well_days < WELL_DAYS:
            return None
        window_ms = frame.ts_ms - s.told_ms
        s.told_ms = s.well_days = 0
        return self.says(
            FindingKind.RECOVERED,
            frame,
            self.causes[0],
            Urgency.INFO,
            0.85,
            f"Trims at idle are those at load again, on {WELL_DAYS} days",
            self._evidence(frame, lean_pct, usual_pct, window_ms, ()),
        )

    def _evidence(
        self,
        frame: Frame,
        lean_pct: float,
        usual_pct: float,
        window_ms: int,
        notes: tuple[str, ...],
    ) -> Evidence:
        return Evidence(
            feature="fuel trims at idle above those at load",
            value=round(lean_pct, 1),
            expected=round(usual_pct, 1),
            unit="%",
            signals=("short_fuel_trim_1_pct", "long_fuel_trim_1_pct", "air_flow_g_s"),
            window_from=time_of(frame.ts_ms - window_ms),
            window_to=frame.ts,
            notes=notes,
        )


def _flow(frame: Frame) -> float | None:
    """Air that the engine takes, g/s: metered, or from its speed and load."""
    flow_g_s = number(frame, "air_flow_g_s", 0.1, 2000)
    if flow_g_s is not None:
        return flow_g_s
    rpm, load_pct = number(frame, "engine_speed_rpm"), number(frame, "engine_load_pct", 0, 100)
    if rpm is None or load_pct is None:
        return None
    return NOMINAL_G_REV * rpm / 60 * load_pct / 100


def _through(map_kpa: float) -> float:
    """How much of its greatest flow a leak passes at a manifold pressure.

    >>> [round(_through(kpa), 2) for kpa in (30.0, 75.0, 101.3)]
    [1.0, 0.89, 0.03]
    """
    above = (map_kpa / 101.325 - CHOKED) / (1 - CHOKED)
    return sqrt(max(1 - max(above, 0.0) ** 2, 0.0))
