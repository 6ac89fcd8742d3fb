"""An engine that gets too hot isn't well because it is driven gently for a day."""

from collections.abc import Iterator
from datetime import timedelta

from detectors.coolant_overheat import WELL_DAYS, CoolantOverheat
from detectors.reading import DAY_MS
from record.flow import Finding, FindingKind, Frame
from simulators import cycles
from simulators.faults.coolant_overheat import CoolantOverheat as Fault
from simulators.vehicle import Habits, Vehicle
from tests.detectors.cars import START, profile, received

RAISED, REFRESHED, RECOVERED = FindingKind.RAISED, FindingKind.REFRESHED, FindingKind.RECOVERED


def test_half_a_cooling_system_is_one_case() -> None:
    """Enough for the town, and too little for the way to work: one alert, not one a day."""
    fault = Fault(START + timedelta(days=5), severity=0.88)
    habits = Habits(commute=(cycles.MIXED,))
    car = Vehicle(
        "1RWLN1F4XMN000001", start=START, seed=1, faults=[fault], habits=habits, drive_period_s=30
    )
    detector = CoolantOverheat(profile())
    kinds = [
        finding.kind
        for frame in received(car.frames(START + timedelta(days=30)))
        if isinstance(finding := detector.update(frame), Finding)
    ]
    assert kinds[0] == RAISED
    assert set(kinds[1:]) == {REFRESHED}


def drive(day: int, hottest_c: float, minutes: int = 15) -> Iterator[Frame]:
    """Warm up from cold by 5 °C a minute, and stay there."""
    for s in range(0, minutes * 60, 10):
        temp_c = min(60.0 + s / 12, hottest_c)
        hot = {"coolant_temp_c": temp_c, "engine_speed_rpm": 2000.0}
        yield Frame(1, day * DAY_MS + s * 1000, {**hot})


def test_it_is_well_after_seven_good_days_and_not_before() -> None:
    detector = CoolantOverheat(profile())
    lives = [(1, 120.0), (2, 92.0), (3, 119.0), *((day, 92.0) for day in range(4, 4 + WELL_DAYS))]
    said = [
        (day, f.kind)
        for day, hottest_c in lives
        for part in (0, DAY_MS // 2)  # twice a day is one day
        for frame in drive(day, hottest_c, 25)
        if isinstance(f := detector.update(Frame(1, frame.ts_ms + part, frame.signals)), Finding)
    ]
    assert said == [(1, RAISED), (3, REFRESHED), (3 + WELL_DAYS, RECOVERED)]
