"""Overbooking cannot happen, whoever tries and however many at once."""

import random
import threading
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care import booking
from care.booking import Taken
from care.errors import CareError
from record.flow import Booking, Slot
from tests.care.world import MONDAY, World, build, one

OVERLAPS = """
    SELECT count(*) FROM booking AS a JOIN booking AS b ON a.id < b.id
        AND a.during && b.during
        AND (a.bay_id = b.bay_id OR a.technician_id = b.technician_id)
    WHERE a.state IN ('held', 'booked', 'arrived', 'done')
      AND b.state IN ('held', 'booked', 'arrived', 'done')
"""


def hold(
    conn: psycopg.Connection, world: World, slot: Slot, who: int = 0, late: timedelta | None = None
) -> Booking | Taken:
    return booking.hold(
        conn,
        slot=slot,
        dealer_id=world.dealer_id,
        vehicle_id=world.vehicles[who],
        customer_id=world.customers[who],
        alert_id=None,
        op_code="DIAG",
        source="slot page",
        now=MONDAY + (late or timedelta()),
    )


def slots(conn: psycopg.Connection, world: World, count: int = 3) -> list[Slot]:
    return booking.find_slots(
        conn, dealer_id=world.dealer_id, op_code="DIAG", now=MONDAY, count=count
    )


def test_a_hold_expires_and_may_still_be_confirmed(db: psycopg.Connection) -> None:
    world = build(db, customers=2, bays=1, technicians=1)
    (slot, *_) = slots(db, world)
    first = hold(db, world, slot)
    assert isinstance(first, Booking)
    assert isinstance(hold(db, world, slot, who=1), Taken)
    later = timedelta(minutes=11)
    second = hold(db, world, slot, who=1, late=later)
    assert isinstance(second, Booking), "the first hold has run out"
    assert isinstance(booking.confirm(db, first.id, MONDAY + later), Taken)
    booking.cancel(db, second.id, "customer:2", MONDAY + later)
    kept = booking.confirm(db, first.id, MONDAY + later)
    assert isinstance(kept, Booking) and kept.state == "booked", "nobody wanted it meanwhile"
    assert booking.confirm(db, first.id, MONDAY + later) == kept
    assert one(db, "SELECT count(*) FROM outreach WHERE template = 'confirmed'") == 1


def test_a_customer_holds_one_slot_at_a_time(db: psycopg.Connection) -> None:
    world = build(db)
    for slot in slots(db, world):
        assert isinstance(hold(db, world, slot), Booking)
    assert one(db, "SELECT count(*) FROM booking WHERE state = 'held'") == 1


def test_refusals_are_for_people(db: psycopg.Connection) -> None:
    world = build(db)
    (slot, *_) = slots(db, world)
    hour = timedelta(hours=1)
    night = replace(slot, starts_at=slot.starts_at + 12 * hour, ends_at=slot.ends_at + 12 * hour)
    for odd in (
        night,
        replace(slot, ends_at=slot.ends_at + hour),
        replace(slot, bay_id=99),
        replace(slot, technician_id=99),
    ):
        with pytest.raises(CareError, match="not a time that the workshop offers"):
            hold(db, world, odd)
    assert isinstance(hold(db, world, slot, late=timedelta(days=9)), Taken)
    held = hold(db, world, slot)
    assert isinstance(held, Booking)
    with pytest.raises(CareError, match="make a new one"):
        booking.arrive(db, held.id, "staff:1", MONDAY)
    booking.confirm(db, held.id, MONDAY)
    with pytest.raises(CareError, match="not time yet"):
        booking.no_show(db, held.id, "staff:1", MONDAY)
    booking.arrive(db, held.id, "staff:1", slot.starts_at)
    with pytest.raises(CareError, match="in the shop"):
        booking.cancel(db, held.id, "staff:1", slot.starts_at)
    with pytest.raises(CareError, match="no booking 77"):
        booking.confirm(db, 77, MONDAY)


def race(database: str, world: World, seed: int, tries: int, threads: int) -> list[str]:
    """Threads hold, confirm and cancel at random. Returns what must not happen."""
    wrong: list[str] = []

    def customer(who: int) -> None:
        dice = random.Random(seed * 100 + who)
        try:
            with psycopg.connect(database) as conn:
                for _ in range(tries):
                    offered = slots(conn, world, count=6)
                    conn.commit()
                    try:
                        got = hold(conn, world, dice.choice(offered), who)
                    except CareError as error:
                        assert "in the workshop already" in str(error)
                        conn.rollback()
                        continue
                    conn.commit()
                    if isinstance(got, Booking) and dice.random() < 0.7:
                        booking.confirm(conn, got.id, MONDAY)
                        conn.commit()
                    if isinstance(got, Booking) and dice.random() < 0.3:
                        booking.cancel(conn, got.id, f"customer:{who}", MONDAY)
                        conn.commit()
        except Exception as error:  # whatever it is, the test tells
            wrong.append(repr(error))

    crowd = [threading.Thread(target=customer, args=(n,)) for n in range(threads)]
    for one_of_them in crowd:
        one_of_them.start()
    for one_of_them in crowd:
        one_of_them.join()
    return wrong


def test_a_crowd_never_overbooks(database: str, db: psycopg.Connection) -> None:
    world = build(db, customers=8, bays=2, technicians=2)

    @settings(max_examples=3)
    @given(st.integers(0, 1000))
    def whatever_the_order(seed: int) -> None:
        assert race(database, world, seed, tries=5, threads=8) == []
        db.commit()
        assert one(db, OVERLAPS) == 0

    whatever_the_order()
    assert one(db, "SELECT count(*) FROM booking WHERE state = 'booked'") > 10


def test_sixty_want_the_same_ten_slots(database: str, db: psycopg.Connection) -> None:
    world = build(db, customers=60, bays=1, technicians=1)
    wanted = booking.find_slots(db, dealer_id=world.dealer_id, op_code="DIAG", now=MONDAY, count=10)
    db.commit()
    answers: list[Booking | Taken] = []

    def customer(who: int) -> None:
        with psycopg.connect(database) as conn:
            for n in range(who, who + 10):
                got = hold(conn, world, wanted[n % 10], who)
                conn.commit()
                if isinstance(got, Booking):
                    break
            answers.append(got)

    threads = [threading.Thread(target=customer, args=(n,)) for n in range(60)]
    for batch in (threads[:20], threads[20:40], threads[40:]):
        for thread in batch:
            thread.start()
        for thread in batch:
            thread.join()
    db.commit()
    held = [a for a in answers if isinstance(a, Booking)]
    assert len(held) == 10 and len(answers) == 60
    assert len({h.starts_at for h in held}) == 10
    assert one(db, OVERLAPS) == 0
