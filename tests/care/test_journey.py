"""Journeys: what the plans may say, what becomes of who is on one, and what may never happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import alert, booking, campaign, engine, journey, outlook, repair, webhooks
from care.errors import CareError
from care.journey import Do, Done, Pass, Stop, Wait
from care.outreach import Policy
from care.sender import Claimed, Judged
from care.store import people
from care.store.journeys import Facts
from record.flow import Booking
from tests.care.world import MONDAY, World, build, find, inbound, one, row, send

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

NOTHING = Facts(False, False, False, False, False, False, False, False, False, None)

PLAN = journey.parse("""
title: A plan
purpose: service
begins: [alert.soon]
stops: [booked]
steps:
  - text: alert
  - {after: 3 days, unless: [answered], text: alert.follow_up}
  - {at: 20 hours before the booking, text: reminder}
  - {after: 2 days, only_if: [rated], task: Call them}
""")


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    return build(db)


# -- the plans -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(journey.shipped()))
def test_shipped_plans_can_be_read(name: str) -> None:
    plan = journey.parse(journey.shipped()[name])
    assert plan.title and plan.steps


def test_every_trigger_begins_something() -> None:
    begun = {t for source in journey.shipped().values() for t in journey.parse(source).begins}
    assert begun == set(journey.TRIGGERS)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("", "line 1"),
        ("title: [", "line 1: this is not YAML"),
        ("title: A\ntitle: B", "line 2: title stands here twice"),
        ("a: &x 1\nb: *x", "write it out"),
        ("title: !!python/object/apply:os.system ['id']", "line 1"),
        ("{purpose}", "line 1"),
        ("steps:\n  - {text: gossip}", "line 2: steps.0.text: 'gossip': there are"),
        ("steps:\n  - {text: alert, task: Call them}", "either a text or a task"),
        ("steps:\n  - {after: soon, text: alert}", "write 30 minutes"),
        ("steps:\n  - {at: at noon, text: alert}", "write 20 hours before the booking"),
        ("steps:\n  - {text: alert, unless: [bored]}", "'bored': there are answered"),
        ("steps:\n  - {text: alert, channels: [pigeon]}", "'pigeon': there are sms"),
        ("steps:\n  - {text: alert, channels: [sms, sms]}", "each channel once"),
        ("begins: [full.moon]", "'full.moon': there are alert.stop"),
        ("purpose: spam", "line 1: purpose"),
        ("steps: []", "steps"),
        ("colour: red", "line 1: colour"),
        ("- 1\n- 2", "line 1"),
        ("[" * 5000, "line 1"),
    ],
)
def test_a_plan_that_can_not_be_says_where_and_why(broken: str, says: str) -> None:
    with pytest.raises(CareError) as error:
        journey.parse(broken)
    assert says in str(error.value)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        journey.parse(text)
    except CareError as error:
        assert str(error).startswith("line ")


# -- what becomes of who is on one -----------------------------------------------------------------


def ahead(number: int, facts: Facts, days: float, now: float) -> object:
    since = MONDAY + days * DAY
    return journey.decide(PLAN, number, facts, began_at=MONDAY, since=since, now=MONDAY + now * DAY)


def test_it_waits_looks_and_does() -> None:
    assert isinstance(ahead(0, NOTHING, 0, 0), Do)
    assert ahead(1, NOTHING, 0, 2.9) == Wait(MONDAY + 3 * DAY)
    assert isinstance(ahead(1, NOTHING, 0, 3), Do)
    assert ahead(1, replace(NOTHING, answered=True), 0, 3) == Pass("answered")
    assert ahead(1, replace(NOTHING, booked=True), 0, 1) == Stop("booked")
    assert ahead(2, NOTHING, 3, 3) == Pass("there is no booking")
    booked = replace(NOTHING, booking_starts_at=MONDAY + 5 * DAY)
    assert ahead(2, booked, 3, 3) == Wait(MONDAY + 5 * DAY - 20 * HOUR)
    assert isinstance(ahead(2, booked, 3, 4.5), Do)
    assert ahead(2, booked, 3, 5.1) == Pass("the appointment has passed")
    near = replace(NOTHING, booking_starts_at=MONDAY + 1.2 * DAY)
    assert ahead(2, near, 0, 0.5) == Pass("the appointment is too near")
    assert ahead(3, NOTHING, 4, 6) == Pass("not rated")
    assert isinstance(ahead(3, replace(NOTHING, rated=True), 4, 6), Do)
    assert ahead(4, NOTHING, 4, 6) == Done()


flags = st.booleans()


@given(
    st.builds(
        Facts, flags, flags, flags, flags, flags, flags, flags, flags, flags,
        st.none() | st.floats(0, 20).map(lambda days: MONDAY + days * DAY),
    ),
    st.floats(0, 30),
)  # fmt: skip
def test_what_lies_ahead_comes_once_in_order_and_ends(facts: Facts, days: float) -> None:
    for source in journey.shipped().values():
        plan = journey.parse(source)
        now = MONDAY + days * DAY
        steps = list(outlook.walk(plan, 0, facts, MONDAY, MONDAY, now))
        numbers = [number for _, number, _ in steps]
        assert numbers == list(range(len(numbers))) and len(numbers) <= len(plan.steps)
        times = [at for at, _, _ in steps]
        assert times == sorted(times)
        if any(journey.holds(condition, facts) for condition in plan.stops):
            assert not any(isinstance(turn, Do) for _, _, turn in steps)


# -- on a real database ----------------------------------------------------------------------------


def planned(db: psycopg.Connection) -> list[str]:
    return [r[0] for r in db.execute("SELECT template FROM outreach ORDER BY id").fetchall()]


def test_silence_brings_one_more_text_and_then_a_call(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert isinstance(send(db, MONDAY), Claimed)
    for hours in range(1, 24 * 9, 5):
        now = MONDAY + hours * HOUR
        engine.turn(db, partial(datetime.astimezone, now, UTC))
        send(db, now, 100 + hours)
    assert planned(db) == ["alert.soon", "alert.follow_up"]
    assert row(db, "SELECT state FROM enrolment") == ("done",)
    kind, action = row(db, "SELECT kind, next_action FROM task")
    assert kind == "call" and action.startswith("No answer to two messages.")


def test_who_answers_is_not_asked_again(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    send(db, MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "What is it?"), MONDAY + HOUR)
    db.commit()
    engine.turn(db, lambda: MONDAY + HOUR)
    engine.turn(db, lambda: MONDAY + 4 * DAY)
    engine.turn(db, lambda: MONDAY + 9 * DAY)
    assert planned(db) == ["alert.soon"]


def test_an_appointment_is_reminded_of_and_a_moved_one_is_not(
    db: psycopg.Connection, world: World
) -> None:
    kept = booked(db, world, MONDAY)
    assert isinstance(send(db, MONDAY), Claimed)  # the confirmation
    starts = kept.starts_at
    engine.turn(db, lambda: starts - 49 * HOUR)
    assert planned(db) == ["confirmed"]
    engine.turn(db, lambda: starts - 47 * HOUR)
    assert planned(db) == ["confirmed", "reminder"]
    text = send(db, starts - 47 * HOUR, 2)
    assert isinstance(text, Claimed) and "See you" in text.body
    engine.turn(db, lambda: starts - 19 * HOUR)
    booking.cancel(db, kept.id, "staff:1", starts - 19 * HOUR)
    db.commit()
    dropped = send(db, starts - 19 * HOUR, 3)
    assert isinstance(dropped, Judged) and dropped.code == "cancelled"
    engine.turn(db, lambda: starts + DAY)
    assert planned(db) == ["confirmed", "reminder", "reminder"]


def booked(db: psycopg.Connection, world: World, now: datetime, after: int = 6) -> Booking:
    slots = booking.find_slots(
        db, dealer_id=world.dealer_id, op_code="DIAG", now=now + after * DAY, count=1
    )
    got = booking.book(
        db, slot=slots[0], dealer_id=world.dealer_id, vehicle_id=world.vehicle_id,
        customer_id=world.customer_id, alert_id=None, op_code="DIAG", source="staff:1", now=now,
    )  # fmt: skip
    assert isinstance(got, Booking)
    db.commit()
    return got


def test_who_did_not_come_is_asked_for_a_new_time(db: psycopg.Connection, world: World) -> None:
    kept = booked(db, world, MONDAY)
    send(db, MONDAY)
    later = kept.starts_at + HOUR
    booking.no_show(db, kept.id, "staff:1", later)
    db.commit()
    engine.turn(db, lambda: later + HOUR)
    text = send(db, later + HOUR, 2)
    assert isinstance(text, Claimed) and "missed you" in text.body and "/b/" in text.body


def test_after_the_visit_thanks_and_then_a_question(db: psycopg.Connection, world: World) -> None:
    kept = booked(db, world, MONDAY)
    send(db, MONDAY)
    order = booking.arrive(db, kept.id, "staff:1", kept.starts_at)
    repair.start(db, order.id, "staff:1", kept.starts_at)
    closed = kept.starts_at + 2 * HOUR
    repair.close(
        db, order.id, cause="", correction="Read codes", finding="confirmed",
        actor="staff:1", now=closed,
    )  # fmt: skip
    db.commit()
    assert isinstance(send(db, closed, 2), Claimed)
    engine.turn(db, lambda: closed + 25 * HOUR)
    assert planned(db)[-2:] == ["thanks", "rating"]
    text = send(db, closed + 25 * HOUR, 3)
    assert isinstance(text, Claimed) and "Reply 1 (poor)" in text.body and "/r/" in text.body


def test_a_newer_alert_takes_the_older_ones_place(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    find(db, world.vehicle_id, MONDAY + HOUR, kind="refreshed", urgency="stop")
    engine.turn(db, lambda: MONDAY + HOUR)
    assert planned(db) == ["alert.soon", "alert.stop"]
    assert sorted(db.execute("SELECT state, reason FROM enrolment").fetchall(), key=str) == [
        ("done", None),
        ("stopped", "superseded"),
    ]


@given(st.lists(st.tuples(st.floats(0, 12), st.booleans()), max_size=6))
def test_no_interleaving_plans_a_step_twice(turns: list[tuple[float, bool]]) -> None:
    """The decision alone: whoever crashes between two turns begins where the row stands."""
    number, since, done = 0, MONDAY, []
    for days, crashes in sorted(turns):
        at, now, before = number, MONDAY + days * DAY, since
        told = []
        while isinstance(
            turn := journey.decide(PLAN, at, NOTHING, began_at=MONDAY, since=before, now=now),
            Do | Pass,
        ):
            if isinstance(turn, Do):
                told.append(at)
                before = now
            at += 1
        if not crashes:  # all or nothing: one transaction
            number, since = at, before
            done += told
    assert len(done) == len(set(done))


def test_a_manager_changes_a_plan_and_goes_back(db: psycopg.Connection, world: World) -> None:
    assert journey.install(db, MONDAY) == len(journey.shipped())
    assert journey.install(db, MONDAY) == 0
    shorter = journey.shipped()["fault_can_wait"].replace("3 days", "1 day")
    assert journey.save(db, "fault_can_wait", shorter, "staff:1", MONDAY) == 2
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert row(db, "SELECT next_at FROM enrolment") == (MONDAY + DAY,)
    journey.activate(db, "fault_can_wait", 1, "staff:1", MONDAY)
    assert row(db, "SELECT version FROM journey WHERE name = 'fault_can_wait' AND active") == (1,)
    assert journey.install(db, MONDAY) == 0, "what a person made stays"
    engine.turn(db, lambda: MONDAY + DAY)
    assert "alert.follow_up" in planned(db), "who began it stays on their version"
    for name, version in (("fault_can_wait", 9), ("nothing", 1)):
        with pytest.raises(CareError):
            journey.activate(db, name, version, "staff:1", MONDAY)
    with pytest.raises(CareError, match="line 1"):
        journey.save(db, "fault_can_wait", "title: x", "staff:1", MONDAY)


def test_what_comes_is_told_with_its_reason(db: psycopg.Connection, world: World) -> None:
    night = MONDAY + 12 * HOUR
    find(db, world.vehicle_id, night)
    engine.turn(db, lambda: night)
    coming = outlook.of_customer(db, world.customer_id, night, Policy())
    assert [(c.what, c.verdict) for c in coming] == [
        ("alert.follow_up", "held"),
        ("No answer to two messages", "sent"),
    ]
    assert "for the customer" in coming[0].why
    people.add_suppression(db, world.phone, True, "reply STOP", night)
    coming = outlook.of_customer(db, world.customer_id, night, Policy())
    assert coming[0].verdict == "not sent" and "STOP" in coming[0].why


# -- many at once ----------------------------------------------------------------------------------


def test_a_campaign_leaves_some_out_and_writes_to_the_others(db: psycopg.Connection) -> None:
    world = build(db, customers=30)
    for customer in world.customers:
        people.add_consent(db, customer, "marketing", True, "web form", "v1", MONDAY)
    number = campaign.start(
        db, dealer_id=world.dealer_id, kind="seasonal", title="winter is coming",
        conditions=campaign.Conditions(make="toyota", year_from=2020), hold_out=0.3,
        actor="staff:1", now=MONDAY,
    )  # fmt: skip
    out = one(db, "SELECT count(*) FROM campaign_car WHERE held_out AND campaign_id = %s", number)
    assert 0 < out < 20
    assert one(db, "SELECT count(*) FROM outreach") == 30 - out
    text = send(db, MONDAY)
    assert isinstance(text, Claimed) and "winter is coming" in text.body and "STOP" in text.body


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"kind": "party"}, "one of recall, seasonal"),
        ({"title": "x"}, "3 to 80 letters"),
        ({"hold_out": 0.9}, "no more than half"),
        ({"kind": "recall", "hold_out": 0.1}, "nobody is left out"),
        ({"conditions": campaign.Conditions(make="Trabant")}, "No car"),
        ({"conditions": campaign.Conditions(km_from=10)}, "No car"),
    ],
)
def test_a_campaign_that_can_not_be(
    db: psycopg.Connection, world: World, more: dict[str, object], says: str
) -> None:
    wish: dict[str, object] = {
        "kind": "seasonal", "title": "winter", "conditions": campaign.Conditions(), "hold_out": 0.0,
    }  # fmt: skip
    with pytest.raises(CareError, match=says):
        campaign.start(
            db,
            dealer_id=world.dealer_id,
            actor="staff:1",
            now=MONDAY,
            **{**wish, **more},  # type: ignore[arg-type]
        )
    assert one(db, "SELECT count(*) FROM campaign") == 0


def test_once_a_day_it_looks_for_who_stayed_away(db: psycopg.Connection, world: World) -> None:
    engine.turn(db, lambda: MONDAY)
    assert one(db, "SELECT count(*) FROM enrolment") == 0, "nobody agreed to marketing"
    people.add_consent(db, world.customer_id, "marketing", True, "web form", "v1", MONDAY)
    engine.turn(db, lambda: MONDAY + HOUR)
    assert one(db, "SELECT count(*) FROM enrolment") == 0, "looked today already"
    engine.turn(db, lambda: MONDAY + DAY)
    assert planned(db) == ["win_back"]
    engine.turn(db, lambda: MONDAY + 2 * DAY)
    assert planned(db) == ["win_back"], "once for each absence"
    new_year = datetime.fromisoformat("2027-01-01T16:00:00+00:00")
    engine.turn(db, lambda: new_year)
    assert planned(db) == ["win_back", "birthday"]


def test_a_dismissed_alert_ends_its_journey(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    number = one(db, "SELECT id FROM alert")
    alert.dismiss(db, number, "staff:1", "Known", MONDAY + HOUR)
    db.commit()
    engine.turn(db, lambda: MONDAY + 4 * DAY)
    assert row(db, "SELECT state, reason FROM enrolment") == ("stopped", "closed")
    assert planned(db) == ["alert.soon"]
