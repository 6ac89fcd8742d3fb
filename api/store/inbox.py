"""Open tasks, by priority."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One line of the inbox: a task with its alert, car and customer."""

    id: int
    kind: str  # call | watch | reply | handle
    title: str
    next_action: str
    priority: float
    state: str
    created_at: datetime
    deadline: datetime
    owner_id: int | None
    owner_name: str | None
    alert_id: int | None
    cause: str | None
    urgency: str | None
    confidence: float | None
    summary: str | None
    expect_from: datetime | None
    expect_to: datetime | None
    vehicle_id: int | None
    vin: str | None
    plate: str | None
    make: str | None
    model: str | None
    customer_id: int | None
    customer_name: str | None
    booked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many open tasks there are, by whose they are."""

    to_do: int
    mine: int
    unclaimed: int
    replies: int
    watched: int


_TASK = """
    SELECT t.id, t.kind, t.title, t.next_action, t.priority, t.state, t.created_at, t.deadline,
           t.owner_id, s.name AS owner_name, t.alert_id, a.cause, a.urgency, a.confidence,
           a.summary, a.expect_from, a.expect_to, v.id AS vehicle_id, v.vin, v.plate, v.make,
           v.model, c.id AS customer_id, c.name AS customer_name,
           (SELECT lower(b.during) FROM booking b
            WHERE b.alert_id = t.alert_id AND b.state IN ('booked', 'arrived')
            LIMIT 1) AS booked_at
    FROM task t
    LEFT JOIN staff s ON s.id = t.owner_id
    LEFT JOIN alert a ON a.id = t.alert_id
    LEFT JOIN vehicle v ON v.id = a.vehicle_id
    LEFT JOIN customer c ON c.id = t.customer_id
"""


def tasks(
    conn: psycopg.Connection,
    *,
    dealer_id: int,
    kinds: list[str],
    owner_id: int | None = None,
    unclaimed: bool = False,
    urgency: str | None = None,
    after: tuple[float, int] | None = None,
    limit: int = 50,
) -> list[TaskRow]:
    """Open tasks of a dealer, most important first.

    Parameters
    ----------
    conn : psycopg.Connection
    dealer_id : int
    kinds : list of str
    owner_id : int or None
        Only this person's.
    unclaimed : bool
        Only nobody's.
    urgency : str or None
        Only tasks about alerts of this urgency.
    after : tuple of (float, int) or None
        Priority and id of the last row that was seen.
    limit : int
    """
    priority, task_id = after or (float("inf"), 0)
    with conn.cursor(row_factory=class_row(TaskRow)) as cur:
        return cur.execute(
            _TASK
            + """
            WHERE t.dealer_id = %(dealer_id)s AND t.state = 'open' AND t.kind = ANY(%(kinds)s)
              AND (%(owner_id)s::int IS NULL OR t.owner_id = %(owner_id)s)
              AND (NOT %(unclaimed)s OR t.owner_id IS NULL)
              AND (%(urgency)s::text IS NULL OR a.urgency = %(urgency)s)
              AND t.priority <= %(priority)s::real
              AND (t.priority < %(priority)s::real OR t.id > %(task_id)s)
            ORDER BY t.priority DESC, t.id
            LIMIT %(limit)s
            """,
            {
                "dealer_id": dealer_id,
                "kinds": kinds,
                "owner_id": owner_id,
                "unclaimed": unclaimed,
                "urgency": urgency,
                "priority": priority,
                "task_id": task_id,
                "limit": limit,
            },
        ).fetchall()


def task(conn: psycopg.Connection, dealer_id: int, task_id: int) -> TaskRow | None:
    """One task, open or done."""
    with conn.cursor(row_factory=class_row(TaskRow)) as cur:
        return cur.execute(
            _TASK + "WHERE t.dealer_id = %s AND t.id = %s", (dealer_id, task_id)
        ).fetchone()


def open_task_of(conn: psycopg.Connection, dealer_id: int, alert_id: int) -> TaskRow | None:
    """The open task about an alert."""
    with conn.cursor(row_factory=class_row(TaskRow)) as cur:
        return cur.execute(
            _TASK + "WHERE t.dealer_id = %s AND t.alert_id = %s AND t.state = 'open'",
            (dealer_id, alert_id),
        ).fetchone()


def tasks_of_customer(conn: psycopg.Connection, dealer_id: int, customer_id: int) -> list[TaskRow]:
    """Open tasks about a customer."""
    with conn.cursor(row_factory=class_row(TaskRow)) as cur:
        return cur.execute(
            _TASK
            + """
            WHERE t.dealer_id = %s AND t.customer_id = %s AND t.state = 'open'
            ORDER BY t.priority DESC, t.id LIMIT 20
            """,
            (dealer_id, customer_id),
        ).fetchall()


def counts(conn: psycopg.Connection, dealer_id: int, staff_id: int) -> Counts:
    """Open tasks counted, from an index alone."""
    with conn.cursor(row_factory=class_row(Counts)) as cur:
        row = cur.execute(
            """
            SELECT count(*) FILTER (WHERE kind <> 'watch') AS to_do,
                   count(*) FILTER (WHERE kind <> 'watch' AND owner_id = %(staff_id)s) AS mine,
                   count(*) FILTER (WHERE kind <> 'watch' AND owner_id IS NULL) AS unclaimed,
                   count(*) FILTER (WHERE kind = 'reply') AS replies,
                   count(*) FILTER (WHERE kind = 'watch') AS watched
            FROM task WHERE dealer_id = %(dealer_id)s AND state = 'open'
            """,
            {"staff_id": staff_id, "dealer_id": dealer_id},
        ).fetchone()
    assert row is not None
    return row
