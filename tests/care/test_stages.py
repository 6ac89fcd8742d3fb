"""What care makes of a detector in shadow, on probation, in force, set aside."""

from datetime import timedelta

import psycopg
import pytest

from care import alert, outreach
from care.engine import take_up_findings
from care.store import alerts
from tests.care.test_cases import take_up
from tests.care.world import MONDAY, build, find, one, row, send


def put(db: psycopg.Connection, stage: str, detector: str = "low_voltage") -> None:
    db.execute(
        "INSERT INTO detector_stage (detector, stage, by, at, why) VALUES (%s, %s, 'x', %s, 'x')",
        (detector, stage, MONDAY),
    )
    db.commit()


def counted(db: psycopg.Connection) -> tuple[int, ...]:
    """Alerts, tasks, messages, journeys under way, cases."""
    return tuple(
        one(db, f"SELECT count(*) FROM {table}")  # noqa: S608
        for table in ("alert", "task", "outreach", "enrolment", "detector_case")
    )


@pytest.mark.parametrize(("stage", "cases"), [("shadow", 1), ("set_aside", 0)])
@pytest.mark.parametrize("urgency", ["stop", "soon", "service"])
def test_nobody_hears_of_it(db: psycopg.Connection, stage: str, cases: int, urgency: str) -> None:
    car = build(db).vehicle_id
    put(db, stage)
    find(db, car, MONDAY - timedelta(days=1), urgency=urgency)
    find(db, car, MONDAY, kind="refreshed", urgency=urgency)
    take_up(db)
    assert counted(db) == (0, 0, 0, 0, cases)
    assert one(db, "SELECT count(*) FROM finding WHERE handled_at IS NULL") == 0


@pytest.mark.parametrize("urgency", ["stop", "soon", "service"])
def test_on_probation_an_advisor_is_told_and_no_customer(
    db: psycopg.Connection, urgency: str
) -> None:
    car = build(db).vehicle_id
    put(db, "in_force")
    put(db, "probation")
    find(db, car, MONDAY - timedelta(hours=1), urgency=urgency)
    find(db, car, MONDAY, kind="refreshed", urgency="stop")  # worse, at times
    take_up(db)
    assert counted(db) == (1, 1, 0, 0, 1)
    kind, action = row(db, "SELECT kind, next_action FROM task")
    assert kind == "call" and ("on probation" in action or "worse" in action)


def test_in_force_a_customer_is_told(db: psycopg.Connection) -> None:
    car = build(db).vehicle_id
    put(db, "in_force")
    find(db, car, MONDAY)
    take_up(db)
    assert one(db, "SELECT count(*) FROM enrolment") == 1
    assert row(db, "SELECT kind FROM task") == ("watch",)


def test_the_first_in_force_who_agrees_lets_the_customer_know(db: psycopg.Connection) -> None:
    car = build(db).vehicle_id
    put(db, "probation")
    put(db, "in_force", "dtc_raised")
    find(db, car, MONDAY - timedelta(hours=2))
    take_up(db)
    assert one(db, "SELECT count(*) FROM enrolment") == 0
    find(db, car, MONDAY - timedelta(hours=1), detector="dtc_raised")
    find(db, car, MONDAY, kind="refreshed", detector="dtc_raised")
    take_up(db)
    assert one(db, "SELECT count(*) FROM enrolment") == 1
    assert row(db, "SELECT kind FROM task") == ("watch",)


def test_what_was_planned_before_is_not_sent(db: psycopg.Connection) -> None:
    world = build(db)
    find(db, world.vehicle_id, MONDAY)
    take_up(db)
    about = alerts.newest(db, world.vehicle_id, "battery_12v")
    assert about is not None
    outreach.plan(
        db,
        customer_id=world.customer_id,
        template="alert.soon",
        purpose="service",
        dedupe_key="before",
        now=MONDAY,
        alert_id=about.id,
    )
    put(db, "probation")
    while send(db, MONDAY):
        pass
    state, reason = row(db, "SELECT state, reason FROM outreach WHERE dedupe_key = 'before'")
    assert (state, reason) == ("dropped", "Its detector is not in force: an advisor decides.")
    assert one(db, "SELECT count(*) FROM outreach WHERE state = 'sent'") == 0


@pytest.mark.parametrize("stage", ["shadow", "set_aside", "probation"])
def test_that_a_car_is_well_again_ends_what_was_told(db: psycopg.Connection, stage: str) -> None:
    car = build(db).vehicle_id
    find(db, car, MONDAY - timedelta(days=1))
    take_up(db)
    put(db, stage)
    find(db, car, MONDAY, kind="recovered")
    take_up(db)
    assert row(db, "SELECT state, close_reason FROM alert") == ("closed", "recovered")


def test_out_of_shadow_its_case_becomes_the_alerts(db: psycopg.Connection) -> None:
    car = build(db).vehicle_id
    put(db, "shadow")
    find(db, car, MONDAY - timedelta(days=3))
    take_up(db)
    put(db, "probation")
    db.execute("UPDATE finding SET handled_at = NULL")
    take_up(db)
    assert counted(db)[:2] == (1, 1)
    assert row(db, "SELECT count(*), count(alert_id) FROM detector_case") == (1, 1)


def test_what_a_workshop_finds_answers_who_spoke_unheard(db: psycopg.Connection) -> None:
    """Both saw the battery, and one of them a drain too: each is answered by its cause."""
    world = build(db, customers=2)
    put(db, "shadow", "new")
    find(db, world.vehicle_id, MONDAY - timedelta(days=80), detector="new")  # too long ago
    find(db, world.vehicle_id, MONDAY - timedelta(days=4), detector="new")
    find(db, world.vehicle_id, MONDAY - timedelta(days=4), "alternator", detector="new")
    find(db, world.vehicles[1], MONDAY - timedelta(days=4), detector="new")  # another car
    find(db, world.vehicle_id, MONDAY - timedelta(days=2))
    take_up(db)
    id = one(db, "SELECT id FROM alert")
    alert.dismiss(db, id, "staff:1", "", MONDAY, "nothing_found")
    found = db.execute(
        "SELECT detector, vehicle_id, cause FROM detector_case WHERE label IS NOT NULL ORDER BY 1"
    ).fetchall()
    assert found == [
        ("low_voltage", world.vehicle_id, "battery_12v"),
        ("new", world.vehicle_id, "battery_12v"),
    ]


def test_a_finding_taken_up_twice_changes_nothing(db: psycopg.Connection) -> None:
    car = build(db).vehicle_id
    put(db, "shadow")
    find(db, car, MONDAY)
    take_up(db)
    db.execute("UPDATE finding SET handled_at = NULL")
    assert take_up_findings(db, lambda: MONDAY) == 1
    assert counted(db) == (0, 0, 0, 0, 1)
