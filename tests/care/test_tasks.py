"""Tasks: whose, until when, how many a day, and what came of them."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import alert, budget, call, engine, handover, hours, script, task
from care.budget import Call
from care.errors import CareError
from care.store import tasks
from care.store.people import Dealer
from tests.care.world import MONDAY, World, build, find, one, row

HOUR = timedelta(hours=1)


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    return build(db)


def garage(zone: str, country: str, closures: tuple[date, ...] = ()) -> Dealer:
    return Dealer(1, "D", zone, "+1", time(8), time(17), [1, 2, 3, 4, 5], country, None, closures)


@given(
    st.integers(0, 1060 * 24 * 60),
    st.integers(0, 60 * 90),
    st.sampled_from([("America/New_York", "US"), ("Europe/Berlin", "DE"), ("Asia/Shanghai", "CN")]),
    st.lists(st.dates(date(2025, 1, 1), date(2027, 12, 31)), max_size=5),
)
def test_a_deadline_is_in_opening_hours_and_never_before_its_start(
    start_minute: int, minutes: int, where: tuple[str, str], closed: list[date]
) -> None:
    dealer = garage(*where, tuple(closed))
    begins = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=start_minute)
    due = hours.add_working_time(begins, timedelta(minutes=minutes), dealer)
    assert due >= begins
    assert hours.is_open(due, dealer)
    day = due.astimezone(ZoneInfo(dealer.time_zone)).date()
    assert day not in closed
    assert day not in hours.public_holidays(dealer.country, None, day.year)


def test_thanksgiving_and_the_dealers_own_day_are_no_working_days() -> None:
    wednesday = datetime(2026, 11, 25, 16, tzinfo=ZoneInfo("America/New_York"))
    dealer = garage("America/New_York", "US", (date(2026, 11, 27),))
    due = hours.add_working_time(wednesday, 2 * HOUR, dealer)
    assert due == datetime(2026, 11, 30, 9, tzinfo=ZoneInfo("America/New_York"))


CALLS = st.lists(
    st.builds(
        Call,
        st.integers(1, 10_000),
        st.one_of(st.none(), st.integers(1, 4)),
        st.floats(0, 150),
        st.booleans(),
    ),
    unique_by=lambda c: c.id,
    max_size=40,
)


@given(CALLS, st.dictionaries(st.integers(1, 4), st.integers(0, 10)))
def test_a_budget_never_hides_what_must_be_done_today(
    calls: list[Call], left: dict[int, int]
) -> None:
    chosen = budget.today(calls, left)
    assert {c.id for c in calls if c.must_today} <= chosen
    for owner, most in left.items():
        own = [c for c in calls if c.owner_id == owner]
        assert sum(c.id in chosen for c in own) <= max(most, sum(c.must_today for c in own))


def colleague(db: psycopg.Connection, world: World, name: str, role: str = "advisor") -> int:
    made = one(
        db,
        "INSERT INTO staff (dealer_id, name, email, password_hash, role)"
        " VALUES (%s, %s, lower(%s), 'x', %s) RETURNING id",
        world.dealer_id,
        name,
        f"{name}@x.example",
        role,
    )
    db.commit()
    return made


def a_task(db: psycopg.Connection, world: World, urgency: str = "soon") -> int:
    find(db, world.vehicle_id, MONDAY, urgency=urgency)
    engine.turn(db, lambda: MONDAY)
    return one(db, "SELECT id FROM task")


def test_of_two_claims_at_once_exactly_one_wins(
    db: psycopg.Connection, database: str, world: World
) -> None:
    key = a_task(db, world)
    people = [world.staff_id, colleague(db, world, "Tom")]
    start, answers = threading.Barrier(2), []

    def claim(staff_id: int) -> None:
        with psycopg.connect(database) as conn:
            start.wait()
            try:
                task.claim(conn, key, staff_id, MONDAY)
                conn.commit()
                answers.append("won")
            except CareError as error:
                answers.append(str(error))

    threads = [threading.Thread(target=claim, args=(p,)) for p in people]
    for one_ in threads:
        one_.start()
    for one_ in threads:
        one_.join()
    assert answers.count("won") == 1
    (lost,) = [a for a in answers if a != "won"]
    assert "has this task until" in lost


def test_a_claim_expires_and_a_manager_takes_over(db: psycopg.Connection, world: World) -> None:
    key = a_task(db, world)
    tom, boss = colleague(db, world, "Tom"), colleague(db, world, "Ruth", "manager")
    task.claim(db, key, world.staff_id, MONDAY)
    with pytest.raises(CareError, match="has this task until"):
        task.claim(db, key, tom, MONDAY + HOUR)
    with pytest.raises(CareError, match="has this task until"):
        task.done(db, key, f"staff:{tom}", "mine", MONDAY + HOUR)
    with pytest.raises(CareError, match="manager assigns"):
        task.assign(db, key, tom, tom, MONDAY + HOUR)
    assert task.claim(db, key, tom, MONDAY + task.CLAIM).owner_id == tom
    assert task.claim(db, key, boss, MONDAY + task.CLAIM).owner_id == boss
    assert task.assign(db, key, tom, boss, MONDAY + task.CLAIM).owner_id == tom


def test_a_watched_task_without_answer_becomes_a_call_and_then_goes_to_the_manager(
    db: psycopg.Connection, world: World
) -> None:
    key = a_task(db, world)
    boss = colleague(db, world, "Ruth", "manager")
    due = row(db, "SELECT deadline FROM task")[0]
    engine.turn(db, lambda: due - HOUR)
    assert row(db, "SELECT kind FROM task") == ("watch",)
    engine.turn(db, lambda: due)
    kind, action, later = row(db, "SELECT kind, next_action, deadline FROM task")
    assert kind == "call" and "No answer" in action and later > due
    engine.turn(db, lambda: later)
    engine.turn(db, lambda: later)  # once is enough
    assert row(db, "SELECT escalations, escalated_to FROM task") == (1, boss)
    again = row(db, "SELECT escalate_at FROM task")[0]
    engine.turn(db, lambda: again)
    assert row(db, "SELECT escalations FROM task") == (2,)
    assert one(db, "SELECT count(*) FROM audit WHERE action = 'task escalated'") == 2
    assert tasks.get(db, key)


def test_a_snooze_ends_by_itself_and_at_once_when_it_gets_worse(
    db: psycopg.Connection, world: World
) -> None:
    key = a_task(db, world)
    actor = f"staff:{world.staff_id}"
    with pytest.raises(CareError, match="still to come"):
        task.snooze(db, key, MONDAY, "away", actor, MONDAY)
    with pytest.raises(CareError, match="at most"):
        task.snooze(db, key, MONDAY + timedelta(days=99), "away", actor, MONDAY)
    task.snooze(db, key, MONDAY + HOUR, "away", actor, MONDAY)
    db.commit()
    engine.turn(db, lambda: MONDAY + HOUR)
    assert row(db, "SELECT snoozed_until FROM task") == (None,)
    task.snooze(db, key, MONDAY + 5 * HOUR, "away", actor, MONDAY + HOUR)
    find(db, world.vehicle_id, MONDAY + HOUR, urgency="stop", kind="refreshed")
    engine.turn(db, lambda: MONDAY + HOUR)
    assert row(db, "SELECT snoozed_until, kind, must_today FROM task") == (None, "call", True)


def test_three_calls_without_answer_fall_back_to_a_text(
    db: psycopg.Connection, world: World
) -> None:
    key, now = a_task(db, world), MONDAY
    for _ in range(2):
        now = call.not_reached(db, key, world.staff_id, "", now).snoozed_until or now
    assert now > MONDAY
    after = call.not_reached(db, key, world.staff_id, "", now)
    assert (after.kind, after.tries) == ("watch", 0)
    assert one(db, "SELECT count(*) FROM call") == 3
    assert one(db, "SELECT count(*) FROM outreach WHERE dedupe_key LIKE '%%calls:%%'") == 1


def test_declined_drops_the_text_with_its_reason(db: psycopg.Connection, world: World) -> None:
    key = a_task(db, world)
    with pytest.raises(CareError, match="why"):
        call.declined(db, key, "because", world.staff_id, "", MONDAY)
    call.declined(db, key, "too_expensive", world.staff_id, "", MONDAY)
    state, reason = row(db, "SELECT state, reason FROM outreach")
    assert state == "dropped" and "declined" in reason
    assert row(db, "SELECT state FROM task") == ("done",)


def test_wrong_number_and_sold_car(db: psycopg.Connection, world: World) -> None:
    key = a_task(db, world)
    assert call.wrong_number(db, key, world.staff_id, "", MONDAY).kind == "handle"
    assert row(db, "SELECT stopped FROM suppression") == (True,)
    after = call.sold(db, key, world.staff_id, "", MONDAY)
    assert (after.kind, after.customer_id) == ("handle", None)
    assert row(db, "SELECT upper(during) FROM ownership") == (MONDAY,)


@pytest.mark.parametrize(
    ("code", "label"), [("sensor_fault", "no_fault_found"), ("customer_knows", None)]
)
def test_a_dismissal_labels_the_alert(
    db: psycopg.Connection, world: World, code: str, label: str | None
) -> None:
    a_task(db, world)
    key = one(db, "SELECT id FROM alert")
    with pytest.raises(CareError, match="reasons"):
        alert.dismiss(db, key, "staff:1", "", MONDAY, "nonsense")
    alert.dismiss(db, key, f"staff:{world.staff_id}", "", MONDAY, code)
    assert row(db, "SELECT reason, label FROM dismissal_label") == (code, label)


def test_a_case_goes_to_a_technician_and_comes_back(db: psycopg.Connection, world: World) -> None:
    key = a_task(db, world)
    dana, ines = colleague(db, world, "Dana", "technician"), colleague(db, world, "I", "insurance")

    def give(note: str) -> tasks.Handover:
        return handover.hand_over(
            db,
            key,
            to_role="technician",
            to_staff_id=None,
            note=note,
            from_staff_id=world.staff_id,
            now=MONDAY,
        )

    with pytest.raises(CareError, match="what your colleague"):
        give(" ")
    case = give("Battery or alternator?")
    with pytest.raises(CareError, match="already"):
        give("again")
    with pytest.raises(CareError, match="not handed to you"):
        handover.accept(db, case.id, ines, MONDAY)
    handover.accept(db, case.id, dana, MONDAY)
    after = handover.give_back(db, case.id, dana, "It is the battery", MONDAY)
    assert after.next_action.startswith("Dana says: It is the battery.")


@pytest.mark.parametrize("language", script.LANGUAGES)
@pytest.mark.parametrize("urgency", ["stop", "soon", "service"])
def test_a_script_has_its_facts(
    db: psycopg.Connection, world: World, language: str, urgency: str
) -> None:
    found = tasks.get(db, a_task(db, world, urgency))
    assert found
    made = script.script(db, found, "Avery", language, MONDAY)
    words = " ".join(made.lines)
    assert "Avery" in words and "Toyota Corolla 2021" in words and "Cranks at 8.9 V" in words
    assert "{" not in words and len(made.facts.slots) == 3
