"""The pads of an axle are worn out: ordinary wear that nobody looked after.

It is foreseen, not found: pads wear with every stop, faster with haste, hills and a trailer, and
the rest of their life can be told from the slope. New pads are 10 to 12 mm, worn ones 2 to 3 mm.
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
class BrakeWear(Course):
    """An axle whose pads wear `factor` times as fast."""

    front: bool = True
    factor: float = 12.0
    name: ClassVar[str] = "brake_wear"
    breaks: ClassVar[bool] = False  # when, is decided by use

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        fast = 1 + (self.factor - 1) * min(1.0, 0.4 + wear)
        axle = (fast, fast, 1.0, 1.0) if self.front else (1.0, 1.0, fast, fast)
        return Effects(pad_wear_factor=axle)


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000007", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose front pads begin to wear sixteen times as fast after five good days."""
    fault = BrakeWear(start + timedelta(days=5), timedelta(days=20), factor=16.0)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> BrakeWear:
    """One as workshops see them."""
    return BrakeWear(
        onset,
        timedelta(days=chance.uniform(20, 50)),
        severity=1.0,
        noticed=2.0,
        front=chance.random() < 0.75,
        factor=chance.uniform(8, 16),
    )
