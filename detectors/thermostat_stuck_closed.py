"""The thermostat does not open far enough: hotter than it was, where the engine works hard."""

from math import sqrt

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, MINUTE_MS, breathed_g_s, number
from record.flow import Evidence, FindingKind, Frame, Urgency

WARM_C, ROAD_KMH = 82.0, 30.0
"""The thermostat is at work, and wind moves the air."""

STARTED_MS = 5 * MINUTE_MS
"""Before, a warm start's heat is not yet that of the road."""

APART_MS = 10_000

LAGS_S = 120.0
"""Block and coolant take up 50 to 60 kJ/K, and lose some 400 W/K on the road: what heat does to the
temperature comes within two minutes."""

REGULATED_C = 88.0
"""About where a thermostat holds the coolant: what the air is counted from."""

KNOWN = 40
"""Drives on the road after which we know how warm this car is at which load: some two weeks."""

READINGS = 20
FEW = 6
"""Readings of a drive, and of its hard or easy part: a minute."""

OFF_K = 1.5
"""Over a minute the mean of whole degrees is known to 0.1 K, and a wax thermostat holds its line
within 1 K from one drive to the next (the most of 300 healthy simulated cars in three drives)."""

SHARE = 1 / 3
"""What a weak pump, a clogged radiator, or a sensor that reads high adds, they add on easy
stretches too: at half the load half, or all of it."""

TIMES = 3
WELL = 8


class Line(msgspec.Struct, array_like=True, gc=False):
    """How warm the coolant was at which load: a straight line, by running sums of squares."""

    n: int = 0
    load: float = 0.0
    temp_c: float = 0.0
    load_sq: float = 0.0
    both: float = 0.0
    most: float = 0.0

    def learn(self, load: float, temp_c: float) -> None:
        """Learn from one more reading."""
        self.n += 1
        off = load - self.load
        self.load += off / self.n
        self.temp_c += (temp_c - self.temp_c) / self.n
        self.load_sq += off * (load - self.load)
        self.both += off * (temp_c - self.temp_c)
        self.most = max(self.most, load)

    def expects_c(self, load: float) -> float:
        """What was usual at this load."""
        rise = self.both / self.load_sq if self.load_sq else 0.0
        return self.temp_c + rise * (load - self.load)

    def hard(self) -> float:
        """From here up the car works hard: the upper sixth, or the upper half to what it knows."""
        sd = sqrt(self.load_sq / self.n) if self.n else 0.0
        return min(self.load + sd, (self.load + self.most) / 2)


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    line: Line = msgspec.field(default_factory=Line)
    known: int = 0
    # this drive
    drive_ms: int = 0
    read_ms: int = 0
    heat_g_s: float = 0.0
    readings: int = 0
    hard: int = 0
    hard_k: float = 0.0
    easy: int = 0
    easy_k: float = 0.0
    # drives in a row
    off: int = 0
    well: int = 0
    told_ms: int = 0


class ThermostatStuckClosed(Detector[State]):
    """A thermostat that opens a part of its way, found before it no longer opens at all.

    What fails: the wax element ages or leaks, or the valve jams on scale. How it shows: on easy
    drives not at all, for there it never had to open far. Where the engine works hard, the coolant
    settles some kelvins above where this car's did at such load, and one day climbs to the red.

    How it is found: load is the heat that the coolant must carry off, for each kelvin between it
    and the air: the air that the engine breathed in the last two minutes over (88 °C - outside). On
    the road coolant rises with it along a line (a wax thermostat opens over 8 K), which is learned
    from forty drives. Raised when three drives in a row, at loads in their upper sixth but no
    heavier than before, are 1.5 K above the line, and by less than a third of that below them.

    Innocent: hills, trailers, summer (all are load); a weak pump or a sensor that reads high, which
    show on easy stretches too. Recovered after eight drives with hard stretches on the line; then
    it is learned anew, for each thermostat has its own.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = ThermostatStuckClosed(car)
    >>> for drive in range(60):
    ...     for s in range(0, 1800, 10):
    ...         g_s = 24.0 if 600 < s < 1200 else 8.0
    ...         temp_c = 86 + detector.state.heat_g_s / 8
    ...         temp_c += 3.0 if drive >= 50 and 700 < s < 1250 else 0.0
    ...         frame = Frame(1, (drive + 1) * DAY_MS // 2 + s * 1000, {
    ...             "engine_speed_rpm": 2000.0, "speed_kmh": 80.0, "ambient_temp_c": 8.0,
    ...             "air_flow_g_s": g_s, "coolant_temp_c": temp_c})
    ...         detector.drive.see(frame)
    ...         finding = detector.update(frame)
    ...         if finding:
    ...             print(drive, finding.kind, finding.summary)
    53 raised At high load the coolant is 3.0 K hotter than it was, at low load 0.0 K
    """

    name = "thermostat_stuck_closed"
    version = 1
    signals = (
        "coolant_temp_c",
        "air_flow_g_s",
        "engine_load_pct",
        "engine_speed_rpm",
        "speed_kmh",
    )
    causes = ("thermostat_stuck_closed",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s, drive = self.state, self.drive
        answer = None
        if s.drive_ms != drive.since_ms:
            if s.drive_ms and s.readings >= READINGS:
                answer = self._driven(frame)
            s.drive_ms, s.read_ms, s.heat_g_s = drive.since_ms, 0, 0.0
            s.readings = s.hard = s.easy = 0
            s.hard_k = s.easy_k = 0.0
        if not s.drive_ms:
            return answer
        flow_g_s = breathed_g_s(frame)
        if flow_g_s is not None:
            s.heat_g_s += (flow_g_s - s.heat_g_s) * min(1.0, drive.step_ms / 1000 / LAGS_S)
        temp_c = number(frame, "coolant_temp_c", WARM_C, 150)
        speed_kmh = number(frame, "speed_kmh", ROAD_KMH, 500)
        if temp_c is None or speed_kmh is None or drive.ambient_c is None or not s.heat_g_s:
            return answer
        now = frame.ts_ms
        if now - s.drive_ms >= STARTED_MS and now - s.read_ms >= APART_MS:
            s.read_ms = now
            self._read(temp_c, 100 * s.heat_g_s / (REGULATED_C - drive.ambient_c))
        return answer

    def _read(self, temp_c: float, load: float) -> None:
        """One reading of the road."""
        s = self.state
        s.readings += 1
        if s.known < KNOWN:
            s.line.learn(load, temp_c)
            return
        above_k = temp_c - s.line.expects_c(load)
        if s.line.hard() < load <= s.line.most:
            s.hard, s.hard_k = s.hard + 1, s.hard_k + above_k
        elif load < s.line.load:
            s.easy, s.easy_k = s.easy + 1, s.easy_k + above_k

    def _driven(self, frame: Frame) -> Answer:
        """A drive on the road is over."""
        s = self.state
        if s.known < KNOWN:
            s.known += 1
            return None
        if s.hard < FEW or s.easy < FEW:
            return None
        hard_k, easy_k = s.hard_k / s.hard, s.easy_k / s.easy
        off = hard_k >= OFF_K and easy_k <= SHARE * hard_k
        s.off = s.off + 1 if off else 0
        s.well = s.well + 1 if hard_k < OFF_K else 0
        if s.off >= TIMES and not s.told_ms:
            s.told_ms = frame.ts_ms
            text = (
                f"At high load the coolant is {hard_k:.1f} K hotter than it was, "
                f"at low load {max(easy_k, 0.0):.1f} K"
            )
            return self._says(FindingKind.RAISED, frame, hard_k, text)
        if s.told_ms and s.well >= WELL:
            found = self._says(
                FindingKind.RECOVERED,
                frame,
                hard_k,
                "At high load the coolant is as warm as it was",
            )
            self.state = State()
            return found
        return None

    def _says(self, kind: FindingKind, frame: Frame, hard_k: float, text: str) -> Answer:
        raised = kind == FindingKind.RAISED
        evidence = Evidence(
            feature="coolant at high load above where it used to be",
            value=round(hard_k, 1),
            expected=0.0,
            unit="K",
            signals=("coolant_temp_c", "air_flow_g_s", "speed_kmh"),
            window_from=time_of(self.state.told_ms - 7 * DAY_MS),
            window_to=frame.ts,
            notes=("No hotter on easy drives, so pump and radiator do their part",)
            if raised
            else (),
        )
        urgency = Urgency.SOON if raised else Urgency.INFO
        return self.says(kind, frame, self.causes[0], urgency, 0.75, text, evidence)
