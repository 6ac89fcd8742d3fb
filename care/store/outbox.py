"""The outbox and what came back: planned messages, offers, sends, deliveries, replies, setbacks."""

# ruff: noqa: S608  only this module's own column lists are joined in

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from record.flow import Outreach, Slot

OUTREACH_COLUMNS = """
    id, customer_id, channel, purpose, dedupe_key, body, state, planned_at, not_before, alert_id,
    reason, provider_sid, attempts
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A message as its sender needs it.

    ``to_phone`` is the address, whatever the channel; ``root_id`` is the message that this is a
    further attempt at.
    """

    id: int
    customer_id: int
    alert_id: int | None
    booking_id: int | None
    purpose: str
    template: str
    body: str
    to_phone: str | None
    attempts: int
    planned_at: datetime
    answers_at: datetime | None
    sending_at: datetime | None
    channel: str = "sms"
    channels: Sequence[str] = ("sms",)
    root_id: int | None = None
    media_url: str | None = None
    content_sid: str | None = None
    wished: Multirange[datetime] | None = None
    sent_by: str | None = None

    @property
    def spans(self) -> Sequence[tuple[datetime, datetime]]:
        """When the customer would like to come."""
        return [(one.lower, one.upper) for one in self.wished or () if one.lower and one.upper]

    @property
    def root(self) -> int:
        """The first attempt at the same message."""
        return self.root_id or self.id


DUE_COLUMNS = """
    id, customer_id, alert_id, booking_id, purpose, template, body, to_phone, attempts,
    planned_at, answers_at, sending_at, channel, channels, root_id, media_url, content_sid, wished,
    sent_by
"""


@dataclass(frozen=True, slots=True)
class NewReply:
    """What a phone said, not yet understood."""

    id: int
    customer_id: int | None
    from_phone: str
    body: str
    received_at: datetime
    meaning: str | None


@dataclass(frozen=True, slots=True)
class Offered:
    """The choices of one message."""

    outreach_id: int
    alert_id: int | None
    sent_at: datetime
    slots: dict[int, Slot]
    moves: int | None = None  # the booking that another slot would move


def plan(
    conn: Connection,
    *,
    customer_id: int,
    template: str,
    purpose: str,
    dedupe_key: str,
    body: str,
    alert_id: int | None,
    booking_id: int | None,
    answers_at: datetime | None,
    at: datetime,
    enrolment_id: int | None = None,
    channels: Sequence[str] = ("sms",),
    media_url: str | None = None,
    wished: Sequence[tuple[datetime, datetime]] = (),
) -> Outreach | None:
    """Put a message into the outbox. None if the same message is there already.

    Parameters
    ----------
    channels : sequence of str
        In the order of preference.
    wished : sequence of (datetime, datetime)
        When the customer would like to come.
    """
    with conn.cursor(row_factory=class_row(Outreach)) as cur:
        return cur.execute(
            """
            INSERT INTO outreach (customer_id, alert_id, booking_id, channel, purpose, template,
                dedupe_key, body, state, answers_at, planned_at, not_before, enrolment_id,
                channels, media_url, wished)
            VALUES (%(customer)s, %(alert)s, %(booking)s, %(channel)s, %(purpose)s, %(template)s,
                %(key)s, %(body)s, 'planned', %(answers)s, %(at)s, %(at)s, %(enrolment)s,
                %(channels)s, %(media)s, %(wished)s)
            ON CONFLICT (dedupe_key) DO NOTHING
            RETURNING """
            + OUTREACH_COLUMNS,
            {
                "customer": customer_id,
                "alert": alert_id,
                "booking": booking_id,
                "purpose": purpose,
                "template": template,
                "key": dedupe_key,
                "body": body,
                "answers": answers_at,
                "enrolment": enrolment_id,
                "at": at,
                "channel": channels[0],
                "channels": list(channels),
                "media": media_url,
                "wished": Multirange(Range(*span) for span in wished) if wished else None,
            },
        ).fetchone()


def tried(conn: Connection, root_id: int) -> set[str]:
    """By which channels a message was tried."""
    rows = conn.execute(
        "SELECT channel FROM outreach WHERE id = %(root)s OR root_id = %(root)s", {"root": root_id}
    ).fetchall()
    return {row[0] for row in rows}


def plan_further(
    conn: Connection, outreach_id: int, channels: Sequence[str], at: datetime
) -> int | None:
    """Plan a further attempt at a message, by other channels. None if it is there already.

    It is as old as the first attempt, so that it goes stale with it.
    """
    row = conn.execute(
        """
        INSERT INTO outreach (customer_id, alert_id, booking_id, channel, purpose, template,
            dedupe_key, body, state, answers_at, planned_at, not_before, enrolment_id, channels,
            media_url, root_id, wished)
        SELECT o.customer_id, o.alert_id, o.booking_id, %(channel)s, o.purpose, o.template,
            r.dedupe_key || ':' || %(channel)s, coalesce(o.draft, o.body), 'planned', o.answers_at,
            o.planned_at, %(at)s, o.enrolment_id, %(channels)s, o.media_url, r.id, o.wished
        FROM outreach AS o JOIN outreach AS r ON r.id = coalesce(o.root_id, o.id)
        WHERE o.id = %(id)s
        ON CONFLICT (dedupe_key) DO NOTHING
        RETURNING id
        """,
        {"id": outreach_id, "channel": channels[0], "channels": list(channels), "at": at},
    ).fetchone()
    return row[0] if row else None


def same_text_since(
    conn: Connection, customer_id: int, body: str, since: datetime
) -> Outreach | None:
    """An advisor's message with the same words to the same customer, unless it came to nothing."""
    with conn.cursor(row_factory=class_row(Outreach)) as cur:
        return cur.execute(
            "SELECT "
            + OUTREACH_COLUMNS
            + """ FROM outreach
                  WHERE customer_id = %s AND template = 'advisor' AND body = %s AND planned_at > %s
                    AND state IN ('planned', 'sending', 'sent', 'delivered')
                  ORDER BY id DESC LIMIT 1""",
            (customer_id, body, since),
        ).fetchone()


def last_reply_at(conn: Connection, customer_id: int) -> datetime | None:
    """When the customer wrote last."""
    row = conn.execute(
        "SELECT max(received_at) FROM reply WHERE customer_id = %s", (customer_id,)
    ).fetchone()
    return row[0] if row else None


def last_from(conn: Connection, customer_id: int) -> str | None:
    """The address that the customer wrote from last."""
    row = conn.execute(
        "SELECT from_phone FROM reply WHERE customer_id = %s ORDER BY id DESC LIMIT 1",
        (customer_id,),
    ).fetchone()
    return row[0] if row else None


def last_inbound(conn: Connection, address: str) -> datetime | None:
    """When somebody wrote from an address last."""
    row = conn.execute(
        "SELECT max(received_at) FROM reply WHERE from_phone = %s", (address,)
    ).fetchone()
    return row[0] if row else None


def next_due(conn: Connection, now: datetime, waiting: Sequence[str] = ()) -> Due | None:
    """One planned message whose time has come; locked, what others hold or failed is left out.

    So are those that could only go by a channel that must wait.

    What should stop a car goes first, then answers, then by age. Who wrote to us, or whose car said
    something, that the desk has not taken up yet is not written to before: it may be a STOP, or the
    end of what we would speak of.
    """
    with conn.cursor(row_factory=class_row(Due)) as cur:
        return cur.execute(
            "SELECT "
            + DUE_COLUMNS
            + """ FROM outreach AS o
                  WHERE state = 'planned' AND not_before <= %s AND NOT channels <@ %s
                    AND NOT EXISTS (
                      SELECT FROM setback AS s
                      WHERE s.kind = 'outreach' AND s.id = o.id AND s.next_at > clock_timestamp())
                    AND customer_id <> ALL (ARRAY(
                      SELECT r.customer_id FROM reply AS r
                      WHERE r.handled_at IS NULL AND r.customer_id IS NOT NULL AND NOT EXISTS (
                        SELECT FROM setback AS s
                        WHERE s.kind = 'reply' AND s.id = r.id AND s.next_at > clock_timestamp())
                      UNION ALL
                      SELECT w.customer_id FROM finding AS f
                      JOIN ownership AS w ON w.vehicle_id = f.vehicle_id AND w.during @> %s
                      WHERE f.handled_at IS NULL AND NOT EXISTS (
                        SELECT FROM setback AS s
                        WHERE s.kind = 'finding' AND s.id = f.id
                          AND s.next_at > clock_timestamp())))
                  ORDER BY template <> 'alert.stop', purpose <> 'reply', not_before, id LIMIT 1
                  FOR UPDATE OF o SKIP LOCKED""",
            (now, list(waiting), now),
        ).fetchone()


def drop(conn: Connection, outreach_id: int, reason: str, at: datetime) -> None:
    """Never send it, and say why."""
    conn.execute(
        "UPDATE outreach SET state = 'dropped', reason = %s, settled_at = %s WHERE id = %s",
        (reason, at, outreach_id),
    )


def postpone(conn: Connection, outreach_id: int, until: datetime, reason: str) -> None:
    """Send it later, and say why."""
    conn.execute(
        "UPDATE outreach SET not_before = %s, reason = %s WHERE id = %s",
        (until, reason, outreach_id),
    )


def set_sending(
    conn: Connection,
    outreach_id: int,
    to_phone: str,
    body: str,
    channel: str = "sms",
    content_sid: str | None = None,
    sent_by: str | None = None,
) -> None:
    """Mark it as on its way. What is said, to whom and how is final from here.

    Raises
    ------
    psycopg.errors.UniqueViolation
        If another message is on its way to this number.
    """
    conn.execute(
        """
        UPDATE outreach SET state = 'sending', to_phone = %s, draft = coalesce(draft, body),
            body = %s, channel = %s, content_sid = %s, sent_by = %s, reason = NULL,
            attempts = attempts + 1, sending_at = clock_timestamp()
        WHERE id = %s
        """,
        (to_phone, body, channel, content_sid, sent_by, outreach_id),
    )


def set_sent(
    conn: Connection,
    outreach_id: int,
    attempt: int,
    sid: str,
    at: datetime,
    segments: int = 1,
    note: str | None = None,
) -> bool:
    """The provider has it, at the price of the rate table. False if it was settled before.

    Parameters
    ----------
    note : str or None
        What it waits for there.

    Raises
    ------
    psycopg.errors.UniqueViolation
        If the provider's id belongs to another message.
    """
    done = conn.execute(
        """
        UPDATE outreach AS o SET state = 'sent', provider_sid = %(sid)s, sent_at = %(at)s,
            reason = %(note)s, cost_micros = rate.micros * %(segments)s, currency = rate.currency,
            cost_is_final = o.channel NOT IN ('sms', 'whatsapp')
        FROM outreach AS this LEFT JOIN LATERAL (
            SELECT micros, currency FROM channel_rate
            WHERE channel = this.channel
              AND starts_with(regexp_replace(this.to_phone, '^[a-z]+:', ''), prefix)
            ORDER BY length(prefix) DESC LIMIT 1) AS rate ON true
        WHERE this.id = %(id)s AND o.id = this.id AND o.state = 'sending'
          AND o.attempts = %(attempt)s
        """,
        {
            "sid": sid,
            "at": at,
            "note": note,
            "segments": segments,
            "id": outreach_id,
            "attempt": attempt,
        },
    ).rowcount
    return done == 1


def set_planned_again(conn: Connection, outreach_id: int, attempt: int, reason: str) -> bool:
    """The provider surely does not have it: try again later. False if it was settled before."""
    done = conn.execute(
        """
        UPDATE outreach SET state = 'planned', reason = %s
        WHERE id = %s AND state = 'sending' AND attempts = %s
        """,
        (reason, outreach_id, attempt),
    ).rowcount
    return done == 1


def set_failed(
    conn: Connection, outreach_id: int, attempt: int, reason: str, code: int | None, at: datetime
) -> bool:
    """The provider refused it for good. False if it was settled before."""
    done = conn.execute(
        """
        UPDATE outreach SET state = 'failed', reason = %s, error_code = %s, settled_at = %s
        WHERE id = %s AND state = 'sending' AND attempts = %s
        """,
        (reason, code, at, outreach_id, attempt),
    ).rowcount
    return done == 1


def next_unsettled(conn: Connection, older_than_s: float) -> Due | None:
    """One message that has been on its way for so long that its sender must be dead; locked."""
    with conn.cursor(row_factory=class_row(Due)) as cur:
        return cur.execute(
            "SELECT "
            + DUE_COLUMNS
            + """ FROM outreach AS o
                  WHERE state = 'sending'
                    AND sending_at < clock_timestamp() - make_interval(secs => %s)
                    AND NOT EXISTS (
                      SELECT FROM setback AS s
                      WHERE s.kind = 'outreach' AND s.id = o.id AND s.next_at > clock_timestamp())
                  ORDER BY sending_at LIMIT 1
                  FOR UPDATE OF o SKIP LOCKED""",
            (older_than_s,),
        ).fetchone()


def next_to_ask(conn: Connection, channels: Sequence[str], after_s: float) -> Due | None:
    """One message whose provider may know more than we: how it ended, or what it cost; leased.

    The pauses between two questions double, and after a day's worth of them none is asked.
    """
    with conn.cursor(row_factory=class_row(Due)) as cur:
        return cur.execute(
            """
            UPDATE outreach SET asked_at = clock_timestamp(), asks = asks + 1
            WHERE id = (
                SELECT id FROM outreach
                WHERE (state = 'sent' AND asks < 30
                       OR state IN ('delivered', 'undelivered') AND NOT cost_is_final AND asks < 4)
                  AND channel = ANY(%(channels)s)
                  AND coalesce(asked_at, sending_at)
                      < clock_timestamp() - make_interval(secs => %(s)s * 2 ^ least(asks, 6))
                ORDER BY asked_at NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING """
            + DUE_COLUMNS,
            {"channels": list(channels), "s": after_s},
        ).fetchone()


def sid_of(conn: Connection, outreach_id: int) -> str:
    """The provider's id of a sent message."""
    row = conn.execute("SELECT provider_sid FROM outreach WHERE id = %s", (outreach_id,)).fetchone()
    assert row is not None
    return str(row[0])


def set_cost(conn: Connection, outreach_id: int, micros: int, currency: str) -> None:
    """What the provider says that it cost."""
    conn.execute(
        """
        UPDATE outreach SET cost_micros = %s, currency = %s, cost_is_final = true WHERE id = %s
        """,
        (micros, currency, outreach_id),
    )


def known_sids(conn: Connection, sids: list[str]) -> set[str]:
    """Which of the provider's ids belong to a message of ours."""
    rows = conn.execute(
        "SELECT provider_sid FROM outreach WHERE provider_sid = ANY(%s)", (sids,)
    ).fetchall()
    return {row[0] for row in rows}


def put_delivery(
    conn: Connection, sid: str, status: str, error_code: int | None, at: datetime
) -> bool:
    """Keep what the provider told. False if it told so before."""
    done = conn.execute(
        """
        INSERT INTO delivery (provider_sid, status, error_code, at) VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (sid, status, error_code, at),
    ).rowcount
    return done == 1


def lock_sid(conn: Connection, sid: str) -> None:
    """One at a time may settle what the provider calls `sid`, until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (sid,))


def deliveries(conn: Connection, sid: str) -> list[tuple[str, int | None]]:
    """All that the provider told of a message: status and error code."""
    return conn.execute(
        "SELECT status, error_code FROM delivery WHERE provider_sid = %s", (sid,)
    ).fetchall()


def by_sid(conn: Connection, sid: str) -> Due | None:
    """The message with the provider's id; locked."""
    with conn.cursor(row_factory=class_row(Due)) as cur:
        return cur.execute(
            "SELECT " + DUE_COLUMNS + " FROM outreach WHERE provider_sid = %s FOR UPDATE", (sid,)
        ).fetchone()


def get_due(conn: Connection, outreach_id: int) -> Due:
    """A message that is there."""
    with conn.cursor(row_factory=class_row(Due)) as cur:
        row = cur.execute(
            "SELECT " + DUE_COLUMNS + " FROM outreach WHERE id = %s", (outreach_id,)
        ).fetchone()
    assert row is not None
    return row


def set_delivery(
    conn: Connection,
    outreach_id: int,
    state: str,
    reason: str | None,
    error_code: int | None,
    at: datetime,
) -> bool:
    """Move a sent message on to how it ended. False if it has ended already."""
    done = conn.execute(
        """
        UPDATE outreach SET state = %s, reason = %s, error_code = %s, settled_at = %s
        WHERE id = %s AND state = 'sent'
        """,
        (state, reason, error_code, at, outreach_id),
    ).rowcount
    return done == 1


def sent_since(
    conn: Connection, customer_id: int, phone: str, since: datetime, but: int
) -> list[datetime]:
    """When we spoke first to a person or a number, newest first; answers and reminders don't count.

    A message and its further attempts by other channels count once; those of `but` don't.
    """
    rows = conn.execute(
        """
        SELECT min(sent_at) FROM outreach
        WHERE (to_phone = %(phone)s OR customer_id = %(customer)s) AND purpose <> 'reply'
          AND template <> 'reminder' AND sent_at > %(since)s
          AND state IN ('sent', 'delivered', 'undelivered') AND coalesce(root_id, id) <> %(but)s
        GROUP BY coalesce(root_id, id) ORDER BY 1 DESC
        """,
        {"phone": phone, "customer": customer_id, "since": since, "but": but},
    ).fetchall()
    return [row[0] for row in rows]


def sent_to_others(
    conn: Connection, customer_id: int, phone: str, since: datetime, now: datetime
) -> list[datetime]:
    """When we spoke first to the household's other numbers; what is on its way counts as of now."""
    rows = conn.execute(
        """
        SELECT min(coalesce(o.sent_at, %(now)s))
        FROM customer AS me
        JOIN customer AS c ON c.household_id = me.household_id AND c.id <> me.id
        JOIN outreach AS o ON o.customer_id = c.id
        WHERE me.id = %(customer_id)s AND o.to_phone <> %(phone)s AND o.purpose <> 'reply'
          AND o.template <> 'reminder'
          AND (o.state = 'sending' OR (o.sent_at > %(since)s
               AND o.state IN ('sent', 'delivered', 'undelivered')))
        GROUP BY coalesce(o.root_id, o.id)
        """,
        {"customer_id": customer_id, "phone": phone, "since": since, "now": now},
    ).fetchall()
    return [row[0] for row in rows]


def told_since(
    conn: Connection, customer_id: int, phone: str, alert_id: int, template: str, since: datetime
) -> bool:
    """Whether a person or a number was told this of an alert."""
    row = conn.execute(
        """
        SELECT 1 FROM outreach
        WHERE (to_phone = %s OR customer_id = %s) AND alert_id = %s AND template = %s
          AND sent_at > %s AND state IN ('sent', 'delivered') LIMIT 1
        """,
        (phone, customer_id, alert_id, template, since),
    ).fetchone()
    return row is not None


def same_words_since(conn: Connection, phone: str, body: str, since: datetime) -> bool:
    """Whether these very words went to a number, be it with more behind them."""
    row = conn.execute(
        """
        SELECT 1 FROM outreach WHERE to_phone = %s AND sent_at > %s AND starts_with(body, %s)
          AND state IN ('sent', 'delivered') LIMIT 1
        """,
        (phone, since, body),
    ).fetchone()
    return row is not None


def ever_written_to(conn: Connection, phone: str) -> bool:
    """Whether any message went to a number."""
    row = conn.execute(
        "SELECT 1 FROM outreach WHERE to_phone = %s AND sent_at IS NOT NULL LIMIT 1", (phone,)
    ).fetchone()
    return row is not None


def newer_for_alert(conn: Connection, alert_id: int, outreach_id: int) -> bool:
    """Whether a later message about the same alert takes a message's place."""
    row = conn.execute(
        """
        SELECT 1 FROM outreach
        WHERE alert_id = %s AND coalesce(root_id, id) > %s AND purpose = 'service'
          AND template LIKE 'alert.%%'
          AND state <> 'dropped'
        """,
        (alert_id, outreach_id),
    ).fetchone()
    return row is not None


def written_of(conn: Connection, alert_id: int) -> bool:
    """Whether somebody was told of an alert, or just now is being told."""
    row = conn.execute(
        """
        SELECT 1 FROM outreach
        WHERE alert_id = %s AND template LIKE 'alert.%%'
          AND state IN ('sending', 'sent', 'delivered') LIMIT 1
        """,
        (alert_id,),
    ).fetchone()
    return row is not None


def replace_offers(conn: Connection, outreach_id: int, slots: list[Slot]) -> None:
    """The choices that a message carries."""
    conn.execute("DELETE FROM offer WHERE outreach_id = %s", (outreach_id,))
    for choice, slot in enumerate(slots, start=1):
        conn.execute(
            """
            INSERT INTO offer (outreach_id, choice, bay_id, technician_id, during)
            VALUES (%s, %s, %s, %s, tstzrange(%s, %s))
            """,
            (
                outreach_id,
                choice,
                slot.bay_id,
                slot.technician_id,
                slot.starts_at,
                slot.ends_at,
            ),
        )


def offers(conn: Connection, outreach_id: int) -> dict[int, Slot]:
    """The choices that a message carries, by the number that picks them."""
    rows = conn.execute(
        """
        SELECT choice, bay_id, technician_id, lower(during), upper(during)
        FROM offer WHERE outreach_id = %s ORDER BY choice
        """,
        (outreach_id,),
    ).fetchall()
    return {row[0]: Slot(*row[1:]) for row in rows}


def latest_offer(
    conn: Connection, reply: NewReply, since: datetime, moves: Sequence[str]
) -> Offered | None:
    """The last message with choices that went to a number before it answered.

    What was sent while the answer waited to be taken up is not what it answers.
    """
    row = conn.execute(
        """
        SELECT id, alert_id, coalesce(sent_at, planned_at),
            CASE WHEN template = ANY(%s) THEN booking_id END
        FROM outreach AS o
        WHERE to_phone = %s AND state IN ('sending', 'sent', 'delivered', 'undelivered')
          AND planned_at > %s AND EXISTS (SELECT FROM offer WHERE outreach_id = o.id)
          AND sending_at <= (SELECT stored_at FROM reply WHERE id = %s)
        ORDER BY sending_at DESC LIMIT 1
        """,
        (list(moves), reply.from_phone, since, reply.id),
    ).fetchone()
    return Offered(row[0], row[1], row[2], offers(conn, row[0]), row[3]) if row else None


def asked_after(conn: Connection, offer: Offered, reply: NewReply, tells: Sequence[str]) -> bool:
    """Whether the number was asked something else between the offer and the answer.

    Parameters
    ----------
    tells : sequence of str
        Templates that ask nothing.
    """
    row = conn.execute(
        """
        SELECT EXISTS (
            SELECT FROM outreach AS o JOIN outreach AS offer ON offer.id = %s
            WHERE o.to_phone = %s AND o.id <> offer.id
              AND o.state IN ('sending', 'sent', 'delivered', 'undelivered')
              AND o.template <> ALL(%s) AND o.sending_at > offer.sending_at
              AND o.sending_at <= (SELECT stored_at FROM reply WHERE id = %s))
        """,
        (offer.outreach_id, reply.from_phone, list(tells), reply.id),
    ).fetchone()
    return bool(row and row[0])


def put_reply(
    conn: Connection,
    *,
    sid: str,
    customer_id: int | None,
    phone: str,
    body: str,
    meaning: str | None,
    at: datetime,
) -> int | None:
    """Store what a phone said. Returns its id, None if it is stored already."""
    row = conn.execute(
        """
        INSERT INTO reply (provider_sid, customer_id, from_phone, body, received_at, meaning)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (provider_sid) DO NOTHING RETURNING id
        """,
        (sid, customer_id, phone, body, at, meaning),
    ).fetchone()
    return row[0] if row else None


def waiting_replies(conn: Connection, limit: int) -> list[NewReply]:
    """The oldest replies that nobody took up, those with a setback left out; locked."""
    with conn.cursor(row_factory=class_row(NewReply)) as cur:
        return cur.execute(
            """
            SELECT id, customer_id, from_phone, body, received_at, meaning
            FROM reply AS r
            WHERE handled_at IS NULL AND NOT EXISTS (
                SELECT FROM setback AS s
                WHERE s.kind = 'reply' AND s.id = r.id AND s.next_at > clock_timestamp())
            ORDER BY id LIMIT %s FOR UPDATE OF r SKIP LOCKED
            """,
            (limit,),
        ).fetchall()


def reply_handled(conn: Connection, reply_id: int, meaning: str, at: datetime) -> None:
    """Take a reply off the work list, with what it meant."""
    conn.execute(
        "UPDATE reply SET meaning = %s, handled_at = %s WHERE id = %s", (meaning, at, reply_id)
    )


def waiting(conn: Connection) -> list[tuple[str, int]]:
    """How many rows wait, by kind."""
    return conn.execute(
        """
        SELECT 'findings', count(*) FROM finding WHERE handled_at IS NULL
        UNION ALL SELECT 'replies', count(*) FROM reply WHERE handled_at IS NULL
        UNION ALL SELECT 'planned', count(*) FROM outreach WHERE state = 'planned'
        UNION ALL SELECT 'sending', count(*) FROM outreach WHERE state = 'sending'
        UNION ALL SELECT 'setbacks', count(*) FROM setback
        """
    ).fetchall()


def set_back(conn: Connection, kind: str, row_id: int, seconds: float | None, why: str) -> int:
    """Leave a row alone for a while by the wall clock; doubling from 1 s to 5 min by default.

    Returns
    -------
    int
        How often this row has been set back.
    """
    row = conn.execute(
        """
        INSERT INTO setback AS s (kind, id, next_at, why)
        VALUES (%(kind)s, %(id)s,
            clock_timestamp() + make_interval(secs => coalesce(%(seconds)s, 1)), %(why)s)
        ON CONFLICT (kind, id) DO UPDATE
        SET tries = s.tries + 1, why = excluded.why, next_at = clock_timestamp()
            + make_interval(secs => coalesce(%(seconds)s, least(300, 2 ^ least(s.tries, 9))))
        RETURNING tries
        """,
        {"kind": kind, "id": row_id, "seconds": seconds, "why": why[:500]},
    ).fetchone()
    assert row is not None
    return int(row[0])


def clear_setback(conn: Connection, kind: str, row_id: int) -> None:
    """The row was handled after all."""
    conn.execute("DELETE FROM setback WHERE kind = %s AND id = %s", (kind, row_id))
