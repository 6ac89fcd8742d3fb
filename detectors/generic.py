"""Any numbers with a time: how strange is this row, from 0 to 1, given all rows before it?

A workshop's view: nobody told us what this signal means, so we can only say "this car has never
done that". Two questions are asked of each row.

**Has this signal been here before?** (`Signal`.) The *novelty* of a value is its distance to the
nearest value ever seen: nearest-neighbour detection in one dimension (Chandola, Banerjee, Kumar:
"Anomaly Detection: A Survey", ACM Computing Surveys 41(3), 2009, section 5). New ground is broken
often at first and ever more rarely later, so a novelty is compared with the root mean square of the
novelties before it. It is asked of the value, as it is and by its order of magnitude, and of the
median of the last `WINDOW` rows, which answers to a new level and not to a spike. Only what beats
the last `WINDOW` rows counts: one event is told once.

**Do these signals still belong together?** (`Together`, for two signals or more.) Hotelling's T² as
in process control (Montgomery, "Introduction to Statistical Quality Control", chapter 11): the
first `LEARN` rows (phase I) teach means and covariance of the smoothed signals; later rows (phase
II) are measured by them. Two things drift in healthy machines and may: the means follow slowly (an
oil that gets warm), and so does the size of T² that is usual for this record. Unlike novelty it
stays up as long as the signals stay apart.

Both speak in natural logarithms ("so many e-folds beyond what is usual"). The score of a row is the
larger of the two, of novelty the mean over the signals, squeezed into 0 to 1: `HALF` e-folds are
0.5, where alarms are worth a look in one signal and in many.

One causal pass; each signal remembers at most `MEMORY` values and as many levels, the last `WINDOW`
values, and, while it learns, `LEARN` rows. Rows are steps: how much time lies between two doesn't
matter. Where the numbers come from, and how little they matter: ``docs/benchmarks.md``.

Examples
--------
An engine at operating temperature, and a leap of its thermostat:

>>> scan = Scan(1)
>>> quiet = [scan.update([90 + step % 7 / 2]) for step in range(600)]
>>> max(quiet), round(scan.update([104.0]), 2), scan.update([104.0])
(0.0, 0.81, 0.0)
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from river import stats

WINDOW = 150
"""Rows of the running median, of the silence after an event, and before the first."""
MEMORY = 2000
"""Values that a signal remembers; of more, those go that their neighbours speak for."""
LEARN = 400
"""Rows that teach what belongs together; also the pace at which that may drift."""
SMOOTH = 20
"""Half-life, in rows, of the smoothing before signals are compared."""
CLIP = 3.0
"""Standard deviations; what is farther off moves the means no faster."""
HALF = 2.5
"""E-folds beyond the usual that make a score of 0.5."""
LARGEST = 1e100
"""What is larger is taken for this: its square can still be added up."""


def strangeness(distance: float, usual: float) -> float:
    """E-folds of a distance beyond what is usual.

    Examples
    --------
    >>> strangeness(0.0, 2.0), round(strangeness(12.8, 2.0), 2)
    (0.0, 2.0)
    """
    return math.log1p(distance / usual)


def score(strange: float) -> float:
    """E-folds squeezed into 0 to 1.

    Examples
    --------
    >>> score(0.0), score(HALF), score(3 * HALF)
    (0.0, 0.5, 0.75)
    """
    return strange / (strange + HALF)


class Memory:
    """Values seen so far, in order; when it is full, crowded ones are forgotten.

    Examples
    --------
    >>> memory = Memory()
    >>> [memory.nearest(value) for value in (5.0, 7.0, 6.5, 5.0)]
    [5.0, 5.0, 7.0, 5.0]
    """

    def __init__(self) -> None:
        self._values: list[float] = []

    def nearest(self, value: float) -> float:
        """The value seen that is nearest (itself for the first), then remember this one."""
        values = self._values
        at = bisect_left(values, value)
        around = values[max(at - 1, 0) : at + 1]
        near = min(around, key=lambda seen: abs(seen - value), default=value)
        if near != value or not values:
            values.insert(at, value)
            if len(values) > MEMORY:
                self._thin()
        return near

    def _thin(self) -> None:
        """Of every second value, forget the half whose going opens the smallest gaps."""
        values = np.array(self._values)
        gaps = (values[2:] - values[:-2])[::2]
        keep = np.ones(len(values), bool)
        keep[1:-1:2] = gaps > np.median(gaps)
        self._values = values[keep].tolist()


class Novelty:
    """How far new ground lies from old, in e-folds beyond what is usual."""

    def __init__(self) -> None:
        self._square = stats.Mean()

    def update(self, distance: float) -> float:
        """Judge one distance, then learn it."""
        usual = math.sqrt(self._square.get())
        if not usual and distance:
            # What never moved and now does is as strange as it kept still for long.
            strange = math.log1p(math.sqrt(self._square.n))
        else:
            strange = strangeness(distance, usual or 1.0)
        self._square.update(distance * distance)
        return strange


class Signal:
    """One signal: the novelty of its value and of its level."""

    def __init__(self) -> None:
        self._rows = 0
        self._values, self._levels = Memory(), Memory()
        self._by_value, self._by_magnitude, self._by_level = Novelty(), Novelty(), Novelty()
        self._median = stats.RollingQuantile(0.5, WINDOW)
        self._highest: deque[tuple[int, float]] = deque()  # falling; the first is the window's

    def update(self, value: float) -> float:
        """E-folds of novelty, 0 unless it beats the last `WINDOW` rows.

        Parameters
        ----------
        value : float
            NaN: nothing was measured, and nothing is learned.
        """
        if math.isnan(value):
            return 0.0
        near = self._values.nearest(value)
        novelty = self._by_value.update(abs(value - near)) + self._by_magnitude.update(
            abs(math.asinh(value) - math.asinh(near))
        )
        self._median.update(value)
        level = self._median.get()
        assert level is not None
        novelty = max(novelty, 2 * self._by_level.update(abs(level - self._levels.nearest(level))))
        return self._if_highest(novelty)

    def _if_highest(self, novelty: float) -> float:
        highest = self._highest
        self._rows += 1
        if highest and highest[0][0] < self._rows - WINDOW:
            highest.popleft()
        record = not highest or novelty > highest[0][1]
        while highest and highest[-1][1] <= novelty:
            highest.pop()
        highest.append((self._rows, novelty))
        return novelty if record and self._rows > WINDOW else 0.0


class Together:
    """Several signals: how far they are from where they are together."""

    def __init__(self, count: int) -> None:
        self._smooth = np.full(count, np.nan)
        self._learned: list[NDArray[np.float64]] = []
        self._usual = 0.0

    def update(self, row: NDArray[np.float64]) -> float:
        """E-folds of T² beyond what is usual, 0 while it learns."""
        known = np.where(np.isnan(row), self._smooth, row)
        step = (1 - 0.5 ** (1 / SMOOTH)) * (known - self._smooth)
        self._smooth = np.where(np.isnan(self._smooth), known, self._smooth + step)
        if len(self._learned) < LEARN:
            self._learned.append(self._smooth)
            if len(self._learned) == LEARN:
                self._learn(np.array(self._learned))
            return 0.0
        off = (self._smooth[self._moving] - self._mean) / self._spread
        size = math.log(off @ self._inverse @ off / max(len(off), 1) + 1e-9)
        strange = size - self._usual
        self._usual = max(self._usual + math.copysign(1 / LEARN, strange), 0.0)
        self._mean += np.clip(off, -CLIP, CLIP) * self._spread / LEARN
        return max(strange, 0.0)

    def _learn(self, rows: NDArray[np.float64]) -> None:
        """Means from the younger half; a signal that stood still or was absent tells nothing."""
        rows = rows[SMOOTH:]
        spread = rows.std(axis=0)
        self._moving = spread > 1e-9 * np.abs(rows).max(axis=0)
        self._spread = spread[self._moving]
        self._mean = np.median(rows[len(rows) // 2 :, self._moving], axis=0)
        scaled = (rows[:, self._moving] - rows[:, self._moving].mean(axis=0)) / self._spread
        correlation = scaled.T @ scaled / len(rows)
        self._inverse = np.linalg.inv(correlation + 1e-6 * np.eye(len(correlation)))


class Scan:
    """One record of one or several signals.

    Parameters
    ----------
    count : int
        Signals in a row.
    """

    def __init__(self, count: int) -> None:
        self._signals = [Signal() for _ in range(count)]
        self._together = Together(count) if count > 1 else None

    def update(self, row: Sequence[float]) -> float:
        """Score one row, then learn it.

        Parameters
        ----------
        row : sequence of float
            A value of each signal; NaN or infinite where there is none.

        Returns
        -------
        float
            0, nothing strange, to 1.
        """
        values = [
            min(max(value, -LARGEST), LARGEST) if math.isfinite(value) else math.nan
            for value in row
        ]
        novelties = [
            signal.update(value) for signal, value in zip(self._signals, values, strict=True)
        ]
        strange = sum(novelties) / len(novelties)
        if self._together:
            strange = max(strange, self._together.update(np.array(values)))
        return score(strange)
