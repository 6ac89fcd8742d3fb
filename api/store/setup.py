"""What a workshop has, as its managers see it."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

Rows = list[dict[str, Any]]


def _rows(conn: psycopg.Connection, query: str, *values: object) -> Rows:
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(query, values).fetchall()


def place(conn: psycopg.Connection, dealer_id: int) -> dict[str, Any]:
    """The dealer's own row."""
    (row,) = _rows(
        conn,
        """
        SELECT name, phone, time_zone, country, coalesce(subdivision, '') AS subdivision, address,
            opens, closes, open_weekdays, round(walk_in_share * 100)::int AS walk_in_percent
        FROM dealer WHERE id = %s
        """,
        dealer_id,
    )
    return row


def bays(conn: psycopg.Connection, dealer_id: int) -> Rows:
    """All bays, in use or not."""
    return _rows(
        conn,
        "SELECT id, name, kind, active FROM bay WHERE dealer_id = %s ORDER BY active DESC, name",
        dealer_id,
    )


def technicians(conn: psycopg.Connection, dealer_id: int) -> Rows:
    """All technicians, in use or not."""
    return _rows(
        conn,
        """
        SELECT id, name, skills, shift_starts, shift_ends, weekdays, active,
            round(100 / efficiency)::int AS efficiency_percent
        FROM technician WHERE dealer_id = %s ORDER BY active DESC, name
        """,
        dealer_id,
    )


def loaners(conn: psycopg.Connection, dealer_id: int) -> Rows:
    """All loaner cars, in use or not."""
    return _rows(
        conn,
        "SELECT id, name, plate, active FROM loaner WHERE dealer_id = %s"
        " ORDER BY active DESC, name",
        dealer_id,
    )


def runs(conn: psycopg.Connection, dealer_id: int) -> Rows:
    """All runs, in use or not."""
    return _rows(
        conn,
        """
        SELECT r.id, r.driver, r.radius_km, r.weekdays, r.fetches_from, r.fetches_until,
            r.returns_from, r.returns_until, r.active,
            (SELECT count(*) FROM run_seat s WHERE s.run_id = r.id) AS seats
        FROM run r WHERE r.dealer_id = %s ORDER BY r.active DESC, r.driver
        """,
        dealer_id,
    )


def works(conn: psycopg.Connection) -> Rows:
    """The catalogue of works, with the parts that they need."""
    return _rows(
        conn,
        """
        SELECT o.code, o.title, o.minutes, o.bay_kind, o.skill, o.usual_value, o.mobile,
            ARRAY(SELECT p.part_no FROM op_code_part p WHERE p.op_code = o.code ORDER BY 1) AS parts
        FROM op_code o ORDER BY o.code
        """,
    )


def parts(conn: psycopg.Connection) -> Rows:
    """The catalogue of parts."""
    return _rows(conn, "SELECT part_no, title, price_cents FROM part ORDER BY part_no")
