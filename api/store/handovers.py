"""Cases that were handed to a colleague."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class HandoverRow:
    """One hand-over with its task, car and people."""

    id: int
    task_id: int
    dealer_id: int
    from_staff_id: int
    from_name: str
    to_role: str | None
    to_staff_id: int | None
    to_name: str | None
    note: str
    at: datetime
    state: str  # waiting | accepted | returned | over
    accepted_at: datetime | None
    answer: str | None
    ended_at: datetime | None
    title: str
    deadline: datetime
    alert_id: int | None
    urgency: str | None
    vehicle_id: int | None
    vin: str | None
    plate: str | None
    customer_id: int | None
    customer_name: str | None
    customer_phone: str | None


_ROW = """
    SELECT h.id, h.task_id, h.dealer_id, h.from_staff_id, f.name AS from_name, h.to_role,
           h.to_staff_id, s.name AS to_name, h.note, h.at, h.state, h.accepted_at, h.answer,
           h.ended_at, t.title, t.deadline, t.alert_id, a.urgency, v.id AS vehicle_id, v.vin,
           v.plate, c.id AS customer_id, c.name AS customer_name, c.phone AS customer_phone
    FROM handover h
    JOIN task t ON t.id = h.task_id
    JOIN staff f ON f.id = h.from_staff_id
    LEFT JOIN staff s ON s.id = h.to_staff_id
    LEFT JOIN alert a ON a.id = t.alert_id
    LEFT JOIN vehicle v ON v.id = a.vehicle_id
    LEFT JOIN customer c ON c.id = t.customer_id
"""


def live(
    conn: psycopg.Connection, dealer_id: int, *, staff_id: int, role: str, everything: bool
) -> list[HandoverRow]:
    """Cases that wait for a person or are with them; all of the dealer's for who may see all."""
    with conn.cursor(row_factory=class_row(HandoverRow)) as cur:
        return cur.execute(
            _ROW
            + """
            WHERE h.dealer_id = %(dealer)s AND h.state IN ('waiting', 'accepted')
              AND (%(all)s OR h.to_staff_id = %(staff)s
                   OR (h.to_staff_id IS NULL AND h.to_role = %(role)s))
            ORDER BY t.must_today DESC, h.at LIMIT 100
            """,
            {"dealer": dealer_id, "staff": staff_id, "role": role, "all": everything},
        ).fetchall()


def one(conn: psycopg.Connection, dealer_id: int, handover_id: int) -> HandoverRow | None:
    """One hand-over, whatever became of it."""
    with conn.cursor(row_factory=class_row(HandoverRow)) as cur:
        return cur.execute(
            _ROW + "WHERE h.dealer_id = %s AND h.id = %s", (dealer_id, handover_id)
        ).fetchone()


def of_task(conn: psycopg.Connection, dealer_id: int, task_id: int) -> list[HandoverRow]:
    """A task's hand-overs, newest first."""
    with conn.cursor(row_factory=class_row(HandoverRow)) as cur:
        return cur.execute(
            _ROW + "WHERE h.dealer_id = %s AND h.task_id = %s ORDER BY h.at DESC LIMIT 10",
            (dealer_id, task_id),
        ).fetchall()
