"""A tire loses air, slowly or within hours; or only its sensor says so."""

from datetime import datetime
from math import exp, inf, log, sqrt
from statistics import median

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.learn import Trend
from detectors.reading import DAY_MS, HOUR_MS, MINUTE_MS, number
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

WHEELS = ("front left", "front right", "rear left", "rear right")
PRESSURES = tuple(f"tire_pressure_{wheel.replace(' ', '_')}_kpa" for wheel in WHEELS)
TEMPS = tuple(f"tire_temp_{wheel.replace(' ', '_')}_c" for wheel in WHEELS)

ATMOSPHERE_KPA = 101.325
KELVIN = 273.15

LOOK_MS = 10_000
FRESH_MS = 10 * MINUTE_MS
"""Wheels may be heard one after the other: together they tell of one moment."""

COLD_MS = 2 * HOUR_MS
"""Parked so long, all tires have the temperature of the air: "cold" of the placard (three hours, or
less than 1.6 km driven, by ETRTO; a tire's time constant is about 40 minutes)."""

STARTED_MS = 5 * MINUTE_MS
"""The first minutes of a drive are still cold: many sensors sleep until the wheels turn."""

BETWEEN_MS = 3 * HOUR_MS
"""Cold looks that count are so far apart: sun on one side comes and goes within a day."""

UNKNOWN_KPA = 100.0
"""No car is driven with half its tires so low: these numbers are of another unit ..."""

PSI = (18.0, 60.0)
PSI_KPA = 6.895
COARSE = 2.5
"""... such as psi. Rounded to one, a reading is off by up to 3.4 kPa: all limits are wider."""

KNOWN = 4
"""Cold looks after which we know how the four stand to each other."""

FORGETS_DAYS = 30.0
"""Tires lose 1 to 2 kPa a month by themselves (up to 7: NHTSA, FMVSS 138 final rule, 2005), not
quite alike. What is usual follows over a month, so that this never adds up to a leak."""

KEEPS_KPA_DAY = 0.25
SETTLED_MS = 3 * DAY_MS
"""A wheel that sinks no faster for so long has found its place, whoever set it so."""

CALM_KPA = 4.0
"""Sensors tell steps of 1.4 to 2.5 kPa; sun on one side makes 5 K, so 5 kPa, for some hours."""

SET_KPA = 8.0
"""A cold tire that stands so much higher beside the others was pumped up, or is another wheel."""

DROP_KPA = 8.0
FELL_KPA = 6.0
"""Below its usual place, and of that seen to sink, not found so: whoever fits wheels or sets
pressures makes steps, a leak never stops."""

FASTEST_KPA_DAY = 24.0
"""A tenth of the air in a day. What falls faster is no slow leak."""

HORIZON_DAYS = 60.0

LOW_SHARE = 0.8
"""Of the recommended pressure: where UN R141 wants the warning lamp (FMVSS 138: 0.75)."""

CARRIES_KPA = 140.0
"""No lamp may wait for less (FMVSS 138, table 1): the least that carried a loaded car in tests."""

FLAT_KPA = 70.0
"""From here down, at 20 °C, UN R30 speaks of the "flat tire running mode"."""

SUDDEN_KPA = 15.0
"""Beyond what a hot brake, sun and sensors do together."""

SHAPE = (0.8, 1.3)
"""How the loss grows with time, as a power of it: a hole passes less as the pressure sinks; a nail
works itself loose."""

WARMS = 1e-4
"""Sum of squares of the log of absolute pressure over a day, below which the tires hardly warmed up
or cooled down: 3 kPa up and down in five looks."""

DAYS = 7
"""With all four in their place, after which we know how each warms up beside the others ..."""

REMEMBERS = 100
"""... and so many are remembered."""

OUTLIER = 2.0
"""Times the spread of the days: one with sun on one side decides nothing alone."""

ROUNDED = (1 + 4 / 9) / 12
"""Least variance of a place beside the median of three others (which has 4/9 of the variance of
one), all rounded to one unit."""

SENSOR = log(19)
"""Log likelihood ratio at which sensor or leak is named: 5 % of either are mistaken for the other
(Wald, Sequential tests of statistical hypotheses, 1945)."""

PATIENT_DAYS = 4.0
"""While neither is sure the wheel is watched on, but it is called a leak when the lamp is so near
..."""

HELD_MS = 21 * DAY_MS
"""... and after so long the likelier is named."""

WELL_MS = 3 * DAY_MS
LONGEST_MS = 14 * DAY_MS

Z_80 = 1.28


def _four() -> list[float]:
    return [0.0] * 4


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never; lists go by `WHEELS`."""

    heard: list[int] = msgspec.field(default_factory=lambda: [0] * 4)
    coarse: float = 1.0
    temp_c: list[int | None] = msgspec.field(default_factory=lambda: [None] * 4)
    heard_ms: list[int] = msgspec.field(default_factory=lambda: [0] * 4)
    looked_ms: int = 0
    # how the four usually stand to each other: log of absolute pressure beside their mean
    usual: list[float] = msgspec.field(default_factory=_four)
    typical_kpa: float = 0.0  # absolute
    known: int = 0
    cold_ms: int = 0
    drops: list[float] = msgspec.field(default_factory=_four)  # at the last cold look
    calm_ms: list[int] = msgspec.field(default_factory=lambda: [0] * 4)  # last in its usual place
    # the wheel that sinks
    wheel: int = -1
    since_ms: int = 0
    first_kpa: float = 0.0
    raw_kpa: float = 0.0
    moves: int = 0
    trend: Trend = msgspec.field(default_factory=lambda: Trend(memory=24))
    # the wheel that fell at once
    doubt: int = -1
    doubt_ms: int = 0
    doubt_kpa: float = 0.0
    doubt_drop_kpa: float = 0.0
    # how their drops go with warmth, the log of the middle absolute pressure: today ...
    day: int = 0
    looks: int = 0
    warm: float = 0.0
    hour: float = 0.0
    places: list[float] = msgspec.field(default_factory=_four)
    warm_sq: float = 0.0
    warm_late: float = 0.0
    warm_by: list[float] = msgspec.field(default_factory=_four)
    # ... usually, in kPa for one unit of it ...
    days: int = 0
    weight: float = 0.0
    slopes: list[float] = msgspec.field(default_factory=_four)
    noise: float = 0.0
    # ... and for the sinking wheel, since it sinks
    grows: float = 0.0
    might: float = 0.0
    leans: float = 0.0
    drifted: int = -1
    # what was said
    told: int = -1
    told_ms: int = 0
    told_cause: str = ""
    told_low: bool = False
    told_kpa_day: float = 0.0
    well_ms: int = 0

    @property
    def kpa(self) -> list[float]:
        """What was heard, in kPa."""
        return [self.unit_kpa * heard for heard in self.heard]

    @property
    def unit_kpa(self) -> float:
        """What it was heard in."""
        return 1.0 if self.coarse == 1 else PSI_KPA


class Tires(Detector[State]):
    """One tire loses air that the other three keep.

    What fails: a nail in the tread, a valve, a corroded rim: some kPa a day. Glass or a curb: all
    of it within hours. How it shows: in a closed volume the absolute pressure is proportional to
    the absolute temperature (1 % for each 3 K), so a cold night lowers and a drive raises all four
    by the same share. What one tire does beside the median of the other three at the same moment is
    free of weather, altitude and warm-up; where tires tell their temperature, one that a brake
    heats is brought to the others' first. Its usual place is learned after rests of two hours.

    Slow leak: the wheel sank 6 kPa over a day or more, by a line that is sure to fall, stands 8 kPa
    below its usual place, and will be 20 % below the others (the warning lamp of UN R141) within 60
    days. The failure window says when it will be flat. Refreshed when it is 20 % low. Puncture: 15
    kPa at once, at a rate that leaves it flat within a day, and the next look finds it lower still.
    Recovered after as many days in its place as the old leak would have needed to show, 3 at least:
    a tire that was only pumped up sinks again.

    A sensor whose gain sinks shows the same line. But of the air that is left, hot or cold, a leak
    takes the same share: the wheel stays as far below the others when the drive warms them all. A
    sensor that tells only g of the gauge pressure p - a (a: the atmosphere) is (1 - g)(1 - a/p)
    low, so with each per cent that p rises, its gap grows by a/(p - a) per cent: 0.42 for a car
    tire. How each wheel warms up beside the others is learned before, day by day, so that a hot
    brake or a sensor without temperature says nothing. While the days have not decided, the leak is
    held back, unless the lamp is near. Where the absolute pressure is told too low, nothing but a
    gauge tells them apart.

    Innocent look-alikes: a cold snap (all four alike), air put in and other wheels (steps, after
    which the four are learned anew), psi instead of kPa (all of them "flat"), a sensor that repeats
    its last value (it has to move).

    >>> from record.flow import Vehicle
    >>> detector = Tires(Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol"))
    >>> for day in range(40):
    ...     for hour in (1, 5, 9):                      # heartbeats of a parked car, a cold snap
    ...         cold = 1.0 - 0.03 * (20 <= day < 25)
    ...         nail_kpa = 3.0 * max(0.0, day + hour / 24 - 12)
    ...         kpa = [331.0 * cold - 101 - loss for loss in (0, 0, nail_kpa, 0)]
    ...         signals = {"ignition": "OFF"} | dict(zip(PRESSURES, map(round, kpa)))
    ...         frame = Frame(1, day * DAY_MS + hour * HOUR_MS + DAY_MS, signals)
    ...         detector.drive.see(frame)
    ...         finding = detector.update(frame)
    ...         if finding and finding.kind == FindingKind.RAISED:
    ...             print(day, finding.cause, "|", finding.summary)
    15 slow_tire_leak | Rear left tire loses 3.0 kPa a day and is 4 % low; flat in 28 to 96 days
    """

    name = "tires"
    version = 5
    signals = (*PRESSURES, *TEMPS)
    causes = ("slow_tire_leak", "tire_puncture", "sensor_drift")
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        now = frame.ts_ms
        for n, name in enumerate(PRESSURES):
            kpa = number(frame, name, 1, 1100)  # 0 is what gateways say of a sensor not heard
            if kpa is not None:
                s.heard[n], s.heard_ms[n] = round(kpa), now
                temp_c = number(frame, TEMPS[n], -50, 150)
                s.temp_c[n] = None if temp_c is None else round(temp_c)
        if now - s.looked_ms < LOOK_MS or now - min(s.heard_ms) > FRESH_MS:
            return None
        s.looked_ms = now
        typical = median(s.heard)
        psi = PSI[0] <= typical <= PSI[1]
        if typical < UNKNOWN_KPA and not psi:
            return None
        s.coarse = COARSE if psi else 1.0
        cold = self._cold(now) and now - s.cold_ms >= BETWEEN_MS
        if s.known < KNOWN:
            if cold:
                self._learn(now)
            return None
        drops = self._drops()
        was = s.drifted
        if cold:
            drops = self._place(drops, now)
        self._warms(self._drops() if cold else drops, now)
        for n in range(4):
            if drops[n] < CALM_KPA * s.coarse:
                s.calm_ms[n] = now
        if was != s.drifted:
            return self._reads_low(frame, was, 0.0, FindingKind.RECOVERED)
        found = self._puncture(frame, drops)
        if found is None and cold:
            found = self._leak(frame, drops)
        return found

    # -- looking -------------------------------------------------------------------------------

    def _cold(self, now: int) -> bool:
        drive = self.drive
        if drive.since_ms:
            return drive.rested_ms >= COLD_MS and now - drive.since_ms <= STARTED_MS
        return now - drive.awake_ms >= COLD_MS

    def _logs(self) -> list[float]:
        """Absolute pressures, at equal temperature where that is known, as logarithms."""
        s = self.state
        temps = [c + KELVIN for c in s.temp_c if c is not None]
        if len(temps) < 4:
            return [log(kpa + ATMOSPHERE_KPA) for kpa in s.kpa]
        return [log((kpa + ATMOSPHERE_KPA) / t) for kpa, t in zip(s.kpa, temps, strict=True)]

    def _learn(self, now: int) -> None:
        """How the four stand to each other, as a mean of some cold looks."""
        s = self.state
        logs = self._logs()
        mean = sum(logs) / 4
        s.typical_kpa = median(s.kpa) + ATMOSPHERE_KPA
        for n in range(4):
            s.usual[n] += (logs[n] - mean - s.usual[n]) / (s.known + 1)
            s.calm_ms[n] = now
        s.known += 1
        s.cold_ms = now

    def _drops(self) -> list[float]:
        """How far each wheel is below its usual place beside the other three, kPa."""
        s = self.state
        off = [one - usual for one, usual in zip(self._logs(), s.usual, strict=True)]
        return [
            s.typical_kpa * (1 - exp(off[n] - median(off[m] for m in range(4) if m != n)))
            for n in range(4)
        ]

    def _place(self, drops: list[float], now: int) -> list[float]:
        """Follow what is usual: slowly as tires do by themselves, at once where somebody did it."""
        s = self.state
        rose = [before - after for before, after in zip(s.drops, drops, strict=True)]
        was_set = max(rose) >= SET_KPA * s.coarse and max(map(abs, drops)) > CALM_KPA * s.coarse
        was_set = was_set and min(s.kpa) > LOW_SHARE * median(s.kpa)  # not while one is flat
        if was_set or (s.told < 0 and self._keeps(now)):
            s.known = 0  # one look says it all
            self._learn(now)
            s.known, s.doubt, s.wheel = KNOWN, -1, -1
            if s.drifted >= 0 and rose[s.drifted] >= SET_KPA * s.coarse:
                s.drifted = -1
            self._dawns(now)
            drops = _four()
        if s.drifted >= 0:  # where it says to be: it may still lose air at once
            s.usual[s.drifted] -= drops[s.drifted] / s.typical_kpa
            drops[s.drifted] = 0.0
        share = min(1.0, (now - s.cold_ms) / DAY_MS / FORGETS_DAYS)
        for n, drop in enumerate(drops):
            if abs(drop) < CALM_KPA * s.coarse and n != s.told:
                s.usual[n] -= share * drop / s.typical_kpa
        self._follow(drops, now)
        s.drops, s.cold_ms = drops, now
        return drops

    def _keeps(self, now: int) -> bool:
        """Whether the lowest wheel no longer sinks."""
        s = self.state
        return (
            s.wheel >= 0
            and s.trend.n >= 2 * KNOWN
            and now - s.since_ms >= SETTLED_MS
            and s.trend.rise()[0] < KEEPS_KPA_DAY
        )

    def _follow(self, drops: list[float], now: int) -> None:
        """Watch the wheel that is lowest: since when, and along which line."""
        s = self.state
        n = max(range(4), key=lambda wheel: drops[wheel])
        least = CALM_KPA / 2 * s.coarse
        most = max(FELL_KPA * s.coarse, FASTEST_KPA_DAY * (now - s.cold_ms) / DAY_MS)
        if n != s.wheel or drops[n] < least or drops[n] - s.drops[n] > most:
            s.wheel = n if drops[n] >= least else -1
            s.trend, s.moves = Trend(memory=24), 0
            s.since_ms, s.first_kpa, s.raw_kpa = now, drops[n], s.kpa[n]
            s.grows = s.might = s.leans = 0.0
        if s.wheel >= 0:
            s.moves += s.kpa[n] != s.raw_kpa
            s.raw_kpa = s.kpa[n]
            s.trend.learn(now / DAY_MS, drops[n])

    def _warms(self, drops: list[float], now: int) -> None:
        """One more look into how far each is below its place, as the day warms and cools them."""
        s = self.state
        if s.drifted >= 0:
            return
        if now // DAY_MS != s.day:
            if s.warm_sq >= WARMS:
                self._warmed()
            self._dawns(now)
        s.looks += 1
        off = log(median(s.kpa) + ATMOSPHERE_KPA) - s.warm
        late = now % DAY_MS / DAY_MS - s.hour
        s.warm += off / s.looks
        s.hour += late / s.looks
        rest = (1 - 1 / s.looks) * off
        s.warm_sq += off * rest
        s.warm_late += late * rest
        for n, drop in enumerate(drops):
            s.warm_by[n] += rest * (drop - s.places[n])
            s.places[n] += (drop - s.places[n]) / s.looks

    def _dawns(self, now: int) -> None:
        """A new day, or new places."""
        s = self.state
        s.day, s.looks, s.warm, s.hour, s.warm_sq, s.warm_late = now // DAY_MS, 0, 0, 0, 0, 0
        s.places, s.warm_by = _four(), _four()

    def _warmed(self) -> None:
        """The day is over: learn from it, or weigh what it says of the wheel that sinks."""
        s = self.state
        rests = [by - slope * s.warm_sq for by, slope in zip(s.warm_by, s.slopes, strict=True)]
        if max(map(abs, s.drops)) < CALM_KPA * s.coarse:
            if s.days < REMEMBERS:
                s.days += 1
            else:
                s.weight *= 1 - 1 / REMEMBERS
            s.weight += s.warm_sq
            for n in range(4):
                s.slopes[n] += rests[n] / s.weight
            s.noise += (sum(rest * rest for rest in rests) / 4 / s.warm_sq - s.noise) / s.days
        elif s.wheel >= 0 and s.days >= DAYS:
            kpa_day, error = s.trend.rise()
            if error == inf:
                return
            noise = self._noise() * s.warm_sq
            most = OUTLIER * sqrt(noise)
            rest = rests[s.wheel] - kpa_day * s.warm_late
            drop = s.drops[s.wheel]
            weight = drop * noise / (noise + (error * s.warm_late) ** 2)
            s.grows += weight * max(-most, min(most, rest))
            s.might += weight * drop * s.warm_sq
            s.leans += weight * s.warm_sq

    # -- judging -------------------------------------------------------------------------------

    def _puncture(self, frame: Frame, drops: list[float]) -> Answer:
        """Much at once, and the next look finds more."""
        s = self.state
        now = frame.ts_ms
        n = max(range(4), key=lambda wheel: drops[wheel])
        hours = max(now - s.calm_ms[n], MINUTE_MS) / HOUR_MS
        kpa_hour = drops[n] / hours
        fast = s.kpa[n] < FLAT_KPA or s.kpa[n] - 24 * kpa_hour < FLAT_KPA
        if drops[n] < SUDDEN_KPA * s.coarse or not fast or s.told == n:
            s.doubt = -1
            return None
        if s.doubt != n:
            s.doubt, s.doubt_ms, s.doubt_kpa, s.doubt_drop_kpa = n, now, s.kpa[n], drops[n]
            return None
        falls = s.kpa[n] != s.doubt_kpa and drops[n] > s.doubt_drop_kpa + CALM_KPA / 2 * s.coarse
        if not (falls or s.kpa[n] < CARRIES_KPA) or s.heard_ms[n] == s.doubt_ms:
            return None
        left_h = max(0.0, s.kpa[n] - FLAT_KPA) / kpa_hour
        lost = f"{WHEELS[n].capitalize()} tire lost {drops[n]:.0f} kPa"
        end = "is flat" if not left_h else f"will be flat in about {max(left_h, 1):.0f} h"
        summary = f"{lost} within {max(hours, 1):.0f} h; {end}"
        cause, kpa_day = self.causes[1], kpa_hour * 24
        return self._says(frame, n, drops, cause, kpa_day, 0.9, summary, hurry=True)

    def _leak(self, frame: Frame, drops: list[float]) -> Answer:
        """A line that is sure to fall."""
        s = self.state
        now = frame.ts_ms
        if s.told >= 0:
            return self._goes_on(frame, drops)
        n = s.wheel
        if n < 0 or n == s.doubt or s.trend.n < KNOWN or now - s.since_ms < DAY_MS:
            return None
        kpa_day, error = s.trend.rise()
        fell = min(drops[n] / DROP_KPA, (drops[n] - s.first_kpa) / FELL_KPA)
        if fell < s.coarse or s.moves < KNOWN - 1:
            return None
        left_kpa = s.kpa[n] - LOW_SHARE * self._others(n)
        if kpa_day - 2 * error <= 0 or left_kpa > HORIZON_DAYS * kpa_day:
            return None
        sensor = self._sensor()
        waits = abs(sensor) < SENSOR and s.days >= DAYS and now - s.since_ms < HELD_MS
        waits = waits and s.coarse == 1  # steps of 7 kPa would never tell
        if waits and left_kpa > PATIENT_DAYS * kpa_day:
            return None
        if sensor >= (0.0 if now - s.since_ms >= HELD_MS else SENSOR):
            s.drifted, s.wheel = n, -1
            return self._reads_low(frame, n, drops[n])
        low, high = self._days_left(n, drops[n], kpa_day, error, now)
        name, under = WHEELS[n].capitalize(), 100 * drops[n] / (s.kpa[n] + drops[n])
        summary = (
            f"{name} tire loses {kpa_day:.1f} kPa a day and is {under:.0f} % low; "
            f"flat in {low:.0f} to {high:.0f} days"
        )
        window = time_of(now + int(low * DAY_MS)), time_of(now + int(high * DAY_MS))
        sure = 0.85 if kpa_day > 4 * error else 0.75
        return self._says(frame, n, drops, self.causes[0], kpa_day, sure, summary, window)

    def _sensor(self) -> float:
        """Log likelihood ratio that the wheel's sensor has drifted, against a leak.

        With d the wheel's drop on a day, w the day's sum of squares of warmth and e the part of its
        sum of products that the wheel's own slope does not explain, the sum of d·e is normal about
        k·Σd²w with a variance of Σd²w + (Σdw)²/W times the noise, where W stands behind the slope.
        """
        s = self.state
        if not s.might:
            return 0.0
        spread = self._noise() * (s.might + s.leans**2 / s.weight)
        drifts = ATMOSPHERE_KPA / self._others(s.wheel) * s.might
        return drifts * (s.grows - drifts / 2) / spread

    def _noise(self) -> float:
        """Variance of a place beside what warmth explains, kPa²."""
        return max(self.state.noise, ROUNDED * self.state.unit_kpa**2)

    def _reads_low(
        self, frame: Frame, n: int, drop_kpa: float, kind: FindingKind = FindingKind.RAISED
    ) -> Finding:
        """The sensor of a wheel, not its tire."""
        raised = kind == FindingKind.RAISED
        name = f"{WHEELS[n]} tire's pressure sensor"
        summary = (
            f"{name.capitalize()} reads {drop_kpa:.0f} kPa low, the more the warmer: it drifts"
            if raised
            else f"{name.capitalize()} agrees with the others again"
        )
        evidence = self._evidence(frame, n, [drop_kpa] * 4)
        urgency = Urgency.SERVICE if raised else Urgency.INFO
        return self.says(kind, frame, self.causes[2], urgency, 0.8, summary, evidence)

    def _others(self, n: int) -> float:
        """What the other three have, kPa: the best that is known of what is recommended."""
        return median(self.state.kpa[m] for m in range(4) if m != n)

    def _days_left(
        self, n: int, drop_kpa: float, kpa_day: float, error: float, now: int
    ) -> tuple[float, float]:
        """Days until it is flat, as an 80 % interval.

        A loss that grows with a power p of the time since it began has, where it is now d and grows
        by r a day, begun p·d/r days ago, and is D after (D/d)^(1/p) times as long. Both p and r are
        uncertain; r takes part with half of its width, so that together they make 80 %
        (29 of 36 leaks of two simulated worlds).
        """
        s = self.state
        temp_c = s.temp_c[n] if s.temp_c[n] is not None else self.drive.ambient_c
        warmer = 1.0 if temp_c is None else (temp_c + KELVIN) / (20 + KELVIN)
        flat_kpa = (FLAT_KPA + ATMOSPHERE_KPA) * warmer - ATMOSPHERE_KPA
        whole = drop_kpa + max(s.kpa[n] - flat_kpa, 0.0)
        then, middle_kpa = s.trend.middle  # what the line knows best
        drop_kpa = max(middle_kpa, CALM_KPA / 2)
        ends = []
        for power, z in ((SHAPE[1], 0.5 * Z_80), (SHAPE[0], -0.5 * Z_80)):
            age = power * drop_kpa / max(kpa_day + z * error, kpa_day / 4)
            left = age * (max(whole / drop_kpa, 1.0) ** (1 / power) - 1)
            ends.append(max(left - (now / DAY_MS - then), 0.0))
        return min(ends), min(max(ends), 4 * HORIZON_DAYS)

    def _goes_on(self, frame: Frame, drops: list[float]) -> Answer:
        """After it was told: lower still, or in its place for good."""
        s = self.state
        n, now = s.told, frame.ts_ms
        if max(drops) >= CALM_KPA * s.coarse:
            s.well_ms = now
        low = s.kpa[n] < LOW_SHARE * self._others(n)
        if low and not s.told_low:
            s.told_low = True
            summary = f"{WHEELS[n].capitalize()} tire is at {s.kpa[n]:.0f} kPa: pump it up today"
            return self._says(frame, n, drops, s.told_cause, s.told_kpa_day, 0.9, summary)
        s.told_low = low
        needed_ms = 2 * DROP_KPA / max(s.told_kpa_day, 0.1) * DAY_MS
        if now - s.well_ms < min(max(needed_ms, WELL_MS), LONGEST_MS):
            return None
        summary = f"{WHEELS[n].capitalize()} tire holds its air again: {s.kpa[n]:.0f} kPa"
        kind, cause = FindingKind.RECOVERED, s.told_cause
        evidence = self._evidence(frame, n, drops)
        s.told = s.wheel = s.doubt = -1
        s.told_ms, s.told_low, s.told_cause = 0, False, ""
        return self.says(kind, frame, cause, Urgency.INFO, 0.9, summary, evidence)

    def _says(
        self,
        frame: Frame,
        n: int,
        drops: list[float],
        cause: str,
        kpa_day: float,
        confidence: float,
        summary: str,
        window: tuple[datetime, datetime] | None = None,
        hurry: bool = False,
    ) -> Finding:
        s = self.state
        kind = FindingKind.RAISED
        if s.told >= 0:  # another wheel, or the same one: one case until all four are well
            kind, cause = FindingKind.REFRESHED, s.told_cause
        evidence = self._evidence(frame, n, drops)
        urgency = Urgency.STOP if s.kpa[n] < CARRIES_KPA or hurry else Urgency.SOON
        s.told_low = s.kpa[n] < LOW_SHARE * self._others(n)
        s.told, s.told_ms, s.told_cause, s.told_kpa_day = n, frame.ts_ms, cause, kpa_day
        s.well_ms, s.doubt = frame.ts_ms, -1
        expect = dict(zip(("expect_from", "expect_to"), window or (), strict=False))
        return self.says(kind, frame, cause, urgency, confidence, summary, evidence, **expect)

    def _evidence(self, frame: Frame, n: int, drops: list[float]) -> Evidence:
        s = self.state
        since_ms = min(s.calm_ms[n], s.told_ms or frame.ts_ms)
        return Evidence(
            feature=f"pressure of the {WHEELS[n]} tire beside the other three",
            value=round(s.kpa[n]),
            expected=round(s.kpa[n] + drops[n]),
            unit="kPa",
            signals=(*PRESSURES, "ambient_temp_c"),
            window_from=time_of(since_ms - 7 * DAY_MS),
            window_to=frame.ts,
            notes=(
                f"The others have {self._others(n):.0f} kPa: no weather, which moves all four",
                "A sensor that drifts looks alike: check with a gauge, cold and after a drive",
            ),
        )
