"""What customers are like, as rows: their behaviour, and the segments that ask for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection, sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a customer did.

    Parameters
    ----------
    since : datetime
        When we came to know them.
    messages : int
        With which we spoke first, in the last two years.
    replies : int
        In the last two years.
    answer_time : timedelta or None
        The middle one of the times they took to answer.
    visits, no_shows : int
    last_visit_at : datetime or None
    cars : int
    odometer_m : int or None
        Of the car that has gone farthest.
    referrals : int
    """

    since: datetime
    messages: int
    replies: int
    answer_time: timedelta | None
    visits: int
    no_shows: int
    last_visit_at: datetime | None
    cars: int
    odometer_m: int | None
    referrals: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One question that a segment may ask.

    Parameters
    ----------
    title : str
    query : str
        SQL over ``customer c`` with ``{value}`` in it, ours alone; the value is a parameter.
    number : bool
        The value is a whole number.
    choices : tuple of str
        What the value may be; empty for free text.
    """

    title: str
    query: str
    number: bool = False
    choices: tuple[str, ...] = ()


_VISITED = """
    SELECT FROM booking b WHERE b.customer_id = c.id AND b.state IN ('arrived', 'done')
      AND upper(b.during) > %(now)s - make_interval(months => {value})
"""

CONDITIONS: dict[str, Condition] = {
    "language": Condition("Language", "c.language = {value}"),
    "tag": Condition(
        "Tag by hand",
        "EXISTS (SELECT FROM customer_tag t WHERE t.customer_id = c.id AND t.tag = lower({value}))",
    ),
    "make": Condition(
        "Drives a",
        """EXISTS (SELECT FROM ownership w JOIN vehicle v ON v.id = w.vehicle_id
                   WHERE w.customer_id = c.id AND w.during @> %(now)s
                     AND lower(v.make) = lower({value}))""",
    ),
    "cars_at_least": Condition(
        "Cars, at least",
        """(SELECT count(*) FROM ownership w WHERE w.customer_id = c.id AND w.during @> %(now)s)
           >= {value}""",
        number=True,
    ),
    "no_visit_for_months": Condition(
        "No visit for so many months",
        f"""NOT EXISTS ({_VISITED}) AND c.created_at < %(now)s - make_interval(months => {{value}})
        """,
        number=True,
    ),
    "no_shows_at_least": Condition(
        "Did not come, at least so often",
        """(SELECT count(*) FROM booking b WHERE b.customer_id = c.id AND b.state = 'no_show')
           >= {value}""",
        number=True,
    ),
    "points_at_least": Condition(
        "Points, at least",
        """(SELECT coalesce(sum(l.points), 0) FROM loyalty_ledger l
            WHERE l.customer_id = c.id AND l.at <= %(now)s AND l.expires_at > %(now)s)
           >= {value}""",
        number=True,
    ),
    "consents_to": Condition(
        "Agreed to text messages about",
        """coalesce((SELECT granted FROM consent k
                     WHERE k.customer_id = c.id AND k.channel = 'sms' AND k.purpose = {value}
                     ORDER BY k.at DESC, k.id DESC LIMIT 1), false)""",
        choices=("service", "marketing"),
    ),
    "household": Condition(
        "Shares a household",
        "(c.household_id IS NOT NULL) = ({value} = 'yes')",
        choices=("yes", "no"),
    ),
}
"""The only questions that a segment may ask: names on the left, our own SQL on the right."""


@dataclass(frozen=True, slots=True)
class Found:
    """A customer whom a segment holds."""

    id: int
    name: str
    phone: str | None
    language: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A saved question."""

    id: int
    name: str
    conditions: list[dict[str, str | int]]
    at: datetime


def behaviour(conn: Connection, customer_id: int, now: datetime) -> Behaviour | None:
    """What a customer did until `now`."""
    with conn.cursor(row_factory=class_row(Behaviour)) as cur:
        return cur.execute(
            """
            SELECT c.created_at AS since, o.messages, r.replies, r.answer_time,
                   b.visits, b.no_shows, b.last_visit_at, w.cars, w.odometer_m, l.referrals
            FROM customer c
            CROSS JOIN LATERAL (
                SELECT count(*) AS messages FROM outreach
                WHERE customer_id = c.id AND purpose <> 'reply'
                  AND sent_at BETWEEN %(now)s - interval '2 years' AND %(now)s) o
            CROSS JOIN LATERAL (
                SELECT count(*) AS replies,
                       percentile_cont(0.5) WITHIN GROUP (ORDER BY y.received_at - s.sent_at)
                           AS answer_time
                FROM reply y LEFT JOIN LATERAL (
                    SELECT sent_at FROM outreach
                    WHERE customer_id = c.id AND sent_at <= y.received_at
                    ORDER BY sent_at DESC LIMIT 1) s ON true
                WHERE y.customer_id = c.id
                  AND y.received_at BETWEEN %(now)s - interval '2 years' AND %(now)s) r
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE state IN ('arrived', 'done')) AS visits,
                       count(*) FILTER (WHERE state = 'no_show') AS no_shows,
                       max(lower(during)) FILTER (WHERE state IN ('arrived', 'done'))
                           AS last_visit_at
                FROM booking WHERE customer_id = c.id) b
            CROSS JOIN LATERAL (
                SELECT count(*) AS cars, max(coalesce(t.odometer_m, v.last_service_odometer_m))
                           AS odometer_m
                FROM ownership x JOIN vehicle v ON v.id = x.vehicle_id
                LEFT JOIN LATERAL (
                    SELECT odometer_m FROM telemetry
                    WHERE vehicle_id = v.id AND odometer_m IS NOT NULL
                      AND ts BETWEEN %(now)s - interval '30 days' AND %(now)s
                    ORDER BY ts DESC LIMIT 1) t ON true
                WHERE x.customer_id = c.id AND x.during @> %(now)s) w
            CROSS JOIN LATERAL (
                SELECT count(*) AS referrals FROM loyalty_ledger g
                WHERE g.customer_id = c.id AND g.reason = 'referral' AND g.reverses IS NULL
                  AND NOT EXISTS (SELECT FROM loyalty_ledger WHERE reverses = g.id)) l
            WHERE c.id = %(customer_id)s
            """,
            {"customer_id": customer_id, "now": now},
        ).fetchone()


def _where(
    chosen: Sequence[Mapping[str, str | int]], dealer_id: int, now: datetime
) -> tuple[sql.Composed, dict[str, object]]:
    values: dict[str, object] = {"dealer_id": dealer_id, "now": now}
    parts = [
        sql.SQL("c.dealer_id = %(dealer_id)s AND c.merged_into IS NULL AND c.erased_at IS NULL")
    ]
    for number, one in enumerate(chosen):
        values[f"value_{number}"] = one["value"]
        query = CONDITIONS[str(one["field"])].query
        parts.append(sql.SQL(query.replace("{value}", f"%(value_{number})s")))
    return sql.SQL(" AND ").join(parts), values


def count(
    conn: Connection, dealer_id: int, chosen: Sequence[Mapping[str, str | int]], now: datetime
) -> int:
    """How many customers all conditions hold for."""
    where, values = _where(chosen, dealer_id, now)
    row = conn.execute(
        sql.SQL("SELECT count(*) FROM customer c WHERE {}").format(where), values
    ).fetchone()
    assert row is not None
    return int(row[0])


def members(
    conn: Connection,
    dealer_id: int,
    chosen: Sequence[Mapping[str, str | int]],
    now: datetime,
    limit: int = 100,
) -> list[Found]:
    """The first customers, by name, whom all conditions hold for."""
    where, values = _where(chosen, dealer_id, now)
    with conn.cursor(row_factory=class_row(Found)) as cur:
        return cur.execute(
            sql.SQL(
                "SELECT c.id, c.name, c.phone, c.language FROM customer c WHERE {}"
                " ORDER BY c.name, c.id LIMIT %(limit)s"
            ).format(where),
            {**values, "limit": limit},
        ).fetchall()


def segments(conn: Connection, dealer_id: int) -> list[Segment]:
    """The dealer's segments by name."""
    with conn.cursor(row_factory=class_row(Segment)) as cur:
        return cur.execute(
            "SELECT id, name, conditions, at FROM segment WHERE dealer_id = %s ORDER BY name",
            (dealer_id,),
        ).fetchall()


def put_segment(
    conn: Connection,
    dealer_id: int,
    name: str,
    chosen: Sequence[Mapping[str, str | int]],
    by: str,
    at: datetime,
) -> int:
    """Keep a segment; one of the same name is replaced."""
    row = conn.execute(
        """
        INSERT INTO segment (dealer_id, name, conditions, by, at) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (dealer_id, name) DO UPDATE
        SET conditions = excluded.conditions, by = excluded.by, at = excluded.at
        RETURNING id
        """,
        (dealer_id, name, Jsonb([dict(one) for one in chosen]), by, at),
    ).fetchone()
    assert row is not None
    return int(row[0])
