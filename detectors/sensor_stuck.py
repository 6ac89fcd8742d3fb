"""A sensor says the same, whatever happens to what it measures."""

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, HOUR_MS, MINUTE_MS, number, running
from record.flow import Evidence, FindingKind, Frame, Urgency

TIRES = tuple(
    f"tire_pressure_{wheel}_kpa"
    for wheel in ("front_left", "front_right", "rear_left", "rear_right")
)
SENSORS = ("coolant_temp_c", "air_flow_g_s", "intake_air_temp_c", "ambient_temp_c", *TIRES)
COOLANT, AIR_FLOW, INTAKE, AMBIENT = range(4)

WORDS = (
    "coolant temperature",
    "air flow",
    "intake air temperature",
    "outside temperature",
    "tire pressure front left",
    "tire pressure front right",
    "tire pressure rear left",
    "tire pressure rear right",
)

DRIVES = (2, 2, 3, 8, 3, 3, 3, 3)
"""Drives with the same reading, by sensor, in each of which it should have moved. Outside it may be
as warm for days; then something else must have told other weather (`WEATHER_K`)."""

LASTS_MS = 8 * MINUTE_MS
READINGS = 20

RESTED_MS = 3 * HOUR_MS
"""An engine that stood so long has cooled by half or more, and warms up by tens of kelvins."""

SPEEDS_KMH = (5, 40)
"""Standing and driving: intake air is then warmed by the engine, or is not."""

REVS_RPM = 600
"""Between the lowest and the highest engine speed: air flow follows."""

WARMS = 0.025
"""Share of its pressure that a tire gains at least, in any unit, when it warms up: 15 to 20 K are
6 to 8 % (1 psi for 10 °F)."""

WEATHER_K = 6.0
"""Between the coldest and the warmest of what stands in the same air: coolant or tires of a car
that stood for long, and the air that the engine takes in."""

SWAPPED_K = 3.0
"""Outside air that changes so much within a drive is intake air: the two have changed places."""

COLD_MS = 6 * HOUR_MS

MOVED = 3
"""Drives in which it did move: else it is one that this car lacks, and a gateway that fills in."""

WELL = 16
"""Drives in which it moves again. A loose plug has good days."""

STEPS = 100
"""Readings are compared in hundredths, the finest that J1979 tells of any of them (air flow)."""


NEVER = 30_000
"""More than any engine speed or road speed."""


class Watched(msgspec.Struct, array_like=True, gc=False):
    """One sensor: this drive's readings, and the value it may be stuck at, in hundredths."""

    n: int = 0
    low: int = 0
    high: int = 0
    value: int | None = None
    same: int = 0
    moved: int = 0
    well: int = 0
    told: bool = False


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    sensors: list[Watched] = msgspec.field(default_factory=lambda: [Watched() for _ in SENSORS])
    # this drive
    drive_ms: int = 0
    last_ms: int = 0
    rested_ms: int = 0
    least_rpm: int = 0
    most_rpm: int = 0
    least_kmh: int = 0
    most_kmh: int = 0
    weather_c: float | None = None
    # since the outside temperature stays the same
    coldest_c: float | None = None
    warmest_c: float = 0.0


class SensorStuck(Detector[State]):
    """A sensor that no longer moves with what it measures.

    What fails: a thermistor opens behind a substitute value, a wire chafes, a hot wire burns, a
    gateway repeats what it last heard. How it shows: nothing is out of range, so no circuit code is
    set; but a value that is exactly the same while everything around it moves is not measured.
    On-board diagnosis calls it rationality (P0116 coolant, P0101 air flow, P0111 intake, P0071
    outside) and needs two drives; so do we, and ask of each drive whether the sensor had to move:

    - coolant: the engine started cold (3 h of rest) and ran eight minutes
    - air flow: the engine's speed changed by 600 rpm
    - intake air: the car stood and drove faster than 40 km/h
    - outside air: on eight drives, while tires, intake or cold coolant saw 6 K of other weather
    - a tire's pressure: two other tires gained 2.5 % by warming up

    Coarse sensors and a car that is parked for weeks are innocent: they have nothing to follow. So
    is a signal that never moved (this car lacks it), and one that is the same for a drive or two.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = SensorStuck(car)
    >>> for day in range(1, 9):
    ...     for s in range(0, 700, 10):
    ...         coolant_c = 62.0 if day > 4 else 10.0 + s / 10
    ...         signals = {"coolant_temp_c": coolant_c, "speed_kmh": 9.0 * (s > 0),
    ...                    "engine_speed_rpm": 1500.0, "ignition": "ON"}
    ...         frame = Frame(1, day * DAY_MS + s * 1000, signals)
    ...         detector.drive.see(frame)
    ...         finding = detector.update(frame)
    ...         if finding:
    ...             print(day, finding.kind, finding.summary)
    7 raised Sensor of coolant temperature stuck at 62: the same on 2 drives
    """

    name = "sensor_stuck"
    version = 4
    signals = (
        *SENSORS,
        "engine_speed_rpm",
        "speed_kmh",
        "tire_temp_front_left_c",
    )
    causes = ("sensor_stuck",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        drive = self.drive
        answer = None
        if s.drive_ms and drive.since_ms != s.drive_ms:
            answer = self._judge(frame)
            s.drive_ms = 0
        if drive.since_ms:
            if not s.drive_ms:
                self._begin()
            self._read(frame)
        return answer

    def _begin(self) -> None:
        s = self.state
        s.drive_ms, s.rested_ms = self.drive.since_ms, self.drive.rested_ms
        for sensor in s.sensors:
            sensor.n = 0
        s.least_rpm = s.least_kmh = NEVER
        s.most_rpm = s.most_kmh = 0
        s.weather_c = None

    def _read(self, frame: Frame) -> None:
        """Take the drive's next readings."""
        s = self.state
        s.last_ms = frame.ts_ms
        on = running(frame)
        rpm = number(frame, "engine_speed_rpm", 0, 20_000)
        if on and rpm is not None:
            s.least_rpm, s.most_rpm = min(s.least_rpm, int(rpm)), max(s.most_rpm, int(rpm))
        kmh = number(frame, "speed_kmh", 0, 500)
        if kmh is not None:
            s.least_kmh, s.most_kmh = min(s.least_kmh, int(kmh)), max(s.most_kmh, int(kmh))
        for which, (sensor, name) in enumerate(zip(s.sensors, SENSORS, strict=True)):
            value = number(frame, name, -1000, 10_000)
            if value is None or (which == AIR_FLOW and not on):
                continue
            steps = round(value * STEPS)
            if not sensor.n:
                sensor.low = sensor.high = steps
            elif steps < sensor.low:
                sensor.low = steps
            elif steps > sensor.high:
                sensor.high = steps
            sensor.n = min(sensor.n + 1, READINGS)
        if s.weather_c is None and s.rested_ms >= COLD_MS:
            cold = number(frame, "tire_temp_front_left_c", -60, 90)
            s.weather_c = number(frame, "coolant_temp_c", -60, 90) if cold is None else cold

    def _judge(self, frame: Frame) -> Answer:
        """The drive is over: what moved, and what should have?"""
        s = self.state
        if s.weather_c is None and s.sensors[INTAKE].n >= READINGS:
            s.weather_c = s.sensors[INTAKE].low / STEPS
        news, well = None, False
        for which, sensor in enumerate(s.sensors):
            if not self._had_to_move(which, sensor) or not self._compared(which, sensor):
                continue
            if sensor.same >= DRIVES[which] and not sensor.told and self._weather(which):
                news = which
            elif sensor.told and sensor.well >= WELL:
                sensor.told, well = False, True
        if news is not None:
            return self._raised(frame, news)
        return self._recovered(frame) if well and not any(x.told for x in s.sensors) else None

    def _had_to_move(self, which: int, sensor: Watched) -> bool:
        """Whether what drives the sensor moved in this drive."""
        s = self.state
        lasted = s.last_ms - s.drive_ms >= LASTS_MS
        if which == COOLANT:
            return lasted and s.rested_ms >= RESTED_MS and s.most_rpm > 0 and sensor.n >= 5
        if which == AIR_FLOW:
            return s.most_rpm - s.least_rpm >= REVS_RPM and sensor.n >= READINGS
        if which == INTAKE:
            stood, drove = s.least_kmh < SPEEDS_KMH[0], s.most_kmh > SPEEDS_KMH[1]
            outside = s.sensors[AMBIENT]
            swapped = outside.n > 0 and outside.high - outside.low > SWAPPED_K * STEPS
            return lasted and stood and drove and sensor.n >= READINGS and not swapped
        if which == AMBIENT:
            return sensor.n > 0
        others = (x for x in s.sensors[AMBIENT + 1 :] if x is not sensor and x.n >= 2)
        return sensor.n >= 2 and sum(x.high > x.low * (1 + WARMS) for x in others) >= 2

    def _compared(self, which: int, sensor: Watched) -> bool:
        """Compare with the value that it may be stuck at; whether that is worth a look."""
        s = self.state
        stuck = sensor.low == sensor.high
        if stuck and sensor.low == sensor.value:
            sensor.same += 1
            sensor.well = 0
            if which == AMBIENT and s.weather_c is not None:
                s.coldest_c = min(s.weather_c if s.coldest_c is None else s.coldest_c, s.weather_c)
                s.warmest_c = max(s.warmest_c, s.weather_c)
            return sensor.moved >= MOVED
        sensor.well = min(sensor.well + 1, WELL)
        sensor.moved = min(sensor.moved + 1, MOVED)
        sensor.same = max(sensor.same - 1, 0)
        if not sensor.same and not sensor.told:
            sensor.value = sensor.low if stuck else None
            sensor.same = int(stuck)
            if which == AMBIENT:
                s.coldest_c = s.weather_c
                s.warmest_c = -1000.0 if s.weather_c is None else s.weather_c
        return sensor.told

    def _weather(self, which: int) -> bool:
        s = self.state
        return which != AMBIENT or (
            s.coldest_c is not None and s.warmest_c - s.coldest_c >= WEATHER_K
        )

    def _raised(self, frame: Frame, which: int) -> Answer:
        s = self.state
        sensor = s.sensors[which]
        value = sensor.low / STEPS
        kind = FindingKind.REFRESHED if any(x.told for x in s.sensors) else FindingKind.RAISED
        sensor.told, sensor.well = True, 0
        return self.says(
            kind,
            frame,
            self.causes[0],
            Urgency.SERVICE,
            0.8,
            f"Sensor of {WORDS[which]} stuck at {value:g}: the same on {sensor.same} drives",
            Evidence(
                feature=WORDS[which],
                value=value,
                signals=(SENSORS[which], "engine_speed_rpm", "speed_kmh"),
                window_from=time_of(frame.ts_ms - 7 * DAY_MS),
                window_to=frame.ts,
                notes=("What drives it moved each time", "Check plug and wires before the sensor"),
            ),
        )

    def _recovered(self, frame: Frame) -> Answer:
        return self.says(
            FindingKind.RECOVERED,
            frame,
            self.causes[0],
            Urgency.INFO,
            0.8,
            f"Every sensor moves again, on {WELL} drives",
            Evidence(feature="readings that stay the same", window_to=frame.ts),
        )
