"""Who gets hot standing only has no fan; who gets hot on the road has another fault."""

from collections.abc import Callable

import pytest

from detectors.bank import Bank, detect
from detectors.radiator_fan import WELL_STANDS, RadiatorFan
from detectors.reading import DAY_MS
from record.flow import Finding, FindingKind, Frame, Value
from tests.detectors.cars import profile

RAISED, RECOVERED = FindingKind.RAISED, FindingKind.RECOVERED
ByDay = Callable[[int], float]


def lives(
    days: int,
    stays_c: ByDay,
    *,
    road_c: ByDay = lambda day: 88.0,
    air_c: ByDay = lambda day: 15.0,
    minutes: int = 12,
    reads: Callable[[int, float], Value] = lambda day, true_c: true_c,
) -> list[Finding]:
    """Each day twelve minutes on the road, then a stand with the engine on, then the road again."""
    frames = []
    for day in range(1, days):
        for s in range(0, (minutes + 16) * 60, 20):
            stands_s = s - 720 if 720 <= s < (12 + minutes) * 60 else 0
            true_c = min(20 + s / 6, road_c(day)) if s < 720 else road_c(day)
            true_c = max(true_c, min(true_c + stands_s / 30, stays_c(day)))
            signals: dict[str, Value] = {
                "ignition": "ON",
                "engine_speed_rpm": 800.0,
                "speed_kmh": 0.0 if stands_s else 50.0,
                "coolant_temp_c": reads(day, true_c),
                "ambient_temp_c": air_c(day),
            }
            frames.append(Frame(1, day * DAY_MS + s * 1000, signals))
        off: dict[str, Value] = {"ignition": "OFF", "engine_speed_rpm": 0.0}
        frames.append(Frame(1, day * DAY_MS + (minutes + 16) * 60_000, off))
    bank = Bank(profile(), kinds=(RadiatorFan,))
    findings = detect(bank, frames)
    assert bank.set_aside == []
    return findings


def said(findings: list[Finding]) -> list[tuple[int, FindingKind]]:
    return [(int(one.at.timestamp() * 1000 // DAY_MS), one.kind) for one in findings]


def test_two_stands_tell_and_four_end_it() -> None:
    found = lives(30, lambda day: 93.0 if 8 <= day < 15 else 89.0)
    assert said(found) == [(9, RAISED), (14 + WELL_STANDS, RECOVERED)]


def test_one_is_enough_where_it_stayed_in_four_and_now_is_far_above() -> None:
    assert said(lives(10, lambda day: 95.0 if day == 6 else 89.0)) == [(6, RAISED)]
    assert lives(5, lambda day: 95.0 if day == 4 else 89.0) == [], "three are too few to know"


def test_small_steps_add_up_and_stands_that_stay_take_them_back() -> None:
    assert said(lives(20, lambda day: 91.0 if day >= 8 else 89.0)) == [(13, RAISED)]
    assert lives(40, lambda day: 91.0 if day >= 8 and day % 2 else 89.0) == []


def test_air_warmer_than_any_before_explains_a_part() -> None:
    def air_c(day: int) -> float:
        return 5.0 if day < 8 else 5.0 + 10 + day % 3

    assert lives(30, lambda day: 89.0 if day < 8 else 92.0, air_c=air_c) == []
    assert said(lives(30, lambda day: 89.0 if day < 8 else 94.0, air_c=air_c)) == [(12, RAISED)]


def test_in_a_jam_in_summer_one_is_enough() -> None:
    hot = lives(12, lambda day: 116.0 if day >= 8 else 89.0, air_c=lambda day: 20.0 + 2 * day)
    assert said(hot) == [(8, RAISED)]
    assert "standing" in hot[0].summary


def test_a_summer_after_a_winter_is_innocent() -> None:
    def air_c(day: int) -> float:
        return -5.0 if day < 20 else 28.0 + day % 2

    assert lives(40, lambda day: 89.0 if day < 20 else 98.0, air_c=air_c) == []


def test_an_engine_that_is_hot_on_the_road_has_another_fault() -> None:
    def hot_c(day: int) -> float:
        return 88.0 if day < 8 else 100.0

    assert lives(30, lambda day: hot_c(day) + 12, road_c=hot_c) == []


def test_a_short_stop_says_nothing() -> None:
    assert lives(30, lambda day: 89.0 if day < 8 else 96.0, minutes=4) == []


@pytest.mark.parametrize(
    "reads",
    [
        pytest.param(lambda day, true_c: 60.0 if day > 8 else true_c, id="stuck"),
        pytest.param(lambda day, true_c: 91.0 if day > 8 else true_c, id="stuck where it is hot"),
        pytest.param(lambda day, true_c: true_c + min(day, 12), id="drifts"),
        pytest.param(lambda day, true_c: 1.8 * true_c + 32 if day > 8 else true_c, id="in °F"),
        pytest.param(lambda day, true_c: float("nan") if day > 8 else true_c, id="no number"),
        pytest.param(lambda day, true_c: "hot" if day > 8 else true_c, id="a word"),
    ],
)
def test_a_sensor_that_lies_is_no_fan(reads: Callable[[int, float], Value]) -> None:
    assert lives(30, lambda day: 89.0, reads=reads) == []
