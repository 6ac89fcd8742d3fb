"""The workshop's shelves, cars and drivers, as its pages show them."""

from dataclasses import dataclass
from datetime import date, datetime, time

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Load:
    """How full a day is, in minutes of technicians' time."""

    capacity: int
    booked: int
    kept: int  # for walk-ins, until the day

    @property
    def share(self) -> int:
        """Per cent booked."""
        return round(100 * self.booked / self.capacity) if self.capacity else 0


@dataclass(frozen=True, slots=True)
class Technician:
    """Who works on a day."""

    id: int
    name: str
    away: bool


@dataclass(frozen=True, slots=True)
class Loaner:
    """A loaner car and who has it on a day."""

    id: int
    name: str
    plate: str | None
    customers: list[str]


@dataclass(frozen=True, slots=True)
class Run:
    """A run on a day and how many seats are taken."""

    id: int
    driver: str
    radius_km: float
    fetches_from: time
    fetches_until: time
    returns_from: time
    returns_until: time
    seats: int
    taken: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Pieces that a visit has: on the shelf, or on their way."""

    booking_id: int
    customer_name: str
    title: str
    quantity: int
    expected_at: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part and how many lie on the shelf."""

    part_no: str
    title: str
    on_hand: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery that is expected."""

    id: int
    part_no: str
    title: str
    quantity: int
    reserved: int
    expected_at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """A calendar address that is in use."""

    id: int
    staff_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A booking as a calendar has it."""

    id: int
    starts_at: datetime
    ends_at: datetime
    sequence: int
    state: str
    work: str
    car: str
    bay: str
    technician: str


def load(conn: psycopg.Connection, dealer_id: int, day: date) -> Load:
    """How full a local day is."""
    with conn.cursor(row_factory=class_row(Load)) as cur:
        row = cur.execute(
            """
            WITH d AS (
                SELECT id, walk_in_share, open_weekdays,
                       (%(day)s::date + opens) AT TIME ZONE time_zone AS opens,
                       (%(day)s::date + closes) AT TIME ZONE time_zone AS closes, time_zone
                FROM dealer WHERE id = %(dealer)s
            ), shift AS (
                SELECT t.id, tstzrange(greatest(d.opens,
                               (%(day)s::date + t.shift_starts) AT TIME ZONE d.time_zone),
                           greatest(d.opens, least(d.closes,
                               (%(day)s::date + t.shift_ends) AT TIME ZONE d.time_zone))) AS at
                FROM technician t JOIN d ON d.id = t.dealer_id
                WHERE extract(isodow FROM %(day)s::date) = ANY(t.weekdays)
                  AND extract(isodow FROM %(day)s::date) = ANY(d.open_weekdays)
                  AND NOT EXISTS (SELECT FROM dealer_closure c
                                  WHERE c.dealer_id = d.id AND c.day = %(day)s)
            ), sums AS (
                SELECT coalesce((SELECT sum(extract(epoch FROM upper(p) - lower(p)))
                        FROM shift s, unnest(tstzmultirange(s.at) - coalesce(
                            (SELECT range_agg(a.during) FROM technician_absence a
                             WHERE a.technician_id = s.id), tstzmultirange())) AS p), 0) / 60
                           AS capacity,
                       coalesce((SELECT sum(extract(epoch FROM
                            upper(b.during * tstzrange(d.opens, d.closes))
                            - lower(b.during * tstzrange(d.opens, d.closes))))
                        FROM booking b WHERE b.dealer_id = d.id
                          AND b.during && tstzrange(d.opens, d.closes)
                          AND b.state IN ('held', 'booked', 'arrived', 'done')), 0) / 60 AS booked,
                       d.walk_in_share AS share
                FROM d
            )
            SELECT capacity::int, booked::int, (capacity * share)::int AS kept FROM sums
            """,
            {"dealer": dealer_id, "day": day},
        ).fetchone()
    assert row is not None
    return row


def technicians(conn: psycopg.Connection, dealer_id: int, day: date) -> list[Technician]:
    """The dealer's technicians, and who is away at noon of a local day."""
    with conn.cursor(row_factory=class_row(Technician)) as cur:
        return cur.execute(
            """
            SELECT t.id, t.name, EXISTS (
                SELECT FROM technician_absence a WHERE a.technician_id = t.id
                  AND a.during @> ((%(day)s::date + time '12:00') AT TIME ZONE d.time_zone)) AS away
            FROM technician t JOIN dealer d ON d.id = t.dealer_id
            WHERE d.id = %(dealer)s AND t.active ORDER BY t.name
            """,
            {"dealer": dealer_id, "day": day},
        ).fetchall()


def loaners(
    conn: psycopg.Connection, dealer_id: int, since: datetime, until: datetime
) -> list[Loaner]:
    """The loaner cars and who has them between two times."""
    with conn.cursor(row_factory=class_row(Loaner)) as cur:
        return cur.execute(
            """
            SELECT l.id, l.name, l.plate, ARRAY(
                SELECT c.name FROM booking b JOIN customer c ON c.id = b.customer_id
                WHERE b.loaner_id = l.id AND b.state IN ('held', 'booked', 'arrived', 'done')
                  AND tstzrange(lower(b.during), b.loaner_until) && tstzrange(%(since)s, %(until)s)
                ORDER BY lower(b.during)) AS customers
            FROM loaner l WHERE l.dealer_id = %(dealer)s AND l.active ORDER BY l.name
            """,
            {"dealer": dealer_id, "since": since, "until": until},
        ).fetchall()


def runs(conn: psycopg.Connection, dealer_id: int, day: date) -> list[Run]:
    """The runs of a local day."""
    with conn.cursor(row_factory=class_row(Run)) as cur:
        return cur.execute(
            """
            SELECT r.id, r.driver, r.radius_km, r.fetches_from, r.fetches_until, r.returns_from,
                   r.returns_until,
                   (SELECT count(*) FROM run_seat s WHERE s.run_id = r.id)::int AS seats,
                   (SELECT count(*) FROM booking b WHERE b.run_id = r.id AND b.run_day = %(day)s
                      AND b.state IN ('held', 'booked', 'arrived', 'done'))::int AS taken
            FROM run r WHERE r.dealer_id = %(dealer)s AND r.active
              AND extract(isodow FROM %(day)s::date) = ANY(r.weekdays)
            ORDER BY r.fetches_from, r.id
            """,
            {"dealer": dealer_id, "day": day},
        ).fetchall()


def wanted(
    conn: psycopg.Connection, dealer_id: int, since: datetime, until: datetime
) -> list[Wanted]:
    """The parts of the visits between two times."""
    with conn.cursor(row_factory=class_row(Wanted)) as cur:
        return cur.execute(
            """
            SELECT b.id AS booking_id, c.name AS customer_name, p.title, w.quantity,
                   a.expected_at, coalesce(a.expected_at > lower(b.during), false) AS late
            FROM booking_part w
            JOIN booking b ON b.id = w.booking_id
            JOIN customer c ON c.id = b.customer_id
            JOIN part p ON p.part_no = w.part_no
            LEFT JOIN part_arrival a ON a.id = w.arrival_id
            WHERE b.dealer_id = %s AND b.during && tstzrange(%s, %s)
              AND b.state IN ('held', 'booked', 'arrived') AND NOT w.used
            ORDER BY lower(b.during), w.id
            """,
            (dealer_id, since, until),
        ).fetchall()


def parts(conn: psycopg.Connection, dealer_id: int) -> list[Part]:
    """Every part, and what the dealer has of it."""
    with conn.cursor(row_factory=class_row(Part)) as cur:
        return cur.execute(
            """
            SELECT p.part_no, p.title, coalesce(s.on_hand, 0) AS on_hand,
                   coalesce(s.reserved, 0) AS reserved
            FROM part p LEFT JOIN part_stock s ON s.part_no = p.part_no AND s.dealer_id = %s
            ORDER BY p.title, p.part_no LIMIT 200
            """,
            (dealer_id,),
        ).fetchall()


_ARRIVAL = """
    SELECT a.id, a.part_no, p.title, a.quantity, a.reserved, a.expected_at
    FROM part_arrival a JOIN part p USING (part_no)
    WHERE a.dealer_id = %s AND a.arrived_at IS NULL
"""


def arrivals(conn: psycopg.Connection, dealer_id: int) -> list[Arrival]:
    """What is on its way, soonest first."""
    with conn.cursor(row_factory=class_row(Arrival)) as cur:
        return cur.execute(
            _ARRIVAL + " ORDER BY a.expected_at, a.id LIMIT 200", (dealer_id,)
        ).fetchall()


def arrival(conn: psycopg.Connection, dealer_id: int, arrival_id: int) -> Arrival | None:
    """One delivery that is still expected."""
    with conn.cursor(row_factory=class_row(Arrival)) as cur:
        return cur.execute(_ARRIVAL + " AND a.id = %s", (dealer_id, arrival_id)).fetchone()


def closures(conn: psycopg.Connection, dealer_id: int, since: date) -> list[tuple[date, str]]:
    """Days on which the workshop is closed, from a day on."""
    return conn.execute(
        "SELECT day, reason FROM dealer_closure WHERE dealer_id = %s AND day >= %s ORDER BY day",
        (dealer_id, since),
    ).fetchall()


def close_on(conn: psycopg.Connection, dealer_id: int, day: date, reason: str) -> None:
    """The workshop is closed on a day."""
    conn.execute(
        """
        INSERT INTO dealer_closure (dealer_id, day, reason) VALUES (%s, %s, %s)
        ON CONFLICT (dealer_id, day) DO UPDATE SET reason = excluded.reason
        """,
        (dealer_id, day, reason),
    )


def feeds(conn: psycopg.Connection, dealer_id: int) -> list[Feed]:
    """Calendar addresses in use."""
    with conn.cursor(row_factory=class_row(Feed)) as cur:
        return cur.execute(
            """
            SELECT f.id, s.name AS staff_name, f.created_at
            FROM calendar_feed f JOIN staff s ON s.id = f.staff_id
            WHERE f.dealer_id = %s AND f.revoked_at IS NULL ORDER BY f.id
            """,
            (dealer_id,),
        ).fetchall()


def add_feed(
    conn: psycopg.Connection, dealer_id: int, staff_id: int, token_hash: bytes, at: datetime
) -> None:
    """Make a calendar address."""
    conn.execute(
        """
        INSERT INTO calendar_feed (dealer_id, staff_id, token_hash, created_at)
        VALUES (%s, %s, %s, %s)
        """,
        (dealer_id, staff_id, token_hash, at),
    )


def revoke_feed(conn: psycopg.Connection, dealer_id: int, feed_id: int, at: datetime) -> bool:
    """End a calendar address. False if the dealer has no such one."""
    return (
        conn.execute(
            """
            UPDATE calendar_feed SET revoked_at = coalesce(revoked_at, %s)
            WHERE id = %s AND dealer_id = %s
            """,
            (at, feed_id, dealer_id),
        ).rowcount
        == 1
    )


def feed_dealer(conn: psycopg.Connection, token_hash: bytes) -> tuple[int, str] | None:
    """Whose calendar an address shows: key and name, while someone who made it works there."""
    return conn.execute(
        """
        SELECT d.id, d.name FROM calendar_feed f
        JOIN dealer d ON d.id = f.dealer_id
        JOIN staff s ON s.id = f.staff_id AND s.active
        WHERE f.token_hash = %s AND f.revoked_at IS NULL
        """,
        (token_hash,),
    ).fetchone()


def entries(
    conn: psycopg.Connection, dealer_id: int, since: datetime, until: datetime
) -> list[Entry]:
    """Bookings for a calendar: no customer is named, for the address may travel."""
    with conn.cursor(row_factory=class_row(Entry)) as cur:
        return cur.execute(
            """
            SELECT b.id, lower(b.during) AS starts_at, upper(b.during) AS ends_at, b.sequence,
                   b.state, concat_ws(', ', o.title, (
                       SELECT string_agg(x.title, ', ' ORDER BY x.title)
                       FROM booking_op w JOIN op_code x ON x.code = w.op_code
                       WHERE w.booking_id = b.id)) AS work,
                   concat_ws(' ', v.make, v.model, v.plate) AS car, y.name AS bay,
                   t.name AS technician
            FROM booking b
            JOIN op_code o ON o.code = b.op_code
            JOIN vehicle v ON v.id = b.vehicle_id
            JOIN bay y ON y.id = b.bay_id
            JOIN technician t ON t.id = b.technician_id
            WHERE b.dealer_id = %s AND b.during && tstzrange(%s, %s)
              AND b.state IN ('booked', 'arrived', 'done')
            ORDER BY lower(b.during), b.id LIMIT 2000
            """,
            (dealer_id, since, until),
        ).fetchall()


def lends(conn: psycopg.Connection, dealer_id: int) -> bool:
    """Whether the dealer has loaner cars."""
    found = conn.execute(
        "SELECT 1 FROM loaner WHERE dealer_id = %s AND active LIMIT 1", (dealer_id,)
    ).fetchone()
    return found is not None


def fetches(conn: psycopg.Connection, dealer_id: int) -> bool:
    """Whether the dealer has runs."""
    found = conn.execute(
        "SELECT 1 FROM run WHERE dealer_id = %s AND active LIMIT 1", (dealer_id,)
    ).fetchone()
    return found is not None


def add_absence(
    conn: psycopg.Connection,
    dealer_id: int,
    technician_id: int,
    since: datetime,
    until: datetime,
    reason: str,
) -> bool:
    """A technician isn't there for a while. False if the dealer has no such one."""
    return (
        conn.execute(
            """
            INSERT INTO technician_absence (technician_id, during, reason)
            SELECT id, tstzrange(%s, %s), %s FROM technician WHERE id = %s AND dealer_id = %s
            """,
            (since, until, reason, technician_id, dealer_id),
        ).rowcount
        == 1
    )


def booked_with(
    conn: psycopg.Connection, technician_id: int, since: datetime, until: datetime
) -> int:
    """How many visits a technician has between two times."""
    row = conn.execute(
        """
        SELECT count(*) FROM booking WHERE technician_id = %s AND during && tstzrange(%s, %s)
          AND state IN ('held', 'booked', 'arrived')
        """,
        (technician_id, since, until),
    ).fetchone()
    assert row is not None
    return int(row[0])
