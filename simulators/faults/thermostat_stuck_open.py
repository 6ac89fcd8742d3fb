"""The thermostat does not shut any more: the radiator always cools.

The engine warms up slowly and sinks below 80 °C on the motorway in the cold; the heater stays luke,
fuel use rises by some per cent. Nothing breaks. Its spring tires over weeks, or a chip of scale
holds it open, and on some days it frees itself. P0128 (coolant below thermostat temperature) needs
several cold drives in a row, and in mild weather never comes.
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
class ThermostatStuckOpen(Course):
    """Open by `severity` when it should be shut."""

    name: ClassVar[str] = "thermostat_stuck_open"
    breaks: ClassVar[bool] = False

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(thermostat_leak=min(1.0, wear))


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000005", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose thermostat does not close from its eighth day on, by half."""
    fault = ThermostatStuckOpen(start + timedelta(days=7), timedelta(days=0.5), severity=0.5)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.burns


def drawn(chance: random.Random, model: Model, onset: datetime) -> ThermostatStuckOpen:
    """One as workshops see them."""
    return ThermostatStuckOpen(
        onset,
        timedelta(days=chance.choice((0.5, 5.0, 20.0))),
        severity=chance.uniform(0.35, 1.0),
        noticed=0.95,
        codes=chance.choice(((), (), ("P0128",))),
        codes_from=chance.uniform(0.3, 0.8),
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.0, 0.25)),
    )
