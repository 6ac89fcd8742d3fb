"""An engine that gets too hot isn't well because it is driven gently for a day."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from detectors.bank import Bank, detect
from detectors.coolant_overheat import WELL_DAYS, CoolantOverheat
from detectors.reading import DAY_MS
from record.flow import Finding, FindingKind, Frame, Urgency
from simulators import cycles
from simulators.faults.coolant_overheat import CoolantOverheat as Fault
from simulators.faults.thermostat_stuck_closed import ThermostatStuckClosed
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


def test_a_repair_that_was_none_is_told_of_the_next_time_it_gets_hot() -> None:
    bank = Bank(profile(), kinds=(CoolantOverheat,))
    said = [
        (day, finding.kind)
        for day in (1, 2, 2.5, 3)
        for frame in drive(0, 120.0)
        for finding in bank.judge(Frame(1, int(day * DAY_MS) + frame.ts_ms, frame.signals))
    ]
    assert said == [(1, RAISED), (2, REFRESHED), (2.5, REFRESHED), (3, REFRESHED)]


@pytest.mark.parametrize("air_c", [4.0, 30.0])
def test_degrees_fahrenheit_are_no_heat(air_c: float) -> None:
    """A gateway's new firmware: 90 °C are read as 194, and pass 118 on the way."""
    frames = [
        Frame(
            1,
            day * DAY_MS + s * 1000,
            {
                "coolant_temp_c": 1.8 * min(air_c + s / 12, 90.0) + 32,
                "engine_speed_rpm": 2000.0,
                "ambient_temp_c": air_c,
            },
        )
        for day in range(2, 8)
        for s in range(0, 1500, 10)
    ]
    bank = Bank(profile(), kinds=(CoolantOverheat,))
    bank.judge(Frame(1, DAY_MS, {"ignition": "ON", "engine_speed_rpm": 0.0}))
    bank.judge(Frame(1, DAY_MS + 1000, {"ignition": "OFF", "engine_speed_rpm": 0.0}))
    assert detect(bank, frames) == []


@pytest.mark.parametrize(
    ("fault", "commute", "cause"),
    [
        pytest.param(
            ThermostatStuckClosed(START + timedelta(days=8), timedelta(days=12)),
            cycles.CITY,
            "thermostat_stuck_closed",
            id="opens less and less",
        ),
        pytest.param(
            Fault(START + timedelta(days=8), timedelta(days=8)),
            cycles.CITY,
            "coolant_overheat",
            id="a pump that moves less and less",
        ),
        pytest.param(
            Fault(START + timedelta(days=8)),
            cycles.MIXED,
            "coolant_overheat",
            id="a pump that seizes",
        ),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_way_there_tells_thermostat_from_pump(
    fault: Fault | ThermostatStuckClosed, commute: str, cause: str, seed: int
) -> None:
    car = Vehicle(
        "1RWLN1F4XMN000001",
        start=START,
        seed=seed,
        faults=[fault],
        habits=Habits(commute=(commute,)),
        drive_period_s=20,
    )
    bank = Bank(profile(), kinds=(CoolantOverheat,))
    found = detect(bank, received(car.frames(START + timedelta(days=21))))
    assert {one.cause for one in found} == {cause}
    assert [one.kind for one in found[:2]] == [RAISED, REFRESHED]
    assert (found[0].urgency, found[-1].urgency) == (Urgency.SOON, Urgency.STOP)


def road(day: int, hottest_c: float, **other: float) -> Iterator[Frame]:
    """Half an hour on a country road."""
    own = {"ambient_temp_c": 20.0, "air_flow_g_s": 9.0, "speed_kmh": 80.0} | other
    yield Frame(1, day * DAY_MS, {**own, "ignition": "OFF", "speed_kmh": 0.0})
    for s in range(60, 1860, 20):
        temp_c = min(20.0 + (s - 60) / 12, hottest_c)
        hot = {"coolant_temp_c": temp_c, "engine_speed_rpm": 2000.0, "engine_load_pct": 40.0}
        yield Frame(1, day * DAY_MS + s * 1000, {**hot, **own})


def months(*last: Iterator[Frame]) -> list[Finding]:
    """What is said of ten drives that are well, and some more."""
    bank = Bank(profile(), kinds=(CoolantOverheat,))
    frames = [frame for day in range(1, 11) for frame in road(day, 92.0)]
    assert detect(bank, frames) == []
    return detect(bank, [frame for drive in last for frame in drive])


def test_hotter_on_the_road_than_ever_is_told_long_before_the_red_lamp() -> None:
    [found] = months(road(11, 107.0))
    assert (found.kind, found.urgency, found.evidence.expected) == (RAISED, Urgency.SOON, 92.0)
    [again] = months(road(11, 101.0), road(12, 101.0))
    assert again.at.day == 13
    assert (again.kind, again.cause) == (RAISED, "thermostat_stuck_closed")


def test_the_red_lamp_is_told_in_the_same_drive() -> None:
    told = months(road(11, 119.0))
    assert [(one.kind, one.urgency) for one in told] == [
        (RAISED, Urgency.SOON),
        (REFRESHED, Urgency.STOP),
    ]


@pytest.mark.parametrize(
    "drives",
    [
        pytest.param([road(11, 101.0)], id="once, and not by much"),
        pytest.param([road(11, 107.0, ambient_temp_c=31.0)], id="a heat wave"),
        pytest.param([road(11, 107.0, air_flow_g_s=14.0)], id="a trailer"),
        pytest.param([road(11, 107.0, speed_kmh=0.0)], id="a jam: the fan's part"),
        pytest.param([road(11, 107.0, ambient_temp_c=9.0)], id="a sensor that reads high"),
        pytest.param([road(11, 107.0, ambient_temp_c=float("nan"))], id="nobody knows the air"),
        pytest.param([road(11, 107.0, speed_kmh=float("nan"))], id="nobody knows the speed"),
        pytest.param(
            [road(11, 101.0), *(road(day, 92.0) for day in range(12, 25)), road(25, 101.0)],
            id="twice, but long ago",
        ),
    ],
)
def test_an_engine_that_is_hot_for_a_reason_is_no_news(drives: list[Iterator[Frame]]) -> None:
    assert months(*drives) == []


def test_without_an_air_meter_load_and_speed_tell() -> None:
    nan = float("nan")
    bank = Bank(profile(), kinds=(CoolantOverheat,))
    days = [(day, 92.0) for day in range(1, 11)] + [(11, 107.0)]
    frames = [f for day, hottest_c in days for f in road(day, hottest_c, air_flow_g_s=nan)]
    assert [one.urgency for one in detect(bank, frames)] == [Urgency.SOON]
