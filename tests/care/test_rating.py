"""Ratings: what counts as one, and what becomes of a low one."""

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import engine, outreach, rating, repair, webhooks
from care.errors import CareError
from care.outreach import Drop
from care.rating import Said, rating_of
from care.sender import Claimed, Judged
from care.store import outbox, people, repairs
from record.flow import RepairOrder
from tests.care.repairs import DAY, order_of
from tests.care.world import MONDAY, World, build, find, inbound, one, row, send


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("5", Said(5, "")),
        (" 1 still rattles", Said(1, "still rattles")),
        ("1, still rattles", Said(1, "still rattles")),
        ("4.", Said(4, "")),
        ("5!!", Said(5, "")),
        ("3/5", Said(3, "")),
        ("4 of 5 - quick", Said(4, "quick")),
        ("5 stars", Said(5, "")),
        ("2 Sterne: teuer", Said(2, "teuer")),
        ("5", Said(5, "")),
        ("4分", Said(4, "")),
        ("2 异响还在", Said(2, "异响还在")),
        ("★★★", Said(3, "")),
        ("★★☆☆☆ hm", Said(2, "hm")),
        ("⭐️⭐️⭐️⭐️⭐️", Said(5, "")),
        ("3️⃣", Said(3, "")),
        ("1\nnot fixed\nat all", Said(1, "not fixed\nat all")),
    ],
)
def test_what_is_a_rating(body: str, said: Said) -> None:
    assert rating_of(body) == said


@pytest.mark.parametrize(
    "body",
    [
        "", "0", "6", "10", "55", "5th", "-1", "2 pm is fine", "2pm", "2:30", "2.30", "3 p.m.",
        "4 o'clock", "3 Uhr", "1/12", "1-2", "thanks", "I give 5", "★★★★★★", "2 点", "1x", "5%",
    ],
)  # fmt: skip
def test_what_is_none(body: str) -> None:
    assert rating_of(body) is None


@given(st.text(max_size=1700))
def test_anything_may_be_written(body: str) -> None:
    said = rating_of(body)
    assert said is None or (1 <= said.stars <= 5 and len(said.words) <= rating.MOST_WORDS)


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    world = build(db)
    db.execute(
        """INSERT INTO staff (dealer_id, name, email, password_hash, role) VALUES
           (%s, 'Mo', 'mo@example.com', 'x', 'manager')""",
        (world.dealer_id,),
    )
    return world


def closed(db: psycopg.Connection, world: World) -> RepairOrder:
    order = order_of(db, world, MONDAY)
    with pytest.raises(CareError, match="picked up"):
        rating.ask_rating(db, order, MONDAY)
    with pytest.raises(CareError, match="not finished"):
        rating.rate(db, order.id, 5, "", "link", MONDAY)
    repair.close(
        db, order.id, cause="Old", correction="New battery", finding="confirmed",
        actor="staff:1", now=MONDAY,
    )  # fmt: skip
    db.execute("UPDATE outreach SET state = 'dropped', reason = 'x' WHERE state = 'planned'")
    after = repairs.get(db, order.id)
    assert after is not None
    return after


def test_a_low_rating_by_reply(db: psycopg.Connection, world: World) -> None:
    order = closed(db, world)
    webhooks.inbound(db, inbound(1, world.phone, "1"), MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert one(db, "SELECT count(*) FROM rating") == 0, "nobody asked"

    tuesday = MONDAY + DAY
    for _ in range(2):
        repair.ask_rating(db, order, tuesday)
    text = send(db, tuesday)
    assert isinstance(text, Claimed) and "Reply 1 (poor)" in text.body and "/r/" in text.body
    assert send(db, tuesday) is None, "asked once"
    webhooks.inbound(db, inbound(2, world.phone, "1 still rattles, what now?"), tuesday)
    engine.turn(db, lambda: tuesday)
    assert row(db, "SELECT meaning FROM reply ORDER BY id DESC LIMIT 1") == ("rating 1",)
    assert row(db, "SELECT stars, words, source FROM rating") == (
        1, "still rattles, what now?", "reply",
    )  # fmt: skip
    kind, action, role = row(
        db,
        """SELECT t.kind, t.next_action, s.role FROM task t JOIN staff s ON s.id = t.owner_id
           WHERE t.title LIKE 'Rated 1 of 5%%' AND t.created_at = %s""",
        tuesday,
    )
    assert (kind, role) == ("call", "manager") and "“still rattles" in action
    assert row(db, "SELECT title FROM task WHERE kind = 'reply'") == (
        "Grace0 Hopper asks beside a rating",
    )

    # promotions stop, service messages don't
    db.execute("UPDATE consent SET purpose = 'service'")
    people.add_consent(db, world.customer_id, "marketing", True, "web form", "v1", MONDAY)
    outreach.plan(
        db, customer_id=world.customer_id, template="advisor", purpose="marketing",
        dedupe_key="promo", body="Winter tyres", now=tuesday,
    )  # fmt: skip
    sorry = send(db, tuesday, 2)
    assert isinstance(sorry, Claimed) and "sorry" in sorry.body
    dropped = send(db, tuesday, 3)
    assert isinstance(dropped, Judged) and dropped.code == "promotions stopped"

    # thinking better of it lifts the stop, and makes no second task
    rating.rate(db, order.id, 2, "hm", "link", tuesday + DAY)
    assert one(db, "SELECT count(*) FROM task WHERE title LIKE 'Rated%%'") == 1
    rating.rate(db, order.id, 5, "all good now", "link", tuesday + 7 * DAY)
    assert one(db, "SELECT count(*) FROM promotion_stop WHERE lifted_at IS NULL") == 0
    with pytest.raises(CareError, match="for a week"):
        rating.rate(db, order.id, 1, "", "link", tuesday + 8 * DAY)
    rating.rate(db, order.id, 5, "all good now", "link", tuesday + 8 * DAY)  # the same: harmless
    for stars in (0, 6, -1):
        with pytest.raises(CareError):
            rating.rate(db, order.id, stars, "", "link", tuesday)


def test_a_later_question_takes_the_number(db: psycopg.Connection, world: World) -> None:
    """ "2" answers the last thing that we asked: a rating, or three times to choose from."""
    order = closed(db, world)
    repair.ask_rating(db, order, MONDAY)
    assert isinstance(send(db, MONDAY), Claimed)
    later = MONDAY + DAY
    find(db, world.vehicle_id, later, cause="dtc_p0420", urgency="service")
    engine.turn(db, lambda: later)
    assert isinstance(send(db, later, 2), Claimed)
    webhooks.inbound(db, inbound(1, world.phone, "2"), later)
    engine.turn(db, lambda: later)
    assert row(db, "SELECT meaning FROM reply") == ("choice 2",)
    assert one(db, "SELECT count(*) FROM rating") == 0


def test_an_old_question_is_forgotten(db: psycopg.Connection, world: World) -> None:
    order = closed(db, world)
    repair.ask_rating(db, order, MONDAY)
    send(db, MONDAY)
    later = MONDAY + rating.QUESTION_STANDS + DAY
    webhooks.inbound(db, inbound(1, world.phone, "5"), later)
    engine.turn(db, lambda: later)
    assert row(db, "SELECT meaning FROM reply") == ("unclear",)


def test_promotions_are_judged_at_the_moment_of_sending(
    db: psycopg.Connection, world: World
) -> None:
    planned = outreach.plan(
        db, customer_id=world.customer_id, template="advisor", purpose="marketing",
        dedupe_key="p", body="x", now=MONDAY,
    )  # fmt: skip
    assert planned is not None
    customer = people.customer(db, world.customer_id)
    assert customer is not None
    due = outbox.get_due(db, planned.id)
    people.add_consent(db, customer.id, "marketing", True, "web form", "v1", MONDAY)
    db.execute(
        "INSERT INTO promotion_stop (customer_id, since, reason) VALUES (%s, %s, 'x')",
        (customer.id, MONDAY),
    )
    facts = outreach.facts_of(db, due, customer, MONDAY)
    judged = outreach.check(due, facts, MONDAY, outreach.Policy())
    assert judged == Drop("promotions stopped", "Promotions are stopped since 2026-11-23.")


def test_erasing_a_person_leaves_no_words(db: psycopg.Connection, world: World) -> None:
    order = closed(db, world)
    rating.rate(db, order.id, 4, "my dog liked it", "link", MONDAY)
    db.execute(
        "INSERT INTO repair_note (repair_order_id, at, actor, body, for_customer)"
        " VALUES (%s, %s, 'staff:1', 'a child seat', true)",
        (order.id, MONDAY),
    )
    db.execute("INSERT INTO repair_photo VALUES ((SELECT max(id) FROM repair_note), 'x', 1, 1)")
    repairs.forget(db, world.customer_id)
    assert one(db, "SELECT count(*) FROM repair_note") == 0
    assert one(db, "SELECT count(*) FROM repair_photo") == 0
    assert row(db, "SELECT stars, words FROM rating") == (4, "")
