"""Air enters behind the air-flow meter: a cracked hose, a gasket, the PCV valve.

The mixture is lean, and the engine adds fuel: trims of +10 to +25 % at idle that fade with load,
for the leak is small against a full throttle's air. That pattern tells it from a dirty air-flow
meter or low fuel pressure, which grow with load. P0171 (too lean) comes when the trims are at their
limit.
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
class VacuumLeak(Course):
    """Up to `air_g_s` of unmetered air at idle."""

    air_g_s: float = 0.9
    name: ClassVar[str] = "vacuum_leak"
    breaks: ClassVar[bool] = False

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(unmetered_air_g_s=self.air_g_s * wear)


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000005", seed: int = 1, **options: Any
) -> Vehicle:
    """A car with a hose that cracks within a week, after a healthy one; no code is set."""
    fault = VacuumLeak(start + timedelta(days=7), timedelta(days=7))
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.powertrain in ("petrol", "hybrid")


def drawn(chance: random.Random, model: Model, onset: datetime) -> VacuumLeak:
    """One as workshops see them."""
    return VacuumLeak(
        onset,
        timedelta(days=chance.uniform(1, 40)),
        severity=chance.choice((1.0, 0.7)),
        shape=chance.choice((0.6, 1.0)),
        noticed=0.9,
        codes=chance.choice(((), ("P0171",), ("P0171",))),
        codes_from=chance.uniform(0.7, 1.0),
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.1)),
        air_g_s=chance.uniform(0.5, 1.1),
    )
