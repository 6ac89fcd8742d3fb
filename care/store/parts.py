"""Parts on the shelf and on their way, and which booking has them. Triggers keep the sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Need:
    """A part that works take, and how many of it."""

    part_no: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Supply:
    """Free pieces of a part: on the shelf (`arrival_id` is None) or on their way."""

    part_no: str
    arrival_id: int | None
    free: int
    ready_at: datetime | None  # None: now


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery that is expected."""

    id: int
    dealer_id: int
    part_no: str
    title: str
    quantity: int
    reserved: int
    expected_at: datetime
    arrived_at: datetime | None


def needs(conn: Connection, op_codes: Sequence[str]) -> list[Need]:
    """What these works take together."""
    with conn.cursor(row_factory=class_row(Need)) as cur:
        return cur.execute(
            """
            SELECT part_no, sum(quantity)::int AS quantity FROM op_code_part
            WHERE op_code = ANY(%s) GROUP BY part_no ORDER BY part_no
            """,
            (list(op_codes),),
        ).fetchall()


def supplies(conn: Connection, dealer_id: int, part_nos: Sequence[str]) -> list[Supply]:
    """What is free of these parts: the shelf first, then arrivals, the soonest first."""
    with conn.cursor(row_factory=class_row(Supply)) as cur:
        return cur.execute(
            """
            SELECT part_no, NULL::int AS arrival_id, on_hand - reserved AS free,
                   NULL::timestamptz AS ready_at
            FROM part_stock
            WHERE dealer_id = %(dealer)s AND part_no = ANY(%(parts)s) AND on_hand > reserved
            UNION ALL
            SELECT part_no, id, quantity - reserved, expected_at
            FROM part_arrival
            WHERE dealer_id = %(dealer)s AND part_no = ANY(%(parts)s) AND arrived_at IS NULL
              AND quantity > reserved
            ORDER BY part_no, ready_at NULLS FIRST, arrival_id
            """,
            {"dealer": dealer_id, "parts": list(part_nos)},
        ).fetchall()


def reserve(
    conn: Connection,
    booking_id: int,
    dealer_id: int,
    part_no: str,
    quantity: int,
    arrival_id: int | None,
) -> None:
    """Give pieces to a booking.

    Raises
    ------
    psycopg.errors.CheckViolation
        If there are not so many.
    """
    conn.execute(
        """
        INSERT INTO booking_part (booking_id, dealer_id, part_no, quantity, arrival_id)
        VALUES (%s, %s, %s, %s, %s)
        """,
        (booking_id, dealer_id, part_no, quantity, arrival_id),
    )


def release(conn: Connection, booking_id: int) -> None:
    """Take back what a booking has and has not used."""
    conn.execute("DELETE FROM booking_part WHERE booking_id = %s AND NOT used", (booking_id,))


_ARRIVAL = """
    SELECT a.id, a.dealer_id, a.part_no, p.title, a.quantity, a.reserved, a.expected_at,
           a.arrived_at
    FROM part_arrival a JOIN part p USING (part_no)
"""


def arrival(conn: Connection, arrival_id: int) -> Arrival | None:
    """The arrival."""
    with conn.cursor(row_factory=class_row(Arrival)) as cur:
        return cur.execute(_ARRIVAL + " WHERE a.id = %s", (arrival_id,)).fetchone()


def set_expected(conn: Connection, arrival_id: int, expected_at: datetime) -> None:
    """When it is expected now."""
    conn.execute(
        "UPDATE part_arrival SET expected_at = %s WHERE id = %s", (expected_at, arrival_id)
    )


def add_arrival(
    conn: Connection, dealer_id: int, part_no: str, quantity: int, expected_at: datetime
) -> int:
    """A delivery was ordered."""
    row = conn.execute(
        """
        INSERT INTO part_arrival (dealer_id, part_no, quantity, expected_at)
        VALUES (%s, %s, %s, %s) RETURNING id
        """,
        (dealer_id, part_no, quantity, expected_at),
    ).fetchone()
    assert row is not None
    return int(row[0])


def put_on_shelf(conn: Connection, of: Arrival, at: datetime) -> None:
    """The delivery is here: its pieces lie on the shelf, for those who were promised them."""
    conn.execute(
        """
        INSERT INTO part_stock AS s (dealer_id, part_no, on_hand) VALUES (%s, %s, %s)
        ON CONFLICT (dealer_id, part_no) DO UPDATE SET on_hand = s.on_hand + excluded.on_hand
        """,
        (of.dealer_id, of.part_no, of.quantity),
    )
    conn.execute("UPDATE booking_part SET arrival_id = NULL WHERE arrival_id = %s", (of.id,))
    conn.execute("UPDATE part_arrival SET arrived_at = %s WHERE id = %s", (at, of.id))


def set_on_hand(conn: Connection, dealer_id: int, part_no: str, on_hand: int) -> None:
    """What was counted on the shelf.

    Raises
    ------
    psycopg.errors.CheckViolation
        If more are promised to bookings.
    """
    conn.execute(
        """
        INSERT INTO part_stock (dealer_id, part_no, on_hand) VALUES (%s, %s, %s)
        ON CONFLICT (dealer_id, part_no) DO UPDATE SET on_hand = excluded.on_hand
        """,
        (dealer_id, part_no, on_hand),
    )


def known(conn: Connection, part_no: str) -> bool:
    """Whether there is such a part."""
    return conn.execute("SELECT 1 FROM part WHERE part_no = %s", (part_no,)).fetchone() is not None


def waiting_for(conn: Connection, arrival_id: int) -> list[int]:
    """Bookings that stand and have pieces of an arrival, soonest first."""
    rows = conn.execute(
        """
        SELECT b.id FROM booking b
        WHERE b.state = 'booked'
          AND EXISTS (SELECT FROM booking_part p WHERE p.booking_id = b.id AND p.arrival_id = %s)
        ORDER BY lower(b.during), b.id
        """,
        (arrival_id,),
    )
    return [int(row[0]) for row in rows]


def ready_for(conn: Connection, booking_id: int) -> datetime | None:
    """When the last of a booking's parts is expected; None when all lie on the shelf."""
    row = conn.execute(
        """
        SELECT max(a.expected_at) FROM booking_part p JOIN part_arrival a ON a.id = p.arrival_id
        WHERE p.booking_id = %s
        """,
        (booking_id,),
    ).fetchone()
    return row[0] if row else None
