"""Pads that last are no fault whatever the odometer does; those that don't are told once."""

from collections.abc import Callable, Iterator

import pytest

from detectors.bank import Bank, detect
from detectors.brakes import PADS, Brakes
from detectors.reading import DAY_MS
from record.flow import Finding, FindingKind, Frame, Urgency, Value
from tests.detectors.cars import profile

Four = tuple[float, float, float, float]

KM_DAY = 40


def usual(km: float) -> Four:
    """Front pads for 25,000 km, rear ones for 40,000: the hard end of ordinary use."""
    return 40.3 + km / 250, 41.1 + km / 250, 30.6 + km / 400, 30.0 + km / 400


def drives(
    worn: Callable[[float], Four], days: int, odometer_km: Callable[[float], float] = lambda km: km
) -> Iterator[Frame]:
    """Four looks a day."""
    for look in range(4 * days):
        km = KM_DAY * look / 4
        signals: dict[str, Value] = {"odometer_m": round(1000 * odometer_km(42_000 + km))}
        signals |= zip(PADS, (min(100, round(one)) for one in worn(km)), strict=True)
        yield Frame(1, DAY_MS + look * DAY_MS // 4, signals)


def says(frames: Iterator[Frame]) -> list[Finding]:
    bank = Bank(profile(), kinds=(Brakes,))
    found = detect(bank, frames)
    assert bank.set_aside == []
    return found


def more(km: float, after_km: float, a_step_km: float, wheels: tuple[int, ...]) -> Four:
    """Usual, and of some wheels 1 % more with each step."""
    extra = max(0.0, km - after_km) / a_step_km
    fl, fr, rl, rr = (one + extra * (n in wheels) for n, one in enumerate(usual(km)))
    return fl, fr, rl, rr


@pytest.mark.parametrize(
    "odometer_km",
    [
        lambda km: km,
        lambda km: km if km < 43_000 else km / 1.609344,  # a cluster that goes over to miles
        lambda km: km if km < 43_000 else km - 1_900,  # a used cluster
        lambda km: km if km < 43_000 else km + 25_000,
    ],
    ids=["km", "miles", "back", "ahead"],
)
def test_it_is_quiet_while_pads_last(odometer_km: Callable[[float], float]) -> None:
    assert says(drives(usual, 120, odometer_km)) == []


def test_a_trailer_wears_pads_but_is_no_fault() -> None:
    assert says(drives(lambda km: more(km, 1000, 500, (0, 1, 2, 3)), 60)) == []


@pytest.mark.parametrize("axle", [(0, 1), (2, 3)])
def test_both_pads_of_an_axle_are_wear(axle: tuple[int, ...]) -> None:
    found = says(drives(lambda km: more(km, 1000, 40, axle), 50))
    assert [(one.cause, one.kind) for one in found] == [("brake_wear", FindingKind.RAISED)]
    assert found[0].urgency == Urgency.SERVICE
    assert found[0].expect_from and found[0].expect_to and found[0].expect_from > found[0].at


@pytest.mark.parametrize("wheel", range(4))
def test_one_pad_alone_is_its_caliper(wheel: int) -> None:
    found = says(drives(lambda km: more(km, 1000, 40, (wheel,)), 45))
    assert [(one.cause, one.kind) for one in found] == [("stuck_caliper", FindingKind.RAISED)]
    assert found[0].urgency == Urgency.SOON
    assert found[0].at.timestamp() * 1000 < 35 * DAY_MS


def sparing(km: float) -> Four:
    """An electric car's: front pads for 120,000 km."""
    return 40.3 + km / 1200, 41.1 + km / 1200, 30.6 + km / 2400, 30.0 + km / 2400


@pytest.mark.parametrize(("times", "told"), [(2, []), (5, ["brake_wear"])])
def test_pads_of_an_electric_car_are_held_to_its_own_past(times: int, told: list[str]) -> None:
    def worn(km: float) -> Four:
        extra = (times - 1) * max(0.0, km - 3000) / 1200
        fl, fr, rl, rr = sparing(km)
        return fl + extra, fr + extra, rl, rr

    assert [one.cause for one in says(drives(worn, 120))] == told


def test_pads_at_three_millimetres_are_told_whatever_their_pace() -> None:
    found = says(drives(lambda km: more(km + 12_000, 1e9, 1, ()), 60))
    assert [(one.cause, one.urgency) for one in found] == [("brake_wear", Urgency.SOON)]
    assert "90 % worn: about 3 mm" in found[0].summary


def test_new_pads_end_it_and_so_does_a_caliper_that_lets_go() -> None:
    def renewed(km: float) -> Four:
        return more(km, 1000, 40, (0,)) if km < 1800 else (1 + km / 250, 1, 30, 30)

    def freed(km: float) -> Four:
        return more(min(km, 1800), 1000, 40, (0,))

    for worn in (renewed, freed):
        found = says(drives(worn, 75))
        assert [one.kind for one in found] == [FindingKind.RAISED, FindingKind.RECOVERED]
        assert {one.cause for one in found} == {"stuck_caliper"}


def test_without_a_sensor_opposite_it_is_wear() -> None:
    frames = drives(lambda km: more(km, 1000, 40, (0,)), 45)
    some = (Frame(1, f.ts_ms, {k: v for k, v in f.signals.items() if k != PADS[1]}) for f in frames)
    assert [one.cause for one in says(some)] == ["brake_wear"]


@pytest.mark.parametrize("value", [float("nan"), -1, 101, 1e9, True, "12", None])
def test_nonsense_says_nothing(value: Value) -> None:
    frames = drives(usual, 60)
    spoiled = (
        Frame(1, f.ts_ms, f.signals | {name: value})
        for n, f in enumerate(frames)
        for name in ((*PADS, "odometer_m")[n % 5],)
    )
    assert says(spoiled) == []


def test_without_an_odometer_it_says_nothing() -> None:
    frames = drives(lambda km: more(km, 1000, 40, (0,)), 60)
    assert says(Frame(1, f.ts_ms, {k: f.signals[k] for k in PADS}) for f in frames) == []
