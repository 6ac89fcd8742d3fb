"""A terminal, ground strap or starter cable corrodes: a few thousandths of an ohm more.

At rest nothing shows: no current, no drop. When cranking, 300 A over 5 mΩ take 1.5 V away from the
starter; when charging, 40 A take 0.2 V. So the voltage dips low at the start although the battery
is full, and charging looks a little low. A healthy circuit drops less than 0.5 V in all while
cranking (common workshop rule). Moisture and vibration make it come and go.
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
class HighResistanceCable(Course):
    """Up to `ohm` in series."""

    ohm: float = 0.02
    name: ClassVar[str] = "high_resistance_cable"

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(cable_ohm=self.ohm * wear)


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000002", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose ground strap corrodes in 25 days, after two healthy weeks."""
    fault = HighResistanceCable(start + timedelta(days=14), timedelta(days=25), noticed=0.8)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return not model.recuperates


def drawn(chance: random.Random, model: Model, onset: datetime) -> HighResistanceCable:
    """One as workshops see them."""
    return HighResistanceCable(
        onset,
        timedelta(days=chance.uniform(15, 60)),
        severity=chance.choice((1.0, 1.0, 0.3)),
        shape=chance.uniform(0.8, 2.0),
        noticed=0.8,
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.1, 0.3)),
        ohm=chance.uniform(0.019, 0.027),
    )
