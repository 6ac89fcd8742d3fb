"""Coolant is lost: a hose, the pump's seal, the radiator; first drops, then the level lamp.

The level falls for weeks while the temperature stays as it is, for the expansion tank is a reserve
of about a quarter. Below that the radiator no longer runs full, and the engine overheats under
load. Owners top it up now and then, which hides it: the level jumps back and falls again.
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
class CoolantLeak(Course):
    """Coolant that goes; topped up once at `topped_up_at`."""

    topped_up_at: float = 2.0
    name: ClassVar[str] = "coolant_leak"

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        lost = 0.75 * wear
        if wear > self.topped_up_at:  # once, with a litre of water
            lost -= 0.2 * (1 - wear) / (1 - self.topped_up_at)  # and it goes on leaking
        return Effects(coolant_share=1 - lost)


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000006", seed: int = 1, **options: Any
) -> Vehicle:
    """A car that begins to lose its coolant on its fourth day, and is dry after twenty more."""
    fault = CoolantLeak(start + timedelta(days=3), timedelta(days=20), topped_up_at=0.35)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.burns


def drawn(chance: random.Random, model: Model, onset: datetime) -> CoolantLeak:
    """One as workshops see them."""
    return CoolantLeak(
        onset,
        timedelta(days=chance.uniform(10, 50)),
        severity=chance.choice((1.0, 1.0, 0.6)),
        shape=chance.choice((0.8, 1.0, 1.6)),
        noticed=0.6,
        codes=chance.choice(((), ("P0217",))),
        codes_from=0.9,
        topped_up_at=chance.choice((2.0, 2.0, 0.35)),
    )
