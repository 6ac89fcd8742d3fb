"""Open tasks, by priority, and what of them is for today."""

# ruff: noqa: S608  only this module's own pieces of SQL are joined in

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from care.budget import Call


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
    factors: list[dict[str, Any]]
    claimed_until: datetime | None
    snoozed_until: datetime | None
    snooze_reason: str | None
    tries: int
    escalations: int
    escalated_at: datetime | None
    escalated_to_name: str | None
    handover_id: int | None
    handed_to: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many open tasks there are, by whose they are.

    What is over the budget of the day counts as watched; what was put aside, or is with a
    colleague, counts only there.
    """

    to_do: int
    mine: int
    unclaimed: int
    replies: int
    watched: int
    late: int
    snoozed: int
    handed: int


@dataclass(frozen=True, slots=True)
class Advisor:
    """One person's budget of calls and how much of it is used."""

    id: int
    name: str
    role: str
    calls_a_day: int
    used: int
    open: int
    late: int
    snoozed: int

    @property
    def left(self) -> int:
        """Calls that are left today."""
        return max(self.calls_a_day - self.used, 0)


@dataclass(frozen=True, slots=True)
class Day:
    """What is for today at a dealer."""

    calls: dict[int, Call]
    advisors: list[Advisor]

    @property
    def ids(self) -> list[int]:
        """Keys of the tasks."""
        return list(self.calls)

    def of(self, staff_id: int | None) -> int:
        """How many are this person's, or nobody's."""
        return sum(c.owner_id == staff_id for c in self.calls.values())


@dataclass(frozen=True, slots=True)
class CallRow:
    """What came of one call."""

    at: datetime
    result: str
    reason: str | None
    note: str | None
    staff_name: str


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody of a dealer's."""

    id: int
    name: str
    role: str


_TASK = """
    SELECT t.id, t.kind, t.title, t.next_action, t.priority, t.state, t.created_at, t.deadline,
           t.owner_id, s.name AS owner_name, t.alert_id, a.cause, a.urgency, a.confidence,
           a.summary, a.expect_from, a.expect_to, v.id AS vehicle_id, v.vin, v.plate, v.make,
           v.model, c.id AS customer_id, c.name AS customer_name,
           (SELECT lower(b.during) FROM booking b
            WHERE b.alert_id = t.alert_id AND b.state IN ('booked', 'arrived')
            LIMIT 1) AS booked_at,
           t.factors, t.claimed_until, t.snoozed_until, t.snooze_reason, t.tries, t.escalations,
           t.escalated_at, b.name AS escalated_to_name, h.id AS handover_id,
           coalesce(hs.name, h.to_role) AS handed_to
    FROM task t
    LEFT JOIN staff s ON s.id = t.owner_id
    LEFT JOIN staff b ON b.id = t.escalated_to
    LEFT JOIN handover h ON h.task_id = t.id AND h.state IN ('waiting', 'accepted')
    LEFT JOIN staff hs ON hs.id = h.to_staff_id
    LEFT JOIN alert a ON a.id = t.alert_id
    LEFT JOIN vehicle v ON v.id = a.vehicle_id
    LEFT JOIN customer c ON c.id = t.customer_id
"""


_FREE = """
    (t.snoozed_until IS NULL OR t.snoozed_until <= %(now)s)
    AND NOT EXISTS (SELECT FROM handover
                    WHERE task_id = t.id AND state IN ('waiting', 'accepted'))
"""


def tasks(
    conn: psycopg.Connection,
    *,
    dealer_id: int,
    now: datetime,
    kinds: Sequence[str] = ("call", "reply", "handle"),
    today: Sequence[int] | None = None,
    watched: Sequence[int] | None = None,
    snoozed: bool = False,
    late: bool = False,
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
    now : datetime
    kinds : sequence of str
    today : sequence of int or None
        Only these, of `day`.
    watched : sequence of int or None
        All but these, and watched ones too, whatever `kinds` says.
    snoozed : bool
        Only those that were put aside; else they are left out, and what is with a colleague too.
    late : bool
        Only those that went to the manager.
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
            WHERE t.dealer_id = %(dealer_id)s AND t.state = 'open'
              AND (t.kind = ANY(%(kinds)s) OR %(watched)s::bigint[] IS NOT NULL)
              AND (%(today)s::bigint[] IS NULL OR t.id = ANY(%(today)s::bigint[]))
              AND (%(watched)s::bigint[] IS NULL OR t.id <> ALL(%(watched)s::bigint[]))
              AND (NOT %(late)s OR t.escalations > 0)
              AND CASE WHEN %(snoozed)s THEN t.snoozed_until > %(now)s
                  ELSE """
            + _FREE
            + """ END
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
                "now": now,
                "kinds": list(kinds),
                "today": list(today) if today is not None else None,
                "watched": list(watched) if watched is not None else None,
                "snoozed": snoozed,
                "late": late,
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


_ADVISORS = """
    SELECT s.id, s.name, s.role, s.calls_a_day,
           (SELECT count(*) FROM (
                SELECT task_id FROM call WHERE staff_id = s.id AND at >= %(midnight)s
                UNION
                SELECT id FROM task WHERE state = 'done' AND done_by = 'staff:' || s.id
                    AND done_at >= %(midnight)s) AS worked) AS used,
           count(t.id) FILTER (WHERE t.kind <> 'watch') AS open,
           count(t.id) FILTER (WHERE t.escalations > 0) AS late,
           count(t.id) FILTER (WHERE t.snoozed_until > %(now)s) AS snoozed
    FROM staff s
    LEFT JOIN task t ON t.dealer_id = s.dealer_id AND t.owner_id = s.id AND t.state = 'open'
    WHERE s.dealer_id = %(dealer_id)s AND s.active AND s.role IN ('advisor', 'manager', 'admin')
    GROUP BY s.id ORDER BY s.name, s.id
"""


def advisors(
    conn: psycopg.Connection, dealer_id: int, now: datetime, midnight: datetime
) -> list[Advisor]:
    """Who works on tasks, and how far they are since midnight."""
    with conn.cursor(row_factory=class_row(Advisor)) as cur:
        return cur.execute(
            _ADVISORS, {"dealer_id": dealer_id, "now": now, "midnight": midnight}
        ).fetchall()


def candidates(
    conn: psycopg.Connection, dealer_id: int, left: dict[int, int], now: datetime
) -> list[Call]:
    """What can be for today: the first tasks of each owner, as many as their budget could take.

    Read from an index, owner by owner: a dealer with a hundred thousand open tasks has a short day.
    """
    first = """
        SELECT t.id, t.owner_id, t.priority, t.must_today FROM task t
        WHERE t.dealer_id = %(dealer_id)s AND t.state = 'open' AND t.kind <> 'watch' AND
    """
    order = " ORDER BY t.must_today DESC, t.priority DESC, t.id "
    with conn.cursor(row_factory=class_row(Call)) as cur:
        return cur.execute(
            "SELECT c.* FROM unnest(%(ids)s::int[], %(left)s::int[]) AS a (id, calls)"
            f" CROSS JOIN LATERAL ({first} {_FREE} AND t.owner_id = a.id {order} LIMIT a.calls) c"
            f" UNION ({first} {_FREE} AND t.owner_id IS NULL {order} LIMIT %(pool)s)"
            f" UNION ({first} {_FREE} AND t.owner_id = ANY(ARRAY("
            " SELECT id FROM staff WHERE dealer_id = %(dealer_id)s AND id <> ALL(%(ids)s::int[]))))"
            f" UNION ({first} {_FREE} AND t.must_today)",
            {
                "dealer_id": dealer_id,
                "now": now,
                "ids": list(left),
                "left": list(left.values()),
                "pool": sum(left.values()) if left else None,
            },
        ).fetchall()


def counts(
    conn: psycopg.Connection, dealer_id: int, staff_id: int, today: Day, now: datetime
) -> Counts:
    """Open tasks counted, from an index alone."""
    row = conn.execute(
        """
        SELECT count(*), count(*) FILTER (WHERE snoozed_until > %(now)s),
               count(*) FILTER (WHERE escalations > 0),
               (SELECT count(*) FROM handover
                WHERE dealer_id = %(dealer_id)s AND state IN ('waiting', 'accepted'))
        FROM task WHERE dealer_id = %(dealer_id)s AND state = 'open'
        """,
        {"dealer_id": dealer_id, "now": now},
    ).fetchone()
    assert row is not None
    total, snoozed, late, handed = row
    replies = conn.execute(
        "SELECT count(*) FROM task WHERE id = ANY(%s) AND kind = 'reply'", (today.ids,)
    ).fetchone()
    assert replies is not None
    return Counts(
        to_do=len(today.calls),
        mine=today.of(staff_id),
        unclaimed=today.of(None),
        replies=replies[0],
        watched=max(total - snoozed - handed - len(today.calls), 0),
        late=late,
        snoozed=snoozed,
        handed=handed,
    )


def calls_of(conn: psycopg.Connection, task_id: int) -> list[CallRow]:
    """What came of the calls about a task, newest first. The caller has checked whose it is."""
    with conn.cursor(row_factory=class_row(CallRow)) as cur:
        return cur.execute(
            """
            SELECT c.at, c.result, c.reason, c.note, s.name AS staff_name
            FROM call c JOIN staff s ON s.id = c.staff_id
            WHERE c.task_id = %s ORDER BY c.at DESC, c.id DESC LIMIT 20
            """,
            (task_id,),
        ).fetchall()


def colleagues(conn: psycopg.Connection, dealer_id: int) -> list[Colleague]:
    """Who works at a dealer."""
    with conn.cursor(row_factory=class_row(Colleague)) as cur:
        return cur.execute(
            "SELECT id, name, role FROM staff WHERE dealer_id = %s AND active ORDER BY name, id",
            (dealer_id,),
        ).fetchall()


def set_budget(
    conn: psycopg.Connection, dealer_id: int, staff_id: int, calls_a_day: int
) -> str | None:
    """How many calls a day a person makes; their name, None if they aren't this dealer's."""
    row = conn.execute(
        "UPDATE staff SET calls_a_day = %s WHERE id = %s AND dealer_id = %s AND active"
        " RETURNING name",
        (calls_a_day, staff_id, dealer_id),
    ).fetchone()
    return str(row[0]) if row else None
