"""Two wheels that report each other's pressure, and what only looks like it."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from random import Random

import pytest

from detectors.bank import Bank, detect
from detectors.reading import DAY_MS
from detectors.wheels_swapped import PRESSURES, WheelsSwapped
from record.flow import Finding, FindingKind, Frame
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
    if apart_kpa > 0.5:
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


def nightly(nights: Iterable[Sequence[float]]) -> list[tuple[int, FindingKind]]:
    """What is told of four tires that stand so, night for night, in whole kilopascals."""
    dithers, told = Random(1), []
    bank = Bank(profile(), kinds=(WheelsSwapped,))
    bank.judge(Frame(1, 1, {"ignition": "ON"}))
    for night, places in enumerate(nights, 1):
        warmth_kpa = 235 + dithers.uniform(-0.5, 0.5)
        kpa = [round(warmth_kpa + place) for place in places]
        frame = Frame(
            1, night * DAY_MS, {"ignition": "OFF", **dict(zip(PRESSURES, kpa, strict=True))}
        )
        told += [(night, finding.kind) for finding in bank.judge(frame)]
    assert not bank.set_aside
    return told


USUAL, SWAPPED = (-0.2, 1.4, 0.2, -1.4), (0.2, 1.4, -0.2, -1.4)


def test_the_closer_two_stand_the_longer_it_waits() -> None:
    (night, kind), *more = nightly([USUAL] * 36 + [SWAPPED] * 40)
    assert kind is FindingKind.RAISED
    assert 36 + 12 <= night <= 36 + 30
    assert more == []
    assert nightly([(0.0, 1.4, 0.0, -1.4)] * 150) == []


def test_what_was_told_is_taken_back_when_both_are_back() -> None:
    kinds = [k for _, k in nightly([USUAL] * 36 + [SWAPPED] * 40 + [USUAL] * 40)]
    assert kinds == [FindingKind.RAISED, FindingKind.RECOVERED]


def test_tires_that_were_set_alike_are_no_swap() -> None:
    assert nightly([USUAL] * 36 + [(0.2, 0.2, -0.2, -1.4)] * 40) == []


def test_a_sensor_that_drifts_past_another_is_no_swap() -> None:
    drifts = [(-1.4 + night / 20, 1.4, 0.8 - night / 60, -0.8 - night / 30) for night in range(30)]
    assert nightly([(-1.4, 1.4, 0.8, -0.8)] * 6 + drifts + drifts[-1:] * 40) == []
