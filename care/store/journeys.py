"""Journeys' versions, who is on one, and what their steps look at."""

from dataclasses import dataclass
from datetime import date, datetime

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Plan:
    """A version of a journey."""

    id: int
    name: str
    version: int
    source: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Somebody on a journey, with its text."""

    id: int
    journey: str
    source: str
    customer_id: int
    vehicle_id: int | None
    alert_id: int | None
    booking_id: int | None
    repair_order_id: int | None
    campaign: str | None
    occasion: str
    step: int
    since: datetime
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of an enrolment now; one field for each of `care.journey.CONDITIONS`."""

    answered: bool
    booked: bool
    not_booked: bool
    closed: bool
    sold: bool
    in_the_shop: bool
    rated: bool
    verified: bool
    promotions_stopped: bool
    booking_starts_at: datetime | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may begin a journey by themselves."""

    customer_id: int
    vehicle_id: int
    since: datetime


def ship(conn: Connection, name: str, source: str, begins: list[str], at: datetime) -> bool:
    """Bring a shipped plan in, unless it is there or a person has made a version of it."""
    row = conn.execute(
        """
        SELECT version, source, made_by FROM journey WHERE name = %s
        ORDER BY version DESC LIMIT 1
        """,
        (name,),
    ).fetchone()
    if row is not None and (row[1] == source or row[2] != "shipped"):
        return False
    return add(conn, name, source, begins, "shipped", at) > 0


def add(
    conn: Connection, name: str, source: str, begins: list[str], made_by: str, at: datetime
) -> int:
    """Add a version and put it in force; 0 if somebody else is doing so at this moment."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtext('journey' || %s))", (name,))
    conn.execute("UPDATE journey SET active = false WHERE name = %s AND active", (name,))
    row = conn.execute(
        """
        INSERT INTO journey (name, version, source, begins, active, made_by, made_at)
        SELECT %(name)s, coalesce(max(version), 0) + 1, %(source)s, %(begins)s, true, %(by)s, %(at)s
        FROM journey WHERE name = %(name)s RETURNING version
        """,
        {"name": name, "source": source, "begins": begins, "by": made_by, "at": at},
    ).fetchone()
    assert row is not None
    return int(row[0])


def activate(conn: Connection, name: str, version: int) -> bool:
    """Put a version in force. False if there is none."""
    row = conn.execute(
        "SELECT 1 FROM journey WHERE name = %s AND version = %s", (name, version)
    ).fetchone()
    if row is None:
        return False
    conn.execute("UPDATE journey SET active = false WHERE name = %s AND active", (name,))
    conn.execute(
        "UPDATE journey SET active = true WHERE name = %s AND version = %s", (name, version)
    )
    return True


def newest(conn: Connection, name: str) -> Plan | None:
    """The version that was made last."""
    with conn.cursor(row_factory=class_row(Plan)) as cur:
        return cur.execute(
            "SELECT id, name, version, source FROM journey WHERE name = %s "
            "ORDER BY version DESC LIMIT 1",
            (name,),
        ).fetchone()


def for_trigger(conn: Connection, trigger: str) -> list[Plan]:
    """The plans in force that a trigger begins."""
    with conn.cursor(row_factory=class_row(Plan)) as cur:
        return cur.execute(
            """
            SELECT id, name, version, source FROM journey
            WHERE active AND begins @> ARRAY[%s] ORDER BY name
            """,
            (trigger,),
        ).fetchall()


def in_force(conn: Connection) -> list[Plan]:
    """All plans in force."""
    with conn.cursor(row_factory=class_row(Plan)) as cur:
        return cur.execute(
            "SELECT id, name, version, source FROM journey WHERE active ORDER BY name"
        ).fetchall()


_ENROLMENT = """
    SELECT e.id, j.name AS journey, j.source, e.customer_id, e.vehicle_id, e.alert_id, e.booking_id,
           e.repair_order_id, c.title AS campaign, e.occasion, e.step, e.since, e.began_at
    FROM enrolment e JOIN journey j ON j.id = e.journey_id
    LEFT JOIN campaign c ON c.id = e.campaign_id
"""


def enrol(
    conn: Connection,
    *,
    journey_id: int,
    customer_id: int,
    vehicle_id: int | None,
    alert_id: int | None,
    booking_id: int | None,
    repair_order_id: int | None,
    campaign_id: int | None,
    occasion: str,
    at: datetime,
) -> Enrolment | None:
    """Begin; None if it was begun before, by another version of the same journey too."""
    row = conn.execute(
        """
        INSERT INTO enrolment (journey_id, customer_id, vehicle_id, alert_id, booking_id,
            repair_order_id, campaign_id, occasion, state, since, next_at, began_at)
        SELECT %(journey)s, %(customer)s, %(vehicle)s, %(alert)s, %(booking)s, %(order)s,
            %(campaign)s, %(occasion)s, 'active', %(at)s, %(at)s, %(at)s
        WHERE NOT EXISTS (
            SELECT FROM enrolment e JOIN journey j ON j.id = e.journey_id
            WHERE e.customer_id = %(customer)s AND e.occasion = %(occasion)s
              AND j.name = (SELECT name FROM journey WHERE id = %(journey)s))
        ON CONFLICT DO NOTHING RETURNING id
        """,
        {
            "journey": journey_id,
            "customer": customer_id,
            "vehicle": vehicle_id,
            "alert": alert_id,
            "booking": booking_id,
            "order": repair_order_id,
            "campaign": campaign_id,
            "occasion": occasion,
            "at": at,
        },
    ).fetchone()
    if row is None:
        return None
    with conn.cursor(row_factory=class_row(Enrolment)) as cur:
        return cur.execute(_ENROLMENT + " WHERE e.id = %s", (row[0],)).fetchone()


def due(conn: Connection, now: datetime, limit: int) -> list[Enrolment]:
    """Whose next step may be due; locked, those with a setback left out."""
    with conn.cursor(row_factory=class_row(Enrolment)) as cur:
        return cur.execute(
            _ENROLMENT
            + """
            WHERE e.state = 'active' AND e.next_at <= %s AND NOT EXISTS (
                SELECT FROM setback s WHERE s.kind = 'enrolment' AND s.id = e.id
                  AND s.next_at > clock_timestamp())
            ORDER BY e.next_at, e.id LIMIT %s FOR UPDATE OF e SKIP LOCKED
            """,
            (now, limit),
        ).fetchall()


def of_customer(conn: Connection, customer_id: int) -> list[Enrolment]:
    """What a customer is on."""
    with conn.cursor(row_factory=class_row(Enrolment)) as cur:
        return cur.execute(
            _ENROLMENT
            + " WHERE e.customer_id = %s AND e.state = 'active' ORDER BY e.next_at, e.id",
            (customer_id,),
        ).fetchall()


def wait(
    conn: Connection, enrolment_id: int, step: int, since: datetime, next_at: datetime
) -> None:
    """Look again then."""
    conn.execute(
        "UPDATE enrolment SET step = %s, since = %s, next_at = %s WHERE id = %s",
        (step, since, next_at, enrolment_id),
    )


def end(conn: Connection, enrolment_id: int, step: int, reason: str | None, at: datetime) -> None:
    """It is over: done, or stopped for a reason."""
    conn.execute(
        "UPDATE enrolment SET state = %s, step = %s, reason = %s, ended_at = %s WHERE id = %s",
        ("stopped" if reason else "done", step, reason, at, enrolment_id),
    )


def supersede(conn: Connection, alert_id: int, keep: int, at: datetime) -> None:
    """A newer journey about the same alert takes the place of the older ones."""
    conn.execute(
        """
        UPDATE enrolment SET state = 'stopped', reason = 'superseded', ended_at = %s
        WHERE alert_id = %s AND id <> %s AND state = 'active'
        """,
        (at, alert_id, keep),
    )


def facts(conn: Connection, one: Enrolment, now: datetime) -> Facts:
    """What is true of an enrolment now."""
    with conn.cursor(row_factory=class_row(Facts)) as cur:
        row = cur.execute(
            """
            SELECT
                EXISTS (SELECT FROM reply WHERE customer_id = %(customer)s
                        AND received_at > %(began)s) AS answered,
                EXISTS (SELECT FROM booking b WHERE b.state IN ('booked', 'arrived')
                        AND CASE WHEN %(alert)s::bigint IS NOT NULL THEN b.alert_id = %(alert)s
                            ELSE b.vehicle_id = %(vehicle)s AND b.customer_id = %(customer)s
                                 AND upper(b.during) > %(now)s END) AS booked,
                %(booking)s::bigint IS NOT NULL AND NOT EXISTS (
                    SELECT FROM booking WHERE id = %(booking)s AND state = 'booked') AS not_booked,
                %(alert)s::bigint IS NOT NULL AND NOT EXISTS (
                    SELECT FROM alert WHERE id = %(alert)s AND state = 'open') AS closed,
                %(vehicle)s::integer IS NOT NULL AND NOT EXISTS (
                    SELECT FROM ownership WHERE vehicle_id = %(vehicle)s
                      AND customer_id = %(customer)s AND during @> %(now)s) AS sold,
                EXISTS (SELECT FROM repair_order WHERE vehicle_id = %(vehicle)s
                        AND state <> 'closed') AS in_the_shop,
                EXISTS (SELECT FROM rating WHERE repair_order_id = %(order)s) AS rated,
                EXISTS (SELECT FROM verification WHERE repair_order_id = %(order)s
                        AND state = 'verified') AS verified,
                EXISTS (SELECT FROM promotion_stop WHERE customer_id = %(customer)s
                        AND lifted_at IS NULL) AS promotions_stopped,
                (SELECT lower(during) FROM booking WHERE id = %(booking)s) AS booking_starts_at
            """,
            {
                "customer": one.customer_id,
                "began": one.began_at,
                "alert": one.alert_id,
                "vehicle": one.vehicle_id,
                "booking": one.booking_id,
                "order": one.repair_order_id,
                "now": now,
            },
        ).fetchone()
    assert row is not None
    return row


# -- what begins by itself -------------------------------------------------------------------------


def first_scan_of(conn: Connection, day: date) -> bool:
    """Whether nobody has looked on this day yet; now somebody has."""
    done = conn.execute(
        "INSERT INTO journey_scan (day) VALUES (%s) ON CONFLICT DO NOTHING", (day,)
    ).rowcount
    return done == 1


_AGREED = """
    (SELECT granted FROM consent k
     WHERE k.customer_id = w.customer_id AND k.purpose = 'marketing'
     ORDER BY k.at DESC, k.id DESC LIMIT 1)
"""


def lapsed(conn: Connection, before: datetime, now: datetime) -> list[Candidate]:
    """Owners who agreed to marketing and whose car was not here since `before`."""
    with conn.cursor(row_factory=class_row(Candidate)) as cur:
        return cur.execute(
            f"""
            SELECT w.customer_id, w.vehicle_id,
                   coalesce(v.last_service_at, lower(w.during)) AS since
            FROM ownership w JOIN vehicle v ON v.id = w.vehicle_id
            WHERE w.during @> %(now)s AND coalesce(v.last_service_at, lower(w.during)) < %(before)s
              AND NOT EXISTS (SELECT FROM booking b WHERE b.vehicle_id = w.vehicle_id
                              AND upper(b.during) > %(before)s
                              AND b.state IN ('booked', 'arrived', 'done'))
              AND {_AGREED}
            ORDER BY w.vehicle_id
            """,  # noqa: S608  our own words
            {"now": now, "before": before},
        ).fetchall()


def birthdays(conn: Connection, now: datetime) -> list[Candidate]:
    """Owners who agreed to marketing and bought their car on this day, a year ago or more."""
    with conn.cursor(row_factory=class_row(Candidate)) as cur:
        return cur.execute(
            f"""
            SELECT w.customer_id, w.vehicle_id, lower(w.during) AS since
            FROM ownership w
            WHERE w.during @> %(now)s AND lower(w.during) < %(now)s - interval '300 days'
              AND to_char(lower(w.during), 'MM-DD') = to_char(%(now)s::timestamptz, 'MM-DD')
              AND {_AGREED}
            ORDER BY w.vehicle_id
            """,  # noqa: S608  our own words
            {"now": now},
        ).fetchall()
