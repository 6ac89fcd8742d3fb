"""Worlds from seeds: what must hold for each, and that they can be settled in the product."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import phonenumbers.timezone
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.law import zone_named
from record.vin import parse
from simulators import faults, innocents
from simulators.customers import HABITS
from simulators.models import MODELS
from simulators.world import seeding
from simulators.world.draw import FIRMWARES, ONLY_SEEN_IN_FULL, START, draw
from simulators.world.driver import living, would_be_due
from simulators.world.plan import World

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def fleet() -> World:
    """As the scorecard's: enough cars to count."""
    return draw(vehicles=400, days=90, seed=7)


@settings(max_examples=25)
@given(
    vehicles=st.integers(1, 60), days=st.integers(5, 120), seed=st.integers(0, 10_000)
)  # fmt: skip
def test_a_world_keeps_its_promises(vehicles: int, days: int, seed: int) -> None:
    world = draw(vehicles=vehicles, days=days, seed=seed)
    assert world == draw(vehicles=vehicles, days=days, seed=seed)
    assert len(world.cars) == vehicles and world.end - world.start == days * DAY
    for facts in (
        [car.vin for car in world.cars],
        [car.plate for car in world.cars],
        [person.phone for person in world.people],
        [dealer.domain for dealer in world.dealers],
    ):
        assert len(set(facts)) == len(facts)
    for dealer in world.dealers:
        assert zone_named(dealer.time_zone) and dealer.climate.time_zone == dealer.time_zone
        assert dealer.diagnosis + dealer.misdiagnosis <= 1 and 0 <= dealer.on_shelf <= 1
        for spell in dealer.climate.spells:
            assert world.start < spell.start < world.end and abs(spell.warmer_k) >= 5
    for person in world.people:
        assert person.habit in HABITS and person.time_zone == world.dealers[person.dealer].time_zone
    for car in world.cars:
        model = MODELS[car.model]
        vin = parse(car.vin)
        assert vin.check_digit_ok and vin.model_years == (car.model_year,)
        assert model.first_year <= car.model_year <= model.last_year
        assert car.service.done_at <= world.start
        assert 0 <= car.service.done_odometer_m <= car.odometer_m
        assert (car.engine_h > 0) == model.burns
        kinds = [fault.name for fault in car.faults]
        assert len(set(kinds)) == len(kinds) <= 2
        for fault in car.faults:
            assert faults.fits(fault.name, model)
            assert world.start < fault.onset < world.end - 0.2 * (world.end - world.start)
            assert fault.at(world.start) == faults.HEALTHY
            assert fault.noticed_at is None or fault.noticed_at >= fault.onset
        for one in car.innocents:
            assert one.kind in innocents.KINDS and world.start <= one.start < world.end


def test_phones_are_for_fiction_and_ring_where_their_owner_lives(fleet: World) -> None:
    """555-0100 to 555-0199 of an area code: the North American plan keeps them for stories."""
    for person in fleet.people:
        assert person.phone[5:10] == "55501" and len(person.phone) == 12
        number = phonenumbers.parse(person.phone)
        assert phonenumbers.is_possible_number(number)
        zones = phonenumbers.timezone.time_zones_for_number(number)
        assert person.time_zone in zones


def test_more_people_than_numbers_is_an_error() -> None:
    with pytest.raises(ValueError, match="no more numbers"):
        draw(vehicles=801, days=5, seed=1)


def test_some_cars_are_plain_but_none_hides_its_fault(fleet: World) -> None:
    plain = [car for car in fleet.cars if car.trim == "plain"]
    assert 0.15 < len(plain) / len(fleet.cars) < 0.35
    assert not any(fault.name in ONLY_SEEN_IN_FULL for car in plain for fault in car.faults)
    assert any(car.faults for car in plain)
    assert any(car.trim == "plain" for car in draw(vehicles=40, days=5, seed=1).cars)


def test_places_differ(fleet: World) -> None:
    """In January it freezes in Minneapolis, not in Phoenix, which has no DST; Denver is high."""
    january = fleet.start + 20 * DAY + timedelta(hours=13)
    calm = [
        replace(dealer.climate, spells=(), weather_c=0.0).temperature_c(january)
        for dealer in fleet.dealers
    ]
    boston, minneapolis, phoenix, denver = calm
    assert minneapolis < min(boston, denver) < max(boston, denver) < phoenix
    assert minneapolis < -5 and phoenix > 5
    assert [dealer.altitude_m for dealer in fleet.dealers] == [0, 0, 0, 1600]
    assert len({dealer.diagnosis for dealer in fleet.dealers}) == 4
    hours = {
        dealer.name: {
            (fleet.start + days * DAY).astimezone(ZoneInfo(dealer.time_zone)).hour
            for days in (0, 80)
        }
        for dealer in fleet.dealers
    }
    assert [len(both) for both in hours.values()] == [2, 2, 1, 2]


def test_the_default_mixture(fleet: World) -> None:
    sick = [car for car in fleet.cars if car.faults]
    odd = [car for car in fleet.cars if car.innocents]
    plain = [car for car in fleet.cars if not car.faults and not car.innocents]
    assert 0.30 < len(sick) / len(fleet.cars) < 0.42
    assert 0.30 < len(odd) / len(fleet.cars) < 0.65
    assert len(plain) / len(fleet.cars) > 0.2
    counts = Counter(fault.name for car in sick for fault in car.faults)
    assert set(counts) == set(faults.KINDS)
    assert max(counts.values()) - min(counts.values()) <= 2
    assert {car.model for car in fleet.cars} == set(MODELS)
    onsets = sorted((f.onset - fleet.start) / DAY for car in sick for f in car.faults)
    assert onsets[0] < 25 and onsets[-1] > 60


def test_a_batch_is_a_whole_model_and_a_unit_one_firmware(fleet: World) -> None:
    batch = {
        car.model for car in fleet.cars if "low_sensor_batch" in [one.kind for one in car.innocents]
    }
    assert len(batch) == 1
    for car in fleet.cars:
        has = "low_sensor_batch" in [one.kind for one in car.innocents]
        assert has == (car.model in batch)
    changed = {
        (one.start, car.uplink.delay_s)
        for car in fleet.cars
        for one in car.innocents
        if one.kind == "firmware_unit"
    }
    assert len(changed) == 1
    assert {car.uplink.delay_s for car in fleet.cars} == {one.delay_s for one in FIRMWARES}


def test_gateways_do_what_their_cars_circumstances_say(fleet: World) -> None:
    for car in fleet.cars:
        kinds = {one.kind for one in car.innocents}
        assert bool(car.uplink.skew_s) == ("rough_clock" in kinds)
        assert bool(car.uplink.duplicates) == ("duplicates" in kinds)
        assert bool(car.uplink.drop_outs) == ("drop_outs" in kinds)
        assert bool(car.uplink.offline) == ("underground_week" in kinds)
        assert bool(car.service_elsewhere_at) == ("serviced_elsewhere" in kinds)


def test_households_and_habits(fleet: World) -> None:
    cars = Counter(car.owner for car in fleet.cars)
    assert set(cars.values()) == {1, 2, 3}
    habits = Counter(fleet.people[owner].habit for owner in cars)
    assert set(habits) == set(HABITS)
    sensible = sum(habits[one] for one in ("first", "second", "words", "page", "next_day"))
    assert sensible > len(cars) / 2 and habits["never"] > 0.05 * len(cars)
    assert {"en", "es", "zh"} <= {fleet.people[owner].language for owner in cars}


def test_some_services_fall_due_and_some_do_not(fleet: World) -> None:
    left = [
        car.service.left(fleet.end, car.odometer_m + 90 * 40_000, car.engine_h)
        for car in fleet.cars
    ]
    assert 0.1 < sum(one < 0 for one in left) / len(left) < 0.9
    now = [car.service.left(fleet.start, car.odometer_m, car.engine_h) for car in fleet.cars]
    assert min(now) >= 0


def test_a_car_was_driven_before_as_it_is_driven_now(fleet: World) -> None:
    """Not quite: people change. But nobody's service book says twice of what they ever drive."""
    ratios = []
    for car in fleet.cars:
        was_m = car.odometer_m - car.service.done_odometer_m
        days = (fleet.start - car.service.done_at) / DAY
        if days > 1 and car.service.done_odometer_m > 0:
            ratios.append(was_m / days / car.habits.usual_m_a_day())
    assert min(ratios) >= 0.6 and max(ratios) <= 1.6
    assert statistics.stdev(ratios) > 0.1


def test_a_serviced_car_would_have_been_due_when_its_twin_is(fleet: World) -> None:
    """As if it had not been serviced: the same trips, to the minute."""
    plan = next(
        car for car in fleet.cars
        if car.habits.usual_m_a_day() > 40_000 and not car.faults and not car.innocents
    )  # fmt: skip
    assert plan.service.interval_m
    done_m = plan.odometer_m - plan.service.interval_m + 1.2e6
    service = replace(plan.service, done_at=START, done_odometer_m=done_m)
    car = living(fleet, replace(plan, service=service))
    car.vehicle.columns(START + 5 * DAY)
    foreseen = would_be_due(car, fleet.seed, START + 5 * DAY)
    car.vehicle.columns(START + 90 * DAY)
    [due] = car.vehicle.dues
    assert foreseen is not None and abs(foreseen - due) < timedelta(minutes=5)
    assert would_be_due(car, fleet.seed, START + 90 * DAY) is None, "it is overdue by then"


def test_faults_can_be_wished(fleet: World) -> None:
    none = draw(vehicles=60, days=90, seed=7, faults_wanted="none")
    assert not any(car.faults or car.innocents for car in none.cars)
    every = draw(vehicles=60, days=90, seed=7, faults_wanted="all")
    assert {fault.name for car in every.cars for fault in car.faults} == set(faults.KINDS)
    two = draw(vehicles=60, days=90, seed=7, faults_wanted="misfire, weak_cell")
    assert {f.name for car in two.cars for f in car.faults} == {"misfire", "weak_cell"}
    with pytest.raises(ValueError, match="no fault rust; there are weak_battery, "):
        draw(vehicles=5, days=5, seed=1, faults_wanted="misfire,rust")


def test_what_goes_wrong_changes_neither_people_nor_cars(fleet: World) -> None:
    """Each has a stream of its own: another choice of faults meets the same people and cars."""

    def bare(world: World) -> list[object]:
        cars = [replace(c, faults=(), innocents=(), service_elsewhere_at=None) for c in world.cars]
        return [replace(car, uplink=FIRMWARES[0]) for car in cars]

    other = draw(vehicles=400, days=90, seed=7, faults_wanted="misfire")
    assert other.people == fleet.people and other.dealers == fleet.dealers
    assert bare(other) == bare(fleet)
    assert [car.innocents for car in other.cars] == [car.innocents for car in fleet.cars]


def test_more_cars_are_the_same_cars_and_more() -> None:
    few, many = (draw(vehicles=n, days=30, seed=3, faults_wanted="none") for n in (20, 60))
    assert many.cars[:20] == few.cars
    assert many.people[:20] == few.people


def test_seeds_differ() -> None:
    worlds = [draw(vehicles=20, days=30, seed=seed) for seed in (1, 2)]
    assert worlds[0].people != worlds[1].people and worlds[0].cars != worlds[1].cars
    assert worlds[0].dealers != worlds[1].dealers


def test_a_world_settles_in_the_product(db: psycopg.Connection) -> None:
    """What a dealer knows of its customers, and nothing of what will go wrong."""
    world = draw(vehicles=40, days=30, seed=5)
    settled = seeding.settle(db, world, "a world of words")
    rows = db.execute(
        """
        SELECT v.vin, v.id, v.plate, v.model, v.model_year, v.powertrain, d.name, c.name, c.phone,
            c.language, c.time_zone, v.last_service_odometer_m, v.last_service_at,
            (SELECT granted FROM consent WHERE customer_id = c.id)
        FROM vehicle v JOIN dealer d ON d.id = v.dealer_id
        JOIN ownership o ON o.vehicle_id = v.id AND o.during @> %s
        JOIN customer c ON c.id = o.customer_id AND c.dealer_id = d.id
        ORDER BY v.id
        """,
        (START,),
    ).fetchall()
    told = []
    for car in world.cars:
        owner, model = world.people[car.owner], MODELS[car.model]
        told.append(
            (
                car.vin, settled.vehicles[car.vin], car.plate, model.name, car.model_year,
                model.powertrain, world.dealers[owner.dealer].name, owner.name, owner.phone,
                owner.language, owner.time_zone, round(car.service.done_odometer_m),
                car.service.done_at, True,
            )
        )  # fmt: skip
    assert rows == told
    [people] = db.execute("SELECT count(*) FROM customer").fetchone() or (0,)
    assert people == len({car.owner for car in world.cars}) < len(world.cars)
    [staff] = db.execute("SELECT count(*) FROM staff WHERE email LIKE 'manager@%'").fetchone() or ()
    assert staff == len(settled.dealers) == len(world.dealers)
