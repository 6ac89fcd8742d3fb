"""What detectors in shadow have found on a dealer's cars: what a page shows."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class SilentCase:
    """What would have been an alert."""

    id: int
    vehicle_id: int
    vin: str
    plate: str | None
    make: str
    model: str
    cause: str
    at: datetime
    summary: str
    label: str | None


def silent(conn: psycopg.Connection, dealer_id: int, detector: str, limit: int) -> list[SilentCase]:
    """The newest cases of a dealer's cars of which nobody was told."""
    with conn.cursor(row_factory=class_row(SilentCase)) as cur:
        return cur.execute(
            """
            SELECT c.id, c.vehicle_id, v.vin, v.plate, v.make, v.model, c.cause, c.at, f.summary,
                   c.label
            FROM detector_case c JOIN vehicle v ON v.id = c.vehicle_id
            JOIN finding f ON f.id = c.finding_id
            WHERE c.detector = %s AND c.alert_id IS NULL AND v.dealer_id = %s
            ORDER BY c.at DESC, c.id DESC LIMIT %s
            """,
            (detector, dealer_id, limit),
        ).fetchall()
