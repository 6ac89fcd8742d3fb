"""The radiator fan fails: motor, relay, or a fuse.

While the car drives, the wind cools; at a standstill and in stop-and-go the coolant climbs past the
fan's threshold of 98 °C and on, the more the warmer the day. In winter it may go unseen for months.
Some set P0480 (fan control circuit).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from simulators.faults import Course, Effects
from simulators.models import Model


@dataclass(frozen=True, slots=True)
class RadiatorFan(Course):
    """Airflow that ends."""

    name: ClassVar[str] = "radiator_fan"
    breaks: ClassVar[bool] = False

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(fan_share=max(0.0, 1 - wear))


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.burns


def drawn(chance: random.Random, model: Model, onset: datetime) -> RadiatorFan:
    """One as workshops see them."""
    return RadiatorFan(
        onset,
        timedelta(days=chance.choice((0.1, 4.0, 12.0))),
        severity=1.0,
        noticed=1.0,
        codes=chance.choice(((), ("P0480",))),
        codes_from=chance.uniform(0.8, 1.0),
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.3)),
    )
