"""A car of the world while it lives: its plan, made of metal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulators.faults import Effects
from simulators.innocents import Innocent
from simulators.uplink import Line
from simulators.vehicle import Vehicle
from simulators.world.plan import Car, Dealer, World


@dataclass(slots=True)
class Living:
    """A car of the world while it lives."""

    plan: Car
    vehicle: Vehicle
    line: Line
    dealer: Dealer
    stranded_until: datetime | None = None
    broken: list[str] = field(default_factory=list)


def living(world: World, car: Car, drive_period_s: int = 10) -> Living:
    """A car as its plan says, that measures so often while driving."""
    owner = world.people[car.owner]
    dealer = world.dealers[owner.dealer]
    innocents = list(car.innocents)
    if dealer.altitude_m:
        at_home = Effects(altitude_m=dealer.altitude_m)
        innocents.append(Innocent("altitude", world.start - timedelta(days=1), None, at_home))
    vehicle = Vehicle(
        car.vin,
        start=world.start,
        seed=world.seed,
        model=car.model,
        model_year=car.model_year,
        trim=car.trim,
        faults=car.faults,
        innocents=innocents,
        habits=car.habits,
        climate=dealer.climate,
        service=car.service,
        odometer_m=car.odometer_m,
        engine_h=car.engine_h,
        drive_period_s=drive_period_s,
    )
    return Living(car, vehicle, Line(car.uplink, car.vin, world.seed), dealer)
