"""A 12 V system that is low has four reasons, and many excuses."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from detectors.bank import Bank, detect
from detectors.low_voltage import LowVoltage
from detectors.reading import DAY_MS, HOUR_MS, MINUTE_MS
from record.flow import Finding, FindingKind, Frame, Value
from tests.detectors.cars import profile

Day = dict[str, float | None]

RAISED, RECOVERED = FindingKind.RAISED, FindingKind.RECOVERED


def a_day(**differs: float | None) -> Day:
    """How it rested overnight, dips under the starter, charges (or is only switched on and off),
    sags while it stands; what it drew, and how much the voltage fell in the night."""
    well: Day = {"rest": 12.6, "crank": 10.4, "charging": 14.3, "sag": 0.0, "fell": 0.01}
    return well | {"draw": None} | differs


def frames(days: list[Day], electric: bool = False) -> Iterator[Frame]:
    """Each day the car is driven at noon; gateways speak at night too."""
    for number, day in enumerate(days, 1):
        rest, crank, charging, sag, fell = (
            float(day[name] or 0.0) for name in ("rest", "crank", "charging", "sag", "fell")
        )
        noise = 0.01 * (number % 3 - 1)
        night: dict[str, Value] = {"ignition": "OFF", "ambient_temp_c": 15.0}
        if day["draw"] is not None:
            night["battery_current_a"] = -float(day["draw"])
        start = number * DAY_MS + 12 * HOUR_MS
        yield Frame(1, start - 8 * HOUR_MS, night | {"battery_voltage_v": rest + fell})
        yield Frame(1, start - HOUR_MS, night | {"battery_voltage_v": rest + noise})
        if day["charging"] is None:
            yield Frame(1, start, {"ignition": "ON", "battery_voltage_v": rest - 0.1})
            yield Frame(1, start + 20_000, {"ignition": "OFF"})
            continue
        if not electric:
            starter: dict[str, Value] = {"ignition": "START", "battery_voltage_v": crank + noise}
            yield Frame(1, start, starter)
        for second in range(5, 600, 15):
            moves = second % 60 > 30
            volt = charging + noise - (0.0 if moves else sag)
            on: dict[str, Value] = {"ignition": "ON", "battery_voltage_v": volt}
            on["speed_kmh"] = 40.0 if moves else 0.0
            if not electric:
                on["engine_speed_rpm"] = 2000.0 if moves else 800.0
            yield Frame(1, start + 1000 * second, on)
        yield Frame(1, start + 11 * MINUTE_MS, {"ignition": "OFF"})


def lives(days: list[Day], powertrain: str = "petrol") -> list[Finding]:
    bank = Bank(replace(profile(), powertrain=powertrain), kinds=(LowVoltage,))
    found = detect(bank, frames(days, powertrain == "electric"))
    assert bank.set_aside == []
    return found


def told(days: list[Day], powertrain: str = "petrol") -> list[tuple[str, str]]:
    return [(one.cause, one.kind.value) for one in lives(days, powertrain)]


WELL = [a_day()] * 20


def bad(how: Callable[[int], Day], days: int = 30) -> list[Day]:
    return WELL + [how(n) for n in range(1, days)]


def rested(how: Callable[[int], float], days: int = 40) -> list[Day]:
    """After twenty good days, a battery that rests so, and dips as much lower."""
    return bad(lambda n: a_day(rest=how(n), crank=how(n) - 2.2), days)


# -- the battery ---------------------------------------------------------------------------------


def after(emptied: int, volt: float) -> float:
    """Back from `volt` to full in a week of driving."""
    return 12.6 - max(0.0, (12.6 - volt) * (1 - emptied / 7))


def test_a_jump_start_is_no_weak_battery() -> None:
    assert told(rested(lambda n: after(n - 1, 12.0))) == []


def test_a_battery_that_is_empty_again_and_again_is_told_of() -> None:
    found = lives(rested(lambda n: after((n - 1) % 4, 11.9)))
    assert [one.kind for one in found][:1] == [RAISED]
    assert found[0].at.timestamp() * 1000 > 27 * DAY_MS, "the first time may be a forgotten lamp"


def test_wear_is_found_all_the_same() -> None:
    assert told(rested(lambda n: 12.6 - 0.02 * n))[0] == ("battery_12v", "raised")


@pytest.mark.parametrize(
    ("stuck_c", "warms_c"),
    [pytest.param(25.0, 0.0, id="it jumps"), pytest.param(-4.0, 1.2, id="spring comes")],
)
def test_an_outside_temperature_that_is_stuck_makes_nothing_weak(
    stuck_c: float, warms_c: float
) -> None:
    def noon_c(day: int) -> float:
        return min(max(0.0, warms_c * (day - 20)), 25.0)

    days = [
        a_day(crank=9.4 + 0.029 * noon_c(day), charging=14.5 - 0.01 * noon_c(day))
        for day in range(1, 60)
    ]

    def hear() -> Iterator[Frame]:
        for frame in frames(days):
            day, hour = divmod(frame.ts_ms // HOUR_MS, 24)
            air_c = stuck_c if day >= 20 else noon_c(day) + hour / 6 - 2
            intake_c = noon_c(day) + 30.0  # of a warm engine bay: no stand-in for the air
            signals = {**frame.signals, "ambient_temp_c": air_c, "intake_air_temp_c": intake_c}
            yield Frame(1, frame.ts_ms, signals)

    assert detect(Bank(profile(), kinds=(LowVoltage,)), hear()) == []


def test_a_logger_without_ignition_and_outside_air_suffices() -> None:
    """It says neither ON nor OFF, and the engine stands for some seconds before it is started."""

    def logged(day: int) -> Iterator[Frame]:
        crank = 10.4 - 0.06 * max(0, day - 20)
        at = day * DAY_MS
        yield Frame(1, at, {"engine_speed_rpm": 0.0, "battery_voltage_v": 12.6})
        yield Frame(1, at + 5000, {"engine_speed_rpm": 210.0, "battery_voltage_v": crank})
        for n in range(2, 60):
            runs = n >= 4
            volt, rpm = (14.2, 900.0) if runs else (12.4, 0.0)
            yield Frame(
                1,
                at + n * 10_000,
                {"engine_speed_rpm": rpm, "battery_voltage_v": volt, "intake_air_temp_c": 18.0},
            )

    bank = Bank(profile(), kinds=(LowVoltage,))
    found = [one for day in range(1, 45) for one in detect(bank, logged(day))]
    assert [(one.cause, one.kind) for one in found][:1] == [("battery_12v", RAISED)]


def test_a_car_that_is_only_switched_on_and_off_still_counts_as_parked() -> None:
    """Two flat tires: someone looks after it each day, and nothing charges it for three weeks."""
    parked = [a_day(rest=12.6 - 0.015 * n, charging=None) for n in range(21)]
    assert told(WELL + parked + WELL, "electric") == []


# -- what empties it -----------------------------------------------------------------------------


def test_current_at_rest_is_a_parasitic_drain() -> None:
    found = lives([a_day(draw=0.03)] * 12 + [a_day(draw=0.4, rest=12.45)] * 6)
    assert [(one.cause, one.kind) for one in found] == [("parasitic_drain", RAISED)]
    (one,) = found
    assert one.evidence.value == 0.4 and one.evidence.unit == "A"
    assert one.at.timestamp() * 1000 < 16 * DAY_MS, "three nights suffice"


def test_it_hides_on_some_days() -> None:
    some = [a_day(draw=0.4 if n % 3 else 0.03) for n in range(12)]
    assert told([a_day(draw=0.03)] * 12 + some) == [("parasitic_drain", "raised")]


@pytest.mark.parametrize("draw", [0.03, 0.05, 0.09])
def test_usual_current_is_none(draw: float) -> None:
    assert told([a_day(draw=draw)] * 40) == []


def test_lamps_left_on_once_are_none() -> None:
    lamps = [a_day(draw=6.5, rest=12.0, crank=10.0, fell=0.6)]
    recovers = [a_day(draw=0.03, rest=after(n, 12.0)) for n in range(12)]
    assert told([a_day(draw=0.03)] * 20 + lamps + recovers) == []
    blind = [day | {"draw": None} for day in lamps + recovers]
    assert told(WELL + blind) == [], "nor without a sensor for the current"


def test_lamps_after_nights_of_a_coarse_voltmeter_are_none() -> None:
    coarse = [a_day(fell=0.045)] * 4
    lamps = [a_day(rest=12.0, crank=10.0, fell=0.6)]
    recovers = [a_day(rest=after(n, 12.0), fell=0.045 if n < 2 else 0.01) for n in range(12)]
    assert told(WELL + coarse + lamps + recovers) == []


def test_what_empties_it_every_night_is_told_in_the_week_after_the_first() -> None:
    found = lives(WELL + [a_day(rest=12.1, crank=10.0, fell=0.4)] * 6)
    assert [one.cause for one in found] == ["parasitic_drain"]


def test_without_a_sensor_the_voltage_tells() -> None:
    assert told(bad(lambda n: a_day(rest=12.5, fell=0.09), 15)) == [("parasitic_drain", "raised")]


def test_a_drain_that_is_gone_is_over() -> None:
    days = [a_day(draw=0.03)] * 12 + [a_day(draw=0.4)] * 6 + [a_day(draw=0.03)] * 30
    assert told(days) == [("parasitic_drain", "raised"), ("parasitic_drain", "recovered")]


# -- what fills it -------------------------------------------------------------------------------


@pytest.mark.parametrize("powertrain", ["petrol", "electric"])
def test_charging_that_sags_at_idle_is_the_alternator(powertrain: str) -> None:
    found = lives(bad(lambda n: a_day(sag=0.2), 10), powertrain)
    assert [(one.cause, one.kind) for one in found] == [("alternator", RAISED)]
    assert "while the car stands" in found[0].summary
    assert found[0].expect_from is not None


def test_it_sags_only_with_the_lights_on() -> None:
    assert told(bad(lambda n: a_day(sag=0.0 if n % 4 else 0.2), 20)) == [("alternator", "raised")]


def test_one_that_always_sagged_is_well() -> None:
    assert told([a_day(sag=0.15 + 0.02 * (n % 4)) for n in range(60)]) == []


@pytest.mark.parametrize("powertrain", ["petrol", "electric"])
def test_charging_that_falls_is_the_alternator(powertrain: str) -> None:
    days = bad(lambda n: a_day(charging=12.4, rest=12.4, crank=10.2), 6)
    assert told(days, powertrain) == [("alternator", "raised")]
    repaired = days + WELL
    assert told(repaired, powertrain)[-1] == ("alternator", "recovered")


def test_a_regulator_that_follows_the_weather_is_well() -> None:
    def winter(n: int) -> Iterator[Frame]:
        warm = 15.0 - n
        for frame in frames([a_day(charging=14.2 - 0.01 * (warm - 25))]):
            signals: dict[str, Any] = dict(frame.signals)
            if "ambient_temp_c" in signals:
                signals["ambient_temp_c"] = warm
            yield Frame(1, frame.ts_ms + n * DAY_MS, signals)

    bank = Bank(profile(), kinds=(LowVoltage,))
    assert [one for n in range(40) for one in detect(bank, winter(n))] == []


# -- the cables between --------------------------------------------------------------------------


def test_lower_cranking_and_charging_with_full_rests_is_a_cable() -> None:
    days = bad(lambda n: a_day(crank=10.4 - 0.05 * n, charging=14.3 - 0.008 * n), 25)
    assert told(days)[0] == ("high_resistance_cable", "raised")


def test_a_joint_that_is_bad_at_one_start_and_good_at_the_next_is_a_cable() -> None:
    """So far above 9.6 V, and so often well, that no battery's limit would find it."""

    def loose(n: int) -> Day:
        lost = 0.0 if n % 2 else 0.55 + 0.02 * (n % 5)
        return a_day(crank=10.6 - lost, charging=14.3 - 0.2 * lost)

    found = lives([a_day(crank=10.6)] * 20 + [loose(n) for n in range(1, 30)])
    assert [(one.cause, one.kind) for one in found] == [("high_resistance_cable", RAISED)]
    assert "now and then" in found[0].summary


def test_a_battery_that_is_weak_on_some_days_is_no_cable() -> None:
    def weak(n: int) -> Day:
        lost = 0.0 if n % 2 else 0.6
        return a_day(crank=10.6 - lost, rest=12.6 - 0.15 * lost)

    assert lives([a_day(crank=10.6)] * 20 + [weak(n) for n in range(1, 30)]) == []


def test_lower_cranking_and_rests_with_full_charging_is_the_battery() -> None:
    days = bad(lambda n: a_day(crank=10.4 - 0.05 * n, rest=12.6 - 0.005 * n), 25)
    assert told(days)[0] == ("battery_12v", "raised")


def test_a_voltmeter_that_drifted_before_does_not_hide_which() -> None:
    """What it charges and rests with counts while it cranks lower, not what it was at first."""
    drifts = [a_day(charging=14.3 + 0.05 * min(1, n / 20), rest=12.6) for n in range(30)]
    falls = [a_day(crank=10.4 - 0.04 * n, charging=14.35 - 0.005 * n) for n in range(30)]
    assert told(drifts + falls)[0] == ("high_resistance_cable", "raised")


def test_what_fits_both_waits_for_more() -> None:
    found = lives(bad(lambda n: a_day(crank=10.4 - 0.04 * n, charging=14.3 - 0.0012 * n), 40))
    assert found, "but not for ever"
    one = found[0].evidence
    assert (one.expected or 0.0) - (one.value or 0.0) > 0.9


def test_after_long_parking_it_fills_for_a_week() -> None:
    parked = [a_day(rest=12.6 - 0.015 * n, charging=None) for n in range(25)]
    fills = [a_day(rest=12.3 + 0.04 * n, crank=9.7 + 0.1 * n) for n in range(7)]
    assert told(WELL + parked + fills + WELL) == []
