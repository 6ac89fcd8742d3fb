"""A sensor reads off, or two have changed places: what should agree no longer does."""

from math import exp, log

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.learn import Usual
from detectors.reading import DAY_MS, HOUR_MS, number, running
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

SOAK_MS = 8 * HOUR_MS
"""Parked so long, engine, tires and outside air have one temperature: the rest after which on-board
diagnosis compares them (P0111, P0116, P0128 rationality; California's OBD II, 13 CCR 1968.2)."""

LATEST_MS = 48 * HOUR_MS

OFF_K = 8.0
"""Calibrations of that check set a code at 8 to 20 K; two good sensors differ by 2 to 3 K."""

OFF_FLOW = log(1 / 0.85)
"""Of the air flow for the same engine speed and manifold pressure: P0101 is set at 20 to 30 %, and
an hour's driving tells it to some 5 %. Only low: dirt on the wire insulates it, and what reads high
is an engine under load, with a trailer."""

SURE = 4.0
"""Times the spread that there is anyway: a hybrid's hours of air flow are not alike, and in a jam
each stop heats the intake."""

TIMES = 3
"""In a row: nights, drives, or hours of air flow."""

KNOWN = 5
FAST_KMH = 30.0
"""Faster, and the air that the engine takes in is not warmed by it any more."""

APART_MS = 5_000
LOAD_AT_REST_PCT = 10.0
"""Where no manifold pressure is told (diesels), the filling goes with load, and some is always."""

SAMPLES = 500
"""Of air flow for one value: an hour or so of driving, in town and on the road."""

READINGS = 20
MOVES_K = 4.0
"""Intake air warms at each stop; outside air, measured in the bumper, does so hardly."""

STILL_K = 1.5
FAHRENHEIT_K = 4.0
"""A gateway's new firmware may tell another unit: no sensor drifts to exactly that."""

WELL = 5

COOLANT_AIR, TIRE_AIR, COOLANT_TIRE, INTAKE_AIR, FLOW = range(5)

WHEELS = ("front_left", "front_right", "rear_left", "rear_right")


class Pair(msgspec.Struct, array_like=True, gc=False):
    """Two readings of one thing: their usual difference, and how often in a row they left it."""

    usual: Usual = msgspec.field(default_factory=Usual)
    last: float = 0.0
    off: int = 0
    well: int = 0

    @property
    def known(self) -> bool:
        return self.usual.count >= KNOWN

    @property
    def shift(self) -> float:
        return self.last - self.usual.mean

    def learn(self, value: float, limit: float) -> None:
        """One more difference: learn it at first, compare it later."""
        self.last = value
        if not self.known:
            self.usual.learn(value, keep=KNOWN)
            return
        off = abs(self.shift) > limit
        self.off = self.off + 1 if off else 0
        self.well = 0 if off else self.well + 1


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    pairs: list[Pair] = msgspec.field(default_factory=lambda: [Pair() for _ in range(5)])
    compared_ms: int = 0  # the rest whose soak was compared: when it began
    # this drive
    drive_ms: int = 0
    n: int = 0
    sum_k: float = 0.0
    intake: tuple[float, float] | None = None  # lowest and highest
    outside: tuple[float, float] | None = None
    swapped: int = 0  # drives in a row
    # readings of the last rest, and outside air of the last drive: who repeats them is stuck
    before: tuple[float | None, ...] = (None, None, None)
    outside_before: float | None = None
    # this hour of driving
    sampled_ms: int = 0
    samples: int = 0
    flow_g: float = 0.0
    pumped: float = 0.0
    flow_before: float = 0.0
    # the pair that told of a drift, and whether a swap was told
    drifted: int | None = None
    told_swapped: bool = False


class SensorDrift(Detector[State]):
    """Temperatures that should agree, and air flow that the engine's pumping should explain.

    What fails: a thermistor's plug corrodes and reads cold, the outside sensor hangs loose behind a
    hot bumper, oil on the hot wire of the air-flow meter makes it read low; or two plugs, or two
    wheels' places, were exchanged in a workshop. How it shows: all values are plausible, so only a
    second witness tells. After a night (8 h) coolant, tires and outside air are equally warm; on
    the road intake air is some kelvins above outside air; and the air that an engine pumps is
    proportional to its speed and manifold pressure. Each pair's difference is learned for this car,
    so a sensor that always read 2 K high is no news; whoever leaves all others by 8 K (or 15 % of
    the flow), three times in a row, has drifted.

    Swapped intake and outside sensors look like a drift of one; but then it is the *outside* air
    that warms at each stop, and the intake that keeps still.

    Innocent: a garage (all that is parked in it has its air), another unit after new firmware
    (exactly degrees Fahrenheit), altitude (the manifold's pressure falls with the air).

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = SensorDrift(car)
    >>> for day in range(1, 30):
    ...     air_c = 12.0 + day % 7
    ...     reads_c = air_c - 1.5 * max(0, day - 8)  # the coolant sensor reads colder each day
    ...     for hour, signals in (
    ...         (0, {"ignition": "ON", "speed_kmh": 0.0}), (1, {"ignition": "OFF"}),
    ...         (12, {"ignition": "OFF", "coolant_temp_c": reads_c, "ambient_temp_c": air_c,
    ...               "tire_temp_front_left_c": air_c})):
    ...         frame = Frame(1, day * DAY_MS + hour * HOUR_MS, signals)
    ...         detector.drive.see(frame)
    ...         for finding in detector.update(frame) or []:
    ...             print(day, finding.kind, finding.summary)
    16 raised Coolant sensor reads 12 K low after a night
    """

    name = "sensor_drift"
    version = 4
    signals = (
        "coolant_temp_c",
        "ambient_temp_c",
        "intake_air_temp_c",
        *(f"tire_temp_{wheel}_c" for wheel in WHEELS),
        "air_flow_g_s",
        "engine_speed_rpm",
        "engine_load_pct",
        "intake_pressure_kpa",
        "speed_kmh",
    )
    causes = ("sensor_drift", "sensors_swapped")
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        drive = self.drive
        judged = False
        if s.drive_ms and drive.since_ms != s.drive_ms:
            judged = self._driven()
            s.drive_ms = 0
        if not drive.since_ms:
            judged = self._soaked(frame) or judged
        else:
            if not s.drive_ms:
                s.drive_ms, s.n, s.sum_k = drive.since_ms, 0, 0.0
                s.intake = s.outside = None
            self._read(frame)
            judged = self._pumped(frame) or judged
        return self._decide(frame) if judged else None

    # -- parked ------------------------------------------------------------------------------

    def _soaked(self, frame: Frame) -> bool:
        """Once in a rest, after a night: compare what stands in the same air."""
        s = self.state
        parked_ms = self.drive.parked_ms
        rest_ms = frame.ts_ms - parked_ms
        if s.compared_ms == parked_ms or not parked_ms or not SOAK_MS <= rest_ms <= LATEST_MS:
            return False
        air_c = number(frame, "ambient_temp_c", -60, 70)
        if air_c is None:
            return False
        s.compared_ms = parked_ms
        coolant_c = number(frame, "coolant_temp_c", -60, 250)
        tires = [number(frame, f"tire_temp_{wheel}_c", -60, 120) for wheel in WHEELS]
        known = sorted(c for c in tires if c is not None)
        tire_c = known[len(known) // 2] if known else None
        now = (coolant_c, air_c, tire_c)
        coolant, air, tire = self._moving(now)
        s.before = now
        witness_c = air_c if tire_c is None else tire_c
        if coolant is not None and abs(coolant - (1.8 * witness_c + 32)) < FAHRENHEIT_K:
            coolant = None
        for which, one, other in (
            (COOLANT_AIR, coolant, air),
            (TIRE_AIR, tire, air),
            (COOLANT_TIRE, coolant, tire),
        ):
            if one is not None and other is not None:
                s.pairs[which].learn(one - other, OFF_K)
        return True

    def _moving(self, now: tuple[float | None, ...]) -> list[float | None]:
        """The readings without those that are last night's to the last digit: they may be stuck."""
        before = self.state.before
        return [None if one == old else one for one, old in zip(now, before, strict=True)]

    # -- driving -----------------------------------------------------------------------------

    def _read(self, frame: Frame) -> None:
        """Intake and outside air on the road, and how far each goes in this drive."""
        s = self.state
        intake_c = number(frame, "intake_air_temp_c", -60, 150)
        air_c = number(frame, "ambient_temp_c", -60, 150)
        if intake_c is None or air_c is None or not running(frame):
            return
        s.intake, s.outside = _wider(s.intake, intake_c), _wider(s.outside, air_c)
        if (number(frame, "speed_kmh", 0, 500) or 0.0) > FAST_KMH:
            s.n += 1
            s.sum_k += intake_c - air_c

    def _driven(self) -> bool:
        """The drive is over."""
        s = self.state
        if s.n < READINGS or s.intake is None or s.outside is None:
            return False
        intake_k, outside_k = s.intake[1] - s.intake[0], s.outside[1] - s.outside[0]
        turned = outside_k > MOVES_K and intake_k < STILL_K
        s.swapped = s.swapped + 1 if turned else 0
        stuck = intake_k == 0.0 or (outside_k == 0.0 and s.outside[0] == s.outside_before)
        s.outside_before = s.outside[0]
        if not stuck:
            limit = max(OFF_K, SURE * s.pairs[INTAKE_AIR].usual.spread)
            s.pairs[INTAKE_AIR].learn(s.sum_k / s.n, limit)
        return True

    def _pumped(self, frame: Frame) -> bool:
        """Air flow against what the engine pumps; whether an hour of it was compared."""
        s = self.state
        flow_g_s = number(frame, "air_flow_g_s", 0.1, 2000)
        rpm = number(frame, "engine_speed_rpm", 400, 20_000)
        if flow_g_s is None or rpm is None or frame.ts_ms - s.sampled_ms < APART_MS:
            return False
        filling = number(frame, "intake_pressure_kpa", 5, 400)
        if filling is None:
            filling = number(frame, "engine_load_pct", 0, 100)
            if filling is None:
                return False
            filling += LOAD_AT_REST_PCT
        s.sampled_ms = frame.ts_ms
        if flow_g_s == s.flow_before:
            return False  # to the last digit: stuck
        s.flow_before = flow_g_s
        s.samples += 1
        s.flow_g += flow_g_s
        s.pumped += rpm * filling
        if s.samples < SAMPLES:
            return False
        if s.pumped > 0:
            limit = max(OFF_FLOW, SURE * s.pairs[FLOW].usual.spread)
            s.pairs[FLOW].learn(log(s.flow_g / s.pumped), limit)
        s.samples, s.flow_g, s.pumped = 0, 0.0, 0.0
        return True

    # -- deciding ----------------------------------------------------------------------------

    def _off(self, which: int) -> bool:
        return self.state.pairs[which].off >= TIMES

    def _odd(self) -> tuple[int, str] | None:
        """The pair that is off, and the sensor that all others contradict."""
        s = self.state
        if self._off(FLOW) and s.pairs[FLOW].shift < 0:
            return FLOW, "Air-flow meter"
        if self._off(COOLANT_AIR):
            three = s.pairs[COOLANT_TIRE].known
            if self._off(COOLANT_TIRE) or (not three and not s.pairs[INTAKE_AIR].off):
                return COOLANT_AIR, "Coolant sensor"
            if self._off(TIRE_AIR) or (not three and self._off(INTAKE_AIR)):
                return COOLANT_AIR, "Outside air sensor"
        if self._off(TIRE_AIR) and not s.pairs[COOLANT_AIR].known:
            return TIRE_AIR, "Outside air sensor"
        nights = [s.pairs[which] for which in (COOLANT_AIR, TIRE_AIR) if s.pairs[which].known]
        agree = nights and all(abs(pair.shift) < OFF_K / 2 for pair in nights)
        if self._off(INTAKE_AIR) and agree and not s.swapped:
            return INTAKE_AIR, "Intake air sensor"
        return None

    def _decide(self, frame: Frame) -> Answer:
        s = self.state
        said: list[Finding] = []
        used = s.pairs[INTAKE_AIR]
        if s.swapped >= TIMES and used.known and not s.told_swapped:
            s.told_swapped, used.well = True, 0
            text = "Intake and outside air sensors have changed places: the outside warms at stops"
            said.append(self._says(FindingKind.RAISED, frame, "sensors_swapped", text, INTAKE_AIR))
        elif s.told_swapped and not s.swapped and used.well >= WELL:
            s.told_swapped = False
            text = "Intake air warms at stops again, and outside air does not"
            said.append(
                self._says(FindingKind.RECOVERED, frame, "sensors_swapped", text, INTAKE_AIR)
            )
        if s.drifted is None:
            odd = self._odd()
            if odd is not None:
                which, sensor = odd
                s.drifted = which
                text = _words(which, sensor, s.pairs[which].shift)
                said.append(self._says(FindingKind.RAISED, frame, "sensor_drift", text, which))
        elif s.pairs[s.drifted].well >= WELL:
            which, s.drifted = s.drifted, None
            text = "What should agree does so again"
            said.append(self._says(FindingKind.RECOVERED, frame, "sensor_drift", text, which))
        return said

    def _says(self, kind: FindingKind, frame: Frame, cause: str, text: str, which: int) -> Finding:
        pair = self.state.pairs[which]
        raised = kind == FindingKind.RAISED
        evidence = Evidence(
            feature=FEATURES[which],
            value=round(pair.last, 2),
            expected=round(pair.usual.mean, 2),
            unit="" if which == FLOW else "K",
            signals=SHOWN[which],
            window_from=time_of(frame.ts_ms - 30 * DAY_MS),
            window_to=frame.ts,
            notes=("Compare with a thermometer, or with a scan tool after a night",)
            if raised
            else (),
        )
        urgency = Urgency.SERVICE if raised else Urgency.INFO
        return self.says(kind, frame, cause, urgency, 0.75 if raised else 0.8, text, evidence)


FEATURES = (
    "coolant above outside air after a night",
    "tires above outside air after a night",
    "coolant above tires after a night",
    "intake above outside air on the road",
    "logarithm of air flow over engine speed and filling",
)
SHOWN = (
    ("coolant_temp_c", "ambient_temp_c", "tire_temp_front_left_c"),
    ("ambient_temp_c", "tire_temp_front_left_c"),
    ("coolant_temp_c", "tire_temp_front_left_c"),
    ("intake_air_temp_c", "ambient_temp_c"),
    ("air_flow_g_s", "engine_speed_rpm", "intake_pressure_kpa"),
)


def _words(which: int, sensor: str, shift: float) -> str:
    """What is wrong, in words.

    >>> _words(FLOW, "Air-flow meter", log(0.7)), _words(INTAKE_AIR, "Intake air sensor", -11.2)
    ('Air-flow meter reads 30 % low', 'Intake air sensor reads 11 K low on the road')
    >>> _words(TIRE_AIR, "Outside air sensor", -9.0)
    'Outside air sensor reads 9 K high after a night'
    """
    if which == FLOW:
        return (
            f"{sensor} reads {abs(100 * (exp(shift) - 1)):.0f} % {'high' if shift > 0 else 'low'}"
        )
    high = (shift > 0) != sensor.startswith("Outside")  # the outside is what is taken off
    where = "on the road" if which == INTAKE_AIR else "after a night"
    return f"{sensor} reads {abs(shift):.0f} K {'high' if high else 'low'} {where}"


def _wider(span: tuple[float, float] | None, value: float) -> tuple[float, float]:
    """The span of values with one more."""
    return (value, value) if span is None else (min(span[0], value), max(span[1], value))
