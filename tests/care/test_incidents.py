"""Like cars that alert together: one matter for a manager, and nobody is forgotten."""

from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import alert, incident, task
from care.engine import take_up_findings
from care.errors import CareError
from care.incident import FEWEST, Seen, chance, unusual
from care.store import alerts, incidents
from tests.care.test_cases import take_up
from tests.care.world import MONDAY, World, build, find, one, row, send

COUNTS = st.integers(0, 200)


@given(COUNTS, st.integers(1, 10_000), COUNTS, st.floats(0, 1e6))
def test_another_alert_never_makes_it_more_usual(
    alerting: int, cars: int, past: int, weeks: float
) -> None:
    less = chance(Seen(alerting, cars, past, weeks))
    more = chance(Seen(alerting + 1, cars, past, weeks))
    assert 0 <= more <= less + 1e-12 <= 1 + 1e-9


@given(COUNTS, st.integers(1, 10_000), COUNTS, st.floats(0, 1e6))
def test_the_more_usual_a_cause_the_more_it_takes(
    alerting: int, cars: int, past: int, weeks: float
) -> None:
    rare = Seen(alerting, cars, past, weeks)
    often = Seen(alerting, cars, past + 1, weeks)
    assert rare.expected < often.expected
    assert not unusual(often) or unusual(rare)


@given(st.integers(0, FEWEST - 1), st.integers(1, 10_000))
def test_a_few_cars_are_no_incident(alerting: int, cars: int) -> None:
    assert not unusual(Seen(alerting, cars, 0, 1e6))


def snap(
    db: psycopg.Connection,
    world: World,
    cars: range,
    cause: str = "battery_12v",
    urgency: str = "soon",
) -> None:
    """One night, these batteries."""
    for number in cars:
        at = MONDAY - timedelta(hours=cars.stop - number)
        find(db, world.vehicles[number], at, cause, urgency=urgency)
    take_up(db)


SENT = "SELECT count(*) FROM outreach WHERE state = 'sent'"


def told(db: psycopg.Connection, at: datetime = MONDAY) -> int:
    """How many texts went out so far."""
    while send(db, at, one(db, SENT)):
        pass
    return one(db, SENT)


def test_a_cold_night_is_one_incident_and_no_text(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(8))
    assert row(db, "SELECT alerting, cars, cause, model, state FROM incident") == (
        5, 40, "battery_12v", "Corolla", "open",
    )  # fmt: skip
    assert one(db, "SELECT count(*) FROM alert WHERE incident_id IS NOT NULL") == 8
    assert told(db) == 0
    reasons = db.execute("SELECT DISTINCT reason FROM outreach").fetchall()
    assert reasons == [("Part of fleet incident 1, which waits for a manager.",)]


def test_released_each_car_goes_its_way(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(8))
    assert told(db) == 0
    assert incident.release(db, 1, "staff:1", "They are old batteries", MONDAY) == 8
    db.commit()
    assert told(db) == 8
    assert one(db, "SELECT count(*) FROM task WHERE state = 'open'") == 8
    find(db, world.vehicles[9], MONDAY)  # later ones, too
    take_up(db)
    assert told(db) == 9
    assert one(db, "SELECT count(*) FROM incident") == 1
    with pytest.raises(CareError, match="decided already"):
        incident.release(db, 1, "staff:1", "", MONDAY)


def test_who_was_told_before_is_not_told_again(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(4))
    assert told(db) == 4
    for vehicle in world.vehicles[4:8]:
        find(db, vehicle, MONDAY)
    take_up(db)
    assert told(db) == 4
    assert incident.release(db, 1, "staff:1", "", MONDAY) == 8
    db.commit()
    assert told(db) == 8
    assert told(db, MONDAY + timedelta(days=1)) == 8


def test_closed_all_end_and_so_do_later_ones(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(7))
    find(db, world.vehicles[7], MONDAY, urgency="stop")
    take_up(db)
    assert alert.close_incident(db, 1, "staff:1", "unusual_use", "Minus 30", MONDAY) == 7
    find(db, world.vehicles[8], MONDAY)
    take_up(db)
    states = db.execute(
        "SELECT urgency, state, close_reason, count(*) FROM alert GROUP BY 1, 2, 3 ORDER BY 1"
    ).fetchall()
    assert states == [("soon", "closed", "dismissed", 8), ("stop", "open", None, 1)]
    labels = "SELECT count(*) FROM dismissal_label WHERE label = 'no_fault_found'"
    assert one(db, labels) == 8
    # after two weeks the cause is judged anew
    later = MONDAY + incident.REMEMBERED + timedelta(days=1)
    assert (
        incidents.covering(db, world.dealer_id, "battery_12v", "Toyota", "Corolla", later) is None
    )


def test_danger_never_waits(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(8), cause="coolant_overheat", urgency="stop")
    assert one(db, "SELECT count(*) FROM alert WHERE incident_id IS NOT NULL") == 8
    assert one(db, "SELECT count(*) FROM task WHERE state = 'open'") == 8
    assert told(db) == 8


def test_what_becomes_urgent_does_not_wait(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(8))
    find(db, world.vehicles[7], MONDAY, kind="refreshed", urgency="stop")
    take_up(db)
    assert told(db) == 1


def test_nobody_is_forgotten(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(8))
    friday = MONDAY + timedelta(days=4)
    db.execute("UPDATE incident SET waits_since = %s", (friday,))
    assert incident.release_late(db, friday + timedelta(days=2)) == 0
    assert incident.release_late(db, friday + timedelta(days=4)) == 1
    assert row(db, "SELECT state, decided_by FROM incident") == ("released", "care")
    assert one(db, "SELECT count(*) FROM task WHERE state = 'open'") == 8


@pytest.mark.parametrize("cause", ["service_due", "battery_12v"])
def test_what_is_usual_is_none(db: psycopg.Connection, cause: str) -> None:
    """A due comes with the calendar; four cars are no incident."""
    world = build(db, customers=12)
    snap(db, world, range(10 if cause == "service_due" else 4), cause=cause, urgency="service")
    assert one(db, "SELECT count(*) FROM incident") == 0
    assert one(db, "SELECT count(*) FROM task") > 0


def test_another_model_stands_alone_until_all_models_do(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    db.execute("UPDATE vehicle SET model = 'M' || id % 10")
    db.commit()
    snap(db, world, range(10))
    assert row(db, "SELECT make, model, alerting, cars FROM incident") == (None, None, 5, 40)


def test_a_booked_car_stays_out_of_it(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(8))
    about = alerts.newest(db, world.vehicles[0], "battery_12v")
    assert about is not None
    db.execute(
        """INSERT INTO booking (dealer_id, vehicle_id, customer_id, bay_id, technician_id, during,
               op_code, state, source, alert_id, created_at)
           VALUES (%s, %s, %s, (SELECT min(id) FROM bay), (SELECT min(id) FROM technician),
               tstzrange(%s, %s), 'BATT-TEST', 'booked', 'reply', %s, %s)""",
        (world.dealer_id, world.vehicles[0], world.customers[0], MONDAY + timedelta(days=1),
         MONDAY + timedelta(days=1, hours=1), about.id, MONDAY),
    )  # fmt: skip
    assert alert.close_incident(db, 1, "staff:1", "sensor_fault", "", MONDAY) == 7


@pytest.mark.parametrize("code", ["", "other", "customer_knows", "'; DROP TABLE alert; --"])
def test_only_some_reasons_close_all(db: psycopg.Connection, code: str) -> None:
    world = build(db, customers=40)
    snap(db, world, range(8))
    with pytest.raises(CareError, match="reasons"):
        alert.close_incident(db, 1, "staff:1", code, "", MONDAY)
    with pytest.raises(CareError, match="no such incident"):
        alert.close_incident(db, 99, "staff:1", "sensor_fault", "", MONDAY)


def test_a_mistake_is_taken_back(db: psycopg.Connection) -> None:
    """What was closed waits again, the detectors unlearn it, and the working day begins anew."""
    world = build(db, customers=40)
    snap(db, world, range(8))
    alert.close_incident(db, 1, "staff:1", "sensor_fault", "A batch", MONDAY)
    own = alerts.newest(db, world.vehicles[0], "battery_12v")  # an advisor's own word stays
    assert own is not None
    db.execute("UPDATE dismissal_label SET staff_id = 1 WHERE alert_id = %s", (own.id,))
    tuesday = MONDAY + timedelta(days=1)
    assert incident.reopen(db, 1, "staff:1", "They do fail", tuesday) == 7
    assert row(db, "SELECT state, code, decided_by FROM incident") == ("open", None, None)
    assert one(db, "SELECT count(*) FROM alert WHERE state = 'open'") == 7
    assert one(db, "SELECT count(*) FROM dismissal_label") == 1
    labelled = "SELECT count(*) FROM detector_case WHERE label = 'no_fault_found'"
    assert one(db, labelled) == 1
    assert told(db, tuesday) == 0
    assert incident.release_late(db, tuesday + timedelta(hours=2)) == 0
    assert incident.release(db, 1, "staff:1", "", tuesday) == 7
    db.commit()
    assert told(db, tuesday) == 7


def test_a_car_with_a_newer_alert_keeps_that(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(8))
    alert.close_incident(db, 1, "staff:1", "sensor_fault", "", MONDAY)
    db.execute(
        """INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,
               refreshed_at) VALUES (%s, 'battery_12v', 'open', 'soon', 0.8, 'again', %s, %s)""",
        (world.vehicle_id, MONDAY, MONDAY),
    )
    assert incident.reopen(db, 1, "staff:1", "They do fail", MONDAY) == 7
    assert one(db, "SELECT count(*) FROM alert WHERE state = 'open'") == 8


def test_only_what_was_closed_opens_again(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(8))
    with pytest.raises(CareError, match="was closed"):
        incident.reopen(db, 1, "staff:1", "Why not", MONDAY)
    with pytest.raises(CareError, match="no such incident"):
        incident.reopen(db, 99, "staff:1", "Why not", MONDAY)
    alert.close_incident(db, 1, "staff:1", "sensor_fault", "", MONDAY)
    with pytest.raises(CareError, match="few words"):
        incident.reopen(db, 1, "staff:1", " \t", MONDAY)
    later = MONDAY + incident.REMEMBERED + timedelta(days=8)
    for number in range(10, 20):
        find(db, world.vehicles[number], later)
    while take_up_findings(db, lambda: later):
        pass
    assert one(db, "SELECT count(*) FROM incident WHERE state = 'open'") == 1
    with pytest.raises(CareError, match="newer incident"):
        incident.reopen(db, 1, "staff:1", "Why not", later)


def test_who_has_a_call_in_hand_is_named(db: psycopg.Connection) -> None:
    world = build(db, customers=40)
    snap(db, world, range(4))  # each has a task, before there is an incident
    about = alerts.newest(db, world.vehicle_id, "battery_12v")
    assert about is not None
    put = task.put(db, about, MONDAY, "No text")
    assert put is not None
    task.claim(db, put.id, world.staff_id, MONDAY)
    for number in range(4, 8):
        find(db, world.vehicles[number], MONDAY)
    take_up(db)
    (hand,) = incidents.in_hand(db, 1, MONDAY)
    assert (hand.task_id, hand.who, hand.until) == (put.id, "Ada", MONDAY + task.CLAIM)
    with pytest.raises(CareError, match=r"^Ada: a call"):
        alert.close_incident(db, 1, "staff:1", "sensor_fault", "", MONDAY)
    assert one(db, "SELECT count(*) FROM incident WHERE state = 'open'") == 1
    later = MONDAY + task.CLAIM + timedelta(minutes=1)
    assert incidents.in_hand(db, 1, later) == []
    assert alert.close_incident(db, 1, "staff:1", "sensor_fault", "", later) == 8
