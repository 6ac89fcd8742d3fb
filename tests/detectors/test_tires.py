"""What lowers all four, makes a step, or says nothing is no leak; what sinks alone is."""

from collections.abc import Callable, Iterator

import pytest

from detectors.bank import Bank, detect
from detectors.reading import DAY_MS, HOUR_MS
from detectors.tires import ATMOSPHERE_KPA, PRESSURES, TEMPS, Tires
from record.flow import Finding, FindingKind, Frame, Urgency, Value
from tests.detectors.cars import afflicted, profile

Four = tuple[float, float, float, float]

GOOD: Four = (232.0, 228.0, 235.0, 230.0)


def air_c(day: float) -> float:
    """A spring with a cold snap, and colder nights."""
    return 4.0 + 0.2 * day + (3.0 if day % 1 > 0.4 else -3.0) - (16.0 if 18 <= day < 22 else 0.0)


def beats(
    at_20_kpa: Callable[[float], Four], days: int, told: Callable[[float], float] = round
) -> Iterator[Frame]:
    """A car that stands and tells its tires each four hours; what they would have at 20 °C."""
    for beat in range(1, 6 * days):
        day = beat / 6
        kelvin = (air_c(day) + 273.15) / 293.15
        kpa = [told((one + ATMOSPHERE_KPA) * kelvin - ATMOSPHERE_KPA) for one in at_20_kpa(day)]
        signals: dict[str, Value] = {"ignition": "OFF", "ambient_temp_c": air_c(day)}
        yield Frame(
            1, DAY_MS + beat * 4 * HOUR_MS, signals | dict(zip(PRESSURES, kpa, strict=True))
        )


def says(frames: Iterator[Frame]) -> list[Finding]:
    bank = Bank(profile(), kinds=(Tires,))
    found = detect(bank, frames)
    assert bank.set_aside == []
    return found


def less(wheel: int, kpa: float, of: Four = GOOD) -> Four:
    """`of`, but for one wheel."""
    fl, fr, rl, rr = (one - kpa * (n == wheel) for n, one in enumerate(of))
    return fl, fr, rl, rr


def day_of(finding: Finding) -> float:
    return finding.at.timestamp() * 1000 / DAY_MS - 1


def innocent(day: float, kind: str) -> Four:
    after = day - 20.5
    if after < 0 and kind != "all lose a little":
        return GOOD
    match kind:
        case "pumped up":
            return 240.0, 240.0, 240.0, 240.0
        case "let down for a long way unladen":
            return 232.0, 228.0, 205.0, 200.0
        case "winter wheels, front and rear changed":
            return 217.0, 212.0, 214.0, 210.0
        case "one filled wrong":
            return less(1, 14.0)
        case "other altitude":
            return 256.0, 252.0, 259.0, 254.0
        case "all lose a little":
            return less(1, day * 0.1, (232 - day * 0.2, 228 - day * 0.2, 235 - day * 0.2, 230.0))
    return GOOD


@pytest.mark.parametrize(
    "kind",
    [
        "cold snap",
        "pumped up",
        "let down for a long way unladen",
        "winter wheels, front and rear changed",
        "one filled wrong",
        "other altitude",
        "all lose a little",
    ],
)
def test_it_is_quiet_where_nothing_leaks(kind: str) -> None:
    assert says(beats(lambda day: innocent(day, kind), 60)) == []


def test_another_unit_is_no_leak_and_hides_none() -> None:
    def psi(kpa: float) -> float:
        return round(kpa / 6.894757) if kpa else 0

    def turns(leak_kpa_day: float) -> Iterator[Frame]:
        def kpa(day: float) -> Four:
            return less(0, leak_kpa_day * max(0.0, day - 30))

        for one, other in zip(beats(kpa, 50), beats(kpa, 50, psi), strict=True):
            yield one if one.ts_ms < 20 * DAY_MS else other

    assert says(turns(0.0)) == []
    found = says(turns(6.0))
    assert [one.cause for one in found][:1] == ["slow_tire_leak"]
    assert 31 < day_of(found[0]) < 39


def test_a_sensor_that_repeats_its_last_value_is_no_leak() -> None:
    def stuck(value: float) -> Iterator[Frame]:
        for frame in beats(lambda day: GOOD, 60):
            late = frame.ts_ms > 20 * DAY_MS
            yield Frame(
                1, frame.ts_ms, frame.signals | {PRESSURES[2]: value} if late else frame.signals
            )

    for value in (150.0, 200.0, 225.0, 280.0, 0.0):
        assert says(stuck(value)) == []


@pytest.mark.parametrize("kpa_day", [1.6, 4.0, 15.0])
def test_a_nail_is_found_long_before_the_lamp(kpa_day: float) -> None:
    found = says(beats(lambda day: less(3, kpa_day * max(0.0, day - 15)), 15 + int(60 / kpa_day)))
    first = found[0]
    assert (first.cause, first.kind, first.urgency) == (
        "slow_tire_leak", FindingKind.RAISED, Urgency.SOON,
    )  # fmt: skip
    assert "Rear right" in first.summary
    assert first.expect_from and first.expect_to
    flat_at = 15 + (GOOD[3] - 70) / kpa_day
    lower, upper = (
        one.timestamp() * 1000 / DAY_MS - 1 for one in (first.expect_from, first.expect_to)
    )
    assert day_of(first) < 15 + 46 / kpa_day, "UN R141 lights the lamp at 20 %"
    assert lower < flat_at < upper
    assert [one.kind for one in found].count(FindingKind.RAISED) == 1


def test_who_only_pumps_it_up_is_not_told_that_it_is_well_and_who_mends_it_is() -> None:
    def pumped(day: float) -> Four:
        return less(0, 3.0 * (day - 10 if 10 < day < 20 else max(0.0, day - 20)))

    assert FindingKind.RECOVERED not in {one.kind for one in says(beats(pumped, 38))}
    mended = says(beats(lambda day: less(0, 4.5 * (day - 10) if 10 < day < 20 else 0), 40))
    assert [one.kind for one in mended] == [FindingKind.RAISED, FindingKind.RECOVERED]
    assert 23 < day_of(mended[1]) < 30


def driven(
    at_20_kpa: Callable[[float], Four],
    reads: Callable[[float, int, float], float],
    days: int,
    warms_k: Four = (0.0, 0.0, 0.0, 0.0),
) -> Iterator[Frame]:
    """The same car, driven for an hour each morning and evening: its tires get 15 K warmer.

    `reads` makes of day, wheel and true gauge pressure what its sensor says; by `warms_k` a wheel
    gets warmer than that, and no sensor tells temperatures.
    """
    parked = {frame.ts_ms: frame for frame in beats(at_20_kpa, days)}
    hours = (24 * day + hour for day in range(days) for hour in (7, 17))
    drives = {DAY_MS + hour * HOUR_MS + m * 60_000 for hour in hours for m in range(0, 60, 12)}
    for ts_ms in sorted({*parked, *drives}):
        day = ts_ms / DAY_MS - 1
        on = ts_ms in drives
        minute = ts_ms // 60_000 % 60
        kpa: list[float] = []
        for n, cold in enumerate(at_20_kpa(day)):
            warm_k = (15.0 + warms_k[n]) * minute / 60 if on else 0.0
            kelvin = (air_c(day) + warm_k + 273.15) / 293.15
            gauge = (cold + ATMOSPHERE_KPA) * kelvin - ATMOSPHERE_KPA
            kpa.append(round(reads(day, n, gauge)))
        signals: dict[str, Value] = {"ignition": "ON" if on else "OFF"}
        signals["ambient_temp_c"] = air_c(day)
        yield Frame(1, ts_ms, signals | dict(zip(PRESSURES, kpa, strict=True)))


def true(day: float, wheel: int, kpa: float) -> float:
    return kpa


def drifts(day: float, wheel: int, kpa: float) -> float:
    return kpa * (1 - 0.16 * min(1.0, max(0.0, day - 20) / 25)) if wheel == 2 else kpa


def test_a_sensor_whose_gain_sinks_is_no_leak_and_a_leak_no_sensor() -> None:
    first = says(driven(lambda day: GOOD, drifts, 60))
    assert [(one.cause, one.kind) for one in first] == [("sensor_drift", FindingKind.RAISED)]
    assert "Rear left tire's pressure sensor" in first[0].summary
    assert day_of(first[0]) < 45

    def leak(day: float) -> Four:
        return less(2, 1.5 * max(0.0, day - 20))

    assert {one.cause for one in says(driven(leak, true, 60))} == {"slow_tire_leak"}


def test_a_wheel_that_warms_up_less_than_the_others_is_still_known_to_leak() -> None:
    """It sinks beside the others on each drive, as one with a drifting sensor would."""

    def leak(day: float) -> Four:
        return less(2, 1.5 * max(0.0, day - 20))

    found = says(driven(leak, true, 60, warms_k=(3.0, 3.0, -3.0, 0.0)))
    assert {one.cause for one in found} == {"slow_tire_leak"}


def test_beside_a_drifting_sensor_a_puncture_is_told_and_a_new_sensor_ends_it() -> None:
    def cut(day: float) -> Four:
        return less(1, min(160.0, 160 * max(0.0, day - 50) * 24 / 8))

    def renewed(day: float, wheel: int, kpa: float) -> float:
        return drifts(day, wheel, kpa) if day < 55 else kpa

    def pumped(day: float) -> Four:
        return GOOD if day < 50 else (232.0, 245.0, 235.0, 230.0)

    assert ("tire_puncture", FindingKind.RAISED) in {
        (one.cause, one.kind) for one in says(driven(cut, drifts, 52))
    }
    found = says(driven(pumped, renewed, 60))
    assert [(one.cause, one.kind) for one in found] == [
        ("sensor_drift", FindingKind.RAISED), ("sensor_drift", FindingKind.RECOVERED),
    ]  # fmt: skip
    assert 55 <= day_of(found[1]) < 56, "not when another wheel is pumped up"


@pytest.mark.parametrize("hours", [1.0, 14.0])
def test_a_puncture_is_told_at_the_second_look(hours: float) -> None:
    found = says(beats(lambda day: less(1, min(160.0, 160 * max(0.0, day - 10) * 24 / hours)), 20))
    assert [(one.cause, one.kind, one.urgency) for one in found] == [
        ("tire_puncture", FindingKind.RAISED, Urgency.STOP)
    ]
    assert day_of(found[0]) < 10.5


def test_a_puncture_on_the_road_is_told_within_the_hour() -> None:
    """While all warm up by 18 kPa, and the wheel that loses air does too."""

    def frames() -> Iterator[Frame]:
        yield from beats(lambda day: GOOD, 10)
        start = 11 * DAY_MS + 7 * HOUR_MS
        for minute in range(0, 90, 5):
            warm = 18 * min(1.0, minute / 15)
            lost = 0.4 * max(0, minute - 10)
            kpa = [round(one + warm) for one in less(0, lost, (215.0, 211.0, 218.0, 213.0))]
            signals: dict[str, Value] = {"ignition": "ON", "speed_kmh": 80.0}
            signals |= zip(PRESSURES, kpa, strict=True)
            yield Frame(1, start + minute * 60_000, signals)

    found = says(frames())
    assert [one.cause for one in found] == ["tire_puncture"]
    assert (found[0].at.timestamp() * 1000 - 11 * DAY_MS) / HOUR_MS < 8.2


def test_a_tire_that_a_brake_heats_is_no_leak_of_the_others() -> None:
    def hot() -> Iterator[Frame]:
        for frame in beats(lambda day: GOOD, 40):
            temps: dict[str, Value] = dict.fromkeys(TEMPS, frame.signals["ambient_temp_c"])
            if 15 * DAY_MS < frame.ts_ms < 30 * DAY_MS:
                kpa, temp = frame.signals[PRESSURES[0]], temps[TEMPS[0]]
                assert isinstance(kpa, int) and isinstance(temp, float)
                warmer = (temp + 20 + 273.15) / (temp + 273.15)
                hotter = {PRESSURES[0]: round((kpa + ATMOSPHERE_KPA) * warmer - ATMOSPHERE_KPA)}
                yield Frame(1, frame.ts_ms, frame.signals | hotter | temps | {TEMPS[0]: temp + 20})
            else:
                yield Frame(1, frame.ts_ms, frame.signals | temps)

    assert says(hot()) == []


def test_it_speaks_of_no_other_fault() -> None:
    for fault in ("weak_battery", "coolant_overheat"):
        car, frames = afflicted(fault)
        assert detect(Bank(car, kinds=(Tires,)), frames) == []


@pytest.mark.parametrize("value", [float("nan"), -1.0, 1e9, True, "230", None, 0])
def test_nonsense_from_one_wheel_says_nothing(value: Value) -> None:
    def nonsense() -> Iterator[Frame]:
        for frame in beats(lambda day: GOOD, 30):
            yield Frame(1, frame.ts_ms, frame.signals | {PRESSURES[1]: value})

    assert says(nonsense()) == []
