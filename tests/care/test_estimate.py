"""Estimates: sums that are exact, lines that make sense, and no work that nobody approved."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import estimate, repair
from care.errors import CareError
from care.estimate import Wanted, approved_of, sums, total_of
from care.money import MOST_MINOR, hundredths_of, minor_of, money
from care.sender import Claimed
from care.store import estimates
from care.store.estimates import Line
from tests.care.repairs import DAY, order_of
from tests.care.world import MONDAY, World, build, one, row, send

lines = st.lists(
    st.builds(
        Line,
        st.integers(1, 30),
        st.sampled_from(["labour", "part"]),
        st.just("x"),
        st.integers(1, 10_000),
        st.integers(0, 1_000_000),
        st.sampled_from([True, False, None]),
    ),
    max_size=12,
)


@given(lines, st.integers(0, 5000), st.integers(0, 5000))
def test_sums_never_lose_a_cent(some: list[Line], labour_bp: int, parts_bp: int) -> None:
    whole = sums(some, labour_bp, parts_bp)
    assert whole.labour + whole.parts == sum(estimate.amount(one) for one in some)
    assert whole.total >= whole.labour + whole.parts >= 0
    yes = sums([one for one in some if one.approved], labour_bp, parts_bp)
    assert 0 <= yes.total <= whole.total
    assert abs(whole.tax * 10_000 - whole.labour * labour_bp - whole.parts * parts_bp) <= 10_000


@given(st.integers(0, MOST_MINOR), st.sampled_from(["USD", "EUR", "JPY"]))
def test_what_is_typed_is_what_is_meant(minor: int, currency: str) -> None:
    text = str(minor) if currency == "JPY" else f"{minor // 100}.{minor % 100:02d}"
    assert minor_of(text, currency) == minor
    assert str(minor)[-1] in money(minor, currency)


@pytest.mark.parametrize(
    "text", ["", "-1", "1e9", "1.234", "1,000.00", "NaN", "∞", "१२", "99999999999", "0x10", "1 2"]
)
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(CareError):
        minor_of(text, "USD")
    if text != "99999999999":
        with pytest.raises(CareError):
            hundredths_of(text)


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    world = build(db)
    db.execute("UPDATE dealer SET labour_minor = 15000, labour_tax_bp = 0, parts_tax_bp = 825")
    return world


TWO = [Wanted("labour", "Replace pump", 250), Wanted("part", "Water pump", 100, 18_950)]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ([], "at least one line"),
        ([Wanted("labour", "x", 100)] * 31, "30 lines"),
        ([Wanted("labour", " ", 100)], "what it is"),
        ([Wanted("labour", "x" * 121, 100)], "what it is"),
        ([Wanted("gift", "x", 100)], "labour or a part"),
        ([Wanted("labour", "x", 0)], "quantity"),
        ([Wanted("labour", "x", -100)], "quantity"),
        ([Wanted("labour", "x", 2**40)], "quantity"),
        ([Wanted("part", "x", 100)], "price"),
        ([Wanted("part", "x", 100, -5)], "price"),
        ([Wanted("part", "x", 100, 2**60)], "price"),
        ([Wanted("part", "x", 100_000, MOST_MINOR)], "higher than any repair"),
    ],
)
def test_lines_that_make_no_sense(
    db: psycopg.Connection, world: World, wanted: list[Wanted], says: str
) -> None:
    order = order_of(db, world, MONDAY)
    with pytest.raises(CareError, match=says):
        estimate.write(db, order.id, wanted, "staff:1", MONDAY)
    assert one(db, "SELECT count(*) FROM estimate") == 0


def test_from_estimate_to_invoice(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY)
    draft = estimate.write(db, order.id, TWO[:1], "staff:1", MONDAY)
    assert draft.version == 1
    with pytest.raises(CareError, match="has not been sent"):
        repair.start(db, order.id, "staff:1", MONDAY)
    draft = estimate.write(db, order.id, TWO, "staff:1", MONDAY)
    assert draft.version == 1 and one(db, "SELECT count(*) FROM estimate") == 1
    assert total_of(draft).total == 37_500 + 18_950 + 1_563

    sent = estimate.send(db, order.id, "staff:1", MONDAY)
    assert estimate.send(db, order.id, "staff:1", MONDAY) == sent
    assert row(db, "SELECT state FROM repair_order") == ("waiting_approval",)
    text = send(db, MONDAY, 9)
    assert isinstance(text, Claimed) and "$580.13" in text.body and "/r/" in text.body

    with pytest.raises(CareError, match="not answered"):
        repair.start(db, order.id, "staff:1", MONDAY)
    words = {1: "Replace pump: I approve", 2: "Water pump: I approve"}
    told: dict[str, Any] = {"actor": "customer:1", "wordings": words, "address": "203.0.113.9"}
    for version, choice in ((2, {1: True}), (1, {}), (1, {3: True})):
        with pytest.raises(CareError):
            estimate.answer(db, order.id, version, choice, now=MONDAY, **told)
    for _ in range(2):  # a double touch
        after = estimate.answer(
            db,
            order.id,
            1,
            {1: True, 2: False},
            now=MONDAY,
            **told,
        )
    assert [line.approved for line in after.lines] == [True, False]
    assert db.execute(
        "SELECT line, approved, actor, wording, address, at FROM estimate_answer ORDER BY id"
    ).fetchall() == [
        (1, True, "customer:1", words[1], "203.0.113.9", MONDAY),
        (2, False, "customer:1", words[2], "203.0.113.9", MONDAY),
    ]
    assert row(db, "SELECT title FROM task WHERE kind = 'reply'") == (
        "Grace0 Hopper answered the estimate",
    )
    assert approved_of(after).total == 37_500

    repair.start(db, order.id, "staff:1", MONDAY)
    with pytest.raises(CareError, match="has begun"):
        estimate.answer(db, order.id, 1, {2: True}, now=MONDAY, **told)
    done: dict[str, Any] = {"cause": "Pump", "correction": "Pump replaced", "finding": "confirmed"}
    with pytest.raises(CareError, match=r"\$375\.01 exceeds the \$375\.00"):
        repair.close(db, order.id, **done, actor="s", now=MONDAY, invoice_minor=37_501)
    repair.close(db, order.id, **done, actor="staff:1", now=MONDAY + DAY)
    assert row(db, "SELECT invoice_minor, invoice_currency FROM repair_order") == (37_500, "USD")

    # what was declined comes back to the advisor when it may suit better
    later = MONDAY + DAY + repair.ASK_AGAIN
    assert repair.ask_again(db, later - timedelta(seconds=1)) == 0
    assert repair.ask_again(db, later) == 1
    assert repair.ask_again(db, later) == 0
    title, action, owner = row(
        db, "SELECT title, next_action, owner_id FROM task WHERE title LIKE 'Declined%%'"
    )
    assert "Water pump" in action and owner == world.staff_id and "Corolla" in title


def test_a_new_version_asks_anew(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY)
    estimate.write(db, order.id, TWO, "staff:1", MONDAY)
    estimate.send(db, order.id, "staff:1", MONDAY)
    yes: dict[str, Any] = {
        "actor": "staff:1",
        "address": "by phone",
        "wordings": {1: "a", 2: "b"},
        "now": MONDAY,
    }
    estimate.answer(db, order.id, 1, {1: True, 2: True}, **yes)
    repair.start(db, order.id, "staff:1", MONDAY)
    more = [*TWO, Wanted("part", "Thermostat", 100, 4_000)]
    assert estimate.write(db, order.id, more, "staff:1", MONDAY).version == 2
    estimate.send(db, order.id, "staff:1", MONDAY)
    assert row(db, "SELECT state FROM repair_order") == ("waiting_approval",)
    with pytest.raises(CareError, match="not answered estimate 2"):
        repair.start(db, order.id, "staff:1", MONDAY)
    with pytest.raises(CareError, match="changed since"):
        estimate.answer(db, order.id, 1, {1: True}, **yes)
    no = yes | {"wordings": {1: "", 2: "", 3: ""}}
    estimate.answer(db, order.id, 2, {1: False, 2: False, 3: False}, **no)
    with pytest.raises(CareError, match="declined estimate 2"):
        repair.start(db, order.id, "staff:1", MONDAY)
    repair.close(
        db, order.id, cause="", correction="Nothing", finding="customer_declined",
        actor="staff:1", now=MONDAY,
    )  # fmt: skip
    newest = estimates.newest(db, order.id)
    assert newest is not None and newest.version == 2
    assert row(db, "SELECT titles FROM declined_work") == ("Replace pump; Water pump; Thermostat",)
    with pytest.raises(CareError, match="closed already"):
        estimate.write(db, order.id, TWO, "staff:1", MONDAY)


def test_declined_work_of_a_sold_car_is_dropped(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY)
    db.execute(
        "INSERT INTO declined_work (repair_order_id, titles, due_at) VALUES (%s, 'Pads', %s)",
        (order.id, MONDAY),
    )
    db.execute("DELETE FROM ownership")
    repair.ask_again(db, MONDAY)
    assert one(db, "SELECT count(*) FROM task WHERE title LIKE 'Declined%%'") == 0


def test_a_gap_in_the_calendar_keeps_declined_work(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY)
    db.execute("UPDATE repair_order SET closed_at = opened_at, state = 'closed', finding ="
               " 'confirmed', correction = 'x'")  # fmt: skip
    db.execute(
        "INSERT INTO declined_work (repair_order_id, titles, due_at) VALUES (%s, 'Pads', %s)",
        (order.id, MONDAY),
    )
    db.execute("UPDATE dealer SET time_zone = 'Nowhere/Land'")
    repair.ask_again(db, MONDAY)
    assert row(db, "SELECT told_at, due_at FROM declined_work") == (None, MONDAY + DAY)
