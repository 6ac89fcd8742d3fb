"""Households, tags, stages, segments, points: decisions by example, and on a real database."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import booking, engine, loyalty, people, webhooks
from care.errors import CareError
from care.sender import Claimed, Judged
from care.store import customers, outbox, tasks
from care.store import loyalty as loyalty_store
from care.store.customers import Behaviour
from care.store.loyalty import Entry, Tier
from tests.care.world import MONDAY, build, find, inbound, one, row, send

DAY = timedelta(days=1)

QUIET = Behaviour(
    since=MONDAY - 30 * DAY, messages=0, replies=0, answer_time=None, visits=0, no_shows=0,
    last_visit_at=None, cars=1, odometer_m=None, referrals=0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "tags"),
    [
        ({}, ()),
        ({"replies": 2, "answer_time": timedelta(minutes=15)}, ("answers quickly",)),
        ({"replies": 2, "answer_time": timedelta(minutes=16)}, ()),
        ({"messages": 3}, ("never answers",)),
        ({"messages": 3, "replies": 1}, ()),
        ({"no_shows": 1}, ("no-show",)),
        ({"since": MONDAY - 457 * DAY}, ("lapsed",)),
        ({"since": MONDAY - 900 * DAY, "last_visit_at": MONDAY - 450 * DAY}, ()),
        ({"odometer_m": 150_000_001, "cars": 2}, ("high mileage", "several cars")),
    ],
)
def test_tags_by_behaviour(change: dict[str, object], tags: tuple[str, ...]) -> None:
    assert people.behaviour_tags(replace(QUIET, **change), MONDAY) == tags  # type: ignore[arg-type]


def test_stages_say_why() -> None:
    assert people.stage(QUIET, 0) == people.Stage("customer", "Has not come yet.")
    assert people.stage(replace(QUIET, visits=2), 0).name == "member"
    assert people.stage(QUIET, 250) == people.Stage("member", "Has 250 points.")
    assert people.stage(replace(QUIET, visits=1, referrals=1), 0).name == "advocate"


TIERS = [Tier("a", "A", 0, []), Tier("b", "B", 100, []), Tier("c", "C", 300, [])]


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(-900, 900)), max_size=12))
def test_points_end_after_two_years_and_tiers_follow(rows: list[tuple[int, int]]) -> None:
    ledger = [
        Entry(n, 1, "r", "R", f"s:{n}", points, at, loyalty.expiry(at), None)
        for n, (points, days) in enumerate(rows)
        for at in [MONDAY + timedelta(days=days)]
    ]
    now = loyalty.standing(ledger, TIERS, MONDAY)
    assert now.points == sum(p for p, days in rows if -730 <= days <= 0)
    assert now.tier.from_points <= now.points
    assert now.next_tier is None or now.points < now.next_tier.from_points
    assert loyalty.balance(ledger, MONDAY + timedelta(days=1700)) == 0


def test_points_are_given_once_and_taken_back_once(db: psycopg.Connection) -> None:
    who = build(db).customer_id
    assert loyalty.earn(db, who, "feedback", "repair_order:1", MONDAY) == 50
    assert loyalty.earn(db, who, "feedback", "repair_order:1", MONDAY) == 0
    assert loyalty.earn(db, who, "feedback", "repair_order:2", MONDAY) == 50
    for _ in range(2):
        loyalty.take_back(db, who, "feedback", "repair_order:1", "staff:1", MONDAY)
    ledger = loyalty_store.entries(db, who)
    assert [e.points for e in ledger] == [-50, 50, 50]
    assert loyalty.balance(ledger, MONDAY) == 50
    standing = loyalty.standing(ledger, loyalty_store.tiers(db), MONDAY)
    assert (standing.tier.title, standing.next_expiry) == ("Silver", loyalty.expiry(MONDAY))
    with pytest.raises(CareError, match="Nobody earns points"):
        loyalty.earn(db, who, "smiling", "x", MONDAY)
    with pytest.raises(CareError, match="no points"):
        loyalty.take_back(db, who, "referral", "x", "staff:1", MONDAY)


def test_a_kept_check_earns_points(db: psycopg.Connection) -> None:
    world = build(db)
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    alert = one(db, "SELECT id FROM alert")
    slot = booking.find_slots(db, dealer_id=world.dealer_id, op_code="BATT-TEST", now=MONDAY)[0]
    booked = booking.book(
        db, slot=slot, dealer_id=world.dealer_id, vehicle_id=world.vehicle_id,
        customer_id=world.customer_id, alert_id=alert, op_code="BATT-TEST", source="staff:1",
        now=MONDAY,
    )  # fmt: skip
    assert not isinstance(booked, booking.Taken)
    for _ in range(2):
        booking.arrive(db, booked.id, "staff:1", slot.starts_at)
    assert row(db, "SELECT reason, points FROM loyalty_ledger") == ("check_attended", 150)


def test_a_quick_answer_earns_points_once(db: psycopg.Connection) -> None:
    world = build(db, customers=2)
    for n in range(2):
        find(db, world.vehicles[n], MONDAY)
        engine.turn(db, lambda: MONDAY)
        send(db, MONDAY, n + 1)
    for n, minutes in enumerate((14, 14, 16)):
        at = MONDAY + timedelta(minutes=minutes)
        webhooks.inbound(db, inbound(n + 1, world.phones[n // 2], "2"), at)
        engine.turn(db, lambda: MONDAY + timedelta(minutes=16))
    assert db.execute("SELECT customer_id, reason, points FROM loyalty_ledger").fetchall() == [
        (world.customers[0], "quick_answer", 10)
    ]


def test_a_month_of_connection_earns_points(db: psycopg.Connection) -> None:
    world = build(db, customers=3)
    heard = {0: ("10-02", "10-30"), 1: ("10-02", "10-12"), 2: ()}
    for n, days in heard.items():
        for day in days:
            db.execute(
                "INSERT INTO telemetry (vehicle_id, ts, odometer_m) VALUES (%s, %s, 1)",
                (world.vehicles[n], f"2026-{day}T12:00Z"),
            )
    assert loyalty.month_connected(db, MONDAY) == 1
    assert loyalty.month_connected(db, MONDAY + DAY) == 0
    assert db.execute("SELECT customer_id, subject FROM loyalty_ledger").fetchall() == [
        (world.customers[0], f"month:2026-10:vehicle:{world.vehicles[0]}")
    ]


def test_a_friend_is_brought_by_one_person(db: psycopg.Connection) -> None:
    ana, ben, cleo = build(db, customers=3).customers
    assert loyalty.brought(db, ana, cleo, "staff:1", MONDAY) == 300
    assert loyalty.brought(db, ana, cleo, "staff:1", MONDAY) == 0
    with pytest.raises(CareError, match="by somebody else"):
        loyalty.brought(db, ben, cleo, "staff:1", MONDAY)
    with pytest.raises(CareError, match="Nobody brings themselves"):
        loyalty.brought(db, ben, ben, "staff:1", MONDAY)
    with pytest.raises(CareError, match="no such customer"):
        loyalty.brought(db, ben, 9999, "staff:1", MONDAY)
    loyalty.take_back(db, ana, "referral", f"customer:{cleo}", "staff:1", MONDAY)
    assert loyalty.brought(db, ben, cleo, "staff:1", MONDAY) == 300
    (entry,) = loyalty_store.entries(db, ben)
    with pytest.raises(CareError, match="no points"):
        loyalty.take_back_entry(db, ana, entry.id, "staff:1", MONDAY)


@pytest.mark.parametrize(
    ("points", "tier"), [(0, None), (499, None), (500, "gold"), (1200, "platinum")]
)
def test_the_tier_counts_in_what_a_case_is_worth(
    db: psycopg.Connection, points: int, tier: str | None
) -> None:
    world = build(db)
    loyalty_store.add(
        db, world.customer_id, "referral", "x", points, MONDAY - DAY, MONDAY + DAY
    ) if points else None
    assert tasks.worth(db, world.vehicle_id, "DIAG", world.customer_id, MONDAY).tier == tier
    assert (
        tasks.worth(db, world.vehicle_id, "DIAG", world.customer_id, MONDAY + 2 * DAY).tier is None
    )
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    (because,) = row(db, "SELECT factors FROM task")
    told = [f["why"] for f in because if f["name"] == "Loyalty"]
    assert told == ([f"{tier.title()} customer"] if tier else [])


def test_one_cap_for_a_household(db: psycopg.Connection) -> None:
    world = build(db, customers=3)
    people.share_household(db, world.customers[1], world.customers[0], "staff:1", MONDAY)
    for car in world.vehicles:
        find(db, car, MONDAY)
    engine.turn(db, lambda: MONDAY)
    got = [send(db, MONDAY, n) for n in range(1, 4)]
    assert [type(g) for g in got] == [Claimed, Judged, Claimed]  # the third lives elsewhere
    assert row(db, "SELECT reason, not_before FROM outreach WHERE state = 'planned'") == (
        "Already 1 message(s) to the household this day.",
        MONDAY + DAY,
    )
    assert isinstance(send(db, MONDAY + DAY, 4), Claimed)


def test_what_is_on_its_way_counts_for_the_household(db: psycopg.Connection) -> None:
    world = build(db, customers=2)
    people.share_household(db, world.customers[1], world.customers[0], "staff:1", MONDAY)
    db.execute(
        """INSERT INTO outreach (customer_id, channel, purpose, template, dedupe_key, body, state,
               to_phone, planned_at, not_before, sending_at)
           VALUES (%s, 'sms', 'service', 'x', 'k', 'b', 'sending', %s, %s, %s, now())""",
        (world.customers[0], world.phones[0], MONDAY, MONDAY),
    )
    found = outbox.sent_to_others(db, world.customers[1], world.phones[1], MONDAY - DAY, MONDAY)
    assert found == [MONDAY]


def test_households_are_joined_and_left(db: psycopg.Connection) -> None:
    a, b, c = build(db, customers=3).customers
    people.share_household(db, b, a, "staff:1", MONDAY)
    people.share_household(db, c, a, "staff:1", MONDAY)
    assert one(db, "SELECT count(DISTINCT household_id) FROM customer") == 1
    people.leave_household(db, c, "staff:1", MONDAY)
    people.leave_household(db, b, "staff:1", MONDAY)
    assert one(db, "SELECT count(household_id) FROM customer") == 0
    assert one(db, "SELECT count(*) FROM household") == 0
    with pytest.raises(CareError, match="two people"):
        people.share_household(db, a, a, "staff:1", MONDAY)
    with pytest.raises(CareError, match="no such customer"):
        people.share_household(db, a, 999_999, "staff:1", MONDAY)


def test_consent_for_every_channel(db: psycopg.Connection) -> None:
    who = build(db).customer_id
    for channel in people.CHANNELS:
        people.record_consent(
            db, who, purpose="marketing", channel=channel, granted=True, source="on the phone",
            wording="2026-01", actor="staff:1", now=MONDAY,
        )  # fmt: skip
    assert one(db, "SELECT count(*) FROM consent WHERE purpose = 'marketing'") == 5
    for bad in ({"channel": "fax"}, {"source": " "}, {"wording": ""}, {"purpose": "x"}):
        words = {"purpose": "service", "channel": "sms", "source": "s", "wording": "w", **bad}
        with pytest.raises(CareError):
            people.record_consent(db, who, granted=True, actor="staff:1", now=MONDAY, **words)


def test_every_segment_condition_runs(db: psycopg.Connection) -> None:
    world = build(db, customers=3)
    people.share_household(db, world.customers[1], world.customers[0], "staff:1", MONDAY)
    people.tag(db, world.customer_id, "  VIP  ", "staff:1", MONDAY)
    loyalty.earn(db, world.customer_id, "referral", "customer:9", MONDAY)
    expected = {
        "language": ("en", 3), "tag": ("vip", 1), "make": ("toyota", 3), "cars_at_least": ("1", 3),
        "no_visit_for_months": ("15", 0), "no_shows_at_least": ("1", 0),
        "points_at_least": ("300", 1), "consents_to": ("marketing", 0), "household": ("yes", 2),
    }  # fmt: skip
    assert set(expected) == set(customers.CONDITIONS)
    for field, (value, found) in expected.items():
        chosen = people.conditions([(field, value)])
        assert customers.count(db, world.dealer_id, chosen, MONDAY) == found, field
        assert len(customers.members(db, world.dealer_id, chosen, MONDAY)) == found
    both = people.conditions([("tag", "vip"), ("household", "no")])
    assert customers.count(db, world.dealer_id, both, MONDAY) == 0


@pytest.mark.parametrize(
    "pair",
    [("1=1; DROP TABLE customer", "x"), ("cars_at_least", "2 OR 1=1"), ("cars_at_least", "²"),
     ("consents_to", "everything"), ("tag", "x" * 61)],
)  # fmt: skip
def test_hostile_conditions_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(CareError):
        people.conditions([pair])


def test_hostile_values_are_only_values(db: psycopg.Connection) -> None:
    world = build(db)
    chosen = people.conditions([("tag", "'; DROP TABLE customer; --"), ("make", "%s {value}")])
    assert customers.count(db, world.dealer_id, chosen, MONDAY) == 0
    first = people.save_segment(db, world.dealer_id, "Odd", chosen, "staff:1", MONDAY)
    assert people.save_segment(db, world.dealer_id, "Odd", chosen, "staff:1", MONDAY) == first
    assert customers.segments(db, world.dealer_id)[0].conditions == chosen
