"""People who sign in."""

from datetime import timedelta

import psycopg
from psycopg.rows import class_row

from api.auth import Staff

_STAFF = """
    SELECT s.id, s.dealer_id, s.name, s.email, s.role, s.active, s.session_epoch,
           d.name AS dealer_name, d.time_zone AS dealer_time_zone, d.phone AS dealer_phone,
           d.country AS dealer_country
    FROM staff s JOIN dealer d ON d.id = s.dealer_id
"""


def by_id(conn: psycopg.Connection, staff_id: int) -> Staff | None:
    """The person of that id."""
    with conn.cursor(row_factory=class_row(Staff)) as cur:
        return cur.execute(_STAFF + "WHERE s.id = %s", (staff_id,)).fetchone()


def by_email(conn: psycopg.Connection, email: str) -> tuple[Staff, str] | None:
    """The person of that address and their password's hash."""
    with conn.cursor(row_factory=class_row(Staff)) as cur:
        staff = cur.execute(_STAFF + "WHERE s.email = lower(%s)", (email,)).fetchone()
    if staff is None:
        return None
    row = conn.execute("SELECT password_hash FROM staff WHERE id = %s", (staff.id,)).fetchone()
    assert row is not None
    return staff, str(row[0])


def add(
    conn: psycopg.Connection,
    *,
    dealer_id: int,
    name: str,
    email: str,
    password_hash: str,
    role: str,
) -> int:
    """A new person, or a new password and role for a known address. Ends their sessions."""
    row = conn.execute(
        """
        INSERT INTO staff (dealer_id, name, email, password_hash, role)
        VALUES (%s, %s, lower(%s), %s, %s)
        ON CONFLICT (email) DO UPDATE
        SET dealer_id = excluded.dealer_id, name = excluded.name, role = excluded.role,
            password_hash = excluded.password_hash, active = true,
            session_epoch = staff.session_epoch + 1
        RETURNING id
        """,
        (dealer_id, name, email, password_hash, role),
    ).fetchone()
    assert row is not None
    return int(row[0])


def dealer_named(
    conn: psycopg.Connection, name: str, time_zone: str | None, phone: str | None
) -> int | None:
    """The dealer of that name; made if zone and phone are given. None if unknown."""
    row = conn.execute("SELECT id FROM dealer WHERE name = %s", (name,)).fetchone()
    if row is None and time_zone and phone:
        row = conn.execute(
            "INSERT INTO dealer (name, time_zone, phone) VALUES (%s, %s, %s) RETURNING id",
            (name, time_zone, phone),
        ).fetchone()
    return int(row[0]) if row else None


def end_sessions(conn: psycopg.Connection, staff_id: int) -> None:
    """Sign a person out everywhere."""
    conn.execute("UPDATE staff SET session_epoch = session_epoch + 1 WHERE id = %s", (staff_id,))


def failures(
    conn: psycopg.Connection, email: str, address: str, within: timedelta
) -> tuple[int, int]:
    """Wrong passwords lately, for this person and from this address."""
    row = conn.execute(
        """
        SELECT (SELECT count(*) FROM sign_in_failure WHERE email = %(email)s
                AND at > now() - %(within)s),
               (SELECT count(*) FROM sign_in_failure WHERE address = %(address)s
                AND at > now() - %(within)s)
        """,
        {"email": email.lower(), "address": address, "within": within},
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def add_failure(conn: psycopg.Connection, email: str, address: str) -> None:
    """Remember a wrong password, and forget those of the day before yesterday."""
    conn.execute("DELETE FROM sign_in_failure WHERE at < now() - interval '1 day'")
    conn.execute(
        "INSERT INTO sign_in_failure (email, address) VALUES (%s, %s)",
        (email.lower()[:254], address),
    )
