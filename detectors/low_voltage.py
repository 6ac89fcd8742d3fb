"""The 12 V system: battery, what empties it, what fills it, and the cables between."""

from math import isfinite

import msgspec

from detectors.aging import HORIZON_DAYS, KNOWN, Z_80, Cold, Level, Verdict, Wearing, verdict
from detectors.contract import Answer, Detector, time_of
from detectors.learn import Trend, Usual
from detectors.reading import DAY_MS, HOUR_MS
from detectors.volts import EMPTIED_V, REST_V_PER_C, SIGNALS, Rest, Start, Volts
from record.causes import cause_of
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

COLD_REST_MS = 2 * HOUR_MS
"""Parked so long, battery and oil are near the air's temperature; warm restarts are not judged."""

LONG_IDLE_MS = 4 * DAY_MS
"""Without being charged. After that, clock and alarm have emptied any battery a little: not held
against it."""

CRANK_LIMIT_V = 9.6
"""Lowest voltage under starter load at 20 °C. Makers' load test tables give 9.6 V from 20 °C up,
9.1 at -1 °C, 8.5 at -18 °C (Kia, Hyundai workshop manuals): 0.029 V for each °C."""

CRANK_V_PER_C = 0.029
CRANK_COLD = Cold(CRANK_V_PER_C, weight=1500.0)
CRANK_FAILS_V = 7.2
"""What a battery must hold in the cold cranking test (SAE J537), and about where control units
reset and the starter stalls. Not brought to 20 °C: the car must start in the weather it has."""

CRANKED_V = 11.8
"""A starter pulls any battery below this; else its dip fell between two readings."""

REST_LIMIT_V = 12.2
"""Half charged (12.65 full, 12.45 three quarters, 12.24 half, 12.06 a quarter: flooded, 25 °C)."""

REST_COLD = Cold(REST_V_PER_C, weight=1500.0)
REST_FAILS_V = 11.9
"""Flat."""

REFILL_MS = 7 * DAY_MS
"""A flat lead-acid battery takes little current, and everyday trips fill it over days (Bosch,
Automotive Handbook, "charging": acceptance falls with sulphation). Until then it tells nothing."""

AGAIN_MS = 30 * DAY_MS
"""Whoever is emptied twice within this time has more than a forgotten lamp."""

DRAW_A = 0.1
"""Asleep, a car draws 20 to 50 mA; workshops call more than 50 a fault. Twice that, for sensors
that read tens of milliamperes wrongly, and for control units that a gateway itself keeps awake."""

DRAW_SCORE = 5
"""A rest that draws too much counts 2, one that does not -1: three of the last few."""

FALL_V_DAY = 0.06
"""150 mA empty 60 Ah by 6 % a day, and a tenth of the charge is 0.08 V. Usual are 0.01 to 0.03."""

FALL_HOURS = 4.0
"""Between two readings, or the voltmeter's last digit makes the fall."""

FALL_V = 0.15
"""So much more than `FALL_V_DAY` explains, in all rests lately, each for a third of it at most:
lamps that are left on once are no lasting consumer. A rest that empties a third at once is not
counted, unless it is the second in a month; and while the battery fills again, a low rest is none
that was drawn lower."""

FALLEN_V = 0.05
"""And the rests end lower than they did: what is drawn is no longer made up for."""

CHARGING_COLD = Cold(-0.010, weight=100.0)
"""Regulators follow the battery's gassing voltage: 14.2 V at 25 °C, less when warm (Bosch). Learned
soon: the voltage is held to some hundredths, and a battery in a garage minds the weather less."""

SAG_V = 0.03
"""A healthy alternator holds its voltage at idle to some hundredths; one that lacks a phase or has
worn brushes gives less than the lights take, and does so at idle first."""

SAGS_V = 0.2
"""So much more than `SAG_V` explains, in the last starts together, each for half of it at most."""

CHARGING_DROP_V = 0.15
"""Ten times what the regulator's voltage differs by from day to day."""

STARVES_V = 0.7
"""So much more than that, in the last starts together, each for half a volt at most."""

CABLE_SHARE = 0.35
"""Of a drop while cranking, a cable's part while charging is as the currents are: 30 to 60 A to
200 to 400 A, a fifth. An alternator's is larger: it has no part in cranking."""

BATTERY_SHARE = 0.03
"""Of a drop while cranking: where it is as likely the battery (rests lower by a tenth, charges as
ever) as the cable (rests as ever, charges lower by a tenth or more)."""

CONTACT_V = 0.5
"""All cables and joints of a starter circuit together may drop so much while cranking (workshop
rule: 0.2 V a cable, 0.5 V in all). More than that is a bad contact, however good the battery."""

CONTACTS = 3.0
"""So many starts with such a drop; each without one takes a quarter back, for it comes and goes as
the joint moves, and no battery does."""

UNSURE = 0.03
"""So near to that (or within the error of what was learned), one waits for more, until the drop is
`SURE_V` or the car won't start soon."""

SURE_V, SOON_DAYS = 1.0, 14.0

WEARS_OUT_DAYS = (2.0, 21.0)
"""Brushes wear out over weeks, from the first sag at idle to no charge at all, and a sag that is
found has come half the way: in eight simulated worlds 20 of 25 failed within these days."""

WELL = {"battery_12v": 3, "high_resistance_cable": 12, "alternator": 8, "parasitic_drain": 14}
"""Good starts (rests, for a drain) in a row that end it. What comes and goes needs more."""

CRANKING = "lowest battery voltage while cranking, at 20 °C"
AT_REST = "battery voltage at rest, at 20 °C"
CHARGING = "charging voltage in the first minutes, at 20 °C"


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    volts: Volts = msgspec.field(default_factory=Volts)
    crank: Wearing = msgspec.field(default_factory=Wearing)
    rest: Wearing = msgspec.field(default_factory=Wearing)
    charging: Level = msgspec.field(default_factory=Level)
    # how much higher it charges than it rests, over how it cranks
    share: Trend = msgspec.field(default_factory=lambda: Trend(memory=30))
    sag: Usual = msgspec.field(default_factory=Usual)
    low_v: float = 0.0
    sag_v: float = 0.0
    fall_v: float = 0.0
    contacts: float = 0.0
    draw: int = 0
    draw_a: float | None = None
    emptied_ms: int = 0
    told: str = ""
    told_ms: int = 0
    told_fails_ms: int = 0
    well: int = 0


class LowVoltage(Detector[State]):
    """Battery, alternator, cables and consumers of the 12 V system, told apart by when it is low.

    A tired battery: plates sulphate and shed, so its inner resistance grows and its capacity
    shrinks. Under the starter's 150 to 800 A the voltage dips deeper with each week (new 10 to 11 V
    at 20 °C, weak below 9.6), and after a night it rests lower (full 12.6 V, half empty 12.2). Both
    fall with the cold in a healthy battery too, so each is brought to 20 °C.

    A cable, terminal or ground strap that corrodes takes its part of the dip too, by Ohm's law, but
    the battery rests as ever, and what the alternator gives arrives lower. A joint that moves is
    bad at one start and good at the next.

    An alternator, or an electric car's converter: at idle, with the lights on, the voltage sags
    below what it is when the car moves; then it falls altogether, and the battery runs the car
    until it stops. Judged in the first minutes of a drive, in which a smart one charges too.

    A consumer that stays awake: where the car has a sensor at the battery, more than 0.1 A at rest,
    in several rests; else a voltage that falls faster in each rest, and each rest lower.

    Each is compared with this car's own past, as it was known from its first starts and rests.
    Innocent: cold; lamps left on and a jump start (emptied within one rest: a week is not
    counted); long parking (rests beyond 4 days are not counted); a voltmeter that reads wrongly.

    >>> from detectors.bank import Bank
    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> bank = Bank(car, kinds=(LowVoltage,))
    >>> for day in range(40):
    ...     cold_c = 10.0 - 0.5 * day            # winter comes
    ...     dip_v = 10.4 - 0.03 * (20 - cold_c) - (0.06 * (day - 15) if day > 15 else 0)
    ...     charging_v = 14.4 - 0.01 * cold_c
    ...     morning = day * DAY_MS
    ...     for ms, signals in (
    ...         (1, {"battery_voltage_v": dip_v, "ignition": "START", "ambient_temp_c": cold_c}),
    ...         (2_000, {"engine_speed_rpm": 900.0, "battery_voltage_v": charging_v}),
    ...         (60_000, {"engine_speed_rpm": 2000.0, "battery_voltage_v": charging_v}),
    ...         (1_800_000, {"engine_speed_rpm": 0.0, "ignition": "OFF"}),
    ...     ):
    ...         for finding in bank.judge(Frame(1, morning + ms, signals)):
    ...             if finding.kind == FindingKind.RAISED:
    ...                 print(day, finding.cause, finding.summary)
    25 battery_12v Battery while cranking 9.9 V, was 10.4 V (at 20 °C); may fail in 22 to 51 days
    """

    name = "low_voltage"
    version = 9
    signals = SIGNALS
    causes = ("battery_12v", "parasitic_drain", "alternator", "high_resistance_cable")
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        electric = self.vehicle.powertrain in ("electric", "hybrid")
        told = self.state.volts.see(frame, self.drive, electric)
        if not told:
            return None
        said = [
            self._rested(frame, one) if isinstance(one, Rest) else self._started(frame, one)
            for one in told
        ]
        return [one for one in said if one is not None]

    # -- a rest ----------------------------------------------------------------------------------

    def _rested(self, frame: Frame, rest: Rest) -> Finding | None:
        s = self.state
        if rest.draw_a is not None:
            s.draw_a, s.fall_v = rest.draw_a, 0.0
            s.draw = min(s.draw + 2, 2 * DRAW_SCORE) if s.draw_a >= DRAW_A else max(s.draw - 1, 0)
        since_ms = rest.at_ms - s.emptied_ms if s.emptied_ms else AGAIN_MS
        if rest.fell_v >= EMPTIED_V and since_ms >= AGAIN_MS:
            s.emptied_ms, since_ms = rest.at_ms, 0
        elif s.draw_a is None and rest.hours >= FALL_HOURS:
            days = rest.hours / 24
            s.fall_v += min(rest.fell_v - FALL_V_DAY * days, FALL_V / 3)
            s.fall_v = min(max(s.fall_v, 0.0), 2 * FALL_V)
        low = self._rests(rest) and (since_ms >= REFILL_MS or rest.fell_v >= FALL_V)
        if s.draw >= DRAW_SCORE or (s.fall_v >= FALL_V and since_ms and low):
            return self._drained(frame)
        if s.told == "parasitic_drain":
            return self._counted(frame, s.draw == 0 and s.fall_v < FALL_V / 2)
        return None

    def _rests(self, rest: Rest) -> bool:
        """Learn how it rests; say whether lower than usual."""
        s = self.state
        if rest.temp_c is None:
            return False
        at_20 = s.rest.at_20(rest.volt, rest.temp_c, REST_COLD)
        low = s.rest.known and s.rest.usual.mean - at_20 >= FALLEN_V
        if rest.goes_on:
            return low
        if rest.idle_ms > LONG_IDLE_MS:
            if low:
                s.emptied_ms = rest.at_ms
        elif not self._emptied(rest.at_ms, at_20):
            s.rest.see(rest.at_ms / DAY_MS, rest.volt, rest.temp_c, REST_COLD)
        return low

    def _emptied(self, now: int, at_20: float) -> bool:
        """Whether somebody emptied the battery, once and not long ago."""
        s = self.state
        if s.emptied_ms and now - s.emptied_ms < REFILL_MS:
            return True
        if s.rest.count < 3 or (s.emptied_ms and now - s.emptied_ms < AGAIN_MS):
            return False
        if at_20 > s.rest.now - EMPTIED_V:
            return False
        s.emptied_ms = now
        return True

    def _drained(self, frame: Frame) -> Finding | None:
        s = self.state
        s.well = 0
        if s.told:
            return None
        cause = "parasitic_drain"
        if s.draw_a is not None:
            text = f"Draws {s.draw_a:.2f} A while parked, time and again: something stays awake"
            return self._raised(frame, cause, 0.9, text, self._drawn(frame, s.draw_a))
        usual_v, now_v = s.rest.usual.mean, s.rest.usual.mean - s.rest.drop
        text = f"Empties faster than {FALL_V_DAY} V a day while parked, time and again"
        return self._raised(frame, cause, 0.7, text, self._read(frame, AT_REST, now_v, usual_v))

    # -- a start ---------------------------------------------------------------------------------

    def _started(self, frame: Frame, start: Start) -> Finding | None:
        s = self.state
        temp_c = start.temp_c
        if temp_c is None:
            return None
        day = start.at_ms / DAY_MS
        cold = start.rested_ms >= COLD_REST_MS
        crank_v = start.crank_v if cold else None
        if crank_v is not None and crank_v < CRANKED_V:
            s.crank.see(day, crank_v, temp_c, CRANK_COLD)
            if start.charging_v is not None and s.rest.count:
                charging_v = s.charging.at_20(start.charging_v, temp_c, CHARGING_COLD)
                higher_v = charging_v - s.rest.now
                s.share.learn(s.crank.at_20(crank_v, temp_c, CRANK_COLD), higher_v)
        if start.charging_v is not None:
            self._charges(start.charging_v, temp_c, cold)
            self._sags(start.sag_v)
            if self._starves():
                return self._starving(frame, start.sag_v)
            if s.told == "alternator":
                return self._counted(frame, s.low_v == 0 and s.sag_v < SAGS_V / 2)
        refills = s.emptied_ms and start.at_ms - s.emptied_ms < REFILL_MS
        if s.told in ("alternator", "parasitic_drain") or refills or not cold:
            return None
        fails_v = CRANK_FAILS_V + CRANK_V_PER_C * (20 - temp_c)
        crank = verdict(s.crank, day, CRANK_LIMIT_V, fails_v, 0.35, temp_c)
        rest = verdict(s.rest, day, REST_LIMIT_V, REST_FAILS_V, 0.15, temp_c)
        if crank is not None and self._contact(crank_v, temp_c) and not s.told:
            return self._touching(frame, crank)
        return self._decide(frame, crank, rest, temp_c)

    def _charges(self, charging_v: float, temp_c: float, cold: bool) -> None:
        """Add up by how much it charges less than it did (Page's cumulative sums, 1954)."""
        s = self.state
        if s.charging.known:
            usual = s.charging.usual
            drop_v = usual.mean - s.charging.at_20(charging_v, temp_c, CHARGING_COLD)
            slack_v = max(CHARGING_DROP_V, 2 * usual.spread)
            s.low_v = min(max(s.low_v + min(drop_v, 0.5) - slack_v, 0.0), 2 * STARVES_V)
        if cold or s.low_v:
            s.charging.learn(charging_v, temp_c, CHARGING_COLD)

    def _sags(self, sag_v: float | None) -> None:
        """Add up by how much it sags more at idle than it did, in the last twenty starts or so."""
        s = self.state
        if sag_v is None:
            return
        if s.sag.count >= KNOWN:
            more_v = sag_v - s.sag.mean - max(SAG_V, 3 * s.sag.spread)
            s.sag_v = 0.95 * s.sag_v + min(max(more_v, 0.0), SAGS_V / 2)
        s.sag.learn(sag_v, keep=2 * KNOWN)

    def _starves(self) -> bool:
        """Whether the battery gets too little, and no cable takes it."""
        s = self.state
        if s.sag_v >= SAGS_V:
            return True
        cable = s.crank.drop > 0.3 and s.charging.drop < CABLE_SHARE * s.crank.drop
        return s.low_v >= STARVES_V and not cable

    def _starving(self, frame: Frame, sag_v: float | None) -> Finding | None:
        s = self.state
        s.well = 0
        if s.told:
            return None
        now_v, usual_v = s.charging.now, s.charging.usual.mean
        text = f"Charges with {now_v:.1f} V, was {usual_v:.1f} V"
        if s.sag_v >= SAGS_V:
            by = f" by {sag_v:.1f} V" if sag_v is not None and sag_v > SAGS_V / 2 else ""
            text = f"Charging voltage sags{by} while the car stands, start after start"
        evidence = self._read(frame, CHARGING, now_v, usual_v)
        return self._raised(frame, "alternator", 0.85, text, evidence, WEARS_OUT_DAYS)

    def _contact(self, crank_v: float | None, temp_c: float) -> bool:
        """Count a start that a cable took too much of; say whether they are enough."""
        s = self.state
        if crank_v is not None and s.crank.known:
            lost_v = s.crank.usual.mean - s.crank.at_20(crank_v, temp_c, CRANK_COLD)
            bad = lost_v >= max(CONTACT_V, 4 * s.crank.usual.spread)
            s.contacts = min(s.contacts + 1, 2 * CONTACTS) if bad else max(s.contacts - 0.25, 0.0)
        share, error = s.share.rise()
        sure = share - Z_80 * error > BATTERY_SHARE and self._cause() == "high_resistance_cable"
        return s.contacts >= CONTACTS and sure

    def _touching(self, frame: Frame, crank: Verdict) -> Finding:
        s = self.state
        s.well = 0
        text = f"{CONTACT_V} V or more are lost between battery and starter, now and then"
        evidence = self._read(frame, CRANKING, crank.value, crank.usual)
        return self._raised(frame, "high_resistance_cable", 0.8, text, evidence, crank.days)

    def _decide(
        self, frame: Frame, crank: Verdict | None, rest: Verdict | None, temp_c: float
    ) -> Finding | None:
        s = self.state
        opinions = [v for v in (crank, rest) if v is not None]
        weak = [v for v in opinions if v.weak or v.sinking]
        if not weak:
            return self._well(frame, temp_c) if s.told and opinions else None
        s.well = 0
        worst = weak[0]
        low, high = worst.days or (0.0, HORIZON_DAYS)
        now = frame.ts_ms
        if not s.told and self._unsure() and high > SOON_DAYS:
            return None
        if s.told:
            fails_ms = now + int((low + high) / 2 * DAY_MS)
            sooner = s.told_fails_ms - fails_ms > max(3 * DAY_MS, 0.3 * (s.told_fails_ms - now))
            if now - s.told_ms < 3 * DAY_MS or (s.told_fails_ms and not sooner):
                return None
        cranking = worst is crank
        sure = (0.75 if cranking else 0.6) + (0.15 if len(weak) == 2 else 0)
        sure += 0.05 if worst.weak else 0
        feature, limit_v, prior, what = (
            (s.crank, CRANK_LIMIT_V, CRANK_COLD, CRANKING)
            if cranking
            else (s.rest, REST_LIMIT_V, REST_COLD, AT_REST)
        )
        v_10_c = 10 * feature.per_c(prior)
        last = (
            f"Last read {feature.last:.2f} V at {temp_c:.0f} °C;"
            f" this car loses {v_10_c:.2f} V for each 10 °C colder"
        )
        evidence = self._read(frame, what, worst.value, max(worst.usual, limit_v), last)
        text = (
            f"Battery {'while cranking' if cranking else 'at rest'} {worst.value:.1f} V,"
            f" was {worst.usual:.1f} V (at 20 °C);"
            f" may fail {f'in {low:.0f} to' if low >= 1 else 'within'} {high:.0f} days"
        )
        return self._raised(frame, s.told or self._cause(), sure, text, evidence, (low, high))

    def _cause(self) -> str:
        """Which of the rivals makes it weak: by what else is lower than it was."""
        s = self.state
        if s.sag_v >= SAGS_V / 2 or s.charging.drop > max(0.3, CABLE_SHARE * s.crank.drop):
            return "alternator"
        if s.draw >= 2 or s.fall_v >= FALL_V / 2:
            return "parasitic_drain"
        share, error = s.share.rise()
        if s.crank.drop > 0 and share - error > BATTERY_SHARE:
            return "high_resistance_cable"  # where it can't be told, batteries fail far more often
        return "battery_12v"

    def _unsure(self) -> bool:
        """Whether cable and battery explain it equally well, yet."""
        drop = self.state.crank.drop
        share, error = self.state.share.rise()
        near = abs(share - BATTERY_SHARE) < max(UNSURE, error)
        return near and 0 < drop < SURE_V and isfinite(error)

    # -- what is said ----------------------------------------------------------------------------

    def _well(self, frame: Frame, temp_c: float) -> Finding | None:
        """Count a start, after which nothing was found weak, if it was as good as at first."""
        s = self.state
        if s.crank.count >= s.rest.count:
            volt = s.crank.at_20(s.crank.last, temp_c, CRANK_COLD)
            return self._counted(frame, volt > max(CRANK_LIMIT_V + 0.2, s.crank.usual.mean - 0.3))
        volt = s.rest.at_20(s.rest.last, temp_c, REST_COLD)
        return self._counted(frame, volt > max(REST_LIMIT_V + 0.2, s.rest.usual.mean - 0.1))

    def _counted(self, frame: Frame, well: bool) -> Finding | None:
        """Some good ones in a row end it; then everything is learned afresh."""
        s = self.state
        s.well = s.well + 1 if well else 0
        if s.well < WELL[s.told]:
            return None
        cause = s.told
        if cause == "parasitic_drain" and s.draw_a is not None:
            text, evidence = f"Draws {s.draw_a:.2f} A parked again", self._drawn(frame, s.draw_a)
        else:
            what, level = (
                (CHARGING, s.charging)
                if cause == "alternator"
                else (CRANKING, s.crank)
                if s.crank.count and cause != "parasitic_drain"
                else (AT_REST, s.rest)
            )
            volt = level.now
            text = f"{what[0].upper()}{what[1:]}, is well again: {volt:.1f} V"
            evidence = self._read(frame, what, volt, level.usual.mean)
        self.state = State(volts=s.volts, emptied_ms=s.emptied_ms)
        return self.says(FindingKind.RECOVERED, frame, cause, Urgency.INFO, 0.85, text, evidence)

    def _raised(
        self,
        frame: Frame,
        cause: str,
        sure: float,
        text: str,
        evidence: Evidence,
        days: tuple[float, float] | None = None,
    ) -> Finding:
        s = self.state
        now = frame.ts_ms
        kind = FindingKind.REFRESHED if s.told else FindingKind.RAISED
        s.told, s.told_ms = cause, now
        urgency = cause_of(cause).urgency
        if days is None:
            return self.says(kind, frame, cause, urgency, sure, text, evidence)
        s.told_fails_ms = now + int(sum(days) / 2 * DAY_MS)
        expect_from, expect_to = (time_of(now + int(one * DAY_MS)) for one in days)
        return self.says(
            kind, frame, cause, urgency, sure, text, evidence,
            expect_from=expect_from, expect_to=expect_to,
        )  # fmt: skip

    def _drawn(self, frame: Frame, draw_a: float) -> Evidence:
        return Evidence(
            "current drawn at rest",
            round(draw_a, 2),
            DRAW_A / 2,
            "A",
            ("battery_current_a", "battery_voltage_v"),
            time_of(frame.ts_ms - 30 * DAY_MS),
            frame.ts,
            self._weighed(),
        )

    def _read(
        self, frame: Frame, feature: str, volt: float, usual_v: float, *notes: str
    ) -> Evidence:
        return Evidence(
            feature,
            round(volt, 2),
            round(usual_v, 2),
            "V",
            ("battery_voltage_v", "ambient_temp_c", "engine_speed_rpm"),
            time_of(frame.ts_ms - 30 * DAY_MS),
            frame.ts,
            (*notes, *self._weighed()),
        )

    def _weighed(self) -> tuple[str, ...]:
        """What each of the rivals would change, as it is."""
        s = self.state
        pairs = (("Cranks", s.crank), ("Rests", s.rest), ("Charges", s.charging))
        notes = [
            f"{verb} at {level.usual.mean - level.drop:.2f} V, was {level.usual.mean:.2f} V"
            for verb, level in pairs
            if level.known
        ]
        if s.draw_a is not None:
            notes.append(f"Draws {s.draw_a:.2f} A while parked")
        return tuple(notes)
