"""Estimates with their lines and answers, and what a dealer charges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Prices:
    """What a dealer charges.

    Parameters
    ----------
    currency : str
        ISO 4217.
    labour_minor : int
        An hour's work, in minor units.
    labour_tax_bp, parts_tax_bp : int
        In hundredths of a percent.
    """

    currency: str
    labour_minor: int
    labour_tax_bp: int
    parts_tax_bp: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an estimate.

    Parameters
    ----------
    hundredths : int
        Of an hour, or of a piece.
    approved : bool or None
        The newest answer; None while there is none.
    """

    line: int
    kind: str  # labour | part
    title: str
    hundredths: int
    unit_minor: int
    approved: bool | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """One version of an estimate with its lines."""

    id: int
    repair_order_id: int
    version: int
    currency: str
    labour_tax_bp: int
    parts_tax_bp: int
    created_at: datetime
    created_by: str
    sent_at: datetime | None
    lines: tuple[Line, ...] = ()


def prices(conn: Connection, dealer_id: int) -> Prices:
    """What a dealer charges."""
    with conn.cursor(row_factory=class_row(Prices)) as cur:
        row = cur.execute(
            "SELECT currency, labour_minor, labour_tax_bp, parts_tax_bp FROM dealer WHERE id = %s",
            (dealer_id,),
        ).fetchone()
    assert row is not None
    return row


def set_prices(conn: Connection, dealer_id: int, new: Prices) -> None:
    """Change what a dealer charges; estimates that were written keep theirs."""
    conn.execute(
        """
        UPDATE dealer SET currency = %s, labour_minor = %s, labour_tax_bp = %s, parts_tax_bp = %s
        WHERE id = %s
        """,
        (new.currency, new.labour_minor, new.labour_tax_bp, new.parts_tax_bp, dealer_id),
    )


def insert(
    conn: Connection,
    repair_order_id: int,
    version: int,
    charged: Prices,
    lines: Sequence[Line],
    by: str,
    at: datetime,
) -> Estimate:
    """Keep an estimate."""
    row = conn.execute(
        """
        INSERT INTO estimate (repair_order_id, version, currency, labour_tax_bp, parts_tax_bp,
            created_at, created_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
        """,
        (
            repair_order_id,
            version,
            charged.currency,
            charged.labour_tax_bp,
            charged.parts_tax_bp,
            at,
            by,
        ),
    ).fetchone()
    assert row is not None
    for one in lines:
        conn.execute(
            """
            INSERT INTO estimate_line (estimate_id, line, kind, title, hundredths, unit_minor)
            VALUES (%s, %s, %s, %s, %s, %s)
            """,
            (row[0], one.line, one.kind, one.title, one.hundredths, one.unit_minor),
        )
    made = newest(conn, repair_order_id)
    assert made is not None
    return made


def delete(conn: Connection, estimate_id: int) -> None:
    """Take a draft back; what was sent stays."""
    conn.execute("DELETE FROM estimate WHERE id = %s AND sent_at IS NULL", (estimate_id,))


def set_sent(conn: Connection, estimate_id: int, at: datetime) -> None:
    """The customer is asked."""
    conn.execute("UPDATE estimate SET sent_at = %s WHERE id = %s", (at, estimate_id))


def newest(conn: Connection, repair_order_id: int) -> Estimate | None:
    """The newest version with what was answered so far."""
    with conn.cursor(row_factory=class_row(Estimate)) as cur:
        found = cur.execute(
            """
            SELECT id, repair_order_id, version, currency, labour_tax_bp, parts_tax_bp, created_at,
                   created_by, sent_at
            FROM estimate WHERE repair_order_id = %s ORDER BY version DESC LIMIT 1
            """,
            (repair_order_id,),
        ).fetchone()
    if found is None:
        return None
    with conn.cursor(row_factory=class_row(Line)) as cur:
        lines = cur.execute(
            """
            SELECT l.line, l.kind, l.title, l.hundredths, l.unit_minor, a.approved,
                   a.at AS answered_at, a.actor AS answered_by
            FROM estimate_line l
            LEFT JOIN LATERAL (SELECT approved, at, actor FROM estimate_answer
                               WHERE estimate_id = l.estimate_id AND line = l.line
                               ORDER BY id DESC LIMIT 1) a ON true
            WHERE l.estimate_id = %s ORDER BY l.line
            """,
            (found.id,),
        ).fetchall()
    return Estimate(
        found.id,
        found.repair_order_id,
        found.version,
        found.currency,
        found.labour_tax_bp,
        found.parts_tax_bp,
        found.created_at,
        found.created_by,
        found.sent_at,
        tuple(lines),
    )


def add_answer(
    conn: Connection,
    estimate_id: int,
    line: int,
    approved: bool,
    actor: str,
    wording: str,
    address: str,
    at: datetime,
) -> None:
    """Add to what was answered."""
    conn.execute(
        """
        INSERT INTO estimate_answer (estimate_id, line, approved, at, actor, wording, address)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (estimate_id, line, approved, at, actor, wording, address),
    )
