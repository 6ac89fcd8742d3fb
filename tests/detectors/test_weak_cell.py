"""A weak cell shows at rest, in the middle of the charge; much else moves cells for a while."""

from collections.abc import Callable

from detectors.bank import Bank, detect
from detectors.reading import DAY_MS, HOUR_MS
from detectors.weak_cell import WeakCell
from record.flow import Finding, FindingKind, Frame, Value
from tests.detectors.cars import profile


def lives(
    spread_mv: Callable[[int], float],
    days: int = 45,
    driving_mv: float = 0.0,
    **parked: Value,
) -> list[Finding]:
    """A car that is driven each noon; how far apart its cells are at rest is given by day."""
    frames = []
    for day in range(1, days):
        low_v = 3.7 - spread_mv(day) / 1000
        rest: dict[str, Value] = {"ignition": "OFF", "soc_pct": 60.0}
        rest |= {"cell_voltage_max_v": 3.7, "cell_voltage_min_v": low_v} | parked
        frames += [Frame(1, day * DAY_MS + hour * HOUR_MS, rest) for hour in range(0, 12, 2)]
        on: dict[str, Value] = {"ignition": "ON", "speed_kmh": 50.0, "pack_current_a": -90.0}
        on |= {"cell_voltage_max_v": 3.65, "cell_voltage_min_v": low_v - 0.05 - driving_mv / 1000}
        noon = day * DAY_MS + 12 * HOUR_MS
        frames += [Frame(1, noon + 10_000 * n, on) for n in range(20)]
        frames.append(Frame(1, noon + HOUR_MS, {"ignition": "OFF"}))
    bank = Bank(profile(), kinds=(WeakCell,))
    found = detect(bank, frames)
    assert bank.set_aside == []
    return found


def weakens(day: int) -> float:
    return 9.0 + max(0, day - 20) * 1.5


def test_a_growing_spread_at_rest_is_a_weak_cell() -> None:
    found = lives(weakens)
    assert [one.kind for one in found][:1] == [FindingKind.RAISED]
    one = found[0]
    assert one.cause == "weak_cell" and one.evidence.unit == "mV"
    assert one.evidence.expected == 9.0 and 15 < (one.evidence.value or 0) < 35
    assert one.expect_from and one.expect_to and one.at < one.expect_to


def test_a_spread_that_no_maker_allows_needs_no_past() -> None:
    found = lives(lambda day: 60.0, days=12)
    assert [one.kind for one in found] == [FindingKind.RAISED]


def test_a_hard_pull_is_no_weak_cell() -> None:
    assert lives(lambda day: 9.0, driving_mv=150.0) == []


def test_nearly_empty_or_just_full_tells_nothing() -> None:
    assert lives(weakens, soc_pct=12.0) == []
    assert lives(weakens, soc_pct=98.0) == []


def test_a_current_while_parked_is_no_rest() -> None:
    assert lives(weakens, pack_current_a=20.0) == [], "it charges"
    assert lives(weakens, pack_current_a=0.4) != []


def test_a_gauge_that_is_off_by_some_millivolts_is_well() -> None:
    assert lives(lambda day: 19.0 + day % 3) == []


def test_a_new_module_ends_it() -> None:
    found = lives(lambda day: weakens(day) if day < 45 else 8.0, days=60)
    assert [found[0].kind, found[-1].kind] == [FindingKind.RAISED, FindingKind.RECOVERED]


def test_lowest_above_highest_is_nonsense() -> None:
    assert lives(lambda day: -400.0) == []
