"""What there is in a world before anything happens: places, people, cars, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulators.climate import Climate
from simulators.faults import Fault
from simulators.innocents import Innocent
from simulators.service_plan import ServicePlan
from simulators.uplink import Uplink
from simulators.vehicle import Habits


@dataclass(frozen=True, slots=True)
class Dealer:
    """A dealer and the place where its customers live.

    Parameters
    ----------
    name, domain, time_zone
        As in the product's tables; staff sign in as ``manager@{domain}``.
    climate
        Of all cars there: a cold snap comes to everybody in the region.
    altitude_m
        Of the region.
    diagnosis
        Chance that the workshop finds a fault that is there and named right.
    misdiagnosis
        Chance that it repairs something else instead; what is left of the two is "nothing found".
    parts_days
        Mean delivery time of a part that is not on the shelf.
    on_shelf
        Share of repairs for which the part is.
    """

    name: str
    domain: str
    time_zone: str
    climate: Climate
    altitude_m: float = 0.0
    diagnosis: float = 0.9
    misdiagnosis: float = 0.05
    parts_days: float = 2.0
    on_shelf: float = 0.8


@dataclass(frozen=True, slots=True)
class Person:
    """A customer.

    Parameters
    ----------
    phone
        E.164, from a range kept for fiction; unique in the world.
    dealer
        Index into `World.dealers`.
    habit
        How they answer, one of `simulators.customers.HABITS`.
    shows_up
        Chance that they keep an appointment.
    """

    name: str
    phone: str
    dealer: int
    habit: str
    language: str = "en"
    time_zone: str = "America/New_York"
    shows_up: float = 0.92


@dataclass(frozen=True, slots=True)
class Car:
    """A car, its owner's ways, and its fate.

    Parameters
    ----------
    model
        A key of `simulators.models.MODELS`.
    trim
        ``full``, or ``plain``: its gateway lacks `simulators.vehicle.MAY_LACK`.
    owner
        Index into `World.people`; the dealer is the owner's.
    service
        The maker's plan and what the dealer knows of the last service.
    service_elsewhere_at
        When the owner has the service done somewhere else without telling us, if ever.
    """

    vin: str
    model: str
    model_year: int
    plate: str
    owner: int
    habits: Habits
    odometer_m: float
    engine_h: float
    service: ServicePlan
    uplink: Uplink
    faults: tuple[Fault, ...] = ()
    innocents: tuple[Innocent, ...] = ()
    trim: str = "full"
    service_elsewhere_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Everything, drawn from one seed or read from one file.

    Parameters
    ----------
    start
        Aware UTC, midnight at the first dealer.
    """

    seed: int
    start: datetime
    lasts: timedelta
    dealers: tuple[Dealer, ...]
    people: tuple[Person, ...]
    cars: tuple[Car, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def end(self) -> datetime:
        """The last moment."""
        return self.start + self.lasts
