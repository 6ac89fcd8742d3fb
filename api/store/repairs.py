"""What pages show of a repair: its steps, notes, photos, and whether it holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Step:
    """One state that a repair went through."""

    state: str
    at: datetime
    actor: str
    actor_name: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Note:
    """A technician's note, with or without a photo."""

    id: int
    at: datetime
    actor: str
    actor_name: str | None
    body: str
    for_customer: bool
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Watch:
    """Whether a repair holds."""

    state: str  # watching | verified | came_back | no_data
    began_at: datetime
    until_at: datetime
    extended: bool
    decided_at: datetime | None
    comeback_alert_id: int | None
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One repair order of the workshop's day."""

    id: int
    state: str
    since: datetime
    starts_at: datetime
    closed_at: datetime | None
    op_title: str
    concern: str
    vehicle_id: int
    vin: str
    plate: str | None
    make: str
    model: str
    customer_name: str
    technician_name: str
    staff_id: int | None
    bay_name: str
    urgency: str | None
    comeback_of: int | None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose repair a link is about, with what the page says of it."""

    customer_id: int
    customer_name: str
    language: str
    time_zone: str
    owns: bool  # the customer has the car today
    repair_order_id: int
    state: str
    opened_at: datetime
    closed_at: datetime | None
    correction: str | None
    invoice_minor: int | None
    invoice_currency: str | None
    vehicle_id: int
    make: str
    model: str
    op_code: str
    dealer_name: str
    dealer_country: str
    dealer_phone: str


def steps(conn: psycopg.Connection, repair_order_id: int) -> list[Step]:
    """What a repair went through, oldest first."""
    with conn.cursor(row_factory=class_row(Step)) as cur:
        return cur.execute(
            """
            SELECT t.state, t.at, t.actor, s.name AS actor_name, t.note
            FROM repair_step t LEFT JOIN staff s ON t.actor = 'staff:' || s.id
            WHERE t.repair_order_id = %s ORDER BY t.id
            """,
            (repair_order_id,),
        ).fetchall()


def notes(conn: psycopg.Connection, repair_order_id: int, customers: bool = False) -> list[Note]:
    """A repair's notes, newest first; with `customers` only those that the customer may see."""
    with conn.cursor(row_factory=class_row(Note)) as cur:
        return cur.execute(
            """
            SELECT n.id, n.at, n.actor, s.name AS actor_name, n.body, n.for_customer, p.width,
                   p.height
            FROM repair_note n
            LEFT JOIN repair_photo p ON p.note_id = n.id
            LEFT JOIN staff s ON n.actor = 'staff:' || s.id
            WHERE n.repair_order_id = %s AND (n.for_customer OR NOT %s)
            ORDER BY n.id DESC LIMIT 200
            """,
            (repair_order_id, customers),
        ).fetchall()


def photo(
    conn: psycopg.Connection, repair_order_id: int, note_id: int, customers: bool = False
) -> bytes | None:
    """A note's picture; None where there is none, or the customer may not see it."""
    row = conn.execute(
        """
        SELECT p.jpeg FROM repair_photo p JOIN repair_note n ON n.id = p.note_id
        WHERE n.id = %s AND n.repair_order_id = %s AND (n.for_customer OR NOT %s)
        """,
        (note_id, repair_order_id, customers),
    ).fetchone()
    return bytes(row[0]) if row else None


def watch(conn: psycopg.Connection, repair_order_id: int) -> Watch | None:
    """How the car proves the repair; None where nothing is watched."""
    with conn.cursor(row_factory=class_row(Watch)) as cur:
        return cur.execute(
            """
            SELECT state, began_at, until_at, extended, decided_at, comeback_alert_id, evidence
            FROM verification WHERE repair_order_id = %s
            """,
            (repair_order_id,),
        ).fetchone()


def comeback(conn: psycopg.Connection, repair_order_id: int) -> int | None:
    """The repair order that had to do it again."""
    row = conn.execute(
        "SELECT min(id) FROM repair_order WHERE comeback_of = %s", (repair_order_id,)
    ).fetchone()
    return row[0] if row else None


def promotion_stop(conn: psycopg.Connection, repair_order_id: int) -> datetime | None:
    """Since when this repair keeps its customer from advertising."""
    row = conn.execute(
        "SELECT since FROM promotion_stop WHERE repair_order_id = %s AND lifted_at IS NULL",
        (repair_order_id,),
    ).fetchone()
    return row[0] if row else None


def workshop(
    conn: psycopg.Connection, dealer_id: int, since: datetime, until: datetime
) -> list[OrderRow]:
    """All that is in the workshop, and what was finished in a stretch of time."""
    with conn.cursor(row_factory=class_row(OrderRow)) as cur:
        return cur.execute(
            """
            SELECT r.id, r.state,
                   coalesce((SELECT max(at) FROM repair_step WHERE repair_order_id = r.id),
                            r.opened_at) AS since,
                   lower(b.during) AS starts_at, r.closed_at, o.title AS op_title, r.concern,
                   v.id AS vehicle_id, v.vin, v.plate, v.make, v.model, c.name AS customer_name,
                   t.name AS technician_name, t.staff_id, y.name AS bay_name, a.urgency,
                   r.comeback_of
            FROM booking b
            JOIN repair_order r ON r.booking_id = b.id
            JOIN op_code o ON o.code = b.op_code
            JOIN bay y ON y.id = b.bay_id
            JOIN technician t ON t.id = b.technician_id
            JOIN vehicle v ON v.id = r.vehicle_id
            JOIN customer c ON c.id = b.customer_id
            LEFT JOIN alert a ON a.id = b.alert_id
            WHERE b.dealer_id = %(dealer)s
              AND (b.state = 'arrived'
                   OR (b.during && tstzrange(%(since)s - interval '30 days', %(until)s)
                       AND r.closed_at >= %(since)s AND r.closed_at < %(until)s))
            ORDER BY r.state = 'closed', r.comeback_of IS NULL, lower(b.during), r.id
            LIMIT 200
            """,
            {"dealer": dealer_id, "since": since, "until": until},
        ).fetchall()


def visitor(
    conn: psycopg.Connection, *, customer_id: int, repair_order_id: int, now: datetime
) -> Visitor | None:
    """Whom a link is for; None if they or the order are gone from the records."""
    with conn.cursor(row_factory=class_row(Visitor)) as cur:
        return cur.execute(
            """
            SELECT c.id AS customer_id, c.name AS customer_name, c.language, c.time_zone,
                   EXISTS (SELECT FROM ownership w WHERE w.vehicle_id = v.id
                           AND w.customer_id = c.id AND w.during @> %(now)s) AS owns,
                   r.id AS repair_order_id, r.state, r.opened_at, r.closed_at, r.correction,
                   r.invoice_minor, r.invoice_currency, v.id AS vehicle_id, v.make, v.model,
                   b.op_code, d.name AS dealer_name, d.country AS dealer_country,
                   d.phone AS dealer_phone
            FROM repair_order r
            JOIN booking b ON b.id = r.booking_id
            JOIN customer c ON c.id = b.customer_id
            JOIN vehicle v ON v.id = r.vehicle_id
            JOIN dealer d ON d.id = b.dealer_id
            WHERE r.id = %(order)s AND c.id = %(customer)s
            """,
            {"order": repair_order_id, "customer": customer_id, "now": now},
        ).fetchone()
