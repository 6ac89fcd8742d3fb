"""One cell of the traction battery is weaker than its neighbours."""

import msgspec

from detectors.aging import HORIZON_DAYS, Cold, Verdict, Wearing, verdict
from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, number
from record.causes import cause_of
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

AT_REST_A = 5.0
"""Less than a tenth of what a car draws to roll away: the inner resistance takes some millivolts
from all cells alike."""

SOC_PCT = (30.0, 90.0)
"""Outside, voltage changes so fast with charge that the cells of a healthy pack differ too."""

SPREAD_MV = 15.0
"""Cells of one batch, balanced, differ by 5 to 15 mV. Where they always did by more, 27 mV are weak
(Toyota has a hybrid's battery replaced when blocks of twelve cells differ by 0.3 V at rest: 25 mV a
cell); where this car's own were closer, 19."""

LEAST_MV = 10.0
"""What gauges of cell voltage differ by, at their best (resolution 1 to 5 mV)."""

FAILS_MV = 80.0
"""A tenth of the charge: from full to empty a lithium-ion cell falls by 0.8 V. With so much less to
use, the car limits its power, and sets P0A7F or P0A80."""

LEVEL = 1.6
"""And that to this factor, eight times in ten: some makers warn at 50 mV, others bear 0.13 V."""

READINGS = 3
BLIND = Cold(0.0, weight=1.0)
"""At rest the spread is one of charge, which the cold does not change."""

WELL = 5


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; `below` is how far the lowest cell is below the highest, as -mV."""

    below: Wearing = msgspec.field(default_factory=Wearing)
    drive_ms: int = 0  # when the drive began that was seen last
    sum_mv: float = 0.0
    readings: int = 0
    told_ms: int = 0
    told_fails_ms: int = 0


class WeakCell(Detector[State]):
    """A cell that holds less than the others: it is empty first, and stops the whole pack.

    What fails: a cell ages faster (heat in the middle of the pack, a flaw of its make) or leaks
    current inside. How it shows: charged in series with the others, it is as full as they are only
    at the top; below, its voltage runs ahead of theirs, by some millivolts first, by a tenth of a
    volt when a tenth of the pack's charge can't be used any more. In the end the car limits its
    power and sets P0A80.

    Judged once a drive, by the mean of what cell voltages say while no current flows: parked, or
    standing with less than 5 A, between 30 and 90 % of charge. Raised when the spread is larger
    than a maker allows and than it was in this car, or grows so that it will be; with the days left
    until the power is limited.

    Innocent: a pack that is nearly empty or just full; the cold and a hard pull at the pedal (both
    are about resistance, so about current); a gauge that always read some millivolts off.

    >>> from detectors.bank import Bank
    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZE1ZMP000001", "VW", "ID.3", 2021, "electric")
    >>> bank = Bank(car, kinds=(WeakCell,))
    >>> for day in range(40):
    ...     low_v = 3.700 - 0.008 - (0.001 * (day - 15) if day > 15 else 0)
    ...     cells = {"cell_voltage_max_v": 3.7, "cell_voltage_min_v": low_v, "soc_pct": 60.0}
    ...     night = [{"ignition": "OFF"} | cells] * 5 + [{"speed_kmh": 50.0}]
    ...     for hour, signals in enumerate(night):
    ...         for finding in bank.judge(Frame(1, day * DAY_MS + hour * 3_600_000 + 1, signals)):
    ...             print(day, finding.summary)
    28 Lowest cell is 20 mV below the highest at rest, was 8 mV; may fail in 28 to 84 days
    """

    name = "weak_cell"
    version = 4
    signals = ("cell_voltage_min_v", "cell_voltage_max_v", "soc_pct", "pack_current_a", "speed_kmh")
    causes = ("weak_cell",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        answer = None
        since_ms = self.drive.since_ms
        if since_ms and since_ms != s.drive_ms:
            s.drive_ms = since_ms
            if s.readings >= READINGS:
                answer = self._judge(frame)
        if self._at_rest(frame):
            low_v = number(frame, "cell_voltage_min_v", 0.5, 5)
            high_v = number(frame, "cell_voltage_max_v", 0.5, 5)
            if low_v is not None and high_v is not None and low_v <= high_v:
                s.sum_mv += 1000 * (high_v - low_v)
                s.readings += 1
        return answer

    def _at_rest(self, frame: Frame) -> bool:
        """Whether no current to speak of flows, and the charge is one at which cells are alike."""
        soc_pct = number(frame, "soc_pct", 0, 100)
        if soc_pct is not None and not SOC_PCT[0] <= soc_pct <= SOC_PCT[1]:
            return False
        current_a = number(frame, "pack_current_a", -3000, 3000)
        if current_a is not None:
            return abs(current_a) <= AT_REST_A
        return not self.drive.since_ms

    def _judge(self, frame: Frame) -> Finding | None:
        s = self.state
        day = frame.ts_ms / DAY_MS
        s.below.see(day, -s.sum_mv / s.readings, 20.0, BLIND)
        s.sum_mv, s.readings = 0.0, 0
        opinion = verdict(s.below, day, -SPREAD_MV, -FAILS_MV, LEAST_MV, 20.0, LEVEL)
        if opinion is None:
            return None
        if opinion.weak or opinion.sinking:
            return self._weak(frame, opinion)
        return self._well(frame) if s.told_ms else None

    def _weak(self, frame: Frame, opinion: Verdict) -> Finding | None:
        s = self.state
        s.below.well = 0
        now = frame.ts_ms
        low, high = opinion.days or (0.0, 4 * HORIZON_DAYS)
        fails_ms = now + int((low + high) / 2 * DAY_MS)
        kind = FindingKind.RAISED
        if s.told_ms:
            sooner = s.told_fails_ms - fails_ms > max(7 * DAY_MS, 0.3 * (s.told_fails_ms - now))
            if now - s.told_ms < 7 * DAY_MS or not sooner:
                return None
            kind = FindingKind.REFRESHED
        s.told_ms, s.told_fails_ms = now, fails_ms
        return self._says(
            kind,
            frame,
            0.9 if opinion.weak else 0.75,
            f"Lowest cell is {-opinion.value:.0f} mV below the highest at rest,"
            f" was {-opinion.usual:.0f} mV;"
            f" may fail {f'in {low:.0f} to' if low >= 1 else 'within'} {high:.0f} days",
            expect_from=time_of(now + int(low * DAY_MS)),
            expect_to=time_of(now + int(high * DAY_MS)),
        )

    def _well(self, frame: Frame) -> Finding | None:
        """Some drives in a row as good as at first: a module was replaced, or the pack balanced."""
        s = self.state
        good = -s.below.last < max(SPREAD_MV - LEAST_MV, -s.below.usual.mean + LEAST_MV / 2)
        s.below.well = s.below.well + 1 if good else 0
        if s.below.well < WELL:
            return None
        text = f"Cells are even again: {-s.below.last:.0f} mV at rest"
        finding = self._says(FindingKind.RECOVERED, frame, 0.85, text)
        self.state = State()
        return finding

    def _says(
        self, kind: FindingKind, frame: Frame, sure: float, text: str, **expect: object
    ) -> Finding:
        below = self.state.below
        evidence = Evidence(
            feature="spread of the cell voltages at rest",
            value=round(-below.now, 1),
            expected=round(-below.usual.mean, 1),
            unit="mV",
            signals=("cell_voltage_min_v", "cell_voltage_max_v", "soc_pct"),
            window_from=time_of(frame.ts_ms - 30 * DAY_MS),
            window_to=frame.ts,
        )
        recovered = kind == FindingKind.RECOVERED
        urgency = Urgency.INFO if recovered else cause_of("weak_cell").urgency
        return self.says(kind, frame, "weak_cell", urgency, sure, text, evidence, **expect)
