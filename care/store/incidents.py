"""Rows of fleet incidents, and of the alerts that are part of them."""

# ruff: noqa: S608  only this module's own column lists are joined in

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from care.store.alerts import ALERT_COLUMNS
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


@dataclass(frozen=True, slots=True)
class Like:
    """Like cars of a dealer: of one model, or all."""

    dealer_id: int
    make: str | None = None
    model: str | None = None


_COLUMNS = """
    id, dealer_id, cause, make, model, opened_at, cars, alerting, expected, state, code, why,
    decided_by, decided_at
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
    v.dealer_id = %(dealer)s
    AND (%(model)s::text IS NULL OR (v.make = %(make)s AND v.model = %(model)s))
"""


def alerting(conn: Connection, cause: str, which: Like, since: datetime, at: datetime) -> int:
    """How many like cars had an alert of a cause."""
    row = conn.execute(
        """
        SELECT count(DISTINCT a.vehicle_id) FROM alert a JOIN vehicle v ON v.id = a.vehicle_id
        WHERE a.cause = %(cause)s AND a.opened_at > %(since)s AND a.opened_at <= %(at)s AND """
        + _THEIRS,
        {"cause": cause, "since": since, "at": at, **_values(which)},
    ).fetchone()
    assert row is not None
    return int(row[0])


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
    return {"dealer": which.dealer_id, "make": which.make, "model": which.model}


def insert(
    conn: Connection,
    cause: str,
    which: Like,
    at: datetime,
    cars: int,
    alerting: int,
    expected: float,
) -> Incident:
    """A new one."""
    with conn.cursor(row_factory=class_row(Incident)) as cur:
        row = cur.execute(
            """
            INSERT INTO incident
                (dealer_id, cause, make, model, opened_at, cars, alerting, expected)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING
            """
            + _COLUMNS,
            (which.dealer_id, cause, which.make, which.model, at, cars, alerting, expected),
        ).fetchone()
    assert row is not None
    return row


def add(conn: Connection, incident_id: int, alert_id: int) -> None:
    """An alert is part of it."""
    conn.execute("UPDATE alert SET incident_id = %s WHERE id = %s", (incident_id, alert_id))


def gather(conn: Connection, incident: Incident, since: datetime) -> None:
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
            "dealer": incident.dealer_id,
            "make": incident.make,
            "model": incident.model,
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
