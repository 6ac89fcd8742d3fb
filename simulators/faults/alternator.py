"""The alternator, or the DC/DC converter, gives less and less: brushes, a diode, the regulator.

First it can't hold its voltage at idle with the lights on; then the battery is drawn down while the
car drives, the bus falls below 13 V, in the end under 12 V, and the engine stops. Brushes wear over
weeks; a diode takes a third at once. P0562 (system voltage low) comes late, the lamp with it.
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
class Alternator(Course):
    """Output that falls to almost nothing."""

    name: ClassVar[str] = "alternator"

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(alternator_share=1 - 0.97 * wear)


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000002", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose alternator wears out in twelve days, after two healthy weeks."""
    fault = Alternator(start + timedelta(days=14), timedelta(days=12), noticed=0.8)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> Alternator:
    """One as workshops see them."""
    bad = chance.random() < 0.8
    return Alternator(
        onset,
        timedelta(days=chance.uniform(6, 40)),
        severity=1.0 if bad else chance.uniform(0.3, 0.45),
        shape=chance.choice((0.7, 1.0, 1.8)),
        noticed=0.8,
        codes=chance.choice(
            ((), ("P0A94",), ("P0A8D",)) if model.recuperates else ((), ("P0562",), ("P0620",))
        ),
        codes_from=chance.uniform(0.75, 0.95),
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.0, 0.15)),
    )
