"""One tire loses air: a nail, a valve, a corroded rim.

A healthy tire loses 1 to 2 kPa a month; a nail takes 5 to 40 kPa a week. In the morning's cold all
four are low, this one lower, and the difference grows. The pressure lamp comes at about 25 % below
placard (FMVSS 138). Owners pump it up, and it goes on.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from simulators.faults import Course, Effects, one_wheel
from simulators.models import Model
from simulators.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class SlowTireLeak(Course):
    """Up to `kpa` from one tire."""

    wheel: int = 0
    kpa: float = 160.0
    name: ClassVar[str] = "slow_tire_leak"

    def wear(self, when: datetime) -> float:
        """Without an end: pumped up, it goes on as fast."""
        part = (when - self.onset) / self.lasts if self.lasts else 1.0
        return self.severity * part if part > 1 and self.severity >= 1 else Course.wear(self, when)

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        return Effects(tire_loss_kpa=one_wheel(self.wheel, self.kpa * wear))


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000005", seed: int = 1, **options: Any
) -> Vehicle:
    """A car that drives into a nail after a good week: flat in three more."""
    fault = SlowTireLeak(start + timedelta(days=7), timedelta(days=21), wheel=2)
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> SlowTireLeak:
    """One as workshops see them."""
    return SlowTireLeak(
        onset,
        timedelta(days=chance.uniform(10, 60)),
        severity=chance.choice((1.0, 1.0, 0.6)),
        shape=chance.choice((0.8, 1.0, 1.3)),
        noticed=0.45,
        wheel=chance.randrange(4),
        kpa=model.placard_kpa - 70.0,
    )
