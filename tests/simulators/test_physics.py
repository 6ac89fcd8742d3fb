"""The physics of simulated cars against facts that a workshop knows."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record import signals as catalogue
from simulators import cycles, physics
from simulators.climate import Climate, Spell
from simulators.columns import Columns
from simulators.faults import Distortion, Effects
from simulators.habits import Habits
from simulators.innocents import Innocent
from simulators.models import MODELS, Model
from simulators.vehicle import (
    AIR_FLOW,
    CELL_MAX,
    CELL_MIN,
    COOLANT,
    COOLANT_LEVEL,
    DPF_DELTA,
    DPF_INLET,
    ENGINE_SPEED,
    IGNITION,
    LONG_TRIM,
    MANIFOLD,
    ODOMETER,
    OIL_LEVEL,
    PADS,
    SHORT_TRIM,
    SOC,
    SPEED,
    TIRE_TEMPS,
    TIRES,
    VOLTAGE,
    Vehicle,
)

START = datetime(2026, 1, 5, 5, tzinfo=UTC)
DAY = timedelta(days=1)
VIN = "1RWLN1F4XMN000009"
PETROL = MODELS["lane_14"]


def lived(days: float, *, effects: Effects | None = None, **options: Any) -> list[Columns]:
    parts = [] if effects is None else [Innocent("towing", START - DAY, None, effects)]
    return Vehicle(VIN, start=START, innocents=parts, **options).columns(START + days * DAY)


def values(made: list[Columns], path: str, running: bool | None = None) -> np.ndarray[Any, Any]:
    some = [
        one.signals[path]
        for one in made
        if path in one.signals
        and (running is None or ("Vehicle.OBD.ThrottlePosition" in one.signals) == running)
    ]
    return np.concatenate(some)


# -- facts ---------------------------------------------------------------------------------------


def warm_up_minutes(ambient_c: float, model: Model = PETROL) -> float:
    run = physics.drive(model, cycles.route((cycles.CITY, cycles.CITY)), 10)
    coolant_c = ambient_c
    fuel_w = physics.fuel_w(model, run)
    for end_s, watts, speed in zip(run.ends_s, fuel_w, run.mean_ms, strict=True):
        coolant_c = physics.coolant_after(
            coolant_c, 10, fuel_w=watts, speed_ms=speed, ambient_c=ambient_c
        )
        if coolant_c >= 80:
            return float(end_s) / 60
    return float("inf")


@pytest.mark.parametrize(
    ("ambient_c", "least", "most"), [(-20, 12, 22), (0, 8, 15), (20, 5, 10), (30, 4, 8)]
)
def test_an_engine_warms_up_in_its_time(ambient_c: float, least: float, most: float) -> None:
    assert least < warm_up_minutes(ambient_c) < most


def test_standing_in_the_heat_only_the_fan_cools() -> None:
    def after(minutes: int, fan_share: float) -> float:
        coolant_c = 90.0
        for _ in range(minutes * 6):
            coolant_c = physics.coolant_after(
                coolant_c, 10, fuel_w=14_000, speed_ms=0, ambient_c=38, fan_share=fan_share
            )  # idle, and the air conditioning
        return coolant_c

    assert after(40, 1.0) < 101 and after(40, 0.0) > 106


@pytest.mark.parametrize("ambient_c", [-20, 20, 40])
@pytest.mark.parametrize("name", [cycles.CITY, cycles.HIGHWAY, cycles.HARD, cycles.MIXED])
def test_the_thermostat_holds_a_healthy_engine(name: str, ambient_c: float) -> None:
    run = physics.drive(PETROL, cycles.route((name,) * 3), 10)
    coolant_c = 88.0
    for watts, speed in zip(physics.fuel_w(PETROL, run), run.mean_ms, strict=True):
        coolant_c = physics.coolant_after(
            coolant_c, 10, fuel_w=watts, speed_ms=speed, ambient_c=ambient_c
        )
        assert 80 < coolant_c < 99


def test_the_cycles_are_the_published_ones() -> None:
    for name, km in ((cycles.CITY, 12.0), (cycles.HIGHWAY, 16.5), (cycles.MIXED, 23.27)):
        speeds = cycles.route((name,))
        for period_s in (1, 10, 7):
            run = physics.drive(PETROL, speeds, period_s)
            assert run.distance_m.sum() == pytest.approx(km * 1000, rel=0.005)
            assert run.ends_s[-1] == len(speeds) - 1


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_each_model_takes_what_its_class_takes(model: Model) -> None:
    run = physics.drive(model, cycles.route((cycles.MIXED,)), 1)
    km = run.distance_m.sum() / 1000
    if model.burns:
        per_l = physics.DIESEL_J_PER_L if model.powertrain == "diesel" else physics.PETROL_J_PER_L
        used = physics.fuel_w(model, run).sum() / per_l / km * 100
    else:
        used = physics.pack_w(model, run).sum() / 3.6e6 / km * 100
    low, high = model.wltc
    assert low < used < high


def test_ten_degrees_fahrenheit_are_about_one_psi() -> None:
    for placard_kpa in (220, 240, 260):
        colder = physics.tire_kpa(placard_kpa, 20 - 10 / 1.8)
        assert (placard_kpa - colder) / 6.894757 == pytest.approx(1.0, abs=0.15)
    higher = float(physics.tire_kpa(230, 20, altitude_m=1_600)) - 230
    assert 15 < higher < 20  # Denver: the air outside pushes 17 kPa less


@pytest.mark.parametrize(("charge", "voltage_v"), [(1.0, 12.6), (0.5, 12.2), (0.0, 12.0)])
def test_a_rested_battery_tells_its_charge(charge: float, voltage_v: float) -> None:
    assert physics.rest_voltage_v(charge) == pytest.approx(voltage_v, abs=0.06)


@pytest.mark.parametrize(
    ("temperature_c", "floor_v"), [(21, 9.6), (10, 9.4), (-1, 9.1), (-12, 8.7), (-18, 8.5)]
)
def test_a_healthy_battery_cranks_above_the_load_test_floor(
    temperature_c: float, floor_v: float
) -> None:
    assert floor_v < physics.crank_voltage_v(0.95, temperature_c) < 11.0
    assert physics.crank_voltage_v(0.1, temperature_c) < physics.NO_START_V, "and a flat one fails"


def test_a_smart_alternator_saves_while_it_drives_and_charges_on_the_overrun() -> None:
    volts = values(lived(5, model="ridge_20"), VOLTAGE, running=True)
    assert 12.5 < volts.min() < 13.1 and 14.3 < volts.max() < 15.1
    plain = values(lived(5), VOLTAGE, running=True)
    assert plain.min() > 13.7 and plain.max() < 14.9


def test_a_motorway_commuter_burns_soot_and_a_short_trip_does_not() -> None:
    far = Habits(commute=(cycles.HIGHWAY, cycles.HIGHWAY), errands=0)
    near = Habits(commute=(cycles.ROUNDS,), errands=0)
    inlet = {
        name: values(lived(40, model="lane_16d", habits=habits), DPF_INLET).max()
        for name, habits in (("far", far), ("near", near))
    }
    assert inlet["far"] > 550
    blocked = lived(40, model="lane_16d", habits=far, effects=Effects(regeneration_blocked=True))
    assert values(blocked, DPF_INLET).max() < 500
    healthy = lived(40, model="lane_16d", habits=far)
    assert values(blocked, DPF_DELTA).max() > 1.3 * values(healthy, DPF_DELTA).max()


def test_a_motor_that_brakes_spares_the_pads() -> None:
    def worn(model: str) -> float:
        pads = values(lived(60, model=model), PADS[0])
        return float(pads[-1] - pads[0])

    assert 0 < worn("arc_58") <= 0.6 * worn("lane_14")


def test_a_spell_comes_to_a_whole_region_and_goes() -> None:
    usual = Climate(seed=3)
    snap = Climate(seed=3, spells=(Spell(START + 2 * DAY, START + 6 * DAY, -12.0),))
    differences = [
        snap.temperature_c(START + day * DAY) - usual.temperature_c(START + day * DAY)
        for day in (1, 4, 7)
    ]
    assert differences == pytest.approx([0.0, -12.0, 0.0])


# -- what effects do -------------------------------------------------------------------------------

SEEN: dict[str, tuple[Any, str, str, float]] = {
    "cooling_share": (0.1, COOLANT, "max", +8),
    "thermostat_leak": (1.0, COOLANT, "median", -5),
    "thermostat_most": (0.05, COOLANT, "max", +8),
    "resistance_factor": (3.0, VOLTAGE, "min", -1.0),
    "charge_ceiling": (0.5, VOLTAGE, "min", -0.1),
    "drain_a": (1.5, VOLTAGE, "min", -0.2),
    "alternator_share": (0.1, VOLTAGE, "median", -0.5),
    "cable_ohm": (0.01, VOLTAGE, "min", -1.0),
    "tire_loss_kpa": ((40.0, 0.0, 0.0, 0.0), TIRES[0], "median", -30),
    "brake_drag_n": ((400.0, 0.0, 0.0, 0.0), TIRE_TEMPS[0], "max", +5),
    "unmetered_air_g_s": (0.9, LONG_TRIM, "max", +4),
    "misfire_share": (0.2, ENGINE_SPEED, "roughness", +10),
    "altitude_m": (2_500.0, MANIFOLD, "max", -20),
    "climate_k": (-15.0, "Vehicle.Exterior.AirTemperature", "median", -10),
    "extra_mass_kg": (1_000.0, AIR_FLOW, "median", +0.5),
    "drag_factor": (1.8, AIR_FLOW, "max", +1),
    "rolling_factor": (2.5, AIR_FLOW, "median", +0.5),
    "distortions": ((Distortion(COOLANT, offset=-20.0),), COOLANT, "max", -15),
}
"""Each effect with a strong value, the signal that shows it, how, and by how much at least."""


def measured(made: list[Columns], path: str, how: str) -> float:
    seen = values(made, path, running=True if how in ("median", "roughness") else None)
    seen = seen.astype(float)
    match how:
        case "min":
            return float(seen.min())
        case "max":
            return float(seen.max())
        case "median":
            return float(np.median(seen))
    hot = values(made, COOLANT, running=True) > 70
    idle = seen[hot & (values(made, SPEED, running=True) == 0)]
    return float(idle.std())


@pytest.mark.parametrize("name", SEEN)
def test_each_effect_is_seen(name: str) -> None:
    value, path, how, least = SEEN[name]
    climate = Climate(weather_c=0)
    healthy = measured(lived(10, climate=climate), path, how)
    named: dict[str, Any] = {name: value}
    touched = measured(lived(10, climate=climate, effects=Effects(**named)), path, how)
    assert (touched - healthy) * np.sign(least) >= abs(least), (healthy, touched)


def test_the_other_effects_are_seen_too() -> None:
    assert set(values(lived(3, effects=Effects(coolant_share=0.5)), COOLANT_LEVEL)) == {
        "CRITICALLY_LOW"
    }
    assert set(values(lived(3, effects=Effects(coolant_share=0.7)), COOLANT_LEVEL)) == {"LOW"}
    oil = values(lived(40, effects=Effects(oil_l_per_1000km=3.0)), OIL_LEVEL)
    assert "LOW" in set(oil) and oil[0] == "NORMAL"
    pads = values(lived(20, effects=Effects(pad_wear_factor=(20.0, 1.0, 1.0, 1.0))), PADS[0])
    assert pads[-1] - pads[0] > 10
    weak = lived(20, model="arc_58", effects=Effects(weak_cell_share=0.25))
    spread = values(weak, CELL_MAX) - values(weak, CELL_MIN)
    soc = values(weak, SOC)
    assert spread[soc < 55].mean() > spread[soc > 75].mean() > 0.02
    low, high = (
        float(physics.cell_v(full) - physics.weak_cell_v(full, 0.25)) for full in (0.28, 0.9)
    )
    assert low > 3 * high, "it is empty first"
    soot = lived(30, model="haul_22d", effects=Effects(soot_factor=4.0, regeneration_blocked=True))
    assert values(soot, DPF_DELTA).max() > 20_000
    assert np.ptp(values(lived(9, effects=Effects(stays_parked=True)), ODOMETER)) == 0
    leads = Effects(drain_a=8.0, jump_leads=True)
    assert "START" in set(values(lived(4, effects=leads), IGNITION))
    assert all(
        one.dtcs == ("P0171",)
        for one in lived(3, effects=Effects(dtcs=("P0171",)))
        if "Vehicle.OBD.ThrottlePosition" in one.signals
    )
    thin = lived(30, effects=Effects(drain_a=0.35, capacity_factor=0.3))
    full = lived(30, effects=Effects(drain_a=0.35))
    assert values(thin, VOLTAGE).min() < values(full, VOLTAGE).min()


def test_every_effect_is_looked_at_here() -> None:
    others = {
        "fan_share",
        "coolant_share", "oil_l_per_1000km", "pad_wear_factor", "weak_cell_share", "soot_factor",
        "regeneration_blocked", "stays_parked", "jump_leads", "dtcs", "capacity_factor",
    }  # fmt: skip
    assert set(SEEN) | others == {one.name for one in dataclasses.fields(Effects)}


# -- all models ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", MODELS)
def test_a_healthy_month_lies_inside_the_catalogue(key: str) -> None:
    car = Vehicle(VIN, start=START, model=key)
    made = car.columns(START + 30 * DAY)
    assert not car.mishaps
    last = -1
    for one in made:
        assert one.ts_ms[0] > last and (np.diff(one.ts_ms) > 0).all()
        last = int(one.ts_ms[-1])
        for path, array in one.signals.items():
            signal = catalogue.BY_PATH[path]
            for value in {array[0], array[-1], max(array), min(array)}:
                plain = value.item() if hasattr(value, "item") else value
                kept = catalogue.check(signal, plain)
                assert not isinstance(kept, catalogue.Refusal), (path, plain, kept)
    trims = "Vehicle.OBD.ShortTermFuelTrim1"
    assert (SHORT_TRIM in set().union(*(one.signals for one in made))) == (
        car.model.powertrain in ("petrol", "hybrid")
    )
    assert trims == SHORT_TRIM


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(tuple(MODELS)),
    st.lists(st.floats(0.01, 5.9), min_size=1, max_size=8),
    st.integers(0, 5),
)
def test_it_says_the_same_whatever_stretches_it_is_asked_for(
    key: str, days: list[float], seed: int
) -> None:
    whole = Vehicle(VIN, start=START, model=key, seed=seed)
    pieces = Vehicle(VIN, start=START, model=key, seed=seed)
    told = [frame for day in sorted(days) for frame in pieces.frames(START + day * DAY)]
    told += pieces.frames(START + 6 * DAY)
    assert told == list(whole.frames(START + 6 * DAY))
    assert pieces.state == whole.state


def test_a_car_that_is_kept_does_not_drive_and_then_does() -> None:
    car = Vehicle(VIN, start=START, habits=Habits(stays_home=0.0))
    car.columns(START + DAY)
    car.keep(START + 5 * DAY)
    parked = values(car.columns(START + 5 * DAY), ODOMETER)
    assert np.ptp(parked) == 0
    assert np.ptp(values(car.columns(START + 9 * DAY), ODOMETER)) > 10_000
