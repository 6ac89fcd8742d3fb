"""A trouble code appears, and the malfunction indicator lamp with it.

The codes are whatever a control unit would set: ``P0301`` (misfire of cylinder 1), ``P0420``
(catalyst efficiency), ``C0035`` (wheel speed sensor). They stay until the car is repaired.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulators.faults import HEALTHY, Effects
from simulators.models import Model
from simulators.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class DtcRaised:
    """One or several codes from a moment on.

    Parameters
    ----------
    onset
        Aware UTC.
    codes
        As in SAE J2012.
    """

    onset: datetime
    codes: tuple[str, ...] = ("P0301",)
    name = "dtc_raised"

    @property
    def noticed_at(self) -> datetime | None:
        """The lamp."""
        return self.onset

    @property
    def fails_at(self) -> datetime | None:
        """Unknown: a code is a finding, not a forecast."""
        return None

    def at(self, when: datetime) -> Effects:
        """What it does at a moment."""
        return Effects(dtcs=self.codes) if when >= self.onset else HEALTHY


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000003", seed: int = 1, **options: Any
) -> Vehicle:
    """A car that raises a code on its sixth day."""
    fault = DtcRaised(start + timedelta(days=5))
    return Vehicle(vin, start=start, seed=seed, faults=[fault], **options)


def fits(model: Model) -> bool:
    """Whether a model can have it."""
    return True


def drawn(chance: random.Random, model: Model, onset: datetime) -> DtcRaised:
    """A code that comes without a story in the signals."""
    codes = ("P0420", "P0455", "P0135", "C0035", "B0020") if model.burns else ("C0035", "P0A1B")
    return DtcRaised(onset, (chance.choice(codes),))
