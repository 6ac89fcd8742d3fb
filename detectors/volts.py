"""What the 12 V system says of itself: once each rest, and once each start.

Voltage and current mean nothing without the moment. With the engine off for hours they tell the
charge and what is drawn; under the starter, what the battery and its cables can give; in the first
minutes of a drive, what the alternator makes, for there even a smart one charges like any other
(later its management lets the voltage sink, once the battery is full).
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from detectors.drive import Drive
from detectors.reading import DAY_MS, HOUR_MS, MINUTE_MS, number, running
from record.flow import Frame

SIGNALS = (
    "battery_voltage_v",
    "battery_current_a",
    "ignition",
    "engine_speed_rpm",
    "engine_running",
    "speed_kmh",
    "ambient_temp_c",
    "intake_air_temp_c",
)

REST_MS = 4 * HOUR_MS
"""After charging, the surface charge needs hours to fade before the voltage tells the charge."""

REST_V_PER_C = 0.0015

CHARGED_V = 13.0
"""More than any battery has at rest: a charger, or an electric car's converter, feeds it."""

EMPTIED_V = 0.25
"""A rest so much below the one before: about a third of the charge, gone at once. Lamps left on or
a door ajar do that, and wear does not."""

FLAT_V = 9.0
"""Less is no battery at rest but one that is cranked, or a wire."""

FIRST_MS, LAST_MS = 20_000, 4 * MINUTE_MS
"""Since the start: what the battery lost by it is back, and no smart alternator rests yet."""

STANDS_KMH, MOVES_KMH = 3.0, 10.0
"""The alternator turns at its slowest, or faster."""

BOTH = 3
"""Readings of either, before they are compared."""


class Rest(NamedTuple):
    """A rest, or a day of a long one.

    Attributes
    ----------
    at_ms, idle_ms : int
        Its last reading, and how long nothing had charged the battery then; 0 where unknown.
    volt, temp_c : float
        That reading, and the air.
    fell_v, hours : float
        From the first reading that tells to the last, at 20 °C; and the time between them.
    draw_a : float or None
        The least that was drawn, where the car has a sensor.
    goes_on : bool
    """

    at_ms: int
    idle_ms: int
    volt: float
    temp_c: float | None
    fell_v: float
    hours: float
    draw_a: float | None
    goes_on: bool


class Start(NamedTuple):
    """A start and the first minutes after it.

    Attributes
    ----------
    at_ms, rested_ms : int
    temp_c : float or None
        Of the battery: outside air before the start; in a car that never tells it, the air in the
        cold intake. One for the other would pass for weather.
    crank_v : float or None
        The lowest voltage under the starter.
    charging_v : float or None
    sag_v : float or None
        How much less it is while the car stands than while it moves.
    """

    at_ms: int
    rested_ms: int
    temp_c: float | None
    crank_v: float | None
    charging_v: float | None
    sag_v: float | None


class _Mean(msgspec.Struct, array_like=True, gc=False):
    sum: float = 0.0
    n: int = 0

    def add(self, value: float) -> None:
        self.sum += value
        self.n += 1

    def get(self) -> float | None:
        return self.sum / self.n if self.n else None


class Volts(msgspec.Struct, array_like=True, gc=False):
    """The rest or the start under way. Times are the car's, in ms; 0 is never.

    Examples
    --------
    >>> drive, volts = Drive(), Volts()
    >>> night = [{"ignition": "OFF", "battery_voltage_v": 12.6 - h / 400} for h in range(13)]
    >>> day = [{"ignition": "START", "battery_voltage_v": 10.3}] + 70 * [
    ...     {"engine_speed_rpm": 900.0, "battery_voltage_v": 14.3, "ambient_temp_c": 9.0}]
    >>> for n, signals in enumerate(night + day):
    ...     frame = Frame(1, 1 + (n * HOUR_MS if n < 13 else 13 * HOUR_MS + n * 5000), signals)
    ...     drive.see(frame)
    ...     for one in volts.see(frame, drive, electric=False):
    ...         told = (x and round(x, 2) for x in one[2:6])
    ...         print(type(one).__name__, tuple(told))
    Rest (12.57, None, 0.02, 8.0)
    Start (9.0, 10.3, 14.3, None)
    """

    charged_ms: int = 0
    started_ms: int = 0  # of a start that is not told yet
    rested_ms: int = 0  # before it
    temp_c: float | None = None
    crank_v: float | None = None
    crank_ms: int = 0
    moving: _Mean = msgspec.field(default_factory=_Mean)
    standing: _Mean = msgspec.field(default_factory=_Mean)
    settles_ms: int = 0  # since when nothing charges
    first_v: float = 0.0
    first_ms: int = 0
    last_v: float = 0.0
    last_ms: int = 0
    rest_temp_c: float | None = None
    draw_a: float | None = None

    def see(self, frame: Frame, drive: Drive, electric: bool) -> Sequence[Rest | Start]:
        """Take a frame that `drive` has seen; give what it completes.

        Parameters
        ----------
        frame, drive
        electric : bool
            Whether a converter charges, engine or not.
        """
        done: list[Rest | Start] = []
        if self.started_ms and frame.ts_ms - self.started_ms > LAST_MS:
            done.append(self._started(drive, electric))
        volt = number(frame, "battery_voltage_v", 3, 18)
        if volt is not None and volt > CHARGED_V:
            self.charged_ms = frame.ts_ms
        if drive.begins and self.started_ms:
            self.settles_ms = 0  # key on, engine still: the same start goes on
        elif drive.begins:
            slept = min(drive.rested_ms, frame.ts_ms - self.settles_ms) >= REST_MS
            if slept and not self.last_ms and volt is not None and not turns(frame):
                self._read(frame, drive, volt)  # all that we hear of the rest
            done += self._rested(goes_on=False)
            self._begin(frame, drive)
        if drive.since_ms:
            if self.started_ms:
                self._driving(frame, drive, volt, electric)
            return done
        if not self.settles_ms:
            self.settles_ms = drive.parked_ms
        if turns(frame):
            self._cranks(frame, volt)
            self.settles_ms = frame.ts_ms
            done += self._rested(goes_on=False)
        elif volt is not None and self.settles_ms and frame.ts_ms - self.settles_ms >= REST_MS:
            if self.first_ms and frame.ts_ms - self.first_ms > DAY_MS:
                done += self._rested(goes_on=True)
            self._read(frame, drive, volt)
        return done

    def _begin(self, frame: Frame, drive: Drive) -> None:
        self.started_ms, self.rested_ms, self.settles_ms = frame.ts_ms, drive.rested_ms, 0
        self.temp_c = drive.ambient_c
        if frame.ts_ms - self.crank_ms > MINUTE_MS:
            self.crank_v = None
        self.moving, self.standing = _Mean(), _Mean()

    def _driving(self, frame: Frame, drive: Drive, volt: float | None, electric: bool) -> None:
        if self.temp_c is None and not drive.ambient_ms:
            self.temp_c = number(frame, "intake_air_temp_c", -50, 60)
        if volt is None:
            return
        if not electric and not running(frame):
            if turns(frame):
                self._cranks(frame, volt)
            return
        since_ms = drive.since_ms if electric else drive.engine_since_ms
        if frame.ts_ms - since_ms < FIRST_MS:
            return
        speed_kmh = number(frame, "speed_kmh", 0, 500)
        if speed_kmh is None and electric:
            return  # it may only be switched on
        if speed_kmh is None or speed_kmh >= MOVES_KMH:
            self.moving.add(volt)
        elif speed_kmh < STANDS_KMH:
            self.standing.add(volt)

    def _started(self, drive: Drive, electric: bool) -> Start:
        moving_v, standing_v = self.moving.get(), self.standing.get()
        sag_v = None
        enough = min(self.moving.n, self.standing.n) >= BOTH
        if enough and moving_v is not None and standing_v is not None:
            sag_v = moving_v - standing_v
        start = Start(
            self.started_ms,
            self.rested_ms,
            self.temp_c if self.temp_c is not None else drive.ambient_c,
            self.crank_v,
            standing_v if moving_v is None and not electric else moving_v,
            sag_v,
        )
        self.started_ms, self.crank_v = 0, None
        return start

    def _cranks(self, frame: Frame, volt: float | None) -> None:
        if volt is not None:
            self.crank_v = volt if self.crank_v is None else min(self.crank_v, volt)
            self.crank_ms = frame.ts_ms

    def _read(self, frame: Frame, drive: Drive, volt: float) -> None:
        """Take a reading at rest."""
        now = frame.ts_ms
        if volt > CHARGED_V:
            self.settles_ms, self.first_ms, self.last_ms = now, 0, 0
            return
        if volt < FLAT_V:
            return
        current_a = number(frame, "battery_current_a", -2000, 0)
        if current_a is not None and not drive.since_ms:
            self.draw_a = -current_a if self.draw_a is None else min(self.draw_a, -current_a)
        self.last_v, self.last_ms = volt, now
        self.rest_temp_c = self.temp_c if drive.ambient_c is None else drive.ambient_c
        if not self.first_ms:
            self.first_v, self.first_ms = self._at_20(), now

    def _at_20(self) -> float:
        temp_c = 20.0 if self.rest_temp_c is None else self.rest_temp_c
        return self.last_v + REST_V_PER_C * (20.0 - temp_c)

    def _rested(self, goes_on: bool) -> list[Rest]:
        if not self.last_ms:
            return []
        rest = Rest(
            self.last_ms,
            self.last_ms - self.charged_ms if self.charged_ms else 0,
            self.last_v,
            self.rest_temp_c,
            self.first_v - self._at_20(),
            (self.last_ms - self.first_ms) / HOUR_MS,
            self.draw_a,
            goes_on,
        )
        self.first_ms = self.last_ms = 0
        self.draw_a = None
        return [rest]


def turns(frame: Frame) -> bool:
    """Whether the engine turns, by the starter or by itself."""
    rpm = number(frame, "engine_speed_rpm", 0, 20_000) or 0.0
    return frame.signals.get("ignition") == "START" or rpm > 50 or running(frame) is True
