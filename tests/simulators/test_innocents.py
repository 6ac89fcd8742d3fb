"""What only looks like a fault: it begins, it ends, and the car behind it is well."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from record import dtc
from record import signals as catalogue
from simulators import cycles
from simulators.columns import Columns
from simulators.faults import HEALTHY, Effects
from simulators.habits import Habits
from simulators.innocents import (
    COOLANT,
    KINDS,
    ODOMETER,
    OF_THE_GATEWAY,
    TIRES,
    Innocent,
    JumpStart,
    draw,
)
from simulators.models import MODELS
from simulators.vehicle import AMBIENT, IGNITION, VOLTAGE, Vehicle

START = datetime(2026, 1, 5, 5, tzinfo=UTC)
DAY = timedelta(days=1)
END = START + 60 * DAY

RECORDS = {"cold_snap", "heat_wave", "serviced_elsewhere", "sold", *OF_THE_GATEWAY}
"""Kept for the scorer: somebody else acts on them."""

FROM_THE_START = {"low_sensor_batch", "rough_clock", "duplicates", "drop_outs"}
FOR_GOOD = {
    "winter_tires", "odometer_replaced", "odometer_in_miles", "firmware_unit", "low_sensor_batch",
    "serviced_elsewhere", "sold", "rough_clock", "duplicates", "drop_outs",
}  # fmt: skip

every = pytest.mark.parametrize("kind", KINDS)


@cache
def drawn(kind: str) -> tuple[tuple[str, Innocent], ...]:
    """Thirty draws for each model."""
    made = []
    for key, model in MODELS.items():
        for number in range(30):
            chance = random.Random(f"{kind}:{key}:{number}")
            one = draw(kind, chance, model=model, start=START, end=END)
            if one is not None:
                made.append((key, one))
    return tuple(made)


def one_of(kind: str, key: str = "lane_14", seed: int = 0) -> Innocent:
    one = draw(kind, random.Random(seed), model=MODELS[key], start=START, end=END)
    assert one is not None
    return one


def lives(key: str, innocents: Sequence[Innocent], **options: Any) -> Vehicle:
    options.setdefault("habits", Habits(stays_home=0.0))
    return Vehicle(
        "1RWLN1F4XMN000042", start=START, model=key, innocents=innocents, seed=5,
        drive_period_s=30, **options,
    )  # fmt: skip


def said(stretches: list[Columns], path: str, begin: datetime, end: datetime) -> list[float]:
    """What was reported of a signal in a span of time."""
    first, last = begin.timestamp() * 1000, end.timestamp() * 1000
    return [
        float(value)
        for one in stretches
        if path in one.signals
        for ts_ms, value in zip(one.ts_ms.tolist(), one.signals[path].tolist(), strict=True)
        if first <= ts_ms < last
    ]


# -- each of them ----------------------------------------------------------------------------------


@every
def test_it_says_what_it_is(kind: str) -> None:
    assert drawn(kind), "it happens to somebody"
    for _, one in drawn(kind):
        assert one.kind == kind
        assert one.end is None or one.end > one.start


@every
def test_it_begins_within_the_span(kind: str) -> None:
    starts = [one.start for _, one in drawn(kind)]
    if kind in FROM_THE_START:
        assert set(starts) == {START}
    else:
        assert all(
            START + 0.15 * (END - START) <= at <= START + 0.8 * (END - START) for at in starts
        )
        assert max(starts) - min(starts) > 20 * DAY


@every
def test_what_passes_has_an_end_and_what_stays_has_none(kind: str) -> None:
    for _, one in drawn(kind):
        assert (one.end is None) == (kind in FOR_GOOD)
        if one.end is not None:
            assert one.end - one.start < 45 * DAY


@every
def test_a_draw_is_its_seed(kind: str) -> None:
    assert one_of(kind, seed=3) == one_of(kind, seed=3)
    if kind not in FROM_THE_START:
        assert len({str(one_of(kind, seed=seed)) for seed in range(20)}) == 20


@every
def test_nothing_before_it_begins_nor_after_its_end(kind: str) -> None:
    for _, one in drawn(kind):
        assert one.at(one.start - timedelta(milliseconds=1)) is HEALTHY
        if one.end is not None:
            assert one.at(one.end) is HEALTHY and one.at(one.end + DAY) is HEALTHY


@every
def test_it_does_something_or_is_a_record(kind: str) -> None:
    for _, one in drawn(kind):
        until = one.end or one.start + 5 * DAY
        moments = [one.start + (until - one.start) * share / 50 for share in range(50)]
        assert all(one.at(when) == HEALTHY for when in moments) == (kind in RECORDS)


WORN = {
    "cooling_share", "fan_share", "thermostat_leak", "thermostat_most", "coolant_share",
    "resistance_factor", "charge_ceiling", "capacity_factor", "alternator_share", "cable_ohm",
    "tire_loss_kpa", "pad_wear_factor", "brake_drag_n", "unmetered_air_g_s", "misfire_share",
    "oil_l_per_1000km", "soot_factor", "regeneration_blocked", "weak_cell_share",
}  # fmt: skip
"""Effects that only something broken has."""


@every
def test_nothing_on_the_car_is_broken(kind: str) -> None:
    assert {part.name for part in fields(Effects)} >= WORN
    for _, one in drawn(kind):
        for hour in range(0, 40 * 24, 5):
            effects = one.at(one.start + timedelta(hours=hour))
            for name in WORN:
                assert getattr(effects, name) == getattr(HEALTHY, name), name


@every
def test_what_it_distorts_is_in_the_catalogue(kind: str) -> None:
    for _, one in drawn(kind):
        for bad in one.at(one.start).distortions:
            assert {bad.path, bad.instead or bad.path} <= set(catalogue.BY_PATH)


def test_an_innocent_can_not_be_changed() -> None:
    one: Any = one_of("altitude")
    with pytest.raises(FrozenInstanceError):
        one.start = START


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(KeyError, match="gremlins"):
        draw("gremlins", random.Random(1), model=MODELS["lane_14"], start=START, end=END)


# -- what the car makes of them --------------------------------------------------------------------


def test_in_the_mountains_the_air_is_thin_and_cold() -> None:
    one = one_of("altitude")
    assert one.end is not None
    effects = one.at(one.start)
    assert 1_000 < effects.altitude_m < 3_500
    # the standard atmosphere loses 6.5 K in a kilometer
    assert effects.climate_k == pytest.approx(-0.0065 * effects.altitude_m)
    stretches = lives("lane_14", [one]).columns(END)
    there = said(stretches, "Vehicle.OBD.BarometricPressure", one.start + DAY, one.end)
    home = said(stretches, "Vehicle.OBD.BarometricPressure", START, one.start)
    assert np.mean(home) == pytest.approx(101, abs=1)
    # ISA: 101.3 kPa * (1 - 2.26e-5 h) ** 5.26
    expected_kpa = 101.325 * (1 - 2.25577e-5 * effects.altitude_m) ** 5.25588
    assert np.mean(there) == pytest.approx(expected_kpa, rel=0.03)


@pytest.mark.parametrize("kind", ["towing", "roof_box"])
def test_load_and_wind_cost_fuel(kind: str) -> None:
    one = Innocent(kind, START, END, one_of(kind).at(one_of(kind).start))
    way = Habits(commute=(cycles.HIGHWAY,), stays_home=0.0, errands=0.0)
    flow = "Vehicle.OBD.MAF"
    bare, loaded = (
        np.mean(said(lives("lane_14", who, habits=way).columns(START + 5 * DAY), flow, START, END))
        for who in ([], [one])
    )
    assert 1.03 * bare < loaded < 2.5 * bare


def test_winter_tires_stand_elsewhere_and_hold_another_pressure() -> None:
    one = one_of("winter_tires", seed=2)
    bad = one.at(one.start).distortions
    assert {distortion.path for distortion in bad} == set(TIRES)
    for number, path in enumerate(TIRES):
        [mine] = [distortion for distortion in bad if distortion.path == path]
        assert mine.instead == TIRES[(number + 2) % 4]  # front and rear
        assert abs(mine.offset) <= 18
    stretches = lives("lane_14", [one]).columns(END)
    before = np.mean(said(stretches, TIRES[0], one.start - 3 * DAY, one.start))
    after = np.mean(said(stretches, TIRES[0], one.start, one.start + 3 * DAY))
    assert abs(after - before) > 2


def test_lights_left_on_empty_the_battery_and_drives_fill_it() -> None:
    at = START + timedelta(days=10, hours=18)  # a Thursday's evening, after work
    one = JumpStart("jump_start", at, at + 4 * DAY, lights_h=7.0)
    car, well = (lives("lane_14", who, heartbeat=timedelta(hours=1)) for who in ([one], []))
    reported, usual = car.columns(START + 30 * DAY), well.columns(START + 30 * DAY)
    night = (at + timedelta(hours=7), at + timedelta(hours=9))
    assert max(said(reported, VOLTAGE, *night)) < min(said(usual, VOLTAGE, *night)) - 0.3
    # 7 h at 6.5 A are three quarters of 60 Ah: it rests where a quarter is left
    assert 11.9 < np.mean(said(reported, VOLTAGE, *night)) < 12.2
    assert car.state.charge > 0.9
    later = (at + 10 * DAY, at + 19 * DAY)
    assert np.median(said(reported, VOLTAGE, *later)) == pytest.approx(
        np.median(said(usual, VOLTAGE, *later)), abs=0.03
    )


def test_leads_come_after_the_lights_and_a_code_may_stay_for_days() -> None:
    codes = set()
    for _, one in drawn("jump_start"):
        assert one.end is not None
        lights = [
            one.at(one.start + timedelta(minutes=minute)) for minute in range(0, 4 * 24 * 60, 15)
        ]
        on = [effects.drain_a > 5 for effects in lights]
        assert on[0] and sum(on) * 0.25 <= 10 and on == sorted(on, reverse=True)
        helped = [effects.jump_leads for effects in lights]
        assert any(helped) and not any(a and b for a, b in zip(on, helped, strict=True))
        assert not any(effects.dtcs for effects, lit in zip(lights, on, strict=True) if lit)
        codes |= {effects.dtcs for effects in lights}
    assert () in codes and len(codes) > 1
    for [code] in codes - {()}:
        assert "Unlisted" not in dtc.decode(code).description


def test_a_long_parking_is_weeks_without_a_drive() -> None:
    one = one_of("long_parking")
    assert one.end is not None and 10 * DAY < one.end - one.start < 40 * DAY
    car = lives("lane_14", [one])
    stretches = car.columns(one.end + 5 * DAY)
    first, last = one.start.timestamp() * 1000, one.end.timestamp() * 1000
    states = {
        str(state)
        for stretch in stretches
        for ts_ms, state in zip(
            stretch.ts_ms.tolist(), stretch.signals[IGNITION].tolist(), strict=True
        )
        if first + 7_200_000 < ts_ms < last
    }
    assert states == {"OFF"}
    rests = said(stretches, VOLTAGE, one.start + DAY, one.end)
    assert rests[-1] < rests[0] and rests[-1] > 11.9  # control units take a little all the time
    assert max(said(stretches, "Vehicle.Speed", one.end, one.end + 5 * DAY)) > 30
    assert not car.mishaps


@pytest.mark.parametrize("kind", ["odometer_replaced", "odometer_in_miles"])
def test_the_odometer_jumps_once_and_counts_on(kind: str) -> None:
    one = one_of(kind)
    stretches = lives("lane_14", [one], odometer_m=60_000_000.0).columns(END)
    shown = said(stretches, ODOMETER, START, END)
    jumps = [b - a for a, b in itertools.pairwise(shown) if abs(b - a) > 500_000]
    assert len(jumps) == 1
    before, after = (
        said(stretches, ODOMETER, START, one.start)[-1],
        said(stretches, ODOMETER, one.start, END),
    )
    assert after == sorted(after) and after[-1] > after[0]
    if kind == "odometer_in_miles":
        assert after[0] == pytest.approx(before / 1.609344, rel=0.01)


def test_a_new_firmware_sends_another_unit() -> None:
    forms = {tuple(bad.path for bad in one.at(one.start).distortions): one
             for key, one in drawn("firmware_unit") if key == "lane_14"}  # fmt: skip
    assert set(forms) == {(COOLANT,), TIRES}
    for paths, one in forms.items():
        stretches = lives("lane_14", [one]).columns(END)
        before = np.mean(said(stretches, paths[0], START, one.start))
        after = np.mean(said(stretches, paths[0], one.start, END))
        expected = 1.8 * before + 32 if paths == (COOLANT,) else before / 6.894757
        assert after == pytest.approx(expected, rel=0.15)


def test_no_tire_has_a_fahrenheit_and_no_electric_car_a_coolant() -> None:
    for key, one in drawn("firmware_unit"):
        if not MODELS[key].burns:
            assert {bad.path for bad in one.at(one.start).distortions} == set(TIRES)


def test_a_whole_model_reads_three_per_cent_low() -> None:
    for key in MODELS:
        mine = [one for owner, one in drawn("low_sensor_batch") if owner == key]
        assert len({str(one) for one in mine}) == 1  # each car of the model alike
        [bad] = mine[0].at(START).distortions
        assert (bad.gain, bad.offset) == (0.97, 0.0)
    one = one_of("low_sensor_batch")
    low, well = (
        np.mean(said(lives("lane_14", who).columns(START + 5 * DAY), VOLTAGE, START, END))
        for who in ([one], [])
    )
    assert low / well == pytest.approx(0.97, abs=0.002)


@pytest.mark.parametrize("key", MODELS)
@pytest.mark.parametrize("kind", ["altitude", "roof_box", "winter_tires", "long_parking"])
def test_it_leaves_no_car_standing(kind: str, key: str) -> None:
    car = lives(key, [one_of(kind, key)], heartbeat=DAY / 2)
    stretches = car.columns(END)
    assert not car.mishaps
    for stretch in stretches:
        for path, values in stretch.signals.items():
            signal = catalogue.BY_PATH[path]
            for value in set(values.tolist()):
                assert not isinstance(catalogue.check(signal, value), catalogue.Refusal), path


def test_weather_is_the_climate_s() -> None:
    for kind in ("cold_snap", "heat_wave"):
        one = one_of(kind)
        with_it, without = (
            said(lives("lane_14", who).columns(START + 20 * DAY), AMBIENT, START, END)
            for who in ([one], [])
        )
        assert with_it == without
