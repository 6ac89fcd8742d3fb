"""The cars of fleet incidents: what a page shows."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Member:
    """A car of an incident."""

    incident_id: int
    alert_id: int
    vehicle_id: int
    vin: str
    plate: str | None
    make: str
    model: str
    model_year: int | None
    urgency: str
    state: str
    close_reason: str | None
    opened_at: datetime
    summary: str
    ambient_c: float | None  # when it was found


def members(conn: psycopg.Connection, incident_ids: list[int], limit: int) -> list[Member]:
    """The cars of some incidents, those that came last first."""
    with conn.cursor(row_factory=class_row(Member)) as cur:
        return cur.execute(
            """
            SELECT incident_id, alert_id, vehicle_id, vin, plate, make, model, model_year, urgency,
                   state, close_reason, opened_at, summary, ambient_c
            FROM (
                SELECT a.incident_id, a.id AS alert_id, v.id AS vehicle_id, v.vin, v.plate, v.make,
                       v.model, v.model_year, a.urgency, a.state, a.close_reason, a.opened_at,
                       a.summary, air.ambient_temp_c AS ambient_c,
                       row_number() OVER (PARTITION BY a.incident_id ORDER BY a.opened_at DESC) AS n
                FROM alert a JOIN vehicle v ON v.id = a.vehicle_id
                LEFT JOIN LATERAL (
                    SELECT ambient_temp_c FROM telemetry
                    WHERE vehicle_id = v.id AND ambient_temp_c IS NOT NULL
                      AND ts > a.opened_at - interval '1 day' AND ts <= a.opened_at
                    ORDER BY ts DESC LIMIT 1) AS air ON true
                WHERE a.incident_id = ANY(%s)) AS those
            WHERE n <= %s ORDER BY opened_at DESC, alert_id DESC
            """,
            (incident_ids, limit),
        ).fetchall()
