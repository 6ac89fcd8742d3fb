"""One alert's whole life on a real database, without Twilio: rows in, rows out."""

from datetime import timedelta

import psycopg
import pytest

from care import alert, booking, engine, outreach, repair, task, webhooks
from care.errors import CareError
from care.sender import Claimed, Judged
from record.flow import Booking
from tests.care.world import MONDAY, World, build, find, inbound, one, row, send

DAY = timedelta(days=1)


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    return build(db)


def test_the_battery_from_finding_to_outcome(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY, expect=5 * DAY)
    assert engine.turn(db, lambda: MONDAY) == 1
    kind, priority, deadline = row(db, "SELECT kind, priority, deadline FROM task")
    assert (kind, priority) == ("watch", pytest.approx(48))
    assert deadline == MONDAY + timedelta(hours=23)  # eight working hours: till 17, and 8 to 9

    sent = send(db, MONDAY)
    assert isinstance(sent, Claimed)
    assert "Grace0" in sent.body and "battery is weak" in sent.body and "/b/" in sent.body
    assert "Mon Nov 23, 12 PM" in sent.body, sent.body

    webhooks.inbound(db, inbound(1, world.phone, "2 please"), MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "2 please"), MONDAY)  # Twilio repeats itself
    db.commit()
    assert engine.turn(db, lambda: MONDAY) == 1
    assert row(db, "SELECT meaning FROM reply") == ("choice 2",)
    state, source, starts = row(db, "SELECT state, source, lower(during) FROM booking")
    assert (state, source) == ("booked", "reply")
    assert starts == row(db, "SELECT lower(during) FROM offer WHERE choice = 2")[0]
    assert row(db, "SELECT state, done_reason FROM task") == ("done", "customer booked")

    webhooks.inbound(db, inbound(2, world.phone, "2"), MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert row(db, "SELECT meaning FROM reply ORDER BY id DESC") == ("choice 2 (booked already)",)
    assert one(db, "SELECT count(*) FROM booking") == 1

    confirmation = send(db, MONDAY, 2)
    assert isinstance(confirmation, Claimed) and "Booked!" in confirmation.body
    assert send(db, MONDAY) is None

    booked = one(db, "SELECT id FROM booking")
    arrives = MONDAY + DAY
    order = booking.arrive(db, booked, "staff:1", arrives)
    assert order.concern == "12 V battery weak: Cranks at 8.9 V"
    assert booking.arrive(db, booked, "staff:1", arrives) == order
    repair.start(db, order.id, "staff:1", arrives)
    outcome = repair.close(
        db,
        order.id,
        cause="Battery at end of life",
        correction="Battery replaced",
        finding="confirmed",
        actor="staff:1",
        now=arrives,
    )
    assert outcome is not None and outcome.label == "confirmed"
    assert row(db, "SELECT state, close_reason FROM alert") == ("closed", "repaired")
    assert row(db, "SELECT state FROM booking") == ("done",)
    db.commit()
    thanks = send(db, arrives + timedelta(hours=1), 3)
    assert isinstance(thanks, Claimed) and "Thank you Grace0" in thanks.body

    find(db, world.vehicle_id, arrives + DAY, kind="refreshed")
    engine.turn(db, lambda: arrives + DAY)
    assert row(db, "SELECT state FROM alert") == ("closed",), "the detector's echo"
    find(db, world.vehicle_id, arrives + 5 * DAY)
    engine.turn(db, lambda: arrives + 5 * DAY)
    assert row(db, "SELECT state, reopened FROM alert") == ("open", 1)
    assert row(db, "SELECT next_action FROM task WHERE state = 'open' AND alert_id = 1") == (
        "The fix did not hold: Cranks at 8.9 V, 5 days after repair order 1. "
        "Call Grace0 Hopper and offer a slot.",
    )


def test_recovery_ends_an_alert_but_not_a_promise(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    (slot, *_) = booking.find_slots(db, dealer_id=world.dealer_id, op_code="BATT-TEST", now=MONDAY)
    held = booking.hold(
        db,
        slot=slot,
        dealer_id=world.dealer_id,
        vehicle_id=world.vehicle_id,
        customer_id=world.customer_id,
        alert_id=1,
        op_code="BATT-TEST",
        source="slot page",
        now=MONDAY,
    )
    assert isinstance(held, Booking)
    assert isinstance(booking.confirm(db, held.id, MONDAY), Booking)
    find(db, world.vehicle_id, MONDAY + timedelta(hours=1), kind="recovered")
    engine.turn(db, lambda: MONDAY + timedelta(hours=1))
    assert row(db, "SELECT state FROM alert") == ("open",)
    booking.cancel(db, held.id, "customer:1", MONDAY + timedelta(hours=2))
    assert row(db, "SELECT state, close_reason FROM alert") == ("closed", "recovered")
    codes = [send(db, MONDAY + timedelta(hours=2)) for _ in range(2)]
    assert [c.code for c in codes if isinstance(c, Judged)] == ["cancelled", "recovered"]


def test_stop_while_a_message_waits(db: psycopg.Connection, world: World) -> None:
    night = MONDAY + timedelta(hours=11)  # 21:00 in Chicago
    find(db, world.vehicle_id, night)
    engine.turn(db, lambda: night)
    held = send(db, night)
    assert isinstance(held, Judged) and held.code == "quiet hours"
    state, reason, not_before = row(db, "SELECT state, reason, not_before FROM outreach")
    assert state == "planned" and reason == "It is 21:00 for the customer: held until 09:00."
    assert not_before == MONDAY + timedelta(hours=23)
    webhooks.inbound(db, inbound(1, world.phone, "Please stop texting me"), night)
    engine.turn(db, lambda: night)
    assert send(db, night) is None
    morning = MONDAY + timedelta(hours=23)
    dropped = send(db, morning)
    assert isinstance(dropped, Judged) and dropped.code == "stop"
    assert "said STOP" in str(row(db, "SELECT reason FROM outreach")[0])
    assert row(db, "SELECT kind FROM task WHERE state = 'open'") == ("call",)
    with pytest.raises(CareError, match="said STOP"):
        outreach.write(db, customer_id=world.customer_id, body="Hi", actor="staff:1", now=morning)
    webhooks.inbound(db, inbound(2, world.phone, "START"), morning)
    webhooks.inbound(db, inbound(1, world.phone, "Please stop texting me"), morning)
    written = outreach.write(
        db, customer_id=world.customer_id, body="Hi", actor="staff:1", now=morning
    )
    again = outreach.write(
        db, customer_id=world.customer_id, body="Hi", actor="staff:1", now=morning
    )
    assert written.id == again.id
    assert one(db, "SELECT count(*) FROM consent WHERE source = 'reply START'") == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE customer SET phone = NULL", "no number"),
        ("UPDATE consent SET granted = false", "no consent"),
        ("UPDATE customer SET time_zone = 'Mars/Olympus'", "no time zone"),
        (
            """UPDATE alert SET state = 'closed', closed_at = now(), close_reason = 'dismissed'""",
            "dismissed",
        ),
        (
            """UPDATE ownership SET during = tstzrange('2021-01-01Z', '2026-11-23 16:00Z')""",
            "sold",
        ),
    ],
)
def test_what_changed_since_planning_drops_it(
    db: psycopg.Connection, world: World, change: str, code: str
) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    db.execute(change)
    dropped = send(db, MONDAY + timedelta(minutes=1))
    assert isinstance(dropped, Judged) and dropped.code == code
    state, reason = row(db, "SELECT state, reason FROM outreach")
    assert state == "dropped" and reason


def test_a_sold_car_is_its_new_owners_matter(db: psycopg.Connection) -> None:
    world = build(db, customers=2)
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    db.execute(
        "UPDATE ownership SET during = tstzrange('2021-01-01Z', %s) WHERE vehicle_id = %s",
        (MONDAY, world.vehicle_id),
    )
    db.execute(
        """INSERT INTO ownership (vehicle_id, customer_id, during)
           VALUES (%s, %s, tstzrange(%s, NULL))""",
        (world.vehicle_id, world.customers[1], MONDAY),
    )
    later = MONDAY + timedelta(minutes=1)
    dropped = send(db, later)
    assert isinstance(dropped, Judged) and dropped.code == "sold"
    sent = send(db, later)
    assert isinstance(sent, Claimed) and sent.to_phone == world.phones[1]
    assert row(db, "SELECT customer_id FROM task") == (world.customers[1],)
    webhooks.inbound(db, inbound(1, world.phones[0], "1"), later)
    engine.turn(db, lambda: later)
    assert one(db, "SELECT count(*) FROM booking") == 0


def test_two_causes_are_two_alerts_but_one_text_a_day(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    find(db, world.vehicle_id, MONDAY, cause="service_due", urgency="service")
    find(db, world.vehicle_id, MONDAY + timedelta(minutes=1), kind="refreshed")
    assert engine.turn(db, lambda: MONDAY) == 3
    assert one(db, "SELECT count(*) FROM alert") == 2
    assert isinstance(send(db, MONDAY), Claimed)
    held = send(db, MONDAY)
    assert isinstance(held, Judged) and held.code == "cap"
    assert row(db, "SELECT not_before FROM outreach WHERE state = 'planned'") == (MONDAY + DAY,)
    find(db, world.vehicle_id, MONDAY, cause="coolant_overheat", urgency="stop")
    engine.turn(db, lambda: MONDAY)
    assert row(db, "SELECT kind FROM task ORDER BY priority DESC") == ("call",)
    urgent = send(db, MONDAY, 2)
    assert isinstance(urgent, Claimed) and "stop where it is safe" in urgent.body


def test_worse_takes_the_place_of_what_waits(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    find(db, world.vehicle_id, MONDAY + timedelta(minutes=1), kind="refreshed", urgency="stop")
    engine.turn(db, lambda: MONDAY + timedelta(minutes=1))
    assert isinstance(send(db, MONDAY + timedelta(minutes=1)), Claimed)
    first = send(db, MONDAY + timedelta(minutes=1))
    assert isinstance(first, Judged) and first.code == "superseded"
    assert row(db, "SELECT kind FROM task WHERE state = 'open'") == ("call",)


def test_a_slot_taken_meanwhile_brings_new_ones(db: psycopg.Connection) -> None:
    world = build(db, customers=2, bays=1, technicians=1)
    for car in world.vehicles:
        find(db, car, MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert isinstance(send(db, MONDAY, 1), Claimed)
    assert isinstance(send(db, MONDAY, 2), Claimed)
    for n, phone in enumerate(world.phones):
        webhooks.inbound(db, inbound(n + 1, phone, "1"), MONDAY)
    engine.turn(db, lambda: MONDAY)
    engine.turn(db, lambda: MONDAY)
    meanings = db.execute("SELECT meaning FROM reply ORDER BY id").fetchall()
    assert meanings == [("choice 1",), ("choice 1 (taken)",)]
    send(db, MONDAY, 3)
    apology = send(db, MONDAY, 4)
    assert isinstance(apology, Claimed) and "no longer free" in apology.body
    webhooks.inbound(db, inbound(9, world.phones[1], "the first one"), MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert one(db, "SELECT count(*) FROM booking WHERE state = 'booked'") == 2


def test_stale_offers_are_made_anew(db: psycopg.Connection, world: World) -> None:
    evening = MONDAY + timedelta(hours=10, minutes=30)
    find(db, world.vehicle_id, evening)
    engine.turn(db, lambda: evening)
    send(db, evening)
    before = db.execute("SELECT during FROM offer ORDER BY choice").fetchall()
    db.execute(
        """INSERT INTO booking (vehicle_id, customer_id, dealer_id, bay_id, technician_id, during,
               op_code, state, source, created_at)
           SELECT %s, %s, %s, b.id, t.id, tstzrange('2026-11-24Z', '2026-11-25 00:00Z'),
               'SERVICE', 'booked', 'advisor', now()
           FROM bay AS b JOIN technician AS t ON t.id = b.id""",
        (world.vehicle_id, world.customer_id, world.dealer_id),
    )
    sent = send(db, MONDAY + timedelta(hours=23))
    assert isinstance(sent, Claimed)
    after = db.execute("SELECT during FROM offer ORDER BY choice").fetchall()
    assert before != after and "Wed Nov 25" in sent.body


def test_unclear_words_and_strangers(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    send(db, MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "is it dangerous?\x00"), MONDAY)
    webhooks.inbound(db, inbound(2, world.phone, "call me"), MONDAY)
    webhooks.inbound(db, inbound(3, "+13129999999", "2"), MONDAY)
    webhooks.inbound(db, inbound(4, world.phone, "HELP"), MONDAY)
    webhooks.inbound(db, inbound(5, "+13129999998", "stop"), MONDAY)
    db.commit()
    while engine.turn(db, lambda: MONDAY):
        pass
    meanings = [m for (m,) in db.execute("SELECT meaning FROM reply ORDER BY id")]
    assert meanings == ["unclear", "call", "unknown number", "help", "stop"]
    assert row(db, "SELECT count(*), max(title) FROM task WHERE kind = 'reply'") == (
        1,
        "Grace0 Hopper asks for a call",
    )
    assert one(db, "SELECT count(*) FROM outreach WHERE template = 'help'") == 1
    with pytest.raises(CareError):
        webhooks.inbound(db, {"From": world.phone}, MONDAY)


def test_service_done_resets_the_book(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY, cause="service_due", urgency="service")
    engine.turn(db, lambda: MONDAY)
    for hours, odometer in ((1, 41_000_000), (2, 41_050_000)):
        db.execute(
            "INSERT INTO telemetry (vehicle_id, ts, odometer_m) VALUES (%s, %s, %s)",
            (world.vehicle_id, MONDAY + timedelta(hours=hours), odometer),
        )
    send(db, MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "3"), MONDAY)
    engine.turn(db, lambda: MONDAY)
    webhooks.inbound(db, inbound(2, world.phone, "cancel"), MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert row(db, "SELECT title FROM task WHERE kind = 'reply'") == (
        "Grace0 Hopper wrote “cancel” and has a booking",
    )
    order = booking.arrive(db, 1, "staff:1", MONDAY + 2 * DAY)
    repair.close(
        db,
        order.id,
        cause="Due",
        correction="Oil and filters",
        finding="confirmed",
        actor="staff:1",
        now=MONDAY + 2 * DAY,
    )
    assert row(
        db,
        "SELECT last_service_at, last_service_odometer_m, last_service_engine_hours FROM vehicle",
    ) == (MONDAY + 2 * DAY, 41_050_000, None)
    find(
        db,
        world.vehicle_id,
        MONDAY + 3 * DAY,
        cause="service_due",
        kind="refreshed",
        urgency="service",
    )
    engine.turn(db, lambda: MONDAY + 3 * DAY)
    assert row(db, "SELECT state, close_reason, reopened FROM alert") == ("closed", "repaired", 0)


def test_a_bad_row_does_not_stop_the_others(db: psycopg.Connection, world: World) -> None:
    db.execute("UPDATE dealer SET time_zone = 'Nowhere/Land'")
    find(db, world.vehicle_id, MONDAY)
    find(db, world.vehicle_id, MONDAY, cause="dtc_p0301", urgency="info")  # needs no calendar
    engine.turn(db, lambda: MONDAY)
    assert one(db, "SELECT count(*) FROM alert") == 1
    assert row(db, "SELECT kind, tries FROM setback") == ("finding", 1)
    assert engine.turn(db, lambda: MONDAY) == 0, "not a hot loop"
    db.execute("UPDATE dealer SET time_zone = 'America/Chicago'")
    db.execute("UPDATE setback SET next_at = now() - interval '1 s'")
    engine.turn(db, lambda: MONDAY)
    assert one(db, "SELECT count(*) FROM alert") == 2


def test_a_gap_in_the_catalogue_keeps_nobody_from_knowing(
    db: psycopg.Connection, world: World
) -> None:
    db.execute("DELETE FROM op_code")
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    sent = send(db, MONDAY)
    assert isinstance(sent, Claimed) and "Call us for a time: +13125550199" in sent.body


def test_a_car_without_an_owner_is_looked_into(db: psycopg.Connection, world: World) -> None:
    db.execute("DELETE FROM ownership")
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert row(db, "SELECT kind, customer_id FROM task") == ("handle", None)
    assert one(db, "SELECT count(*) FROM outreach") == 0


def test_people_may_claim_finish_and_dismiss(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert task.claim(db, 1, world.staff_id, MONDAY).owner_id == world.staff_id
    with pytest.raises(CareError, match="another dealer"):
        task.claim(db, 1, 999, MONDAY)
    with pytest.raises(CareError, match="few words"):
        alert.dismiss(db, 1, "staff:1", " ", MONDAY)
    assert alert.dismiss(db, 1, "staff:1", "new battery fitted", MONDAY).close_reason == "dismissed"
    with pytest.raises(CareError, match="done already"):
        task.done(db, 1, "staff:1", "called", MONDAY)
    find(db, world.vehicle_id, MONDAY + DAY)
    engine.turn(db, lambda: MONDAY + DAY)
    assert one(db, "SELECT count(*) FROM alert WHERE state = 'open'") == 0
