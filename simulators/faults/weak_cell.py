"""One cell of the traction battery loses capacity before the others.

Balanced when full, it is empty first: the spread between the lowest and the highest cell is some
millivolts above half charge and grows to hundreds as the pack is drawn down; later it shows at rest
and under load too. Makers take about 50 mV at rest for a warning. The range shrinks; in the end the
car limits its power. P0A7F or P0A80 come late.
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
class WeakCell(Course):
    """Up to `share` of its capacity is missing."""

    share: float = 0.25
    name: ClassVar[str] = "weak_cell"

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(weak_cell_share=self.share * wear)


def afflicted(
    start: datetime, *, vin: str = "1RWAC5E8XMN000002", seed: int = 1, **options: Any
) -> Vehicle:
    """An electric car of which one cell weakens in forty days, after two healthy weeks."""
    fault = WeakCell(start + timedelta(days=14), timedelta(days=40))
    return Vehicle(vin, start=start, seed=seed, model="arc_58", faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.recuperates


def drawn(chance: random.Random, model: Model, onset: datetime) -> WeakCell:
    """One as workshops see them."""
    return WeakCell(
        onset,
        timedelta(days=chance.uniform(20, 70)),
        severity=chance.choice((1.0, 1.0, 0.6)),
        shape=chance.choice((1.0, 1.5)),
        noticed=0.9,
        codes=chance.choice(((), ("P0A80",), ("P0A7F",))),
        codes_from=chance.uniform(0.85, 1.0),
        share=chance.uniform(0.15, 0.35),
    )
