"""Some combustions fail: the engine runs rougher at idle than it used to."""

import msgspec
from river import stats

from detectors.contract import Answer, Detector, time_of
from detectors.learn import Usual
from detectors.reading import DAY_MS, number
from record.flow import Evidence, FindingKind, Frame, Urgency

IDLE_RPM = (450.0, 1500.0)
STEP_MS = (5_000, 30_000)
"""Between two readings of one idle: sooner, and the engine had no time to hunt; later, and it may
have driven."""

MOST_RPM = 200.0
"""A step that an air conditioner or a touch of the pedal makes; no misfire makes more."""

ENOUGH = 60
"""Steps that make one value: one to ten minutes of idling, in one drive or in several."""

KNOWN = 8
"""Days after which we know how this engine idles."""

ROUGHER = 1.5
"""Times the car's own past. Monitors see a misfire by how each power stroke speeds up the
crankshaft (SAE J1979; Heywood, "cycle-by-cycle variation"); a frame every few seconds sees what is
left of it, an idle that hunts. How much of it is usual differs from engine to engine by more than a
misfire adds, so there is no limit for all."""

SURE = 4.0
"""And above it so many times the spread of its own days: heater, air conditioner and lamps load an
idle, on some days more than on others."""

LEAST_RPM = 6.0
"""And at least so much: between 1 and 2 rpm, 1.5 times is nothing."""

DAYS = 2

WELL = 1.25
WELL_DAYS = 5
"""A coil that fails when it is wet or hot has good days."""

RUINS_DAYS = (2.0, 22.0)
"""From a rough idle to a ruined catalyst: unburnt fuel melts it in days at 10 to 15 % of misfires,
where OBD II lets the lamp flash, and in weeks below."""


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    last_rpm: float = 0.0
    last_ms: int = 0
    steps: stats.Mean = msgspec.field(default_factory=stats.Mean)
    usual: Usual = msgspec.field(default_factory=Usual)
    day: int = 0  # of the last value that counted
    rough: int = 0  # days in a row
    well_days: int = 0
    told_ms: int = 0


class Misfire(Detector[State]):
    """A worn plug, a coil that breaks down, an injector: felt at idle before a code is set.

    What fails: a plug's gap wears, a coil's insulation breaks down, an injector clogs, and now and
    then one cylinder gives nothing. How it shows: at idle, where each stroke has to carry the
    engine over the next compression, its speed hunts. Control units see single strokes and set
    P0300 to P0312 when 1 to 3 % of 1,000 revolutions misfire; frames every few seconds show how far
    the speed steps from one reading to the next while the car stands. Steps, not the spread: a cold
    idle that slowly comes down, and one step of an air conditioner, are no roughness.

    Raised when that is 1.5 times what this car showed at first, on two days. Recovered after
    five good days. Where a code comes first, or a vacuum leak, which shakes an engine too, all
    joins one alert.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = Misfire(car)
    >>> for day in range(1, 15):
    ...     shake = 10 if day < 11 else 10 + 5 * (day - 10)
    ...     for n in range(64):
    ...         rpm = 780 + (shake if n % 2 else -shake)
    ...         idle = {"engine_speed_rpm": rpm, "speed_kmh": 0.0}
    ...         finding = detector.update(Frame(1, day * DAY_MS + n * 5000, idle))
    ...         if finding:
    ...             print(day, finding.kind, finding.summary)
    13 raised Idle hunts by 44 rpm from reading to reading, usually 20
    """

    name = "misfire"
    version = 1
    signals = ("engine_speed_rpm", "speed_kmh")
    causes = ("misfire",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        rpm = number(frame, "engine_speed_rpm", *IDLE_RPM)
        if rpm is None or number(frame, "speed_kmh", 0, 0.5) is None:
            s.last_ms = 0
            return None
        if s.last_ms and frame.ts_ms - s.last_ms < STEP_MS[0]:
            return None
        known, step_rpm = frame.ts_ms - s.last_ms <= STEP_MS[1], abs(rpm - s.last_rpm)
        s.last_rpm, s.last_ms = rpm, frame.ts_ms
        if not known or step_rpm > MOST_RPM:
            return None
        s.steps.update(step_rpm)
        if s.steps.n < ENOUGH:
            return None
        value, s.steps = float(s.steps.get()), stats.Mean()
        return self._judge(frame, value)

    def _judge(self, frame: Frame, value: float) -> Answer:
        s = self.state
        day = frame.ts_ms // DAY_MS
        usual = s.usual.mean
        if s.usual.count < KNOWN:
            if day != s.day:
                s.day = day
                s.usual.learn(value, keep=KNOWN)
            return None
        spread = max(s.usual.spread, LEAST_RPM / SURE)
        if value < max(ROUGHER * usual, usual + SURE * spread):
            s.rough = 0
            return self._well(frame, value, usual) if s.told_ms else None
        if day != s.day:
            s.day, s.rough = day, s.rough + 1
        s.well_days = 0
        return self._raised(frame, value, usual) if s.rough >= DAYS and not s.told_ms else None

    def _raised(self, frame: Frame, value: float, usual: float) -> Answer:
        s = self.state
        s.told_ms = frame.ts_ms
        notes = (
            "Read misfire counts by cylinder (mode 06); swap coil and plug with a neighbour's",
            "A vacuum leak shakes the idle too: look at the fuel trims",
        )
        return self.says(
            FindingKind.RAISED,
            frame,
            self.causes[0],
            Urgency.SOON,
            0.7,
            f"Idle hunts by {value:.0f} rpm from reading to reading, usually {usual:.0f}",
            self._evidence(frame, value, usual, frame.ts_ms - 14 * DAY_MS, notes),
            expect_from=time_of(frame.ts_ms + int(RUINS_DAYS[0] * DAY_MS)),
            expect_to=time_of(frame.ts_ms + int(RUINS_DAYS[1] * DAY_MS)),
        )

    def _well(self, frame: Frame, value: float, usual: float) -> Answer:
        """Some good days end it."""
        s = self.state
        if value > WELL * usual + LEAST_RPM / 2:
            s.well_days = 0
            return None
        day = frame.ts_ms // DAY_MS
        if day == s.day:
            return None
        s.day, s.well_days = day, s.well_days + 1
        if s.well_days < WELL_DAYS:
            return None
        told_ms, s.told_ms = s.told_ms, 0
        text = f"Idle is as smooth as it was, on {WELL_DAYS} days"
        evidence = self._evidence(frame, value, usual, told_ms, ())
        cause = self.causes[0]
        return self.says(FindingKind.RECOVERED, frame, cause, Urgency.INFO, 0.8, text, evidence)

    def _evidence(
        self, frame: Frame, value: float, usual: float, from_ms: int, notes: tuple[str, ...]
    ) -> Evidence:
        return Evidence(
            feature="steps of the idle speed from one reading to the next",
            value=round(value, 1),
            expected=round(usual, 1),
            unit="rpm",
            signals=("engine_speed_rpm", "speed_kmh"),
            window_from=time_of(from_ms),
            window_to=frame.ts,
            notes=notes,
        )
