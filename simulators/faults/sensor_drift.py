"""A sensor drifts: it ages, is dirty, or its reference sags.

An air-flow meter with oil on its wire reads low, and the trims make up for it at all loads alike; a
coolant sensor with a corroded connector reads cold; a pressure sensor loses its zero.
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
class SensorDrift(Course):
    """`path` ends at ``gain * value + offset``."""

    path: str = _sensors.AIR_FLOW
    gain: float = 0.75
    offset: float = 0.0
    name: ClassVar[str] = "sensor_drift"
    breaks: ClassVar[bool] = False

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(
            distortions=(
                Distortion(self.path, gain=1 + (self.gain - 1) * wear, offset=self.offset * wear),
            )
        )


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000010", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose intake air sensor reads warmer and warmer after a healthy week."""
    path = _sensors.INTAKE
    fault = SensorDrift(
        start + timedelta(days=7), timedelta(days=6), path=path, gain=1.0, offset=25.0
    )
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> SensorDrift:
    """One as workshops see them."""
    path = chance.choice(_sensors.of(model))
    gain, offset = {
        _sensors.COOLANT: (1.0, chance.choice((-18.0, -30.0, 12.0))),
        _sensors.AIR_FLOW: (chance.uniform(0.6, 0.8), 0.0),
        _sensors.AMBIENT: (1.0, chance.choice((-12.0, 15.0))),
        _sensors.INTAKE: (1.0, chance.choice((-20.0, 25.0))),
    }.get(path, (chance.uniform(0.8, 0.9), 0.0))
    return SensorDrift(
        onset,
        timedelta(days=chance.uniform(10, 50)),
        severity=1.0,
        noticed=2.0,
        path=path,
        gain=gain,
        offset=offset,
    )
