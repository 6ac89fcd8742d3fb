"""Two tire pressure sensors have changed places: wheels were rotated and nobody taught the car."""

from itertools import combinations
from math import inf, log

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, HOUR_MS, MINUTE_MS, number
from record.flow import Evidence, FindingKind, Frame, Urgency

WHEELS = ("front left", "front right", "rear left", "rear right")
PRESSURES = tuple(f"tire_pressure_{wheel.replace(' ', '_')}_kpa" for wheel in WHEELS)
TEMPS = tuple(f"tire_temp_{wheel.replace(' ', '_')}_c" for wheel in WHEELS)

ATMOSPHERE_KPA, KELVIN = 101.325, 273.15

COLD_MS = 3 * HOUR_MS
"""Cold by ETRTO: three hours parked, or less than 1.6 km driven."""

STARTED_MS = 3 * MINUTE_MS
BETWEEN_MS = 3 * HOUR_MS

OTHER_UNIT_KPA = 100.0
"""Tires of a car that drives have 150 to 350 kPa: less is psi or bar, too coarse for this."""

LOOKS = 6
"""Cold looks, of one to three days, whose mean counts: sensors tell whole kilopascals, and the mean
of six at as many temperatures is good to 0.2 kPa."""

ROUNDED = 1 / 12 / LOOKS
"""Variance of such a mean, kPa², by rounding alone. Sun and wind add to it, so a car's own means
say how much theirs scatter."""

SURE = log(1e4)
"""Log likelihood ratio of "these two were swapped" to "nothing was" that counts (Wald, Sequential
tests of statistical hypotheses, 1945). It may be asked some 150 times a year, by six pairs."""

LIKE_KPA = 0.4
"""Nearly three times what six looks leave open."""

SET_KPA = 1.0
"""Who fits winter wheels or pumps tires up changes their mean at 20 °C, and may swap all four."""

REMEMBERS = 4
"""Means that make what is usual. With fewer it might be a place that a drifting sensor only passes,
and nobody is named."""

TIMES = 2
"""One mean may be of a day when somebody was at the tires."""

SETTLES = 3
"""Means in a row that fit nothing: somebody set the tires, and what is usual is learned anew."""

CENTI = 100
"""States hold whole hundredths of a kPa: a third of the room."""


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never.

    Lists go by `WHEELS`, each beside the mean of the four, which comes last; 0.01 kPa.
    """

    outside_kpa: float = ATMOSPHERE_KPA
    looked_ms: int = 0
    looks: int = 0
    sums: list[int] = msgspec.field(default_factory=lambda: [0] * 5)  # of these looks
    usual: list[int] = msgspec.field(default_factory=lambda: [0] * 5)
    known: int = 0
    noise: int = 0  # variance of a mean about what is usual, 0.0001 kPa²
    doubts: list[int] = msgspec.field(default_factory=lambda: [0] * 5)  # means that fit a swap
    times: int = 0
    pair: tuple[int, int] | None = None  # that was told
    odd: int = 0
    told: bool = False


class WheelsSwapped(Detector[State]):
    """Two wheels report each other's pressure.

    What happens: wheels are rotated front to rear, or two sensors are exchanged, and the receiver
    is not taught. Nothing is wrong with any tire, but the next warning points at the wrong wheel,
    and the driver pumps up the one that is full. How it shows: each tire keeps its own place beside
    the other three for months. From one day to the next two of them take each other's place, the
    other two stay in theirs, and the mean (at 20 °C) of all four is what it was. Two tires set
    alike differ by 2 to 5 kPa (sensors are good to 7 kPa, but steady: SAE J2657), and readings in
    whole kilopascals tell 0.3 kPa within some weeks. Told after twelve cold looks or more, as many
    as it takes to be sure; recovered when both are back, or when the tires were set anew.

    Silent: two tires that stand alike, which nobody can tell apart; a leak and a pump, which
    move one tire; winter wheels, set to another pressure; mountains, where a barometer is told.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = WheelsSwapped(car)
    >>> detector.drive.see(Frame(1, 1, {"ignition": "ON"}))
    >>> for night in range(2, 44):
    ...     pressures = (238, 231, 230, 233) if night < 27 else (230, 231, 238, 233)
    ...     frame = Frame(1, night * DAY_MS, dict(zip(PRESSURES, pressures), ignition="OFF"))
    ...     detector.drive.see(frame)
    ...     finding = detector.update(frame)
    ...     if finding:
    ...         print(night, finding.kind, finding.summary)
    43 raised Tires front left and rear left have changed places: 238 is 230 kPa, and the reverse
    """

    name = "wheels_swapped"
    version = 4
    signals = (*PRESSURES, *TEMPS, "barometric_pressure_kpa")
    causes = ("sensors_swapped",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        outside_kpa = number(frame, "barometric_pressure_kpa", 50, 115)
        s.outside_kpa = s.outside_kpa if outside_kpa is None else outside_kpa
        if frame.ts_ms - s.looked_ms < BETWEEN_MS or not self._cold(frame.ts_ms):
            return None
        kpa = self._at_20(frame)
        if kpa is None:
            return None
        s.looked_ms = frame.ts_ms
        mean_kpa = sum(kpa) / 4
        for n, one in enumerate((*(wheel - mean_kpa for wheel in kpa), mean_kpa)):
            s.sums[n] += round(CENTI * one)
        s.looks += 1
        if s.looks < LOOKS:
            return None
        seen = [one // LOOKS for one in s.sums]
        s.looks, s.sums = 0, [0] * 5
        return self._compare(frame, seen)

    def _compare(self, frame: Frame, seen: list[int]) -> Answer:
        """The mean of some cold looks with what is usual."""
        s = self.state
        doubts = [one + more for one, more in zip(s.doubts, seen, strict=True)]
        mean = [one // (s.times + 1) for one in doubts]
        pair = self._swapped(mean) if s.known >= REMEMBERS else None
        if pair is None or self._swapped(seen) != pair:  # a mean of two may fit by chance
            s.times, s.doubts = 0, [0] * 5
            return self._settle(frame, seen)
        s.odd = 0
        s.times, s.doubts = s.times + 1, doubts
        s.usual[4] = seen[4]  # tires lose a kPa or two a month, swapped or not
        if s.times < TIMES or self._sure(mean, pair) < SURE:
            return None
        return self._swap(frame, pair)

    def _settle(self, frame: Frame, seen: list[int]) -> Answer:
        """All in their places, which it learns; or in others, thrice: the tires were set."""
        s = self.state
        if not s.known or _off(seen, s.usual) < inf:
            if s.known:
                off = sum((one - usual) ** 2 for one, usual in zip(seen[:4], s.usual, strict=False))
                s.noise += round((off / 3 / (1 + 1 / s.known) - s.noise) / s.known)
            s.known, s.odd = min(s.known + 1, REMEMBERS), 0
            for n, one in enumerate(seen):
                s.usual[n] += round((one - s.usual[n]) / s.known)
            return None
        s.odd += 1
        if s.odd < SETTLES:
            return None
        s.usual, s.known, s.odd = seen, 1, 0
        return self._back(frame, "The tires were set anew") if s.told else None

    def _sure(self, mean: list[int], pair: tuple[int, int]) -> float:
        """Log likelihood ratio that the two were swapped, of the mean of `times` means.

        Their difference is normal about what is usual, or about its reverse, with twice the
        variance of one; what is usual is itself a mean of so many as are `known`.
        """
        s = self.state
        a, b = pair
        one = max(s.noise, CENTI**2 * ROUNDED)
        usual = s.usual[a] - s.usual[b]
        return (mean[b] - mean[a]) * usual / (one * (1 / s.times + 1 / s.known))

    def _swap(self, frame: Frame, pair: tuple[int, int]) -> Answer:
        """From now on that is usual; the same again puts both back."""
        s = self.state
        told = self._raised(frame, pair) if not s.told else None
        a, b = pair
        s.usual[a], s.usual[b] = s.usual[b], s.usual[a]
        s.times, s.doubts = 0, [0] * 5
        if told is None and pair == s.pair:
            return self._back(frame, "Both tires report their own pressure again")
        return told

    def _cold(self, now: int) -> bool:
        drive = self.drive
        if drive.since_ms:
            return drive.rested_ms >= COLD_MS and now - drive.since_ms <= STARTED_MS
        return drive.awake_ms != 0 and now - drive.awake_ms >= COLD_MS

    def _at_20(self, frame: Frame) -> list[float] | None:
        """The four pressures, brought to 20 °C where temperatures are told, and to sea level."""
        made = []
        for pressure, temp in zip(PRESSURES, TEMPS, strict=True):
            kpa, temp_c = (
                number(frame, pressure, OTHER_UNIT_KPA, 1100),
                number(frame, temp, -60, 90),
            )
            if kpa is None:
                return None
            share = 1.0 if temp_c is None else (20.0 + KELVIN) / (temp_c + KELVIN)
            made.append((kpa + self.state.outside_kpa) * share - ATMOSPHERE_KPA)
        return made

    def _swapped(self, seen: list[int]) -> tuple[int, int] | None:
        """Which two stand in each other's place, while the other two stand in theirs."""
        usual = self.state.usual
        best, least = None, _off(seen, usual)
        if abs(seen[4] - usual[4]) > CENTI * SET_KPA:
            return None
        for a, b in combinations(range(4), 2):
            expected = list(usual)
            expected[a], expected[b] = usual[b], usual[a]
            off = _off(seen, expected)
            if off < least:
                best, least = (a, b), off
        return best

    def _raised(self, frame: Frame, pair: tuple[int, int]) -> Answer:
        s = self.state
        s.told, s.pair = True, pair
        a, b = pair
        was_a, was_b = ((s.usual[4] + s.usual[n]) / CENTI for n in pair)
        text = (
            f"Tires {WHEELS[a]} and {WHEELS[b]} have changed places:"
            f" {was_a:.0f} is {was_b:.0f} kPa, and the reverse"
        )
        evidence = self._evidence(frame, pair)
        cause = self.causes[0]
        return self.says(FindingKind.RAISED, frame, cause, Urgency.SERVICE, 0.75, text, evidence)

    def _back(self, frame: Frame, text: str) -> Answer:
        """It is over."""
        s = self.state
        pair, s.pair, s.told = s.pair or (0, 1), None, False
        evidence = self._evidence(frame, pair)
        cause = self.causes[0]
        return self.says(FindingKind.RECOVERED, frame, cause, Urgency.INFO, 0.8, text, evidence)

    def _evidence(self, frame: Frame, pair: tuple[int, int]) -> Evidence:
        a, b = pair
        return Evidence(
            feature=f"pressure {WHEELS[a]} above {WHEELS[b]}, usually",
            value=round((self.state.usual[a] - self.state.usual[b]) / CENTI, 1),
            unit="kPa",
            signals=(PRESSURES[a], PRESSURES[b]),
            window_from=time_of(max(frame.ts_ms - 14 * DAY_MS, 0)),
            window_to=frame.ts,
            notes=("Were wheels rotated? Teach the sensors their places anew",),
        )


def _off(seen: list[int], expected: list[int]) -> float:
    """How far four places are from what they should be, squared; infinite where one can't be so.

    >>> _off([0, 40, -40, 0, 25000], [0, 0, 0, 0, 25000])
    3200
    >>> _off([0, 60, -60, 0, 25000], [0, 0, 0, 0, 25000])
    inf
    """
    apart = [abs(seen[n] - expected[n]) for n in range(4)]
    return inf if max(apart) > CENTI * LIKE_KPA else sum(one * one for one in apart)
