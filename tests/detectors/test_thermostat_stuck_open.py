"""What keeps an engine cold that is not its thermostat, and what a thermostat can't hide behind."""

from collections.abc import Callable, Container

import pytest

from detectors.bank import Bank, detect
from detectors.reading import DAY_MS
from detectors.thermostat_stuck_open import WELL_DAYS, ThermostatStuckOpen
from record.flow import Finding, FindingKind, Frame, Value
from tests.detectors.cars import profile

BLOCK, OPEN = 2.5e-4, 2.5e-3
"""What is lost for each kelvin above the air, K/s: through the block, and through a radiator."""

Reads = Callable[[int, float], float]


def lives(
    days: int,
    broken: Container[int],
    *,
    reads: Reads = lambda day, true_c: true_c,
    meter: bool = True,
    air_c: float = 10.0,
    flow_g_s: float = 9.0,
    minutes: int = 25,
) -> list[Finding]:
    """A car that is driven each morning; on the days `broken` its thermostat is open."""
    frames = []
    for day in range(days):
        true_c = air_c
        for s in range(0, minutes * 60, 15):
            signals: dict[str, Value] = {
                "ignition": "ON",
                "ambient_temp_c": air_c,
                "coolant_temp_c": reads(day, true_c),
                "engine_speed_rpm": 2000.0,
                "engine_load_pct": flow_g_s * 4,
            }
            if meter:
                signals["air_flow_g_s"] = flow_g_s
            frames.append(Frame(1, day * DAY_MS + s * 1000 + 1, signals))
            lost = BLOCK + (OPEN if day in broken else 0.0)
            true_c = min(true_c + 15 * (flow_g_s / 62 - lost * (true_c - air_c)), 90.0)
        off: dict[str, Value] = {"ignition": "OFF", "engine_speed_rpm": 0.0}
        frames.append(Frame(1, day * DAY_MS + minutes * 60_000 + 1, off))
    bank = Bank(profile(), kinds=(ThermostatStuckOpen,))
    findings = detect(bank, frames)
    assert bank.set_aside == []
    return findings


def said(findings: list[Finding]) -> list[tuple[int, FindingKind]]:
    return [(int(one.at.timestamp() * 1000 // DAY_MS), one.kind) for one in findings]


def test_three_drives_tell_and_five_good_days_end_it() -> None:
    assert said(lives(24, range(8, 14))) == [
        (10, FindingKind.RAISED),
        (13 + WELL_DAYS, FindingKind.RECOVERED),
    ]


def test_it_speaks_again_when_the_repair_was_none() -> None:
    assert said(lives(30, {*range(8, 12), *range(20, 30)})) == [
        (10, FindingKind.RAISED),
        (11 + WELL_DAYS, FindingKind.RECOVERED),
        (22, FindingKind.RAISED),
    ]


def test_two_good_days_are_no_repair() -> None:
    assert len(lives(40, {day for day in range(8, 40) if day % 5 > 1})) == 1


@pytest.mark.parametrize("minutes", [9, 12])
def test_short_trips_are_innocent_and_betray_it_all_the_same(minutes: int) -> None:
    assert lives(30, range(0), minutes=minutes) == []
    assert said(lives(60, range(20, 60), minutes=minutes))[0][1] == FindingKind.RAISED


def test_a_car_without_an_air_flow_meter_is_judged_by_load() -> None:
    assert lives(14, range(0), meter=False) == []
    assert len(lives(14, range(8, 14), meter=False)) == 1


def test_a_car_that_never_was_well_is_found_on_long_drives_in_summer() -> None:
    assert len(lives(14, range(14), minutes=50, air_c=20.0)) == 1


@pytest.mark.parametrize(
    "reads",
    [
        pytest.param(lambda day, true_c: 62.0 if day > 7 else true_c, id="stuck at 62"),
        pytest.param(lambda day, true_c: 10.0 if day > 7 else true_c, id="stuck at the air's"),
        pytest.param(lambda day, true_c: -40.0 if day > 7 else true_c, id="open circuit"),
        pytest.param(lambda day, true_c: true_c - min(2 * day, 30), id="drifts"),
        pytest.param(lambda day, true_c: 1.8 * true_c + 32 if day > 7 else true_c, id="in °F"),
        pytest.param(lambda day, true_c: float("nan") if day > 7 else true_c, id="no number"),
    ],
)
def test_a_sensor_that_lies_is_no_thermostat(reads: Reads) -> None:
    assert lives(30, range(0), reads=reads) == []


def test_an_arctic_morning_is_not_judged() -> None:
    assert lives(20, range(8, 20), air_c=-25.0) == []
