"""Each detector's part in each alert, and what turned out to be true: what it is measured by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

ANSWERED_WITHIN = timedelta(days=60)
"""What a workshop finds so long after a silent finding says whether it was right; a case of which
nobody is told is the same one for so long."""


def begin(conn: Connection, finding_id: int, alert_id: int | None) -> None:
    """Write down that a detector spoke of an alert, or of what nobody is told. Once for each.

    With it goes what is known at this moment. What a detector had said before anybody was told
    becomes the alert's.
    """
    if alert_id is not None:
        conn.execute(
            """
            UPDATE detector_case AS c SET alert_id = %(alert)s
            FROM finding f
            WHERE f.id = %(finding)s AND c.vehicle_id = f.vehicle_id AND c.detector = f.detector
              AND c.cause = f.cause AND c.alert_id IS NULL AND c.label IS NULL
              AND c.at > f.at - %(within)s AND NOT EXISTS (
                SELECT FROM detector_case WHERE alert_id = %(alert)s AND detector = f.detector)
            """,
            {"finding": finding_id, "alert": alert_id, "within": ANSWERED_WITHIN},
        )
    conn.execute(
        """
        INSERT INTO detector_case (detector, version, cause, vehicle_id, alert_id, finding_id, at,
            features)
        SELECT f.detector, f.version, coalesce(a.cause, f.cause), f.vehicle_id, a.id, f.id, f.at,
            jsonb_strip_nulls(jsonb_build_object(
                'confidence', f.confidence,
                'urgency', f.urgency,
                'model', nullif(trim(v.make || ' ' || v.model), ''),
                'powertrain', v.powertrain,
                'age_years', greatest(extract(year FROM f.at)::int - v.model_year, 0),
                'off', CASE WHEN jsonb_typeof(f.evidence -> 'value') = 'number'
                         AND jsonb_typeof(f.evidence -> 'expected') = 'number'
                         AND (f.evidence ->> 'expected')::numeric <> 0
                    THEN least(abs((f.evidence ->> 'value')::numeric
                               / (f.evidence ->> 'expected')::numeric - 1), 10) END,
                'notes', CASE WHEN jsonb_typeof(f.evidence -> 'notes') = 'array'
                    THEN jsonb_array_length(f.evidence -> 'notes') END,
                'days_left', extract(epoch FROM f.expect_from - f.at)::float8 / 86400,
                'reopened', a.reopened,
                'earlier', past.cases,
                'earlier_wrong', past.wrong))
        FROM finding f JOIN vehicle v ON v.id = f.vehicle_id
        LEFT JOIN alert a ON a.id = %(alert)s
        CROSS JOIN LATERAL (
            SELECT count(*) AS cases, count(*) FILTER (WHERE label = 'no_fault_found') AS wrong
            FROM detector_case c WHERE c.vehicle_id = f.vehicle_id AND c.at < f.at
              AND c.alert_id IS NOT NULL) AS past
        WHERE f.id = %(finding)s AND (a.id IS NOT NULL OR NOT EXISTS (
            SELECT FROM detector_case c
            WHERE c.vehicle_id = f.vehicle_id AND c.detector = f.detector AND c.cause = f.cause
              AND c.alert_id IS NULL AND c.at > f.at - %(within)s))
        ON CONFLICT (alert_id, detector) DO NOTHING
        """,
        {"finding": finding_id, "alert": alert_id, "within": ANSWERED_WITHIN},
    )


def answer(
    conn: Connection, alert_id: int, label: str, also: Sequence[str], by: str, at: datetime
) -> None:
    """What was found answers all who spoke of the alert, and who spoke of it unheard.

    Parameters
    ----------
    also : sequence of str
        Other causes that were found.
    by : str
        ``staff:3``, ``repair_order:5``.
    """
    conn.execute(
        """
        UPDATE detector_case AS c SET label = %(label)s, answered_at = %(at)s, answered_by = %(by)s
        FROM alert a
        WHERE a.id = %(alert)s AND (c.alert_id = a.id OR (
            c.alert_id IS NULL AND c.vehicle_id = a.vehicle_id
            AND (c.cause = a.cause OR c.cause = ANY(%(also)s))
            AND c.at BETWEEN %(at)s - %(within)s AND %(at)s))
        """,
        {
            "alert": alert_id,
            "label": label,
            "also": list(also),
            "by": by,
            "at": at,
            "within": ANSWERED_WITHIN,
        },
    )


def check(
    conn: Connection,
    case_id: int,
    detector: str,
    dealer_id: int,
    label: str,
    by: str,
    at: datetime,
) -> bool:
    """Somebody looked at a car of the dealer's of which nobody was told. False if there is none."""
    return (
        conn.execute(
            """
            UPDATE detector_case AS c SET label = %s, answered_at = %s, answered_by = %s
            FROM vehicle v
            WHERE c.id = %s AND c.detector = %s AND c.alert_id IS NULL
              AND v.id = c.vehicle_id AND v.dealer_id = %s
            """,
            (label, at, by, case_id, detector, dealer_id),
        ).rowcount
        == 1
    )


FOLD = 1_000
"""So many changes to the detectors' records are kept apart from them at most."""


def fold(conn: Connection) -> int:
    """Add up what changed in the detectors' records, where it is much. Returns how many changes."""
    row = conn.execute(
        "SELECT count(*) FROM (SELECT FROM detector_change LIMIT %s) AS new", (FOLD,)
    ).fetchone()
    assert row is not None
    if row[0] < FOLD:
        return 0
    folded = conn.execute(
        """
        WITH gone AS (DELETE FROM detector_change RETURNING *), kept AS (
            INSERT INTO detector_count AS n
            SELECT detector, version, cause, month, told, label, sum(cases), sum(log_lead)
            FROM gone GROUP BY 1, 2, 3, 4, 5, 6
            ON CONFLICT (detector, version, cause, month, told, label) DO UPDATE
            SET cases = n.cases + excluded.cases, log_lead = n.log_lead + excluded.log_lead)
        SELECT count(*) FROM gone
        """
    ).fetchone()
    assert folded is not None
    return int(folded[0])


@dataclass(frozen=True, slots=True)
class Case:
    """A detector's part in an alert, as it was known at the beginning."""

    detector: str
    version: int
    cause: str
    features: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """A case of which it is known whether it was right."""

    detector: str
    cause: str
    features: Mapping[str, Any]
    right: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How often one version of a detector was right about a cause."""

    detector: str
    cause: str
    version: int
    right: int
    wrong: int


def of_alert(conn: Connection, alert_id: int) -> list[Case]:
    """Who spoke of an alert."""
    with conn.cursor(row_factory=class_row(Case)) as cur:
        return cur.execute(
            "SELECT detector, version, cause, features FROM detector_case"
            " WHERE alert_id = %s ORDER BY detector",
            (alert_id,),
        ).fetchall()


def counts(conn: Connection, until: datetime) -> list[Count]:
    """All answers until then, by detector, cause and version."""
    with conn.cursor(row_factory=class_row(Count)) as cur:
        return cur.execute(
            """
            SELECT detector, cause, version,
                   count(*) FILTER (WHERE label <> 'no_fault_found') AS right,
                   count(*) FILTER (WHERE label = 'no_fault_found') AS wrong
            FROM detector_case WHERE label IS NOT NULL AND answered_at < %s
            GROUP BY detector, cause, version
            """,
            (until,),
        ).fetchall()


def answered(conn: Connection, until: datetime, limit: int) -> list[Answered]:
    """The newest answers until then, the oldest of them first."""
    with conn.cursor(row_factory=class_row(Answered)) as cur:
        return cur.execute(
            """
            SELECT detector, cause, features, "right" FROM (
                SELECT id, answered_at, detector, cause, features,
                       label <> 'no_fault_found' AS "right"
                FROM detector_case WHERE label IS NOT NULL AND answered_at < %s
                ORDER BY answered_at DESC, id DESC LIMIT %s) AS newest
            ORDER BY answered_at, id
            """,
            (until, limit),
        ).fetchall()
