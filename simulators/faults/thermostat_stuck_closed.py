"""The thermostat does not open far enough: the engine runs hot under load.

In town and in winter little shows; uphill, fast, or in the heat the coolant climbs past 105 °C. It
sticks at times before it sticks for good. P0217 (over temperature) comes with the lamp, too late.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from simulators import cycles
from simulators.faults import Course, Effects
from simulators.models import Model
from simulators.vehicle import Habits, Vehicle


@dataclass(frozen=True, slots=True)
class ThermostatStuckClosed(Course):
    """Opens less and less."""

    name: ClassVar[str] = "thermostat_stuck_closed"

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(thermostat_most=max(0.02, 1 - 0.98 * wear))


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000008", seed: int = 1, **options: Any
) -> Vehicle:
    """A car whose thermostat opens less and less from its ninth day on, and in the end not at all.

    Its way to work takes half an hour, fast enough to need the radiator.
    """
    options.setdefault("habits", Habits(commute=(cycles.MIXED,)))
    fault = ThermostatStuckClosed(start + timedelta(days=8), timedelta(days=12))
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.burns


def drawn(chance: random.Random, model: Model, onset: datetime) -> ThermostatStuckClosed:
    """One as workshops see them."""
    return ThermostatStuckClosed(
        onset,
        timedelta(days=chance.uniform(2, 25)),
        severity=chance.choice((1.0, 1.0, 0.65)),
        shape=chance.choice((0.5, 1.0)),
        noticed=0.97,
        codes=chance.choice(((), ("P0217",))),
        codes_from=0.98,
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.3)),
    )
