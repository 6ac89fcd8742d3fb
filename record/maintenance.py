"""What a maker asks for and when: the catalogue in ``maintenance.yaml``, and what is due by it.

A vehicle's own row says when its service is due; the catalogue says so for a row that doesn't, how
hard use shortens it, and which items come every few services. An item is counted from when it was
last done, where the row says that (`Vehicle.service_items`); else from new, at whole multiples of
its interval, as the service books of makers are printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from record import strict_yaml
from record.flow import Vehicle

MONTH_DAYS = 365.2425 / 12
CLOSE_DAYS, CLOSE_KM = 90.0, 3_750.0
"""What falls due so soon after a visit is done in it: a quarter of a usual service interval. Nobody
wants to come twice."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long something lasts: whichever is used up first."""

    km: float | None = None
    months: float | None = None
    hours: float | None = None


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is replaced every few services.

    Parameters
    ----------
    item
        As a technician calls it; its key in `Vehicle.service_items`.
    km, months, hours
        How long it lasts.
    first
        How long the one of the factory lasts, where that is another time.
    powertrains
        Of the cars that have it; empty: all of the schedule.
    """

    item: str
    km: float | None = None
    months: float | None = None
    hours: float | None = None
    first: Limits = Limits()
    powertrains: tuple[str, ...] = ()


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One maker's schedule; `hard` is the service under hard use, where the maker tells them apart.

    Parameters
    ----------
    makes, models, powertrains
        Of the vehicles that it is for; no models: all.
    source
        Who says so, where.
    """

    makes: tuple[str, ...]
    powertrains: tuple[str, ...]
    source: str
    items: tuple[Item, ...]
    models: tuple[str, ...] = ()
    service: Limits = Limits()
    hard: Limits | None = None


class Done(NamedTuple):
    """When an item was done, and what the counters showed."""

    at: datetime
    odometer_m: float | None = None
    engine_hours: float | None = None


@cache
def catalogue() -> tuple[Schedule, ...]:
    """All schedules, in the order in which they are asked.

    Examples
    --------
    >>> catalogue()[0].service.km
    15000.0
    """
    said, _ = strict_yaml.read(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
    return tuple(msgspec.convert(said, tuple[Schedule, ...]))


@cache
def _schedule(make: str, model: str, powertrain: str) -> Schedule | None:
    for one in catalogue():
        fits = make.casefold() in {name.casefold() for name in one.makes}
        known = not one.models or model.casefold() in {name.casefold() for name in one.models}
        if fits and known and powertrain in one.powertrains:
            return one
    return None


def schedule(car: Vehicle) -> Schedule | None:
    """The maker's schedule of a car; None where the catalogue knows none.

    Examples
    --------
    >>> golf = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> [one.item for one in items(golf)]
    ['brake fluid', 'cabin filter', 'air filter', 'spark plugs']
    """
    return _schedule(car.make, car.model, car.powertrain)


def items(car: Vehicle) -> tuple[Item, ...]:
    """What the car has that comes every few services."""
    found = schedule(car)
    return () if found is None else tuple(
        one for one in found.items if not one.powertrains or car.powertrain in one.powertrains
    )  # fmt: skip


def service(car: Vehicle, hard: bool = False) -> Limits:
    """How long the car may go from one service to the next: by its row, or else by the catalogue.

    Parameters
    ----------
    car
    hard
        Whether it is used hard, in the maker's words.

    Examples
    --------
    >>> golf = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol",
    ...     service_interval_m=30_000_000, service_interval_days=730)
    >>> service(golf).km, service(golf, hard=True).km
    (30000.0, 7500.0)
    """
    found = schedule(car)
    km = car.service_interval_m and car.service_interval_m / 1000
    months = car.service_interval_days and car.service_interval_days / MONTH_DAYS
    limits = Limits(km, months, car.service_interval_hours)
    if found is not None and limits == Limits():
        limits = found.service
    if hard and found is not None and found.hard is not None:
        astuple = msgspec.structs.astuple
        pairs = zip(astuple(limits), astuple(found.hard), strict=True)
        limits = Limits(*(min((one for one in pair if one), default=None) for pair in pairs))
    return limits


def book(car: Vehicle) -> dict[str, Done]:
    """When items were done, as far as the car's row says."""
    return {
        item: Done(datetime.fromisoformat(one["at"]), one["odometer_m"], one["engine_hours"])
        for item, one in car.service_items.items()
    }


def entry(done: Done) -> Mapping[str, Any]:
    """What `book` reads."""
    return done._asdict() | {"at": done.at.isoformat()}


def with_visit(
    car: Vehicle, at: datetime, odometer_m: float | None, engine_hours: float | None = None
) -> tuple[str, ...]:
    """Items that belong to a service at that time and with those counters.

    Parameters
    ----------
    car
        Before that service.
    at, odometer_m, engine_hours

    Examples
    --------
    At 60,000 km the spark plugs are due, and three years after it was built the brake fluid.

    >>> golf = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol",
    ...     last_service_at=datetime(2021, 8, 1, tzinfo=UTC), last_service_odometer_m=45_200_000)
    >>> with_visit(golf, datetime(2022, 7, 20, tzinfo=UTC), 59_000_000)
    ('brake fluid', 'cabin filter', 'spark plugs')
    """
    done = book(car)
    found = []
    for one in items(car):
        was = done.get(one.item)
        if was is None:
            due = _passed(car, one, at, odometer_m)
        else:
            lasts = (one.km, one.months, one.hours)
            counted = (
                None if odometer_m is None or was.odometer_m is None
                else (odometer_m - was.odometer_m) / 1000 + CLOSE_KM,
                ((at - was.at).total_seconds() / 86_400 + CLOSE_DAYS) / MONTH_DAYS,
                None if engine_hours is None or was.engine_hours is None
                else engine_hours - was.engine_hours,
            )  # fmt: skip
            due = any(
                limit is not None and used is not None and used >= limit
                for limit, used in zip(lasts, counted, strict=True)
            )
        if due:
            found.append(one.item)
    return tuple(found)


def _passed(car: Vehicle, item: Item, at: datetime, odometer_m: float | None) -> bool:
    """Whether a multiple of its interval lies between the last service and this one.

    The day when the car was new is taken to be the middle of its model year.
    """
    if item.km and odometer_m is not None and car.last_service_odometer_m is not None:
        before, now = (
            _times(km, item.km, item.first.km or item.km)
            for km in (car.last_service_odometer_m / 1000, odometer_m / 1000 + CLOSE_KM)
        )
        if now > before:
            return True
    if item.months and car.model_year and car.last_service_at is not None:
        new = datetime(car.model_year, 7, 1, tzinfo=UTC)
        before, now = (
            _times(days / MONTH_DAYS, item.months, item.first.months or item.months)
            for days in ((car.last_service_at - new).days, (at - new).days + CLOSE_DAYS)
        )
        return now > before
    return False


def _times(used: float, every: float, first: float) -> int:
    """How often something was due once so much was used up."""
    return 0 if used < first else 1 + int((used - first) // every)
