"""The particulate filter fills up: short trips, a sooty engine, a sensor that forbids regeneration.

Every few hundred kilometres the filter burns itself free, given a quarter of an hour at speed.
Where that never comes, or the engine makes several times its soot, the pressure drop at equal flow
climbs from regeneration to regeneration, then without end; at about 40 g the car goes into limp
mode. P2463 (soot accumulation) or P244B come shortly before.
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
class DpfClogged(Course):
    """Soot `factor` times the ordinary, and no regeneration."""

    factor: float = 4.0
    blocked: bool = True
    name: ClassVar[str] = "dpf_clogged"
    breaks: ClassVar[bool] = False  # when, is decided by use

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(
            soot_factor=1 + (self.factor - 1) * min(1.0, 0.3 + wear),
            regeneration_blocked=self.blocked,
        )


def afflicted(
    start: datetime, *, vin: str = "1RWLN6D4XMN000007", seed: int = 1, **options: Any
) -> Vehicle:
    """A diesel that stops burning its filter free after two healthy weeks."""
    fault = DpfClogged(start + timedelta(days=14), timedelta(days=5))
    return Vehicle(vin, start=start, seed=seed, model="lane_16d", faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.powertrain == "diesel"


def drawn(chance: random.Random, model: Model, onset: datetime) -> DpfClogged:
    """One as workshops see them."""
    return DpfClogged(
        onset,
        timedelta(days=chance.uniform(15, 40)),
        severity=1.0,
        noticed=2.0,
        codes=chance.choice(((), ("P2463",), ("P244B",))),
        codes_from=chance.uniform(0.8, 0.95),
        factor=chance.uniform(1.5, 4.0),
    )
