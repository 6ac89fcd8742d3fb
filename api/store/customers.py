"""Customers, what was said to them and what they answered."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from api.store.vehicles import patterns


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One line of the customers list."""

    id: int
    name: str
    phone: str | None
    language: str
    cars: int
    open_alerts: int
    stopped: bool
    last_reply_at: datetime | None


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """One customer."""

    id: int
    name: str
    phone: str | None
    email: str | None
    language: str
    time_zone: str
    advisor_name: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation, in either direction."""

    direction: str  # out | in
    id: int
    at: datetime
    body: str
    state: str  # of outreach; 'received' for a reply
    reason: str | None
    purpose: str | None
    template: str | None
    not_before: datetime | None
    error_code: int | None
    meaning: str | None
    alert_id: int | None


@dataclass(frozen=True, slots=True)
class Car:
    """A customer's car, now or once."""

    id: int
    vin: str
    plate: str | None
    make: str
    model: str
    model_year: int | None
    since: datetime | None
    until: datetime | None
    open_alerts: int
    worst: str | None


@dataclass(frozen=True, slots=True)
class Consent:
    """What a customer last agreed to, for one purpose and channel."""

    purpose: str
    channel: str
    granted: bool
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """The newest word of a number's STOP ledger."""

    stopped: bool
    source: str
    at: datetime


_ROW = """
    SELECT c.id, c.name, c.phone, c.language, o.cars, o.open_alerts,
           coalesce(s.stopped, false) AS stopped, r.received_at AS last_reply_at
    FROM ({chosen}) c
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT w.vehicle_id) AS cars, count(a.id) AS open_alerts
        FROM ownership w
        LEFT JOIN alert a ON a.vehicle_id = w.vehicle_id AND a.state = 'open'
        WHERE w.customer_id = c.id AND w.during @> %(now)s
    ) o
    LEFT JOIN LATERAL (
        SELECT stopped FROM suppression WHERE phone = c.phone ORDER BY id DESC LIMIT 1
    ) s ON true
    LEFT JOIN LATERAL (
        SELECT received_at FROM reply WHERE customer_id = c.id ORDER BY received_at DESC LIMIT 1
    ) r ON true
    ORDER BY c.name, c.id
"""

_PAGE = _ROW.replace(
    "{chosen}",
    """
    SELECT id, name, phone, language FROM customer
    WHERE dealer_id = %(dealer_id)s AND (name, id) > (%(name)s, %(customer_id)s)
    ORDER BY name, id LIMIT %(limit)s
    """,
)

_SEARCH = _ROW.replace(
    "{chosen}",
    # Joined by UNION, not OR: each half has an index of its own.
    """
    SELECT id, name, phone, language FROM customer
    JOIN (
        (SELECT id FROM customer WHERE dealer_id = %(dealer_id)s AND name ILIKE %(like)s)
        UNION
        (SELECT id FROM customer
         WHERE dealer_id = %(dealer_id)s AND %(digits)s <> '%%' AND phone LIKE %(digits)s
         LIMIT 200)
        UNION
        (SELECT w.customer_id FROM vehicle v JOIN ownership w ON w.vehicle_id = v.id
         WHERE v.dealer_id = %(dealer_id)s AND w.during @> %(now)s AND %(code)s <> ''
           AND (v.vin LIKE %(code)s OR translate(upper(v.plate), ' -.', '') LIKE %(code)s)
         LIMIT 200)
    ) hit USING (id)
    WHERE dealer_id = %(dealer_id)s
    ORDER BY name, id LIMIT %(limit)s
    """,
)


def page(
    conn: psycopg.Connection,
    *,
    dealer_id: int,
    now: datetime,
    after: tuple[str, int] | None = None,
    limit: int = 50,
) -> list[CustomerRow]:
    """A dealer's customers by name, from the one after `after` on."""
    name, customer_id = after or ("", 0)
    with conn.cursor(row_factory=class_row(CustomerRow)) as cur:
        return cur.execute(
            _PAGE,
            {
                "dealer_id": dealer_id,
                "name": name,
                "customer_id": customer_id,
                "limit": limit,
                "now": now,
            },
        ).fetchall()


def search(
    conn: psycopg.Connection, *, dealer_id: int, part: str, now: datetime, limit: int = 50
) -> list[CustomerRow]:
    """A dealer's customers by part of their name or phone, or of their car's plate or VIN."""
    with conn.cursor(row_factory=class_row(CustomerRow)) as cur:
        return cur.execute(
            _SEARCH, {"dealer_id": dealer_id, "now": now, "limit": limit, **patterns(part)}
        ).fetchall()


def card(conn: psycopg.Connection, dealer_id: int, customer_id: int) -> CustomerCard | None:
    """One customer."""
    with conn.cursor(row_factory=class_row(CustomerCard)) as cur:
        return cur.execute(
            """
            SELECT c.id, c.name, c.phone, c.email, c.language, c.time_zone,
                   s.name AS advisor_name, c.created_at
            FROM customer c LEFT JOIN staff s ON s.id = c.advisor_id
            WHERE c.id = %s AND c.dealer_id = %s
            """,
            (customer_id, dealer_id),
        ).fetchone()


def conversation(
    conn: psycopg.Connection, dealer_id: int, customer_id: int, limit: int = 100
) -> list[Said]:
    """The last messages in both directions, oldest first; those not sent too, with the reason."""
    with conn.cursor(row_factory=class_row(Said)) as cur:
        rows = cur.execute(
            """
            (SELECT 'out' AS direction, o.id, coalesce(o.sent_at, o.planned_at) AS at, o.body,
                    o.state, o.reason, o.purpose, o.template, o.not_before, o.error_code,
                    NULL::text AS meaning, o.alert_id
             FROM outreach o JOIN customer c ON c.id = o.customer_id
             WHERE o.customer_id = %(customer_id)s AND c.dealer_id = %(dealer_id)s
             ORDER BY o.planned_at DESC LIMIT %(limit)s)
            UNION ALL
            (SELECT 'in', r.id, r.received_at, r.body, 'received', NULL, NULL, NULL, NULL, NULL,
                    r.meaning, NULL
             FROM reply r JOIN customer c ON c.id = r.customer_id
             WHERE r.customer_id = %(customer_id)s AND c.dealer_id = %(dealer_id)s
             ORDER BY r.received_at DESC LIMIT %(limit)s)
            ORDER BY at DESC, direction DESC, id DESC LIMIT %(limit)s
            """,
            {"customer_id": customer_id, "dealer_id": dealer_id, "limit": limit},
        ).fetchall()
    return rows[::-1]


def cars(conn: psycopg.Connection, dealer_id: int, customer_id: int, now: datetime) -> list[Car]:
    """The customer's cars: those of today first, then those they had."""
    with conn.cursor(row_factory=class_row(Car)) as cur:
        return cur.execute(
            """
            SELECT v.id, v.vin, v.plate, v.make, v.model, v.model_year,
                   lower(w.during) AS since, upper(w.during) AS until,
                   a.open_alerts, a.worst
            FROM ownership w
            JOIN customer c ON c.id = w.customer_id
            JOIN vehicle v ON v.id = w.vehicle_id
            CROSS JOIN LATERAL (
                SELECT count(*) AS open_alerts,
                       (array_agg(urgency ORDER BY array_position(
                           '{stop,soon,service,info}', urgency)))[1] AS worst
                FROM alert WHERE vehicle_id = v.id AND state = 'open'
                  AND w.during @> %(now)s AND v.dealer_id = %(dealer_id)s
            ) a
            WHERE w.customer_id = %(customer_id)s AND c.dealer_id = %(dealer_id)s
            ORDER BY w.during @> %(now)s DESC, lower(w.during) DESC NULLS LAST
            LIMIT 20
            """,
            {"customer_id": customer_id, "dealer_id": dealer_id, "now": now},
        ).fetchall()


def consents(conn: psycopg.Connection, customer_id: int) -> list[Consent]:
    """What is in force: the newest row for each purpose and channel."""
    with conn.cursor(row_factory=class_row(Consent)) as cur:
        return cur.execute(
            """
            SELECT DISTINCT ON (purpose, channel) purpose, channel, granted, source, at
            FROM consent WHERE customer_id = %s
            ORDER BY purpose DESC, channel, at DESC, id DESC
            """,
            (customer_id,),
        ).fetchall()


def stop(conn: psycopg.Connection, phone: str) -> Stop | None:
    """The newest STOP or START of a number."""
    with conn.cursor(row_factory=class_row(Stop)) as cur:
        return cur.execute(
            """
            SELECT stopped, source, at FROM suppression
            WHERE phone = %s ORDER BY id DESC LIMIT 1
            """,
            (phone,),
        ).fetchone()
