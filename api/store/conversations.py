"""Who wrote to a dealer, over whatever channel, and who waits for an answer."""

# ruff: noqa: S608  only this module's own pieces are joined in

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from api.store.vehicles import patterns

RECENT = 500
"""Messages that are looked through for one page."""


@dataclass(frozen=True, slots=True)
class Thread:
    """One customer's conversation."""

    customer_id: int
    name: str
    body: str  # what they wrote last
    at: datetime
    address: str
    meaning: str | None
    task_id: int | None  # of whom a person must answer
    title: str | None
    since: datetime | None
    deadline: datetime | None
    owner: str | None
    owner_id: int | None
    claimed_until: datetime | None


_ROW = """
    SELECT c.id AS customer_id, c.name, coalesce(r.body, '') AS body,
        coalesce(r.received_at, t.created_at) AS at, coalesce(r.from_phone, '') AS address,
        r.meaning, t.id AS task_id, t.title, t.created_at AS since, t.deadline, s.name AS owner,
        t.owner_id, t.claimed_until
"""
_TASK = """
    LEFT JOIN task t ON t.customer_id = c.id AND t.state = 'open' AND t.kind = 'reply'
    LEFT JOIN staff s ON s.id = t.owner_id
"""


def waiting(
    conn: psycopg.Connection, dealer_id: int, owner_id: int | None = None, limit: int = 100
) -> list[Thread]:
    """Who waits for an answer, the most urgent first; of one advisor, if wanted."""
    with conn.cursor(row_factory=class_row(Thread)) as cur:
        return cur.execute(
            _ROW
            + """
            FROM task t
            JOIN customer c ON c.id = t.customer_id
            LEFT JOIN staff s ON s.id = t.owner_id
            LEFT JOIN LATERAL (SELECT body, received_at, from_phone, meaning FROM reply
                WHERE customer_id = c.id ORDER BY received_at DESC LIMIT 1) r ON true
            WHERE t.dealer_id = %(dealer)s AND t.state = 'open' AND t.kind = 'reply'
              AND c.dealer_id = %(dealer)s
              AND (%(owner)s::integer IS NULL OR t.owner_id = %(owner)s)
            ORDER BY t.deadline, t.id LIMIT %(limit)s
            """,
            {"dealer": dealer_id, "owner": owner_id, "limit": limit},
        ).fetchall()


def recent(
    conn: psycopg.Connection,
    dealer_id: int,
    part: str = "",
    before: datetime | None = None,
    limit: int = 50,
) -> list[Thread]:
    """Who wrote last, newest first; with `part`, those whose name or message has it."""
    with conn.cursor(row_factory=class_row(Thread)) as cur:
        return cur.execute(
            _ROW
            + """
            FROM (
                SELECT DISTINCT ON (customer_id) * FROM (
                    SELECT r.customer_id, r.body, r.received_at, r.from_phone, r.meaning
                    FROM reply r JOIN customer c ON c.id = r.customer_id
                    WHERE c.dealer_id = %(dealer)s
                      AND (%(before)s::timestamptz IS NULL OR (r.received_at < %(before)s
                        AND NOT EXISTS (SELECT FROM reply AS newer
                            WHERE newer.customer_id = r.customer_id
                              AND newer.received_at >= %(before)s)))
                      AND (%(part)s = '' OR r.body ILIKE %(like)s OR c.name ILIKE %(like)s)
                    ORDER BY r.received_at DESC LIMIT %(recent)s) AS found
                ORDER BY customer_id, received_at DESC) AS r
            JOIN customer c ON c.id = r.customer_id
            """
            + _TASK
            + " ORDER BY r.received_at DESC LIMIT %(limit)s",
            {
                "dealer": dealer_id,
                "part": part,
                "before": before,
                "recent": RECENT,
                "limit": limit,
                **patterns(part),
            },
        ).fetchall()


def count_waiting(conn: psycopg.Connection, dealer_id: int) -> int:
    """How many customers wait for an answer."""
    row = conn.execute(
        "SELECT count(*) FROM task WHERE dealer_id = %s AND state = 'open' AND kind = 'reply'",
        (dealer_id,),
    ).fetchone()
    return int(row[0]) if row else 0


def waits(conn: psycopg.Connection, dealer_id: int, customer_id: int) -> Thread | None:
    """The customer's thread, if they wait for an answer."""
    with conn.cursor(row_factory=class_row(Thread)) as cur:
        return cur.execute(
            _ROW
            + """
            FROM task t JOIN customer c ON c.id = t.customer_id
            LEFT JOIN staff s ON s.id = t.owner_id
            LEFT JOIN LATERAL (SELECT body, received_at, from_phone, meaning FROM reply
                WHERE customer_id = c.id ORDER BY received_at DESC LIMIT 1) r ON true
            WHERE c.id = %s AND c.dealer_id = %s AND t.state = 'open' AND t.kind = 'reply'
            """,
            (customer_id, dealer_id),
        ).fetchone()
