"""A thermostat that opens a third of its way, and what only makes an engine work or read hotter."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from detectors.bank import Bank, detect
from detectors.thermostat_stuck_closed import ThermostatStuckClosed
from record.flow import Finding, FindingKind, Frame, Value
from simulators import cycles
from simulators.climate import Climate
from simulators.faults import Effects, Fault, Part
from simulators.faults.coolant_overheat import CoolantOverheat
from simulators.faults.sensor_drift import SensorDrift
from simulators.faults.thermostat_stuck_closed import ThermostatStuckClosed as Stuck
from simulators.habits import Habits
from simulators.innocents import Innocent
from simulators.vehicle import Vehicle
from tests.detectors.cars import START, profile, received

ONSET = START + timedelta(days=35)
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"


def lived(
    faults: Sequence[Fault] = (), innocents: Sequence[Part] = (), repaired: bool = False
) -> list[Finding]:
    """What is said of a car that goes 30 minutes to work, from a winter into a warm spring."""
    car = Vehicle(
        "1RWLN1F44MN000001",
        start=START,
        seed=5,
        faults=faults,
        innocents=innocents,
        habits=Habits(commute=(cycles.MIXED,)),
        climate=Climate(mean_c=14.0, season_c=16.0, seed=4),
        drive_period_s=20,
    )
    frames = list(received(car.frames(START + timedelta(days=70))))
    if repaired:
        car.repair()
    frames += received(car.frames(START + timedelta(days=100)))
    bank = Bank(profile(), kinds=(ThermostatStuckClosed,))
    found = detect(bank, frames)
    assert bank.set_aside == []
    return found


def test_a_third_is_enough_for_easy_roads_and_told_by_hard_ones_and_repaired() -> None:
    stuck = Stuck(ONSET, timedelta(days=5), severity=0.7)
    first, last = lived([stuck], repaired=True)
    assert (first.kind, first.cause) == (FindingKind.RAISED, "thermostat_stuck_closed")
    assert ONSET < first.at < ONSET + timedelta(days=30)
    assert last.kind == FindingKind.RECOVERED
    assert last.at > START + timedelta(days=70)


@pytest.mark.parametrize(
    "innocents",
    [
        pytest.param((), id="spring"),
        pytest.param(
            (
                Innocent(
                    "towing",
                    START + timedelta(days=50),
                    START + timedelta(days=80),
                    Effects(extra_mass_kg=900.0, drag_factor=1.5),
                ),
            ),
            id="trailer",
        ),
    ],
)
def test_warm_air_and_a_trailer_are_load(innocents: Sequence[Part]) -> None:
    assert lived(innocents=innocents) == []


def test_a_sensor_that_reads_high_or_a_pump_is_no_thermostat() -> None:
    high = SensorDrift(ONSET, timedelta(days=20), path=COOLANT, gain=1.0, offset=12.0)
    pump = CoolantOverheat(ONSET, timedelta(days=40), severity=0.6)
    assert lived([high]) == []
    assert lived([pump]) == []


@pytest.mark.parametrize("value", [float("nan"), -273.0, 1e9, True, "90", None])
def test_nonsense_says_nothing(value: Value) -> None:
    bank = Bank(profile(), kinds=(ThermostatStuckClosed,))
    for drive in range(60):
        for s in range(0, 900, 10):
            signals: dict[str, Value] = {
                "speed_kmh": 80.0, "engine_speed_rpm": 2000.0, "ambient_temp_c": 8.0,
                "air_flow_g_s": value if s % 20 else 12.0, "coolant_temp_c": value,
            }  # fmt: skip
            assert bank.judge(Frame(1, 10**9 + (drive * 40_000 + s) * 1000, signals)) == []
    assert bank.set_aside == []
