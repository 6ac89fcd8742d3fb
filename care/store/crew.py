"""Which repair's state is still to be told to those who work on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import class_row

from care.channels.contract import Later, Refused

FOR_GOOD = timedelta(days=3650)
"""A chat that can't be made is not tried again in a repair's life."""


@dataclass(frozen=True, slots=True)
class Untold:
    """A repair whose state its chat doesn't know yet; `told` is empty until there is a chat."""

    repair_order_id: int
    told: str
    state: str
    members: list[str]
    car: str
    work: str


def lease(conn: Connection, now: datetime, until: datetime) -> Untold | None:
    """One repair to tell of, nobody else's until then. The caller commits."""
    conn.execute(
        """
        INSERT INTO repair_chat (repair_order_id, members, next_at)
        SELECT r.id, ARRAY[a.wecom_id, m.wecom_id], %(now)s
        FROM repair_order r
        JOIN booking b ON b.id = r.booking_id
        JOIN customer c ON c.id = b.customer_id
        JOIN staff a ON a.id = c.advisor_id AND a.active AND a.wecom_id IS NOT NULL
        JOIN technician t ON t.id = b.technician_id
        JOIN staff m ON m.id = t.staff_id AND m.active AND m.wecom_id IS NOT NULL
        WHERE r.state <> 'closed' AND NOT EXISTS (
            SELECT FROM repair_chat WHERE repair_order_id = r.id)
        ON CONFLICT DO NOTHING
        """,
        {"now": now},
    )
    with conn.cursor(row_factory=class_row(Untold)) as cur:
        return cur.execute(
            """
            UPDATE repair_chat AS k SET next_at = %(until)s
            FROM repair_order r
            JOIN booking b ON b.id = r.booking_id
            JOIN vehicle v ON v.id = r.vehicle_id
            JOIN op_code o ON o.code = b.op_code
            WHERE r.id = k.repair_order_id AND k.repair_order_id = (
                SELECT x.repair_order_id FROM repair_chat x
                JOIN repair_order y ON y.id = x.repair_order_id
                WHERE x.told <> y.state AND x.next_at <= %(now)s
                ORDER BY x.next_at LIMIT 1 FOR UPDATE OF x SKIP LOCKED)
            RETURNING k.repair_order_id, k.told, r.state, k.members, o.title AS work,
                concat_ws(', ', nullif(trim(v.make || ' ' || v.model), ''), v.plate) AS car
            """,
            {"now": now, "until": until},
        ).fetchone()


def settle(conn: Connection, one: Untold, failed: Later | Refused | None, now: datetime) -> bool:
    """Keep what came of it.

    What the provider refuses is left out: one state, or the whole chat where it can't be made.
    What failed for now is tried again when the lease is over.
    """
    told, next_at = (one.told, None) if isinstance(failed, Later) else (one.state, now)
    if isinstance(failed, Refused) and not one.told:
        told, next_at = "", now + FOR_GOOD
    conn.execute(
        """
        UPDATE repair_chat SET told = %s, why = %s, next_at = coalesce(%s, next_at)
        WHERE repair_order_id = %s
        """,
        (told, failed.reason if failed else None, next_at, one.repair_order_id),
    )
    return True
