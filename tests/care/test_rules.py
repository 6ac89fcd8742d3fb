"""The rules of writing to people, as what holds for any past: STOP, caps, consent.

Quiet hours in any zone and over every change of the clocks are held in `test_decisions` and, state
by state, in `test_law`.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care import outreach, ways
from care.outreach import Drop, Facts, Hold, Policy, Send
from care.store import outbox, people
from care.store.outbox import Due
from tests.care.test_decisions import FACTS, MESSAGE
from tests.care.world import MONDAY, World, build

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
some = settings(max_examples=60, deadline=None)


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    return build(db, customers=3, consent=False)


def due(conn: psycopg.Connection, who: int, purpose: str = "service", *by: str) -> Due:
    """A message that is planned."""
    planned = outbox.plan(
        conn, customer_id=who, template="check_in", purpose=purpose, body="Hello", at=MONDAY,
        dedupe_key=f"rule:{who}", channels=by or ("sms",), alert_id=None, booking_id=None,
        answers_at=None,
    )  # fmt: skip
    assert planned is not None
    return outbox.get_due(conn, planned.id)


def facts(conn: psycopg.Connection, message: Due) -> Facts:
    """What the sender would know of it on Monday."""
    customer = people.customer(conn, message.customer_id)
    assert customer is not None
    return outreach.facts_of(conn, message, customer, MONDAY)


def undone(db: psycopg.Connection, rule: Callable[[], None]) -> None:
    """Let a rule try its past, and forget it."""
    with db.transaction(force_rollback=True):
        rule()


def test_the_last_word_on_stop_is_in_force_whatever_its_clock_says(
    db: psycopg.Connection, world: World
) -> None:
    said = st.tuples(st.sampled_from([0, 1]), st.booleans(), st.integers(-500, 500))

    def holds(ledger: list[tuple[int, bool, int]]) -> None:
        last: dict[int, datetime | None] = {0: None, 1: None}
        for whose, stop, hours in ledger:
            at = MONDAY + hours * HOUR
            people.add_suppression(db, world.phones[whose], stop, "reply", at)
            last[whose] = at if stop else None
        for whose, since in last.items():
            who = world.customers[whose]
            people.add_consent(db, who, "service", True, "contract", "v1", MONDAY - DAY)
            message = due(db, who)
            assert people.stopped(db, world.phones[whose]) == since
            verdict = outreach.check(message, facts(db, message), MONDAY, Policy())
            assert isinstance(verdict, Drop if since else Send)
            assert not isinstance(verdict, Drop) or verdict.code == "stop"

    @some
    @given(st.lists(said, max_size=8))
    def whatever(ledger: list[tuple[int, bool, int]]) -> None:
        undone(db, lambda: holds(ledger))

    whatever()


PURPOSES = ("service", "marketing")
CHANNELS = ("sms", "whatsapp", "email")


def test_consent_is_the_newest_word_for_its_purpose_and_channel_and_no_other(
    db: psycopg.Connection, world: World
) -> None:
    word = st.tuples(
        st.sampled_from(PURPOSES), st.sampled_from(CHANNELS), st.booleans(), st.integers(1, 6)
    )

    def holds(said: list[tuple[str, str, bool, int]]) -> None:
        who = world.customer_id
        db.execute("UPDATE customer SET email = 'grace@example.com' WHERE id = %s", (who,))
        for purpose, channel, granted, days in said:
            at = MONDAY - days * DAY
            people.add_consent(db, who, purpose, granted, "form", "v2", at, channel)
        message = due(db, who, "service", *CHANNELS)
        customer = people.customer(db, who)
        assert customer is not None
        for purpose in PURPOSES:
            found = ways.ways(db, replace(message, purpose=purpose), customer, MONDAY)
            for way in found:
                about = [one for one in said if one[:2] == (purpose, way.channel)]
                newest = min(reversed(about), key=lambda one: one[3], default=None)
                assert way.consent == bool(newest and newest[2]), (purpose, way.channel)
            chosen = ways.choose(found)
            assert chosen.consent or not any(way.code is None for way in found)

    @some
    @given(st.lists(word, max_size=10))
    def whatever(said: list[tuple[str, str, bool, int]]) -> None:
        undone(db, lambda: holds(said))

    whatever()


STATES = ("sent", "delivered", "undelivered", "failed", "dropped", "planned")


def test_a_household_counts_what_any_of_its_numbers_was_told(
    db: psycopg.Connection, world: World
) -> None:
    """Two share a home, the third lives elsewhere; answers, reminders and what never went are
    nobody's."""
    told = st.tuples(
        st.integers(0, 2),
        st.integers(1, 9 * 24),
        st.sampled_from(STATES),
        st.sampled_from(["service", "marketing", "reply"]),
        st.sampled_from(["alert.soon", "reminder"]),
    )

    def holds(past: list[tuple[int, int, str, str, str]]) -> None:
        people.join_household(db, world.customers[1], world.customers[0], MONDAY)
        expected: Counter[int] = Counter()
        for n, (whose, hours, state, purpose, template) in enumerate(past):
            at = MONDAY - hours * HOUR
            db.execute(
                """INSERT INTO outreach (customer_id, channel, purpose, template, dedupe_key, body,
                       to_phone, state, reason, planned_at, not_before, sent_at, provider_sid)
                   VALUES (%s, 'sms', %s, %s, %s, 'Hello', %s, %s, 'why', %s, %s, %s, %s)""",
                (world.customers[whose], purpose, template, f"past:{n}", world.phones[whose],
                 state, at, at, at, f"SM{n:032x}"),
            )  # fmt: skip
            spoke = state in ("sent", "delivered", "undelivered")
            if spoke and purpose != "reply" and template != "reminder" and hours < 7 * 24:
                expected.update((0, 1) if whose < 2 else (2,))
        for whose in range(3):
            message = due(db, world.customers[whose])
            assert len(facts(db, message).sent_at) == expected[whose]

    @some
    @given(st.lists(told, max_size=12))
    def whatever(past: list[tuple[int, int, str, str, str]]) -> None:
        undone(db, lambda: holds(past))

    whatever()


@given(
    st.lists(st.integers(0, 24 * 21), min_size=1, max_size=25),
    st.integers(1, 3),
    st.integers(1, 5),
    st.sampled_from(["America/Chicago", "Asia/Shanghai", "Europe/Berlin"]),
)
@settings(deadline=None)
def test_no_day_and_no_week_ever_has_one_too_many(
    wishes: list[int], per_day: int, per_week: int, zone: str
) -> None:
    """Whatever is planned when: what is held goes later, until its occasion is lost."""
    policy = Policy(per_day=per_day, per_week=per_week)
    order = itertools.count()
    queue = [(MONDAY + h * HOUR, next(order), MONDAY + h * HOUR) for h in wishes]
    heapq.heapify(queue)
    sent: list[datetime] = []
    while queue:
        now, _, planned_at = heapq.heappop(queue)
        message = replace(MESSAGE, planned_at=planned_at)
        week = [at for at in sent if at > now - WEEK]
        verdict = outreach.check(message, replace(FACTS, sent_at=week, time_zone=zone), now, policy)
        match verdict:
            case Send():
                sent.append(now)
            case Hold(until=until):
                assert until > now
                heapq.heappush(queue, (until, next(order), planned_at))
            case Drop(code=code):
                assert code == "stale"
    assert sent
    for start in sent:
        assert sum(start <= at < start + DAY for at in sent) <= per_day
        assert sum(start <= at < start + WEEK for at in sent) <= per_week
