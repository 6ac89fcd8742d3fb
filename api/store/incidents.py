"""The cars of fleet incidents: what a page shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Member:
    """A car of an incident."""

    alert_id: int
    vehicle_id: int
    vin: str
    plate: str | None
    make: str
    model: str
    model_year: int | None
    firmware: str | None
    urgency: str
    state: str
    close_reason: str | None
    opened_at: datetime
    summary: str
    ambient_c: float | None  # when it was found


def members(
    conn: psycopg.Connection, incident_id: int, limit: int, before: int | None = None
) -> list[Member]:
    """The cars of an incident, those that came last first.

    Parameters
    ----------
    before : int or None
        The alert after which the list goes on.
    """
    with conn.cursor(row_factory=class_row(Member)) as cur:
        return cur.execute(
            """
            SELECT a.id AS alert_id, v.id AS vehicle_id, v.vin, v.plate, v.make, v.model,
                   v.model_year, s.firmware, a.urgency, a.state, a.close_reason, a.opened_at,
                   a.summary, air.ambient_temp_c AS ambient_c
            FROM (
                SELECT * FROM alert WHERE incident_id = %(incident)s
                  AND (%(before)s::bigint IS NULL OR (opened_at, id) < (
                      SELECT opened_at, id FROM alert
                      WHERE id = %(before)s AND incident_id = %(incident)s))
                ORDER BY opened_at DESC, id DESC LIMIT %(limit)s) AS a
            JOIN vehicle v ON v.id = a.vehicle_id
            LEFT JOIN vehicle_status s ON s.vehicle_id = v.id
            LEFT JOIN LATERAL (
                SELECT ambient_temp_c FROM telemetry
                WHERE vehicle_id = v.id AND ambient_temp_c IS NOT NULL
                  AND ts > a.opened_at - interval '1 day' AND ts <= a.opened_at
                ORDER BY ts DESC LIMIT 1) AS air ON true
            ORDER BY a.opened_at DESC, a.id DESC
            """,
            {"incident": incident_id, "before": before, "limit": limit},
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Begun:
    """So many cars of an incident showed it first on a day, at the dealer."""

    incident_id: int
    day: date
    cars: int


def begun(conn: psycopg.Connection, incident_ids: Sequence[int], zone: str) -> list[Begun]:
    """Of each incident the cars by day."""
    with conn.cursor(row_factory=class_row(Begun)) as cur:
        return cur.execute(
            """
            SELECT incident_id, (opened_at AT TIME ZONE %s)::date AS day, count(*) AS cars
            FROM alert WHERE incident_id = ANY(%s) GROUP BY 1, 2 ORDER BY 1, 2
            """,
            (zone, list(incident_ids)),
        ).fetchall()
