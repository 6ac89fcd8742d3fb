"""The points ledger, and what points are given for and lead to."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; a reversal has negative points and names what it takes back."""

    id: int
    customer_id: int
    reason: str
    title: str
    subject: str
    points: int
    at: datetime
    expires_at: datetime
    reverses: int | None


@dataclass(frozen=True, slots=True)
class Tier:
    """What so many points lead to."""

    code: str
    title: str
    from_points: int
    benefits: list[str]


_ENTRY = """
    SELECT l.id, l.customer_id, l.reason, r.title, l.subject, l.points, l.at, l.expires_at,
           l.reverses
    FROM loyalty_ledger AS l JOIN loyalty_reason AS r ON r.code = l.reason
"""


def points_for(conn: Connection, reason: str) -> int | None:
    """What a reason earns; None if there is no such reason."""
    row = conn.execute("SELECT points FROM loyalty_reason WHERE code = %s", (reason,)).fetchone()
    return row[0] if row else None


def add(
    conn: Connection,
    customer_id: int,
    reason: str,
    subject: str,
    points: int,
    at: datetime,
    expires_at: datetime,
) -> bool:
    """Add to the ledger. False if the customer has had these points before."""
    done = conn.execute(
        """
        INSERT INTO loyalty_ledger (customer_id, reason, subject, points, at, expires_at)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (customer_id, reason, subject, points, at, expires_at),
    ).rowcount
    return done == 1


def connected(
    conn: Connection, since: datetime, until: datetime, subject: str
) -> list[tuple[int, str]]:
    """Customers with a car that was heard early and late in that time, and what it earns them.

    Parameters
    ----------
    subject : str
        What they earn points with, before the car's key; who has had them is left out.
    """
    return conn.execute(
        """
        SELECT w.customer_id, %(subject)s || w.vehicle_id FROM ownership w
        WHERE w.during @> tstzrange(%(since)s, %(until)s)
          AND NOT EXISTS (SELECT FROM loyalty_ledger l WHERE l.customer_id = w.customer_id
              AND l.reason = 'connected' AND l.subject = %(subject)s || w.vehicle_id)
          AND EXISTS (SELECT FROM telemetry t WHERE t.vehicle_id = w.vehicle_id
              AND t.ts >= %(since)s AND t.ts < %(since)s::timestamptz + interval '7 days')
          AND EXISTS (SELECT FROM telemetry t WHERE t.vehicle_id = w.vehicle_id
              AND t.ts >= %(until)s::timestamptz - interval '7 days' AND t.ts < %(until)s)
        """,
        {"since": since, "until": until, "subject": subject},
    ).fetchall()


def earned_for(conn: Connection, reason: str, subject: str, but: int) -> bool:
    """Whether another customer has points for a thing."""
    row = conn.execute(
        """
        SELECT EXISTS (SELECT FROM loyalty_ledger AS l
            WHERE l.reason = %s AND l.subject = %s AND l.customer_id <> %s AND l.reverses IS NULL
              AND NOT EXISTS (SELECT FROM loyalty_ledger WHERE reverses = l.id))
        """,
        (reason, subject, but),
    ).fetchone()
    return bool(row and row[0])


def reverse(conn: Connection, entry_id: int, at: datetime) -> bool:
    """Take an entry back; both lines expire together. False if it was taken back before."""
    done = conn.execute(
        """
        INSERT INTO loyalty_ledger (customer_id, reason, subject, points, at, expires_at, reverses)
        SELECT customer_id, reason, subject, -points, %s, expires_at, id
        FROM loyalty_ledger WHERE id = %s AND reverses IS NULL
        ON CONFLICT DO NOTHING
        """,
        (at, entry_id),
    ).rowcount
    return done == 1


def entry(conn: Connection, customer_id: int, reason: str, subject: str) -> Entry | None:
    """What the customer earned for a thing."""
    with conn.cursor(row_factory=class_row(Entry)) as cur:
        return cur.execute(
            _ENTRY
            + """ WHERE l.customer_id = %s AND l.reason = %s AND l.subject = %s
                    AND l.reverses IS NULL""",
            (customer_id, reason, subject),
        ).fetchone()


def entries(conn: Connection, customer_id: int) -> list[Entry]:
    """The customer's ledger, newest first."""
    with conn.cursor(row_factory=class_row(Entry)) as cur:
        return cur.execute(
            _ENTRY + " WHERE l.customer_id = %s ORDER BY l.at DESC, l.id DESC", (customer_id,)
        ).fetchall()


def tiers(conn: Connection) -> list[Tier]:
    """All tiers, the lowest first."""
    with conn.cursor(row_factory=class_row(Tier)) as cur:
        return cur.execute(
            """
            SELECT code, title, from_points,
                   ARRAY(SELECT benefit FROM loyalty_benefit WHERE tier = code ORDER BY benefit)
                       AS benefits
            FROM loyalty_tier ORDER BY from_points
            """
        ).fetchall()
