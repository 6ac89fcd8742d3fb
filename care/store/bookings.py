"""Bays, technicians, op-codes and who has them when."""

# ruff: noqa: S608  only this module's own column lists are joined in

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from record.causes import cause_of
from record.flow import Booking, Slot


@dataclass(frozen=True, slots=True)
class Bay:
    """Where a car can stand and be worked on."""

    id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Technician:
    """Who works, what at, and when; times are the dealer's local ones.

    Parameters
    ----------
    efficiency : float
        A factor on the minutes of an op-code: a beginner's is above 1.
    """

    id: int
    skills: list[str]
    shift_starts: time
    shift_ends: time
    weekdays: list[int]
    efficiency: float = 1.0


@dataclass(frozen=True, slots=True)
class OpCode:
    """A piece of work: how long it takes, where, and who can do it."""

    code: str
    title: str
    minutes: int
    bay_kind: str
    skill: str
    mobile: bool = False


@dataclass(frozen=True, slots=True)
class Busy:
    """A bay and a technician that are taken for a while."""

    bay_id: int
    technician_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Away:
    """A technician who isn't there for a while."""

    technician_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Also:
    """Another work on the same visit, and the alert that it is for."""

    op_code: str
    alert_id: int | None = None


@dataclass(frozen=True, slots=True)
class OpenCause:
    """An open alert and what it is about."""

    id: int
    cause: str


@dataclass(frozen=True, slots=True)
class Extras:
    """What a visit takes besides its bay and technician.

    Parameters
    ----------
    also : sequence of Also
        Further works.
    loaner : bool
        A car for the day.
    pick_up : str
        The address where the car is to be fetched; empty: the customer brings it.
    """

    also: Sequence[Also] = ()
    loaner: bool = False
    pick_up: str = ""


@dataclass(frozen=True, slots=True)
class Seat:
    """A place on a run, on one of the dealer's local days."""

    run_id: int
    seat: int
    day: date


LIVE = "('held', 'booked', 'arrived', 'done')"
"""The states in which a booking has its bay, technician, loaner car and seat."""

BOOKING_COLUMNS = """
    id, vehicle_id, customer_id, dealer_id, bay_id, technician_id, lower(during) AS starts_at,
    upper(during) AS ends_at, op_code, state, alert_id, hold_expires_at,
    sequence, loaner_id, run_id, pick_up, parts_late_at
"""


def op_code(conn: Connection, code: str) -> OpCode | None:
    """The op-code."""
    return next(iter(op_codes(conn, [code])), None)


def op_codes(conn: Connection, codes: Sequence[str]) -> list[OpCode]:
    """Those op-codes that there are, in the order asked for."""
    with conn.cursor(row_factory=class_row(OpCode)) as cur:
        return cur.execute(
            """
            SELECT code, title, minutes, bay_kind, skill, mobile FROM op_code
            WHERE code = ANY(%(codes)s) ORDER BY array_position(%(codes)s, code)
            """,
            {"codes": list(codes)},
        ).fetchall()


def bays(conn: Connection, dealer_id: int) -> list[Bay]:
    """A dealer's bays."""
    with conn.cursor(row_factory=class_row(Bay)) as cur:
        return cur.execute(
            "SELECT id, kind FROM bay WHERE dealer_id = %s AND active ORDER BY id", (dealer_id,)
        ).fetchall()


def technicians(conn: Connection, dealer_id: int) -> list[Technician]:
    """A dealer's technicians."""
    with conn.cursor(row_factory=class_row(Technician)) as cur:
        return cur.execute(
            """
            SELECT id, skills, shift_starts, shift_ends, weekdays, efficiency
            FROM technician WHERE dealer_id = %s AND active ORDER BY id
            """,
            (dealer_id,),
        ).fetchall()


def busy(
    conn: Connection, dealer_id: int, since: datetime, until: datetime, but: int | None = None
) -> list[Busy]:
    """What is taken between `since` and `until`, by other bookings than `but`.

    A hold that has expired by `since` isn't.
    """
    with conn.cursor(row_factory=class_row(Busy)) as cur:
        return cur.execute(
            """
            SELECT bay_id, technician_id, lower(during) AS starts_at, upper(during) AS ends_at
            FROM booking
            WHERE dealer_id = %(dealer)s AND during && tstzrange(%(since)s, %(until)s)
              AND state IN ('held', 'booked', 'arrived', 'done')
              AND NOT (state = 'held' AND hold_expires_at <= %(since)s)
              AND id IS DISTINCT FROM %(but)s::bigint
            """,
            {"dealer": dealer_id, "since": since, "until": until, "but": but},
        ).fetchall()


def away(conn: Connection, dealer_id: int, since: datetime, until: datetime) -> list[Away]:
    """Who isn't there between `since` and `until`."""
    with conn.cursor(row_factory=class_row(Away)) as cur:
        return cur.execute(
            """
            SELECT a.technician_id, coalesce(lower(a.during), %(since)s) AS starts_at,
                   coalesce(upper(a.during), %(until)s) AS ends_at
            FROM technician_absence a JOIN technician t ON t.id = a.technician_id
            WHERE t.dealer_id = %(dealer)s AND a.during && tstzrange(%(since)s, %(until)s)
            """,
            {"dealer": dealer_id, "since": since, "until": until},
        ).fetchall()


def walk_in_share(conn: Connection, dealer_id: int) -> float:
    """The share of a day's hours that is kept for walk-ins until that day."""
    row = conn.execute("SELECT walk_in_share FROM dealer WHERE id = %s", (dealer_id,)).fetchone()
    return float(row[0]) if row else 0.0


def lock_dealer(conn: Connection, dealer_id: int) -> bool:
    """One change of a dealer's bookings at a time, so that two never wait for each other."""
    row = conn.execute(
        "SELECT 1 FROM dealer WHERE id = %s FOR NO KEY UPDATE", (dealer_id,)
    ).fetchone()
    return row is not None


def release(
    conn: Connection, dealer_id: int, vehicle_id: int, customer_id: int, at: datetime
) -> None:
    """Let go of the dealer's expired holds, and of this customer's earlier holds for the car."""
    conn.execute(
        """
        UPDATE booking SET state = 'expired'
        WHERE dealer_id = %(dealer)s AND state = 'held'
          AND (hold_expires_at <= %(at)s
               OR (vehicle_id = %(vehicle)s AND customer_id = %(customer)s))
        """,
        {"dealer": dealer_id, "vehicle": vehicle_id, "customer": customer_id, "at": at},
    )


def expire(conn: Connection, at: datetime) -> int:
    """Let go of every hold that has run out, but those of dealers that someone works on.

    It takes the dealers' locks as everybody does, so that two who give parts back never wait for
    each other. Returns how many.
    """
    return conn.execute(
        """
        WITH mine AS (
            SELECT id FROM dealer WHERE id IN (
                SELECT dealer_id FROM booking WHERE state = 'held' AND hold_expires_at <= %(at)s)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE booking SET state = 'expired' WHERE id IN (
            SELECT id FROM booking WHERE state = 'held' AND hold_expires_at <= %(at)s
              AND dealer_id IN (SELECT id FROM mine)
            FOR UPDATE SKIP LOCKED)
        """,
        {"at": at},
    ).rowcount


def insert_hold(
    conn: Connection,
    slot: Slot,
    *,
    dealer_id: int,
    vehicle_id: int,
    customer_id: int,
    alert_id: int | None,
    op_code: str,
    source: str,
    at: datetime,
    until: datetime,
    loaner_id: int | None = None,
    loaner_until: datetime | None = None,
    seat: Seat | None = None,
    pick_up: str = "",
) -> Booking:
    """Hold a slot.

    Raises
    ------
    psycopg.errors.ExclusionViolation
        If someone has the bay, the technician or the loaner car then.
    psycopg.errors.UniqueViolation
        If the alert has a live booking, or someone the seat.
    """
    values: dict[str, Any] = {
        "vehicle": vehicle_id,
        "customer": customer_id,
        "dealer": dealer_id,
        "alert": alert_id,
        "bay": slot.bay_id,
        "technician": slot.technician_id,
        "starts": slot.starts_at,
        "ends": slot.ends_at,
        "op": op_code,
        "until": until,
        "source": source,
        "at": at,
        "loaner": loaner_id,
        "loaner_until": loaner_until,
        "run": seat.run_id if seat else None,
        "seat": seat.seat if seat else None,
        "day": seat.day if seat else None,
        "pick_up": pick_up or None,
    }
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        row = cur.execute(
            """
            INSERT INTO booking (vehicle_id, customer_id, dealer_id, alert_id, bay_id,
                technician_id, during, op_code, state, hold_expires_at, source, created_at,
                loaner_id, loaner_until, run_id, run_seat, run_day, pick_up)
            VALUES (%(vehicle)s, %(customer)s, %(dealer)s, %(alert)s, %(bay)s, %(technician)s,
                tstzrange(%(starts)s, %(ends)s), %(op)s, 'held', %(until)s, %(source)s, %(at)s,
                %(loaner)s, %(loaner_until)s, %(run)s, %(seat)s, %(day)s, %(pick_up)s)
            RETURNING """
            + BOOKING_COLUMNS,
            values,
        ).fetchone()
    assert row is not None
    return row


def move(
    conn: Connection,
    booking_id: int,
    slot: Slot,
    *,
    loaner_id: int | None,
    loaner_until: datetime | None,
    seat: Seat | None,
) -> Booking:
    """Give a booking another slot in one step: until it is done the old one stands.

    Raises
    ------
    psycopg.errors.ExclusionViolation
        If someone has the bay, the technician or the loaner car then.
    psycopg.errors.UniqueViolation
        If someone has the seat.
    """
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        row = cur.execute(
            """
            UPDATE booking SET bay_id = %(bay)s, technician_id = %(technician)s,
                during = tstzrange(%(starts)s, %(ends)s), sequence = sequence + 1,
                loaner_id = %(loaner)s, loaner_until = %(loaner_until)s, run_id = %(run)s,
                run_seat = %(seat)s, run_day = %(day)s, parts_late_at = NULL
            WHERE id = %(id)s RETURNING """
            + BOOKING_COLUMNS,
            {
                "id": booking_id,
                "bay": slot.bay_id,
                "technician": slot.technician_id,
                "starts": slot.starts_at,
                "ends": slot.ends_at,
                "loaner": loaner_id,
                "loaner_until": loaner_until,
                "run": seat.run_id if seat else None,
                "seat": seat.seat if seat else None,
                "day": seat.day if seat else None,
            },
        ).fetchone()
    assert row is not None
    return row


def add_op(conn: Connection, booking_id: int, also: Also) -> None:
    """Another work on the same visit."""
    conn.execute(
        "INSERT INTO booking_op (booking_id, op_code, alert_id) VALUES (%s, %s, %s)",
        (booking_id, also.op_code, also.alert_id),
    )


def also_of(conn: Connection, booking_id: int) -> list[Also]:
    """The further works of a visit."""
    with conn.cursor(row_factory=class_row(Also)) as cur:
        return cur.execute(
            "SELECT op_code, alert_id FROM booking_op WHERE booking_id = %s ORDER BY op_code",
            (booking_id,),
        ).fetchall()


def bundle(conn: Connection, vehicle_id: int, alert_id: int | None, op_code: str) -> list[Also]:
    """What else the car needs: its other open alerts that nobody has booked, most urgent first."""
    with conn.cursor(row_factory=class_row(OpenCause)) as cur:
        rows = cur.execute(
            """
            SELECT a.id, a.cause FROM alert a
            WHERE a.vehicle_id = %(vehicle)s AND a.state = 'open' AND a.urgency <> 'info'
              AND a.id IS DISTINCT FROM %(alert)s AND NOT EXISTS (
                SELECT FROM booking b LEFT JOIN booking_op o ON o.booking_id = b.id
                WHERE b.state IN ('held', 'booked', 'arrived') AND b.vehicle_id = a.vehicle_id
                  AND (b.alert_id = a.id OR o.alert_id = a.id)
                  AND b.alert_id IS DISTINCT FROM %(alert)s)
            ORDER BY array_position('{stop,soon,service}', a.urgency), a.id
            """,
            {"vehicle": vehicle_id, "alert": alert_id},
        ).fetchall()
    found: dict[str, Also] = {}
    for row in rows:
        code = cause_of(row.cause).op_code
        if code != op_code:
            found.setdefault(code, Also(code, row.id))
    return list(found.values())


def get(conn: Connection, booking_id: int) -> Booking | None:
    """The booking."""
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        return cur.execute(
            "SELECT " + BOOKING_COLUMNS + " FROM booking WHERE id = %s", (booking_id,)
        ).fetchone()


def source_of(conn: Connection, booking_id: int) -> str:
    """Where the booking came from."""
    row = conn.execute("SELECT source FROM booking WHERE id = %s", (booking_id,)).fetchone()
    return str(row[0]) if row else ""


def live_for_alert(conn: Connection, alert_id: int) -> Booking | None:
    """The booking that an alert has now, its own or one that it shares: held, booked, or here."""
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        return cur.execute(
            "SELECT "
            + BOOKING_COLUMNS
            + """ FROM booking
                  WHERE (alert_id = %(alert)s OR id IN (
                      SELECT booking_id FROM booking_op WHERE alert_id = %(alert)s))
                    AND state IN ('held', 'booked', 'arrived')
                  ORDER BY state = 'held', alert_id IS DISTINCT FROM %(alert)s, id LIMIT 1""",
            {"alert": alert_id},
        ).fetchone()


def of_car_during(
    conn: Connection, vehicle_id: int, slot: Slot, but: int | None = None
) -> Booking | None:
    """A booking of the car that overlaps a slot, other than `but`."""
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        return cur.execute(
            "SELECT "
            + BOOKING_COLUMNS
            + """ FROM booking
                  WHERE vehicle_id = %s AND during && tstzrange(%s, %s)
                    AND id IS DISTINCT FROM %s::bigint
                    AND state IN ('held', 'booked', 'arrived') LIMIT 1""",
            (vehicle_id, slot.starts_at, slot.ends_at, but),
        ).fetchone()


def upcoming(conn: Connection, customer_id: int, now: datetime) -> list[Booking]:
    """The visits that a customer has booked and not begun, soonest first."""
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        return cur.execute(
            "SELECT "
            + BOOKING_COLUMNS
            + """ FROM booking
                  WHERE customer_id = %s AND state = 'booked' AND lower(during) > %s
                  ORDER BY lower(during)""",
            (customer_id, now),
        ).fetchall()


def has_upcoming(conn: Connection, customer_id: int, now: datetime) -> bool:
    """Whether the customer is expected at the workshop."""
    row = conn.execute(
        """
        SELECT 1 FROM booking
        WHERE customer_id = %s AND state = 'booked' AND upper(during) > %s LIMIT 1
        """,
        (customer_id, now),
    ).fetchone()
    return row is not None


def set_state(conn: Connection, booking_id: int, state: str) -> Booking:
    """Move a booking on.

    Raises
    ------
    psycopg.errors.ExclusionViolation
        If it had let go of its slot and someone has it now.
    """
    with conn.cursor(row_factory=class_row(Booking)) as cur:
        row = cur.execute(
            "UPDATE booking SET state = %s WHERE id = %s RETURNING " + BOOKING_COLUMNS,
            (state, booking_id),
        ).fetchone()
    assert row is not None
    return row


def set_parts_late(conn: Connection, booking_id: int, at: datetime | None) -> None:
    """Note since when its parts are known to come too late; None when they don't."""
    conn.execute("UPDATE booking SET parts_late_at = %s WHERE id = %s", (at, booking_id))


def parts_never_came(conn: Connection, before: datetime) -> list[tuple[int, int]]:
    """Booked visits that begin before and still wait for parts: their dealer and key, by dealer."""
    return conn.execute(
        """
        SELECT dealer_id, id FROM booking
        WHERE state = 'booked' AND parts_late_at IS NOT NULL AND lower(during) <= %s
        ORDER BY dealer_id, id
        """,
        (before,),
    ).fetchall()
