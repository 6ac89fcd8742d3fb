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
    household_id: int | None
    merged_into: int | None
    erased_at: datetime | None


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
    channel: str


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
      AND merged_into IS NULL AND erased_at IS NULL
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
    WHERE dealer_id = %(dealer_id)s AND merged_into IS NULL AND erased_at IS NULL
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
                   s.name AS advisor_name, c.created_at, c.household_id, c.merged_into,
                   c.erased_at
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
                    NULL::text AS meaning, o.alert_id, o.channel
             FROM outreach o JOIN customer c ON c.id = o.customer_id
             WHERE o.customer_id = %(customer_id)s AND c.dealer_id = %(dealer_id)s
             ORDER BY o.planned_at DESC LIMIT %(limit)s)
            UNION ALL
            (SELECT 'in', r.id, r.received_at, r.body, 'received', NULL, NULL, NULL, NULL, NULL,
                    r.meaning, NULL,
                    CASE WHEN r.from_phone LIKE '%%:%%' THEN split_part(r.from_phone, ':', 1)
                        WHEN r.from_phone LIKE '%%@%%' THEN 'email' ELSE 'sms' END
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


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of all that happened with a customer."""

    at: datetime
    what: str  # sent | reply | booking | repair | task | audit
    words: str
    state: str
    link: str


def timeline(
    conn: psycopg.Connection, dealer_id: int, customer_id: int, limit: int = 100
) -> list[Happened]:
    """Messages, answers, bookings, repair orders, tasks and changes in one list, newest first."""
    with conn.cursor(row_factory=class_row(Happened)) as cur:
        return cur.execute(
            """
            SELECT at, what, words, state, link FROM (
                SELECT coalesce(o.sent_at, o.settled_at, o.planned_at) AS at, 'sent' AS what,
                       o.body AS words, o.state || coalesce(': ' || o.reason, '') AS state,
                       '' AS link
                FROM outreach o WHERE o.customer_id = %(id)s
                UNION ALL
                SELECT received_at, 'reply', body, coalesce(meaning, ''), ''
                FROM reply WHERE customer_id = %(id)s
                UNION ALL
                SELECT b.created_at, 'booking', p.title || ', ' || to_char(
                           lower(b.during) AT TIME ZONE d.time_zone, 'YYYY-MM-DD HH24:MI'),
                       b.state, '/bookings/' || b.id
                FROM booking b JOIN op_code p ON p.code = b.op_code
                JOIN dealer d ON d.id = b.dealer_id
                WHERE b.customer_id = %(id)s AND b.dealer_id = %(dealer_id)s
                UNION ALL
                SELECT r.opened_at, 'repair', r.concern, r.state, '/repair-orders/' || r.id
                FROM repair_order r JOIN booking b ON b.id = r.booking_id
                WHERE b.customer_id = %(id)s AND b.dealer_id = %(dealer_id)s
                UNION ALL
                SELECT t.created_at, 'task', t.title,
                       t.state || coalesce(': ' || t.done_reason, ''), ''
                FROM task t WHERE t.customer_id = %(id)s AND t.dealer_id = %(dealer_id)s
                UNION ALL
                SELECT a.at, 'audit', a.action, coalesce(s.name, a.actor), ''
                FROM audit a LEFT JOIN staff s ON a.actor = 'staff:' || s.id
                WHERE a.subject = 'customer:' || %(id)s
            ) AS all_of_it
            WHERE EXISTS (SELECT FROM customer
                          WHERE id = %(id)s AND dealer_id = %(dealer_id)s)
            ORDER BY at DESC, what LIMIT %(limit)s
            """,
            {"id": customer_id, "dealer_id": dealer_id, "limit": limit},
        ).fetchall()


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One line of what was agreed to, or not."""

    at: datetime
    purpose: str
    channel: str
    granted: bool
    source: str
    wording: str


def consent_history(conn: psycopg.Connection, customer_id: int) -> list[ConsentRow]:
    """Every consent and withdrawal, newest first."""
    with conn.cursor(row_factory=class_row(ConsentRow)) as cur:
        return cur.execute(
            """
            SELECT at, purpose, channel, granted, source, wording FROM consent
            WHERE customer_id = %s ORDER BY at DESC, id DESC LIMIT 200
            """,
            (customer_id,),
        ).fetchall()


def tags(conn: psycopg.Connection, customer_id: int) -> list[str]:
    """Tags by hand."""
    rows = conn.execute(
        "SELECT tag FROM customer_tag WHERE customer_id = %s ORDER BY tag", (customer_id,)
    ).fetchall()
    return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a household, or who may be somebody else."""

    id: int
    name: str
    phone: str | None


def housemates(conn: psycopg.Connection, dealer_id: int, customer_id: int) -> list[Person]:
    """Who shares the customer's household."""
    with conn.cursor(row_factory=class_row(Person)) as cur:
        return cur.execute(
            """
            SELECT c.id, c.name, c.phone FROM customer me
            JOIN customer c ON c.household_id = me.household_id AND c.id <> me.id
            WHERE me.id = %s AND c.dealer_id = %s ORDER BY c.name
            """,
            (customer_id, dealer_id),
        ).fetchall()


def by_phone(conn: psycopg.Connection, dealer_id: int, phone: str) -> Person | None:
    """The dealer's customer with a number."""
    with conn.cursor(row_factory=class_row(Person)) as cur:
        return cur.execute(
            "SELECT id, name, phone FROM customer WHERE phone = %s AND dealer_id = %s",
            (phone, dealer_id),
        ).fetchone()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A line of a file that a person must decide about."""

    id: int
    kind: str
    customer_id: int
    name: str
    phone: str | None
    new_name: str
    new_phone: str | None
    vin: str | None


def waiting(conn: psycopg.Connection, dealer_id: int, limit: int = 50) -> list[Waiting]:
    """The dealer's open duplicates, oldest first."""
    with conn.cursor(row_factory=class_row(Waiting)) as cur:
        return cur.execute(
            """
            SELECT d.id, d.kind, c.id AS customer_id, c.name, c.phone, d.data->>'name' AS new_name,
                   d.data->>'phone' AS new_phone, d.data->>'vin' AS vin
            FROM duplicate d JOIN customer c ON c.id = d.customer_id
            WHERE d.dealer_id = %s AND d.state = 'open' ORDER BY d.id LIMIT %s
            """,
            (dealer_id, limit),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that may be one person."""

    id: int
    name: str
    phone: str | None
    other_id: int
    other_name: str
    other_phone: str | None


def pairs(conn: psycopg.Connection, dealer_id: int, limit: int = 20) -> list[Pair]:
    """Records with the same e-mail address."""
    with conn.cursor(row_factory=class_row(Pair)) as cur:
        return cur.execute(
            """
            SELECT a.id, a.name, a.phone, b.id AS other_id, b.name AS other_name,
                   b.phone AS other_phone
            FROM customer a
            JOIN customer b ON b.dealer_id = a.dealer_id AND lower(b.email) = lower(a.email)
             AND b.id > a.id
            WHERE a.dealer_id = %s AND a.email IS NOT NULL AND b.email IS NOT NULL
              AND a.merged_into IS NULL AND b.merged_into IS NULL
            ORDER BY a.id, b.id LIMIT %s
            """,
            (dealer_id, limit),
        ).fetchall()
