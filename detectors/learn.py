"""Small learners made of River statistics: what is usual here, how it moves, what else explains it.

Each is a `msgspec.Struct` that a detector's state may hold. They see a value a trip, a rest or a
day, never NaN.
"""

from array import array
from math import sqrt
from typing import TYPE_CHECKING, Self

import msgspec
from river import stats

if TYPE_CHECKING:
    Floats = array[float]
    Ints = array[int]
else:  # such a type has no parameters at run time
    Floats = Ints = array


class Usual(msgspec.Struct, array_like=True, gc=False):
    """What a feature was when we came to know it: mean and spread of its first values.

    Examples
    --------
    >>> crank = Usual()
    >>> for v in (10.2, 10.4, 10.3):
    ...     crank.learn(v, keep=8)
    >>> round(crank.mean, 3), crank.count
    (10.3, 3)
    """

    seen: stats.Var = msgspec.field(default_factory=stats.Var)

    @property
    def count(self) -> int:
        return int(self.seen.mean.n)

    @property
    def mean(self) -> float:
        return float(self.seen.mean.get())

    @property
    def spread(self) -> float:
        """Standard deviation, 0 until there are two values."""
        return sqrt(self.seen.get())

    def learn(self, value: float, keep: int) -> None:
        """Learn from the first `keep` values, then remember them for good."""
        if self.seen.mean.n < keep:
            self.seen.update(value)


class Slope(msgspec.Struct, array_like=True, gc=False):
    """How `y` answers to `x`, learned from the steps between neighbours.

    Steps are blind to a slow drift of `y` in time: a battery that ages through an autumn doesn't
    pass for one that minds the cold. A prior slope stands in for `weight` (the sum of squared steps
    of `x` that count as much as it does).
    """

    x: float | None = None
    y: float = 0.0
    steps: stats.Cov = msgspec.field(default_factory=stats.Cov)
    steps_x: stats.Var = msgspec.field(default_factory=stats.Var)

    def learn(self, x: float, y: float) -> None:
        """Learn from one more pair."""
        if self.x is not None:
            self.steps.update(x - self.x, y - self.y)
            self.steps_x.update(x - self.x)
        self.x, self.y = x, y

    def get(self, prior: float, weight: float) -> float:
        """Slope of `y` for one unit of `x`, between the prior and what was learned.

        Examples
        --------
        >>> slope = Slope()
        >>> for temp_c in (20, 10, 0, 10, 20, 5) * 9:
        ...     slope.learn(temp_c, 10 + 0.03 * temp_c)
        >>> round(slope.get(prior=0.02, weight=400.0), 3)
        0.029
        """
        n = self.steps.mean_x.n
        if n < 2:
            return prior
        xy, xx = self.steps.get() * (n - 1), self.steps_x.get() * (n - 1)
        return float((weight * prior + xy) / (weight + xx))


class Fading(msgspec.Struct, array_like=True, gc=False):
    """Mean and spread of the recent past. A prior counts as some values seen before the first.

    Examples
    --------
    >>> use_km = Fading.believing(mean=36.0, spread=30.0, weight=7.0)
    >>> for km in (60, 64, 56, 60) * 20:
    ...     use_km.learn(km, memory=28)
    >>> round(use_km.mean, 1), round(use_km.spread, 1), use_km.weight
    (59.3, 7.0, 28.0)
    """

    seen: stats.Var = msgspec.field(default_factory=stats.Var)

    @classmethod
    def believing(cls, mean: float, spread: float, weight: float) -> Self:
        """Begin with a belief that is worth `weight` values."""
        new = cls()
        new.seen.mean.update(mean, weight)
        new.seen._S = spread * spread * (weight - 1)
        return new

    @property
    def mean(self) -> float:
        return float(self.seen.mean.get())

    @property
    def spread(self) -> float:
        """Standard deviation from value to value."""
        return sqrt(max(self.seen.get(), 0.0))

    @property
    def weight(self) -> float:
        """How many values stand behind it."""
        return float(self.seen.mean.n)

    def learn(self, value: float, memory: int) -> None:
        """Learn one value; the older ones together never weigh more than `memory` - 1."""
        fade = (memory - 1) / max(self.seen.mean.n, memory - 1)
        self.seen.mean.n *= fade
        self.seen._S *= fade
        self.seen.update(value)


class Trend(msgspec.Struct, array_like=True, gc=False):
    """A straight line through the recent past: where a feature is, and how fast it moves.

    Least squares out of five running means, in which older values fade once there are `memory`.
    """

    memory: int
    n: int = 0
    t: float = 0.0
    y: float = 0.0
    tt: float = 0.0
    ty: float = 0.0
    yy: float = 0.0
    first: float | None = None

    def learn(self, t: float, y: float) -> None:
        """Learn from one more value at time `t`, in days since some fixed day."""
        if self.first is None:
            self.first = t
        t -= self.first  # squares of days since 1970 would eat the digits
        self.n = n = min(self.n + 1, self.memory)
        self.t += (t - self.t) / n
        self.y += (y - self.y) / n
        self.tt += (t * t - self.tt) / n
        self.ty += (t * y - self.ty) / n
        self.yy += (y * y - self.yy) / n

    @property
    def middle(self) -> tuple[float, float]:
        """Time and value in the middle of the line, where it is known best."""
        return (self.first or 0.0) + self.t, self.y

    def rise(self) -> tuple[float, float]:
        """The line's rise a day, and its standard error (infinite while it can't be known).

        Examples
        --------
        >>> trend = Trend(memory=20)
        >>> for day in range(30):
        ...     trend.learn(day, 12.0 - 0.02 * day)
        >>> [round(x, 3) + 0.0 for x in trend.rise()]
        [-0.02, 0.0]
        """
        t, y = self.t, self.y
        tt = max(self.tt - t * t, 0.0)
        if self.n < 3 or tt < 0.01:
            return 0.0, float("inf")
        ty = self.ty - t * y
        rise = ty / tt
        rest = max(self.yy - y * y - rise * ty, 0.0)
        error = sqrt(rest / tt / max(self.n - 2, 1))
        return rise, error
