"""Consent for each purpose and channel, and requests of people about their own data."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asked for their data, or for its erasure."""

    id: int
    customer_id: int
    customer_name: str
    kind: str
    how: str
    received_at: datetime
    due_at: datetime
    done_at: datetime | None
    answer: str | None


_REQUEST = """
    SELECT r.id, r.customer_id, c.name AS customer_name, r.kind, r.how, r.received_at, r.due_at,
           r.done_at, r.answer
    FROM privacy_request AS r JOIN customer AS c ON c.id = r.customer_id
"""


def add_consent(
    conn: Connection,
    customer_id: int,
    purpose: str,
    channel: str,
    granted: bool,
    source: str,
    wording: str,
    at: datetime,
) -> None:
    """Record what the person agreed to or withdrew."""
    conn.execute(
        """
        INSERT INTO consent (customer_id, purpose, channel, granted, source, wording, at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (customer_id, purpose, channel, granted, source, wording, at),
    )


def drop_planned(
    conn: Connection, customer_id: int, channel: str | None, reason: str, at: datetime
) -> int:
    """Never send what was planned for a customer by a channel, or by any. Returns how many."""
    return conn.execute(
        """
        UPDATE outreach SET state = 'dropped', reason = %(reason)s, settled_at = %(at)s
        WHERE customer_id = %(customer)s AND state = 'planned'
          AND (%(channel)s::text IS NULL OR channel = %(channel)s)
        """,
        {"reason": reason, "at": at, "customer": customer_id, "channel": channel},
    ).rowcount


def country_of(conn: Connection, vehicle_id: int) -> str | None:
    """The country of the dealer that a car belongs to."""
    row = conn.execute(
        """
        SELECT d.country FROM vehicle AS v JOIN dealer AS d ON d.id = v.dealer_id WHERE v.id = %s
        """,
        (vehicle_id,),
    ).fetchone()
    return row[0] if row else None


def add_request(
    conn: Connection,
    customer_id: int,
    kind: str,
    how: str,
    received_at: datetime,
    due_at: datetime,
    by: str,
) -> Request | None:
    """Note a request. None if one of the kind is open."""
    row = conn.execute(
        """
        INSERT INTO privacy_request (customer_id, kind, how, received_at, due_at, noted_by)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (customer_id, kind) WHERE done_at IS NULL DO NOTHING
        RETURNING id
        """,
        (customer_id, kind, how, received_at, due_at, by),
    ).fetchone()
    return request(conn, row[0]) if row else None


def request(conn: Connection, request_id: int) -> Request | None:
    """One request."""
    with conn.cursor(row_factory=class_row(Request)) as cur:
        return cur.execute(_REQUEST + " WHERE r.id = %s", (request_id,)).fetchone()


def close_request(
    conn: Connection, request_id: int, answer: str, by: str, at: datetime
) -> Request | None:
    """A request was answered. None if there is none, or it was before."""
    row = conn.execute(
        """
        UPDATE privacy_request SET done_at = %s, done_by = %s, answer = %s
        WHERE id = %s AND done_at IS NULL RETURNING id
        """,
        (at, by, answer, request_id),
    ).fetchone()
    return request(conn, row[0]) if row else None


def requests_of(conn: Connection, customer_id: int) -> list[Request]:
    """A customer's requests, newest first."""
    with conn.cursor(row_factory=class_row(Request)) as cur:
        return cur.execute(
            _REQUEST + " WHERE r.customer_id = %s ORDER BY r.received_at DESC, r.id DESC LIMIT 20",
            (customer_id,),
        ).fetchall()


def requests(conn: Connection, dealer_id: int, limit: int = 200) -> list[Request]:
    """A dealer's requests: the open ones by their due date, then the newest answered ones."""
    with conn.cursor(row_factory=class_row(Request)) as cur:
        return cur.execute(
            _REQUEST
            + """ WHERE c.dealer_id = %s
                  ORDER BY r.done_at IS NOT NULL,
                      CASE WHEN r.done_at IS NULL THEN r.due_at END, r.done_at DESC, r.id
                  LIMIT %s""",
            (dealer_id, limit),
        ).fetchall()
