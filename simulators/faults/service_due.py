"""A service falls due: nothing breaks, the car has only been used.

A service is due by distance, time or engine hours since the last one, whichever comes first. It has
no effect on the signals but the counters that every car has: `ServicePlan.left` is the truth that a
detector should find, and a car with a service display reports distance and time left.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from simulators.service_plan import ServicePlan
from simulators.vehicle import Vehicle


def plan_due(when: datetime, odometer_m: float, engine_h: float = 0.0) -> ServicePlan:
    """A yearly plan of 15,000 km that falls due by distance when the odometer is at `odometer_m`.

    By time it would be due a month later than `when`.
    """
    return ServicePlan(
        done_at=when - timedelta(days=335),
        done_odometer_m=odometer_m - 15_000_000.0,
        done_engine_h=engine_h - 400.0,
    )


def afflicted(
    start: datetime, *, vin: str = "1RWLN1F4XMN000004", seed: int = 1, **options: Any
) -> Vehicle:
    """A car that has 400 km left at `start`: due within two weeks or so of ordinary use."""
    odometer_m = options.pop("odometer_m", 42_000_000.0)
    engine_h = options.pop("engine_h", 900.0)
    plan = plan_due(start + timedelta(days=14), odometer_m + 400_000.0, engine_h)
    return Vehicle(
        vin,
        start=start,
        seed=seed,
        odometer_m=odometer_m,
        engine_h=engine_h,
        service=options.pop("service", plan),
        **options,
    )
