"""The radiator fan fails: motor, relay, or a fuse.

While the car drives, the wind cools; at a standstill and in stop-and-go the coolant climbs past the
fan's threshold of 98 °C and on, the more the warmer the day. In winter it may go unseen for months.
Some set P0480 (fan control circuit).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from simulators import cycles
from simulators.climate import Climate
from simulators.faults import Course, Effects
from simulators.models import Model
from simulators.vehicle import Habits, Vehicle


@dataclass(frozen=True, slots=True)
class RadiatorFan(Course):
    """Airflow that ends."""

    name: ClassVar[str] = "radiator_fan"
    breaks: ClassVar[bool] = False

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(fan_share=max(0.0, 1 - wear))


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000007", seed: int = 1, **options: Any
) -> Vehicle:
    """A delivery van of a mild place, that waits with its engine on; its fan fails at day five."""
    options.setdefault("habits", Habits(commute=(cycles.ROUNDS, cycles.WAIT, cycles.ROUNDS)))
    options.setdefault("climate", Climate(mean_c=18.0, season_c=4.0))
    fault = RadiatorFan(start + timedelta(days=5), timedelta(days=0.1))
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


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
