"""What the customer's page needs to know behind its signed link."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import LiteralString

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Visitor:
    """The customer, car, dealer and alert that a link is about."""

    customer_id: int
    customer_name: str
    language: str
    time_zone: str
    vehicle_id: int
    make: str
    model: str
    owns: bool  # the customer has the car today
    dealer_id: int
    dealer_name: str
    dealer_country: str
    dealer_time_zone: str
    dealer_phone: str
    alert_id: int | None
    alert_state: str | None
    cause: str | None
    urgency: str | None
    expect_from: datetime | None
    lends: bool  # the dealer has loaner cars
    fetches: bool  # the dealer has runs


def visitor(
    conn: psycopg.Connection,
    *,
    customer_id: int,
    vehicle_id: int,
    alert_id: int | None,
    now: datetime,
) -> Visitor | None:
    """Whom a link is for; None if they are gone from the records."""
    with conn.cursor(row_factory=class_row(Visitor)) as cur:
        return cur.execute(
            """
            SELECT c.id AS customer_id, c.name AS customer_name, c.language, c.time_zone,
                   v.id AS vehicle_id, v.make, v.model,
                   EXISTS (SELECT FROM ownership w WHERE w.vehicle_id = v.id
                           AND w.customer_id = c.id AND w.during @> %(now)s) AS owns,
                   d.id AS dealer_id, d.name AS dealer_name, d.country AS dealer_country,
                   d.time_zone AS dealer_time_zone, d.phone AS dealer_phone,
                   a.id AS alert_id, a.state AS alert_state, a.cause, a.urgency, a.expect_from,
                   EXISTS (SELECT FROM loaner l WHERE l.dealer_id = d.id AND l.active) AS lends,
                   EXISTS (SELECT FROM run r WHERE r.dealer_id = d.id AND r.active) AS fetches
            FROM customer c
            JOIN dealer d ON d.id = c.dealer_id
            JOIN vehicle v ON v.id = %(vehicle_id)s
            LEFT JOIN alert a ON a.id = %(alert_id)s AND a.vehicle_id = v.id
            WHERE c.id = %(customer_id)s
            """,
            {
                "customer_id": customer_id,
                "vehicle_id": vehicle_id,
                "alert_id": alert_id,
                "now": now,
            },
        ).fetchone()


@dataclass(frozen=True, slots=True)
class Appointment:
    """The customer's booking, as their page shows it."""

    id: int
    state: str
    starts_at: datetime
    ends_at: datetime
    op_code: str
    also: list[str]
    sequence: int
    late: bool  # its parts come too late
    lends: bool
    pick_up: str | None
    fetches_from: time | None
    fetches_until: time | None
    returns_from: time | None


_APPOINTMENT = """
    SELECT b.id, b.state, lower(b.during) AS starts_at, upper(b.during) AS ends_at, b.op_code,
           ARRAY(SELECT o.op_code FROM booking_op o WHERE o.booking_id = b.id ORDER BY 1) AS also,
           b.sequence, b.parts_late_at IS NOT NULL AS late, b.loaner_id IS NOT NULL AS lends,
           b.pick_up, r.fetches_from, r.fetches_until, r.returns_from
    FROM booking b LEFT JOIN run r ON r.id = b.run_id
    WHERE b.vehicle_id = %(vehicle_id)s AND b.customer_id = %(customer_id)s
      AND (b.alert_id = %(alert_id)s
           OR b.id IN (SELECT booking_id FROM booking_op WHERE alert_id = %(alert_id)s)
           OR (%(alert_id)s::bigint IS NULL AND upper(b.during) > %(now)s))
"""


def appointment(conn: psycopg.Connection, who: Visitor, now: datetime) -> Appointment | None:
    """The live booking that the link is about: of its alert, or else the car's next."""
    return _first(
        conn,
        _APPOINTMENT + "AND b.state IN ('booked', 'arrived') ORDER BY lower(b.during) LIMIT 1",
        who,
        now,
    )


def cancelled(conn: psycopg.Connection, who: Visitor, now: datetime) -> Appointment | None:
    """The visit that was cancelled last, for a calendar that still has it."""
    return _first(
        conn, _APPOINTMENT + "AND b.state = 'cancelled' ORDER BY b.id DESC LIMIT 1", who, now
    )


def _first(
    conn: psycopg.Connection, query: LiteralString, who: Visitor, now: datetime
) -> Appointment | None:
    with conn.cursor(row_factory=class_row(Appointment)) as cur:
        return cur.execute(
            query,
            {
                "vehicle_id": who.vehicle_id,
                "customer_id": who.customer_id,
                "alert_id": who.alert_id,
                "now": now,
            },
        ).fetchone()
