"""The engine burns or loses oil: rings, valve seals, turbocharger, a gasket.

Up to 0.5 l per 1,000 km is still called normal by many makers; from 1 l on the level is low between
services, and nobody looks at a dipstick any more. Then the pressure falls in bends and at hot idle.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from simulators.faults import Course, Effects
from simulators.models import Model
from simulators.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class OilConsumption(Course):
    """Up to `litres` more per 1,000 km."""

    litres: float = 2.0
    name: ClassVar[str] = "oil_consumption"
    breaks: ClassVar[bool] = False  # when, is decided by use

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(oil_l_per_1000km=self.litres * min(1.0, 0.3 + wear))


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000006", seed: int = 1, **options: Any
) -> Vehicle:
    """A car that begins on its second day to burn three litres per 1,000 km."""
    fault = OilConsumption(start + timedelta(days=1), timedelta(days=1), litres=3.0)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.burns


def drawn(chance: random.Random, model: Model, onset: datetime) -> OilConsumption:
    """One as workshops see them."""
    return OilConsumption(
        onset,
        timedelta(days=chance.uniform(15, 50)),
        severity=1.0,
        noticed=2.0,
        litres=chance.uniform(1.0, 3.0),
    )
