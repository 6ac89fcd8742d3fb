"""What the product believes of cars and did about it, to be laid beside the truth."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Belief:
    """One alert, with the car that it is about."""

    id: int
    vehicle_id: int
    vin: str
    cause: str
    state: str
    urgency: str
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    expect_from: datetime | None
    expect_to: datetime | None


@dataclass(frozen=True, slots=True)
class CarRow:
    """A car as the product knows it."""

    id: int
    vin: str
    plate: str | None
    make: str
    model: str
    model_year: int | None


@dataclass(frozen=True, slots=True)
class Text:
    """One text about this car: `at` is when it was sent, or when it was planned."""

    at: datetime
    state: str
    body: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Visit:
    """One booking and what came of it."""

    id: int
    op_title: str
    state: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime
    repair_order_id: int | None
    closed_at: datetime | None
    finding: str | None
    correction: str | None


_BELIEFS = """
    SELECT a.id, a.vehicle_id, v.vin, a.cause, a.state, a.urgency, a.opened_at, a.closed_at,
           a.close_reason, a.expect_from, a.expect_to
    FROM alert a JOIN vehicle v ON v.id = a.vehicle_id
    WHERE v.dealer_id = %(dealer_id)s
      AND (%(vehicle_id)s::integer IS NULL OR v.id = %(vehicle_id)s)
    ORDER BY a.opened_at, a.id
"""


def cars(conn: psycopg.Connection, dealer_id: int) -> dict[str, CarRow]:
    """A dealer's cars by VIN."""
    with conn.cursor(row_factory=class_row(CarRow)) as cur:
        rows = cur.execute(
            "SELECT id, vin, plate, make, model, model_year FROM vehicle WHERE dealer_id = %s",
            (dealer_id,),
        ).fetchall()
    return {row.vin: row for row in rows}


def beliefs(
    conn: psycopg.Connection, dealer_id: int, vehicle_id: int | None = None
) -> list[Belief]:
    """All alerts ever about a dealer's cars, or about one of them, in order of time."""
    with conn.cursor(row_factory=class_row(Belief)) as cur:
        return cur.execute(_BELIEFS, {"dealer_id": dealer_id, "vehicle_id": vehicle_id}).fetchall()


def texts(conn: psycopg.Connection, vehicle_id: int) -> list[Text]:
    """Texts about this car, in order of time; those that were never sent too, with the reason."""
    with conn.cursor(row_factory=class_row(Text)) as cur:
        return cur.execute(
            """
            SELECT coalesce(o.sent_at, o.planned_at) AS at, o.state, o.body, o.reason
            FROM outreach o
            WHERE o.alert_id IN (SELECT id FROM alert WHERE vehicle_id = %(id)s)
               OR o.booking_id IN (SELECT id FROM booking WHERE vehicle_id = %(id)s)
            ORDER BY 1, o.id
            """,
            {"id": vehicle_id},
        ).fetchall()


def visits(conn: psycopg.Connection, vehicle_id: int) -> list[Visit]:
    """The car's bookings and repair orders, in order of time; what was only held is left out."""
    with conn.cursor(row_factory=class_row(Visit)) as cur:
        return cur.execute(
            """
            SELECT b.id, p.title AS op_title, b.state, b.created_at, lower(b.during) AS starts_at,
                   upper(b.during) AS ends_at, r.id AS repair_order_id, r.closed_at, r.finding,
                   r.correction
            FROM booking b
            JOIN op_code p ON p.code = b.op_code
            LEFT JOIN repair_order r ON r.booking_id = b.id
            WHERE b.vehicle_id = %s AND b.state NOT IN ('held', 'expired')
            ORDER BY 5, b.id
            """,
            (vehicle_id,),
        ).fetchall()
