"""What a person should do next."""

# ruff: noqa: S608  only this module's own column lists are joined in

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from care.worth import Factor, Worth
from record.flow import Task

TASK_COLUMNS = """
    id, dealer_id, kind, title, priority, state, created_at, deadline, next_action, alert_id,
    customer_id, owner_id, must_today, claimed_until, snoozed_until, tries, escalations
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may work on tasks."""

    id: int
    dealer_id: int
    name: str
    role: str


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
    factors: Sequence[Factor] = (),
    must_today: bool = False,
    ranked_on: date | None = None,
) -> Task:
    """The alert's one open task: made, or brought up to date. Its owner stays with the dealer.

    Whoever brings it up to date has news: a snooze ends.
    """
    with conn.cursor(row_factory=class_row(Task)) as cur:
        row = cur.execute(
            """
            INSERT INTO task AS t (dealer_id, alert_id, customer_id, owner_id, kind, title,
                next_action, priority, state, created_at, deadline, factors, must_today, ranked_on)
            VALUES (%(dealer)s, %(alert)s, %(customer)s, %(owner)s, %(kind)s, %(title)s,
                %(next)s, %(priority)s, 'open', %(at)s, %(deadline)s, %(factors)s, %(must)s,
                %(ranked)s)
            ON CONFLICT (alert_id) WHERE state = 'open' AND alert_id IS NOT NULL DO UPDATE
            SET kind = excluded.kind, title = excluded.title, next_action = excluded.next_action,
                priority = excluded.priority, customer_id = excluded.customer_id,
                owner_id = CASE WHEN t.dealer_id = excluded.dealer_id THEN t.owner_id
                    ELSE excluded.owner_id END,
                claimed_until = CASE WHEN t.dealer_id = excluded.dealer_id THEN t.claimed_until END,
                dealer_id = excluded.dealer_id, factors = excluded.factors,
                must_today = excluded.must_today, ranked_on = excluded.ranked_on,
                snoozed_until = NULL, snooze_reason = NULL,
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
                "factors": Jsonb([asdict(f) for f in factors]),
                "must": must_today,
                "ranked": ranked_on,
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
                priority = greatest(t.priority, excluded.priority),
                snoozed_until = NULL, snooze_reason = NULL
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


def unranked(conn: Connection, today: date, limit: int) -> list[Task]:
    """Open tasks of open alerts that were not ranked since that day began; locked."""
    with conn.cursor(row_factory=class_row(Task)) as cur:
        return cur.execute(
            "SELECT "
            + TASK_COLUMNS
            + """ FROM task
            WHERE state = 'open' AND alert_id IS NOT NULL
              AND (ranked_on IS NULL OR ranked_on < %s)
              AND NOT EXISTS (SELECT FROM setback s WHERE s.kind = 'task' AND s.id = task.id
                              AND s.next_at > clock_timestamp())
            ORDER BY ranked_on NULLS FIRST, id LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (today, limit),
        ).fetchall()


def set_rank(
    conn: Connection, task_id: int, priority: float, factors: Sequence[Factor], day: date
) -> None:
    """Where a task is in the list, and why."""
    _set(
        conn,
        task_id,
        "priority = %s, factors = %s, ranked_on = %s",
        (priority, Jsonb([asdict(f) for f in factors]), day),
    )


def set_owner(
    conn: Connection, task_id: int, staff_id: int | None, claimed_until: datetime | None
) -> Task:
    """Give a task to someone, who works on it until then."""
    return _set(conn, task_id, "owner_id = %s, claimed_until = %s", (staff_id, claimed_until))


def set_snoozed(
    conn: Connection, task_id: int, until: datetime | None, reason: str | None, deadline: datetime
) -> Task:
    """Put a task aside; None brings it back."""
    return _set(
        conn,
        task_id,
        "snoozed_until = %s, snooze_reason = %s, deadline = %s, escalate_at = NULL",
        (until, reason, deadline),
    )


def set_next(
    conn: Connection, task_id: int, kind: str, next_action: str, tries: int, deadline: datetime
) -> Task:
    """What is to be done now, by when."""
    return _set(
        conn,
        task_id,
        "kind = %s, next_action = %s, tries = %s, deadline = %s, escalate_at = NULL",
        (kind, next_action, tries, deadline),
    )


def set_escalated(
    conn: Connection, task_id: int, to: int | None, at: datetime, again_at: datetime
) -> Task:
    """Mark a task as brought before the manager."""
    return _set(
        conn,
        task_id,
        "escalations = escalations + 1, escalated_at = %s, escalated_to = %s, escalate_at = %s",
        (at, to, again_at),
    )


def look_again(conn: Connection, task_id: int, at: datetime) -> None:
    """Leave an overdue task alone until then."""
    _set(conn, task_id, "escalate_at = %s", (at,))


def _set(conn: Connection, task_id: int, what: str, values: tuple[object, ...]) -> Task:
    with conn.cursor(row_factory=class_row(Task)) as cur:
        row = cur.execute(
            f"UPDATE task SET {what} WHERE id = %s RETURNING {TASK_COLUMNS}", (*values, task_id)
        ).fetchone()
    assert row is not None
    return row


def set_done(conn: Connection, task_id: int, by: str, reason: str, at: datetime) -> Task:
    """Finish a task; where it was handed to a colleague, that is over too."""
    conn.execute(
        "UPDATE handover SET state = 'over', ended_at = %s"
        " WHERE task_id = %s AND state IN ('waiting', 'accepted')",
        (at, task_id),
    )
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


def person(conn: Connection, staff_id: int) -> Person | None:
    """An active member of staff; None for anyone else."""
    with conn.cursor(row_factory=class_row(Person)) as cur:
        return cur.execute(
            "SELECT id, dealer_id, name, role FROM staff WHERE id = %s AND active", (staff_id,)
        ).fetchone()


def manager(conn: Connection, dealer_id: int) -> Person | None:
    """Who hears of what is late: the dealer's manager of longest standing."""
    with conn.cursor(row_factory=class_row(Person)) as cur:
        return cur.execute(
            """
            SELECT id, dealer_id, name, role FROM staff
            WHERE dealer_id = %s AND role = 'manager' AND active ORDER BY id LIMIT 1
            """,
            (dealer_id,),
        ).fetchone()


def worth(
    conn: Connection, vehicle_id: int, op_code: str, customer_id: int | None, at: datetime
) -> Worth:
    """What is known of a case's worth."""
    with conn.cursor(row_factory=class_row(Worth)) as cur:
        row = cur.execute(
            """
            SELECT (SELECT usual_value FROM op_code WHERE code = %(op)s) AS job_value, model_year,
                   warranty_until,
                   (SELECT code FROM loyalty_tier WHERE from_points > 0 AND from_points <= (
                        SELECT sum(points) FROM loyalty_ledger
                        WHERE customer_id = %(customer)s AND at <= %(at)s AND expires_at > %(at)s)
                    ORDER BY from_points DESC LIMIT 1) AS tier
            FROM vehicle WHERE id = %(vehicle)s
            """,
            {"op": op_code, "vehicle": vehicle_id, "customer": customer_id, "at": at},
        ).fetchone()
    return row or Worth()


def overdue(conn: Connection, at: datetime, limit: int) -> list[Task]:
    """Open tasks past their deadline that nobody has put aside, the longest first; locked.

    What a colleague holds at this moment is left for the next look.
    """
    with conn.cursor(row_factory=class_row(Task)) as cur:
        return cur.execute(
            "SELECT "
            + TASK_COLUMNS
            + """
            FROM task
            WHERE state = 'open' AND escalations < 3 AND coalesce(escalate_at, deadline) <= %(at)s
              AND (snoozed_until IS NULL OR snoozed_until <= %(at)s)
              AND NOT EXISTS (SELECT FROM setback s WHERE s.kind = 'task' AND s.id = task.id
                              AND s.next_at > clock_timestamp())
            ORDER BY coalesce(escalate_at, deadline), id LIMIT %(limit)s
            FOR UPDATE SKIP LOCKED
            """,
            {"at": at, "limit": limit},
        ).fetchall()


def woken(conn: Connection, at: datetime, limit: int) -> list[Task]:
    """Tasks whose snooze is over; locked."""
    with conn.cursor(row_factory=class_row(Task)) as cur:
        return cur.execute(
            "SELECT "
            + TASK_COLUMNS
            + """
            FROM task WHERE state = 'open' AND snoozed_until <= %s
            ORDER BY snoozed_until, id LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (at, limit),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Handover:
    """A case that was handed to a colleague."""

    id: int
    task_id: int
    dealer_id: int
    from_staff_id: int
    to_role: str | None
    to_staff_id: int | None
    note: str
    at: datetime
    state: str  # waiting | accepted | returned | over


_HANDOVER = "id, task_id, dealer_id, from_staff_id, to_role, to_staff_id, note, at, state"


def add_handover(
    conn: Connection,
    *,
    task: Task,
    from_staff_id: int,
    to_role: str | None,
    to_staff_id: int | None,
    note: str,
    at: datetime,
) -> Handover:
    """Hand a case over."""
    with conn.cursor(row_factory=class_row(Handover)) as cur:
        row = cur.execute(
            "INSERT INTO handover (task_id, dealer_id, from_staff_id, to_role, to_staff_id, note,"
            " at, state) VALUES (%s, %s, %s, %s, %s, %s, %s, 'waiting') RETURNING " + _HANDOVER,
            (task.id, task.dealer_id, from_staff_id, to_role, to_staff_id, note, at),
        ).fetchone()
    assert row is not None
    return row


def handover(conn: Connection, handover_id: int) -> Handover | None:
    """The hand-over. It only changes while its task is locked."""
    with conn.cursor(row_factory=class_row(Handover)) as cur:
        return cur.execute(
            "SELECT " + _HANDOVER + " FROM handover WHERE id = %s", (handover_id,)
        ).fetchone()


def live_handover(conn: Connection, task_id: int) -> Handover | None:
    """The task's hand-over that has not come back."""
    with conn.cursor(row_factory=class_row(Handover)) as cur:
        return cur.execute(
            "SELECT "
            + _HANDOVER
            + " FROM handover WHERE task_id = %s AND state IN ('waiting', 'accepted')",
            (task_id,),
        ).fetchone()


def accept_handover(conn: Connection, handover_id: int, staff_id: int, at: datetime) -> None:
    """A colleague takes it."""
    conn.execute(
        "UPDATE handover SET state = 'accepted', to_staff_id = %s, accepted_at = %s WHERE id = %s",
        (staff_id, at, handover_id),
    )


def return_handover(
    conn: Connection, handover_id: int, staff_id: int, answer: str, at: datetime
) -> None:
    """It comes back with an answer."""
    conn.execute(
        """
        UPDATE handover SET state = 'returned', to_staff_id = %s, answer = %s, ended_at = %s
        WHERE id = %s
        """,
        (staff_id, answer, at, handover_id),
    )


def reply_waits(conn: Connection, customer_id: int) -> bool:
    """Whether the customer has written something that a person has yet to answer."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM task"
        " WHERE customer_id = %s AND state = 'open' AND kind = 'reply')",
        (customer_id,),
    ).fetchone()
    return bool(row and row[0])


def last_contact(conn: Connection, alert_id: int) -> datetime | None:
    """When we last texted or reached for the phone about an alert."""
    row = conn.execute(
        """
        SELECT greatest(
            (SELECT max(sent_at) FROM outreach WHERE alert_id = %(alert)s),
            (SELECT max(c.at) FROM call c JOIN task t ON t.id = c.task_id
             WHERE t.alert_id = %(alert)s))
        """,
        {"alert": alert_id},
    ).fetchone()
    return row[0] if row else None


def last_said(conn: Connection, customer_id: int) -> str:
    """The customer's last words to us; empty where there are none."""
    row = conn.execute(
        "SELECT body FROM reply WHERE customer_id = %s ORDER BY received_at DESC LIMIT 1",
        (customer_id,),
    ).fetchone()
    return str(row[0]) if row else ""


def add_call(
    conn: Connection,
    *,
    task_id: int,
    customer_id: int | None,
    staff_id: int,
    result: str,
    reason: str | None,
    note: str | None,
    at: datetime,
) -> None:
    """Write down what came of a call."""
    conn.execute(
        """
        INSERT INTO call (task_id, customer_id, staff_id, at, result, reason, note)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (task_id, customer_id, staff_id, at, result, reason, note),
    )


def drop_planned(
    conn: Connection, alert_id: int, customer_id: int, reason: str, at: datetime
) -> int:
    """Drop what waits to be sent to the customer about an alert, with the reason. How many."""
    return conn.execute(
        """
        UPDATE outreach SET state = 'dropped', reason = %s, settled_at = %s
        WHERE alert_id = %s AND customer_id = %s AND state = 'planned' AND purpose <> 'reply'
        """,
        (reason, at, alert_id, customer_id),
    ).rowcount


def drop_planned_of_car(
    conn: Connection, vehicle_id: int, customer_id: int, reason: str, at: datetime
) -> int:
    """Drop whatever waits to be sent to the customer about a car, with the reason. How many."""
    return conn.execute(
        """
        UPDATE outreach AS o SET state = 'dropped', reason = %(reason)s, settled_at = %(at)s
        WHERE o.customer_id = %(customer)s AND o.state = 'planned' AND %(car)s IN (
            (SELECT e.vehicle_id FROM enrolment AS e WHERE e.id = o.enrolment_id),
            (SELECT a.vehicle_id FROM alert AS a WHERE a.id = o.alert_id),
            (SELECT b.vehicle_id FROM booking AS b WHERE b.id = o.booking_id))
        """,
        {"reason": reason, "at": at, "customer": customer_id, "car": vehicle_id},
    ).rowcount


def open_alerts_of(conn: Connection, vehicle_id: int, customer_id: int) -> list[int]:
    """Alerts of a car about which a customer has an open task, in the order of locks."""
    return [
        id
        for (id,) in conn.execute(
            """
            SELECT a.id FROM alert AS a JOIN task AS t ON t.alert_id = a.id
            WHERE a.vehicle_id = %s AND t.customer_id = %s AND t.state = 'open'
            ORDER BY a.id FOR UPDATE OF a
            """,
            (vehicle_id, customer_id),
        ).fetchall()
    ]


def add_dismissal(
    conn: Connection,
    *,
    alert_id: int,
    reason: str,
    label: str | None,
    note: str,
    staff_id: int | None,
    at: datetime,
) -> None:
    """Write down why an alert is not a problem, and what that says of the detector."""
    conn.execute(
        """
        INSERT INTO dismissal_label (alert_id, reason, label, note, staff_id, at)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (alert_id, reason, label, note, staff_id, at),
    )
