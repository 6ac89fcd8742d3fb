"""Something draws current while the car is parked.

A relay that sticks, a control unit that stays awake. A healthy car takes 20 to 50 mA at rest
(workshops take more than 50 mA for a fault). From 150 mA on a 60 Ah battery is flat within weeks of
standing, from 500 mA within days; driving fills it again, so a daily driver hardly notices and a
weekend car does not start. It comes at once, and on some days it hides.
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
class ParasiticDrain(Course):
    """Further current at rest, up to `drain_a`."""

    drain_a: float = 0.4
    name: ClassVar[str] = "parasitic_drain"
    breaks: ClassVar[bool] = False

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(drain_a=self.drain_a * wear)


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000002", seed: int = 1, **options: Any
) -> Vehicle:
    """A car in which something stays awake, after twelve healthy days."""
    fault = ParasiticDrain(start + timedelta(days=12), timedelta(days=2), noticed=0.8)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> ParasiticDrain:
    """One as workshops see them."""
    return ParasiticDrain(
        onset,
        timedelta(days=chance.uniform(1, 20)),
        severity=1.0,
        shape=0.5,
        noticed=0.98,
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.2, 0.4)),
        drain_a=chance.uniform(0.25, 0.9),
    )
