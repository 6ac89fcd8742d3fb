"""When a household drives, and where."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from simulators import cycles


@dataclass(frozen=True, slots=True)
class Trip:
    """One planned drive: when, and which cycles one after the other."""

    start: datetime
    route: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Habits:
    """When a household drives, in its own time zone.

    Parameters
    ----------
    commute
        Cycles of the way to work on weekdays; the way back is the same. Empty: no commute.
    leaves, returns
        Usual times of day.
    errands
        Mean number of further trips on a weekend day; half as many on a weekday.
    stays_home
        Chance that a commute does not take place; between Christmas and New Year most don't.
    """

    commute: tuple[str, ...] = (cycles.CITY,)
    leaves: time = time(7, 35)
    returns: time = time(17, 20)
    errands: float = 1.2
    stays_home: float = 0.08
    time_zone: str = "America/New_York"

    def usual_m_a_day(self) -> float:
        """How far this household drives on an average day, holidays aside.

        >>> round(Habits(commute=(), errands=0.0).usual_m_a_day())
        0
        """
        commute_m = 2 * _length_m(self.commute) * (1 - self.stays_home) if self.commute else 0.0
        errand_m = sum(map(_length_m, _ERRANDS)) / len(_ERRANDS)
        weekday_m = commute_m + self.errands / 2 * errand_m
        return (5 * weekday_m + 2 * self.errands * errand_m) / 7

    def trips(self, day: date, seed: str) -> list[Trip]:
        """The trips of one day: the same for the same seed, whatever happened before."""
        chance = random.Random(f"{seed}:{day}")
        zone = ZoneInfo(self.time_zone)
        weekday = day.weekday() < 5
        planned: list[tuple[datetime, tuple[str, ...]]] = []
        holidays = (day.month, day.day) >= (12, 24) or (day.month, day.day) == (1, 1)
        stays_home = max(self.stays_home, 0.7 if holidays else 0.0)
        if weekday and self.commute and chance.random() >= stays_home:
            for usual in (self.leaves, self.returns):
                local = datetime.combine(day, usual, zone) + timedelta(
                    minutes=max(-25.0, min(25.0, chance.gauss(0, 8)))
                )
                planned.append((local.astimezone(UTC), self.commute))
        mean = self.errands / 2 if weekday else self.errands
        for _ in range(sum(chance.random() < mean / 3 for _ in range(3))):
            hour = chance.uniform(18.8, 21.5) if weekday else chance.uniform(9.5, 20.0)
            local = datetime.combine(day, time(), zone) + timedelta(hours=hour)
            planned.append((local.astimezone(UTC), chance.choice(_ERRANDS)))
        planned.sort()
        trips: list[Trip] = []
        free = datetime.min.replace(tzinfo=UTC)
        for start, route in planned:
            start = max(start, free).replace(microsecond=0)
            trips.append(Trip(start, route))
            lasts_s = sum(len(cycles.speeds_ms(name)) for name in route)
            free = start + timedelta(seconds=lasts_s) + timedelta(minutes=20)
        return trips


@cache
def _length_m(route: tuple[str, ...]) -> float:
    return float(cycles.route(route).sum())


_ERRANDS: tuple[tuple[str, ...], ...] = (
    (cycles.CITY,),
    (cycles.CITY,),
    (cycles.MIXED,),
    (cycles.ROUNDS, cycles.WAIT, cycles.ROUNDS),
    (cycles.HIGHWAY,),
    (cycles.HARD, cycles.CITY),
)
