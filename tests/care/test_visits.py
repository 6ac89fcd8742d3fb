"""What a visit takes besides bay and technician: never twice, together or not at all."""

import random
import threading
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import booking, parts, slots
from care.booking import Also, Extras, NoSlot, Offer, Taken
from care.errors import CareError
from care.store import alerts, bookings
from care.store.bookings import Away, Bay, Busy, OpCode, Technician
from care.store.parts import Need, Supply
from care.store.people import Dealer
from care.supply import Missing, allot
from record.flow import Booking, Slot
from tests.care.test_booking import OVERLAPS
from tests.care.world import MONDAY, World, build, find, one

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LIVE = "('held', 'booked', 'arrived', 'done')"

SHARED = f"""
    SELECT count(*) FROM booking a JOIN booking b ON a.id < b.id
    WHERE a.state IN {LIVE} AND b.state IN {LIVE}
      AND ((a.loaner_id = b.loaner_id AND tstzrange(lower(a.during), a.loaner_until)
                                       && tstzrange(lower(b.during), b.loaner_until))
        OR (a.run_id = b.run_id AND a.run_day = b.run_day AND a.run_seat = b.run_seat))
"""  # noqa: S608
TOO_MANY = f"""
    SELECT (SELECT count(*) FROM part_stock s WHERE s.reserved <> (
                SELECT coalesce(sum(p.quantity), 0) FROM booking_part p
                WHERE p.arrival_id IS NULL AND NOT p.used AND p.part_no = s.part_no
                  AND p.dealer_id = s.dealer_id) OR s.reserved > s.on_hand)
         + (SELECT count(*) FROM part_arrival s WHERE s.reserved <> (
                SELECT coalesce(sum(p.quantity), 0) FROM booking_part p WHERE p.arrival_id = s.id)
                OR s.reserved > s.quantity)
         + (SELECT count(*) FROM booking b WHERE b.state IN {LIVE} AND NOT EXISTS (
                SELECT FROM booking_part p WHERE p.booking_id = b.id))
         + (SELECT count(*) FROM booking_part p JOIN booking b ON b.id = p.booking_id
            WHERE b.state NOT IN {LIVE})
"""  # noqa: S608


def equip(db: psycopg.Connection, world: World, on_hand: int, coming: int = 0) -> int:
    """DIAG takes a sensor; there are one loaner car and a run with two seats."""
    dealer = world.dealer_id
    db.execute("INSERT INTO part (part_no, title) VALUES ('SENSOR', 'Sensor')")
    db.execute("INSERT INTO op_code_part VALUES ('DIAG', 'SENSOR', 1)")
    db.execute(
        "INSERT INTO part_stock (dealer_id, part_no, on_hand) VALUES (%s, 'SENSOR', %s)",
        (dealer, on_hand),
    )
    db.execute("INSERT INTO loaner (dealer_id, name) VALUES (%s, 'Loaner')", (dealer,))
    db.execute("UPDATE dealer SET latitude = 41.88, longitude = -87.63 WHERE id = %s", (dealer,))
    run = one(
        db,
        "INSERT INTO run (dealer_id, driver, radius_km, fetches_from, fetches_until, returns_from,"
        " returns_until) VALUES (%s, 'Omar', 20, '07:00', '08:00', '16:00', '17:00') RETURNING id",
        dealer,
    )
    db.execute("INSERT INTO run_seat VALUES (%s, 1), (%s, 2)", (run, run))
    for customer in world.customers:
        db.execute("INSERT INTO customer_place VALUES (%s, '1 Main St', 41.9, -87.65)", (customer,))
    arrival = 0
    if coming:
        arrival = parts.order(
            db, dealer, "SENSOR", coming, MONDAY + 2 * DAY, "staff:1", MONDAY - DAY
        )
    db.commit()
    return arrival


def hold(
    db: psycopg.Connection, world: World, slot: Slot, who: int = 0, extras: Extras | None = None
) -> Booking | Taken:
    return booking.book(
        db,
        slot=slot,
        dealer_id=world.dealer_id,
        vehicle_id=world.vehicles[who],
        customer_id=world.customers[who],
        alert_id=None,
        op_code="DIAG",
        source="slot page",
        now=MONDAY,
        extras=extras or Extras(),
    )


def times(db: psycopg.Connection, world: World, count: int = 6) -> list[Slot]:
    return booking.find_slots(
        db, dealer_id=world.dealer_id, op_code="DIAG", now=MONDAY, count=count
    )


def test_no_slot_before_all_parts_are_there(db: psycopg.Connection) -> None:
    world = build(db, customers=3)
    equip(db, world, on_hand=1, coming=1)
    (slot, *_) = times(db, world)
    assert slot.starts_at < MONDAY + DAY, "one lies on the shelf"
    assert isinstance(hold(db, world, slot), Booking)
    (later, *_) = times(db, world)
    assert later.starts_at >= MONDAY + 2 * DAY
    early = replace(slot, starts_at=slot.starts_at + HOUR, ends_at=slot.ends_at + HOUR)
    refused = hold(db, world, early, who=1)
    assert isinstance(refused, Taken) and refused.code == "no parts"
    second = hold(db, world, later, who=1)
    assert isinstance(second, Booking)
    assert times(db, world) == [], "the last piece is promised"
    booking.cancel(db, second.id, "customer:2", MONDAY)
    assert times(db, world)[0].starts_at == later.starts_at, "and given back"
    assert one(db, TOO_MANY) == 0


def test_done_uses_the_part_and_counting_keeps_promises(db: psycopg.Connection) -> None:
    world = build(db, customers=3)
    equip(db, world, on_hand=2)
    first, *_ = (hold(db, world, slot, who) for who, slot in enumerate(times(db, world)[:2]))
    with pytest.raises(CareError, match="promised to visits"):
        parts.count(db, world.dealer_id, "SENSOR", 1, "staff:1", MONDAY)
    assert isinstance(first, Booking)
    booking.arrive(db, first.id, "staff:1", first.starts_at)
    bookings.set_state(db, first.id, "done")
    assert one(db, "SELECT on_hand * 10 + reserved FROM part_stock") == 11
    parts.count(db, world.dealer_id, "SENSOR", 1, "staff:1", MONDAY)


def test_loaner_and_seat_come_with_the_visit_or_nothing_does(db: psycopg.Connection) -> None:
    world = build(db, customers=4, bays=3, technicians=3)
    equip(db, world, on_hand=9)
    (slot,) = [s for s in times(db, world, 4) if s.starts_at.astimezone(ZONE).hour < 12][:1]
    wish = Extras(loaner=True, pick_up="1 Main St")
    mine = hold(db, world, slot, 0, wish)
    assert isinstance(mine, Booking) and mine.loaner_id and mine.run_id
    other = replace(slot, bay_id=slot.bay_id + 1, technician_id=slot.technician_id + 1)
    refused = hold(db, world, other, 1, wish)
    assert isinstance(refused, Taken) and refused.code == "no loaner"
    assert one(db, "SELECT count(*) FROM booking WHERE state <> 'expired'") == 1, "nothing is kept"
    assert isinstance(hold(db, world, other, 1, Extras(pick_up="1 Main St")), Booking)
    third = replace(slot, bay_id=slot.bay_id + 2, technician_id=slot.technician_id + 2)
    full = hold(db, world, third, 2, Extras(pick_up="1 Main St"))
    assert isinstance(full, Taken) and full.code == "no seat"
    db.execute(
        "UPDATE customer_place SET latitude = 43 WHERE customer_id = %s", world.customers[2:3]
    )
    far = hold(db, world, third, 2, Extras(pick_up="far away"))
    assert isinstance(far, Taken) and far.code == "too far"
    db.execute("DELETE FROM customer_place WHERE customer_id = %s", world.customers[3:4])
    asked = hold(db, world, third, 3, Extras(pick_up="Unknown Rd 4"))
    assert isinstance(asked, Booking) and asked.run_id is None
    assert one(db, "SELECT count(*) FROM task WHERE title LIKE '%%wants the car fetched'") == 1


ZONE = ZoneInfo("America/Chicago")


def test_a_move_is_whole_or_not_at_all(db: psycopg.Connection) -> None:
    world = build(db, customers=2, bays=1, technicians=1)
    equip(db, world, on_hand=2)
    a, b, c = times(db, world, 3)
    mine, hers = hold(db, world, a, 0, Extras(loaner=True)), hold(db, world, b, 1)
    assert isinstance(mine, Booking) and isinstance(hers, Booking)
    now = {"actor": "customer:1", "now": MONDAY}
    refused = booking.reschedule(db, mine.id, b, **now)  # type: ignore[arg-type]
    assert isinstance(refused, Taken)
    assert bookings.get(db, mine.id) == mine, "the old time stands"
    moved = booking.reschedule(db, mine.id, c, **now)  # type: ignore[arg-type]
    assert isinstance(moved, Booking)
    assert (moved.id, moved.starts_at, moved.sequence) == (mine.id, c.starts_at, 1)
    assert moved.loaner_id is not None
    texts = "SELECT count(*) FROM outreach WHERE template = 'confirmed' AND booking_id = %s"
    assert one(db, texts, mine.id) == 2
    assert one(db, TOO_MANY) == 0
    booking.arrive(db, mine.id, "staff:1", c.starts_at)
    with pytest.raises(CareError, match="can't be moved"):
        booking.reschedule(db, mine.id, a, **now)  # type: ignore[arg-type]


def test_a_late_part_moves_its_visit_and_only_that(db: psycopg.Connection) -> None:
    world = build(db, customers=2)
    arrival = equip(db, world, on_hand=1, coming=1)
    safe = hold(db, world, times(db, world)[0], 0)
    waits = hold(db, world, times(db, world)[0], 1)
    assert isinstance(safe, Booking) and isinstance(waits, Booking)
    late = waits.starts_at + DAY
    assert parts.set_arrival(db, arrival, waits.starts_at, "staff:1", MONDAY) == []
    assert parts.set_arrival(db, arrival, late, "staff:1", MONDAY) == [waits.id]
    kept = bookings.get(db, waits.id)
    assert kept and kept.state == "booked" and kept.parts_late_at == MONDAY, "kept until answered"
    asked = db.execute("SELECT id, body FROM outreach WHERE template = 'part late'").fetchall()
    assert len(asked) == 1 and "comes late" in asked[0][1] and "Reply 1 for" in asked[0][1]
    offered = db.execute("SELECT lower(during) FROM offer WHERE outreach_id = %s", asked[0][:1])
    assert all(row[0] >= late for row in offered.fetchall())
    assert one(db, "SELECT count(*) FROM task WHERE title LIKE '%%needs a new time'") == 1
    assert booking.give_up_late(db, waits.starts_at - 3 * HOUR) == 0
    assert booking.give_up_late(db, waits.starts_at - HOUR) == 1
    gone = bookings.get(db, waits.id)
    assert gone and gone.state == "cancelled"
    assert one(db, TOO_MANY) == 0


def test_what_came_or_lies_elsewhere_is_not_late(db: psycopg.Connection) -> None:
    world = build(db, customers=2)
    arrival = equip(db, world, on_hand=0, coming=1)
    waits = hold(db, world, times(db, world)[0])
    assert isinstance(waits, Booking)
    late = waits.starts_at + DAY
    assert parts.set_arrival(db, arrival, late, "staff:1", MONDAY) == [waits.id]
    parts.arrived(db, arrival, "staff:1", MONDAY + HOUR)
    kept = bookings.get(db, waits.id)
    assert kept and kept.parts_late_at is None
    assert one(db, "SELECT on_hand * 10 + reserved FROM part_stock") == 11
    with pytest.raises(CareError, match="here already"):
        parts.set_arrival(db, arrival, late, "staff:1", MONDAY)


def test_other_open_alerts_ride_along(db: psycopg.Connection) -> None:
    world = build(db)
    for cause, urgency, detector in (
        ("battery_12v", "soon", "low_voltage"),
        ("service_due", "service", "service_due"),
    ):
        alerts.insert(db, finding(db, world, cause, urgency, detector))
    alert = alerts.newest(db, world.vehicle_id, "battery_12v")
    due = alerts.newest(db, world.vehicle_id, "service_due")
    assert alert and due
    found = booking.find(
        db, dealer_id=1, op_code="BATT-TEST", now=MONDAY, vehicle_id=1, customer_id=1, alert=alert
    )
    assert isinstance(found, Offer) and list(found.also) == [Also("SERVICE", due.id)]
    slot = found.slots[0]
    assert slot.ends_at - slot.starts_at == timedelta(minutes=150)
    made = booking.book(
        db, slot=slot, dealer_id=1, vehicle_id=1, customer_id=1, alert_id=alert.id,
        op_code="BATT-TEST", source="reply", now=MONDAY, extras=Extras(found.also),
    )  # fmt: skip
    assert isinstance(made, Booking)
    assert bookings.live_for_alert(db, due.id) == made, "it has its booking too"
    booking.cancel(db, made.id, "customer:1", MONDAY)
    assert one(db, "SELECT count(*) FROM task WHERE state = 'open'") == 2


def finding(
    db: psycopg.Connection, world: World, cause: str, urgency: str, detector: str
) -> alerts.NewFinding:
    find(db, world.vehicle_id, MONDAY, cause, urgency=urgency, detector=detector)
    return next(f for f in alerts.waiting_findings(db, 9) if f.cause == cause)


def test_no_time_before_the_failure_is_said_with_ways_out(db: psycopg.Connection) -> None:
    world = build(db)
    equip(db, world, on_hand=5)
    find(db, world.vehicle_id, MONDAY, expect=HOUR)
    alert = alerts.insert(db, alerts.waiting_findings(db, 1)[0])
    db.execute(
        "UPDATE dealer SET group_name = 'G', mobile_technician = true, tow_phone = '+13125550111'"
    )
    db.execute("UPDATE op_code SET mobile = true WHERE code = 'BATT-TEST'")
    sister = one(
        db,
        "INSERT INTO dealer (name, time_zone, phone, group_name, latitude, longitude)"
        " VALUES ('North', 'America/Chicago', '+13125550122', 'G', 42, -87.7) RETURNING id",
    )
    none = booking.find(
        db, dealer_id=1, op_code="BATT-TEST", now=MONDAY, vehicle_id=1, customer_id=1, alert=alert
    )
    assert isinstance(none, NoSlot) and none.too_late
    assert [a.kind for a in none.alternatives] == ["mobile", "pick_up"], "North has no bays"
    db.execute("INSERT INTO bay (dealer_id, name) VALUES (%s, 'N1')", (sister,))
    db.execute("INSERT INTO technician (dealer_id, name) VALUES (%s, 'N')", (sister,))
    db.execute("UPDATE alert SET urgency = 'stop', expect_from = %s", (MONDAY + 4 * HOUR,))
    stop = alerts.get(db, alert.id)
    db.execute("INSERT INTO dealer_closure VALUES (1, %s, 'inventory')", (MONDAY.date(),))
    none = booking.find(
        db, dealer_id=1, op_code="BATT-TEST", now=MONDAY, vehicle_id=1, customer_id=1, alert=stop
    )
    assert isinstance(none, NoSlot)
    assert [a.kind for a in none.alternatives] == ["tow", "site", "mobile", "pick_up"]
    assert "directions?to=42.0" in str(none.alternatives[1].directions)
    assert none.told.startswith("Every free time comes after the predicted failure. Offer a tow")


def everybody(database: str, world: World, seed: int, tries: int, threads: int) -> list[str]:
    """Threads book, move and cancel visits with all that they may take. Returns what went wrong."""
    wrong: list[str] = []

    def customer(who: int) -> None:
        dice = random.Random(f"{seed}:{who}")
        try:
            with psycopg.connect(database) as conn:
                mine: Booking | None = None
                for _ in range(tries):
                    try:
                        if mine and dice.random() < 0.5:
                            found = booking.find_for_move(conn, mine.id, MONDAY, 6)
                            if isinstance(found, list) and found:
                                booking.reschedule(
                                    conn, mine.id, dice.choice(found), actor="x", now=MONDAY
                                )
                        elif mine:
                            booking.cancel(conn, mine.id, "x", MONDAY)
                            mine = None
                        elif offered := times(conn, world):
                            wish = Extras(
                                loaner=dice.random() < 0.5,
                                pick_up="1 Main St" if dice.random() < 0.5 else "",
                            )
                            got = hold(conn, world, dice.choice(offered), who, wish)
                            mine = got if isinstance(got, Booking) else None
                        bookings.expire(conn, MONDAY)
                    except CareError:
                        conn.rollback()
                    conn.commit()
        except Exception as error:  # whatever it is, the test tells
            wrong.append(repr(error))

    crowd = [threading.Thread(target=customer, args=(n,)) for n in range(threads)]
    for one_of_them in crowd:
        one_of_them.start()
    for one_of_them in crowd:
        one_of_them.join()
    return wrong


@pytest.mark.parametrize("seed", [1, 2])
def test_a_crowd_never_takes_anything_twice(
    database: str, db: psycopg.Connection, seed: int
) -> None:
    world = build(db, customers=8, bays=3, technicians=3)
    equip(db, world, on_hand=3, coming=2)
    assert everybody(database, world, seed, tries=12, threads=8) == []
    db.commit()
    assert one(db, OVERLAPS) == 0
    assert one(db, SHARED) == 0
    assert one(db, TOO_MANY) == 0
    assert one(db, "SELECT count(*) FROM booking WHERE sequence > 0") > 0
    assert one(db, "SELECT count(*) FROM booking WHERE loaner_id IS NOT NULL") > 0
    assert one(db, "SELECT count(*) FROM booking WHERE run_id IS NOT NULL") > 0


def test_the_database_itself_refuses(db: psycopg.Connection) -> None:
    """Whoever forgets the lock and the checks meets the constraints."""
    world = build(db, customers=2, bays=2, technicians=2)
    equip(db, world, on_hand=1)
    wish = Extras(loaner=True, pick_up="1 Main St")
    made = hold(db, world, times(db, world)[0], 0, wish)
    assert isinstance(made, Booking)
    copy = (
        "INSERT INTO booking (vehicle_id, customer_id, dealer_id, bay_id, technician_id, during,"
        " op_code, state, source, created_at, {0}) SELECT 2, 2, dealer_id, bay_id + 1,"
        " technician_id + 1, during, op_code, 'booked', 'x', created_at, {0} FROM booking"
    )
    for columns, error in (
        ("loaner_id, loaner_until", psycopg.errors.ExclusionViolation),
        ("run_id, run_seat, run_day", psycopg.errors.UniqueViolation),
    ):
        with pytest.raises(error), db.transaction():
            db.execute(copy.format(columns))
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        db.execute(
            "INSERT INTO booking_part (booking_id, dealer_id, part_no, quantity)"
            " VALUES (%s, %s, 'SENSOR', 1)",
            (made.id, world.dealer_id),
        )
    with pytest.raises(psycopg.errors.ForeignKeyViolation), db.transaction():
        db.execute("UPDATE booking SET run_seat = 3")


DEALER = Dealer(1, "D", "America/New_York", "+1", time(1), time(17), [1, 2, 3, 4, 5, 6, 7])


@given(
    st.sampled_from([0.8, 1.0, 1.25]),
    st.sampled_from([0.0, 0.2, 0.5]),
    st.lists(st.tuples(st.integers(0, 80), st.integers(1, 8)), max_size=12),
    st.sampled_from([date(2026, 3, 7), date(2026, 10, 31)]),
)
def test_efficiency_absence_closure_and_walk_ins(
    efficiency: float, share: float, taken: list[tuple[int, int]], eve: date
) -> None:
    """Over both changes of the clock: what is offered can be done, and leaves room."""
    zone = ZoneInfo(DEALER.time_zone)
    now = datetime.combine(eve, time(0), zone).astimezone(ZoneInfo("UTC"))
    half = timedelta(minutes=30)
    busy = [Busy(1, 1, now + a * half, now + (a + n) * half) for a, n in taken]
    people = [Technician(1, ["a", "b"], time(1), time(17), [1, 2, 3, 4, 5, 6, 7], efficiency)]
    away = [Away(1, now + 54 * HOUR, now + 60 * HOUR)]
    closed = frozenset({eve + 3 * DAY})
    dealer = replace(DEALER, closures=sorted(closed))
    shop = slots.Shop(dealer, [Bay(1, "general")], people, busy, away, share)
    ops = [OpCode("A", "A", 45, "quick", "a"), OpCode("B", "B", 60, "general", "b")]
    work = slots.work_of(ops)
    found = list(slots.free_slots(shop, work, now, days=6, today=eve))
    assert found
    for slot in found:
        length = (slot.ends_at - slot.starts_at) / timedelta(minutes=1)
        assert 105 * efficiency <= length < 105 * efficiency + 5
        local = slot.starts_at.astimezone(zone)
        assert local.date() not in closed
        assert slot.ends_at <= away[0].starts_at or away[0].ends_at <= slot.starts_at
        opens = datetime.combine(local.date(), time(1), zone)
        closes = datetime.combine(local.date(), time(17), zone)
        assert opens <= slot.starts_at and slot.ends_at <= closes
        if local.date() > eve:
            span = closes.astimezone(ZoneInfo("UTC")) - opens.astimezone(ZoneInfo("UTC"))
            assert slot.ends_at - slot.starts_at <= span * (1 - share) + half / 30


@given(
    st.dictionaries(st.sampled_from("AB"), st.integers(1, 5)),
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 4), st.integers(0, 5)), max_size=6),
)
def test_portions_are_what_is_needed_and_there(
    wanted: dict[str, int], there: list[tuple[str, int, int]]
) -> None:
    needs = [Need(part, n) for part, n in wanted.items()]
    supplies = [
        Supply(part, k or None, free, MONDAY + k * DAY if k else None)
        for k, (part, free, _) in enumerate(sorted(there, key=lambda t: t[2]))
    ]
    in_time = [s for s in supplies if s.ready_at is None or s.ready_at <= MONDAY + 3 * DAY]
    got = allot(needs, supplies, by=MONDAY + 3 * DAY)
    short = [
        n.part_no
        for n in needs
        if sum(s.free for s in in_time if s.part_no == n.part_no) < n.quantity
    ]
    if isinstance(got, Missing):
        assert got.part_no in short
        return
    assert not short
    for need in needs:
        assert sum(p.quantity for p in got if p.part_no == need.part_no) == need.quantity
    for one_of_them in supplies:
        took = sum(
            p.quantity
            for p in got
            if (p.part_no, p.arrival_id) == (one_of_them.part_no, one_of_them.arrival_id)
        )
        assert took <= one_of_them.free
