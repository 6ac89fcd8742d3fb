"""A level counts when it is cold, and a top-up is no repair."""

from collections.abc import Callable

import pytest

from detectors.bank import Bank, detect
from detectors.coolant_leak import LEVELS, WELL_DAYS, CoolantLeak
from detectors.reading import DAY_MS, HOUR_MS
from record.flow import Finding, FindingKind, Frame, Value
from tests.detectors.cars import profile

RAISED, REFRESHED, RECOVERED = FindingKind.RAISED, FindingKind.REFRESHED, FindingKind.RECOVERED


def lives(days: int, cold: Callable[[int], Value], hot: Value = "NORMAL") -> list[Finding]:
    """A car that rests at night and an hour at noon; its level when cold is given by day."""
    frames = []
    for day in range(1, days):
        for hour, ignition, level in (
            (5.0, "OFF", cold(day)),
            (7.0, "ON", cold(day)),
            (7.5, "ON", hot),
            (8.0, "OFF", hot),
            (9.0, "OFF", hot),
            (9.5, "ON", hot),
            (10.0, "OFF", hot),
        ):
            signals: dict[str, Value] = {"ignition": ignition, "coolant_level": level}
            for late_ms in range(0, 20 * 60_000 if ignition == "ON" else 1, 60_000):
                frames.append(Frame(1, day * DAY_MS + int(hour * HOUR_MS) + late_ms, signals))
    bank = Bank(profile(), kinds=(CoolantLeak,))
    findings = detect(bank, frames)
    assert bank.set_aside == []
    return findings


def said(findings: list[Finding]) -> list[tuple[int, FindingKind]]:
    return [(int(one.at.timestamp() * 1000 // DAY_MS), one.kind) for one in findings]


def test_two_cold_mornings_tell_and_ten_good_days_end_it() -> None:
    found = lives(30, lambda day: "LOW" if 5 <= day < 10 else "NORMAL")
    assert said(found) == [(6, RAISED), (9 + WELL_DAYS, RECOVERED)]


def test_a_low_level_is_seen_when_cold_only() -> None:
    assert lives(30, lambda day: "NORMAL", hot="LOW") == []


def test_one_morning_on_a_slope_is_no_leak() -> None:
    assert lives(60, lambda day: "LOW" if day % 7 == 0 else "NORMAL") == []


def test_an_empty_tank_says_how_long_there_is() -> None:
    [_, empty] = lives(16, lambda day: LEVELS[(day > 4) + (day > 14)])
    assert empty.kind == REFRESHED
    assert empty.expect_from and empty.expect_to
    days = [
        (one - empty.at).total_seconds() / 86_400 for one in (empty.expect_from, empty.expect_to)
    ]
    assert 10 < days[0] < 17.5 < days[1] < 25, "20 % went in ten days, 35 % are left"


def test_a_top_up_is_no_repair() -> None:
    found = lives(30, lambda day: "NORMAL" if day < 4 or 8 <= day < 15 else "LOW")
    assert said(found) == [(5, RAISED), (15, REFRESHED)]
    assert "Filled up" in found[1].evidence.notes[1]


@pytest.mark.parametrize("level", [True, 0.4, "low", "EMPTY", "", "\x00", None])
def test_a_level_that_is_none_of_the_catalogue_says_nothing(level: Value) -> None:
    assert lives(20, lambda day: level) == []
