"""A leak fades with load; what is lean everywhere, or not lean at all, is none."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from detectors.bank import Bank, detect
from detectors.reading import DAY_MS
from detectors.vacuum_leak import VacuumLeak
from record.flow import FindingKind, Frame
from tests.detectors.cars import profile

FLOWS = (2.6, 8.0, 18.0)


def drives(
    trim: Callable[[int, float], float], days: int, meter: bool = True, **more: Any
) -> Iterator[Frame]:
    """A quarter of an hour a day, a third of it idling; `trim` by day and air flow."""
    for day in range(1, days + 1):
        for s in range(0, 900, 5):
            flow = FLOWS[s // 5 % 3]
            rpm = 750 + 90 * flow
            signals: dict[str, Any] = {
                "engine_speed_rpm": rpm,
                "coolant_temp_c": 88.0,
                "long_fuel_trim_1_pct": 2.0,
                "short_fuel_trim_1_pct": trim(day, flow) + (0.5 if s % 2 else -0.5),
            }
            if meter:
                signals["air_flow_g_s"] = flow
            else:  # what a 1.6 l engine's load would be
                signals["engine_load_pct"] = 100 * flow / (1.6 * 1.18 / 2 * rpm / 60)
            yield Frame(1, day * DAY_MS + s * 1000, signals | more)


def kinds(frames: Iterator[Frame]) -> list[FindingKind]:
    return [finding.kind for finding in detect(Bank(profile(), kinds=(VacuumLeak,)), frames)]


def leak(day: int, flow: float) -> float:
    return 55 / flow if day > 5 else 0.0


@pytest.mark.parametrize("meter", [True, False])
def test_a_leak_is_found_by_a_meter_or_by_speed_and_load(meter: bool) -> None:
    assert kinds(drives(leak, 8, meter)) == [FindingKind.RAISED]


@pytest.mark.parametrize(
    "trim",
    [
        lambda day, flow: 18.0 if day > 5 else 0.0,  # a dirty meter, a misfire
        lambda day, flow: 1.2 * flow if day > 5 else 0.0,  # low fuel pressure: worse with load
        lambda day, flow: -40 / flow if day > 5 else 0.0,  # a leaking injector: rich at idle
    ],
)
def test_other_mixtures_are_no_leak(trim: Callable[[int, float], float]) -> None:
    assert kinds(drives(trim, 10)) == []


def test_open_loop_tells_nothing() -> None:
    assert kinds(drives(leak, 10, coolant_temp_c=20.0)) == []


def test_a_repaired_hose_is_seen_within_a_week() -> None:
    def mended(day: int, flow: float) -> float:
        return leak(day, flow) if day < 9 else 0.0

    assert kinds(drives(mended, 13)) == [FindingKind.RAISED, FindingKind.RECOVERED]


def test_a_lean_drive_is_no_leak_before_the_next_one_is() -> None:
    assert kinds(drives(lambda day, flow: 55 / flow if day in (6, 8) else 0.0, 10)) == []


def test_what_differs_from_day_to_day_anyway_is_no_leak() -> None:
    """Idle wants -8 to 7 % more than load, as it does in a real car: up to 11 % are nothing new."""

    def hunting(day: int, flow: float) -> float:
        return (-20, 6, 18)[day % 3] / flow if day < 8 else 29 / flow

    assert kinds(drives(hunting, 12)) == []
    assert kinds(drives(lambda day, flow: 0.0 if day < 8 else 29 / flow, 12)) == [
        FindingKind.RAISED
    ]


def test_a_stuck_meter_is_no_leak() -> None:
    assert kinds(drives(leak, 10, air_flow_g_s=4.0)) == []
