"""A battery that was flat leaves codes behind which say nothing else."""

from collections.abc import Sequence

import pytest

from detectors.bank import Bank, detect
from detectors.dtc_raised import DtcRaised
from detectors.reading import DAY_MS, HOUR_MS
from record.flow import Frame, Value
from tests.detectors.cars import profile


def told(
    nights: Sequence[float], codes: Sequence[str], since: int, until: int = 99
) -> list[tuple[str, str, int]]:
    """What is said of a car that rests at these voltages and lists `codes` between two days."""
    frames = []
    for day, volt in enumerate(nights, 1):
        rest: dict[str, Value] = {"ignition": "OFF", "battery_voltage_v": volt}
        frames += [Frame(1, day * DAY_MS + hour * HOUR_MS, rest) for hour in (0, 5, 10)]
        on: dict[str, Value] = {"ignition": "ON", "speed_kmh": 40.0, "battery_voltage_v": 14.2}
        listed = tuple(codes) if since <= day < until else ()
        noon = day * DAY_MS + 12 * HOUR_MS
        frames += [Frame(1, noon + 60_000 * n, on, listed) for n in range(15)]
        frames.append(Frame(1, noon + HOUR_MS, {"ignition": "OFF"}))
    bank = Bank(profile(), kinds=(DtcRaised,))
    found = detect(bank, frames)
    assert bank.set_aside == []
    return [(one.cause, one.kind.value, round(one.at.timestamp() / 86_400)) for one in found]


LAMPS_LEFT_ON = [12.6] * 9 + [12.1, 12.3, 12.4] + [12.6] * 30


@pytest.mark.parametrize("code", ["P0562", "U0100", "U0100-87"])
def test_what_a_flat_battery_leaves_behind_is_held_back(code: str) -> None:
    gone = LAMPS_LEFT_ON[:20]
    assert told(gone, [code], since=10) == []


def test_a_code_that_outlives_it_is_told() -> None:
    assert told(LAMPS_LEFT_ON, ["U0100"], since=10) == [("dtc_u0100", "raised", 24)]


@pytest.mark.parametrize(("code", "cause"), [("P0562", "battery_12v"), ("U0100", "dtc_u0100")])
def test_without_a_flat_battery_it_is_told_at_once(code: str, cause: str) -> None:
    assert told([12.6] * 12, [code], since=10) == [(cause, "raised", 10)]
    low_sensor = [12.22] * 12
    assert told(low_sensor, [code], since=10) == [(cause, "raised", 10)]


@pytest.mark.parametrize(
    ("charging_v", "cause"),
    [([14.2] * 3, "battery_12v"), ([12.3] * 3, "alternator"), ([14.2, 12.3, 14.2], "battery_12v")],
)
def test_low_voltage_in_a_car_that_never_charges_is_the_alternators(
    charging_v: list[float], cause: str
) -> None:
    bank = Bank(profile(), kinds=(DtcRaised,))
    found = []
    for day, volt in enumerate(charging_v, 1):
        for n in range(20):
            on: dict[str, Value] = {"engine_speed_rpm": 900.0, "battery_voltage_v": volt}
            codes = ("P0562",) if day == 3 and n > 5 else ()
            found += bank.judge(Frame(1, day * DAY_MS + 10_000 * n, on, codes))
        found += bank.judge(Frame(1, day * DAY_MS + HOUR_MS, {"ignition": "OFF"}))
    found += [
        one
        for n in range(3)
        for one in bank.judge(Frame(1, 4 * DAY_MS + 1000 * n, {"dtc_count": 0}))
    ]
    told = [(one.cause, one.kind.value) for one in found]
    assert told == [(cause, "raised"), (cause, "recovered")]


def test_a_flat_battery_explains_no_misfire() -> None:
    found = told(LAMPS_LEFT_ON[:12], ["P0562", "P0301"], since=10)
    assert [cause for cause, _, _ in found] == ["dtc_p0301"]


def test_what_was_held_back_is_not_told_as_gone() -> None:
    assert told(LAMPS_LEFT_ON, ["U0100"], since=10, until=16) == []
    found = told([12.6] * 40, ["U0100"], since=10, until=16)
    assert [kind for _, kind, _ in found] == ["raised", "recovered"]
