"""What every detector asks of a car: is it driving, since when, and how long had it rested?

A bank keeps one `Drive` for its vehicle, tells it each frame before its detectors see that frame,
and lends it to all of them; they only read it.
"""

import msgspec

from detectors.reading import HOUR_MS, MINUTE_MS, number, running
from record.flow import Frame

VERSION = 3
"""Raised with every change of the rule or of the fields, as a detector's version is."""

SIGNALS = ("ambient_temp_c", "engine_running", "engine_speed_rpm", "ignition", "speed_kmh")
"""What it reads, whatever the detectors of a bank read."""

GAP_MS = 5 * MINUTE_MS
"""A silence that ends a drive: gateways speak every few seconds to a minute while awake."""

AMBIENT_MS = 6 * HOUR_MS
"""So long a reading of the outside air is worth something."""

SAME_MS = 36 * HOUR_MS
"""A day and a night and half of the next, also for a car that is heard on its way to work only:
under clouds too the air moves by 2 K. What moved before and says the very same for so long is no
thermometer (P0071, range and performance), or the car stands in a cellar. One that never moved
misleads nobody."""

JUMP_K = 15.0
"""From one reading to the next, more than from a night to the day (continental weather's daily
range). A garage's door does it, and then it goes on moving; a sensor that breaks stays where it
jumped to."""


class Drive(msgspec.Struct, array_like=True, gc=False):
    """Where the car is in its day. Times are the car's, in ms; 0 is never.

    A drive begins when the ignition is switched on (an engine that runs, or a wheel that turns,
    says so too) and ends when it is switched off, or with a silence of `GAP_MS`. An engine that
    stands ends it only after `GAP_MS` too: it may wait at a light, or have failed to start.

    Attributes
    ----------
    at_ms : int
        The last frame, of whatever kind.
    since_ms : int
        When the drive now under way began; 0 while parked.
    awake_ms : int
        The last frame of a drive: of this one, or of the one before while parked.
    rested_ms : int
        How long the car had been parked when the drive under way, or the last one, began; 0 where
        unknown (the first drive seen, or one cut in two by a silence while it moved).
    engine_since_ms : int
        Since when the engine runs without a pause of `GAP_MS`; 0 while it stands. A hybrid's engine
        starts and stops many times in one drive.
    step_ms : int
        Between the last two frames of the drive under way: what to integrate over. 0 for a drive's
        first frame and while parked.
    begins, ends : bool
        Whether this very frame is a drive's first, or the first after one. After a silence the
        first frame of the next drive both ends the old and begins the new.
    read_c : float or None
        The outside temperature that was read last, °C; `ambient_c` says whether it is believed.
    ambient_ms : int
        When that was; 0 if this car never told it.
    same_ms : int
        Since when it is the very same; 0 while it never moved.
    jumped : bool
        Whether it jumped there.

    Examples
    --------
    >>> drive = Drive()
    >>> for s, ignition in ((0, "OFF"), (7200, "ON"), (7210, "ON"), (7220, "OFF")):
    ...     drive.see(Frame(1, 1000 * s + 1, {"ignition": ignition}))
    ...     print(ignition, drive.begins, drive.ends, drive.rested_ms // 60_000)
    OFF False False 0
    ON True False 120
    ON False False 120
    OFF False True 120
    """

    at_ms: int = 0
    since_ms: int = 0
    awake_ms: int = 0
    rested_ms: int = 0
    engine_since_ms: int = 0
    engine_ms: int = 0
    parked_ms: int = 0
    step_ms: int = 0
    begins: bool = False
    ends: bool = False
    read_c: float | None = None
    ambient_ms: int = 0
    same_ms: int = 0
    jumped: bool = False

    def see(self, frame: Frame) -> None:
        """Take the next frame."""
        now = frame.ts_ms
        signals = frame.signals
        under_way = self.since_ms != 0
        engine = running(frame)
        ignition = signals.get("ignition")
        moving = number(frame, "speed_kmh", 1, 500) is not None
        if engine or moving or ignition == "ON" or ignition == "START":
            on: bool | None = True
        elif ignition is not None:
            on = False
        else:
            on = False if engine is False and not under_way else None
        silent = under_way and now - self.awake_ms > GAP_MS
        self.begins = self.ends = False
        self.step_ms = 0
        if on:
            if not under_way or silent:
                self.begins, self.ends = True, under_way
                # parked since it was seen parked, or else since the last drive's last word
                parked_from = self.parked_ms or (0 if moving else self.awake_ms)
                self.rested_ms = now - parked_from if parked_from else 0
                self.since_ms = now
                self.engine_since_ms = 0
            else:
                self.step_ms = now - self.awake_ms
            self.awake_ms, self.parked_ms = now, 0
        elif under_way and (on is False or silent):
            self.ends = True
            self.since_ms = self.engine_since_ms = 0
            self.parked_ms = self.awake_ms
        elif not under_way and on is False and not self.parked_ms:
            self.parked_ms = self.awake_ms or now
        if engine:
            if not self.engine_since_ms or now - self.engine_ms > GAP_MS:
                self.engine_since_ms = now
            self.engine_ms = now
        elif engine is False:
            self.engine_since_ms = 0
        ambient_c = number(frame, "ambient_temp_c", -60, 70)
        if ambient_c is not None:
            self._feel(ambient_c, now)
        self.at_ms = now

    def _feel(self, ambient_c: float, now: int) -> None:
        """Take a reading of the outside air."""
        if self.read_c is not None and ambient_c != self.read_c:
            self.jumped = abs(ambient_c - self.read_c) > JUMP_K
            self.same_ms = now
        self.read_c, self.ambient_ms = ambient_c, now

    @property
    def ambient_c(self) -> float | None:
        """Outside temperature, °C; None where it is unknown, old, or does not move as air does."""
        old = self.at_ms - self.ambient_ms > AMBIENT_MS
        still = self.same_ms and self.ambient_ms - self.same_ms >= SAME_MS
        return None if old or still or self.jumped else self.read_c
