"""Who was answered, and when."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Answered:
    """One customer who waited for a person, and has been answered."""

    name: str
    asked_at: datetime
    answered_at: datetime


def answered(conn: Connection, dealer_id: int, since: datetime) -> list[Answered]:
    """Everybody who began to wait since then and was answered.

    A text counts when it went out, a call if somebody was reached, and else the task's end.
    """
    with conn.cursor(row_factory=class_row(Answered)) as cur:
        return cur.execute(
            """
            SELECT coalesce(s.name, 'Nobody''s') AS name, t.created_at AS asked_at,
                least(t.done_at, o.at, c.at) AS answered_at
            FROM task t
            LEFT JOIN staff s ON s.id = coalesce(
                CASE WHEN t.done_by ~ '^staff:[0-9]+$' THEN substr(t.done_by, 7)::integer END,
                t.owner_id)
            LEFT JOIN LATERAL (
                SELECT min(sent_at) AS at FROM outreach
                WHERE customer_id = t.customer_id AND template = 'advisor'
                  AND sent_at >= t.created_at) o ON true
            LEFT JOIN LATERAL (
                SELECT min(at) AS at FROM call
                WHERE customer_id = t.customer_id AND at >= t.created_at
                  AND result <> 'not_reached') c ON true
            WHERE t.dealer_id = %s AND t.kind = 'reply' AND t.created_at >= %s
              AND least(t.done_at, o.at, c.at) IS NOT NULL
            ORDER BY t.created_at
            """,
            (dealer_id, since),
        ).fetchall()
