"""A tire goes flat within hours: glass, a curb, a large nail.

There is no past to learn from: all that counts is minutes. From placard to 100 kPa it takes between
a quarter of an hour and half a day.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from simulators.faults import Course, Effects, one_wheel
from simulators.models import Model
from simulators.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class TirePuncture(Course):
    """Most of the air of one tire."""

    wheel: int = 0
    kpa: float = 160.0
    name: ClassVar[str] = "tire_puncture"

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(tire_loss_kpa=one_wheel(self.wheel, self.kpa * wear))


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000006", seed: int = 1, **options: Any
) -> Vehicle:
    """A car that a piece of glass leaves with a flat tire within five hours, after a good week."""
    fault = TirePuncture(start + timedelta(days=7), timedelta(hours=5), wheel=1)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> TirePuncture:
    """One as workshops see them."""
    return TirePuncture(
        onset,
        timedelta(hours=chance.uniform(0.5, 14)),
        severity=1.0,
        shape=chance.choice((0.7, 1.0)),
        noticed=0.6,
        wheel=chance.randrange(4),
        kpa=model.placard_kpa - 70.0,
    )
