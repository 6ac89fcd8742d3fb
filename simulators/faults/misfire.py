"""Some combustions fail: a spark plug, a coil, an injector.

The engine runs rough, above all cold, wet and at idle; the trims go up, for the unburnt oxygen
looks lean. P0300 to P0304 are set when more than about 2 % fail over 1,000 revolutions (OBD II),
and go when it hides. Driven on, it ruins the catalyst.
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
class Misfire(Course):
    """Up to `share` of the combustions."""

    share: float = 0.12
    name: ClassVar[str] = "misfire"

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(misfire_share=self.share * wear)


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000008", seed: int = 1, **options: Any
) -> Vehicle:
    """A car that waits a lot, like a taxi, and begins to misfire within days; no code is set."""
    options.setdefault("habits", Habits(commute=(cycles.WAIT, cycles.CITY)))
    fault = Misfire(start + timedelta(days=18), timedelta(days=4), share=0.2)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return model.powertrain in ("petrol", "hybrid")


def drawn(chance: random.Random, model: Model, onset: datetime) -> Misfire:
    """One as workshops see them."""
    return Misfire(
        onset,
        timedelta(days=chance.uniform(3, 35)),
        severity=1.0,
        shape=chance.choice((0.7, 1.0, 2.0)),
        noticed=0.6,
        codes=(chance.choice(("P0300", "P0301", "P0302", "P0303", "P0304")),),
        codes_from=chance.uniform(0.25, 0.8),
        seed=chance.getrandbits(32),
        hides=chance.choice((0.0, 0.3, 0.5)),
        share=chance.uniform(0.05, 0.2),
    )
