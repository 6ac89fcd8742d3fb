"""What a person should do next."""

# ruff: noqa: S608  only this module's own column lists are joined in

from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from record.flow import Task

TASK_COLUMNS = """
    id, dealer_id, kind, title, priority, state, created_at, deadline, next_action, alert_id,
    customer_id, owner_id
"""


def get(conn: Connection, task_id: int, lock: bool = False) -> Task | None:
    """The task."""
    with conn.cursor(row_factory=class_row(Task)) as cur:
        ending = " FROM task WHERE id = %s" + (" FOR UPDATE" if lock else "")
        return cur.execute("SELECT " + TASK_COLUMNS + ending, (task_id,)).fetchone()


def put_for_alert(
    conn: Connection,
    *,
    dealer_id: int,
    alert_id: int,
    customer_id: int | None,
    owner_id: int | None,
    kind: str,
    title: str,
    next_action: str,
    priority: float,
    deadline: datetime,
    at: datetime,
) -> Task:
    """The alert's one open task: made, or brought up to date. Its owner stays with the dealer."""
    with conn.cursor(row_factory=class_row(Task)) as cur:
        row = cur.execute(
            """
            INSERT INTO task AS t (dealer_id, alert_id, customer_id, owner_id, kind, title,
                next_action, priority, state, created_at, deadline)
            VALUES (%(dealer)s, %(alert)s, %(customer)s, %(owner)s, %(kind)s, %(title)s,
                %(next)s, %(priority)s, 'open', %(at)s, %(deadline)s)
            ON CONFLICT (alert_id) WHERE state = 'open' AND alert_id IS NOT NULL DO UPDATE
            SET kind = excluded.kind, title = excluded.title, next_action = excluded.next_action,
                priority = excluded.priority, customer_id = excluded.customer_id,
                owner_id = CASE WHEN t.dealer_id = excluded.dealer_id THEN t.owner_id
                    ELSE excluded.owner_id END,
                dealer_id = excluded.dealer_id,
                deadline = least(t.deadline, excluded.deadline)
            RETURNING """
            + TASK_COLUMNS,
            {
                "dealer": dealer_id,
                "alert": alert_id,
                "customer": customer_id,
                "owner": owner_id,
                "kind": kind,
                "title": title,
                "next": next_action,
                "priority": priority,
                "at": at,
                "deadline": deadline,
            },
        ).fetchone()
    assert row is not None
    return row


def put_for_reply(
    conn: Connection,
    *,
    dealer_id: int,
    customer_id: int,
    owner_id: int | None,
    title: str,
    next_action: str,
    priority: float,
    deadline: datetime,
    at: datetime,
) -> Task:
    """The customer's one open reply task; a further reply keeps the first one's deadline."""
    with conn.cursor(row_factory=class_row(Task)) as cur:
        row = cur.execute(
            """
            INSERT INTO task AS t (dealer_id, customer_id, owner_id, kind, title, next_action,
                priority, state, created_at, deadline)
            VALUES (%(dealer)s, %(customer)s, %(owner)s, 'reply', %(title)s, %(next)s,
                %(priority)s, 'open', %(at)s, %(deadline)s)
            ON CONFLICT (customer_id) WHERE state = 'open' AND kind = 'reply' DO UPDATE
            SET title = excluded.title, next_action = excluded.next_action,
                priority = greatest(t.priority, excluded.priority)
            RETURNING """
            + TASK_COLUMNS,
            {
                "dealer": dealer_id,
                "customer": customer_id,
                "owner": owner_id,
                "title": title,
                "next": next_action,
                "priority": priority,
                "at": at,
                "deadline": deadline,
            },
        ).fetchone()
    assert row is not None
    return row


def set_owner(conn: Connection, task_id: int, staff_id: int) -> Task:
    """Give a task to someone."""
    with conn.cursor(row_factory=class_row(Task)) as cur:
        row = cur.execute(
            "UPDATE task SET owner_id = %s WHERE id = %s RETURNING " + TASK_COLUMNS,
            (staff_id, task_id),
        ).fetchone()
    assert row is not None
    return row


def set_done(conn: Connection, task_id: int, by: str, reason: str, at: datetime) -> Task:
    """Finish a task."""
    with conn.cursor(row_factory=class_row(Task)) as cur:
        row = cur.execute(
            """
            UPDATE task SET state = 'done', done_at = %s, done_by = %s, done_reason = %s
            WHERE id = %s RETURNING """
            + TASK_COLUMNS,
            (at, by, reason, task_id),
        ).fetchone()
    assert row is not None
    return row


def open_for_alert(conn: Connection, alert_id: int) -> Task | None:
    """The alert's open task; locked."""
    with conn.cursor(row_factory=class_row(Task)) as cur:
        return cur.execute(
            "SELECT "
            + TASK_COLUMNS
            + " FROM task WHERE alert_id = %s AND state = 'open' FOR UPDATE",
            (alert_id,),
        ).fetchone()


def staff_dealer(conn: Connection, staff_id: int) -> int | None:
    """The dealer where an active member of staff works; None for anyone else."""
    row = conn.execute(
        "SELECT dealer_id FROM staff WHERE id = %s AND active", (staff_id,)
    ).fetchone()
    return row[0] if row else None
