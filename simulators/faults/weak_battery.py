"""The starter battery ages: it cranks lower, rests lower, and one cold morning it does not start.

Sulphation and corrosion raise the internal resistance and take capacity away, so the same starter
pulls the voltage down further, more so in the cold, where the engine is stiff and the electrolyte
slow; and the battery no longer charges fully, so it rests lower. It is slow: weeks to months, with
the worst at the end.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulators.faults import HEALTHY, Effects, progress
from simulators.models import Model
from simulators.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class WeakBattery:
    """A battery on its way out.

    Parameters
    ----------
    onset
        Aware UTC.
    lasts
        From the onset until it fails to start the engine at moderate temperature.
    severity
        1 fails in the end; less only becomes weak.
    """

    onset: datetime
    lasts: timedelta = timedelta(days=45)
    severity: float = 1.0
    name = "weak_battery"

    @property
    def noticed_at(self) -> datetime | None:
        """It cranks audibly slower towards the end."""
        return self.onset + 0.7 * self.lasts if self.severity >= 1 else None

    @property
    def fails_at(self) -> datetime | None:
        """About when the engine no longer starts; sooner in the cold."""
        return self.onset + self.lasts if self.severity >= 1 else None

    def at(self, when: datetime) -> Effects:
        """What it does at a moment."""
        if when < self.onset:
            return HEALTHY
        wear = self.severity * progress(self.onset, self.lasts, when) ** 1.5
        return Effects(
            resistance_factor=1 + 3.2 * wear,
            charge_ceiling=1 - 0.5 * wear,
            capacity_factor=1 - 0.6 * wear,
        )


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000002", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose battery begins to fail after a healthy month, and is done in ten weeks."""
    fault = WeakBattery(start + timedelta(days=30))
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return not model.recuperates  # its starter is what shows it


def drawn(chance: random.Random, model: Model, onset: datetime) -> WeakBattery:
    """One as workshops see them."""
    return WeakBattery(
        onset, timedelta(days=chance.uniform(20, 70)), severity=chance.choice((1.0, 1.0, 1.0, 0.3))
    )
