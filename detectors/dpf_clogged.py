"""The particulate filter fills up and can't burn itself free any more."""

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.learn import Fading, Trend
from detectors.reading import DAY_MS, MINUTE_MS, number
from record.flow import Evidence, FindingKind, Frame, Urgency

LEAST_G_S = 4.0
"""Below, the sensor's zero is a good part of what it reads."""

BURNING_C = 450.0
"""Hotter at the inlet, and soot is being burnt; ordinary exhaust of a diesel has 150 to 400 °C."""

APART_MS = 5_000
ENOUGH = 60
"""Samples of a stretch: five to ten minutes of driving, uphill and downhill, give one value."""

MOVES = 1.5
"""An air-flow meter that says the same, idling and driving, is stuck."""

BURNT = 0.65
"""A resistance that falls to less than this share of its peak is a filter that burnt free."""

CYCLE = 1.6
"""From burnt free to full: a round with less began in the middle."""

SLOWLY = 0.2
"""How much of a round that ended sooner than usual counts: a highest value that fades."""

OVERDUE = 1.35
"""Soot, in terms of what this car usually regenerates at. Volkswagen's filters regenerate at 18 g,
light the filter lamp at 24 g, and no longer let the workshop regenerate at 40 g (self-study
programmes 336 and 403): 1.33 and 2.2 times."""

FAILS = 2.2

NEVER_SEEN = 4.0
"""Resistance, in terms of the lowest ever seen, where no regeneration was: from clean to what it
should regenerate at is a factor of 2 to 3."""

TIMES = 2
"""Stretches in a row."""

WARMED_MS = 15 * MINUTE_MS
WARM_C = 70.0
"""After a quarter of an hour any engine has 80 °C, thermostat shut; control units let no filter
burn with a cold one."""

LATELY = 300
"""Samples: an hour or so of driving."""

SPREAD = (0.4, 1.1)
"""80 % of the failures fall between these shares of the days that an even rise would leave: a sick
engine gets sicker and makes more soot, and one long drive can be the last."""


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers. Resistance is pressure over flow, Pa for each g/s."""

    sampled_ms: int = 0
    # this stretch
    n: int = 0
    sum_pa: float = 0.0
    sum_g_s: float = 0.0
    least_g_s: float = 0.0
    most_g_s: float = 0.0
    # since the last regeneration
    trough: float = 0.0
    peak: float = 0.0
    over: int = 0
    warm: float = 1.0  # lately, after a quarter of an hour: 1 always, -1 never
    trend: Trend = msgspec.field(default_factory=lambda: Trend(memory=12))
    # all regenerations
    clean: float = 0.0
    full: float = 0.0
    burnt_ms: int = 0
    days: Fading = msgspec.field(default_factory=Fading)
    told_ms: int = 0
    cause: str = ""


class DpfClogged(Detector[State]):
    """A diesel particulate filter whose regenerations fail, found days before the car limps.

    What fails: short trips never let it get hot, an injector or the turbocharger makes several
    times the soot, or a sensor's fault forbids regeneration. How it shows: through a filter exhaust
    flows evenly, so the pressure drop is proportional to flow, and the ratio of both (taken over a
    stretch of driving) is the filter's resistance, which grows in proportion to its soot. In a
    healthy car it climbs for a few hundred kilometres and falls to half within a quarter of an
    hour, again and again: that tells us what clean and full mean for this car, whatever its filter.
    Soot that goes on beyond is a regeneration that does not come.

    Raised when there is 1.35 times the soot of a usual regeneration, twice in a row; the line
    through what was seen since the last one says when it will be 2.2 times, where control units go
    into limp mode and a workshop must clean it outside the car. Recovered with the next
    regeneration. Where the engine stays cold on drives that are long enough, none can come: that is
    the thermostat's doing, `thermostat_stuck_open`. Ash, which no fire burns, raises clean and full
    alike over years and is no alarm.
    On a high pass the same mass of air takes more room: resistance grows by a third at 2,500 m.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "diesel")
    >>> detector = DpfClogged(car)
    >>> soot_g = 5.0
    >>> for drive in range(90):
    ...     soot_g = 3.0 if soot_g > 18 and drive < 50 else soot_g + 1.0
    ...     for s in range(0, 300, 5):
    ...         flow = (8.0, 15.0, 30.0)[s // 5 % 3]
    ...         finding = detector.update(Frame(1, (drive + 1) * DAY_MS // 2 + s * 1000, {
    ...             "air_flow_g_s": flow, "dpf_delta_pressure_pa": flow * (35 + 5.5 * soot_g)}))
    ...         if finding:
    ...             print(drive, finding.kind, finding.summary)
    70 raised Filter has 1.4 times the soot of a usual regeneration; full in 2 to 6 days
    """

    name = "dpf_clogged"
    version = 3
    signals = ("dpf_delta_pressure_pa", "dpf_inlet_temp_c", "air_flow_g_s", "coolant_temp_c")
    causes = ("dpf_clogged", "thermostat_stuck_open")
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        pressure_pa = number(frame, "dpf_delta_pressure_pa", 0, 100_000)
        flow_g_s = number(frame, "air_flow_g_s", LEAST_G_S, 2000)
        if pressure_pa is None or flow_g_s is None or frame.ts_ms - s.sampled_ms < APART_MS:
            return None
        inlet_c = number(frame, "dpf_inlet_temp_c", -60, 1200)
        if inlet_c is not None and inlet_c > BURNING_C:
            s.n = 0
            s.sum_pa = s.sum_g_s = 0.0
            return None
        s.sampled_ms = frame.ts_ms
        coolant_c = number(frame, "coolant_temp_c", -60, 250)
        since_ms = self.drive.engine_since_ms
        if coolant_c is not None and since_ms and frame.ts_ms - since_ms >= WARMED_MS:
            s.warm += ((1 if coolant_c >= WARM_C else -1) - s.warm) / LATELY
        s.n += 1
        s.sum_pa += pressure_pa
        s.sum_g_s += flow_g_s
        s.least_g_s = min(s.least_g_s, flow_g_s) if s.n > 1 else flow_g_s
        s.most_g_s = max(s.most_g_s, flow_g_s) if s.n > 1 else flow_g_s
        if s.n < ENOUGH:
            return None
        resistance = s.sum_pa / s.sum_g_s if s.most_g_s > MOVES * s.least_g_s else 0.0
        s.n = 0
        s.sum_pa = s.sum_g_s = 0.0
        return self._judge(frame, resistance) if resistance > 0 else None

    def _judge(self, frame: Frame, resistance: float) -> Answer:
        """One stretch more: it burnt free, or goes on filling."""
        s = self.state
        if resistance < BURNT * s.peak:
            return self._burnt(frame, resistance)
        s.trough = min(s.trough or resistance, resistance)
        s.peak = max(s.peak, resistance)
        s.trend.learn(frame.ts_ms / DAY_MS, resistance)
        soot = self._soot(resistance)
        if soot is None or soot < OVERDUE:
            s.over = 0
            return None
        s.over += 1
        return self._raised(frame, resistance, soot) if s.over >= TIMES and not s.told_ms else None

    def _soot(self, resistance: float) -> float | None:
        """Soot in terms of what this car regenerates at; None while nothing tells."""
        s = self.state
        if s.full:
            return (resistance - s.clean) / (s.full - s.clean)
        return OVERDUE if resistance > NEVER_SEEN * s.trough else None

    def _burnt(self, frame: Frame, resistance: float) -> Answer:
        """Learn from a whole round; one that begins half full, or burns in two parts, is none."""
        s = self.state
        told_ms, s.told_ms = s.told_ms, 0
        cause, s.cause = s.cause, ""
        if s.peak > s.trough * CYCLE:
            if s.full:
                s.clean += SLOWLY * (s.trough - s.clean)
                usual = min(s.peak, s.clean + OVERDUE * (s.full - s.clean))
                s.full = max(usual, s.full + SLOWLY * (usual - s.full))
            else:
                s.clean, s.full = s.trough, s.peak
            if s.burnt_ms and not told_ms:
                s.days.learn((frame.ts_ms - s.burnt_ms) / DAY_MS, memory=6)
        s.trend, s.over = Trend(memory=12), 0
        s.trough = s.peak = resistance
        s.burnt_ms = frame.ts_ms
        if not told_ms:
            return None
        return self.says(
            FindingKind.RECOVERED,
            frame,
            cause,
            Urgency.INFO,
            0.85,
            "The particulate filter has burnt free",
            self._evidence(frame, resistance, told_ms, ()),
        )

    def _raised(self, frame: Frame, resistance: float, soot: float) -> Answer:
        s = self.state
        s.told_ms, s.cause = frame.ts_ms, self.causes[s.warm < 0]
        rise, _ = s.trend.rise()
        expect = {}
        text = f"Filter has {soot:.1f} times the soot of a usual regeneration"
        if s.full and rise > 0:
            fails = s.clean + FAILS * (s.full - s.clean)
            low, high = (share * max(fails - resistance, 0.0) / rise for share in SPREAD)
            text += f"; full in {low:.0f} to {high:.0f} days"
            expect = {
                "expect_from": time_of(frame.ts_ms + int(low * DAY_MS)),
                "expect_to": time_of(frame.ts_ms + int(high * DAY_MS)),
            }
        if s.cause != self.causes[0]:
            text += "; the engine stays too cold for it to burn free"
        from_ms = s.burnt_ms or frame.ts_ms - 30 * DAY_MS
        notes = ["Regenerate on the road for 20 minutes, or in the workshop, before it is full"]
        if s.burnt_ms and s.days.weight:
            days = (frame.ts_ms - s.burnt_ms) / DAY_MS
            notes.append(f"Last burnt free {days:.0f} days ago, usually every {s.days.mean:.0f}")
        return self.says(
            FindingKind.RAISED,
            frame,
            s.cause,
            Urgency.SOON,
            0.85 if s.full else 0.65,
            text,
            self._evidence(frame, resistance, from_ms, tuple(notes)),
            **expect,
        )

    def _evidence(
        self, frame: Frame, resistance: float, from_ms: int, notes: tuple[str, ...]
    ) -> Evidence:
        s = self.state
        return Evidence(
            feature="pressure drop over the particulate filter, for each g/s of air",
            value=round(resistance, 1),
            expected=round(s.full or s.trough, 1),
            unit="Pa/(g/s)",
            signals=("dpf_delta_pressure_pa", "air_flow_g_s", "dpf_inlet_temp_c"),
            window_from=time_of(from_ms),
            window_to=frame.ts,
            notes=notes,
        )
