"""The physics of a car, as functions of values: numbers or NumPy arrays of them.

**Coolant.** One thermal mass takes a share of the burnt fuel's heat. Block and heater lose a little
to the air; the radiator, behind a thermostat that opens from 86 to 94 °C, the rest, the better the
faster the car drives, with a fan from 98 °C on. So an engine warms up in five to ten minutes, in
the cold in a quarter of an hour, and then stays near 90 °C.

**12 V battery.** The open-circuit voltage follows the state of charge (12.65 V full, 12.24 V half,
about 11.95 V flat at 25 °C); after a drive a surface charge fades within hours. Cranking draws a
current that grows in the cold, through an internal resistance that grows too. An alternator holds
13.8 to 14.7 V, less when warm; a smart one lets the voltage sink while it drives and raises it on
the overrun.

**Tires.** A closed volume of air: absolute pressure is proportional to absolute temperature, which
is the workshop's 1 psi for 10 °F.

**Traction battery.** Cells in series: the weakest is empty first, so its voltage leaves the others'
as the pack is emptied.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.models import Model

Array = NDArray[np.float64]

GRAVITY_M_S2 = 9.81
PETROL_J_PER_L = 32.0e6
DIESEL_J_PER_L = 35.8e6
AIR_G_PER_J = 14.7 / 43_000  # stoichiometric, 43 kJ/g; a diesel takes more
ATMOSPHERE_KPA = 101.325
SCALE_HEIGHT_M = 8_430.0  # of the atmosphere, near the ground
KELVIN = 273.15

# -- engine and coolant ------------------------------------------------------------------------

HEAT_CAPACITY_J_K = 50_000.0  # block, head, coolant of a compact petrol engine
COOLANT_HEAT_SHARE = 0.28  # of the burnt fuel
BLOCK_LOSS_W_K = 15.0
RADIATOR_W_K = 120.0
RADIATOR_W_K_PER_MS = 18.0  # ram air
FAN_W_K = 200.0
THERMOSTAT_OPENS_C = 86.0
THERMOSTAT_RANGE_K = 8.0
FAN_ON_C = 98.0
BOILING_C = 128.0  # 50 % glycol, 1.4 bar cap
COOL_DOWN_S = 2.2 * 3600  # parked, time constant

# -- battery -----------------------------------------------------------------------------------

#: State of charge and open-circuit voltage of a flooded lead-acid battery at 25 °C, rested.
REST_VOLTAGE_V = ((0.0, 11.95), (0.25, 12.06), (0.5, 12.24), (0.75, 12.45), (1.0, 12.65))
REST_V_PER_K = 0.0012
CAPACITY_AH = 60.0
RESISTANCE_OHM = 0.0065  # battery, cables and contacts at 25 °C
RESISTANCE_PER_K = 0.008  # more for each kelvin colder
STARTER_OHM = 0.033  # starter at inrush on a warm engine: about 320 A
STARTER_PER_K = 0.006  # less for each kelvin colder: stiff oil, slow, little back voltage
PARKED_DRAIN_A = 0.030
SURFACE_CHARGE_V = 0.35
SURFACE_CHARGE_S = 3600.0
CHARGE_S = 1.5 * 3600  # time constant of charging
CHARGING_V = 14.2  # at 25 °C
CHARGING_V_PER_K = -0.010
ALTERNATOR_A = 110.0
#: Below this the starter turns too slowly and control units reset: the engine does not start.
NO_START_V = 7.2
#: What a flat battery leaves a car without a starter with: its contactors don't close.
NO_BOOT_CHARGE = 0.08


def rest_voltage_v(charge: float, temperature_c: float = 25.0) -> float:
    """Open-circuit voltage of a rested battery.

    >>> [round(rest_voltage_v(charge), 2) for charge in (1.0, 0.5, 0.0)]
    [12.65, 12.24, 11.95]
    """
    charge = min(max(charge, 0.0), 1.0)
    for (low, low_v), (high, high_v) in itertools.pairwise(REST_VOLTAGE_V):
        if charge <= high:
            voltage = low_v + (charge - low) / (high - low) * (high_v - low_v)
            break
    return voltage + REST_V_PER_K * (temperature_c - 25)


def crank_voltage_v(
    charge: float, temperature_c: float, resistance_factor: float = 1.0, cable_ohm: float = 0.0
) -> float:
    """Lowest voltage while the starter turns.

    Starter, cables and battery are resistances in series. For comparison, a battery passes a load
    test with half its cold cranking amperes at 9.6 V at 21 °C and 8.5 V at −18 °C (BCI).

    >>> round(crank_voltage_v(1.0, 21), 1), round(crank_voltage_v(1.0, -18), 1)
    (10.5, 9.5)
    """
    colder_k = 25 - temperature_c
    starter_ohm = STARTER_OHM / max(0.5, 1 + STARTER_PER_K * colder_k)
    empty = max(0.0, 0.35 - charge) / 0.35  # acid that has become water conducts badly
    battery_ohm = RESISTANCE_OHM * max(0.5, 1 + RESISTANCE_PER_K * colder_k) * resistance_factor
    battery_ohm *= 1 + 12 * empty * empty
    return (
        rest_voltage_v(charge, temperature_c)
        * starter_ohm
        / (starter_ohm + battery_ohm + cable_ohm)
    )


def charging_voltage_v(temperature_c: float) -> float:
    """What the alternator holds, compensated for temperature.

    >>> charging_voltage_v(25), charging_voltage_v(-30), charging_voltage_v(90)
    (14.2, 14.7, 13.8)
    """
    return min(14.7, max(13.8, CHARGING_V + CHARGING_V_PER_K * (temperature_c - 25)))


def smart_voltage_v(
    holds_v: float, charge: float, overrun: NDArray[np.bool_], seconds: Array
) -> Array:
    """What a smart alternator holds: low while it drives, high on the overrun.

    For its first five minutes, and while the battery is not full, it charges like any other. Values
    as makers document for battery energy management: about 12.9 V to 14.9 V.
    """
    relaxed = (seconds > 300) & (charge > 0.85)
    return np.where(relaxed, np.where(overrun, holds_v + 0.4, 12.9), holds_v)


def coolant_after(
    coolant_c: float,
    seconds: float,
    *,
    fuel_w: float,
    speed_ms: float,
    ambient_c: float,
    cooling_share: float = 1.0,
    thermostat_c: float = THERMOSTAT_OPENS_C,
    fan_share: float = 1.0,
    leak: float = 0.0,
    most: float = 1.0,
    heat_capacity_j_k: float = HEAT_CAPACITY_J_K,
) -> float:
    """Coolant temperature after some seconds (up to about 20) of running.

    Parameters
    ----------
    leak, most
        How far the thermostat is open at least and at most.
    """
    opening = min(1.0, max(0.0, (coolant_c - thermostat_c) / THERMOSTAT_RANGE_K))
    opening = max(leak, min(most, opening))
    radiator_w_k = RADIATOR_W_K + RADIATOR_W_K_PER_MS * speed_ms
    if coolant_c > FAN_ON_C:
        radiator_w_k += FAN_W_K * fan_share
    if speed_ms < 5.0:  # in stop-and-go only the fan moves air
        radiator_w_k *= 0.12 + 0.88 * fan_share
    loss_w_k = BLOCK_LOSS_W_K + opening * cooling_share * radiator_w_k
    heat_w = COOLANT_HEAT_SHARE * fuel_w
    # exact for constant coefficients, so no step is too long for it
    settles_c = ambient_c + heat_w / loss_w_k
    kept = math.exp(-loss_w_k * seconds / heat_capacity_j_k)
    return min(BOILING_C, settles_c + (coolant_c - settles_c) * kept)


# -- the road ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drive:
    """A trip cut into stretches of equal length, with the work in each; arrays of shape (n,).

    Parameters
    ----------
    ends_s
        Seconds since the start at which each stretch ends.
    speed_ms, overrun
        At its end.
    mean_ms, distance_m
        Over it.
    traction_w
        At the wheels, mean over it, where it drives; and at its end.
    braked_j
        Kinetic energy that went into brakes or motor.
    """

    ends_s: Array
    speed_ms: Array
    overrun: NDArray[np.bool_]
    mean_ms: Array
    distance_m: Array
    traction_w: Array
    traction_end_w: Array
    braked_j: Array


def drive(
    model: Model,
    speeds_ms: Array,
    period_s: int,
    *,
    extra_mass_kg: float = 0.0,
    drag_factor: float = 1.0,
    rolling_factor: float = 1.0,
    extra_n: float = 0.0,
    altitude_m: float = 0.0,
) -> Drive:
    """What driving a second-by-second speed asks of a car: inertia, rolling, air.

    Parameters
    ----------
    speeds_ms
        Shape (seconds + 1,).
    period_s
        Length of a stretch; the last may be shorter.
    extra_n
        Further resistance while it moves: a caliper that drags.
    """
    before, after = speeds_ms[:-1], speeds_ms[1:]
    mean = (before + after) / 2
    mass = model.mass_kg + extra_mass_kg
    air = 1.2 * math.exp(-altitude_m / SCALE_HEIGHT_M)
    steady_n = (model.rolling * rolling_factor * mass * GRAVITY_M_S2 + extra_n) * (mean > 0.05)
    power_w = (
        mass * (after - before)
        + steady_n
        + 0.5 * air * model.drag_area_m2 * drag_factor * mean * mean
    ) * mean
    starts = np.arange(0, len(mean), period_s)
    ends = np.append(starts[1:], len(mean))
    lasts = ends - starts
    pulled = np.maximum(power_w, 0.0)
    distance = np.add.reduceat(mean, starts)
    return Drive(
        ends_s=ends.astype(float),
        speed_ms=speeds_ms[ends],
        overrun=power_w[ends - 1] < -500.0,
        mean_ms=distance / lasts,
        distance_m=distance,
        traction_w=np.add.reduceat(pulled, starts) / lasts,
        traction_end_w=pulled[ends - 1],
        braked_j=np.add.reduceat(pulled - power_w, starts),
    )


REGENERATED = 0.65
"""Share of the braking energy that an electric motor brings back to the wheels later."""

HYBRID_ELECTRIC_W = 7_000.0
"""Up to this power a warm hybrid drives with its engine off."""


def fuel_w(model: Model, run: Drive, warm: bool | NDArray[np.bool_] = True) -> Array:
    """Fuel burnt in each stretch, W: idle and traction through the engine's efficiency."""
    if not model.burns:
        return np.zeros_like(run.traction_w)
    traction = run.traction_w
    if model.powertrain != "hybrid":
        return model.idle_w + traction / model.efficiency
    seconds = np.diff(run.ends_s, prepend=0.0)
    pulled_j = float((traction * seconds).sum())
    spared = min(0.45, REGENERATED * float(run.braked_j.sum()) / pulled_j) if pulled_j else 0.0
    on = ~((traction < HYBRID_ELECTRIC_W) & warm)
    # what the motor drives, the engine makes up for while it runs
    on_j = float((traction * seconds)[on].sum())
    factor = pulled_j / on_j if on_j else 0.0
    return np.where(on, model.idle_w + traction * (1 - spared) * factor / model.efficiency, 0.0)


def pack_w(model: Model, run: Drive) -> Array:
    """Power taken from a traction battery in each stretch, W; negative charges it."""
    seconds = np.diff(run.ends_s, prepend=0.0)
    recovered = REGENERATED * run.braked_j / seconds
    return model.idle_w + run.traction_w / model.efficiency - recovered


def engine_speed_rpm(
    model: Model, speed_ms: Array, running: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Engine speed and gear at a road speed, as the driver of an average car shifts."""
    tops = np.array([top for top, _, _ in model.gears])
    index = np.searchsorted(tops, speed_ms)
    gears = np.array([gear for _, gear, _ in model.gears])[index]
    per_metre = np.array([per for _, _, per in model.gears])[index]
    idle = 780.0 if model.powertrain != "diesel" else 820.0
    rpm = np.where(running, np.maximum(idle, speed_ms * per_metre * 60), 0.0)
    return rpm, np.where(speed_ms > 0.3, gears, 0)


# -- tires -------------------------------------------------------------------------------------


def tire_kpa(
    cold_kpa: Array | float, temperature_c: Array | float, altitude_m: float = 0.0
) -> Array:
    """Gauge pressure of a tire that has `cold_kpa` at 20 °C and sea level.

    >>> ten_fahrenheit_colder = 20 - 10 / 1.8
    >>> round(float(tire_kpa(230, 20) - tire_kpa(230, ten_fahrenheit_colder)), 1)  # 1 psi is 6.9
    6.3
    """
    outside = ATMOSPHERE_KPA * math.exp(-altitude_m / SCALE_HEIGHT_M)
    absolute = (np.asarray(cold_kpa) + ATMOSPHERE_KPA) * (np.asarray(temperature_c) + KELVIN)
    return np.asarray(absolute / (20 + KELVIN) - outside)


# -- particulate filter ------------------------------------------------------------------------

SOOT_G_PER_KM = 0.035  # engine out, warm, Euro 5/6 class
SOOT_REGENERATES_G = 18.0
SOOT_LIMP_G = 40.0
REGENERATION_G_PER_S = 0.022  # at 600 °C: a quarter of an hour


def dpf_pa(flow_g_s: Array, soot_g: Array | float) -> Array:
    """Pressure drop over the filter: laminar, so proportional to flow, and growing with soot."""
    return flow_g_s * (35.0 + 5.5 * np.asarray(soot_g))


# -- traction battery --------------------------------------------------------------------------


def cell_v(soc: Array | float) -> Array:
    """Open-circuit voltage of an NMC cell at a state of charge from 0 to 1.

    >>> [round(float(cell_v(soc)), 2) for soc in (0.0, 0.5, 1.0)]
    [3.35, 3.69, 4.17]
    """
    volts: Array = np.interp(
        np.asarray(soc, float),
        (0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
        (3.35, 3.48, 3.58, 3.69, 3.9, 4.17),
    )
    return volts


def weak_cell_v(soc: Array | float, missing: float) -> Array:
    """The same of a cell that lacks a share of its capacity; the pack was balanced when full."""
    used = 1 - np.asarray(soc, float)
    return cell_v(np.maximum(0.0, 1 - used / (1 - missing)))
