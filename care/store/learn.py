"""What was chosen for messages, what came of it, and what a day's choices rest on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

LOOK_EVERY = timedelta(hours=1)
"""How soon a message whose outcome is open is looked at again."""

BATCH = 200
"""Messages that are looked at in one turn of the desk."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a dealer lets us try.

    Parameters
    ----------
    texts, hours : bool
    hold_out : float
        Share of the customers who always get the default.
    """

    texts: bool
    hours: bool
    hold_out: float


@dataclass(frozen=True, slots=True)
class Group:
    """Outcomes of one arm in one context."""

    arm: str
    context: dict[str, str]
    count: int
    wins: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of one arm.

    Parameters
    ----------
    sent : int
        Messages that reached somebody's phone, their outcome known or not.
    known, wins : int
        Known outcomes, and bookings among them.
    """

    template: str
    kind: str
    arm: str
    held_out: bool
    sent: int
    known: int
    wins: int


def settings(conn: Connection, dealer_id: int) -> Settings | None:
    """What a dealer lets us try, None if never asked."""
    with conn.cursor(row_factory=class_row(Settings)) as cur:
        return cur.execute(
            "SELECT texts, hours, hold_out FROM learning WHERE dealer_id = %s", (dealer_id,)
        ).fetchone()


def set_settings(conn: Connection, dealer_id: int, wanted: Settings, by: str, at: datetime) -> None:
    """Let us try, or not."""
    conn.execute(
        """
        INSERT INTO learning (dealer_id, texts, hours, hold_out, set_by, set_at)
        VALUES (%(dealer)s, %(texts)s, %(hours)s, %(hold_out)s, %(by)s, %(at)s)
        ON CONFLICT (dealer_id) DO UPDATE SET texts = %(texts)s, hours = %(hours)s,
            hold_out = %(hold_out)s, set_by = %(by)s, set_at = %(at)s
        """,
        {
            "dealer": dealer_id,
            "texts": wanted.texts,
            "hours": wanted.hours,
            "hold_out": wanted.hold_out,
            "by": by,
            "at": at,
        },
    )


def groups(
    conn: Connection, dealer_id: int, template: str, kind: str, since: datetime, until: datetime
) -> list[Group]:
    """Outcomes that became known in [`since`, `until`), as whoever asked first that day found them.

    Customers who always get the default don't count: they are the yardstick.
    """
    key: dict[str, object] = {
        "dealer": dealer_id,
        "template": template,
        "kind": kind,
        "day": until.date(),
    }
    found = _learned(conn, key)
    if found is not None:
        return found
    conn.execute(
        """
        INSERT INTO learned (dealer_id, template, kind, day, groups)
        SELECT %(dealer)s, %(template)s, %(kind)s, %(day)s, coalesce(jsonb_agg(
            jsonb_build_array(arm, context, count, wins) ORDER BY arm, context), '[]')
        FROM (SELECT arm, context, count(*) AS count, sum(reward) AS wins FROM choice
              WHERE dealer_id = %(dealer)s AND template = %(template)s AND kind = %(kind)s
                AND reward IS NOT NULL AND NOT held_out
                AND rewarded_at >= %(since)s AND rewarded_at < %(until)s
              GROUP BY arm, context) AS outcome
        ON CONFLICT DO NOTHING
        """,
        key | {"since": since, "until": until},
    )
    found = _learned(conn, key)
    assert found is not None
    return found


def _learned(conn: Connection, key: dict[str, object]) -> list[Group] | None:
    row = conn.execute(
        """
        SELECT groups FROM learned
        WHERE dealer_id = %(dealer)s AND template = %(template)s AND kind = %(kind)s
          AND day = %(day)s
        """,
        key,
    ).fetchone()
    return [Group(*one) for one in row[0]] if row else None


def add(
    conn: Connection,
    *,
    outreach_id: int,
    kind: str,
    dealer_id: int,
    arm: str,
    context: dict[str, str],
    propensity: float,
    held_out: bool,
    at: datetime,
) -> None:
    """Write down one choice."""
    conn.execute(
        """
        INSERT INTO choice (outreach_id, kind, dealer_id, template, arm, context, propensity,
            held_out, chosen_at, look_at)
        SELECT id, %(kind)s, %(dealer)s, template, %(arm)s, %(context)s, %(propensity)s,
            %(held_out)s, %(at)s, %(at)s
        FROM outreach WHERE id = %(outreach)s
        """,
        {
            "outreach": outreach_id,
            "kind": kind,
            "dealer": dealer_id,
            "arm": arm,
            "context": Jsonb(context),
            "propensity": propensity,
            "held_out": held_out,
            "at": at,
        },
    )


def arm_of(conn: Connection, outreach_id: int, kind: str) -> str | None:
    """What was chosen for a message."""
    row = conn.execute(
        "SELECT arm FROM choice WHERE outreach_id = %s AND kind = %s", (outreach_id, kind)
    ).fetchone()
    return row[0] if row else None


def reward(conn: Connection, now: datetime, within: timedelta) -> int:
    """Settle the messages whose turn to be looked at has come. Returns how many choices."""
    ids = [
        row[0]
        for row in conn.execute(
            """
            SELECT DISTINCT outreach_id FROM (
                SELECT outreach_id FROM choice WHERE rewarded_at IS NULL AND look_at <= %s
                ORDER BY look_at, outreach_id LIMIT %s) AS waiting
            """,
            (now, BATCH),
        )
    ]
    if not ids:
        return 0
    values = {"ids": ids, "now": now, "within": within, "again": now + LOOK_EVERY}
    never = conn.execute(
        """
        UPDATE choice AS c SET rewarded_at = %(now)s FROM outreach AS o
        WHERE c.outreach_id = ANY(%(ids)s) AND c.rewarded_at IS NULL AND o.id = c.outreach_id
          AND o.state IN ('dropped', 'failed', 'undelivered')
        """,
        values,
    ).rowcount
    won = conn.execute(
        """
        UPDATE choice AS c SET reward = 1, booking_id = owed.booking_id, rewarded_at = %(now)s
        FROM (
            SELECT DISTINCT ON (o.id) o.id, b.id AS booking_id
            FROM outreach AS o
            JOIN alert AS a ON a.id = o.alert_id
            JOIN booking AS b ON b.customer_id = o.customer_id AND b.vehicle_id = a.vehicle_id
            WHERE o.id = ANY(%(ids)s) AND o.state IN ('sent', 'delivered')
              AND b.state IN ('booked', 'arrived', 'done', 'no_show')
              AND b.created_at > o.sent_at AND b.created_at <= o.sent_at + %(within)s
              AND NOT EXISTS (SELECT FROM choice AS t WHERE t.booking_id = b.id)
              AND NOT EXISTS (
                SELECT FROM outreach AS later
                JOIN choice AS t ON t.outreach_id = later.id
                JOIN alert AS la ON la.id = later.alert_id
                WHERE later.customer_id = o.customer_id AND la.vehicle_id = a.vehicle_id
                  AND later.state IN ('sent', 'delivered') AND later.sent_at < b.created_at
                  AND (later.sent_at, later.id) > (o.sent_at, o.id))
            ORDER BY o.id, b.created_at, b.id) AS owed
        WHERE c.outreach_id = owed.id AND c.rewarded_at IS NULL
        """,
        values,
    ).rowcount
    lost = conn.execute(
        """
        UPDATE choice AS c SET reward = 0, rewarded_at = %(now)s FROM outreach AS o
        WHERE c.outreach_id = ANY(%(ids)s) AND c.rewarded_at IS NULL AND o.id = c.outreach_id
          AND o.state IN ('sent', 'delivered') AND o.sent_at + %(within)s < %(now)s
        """,
        values,
    ).rowcount
    conn.execute(
        """
        UPDATE choice SET look_at = %(again)s
        WHERE outreach_id = ANY(%(ids)s) AND rewarded_at IS NULL
        """,
        values,
    )
    return never + won + lost


def tallies(conn: Connection, dealer_id: int) -> list[Tally]:
    """What came of every arm at a dealer's, the held out apart."""
    with conn.cursor(row_factory=class_row(Tally)) as cur:
        return cur.execute(
            """
            SELECT c.template, c.kind, c.arm, c.held_out, count(*) AS sent,
                   count(c.reward) AS known, coalesce(sum(c.reward), 0) AS wins
            FROM choice AS c JOIN outreach AS o ON o.id = c.outreach_id
            WHERE c.dealer_id = %s AND o.state IN ('sent', 'delivered')
            GROUP BY c.template, c.kind, c.arm, c.held_out
            ORDER BY c.template, c.kind DESC, c.arm, c.held_out
            """,
            (dealer_id,),
        ).fetchall()
