"""Features that wear: what was usual, what is now, and when it fails.

Each is learned once a start or a rest, at 20 °C: how it answers to the cold begins with what is
known of such parts and is learned for this car from the steps between neighbours, which weather
moves and ageing does not.
"""

from math import exp, hypot, log, sqrt
from typing import NamedTuple

import msgspec

from detectors.learn import Slope, Trend, Usual

KNOWN = 8
"""Values after which we know what is usual for this car."""

FRESH = 0.4
"""Weight of the newest value in what is now."""

HORIZON_DAYS = 45.0

AHEAD_DAYS = 54.0
"""What sinks so fast that it fails sooner, nine times in ten, is told: time for parts and a visit.
Farther ahead, a trend of two weeks is no forecast."""

STEEP = (1.3, 2.1)
"""How wear may accelerate: the power of time with which a drop grows. Eight in ten of what lies
evenly between 1.2 and 2.2."""

LEVEL = 1.2
"""The whole drop at which it fails is known to this factor, eight times in ten: of 2.7 V, half a
volt less or more, for starters stall between 6.7 and 7.7 V."""

Z_80 = 1.28
"""Eight in ten of a normal distribution lie within so many standard deviations."""


class Cold(NamedTuple):
    """How a quantity answers to the cold, before anything is learned of this car.

    Parameters
    ----------
    per_c : float
        For each °C.
    weight : float
        What this knowledge is worth: so many squared °C between neighbouring values count as much.
    """

    per_c: float
    weight: float


class Level(msgspec.Struct, array_like=True, gc=False):
    """One quantity at 20 °C: what it was at first, and what it is now."""

    usual: Usual = msgspec.field(default_factory=Usual)
    now: float = 0.0  # exponentially weighted by `FRESH`
    cold: Slope = msgspec.field(default_factory=Slope)
    count: int = 0

    @property
    def known(self) -> bool:
        return self.usual.count >= KNOWN

    @property
    def drop(self) -> float:
        """How far it fell; 0 while nothing is known."""
        return self.usual.mean - self.now if self.known else 0.0

    def per_c(self, cold: Cold) -> float:
        """How it answers to the cold, as far as is known."""
        return self.cold.get(*cold)

    def at_20(self, value: float, temp_c: float, cold: Cold) -> float:
        """The value brought to 20 °C."""
        return value + self.per_c(cold) * (20.0 - temp_c)

    def learn(self, value: float, temp_c: float, cold: Cold) -> float:
        """Learn from one value; give it at 20 °C.

        Examples
        --------
        >>> level, cold = Level(), Cold(0.03, weight=1500.0)
        >>> for day in range(20):
        ...     _ = level.learn(10.4 - 0.03 * day, 20.0 - day, cold)  # winter comes
        >>> level.known, round(level.drop, 2) + 0.0
        (True, 0.0)
        """
        self.cold.learn(temp_c, value)
        at_20 = self.at_20(value, temp_c, cold)
        self.usual.learn(at_20, keep=2 * KNOWN)
        self.now += (at_20 - self.now) * (FRESH if self.count else 1.0)
        self.count += 1
        return at_20


class Wearing(Level, array_like=True, gc=False):
    """The same of what wears: with where it goes."""

    trend: Trend = msgspec.field(default_factory=lambda: Trend(memory=8))
    temp: Usual = msgspec.field(default_factory=Usual)
    last: float = 0.0
    well: int = 0  # how often in a row it was as good as new

    def see(self, day: float, value: float, temp_c: float, cold: Cold) -> None:
        """Learn from one start or rest."""
        self.trend.learn(day, self.learn(value, temp_c, cold))
        self.temp.learn(temp_c, keep=2 * KNOWN)
        self.last = value


class Verdict(NamedTuple):
    """One feature's opinion."""

    weak: bool
    sinking: bool
    value: float  # at 20 °C, smoothed
    usual: float
    days: tuple[float, float] | None  # until it fails, 80 %


def verdict(
    feature: Wearing,
    day: float,
    limit: float,
    fails: float,
    least_drop: float,
    temp_c: float,
    level: float = LEVEL,
) -> Verdict | None:
    """Judge a feature by any car's limit, by its own past, and by where it goes.

    Cars that bear less or more than `fails`, by the factor `level`, widen the days that are told,
    and not the question whether it sinks.
    """
    if feature.count < 5:
        return None
    usual, spread = feature.usual.mean, max(feature.usual.spread, least_drop / 5)
    value = feature.now
    # What the cold's slope may be wrong by, over the way from the temperatures first seen.
    least_drop += 0.01 * abs(temp_c - feature.temp.mean) * least_drop / 0.35
    fell = feature.drop > max(least_drop, 3 * spread * sqrt(FRESH / (2 - FRESH)))
    weak = value < limit - 0.4 * least_drop if fell else value < limit - 1.2 * least_drop
    rise, error = feature.trend.rise()
    days, sinking = None, False
    if fell and rise + 2 * error < 0:
        days = _days_left(feature, day, -rise, error, fails, level)
        sinking = _days_left(feature, day, -rise, error, fails, LEVEL)[1] < AHEAD_DAYS
    return Verdict(weak, sinking, value, usual, days)


def _days_left(
    feature: Wearing, day: float, fall: float, error: float, fails: float, level: float
) -> tuple[float, float]:
    """Days until the feature reaches `fails`, as an 80 % interval.

    Wear accelerates: a drop that grows with a power p of the time since it began has, where it is
    now d and falls by r a day, begun p·d/r days ago, and is D after (D/d)^(1/p) times as long.

    Neither p nor r nor D is known well, and they err independently. A time that is left is
    positive, so its errors are counted as factors: by each alone, within its own 80 %, and together
    by the root of the sum of their squared logarithms (propagation of uncertainty, JCGM 100:2008,
    5.1). The worst of all at once would hold far more than eight in ten. A rate that is known to e
    of r is log-normal, with the logarithm's variance ln(1 + e²/r²).
    """
    then, value = feature.trend.middle
    drop, whole = max(feature.usual.mean - value, 0.05), feature.usual.mean - fails

    def left(power: float, a_day: float, whole: float) -> float:
        age = power * drop / max(a_day, 1e-3)
        days = age * (max(whole / drop, 1.0) ** (1 / power) - 1) - (day - then)
        return float(min(max(days, 0.5), 4 * HORIZON_DAYS))

    power, faster = sum(STEEP) / 2, exp(Z_80 * sqrt(log(1 + (error / fall) ** 2)))
    middle = left(power, fall, whole)

    def factor(steep: float, faster: float, level: float) -> float:
        alone = ((steep, fall, whole), (power, fall * faster, whole), (power, fall, whole * level))
        return exp(hypot(*(log(left(*one) / middle) for one in alone)))

    sooner, later = factor(STEEP[1], faster, 1 / level), factor(STEEP[0], 1 / faster, level)
    return middle / sooner, min(middle * later, 4 * HORIZON_DAYS)
