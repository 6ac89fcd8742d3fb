"""Bookings, repair orders, and the workshop that they fill."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class BookingRow:
    """One booking with everything that a card of the day shows."""

    id: int
    state: str
    starts_at: datetime
    ends_at: datetime
    op_code: str
    op_title: str
    source: str
    hold_expires_at: datetime | None
    bay_id: int
    bay_name: str
    technician_id: int
    technician_name: str
    vehicle_id: int
    vin: str
    plate: str | None
    make: str
    model: str
    customer_id: int
    customer_name: str
    alert_id: int | None
    urgency: str | None
    cause: str | None
    repair_order_id: int | None
    repair_order_state: str | None
    also: list[str]
    loaner: str | None
    driver: str | None
    pick_up: str | None
    parts_late_at: datetime | None
    sequence: int


@dataclass(frozen=True, slots=True)
class Bay:
    """A bay of the workshop."""

    id: int
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Dealer:
    """Where and when the workshop is open."""

    id: int
    name: str
    country: str
    time_zone: str
    phone: str
    opens_minute: int
    closes_minute: int


@dataclass(frozen=True, slots=True)
class RepairOrderRow:
    """A repair order with its booking's car, customer and alert."""

    id: int
    booking_id: int
    state: str
    opened_at: datetime
    closed_at: datetime | None
    concern: str
    cause: str | None
    correction: str | None
    finding: str | None
    odometer_m: int | None
    vehicle_id: int
    vin: str
    plate: str | None
    make: str
    model: str
    customer_id: int
    customer_name: str
    alert_id: int | None
    alert_cause: str | None
    alert_summary: str | None
    urgency: str | None
    op_code: str
    op_title: str
    technician_name: str
    bay_name: str
    starts_at: datetime
    actual_cause: str | None
    invoice_minor: int | None
    invoice_currency: str | None
    comeback_of: int | None


@dataclass(frozen=True, slots=True)
class Op:
    """A piece of work that can be booked."""

    code: str
    title: str
    minutes: int


_BOOKING = """
    SELECT b.id, b.state, lower(b.during) AS starts_at, upper(b.during) AS ends_at, b.op_code,
           o.title AS op_title, b.source, b.hold_expires_at, b.bay_id, y.name AS bay_name,
           t.id AS technician_id, t.name AS technician_name, v.id AS vehicle_id, v.vin, v.plate,
           v.make, v.model,
           c.id AS customer_id, c.name AS customer_name, b.alert_id, a.urgency, a.cause,
           r.id AS repair_order_id, r.state AS repair_order_state,
           ARRAY(SELECT x.title FROM booking_op w JOIN op_code x ON x.code = w.op_code
                 WHERE w.booking_id = b.id ORDER BY 1) AS also,
           l.name AS loaner, u.driver, b.pick_up, b.parts_late_at, b.sequence
    FROM booking b
    LEFT JOIN loaner l ON l.id = b.loaner_id
    LEFT JOIN run u ON u.id = b.run_id
    JOIN op_code o ON o.code = b.op_code
    JOIN bay y ON y.id = b.bay_id
    JOIN technician t ON t.id = b.technician_id
    JOIN vehicle v ON v.id = b.vehicle_id
    JOIN customer c ON c.id = b.customer_id
    LEFT JOIN alert a ON a.id = b.alert_id
    LEFT JOIN repair_order r ON r.booking_id = b.id
"""


def day(
    conn: psycopg.Connection, dealer_id: int, since: datetime, until: datetime
) -> list[BookingRow]:
    """A dealer's bookings that touch a stretch of time; lapsed holds are left out."""
    with conn.cursor(row_factory=class_row(BookingRow)) as cur:
        return cur.execute(
            _BOOKING
            + """
            WHERE b.dealer_id = %s AND b.during && tstzrange(%s, %s) AND b.state <> 'expired'
            ORDER BY lower(b.during), y.name, b.id
            """,
            (dealer_id, since, until),
        ).fetchall()


def booking(conn: psycopg.Connection, dealer_id: int, booking_id: int) -> BookingRow | None:
    """One booking."""
    with conn.cursor(row_factory=class_row(BookingRow)) as cur:
        return cur.execute(
            _BOOKING + "WHERE b.dealer_id = %s AND b.id = %s", (dealer_id, booking_id)
        ).fetchone()


def of_alert(conn: psycopg.Connection, dealer_id: int, alert_id: int) -> BookingRow | None:
    """The live booking about an alert, or else the newest that is done."""
    with conn.cursor(row_factory=class_row(BookingRow)) as cur:
        return cur.execute(
            _BOOKING
            + """
            WHERE b.dealer_id = %s AND b.alert_id = %s
              AND b.state IN ('held', 'booked', 'arrived', 'done')
            ORDER BY b.state = 'done', b.id DESC LIMIT 1
            """,
            (dealer_id, alert_id),
        ).fetchone()


def live_of_vehicle(
    conn: psycopg.Connection, dealer_id: int, vehicle_id: int, now: datetime
) -> BookingRow | None:
    """The car's next booking that stands without an alert, as the customer's page shows it."""
    with conn.cursor(row_factory=class_row(BookingRow)) as cur:
        return cur.execute(
            _BOOKING
            + """
            WHERE b.dealer_id = %s AND b.vehicle_id = %s AND b.state IN ('booked', 'arrived')
              AND upper(b.during) > %s
            ORDER BY lower(b.during) LIMIT 1
            """,
            (dealer_id, vehicle_id, now),
        ).fetchone()


def hours_of(
    conn: psycopg.Connection, vehicle_id: int, now: datetime
) -> list[tuple[datetime, datetime]]:
    """From when to when the car itself is booked already, for whatever work."""
    return conn.execute(
        """
        SELECT lower(during), upper(during) FROM booking
        WHERE vehicle_id = %s AND state IN ('booked', 'arrived') AND upper(during) > %s
        """,
        (vehicle_id, now),
    ).fetchall()


def of_customer(
    conn: psycopg.Connection, dealer_id: int, customer_id: int, limit: int = 10
) -> list[BookingRow]:
    """A customer's bookings, newest first."""
    with conn.cursor(row_factory=class_row(BookingRow)) as cur:
        return cur.execute(
            _BOOKING
            + """
            WHERE b.dealer_id = %s AND b.customer_id = %s AND b.state <> 'expired'
            ORDER BY lower(b.during) DESC LIMIT %s
            """,
            (dealer_id, customer_id, limit),
        ).fetchall()


def bays(conn: psycopg.Connection, dealer_id: int) -> list[Bay]:
    """A dealer's bays by name."""
    with conn.cursor(row_factory=class_row(Bay)) as cur:
        return cur.execute(
            "SELECT id, name, kind FROM bay WHERE dealer_id = %s ORDER BY name", (dealer_id,)
        ).fetchall()


def dealer(conn: psycopg.Connection, dealer_id: int) -> Dealer:
    """A dealer."""
    with conn.cursor(row_factory=class_row(Dealer)) as cur:
        row = cur.execute(
            """
            SELECT id, name, country, time_zone, phone,
                   (extract(epoch FROM opens) / 60)::int AS opens_minute,
                   (extract(epoch FROM closes) / 60)::int AS closes_minute
            FROM dealer WHERE id = %s
            """,
            (dealer_id,),
        ).fetchone()
    assert row is not None
    return row


def ops(conn: psycopg.Connection) -> list[Op]:
    """Work that can be booked."""
    with conn.cursor(row_factory=class_row(Op)) as cur:
        return cur.execute("SELECT code, title, minutes FROM op_code ORDER BY title").fetchall()


_REPAIR_ORDER = """
    SELECT r.id, r.booking_id, r.state, r.opened_at, r.closed_at, r.concern, r.cause,
           r.correction, r.finding, r.odometer_m, v.id AS vehicle_id, v.vin, v.plate, v.make,
           v.model, c.id AS customer_id, c.name AS customer_name, b.alert_id,
           a.cause AS alert_cause, a.summary AS alert_summary, a.urgency, b.op_code,
           o.title AS op_title, t.name AS technician_name, y.name AS bay_name,
           lower(b.during) AS starts_at, r.actual_cause, r.invoice_minor, r.invoice_currency,
           r.comeback_of
    FROM repair_order r
    JOIN booking b ON b.id = r.booking_id
    JOIN op_code o ON o.code = b.op_code
    JOIN bay y ON y.id = b.bay_id
    JOIN technician t ON t.id = b.technician_id
    JOIN vehicle v ON v.id = r.vehicle_id
    JOIN customer c ON c.id = b.customer_id
    LEFT JOIN alert a ON a.id = b.alert_id
"""


def repair_order(
    conn: psycopg.Connection, dealer_id: int, repair_order_id: int
) -> RepairOrderRow | None:
    """One repair order."""
    with conn.cursor(row_factory=class_row(RepairOrderRow)) as cur:
        return cur.execute(
            _REPAIR_ORDER + "WHERE b.dealer_id = %s AND r.id = %s", (dealer_id, repair_order_id)
        ).fetchone()


def repair_orders_of(
    conn: psycopg.Connection, dealer_id: int, vehicle_id: int, limit: int = 10
) -> list[RepairOrderRow]:
    """A car's repair orders, newest first."""
    with conn.cursor(row_factory=class_row(RepairOrderRow)) as cur:
        return cur.execute(
            _REPAIR_ORDER
            + """
            WHERE b.dealer_id = %s AND r.vehicle_id = %s
            ORDER BY r.opened_at DESC LIMIT %s
            """,
            (dealer_id, vehicle_id, limit),
        ).fetchall()
