"""The way of a repair, what its finding says, and whether it holds."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from care import booking, engine, repair, verification
from care.errors import CareError
from care.finding_codes import CODES
from care.photo import Photo
from care.repair_states import NEXT, STATES, following
from care.sender import Claimed, Judged
from care.store.verifications import Driven
from care.verification import Longer, NoData, Verified, judge
from detectors import store
from record import maintenance
from record.flow import Booking
from tests.care.repairs import DAY, order_of
from tests.care.world import MONDAY, World, build, find, one, row, send


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    world = build(db)
    db.execute(
        """INSERT INTO staff (dealer_id, name, email, password_hash, role) VALUES
           (%s, 'Mo', 'mo@example.com', 'x', 'manager')""",
        (world.dealer_id,),
    )
    return world


def test_every_state_can_be_reached_and_left() -> None:
    assert set(NEXT) == set(STATES)
    seen, new = {"open"}, {"open"}
    while new:
        new = {after for state in new for after in NEXT[state]} - seen
        seen |= new
    assert seen == set(STATES) - {"closed"}, "closing is no mere step"
    assert all(following(state) for state in STATES if state != "closed")


def test_the_whole_way_of_a_repair(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY)
    for state, says in (
        ("closed", "what was found"),
        ("quality_check", "comes diagnosing"),
        ("gone", "After “received”"),
    ):
        with pytest.raises(CareError, match=says):
            repair.move(db, order.id, state, actor="staff:1", now=MONDAY)
    way = ("diagnosing", "waiting_parts", "in_progress", "quality_check", "ready")
    for hours, state in enumerate(way, start=1):
        for _ in range(2):  # a double click
            repair.move(
                db, order.id, state, actor="staff:1", now=MONDAY + timedelta(hours=hours),
                note=f"  {state}\x00",
            )  # fmt: skip
    steps = db.execute("SELECT state, at, actor, note FROM repair_step ORDER BY id").fetchall()
    assert steps == [("open", MONDAY, "staff:1", "")] + [
        (state, MONDAY + timedelta(hours=n), "staff:1", state)
        for n, state in enumerate(way, start=1)
    ]
    text = send(db, MONDAY + timedelta(hours=5), 8)
    assert isinstance(text, Claimed) and "ready to be picked up" in text.body
    with pytest.raises(CareError, match="comes in progress"):
        repair.move(db, order.id, "diagnosing", actor="staff:1", now=MONDAY)


@pytest.mark.parametrize("state", [s for s in STATES if s != "closed"])
def test_it_can_be_closed_from_any_state(db: psycopg.Connection, world: World, state: str) -> None:
    order = order_of(db, world, MONDAY)
    db.execute("UPDATE repair_order SET state = %s", (state,))
    done: dict[str, Any] = {"cause": "c", "correction": "c", "finding": "confirmed"}
    repair.close(db, order.id, **done, actor="staff:1", now=MONDAY)
    assert row(db, "SELECT state FROM repair_step ORDER BY id DESC LIMIT 1") == ("closed",)
    with pytest.raises(CareError, match="closed already"):
        repair.move(db, order.id, "in_progress", actor="staff:1", now=MONDAY)


@pytest.mark.parametrize("code", list(CODES))
def test_what_a_finding_says_of_the_alert(db: psycopg.Connection, world: World, code: str) -> None:
    order = order_of(db, world, MONDAY)
    with pytest.raises(CareError, match="actual cause"):
        repair.close(
            db, order.id, cause="c", correction="c", finding=code, actual_cause="gremlins",
            actor="staff:1", now=MONDAY,
        )  # fmt: skip
    outcome = repair.close(
        db, order.id, cause="c", correction="c", finding=code, actual_cause="P0562",
        invoice_minor=12_000, actor="staff:1", now=MONDAY,
    )  # fmt: skip
    assert outcome is not None and outcome.label == code
    assert row(db, "SELECT actual_cause, invoice_minor, invoice_currency FROM repair_order") == (
        "dtc_p0562", 12_000, "USD",
    )  # fmt: skip
    closes = CODES[code].closes
    assert row(db, "SELECT state, close_reason FROM alert") == (
        ("closed", closes) if closes else ("open", None)
    )
    watched = one(db, "SELECT count(*) FROM verification")
    assert watched == (code in ("confirmed", "confirmed_other"))
    if closes is None:
        assert CODES[code].title in str(
            row(db, "SELECT next_action FROM task WHERE state = 'open'")
        )


def test_unknown_findings_and_odd_invoices(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY)
    cases: tuple[tuple[dict[str, object], str], ...] = (
        ({"finding": "maybe"}, "what was found"),
        ({"correction": "  "}, "what was done"),
        ({"invoice_minor": -1}, "negative"),
        ({"invoice_minor": 10**12}, "huge"),
    )
    for more, says in cases:
        words: dict[str, Any] = {"cause": "c", "correction": "c", "finding": "confirmed", **more}
        with pytest.raises(CareError, match=says):
            repair.close(db, order.id, **words, actor="s", now=MONDAY)
    assert row(db, "SELECT state FROM repair_order") == ("open",)


def test_notes_and_photos_have_an_end(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY)
    more: dict[str, Any] = {"for_customer": True, "actor": "staff:1", "now": MONDAY}
    with pytest.raises(CareError, match="note or choose"):
        repair.add_note(db, order.id, body=" \x00 ", photo=None, **more)
    for _ in range(repair.MOST_PHOTOS):
        repair.add_note(db, order.id, body="", photo=Photo(b"x", 1, 1), **more)
    with pytest.raises(CareError, match="40 photos"):
        repair.add_note(db, order.id, body="", photo=Photo(b"x", 1, 1), **more)
    repair.add_note(db, order.id, body="words still go", photo=None, **more)


# Whether it holds


@pytest.mark.parametrize(
    ("days", "worried", "extended", "says"),
    [
        (5, False, False, Verified()),
        (14, False, True, Verified()),
        (4, False, False, Longer()),
        (4, False, True, NoData()),
        (14, True, False, Longer()),
        (14, True, True, NoData()),
    ],
)
def test_what_a_quiet_window_says(days: int, worried: bool, extended: bool, says: object) -> None:
    assert judge(Driven(days, days * 100, None), worried, extended) == says


def drive(db: psycopg.Connection, vehicle: int, since: datetime, days: int) -> None:
    """Half an hour a day, from the day after."""
    for day in range(1, days + 1):
        for minute in range(30):
            db.execute(
                "INSERT INTO telemetry (vehicle_id, ts, speed_kmh, battery_voltage_v, odometer_m)"
                " VALUES (%s, %s, 50, 14.1, %s)",
                (
                    vehicle,
                    since + day * DAY + timedelta(minutes=minute),
                    40_000_000 + day * 25_000 + minute * 800,
                ),
            )


def repaired(db: psycopg.Connection, world: World, now: datetime = MONDAY) -> int:
    order = order_of(db, world, now)
    db.execute(
        "UPDATE finding SET evidence = %s",
        (Jsonb({"feature": "crank voltage", "signals": ["battery_voltage_v", "no_such"]}),),
    )
    repair.close(
        db, order.id, cause="Old", correction="New battery", finding="confirmed",
        actor="staff:1", now=now,
    )  # fmt: skip
    db.commit()
    return order.id


def watch(db: psycopg.Connection) -> tuple[str, bool]:
    state, extended = row(
        db, "SELECT state, extended FROM verification ORDER BY repair_order_id LIMIT 1"
    )
    return state, extended


def test_two_quiet_weeks_of_driving_prove_it(db: psycopg.Connection, world: World) -> None:
    order = repaired(db, world)
    drive(db, world.vehicle_id, MONDAY, 6)
    find(db, world.vehicle_id, MONDAY + 3 * DAY, kind="recovered")
    end = MONDAY + verification.WATCHED
    engine.turn(db, lambda: end - timedelta(seconds=1))
    assert watch(db) == ("watching", False)
    engine.turn(db, lambda: end)
    assert watch(db) == ("verified", False)
    evidence = row(db, "SELECT evidence FROM verification")[0]
    assert (evidence["days_driven"], evidence["frames"]) == (6, 180)
    assert evidence["distance_km"] == 148
    assert evidence["signals"] == ["battery_voltage_v"]
    assert "12 V battery weak" in evidence["looked_at"]
    assert row(
        db, "SELECT action FROM audit WHERE subject = %s ORDER BY id DESC", f"repair_order:{order}"
    ) == ("repair verified",)

    # a gateway brings the window's last drive two days late, and it was no good one
    find(db, world.vehicle_id, end - timedelta(hours=1))
    engine.turn(db, lambda: end + 2 * DAY)
    assert watch(db) == ("came_back", False)


def test_a_car_that_stood_proves_nothing(db: psycopg.Connection, world: World) -> None:
    repaired(db, world)
    drive(db, world.vehicle_id, MONDAY, 4)
    end = MONDAY + verification.WATCHED
    engine.turn(db, lambda: end)
    assert watch(db) == ("watching", True)
    engine.turn(db, lambda: end + DAY)
    assert watch(db) == ("watching", True)
    engine.turn(db, lambda: end + verification.WATCHED)
    assert watch(db) == ("no_data", True)


def test_a_detector_that_waits_to_see_it_well_is_no_proof(
    db: psycopg.Connection, world: World
) -> None:
    repaired(db, world)
    drive(db, world.vehicle_id, MONDAY, 12)
    end = MONDAY + verification.WATCHED
    engine.turn(db, lambda: end)
    assert watch(db) == ("watching", True)
    find(db, world.vehicle_id, end + DAY, kind="recovered")
    engine.turn(db, lambda: end + verification.WATCHED)
    assert watch(db) == ("verified", True)


def test_frames_without_the_signal_prove_nothing(db: psycopg.Connection, world: World) -> None:
    repaired(db, world)
    drive(db, world.vehicle_id, MONDAY, 9)
    find(db, world.vehicle_id, MONDAY + 2 * DAY, kind="recovered")
    db.execute("UPDATE telemetry SET battery_voltage_v = NULL")
    engine.turn(db, lambda: MONDAY + verification.WATCHED)
    assert watch(db) == ("watching", True)


def test_the_symptom_returns(db: psycopg.Connection, world: World) -> None:
    order = repaired(db, world)
    find(db, world.vehicle_id, MONDAY + DAY, kind="refreshed")
    engine.turn(db, lambda: MONDAY + DAY)
    assert watch(db) == ("watching", False), "the detector's echo"
    back = MONDAY + 6 * DAY
    find(db, world.vehicle_id, back)
    for _ in range(2):
        engine.turn(db, lambda: back)
    assert watch(db) == ("came_back", False)
    assert row(db, "SELECT state, reopened FROM alert") == ("open", 1)
    tasks = db.execute(
        """SELECT t.alert_id, s.role, t.next_action FROM task t JOIN staff s ON s.id = t.owner_id
           WHERE t.state = 'open' ORDER BY t.id"""
    ).fetchall()
    assert [(a, r) for a, r, _ in tasks] == [(1, "advisor"), (None, "manager")]
    assert all(f"6 days after repair order {order}" in action for _, _, action in tasks)

    # the next repair says what it makes good
    (slot, *_) = booking.find_slots(db, dealer_id=world.dealer_id, op_code="DIAG", now=back)
    again = booking.book(
        db, slot=slot, dealer_id=world.dealer_id, vehicle_id=world.vehicle_id,
        customer_id=world.customer_id, alert_id=1, op_code="DIAG", source="reply", now=back,
    )  # fmt: skip
    assert isinstance(again, Booking)
    second = booking.arrive(db, again.id, "staff:1", back)
    assert row(db, "SELECT comeback_of FROM repair_order WHERE id = %s", second.id) == (order,)
    repair.close(
        db, second.id, cause="c", correction="c", finding="confirmed", actor="s", now=back,
    )  # fmt: skip
    drive(db, world.vehicle_id, back, 8)
    find(db, world.vehicle_id, back + 4 * DAY, kind="recovered")
    engine.turn(db, lambda: back + verification.WATCHED)
    assert db.execute("SELECT state FROM verification ORDER BY repair_order_id").fetchall() == [
        ("came_back",), ("verified",),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "days", "counts"),
    [
        ("dtc_p0562", 3, True),
        ("dtc_p0420", 3, False),
        ("dtc_p0562", 15, False),
        ("dtc_p0562", -0.5, False),
    ],
)
def test_kin_of_the_symptom(
    db: psycopg.Connection, world: World, cause: str, days: float, counts: bool
) -> None:
    repaired(db, world)
    at = MONDAY + days * DAY
    find(db, world.vehicle_id, at, cause=cause, urgency="service", detector="dtc_raised")
    engine.turn(db, lambda: max(at, MONDAY))
    came = one(db, "SELECT count(*) FROM verification WHERE state = 'came_back'")
    assert bool(came) is counts


def test_it_recovers_in_the_same_turn_and_counts_all_the_same(
    db: psycopg.Connection, world: World
) -> None:
    repaired(db, world)
    find(db, world.vehicle_id, MONDAY + 5 * DAY)
    find(db, world.vehicle_id, MONDAY + 5 * DAY + timedelta(hours=1), kind="recovered")
    engine.turn(db, lambda: MONDAY + 6 * DAY)
    assert row(db, "SELECT state FROM alert") == ("closed",)
    assert watch(db) == ("came_back", False)
    assert row(db, "SELECT kind FROM task WHERE state = 'open'") == ("handle",)


def test_a_due_service_is_not_watched(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY, cause="service_due")
    done: dict[str, Any] = {"cause": "c", "correction": "c", "finding": "confirmed"}
    repair.close(db, order.id, **done, actor="staff:1", now=MONDAY)
    assert one(db, "SELECT count(*) FROM verification") == 0


def test_a_service_writes_down_what_was_done_with_it(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY, cause="service_due")
    db.execute(
        "UPDATE vehicle SET last_service_at = %s, last_service_odometer_m = 76000000, "
        """service_items = '{"coolant": {"at": "2024-01-01T00:00:00+00:00", "odometer_m": 1,
           "engine_hours": null}}'""",
        (MONDAY - 340 * DAY,),
    )
    db.execute(
        "INSERT INTO telemetry (vehicle_id, ts, odometer_m) VALUES (%s, %s, 89500000)",
        (world.vehicle_id, MONDAY - DAY),
    )
    db.execute("UPDATE booking SET op_code = 'SERVICE'")
    done: dict[str, Any] = {"cause": "c", "correction": "c", "finding": "confirmed"}
    repair.close(db, order.id, **done, actor="staff:1", now=MONDAY)
    [saved] = store.load(db, [world.vehicle_id])
    assert saved.vehicle.last_service_odometer_m == 89_500_000
    book = maintenance.book(saved.vehicle)
    assert book["spark plugs"] == maintenance.Done(MONDAY, 89_500_000)
    assert book.keys() == {"spark plugs", "coolant"}, "every 90,000 km; what was there stays"


def test_one_that_fails_does_not_stop_the_others(db: psycopg.Connection, world: World) -> None:
    repaired(db, world)
    drive(db, world.vehicle_id, MONDAY, 2)
    db.execute("UPDATE dealer SET time_zone = 'Nowhere/Land'")
    db.commit()
    end = MONDAY + verification.WATCHED
    assert verification.verify(db, end) == 0
    assert verification.verify(db, end) == 0, "it rests"
    assert row(db, "SELECT state, failed_at IS NOT NULL FROM verification") == ("watching", True)
    db.execute("UPDATE dealer SET time_zone = 'America/Chicago'")
    db.execute("UPDATE verification SET failed_at = failed_at - interval '6 min'")
    assert verification.verify(db, end) == 1
    assert watch(db) == ("watching", True)


def test_texts_about_a_repair_end_with_it(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY)
    night = MONDAY + timedelta(hours=11)
    repair.text_progress(db, order.id, "staff:1", night)
    repair.text_progress(db, order.id, "staff:1", night)
    held = send(db, night)
    assert isinstance(held, Judged) and held.code == "quiet hours"
    done: dict[str, Any] = {"cause": "c", "correction": "c", "finding": "confirmed"}
    repair.close(db, order.id, **done, actor="staff:1", now=night)
    late = send(db, MONDAY + DAY)
    assert isinstance(late, Judged) and late.code == "picked up"
    assert one(db, "SELECT count(*) FROM outreach WHERE template = 'progress'") == 1
