"""Silence, privacy of where the car is, and one's data: in force at once, written down."""

from datetime import timedelta

import psycopg
import pytest

from care import outreach, rights, webhooks
from care.errors import CareError
from care.sender import Judged
from care.store import people
from care.store import rights as store
from tests.care.world import MONDAY, build, find, inbound, one, row, send

DAY = timedelta(days=1)


def planned(conn: psycopg.Connection, customer_id: int, key: str, purpose: str = "reply") -> None:
    outreach.plan(
        conn, customer_id=customer_id, template="advisor", purpose=purpose, dedupe_key=key,
        now=MONDAY, body=f"Hello {key}",
    )  # fmt: skip
    conn.commit()


@pytest.mark.parametrize("how", rights.WAYS)
@pytest.mark.parametrize("channel", ["sms", None])
def test_a_revocation_holds_at_once_whatever_way_it_came(
    db: psycopg.Connection, how: str, channel: str | None
) -> None:
    world = build(db)
    planned(db, world.customer_id, "before", "service")
    rights.revoke(db, world.customer_id, channel, how, "staff:1", MONDAY)
    planned(db, world.customer_id, "after", "service")
    planned(db, world.customer_id, "answer")
    for n in range(4):
        assert not hasattr(send(db, MONDAY + timedelta(minutes=n), n + 1), "body")
    sent = one(db, "SELECT count(*) FROM outreach WHERE state <> 'dropped'")
    assert sent == 0, "nothing more, not even a confirmation"
    reasons = {r[0] for r in db.execute("SELECT reason FROM outreach")}
    assert f"The customer told us {how} to stop." in reasons
    assert not people.consented(db, world.customer_id, "service", "sms")
    told = row(db, "SELECT source, wording, at FROM consent WHERE NOT granted LIMIT 1")
    assert told == (f"told us {how}", rights.REVOKED, MONDAY)
    assert row(db, "SELECT actor, detail ->> 'how' FROM audit WHERE action = 'messages revoked'")


def test_a_revocation_of_one_channel_leaves_the_others(db: psycopg.Connection) -> None:
    world = build(db)
    rights.revoke(db, world.customer_id, "whatsapp", "by e-mail", "staff:1", MONDAY)
    assert people.consented(db, world.customer_id, "service", "sms")
    assert people.stopped(db, world.phone) is None
    planned(db, world.customer_id, "still", "service")
    assert hasattr(send(db, MONDAY), "body")


def test_start_ends_a_stop_that_was_told(db: psycopg.Connection) -> None:
    world = build(db)
    rights.revoke(db, world.customer_id, None, "by phone", "staff:1", MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "START"), MONDAY + DAY)
    db.commit()
    assert people.stopped(db, world.phone) is None


@pytest.mark.parametrize(
    ("customer", "channel", "how"),
    [(0, "fax", "by phone"), (0, None, "by telepathy"), (10**6, None, "by phone")],
)
def test_nonsense_is_refused_and_changes_nothing(
    db: psycopg.Connection, customer: int, channel: str | None, how: str
) -> None:
    world = build(db)
    with pytest.raises(CareError):
        rights.revoke(db, customer or world.customer_id, channel, how, "staff:1", MONDAY)
    assert one(db, "SELECT count(*) FROM suppression") == 0
    assert one(db, "SELECT count(*) FROM audit") == 0


@pytest.mark.parametrize(("country", "expected"), [("CN", True), ("US", False), ("DE", False)])
def test_a_position_needs_consent_where_the_law_asks(
    db: psycopg.Connection, country: str, expected: bool
) -> None:
    world = build(db, customers=2)
    db.execute("UPDATE dealer SET country = %s", (country,))
    assert rights.position_hidden(db, world.vehicle_id, MONDAY) is expected
    rights.set_location(db, world.customer_id, True, "in person", "staff:1", MONDAY)
    assert not rights.position_hidden(db, world.vehicle_id, MONDAY)
    assert rights.position_hidden(db, world.vehicles[1], MONDAY) is expected
    rights.set_location(db, world.customer_id, False, "by phone", "staff:1", MONDAY + DAY)
    assert rights.position_hidden(db, world.vehicle_id, MONDAY + DAY) is expected
    # who buys the car has not agreed to anything yet
    rights.set_location(db, world.customer_id, True, "in person", "staff:1", MONDAY + 2 * DAY)
    db.execute("UPDATE ownership SET during = tstzrange(lower(during), %s) WHERE vehicle_id = %s",
               (MONDAY, world.vehicle_id))  # fmt: skip
    assert rights.position_hidden(db, world.vehicle_id, MONDAY + 3 * DAY) is expected


def test_location_consent_is_no_consent_to_messages(db: psycopg.Connection) -> None:
    world = build(db, consent=False)
    rights.set_location(db, world.customer_id, True, "in person", "staff:1", MONDAY)
    planned(db, world.customer_id, "x", "service")
    got = send(db, MONDAY)
    assert isinstance(got, Judged) and got.code == "no consent"
    with pytest.raises(psycopg.errors.CheckViolation):
        store.add_consent(db, world.customer_id, "service", "car", True, "x", "v1", MONDAY)


def test_a_request_has_a_month_and_one_answer(db: psycopg.Connection) -> None:
    world = build(db, customers=2)
    made = rights.take_down(db, world.customer_id, "access", "by letter", "staff:1", MONDAY)
    assert made.due_at == MONDAY.replace(month=12)
    with pytest.raises(CareError, match="asked already"):
        rights.take_down(db, world.customer_id, "access", "by phone", "staff:1", MONDAY + DAY)
    rights.take_down(db, world.customer_id, "erasure", "by phone", "staff:1", MONDAY + DAY)
    rights.take_down(db, world.customers[1], "access", "by phone", "staff:1", MONDAY - DAY)
    open_ones = store.requests(db, world.dealer_id)
    assert [r.received_at for r in open_ones] == [MONDAY - DAY, MONDAY, MONDAY + DAY]
    with pytest.raises(CareError, match="what was done"):
        rights.answer(db, made.id, " \x00 ", "staff:1", MONDAY)
    rights.answer(db, made.id, "Copy sent", "staff:1", MONDAY + DAY)
    with pytest.raises(CareError, match="no such open"):
        rights.answer(db, made.id, "Again", "staff:1", MONDAY + DAY)
    assert store.requests(db, world.dealer_id)[-1].answer == "Copy sent"
    again = rights.take_down(db, world.customer_id, "access", "by phone", "staff:1", MONDAY + DAY)
    assert again.due_at == (MONDAY + DAY).replace(month=12)
    with pytest.raises(CareError):
        rights.take_down(db, world.customer_id, "gossip", "by phone", "staff:1", MONDAY)


def test_the_hours_of_a_state_hold_on_rows(db: psycopg.Connection) -> None:
    """A number of Florida, no address: 20:30 there is too late, though the dealer allows it."""
    world = build(db, zone="America/New_York")
    db.execute("UPDATE customer SET phone = '+13055550123'")
    late = (MONDAY + DAY).replace(hour=1, minute=30)
    planned(db, world.customer_id, "x", "service")
    got = send(db, late)
    assert isinstance(got, Judged) and got.code == "quiet hours"
    db.execute("UPDATE customer SET region = 'US-NY'")
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute("UPDATE customer SET region = 'Florida'")
    db.rollback()
    assert find(db, world.vehicle_id, MONDAY)
