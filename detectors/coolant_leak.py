"""Coolant is lost: the level falls for weeks before the engine runs hot."""

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, HOUR_MS
from record.causes import cause_of
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

LEVELS = ("NORMAL", "LOW", "CRITICALLY_LOW")
"""As COVESA VSS counts them. The float switch of an expansion tank closes at its MIN mark, about a
fifth of the fill below MAX; the second stage is a tank that is empty."""

COLD_MS = 4 * HOUR_MS
"""Hot coolant takes 4 % more room, a third of the tank: only cold levels compare."""

READINGS = 2
"""Cold rests of different days that say so: a car on a slope, or one on which somebody works, is
level the next day."""

WELL_DAYS = 10
"""A litre of water hides a leak for some days; a repair for good."""

LEFT_DAYS = (7.0, 35.0)
"""From the MIN mark to an engine that runs dry, of the leaks that are found by their level: those
of 0.1 to 0.5 l a day, for the 3.3 l from there on."""

LEFT_SHARE = (1.35, 2.1)
"""From an empty tank on, in times that it took from the MIN mark to there: 35 % of the fill after
20 %, a quarter less or more for leaks that grow or that seal as the pressure falls."""


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    low_day: int = 0
    low_days: int = 0
    low_ms: int = 0  # since when the level is low without a break
    empty_ms: int = 0
    refills: int = 0
    well_day: int = 0
    well_days: int = 0
    told: bool = False
    told_level: int = 0  # as in `LEVELS`; 0 again after a top-up


class CoolantLeak(Detector[State]):
    """The coolant level falls: a hose, the pump's seal, the radiator, or a head gasket.

    What fails: rubber cracks, seals wear, stone chips. How it shows: the expansion tank is a
    reserve of about a quarter; while it lasts, the temperature stays as it is and only the level
    tells. Coolant doesn't evaporate from a closed system: whatever is missing went somewhere.

    Levels are compared cold, four hours after the engine stopped: coolant expands by about 4 % to
    its working temperature, and that lifts a low level over the mark. Raised when it is low on two
    days; refreshed when the tank is empty, with the days left from how fast it got there. A top-up
    hides a leak and ends no alert before ten good days; a level that falls again says that it
    leaks on.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = CoolantLeak(car)
    >>> for day in range(1, 20):
    ...     level = "NORMAL" if day < 5 else "LOW" if day < 13 else "CRITICALLY_LOW"
    ...     for hour, ignition in ((7, "ON"), (8, "OFF"), (18, "OFF")):
    ...         signals = {"ignition": ignition, "coolant_level": level}
    ...         frame = Frame(1, day * DAY_MS + hour * HOUR_MS, signals)
    ...         detector.drive.see(frame)
    ...         finding = detector.update(frame)
    ...         if finding:
    ...             print(day, finding.kind, finding.summary)
    6 raised Coolant level low, cold, on 2 days; may run dry in 7 to 35 days
    13 refreshed Coolant tank empty 8 days after it was low; may run dry in 11 to 17 days
    """

    name = "coolant_leak"
    version = 1
    signals = ("coolant_level",)
    causes = ("coolant_leak",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        level = frame.signals.get("coolant_level")
        if not isinstance(level, str) or level not in LEVELS or not self._cold(frame):
            return None
        s, day = self.state, frame.ts_ms // DAY_MS
        if level == "NORMAL":
            return self._well(frame, day)
        s.low_ms = s.low_ms or frame.ts_ms
        s.well_days = 0
        if day != s.low_day:
            s.low_day, s.low_days = day, s.low_days + 1
        if level == "CRITICALLY_LOW":
            s.empty_ms = s.empty_ms or frame.ts_ms
        stage = 2 if s.empty_ms else 1
        if s.told_level >= stage or s.low_days < READINGS:
            return None
        kind = FindingKind.REFRESHED if s.told else FindingKind.RAISED
        s.told, s.told_level = True, stage
        return self._lost(kind, frame, stage)

    def _cold(self, frame: Frame) -> bool:
        drive = self.drive
        if drive.since_ms:
            return drive.begins and drive.rested_ms >= COLD_MS
        return bool(drive.parked_ms) and frame.ts_ms - drive.parked_ms >= COLD_MS

    def _lost(self, kind: FindingKind, frame: Frame, stage: int) -> Finding:
        s = self.state
        low, high = LEFT_DAYS
        took = (s.empty_ms - s.low_ms) / DAY_MS if s.empty_ms else 0.0
        what = f"Coolant level low, cold, {'again' if s.refills else f'on {s.low_days} days'}"
        if stage == 2:
            what = "Coolant tank empty"
            if took >= 1:
                low, high = LEFT_SHARE[0] * took, LEFT_SHARE[1] * took
                what += f" {took:.0f} days after it was low"
            else:
                low, high = low / 2, high / 2
        text = f"{what}; may run dry in {low:.0f} to {high:.0f} days"
        notes = ["Read cold, so no matter of expansion: look for the leak, don't only fill up"]
        if s.refills:
            notes.append(f"Filled up {s.refills} time(s), and low again")
        sure = min(0.85 + 0.05 * (stage + s.refills), 0.97)
        urgency = cause_of(self.causes[0]).urgency
        return self._says(kind, frame, sure, text, urgency, stage, notes, (low, high))

    def _well(self, frame: Frame, day: int) -> Answer:
        s = self.state
        if s.low_ms and s.told:
            s.refills += 1
        s.low_ms = s.empty_ms = s.told_level = 0
        s.low_days = READINGS - 1 if s.told else 0
        if not s.told or day == s.well_day:
            return None
        s.well_day, s.well_days = day, s.well_days + 1
        if s.well_days < WELL_DAYS:
            return None
        self.state = State()
        text = f"Coolant level was right on {WELL_DAYS} days"
        return self._says(FindingKind.RECOVERED, frame, 0.9, text, Urgency.INFO, 0, (), None)

    def _says(
        self,
        kind: FindingKind,
        frame: Frame,
        confidence: float,
        summary: str,
        urgency: Urgency,
        stage: int,
        notes: list[str] | tuple[()],
        left_days: tuple[float, float] | None,
    ) -> Finding:
        s = self.state
        evidence = Evidence(
            feature="cold coolant level, steps below normal",
            value=float(stage),
            expected=0.0,
            signals=("coolant_level", "coolant_temp_c"),
            window_from=time_of((s.low_ms or frame.ts_ms) - 7 * DAY_MS),
            window_to=frame.ts,
            notes=tuple(notes),
        )
        window = {}
        if left_days is not None:
            low, high = (time_of(frame.ts_ms + int(days * DAY_MS)) for days in left_days)
            window = {"expect_from": low, "expect_to": high}
        return self.says(
            kind, frame, self.causes[0], urgency, confidence, summary, evidence, **window
        )
