"""Sensors that are stuck, drift or are swapped, and what only looks like it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from detectors.bank import Bank, detect
from detectors.contract import Detector
from detectors.reading import DAY_MS, HOUR_MS
from detectors.sensor_drift import SensorDrift
from detectors.sensor_stuck import SensorStuck
from record.flow import Finding, Frame, Value
from tests.detectors.cars import profile

Reads = dict[str, Callable[[float], float]]
"""What each sensor makes of the truth; sensors that are left out read true."""


def car(lies: Callable[[int], Reads], days: int, garage: bool = False) -> Iterator[Frame]:
    """Two drives a day of twelve minutes, idling and on the road; a reading after each night."""
    for day in range(1, days + 1):
        air = 5.0 + (day * 3) % 8
        parked = 14.0 if garage else air
        for hour in (8, 18):
            for minute in range(13):
                road = minute % 4 > 0
                yield _frame(day, hour + minute / 60, lies(day), {
                    "ignition": "ON",
                    "speed_kmh": 60.0 if road else 0.0,
                    "engine_speed_rpm": (2000.0 if road else 800.0) + minute,
                    "coolant_temp_c": min(parked + 8 * minute, 90.0),
                    "ambient_temp_c": air,
                    "intake_air_temp_c": air + (9 if road else 22) + minute % 2,
                })  # fmt: skip
            yield _frame(day, hour + 0.25, lies(day), {"ignition": "OFF", "speed_kmh": 0.0})
        yield _frame(day, 30, lies(day), {
            "ignition": "OFF",
            "coolant_temp_c": parked + 1,
            "ambient_temp_c": parked,
            "tire_temp_front_left_c": parked,
        })  # fmt: skip


def _frame(day: int, hour: float, lies: Reads, truth: dict[str, Any]) -> Frame:
    signals: dict[str, Value] = {
        name: lies[name](value) if name in lies else value for name, value in truth.items()
    }
    return Frame(1, day * DAY_MS + round(hour * HOUR_MS), signals)


def said(kind: type[Detector[Any]], frames: Iterator[Frame]) -> list[Finding]:
    bank = Bank(profile(), kinds=(kind,))
    findings = detect(bank, frames)
    assert not bank.set_aside
    return findings


def from_day(first: int, **lies: Callable[[float], float]) -> Callable[[int], Reads]:
    return lambda day: lies if day >= first else {}


@pytest.mark.parametrize("kind", [SensorStuck, SensorDrift])
@pytest.mark.parametrize("garage", [True, False])
def test_true_sensors_are_quiet(kind: type[Detector[Any]], garage: bool) -> None:
    assert said(kind, car(lambda day: {}, 20, garage)) == []


@pytest.mark.parametrize(
    ("signal", "words"),
    [("coolant_temp_c", "coolant"), ("ambient_temp_c", "outside")],
)
def test_a_stuck_sensor_is_named(signal: str, words: str) -> None:
    [finding] = said(SensorStuck, car(from_day(8, **{signal: lambda c: 21.0}), 20))
    assert words in finding.summary


def test_a_stuck_sensor_is_no_drift() -> None:
    for signal in ("coolant_temp_c", "ambient_temp_c", "intake_air_temp_c"):
        assert said(SensorDrift, car(from_day(8, **{signal: lambda c: 40.0}), 20)) == []


def test_what_never_moved_is_not_there() -> None:
    assert said(SensorStuck, car(from_day(0, coolant_temp_c=lambda c: -40.0), 20)) == []


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ("coolant_temp_c", "Coolant sensor reads 12 K low"),
        ("ambient_temp_c", "Outside air sensor reads 12 K low"),
    ],
)
def test_the_odd_one_of_three_is_named(signal: str, words: str) -> None:
    [finding] = said(SensorDrift, car(from_day(12, **{signal: lambda c: c - 12.0}), 20))
    assert finding.cause == "sensor_drift"
    assert words in finding.summary


def test_fahrenheit_is_another_unit() -> None:
    assert said(SensorDrift, car(from_day(12, coolant_temp_c=lambda c: 1.8 * c + 32), 24)) == []
