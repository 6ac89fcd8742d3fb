"""How customers rated repairs, and whose promotions are stopped."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Rating:
    """A customer's rating of one repair."""

    repair_order_id: int
    customer_id: int
    stars: int
    words: str
    source: str  # link | reply
    first_at: datetime
    at: datetime


def of_order(conn: Connection, repair_order_id: int) -> Rating | None:
    """The rating of a repair order."""
    with conn.cursor(row_factory=class_row(Rating)) as cur:
        return cur.execute(
            """
            SELECT repair_order_id, customer_id, stars, words, source, first_at, at
            FROM rating WHERE repair_order_id = %s
            """,
            (repair_order_id,),
        ).fetchone()


def put(
    conn: Connection,
    repair_order_id: int,
    customer_id: int,
    stars: int,
    words: str,
    source: str,
    at: datetime,
) -> Rating:
    """Keep a rating, in place of the one before."""
    conn.execute(
        """
        INSERT INTO rating (repair_order_id, customer_id, stars, words, source, first_at, at)
        VALUES (%(order)s, %(customer)s, %(stars)s, %(words)s, %(source)s, %(at)s, %(at)s)
        ON CONFLICT (repair_order_id) DO UPDATE
        SET stars = excluded.stars, words = excluded.words, source = excluded.source,
            at = excluded.at
        """,
        {
            "order": repair_order_id,
            "customer": customer_id,
            "stars": stars,
            "words": words,
            "source": source,
            "at": at,
        },
    )
    kept = of_order(conn, repair_order_id)
    assert kept is not None
    return kept


def asked_of(conn: Connection, reply_id: int, phone: str, since: datetime) -> int | None:
    """The order whose rating was the last thing that a number was asked before it answered.

    Other questions are texts with choices, and an advisor's own words.
    """
    row = conn.execute(
        """
        SELECT r.id FROM (
            SELECT o.template, o.booking_id FROM outreach o
            WHERE o.to_phone = %(phone)s
              AND o.state IN ('sending', 'sent', 'delivered', 'undelivered')
              AND o.planned_at > %(since)s
              AND o.sending_at <= (SELECT stored_at FROM reply WHERE id = %(reply)s)
              AND (o.template IN ('rating', 'advisor')
                   OR EXISTS (SELECT FROM offer WHERE outreach_id = o.id))
            ORDER BY o.sending_at DESC LIMIT 1) AS asked
        JOIN repair_order r ON r.booking_id = asked.booking_id
        WHERE asked.template = 'rating'
        """,
        {"phone": phone, "since": since, "reply": reply_id},
    ).fetchone()
    return row[0] if row else None


def stop_promotions(
    conn: Connection, customer_id: int, repair_order_id: int, reason: str, at: datetime
) -> None:
    """No advertising for this customer until somebody lifts it. Safe to repeat."""
    conn.execute(
        """
        INSERT INTO promotion_stop (customer_id, repair_order_id, since, reason)
        VALUES (%s, %s, %s, %s) ON CONFLICT (customer_id) WHERE lifted_at IS NULL DO NOTHING
        """,
        (customer_id, repair_order_id, at, reason),
    )


def promotions_stopped(conn: Connection, customer_id: int) -> datetime | None:
    """Since when promotions are stopped; None when they aren't."""
    row = conn.execute(
        "SELECT since FROM promotion_stop WHERE customer_id = %s AND lifted_at IS NULL",
        (customer_id,),
    ).fetchone()
    return row[0] if row else None


def lift_stop(
    conn: Connection, customer_id: int, repair_order_id: int, by: str, at: datetime
) -> bool:
    """Allow advertising again, where this order was why not. False if it was allowed."""
    done = conn.execute(
        """
        UPDATE promotion_stop SET lifted_at = %s, lifted_by = %s
        WHERE customer_id = %s AND repair_order_id = %s AND lifted_at IS NULL
        """,
        (at, by, customer_id, repair_order_id),
    ).rowcount
    return done == 1
