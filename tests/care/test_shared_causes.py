"""What the cars of an incident have in common: by the world's own shared causes, and by chance."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from care import incident, traits
from care.engine import take_up_findings
from care.store import incidents, people
from care.traits import Count, Day, coincidence, most_telling, of_weather
from simulators.world import draw, plan, seeding
from tests.care.test_cases import take_up
from tests.care.world import MONDAY, build, find, one, row

DAYS = 60.0
SEED = 77


@given(st.data())
def test_the_chance_is_fishers(data: st.DataObject) -> None:
    of_fleet = data.draw(st.integers(1, 2_000))
    fleet = data.draw(st.integers(1, of_fleet))
    of_cars = data.draw(st.integers(1, of_fleet))
    cars = data.draw(st.integers(0, min(of_cars, fleet)))
    exact = hypergeom.sf(cars - 1, of_fleet, fleet, of_cars)
    assert coincidence(cars, of_cars, fleet, of_fleet) == pytest.approx(exact, rel=1e-6, abs=1e-12)


@given(st.lists(st.integers(0, 10), min_size=2, max_size=8))
def test_who_looks_at_more_values_is_less_sure(others: list[int]) -> None:
    first = Count("firmware", "a", 8, 10, 20, 200)
    alone = most_telling([first])[0]
    rest = [Count("firmware", f"b{n}", 1, 10, 20 + n, 200) for n, _ in enumerate(others)]
    among = most_telling([first, *rest])[0]
    assert among.value == "a" and among.chance == pytest.approx(alone.chance * (1 + len(rest)))


def test_what_all_cars_have_says_nothing() -> None:
    (trait,) = most_telling([Count("powertrain", "petrol", 9, 9, 400, 400)])
    assert not trait.stands_out and trait.lift == 1


def weather(airs: Iterable[float], alerts: dict[int, int]) -> list[Day]:
    first = date(2026, 1, 1)
    return [Day(first + timedelta(n), air, alerts.get(n, 0)) for n, air in enumerate(airs)]


def test_cold_days_stand_out_and_one_night_does_not() -> None:
    airs = [5.0 - 0.1 * n for n in range(24)] + [-14.0, -13.0, -15.0, -12.0]
    (cold,) = of_weather(weather(airs, {24: 9, 25: 4, 26: 7, 27: 3, 3: 1}), -13.6)
    assert (cold.kind, cold.value, cold.cars, cold.of_cars, cold.fleet, cold.of_fleet) == (
        "cold", "−14", 3, 3, 4, 28,
    )  # fmt: skip
    (night,) = most_telling(of_weather(weather(airs, {24: 40}), -14))
    assert not night.stands_out


@pytest.mark.parametrize("days", [0, 13])
def test_little_weather_says_nothing(days: int) -> None:
    assert of_weather(weather(range(days), {0: 5}), 3.0) == []


def test_a_sensor_that_is_stuck_knows_no_cold_day() -> None:
    """Where every day is the same, all are the coldest."""
    assert all(
        not one.stands_out for one in most_telling(of_weather(weather([7.0] * 28, {3: 9}), 7.0))
    )


# -- the world's own shared causes ---------------------------------------------------------------


@pytest.fixture
def fleet(db: psycopg.Connection) -> tuple[plan.World, dict[str, int]]:
    """A drawn world as dealers know it, with what its gateways told and its air by night."""
    world = draw.draw(vehicles=360, days=DAYS, seed=SEED)
    vehicles = seeding.settle(db, world, "not a word").vehicles
    for car in world.cars:
        db.execute(
            "INSERT INTO vehicle_status VALUES (%s, true, %s, %s)",
            (vehicles[car.vin], world.start, car.uplink.firmware),
        )
    db.commit()
    return world, vehicles


def raise_for(
    db: psycopg.Connection, world: plan.World, vehicles: dict[str, int], kind: str, cause: str
) -> None:
    """What a naive detector would say: every car of the first dealer that has it, one in a hour."""
    theirs = [
        vehicles[car.vin]
        for car in world.cars
        if world.people[car.owner].dealer == 0 and kind in [one.kind for one in car.innocents]
    ]
    for n, vehicle in enumerate(theirs):
        find(db, vehicle, MONDAY - timedelta(hours=len(theirs) - n), cause)
    take_up(db)


def found(db: psycopg.Connection) -> dict[str, traits.Trait]:
    """What stands out in the only incident."""
    incident.compare(db, MONDAY)
    return {one.kind: one for one in incidents.traits(db, [1])[1] if one.stands_out}


def test_a_firmware_is_named(
    db: psycopg.Connection, fleet: tuple[plan.World, dict[str, int]]
) -> None:
    raise_for(db, *fleet, "firmware_unit", "coolant_overheat_sensor")
    shared = found(db)
    assert set(shared) == {"firmware"}
    firmware = shared["firmware"]
    assert firmware.value == draw.NEWEST_FIRMWARE and firmware.cars == firmware.of_cars > 5
    assert firmware.lift > 5
    assert "run firmware 3.2.0" in traits.words(firmware, None)


def test_a_batch_of_sensors_is_the_models(
    db: psycopg.Connection, fleet: tuple[plan.World, dict[str, int]]
) -> None:
    raise_for(db, *fleet, "low_sensor_batch", "battery_12v")
    shared = found(db)
    assert set(shared) == {"model"}
    assert shared["model"].cars == shared["model"].of_cars == shared["model"].fleet


def test_a_cold_snap_is_the_weathers(
    db: psycopg.Connection, fleet: tuple[plan.World, dict[str, int]]
) -> None:
    world, vehicles = fleet
    snap = min(world.dealers[0].climate.spells, key=lambda one: one.warmer_k)
    theirs = [vehicles[car.vin] for car in world.cars if world.people[car.owner].dealer == 0]
    for n, vehicle in enumerate(theirs[:30]):
        frost(db, world, vehicle, snap.end)
        find(db, vehicle, snap.start + (snap.end - snap.start) * ((n + 1) / 31))
    while take_up_findings(db, lambda: snap.end):
        pass
    incident.compare(db, snap.end + timedelta(hours=1))
    shared = {one.kind: one for one in incidents.traits(db, [1])[1] if one.stands_out}
    assert set(shared) == {"cold"}, incidents.traits(db, [1])
    assert float(shared["cold"].value.replace("−", "-")) < 5


def frost(db: psycopg.Connection, world: plan.World, vehicle: int, end: datetime) -> None:
    """Four weeks of a car's thermometer, four times a day."""
    climate = world.dealers[0].climate
    times = [end - timedelta(hours=6 * n) for n in range(4 * 29)]
    with (
        db.cursor() as cur,
        cur.copy("COPY telemetry (vehicle_id, ts, ambient_temp_c) FROM STDIN") as copy,
    ):
        for at in times:
            copy.write_row((vehicle, at, climate.temperature_c(at)))
    db.commit()


def test_cars_at_random_have_nothing_in_common(
    db: psycopg.Connection, fleet: tuple[plan.World, dict[str, int]]
) -> None:
    world, vehicles = fleet
    theirs = [vehicles[c.vin] for c in world.cars if world.people[c.owner].dealer == 0]
    for n, vehicle in enumerate(theirs[::9]):
        find(db, vehicle, MONDAY - timedelta(hours=40 - n))
    take_up(db)
    assert one(db, "SELECT count(*) FROM incident") == 1
    assert found(db) == {}


# -- whose cars ----------------------------------------------------------------------------------


def test_the_owners_dealer_cares_for_a_car(db: psycopg.Connection) -> None:
    """The task, the incident and its count of cars follow the owner, not the car's papers."""
    world = build(db, customers=40)
    other = one(
        db,
        "INSERT INTO dealer (name, time_zone, phone) VALUES ('Hill', 'America/Chicago',"
        " '+13125550198') RETURNING id",
    )
    db.execute("UPDATE vehicle SET dealer_id = %s WHERE id = ANY(%s)", (other, [*world.vehicles]))
    for n, vehicle in enumerate(world.vehicles[:6]):
        find(db, vehicle, MONDAY - timedelta(hours=6 - n))
    take_up(db)
    assert row(db, "SELECT dealer_id, cars, alerting FROM incident") == (world.dealer_id, 40, 5)
    assert one(db, "SELECT count(*) FROM alert WHERE incident_id = 1") == 6
    incident.release(db, 1, "staff:1", "", MONDAY)
    assert row(db, "SELECT DISTINCT dealer_id FROM task") == (world.dealer_id,)
    # sold, and nobody knows to whom: the car's own dealer
    people.end_ownership(db, world.vehicle_id, world.customer_id, MONDAY)
    assert people.dealer_of(db, world.vehicle_id, MONDAY) == other
    assert people.dealer_of(db, world.vehicle_id, MONDAY - timedelta(days=1)) == world.dealer_id
    assert people.dealer_of(db, 999, MONDAY) is None


def test_the_same_elsewhere_is_counted_and_not_named(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    other = one(
        db,
        "INSERT INTO dealer (name, time_zone, phone) VALUES ('Hill', 'America/Chicago',"
        " '+13125550198') RETURNING id",
    )
    db.execute("UPDATE customer SET dealer_id = %s, advisor_id = NULL WHERE id > 30", (other,))
    for n, vehicle in enumerate(world.vehicles[-9:]):
        find(db, vehicle, MONDAY - timedelta(hours=20 - n))
    take_up(db)
    incident.compare(db, MONDAY)
    assert row(db, "SELECT dealer_id, elsewhere FROM incident") == (other, 0)
    for n, vehicle in enumerate(world.vehicles[:3]):
        find(db, vehicle, MONDAY - timedelta(hours=3 - n))
    take_up(db)
    assert incident.compare(db, MONDAY + timedelta(minutes=9)) == 0
    find(db, world.vehicles[-10], MONDAY)
    take_up(db)
    later = MONDAY + timedelta(minutes=11)
    assert incident.compare(db, later) == 1
    assert row(db, "SELECT elsewhere, counted, counted_at FROM incident") == (3, 10, later)
    assert incident.compare(db, later + timedelta(days=1)) == 0


# -- across dealers ------------------------------------------------------------------------------


def thinly(db: psycopg.Connection, customers: int = 60, dealers: int = 6) -> tuple[int, ...]:
    """One model's cars with many dealers, and half of it with new firmware; the cars."""
    world = build(db, customers=customers)
    db.execute(
        "INSERT INTO dealer (name, time_zone, phone) SELECT 'Hill ' || n, 'America/Chicago',"
        " '+13125550' || 200 + n FROM generate_series(2, %s) n",
        (dealers,),
    )
    db.execute(
        "UPDATE customer SET advisor_id = NULL,"
        " dealer_id = (SELECT min(id) FROM dealer) + id %% %s",
        (dealers,),
    )
    db.execute(
        "INSERT INTO vehicle_status SELECT id, true, %s, '4.1.' || id %% 2 FROM vehicle", (MONDAY,)
    )
    db.commit()
    return world.vehicles


def test_what_no_dealer_sees_alone_is_seen_across_them(db: psycopg.Connection) -> None:
    """A car or two each; each dealer decides for its own, and learns that it is not alone."""
    cars = [car for car in thinly(db) if car % 2][:12]
    waiting = "SELECT count(*) FROM alert WHERE incident_id IS NOT NULL"
    for n, car in enumerate(cars):
        find(db, car, MONDAY - timedelta(hours=12 - n))
        take_up(db)
        assert one(db, waiting) == (n + 1 if n >= 4 else 0)  # the first four at once, wherever
    found = db.execute("SELECT dealer_id, across, model, cars FROM incident").fetchall()
    assert len(found) == len({dealer for dealer, *_ in found}) == 3  # of the odd cars' dealers
    assert {tuple(rest) for _, *rest in found} == {(True, "Corolla", 60)}
    incident.compare(db, MONDAY)
    for shared in incidents.traits(db, [1, 2, 3]).values():
        (firmware,) = [each for each in shared if each.stands_out]
        assert (firmware.kind, firmware.cars, firmware.fleet) == ("firmware", 12, 30)
        assert traits.words(firmware, "Toyota Corolla", across=True) == (
            "12 of 12 run firmware 4.1.1 (50 % of all Toyota Corolla)"
        )
    assert one(db, "SELECT min(elsewhere) FROM incident") == 8
    assert incident.release(db, 1, "staff:1", "", MONDAY) == 4
    assert one(db, "SELECT count(*) FROM incident WHERE state = 'open'") == 2


def test_a_season_is_no_incident_across_dealers(db: psycopg.Connection) -> None:
    """What is usual, or three times as frequent, is each dealer's own."""
    cars = thinly(db, customers=90, dealers=30)
    past = [MONDAY - timedelta(days=10 + n) for n in range(160)]
    for at in past:
        db.execute(
            """INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,
                   refreshed_at, closed_at, close_reason)
               VALUES (%s, 'battery_12v', 'closed', 'soon', 0.8, 'x', %s, %s, %s, 'repaired')""",
            (cars[0], at, at, at),
        )
    for n, car in enumerate(cars[1:21]):
        find(db, car, MONDAY - timedelta(hours=20 - n))
    take_up(db)
    assert one(db, "SELECT count(*) FROM incident") == 0
