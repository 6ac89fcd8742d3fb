"""What a dealer's technician finds on a car, and repairs: the fault, another part, or nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulators.vehicle import Vehicle
from simulators.workshop import Found
from simulators.world.causes import KIN
from simulators.world.plan import Dealer

UNLED = 0.25
"""Chance, in terms of a led one's, to find what the alert does not speak of."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of a visit.

    Parameters
    ----------
    kind
        The fault that was repaired, if any.
    verdict
        ``fixed``, ``misdiagnosed``, ``nothing_found`` or ``serviced``.
    """

    kind: str | None
    verdict: str
    found: Found


def look(car: Vehicle, cause: str | None, dealer: Dealer, now: datetime, seed: int) -> Visit:
    """Look at a car for what an alert says; what is found is repaired afterwards.

    The chance depends on the car, the cause and the day, not on who was looked at before.

    Parameters
    ----------
    cause
        Of the alert that brought it; None or ``service_due`` for a service.
    """
    chance = random.Random(f"{seed}:{car.vin}:{cause}:{now.date()}")
    active = [fault for fault in car.faults if fault.onset <= now]
    waits = timedelta()
    if chance.random() > dealer.on_shelf:
        waits = timedelta(days=min(10.0, max(1.0, chance.expovariate(1 / dealer.parts_days))))
    for fault in active:
        led = cause is not None and KIN[fault.name].speaks(cause)
        rolled = chance.random()
        if rolled < dealer.diagnosis * (1.0 if led else UNLED):
            kin = KIN[fault.name]
            return Visit(fault.name, "fixed", Found(kin.found, kin.done, "confirmed", waits))
        if led and rolled < dealer.diagnosis + dealer.misdiagnosis:
            found = Found("Part out of tolerance", "Replaced another part", "confirmed", waits)
            return Visit(None, "misdiagnosed", found)
    if cause in (None, "service_due"):
        done = Found("Service due", "Oil and filter service, display reset", "confirmed")
        return Visit(None, "serviced", done)
    return Visit(
        None,
        "nothing_found",
        Found("No fault found", "Checked, test drive without result", "no_fault_found"),
    )
