"""Findings that wait, and the alerts they become."""

# ruff: noqa: S608  only this module's own column lists are joined in

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from record.flow import Alert, Stage


@dataclass(frozen=True, slots=True)
class NewFinding:
    """What care needs of a finding."""

    id: int
    vehicle_id: int
    detector: str
    cause: str
    kind: str
    at: datetime
    urgency: str
    confidence: float
    summary: str
    expect_from: datetime | None
    expect_to: datetime | None


ALERT_COLUMNS = """
    id, vehicle_id, cause, state, urgency, confidence, summary, opened_at, refreshed_at,
    expect_from, expect_to, closed_at, close_reason, reopened
"""


def waiting_findings(conn: Connection, limit: int) -> list[NewFinding]:
    """The oldest findings that nobody took up; locked.

    By when the car showed it: the order in which workers happened to write has no say.
    Those with a setback are left out, and so is all that came after them of the same car: a
    recovery must not be taken up before what it ends.
    """
    with conn.cursor(row_factory=class_row(NewFinding)) as cur:
        return cur.execute(
            """
            SELECT id, vehicle_id, detector, cause, kind, at, urgency, confidence, summary,
                   expect_from, expect_to
            FROM finding AS f
            WHERE handled_at IS NULL AND NOT EXISTS (
                SELECT FROM setback AS s JOIN finding AS before ON before.id = s.id
                WHERE s.kind = 'finding' AND s.next_at > clock_timestamp()
                  AND before.vehicle_id = f.vehicle_id AND before.id <= f.id)
            ORDER BY at, vehicle_id, id LIMIT %s FOR UPDATE OF f SKIP LOCKED
            """,
            (limit,),
        ).fetchall()


def finding_handled(conn: Connection, finding_id: int, at: datetime) -> None:
    """Take a finding off the work list."""
    conn.execute("UPDATE finding SET handled_at = %s WHERE id = %s", (at, finding_id))


def newest(conn: Connection, vehicle_id: int, cause: str) -> Alert | None:
    """The open alert of a vehicle and cause, or else the one closed last; locked."""
    with conn.cursor(row_factory=class_row(Alert)) as cur:
        return cur.execute(
            "SELECT "
            + ALERT_COLUMNS
            + """ FROM alert WHERE vehicle_id = %s AND cause = %s
                  ORDER BY state = 'open' DESC, opened_at DESC, id DESC LIMIT 1
                  FOR UPDATE""",
            (vehicle_id, cause),
        ).fetchone()


def get(conn: Connection, alert_id: int, lock: bool = False) -> Alert | None:
    """The alert."""
    with conn.cursor(row_factory=class_row(Alert)) as cur:
        ending = " FROM alert WHERE id = %s" + (" FOR UPDATE" if lock else "")
        return cur.execute("SELECT " + ALERT_COLUMNS + ending, (alert_id,)).fetchone()


def worst_of_customer(conn: Connection, customer_id: int, now: datetime) -> Alert | None:
    """The most urgent open alert of the cars that a customer has now."""
    with conn.cursor(row_factory=class_row(Alert)) as cur:
        return cur.execute(
            "SELECT "
            + ALERT_COLUMNS
            + """ FROM alert
                  WHERE state = 'open' AND vehicle_id IN (
                      SELECT vehicle_id FROM ownership
                      WHERE customer_id = %s AND during @> %s::timestamptz)
                  ORDER BY array_position('{stop,soon,service,info}', urgency), opened_at
                  LIMIT 1""",
            (customer_id, now),
        ).fetchone()


def _one(conn: Connection, query: str, values: dict[str, object]) -> Alert:
    with conn.cursor(row_factory=class_row(Alert)) as cur:
        row = cur.execute(query + " RETURNING " + ALERT_COLUMNS, values).fetchone()
    assert row is not None
    return row


def _values(finding: NewFinding) -> dict[str, object]:
    return {
        "vehicle": finding.vehicle_id,
        "cause": finding.cause,
        "urgency": finding.urgency,
        "confidence": finding.confidence,
        "summary": finding.summary,
        "expect_from": finding.expect_from,
        "expect_to": finding.expect_to,
        "at": finding.at,
    }


def insert(conn: Connection, finding: NewFinding) -> Alert:
    """Open an alert.

    Raises
    ------
    psycopg.errors.UniqueViolation
        If vehicle and cause have an open one.
    """
    return _one(
        conn,
        """
        INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,
            refreshed_at, expect_from, expect_to)
        VALUES (%(vehicle)s, %(cause)s, 'open', %(urgency)s, %(confidence)s, %(summary)s, %(at)s,
            %(at)s, %(expect_from)s, %(expect_to)s)
        """,
        _values(finding),
    )


def refresh(conn: Connection, alert_id: int, finding: NewFinding) -> Alert:
    """Let an open alert say what the newest finding says."""
    return _one(
        conn,
        """
        UPDATE alert SET urgency = %(urgency)s, confidence = %(confidence)s,
            summary = %(summary)s, expect_from = %(expect_from)s, expect_to = %(expect_to)s,
            refreshed_at = greatest(refreshed_at, %(at)s), recovered_at = NULL
        WHERE id = %(id)s
        """,
        _values(finding) | {"id": alert_id},
    )


def reopen(conn: Connection, alert_id: int, finding: NewFinding) -> Alert:
    """Open a closed alert again."""
    return _one(
        conn,
        """
        UPDATE alert SET state = 'open', closed_at = NULL, close_reason = NULL,
            reopened = reopened + 1, urgency = %(urgency)s, confidence = %(confidence)s,
            summary = %(summary)s, expect_from = %(expect_from)s, expect_to = %(expect_to)s,
            refreshed_at = %(at)s, recovered_at = NULL
        WHERE id = %(id)s
        """,
        _values(finding) | {"id": alert_id},
    )


def close(conn: Connection, alert_id: int, reason: str, at: datetime) -> Alert:
    """Close an alert."""
    return _one(
        conn,
        """
        UPDATE alert SET state = 'closed', closed_at = %(at)s, close_reason = %(reason)s
        WHERE id = %(id)s
        """,
        {"id": alert_id, "reason": reason, "at": at},
    )


def set_recovered(conn: Connection, alert_id: int, at: datetime) -> None:
    """Remember that the car says it is fine, and leave the alert open."""
    conn.execute("UPDATE alert SET recovered_at = %s WHERE id = %s", (at, alert_id))


def recovered_at(conn: Connection, alert_id: int) -> datetime | None:
    """When the car said that it is fine, of an alert that stayed open."""
    row = conn.execute("SELECT recovered_at FROM alert WHERE id = %s", (alert_id,)).fetchone()
    return row[0] if row else None


def others_worry(conn: Connection, alert_id: int, detector: str) -> bool:
    """Whether another detector spoke of the alert and has not said since that the car is well."""
    row = conn.execute(
        """
        SELECT 1 FROM (
            SELECT DISTINCT ON (f.detector) f.kind
            FROM alert_finding AS a JOIN finding AS f ON f.id = a.finding_id
            WHERE a.alert_id = %s AND f.detector <> %s
            ORDER BY f.detector, f.at DESC, f.id DESC) AS newest
        WHERE kind <> 'recovered' LIMIT 1
        """,
        (alert_id, detector),
    ).fetchone()
    return row is not None


def stage_of(conn: Connection, detector: str) -> Stage:
    """How far a detector is trusted; the detectors' room writes a row before its first finding."""
    row = conn.execute(
        "SELECT stage FROM detector_stage WHERE detector = %s ORDER BY id DESC LIMIT 1", (detector,)
    ).fetchone()
    return Stage(row[0]) if row else Stage.IN_FORCE


def unproven(conn: Connection, alert_id: int) -> bool:
    """Whether no detector that spoke of an alert is in force: a customer is not told by itself."""
    row = conn.execute(
        """
        SELECT bool_and(EXISTS (
            SELECT FROM (SELECT stage FROM detector_stage AS d WHERE d.detector = spoke.detector
                         ORDER BY id DESC LIMIT 1) AS now
            WHERE stage <> 'in_force'))
        FROM (SELECT DISTINCT f.detector
              FROM alert_finding AS l JOIN finding AS f ON f.id = l.finding_id
              WHERE l.alert_id = %s AND f.kind <> 'recovered') AS spoke
        """,
        (alert_id,),
    ).fetchone()
    return bool(row and row[0])


def link_finding(conn: Connection, alert_id: int, finding_id: int) -> None:
    """Note that a finding speaks of an alert."""
    conn.execute(
        """
        INSERT INTO alert_finding (alert_id, finding_id) VALUES (%s, %s) ON CONFLICT DO NOTHING
        """,
        (alert_id, finding_id),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """An open alert that its owner was written to about."""

    alert_id: int
    vehicle_id: int
    make: str
    model: str

    @property
    def car(self) -> str:
        """As its owner would name it."""
        return f"{self.make} {self.model}".strip()


def told_of(
    conn: Connection, cause: str, customer_id: int, phone: str, since: datetime, now: datetime
) -> list[Told]:
    """Open alerts of one cause about cars of a customer, told to this number since then."""
    with conn.cursor(row_factory=class_row(Told)) as cur:
        return cur.execute(
            """
            SELECT a.id AS alert_id, a.vehicle_id, v.make, v.model
            FROM alert AS a JOIN vehicle AS v ON v.id = a.vehicle_id
            WHERE a.cause = %(cause)s AND a.state = 'open'
              AND EXISTS (SELECT FROM ownership AS w WHERE w.vehicle_id = a.vehicle_id
                  AND w.customer_id = %(customer)s AND w.during @> %(now)s::timestamptz)
              AND EXISTS (SELECT FROM outreach AS o WHERE o.alert_id = a.id
                  AND o.to_phone = %(phone)s AND o.planned_at > %(since)s
                  AND o.state IN ('sending', 'sent', 'delivered', 'undelivered'))
            ORDER BY a.id
            """,
            {"cause": cause, "customer": customer_id, "phone": phone, "since": since, "now": now},
        ).fetchall()
