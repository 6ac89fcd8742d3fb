"""The standard drive cycles in this folder, and what driving them asks of an engine."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent
CITY, HIGHWAY, HARD, MIXED = "udds", "hwfet", "us06", "wltc_3b"

#: A compact petrol car.
MASS_KG = 1400.0
ROLLING = 0.010
DRAG_AREA_M2 = 0.65  # drag coefficient times frontal area
AIR_DENSITY_KG_M3 = 1.2
GRAVITY_M_S2 = 9.81
EFFICIENCY = 0.30  # of the engine, at the wheels
IDLE_FUEL_W = 8_000.0  # 0.9 l/h
RATED_POWER_W = 90_000.0
PETROL_J_PER_L = 32.0e6
AIR_G_PER_J = 14.7 / 43_000  # stoichiometric, 43 kJ/g

#: Road speed in m/s up to which each gear is used, and engine revolutions per metre in it.
GEARS = ((4.0, 1, 7.6), (8.5, 2, 4.3), (13.0, 3, 2.9), (18.0, 4, 2.2), (1e9, 5, 1.75))
IDLE_RPM = 780.0


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of a cycle between two frames.

    ``speed_kmh``, ``rpm``, ``gear`` and ``load_pct`` are those at its end; the other fields are
    means, or the sum ``distance_m``, over it.
    """

    seconds: float
    distance_m: float
    fuel_w: float
    mean_speed_ms: float
    speed_kmh: float
    rpm: float
    gear: int
    load_pct: float


@lru_cache(maxsize=32)
def speeds_ms(name: str) -> tuple[float, ...]:
    """Speed at each second of a cycle.

    >>> len(speeds_ms("udds")), round(sum(speeds_ms("udds")))
    (1370, 11990)
    """
    with (FOLDER / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return tuple(float(row["cycMps"]) for row in csv.DictReader(file))


@lru_cache(maxsize=128)
def steps(name: str, period_s: int) -> tuple[Step, ...]:
    """A cycle cut into stretches of `period_s` seconds, with the engine's work in each."""
    speeds = speeds_ms(name)
    made = []
    for start in range(0, len(speeds) - 1, period_s):
        end = min(start + period_s, len(speeds) - 1)
        fuel_j = [fuel_w(speeds[i], speeds[i + 1] - speeds[i]) for i in range(start, end)]
        distance_m = sum((speeds[i] + speeds[i + 1]) / 2 for i in range(start, end))
        speed = speeds[end]
        _, gear, per_metre = next(row for row in GEARS if speed <= row[0])
        made.append(
            Step(
                seconds=end - start,
                distance_m=distance_m,
                fuel_w=sum(fuel_j) / len(fuel_j),
                mean_speed_ms=distance_m / (end - start),
                speed_kmh=speed * 3.6,
                rpm=max(IDLE_RPM, speed * per_metre * 60),
                gear=gear if speed > 0.3 else 0,
                load_pct=min(100.0, 100 * fuel_j[-1] * EFFICIENCY / RATED_POWER_W + 15),
            )
        )
    return tuple(made)


def fuel_w(speed_ms: float, acceleration_ms2: float) -> float:
    """Power burnt at a speed and acceleration: idle, and the road load through the engine.

    >>> round(fuel_w(0, 0)), 35_000 < fuel_w(30, 0) < 60_000
    (8000, True)
    """
    force_n = (
        MASS_KG * acceleration_ms2
        + ROLLING * MASS_KG * GRAVITY_M_S2 * (speed_ms > 0)
        + 0.5 * AIR_DENSITY_KG_M3 * DRAG_AREA_M2 * speed_ms**2
    )
    return IDLE_FUEL_W + max(0.0, force_n * speed_ms) / EFFICIENCY
