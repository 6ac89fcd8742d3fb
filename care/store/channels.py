"""Addresses, approved templates, and the pace of each channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a customer can be reached, and by whose hand in WeCom."""

    phone: str | None
    email: str | None
    wecom_id: str | None
    advisor_wecom_id: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """What WhatsApp approved for one of our templates."""

    content_sid: str
    variables: Sequence[str]


def addresses(conn: Connection, customer_id: int) -> Addresses:
    """All addresses of a customer who is there."""
    with conn.cursor(row_factory=class_row(Addresses)) as cur:
        row = cur.execute(
            """
            SELECT c.phone, c.email, c.wecom_id, s.wecom_id AS advisor_wecom_id
            FROM customer c LEFT JOIN staff s ON s.id = c.advisor_id AND s.active WHERE c.id = %s
            """,
            (customer_id,),
        ).fetchone()
    assert row is not None
    return row


def template(conn: Connection, name: str, language: str) -> Template | None:
    """The approved template, in the language or else its main one (``pt`` for ``pt-BR``)."""
    with conn.cursor(row_factory=class_row(Template)) as cur:
        return cur.execute(
            """
            SELECT content_sid, variables FROM content_template
            WHERE template = %s AND language IN (%s, split_part(%s, '-', 1))
            ORDER BY length(language) DESC LIMIT 1
            """,
            (name, language, language),
        ).fetchone()


def sent_between(conn: Connection, address: str, begins: datetime, ends: datetime) -> int:
    """How many messages to an address were handed over or are on their way."""
    row = conn.execute(
        """
        SELECT count(*) FROM outreach
        WHERE to_phone = %(address)s AND (state = 'sending'
            OR sent_at >= %(begins)s AND sent_at < %(ends)s)
        """,
        {"address": address, "begins": begins, "ends": ends},
    ).fetchone()
    assert row is not None
    return int(row[0])


def address_of(conn: Connection, outreach_id: int) -> tuple[int, str] | None:
    """Whom a message went to, and where."""
    return conn.execute(
        "SELECT customer_id, to_phone FROM outreach WHERE id = %s AND to_phone IS NOT NULL",
        (outreach_id,),
    ).fetchone()


def waiting(conn: Connection, per_s: Mapping[str, float]) -> list[str]:
    """The channels that have used up their pace for the moment."""
    if not per_s:
        return []
    rows = conn.execute(
        """
        SELECT p.channel FROM channel_pace p
        JOIN unnest(%s::text[], %s::real[]) AS want (channel, per_s) USING (channel)
        WHERE p.tokens + extract(epoch FROM clock_timestamp() - p.at) * want.per_s < 1
        """,
        (list(per_s), list(per_s.values())),
    ).fetchall()
    return [row[0] for row in rows]


def take_token(conn: Connection, channel: str, per_s: float) -> bool:
    """Take one of the tokens that drip into a channel's bucket. False if there is none.

    The bucket holds two seconds' worth. Its row stays locked until the transaction ends, so all
    senders together keep the pace.
    """
    row = conn.execute(
        """
        INSERT INTO channel_pace AS p (channel, tokens, at)
        VALUES (%(channel)s, %(most)s - 1, clock_timestamp())
        ON CONFLICT (channel) DO UPDATE SET at = clock_timestamp(), tokens = least(%(most)s,
            p.tokens + extract(epoch FROM clock_timestamp() - p.at) * %(per_s)s) - 1
        WHERE p.tokens + extract(epoch FROM clock_timestamp() - p.at) * %(per_s)s >= 1
        RETURNING true
        """,
        {"channel": channel, "per_s": per_s, "most": max(1.0, 2 * per_s)},
    ).fetchone()
    return row is not None
