"""Bays, technicians, op-codes and who has them when."""

# ruff: noqa: S608  only this module's own column lists are joined in

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from record.flow import Booking, Slot


@dataclass(frozen=True, slots=True)
class Bay:
    """Where a car can stand and be worked on."""

    id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Technician:
    """Who works, what at, and when; times are the dealer's local ones."""

    id: int
    skills: list[str]
    shift_starts: time
    shift_ends: time
    weekdays: list[int]


@dataclass(frozen=True, slots=True)
class OpCode:
    """A piece of work: how long it takes, where, and who can do it."""

    code: str
    title: str
    minutes: int
    bay_kind: str
    skill: str


@dataclass(frozen=True, slots=True)
class Busy:
    """A bay and a technician that are taken for a while."""

    bay_id: int
    technician_id: int
    starts_at: datetime
    ends_at: datetime


BOOKING_COLUMNS = """
    id, vehicle_id, customer_id, dealer_id, bay_id, technician_id, lower(during) AS starts_at,
    upper(during) AS ends_at, op_code, state, alert_id, hold_expires_at
"""


def op_code(conn: Connection, code: str) -> OpCode | None:
    """The op-code."""
    with conn.cursor(row_factory=class_row(OpCode)) as cur:
        return cur.execute(
            "SELECT code, title, minutes, bay_kind, skill FROM op_code WHERE code = %s", (code,)
        ).fetchone()


def bays(conn: Connection, dealer_id: int) -> list[Bay]:
    """A dealer's bays."""
    with conn.cursor(row_factory=class_row(Bay)) as cur:
        return cur.execute(
            "SELECT id, kind FROM bay WHERE dealer_id = %s ORDER BY id", (dealer_id,)
        ).fetchall()


def technicians(conn: Connection, dealer_id: int) -> list[Technician]:
    """A dealer's technicians."""
    with conn.cursor(row_factory=class_row(Technician)) as cur:
        return cur.execute(
            """
            SELECT id, skills, shift_starts, shift_ends, weekdays
            FROM technician WHERE dealer_id = %s ORDER BY id
            """,
            (dealer_id,),
        ).fetchall()


def busy(conn: Connection, dealer_id: int, since: datetime, until: datetime) -> list[Busy]:
    """What is taken between `since` and `until`; a hold that has expired by `since` isn't."""
    with conn.cursor(row_factory=class_row(Busy)) as cur:
        return cur.execute(
            """
            SELECT bay_id, technician_id, lower(during) AS starts_at, upper(during) AS ends_at
            FROM booking
            WHERE dealer_id = %(dealer)s AND during && tstzrange(%(since)s, %(until)s)
              AND state IN ('held', 'booked', 'arrived', 'done')
              AND NOT (state = 'held' AND hold_expires_at <= %(since)s)
            """,
            {"dealer": dealer_id, "since": since, "until": until},
        ).fetchall()


def lock_dealer(conn: Connection, dealer_id: int) -> bool:
    """One change of a dealer's bookings at a time, so that two never wait for each other."""
    row = conn.execute(
        "SELECT 1 FROM dealer WHERE id = %s FOR NO KEY UPDATE", (dealer_id,)
    ).fetchone()
    return row is not None


def release(
    conn: Connection, dealer_id: int, vehicle_id: int, customer_id: int, at: datetime
) -> None:
    """Let go of the dealer's expired holds, and of this customer's earlier holds for the car."""
    conn.execute(
        """
        UPDATE booking SET state = 'expired'
        WHERE dealer_id = %(dealer)s AND state = 'held'
          AND (hold_expires_at <= %(at)s
               OR (vehicle_id = %(vehicle)s AND customer_id = %(customer)s))
        """,
        {"dealer": dealer_id, "vehicle": vehicle_id, "customer": customer_id, "at": at},
    )


def expire(conn: Connection, at: datetime) -> int:
    """Let go of every hold that has run out, but those that someone works on. Returns how many."""
    return conn.execute(
        """
        UPDATE booking SET state = 'expired' WHERE id IN (
            SELECT id FROM booking WHERE state = 'held' AND hold_expires_at <= %s
            FOR UPDATE SKIP LOCKED)
        """,
        (at,),
    ).rowcount


def insert_hold(
    conn: Connection,
    slot: Slot,
    *,
    dealer_id: int,
    vehicle_id: int,
    customer_id: int,
    alert_id: int | None,
    op_code: str,
    source: str,
    at: datetime,
    until: datetime,
) -> Booking:
    """Hold a slot.

    Raises
    ------
    psycopg.errors.ExclusionViolation
        If someone has the bay or the technician then.
    psycopg.errors.UniqueViolation
        If the alert has a live booking.
    """
    values: dict[str, Any] = {
        "vehicle": vehicle_id,
        "customer": customer_id,
        "dealer": dealer_id,
        "alert": alert_id,
        "bay": slot.bay_id,
        "technician": slot.technician_id,
        "starts": slot.starts_at,
        "ends": slot.ends_at,
        "op": op_code,
        "until": until,
        "source": source,
        "at": at,
    }
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        row = cur.execute(
            """
            INSERT INTO booking (vehicle_id, customer_id, dealer_id, alert_id, bay_id,
                technician_id, during, op_code, state, hold_expires_at, source, created_at)
            VALUES (%(vehicle)s, %(customer)s, %(dealer)s, %(alert)s, %(bay)s, %(technician)s,
                tstzrange(%(starts)s, %(ends)s), %(op)s, 'held', %(until)s, %(source)s, %(at)s)
            RETURNING """
            + BOOKING_COLUMNS,
            values,
        ).fetchone()
    assert row is not None
    return row


def get(conn: Connection, booking_id: int) -> Booking | None:
    """The booking."""
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        return cur.execute(
            "SELECT " + BOOKING_COLUMNS + " FROM booking WHERE id = %s", (booking_id,)
        ).fetchone()


def source_of(conn: Connection, booking_id: int) -> str:
    """Where the booking came from."""
    row = conn.execute("SELECT source FROM booking WHERE id = %s", (booking_id,)).fetchone()
    return str(row[0]) if row else ""


def live_for_alert(conn: Connection, alert_id: int) -> Booking | None:
    """The booking that an alert has now: held, booked, or the car is here."""
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        return cur.execute(
            "SELECT "
            + BOOKING_COLUMNS
            + """ FROM booking
                  WHERE alert_id = %s AND state IN ('held', 'booked', 'arrived')""",
            (alert_id,),
        ).fetchone()


def of_car_during(conn: Connection, vehicle_id: int, slot: Slot) -> Booking | None:
    """A booking of the car that overlaps a slot."""
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        return cur.execute(
            "SELECT "
            + BOOKING_COLUMNS
            + """ FROM booking
                  WHERE vehicle_id = %s AND during && tstzrange(%s, %s)
                    AND state IN ('held', 'booked', 'arrived') LIMIT 1""",
            (vehicle_id, slot.starts_at, slot.ends_at),
        ).fetchone()


def has_upcoming(conn: Connection, customer_id: int, now: datetime) -> bool:
    """Whether the customer is expected at the workshop."""
    row = conn.execute(
        """
        SELECT 1 FROM booking
        WHERE customer_id = %s AND state = 'booked' AND upper(during) > %s LIMIT 1
        """,
        (customer_id, now),
    ).fetchone()
    return row is not None


def set_state(conn: Connection, booking_id: int, state: str) -> Booking:
    """Move a booking on.

    Raises
    ------
    psycopg.errors.ExclusionViolation
        If it had let go of its slot and someone has it now.
    """
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        row = cur.execute(
            "UPDATE booking SET state = %s WHERE id = %s RETURNING " + BOOKING_COLUMNS,
            (state, booking_id),
        ).fetchone()
    assert row is not None
    return row
