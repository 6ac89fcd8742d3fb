"""How a meter is used up: what a car does of a weekday, and when what is left will be gone."""

from math import sqrt
from typing import NamedTuple

import msgspec

from detectors.reading import DAY_MS

HORIZON_DAYS = 180
"""So far ahead we count days one by one; nobody plans further."""

CHANGES = 0.2
"""By so much of itself a car's use differs between one year and the next: our assumption."""

DRIFT = CHANGES**2 / 365 / 0.6**2
"""So much is forgotten a day, as a share of the variance of days: use that walks by `CHANGES` in a
year, and days that spread by 60 % of their mean. Eight weeks of memory come of it."""

VAGUE_DAYS = 4
"""So many days seen weigh as much as what we believed of their spread."""

MEMORY_DAYS = 56
"""Of the spread; and of a longer silence only so many days are learned."""

MOST_CORRECTIONS = 6
"""The oldest ones are added up."""

AWAY_DAYS = 7
"""A car that stands for longer is away: the days after that say nothing of how it is driven."""

Z_80, Z_60 = 1.2816, 0.8416
"""Standard deviations that leave a tenth, or a fifth, on one side."""


class Due(NamedTuple):
    """One way in which an item falls due, in days from now.

    With equal chances that is sooner or later than `likely`; in one of ten cases sooner than
    `soonest`, in two of ten than `sooner`, in one of ten later than `latest`.
    """

    item: str
    what: str
    left: float
    unit: str
    soonest: float
    sooner: float
    likely: float
    latest: float


class Use(msgspec.Struct, array_like=True, gc=False):
    """How much of one meter (metres, hours) the car uses up in a day, by day of the week.

    Attributes
    ----------
    week : list of float
        Mean use of each weekday, from Monday; empty until the first reading.
    weight : float
        How many days stand behind those means together, a belief included.
    days : int
        How many of them were seen.
    variance : float
        Of a day around the mean of its weekday.
    day, dawn : int, float or None
        The day now under way, since 1970, and the meter when it began; None on the first.
    idle : int
        For how many days it stood until then.
    last, last_ms : float or None, int
        The last reading, in the unit of `scale` 1.
    scale, scale_ms : float, int
        Of the meter, and since when: `MILE` once an odometer went over to miles.
    corrections : list of (int, float)
        When the meter was corrected, and what each correction hides.
    """

    week: list[float] = msgspec.field(default_factory=list)
    weight: float = 0.0
    days: int = 0
    variance: float = 0.0
    day: int = 0
    dawn: float | None = None
    idle: int = 0
    last: float | None = None
    last_ms: int = 0
    scale: float = 1.0
    scale_ms: int = 0
    corrections: list[tuple[int, float]] = msgspec.field(default_factory=list)

    @property
    def a_day(self) -> float:
        """Mean use of a day."""
        return sum(self.week) / 7

    def believe(self, prior: tuple[float, float, float], past: tuple[float, float] | None) -> None:
        """Begin with what cars do, and what this one did since its last service.

        Two beliefs in one: each weighs as the inverse of its variance (Gelman et al., *Bayesian
        Data Analysis*, 2.5), in logarithms, as cars differ by factors. What stands behind the
        result is told in days.

        Parameters
        ----------
        prior
            Mean, spread of cars, spread of days.
        past
            Mean use a day, and for how many days.
        """
        mean, cars, days = prior
        known = (mean / cars) ** 2
        self.variance = days * days
        if past is not None:
            was = max(past[0], mean / 36)
            own = 1 / (CHANGES**2 + self.variance / past[1] / was**2)
            mean *= (was / mean) ** (own / (known + own))
            known += own
        self.week, self.weight = [mean] * 7, self.variance * known / mean**2

    def read(self, value: float, now: int, fastest: float, slack: float, unit: float) -> None:
        """Take one reading, and learn from the days that it ends.

        A step that can't be driven is another meter, or the same one in another `unit`.
        """
        day = now // DAY_MS
        value *= self.scale
        if self.last is None:
            self.day, self.last, self.last_ms = day, value, now
            return
        most = fastest * (now - self.last_ms) + slack
        step = value - self.last
        if not -slack <= step <= most:
            scale = unit if self.scale == 1.0 else 1.0
            other = value / self.scale * scale
            if -slack <= other - self.last <= most:
                self.scale, self.scale_ms = scale, now
                value, step = other, other - self.last
            else:
                self._correct(now, -step)  # another meter from now on, the way driven is the same
                if self.dawn is not None:
                    self.dawn += step
                step = 0.0
        step = max(step, 0.0)
        if day > self.day:
            if self.dawn is not None:
                self._learn(self.day, max(value - step - self.dawn, 0.0))
            share = step / (day - self.day)  # what moved unseen is spread over the days unseen
            for unseen in range(max(self.day + 1, day - MEMORY_DAYS), day):
                self._learn(unseen, share)
            self.day, self.dawn = day, value - share
        self.last, self.last_ms = value, now

    def _correct(self, now: int, hides: float) -> None:
        self.corrections.append((now, hides))
        if len(self.corrections) > MOST_CORRECTIONS:
            (_, first), (at, second), *rest = self.corrections
            self.corrections = [(at, first + second), *rest]

    def since(self, then: float, at_ms: float) -> float | None:
        """How much was used since the meter showed `then`, whatever was done to the meter."""
        if self.last is None:
            return None
        if self.scale_ms and at_ms >= self.scale_ms:
            then *= self.scale
        return self.last - then + sum(hides for at, hides in self.corrections if at > at_ms)

    def _learn(self, day: int, used: float) -> None:
        """Learn what one day used up."""
        self.idle = 0 if used > 0 else self.idle + 1
        if self.idle > AWAY_DAYS:
            return
        weekday = (day + 3) % 7  # 1970 began on a Thursday
        off = used - self.week[weekday]
        fit = self.weight / (self.weight + 7)  # as well as the weekday's mean is known
        self.week[weekday] += off * (1 - fit)
        self.days = min(self.days + 1, MEMORY_DAYS)
        self.variance += (off * off * fit - self.variance) / (self.days + VAGUE_DAYS)
        self.weight = 1 / (1 / (self.weight + 1) + DRIFT)

    def due(self, item: str, what: str, unit: str, left: float, now: int) -> Due:
        """When `left` will be used up."""
        days = (self._lasts(left, now, z) for z in (Z_80, Z_60, 0, -Z_80))
        return Due(item, what, left, unit, *days)

    def _lasts(self, left: float, now: int, z: float) -> float:
        """For how many days `left` will do, if use is `z` standard deviations from its mean.

        Days differ, so the sum of n spreads by the square root of n; and their mean is known from
        so many days only, which spreads it by n.
        """
        if left <= 0:
            return 0.0

        def used(mean: float, days: float) -> float:
            return mean + z * sqrt(self.variance * (days + days * days / self.weight))

        began = now / DAY_MS
        mean = days = 0.0
        week = sum(self.week)
        while used(mean + week, days + 7) < left:  # first by weeks, then by days
            mean, days = mean + week, days + 7
            if days >= HORIZON_DAYS:
                return float(HORIZON_DAYS)
        before = used(mean, days)
        for _ in range(9):  # the rest of today, a week, and what rounding leaves
            day = int(began + days)
            share = day + 1 - began - days  # of a day under way, what is left of it
            mean, days = mean + share * self.week[(day + 3) % 7], days + share
            after = used(mean, days)
            if after >= left:
                return days - share * (after - left) / (after - before)
            before = after
        return days
