"""What would have been: a twin of a car lives on without its fault, or without its service.

Two wheels with equal pressure may change places, and a thermostat that opens a third of its way is
enough for a gentle driver in winter: then nothing that the car tells is other than it would be, and
nobody can find it, however clever. So a fault's time to be found begins when it can be seen.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from simulators.vehicle import Vehicle
from simulators.world.living import Living, living
from simulators.world.plan import Car, World

STEPS = 2
"""A reading is another one where it is so many of its signal's steps away: more than rounding."""

DAYS = 3
"""It shows with the third day on which any is: once is chance."""

PERIOD_S = 60
"""Between readings on the road: six times as quick to live as the world's own ten seconds."""

DAY_MS = 86_400_000

WOULD_BE_DUE_DAYS = 90
"""So far ahead we ask when a car that was serviced would have been due."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a car said, by VSS path: times and numbers; and which codes at which times."""

    numbers: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]
    codes: dict[int, tuple[str, ...]]


def shows_at(world: World, car: Car) -> dict[str, datetime]:
    """When each of a car's faults shows, aware UTC; without those that never do.

    The twin has the car's other faults, and all else alike: trips, weather, noise. A fault that
    keeps the car from driving shows too, for trips are missing.
    """
    if not car.faults:
        return {}
    told = _told(world, car)
    made = {}
    for fault in car.faults:
        others = tuple(other for other in car.faults if other is not fault)
        days = _apart(told, _told(world, replace(car, faults=others)))
        if len(days) >= DAYS:
            made[fault.name] = datetime.fromtimestamp(days[DAYS - 1] / 1000, UTC)
    return made


def _told(world: World, car: Car) -> _Told:
    parts: dict[str, list[tuple[NDArray[np.int64], NDArray[np.float64]]]] = defaultdict(list)
    codes: dict[int, tuple[str, ...]] = {}
    for made in living(world, car, PERIOD_S).vehicle.columns(world.end):
        codes |= dict.fromkeys(made.ts_ms.tolist(), made.dtcs)
        for path, values in made.signals.items():
            if values.dtype.kind in "if":
                parts[path].append((made.ts_ms, values.astype(np.float64)))
    return _Told(
        {
            path: (np.concatenate([t for t, _ in some]), np.concatenate([v for _, v in some]))
            for path, some in parts.items()
        },
        codes,
    )


def _apart(car: _Told, twin: _Told) -> list[int]:
    """The first moment of each day on which they part, ms, in order."""
    moments = [at for at, codes in twin.codes.items() if car.codes.get(at) != codes]
    for path in car.numbers.keys() & twin.numbers.keys():
        (car_ms, car_reads), (twin_ms, twin_reads) = car.numbers[path], twin.numbers[path]
        both, mine, its = np.intersect1d(car_ms, twin_ms, assume_unique=True, return_indices=True)
        steps = np.diff(np.unique(twin_reads.round(6)))
        least = STEPS * float(steps.min()) if len(steps) else 0.0
        off = np.abs(car_reads[mine] - twin_reads[its])
        moments += both[(off > 1e-6) & (off >= 0.999 * least)].tolist()
    first: dict[int, int] = {}
    for at in sorted(moments):
        first.setdefault(at // DAY_MS, at)
    return list(first.values())


def would_be_due(car: Living, seed: int, now: datetime) -> datetime | None:
    """When the plan would have run out without this service; None if it has already.

    A twin lives on: the same trips on the same days, with nothing wrong.
    """
    plan, state = car.vehicle.service, car.vehicle.state
    if plan is None or plan.left(now, state.odometer_m, state.engine_h) <= 0:
        return None
    twin = Vehicle(
        car.plan.vin,
        start=max(now, state.at),
        seed=seed,
        model=car.plan.model,
        model_year=car.plan.model_year,
        habits=car.vehicle.habits,
        climate=car.dealer.climate,
        service=plan,
        odometer_m=state.odometer_m,
        engine_h=state.engine_h,
        drive_period_s=60,
        heartbeat=timedelta(days=1),
    )
    for days in range(1, WOULD_BE_DUE_DAYS):
        twin.columns(now + timedelta(days=days))
        if twin.dues:
            return twin.dues[0]
    return None
