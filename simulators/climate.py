"""Air temperature: seasons, day and night, and weather that lasts for days."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Spell:
    """Days that are colder or warmer over a whole region; it comes and goes within half a day."""

    start: datetime
    end: datetime
    warmer_k: float

    def at(self, when: datetime) -> float:
        """How much warmer it is then, K."""
        if not self.start < when < self.end:
            return 0.0
        inside_s = min((when - self.start).total_seconds(), (self.end - when).total_seconds())
        return self.warmer_k * min(1.0, inside_s / 43_200)


@dataclass(frozen=True, slots=True)
class Climate:
    """A place's air temperature as a function of time; the same in every run.

    Parameters
    ----------
    mean_c
        Over the year. The defaults resemble Boston: January −2 °C, July 23 °C on average.
    season_c
        Half the difference between the middle of July and of January.
    day_c
        Half the difference between afternoon and dawn.
    weather_c
        Standard deviation of the days around the season.
    seed
        Of the weather.
    time_zone
        Where afternoon is.
    spells
        Cold snaps and heat waves.
    """

    mean_c: float = 10.5
    season_c: float = 12.5
    day_c: float = 4.0
    weather_c: float = 3.0
    seed: int = 0
    time_zone: str = "America/New_York"
    spells: tuple[Spell, ...] = ()

    def temperature_c(self, at: datetime) -> float:
        """Air temperature at an aware time.

        >>> from datetime import UTC
        >>> still = Climate(weather_c=0)
        >>> round(still.temperature_c(datetime(2026, 7, 17, 19, tzinfo=UTC)))
        27
        >>> round(still.temperature_c(datetime(2026, 1, 15, 8, tzinfo=UTC)))
        -6
        """
        local = at.astimezone(_zone(self.time_zone))
        days = at.timestamp() / 86_400
        hour = local.hour + local.minute / 60
        season = math.cos(2 * math.pi * (days - _MID_JULY) / 365.2425)
        afternoon = math.cos(2 * math.pi * (hour - 15) / 24)
        # weather turns smoothly from one noon's value to the next
        day, part = int(days // 1), days % 1
        weather = (1 - part) * self._weather(day) + part * self._weather(day + 1)
        spell = sum(spell.at(at) for spell in self.spells)
        return self.mean_c + self.season_c * season + self.day_c * afternoon + weather + spell

    def _weather(self, day: int) -> float:
        """Weather of one day, an average over five draws so that warm and cold spells last."""
        if not self.weather_c:
            return 0.0
        draws = [_draw(self.seed, day - back) for back in range(5)]
        return self.weather_c * sum(draws) / math.sqrt(len(draws))


#: 17 July 1970, in days since 1970: the warmest part of a northern year.
_MID_JULY = 197.0


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=100_000)
def _draw(seed: int, day: int) -> float:
    return random.Random(f"{seed}:{day}").gauss()
