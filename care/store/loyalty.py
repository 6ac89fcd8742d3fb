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
