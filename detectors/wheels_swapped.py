"""Two tire pressure sensors have changed places: wheels were rotated and nobody taught the car."""

from itertools import combinations

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

APART_KPA = 2.5
"""Two tires that were set alike differ by 2 to 5 kPa, each for months (sensors are good to 7 kPa,
but steady: SAE J2657). Closer, and nobody can tell one from the other."""

LIKE_KPA = 1.1
"""A reading of whole kilopascals, beside the mean of four others of the kind."""

SET_KPA = 2.0
"""Who fits winter wheels or pumps tires up changes their mean at 20 °C, and may swap all four."""

KNOWN = 6
SLOWLY = 0.1
"""How much of a cold look goes into what is usual."""

TIMES = 6
DAYS = 2


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never; lists go by `WHEELS`."""

    looked_ms: int = 0
    looks: int = 0
    usual: list[float] = msgspec.field(default_factory=lambda: [0.0] * 4)  # beside their mean
    mean_kpa: float = 0.0
    pair: tuple[int, int] | None = None
    since_ms: int = 0
    times: int = 0
    told: tuple[int, int] | None = None
    well: int = 0


class WheelsSwapped(Detector[State]):
    """Two wheels report each other's pressure.

    What happens: wheels are rotated front to rear, or two sensors are exchanged, and the receiver
    is not taught. Nothing is wrong with any tire, but the next warning points at the wrong wheel,
    and the driver pumps up the one that is full. How it shows: each tire keeps its own place beside
    the other three for months. From one cold look to the next two of them take each other's place,
    the other two stay in theirs, and the mean (at 20 °C) of all four is what it was. Told after six
    such looks on more than two days; recovered when both are back.

    Silent: two tires closer than 2.5 kPa, which nobody can tell apart; a leak and a pump, which
    move one tire; winter wheels, set to another pressure.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = WheelsSwapped(car)
    >>> detector.drive.see(Frame(1, 1, {"ignition": "ON"}))
    >>> for night in range(2, 30):
    ...     pressures = (238, 231, 230, 233) if night < 15 else (230, 231, 238, 233)
    ...     frame = Frame(1, night * DAY_MS, dict(zip(PRESSURES, pressures), ignition="OFF"))
    ...     detector.drive.see(frame)
    ...     finding = detector.update(frame)
    ...     if finding:
    ...         print(night, finding.kind, finding.summary)
    20 raised Tires front left and rear left have changed places: 238 is 230 kPa, and the reverse
    """

    name = "wheels_swapped"
    version = 1
    signals = (*PRESSURES, *TEMPS)
    causes = ("sensors_swapped",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        if frame.ts_ms - s.looked_ms < BETWEEN_MS or not self._cold(frame.ts_ms):
            return None
        kpa = self._at_20(frame)
        if kpa is None:
            return None
        s.looked_ms = frame.ts_ms
        mean_kpa = sum(kpa) / 4
        places = [one - mean_kpa for one in kpa]
        pair = self._swapped(places, mean_kpa) if s.looks >= KNOWN else None
        if s.told is not None:
            return self._back(frame, places)
        if pair is None or pair != s.pair:
            s.pair, s.since_ms, s.times = pair, frame.ts_ms, 0
        if pair is None:
            self._learn(places, mean_kpa)
            return None
        s.times += 1
        if s.times < TIMES or frame.ts_ms - s.since_ms < DAYS * DAY_MS:
            return None
        return self._raised(frame, pair)

    def _cold(self, now: int) -> bool:
        drive = self.drive
        if drive.since_ms:
            return drive.rested_ms >= COLD_MS and now - drive.since_ms <= STARTED_MS
        return drive.awake_ms != 0 and now - drive.awake_ms >= COLD_MS

    def _at_20(self, frame: Frame) -> list[float] | None:
        """The four pressures, brought to 20 °C where temperatures are told."""
        made = []
        for pressure, temp in zip(PRESSURES, TEMPS, strict=True):
            kpa, temp_c = (
                number(frame, pressure, OTHER_UNIT_KPA, 1100),
                number(frame, temp, -60, 90),
            )
            if kpa is None:
                return None
            share = 1.0 if temp_c is None else (20.0 + KELVIN) / (temp_c + KELVIN)
            made.append((kpa + ATMOSPHERE_KPA) * share - ATMOSPHERE_KPA)
        return made

    def _learn(self, places: list[float], mean_kpa: float) -> None:
        s = self.state
        s.looks = min(s.looks + 1, KNOWN)
        weight = max(1 / s.looks, SLOWLY) if s.looks < KNOWN else SLOWLY
        for n in range(4):
            s.usual[n] += weight * (places[n] - s.usual[n])
        s.mean_kpa += weight * (mean_kpa - s.mean_kpa)

    def _swapped(self, places: list[float], mean_kpa: float) -> tuple[int, int] | None:
        """Which two stand in each other's place, while the other two stand in theirs."""
        s = self.state
        if abs(mean_kpa - s.mean_kpa) > SET_KPA:
            return None
        for a, b in combinations(range(4), 2):
            if abs(s.usual[a] - s.usual[b]) < APART_KPA:
                continue
            expected = list(s.usual)
            expected[a], expected[b] = expected[b], expected[a]
            if _alike(places, expected):
                return a, b
        return None

    def _raised(self, frame: Frame, pair: tuple[int, int]) -> Answer:
        s = self.state
        s.told, s.well = pair, 0
        a, b = pair
        was_a, was_b = (s.mean_kpa + s.usual[n] for n in pair)
        return self.says(
            FindingKind.RAISED,
            frame,
            self.causes[0],
            Urgency.SERVICE,
            0.75,
            f"Tires {WHEELS[a]} and {WHEELS[b]} have changed places:"
            f" {was_a:.0f} is {was_b:.0f} kPa, and the reverse",
            self._evidence(frame, pair, s.since_ms - 7 * DAY_MS),
        )

    def _back(self, frame: Frame, places: list[float]) -> Answer:
        """Both in their own places again."""
        s = self.state
        s.well = s.well + 1 if _alike(places, s.usual) else 0
        if s.well < TIMES or s.told is None:
            return None
        pair, s.told, s.pair = s.told, None, None
        text = "Both tires report their own pressure again"
        evidence = self._evidence(frame, pair, frame.ts_ms - 7 * DAY_MS)
        cause = self.causes[0]
        return self.says(FindingKind.RECOVERED, frame, cause, Urgency.INFO, 0.8, text, evidence)

    def _evidence(self, frame: Frame, pair: tuple[int, int], from_ms: int) -> Evidence:
        a, b = pair
        return Evidence(
            feature=f"pressure {WHEELS[a]} above {WHEELS[b]}, usually",
            value=round(self.state.usual[a] - self.state.usual[b], 1),
            unit="kPa",
            signals=(PRESSURES[a], PRESSURES[b]),
            window_from=time_of(max(from_ms, 0)),
            window_to=frame.ts,
            notes=("Were wheels rotated? Teach the sensors their places anew",),
        )


def _alike(places: list[float], expected: list[float]) -> bool:
    return all(abs(one - other) <= LIKE_KPA for one, other in zip(places, expected, strict=True))
