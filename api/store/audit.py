"""What was done, and by whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Done:
    """One line of the audit trail."""

    at: datetime
    actor: str
    actor_name: str | None
    action: str
    subject: str
    detail: dict[str, Any]


def trail(conn: psycopg.Connection, subjects: list[str], limit: int = 40) -> list[Done]:
    """What happened to these subjects, newest first. The caller has checked that they are theirs.

    Parameters
    ----------
    conn : psycopg.Connection
    subjects : list of str
        ``alert:12``, ``booking:3`` ...
    limit : int
    """
    with conn.cursor(row_factory=class_row(Done)) as cur:
        return cur.execute(
            """
            SELECT a.at, a.actor, s.name AS actor_name, a.action, a.subject, a.detail
            FROM audit a
            LEFT JOIN staff s ON a.actor = 'staff:' || s.id
            WHERE a.subject = ANY(%s)
            ORDER BY a.at DESC, a.id DESC LIMIT %s
            """,
            (subjects, limit),
        ).fetchall()
