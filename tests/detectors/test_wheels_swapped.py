"""Two wheels that report each other's pressure, and what only looks like it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from detectors.bank import Bank, detect
from detectors.wheels_swapped import PRESSURES, WheelsSwapped
from record.flow import Finding, FindingKind
from simulators.faults import Distortion, Effects, Fault, _sensors
from simulators.faults.sensors_swapped import SensorsSwapped
from simulators.faults.slow_tire_leak import SlowTireLeak
from simulators.innocents import Innocent
from simulators.vehicle import Vehicle
from tests.detectors.cars import START, profile, received

FRONT_LEFT, FRONT_RIGHT, REAR_LEFT, REAR_RIGHT = _sensors.TIRES
DAY = timedelta(days=1)


def said(faults: Sequence[Fault], seed: int, innocents: Sequence[Innocent] = ()) -> list[Finding]:
    car = Vehicle(
        "1RWLN1F4XMN000012",
        start=START,
        seed=seed,
        faults=faults,
        innocents=innocents,
        drive_period_s=60,
    )
    bank = Bank(profile(), kinds=(WheelsSwapped,))
    findings = detect(bank, received(car.frames(START + 24 * DAY)))
    assert not bank.set_aside
    return findings


@pytest.mark.parametrize("seed", [1, 3, 5, 6])
def test_two_wheels_are_named_where_they_can_be_told_apart(seed: int) -> None:
    """Two tires that stand alike can't be: then it says nothing, never the wrong pair."""
    findings = said([SensorsSwapped(START + 12 * DAY, first=FRONT_LEFT, second=REAR_LEFT)], seed)
    assert all(f.evidence.signals == (PRESSURES[0], PRESSURES[2]) for f in findings)
    car = Vehicle("1RWLN1F4XMN000012", start=START, seed=seed)
    apart_kpa = abs(car.state.tires_kpa[0] - car.state.tires_kpa[2])
    if apart_kpa > 1.2:
        assert [f.kind for f in findings] == [FindingKind.RAISED]
    if apart_kpa < 0.4:
        assert findings == []


def test_a_week_in_the_mountains_hides_no_swap() -> None:
    high = Innocent("altitude", START + 11 * DAY, START + 20 * DAY, Effects(altitude_m=1500.0))
    swap = SensorsSwapped(START + 12 * DAY, first=FRONT_LEFT, second=REAR_LEFT)
    assert [f.kind for f in said([swap], 1, [high])] == [FindingKind.RAISED]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_leak_is_no_swap(seed: int) -> None:
    assert said([SlowTireLeak(START + 10 * DAY)], seed) == []


@pytest.mark.parametrize("offset_kpa", [-9.0, 6.0])
def test_winter_wheels_are_no_swap(offset_kpa: float) -> None:
    swapped = tuple(
        Distortion(path, instead=_sensors.TIRES[(n + 2) % 4], offset=offset_kpa)
        for n, path in enumerate(_sensors.TIRES)
    )
    wheels = Innocent("winter_tires", START + 10 * DAY, None, Effects(distortions=swapped))
    assert said([], 1, [wheels]) == []
