"""The engine is overheating: the driver must stop now, or pay for a cylinder head."""

import msgspec
from river import stats

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, HOUR_MS, MINUTE_MS, number, running
from record.flow import Evidence, FindingKind, Frame, Urgency

HOT_C = 118.0
"""Makers light the red lamp at 120 ± 3 °C and let the fan run at full speed from about 105; a
cooling system under a 1.1 bar cap boils near 125. At 118 there are minutes left."""

STILL_HOT_C = 115.0
COOL_C = 105.0
WELL_C = (80.0, 100.0)
NORMAL_C = 95.0

HOLD_MS = 30_000
"""So long it must stay hot: a boiling pocket of air at the sensor passes in seconds."""

SETTLE_MS = 60_000
"""After a start: coolant that stood in the hot head (heat soak) first has to flow again."""

WELL_MS = 10 * MINUTE_MS
"""Warm and well for so long makes a good day: a cold start looks healthy until the thermostat
opens, and a sick engine that is driven gently creeps up through 100 °C."""

WELL_DAYS = 7
"""So many good days without a hot one: half a cooling system is enough for the town, and fails
again on the next motorway."""

READINGS = 3
GAP_MS = 5 * MINUTE_MS
"""A silence that ends every stretch of time."""

JUMP_C, RISE_C_PER_S = 12.0, 2.0
"""80 kW of lost heat, 6 l of coolant and 60 kg of metal: less than 2 °C/s even with a dry radiator.
What rises faster is a wire, not heat."""

HOTTER_C = 6.0

ROAD_KMH, WARM_C = 30.0, 80.0
"""So fast the wind cools, and the fan has no part in it; so warm the thermostat is at work."""

ROAD_READINGS = 10
KNOWN = 8
"""Drives after which we know how warm this car's coolant is on the road."""

ABOVE_K = 3.0
"""Within so much of what they reached on the average a drive is ordinary; so much above what the
hottest of them reached it no longer is."""

CALM = 5
"""Ordinary drives in a row that end what began before."""

NEWEST = 0.4
"""Weight of the newest ordinary drive in what is the case lately."""

WARMER_K = 1.0
"""A mean over a drive is known to some tenths, and a thermostat holds it from day to day. Half the
flow through the radiator takes twice the opening: 2 to 3 K of the 8 over which a wax element
opens."""

SUDDEN_K = 14.0
"""So much hotter from one drive to the next: what broke, broke whole."""

SOAK_MS, SOAK_K = 8 * HOUR_MS, 30.0
"""After a night coolant is as cold as the air, or 25 K above it with a block heater. A reading in
degrees Fahrenheit is 32 above, unless it freezes."""


class Road(msgspec.Struct, array_like=True, gc=False):
    """How warm the coolant is on the road, drive for drive: what it was, and what it became."""

    drive_ms: int = 0
    warm_c: stats.Mean = msgspec.field(default_factory=stats.Mean)
    highest_c: float = 0.0
    known: int = 0  # drives that the next three are of
    usual_c: float = 0.0
    high_c: float = 0.0
    top_c: float = 0.0
    lately_c: float = 0.0
    first_c: float = 0.0  # the highest of the first drive that was not ordinary; 0 if none
    calm: int = 0

    def see(self, drive_ms: int, temp_c: float, speed_kmh: float | None) -> None:
        """Take a reading of a drive with the engine settled."""
        if drive_ms != self.drive_ms:
            self._learn()
            self.drive_ms, self.warm_c, self.highest_c = drive_ms, stats.Mean(), 0.0
        self.highest_c = max(self.highest_c, temp_c)
        if temp_c >= WARM_C and speed_kmh is not None and speed_kmh >= ROAD_KMH:
            self.warm_c.update(temp_c)

    def _learn(self) -> None:
        """After a drive."""
        if self.warm_c.n < ROAD_READINGS:
            return
        warm_c = self.warm_c.get()
        if self.known < KNOWN:
            self.known += 1
            self.usual_c += (warm_c - self.usual_c) / self.known
            self.high_c += (self.highest_c - self.high_c) / self.known
            self.top_c = max(self.top_c, self.highest_c)
            self.lately_c = self.usual_c
        elif self.highest_c > self.top_c + ABOVE_K:
            self.first_c, self.calm = self.first_c or self.highest_c, 0
        elif self.highest_c <= self.high_c + ABOVE_K:
            self.lately_c += NEWEST * (warm_c - self.lately_c)
            self.calm += 1
            if self.calm >= CALM:
                self.first_c = 0.0

    def sticks(self) -> bool:
        """Whether the way here is a thermostat's: ordinary drives ordinary, others hotter."""
        warmer_k = self.lately_c - self.usual_c
        sudden = (self.first_c or self.highest_c) > self.top_c + SUDDEN_K
        return self.known >= KNOWN and warmer_k < WARMER_K and not sudden


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    last_ms: int = 0
    last_c: float = 0.0
    on_since_ms: int = 0
    seen_run_ms: int = 0
    warm_since_ms: int = 0
    hot_since_ms: int = 0
    hot_count: int = 0
    cool_since_ms: int = 0
    well_day: int = 0
    well_days: int = 0
    doubted_c: float | None = None
    told_c: float | None = None
    told_drive_ms: int = 0
    cause: str = ""
    begun_ms: int = 0  # the drive whose first reading was seen
    foreign: bool = False  # in it readings are not in °C
    road: Road = msgspec.field(default_factory=Road)


class CoolantOverheat(Detector[State]):
    """Coolant too hot, for too long, with the engine running.

    What fails: coolant is lost (hose, radiator, pump seal, head gasket), does not flow (pump, stuck
    thermostat) or is not cooled (fan, clogged radiator). How it shows: `coolant_temp_c` leaves its
    85 to 105 °C and climbs some degrees a minute. Raised at 118 °C for 30 s, refreshed each 6 °C
    hotter and in each further drive that gets hot, so also after a repair that was none; recovered
    after seven good days: 10 minutes between 80 and 100 °C each.

    Which part? A pump that moves less, or a radiator that is clogged, carries off less at any load:
    for days before, the coolant was a little warmer on ordinary drives too; or it fails whole, from
    one drive to the next. A thermostat that does not open far enough is ordinary on ordinary drives
    and hot on hard ones, and at times frees itself: then the cause is `thermostat_stuck_closed`.
    Lost coolant and a dead fan have their detectors, which speak earlier.

    Innocent look-alikes: heat soak after a stop on a hot day (engine off, or just started again); a
    sensor or its wire (the reading jumps, heat can't); a reading in °F (no engine is 30 K warmer
    than the air after a night). A sensor that stands dry in steam after all coolant is gone reads
    low: this detector can't see that.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = CoolantOverheat(car)
    >>> for s in range(0, 300, 10):
    ...     hot = {"coolant_temp_c": 100 + s / 10, "engine_speed_rpm": 2100.0}
    ...     finding = detector.update(Frame(1, s * 1000, hot))
    ...     if finding:
    ...         print(finding.at.time(), finding.kind, finding.urgency, finding.summary)
    00:03:30 raised stop Coolant at 121 °C for 30 s with the engine running
    00:04:30 refreshed stop Coolant at 127 °C for 90 s with the engine running
    """

    name = "coolant_overheat"
    version = 4
    signals = ("coolant_temp_c", "engine_speed_rpm", "engine_running", "ignition", "speed_kmh")
    causes = ("coolant_overheat", "thermostat_stuck_closed")
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        now = frame.ts_ms
        on = running(frame)
        if on is False:
            s.on_since_ms = s.warm_since_ms = s.hot_since_ms = s.cool_since_ms = 0
        elif on:
            if not s.on_since_ms or now - s.seen_run_ms > GAP_MS:
                s.on_since_ms = now
                s.warm_since_ms = s.hot_since_ms = s.cool_since_ms = 0
            s.seen_run_ms = now
        temp_c = number(frame, "coolant_temp_c", -60, 250)
        if temp_c is None or self._foreign(temp_c) or not self._believe(temp_c, now):
            return None
        settled = s.on_since_ms and now - s.on_since_ms >= SETTLE_MS
        if not settled or now - s.seen_run_ms > GAP_MS:
            return None
        s.road.see(self.drive.since_ms, temp_c, number(frame, "speed_kmh", 0, 500))
        if temp_c < COOL_C:
            return self._cool(frame, temp_c)
        s.cool_since_ms = 0
        s.warm_since_ms = s.warm_since_ms or now
        if temp_c < (STILL_HOT_C if s.hot_since_ms else HOT_C):
            s.hot_since_ms = 0
            return None
        return self._hot(frame, temp_c)

    def _foreign(self, temp_c: float) -> bool:
        """Whether the coolant was so warm after the last night that it is not read in °C."""
        s, drive = self.state, self.drive
        if drive.since_ms and s.begun_ms != drive.since_ms:
            s.begun_ms = drive.since_ms
            if drive.rested_ms >= SOAK_MS and drive.ambient_c is not None:
                s.foreign = temp_c - drive.ambient_c > SOAK_K
        return s.foreign

    def _believe(self, temp_c: float, now: int) -> bool:
        """Whether heat alone can have brought the reading here from the last one."""
        s = self.state
        seconds = (now - s.last_ms) / 1000
        if s.doubted_c is not None:  # until it comes back to where it jumped from, or the car rests
            if temp_c > s.doubted_c + JUMP_C and now - s.last_ms < HOUR_MS:
                s.last_ms = now
                return False
            s.doubted_c = None
        elif s.last_ms and temp_c - s.last_c > JUMP_C + RISE_C_PER_S * seconds:
            s.doubted_c, s.last_ms = s.last_c, now
            s.hot_since_ms = 0
            return False
        if now - s.last_ms > GAP_MS:
            s.warm_since_ms = s.hot_since_ms = s.cool_since_ms = 0
        s.last_ms, s.last_c = now, temp_c
        return True

    def _hot(self, frame: Frame, temp_c: float) -> Answer:
        s = self.state
        now = frame.ts_ms
        if not s.hot_since_ms:
            s.hot_since_ms, s.hot_count = now, 0
        s.hot_count += 1
        if now - s.hot_since_ms < HOLD_MS or s.hot_count < READINGS:
            return None
        drive_ms = self.drive.since_ms
        if s.told_c is None:
            kind = FindingKind.RAISED
            s.cause = self.causes[s.road.sticks()]
        elif temp_c >= s.told_c + HOTTER_C or s.well_days or drive_ms != s.told_drive_ms:
            kind = FindingKind.REFRESHED
        else:
            return None
        s.told_c, s.told_drive_ms, s.well_days = temp_c, drive_ms, 0
        held_s = (now - s.hot_since_ms) // 1000
        confidence = 0.99 if "P0217" in frame.dtcs else min(0.9 + (temp_c - HOT_C) / 100, 0.98)
        summary = f"Coolant at {temp_c:.0f} °C for {held_s} s with the engine running"
        notes = ["Rose no faster than heat can: no sensor jump", "No heat soak: engine settled"]
        if s.cause == "thermostat_stuck_closed":
            notes.append(
                "Ordinary drives stayed as warm as ever: rather the thermostat than the pump"
            )
        return self._says(kind, frame, temp_c, confidence, summary, tuple(notes))

    def _cool(self, frame: Frame, temp_c: float) -> Answer:
        s = self.state
        s.hot_since_ms = s.warm_since_ms = 0
        if s.told_c is None:
            return None
        well = WELL_C[0] <= temp_c <= WELL_C[1]
        s.cool_since_ms = (s.cool_since_ms or frame.ts_ms) if well else 0
        day = frame.ts_ms // DAY_MS
        if not well or frame.ts_ms - s.cool_since_ms < WELL_MS or day == s.well_day:
            return None
        s.well_day, s.well_days = day, s.well_days + 1
        if s.well_days < WELL_DAYS:
            return None
        s.told_c, s.well_days = None, 0
        summary = f"Coolant at {temp_c:.0f} °C: warm and not hot on {WELL_DAYS} days"
        return self._says(FindingKind.RECOVERED, frame, temp_c, 0.9, summary, ())

    def _says(
        self,
        kind: FindingKind,
        frame: Frame,
        temp_c: float,
        confidence: float,
        summary: str,
        notes: tuple[str, ...],
    ) -> Answer:
        s = self.state
        since_ms = s.warm_since_ms or s.cool_since_ms or frame.ts_ms
        evidence = Evidence(
            feature="coolant temperature with the engine running",
            value=round(temp_c, 1),
            expected=NORMAL_C,
            unit="°C",
            signals=("coolant_temp_c", "engine_speed_rpm", "speed_kmh"),
            window_from=time_of(since_ms - 10 * MINUTE_MS),
            window_to=frame.ts,
            notes=notes,
        )
        return self.says(kind, frame, s.cause, Urgency.STOP, confidence, summary, evidence)
