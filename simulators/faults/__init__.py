"""What can go wrong with a simulated car: one file for each fault, named as its detector.

A fault says what it does to the car at a moment (`Effects`) and when the car will have failed; the
physics that turns this into signals is in `simulators.vehicle`. Each file has ``afflicted(start)``:
a car that will have this fault, for whoever tests a detector.
"""

from __future__ import annotations

import importlib
import itertools
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from simulators.models import Model
    from simulators.vehicle import Vehicle

NAMES = (
    "alternator",
    "brake_wear",
    "coolant_leak",
    "coolant_overheat",
    "dpf_clogged",
    "dtc_raised",
    "high_resistance_cable",
    "misfire",
    "oil_consumption",
    "parasitic_drain",
    "radiator_fan",
    "sensor_drift",
    "sensor_stuck",
    "sensors_swapped",
    "service_due",
    "slow_tire_leak",
    "stuck_caliper",
    "thermostat_stuck_closed",
    "thermostat_stuck_open",
    "tire_puncture",
    "vacuum_leak",
    "weak_battery",
    "weak_cell",
)
"""Those that a detector finds, each with a car that gets it."""

KINDS = (
    "weak_battery",
    "parasitic_drain",
    "alternator",
    "high_resistance_cable",
    "coolant_leak",
    "thermostat_stuck_open",
    "thermostat_stuck_closed",
    "radiator_fan",
    "coolant_overheat",
    "slow_tire_leak",
    "tire_puncture",
    "brake_wear",
    "stuck_caliper",
    "vacuum_leak",
    "misfire",
    "dpf_clogged",
    "weak_cell",
    "oil_consumption",
    "sensor_stuck",
    "sensor_drift",
    "sensors_swapped",
    "dtc_raised",
)
"""All that can break in a world; a service that falls due is no fault."""


Wheels = tuple[float, float, float, float]
"""One number for each wheel: front left, front right, rear left, rear right."""

NO_WHEELS: Wheels = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Distortion:
    """What a sensor, or a gateway's firmware, makes of a true value: ``gain * value + offset``.

    Parameters
    ----------
    path
        VSS path of the signal that is reported wrongly.
    gain, offset
        In the signal's unit; the defaults change nothing.
    stuck_at
        Reported instead of anything else.
    noise
        Standard deviation of further noise, in the signal's unit.
    instead
        VSS path whose value is reported under `path` (swapped sensors are two distortions).
    """

    path: str
    gain: float = 1.0
    offset: float = 0.0
    stuck_at: float | None = None
    noise: float = 0.0
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """What faults, and what only looks like one, do to a car at a moment.

    The defaults are a healthy car in ordinary use.

    Parameters
    ----------
    cooling_share
        Part of the healthy radiator's heat rejection that is left (pump, radiator, lost coolant).
    fan_share
        Part of the fan's airflow that is left.
    thermostat_leak
        How far the thermostat stays open when it should be shut: 0 tight, 1 stuck open.
    thermostat_most
        How far it opens at most: 1 healthy, 0 stuck closed.
    coolant_share
        Coolant left in the system; 1 is full. Under 0.8 the level sensor says LOW, under 0.6
        CRITICALLY_LOW.
    resistance_factor
        Internal resistance of the 12 V battery, in terms of a new one's.
    charge_ceiling
        State of charge that the 12 V battery still reaches.
    capacity_factor
        Capacity of the 12 V battery, in terms of a new one's.
    drain_a
        Further current drawn while parked, A.
    alternator_share
        Part of the alternator's rated output that is left; 0 charges nothing. For a car without
        one: of the DC/DC converter.
    cable_ohm
        Resistance added in series between battery and car: starter, terminals, ground strap.
    tire_loss_kpa
        Pressure lost from each tyre so far, kPa at equal temperature.
    pad_wear_factor
        How much faster than healthy each wheel's pads wear.
    brake_drag_n
        Force with which a caliper that does not let go brakes each wheel.
    unmetered_air_g_s
        Air that enters behind the air-flow meter at idle vacuum; less at load.
    misfire_share
        Part of the combustions that fail.
    oil_l_per_1000km
        Oil burnt or leaked beyond the ordinary.
    soot_factor
        How much more soot the engine makes than a healthy one.
    regeneration_blocked
        The particulate filter can't burn itself free.
    weak_cell_share
        Capacity that the weakest cell of the traction battery lacks, in terms of its neighbours'.
    extra_mass_kg
        Load or trailer.
    drag_factor
        Air drag in terms of the bare car's: roof box, trailer.
    rolling_factor
        Rolling resistance in terms of the usual tyres'.
    altitude_m
        Where the car is, above where it usually is.
    climate_k
        Warmer (colder) than the climate of its home: another place, a garage.
    stays_parked
        Nobody drives.
    jump_leads
        Another car's battery helps at the start.
    distortions
        What is reported wrongly.
    dtcs
        Trouble codes present.
    """

    cooling_share: float = 1.0
    fan_share: float = 1.0
    thermostat_leak: float = 0.0
    thermostat_most: float = 1.0
    coolant_share: float = 1.0
    resistance_factor: float = 1.0
    charge_ceiling: float = 1.0
    capacity_factor: float = 1.0
    drain_a: float = 0.0
    alternator_share: float = 1.0
    cable_ohm: float = 0.0
    tire_loss_kpa: Wheels = NO_WHEELS
    pad_wear_factor: Wheels = (1.0, 1.0, 1.0, 1.0)
    brake_drag_n: Wheels = NO_WHEELS
    unmetered_air_g_s: float = 0.0
    misfire_share: float = 0.0
    oil_l_per_1000km: float = 0.0
    soot_factor: float = 1.0
    regeneration_blocked: bool = False
    weak_cell_share: float = 0.0
    extra_mass_kg: float = 0.0
    drag_factor: float = 1.0
    rolling_factor: float = 1.0
    altitude_m: float = 0.0
    climate_k: float = 0.0
    stays_parked: bool = False
    jump_leads: bool = False
    distortions: tuple[Distortion, ...] = ()
    dtcs: tuple[str, ...] = ()


HEALTHY = Effects()


class Part(Protocol):
    """What has a part in the car's state at a moment: a fault, or what only looks like one."""

    def at(self, when: datetime) -> Effects:
        """What it does at a moment."""
        ...


class Fault(Protocol):
    """One fault of one car.

    Attributes
    ----------
    name
        As its file, and its detector.
    onset
        When it begins, aware UTC.
    noticed_at
        When an ordinary driver would notice; None if never, or not before it fails.
    fails_at
        When the car has failed; None for what is only found, not failing.
    """

    @property
    def name(self) -> str: ...
    @property
    def onset(self) -> datetime: ...
    @property
    def noticed_at(self) -> datetime | None: ...
    @property
    def fails_at(self) -> datetime | None: ...

    def at(self, when: datetime) -> Effects:
        """What it does at a moment."""
        ...


def combined(faults: Iterable[Part], when: datetime) -> Effects:
    """The effects of several faults together: factors multiply, losses add up, the worst rules."""
    all_effects = [fault.at(when) for fault in faults]
    if not all_effects:
        return HEALTHY
    if len(all_effects) == 1:
        return all_effects[0]
    made: dict[str, Any] = {}
    for part in fields(Effects):
        values = [getattr(effects, part.name) for effects in all_effects]
        made[part.name] = _TOGETHER[part.name](values)
    return Effects(**made)


def _add_wheels(all_wheels: list[Wheels]) -> Wheels:
    fl, fr, rl, rr = (sum(wheel) for wheel in zip(*all_wheels, strict=True))
    return fl, fr, rl, rr


def _multiply_wheels(all_wheels: list[Wheels]) -> Wheels:
    fl, fr, rl, rr = (math.prod(wheel) for wheel in zip(*all_wheels, strict=True))
    return fl, fr, rl, rr


def _one_after_another(tuples: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(itertools.chain.from_iterable(tuples)))


_TOGETHER: dict[str, Callable[[list[Any]], Any]] = {
    "cooling_share": math.prod,
    "fan_share": math.prod,
    "thermostat_leak": max,
    "thermostat_most": min,
    "coolant_share": min,
    "resistance_factor": math.prod,
    "charge_ceiling": min,
    "capacity_factor": math.prod,
    "drain_a": sum,
    "alternator_share": math.prod,
    "cable_ohm": sum,
    "tire_loss_kpa": _add_wheels,
    "pad_wear_factor": _multiply_wheels,
    "brake_drag_n": _add_wheels,
    "unmetered_air_g_s": sum,
    "misfire_share": max,
    "oil_l_per_1000km": sum,
    "soot_factor": math.prod,
    "regeneration_blocked": any,
    "weak_cell_share": max,
    "extra_mass_kg": sum,
    "drag_factor": math.prod,
    "rolling_factor": math.prod,
    "altitude_m": sum,
    "climate_k": sum,
    "stays_parked": any,
    "jump_leads": any,
    "distortions": _one_after_another,
    "dtcs": _one_after_another,
}


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


# -- faults that take their course ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Course:
    """How a fault comes: what most files of this folder share.

    Parameters
    ----------
    onset
        Aware UTC.
    lasts
        From the onset until it is complete.
    severity
        How bad it gets; 1 fails in the end, less only troubles.
    shape
        1 grows evenly, more comes late and fast, less comes early and slowly ends.
    noticed
        Progress at which an ordinary driver notices; above `severity`, never.
    codes
        Trouble codes that a control unit sets in the end; often none.
    codes_from
        Progress from which it does so.
    seed
        Of its moods: when it shows and when it hides.
    hides
        Share of the days on which it does not show.
    """

    onset: datetime
    lasts: timedelta = timedelta(days=30)
    severity: float = 1.0
    shape: float = 1.0
    noticed: float = 0.85
    codes: tuple[str, ...] = ()
    codes_from: float = 0.7
    seed: int = 0
    hides: float = 0.0

    name: ClassVar[str] = ""
    breaks: ClassVar[bool] = True

    def wear(self, when: datetime) -> float:
        """How bad it is at a moment, from 0 to `severity`, whether it shows or not."""
        if when < self.onset:
            return 0.0
        return float(self.severity * progress(self.onset, self.lasts, when) ** self.shape)

    def shows(self, when: datetime) -> bool:
        """Whether it does today; some days it hides."""
        if not self.hides:
            return True
        mood = random.Random(f"{self.seed}:{self.name}:{when.date()}").random()
        return mood >= self.hides

    def reaches(self, wear: float) -> datetime | None:
        """When it becomes so bad, if ever."""
        if wear > self.severity:
            return None
        return self.onset + self.lasts * float((wear / self.severity) ** (1 / self.shape))

    @property
    def noticed_at(self) -> datetime | None:
        """When an ordinary driver would notice."""
        return self.reaches(self.noticed)

    @property
    def fails_at(self) -> datetime | None:
        """When the car has failed; None for what only troubles."""
        return self.reaches(1.0) if self.breaks else None

    def at(self, when: datetime) -> Effects:
        """What it does at a moment."""
        wear = self.wear(when)
        if not wear or not self.shows(when):
            return HEALTHY
        effects = self.effects(wear, when)
        if self.codes and wear >= self.codes_from:
            effects = replace(effects, dtcs=self.codes)
        return effects

    def effects(self, wear: float, when: datetime) -> Effects:
        """What it does when it is so bad."""
        raise NotImplementedError


def one_wheel(wheel: int, value: float, others: float = 0.0) -> Wheels:
    """A value at one wheel (0 front left, 1 front right, 2 rear left, 3 rear right).

    >>> one_wheel(1, 20.0)
    (0.0, 20.0, 0.0, 0.0)
    """
    fl, fr, rl, rr = (value if number == wheel else others for number in range(4))
    return fl, fr, rl, rr


def fits(kind: str, model: Model) -> bool:
    """Whether a model can have this fault."""
    module = importlib.import_module(f"simulators.faults.{kind}")
    return bool(module.fits(model))


def draw(
    kind: str, chance: random.Random, *, model: Model, start: datetime, end: datetime
) -> Fault | None:
    """A fault of this kind for a car's time in the world, or None where the model can't have it.

    It begins after the first fifth, so that there is a healthy past to compare with, and before the
    last quarter; how fast and how bad is the kind's own draw.
    """
    if not fits(kind, model):
        return None
    onset = start + (end - start) * chance.uniform(0.2, 0.75)
    drawn: Fault = importlib.import_module(f"simulators.faults.{kind}").drawn(chance, model, onset)
    return drawn
