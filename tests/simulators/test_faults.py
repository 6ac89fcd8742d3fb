"""Faults begin after health, grow, sometimes hide, and are the same whoever asks, and when."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import random
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record import dtc
from record import signals as catalogue
from simulators import cycles, faults
from simulators.faults import (
    HEALTHY,
    KINDS,
    NAMES,
    Course,
    Distortion,
    Effects,
    Fault,
    combined,
    draw,
    fits,
    one_wheel,
    progress,
)
from simulators.faults.alternator import Alternator
from simulators.faults.brake_wear import BrakeWear
from simulators.faults.coolant_leak import CoolantLeak
from simulators.faults.coolant_overheat import CoolantOverheat
from simulators.faults.misfire import Misfire
from simulators.faults.parasitic_drain import ParasiticDrain
from simulators.faults.sensors_swapped import SensorsSwapped
from simulators.faults.slow_tire_leak import SlowTireLeak
from simulators.faults.stuck_caliper import StuckCaliper
from simulators.faults.thermostat_stuck_closed import ThermostatStuckClosed
from simulators.faults.thermostat_stuck_open import ThermostatStuckOpen
from simulators.faults.tire_puncture import TirePuncture
from simulators.faults.weak_battery import WeakBattery
from simulators.habits import Habits
from simulators.models import MODELS, Model
from simulators.vehicle import Vehicle

START = datetime(2026, 1, 5, 5, tzinfo=UTC)
DAY = timedelta(days=1)
END = START + 90 * DAY

EVERYBODY = {"petrol", "diesel", "hybrid", "electric"}
ENGINES = {"petrol", "diesel", "hybrid"}
WHO: dict[str, set[str]] = {
    "weak_battery": {"petrol", "diesel"},  # found by its starter
    "parasitic_drain": EVERYBODY,
    "alternator": EVERYBODY,
    "high_resistance_cable": {"petrol", "diesel"},
    "coolant_leak": ENGINES,
    "thermostat_stuck_open": ENGINES,
    "thermostat_stuck_closed": ENGINES,
    "radiator_fan": ENGINES,
    "coolant_overheat": ENGINES,
    "slow_tire_leak": EVERYBODY,
    "tire_puncture": EVERYBODY,
    "brake_wear": EVERYBODY,
    "stuck_caliper": EVERYBODY,
    "vacuum_leak": {"petrol", "hybrid"},
    "misfire": {"petrol", "hybrid"},
    "dpf_clogged": {"diesel"},
    "weak_cell": {"hybrid", "electric"},
    "oil_consumption": ENGINES,
    "sensor_stuck": EVERYBODY,
    "sensor_drift": EVERYBODY,
    "sensors_swapped": EVERYBODY,
    "dtc_raised": EVERYBODY,
}
"""Which powertrains can have what, as a technician would say it."""

WORSE_IS_LESS = {
    "cooling_share", "fan_share", "thermostat_most", "coolant_share", "charge_ceiling",
    "capacity_factor", "alternator_share",
}  # fmt: skip
"""The effects that fall as a fault grows; the other numbers rise."""

every = pytest.mark.parametrize("kind", KINDS)


@cache
def drawn(kind: str) -> tuple[tuple[Model, Fault], ...]:
    """Forty draws for each model that can have it."""
    made = []
    for key, model in MODELS.items():
        for number in range(40):
            chance = random.Random(f"{kind}:{key}:{number}")
            fault = draw(kind, chance, model=model, start=START, end=END)
            if fault is not None:
                made.append((model, fault))
    return tuple(made)


def moments(fault: Fault, until: datetime = END, step: timedelta = DAY / 4) -> Iterator[datetime]:
    """From the onset on."""
    when = fault.onset
    while when < until:
        yield when
        when += step


def numbers(effects: Effects) -> dict[str, float]:
    """Its numbers by name, a wheel at a time."""
    made: dict[str, float] = {}
    for part in fields(effects):
        value = getattr(effects, part.name)
        if part.name in ("tire_loss_kpa", "pad_wear_factor", "brake_drag_n"):
            made |= {f"{part.name}:{wheel}": one for wheel, one in enumerate(value)}
        elif isinstance(value, (bool, int, float)):
            made[part.name] = float(value)
    return made


def never_better(before: Effects, after: Effects) -> bool:
    now = numbers(after)
    return all(
        now[name] <= value + 1e-12
        if name.split(":")[0] in WORSE_IS_LESS
        else now[name] >= value - 1e-12
        for name, value in numbers(before).items()
    )


def hides(fault: Fault) -> bool:
    return bool(getattr(fault, "hides", 0.0))


# -- what there is ---------------------------------------------------------------------------------


def test_the_kinds_are_the_files() -> None:
    files = {module.name for module in pkgutil.iter_modules(faults.__path__)}
    assert {name for name in files if not name.startswith("_")} == {*KINDS, *NAMES}
    assert len(set(KINDS)) == len(KINDS) == len(WHO)
    assert set(NAMES) - set(KINDS) == {"service_due"}  # falls due, does not break


@every
def test_it_is_explained_to_a_technician(kind: str) -> None:
    module = importlib.import_module(f"simulators.faults.{kind}")
    assert len((module.__doc__ or "").split()) > 30
    for public in ("fits", "drawn"):
        assert getattr(module, public).__doc__
    assert {fault.name for _, fault in drawn(kind)} == {kind}


@every
def test_it_happens_to_those_that_can_have_it(kind: str) -> None:
    for key, model in MODELS.items():
        can = model.powertrain in WHO[kind]
        assert fits(kind, model) == can, key
        fault = draw(kind, random.Random(1), model=model, start=START, end=END)
        assert (fault is not None) == can, key
    assert drawn(kind)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match="flux_capacitor"):
        draw("flux_capacitor", random.Random(1), model=MODELS["lane_14"], start=START, end=END)


# -- draws -----------------------------------------------------------------------------------------


@every
def test_a_draw_is_its_seed(kind: str) -> None:
    model = next(model for model in MODELS.values() if model.powertrain in WHO[kind])

    def one(seed: str) -> Fault | None:
        return draw(kind, random.Random(seed), model=model, start=START, end=END)

    assert one("a") == one("a")
    assert len({str(one(str(seed))) for seed in range(20)}) == 20


@every
def test_each_car_has_a_healthy_past(kind: str) -> None:
    earliest, latest = START + 0.2 * (END - START), START + 0.75 * (END - START)
    onsets = [fault.onset for _, fault in drawn(kind)]
    assert all(earliest <= onset <= latest for onset in onsets)
    assert max(onsets) - min(onsets) > 30 * DAY
    for _, fault in drawn(kind):
        for before in (START, fault.onset - DAY, fault.onset - timedelta(milliseconds=1)):
            assert fault.at(before) is HEALTHY


@every
def test_it_shows_after_its_onset(kind: str) -> None:
    for _, fault in drawn(kind):
        assert any(fault.at(when) != HEALTHY for when in moments(fault, fault.onset + 60 * DAY))


@every
def test_a_driver_notices_before_it_fails(kind: str) -> None:
    for _, fault in drawn(kind):
        for moment in (fault.noticed_at, fault.fails_at):
            assert moment is None or moment >= fault.onset
        if fault.noticed_at and fault.fails_at:
            assert fault.noticed_at <= fault.fails_at


@pytest.mark.parametrize(
    "kind",
    ["weak_battery", "alternator", "high_resistance_cable", "coolant_leak", "slow_tire_leak",
     "thermostat_stuck_closed", "weak_cell"],
)  # fmt: skip
def test_some_only_trouble_and_never_fail(kind: str) -> None:
    fail = [fault.fails_at is not None for _, fault in drawn(kind)]
    assert 0.3 < sum(fail) / len(fail) < 0.95


def test_most_that_fail_do_so_before_the_end_and_some_are_still_slow() -> None:
    fail = [at for kind in KINDS for _, fault in drawn(kind) if (at := fault.fails_at)]
    in_time = sum(at <= END for at in fail) / len(fail)
    assert 0.6 < in_time < 0.95


@every
def test_not_all_cars_have_it_alike(kind: str) -> None:
    """They differ in how fast it comes; sudden ones in what it does."""
    lasting = {str(getattr(fault, "lasts", "")) for _, fault in drawn(kind)}
    ends = {str(fault.at(fault.onset + 200 * DAY)) for _, fault in drawn(kind)}
    assert max(len(lasting), len(ends)) >= 2


# -- courses -----------------------------------------------------------------------------------


@every
def test_it_gets_no_better_by_itself(kind: str) -> None:
    """Unless it hides, or somebody tops it up."""
    steady = [
        fault
        for _, fault in drawn(kind)
        if not hides(fault) and getattr(fault, "topped_up_at", 2.0) > 1
    ]
    assert steady
    for fault in steady[::4]:
        for before, after in itertools.pairwise(moments(fault)):
            earlier, later = fault.at(before), fault.at(after)
            assert never_better(earlier, later)
            assert set(earlier.dtcs) <= set(later.dtcs)


@every
def test_it_does_not_matter_who_asks_in_which_order(kind: str) -> None:
    for _, fault in drawn(kind)[::40]:
        whens = list(moments(fault, step=DAY / 3))
        told = [fault.at(when) for when in whens]
        mixed = list(enumerate(whens))
        random.Random(kind).shuffle(mixed)
        twin = replace(fault)  # type: ignore[type-var]
        assert all(twin.at(when) == told[number] for number, when in mixed)


@every
def test_a_fault_can_not_be_changed(kind: str) -> None:
    fault: Any = drawn(kind)[0][1]
    with pytest.raises(FrozenInstanceError):
        fault.onset = START


def test_what_hides_is_gone_on_its_days_and_back_on_others() -> None:
    fault = ThermostatStuckOpen(START, timedelta(), severity=0.8, seed=7, hides=0.3)
    days = [fault.at(START + number * DAY).thermostat_leak for number in range(400)]
    assert set(days) == {0.0, 0.8}
    assert 0.2 < days.count(0.0) / len(days) < 0.4
    within = {fault.at(START.replace(hour=hour)).thermostat_leak for hour in range(5, 24)}
    assert len(within) == 1  # a mood lasts the day
    other = replace(fault, seed=8)
    assert days != [other.at(START + number * DAY).thermostat_leak for number in range(400)]


def test_a_code_comes_late_and_goes_while_the_fault_hides() -> None:
    codes = ("P0301",)
    fault = Misfire(START, 20 * DAY, codes=codes, codes_from=0.5, seed=3, hides=0.5)
    assert not any(fault.at(START + number * DAY).dtcs for number in range(10))
    later = [START + number * DAY for number in range(20, 120)]
    assert {fault.at(when).dtcs for when in later} == {(), codes}
    assert all(bool(fault.at(when).dtcs) == fault.shows(when) for when in later)


shapes = st.floats(0.3, 3.0)
severities = st.floats(0.2, 1.0)
lengths = st.floats(0.01, 200).map(lambda days: timedelta(days=days))


@given(lasts=lengths, shape=shapes, severity=severities, share=st.floats(0.001, 1.0))
def test_it_reaches_a_wear_when_it_says(
    lasts: timedelta, shape: float, severity: float, share: float
) -> None:
    fault = Alternator(START, lasts, severity=severity, shape=shape)
    wear = share * severity
    when = fault.reaches(wear)
    assert when is not None and START <= when <= START + lasts
    # a time is exact to a microsecond, which is much where a steep course begins
    early, late = when - timedelta(microseconds=2), when + timedelta(microseconds=2)
    assert fault.wear(early) <= wear + 1e-9 and fault.wear(late) >= wear - 1e-9
    assert fault.reaches(severity * 1.001) is None
    assert fault.wear(START + 2 * lasts) == pytest.approx(severity)


@given(
    lasts=lengths, shape=shapes, severity=severities,
    hours=st.lists(st.floats(-100, 6000), min_size=2, max_size=12),
)  # fmt: skip
def test_wear_never_falls(
    lasts: timedelta, shape: float, severity: float, hours: list[float]
) -> None:
    fault = CoolantLeak(START, lasts, severity=severity, shape=shape)
    worn = [fault.wear(START + timedelta(hours=hour)) for hour in sorted(hours)]
    assert worn == sorted(worn) and worn[0] >= 0 and worn[-1] <= severity + 1e-12


def test_shapes_differ_in_the_middle_and_agree_at_the_end() -> None:
    even, late, early = (WeakBattery(START, 40 * DAY), *(
        ParasiticDrain(START, 40 * DAY, shape=shape) for shape in (3.0, 0.4)
    ))  # fmt: skip
    middle, end = START + 20 * DAY, START + 40 * DAY
    assert late.at(middle).drain_a < 0.5 * late.at(end).drain_a < early.at(middle).drain_a
    assert late.at(end) == early.at(end)
    assert even.at(middle).capacity_factor > even.at(end).capacity_factor


def test_progress_runs_from_nothing_to_one() -> None:
    assert progress(START, 10 * DAY, START - DAY) == 0.0
    assert progress(START, 10 * DAY, START + 2.5 * DAY) == 0.25
    assert progress(START, 10 * DAY, START + 20 * DAY) == 1.0
    assert progress(START, timedelta(), START) == 1.0


def test_a_course_without_a_fault_does_nothing_of_its_own() -> None:
    with pytest.raises(NotImplementedError):
        Course(START).at(START + DAY)


# -- kinds of their own --------------------------------------------------------------------------


def test_a_topped_up_leak_jumps_back_and_goes_on() -> None:
    leak = CoolantLeak(START, 100 * DAY, topped_up_at=0.35)
    levels = [leak.at(START + number * DAY).coolant_share for number in range(101)]
    rises = [b - a for a, b in itertools.pairwise(levels) if b > a]
    assert len(rises) == 1 and rises[0] == pytest.approx(0.2, abs=0.02)
    assert levels[-1] < min(levels[:36])


@pytest.mark.parametrize("kind", [SlowTireLeak, TirePuncture])
@pytest.mark.parametrize("wheel", range(4))
def test_one_tire_leaks_and_the_others_do_not(
    kind: type[SlowTireLeak | TirePuncture], wheel: int
) -> None:
    lost = kind(START, DAY, wheel=wheel).at(END).tire_loss_kpa
    assert [number for number, kpa in enumerate(lost) if kpa] == [wheel]


def test_a_puncture_takes_hours_and_a_leak_takes_days() -> None:
    for _, fault in drawn("tire_puncture"):
        assert fault.fails_at and fault.fails_at - fault.onset < DAY
    for _, fault in drawn("slow_tire_leak"):
        assert fault.fails_at is None or fault.fails_at - fault.onset > 5 * DAY


def test_pads_wear_by_the_axle_and_a_caliper_sticks_alone() -> None:
    worn = BrakeWear(START, DAY, front=False, factor=9.0).at(END).pad_wear_factor
    assert worn == (1.0, 1.0, 9.0, 9.0)
    stuck = StuckCaliper(START, DAY, wheel=2).at(END)
    assert stuck.brake_drag_n == (0.0, 0.0, 350.0, 0.0)
    assert stuck.pad_wear_factor[2] > 1 and stuck.pad_wear_factor.count(1.0) == 3


def test_swapped_sensors_say_what_the_other_should() -> None:
    one, two = SensorsSwapped(START, timedelta(), first="a", second="b").at(START).distortions
    assert (one, two) == (Distortion("a", instead="b"), Distortion("b", instead="a"))


@pytest.mark.parametrize("kind", ["sensor_stuck", "sensor_drift", "sensors_swapped"])
def test_a_bad_sensor_lies_within_the_catalogue_about_what_the_car_sends(kind: str) -> None:
    for model, fault in drawn(kind):
        sent = sends(model.key)
        for one in last(fault).distortions:
            assert {one.path, one.instead or one.path} <= sent, (model.key, one)
            signal = catalogue.BY_PATH[one.path]
            if one.stuck_at is not None:
                refused = catalogue.check(signal, one.stuck_at)
                assert not isinstance(refused, catalogue.Refusal), (one, refused)


def last(fault: Fault) -> Effects:
    """What it does in the end, on a day on which it shows."""
    shown = [fault.at(fault.onset + (100 + number) * DAY) for number in range(20)]
    return next(effects for effects in shown if effects != HEALTHY)


@cache
def sends(key: str) -> frozenset[str]:
    """The paths of a model."""
    car = Vehicle("1RWLN1F4XMN000042", start=START, model=key)
    return frozenset(path for one in car.columns(START + 5 * DAY) for path in one.signals)


@every
def test_codes_are_spelled_as_in_the_standard(kind: str) -> None:
    for _, fault in drawn(kind):
        for code in getattr(fault, "codes", ()):
            assert "Unlisted" not in dtc.decode(code).description, code


def test_most_batteries_brakes_and_tires_never_set_a_code() -> None:
    for kind in ("weak_battery", "brake_wear", "stuck_caliper", "slow_tire_leak", "tire_puncture"):
        coded = [bool(getattr(fault, "codes", ())) for _, fault in drawn(kind)]
        assert sum(coded) / len(coded) < 0.5
    for kind in ("thermostat_stuck_open", "vacuum_leak", "dpf_clogged", "weak_cell", "alternator"):
        coded = [bool(getattr(fault, "codes", ())) for _, fault in drawn(kind)]
        assert 0.1 < sum(coded) / len(coded) < 0.95, kind


# -- several at once -------------------------------------------------------------------------------


class Always:
    """A part that does the same at all times."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects

    def at(self, when: datetime) -> Effects:
        return self.effects


def together(*effects: Effects) -> Effects:
    return combined([Always(one) for one in effects], START)


def test_every_effect_has_its_rule() -> None:
    assert set(faults._TOGETHER) == {part.name for part in fields(Effects)}


@every
def test_what_is_healthy_adds_nothing(kind: str) -> None:
    for _, fault in drawn(kind)[::20]:
        alone = last(fault)
        assert together(alone, HEALTHY) == together(HEALTHY, alone) == alone


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        (Effects(cooling_share=0.5), Effects(cooling_share=0.4), Effects(cooling_share=0.2)),
        (Effects(thermostat_leak=0.5), Effects(thermostat_leak=0.2), Effects(thermostat_leak=0.5)),
        (Effects(thermostat_most=0.5), Effects(thermostat_most=0.2), Effects(thermostat_most=0.2)),
        (Effects(drain_a=0.5), Effects(drain_a=0.25), Effects(drain_a=0.75)),
        (
            Effects(tire_loss_kpa=one_wheel(0, 20.0)),
            Effects(tire_loss_kpa=(5.0, 5.0, 0.0, 0.0)),
            Effects(tire_loss_kpa=(25.0, 5.0, 0.0, 0.0)),
        ),
        (
            Effects(pad_wear_factor=(2.0, 1.0, 1.0, 1.0)),
            Effects(pad_wear_factor=(3.0, 3.0, 1.0, 1.0)),
            Effects(pad_wear_factor=(6.0, 3.0, 1.0, 1.0)),
        ),
        (Effects(altitude_m=800.0), Effects(altitude_m=1500.0), Effects(altitude_m=2300.0)),
        (Effects(stays_parked=True), Effects(), Effects(stays_parked=True)),
        (Effects(dtcs=("P0171",)), Effects(dtcs=("P0171", "P0300")),
         Effects(dtcs=("P0171", "P0300"))),
    ],
)  # fmt: skip
def test_factors_multiply_losses_add_up_and_the_worst_rules(
    one: Effects, two: Effects, both: Effects
) -> None:
    assert numbers(together(one, two)) == pytest.approx(numbers(both))
    assert together(one, two).dtcs == both.dtcs


def test_two_faults_of_a_car_are_worse_than_each() -> None:
    pairs = zip(drawn("weak_battery"), drawn("alternator"), strict=False)
    for (_, battery), (_, alternator) in itertools.islice(pairs, 20):
        one, two = last(battery), last(alternator)
        assert never_better(one, together(one, two)) and never_better(two, together(one, two))


# -- what the car makes of it ------------------------------------------------------------------


def first_mishap(
    fault: Fault, until: datetime, seed: int = 0, model: str = "lane_14"
) -> tuple[str, datetime] | None:
    """What happens to a car that is driven half an hour each way to work, in a Boston winter."""
    car = Vehicle(
        "1RWLN1F4XMN000077", start=START, seed=seed, model=model, faults=[fault],
        drive_period_s=30, habits=Habits(commute=(cycles.MIXED,), stays_home=0.0),
        heartbeat=DAY / 2,
    )  # fmt: skip
    car.columns(until)
    return next(((one.kind, one.at) for one in car.mishaps), None)


def some_that(kind: str, fail: bool, count: int) -> list[tuple[str, Fault]]:
    """Draws of different models that say they fail, or never."""
    some = [(model.key, fault) for model, fault in drawn(kind) if (fault.fails_at is None) != fail]
    return some[:: max(1, len(some) // count)][:count]


STRANDING = (
    "weak_battery", "alternator", "high_resistance_cable", "coolant_leak",
    "thermostat_stuck_closed", "coolant_overheat", "tire_puncture",
)  # fmt: skip


@pytest.mark.parametrize("kind", STRANDING)
def test_what_says_it_fails_leaves_any_model_standing(kind: str) -> None:
    for key, fault in some_that(kind, True, 6):
        assert fault.fails_at is not None
        mishap = first_mishap(fault, fault.fails_at + 30 * DAY, model=key)
        assert mishap is not None, (key, fault)
        assert mishap[1] > fault.onset


@pytest.mark.parametrize(
    "kind", [kind for kind in STRANDING if kind not in ("coolant_overheat", "tire_puncture")]
)
def test_what_only_troubles_leaves_nobody_standing(kind: str) -> None:
    for key, fault in some_that(kind, False, 6):
        assert first_mishap(fault, fault.onset + 80 * DAY, model=key) is None, (key, fault)


@pytest.mark.parametrize(
    "kind", ["brake_wear", "dpf_clogged", "oil_consumption", "parasitic_drain"]
)
def test_what_use_decides_names_no_date_and_still_fails_for_some(kind: str) -> None:
    assert all(fault.fails_at is None for _, fault in drawn(kind))
    ends = [first_mishap(fault, END + 30 * DAY, model=key) for key, fault in
            some_that(kind, False, 10)]  # fmt: skip
    assert any(ends)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (WeakBattery(START + 5 * DAY, 20 * DAY), "no_start"),
        (Alternator(START + 5 * DAY, 15 * DAY), "stalled or no_start"),  # whichever comes first
        (CoolantOverheat(START + 5 * DAY, 5 * DAY), "boiled"),
        (CoolantLeak(START + 5 * DAY, 20 * DAY), "boiled"),
        (ThermostatStuckClosed(START + 5 * DAY, 20 * DAY), "boiled"),
        (TirePuncture(START + 5 * DAY, DAY / 4), "flat_tire"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_fault_that_fails_leaves_the_car_standing_about_when_it_says(
    fault: Fault, kind: str
) -> None:
    assert fault.fails_at is not None
    mishap = first_mishap(fault, fault.fails_at + 10 * DAY)
    assert mishap is not None
    assert mishap[0] in kind.split(" or ")
    assert mishap[1] > fault.onset
    assert abs(mishap[1] - fault.fails_at) < 7 * DAY


def test_a_slow_leak_leaves_some_flat_and_some_owners_pump_it_up() -> None:
    leak = SlowTireLeak(START + 5 * DAY, 20 * DAY)
    assert leak.fails_at is not None
    flat = [first_mishap(leak, leak.fails_at + 3 * DAY, seed) for seed in range(12)]
    assert 1 <= sum(one is not None for one in flat) < 12
    for one in flat:
        if one is not None:
            assert one[0] == "flat_tire"
            assert one[1] > leak.fails_at - 7 * DAY
