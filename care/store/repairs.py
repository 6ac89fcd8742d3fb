"""Repair orders, outcomes, and the vehicle's service book."""

# ruff: noqa: S608  only this module's own column lists are joined in

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from record.flow import Outcome, RepairOrder

REPAIR_COLUMNS = """
    id, booking_id, vehicle_id, state, opened_at, concern, cause, correction, finding, closed_at
"""


@dataclass(frozen=True, slots=True)
class Counters:
    """What the car's counters showed last."""

    odometer_m: int | None
    engine_hours_h: float | None


def insert(
    conn: Connection,
    booking_id: int,
    vehicle_id: int,
    concern: str,
    odometer_m: int | None,
    at: datetime,
) -> RepairOrder:
    """Open a repair order."""
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        row = cur.execute(
            """
            INSERT INTO repair_order (booking_id, vehicle_id, state, opened_at, concern, odometer_m)
            VALUES (%s, %s, 'open', %s, %s, %s) RETURNING """
            + REPAIR_COLUMNS,
            (booking_id, vehicle_id, at, concern, odometer_m),
        ).fetchone()
    assert row is not None
    return row


def get(conn: Connection, repair_order_id: int) -> RepairOrder | None:
    """The repair order; locked."""
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        return cur.execute(
            "SELECT " + REPAIR_COLUMNS + " FROM repair_order WHERE id = %s FOR UPDATE",
            (repair_order_id,),
        ).fetchone()


def of_booking(conn: Connection, booking_id: int) -> RepairOrder | None:
    """The repair order of a booking."""
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        return cur.execute(
            "SELECT " + REPAIR_COLUMNS + " FROM repair_order WHERE booking_id = %s", (booking_id,)
        ).fetchone()


def start(conn: Connection, repair_order_id: int) -> RepairOrder:
    """Work begins."""
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        row = cur.execute(
            "UPDATE repair_order SET state = 'in_progress' WHERE id = %s RETURNING "
            + REPAIR_COLUMNS,
            (repair_order_id,),
        ).fetchone()
    assert row is not None
    return row


def close(
    conn: Connection,
    repair_order_id: int,
    cause: str,
    correction: str,
    finding: str,
    at: datetime,
) -> RepairOrder:
    """Work is done."""
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        row = cur.execute(
            """
            UPDATE repair_order
            SET state = 'closed', closed_at = %s, cause = %s, correction = %s, finding = %s
            WHERE id = %s RETURNING """
            + REPAIR_COLUMNS,
            (at, cause, correction, finding, repair_order_id),
        ).fetchone()
    assert row is not None
    return row


def insert_outcome(
    conn: Connection, alert_id: int, repair_order_id: int, label: str, at: datetime
) -> Outcome:
    """Keep the workshop's answer to an alert."""
    with conn.cursor(row_factory=class_row(Outcome)) as cur:
        row = cur.execute(
            """
            INSERT INTO outcome (alert_id, repair_order_id, label, at) VALUES (%s, %s, %s, %s)
            RETURNING alert_id, repair_order_id, label, at
            """,
            (alert_id, repair_order_id, label, at),
        ).fetchone()
    assert row is not None
    return row


def counters(conn: Connection, vehicle_id: int, at: datetime) -> Counters:
    """The newest odometer and engine hours up to `at`, looking back 90 days for each."""
    with conn.cursor(row_factory=class_row(Counters)) as cur:
        row = cur.execute(
            """
            SELECT
                (SELECT odometer_m FROM telemetry
                 WHERE vehicle_id = %(vehicle)s AND odometer_m IS NOT NULL
                   AND ts <= %(at)s AND ts > %(at)s - interval '90 days'
                 ORDER BY ts DESC LIMIT 1) AS odometer_m,
                (SELECT engine_hours_h FROM telemetry
                 WHERE vehicle_id = %(vehicle)s AND engine_hours_h IS NOT NULL
                   AND ts <= %(at)s AND ts > %(at)s - interval '90 days'
                 ORDER BY ts DESC LIMIT 1) AS engine_hours_h
            """,
            {"vehicle": vehicle_id, "at": at},
        ).fetchone()
    assert row is not None
    return row


def serviced(conn: Connection, vehicle_id: int, counters: Counters, at: datetime) -> None:
    """Write the service book. A counter that the car doesn't report keeps what it was."""
    conn.execute(
        """
        UPDATE vehicle SET last_service_at = %(at)s,
            last_service_odometer_m = coalesce(%(odometer)s, last_service_odometer_m),
            last_service_engine_hours = coalesce(%(hours)s, last_service_engine_hours),
            updated_at = clock_timestamp()
        WHERE id = %(vehicle)s
        """,
        {
            "vehicle": vehicle_id,
            "at": at,
            "odometer": counters.odometer_m,
            "hours": counters.engine_hours_h,
        },
    )
