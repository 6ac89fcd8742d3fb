"""When a fault shows: never where a twin without it says the same."""

from dataclasses import replace
from datetime import timedelta

import pytest

from simulators.faults import Fault, _sensors
from simulators.faults.parasitic_drain import ParasiticDrain
from simulators.faults.sensor_drift import SensorDrift
from simulators.faults.sensors_swapped import SensorsSwapped
from simulators.faults.tire_puncture import TirePuncture
from simulators.world import draw
from simulators.world.living import living
from simulators.world.plan import Car, World
from simulators.world.twin import shows_at

DAY = timedelta(days=1)
WORLD = draw.draw(vehicles=6, days=30, seed=11, faults_wanted="none")
ONSET = WORLD.start + 10 * DAY


def with_faults(world: World, *faults: Fault) -> Car:
    return replace(world.cars[0], faults=faults)


@pytest.mark.parametrize(
    ("fault", "within_days"),
    [
        (ParasiticDrain(ONSET), 6),
        (TirePuncture(ONSET, timedelta(hours=3)), 4),
        (SensorDrift(ONSET, 15 * DAY, path=_sensors.AMBIENT, gain=1.0, offset=-12.0), 9),
        (SensorsSwapped(ONSET, first=_sensors.TIRES[0], second=_sensors.TIRES[2]), 4),
    ],
)
def test_it_shows_soon_after_its_onset(fault: Fault, within_days: int) -> None:
    at = shows_at(WORLD, with_faults(WORLD, fault))[fault.name]
    assert ONSET + DAY < at <= ONSET + within_days * DAY


def test_wheels_of_equal_pressure_that_change_places_never_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swap = SensorsSwapped(ONSET, first=_sensors.TIRES[0], second=_sensors.TIRES[2])
    drain = ParasiticDrain(ONSET)

    def alike(world: World, car: Car, period_s: int = 10) -> object:
        made = living(world, car, period_s)
        four = (1.0, -2.0, 1.2, 3.0)
        made.vehicle.traits = replace(made.vehicle.traits, tires_kpa=four)
        made.vehicle.state.tires_kpa = [made.vehicle.model.placard_kpa + own for own in four]
        return made

    monkeypatch.setattr("simulators.world.twin.living", alike)
    assert set(shows_at(WORLD, with_faults(WORLD, swap, drain))) == {"parasitic_drain"}


def test_a_car_without_a_fault_has_no_twin() -> None:
    assert shows_at(WORLD, WORLD.cars[1]) == {}
