"""A repair order to test with: the battery's, or another alert's, as far as the car's arrival."""

from datetime import datetime, timedelta

import psycopg

from care import booking, engine
from record.flow import Booking, RepairOrder
from tests.care.world import World, find, row

DAY = timedelta(days=1)


def order_of(
    conn: psycopg.Connection, world: World, now: datetime, cause: str = "battery_12v"
) -> RepairOrder:
    """The car said something, a slot was booked, and the car is here at `now`."""
    find(conn, world.vehicle_id, now - DAY, cause)
    engine.turn(conn, lambda: now)
    alert = row(conn, "SELECT max(id) FROM alert WHERE state = 'open' AND cause = %s", cause)[0]
    (slot, *_) = booking.find_slots(conn, dealer_id=world.dealer_id, op_code="DIAG", now=now)
    booked = booking.book(
        conn,
        slot=slot,
        dealer_id=world.dealer_id,
        vehicle_id=world.vehicle_id,
        customer_id=world.customer_id,
        alert_id=alert,
        op_code="DIAG",
        source="slot page",
        now=now,
    )
    assert isinstance(booked, Booking)
    order = booking.arrive(conn, booked.id, "staff:1", now)
    conn.execute("UPDATE outreach SET state = 'dropped', reason = 'of no interest here'")
    conn.commit()
    return order
