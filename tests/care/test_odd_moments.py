"""What happens when things come in an odd order, twice, or while a clock jumps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest

from care import booking, engine, outreach, task, webhooks
from care.errors import CareError
from care.outreach import Policy
from care.sender import Claimed, Judged, claim
from care.store import outbox, people
from record.flow import Booking
from tests.care.world import MONDAY, PAPER, World, build, find, inbound, one, row, send

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def always(at: datetime) -> Callable[[], datetime]:
    """A clock that stands."""
    return lambda: at


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    return build(db)


def test_an_alert_closes_when_all_who_raised_it_have_recovered(
    db: psycopg.Connection, world: World
) -> None:
    def told(detector: str, kind: str, minutes: int) -> tuple[Any, ...]:
        at = MONDAY + minutes * MINUTE
        cause = "coolant_overheat"
        find(db, world.vehicle_id, at, cause, kind, "stop", detector=detector)
        engine.turn(db, always(at))
        return row(db, "SELECT state, reopened FROM alert")

    assert told("coolant_overheat", "raised", 0) == ("open", 0)
    assert told("dtc_raised", "raised", 1) == ("open", 0)
    assert told("coolant_overheat", "recovered", 2) == ("open", 0), "P0217 is still stored"
    assert told("coolant_overheat", "raised", 3) == ("open", 0)
    assert told("dtc_raised", "recovered", 4) == ("open", 0), "it is still hot"
    assert told("coolant_overheat", "recovered", 5) == ("closed", 0)
    assert told("dtc_raised", "raised", 6) == ("open", 1)
    assert told("dtc_raised", "recovered", 7) == ("closed", 1)


def test_a_booked_alert_is_not_well_while_another_detector_speaks(
    db: psycopg.Connection, world: World
) -> None:
    for detector in ("low_voltage", "dtc_raised"):
        find(db, world.vehicle_id, MONDAY, detector=detector)
    engine.turn(db, lambda: MONDAY)
    send(db, MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "1"), MONDAY)
    engine.turn(db, lambda: MONDAY)
    find(db, world.vehicle_id, MONDAY + MINUTE, kind="recovered")
    engine.turn(db, lambda: MONDAY + MINUTE)
    booking.cancel(db, 1, "customer:1", MONDAY + MINUTE)
    assert row(db, "SELECT state FROM alert") == ("open",)
    assert one(db, "SELECT count(*) FROM task WHERE state = 'open'") == 1


def test_a_recovery_does_not_overtake_the_finding_that_it_ends(
    db: psycopg.Connection, world: World
) -> None:
    db.execute("UPDATE dealer SET time_zone = 'Nowhere/Land'")
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert one(db, "SELECT count(*) FROM setback") == 1
    find(db, world.vehicle_id, MONDAY + MINUTE, kind="recovered")
    engine.turn(db, lambda: MONDAY + MINUTE)
    db.execute("UPDATE dealer SET time_zone = 'America/Chicago'")
    db.execute("UPDATE setback SET next_at = now() - interval '1 s'")
    engine.turn(db, lambda: MONDAY + 2 * MINUTE)
    engine.turn(db, lambda: MONDAY + 2 * MINUTE)
    assert row(db, "SELECT state FROM alert") == ("closed",)
    assert one(db, "SELECT count(*) FROM setback") == 0, "what was handled waits no more"


def test_stop_holds_though_the_clock_has_jumped_back(db: psycopg.Connection, world: World) -> None:
    """Two processes answer Twilio, and the clock of one is some seconds ahead."""
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "START"), MONDAY + timedelta(seconds=5))
    webhooks.inbound(db, inbound(2, world.phone, "STOP"), MONDAY)
    assert people.stopped(db, world.phone) == MONDAY
    assert send(db, MONDAY + MINUTE) is None, "nothing goes out before what came in was read"
    while engine.turn(db, lambda: MONDAY + MINUTE):
        pass
    while isinstance(dropped := send(db, MONDAY + MINUTE), Claimed):
        assert "unsubscribed" in dropped.body or "again" in dropped.body, "answers only"
    assert isinstance(dropped, Judged) and dropped.code == "stop"


def test_an_answer_means_the_offer_that_the_customer_had_seen(
    db: psycopg.Connection, world: World
) -> None:
    """Two cars in one household: the second text waits until the first's answer was taken up."""
    second_car = one(
        db, "INSERT INTO vehicle (vin, dealer_id) VALUES ('1HGBH41JXMN109186', 1) RETURNING id"
    )
    db.execute(
        """INSERT INTO ownership (vehicle_id, customer_id, during)
           VALUES (%s, %s, tstzrange('2021-01-01Z', NULL))""",
        (second_car, world.customer_id),
    )
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    send(db, MONDAY, 1)
    find(db, second_car, MONDAY, cause="coolant_overheat", urgency="stop")
    engine.turn(db, lambda: MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "2"), MONDAY + MINUTE)
    db.commit()  # it is stored, and no desk is at work
    assert send(db, MONDAY + MINUTE, 2) is None
    engine.turn(db, lambda: MONDAY + MINUTE)
    assert row(db, "SELECT vehicle_id FROM booking") == (world.vehicle_id,)
    second = send(db, MONDAY + MINUTE, 2)
    assert isinstance(second, Claimed) and "too hot" in second.body


def test_a_car_is_not_booked_into_two_bays_at_once(db: psycopg.Connection, world: World) -> None:
    (slot, *_) = booking.find_slots(db, dealer_id=1, op_code="DIAG", now=MONDAY)
    for n, bay in enumerate((slot, slot)):
        args: dict[str, Any] = {
            "dealer_id": world.dealer_id,
            "vehicle_id": world.vehicle_id,
            "customer_id": world.customer_id,
            "alert_id": None,
            "op_code": "DIAG",
            "source": "slot page",
            "now": MONDAY,
        }
        if n == 0:
            held = booking.hold(db, slot=bay, **args)
            assert isinstance(held, Booking)
            booking.confirm(db, held.id, MONDAY)
            continue
        (other, *_) = booking.find_slots(db, dealer_id=1, op_code="DIAG", now=MONDAY)
        assert other.starts_at == slot.starts_at and other.bay_id != slot.bay_id
        with pytest.raises(CareError, match="in the workshop already"):
            booking.hold(db, slot=other, **args)


def test_a_car_sold_to_a_customer_of_another_dealer(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    task.claim(db, 1, world.staff_id, MONDAY)
    other = one(
        db,
        """INSERT INTO dealer (name, time_zone, phone)
           VALUES ('Bay City', 'America/Los_Angeles', '+14155550199') RETURNING id""",
    )
    buyer = one(
        db,
        """INSERT INTO customer (dealer_id, name, phone, time_zone)
           VALUES (%s, 'Alan Kay', '+14155550001', 'America/Los_Angeles') RETURNING id""",
        other,
    )
    db.execute("UPDATE ownership SET during = tstzrange('2021-01-01Z', %s)", (MONDAY,))
    db.execute(
        """INSERT INTO ownership (vehicle_id, customer_id, during)
           VALUES (%s, %s, tstzrange(%s, NULL))""",
        (world.vehicle_id, buyer, MONDAY),
    )
    dropped = send(db, MONDAY + MINUTE)
    assert isinstance(dropped, Judged) and dropped.code == "sold"
    found = row(db, "SELECT dealer_id, customer_id, owner_id FROM task WHERE state = 'open'")
    assert found == (other, buyer, None)


def test_a_danger_that_comes_and_goes_is_told_once_a_day(
    db: psycopg.Connection, world: World
) -> None:
    sent = 0
    for hour in range(0, 8, 2):
        at = MONDAY + timedelta(hours=hour)
        find(db, world.vehicle_id, at, "dtc_p0524", "raised", "stop")
        engine.turn(db, always(at))
        sent += isinstance(send(db, at, hour + 1), Claimed)
        find(db, world.vehicle_id, at + MINUTE, "dtc_p0524", "recovered")
        engine.turn(db, always(at + MINUTE))
        send(db, at + MINUTE)
    assert sent == 1


def test_what_was_dropped_may_be_written_again(db: psycopg.Connection, world: World) -> None:
    first = outreach.write(db, customer_id=1, body="Hi", actor="staff:1", now=MONDAY)
    outbox.drop(db, first.id, "There is no phone number.", MONDAY)
    again = outreach.write(db, customer_id=1, body="Hi", actor="staff:1", now=MONDAY + MINUTE)
    assert again.id != first.id


def test_the_first_text_ever_tells_of_stop(db: psycopg.Connection, world: World) -> None:
    outreach.write(db, customer_id=1, body="Your wipers are here.", actor="staff:1", now=MONDAY)
    first = send(db, MONDAY, 1)
    assert isinstance(first, Claimed)
    assert first.body == "Your wipers are here. Reply STOP to opt out."
    outreach.write(db, customer_id=1, body="And fitted.", actor="staff:1", now=MONDAY)
    second = send(db, MONDAY, 2)
    assert isinstance(second, Claimed) and second.body == "And fitted."


def test_what_gets_worse_while_it_is_booked_is_called_about(
    db: psycopg.Connection, world: World
) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    send(db, MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "3"), MONDAY)
    engine.turn(db, lambda: MONDAY)
    assert one(db, "SELECT count(*) FROM task WHERE state = 'open'") == 0
    find(db, world.vehicle_id, MONDAY + MINUTE, kind="refreshed", urgency="stop")
    engine.turn(db, lambda: MONDAY + MINUTE)
    assert row(db, "SELECT kind FROM task WHERE state = 'open'") == ("call",)
    assert one(db, "SELECT count(*) FROM outreach WHERE template LIKE 'alert%%'") == 1


def test_danger_overtakes_the_crowd(db: psycopg.Connection) -> None:
    world = build(db, customers=3)
    for n, car in enumerate(world.vehicles):
        at = MONDAY + n * MINUTE
        find(
            db,
            car,
            at,
            "dtc_p0524" if n == 2 else "battery_12v",
            "raised",
            ("soon", "stop")[n == 2],
        )
        engine.turn(db, always(at))
    first = send(db, MONDAY + 3 * MINUTE)
    assert isinstance(first, Claimed) and "oil pressure is too low" in first.body


class Crash(BaseException):
    """The process dies here."""


@contextmanager
def dying_at(statement: int) -> Iterator[None]:
    """Die at the n-th statement from here."""
    left = statement
    alive = psycopg.Cursor.execute

    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Crash
        return alive(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", execute)
        yield


def survive(conn: psycopg.Connection, work: Callable[[], object]) -> int:
    """Do `work`, dying at its first statement, at its second ...; returns how often it died."""
    for deaths in count():
        try:
            with dying_at(deaths + 1):
                work()
                return deaths
        except Crash:
            conn.rollback()
    raise AssertionError


def test_a_death_between_any_two_statements_changes_nothing(
    db: psycopg.Connection, world: World
) -> None:
    find(db, world.vehicle_id, MONDAY)
    deaths = survive(db, lambda: engine.turn(db, lambda: MONDAY))

    def claimed() -> None:
        assert isinstance(claim(db, MONDAY, Policy(), PAPER), Claimed)
        db.commit()

    deaths += survive(db, claimed)
    db.execute("UPDATE outreach SET state = 'sent', provider_sid = 'SM1', sent_at = %s", (MONDAY,))

    def answered() -> None:
        webhooks.inbound(db, inbound(1, world.phone, "2"), MONDAY)
        db.commit()

    deaths += survive(db, answered)
    deaths += survive(db, lambda: engine.turn(db, lambda: MONDAY))
    assert deaths > 60
    engine.turn(db, lambda: MONDAY)
    counts = {
        table: one(db, f"SELECT count(*) FROM {table}")  # noqa: S608
        for table in ("alert", "alert_finding", "task", "outreach", "reply", "booking", "setback")
    }
    ones = dict.fromkeys(("alert", "alert_finding", "task", "reply", "booking"), 1)
    assert counts == ones | {"outreach": 2, "setback": 0}
    done = db.execute(
        "SELECT action, count(*) FROM audit GROUP BY 1 HAVING count(*) > 1"
    ).fetchall()
    assert done == [], "nothing is done twice"
    assert row(db, "SELECT state FROM booking") == ("booked",)


def test_nobody_reads_the_same_words_twice_in_a_day(db: psycopg.Connection, world: World) -> None:
    def tell(key: str, now: datetime) -> None:
        outreach.plan(
            db, customer_id=world.customer_id, template="thanks", purpose="reply",
            dedupe_key=key, body="Thank you. Your car is ready.", answers_at=now, now=now,
        )  # fmt: skip
        db.commit()

    tell("one", MONDAY)
    assert isinstance(send(db, MONDAY), Claimed)
    tell("two", MONDAY + 30 * MINUTE)
    again = send(db, MONDAY + 30 * MINUTE, 2)
    assert isinstance(again, Judged) and again.code == "repeated"
    assert "same words" in row(db, "SELECT reason FROM outreach WHERE state = 'dropped'")[0]
    tell("three", MONDAY + DAY + MINUTE)
    assert isinstance(send(db, MONDAY + DAY + MINUTE, 3), Claimed)
