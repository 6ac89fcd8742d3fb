"""The radiator fan does not run: the engine gets hot while the car stands."""

import msgspec
from river import stats

from detectors.contract import Answer, Detector, time_of
from detectors.reading import MINUTE_MS, number
from record.causes import cause_of
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

SLOW_KMH = 5.0
"""No wind to speak of: from walking pace on the car itself pushes air through the radiator."""

LONG_MS = 5 * MINUTE_MS
"""A stand so long brings the coolant where thermostat and fan together hold it: block and coolant,
60 kJ/K, gain half a kelvin a minute from an engine that idles."""

WARM_C, DROVE_MS = 80.0, 5 * MINUTE_MS
"""Before a stand that is judged the engine ran so long, and is warm: what warms up is not."""

KNOWN, KEEP = 2, 8
"""Long stands after which we know where it is held, and those that we learn from."""

OFF_K = 3.0
"""Sensors count whole degrees, and a fan that cycles holds within 2 K: more is no fan."""

SLACK_K, SUM_K = OFF_K / 2, OFF_K
"""What stands are higher by than half of that is added up (Page's cumulative sum, 1954: the slack
is half the shift to be found), to as much as the whole: two that are 3 K higher tell, or more that
are less so, or one by 4.5. A relay that sticks at times may give no second for weeks."""

SURE_STANDS = 4
"""Stands that must be known before one is enough."""

WELL_STANDS = 4

RISES_K = 0.25
"""For each kelvin that the air is warmer than at any stand that was well, the coolant may be held
so much higher: from frost to heat, 50 K, it goes from the thermostat's mark, 86 °C, to the fan's,
98."""

WARMER_K = 5.0
"""Air that is as warm as it was, within the width of a day."""

HOT_C, RISE_K, HOT_MS = 108.0, 10.0, 2 * MINUTE_MS
"""Whatever the weather: fans run at full speed from about 105 °C, and hold it there."""

GAP_MS = 2 * MINUTE_MS


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    slow: bool = False
    stands: bool = False
    since_ms: int = 0  # of the stand under way, if it will be judged
    last_ms: int = 0
    first_c: float = 0.0
    highest_c: float = 0.0
    usual_c: stats.Mean = msgspec.field(default_factory=stats.Mean)
    arrives_c: stats.Mean = msgspec.field(default_factory=stats.Mean)
    warmest_c: float = -60.0  # air at a stand that was well
    above_k: float = 0.0  # added up
    well: int = 0
    told_air_c: float | None = None


class RadiatorFan(Detector[State]):
    """A fan that no longer runs: motor, relay, fuse, or its control.

    What fails: brushes and bearings wear, relays and plugs burn. How it shows: while the car
    drives, wind cools, and all is well. At a standstill with the engine running nobody moves air,
    and the coolant climbs above where it used to stay: slowly in the cold, within minutes to the
    red in a summer's jam. In winter it may hide for months.

    How it is found: where this car's coolant stays in long stands (5 minutes and more) is learned
    from the first of them. By how much it gets higher is added up: 3 K in two raise it, or 4.5 K in
    one where it had stayed in four; warmer air than it stayed in explains a quarter of a kelvin for
    each of its own. Or when it passes 108 °C in one, whatever the weather, for a fan that runs
    holds it.

    Rivals: a weak pump, a thermostat that doesn't open or lost coolant heat the engine on the road
    too; so a stand that begins hotter than usual says nothing of the fan. Nor does a coolant sensor
    that is stuck: without a fan the coolant climbs while the car stands.

    Recovered after four long stands, in air as warm as then, at which the coolant stayed.

    >>> from detectors.reading import DAY_MS
    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = RadiatorFan(car)
    >>> for day in range(8):
    ...     stays_c = 89 if day < 5 else 93         # the fan fails at day 5
    ...     for minute in range(20):
    ...         stands = minute >= 12
    ...         here = {"speed_kmh": 0.0 if stands else 50.0, "engine_speed_rpm": 800.0}
    ...         hot = {"coolant_temp_c": min(88 + stands * (minute - 12), stays_c)}
    ...         air = {"ambient_temp_c": 15.0}
    ...         frame = Frame(1, day * DAY_MS + minute * MINUTE_MS, here | hot | air)
    ...         detector.drive.see(frame)
    ...         finding = detector.update(frame)
    ...         if finding:
    ...             print(day, finding.kind, finding.summary)
    7 raised Coolant at 93 °C standing, was 89 °C before; on the road it is as it was
    """

    name = "radiator_fan"
    version = 4
    signals = ("coolant_temp_c", "speed_kmh", "engine_speed_rpm", "engine_running", "ignition")
    causes = ("radiator_fan",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s, drive = self.state, self.drive
        now = frame.ts_ms
        speed_kmh = number(frame, "speed_kmh", 0, 500)
        if speed_kmh is not None:
            s.slow = speed_kmh < SLOW_KMH
        runs = bool(drive.engine_since_ms)
        stands = runs and s.slow
        if s.stands and (not stands or now - s.last_ms > GAP_MS):
            lasted_ms = s.last_ms - s.since_ms if s.since_ms else 0
            s.stands, s.since_ms = False, 0
            if lasted_ms >= LONG_MS:
                return self._judge(frame)
        temp_c = number(frame, "coolant_temp_c", -50, 150)
        if temp_c is None or not stands:
            return None
        s.last_ms = now
        if not s.stands:
            s.stands = True
            if temp_c >= WARM_C and now - drive.engine_since_ms >= DROVE_MS:
                s.since_ms, s.first_c, s.highest_c = now, temp_c, temp_c
            return None
        if not s.since_ms:
            return None
        s.highest_c = max(s.highest_c, temp_c)
        hot = temp_c >= HOT_C and temp_c - s.first_c >= RISE_K
        if hot and now - s.since_ms >= HOT_MS and self._arrived_well():
            s.above_k = SUM_K
            return self._raised(frame)
        return None

    def _arrived_well(self) -> bool:
        """Whether the stand began as this car's stands do, so that the road cooled it."""
        s = self.state
        return s.arrives_c.n >= KNOWN and abs(s.first_c - s.arrives_c.get()) <= OFF_K

    def _judge(self, frame: Frame) -> Answer:
        """After a long stand."""
        s = self.state
        air_c = self.drive.ambient_c
        if air_c is None:
            return None
        if s.usual_c.n < KNOWN:
            self._learn(air_c)
            return None
        higher_k = s.highest_c - s.usual_c.get()
        above_k = higher_k - RISES_K * max(air_c - s.warmest_c, 0.0)
        hot = above_k > SLACK_K
        if hot and not (self._arrived_well() and s.highest_c > s.first_c):
            return None
        most_k = SUM_K if s.usual_c.n >= SURE_STANDS else SUM_K / 2
        s.above_k = max(s.above_k + min(above_k - SLACK_K, most_k), 0.0)
        if not hot:
            if higher_k <= SLACK_K:
                self._learn(air_c)
            return self._stayed(frame, air_c)
        s.well = 0
        return self._raised(frame) if s.above_k >= SUM_K else None

    def _learn(self, air_c: float) -> None:
        s = self.state
        if s.usual_c.n < KEEP:
            s.usual_c.update(s.highest_c)
            s.arrives_c.update(s.first_c)
        s.warmest_c = max(s.warmest_c, air_c)

    def _raised(self, frame: Frame) -> Finding | None:
        s = self.state
        if s.told_air_c is not None:
            return None
        s.well = 0
        s.told_air_c = self.drive.ambient_c if self.drive.ambient_c is not None else s.warmest_c
        sure = (
            0.75 + min((s.highest_c - s.usual_c.get()) / 100, 0.1) + 0.1 * ("P0480" in frame.dtcs)
        )
        summary = (
            f"Coolant at {s.highest_c:.0f} °C standing, was {s.usual_c.get():.0f} °C before;"
            " on the road it is as it was"
        )
        urgency = cause_of(self.causes[0]).urgency
        return self._says(FindingKind.RAISED, frame, sure, summary, urgency)

    def _stayed(self, frame: Frame, air_c: float) -> Answer:
        s = self.state
        if s.told_air_c is None or air_c < s.told_air_c - WARMER_K:
            return None
        s.well += 1
        if s.well < WELL_STANDS:
            return None
        s.told_air_c, s.well, s.above_k = None, 0, 0.0
        summary = f"Coolant stayed at {s.highest_c:.0f} °C in {WELL_STANDS} long stands"
        return self._says(FindingKind.RECOVERED, frame, 0.85, summary, Urgency.INFO)

    def _says(
        self, kind: FindingKind, frame: Frame, confidence: float, summary: str, urgency: Urgency
    ) -> Finding:
        s = self.state
        evidence = Evidence(
            feature="highest coolant temperature in a long stand",
            value=round(s.highest_c, 1),
            expected=round(s.usual_c.get(), 1),
            unit="°C",
            signals=("coolant_temp_c", "speed_kmh", "ambient_temp_c"),
            window_from=time_of(s.last_ms - 60 * MINUTE_MS),
            window_to=frame.ts,
            notes=(
                f"Began at {s.first_c:.0f} °C: the road had cooled it, so pump and thermostat work",
                f"Fan: command it on with the tester; air up to {s.warmest_c:.0f} °C was no"
                " trouble before",
            ),
        )
        return self.says(kind, frame, self.causes[0], urgency, confidence, summary, evidence)
