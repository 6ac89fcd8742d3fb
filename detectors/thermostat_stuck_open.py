"""The thermostat does not close: the radiator cools an engine that is still cold."""

import msgspec
from river import stats

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, HOUR_MS, MINUTE_MS, breathed_g_s, number
from record.causes import cause_of
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

OPENS_C = 78.0
"""Below this every thermostat is shut: they begin to open at 82 to 92 °C."""

REGULATES_C = 88.0

BLOCK_PER_S = 2.5e-4
"""What block and hoses lose, as K of the engine's own for each K above the air: 15 W/K of
60 kJ/K."""

HEATER_PER_S = 9e-4
"""What a cabin heater at full blast takes besides: 50 W/K, so 4 kW in a frost."""

HEATER_C = (5.0, 15.0)
"""Outside temperatures at which it is fully on, and off."""

FROST_C = -18.0
"""Colder, and an engine in town never gets warm (OBD monitors of P0128 pause there, too)."""

AIR_G = {"diesel": 300.0}
AIR_MOST_G = 160.0
"""What no passenger car's engine exceeds: grams of air, and so of fuel, to warm it by 1 K. Burnt at
14.7:1 a gram of air sets 2.9 kJ free, of which 0.28 reach the coolant (Heywood, *Internal
Combustion Engine Fundamentals*, energy balance); 50 to 120 kJ/K take 60 to 150 g. A diesel takes
twice the air. Caps what is learned of a car that was never well."""

ENOUGH_K = 30.0
"""A drive (or some short ones) that should warm the engine by so much tells something."""

KNOWN = 4
KEEP = 12
"""Warm-ups after which we know the car, and those that we learn from."""

COLD_SHARE = 0.6
WARM_SHARE = 0.75
"""Of the heat. A real diesel's winter and summer warm-ups, the heater counted, scatter by a fifth
(KIT Automotive OBD-II Dataset); an open thermostat leaves a third or less."""

DRIVES = 3
"""OBD asks for two in a row before the lamp is lit; another costs a day."""

WELL_DAYS = 5

SOAK_MS = 8 * HOUR_MS
"""Parked so long (three to four time constants), engine and air are the same but for 2 K."""

READS_COLD_K, READS_HOT_K = -8.0, 30.0
"""Coolant against air after a soak, beyond which it is the sensor: the morning's air warms ahead of
an engine block by up to 5 K, and a block heater makes 25."""

GAP_MS = 2 * MINUTE_MS
"""Over a longer silence we don't integrate."""


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    drive_ms: int = 0  # the drive that the next six are of
    gained_k: float = 0.0
    lost_k: float = 0.0
    air_g: float = 0.0
    start_c: float | None = None
    lowest_c: float = 0.0
    highest_c: float = 0.0
    last_ms: int = 0
    last_c: float | None = None
    next_g: float = 0.0  # air since the last reading of the coolant
    air_ms: int = 0
    metered: bool = False
    soaked_ms: int = 0
    doubted: bool = False
    need_g: stats.Mean = msgspec.field(default_factory=stats.Mean)
    cold_drives: int = 0
    well_days: int = 0
    well_day: int = 0
    since_ms: int = 0
    told: bool = False


class ThermostatStuckOpen(Detector[State]):
    """A thermostat that lets the radiator cool a cold engine; what OBD calls P0128, from the heat.

    What fails: the wax element tires, or dirt holds the valve open. How it shows: the engine warms
    up slowly, cools down on the motorway and recovers at idle, and the heater stays lukewarm; it
    drinks more, and its oil stays thin with fuel.

    How it is found: while the thermostat is shut nothing but block and cabin heater takes the
    coolant's heat. So the heat that a drive puts in (proportional to the air that the engine
    breathes) warms it by a known amount, the same in each drive of a car: the grams of air for one
    kelvin are learned from its first warm-ups. Where less than 0.6 of it shows, on three drives
    and without drives between that are well, and the coolant does not get to 78 °C, it goes through
    the radiator. Heat, not minutes: so a hybrid's pauses, short trips, a trailer and idling in the
    yard count as what they are; what a cabin heater may take in the cold is granted.

    Rivals: a sensor that reads too low also stays below the mark; but after a night it is colder
    than the air that it stood in, which coolant can't be; one that is stuck does not move at all.
    Such readings are not judged.

    Recovered after five days on which the engine warmed up as it should.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = ThermostatStuckOpen(car)
    >>> for day in range(12):
    ...     settles_c = 90 if day < 8 else 58       # at day 8 it does not close any more
    ...     for s in range(0, 1200, 20):
    ...         warm = {"coolant_temp_c": min(20 + s / 8, settles_c), "air_flow_g_s": 8.0}
    ...         air = {"ambient_temp_c": 20.0, "engine_speed_rpm": 1800.0}
    ...         frame = Frame(1, day * DAY_MS + s * 1000, warm | air)
    ...         detector.drive.see(frame)
    ...         finding = detector.update(frame)
    ...         if finding:
    ...             print(day, finding.kind, finding.summary)
    11 raised Coolant reached 58 °C in a drive whose heat is enough for 88 °C
    """

    name = "thermostat_stuck_open"
    version = 2
    signals = (
        "coolant_temp_c",
        "air_flow_g_s",
        "engine_load_pct",
        "engine_speed_rpm",
        "intake_air_temp_c",
        "ambient_temp_c",
        "ignition",
    )
    causes = ("thermostat_stuck_open",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s, drive = self.state, self.drive
        answer = None
        if s.drive_ms != drive.since_ms:
            if s.drive_ms:
                answer = self._judge(frame)
            s.drive_ms, s.last_c, s.start_c, s.next_g, s.air_ms = drive.since_ms, None, None, 0.0, 0
        temp_c = number(frame, "coolant_temp_c", -50, 150)
        if not drive.engine_since_ms:
            s.last_c = None
            if temp_c is not None:
                self._soak(frame, temp_c)
            return answer
        self._breathe(frame)
        if temp_c is not None:
            if s.start_c is None and not s.soaked_ms and drive.rested_ms >= SOAK_MS:
                self._compare(temp_c, drive.ambient_c)
            self._warm(frame, temp_c)
        return answer

    def _soak(self, frame: Frame, temp_c: float) -> None:
        """Parked: the last reading of a long rest says whether the sensor can be believed."""
        s, drive = self.state, self.drive
        parked_ms = 0 if drive.since_ms or not drive.parked_ms else frame.ts_ms - drive.parked_ms
        if parked_ms >= SOAK_MS:
            s.soaked_ms = frame.ts_ms
            self._compare(temp_c, number(frame, "ambient_temp_c", -50, 60))

    def _compare(self, temp_c: float, air_c: float | None) -> None:
        if air_c is not None:
            self.state.doubted = not READS_COLD_K < temp_c - air_c < READS_HOT_K

    def _breathe(self, frame: Frame) -> None:
        """Air that went through the engine since the last frame that told of it."""
        s = self.state
        if number(frame, "air_flow_g_s", 0, 700) is not None:
            s.metered = True
        elif s.metered:
            return
        flow_g_s = breathed_g_s(frame)
        if flow_g_s is None:
            return
        if s.air_ms and frame.ts_ms - s.air_ms <= GAP_MS:
            s.next_g += flow_g_s * (frame.ts_ms - s.air_ms) / 1000
        s.air_ms = frame.ts_ms

    def _warm(self, frame: Frame, temp_c: float) -> None:
        """What the coolant gained for it, while the thermostat has to be shut."""
        s = self.state
        if s.start_c is None:
            s.start_c = s.lowest_c = s.highest_c = temp_c
        s.lowest_c, s.highest_c = min(s.lowest_c, temp_c), max(s.highest_c, temp_c)
        lasted_ms = frame.ts_ms - s.last_ms
        if s.last_c is not None and lasted_ms <= GAP_MS and s.last_c < OPENS_C:
            air_c = self._air_c(frame)
            if air_c is not None and air_c >= FROST_C:
                low, high = HEATER_C
                heater = HEATER_PER_S * min(max((high - air_c) / (high - low), 0.0), 1.0)
                excess_k = max(s.last_c - air_c, 0.0)
                s.gained_k += temp_c - s.last_c
                s.lost_k += (BLOCK_PER_S + heater) * excess_k * lasted_ms / 1000
                s.air_g += s.next_g
        s.next_g, s.last_c, s.last_ms = 0.0, temp_c, frame.ts_ms

    def _air_c(self, frame: Frame) -> float | None:
        """Outside air; where no sensor tells, intake air less what the engine bay adds."""
        if self.drive.ambient_c is not None:
            return self.drive.ambient_c
        intake_c = number(frame, "intake_air_temp_c", -50, 90)
        return None if intake_c is None else intake_c - 10

    def _judge(self, frame: Frame) -> Answer:
        """After a drive: learn from it, or hold what is known of the car against it."""
        s = self.state
        s.soaked_ms = 0
        warmed_k = s.gained_k + s.lost_k
        moved = s.highest_c - s.lowest_c > 1
        if s.doubted or not moved:
            self._forget()
            return None
        if s.need_g.n < KNOWN:
            if warmed_k >= ENOUGH_K and s.air_g > 0:
                self._learn(s.air_g / warmed_k)
                self._forget()
            elif s.air_g > 2 * AIR_MOST_G * ENOUGH_K:
                self._forget()
            return None
        should_k = s.air_g / s.need_g.get()
        if should_k < ENOUGH_K:
            return None  # short trips add up
        share = warmed_k / should_k
        if share > WARM_SHARE:
            self._learn(s.air_g / warmed_k)
        answer = self._vote(frame, share, should_k)
        self._forget()
        return answer

    def _learn(self, need_g: float) -> None:
        most_g = AIR_G.get(self.vehicle.powertrain, AIR_MOST_G)
        if self.state.need_g.n < KEEP:
            self.state.need_g.update(min(need_g, most_g))

    def _forget(self) -> None:
        s = self.state
        s.gained_k = s.lost_k = s.air_g = 0.0

    def _vote(self, frame: Frame, share: float, should_k: float) -> Answer:
        s = self.state
        if share < COLD_SHARE and s.highest_c < OPENS_C:
            s.cold_drives += 1
            s.since_ms = s.since_ms or s.drive_ms
            s.well_days = 0
            if s.cold_drives < DRIVES or s.told:
                return None
            s.told = True
            return self._raised(frame, share, should_k)
        if share < WARM_SHARE:
            return None
        s.cold_drives = max(s.cold_drives - 1, 0)
        s.since_ms = s.since_ms if s.cold_drives else 0
        day = frame.ts_ms // DAY_MS
        if not s.told or day == s.well_day:
            return None
        s.well_day, s.well_days = day, s.well_days + 1
        if s.well_days < WELL_DAYS:
            return None
        s.told, s.well_days, s.cold_drives, s.since_ms = False, 0, 0, 0
        summary = f"The engine warms up as it should on {WELL_DAYS} days"
        return self._says(FindingKind.RECOVERED, frame, 0.9, summary, Urgency.INFO, REGULATES_C, ())

    def _raised(self, frame: Frame, share: float, should_k: float) -> Finding:
        s = self.state
        start_c = s.start_c if s.start_c is not None else s.lowest_c
        heat_for_c = min(start_c + should_k, REGULATES_C)
        coded = "P0128" in frame.dtcs
        sure = 0.97 if coded else min(0.8 + 0.3 * (COLD_SHARE - share), 0.95)
        air_c = self.drive.ambient_c
        notes = (
            f"Only {100 * share:.0f} % of the heat warmed it, with what a cabin heater may take"
            + ("" if air_c is None else f" at {air_c:.0f} °C"),
            "No sensor that reads too low: not colder than the air after a night",
        )
        summary = (
            f"Coolant reached {s.highest_c:.0f} °C in a drive whose heat is enough for"
            f" {heat_for_c:.0f} °C"
        )
        urgency = cause_of(self.causes[0]).urgency
        return self._says(FindingKind.RAISED, frame, sure, summary, urgency, heat_for_c, notes)

    def _says(
        self,
        kind: FindingKind,
        frame: Frame,
        confidence: float,
        summary: str,
        urgency: Urgency,
        expected_c: float,
        notes: tuple[str, ...],
    ) -> Finding:
        s = self.state
        evidence = Evidence(
            feature="highest coolant temperature of the drive",
            value=round(s.highest_c, 1),
            expected=round(expected_c, 1),
            unit="°C",
            signals=("coolant_temp_c", "air_flow_g_s", "ambient_temp_c", "speed_kmh"),
            window_from=time_of(s.since_ms or s.drive_ms),
            window_to=frame.ts,
            notes=notes,
        )
        return self.says(kind, frame, self.causes[0], urgency, confidence, summary, evidence)
