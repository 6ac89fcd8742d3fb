"""A reading that no other detector looks at has left what is usual for this car."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar
from zlib import crc32

import msgspec

from detectors import drive
from detectors.contract import Answer, Detector, time_of
from detectors.generic import score, strangeness
from detectors.learn import Floats, Ints
from detectors.reading import DAY_MS, MINUTE_MS
from record.flow import Evidence, Finding, FindingKind, Frame, Stage, Urgency
from record.signals import SIGNALS, Signal

WARM_MS = 5 * MINUTE_MS
"""Before, everything in a car is on its way from the cold of the night to where it belongs."""

MEMORY = 4
"""Drives that stand behind a level. One drive is town and the next is country; a fault stays. Four
let an eighth of what differs from drive to drive through, and are two days of a commuter."""

KNOWN = 30
KNOWN_DAYS = 14
"""Drives, and days, before it may speak: two weeks have seen each day of the week twice."""

SURE = 0.45
"""Score from which a level counts as unusual: it lies seven times as far beyond its band as new
ground usually does. `HALF` of `generic.py` is twelve times, and finds a third fewer."""

FINEST = 1000
"""A thousandth of what the catalogue allows is no news: PIDs of one byte tell a 255th."""

SLOWLY = 8
"""What lies beyond moves the edge by an eighth of what is usual: a band follows what changes over a
year (wear, a season), and not what changes in weeks."""

TIMES = 5
"""Days in a row on which a level is unusual, before it is told: a working week. With three, six
times as many alarms come without a fault."""

FROZEN = 6
"""Drives in a row in which a reading did not change by one digit."""

LIVELY = 2
"""Only what hardly ever stood still for longer can be said to be frozen."""

WELL = 5
MOST = 12
"""Signals that one car is watched for, those that it tells first: 300 bytes. The worlds' cars tell
up to eleven that no other detector reads."""

READ = 120
FULL = 65_535

OUTSIDE = frozenset(
    {
        "latitude_deg", "longitude_deg", "altitude_m", "heading_deg", "ambient_humidity_pct",
        "barometric_pressure_kpa",
    }
)  # fmt: skip
FILLED = frozenset(
    {"fuel_level_pct", "fuel_range_m", "def_level_pct", "soc_displayed_pct", "electric_range_m"}
)
COUNTED = frozenset(
    {
        "oil_life_s", "charging_time_left_s", "distance_mil_km", "run_time_mil_min",
        "distance_since_clear_km", "time_since_clear_min", "warmups_since_clear",
    }
)  # fmt: skip
ANY_LEVEL = OUTSIDE | FILLED | COUNTED
"""What says where a car is, how much was filled in, or how much time has passed: any level of it is
usual. That it stands still on the road is not."""

LOW, HIGH, USUAL, LEVEL = range(4)
DRIVES, RUN, STILL, SEEN = range(4)
AIR, MINUTES = 0, 4


@dataclass(frozen=True, slots=True)
class Watched:
    """A signal of the catalogue, and how its values become whole numbers from 0 to `FULL`.

    Parameters
    ----------
    signal : Signal
    key : int
        Sixteen bits of its name's checksum.
    low, high, step : float
        Span of the catalogue, and what one whole number is worth.
    floor : int
        What is no news at least.
    levels : bool
        Whether its level says something of the car.
    """

    signal: Signal
    key: int
    low: float
    high: float
    step: float
    floor: int
    levels: bool

    @classmethod
    def of(cls, signal: Signal) -> "Watched":
        assert signal.low is not None and signal.high is not None, signal.name
        span = signal.high - signal.low
        step = span / FULL
        finest = max(span / FINEST, 0.0 if "int" not in signal.sql else 1.0)
        return cls(
            signal,
            crc32(signal.name.encode()) & FULL,
            signal.low,
            signal.high,
            step,
            max(round(finest / step), 1),
            signal.name not in ANY_LEVEL,
        )

    @property
    def words(self) -> str:
        """What it measures, as the catalogue says.

        >>> from record.signals import BY_NAME
        >>> Watched.of(BY_NAME["oil_temp_c"]).words
        'Engine oil in the sump'
        """
        return self.signal.description.partition(";")[0].partition(":")[0]

    def value(self, whole: float) -> float:
        return self.low + whole * self.step

    def told(self, whole: float) -> str:
        """A value for people, without its unit.

        >>> from record.signals import BY_NAME
        >>> oil = Watched.of(BY_NAME["oil_temp_c"])
        >>> oil.told(round((83.0 - oil.low) / oil.step))
        '83.0'
        """
        span = self.high - self.low
        return f"{self.value(whole):.{0 if span > 2000 else 1 if span > 10 else 3}f}"


def _floats(count: int) -> Floats:
    return array("f", [0.0] * count)


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; 0 is never.

    Seventeen bytes a signal: what is learned of its level in 65,535ths of what the catalogue allows
    (`LOW`, `HIGH`, `USUAL` novelty, smoothed `LEVEL`); how many `DRIVES` it was seen in, its `RUN`
    of unusual days (by direction; above `TIMES` it is told), in how many drives it stood `STILL`
    (-1: that is its way), how often it was `SEEN` in this drive (negative: and moved); and the mean
    of this drive.
    """

    began_day: int = 0
    day: int = 0
    drive_ms: int = 0
    # outside air and length of a drive: now, smoothed, lowest and highest known
    around: Floats = msgspec.field(default_factory=lambda: _floats(8))
    keys: Ints = msgspec.field(default_factory=lambda: array("H"))
    learned: Ints = msgspec.field(default_factory=lambda: array("H"))
    counts: Ints = msgspec.field(default_factory=lambda: array("b"))
    means: Floats = msgspec.field(default_factory=lambda: array("f"))


class UnusualSignal(Detector[State]):
    """Whatever a car tells and no other detector reads: oil, throttle, gearbox, rail, motor.

    What fails: anything. Nobody taught this detector a fault; it asks two questions, of each signal
    by itself, once a drive.

    *Has its level left its band?* The level is the mean of the warm part of a drive, over some four
    drives. The band is all that this car's level ever was. New ground beyond it is compared with
    the new ground before, as in ``python -m detectors scan``, and gives the same score. A level is
    judged only when outside air and length of the drives are what the car has known, for a first
    frost or a holiday trip explains much; what comes with them is learned. It speaks when a level
    was unusual on five days in a row, and once for all signals: what leaves its band later is
    further evidence.

    *Does it still move?* A reading that changed in every drive, and has not by one digit in six of
    them, is frozen. Zero and the end of the scale don't count: a counter may have run out.

    Innocent: where the car is, what is filled in and what is counted may have any level. A driver
    with another foot, a trailer or other fuel may leave the band as a fault does; so it names the
    reading and no part, asks for a look at the next visit only, and proves itself in shadow first.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = UnusualSignal(car)
    >>> for day in range(1, 40):
    ...     oil_c = 88.0 + day % 5 + (15.0 if day > 32 else 0.0)
    ...     for minute in range(0, 30, 2):
    ...         signals = {"ignition": "ON", "oil_temp_c": oil_c, "ambient_temp_c": 10.0}
    ...         frame = Frame(1, day * DAY_MS + minute * MINUTE_MS, signals)
    ...         detector.drive.see(frame)
    ...         for finding in detector.update(frame) or []:
    ...             print(day, finding.kind, finding.summary)
    38 raised Engine oil in the sump: 101.2 °C, usually 89.0 to 90.7
    """

    name = "unusual_signal"
    version = 1
    signals: ClassVar[tuple[str, ...]] = ()
    causes = ("unusual_signal",)
    begins = Stage.SHADOW
    State = State
    __slots__ = ()

    watched: ClassVar[Mapping[str, Watched]] = {}
    by_key: ClassVar[Mapping[int, Watched]] = {}

    @classmethod
    def beside(cls, others: Iterable[type[Detector[Any]]]) -> None:
        """Watch each numeric signal of the catalogue that none of the others reads."""
        read = set(drive.SIGNALS).union(*(other.signals for other in others))
        cls.watched = {
            signal.name: Watched.of(signal)
            for signal in SIGNALS
            if signal.low is not None and signal.name not in read
        }
        cls.by_key = {one.key: one for one in cls.watched.values()}
        cls.signals = tuple(cls.watched)

    def update(self, frame: Frame) -> Answer:
        s = self.state
        now, since = frame.ts_ms, self.drive.since_ms
        said = None
        if since != s.drive_ms:
            said = self._driven(frame) if s.around[MINUTES] else None
            s.drive_ms, s.around[MINUTES] = since, 0.0
        if not since or now - since < WARM_MS:
            return said
        s.around[MINUTES] = (now - since) / MINUTE_MS
        air_c = self.drive.ambient_c
        if air_c is not None:
            s.around[AIR] = air_c
        watched = self.watched
        for name, value in frame.signals.items():
            one = watched.get(name)
            if (
                one is not None
                and (type(value) is float or type(value) is int)
                and one.low <= value <= one.high
            ):
                self._read(one, value)
        return said

    def _read(self, one: Watched, value: float) -> None:
        """One reading of the drive under way."""
        s = self.state
        try:
            at = s.keys.index(one.key)
        except ValueError:
            at = len(s.keys)
            if at == MOST:
                return
            s.keys.append(one.key)
            s.learned.extend((0, 0, 0, 0))
            s.counts.extend((0, 0, 0, 0))
            s.means.append(-1.0)
        seen = s.counts[4 * at + SEEN]
        if seen < 0 and not one.levels:
            return
        whole = int((value - one.low) / one.step + 0.5)
        mean = s.means[at]
        moved = seen < 0 or whole != mean or value == 0 or value == one.high
        times = min(abs(seen) + 1, READ)
        s.means[at] = mean + (whole - mean) / times if seen else whole
        s.counts[4 * at + SEEN] = -times if moved else times

    # -- a drive is over ---------------------------------------------------------------------

    def _driven(self, frame: Frame) -> Answer:
        s = self.state
        alike = self._alike()
        day = s.drive_ms // DAY_MS
        daily, s.day = day != s.day, day
        told = self._told()
        said: list[Finding] = []
        for at, key in enumerate(s.keys):
            one = self.by_key.get(key)
            counts = s.counts[4 * at : 4 * at + 4]
            if one is None or not counts[SEEN]:
                continue
            settled = counts[DRIVES] >= KNOWN and day - s.began_day >= KNOWN_DAYS
            strange = self._level(at, counts, one, settled, alike, daily) if one.levels else 0.0
            if strange:
                said.append(self._left(frame, at, one, strange, bool(told or said)))
            if self._froze(counts, settled):
                said.append(self._stopped(frame, at, one, bool(told or said)))
            counts[DRIVES] = min(counts[DRIVES] + 1, READ)
            counts[SEEN] = 0
            s.counts[4 * at : 4 * at + 4] = counts
        if told and not said and not self._told():
            text = "Every reading is back where it usually is"
            evidence = self._evidence(frame, "readings that are unusual", "", ())
            cause = self.causes[0]
            said.append(
                self.says(FindingKind.RECOVERED, frame, cause, Urgency.INFO, 0.8, text, evidence)
            )
        return said

    def _told(self) -> bool:
        """Whether any signal is being told of."""
        counts = self.state.counts
        runs, stills = counts[RUN::4], counts[STILL::4]
        return FROZEN in stills or any(abs(run) > TIMES for run in runs)

    def _alike(self) -> bool:
        """Whether air and length of the last drives were as it had known; learn these too."""
        s = self.state
        alike = True
        for at in (AIR, MINUTES):
            now, level, low, high = s.around[at : at + 4]
            if s.began_day:
                level += (now - level) / MEMORY
                alike = alike and low <= level <= high
                low, high = min(low, level), max(high, level)
            else:
                level = low = high = now
            s.around[at + 1 : at + 4] = array("f", (level, low, high))
        s.began_day = s.began_day or s.drive_ms // DAY_MS
        return alike

    def _level(
        self,
        at: int,
        counts: Ints,
        one: Watched,
        settled: bool,
        alike: bool,
        daily: bool,
    ) -> float:
        """Learn and judge the level; how strange it is, where that is told now, else 0."""
        s = self.state
        mean, drives, run = s.means[at], counts[DRIVES], counts[RUN]
        low, high, usual, level = s.learned[4 * at : 4 * at + 4]
        if not drives:
            low = high = level = round(mean)
        level += round((mean - level) / MEMORY)
        beyond = max(level - high, 0) - max(low - level, 0)
        strange = 0.0
        if not (settled and alike):
            if not run:
                usual = _mean_square(usual, beyond, drives)
                low, high = min(low, level), max(high, level)
        else:
            novelty = max(usual, one.floor)
            strange = strangeness(abs(beyond), novelty)
            counts[RUN] = _run(run, beyond if score(strange) >= SURE else 0, daily)
            if abs(counts[RUN]) <= TIMES:
                step = min(abs(beyond), novelty)
                usual = _mean_square(usual, step, drives)
                if beyond:
                    step = max(step // SLOWLY, 1)
                    low, high = (low, high + step) if beyond > 0 else (low - step, high)
        s.learned[4 * at : 4 * at + 4] = array("H", (low, high, usual, level))
        return strange if abs(run) < TIMES < abs(counts[RUN]) else 0.0

    def _froze(self, counts: Ints, settled: bool) -> bool:
        """Count drives in which it stood still; whether that is told now."""
        still = counts[STILL]
        if still < 0 or (still == FROZEN and counts[SEEN] > 0):
            return False
        if counts[SEEN] > 0:
            counts[STILL] = still + 1 if settled or still < LIVELY else -1
        else:
            counts[STILL] = -1 if LIVELY < still < FROZEN else 0
        return counts[STILL] == FROZEN

    # -- words -------------------------------------------------------------------------------

    def _left(self, frame: Frame, at: int, one: Watched, strange: float, again: bool) -> Finding:
        low, high, _, level = self.state.learned[4 * at : 4 * at + 4]
        unit, name = one.signal.unit, one.signal.name
        usual = f"usually {one.told(low)} to {one.told(high)}"
        text = f"{one.words}: {one.told(level)} {unit}".rstrip() + f", {usual}"
        evidence = self._evidence(
            frame,
            f"{one.words}, mean of the last drives",
            unit,
            (name,),
            value=round(one.value(level), 3),
            expected=round(one.value((low + high) / 2), 3),
            notes=(f"{usual} {unit}".strip(), LOOK),
        )
        return self._says(frame, score(strange), text, evidence, again)

    def _stopped(self, frame: Frame, at: int, one: Watched, again: bool) -> Finding:
        value = self.state.means[at]
        unit, name = one.signal.unit, one.signal.name
        text = f"{one.words}: {one.told(value)} {unit}".rstrip() + f" in {FROZEN} drives, unchanged"
        evidence = self._evidence(
            frame,
            f"{one.words}, drives without a change",
            "",
            (name,),
            value=FROZEN,
            expected=0,
            notes=("it changed in every drive before", LOOK),
        )
        return self._says(frame, 0.5, text, evidence, again)

    def _says(
        self, frame: Frame, confidence: float, text: str, evidence: Evidence, again: bool
    ) -> Finding:
        kind = FindingKind.REFRESHED if again else FindingKind.RAISED
        return self.says(kind, frame, self.causes[0], Urgency.SERVICE, confidence, text, evidence)

    def _evidence(
        self,
        frame: Frame,
        feature: str,
        unit: str,
        signals: tuple[str, ...],
        **more: Any,
    ) -> Evidence:
        begins = time_of(max(frame.ts_ms - 30 * DAY_MS, 0))
        return Evidence(
            feature,
            unit=unit,
            signals=signals,
            window_from=begins,
            window_to=frame.ts,
            **more,
        )


LOOK = "No part is named: compare this reading with a scan tool's, and with a like car's"


def _mean_square(usual: int, distance: int, drives: int) -> int:
    """Root mean square of one more distance."""
    square = usual * usual
    return round(sqrt(square + (distance * distance - square) / (drives + 1)))


def _run(run: int, beyond: int, daily: bool) -> int:
    """How long a level has been unusual, by direction; above `TIMES` it is told.

    >>> runs = [0]
    >>> for beyond, daily in (*[(9, True)] * 4, (9, False), (9, True), (0, True), (9, True)):
    ...     runs.append(_run(runs[-1], beyond, daily))
    >>> runs
    [0, 1, 2, 3, 4, 4, 10, 9, 10]
    """
    way = (run > 0) - (run < 0)
    beyond = (beyond > 0) - (beyond < 0)
    if abs(run) > TIMES:
        run = way * (TIMES + WELL) if beyond == way else run - way
        return 0 if abs(run) == TIMES else run
    if not beyond:
        return 0
    run = (run if beyond == way else 0) + beyond * daily
    return beyond * (TIMES + WELL) if abs(run) == TIMES else run
