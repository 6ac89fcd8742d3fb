"""The engine gets too hot: a fan, pump or thermostat that fails, or coolant that is lost.

The heat rejection of the cooling system falls from its healthy value to a small rest, at once (a
broken pump, a seized thermostat) or over days (a leak). Once it is below what the engine gives off
at load, the coolant passes its usual 90–100 °C and within minutes 115 °C; near 128 °C it boils.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulators import cycles
from simulators.faults import HEALTHY, Effects, progress
from simulators.models import Model
from simulators.vehicle import Habits, Vehicle


@dataclass(frozen=True, slots=True)
class CoolantOverheat:
    """Cooling that fails.

    Parameters
    ----------
    onset
        Aware UTC.
    lasts
        From the onset to the full loss; nothing for a sudden failure.
    severity
        Share of the heat rejection that is lost in the end.
    """

    onset: datetime
    lasts: timedelta = timedelta()
    severity: float = 0.95
    name = "coolant_overheat"

    @property
    def noticed_at(self) -> datetime | None:
        """The gauge: when most of the cooling is gone."""
        return self.onset + 0.8 * self.lasts

    @property
    def fails_at(self) -> datetime | None:
        """Complete loss."""
        return self.onset + self.lasts

    def at(self, when: datetime) -> Effects:
        """What it does at a moment."""
        if when < self.onset:
            return HEALTHY
        return Effects(cooling_share=1 - self.severity * progress(self.onset, self.lasts, when))


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000001", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose cooling fails suddenly on its sixth day.

    Its way to work takes half an hour: in frost an engine survives a shorter one.
    """
    options.setdefault("habits", Habits(commute=(cycles.MIXED,)))
    fault = CoolantOverheat(start + timedelta(days=5))
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.burns


def drawn(chance: random.Random, model: Model, onset: datetime) -> CoolantOverheat:
    """A water pump, as workshops see them: at once, or over a week."""
    return CoolantOverheat(
        onset, timedelta(days=chance.choice((0.0, 2.0, 8.0))), severity=chance.uniform(0.93, 0.98)
    )
