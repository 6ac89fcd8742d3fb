"""A caliper does not let go: a seized piston or guide pin.

That wheel is braked all the time: its pads wear within weeks while the other side's don't, its tire
runs warmer by tens of kelvin, and so at higher pressure, and the car uses more fuel. It begins
after a wet week or a long rest, and may free itself for a while.
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
class StuckCaliper(Course):
    """Up to `newton` of drag at one wheel."""

    wheel: int = 0
    newton: float = 350.0
    name: ClassVar[str] = "stuck_caliper"
    breaks: ClassVar[bool] = False  # when, is decided by use

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(
            brake_drag_n=one_wheel(self.wheel, self.newton * wear),
            pad_wear_factor=one_wheel(self.wheel, 1 + 8 * wear, 1.0),
        )


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000008", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose front right caliper seizes after five good days, within ten more."""
    fault = StuckCaliper(start + timedelta(days=5), timedelta(days=10), wheel=1, newton=400.0)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> StuckCaliper:
    """One as workshops see them."""
    return StuckCaliper(
        onset,
        timedelta(days=chance.uniform(4, 40)),
        severity=chance.choice((1.0, 0.7)),
        shape=0.7,
        noticed=0.8,
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.2)),
        wheel=chance.randrange(4),
        newton=chance.uniform(150, 450),
    )
