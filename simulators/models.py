"""The cars of the simulated maker Corvia: what their physics needs to know of them.

Masses, drag areas, powers and capacities are typical of the class; each model's consumption over
the WLTC is checked in ``tests/simulators/test_physics.py`` against the band in `Model.wltc`, which
spans the type-approval values of cars of that class (EEA monitoring of CO₂ from passenger cars,
2019 to 2023: petrol compact about 5 to 7 l/100 km, diesel 4.5 to 7.5, hybrid 3.8 to 5.5; electric
14 to 20 kWh/100 km).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Powertrain = Literal["petrol", "diesel", "hybrid", "electric"]


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    Parameters
    ----------
    key, make, name
        ``lane_14`` is the Corvia Lane 1.4.
    vds5
        Places 4 to 8 of its VINs.
    mass_kg
        With a driver.
    drag_area_m2
        Drag coefficient times frontal area.
    rolling
        Rolling resistance coefficient of its usual tires.
    rated_kw
        Of the engine, or the motor.
    efficiency
        From fuel to wheels, or from battery to wheels.
    idle_w
        Fuel burnt at idle, or electric load that is always there.
    displacement_l
        Of the engine; 0 without one.
    gears
        Speed in m/s up to which each gear is used, gear, and engine revolutions per metre in it.
    placard_kpa
        Cold tire pressure, gauge.
    heat_capacity_j_k
        Of block, head and coolant.
    smart_alternator
        Charges mostly on overrun, see `simulators.physics.charging_voltage_v`.
    pack_kwh, cells
        Of the traction battery: energy, and cells in series.
    wltc
        Plausible consumption over the WLTC: l/100 km, or kWh/100 km.
    oil_l
        Oil between the marks and the sump together.
    service_interval_m, service_interval_days
        The maker's.
    """

    key: str
    make: str
    name: str
    powertrain: Powertrain
    vds5: str
    first_year: int
    last_year: int
    mass_kg: float
    drag_area_m2: float
    rolling: float
    rated_kw: float
    efficiency: float
    idle_w: float
    displacement_l: float
    gears: tuple[tuple[float, int, float], ...]
    placard_kpa: float
    wltc: tuple[float, float]
    heat_capacity_j_k: float = 50_000.0
    smart_alternator: bool = False
    pack_kwh: float = 0.0
    cells: int = 0
    oil_l: float = 4.2
    service_interval_m: int = 15_000_000
    service_interval_days: int = 365

    @property
    def burns(self) -> bool:
        """Whether it has an engine."""
        return self.powertrain != "electric"

    @property
    def recuperates(self) -> bool:
        """Whether its motor brakes."""
        return self.powertrain in ("hybrid", "electric")


_FIVE = ((4.0, 1, 7.6), (8.5, 2, 4.3), (13.0, 3, 2.9), (18.0, 4, 2.2), (1e9, 5, 1.75))
_SIX = (
    (4.0, 1, 7.2),
    (8.0, 2, 4.0),
    (12.5, 3, 2.7),
    (17.5, 4, 2.0),
    (24.0, 5, 1.55),
    (1e9, 6, 1.3),
)
_DIESEL = (
    (3.5, 1, 6.2),
    (8.0, 2, 3.3),
    (12.5, 3, 2.2),
    (17.5, 4, 1.65),
    (24.0, 5, 1.3),
    (1e9, 6, 1.08),
)
_ONE = ((1e9, 1, 0.0),)

MODELS: dict[str, Model] = {
    model.key: model
    for model in (
        Model(
            "lane_14", "Corvia", "Lane 1.4", "petrol", "LN1F4", 2016, 2025,
            1400, 0.65, 0.010, 90, 0.30, 8_000, 1.4, _FIVE, 230, (5.0, 7.5),
        ),
        Model(
            "ridge_20", "Corvia", "Ridge 2.0", "petrol", "RD2G0", 2018, 2026,
            1690, 0.82, 0.0105, 140, 0.31, 9_500, 2.0, _SIX, 240, (6.3, 9.0),
            heat_capacity_j_k=60_000, smart_alternator=True, oil_l=5.0,
        ),
        Model(
            "pico_10", "Corvia", "Pico 1.0", "petrol", "PC1A0", 2017, 2025,
            1090, 0.60, 0.0095, 52, 0.29, 6_000, 1.0, _FIVE, 220, (4.2, 6.2),
            heat_capacity_j_k=40_000, oil_l=3.4,
        ),
        Model(
            "lane_16d", "Corvia", "Lane 1.6 D", "diesel", "LN6D4", 2016, 2023,
            1480, 0.65, 0.010, 85, 0.36, 6_500, 1.6, _DIESEL, 240, (3.9, 6.0),
            heat_capacity_j_k=60_000, smart_alternator=True, oil_l=5.2,
        ),
        Model(
            "haul_22d", "Corvia", "Haul 2.2 D", "diesel", "HL2D2", 2017, 2026,
            2150, 1.15, 0.0105, 120, 0.36, 8_000, 2.2, _DIESEL, 300, (6.5, 9.5),
            heat_capacity_j_k=75_000, oil_l=6.6, service_interval_m=20_000_000,
        ),
        Model(
            "lane_18h", "Corvia", "Lane 1.8 Hybrid", "hybrid", "LN8H4", 2019, 2026,
            1450, 0.63, 0.0085, 75, 0.355, 6_000, 1.8, _FIVE, 230, (3.6, 5.6),
            pack_kwh=1.3, cells=56, heat_capacity_j_k=50_000,
        ),
        Model(
            "arc_58", "Corvia", "Arc 58", "electric", "AC5E8", 2020, 2026,
            1800, 0.66, 0.0085, 150, 0.82, 550, 0, _ONE, 260, (13.5, 19.0),
            pack_kwh=58, cells=108, service_interval_m=30_000_000, service_interval_days=730,
        ),
        Model(
            "arc_77", "Corvia", "Arc 77 AWD", "electric", "AC7E7", 2021, 2026,
            2180, 0.74, 0.009, 220, 0.81, 650, 0, _ONE, 270, (15.5, 22.0),
            pack_kwh=77, cells=96, service_interval_m=30_000_000, service_interval_days=730,
        ),
    )
}  # fmt: skip
"""By key."""
