"""Two sensors have changed places.

Wheels were rotated and nobody taught the car, or plugs were swapped. All values are plausible; they
only belong elsewhere. It shows when one of the two does something: the front tires, set higher for
a load, now "are" in the rear. It comes at once, after work on the car. Intake and outside
temperature swapped show after each hot stop.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from simulators.faults import Course, Distortion, Effects, _sensors
from simulators.models import Model
from simulators.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class SensorsSwapped(Course):
    """Each says the other's."""

    first: str = _sensors.INTAKE
    second: str = _sensors.AMBIENT
    name: ClassVar[str] = "sensors_swapped"
    breaks: ClassVar[bool] = False

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(
            distortions=(
                Distortion(self.first, instead=self.second),
                Distortion(self.second, instead=self.first),
            )
        )


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000011", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose intake and outside sensors change places after a week."""
    fault = SensorsSwapped(start + timedelta(days=7))
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> SensorsSwapped:
    """One as workshops see them."""
    pair = (_sensors.INTAKE, _sensors.AMBIENT)
    if not model.burns or chance.random() < 0.4:
        pair = (_sensors.TIRES[0], _sensors.TIRES[2])
    return SensorsSwapped(onset, timedelta(), noticed=2.0, first=pair[0], second=pair[1])
