"""A site and what it lends and fetches with: its group, loaner cars, runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from psycopg import Connection, sql
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Site:
    """A dealer as a place that one can drive to, or that comes."""

    id: int
    name: str
    phone: str
    group_name: str | None
    address: str
    latitude: float | None
    longitude: float | None
    mobile_technician: bool
    tow_phone: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """A driver who fetches cars before a time and returns them after another.

    Parameters
    ----------
    seats : int
        How many cars on one day.
    """

    id: int
    driver: str
    radius_km: float
    weekdays: list[int]
    fetches_from: time
    fetches_until: time
    returns_from: time
    returns_until: time
    seats: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody's car can be fetched."""

    address: str
    latitude: float
    longitude: float


_SITE = """
    SELECT id, name, phone, group_name, address, latitude, longitude, mobile_technician, tow_phone
    FROM dealer
"""


def site(conn: Connection, dealer_id: int) -> Site | None:
    """The dealer's site."""
    with conn.cursor(row_factory=class_row(Site)) as cur:
        return cur.execute(_SITE + " WHERE id = %s", (dealer_id,)).fetchone()


def sisters(conn: Connection, of: Site) -> list[Site]:
    """The other sites of its group, by name."""
    if of.group_name is None:
        return []
    with conn.cursor(row_factory=class_row(Site)) as cur:
        return cur.execute(
            _SITE + " WHERE group_name = %s AND id <> %s ORDER BY name LIMIT 5",
            (of.group_name, of.id),
        ).fetchall()


def runs(conn: Connection, dealer_id: int) -> list[Run]:
    """The dealer's runs."""
    with conn.cursor(row_factory=class_row(Run)) as cur:
        return cur.execute(
            """
            SELECT r.id, r.driver, r.radius_km, r.weekdays, r.fetches_from, r.fetches_until,
                   r.returns_from, r.returns_until, count(s.seat)::int AS seats
            FROM run r LEFT JOIN run_seat s ON s.run_id = r.id
            WHERE r.dealer_id = %s AND r.active GROUP BY r.id ORDER BY r.fetches_until, r.id
            """,
            (dealer_id,),
        ).fetchall()


def free_seat(conn: Connection, run_id: int, day: date, but: int | None = None) -> int | None:
    """A seat of a run that nobody has on that day; what booking `but` has counts as free."""
    row = conn.execute(
        """
        SELECT s.seat FROM run_seat s
        WHERE s.run_id = %(run)s AND NOT EXISTS (
            SELECT FROM booking b
            WHERE b.run_id = s.run_id AND b.run_seat = s.seat AND b.run_day = %(day)s
              AND b.id IS DISTINCT FROM %(but)s::bigint
              AND b.state IN ('held', 'booked', 'arrived', 'done'))
        ORDER BY s.seat LIMIT 1
        """,
        {"run": run_id, "day": day, "but": but},
    ).fetchone()
    return int(row[0]) if row else None


def free_loaner(
    conn: Connection, dealer_id: int, since: datetime, until: datetime, but: int | None = None
) -> int | None:
    """A loaner car that nobody has then; what booking `but` has counts as free."""
    row = conn.execute(
        """
        SELECT l.id FROM loaner l
        WHERE l.dealer_id = %(dealer)s AND l.active AND NOT EXISTS (
            SELECT FROM booking b
            WHERE b.loaner_id = l.id AND b.id IS DISTINCT FROM %(but)s::bigint
              AND b.state IN ('held', 'booked', 'arrived', 'done')
              AND tstzrange(lower(b.during), b.loaner_until) && tstzrange(%(since)s, %(until)s))
        ORDER BY l.id LIMIT 1
        """,
        {"dealer": dealer_id, "since": since, "until": until, "but": but},
    ).fetchone()
    return int(row[0]) if row else None


def has_loaners(conn: Connection, dealer_id: int) -> bool:
    """Whether the dealer lends cars at all."""
    found = conn.execute(
        "SELECT 1 FROM loaner WHERE dealer_id = %s AND active LIMIT 1", (dealer_id,)
    ).fetchone()
    return found is not None


def place(conn: Connection, customer_id: int) -> Place | None:
    """Where the customer's car can be fetched, where we know it."""
    with conn.cursor(row_factory=class_row(Place)) as cur:
        return cur.execute(
            "SELECT address, latitude, longitude FROM customer_place WHERE customer_id = %s",
            (customer_id,),
        ).fetchone()


# --- what a workshop has -------------------------------------------------------------------------

THINGS = ("bay", "technician", "loaner", "run")
"""Tables of what can be out of use."""


def set_place(conn: Connection, dealer_id: int, **about: object) -> None:
    """Change columns of the dealer's row."""
    names = [sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in about]
    query = sql.SQL("UPDATE dealer SET {} WHERE id = {}").format(
        sql.SQL(", ").join(names), sql.Literal(dealer_id)
    )
    conn.execute(query, about)


def add_bay(conn: Connection, dealer_id: int, name: str, kind: str) -> None:
    """One more bay."""
    conn.execute(
        "INSERT INTO bay (dealer_id, name, kind) VALUES (%s, %s, %s)", (dealer_id, name, kind)
    )


def add_technician(
    conn: Connection,
    dealer_id: int,
    *,
    name: str,
    skills: Sequence[str],
    starts: time,
    ends: time,
    weekdays: Sequence[int],
    efficiency: float,
) -> None:
    """One more technician; `efficiency` is a factor on the minutes of a work."""
    conn.execute(
        """
        INSERT INTO technician (dealer_id, name, skills, shift_starts, shift_ends, weekdays,
            efficiency)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (dealer_id, name, list(skills), starts, ends, list(weekdays), efficiency),
    )


def add_loaner(conn: Connection, dealer_id: int, name: str, plate: str | None) -> None:
    """One more loaner car."""
    conn.execute(
        "INSERT INTO loaner (dealer_id, name, plate) VALUES (%s, %s, %s)", (dealer_id, name, plate)
    )


def add_run(
    conn: Connection,
    dealer_id: int,
    *,
    driver: str,
    radius_km: float,
    weekdays: Sequence[int],
    fetches: tuple[time, time],
    returns: tuple[time, time],
    seats: int,
) -> None:
    """One more run, with so many seats."""
    conn.execute(
        """
        WITH new AS (
            INSERT INTO run (dealer_id, driver, radius_km, weekdays, fetches_from, fetches_until,
                returns_from, returns_until)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id)
        INSERT INTO run_seat (run_id, seat) SELECT id, generate_series(1, %s) FROM new
        """,
        (dealer_id, driver, radius_km, list(weekdays), *fetches, *returns, seats),
    )


def set_active(conn: Connection, dealer_id: int, kind: str, key: int, active: bool) -> bool:
    """Whether something of the dealer's is in use. False if there is no such thing."""
    query = sql.SQL("UPDATE {} SET active = %s WHERE id = %s AND dealer_id = %s").format(
        sql.Identifier(kind)
    )
    return conn.execute(query, (active, key, dealer_id)).rowcount == 1


def put_work(conn: Connection, **about: object) -> None:
    """A work of the catalogue, by its code."""
    conn.execute(
        """
        INSERT INTO op_code (code, title, minutes, bay_kind, skill, usual_value, mobile)
        VALUES (%(code)s, %(title)s, %(minutes)s, %(bay_kind)s, %(skill)s, %(usual_value)s,
            %(mobile)s)
        ON CONFLICT (code) DO UPDATE SET title = excluded.title, minutes = excluded.minutes,
            bay_kind = excluded.bay_kind, skill = excluded.skill,
            usual_value = excluded.usual_value, mobile = excluded.mobile
        """,
        about,
    )


def need_part(conn: Connection, code: str, part_no: str) -> None:
    """A work needs one of a part."""
    conn.execute(
        """
        INSERT INTO op_code_part (op_code, part_no, quantity) VALUES (%s, %s, 1)
        ON CONFLICT DO NOTHING
        """,
        (code, part_no),
    )


def put_part(conn: Connection, part_no: str, title: str, price_cents: int | None) -> None:
    """A part of the catalogue, by its number."""
    conn.execute(
        """
        INSERT INTO part (part_no, title, price_cents) VALUES (%s, %s, %s)
        ON CONFLICT (part_no) DO UPDATE
        SET title = excluded.title, price_cents = excluded.price_cents
        """,
        (part_no, title, price_cents),
    )
