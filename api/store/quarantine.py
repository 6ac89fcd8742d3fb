"""Frames that could not be used.

A manager sees those whose VIN is a car of their dealer's. An admin also sees those of VINs that
nobody knows: somebody has to, and they belong to no other dealer.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Held:
    """One message or frame in quarantine."""

    id: int
    received_at: datetime
    topic: str
    vin: str | None
    reason_code: str
    reason: str
    ts: datetime | None
    attempts: int
    size: int
    start: str


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many wait for one reason."""

    reason_code: str
    waiting: int


_VISIBLE = """
    q.replayed_at IS NULL AND (
        EXISTS (SELECT FROM vehicle v WHERE v.vin = q.vin AND v.dealer_id = %(dealer_id)s)
        OR (%(strangers)s AND NOT EXISTS (SELECT FROM vehicle v WHERE v.vin = q.vin))
    )
"""


def reasons(conn: psycopg.Connection, dealer_id: int, strangers: bool) -> list[ReasonCount]:
    """What waits, counted by reason."""
    with conn.cursor(row_factory=class_row(ReasonCount)) as cur:
        return cur.execute(
            f"""
            SELECT reason_code, count(*) AS waiting FROM quarantine q WHERE {_VISIBLE}
            GROUP BY reason_code ORDER BY waiting DESC, reason_code
            """,  # noqa: S608
            {"dealer_id": dealer_id, "strangers": strangers},
        ).fetchall()


def page(
    conn: psycopg.Connection,
    *,
    dealer_id: int,
    strangers: bool,
    reason_code: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Held]:
    """What waits, newest first."""
    with conn.cursor(row_factory=class_row(Held)) as cur:
        return cur.execute(
            f"""
            SELECT q.id, q.received_at, q.topic, q.vin, q.reason_code, q.reason, q.ts, q.attempts,
                   length(q.payload) AS size,
                   encode(substring(q.payload FOR 200), 'escape') AS start
            FROM quarantine q
            WHERE {_VISIBLE}
              AND (%(reason_code)s::text IS NULL OR q.reason_code = %(reason_code)s)
              AND (%(before)s::bigint IS NULL OR q.id < %(before)s)
            ORDER BY q.id DESC LIMIT %(limit)s
            """,  # noqa: S608
            {
                "dealer_id": dealer_id,
                "strangers": strangers,
                "reason_code": reason_code,
                "before": before,
                "limit": limit,
            },
        ).fetchall()


def visible(conn: psycopg.Connection, dealer_id: int, strangers: bool, row_id: int) -> bool:
    """Whether a person of this dealer may touch the row."""
    row = conn.execute(
        f"SELECT true FROM quarantine q WHERE {_VISIBLE} AND q.id = %(id)s",  # noqa: S608
        {"dealer_id": dealer_id, "strangers": strangers, "id": row_id},
    ).fetchone()
    return row is not None
