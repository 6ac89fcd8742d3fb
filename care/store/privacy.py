"""All that we hold of one person: reading it out, and taking it away."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from care.store.merging import references


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which the person owned a car; None is open."""

    vehicle_id: int
    vin: str
    since: datetime | None
    until: datetime | None


ERASE: dict[str, str] = {
    "booking": "",  # who came when, without a name: the workshop's diary
    "consent": "",  # proof of what was agreed, without a name
    "ownership": "",  # which span's data were deleted
    "loyalty_ledger": "",  # sums of a scheme, without a name
    "customer_tag": "DELETE FROM customer_tag WHERE customer_id = %(id)s",
    "duplicate": """
        UPDATE duplicate SET data = NULL, state = 'apart', decided_at = %(now)s,
            decided_by = 'erasure'
        WHERE customer_id = %(id)s AND state = 'open'""",
    "task": """
        UPDATE task SET title = '(erased)', next_action = '',
            state = 'done', done_at = coalesce(done_at, %(now)s),
            done_by = coalesce(done_by, 'erasure'), done_reason = 'erased'
        WHERE customer_id = %(id)s""",
    "outreach": """
        UPDATE outreach SET body = '(erased)', draft = NULL, media_url = NULL,
            to_phone = CASE WHEN to_phone IS NULL THEN NULL ELSE '(erased)' END,
            state = CASE WHEN state = 'planned' THEN 'dropped' ELSE state END,
            settled_at = CASE WHEN state = 'planned' THEN %(now)s ELSE settled_at END,
            reason = CASE WHEN state = 'planned' THEN 'The person asked to be forgotten.'
                          WHEN reason IS NULL THEN NULL ELSE '(erased)' END
        WHERE customer_id = %(id)s""",
    "reply": """
        UPDATE reply SET body = '(erased)', from_phone = '(erased)',
            handled_at = coalesce(handled_at, %(now)s)
        WHERE customer_id = %(id)s OR from_phone = ANY(%(phones)s)""",
    "call": """
        UPDATE call SET note = NULL, reason = CASE WHEN reason IS NOT NULL THEN '(erased)' END
        WHERE customer_id = %(id)s""",
    "campaign_car": "",  # which campaign meant which car
    "customer_place": "DELETE FROM customer_place WHERE customer_id = %(id)s",
    "enrolment": """
        UPDATE enrolment SET state = 'stopped', ended_at = %(now)s,
            reason = 'The person asked to be forgotten.'
        WHERE customer_id = %(id)s AND state = 'active'""",
    "privacy_request": "",  # that they asked, and what was answered: proof that we did
    "promotion_stop": "UPDATE promotion_stop SET reason = '(erased)' WHERE customer_id = %(id)s",
    "rating": "UPDATE rating SET words = '' WHERE customer_id = %(id)s",
}
"""What erasing does to each table that refers to a customer; empty where nothing personal stays.

Whoever adds such a table adds its line: `erase` refuses to leave one out. A line whose table isn't
there is passed over.
"""


def spans(conn: Connection, customer_id: int) -> list[Span]:
    """When the person owned which car."""
    rows = conn.execute(
        """
        SELECT v.id, v.vin, lower(w.during), upper(w.during)
        FROM ownership w JOIN vehicle v ON v.id = w.vehicle_id
        WHERE w.customer_id = %s AND NOT isempty(w.during) ORDER BY lower(w.during) NULLS FIRST
        """,
        (customer_id,),
    ).fetchall()
    return [Span(*row) for row in rows]


def document(conn: Connection, customer_id: int) -> dict[str, list[dict[str, Any]]]:
    """Every row that refers to the person, by table, with their cars, repairs, STOP and trail."""
    found: dict[str, list[dict[str, Any]]] = {}

    def put(name: str, query: sql.Composable | str) -> None:
        wrapped = sql.SQL("SELECT to_jsonb(x) FROM ({}) x").format(
            sql.SQL(query) if isinstance(query, str) else query
        )
        found[name] = [row[0] for row in conn.execute(wrapped, {"id": customer_id}).fetchall()]

    put("customer", "SELECT * FROM customer WHERE id = %(id)s")
    for table, column in references(conn):
        put(
            table,
            sql.SQL("SELECT * FROM {} WHERE {} = %(id)s").format(
                sql.Identifier(table), sql.Identifier(column)
            ),
        )
    put(
        "vehicle",
        """SELECT v.* FROM vehicle v
           WHERE v.id IN (SELECT vehicle_id FROM ownership WHERE customer_id = %(id)s)""",
    )
    put(
        "alert",
        """SELECT a.* FROM alert a JOIN ownership w ON w.vehicle_id = a.vehicle_id
           WHERE w.customer_id = %(id)s AND w.during @> a.opened_at""",
    )
    put(
        "repair_order",
        """SELECT r.* FROM repair_order r JOIN booking b ON b.id = r.booking_id
           WHERE b.customer_id = %(id)s""",
    )
    put(
        "suppression",
        """SELECT s.* FROM suppression s JOIN customer c ON s.phone IN (c.phone,
               'whatsapp:' || c.phone, lower(c.email), 'wecom:' || c.wecom_id)
           WHERE c.id = %(id)s""",
    )
    put(
        "audit",
        """SELECT at, action, subject, detail FROM audit WHERE subject = 'customer:' || %(id)s
           ORDER BY id""",
    )
    return found


def telemetry(conn: Connection, span: Span) -> Iterator[bytes]:
    """The car's data of a span as CSV, piece by piece."""
    query = sql.SQL(
        "COPY (SELECT * FROM telemetry WHERE vehicle_id = {} AND ts >= {}::timestamptz"
        " AND ts < {}::timestamptz ORDER BY ts) TO STDOUT (FORMAT csv, HEADER)"
    ).format(
        sql.Literal(span.vehicle_id),
        sql.Literal(span.since or "-infinity"),
        sql.Literal(span.until or "infinity"),
    )
    with conn.cursor() as cur, cur.copy(query) as copy:
        for piece in copy:
            yield bytes(piece)


def unknown_tables(conn: Connection) -> list[str]:
    """Tables that refer to a customer and have no line in `ERASE`."""
    return sorted({table for table, _ in references(conn)} - set(ERASE))


def numbers(conn: Connection, customer_ids: list[int]) -> list[str]:
    """Every number of the person's that we know, but those that are somebody else's now."""
    rows = conn.execute(
        """
        SELECT phone FROM customer WHERE id = ANY(%(ids)s)
        UNION SELECT 'whatsapp:' || phone FROM customer WHERE id = ANY(%(ids)s)
        UNION SELECT lower(email) FROM customer WHERE id = ANY(%(ids)s)
        UNION SELECT 'wecom:' || wecom_id FROM customer WHERE id = ANY(%(ids)s)
        UNION SELECT to_phone FROM outreach WHERE customer_id = ANY(%(ids)s)
        UNION SELECT from_phone FROM reply WHERE customer_id = ANY(%(ids)s)
        EXCEPT SELECT phone FROM customer WHERE id <> ALL(%(ids)s)
        """,
        {"ids": customer_ids},
    ).fetchall()
    return [row[0] for row in rows if row[0] is not None]


def keep_stop(conn: Connection, phone: str, at: datetime) -> None:
    """Remember a stopped number by its salted digest."""
    conn.execute(
        """
        INSERT INTO suppression_kept (digest, at)
        SELECT sha256(convert_to(salt || %s, 'UTF8')), %s FROM erasure_salt
        ON CONFLICT DO NOTHING
        """,
        (phone, at),
    )


def drop_stop(conn: Connection, phone: str) -> None:
    """The number is not stopped: an older digest of it must not come into force again."""
    conn.execute(
        """
        DELETE FROM suppression_kept AS k USING erasure_salt AS s
        WHERE k.digest = sha256(convert_to(s.salt || %s, 'UTF8'))
        """,
        (phone,),
    )


def forget_number(conn: Connection, phone: str) -> None:
    """Remove a number from the ledger of STOP and START."""
    conn.execute("DELETE FROM suppression WHERE phone = %s", (phone,))


def forget_span(conn: Connection, span: Span) -> int:
    """Delete the car's data of a span. Returns how many frames."""
    values = {
        "car": span.vehicle_id,
        "since": span.since or "-infinity",
        "until": span.until or "infinity",
        "vin": span.vin,
    }
    frames = conn.execute(
        """
        DELETE FROM telemetry WHERE vehicle_id = %(car)s
          AND ts >= %(since)s::timestamptz AND ts < %(until)s::timestamptz
        """,
        values,
    ).rowcount
    conn.execute(
        """
        DELETE FROM quarantine WHERE vin = %(vin)s
          AND received_at >= %(since)s::timestamptz AND received_at < %(until)s::timestamptz
        """,
        values,
    )
    if span.until is None:
        conn.execute("UPDATE vehicle SET plate = NULL WHERE id = %(car)s", values)
    return frames


def forget(conn: Connection, customer_id: int, phones: list[str], now: datetime) -> None:
    """Take away, table by table, what tells who it was."""
    values = {"id": customer_id, "phones": phones, "now": now}
    conn.execute(
        """
        UPDATE audit SET detail = '{}' WHERE subject IN (
            SELECT 'customer:' || %(id)s
            UNION ALL SELECT 'outreach:' || id FROM outreach WHERE customer_id = %(id)s
            UNION ALL SELECT 'task:' || id FROM task WHERE customer_id = %(id)s
            UNION ALL SELECT 'booking:' || id FROM booking WHERE customer_id = %(id)s)
        """,
        values,
    )
    conn.execute(
        """
        DELETE FROM setback WHERE (kind = 'outreach'
            AND id IN (SELECT id FROM outreach WHERE customer_id = %(id)s))
          OR (kind = 'reply' AND id IN (SELECT id FROM reply WHERE customer_id = %(id)s))
        """,
        values,
    )
    there = {table for table, _ in references(conn)}
    for table, statement in ERASE.items():
        if statement and table in there:
            conn.execute(statement, values)
    conn.execute(
        """
        UPDATE upload SET state = 'discarded', content = NULL, report = report - 'problems'
        WHERE state = 'open' AND dealer_id = (SELECT dealer_id FROM customer WHERE id = %(id)s)
        """,
        values,
    )
    conn.execute(
        """
        UPDATE customer SET name = 'Erased person ' || id, language = 'en', time_zone = 'UTC',
            erased_at = %(now)s
        WHERE id = %(id)s
        """,
        values,
    )
    # Whatever else the record may hold, in columns of today and to come.
    columns = conn.execute(
        """
        SELECT attname FROM pg_attribute
        WHERE attrelid = 'customer'::regclass AND attnum > 0 AND NOT attisdropped
          AND NOT attnotnull AND attname NOT IN ('merged_into', 'erased_at')
        """
    ).fetchall()
    for (column,) in columns:
        conn.execute(
            sql.SQL("UPDATE customer SET {} = NULL WHERE id = %s").format(sql.Identifier(column)),
            (customer_id,),
        )


def merged_into(conn: Connection, customer_id: int) -> list[int]:
    """Records that were merged into this one."""
    rows = conn.execute(
        "SELECT id FROM customer WHERE merged_into = %s ORDER BY id", (customer_id,)
    ).fetchall()
    return [row[0] for row in rows]
