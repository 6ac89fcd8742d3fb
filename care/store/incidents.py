"""Rows of fleet incidents, and of the alerts that are part of them."""

# ruff: noqa: S608  only this module's own column lists are joined in

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import class_row

from care.store.alerts import ALERT_COLUMNS
from care.traits import Count, Day, Trait
from record.flow import Alert


@dataclass(frozen=True, slots=True)
class Incident:
    """Like cars with the same alert; `make` and `model` are None where it is cars of all models."""

    id: int
    dealer_id: int
    cause: str
    make: str | None
    model: str | None
    opened_at: datetime
    cars: int
    alerting: int
    expected: float
    state: str
    code: str | None
    why: str | None
    decided_by: str | None
    decided_at: datetime | None
    waits_since: datetime  # it was opened, or opened again
    counted_at: datetime | None  # its cars were compared with others
    elsewhere: int | None  # cars of other dealers that had the same alert meanwhile
    across: bool  # `cars`, `alerting` and `expected` are of all dealers


@dataclass(frozen=True, slots=True)
class Like:
    """Like cars in a dealer's care, or across all dealers: of one model, or all."""

    dealer_id: int
    now: datetime
    make: str | None = None
    model: str | None = None
    across: bool = False


_COLUMNS = """
    id, dealer_id, cause, make, model, opened_at, cars, alerting, expected, state, code, why,
    decided_by, decided_at, waits_since, counted_at, elsewhere,
    across
"""


def get(conn: Connection, incident_id: int, lock: bool = False) -> Incident | None:
    """The incident."""
    with conn.cursor(row_factory=class_row(Incident)) as cur:
        ending = " FROM incident WHERE id = %s" + (" FOR UPDATE" if lock else "")
        return cur.execute("SELECT " + _COLUMNS + ending, (incident_id,)).fetchone()


def newest(conn: Connection, dealer_id: int, limit: int) -> list[Incident]:
    """A dealer's incidents: those that wait first, then by age."""
    with conn.cursor(row_factory=class_row(Incident)) as cur:
        return cur.execute(
            "SELECT "
            + _COLUMNS
            + """ FROM incident WHERE dealer_id = %s
                  ORDER BY state = 'open' DESC, opened_at DESC, id DESC LIMIT %s""",
            (dealer_id, limit),
        ).fetchall()


def covering(
    conn: Connection, dealer_id: int, cause: str, make: str, model: str, since: datetime
) -> Incident | None:
    """The newest incident of a cause that a dealer's car falls under: open, or decided since."""
    with conn.cursor(row_factory=class_row(Incident)) as cur:
        return cur.execute(
            "SELECT "
            + _COLUMNS
            + """ FROM incident
                  WHERE dealer_id = %s AND cause = %s
                    AND (model IS NULL OR (make = %s AND model = %s))
                    AND (state = 'open' OR decided_at > %s)
                  ORDER BY state = 'open' DESC, opened_at DESC LIMIT 1
                  FOR SHARE""",
            (dealer_id, cause, make, model, since),
        ).fetchone()


_THEIRS = """
    (%(across)s OR v.id IN (SELECT vehicle_id FROM in_care(%(now)s) WHERE dealer_id = %(dealer)s))
    AND (%(model)s::text IS NULL OR (v.make = %(make)s AND v.model = %(model)s))
"""


def alerting(conn: Connection, cause: str, which: Like, since: datetime, at: datetime) -> int:
    """How many like cars had an alert of a cause.

    Across dealers without those that one dealer's own incident explains: weather is regional.
    """
    row = conn.execute(
        """
        SELECT count(DISTINCT a.vehicle_id) FROM alert a JOIN vehicle v ON v.id = a.vehicle_id
        LEFT JOIN incident i ON i.id = a.incident_id AND NOT i.across
        WHERE a.cause = %(cause)s AND a.opened_at > %(since)s AND a.opened_at <= %(at)s
          AND (i.id IS NULL OR NOT %(across)s) AND """
        + _THEIRS,
        {"cause": cause, "since": since, "at": at, **_values(which)},
    ).fetchone()
    assert row is not None
    return int(row[0])


def dealers(conn: Connection, cause: str, which: Like, since: datetime, at: datetime) -> list[int]:
    """Who cares for like cars with an open alert of a cause."""
    rows = conn.execute(
        """
        SELECT DISTINCT c.dealer_id FROM alert a JOIN vehicle v ON v.id = a.vehicle_id
        JOIN in_care(%(now)s) c ON c.vehicle_id = v.id
        WHERE a.cause = %(cause)s AND a.state = 'open' AND a.opened_at > %(since)s
          AND a.opened_at <= %(at)s AND c.dealer_id IS NOT NULL AND """
        + _THEIRS
        + " ORDER BY 1",
        {"cause": cause, "since": since, "at": at, **_values(which)},
    )
    return [row[0] for row in rows]


def past(
    conn: Connection, cause: str, which: Like, begin: datetime, end: datetime
) -> tuple[int, int, float]:
    """How many like cars there are; and of the whole fleet, alerts of a cause and car-weeks.

    The past begins with the first alert of any cause, or with `begin`.
    """
    row = conn.execute(
        """
        SELECT
            (SELECT count(*) FROM vehicle v WHERE """
        + _THEIRS
        + """),
            (SELECT count(*) FROM alert
             WHERE cause = %(cause)s AND opened_at > %(begin)s AND opened_at <= %(end)s),
            (SELECT count(*) FROM vehicle) * extract(epoch FROM
                %(end)s - greatest((SELECT min(opened_at) FROM alert), %(begin)s)) / 604800
        """,
        {"cause": cause, "begin": begin, "end": end, **_values(which)},
    ).fetchone()
    assert row is not None
    return row[0], row[1], max(0.0, float(row[2]))


def _values(which: Like) -> dict[str, object]:
    return {
        "dealer": which.dealer_id,
        "now": which.now,
        "make": which.make,
        "model": which.model,
        "across": which.across,
    }


def insert(
    conn: Connection,
    cause: str,
    which: Like,
    cars: int,
    alerting: int,
    expected: float,
) -> Incident:
    """A new one."""
    with conn.cursor(row_factory=class_row(Incident)) as cur:
        row = cur.execute(
            """
            INSERT INTO incident (dealer_id, cause, make, model, across, opened_at, waits_since,
                cars, alerting, expected)
            VALUES (%(dealer)s, %(cause)s, %(make)s, %(model)s, %(across)s, %(now)s, %(now)s,
                %(cars)s, %(alerting)s, %(expected)s) RETURNING
            """
            + _COLUMNS,
            {"cause": cause, "cars": cars, "alerting": alerting, "expected": expected}
            | _values(which),
        ).fetchone()
    assert row is not None
    return row


def add(conn: Connection, incident_id: int, alert_id: int) -> None:
    """An alert is part of it."""
    conn.execute("UPDATE alert SET incident_id = %s WHERE id = %s", (incident_id, alert_id))


def gather(conn: Connection, incident: Incident, since: datetime, now: datetime) -> None:
    """The open alerts of its cars since then become part of it."""
    conn.execute(
        """
        UPDATE alert AS a SET incident_id = %(id)s FROM vehicle AS v
        WHERE v.id = a.vehicle_id AND a.cause = %(cause)s AND a.state = 'open'
          AND a.opened_at > %(since)s AND """
        + _THEIRS,
        {
            "id": incident.id,
            "cause": incident.cause,
            "since": since,
            **_values(Like(incident.dealer_id, now, incident.make, incident.model)),
        },
    )


def of_alert(conn: Connection, alert_id: int) -> Incident | None:
    """The incident that an alert is part of."""
    row = conn.execute("SELECT incident_id FROM alert WHERE id = %s", (alert_id,)).fetchone()
    return get(conn, row[0]) if row and row[0] is not None else None


def waits_for(conn: Connection, alert_id: int) -> int | None:
    """The undecided incident that an alert is part of."""
    row = conn.execute(
        """
        SELECT i.id FROM alert a JOIN incident i ON i.id = a.incident_id
        WHERE a.id = %s AND i.state = 'open'
        """,
        (alert_id,),
    ).fetchone()
    return row[0] if row else None


def open_alerts(conn: Connection, incident_id: int) -> list[Alert]:
    """The alerts of an incident that are still open; locked."""
    with conn.cursor(row_factory=class_row(Alert)) as cur:
        return cur.execute(
            "SELECT "
            + ALERT_COLUMNS
            + " FROM alert WHERE incident_id = %s AND state = 'open' ORDER BY id FOR UPDATE",
            (incident_id,),
        ).fetchall()


def decide(
    conn: Connection,
    incident_id: int,
    state: str,
    code: str | None,
    why: str,
    actor: str,
    at: datetime,
) -> None:
    """Write down what was decided."""
    conn.execute(
        """
        UPDATE incident SET state = %s, code = %s, why = nullif(%s, ''), decided_by = %s,
            decided_at = %s
        WHERE id = %s
        """,
        (state, code, why.strip(), actor, at, incident_id),
    )


def undecided(conn: Connection) -> list[Incident]:
    """Incidents that wait for a manager, the oldest first."""
    with conn.cursor(row_factory=class_row(Incident)) as cur:
        return cur.execute(
            "SELECT " + _COLUMNS + " FROM incident WHERE state = 'open' ORDER BY id"
        ).fetchall()


def count_undecided(conn: Connection, dealer_id: int) -> int:
    """How many of a dealer's wait for a manager."""
    row = conn.execute(
        "SELECT count(*) FROM incident WHERE dealer_id = %s AND state = 'open'", (dealer_id,)
    ).fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class InHand:
    """A call that a colleague is making."""

    task_id: int
    title: str
    who: str
    until: datetime


def in_hand(conn: Connection, incident_id: int, now: datetime) -> list[InHand]:
    """Calls about an incident's cars that somebody has in hand; danger is called about anyway."""
    with conn.cursor(row_factory=class_row(InHand)) as cur:
        return cur.execute(
            """
            SELECT t.id AS task_id, t.title, s.name AS who, t.claimed_until AS until
            FROM alert a JOIN task t ON t.alert_id = a.id AND t.state = 'open'
            JOIN staff s ON s.id = t.owner_id
            WHERE a.incident_id = %s AND a.state = 'open' AND a.urgency <> 'stop'
              AND t.claimed_until > %s ORDER BY t.claimed_until, t.id
            """,
            (incident_id, now),
        ).fetchall()


def open_again(conn: Connection, incident_id: int, now: datetime) -> None:
    """Forget what was decided."""
    conn.execute(
        """
        UPDATE incident SET state = 'open', code = NULL, why = NULL, decided_by = NULL,
            decided_at = NULL, waits_since = %s WHERE id = %s
        """,
        (now, incident_id),
    )


def overlaps(conn: Connection, incident: Incident) -> bool:
    """Whether another incident of the same cars waits already."""
    row = conn.execute(
        """
        SELECT 1 FROM incident WHERE dealer_id = %s AND cause = %s AND state = 'open'
          AND model IS NOT DISTINCT FROM %s AND make IS NOT DISTINCT FROM %s LIMIT 1
        """,
        (incident.dealer_id, incident.cause, incident.model, incident.make),
    ).fetchone()
    return row is not None


def undismiss(conn: Connection, incident: Incident) -> int:
    """Open the alerts again that were dismissed as an incident's, and take their labels back.

    Returns how many. A car that has a newer alert of the cause keeps that.
    """
    return conn.execute(
        """
        WITH mistaken AS (
            DELETE FROM dismissal_label AS d USING alert AS a
            WHERE a.id = d.alert_id AND a.incident_id = %(id)s AND d.staff_id IS NULL
              AND d.reason = %(code)s AND d.at >= %(decided)s
            RETURNING d.alert_id),
        unanswered AS (
            UPDATE detector_case AS c SET label = NULL, answered_at = NULL, answered_by = NULL
            FROM mistaken AS m JOIN alert AS a ON a.id = m.alert_id
            WHERE c.answered_by = 'care' AND c.answered_at >= %(decided)s AND (c.alert_id = a.id
                OR (c.alert_id IS NULL AND c.vehicle_id = a.vehicle_id AND c.cause = a.cause)))
        UPDATE alert AS a SET state = 'open', closed_at = NULL, close_reason = NULL
        WHERE id IN (SELECT alert_id FROM mistaken) AND close_reason = 'dismissed'
          AND NOT EXISTS (SELECT FROM alert AS newer WHERE newer.vehicle_id = a.vehicle_id
              AND newer.cause = a.cause AND newer.state = 'open')
        """,
        {"id": incident.id, "code": incident.code, "decided": incident.decided_at},
    ).rowcount


def uncounted(conn: Connection, before: datetime) -> list[Incident]:
    """Undecided incidents with alerts that came since their cars were compared, if before then."""
    with conn.cursor(row_factory=class_row(Incident)) as cur:
        return cur.execute(
            "SELECT "
            + _COLUMNS
            + """ FROM incident AS i
                  WHERE state = 'open' AND (counted_at IS NULL OR (counted_at <= %s
                      AND counted <> (SELECT count(*) FROM alert WHERE incident_id = i.id)))
                  ORDER BY id""",
            (before,),
        ).fetchall()


_SAME = """
    SELECT a.vehicle_id, i.dealer_id FROM alert a JOIN in_care(%(now)s) i USING (vehicle_id)
    WHERE a.cause = %(cause)s AND a.opened_at > %(since)s AND a.opened_at <= %(now)s
"""


def counts(conn: Connection, incident: Incident, since: datetime, now: datetime) -> list[Count]:
    """What the cars with the same alert share, and how many of the dealer's have that, too.

    Of all dealers', where the incident is across them.

    Models are counted among all cars; the rest among those of the incident's model, for all that
    comes with a model is shared by its cars.
    """
    with conn.cursor(row_factory=class_row(Count)) as cur:
        return cur.execute(
            "WITH same AS MATERIALIZED (SELECT DISTINCT vehicle_id FROM ("
            + _SAME
            + """) AS s WHERE %(across)s OR dealer_id = %(dealer)s), counted AS (
                SELECT kind, value, count(same.vehicle_id) AS cars, count(*) AS fleet
                FROM in_care(%(now)s) AS i JOIN vehicle AS v ON v.id = i.vehicle_id
                LEFT JOIN vehicle_status AS s ON s.vehicle_id = v.id
                LEFT JOIN same ON same.vehicle_id = v.id
                CROSS JOIN LATERAL (VALUES
                    ('model', trim(v.make || ' ' || v.model)),
                    ('model_year', v.model_year::text),
                    ('powertrain', v.powertrain),
                    ('plant', trim(v.make || ' ' || substr(v.vin, 11, 1))),
                    ('series', left(v.vin, 14)),
                    ('firmware', s.firmware)) AS t (kind, value)
                WHERE (%(across)s OR i.dealer_id = %(dealer)s) AND value <> '' AND (
                    kind = 'model' OR %(model)s::text IS NULL
                    OR (v.make = %(make)s AND v.model = %(model)s))
                GROUP BY kind, value)
            SELECT kind, value, cars, of_cars, fleet, of_fleet FROM (
                SELECT *, (sum(cars) OVER kind)::int AS of_cars,
                       (sum(fleet) OVER kind)::int AS of_fleet
                FROM counted WINDOW kind AS (PARTITION BY kind)) AS all_of_kind
            WHERE cars > 0
            """,
            {
                "cause": incident.cause,
                "since": since,
                **_values(
                    Like(incident.dealer_id, now, incident.make, incident.model, incident.across)
                ),
            },
        ).fetchall()


def elsewhere(conn: Connection, incident: Incident, since: datetime, now: datetime) -> int:
    """How many cars of other dealers had the same alert."""
    row = conn.execute(
        "SELECT count(DISTINCT vehicle_id) FROM (" + _SAME + ") AS s WHERE dealer_id <> %(dealer)s",
        {"cause": incident.cause, "since": since, "now": now, "dealer": incident.dealer_id},
    ).fetchone()
    assert row is not None
    return int(row[0])


def air(
    conn: Connection, incident_id: int, cars: int, days: int, zone: str, now: datetime
) -> tuple[list[Day], float | None]:
    """The air of the last days as some cars of an incident met it, and at their first sign.

    Each day counts with the first reading after midnight: most cars are parked then, and no
    engine warms the sensor.
    """
    values = {
        "id": incident_id,
        "cars": cars,
        "zone": zone,
        "now": now,
        "begin": now - timedelta(days=days),
    }
    theirs = """
        WITH those AS MATERIALIZED (
            SELECT vehicle_id, opened_at FROM alert WHERE incident_id = %(id)s
            ORDER BY id DESC LIMIT %(cars)s)
    """
    with conn.cursor(row_factory=class_row(Day)) as cur:
        found = cur.execute(
            theirs
            + """, begun AS MATERIALIZED (
                SELECT (opened_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS alerts
                FROM alert WHERE incident_id = %(id)s GROUP BY 1)
            SELECT d.at::date AS day,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY told.c) AS air_c,
                   coalesce(min(begun.alerts), 0) AS alerts
            FROM generate_series(
                date_trunc('day', %(begin)s::timestamptz AT TIME ZONE %(zone)s) + interval '1 day',
                %(now)s::timestamptz AT TIME ZONE %(zone)s, interval '1 day') AS d (at)
            LEFT JOIN begun ON begun.day = d.at::date
            CROSS JOIN those
            CROSS JOIN LATERAL (
                SELECT ambient_temp_c AS c FROM telemetry
                WHERE vehicle_id = those.vehicle_id AND ambient_temp_c IS NOT NULL
                  AND ts > %(begin)s AND ts <= %(now)s
                  AND ts >= d.at AT TIME ZONE %(zone)s
                  AND ts < (d.at + interval '1 day') AT TIME ZONE %(zone)s
                ORDER BY ts LIMIT 1) AS told
            GROUP BY d.at ORDER BY d.at
            """,
            values,
        ).fetchall()
    row = conn.execute(
        theirs
        + """
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY told.c)
        FROM those CROSS JOIN LATERAL (
            SELECT ambient_temp_c AS c FROM telemetry
            WHERE vehicle_id = those.vehicle_id AND ambient_temp_c IS NOT NULL
              AND ts > %(begin)s AND ts > those.opened_at - interval '1 day'
              AND ts <= those.opened_at
            ORDER BY ts DESC LIMIT 1) AS told
        """,
        values,
    ).fetchone()
    return found, row[0] if row else None


def set_traits(
    conn: Connection, incident_id: int, traits: Sequence[Trait], elsewhere: int, now: datetime
) -> None:
    """What its cars have in common, in place of what was said before."""
    conn.execute("DELETE FROM incident_trait WHERE incident_id = %s", (incident_id,))
    with conn.cursor() as cur:
        cur.executemany(
            """
            INSERT INTO incident_trait
                (incident_id, kind, value, cars, of_cars, fleet, of_fleet, chance)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [(incident_id, *astuple(one)) for one in traits],
        )
    conn.execute(
        """
        UPDATE incident SET counted_at = %s, elsewhere = %s,
            counted = (SELECT count(*) FROM alert WHERE incident_id = incident.id)
        WHERE id = %s
        """,
        (now, elsewhere, incident_id),
    )


def traits(conn: Connection, incident_ids: Sequence[int]) -> dict[int, list[Trait]]:
    """What the cars of each have in common, the most telling first."""
    found: dict[int, list[Trait]] = {one: [] for one in incident_ids}
    rows = conn.execute(
        """
        SELECT incident_id, kind, value, cars, of_cars, fleet, of_fleet, chance
        FROM incident_trait WHERE incident_id = ANY(%s) ORDER BY chance, kind
        """,
        (list(incident_ids),),
    )
    for incident_id, *trait in rows:
        found[incident_id].append(Trait(*trait))
    return found
