"""What can go wrong with a simulated car: one file for each fault, named as its detector.

A fault says what it does to the car at a moment (`Effects`) and when the car will have failed; the
physics that turns this into signals is in `simulators.vehicle`. Each file has ``afflicted(start)``:
a car that will have this fault, for whoever tests a detector.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simulators.vehicle import Vehicle

NAMES = ("coolant_overheat", "dtc_raised", "service_due", "weak_battery")
"""The files of this folder, under their detectors' names."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What faults do to a car at a moment; the defaults are a healthy car.

    Parameters
    ----------
    cooling_share
        Part of the healthy heat rejection that is left.
    resistance_factor
        Internal resistance of the battery, in terms of a new one's.
    charge_ceiling
        State of charge that the battery still reaches.
    capacity_factor
        Capacity of the battery, in terms of a new one's.
    dtcs
        Trouble codes present.
    """

    cooling_share: float = 1.0
    resistance_factor: float = 1.0
    charge_ceiling: float = 1.0
    capacity_factor: float = 1.0
    dtcs: tuple[str, ...] = ()


HEALTHY = Effects()


class Fault(Protocol):
    """One fault of one car.

    Attributes
    ----------
    name
        As its file, and its detector.
    onset
        When it begins, aware UTC.
    fails_at
        When the car has failed; None for what is only found, not failing.
    """

    @property
    def name(self) -> str: ...
    @property
    def onset(self) -> datetime: ...
    @property
    def fails_at(self) -> datetime | None: ...

    def at(self, when: datetime) -> Effects:
        """What it does at a moment."""
        ...


def combined(faults: Iterable[Fault], when: datetime) -> Effects:
    """The effects of several faults together."""
    all_effects = [fault.at(when) for fault in faults]
    if not all_effects:
        return HEALTHY
    cooling = resistance = capacity = 1.0
    for effects in all_effects:
        cooling *= effects.cooling_share
        resistance *= effects.resistance_factor
        capacity *= effects.capacity_factor
    return Effects(
        cooling_share=cooling,
        resistance_factor=resistance,
        charge_ceiling=min(effects.charge_ceiling for effects in all_effects),
        capacity_factor=capacity,
        dtcs=tuple(dict.fromkeys(code for effects in all_effects for code in effects.dtcs)),
    )


def progress(onset: datetime, lasts: timedelta, when: datetime) -> float:
    """How far a fault has come, from 0 at its onset to 1 when it is complete.

    >>> from datetime import UTC
    >>> new_year = datetime(2026, 1, 1, tzinfo=UTC)
    >>> progress(new_year, timedelta(days=10), new_year + timedelta(days=5))
    0.5
    """
    if when < onset:
        return 0.0
    return min(1.0, (when - onset) / lasts) if lasts else 1.0


def afflicted(name: str) -> Callable[..., Vehicle]:
    """What makes a car with a fault: ``afflicted("weak_battery")(start)``.

    Raises
    ------
    KeyError
        If there is no such fault.
    """
    if name not in NAMES:
        raise KeyError(f"no fault {name!r}; there are {', '.join(NAMES)}")
    made: Callable[..., Vehicle] = importlib.import_module(f"simulators.faults.{name}").afflicted
    return made
