"""The engine is overheating: the driver must stop now, or pay for a cylinder head."""

import msgspec
from river import stats

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, HOUR_MS, MINUTE_MS, breathed_g_s, number, running
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

STANDS_KMH = 5.0

ROAD_READINGS = 10
KNOWN = 8
"""Drives after which we know how warm this car's coolant is on the road."""

ABOVE_K = 3.0
"""Within so much of what they reached on the average a drive is ordinary; so much above what the
hottest of them reached it no longer is."""

ONCE_C, ONCE_K = 105.0, 8.0
AGAIN_C, AGAIN_K = 100.0, 5.0
"""On the road a wax thermostat has done all it can 8 K above where it begins to open, and fans run
at full speed from about 105 °C: who gets there, and so far above the hottest that this car ever
was, has too little cooling left. Of the second such drive less is enough: fans begin at 95 to 100.
An engine whose map-controlled thermostat holds 105 was there before."""

WARMER_AIR_K, HARDER = 5.0, 1.25
"""Air no warmer than this above the warmest, and load no heavier in the mean than so many times the
heaviest of the drives that were well: a trailer on a pass in July proves nothing of a car that we
know from winter."""

READS_HOT_K = 8.0
"""After a night coolant and air are the same but for 3 K; above this it is the sensor, or a block
heater."""

CALM = 12
"""Ordinary drives in a row that end what began before: about a week."""

WARMER_K, WARMER = 1.0, 2
"""A mean over a drive is known to some tenths, and a thermostat holds it from day to day. Half the
flow through the radiator takes twice the opening: 2 to 3 K of the 8 over which a wax element
opens. So much in so many drives in a row that were not hot."""

SHUT_C = (55.0, 78.0)
"""While it warms up from here to there, no thermostat is open and all heat stays."""

HEAT_STAYS = 0.4
"""Of the heat, beyond where the car ever was. Cooling that just no longer suffices carries most of
it off: so it begins where a thermostat opens less from day to day. Where so much stays at once,
cooling was lost between two drives."""

ENOUGH_K = 6

SOAK_MS, SOAK_K = 8 * HOUR_MS, 30.0
"""After a night coolant is as cold as the air, or 25 K above it with a block heater. A reading in
degrees Fahrenheit is 32 above, unless it freezes."""


class Road(msgspec.Struct, array_like=True, gc=False):
    """How warm the coolant is on the road, drive for drive: what it was, and what it became."""

    warm_c: stats.Mean = msgspec.field(default_factory=stats.Mean)
    highest_c: float = 0.0
    flow_g: int = 0  # of air each second, summed over the readings of `warm_c`
    air_c: int = -60  # outside
    shut_k: int = 0  # warmed up so much with the thermostat shut, in the last drive that did
    shut_g: int = 0  # for so much air
    over_c: int = 0  # the first reading beyond what is ordinary, in this drive
    over_g: int = 0  # air from there to the hottest
    since_g: int = 0  # and since then
    known: int = 0  # drives that the next five are of
    usual_c: float = 0.0
    high_c: float = 0.0
    top_c: float = 0.0
    hardest_g: int = 0
    warmest_c: int = -60
    warmer: int = 0  # drives in a row that were warmer, but not hot
    hot: int = 0  # drives that were not ordinary, and ordinary ones since the first of them
    ordinary: int = 0
    calm: int = 0

    def begin(self, temp_c: float) -> None:
        """Learn from the last drive, for here is the first reading of another."""
        if self.warm_c.n >= ROAD_READINGS:
            self._learn(self.warm_c.get())
        self.warm_c, self.highest_c = stats.Mean(), 0.0
        self.flow_g = self.over_c = self.over_g = self.since_g = 0
        if temp_c < SHUT_C[0]:
            self.shut_k = self.shut_g = 0

    def heat(self, last_c: float, temp_c: float | None, air_g: float) -> None:
        """What the heat of so much air did to coolant that last was so warm."""
        if SHUT_C[0] <= last_c < SHUT_C[1]:
            self.shut_k += 0 if temp_c is None else round(temp_c - last_c)
            self.shut_g += round(air_g)
        elif self.known >= KNOWN and last_c > self.top_c + ABOVE_K:
            self.over_c = self.over_c or round(last_c)
            self.since_g += round(air_g)
            if temp_c is not None and temp_c > self.highest_c:
                self.over_g, self.since_g = self.over_g + self.since_g, 0

    def see(self, temp_c: float, air_c: float | None, flow_g_s: float) -> None:
        """Take a reading of the road."""
        self.warm_c.update(temp_c)
        self.flow_g += round(flow_g_s)
        self.air_c = -60 if air_c is None else round(air_c)

    def _learn(self, warm_c: float) -> None:
        if self.known < KNOWN:
            self.known += 1
            self.usual_c += (warm_c - self.usual_c) / self.known
            self.high_c += (self.highest_c - self.high_c) / self.known
            self.top_c = max(self.top_c, self.highest_c)
        elif self.highest_c > self.top_c + ABOVE_K:
            self.hot, self.calm = self.hot + 1, 0
            return
        else:
            self.warmer = self.warmer + 1 if warm_c - self.usual_c >= WARMER_K else 0
        if self.highest_c <= self.high_c + ABOVE_K:
            self.calm, self.ordinary = self.calm + 1, self.ordinary + (self.hot > 0)
            self.hardest_g = max(self.hardest_g, self._hard_g())
            self.warmest_c = max(self.warmest_c, self.air_c)
            if self.calm >= CALM:
                self.hot = self.ordinary = 0

    def _hard_g(self) -> int:
        return round(self.flow_g / self.warm_c.n) if self.warm_c.n else 0

    def _much_stays(self) -> bool:
        """Whether much of the heat of this drive stays in the coolant."""
        over_k = self.highest_c - self.over_c
        if over_k < ENOUGH_K or self.shut_k < ENOUGH_K or not self.over_g:
            return not self.hot  # nothing tells but that the drive before was hot, and went well
        return over_k / self.over_g > HEAT_STAYS * self.shut_k / self.shut_g

    def sticks(self) -> bool:
        """Whether the way here is a thermostat's: ordinary drives ordinary, others hotter."""
        if self.known < KNOWN or self.warmer >= WARMER:
            return False
        return self.ordinary > 0 or self.hot > 1 or not self._much_stays()

    def too_hot_c(self) -> float:
        """From here on it is too hot for what this car is and does."""
        fair = -60 < self.air_c <= self.warmest_c + WARMER_AIR_K
        if self.known < KNOWN or not fair or self._hard_g() > HARDER * self.hardest_g:
            return HOT_C
        c, k = (AGAIN_C, AGAIN_K) if self.hot else (ONCE_C, ONCE_K)
        return min(max(c, self.top_c + k), HOT_C)


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
    off_k: int = 0  # warmer than the air after the last night
    above_ms: int = 0  # since when it is hotter than this car ever was
    road: Road = msgspec.field(default_factory=Road)


class CoolantOverheat(Detector[State]):
    """Coolant too hot, for too long, with the engine running.

    What fails: coolant is lost (hose, radiator, pump seal, head gasket), does not flow (pump, stuck
    thermostat) or is not cooled (fan, clogged radiator). How it shows: `coolant_temp_c` leaves its
    85 to 105 °C and climbs some degrees a minute. Raised at 118 °C for 30 s, refreshed each 6 °C
    hotter and in each further drive that gets hot, so also after a repair that was none; recovered
    after seven good days: 10 minutes between 80 and 100 °C each.

    Before that, less urgent: how hot the coolant gets is learned from the first eight drives on the
    road. Raised when wind and thermostat no longer hold it: at 105 °C, and 8 K above the hottest of
    them, for 30 s on the move; in a second such drive at 100 °C and 5 K. Only in air as warm and at
    loads as heavy (air that the engine breathes) as in drives that were well.

    Which part? A pump that moves less, or a radiator that is clogged, carries off less at any load:
    before, the coolant was a little warmer on two ordinary drives too. Or it fails whole, from one
    drive to the next: then much of the heat stays in the coolant, measured by the air it takes to
    warm by a kelvin, against the warm-up with the thermostat shut. A thermostat that does not open
    far enough is ordinary on ordinary drives and hot on hard ones, at first by little, and at times
    frees itself: then the cause is `thermostat_stuck_closed`. The name stays; which is likelier by
    now is told with each refreshment. Lost coolant and a dead fan have their detectors, which speak
    earlier.

    Innocent look-alikes: heat soak after a stop on a hot day (engine off, or just started again); a
    sensor or its wire (the reading jumps, heat can't); a reading in °F (no engine is 30 K warmer
    than the air after a night), or one that is 8 K high. A sensor that stands dry in steam after
    all coolant is gone reads low: this detector can't see that.

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
    version = 5
    signals = (
        "coolant_temp_c",
        "engine_speed_rpm",
        "engine_running",
        "engine_load_pct",
        "air_flow_g_s",
        "ignition",
        "speed_kmh",
    )
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
        last_c = s.last_c
        if temp_c is not None:
            self._begin(temp_c)
            if s.off_k > SOAK_K or not self._believe(temp_c, now):
                return None
        if on:
            air_g = (breathed_g_s(frame) or 0.0) * self.drive.step_ms / 1000
            s.road.heat(last_c, temp_c, air_g)
        if temp_c is None:
            return None
        settled = s.on_since_ms and now - s.on_since_ms >= SETTLE_MS
        if not settled or now - s.seen_run_ms > GAP_MS:
            return None
        warmer = self._on_the_road(frame, temp_c)
        if temp_c < COOL_C:
            return warmer or self._cool(frame, temp_c)
        s.cool_since_ms = 0
        s.warm_since_ms = s.warm_since_ms or now
        if temp_c < (STILL_HOT_C if s.hot_since_ms else HOT_C):
            s.hot_since_ms = 0
            return warmer
        return self._hot(frame, temp_c) or warmer

    def _begin(self, temp_c: float) -> None:
        """With a drive's first reading: what the last one taught, and whether this can be so."""
        s, drive = self.state, self.drive
        if drive.since_ms and s.begun_ms != drive.since_ms:
            s.begun_ms = drive.since_ms
            s.road.begin(temp_c)
            if drive.rested_ms >= SOAK_MS and drive.ambient_c is not None:
                s.off_k = round(temp_c - drive.ambient_c)

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

    def _on_the_road(self, frame: Frame, temp_c: float) -> Answer:
        """Long before the red lamp: hotter than this car ever was, and why not."""
        s, now = self.state, frame.ts_ms
        road = s.road
        road.highest_c = max(road.highest_c, temp_c)
        speed_kmh = number(frame, "speed_kmh", 0, 500)
        if temp_c < WARM_C or speed_kmh is None:
            return None
        if speed_kmh >= ROAD_KMH:
            road.see(temp_c, self.drive.ambient_c, breathed_g_s(frame) or 0.0)
        too_hot_c = road.too_hot_c()
        if temp_c < too_hot_c or speed_kmh < STANDS_KMH or s.off_k > READS_HOT_K:
            s.above_ms = 0
            return None
        s.above_ms = s.above_ms or now
        if now - s.above_ms < HOLD_MS or speed_kmh < ROAD_KMH or temp_c >= HOT_C:
            return None
        if s.told_c is not None and s.told_drive_ms == self.drive.since_ms:
            return None
        summary = (
            f"Coolant at {temp_c:.0f} °C on the road, in such air and load never above"
            f" {road.top_c:.0f} °C before"
        )
        return self._tells(frame, temp_c, Urgency.SOON, 0.8, summary, road.top_c)

    def _hot(self, frame: Frame, temp_c: float) -> Answer:
        s = self.state
        now = frame.ts_ms
        if not s.hot_since_ms:
            s.hot_since_ms, s.hot_count = now, 0
        s.hot_count += 1
        if now - s.hot_since_ms < HOLD_MS or s.hot_count < READINGS:
            return None
        told_c = 0.0 if s.told_c is None or s.well_days else s.told_c
        here = s.told_drive_ms == self.drive.since_ms
        if told_c >= HOT_C and temp_c < told_c + HOTTER_C and here:
            return None
        held_s = (now - s.hot_since_ms) // 1000
        confidence = 0.99 if "P0217" in frame.dtcs else min(0.9 + (temp_c - HOT_C) / 100, 0.98)
        summary = f"Coolant at {temp_c:.0f} °C for {held_s} s with the engine running"
        return self._tells(frame, temp_c, Urgency.STOP, confidence, summary, NORMAL_C)

    def _tells(
        self,
        frame: Frame,
        temp_c: float,
        urgency: Urgency,
        confidence: float,
        summary: str,
        expected_c: float,
    ) -> Answer:
        s = self.state
        sticks = s.road.sticks()
        kind = FindingKind.RAISED if s.told_c is None else FindingKind.REFRESHED
        likely = self.causes[sticks]
        s.cause = likely if s.told_c is None else s.cause
        s.told_c, s.told_drive_ms, s.well_days = temp_c, self.drive.since_ms, 0
        notes = ["Rose no faster than heat can: no sensor jump", "No heat soak: engine settled"]
        if s.road.known >= KNOWN:
            notes.append(
                ("" if likely == s.cause else "By now: ")
                + (
                    "ordinary drives as warm as ever; rather the thermostat than the pump"
                    if sticks
                    else "warmer on all drives, or all at once; rather the pump than the thermostat"
                )
            )
        return self._says(
            kind, frame, temp_c, urgency, confidence, summary, tuple(notes), expected_c
        )

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
        return self._says(FindingKind.RECOVERED, frame, temp_c, Urgency.STOP, 0.9, summary, ())

    def _says(
        self,
        kind: FindingKind,
        frame: Frame,
        temp_c: float,
        urgency: Urgency,
        confidence: float,
        summary: str,
        notes: tuple[str, ...],
        expected_c: float = NORMAL_C,
    ) -> Answer:
        s = self.state
        since_ms = s.warm_since_ms or s.cool_since_ms or frame.ts_ms
        evidence = Evidence(
            feature="coolant temperature with the engine running",
            value=round(temp_c, 1),
            expected=expected_c,
            unit="°C",
            signals=("coolant_temp_c", "engine_speed_rpm", "speed_kmh"),
            window_from=time_of(since_ms - 10 * MINUTE_MS),
            window_to=frame.ts,
            notes=notes,
        )
        return self.says(kind, frame, s.cause, urgency, confidence, summary, evidence)
