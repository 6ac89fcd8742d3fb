"""Odometers don't run backwards. What to do when one says that it does.

A single low reading is a glitch or another car's data, and its frame goes to quarantine. But an
instrument cluster can be replaced, and a single high glitch must not shut a car out for ever: a car
that keeps to its lower reading is believed in the end.
"""

from dataclasses import dataclass

TOLERANCE_M = 2_000
"""Sources of one car differ by as much: whole kilometres on one bus, metres on another."""

INSISTS_FRAMES = 30
INSISTS_MS = 10 * 60 * 1000
"""A lower reading is believed after so many refused frames in a row, over so long a time."""


@dataclass(frozen=True, slots=True)
class Odometer:
    """What is known of one car's odometer.

    Parameters
    ----------
    ts_ms : int
        Time of the newest frame that told it.
    reading_m : int
        What it said.
    doubts : int
        Frames refused in a row since.
    doubted_from_ms : int
        Time of the first of those.
    doubted_m : int
        Reading of the last of those.
    """

    ts_ms: int
    reading_m: int
    doubts: int = 0
    doubted_from_ms: int = 0
    doubted_m: int = 0


def follow(known: Odometer | None, ts_ms: int, reading_m: int) -> tuple[Odometer, str | None]:
    """Take in one more reading.

    Returns
    -------
    Odometer
        What is known now.
    str or None
        Why the frame is refused, a sentence.

    Examples
    --------
    >>> known, refused = follow(None, 1_000, 50_000_000)
    >>> known, refused = follow(known, 2_000, 20_000)
    >>> refused
    'The odometer went backwards, from 50,000 km to 20 km.'
    """
    if known is None:
        return Odometer(ts_ms, reading_m), None
    if ts_ms <= known.ts_ms:
        return known, None  # a late frame: it may well be lower
    if reading_m >= known.reading_m - TOLERANCE_M:
        return Odometer(ts_ms, max(reading_m, known.reading_m)), None
    steady = known.doubts > 0 and abs(reading_m - known.doubted_m) < 100_000
    doubts = known.doubts + 1 if steady else 1
    since_ms = known.doubted_from_ms if steady else ts_ms
    if doubts > INSISTS_FRAMES and ts_ms - since_ms >= INSISTS_MS:
        return Odometer(ts_ms, reading_m), None
    return (
        Odometer(known.ts_ms, known.reading_m, doubts, since_ms, reading_m),
        f"The odometer went backwards, from {known.reading_m // 1000:,} km "
        f"to {reading_m // 1000:,} km.",
    )
