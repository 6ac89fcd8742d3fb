"""What empties a healthy battery once is no fault; what empties it again is."""

from collections.abc import Callable

from detectors.reading import DAY_MS, HOUR_MS
from detectors.weak_battery import WeakBattery
from record.flow import Finding, FindingKind, Frame, Value
from tests.detectors.cars import profile


def lives(rest_v: Callable[[int], float], days: int) -> list[Finding]:
    """A car that is driven each morning; how it rested the night before is given by day."""
    detector = WeakBattery(profile())
    found = []
    for day in range(days):
        volt = rest_v(day)
        moments: tuple[tuple[float, dict[str, Value]], ...] = (
            (4.5, {"battery_voltage_v": 12.6, "ignition": "OFF", "ambient_temp_c": 15.0}),
            (11, {"battery_voltage_v": volt, "ignition": "OFF", "ambient_temp_c": 15.0}),
            (12, {"battery_voltage_v": volt - 2.2, "ignition": "START"}),
            (12.01, {"engine_speed_rpm": 900.0, "battery_voltage_v": 14.2}),
            (12.1, {"engine_speed_rpm": 2000.0, "battery_voltage_v": 14.2}),
            (12.5, {"engine_speed_rpm": 2000.0, "battery_voltage_v": 14.2}),
            (13, {"engine_speed_rpm": 0.0, "ignition": "OFF"}),
        )
        for hours, signals in moments:
            one = detector.update(Frame(1, day * DAY_MS + int(hours * HOUR_MS), signals))
            found += [one] if isinstance(one, Finding) else []
    return found


def after(emptied_on: int, volt: float) -> float:
    """Back from `volt` to full in a week of driving."""
    return 12.6 - max(0.0, (12.6 - volt) * (1 - emptied_on / 7))


def test_a_jump_start_is_no_weak_battery() -> None:
    assert lives(lambda day: 12.6 if day < 20 else after(day - 20, 12.0), 60) == []


def test_a_battery_that_is_empty_again_and_again_is_told_of() -> None:
    found = lives(lambda day: 12.6 if day < 20 else after((day - 20) % 4, 11.9), 60)
    assert [one.kind for one in found][:1] == [FindingKind.RAISED]
    assert found[0].at.timestamp() * 1000 > 27 * DAY_MS, "the first time may be a forgotten lamp"


def test_wear_is_found_all_the_same() -> None:
    found = lives(lambda day: 12.6 - 0.02 * max(0, day - 20), 60)
    assert [one.kind for one in found][:1] == [FindingKind.RAISED]
