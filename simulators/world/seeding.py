"""Puts a drawn world's dealers, people and cars into the product's own tables."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from simulators import seed
from simulators.models import MODELS
from simulators.world.plan import World


@dataclass(frozen=True, slots=True)
class Settled:
    """The keys under which the product knows them.

    Parameters
    ----------
    dealers
        In the order of `World.dealers`.
    vehicles
        Vehicle key by VIN.
    """

    dealers: tuple[seed.Dealer, ...]
    vehicles: dict[str, int]


def settle(conn: psycopg.Connection, world: World, password: str) -> Settled:
    """Make all that the dealers know; the caller commits.

    Parameters
    ----------
    password
        Of all staff.
    """
    dealers = tuple(
        seed.dealer(
            conn,
            name=dealer.name,
            time_zone=dealer.time_zone,
            password=password,
            domain=dealer.domain,
        )
        for dealer in world.dealers
    )
    owners: dict[int, int] = {}
    vehicles: dict[str, int] = {}
    for car in world.cars:
        person = world.people[car.owner]
        if car.owner not in owners:
            owners[car.owner] = seed.customer(
                conn,
                dealers[person.dealer],
                name=person.name,
                phone=person.phone,
                now=world.start,
                time_zone=person.time_zone,
                language=person.language,
            )
        model = MODELS[car.model]
        vehicles[car.vin] = seed.vehicle(
            conn,
            dealers[person.dealer],
            vin=car.vin,
            owner_id=owners[car.owner],
            now=world.start,
            make=model.make,
            model=model.name,
            model_year=car.model_year,
            powertrain=model.powertrain,
            plate=car.plate,
            service_interval_m=model.service_interval_m,
            service_interval_days=model.service_interval_days,
            last_service_at=car.service.done_at,
            last_service_odometer_m=round(car.service.done_odometer_m),
        )
    return Settled(dealers, vehicles)
