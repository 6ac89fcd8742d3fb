"""A story from a file: what it becomes, and what is said of one that can't be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from record.vin import check_digit
from simulators import faults, innocents
from simulators.climate import Spell
from simulators.customers import HABITS
from simulators.faults.coolant_overheat import CoolantOverheat
from simulators.faults.slow_tire_leak import SlowTireLeak
from simulators.faults.weak_battery import WeakBattery
from simulators.innocents import TIRES, Innocent
from simulators.models import MODELS
from simulators.world.driver import living
from simulators.world.plan import World
from simulators.world.scenario import CIRCUMSTANCES, FOLDER, MOST_BYTES, ScenarioError, load

DAY = timedelta(days=1)

SMALL = """\
story: A car and a telephone.
days: 10
customers:
  - name: Ana Ruiz
cars:
  - owner: Ana Ruiz
"""


def world(tmp_path: Path, text: str) -> World:
    file = tmp_path / "story.yaml"
    file.write_text(text)
    return load(file)


def wrong(tmp_path: Path, text: str) -> str:
    """What is said of it, without the folder."""
    with pytest.raises(ScenarioError) as told:
        world(tmp_path, text)
    return str(told.value).replace(f"{tmp_path}/", "")


# -- what is meant ---------------------------------------------------------------------------------


def test_a_battery_in_a_cold_snap() -> None:
    story = load(FOLDER / "battery_in_a_cold_snap.yaml")
    midnight = datetime(2026, 1, 5, 6, tzinfo=UTC)  # in Minneapolis
    assert (story.start, story.lasts) == (midnight, 42 * DAY)
    [dealer] = story.dealers
    assert (dealer.name, dealer.time_zone) == ("Northgate Autos", "America/Chicago")
    assert dealer.climate.spells == (Spell(midnight + 30 * DAY, midnight + 36 * DAY, -12),)
    ana, priya = story.cars
    assert ana.faults == (WeakBattery(midnight + 6 * DAY, 30 * DAY),)
    assert priya.faults == () and priya.model == ana.model == "lane_14"
    assert [person.phone for person in story.people] == ["+16125550100", "+16125550101"]
    [note] = story.notes
    assert note.startswith("Ana's battery ages") and "\n" not in note


def test_a_household_has_one_telephone_and_two_cars() -> None:
    story = load(FOLDER / "household_says_stop.yaml")
    assert [car.owner for car in story.cars] == [0, 0]
    assert [person.habit for person in story.people] == ["stop"]
    [[heat], [code]] = [car.faults for car in story.cars]
    assert isinstance(heat, CoolantOverheat) and heat.onset == story.start + 3.4 * DAY
    assert code.at(code.onset).dtcs == ("C0035",)


def test_a_nail_is_felt_in_one_tire_and_the_cold_in_all() -> None:
    """The story's physics: the rear left tire comes to lack what the file says."""
    story = load(FOLDER / "nail_in_a_tire.yaml")
    grace, omar = story.cars
    [leak] = grace.faults
    assert isinstance(leak, SlowTireLeak) and (leak.wheel, leak.kpa) == (2, 120.0)
    [box] = omar.innocents
    assert box.at(story.start + 15 * DAY).drag_factor == 1.3
    assert box.at(story.start + 21 * DAY).drag_factor == 1.0
    lacks, swings = {}, {}
    for car in (grace, omar):
        frames = living(story, car).vehicle.frames(story.end)
        tires = [
            [float(f.signals[path]) for path in TIRES] for f in frames if TIRES[0] in f.signals
        ]
        lacks[car.owner] = max(max(four) - four[2] for four in tires)
        swings[car.owner] = [max(one) - min(one) for one in zip(*tires, strict=True)]
    assert 100 < lacks[0] < 130  # until she pumps it up: 120 at most, and tires differ by a few
    assert lacks[1] < 10
    assert min(swings[1]) > 20 and max(swings[1]) - min(swings[1]) < 5  # cold, and all alike


def test_what_is_not_said_is_ordinary(tmp_path: Path) -> None:
    story = world(tmp_path, SMALL)
    [car] = story.cars
    assert check_digit(car.vin) == car.vin[8]
    assert car.faults == () and car.innocents == ()
    assert story.start == datetime(2026, 1, 5, 5, tzinfo=UTC)  # midnight in Boston
    assert story.people[0].habit == "first" and story.dealers[0].diagnosis == 1.0


def test_moments_are_days_dates_and_times_at_the_dealer(tmp_path: Path) -> None:
    """Day 20 begins at midnight, though clocks were put forward on the eighth of March."""
    moments = ("day 2.5", "2026-03-21", "2026-03-21 18:30", "2026-03-21T18:30:00+00:00", "day 20")
    onsets = []
    for moment in moments:
        text = SMALL.replace("days: 10", "days: 30\nstart: 2026-03-01")
        text += f"    faults: [{{kind: misfire, from: {moment}}}]\n"
        onsets.append(world(tmp_path, text).cars[0].faults[0].onset)
    assert onsets == [
        datetime(2026, 3, 3, 17, tzinfo=UTC),
        datetime(2026, 3, 21, 4, tzinfo=UTC),
        datetime(2026, 3, 21, 22, 30, tzinfo=UTC),
        datetime(2026, 3, 21, 18, 30, tzinfo=UTC),
        datetime(2026, 3, 21, 4, tzinfo=UTC),
    ]


def test_a_time_of_day_is_no_number(tmp_path: Path) -> None:
    """In YAML 1.1, 17:20 is the number 1040."""
    [car] = world(tmp_path, SMALL + "    leaves: 6:05\n    returns: 17:20\n").cars
    assert (car.habits.leaves.hour, car.habits.leaves.minute) == (6, 5)
    assert (car.habits.returns.hour, car.habits.returns.minute) == (17, 20)


@pytest.mark.parametrize("kind", faults.KINDS)
def test_every_fault_can_be_told(tmp_path: Path, kind: str) -> None:
    model = next(key for key, model in MODELS.items() if faults.fits(kind, model))
    text = SMALL + f"    model: {model}\n    faults: [{{kind: {kind}, from: day 3}}]\n"
    [fault] = world(tmp_path, text).cars[0].faults
    assert fault.name == kind
    assert fault.at(fault.onset + 90 * DAY) != faults.HEALTHY


@pytest.mark.parametrize("kind", CIRCUMSTANCES)
def test_every_circumstance_can_be_told(tmp_path: Path, kind: str) -> None:
    text = SMALL + f"    circumstances: [{{kind: {kind}, from: day 3, until: day 5}}]\n"
    [car] = world(tmp_path, text).cars
    [one] = car.innocents
    assert (one.kind, one.start) == (kind, datetime(2026, 1, 8, 5, tzinfo=UTC))
    assert one.end == datetime(2026, 1, 10, 5, tzinfo=UTC)
    assert (car.service_elsewhere_at == one.start) == (kind == "serviced_elsewhere")
    kinds = {*CIRCUMSTANCES, *innocents.OF_THE_GATEWAY, "cold_snap", "heat_wave"}
    assert kinds == set(innocents.KINDS)


def test_higher_is_colder(tmp_path: Path) -> None:
    text = SMALL + (
        "    circumstances: [{kind: altitude, from: day 3, details: {altitude_m: 2000}}]\n"
    )
    [one] = world(tmp_path, text).cars[0].innocents
    assert (one.effects.altitude_m, one.effects.climate_k) == (2000.0, -13.0)


def test_a_gateways_ways_are_what_the_scorer_knows_too(tmp_path: Path) -> None:
    text = SMALL + (
        "    gateway:\n"
        "      skew_s: -90\n"
        "      duplicates: 0.1\n"
        "      drop_outs: 0.05\n"
        "      offline: [{from: day 2, until: day 9}]\n"
    )
    story = world(tmp_path, text)
    [car] = story.cars
    away = (story.start + 2 * DAY, story.start + 9 * DAY)
    assert (car.uplink.skew_s, car.uplink.duplicates, car.uplink.drop_outs) == (-90, 0.1, 0.05)
    assert car.uplink.offline == (away,)
    assert [one.kind for one in car.innocents] == [
        "rough_clock", "duplicates", "drop_outs", "underground_week",
    ]  # fmt: skip
    assert car.innocents[-1] == Innocent("underground_week", *away)


def test_a_sensor_is_named_as_in_the_catalogue(tmp_path: Path) -> None:
    text = SMALL + (
        "    faults: [{kind: sensor_stuck, from: day 3, "
        "details: {path: coolant_temp_c, value: 62}}]\n"
    )
    [fault] = world(tmp_path, text).cars[0].faults
    [distortion] = fault.at(fault.onset + DAY).distortions
    assert (distortion.path, distortion.stuck_at) == (innocents.COOLANT, 62.0)


def test_the_same_file_is_the_same_world(tmp_path: Path) -> None:
    text = SMALL + "    circumstances: [{kind: towing, from: day 3}]\n"
    assert world(tmp_path, text) == world(tmp_path, text)
    other = world(tmp_path, text + "seed: 2\n")
    assert replace(other.cars[0], innocents=()) == replace(
        world(tmp_path, text).cars[0], innocents=()
    )
    assert other.cars[0].innocents != world(tmp_path, text).cars[0].innocents


# -- what can't be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    colour: red\n", "story.yaml:7: cars.0.colour: no such key; there are owner, model, "),
        ("    model: lane_15\n", "story.yaml:7: cars.0.model: 'lane_15': there are lane_14, "),
        ("    year: 1999\n", "story.yaml:7: cars.0.year: 1999: lane_14 was made from 2016 to 2025"),
        ("    odometer_km: -1\n", "story.yaml:7: cars.0.odometer_km: Input should be greater"),
        ("    odometer_km: .nan\n", "story.yaml:7: cars.0.odometer_km: Input should be a "),
        ("    odometer_km: nan\n", "story.yaml:7: cars.0.odometer_km: Input should be a "),
        ("    odometer_km: 1e999\n", "story.yaml:7: cars.0.odometer_km: Input should be "),
        ("    leaves: 25:00\n", "story.yaml:7: cars.0.leaves: '25:00': write a time of day as "),
        ("    leaves: 700\n", "story.yaml:7: cars.0.leaves: 700: write a time of day as 7:35"),
        ("    route: [river]\n", "story.yaml:7: cars.0.route.0: 'river': there are city, "),
        ("    plate: \"\\0\"\n", "story.yaml:7: cars.0.plate: String should match"),
        ("    plate: \"\\uD800\"\n", "story.yaml:7: cars.0.plate: Input should be a valid string"),
        ("    owner: Ana Ruiz\n", "story.yaml:7: owner stands here twice"),
        ("dealer: {place: Oslo}\n", "story.yaml:7: dealer.place: 'Oslo': there are Boston, "),
        (
            "dealer: {diagnosis: 0.9, misdiagnosis: 0.2}\n",
            "story.yaml:7: dealer.misdiagnosis: with diagnosis it is more than 1",
        ),
        (
            "dealer: {weather: [{from: day 4, until: day 2, warmer_k: 5}]}\n",
            "story.yaml:7: dealer.weather.0.until: before it begins",
        ),
        (
            "dealer: {weather: [{from: day 4, warmer_k: 5}]}\n",
            "story.yaml:7: dealer.weather.0.until: missing; there are from, until, warmer_k",
        ),
        ("start: 5\n", "story.yaml:7: start: 5: write day 12, day 12.5, 2026-02-03 or "),
        ("start: day 5\n", "story.yaml:7: start: 'day 5': write a date as 2026-01-05"),
        ("start: 0001-01-01\n", "story.yaml:7: start: '0001-01-01': write day 12"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, more: str, said: str) -> None:
    assert wrong(tmp_path, SMALL + more).startswith(said)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("{kind: rust, from: day 1}", "kind: 'rust': there are weak_battery, parasitic_drain"),
        ("{kind: weak_cell, from: day 1}", "kind: a lane_14 can't have weak_cell"),
        ("{kind: misfire}", "from: missing; there are kind, from, lasts_days, details"),
        ("{kind: misfire, from: 3}", "from: 3: write day 12, day 12.5"),
        ("{kind: misfire, from: day 10}", "from: not within the story, whose 10 days begin 2026-"),
        ("{kind: misfire, from: 2026-01-04}", "from: not within the story"),
        ("{kind: misfire, from: yesterday}", "from: 'yesterday': write day 12"),
        ("{kind: dtc_raised, from: day 1, lasts_days: 3}", "lasts_days: dtc_raised is there at"),
        ("{kind: misfire, from: day 1, lasts_days: -3}", "lasts_days: Input should be greater"),
        (
            "{kind: misfire, from: day 1, details: {wheel: 1}}",
            "details.wheel: misfire has no wheel; there are codes, codes_from, hides, noticed, "
            "seed, severity, shape, share",
        ),
        (
            "{kind: misfire, from: day 1, details: {share: 2}}",
            "details.share: 2: from 0 to 1",
        ),
        ("{kind: misfire, from: day 1, details: {share: lots}}", "details.share: Input should be"),
        ("{kind: misfire, from: day 1, details: {share: true}}", "details.share: Input should be"),
        ("{kind: misfire, from: day 1, details: {severity: 0}}", "details.severity: 0: from 0.01"),
        (
            "{kind: slow_tire_leak, from: day 1, details: {wheel: 4}}",
            "details.wheel: 4: from 0 to 3",
        ),
        ("{kind: dtc_raised, from: day 1, details: {codes: [X9]}}", "details.codes: X9: a trouble"),
        ("{kind: dtc_raised, from: day 1, details: {codes: P0217}}", "details.codes: Input should"),
        ("{kind: dtc_raised, from: day 1, details: {onset: day 2}}", "details.onset: dtc_raised "),
        (
            "{kind: sensor_stuck, from: day 1, details: {path: speed_km_h}}",
            "details.path: speed_km_h: sensors that fail in a lane_14 are ",
        ),
    ],
)
def test_what_is_wrong_with_a_fault(tmp_path: Path, fault: str, said: str) -> None:
    told = wrong(tmp_path, SMALL + f"    faults: [{fault}]\n")
    assert told.startswith(f"story.yaml:7: cars.0.faults.0.{said}")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("rough_clock", "kind: 'rough_clock': there are altitude, "),
        ("cold_snap", "kind: 'cold_snap': there are altitude, "),
        ("towing, until: day 1", "until: before it begins"),
        ("towing, details: {wheels: 3}", "details.wheels: towing has no wheels; there are drag_"),
        ("sold, details: {price: 3}", "details.price: sold has no price; it takes no details"),
        ("jump_start, details: {lights_h: 99}", "details.lights_h: 99: from 0 to 48"),
    ],
)
def test_what_is_wrong_with_a_circumstance(tmp_path: Path, kind: str, said: str) -> None:
    told = wrong(tmp_path, SMALL + f"    circumstances: [{{from: day 2, kind: {kind}}}]\n")
    assert told.startswith(f"story.yaml:7: cars.0.circumstances.0.{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "story.yaml:1: a scenario has the keys story, start, days, seed, dealer, customers,"),
        ("- 1\n", "story.yaml:1: a scenario has the keys"),
        ("story: {\n", "story.yaml:2: this is not YAML: "),
        ("story: a\n\tdays: 3\n", "story.yaml:2: this is not YAML: "),
        ("a: 1\n---\nb: 2\n", "story.yaml:2: this is not YAML: "),
        ("? [1]\n: 2\n", "story.yaml:1: a key is a word"),
        ("a: &x [1]\nb: *x\n", "story.yaml:1: write it out instead of pointing to an anchor"),
        ("a: &x [*x]\n", "story.yaml:1: write it out instead of pointing to an anchor"),
        ("days: !!python/object/apply:os.system [ls]\n", None),
        ("days: !!int many\n", "story.yaml:1: 'many' can't be int"),
        ("[" * 20_000, "story.yaml:1: nested too deeply"),
        ("a" * (MOST_BYTES + 1), "story.yaml: more than 1,000,000 bytes are no story"),
        ("story: \x07\n", "story.yaml:1: this is not YAML: "),
        (SMALL.replace("cars", "vehicles"), "story.yaml:1: cars: missing; there are story, "),
        (SMALL.replace("name: Ana Ruiz", 'name: ""'), "story.yaml:4: customers.0.name: String sh"),
        (SMALL.replace("owner: Ana", "owner: Bob"), "story.yaml:6: cars.0.owner: there is no cus"),
        (SMALL.replace("days: 10", "days: 0"), "story.yaml:2: days: Input should be greater"),
        (
            SMALL.replace("  - name: Ana Ruiz", "  - name: Ana Ruiz\n  - name: Ana Ruiz"),
            "story.yaml:5: customers.1.name: 'Ana Ruiz' is there already",
        ),
        (
            SMALL.replace("name: Ana Ruiz", "{name: Ana Ruiz, answers: loudly}"),
            f"story.yaml:4: customers.0.answers: 'loudly': there are {', '.join(HABITS)}",
        ),
    ],
)
def test_what_is_no_scenario(tmp_path: Path, text: str, said: str | None) -> None:
    told = wrong(tmp_path, text)
    assert told.startswith(said or "story.yaml:1: ")


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    told = wrong(tmp_path, SMALL.replace("days: 10", "days: ten") + "    model: x\n    year: y\n")
    assert [line.split(":")[1] for line in told.splitlines()] == ["2", "7", "8"]


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="No such file"):
        load(tmp_path / "nowhere.yaml")
    with pytest.raises(ScenarioError, match="Is a directory"):
        load(tmp_path)
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ScenarioError, match="decode"):
        load(tmp_path / "picture.yaml")


RICH = yaml.safe_load("""
story: Everything.
start: "2026-03-01"
days: 10
seed: 3
dealer:
  place: Denver
  parts_days: 3
  weather: [{from: day 2, until: day 4, warmer_k: -9}]
customers: [{name: Ana, answers: page, language: es, shows_up: 0.5}]
cars:
  - owner: Ana
    model: haul_22d
    plate: X 1
    route: [city, highway]
    leaves: "7:00"
    gateway: {delay_s: 5, offline: [{from: day 1, until: day 2}]}
    faults: [{kind: misfire, from: day 1, lasts_days: 4, details: {share: 0.2}}]
    circumstances: [{kind: towing, from: day 3, until: day 5, details: {drag_factor: 1.5}}]
""")

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(("day 3", "day 9999", "2026-03-04", "9999-12-31", "7:61", *faults.KINDS)),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(("from", "kind", "name", "seed")), st.integers(), max_size=2),
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value inside."""
    inner = list(
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [way, *(found for key, one in inner for found in places(one, (*way, key)))]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(way=st.sampled_from(places(RICH)[1:]), value=ANYTHING)
def test_whatever_stands_there_is_a_world_or_an_error(
    tmp_path: Path, way: tuple[Any, ...], value: object
) -> None:
    """One value of a good file is replaced by another: never a traceback."""
    said = yaml.safe_load(yaml.safe_dump(RICH))
    inside = said
    for key in way[:-1]:
        inside = inside[key]
    inside[way[-1]] = value
    try:
        made = world(tmp_path, yaml.safe_dump(said, allow_unicode=True))
    except ScenarioError as error:
        assert str(error).startswith(f"{tmp_path}/story.yaml:")
    else:
        assert len(made.cars) == 1 and made.start < made.end
