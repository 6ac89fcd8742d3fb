"""Simulated cars obey the physics that a technician knows, and the same seed is the same car."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from record import signals as catalogue
from simulators import cycles
from simulators.climate import Climate
from simulators.faults import NAMES, Effects, afflicted, combined
from simulators.faults.coolant_overheat import CoolantOverheat
from simulators.faults.dtc_raised import DtcRaised
from simulators.faults.weak_battery import WeakBattery
from simulators.service_plan import ServicePlan
from simulators.vehicle import (
    COOLANT,
    DISTANCE_TO_SERVICE,
    DTC_COUNT,
    ENGINE_HOURS,
    ENGINE_SPEED,
    IGNITION,
    MIL,
    NO_START_V,
    ODOMETER,
    RUN_TIME,
    TIME_TO_SERVICE,
    VOLTAGE,
    Habits,
    Vehicle,
    charging_voltage_v,
    crank_voltage_v,
)
from simulators.wire import Frame

START = datetime(2026, 1, 5, tzinfo=UTC)
VIN = "1RWLN1F4XMN000009"
DAY = timedelta(days=1)


def lives(vehicle: Vehicle, days: float) -> list[Frame]:
    return list(vehicle.frames(START + days * DAY))


def values(frames: Sequence[Frame], signal: str, ignition: str) -> list[float]:
    return [
        float(frame.signals[signal])
        for frame in frames
        if signal in frame.signals and frame.signals[IGNITION] == ignition
    ]


# -- facts ---------------------------------------------------------------------------------


def test_cold_age_and_low_charge_each_lower_the_crank_voltage() -> None:
    usual = crank_voltage_v(1.0, 20)
    assert crank_voltage_v(1.0, -20) < usual
    assert crank_voltage_v(1.0, 20, 2.0) < usual
    assert crank_voltage_v(0.4, 20) < usual
    # and an old battery suffers more from the cold than a new one
    loss_new = usual - crank_voltage_v(1.0, -10)
    loss_old = crank_voltage_v(1.0, 20, 2.5) - crank_voltage_v(1.0, -10, 2.5)
    assert loss_old > 1.3 * loss_new


@pytest.mark.parametrize("temperature_c", range(-40, 60, 5))
def test_the_alternator_stays_in_its_band(temperature_c: int) -> None:
    assert 13.8 <= charging_voltage_v(temperature_c) <= 14.7


def test_summer_is_warmer_than_winter_and_noon_than_night() -> None:
    climate = Climate(time_zone="Europe/Berlin", mean_c=10, season_c=10)

    def month(number: int, hour: int) -> float:
        days = [datetime(2026, number, day, hour, tzinfo=UTC) for day in range(1, 29)]
        return sum(map(climate.temperature_c, days)) / len(days)

    assert month(7, 13) > month(1, 13) + 12
    assert month(7, 13) > month(7, 3) + 4
    hourly = [climate.temperature_c(START + timedelta(hours=hour)) for hour in range(2000)]
    assert max(abs(b - a) for a, b in itertools.pairwise(hourly)) < 3


# -- a healthy car ----------------------------------------------------------------------------


def test_a_healthy_month_is_plausible_throughout() -> None:
    frames = lives(Vehicle(VIN, start=START), 30)
    times = [frame.ts_ms for frame in frames]
    assert times == sorted(set(times)) and len(frames) > 5_000
    for frame in frames:
        assert frame.dtcs == ()
        for name, value in frame.signals.items():
            assert not isinstance(
                catalogue.check(catalogue.BY_PATH[name], value), catalogue.Refusal
            ), (name, value)
    odometer = [int(frame.signals[ODOMETER]) for frame in frames]
    assert odometer == sorted(odometer)
    assert 300_000 < odometer[-1] - odometer[0] < 1_800_000  # metres in a month
    hours = [float(f.signals[ENGINE_HOURS]) for f in frames if ENGINE_HOURS in f.signals]
    assert hours == sorted(hours) and hours[-1] > hours[0] + 10
    assert max(float(frame.signals[COOLANT]) for frame in frames) < 100
    assert 12.45 < min(values(frames, VOLTAGE, "OFF")) < max(values(frames, VOLTAGE, "OFF")) < 13.1
    assert min(values(frames, VOLTAGE, "START")) > 9.0
    running = [float(f.signals[VOLTAGE]) for f in frames if RUN_TIME in f.signals]
    assert 13.6 < min(running) < max(running) < 14.9


def test_the_same_seed_is_the_same_car_whatever_stretches_it_is_asked_for() -> None:
    whole = lives(Vehicle(VIN, start=START, seed=3), 6)
    pieces = Vehicle(VIN, start=START, seed=3)
    stops = [START + timedelta(hours=h) for h in (1, 9, 13, 13.01, 40, 90, 144)]
    assert [frame for stop in stops for frame in pieces.frames(stop)] == whole
    assert lives(Vehicle(VIN, start=START, seed=4), 6) != whole


def test_frames_come_at_their_period_and_heartbeats_while_parked() -> None:
    frames = lives(Vehicle(VIN, start=START, drive_period_s=5), 7)
    running = [frame.ts_ms for frame in frames if RUN_TIME in frame.signals]
    steps = [b - a for a, b in itertools.pairwise(running)]
    assert sorted(steps)[len(steps) // 2] == 5_000
    gaps = [b.ts_ms - a.ts_ms for a, b in itertools.pairwise(frames)]
    assert max(gaps) <= 4 * 3_600_000
    silent = lives(Vehicle(VIN, start=START, heartbeat=None), 7)
    assert len(silent) < len(frames)


def test_every_trip_begins_with_a_crank() -> None:
    frames = lives(Vehicle(VIN, start=START), 7)
    states = [str(frame.signals[IGNITION]) for frame in frames]
    for before, after in itertools.pairwise(states):
        assert (before, after) in {
            ("OFF", "OFF"), ("OFF", "ON"), ("ON", "START"), ("START", "START"),
            ("START", "ON"), ("ON", "ON"), ("ON", "OFF"),
        }  # fmt: skip
    cranking = [frame for frame in frames if frame.signals[IGNITION] == "START"]
    assert cranking and all(100 < float(frame.signals[ENGINE_SPEED]) < 300 for frame in cranking)


def test_weekdays_commute_and_weekends_run_errands() -> None:
    habits = Habits(stays_home=0.0)
    monday, sunday = date(2026, 1, 5), date(2026, 1, 4)
    trips = habits.trips(monday, "x")
    assert len(trips) >= 2
    assert trips[0].start.astimezone(UTC).hour in {12, 13}  # 07:35 in New York
    counts = [len(habits.trips(sunday + week * 7 * DAY, "x")) for week in range(60)]
    assert 0.7 < sum(counts) / len(counts) < 1.7
    for trip, following in itertools.pairwise(trips):
        lasts_s = sum(len(cycles.speeds_ms(name)) for name in trip.route)
        assert following.start - trip.start > timedelta(seconds=lasts_s)


def test_a_start_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Vehicle(VIN, start=datetime(2026, 1, 1))  # noqa: DTZ001


# -- faults -------------------------------------------------------------------------------------


def test_a_failing_pump_overheats_within_minutes_of_driving() -> None:
    onset = START + 3 * DAY
    habits = Habits(commute=(cycles.MIXED,))
    frames = lives(Vehicle(VIN, start=START, faults=[CoolantOverheat(onset)], habits=habits), 6)
    hot = [frame for frame in frames if float(frame.signals[COOLANT]) > 115]
    assert hot and hot[0].at > onset
    assert hot[0].at < onset + timedelta(hours=30)
    held = [frame for frame in hot if frame.ts_ms - hot[0].ts_ms < 3_600_000]
    assert held[-1].ts_ms - held[0].ts_ms > 120_000
    assert max(float(frame.signals[COOLANT]) for frame in frames) <= 128
    driving = [frame for frame in frames if RUN_TIME in frame.signals]
    rises = [
        float(b.signals[COOLANT]) - float(a.signals[COOLANT])
        for a, b in itertools.pairwise(driving)
        if b.ts_ms - a.ts_ms <= 10_000
    ]
    assert max(rises) < 10  # a mass of metal and water warms slowly


def test_an_ageing_battery_falls_for_weeks_and_then_does_not_start() -> None:
    onset = START + 10 * DAY
    vehicle = Vehicle(VIN, start=START, faults=[WeakBattery(onset, 45 * DAY)])
    frames = lives(vehicle, 62)

    def lowest(first: int, last: int, ignition: str) -> float:
        span = [f for f in frames if START + first * DAY <= f.at < START + last * DAY]
        return min(values(span, VOLTAGE, ignition))

    cranks = [lowest(a, a + 7, "START") for a in (3, 24, 38, 50)]
    rests = [lowest(a, a + 7, "OFF") for a in (3, 24, 38, 50)]
    assert cranks == sorted(cranks, reverse=True) and cranks[0] - cranks[-1] > 2
    assert rests == sorted(rests, reverse=True) and rests[0] - rests[-1] > 0.15
    assert vehicle.no_starts
    assert timedelta(days=25) < vehicle.no_starts[0] - onset <= timedelta(days=50)
    odometer = [
        int(f.signals[ODOMETER]) for f in frames if f.at > vehicle.no_starts[0] + timedelta(hours=1)
    ]
    assert len(odometer) > 10


def test_a_new_battery_starts_again() -> None:
    vehicle = Vehicle(VIN, start=START, faults=[WeakBattery(START, 20 * DAY)])
    lives(vehicle, 30)
    assert vehicle.no_starts
    vehicle.repair("weak_battery")
    vehicle.no_starts.clear()
    frames = lives(vehicle, 40)
    assert not vehicle.no_starts and min(values(frames[5:], VOLTAGE, "START")) > NO_START_V + 1.5
    assert vehicle.faults == []


def test_a_code_comes_with_the_lamp_and_goes_with_the_repair() -> None:
    onset = START + 2 * DAY
    vehicle = Vehicle(VIN, start=START, faults=[DtcRaised(onset, ("P0301", "P0420"))])
    frames = lives(vehicle, 4)
    for frame in frames:
        on = frame.signals[IGNITION] != "OFF"
        expected = ("P0301", "P0420") if on and frame.at >= onset else ()
        assert frame.dtcs == expected
        if on:
            assert (frame.signals[MIL], frame.signals[DTC_COUNT]) == (
                bool(expected), len(expected),
            )  # fmt: skip
    assert any(frame.dtcs for frame in frames)
    vehicle.repair()
    assert not any(frame.dtcs for frame in lives(vehicle, 6)[1:])


def test_a_service_falls_due_by_use_and_starts_again_when_done() -> None:
    vehicle = afflicted("service_due")(START)
    frames = lives(vehicle, 30)
    left_km = [float(frame.signals[DISTANCE_TO_SERVICE]) for frame in frames
               if DISTANCE_TO_SERVICE in frame.signals]  # fmt: skip
    assert left_km[0] == 400 and left_km == sorted(left_km, reverse=True)
    assert min(left_km) < 0
    plan = vehicle.service
    assert plan is not None
    assert plan.left(vehicle.state.at, vehicle.state.odometer_m, vehicle.state.engine_h) < 0
    vehicle.serviced()
    later = lives(vehicle, 31)
    assert float(later[-1].signals.get(DISTANCE_TO_SERVICE, 15_000)) > 14_900
    assert TIME_TO_SERVICE in frames[0].signals


def test_a_service_falls_due_on_its_very_date() -> None:
    plan = ServicePlan(START - 360 * DAY, 0.0, interval_m=None)
    parked = Vehicle(VIN, start=START, service=plan)
    parked.keep(START + 9 * DAY)
    lives(parked, 9)
    assert parked.dues == [START + 5 * DAY]


def test_whichever_limit_comes_first_counts() -> None:
    plan = ServicePlan(START, 0.0, 0.0, interval_m=10e6, interval=100 * DAY, interval_h=200.0)
    assert plan.left(START + 10 * DAY, 5e6, 0.0) == 0.5
    assert plan.left(START + 80 * DAY, 5e6, 0.0) == 0.2
    assert plan.left(START + 10 * DAY, 5e6, 210.0) == -0.05


def test_faults_add_up() -> None:
    both = combined([CoolantOverheat(START), DtcRaised(START), DtcRaised(START, ("P0420",))], START)
    assert both.dtcs == ("P0301", "P0420") and both.cooling_share == pytest.approx(0.05)
    assert combined([], START) == Effects()
    assert combined([WeakBattery(START)], START - DAY) == Effects()


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_has_a_car_that_gets_it(name: str) -> None:
    vehicle = afflicted(name)(START, seed=2, heartbeat=None)
    assert vehicle.vin and lives(vehicle, 3)
    for fault in vehicle.faults:
        assert fault.name == name and fault.onset > START
        assert fault.fails_at is None or fault.fails_at >= fault.onset


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(KeyError, match="flux_capacitor"):
        afflicted("flux_capacitor")


def test_a_plain_car_drives_the_same_way_and_tells_less() -> None:
    full, plain = (
        lives(Vehicle(VIN, start=START, model="ridge_20", trim=trim), 8)
        for trim in ("full", "plain")
    )
    told = [{path for frame in frames for path in frame.signals} for frames in (full, plain)]
    missing = told[0] - told[1]
    assert told[1] < told[0] and any("Pad" in path for path in missing)
    assert [frame.ts_ms for frame in full] == [frame.ts_ms for frame in plain]
    assert values(full, ODOMETER, "ON") == values(plain, ODOMETER, "ON")
