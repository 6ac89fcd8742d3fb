"""A sensor says the same whatever happens: a broken wire, a stuck float, a frozen bus value.

It does not lie outside its range, so nothing refuses it; what gives it away is that it no longer
moves with what it should move with: coolant with driving, air flow with engine speed, outside
temperature with the hour. A circuit code (P0118) comes only where it sticks at an end, range codes
(P0116, P0101, P0071) now and then.
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
class SensorStuck(Course):
    """`path` says `value`."""

    path: str = _sensors.COOLANT
    value: float = 60.0
    name: ClassVar[str] = "sensor_stuck"
    breaks: ClassVar[bool] = False

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(distortions=(Distortion(self.path, stuck_at=self.value),))


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000009", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose intake air stays at 31 °C from its eighth day on; no code is set."""
    fault = SensorStuck(start + timedelta(days=7), path=_sensors.INTAKE, value=31.0)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> SensorStuck:
    """One as workshops see them."""
    path = chance.choice(_sensors.of(model))
    value = {
        _sensors.COOLANT: chance.choice((-40.0, 20.0, 62.0, 90.0)),
        _sensors.AIR_FLOW: chance.uniform(2, 12),
        _sensors.AMBIENT: chance.uniform(-20, 30),
        _sensors.INTAKE: chance.uniform(-10, 40),
    }.get(path, float(round(chance.uniform(150, 280))))
    code = {
        _sensors.COOLANT: "P0118" if value == -40.0 else "P0116",
        _sensors.AIR_FLOW: "P0101",
        _sensors.AMBIENT: "P0071",
    }
    set_code = path in code and chance.random() < 0.4
    return SensorStuck(
        onset,
        timedelta(),
        noticed=2.0,
        codes=(code[path],) if set_code else (),
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.0, 0.3)),
        path=path,
        value=value,
    )
