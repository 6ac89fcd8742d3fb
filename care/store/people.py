"""Who they are, what they agreed to, and what was done: reading, and two append-only ledgers."""

# ruff: noqa: S608  only this module's own column lists are joined in

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class Dealer:
    """A dealer and its workshop's hours.

    Parameters
    ----------
    opens, closes : time
        Local to `time_zone`.
    open_weekdays : list of int
        ISO, Monday is 1.
    country, subdivision : str
        ISO 3166, for public holidays; empty where they don't count.
    closures : sequence of date
        The dealer's own closing days.
    """

    id: int
    name: str
    time_zone: str
    phone: str
    opens: time
    closes: time
    open_weekdays: list[int]
    country: str = ""
    subdivision: str | None = None
    closures: Sequence[date] = ()


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom we may write to."""

    id: int
    dealer_id: int
    advisor_id: int | None
    name: str
    phone: str | None
    language: str
    time_zone: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Car:
    """A vehicle as a customer would name it."""

    id: int
    vin: str
    dealer_id: int | None
    make: str
    model: str
    model_year: int | None
    last_service_at: datetime | None


def dealer(conn: Connection, dealer_id: int) -> Dealer | None:
    """The dealer."""
    with conn.cursor(row_factory=class_row(Dealer)) as cur:
        return cur.execute(
            """
            SELECT id, name, time_zone, phone, opens, closes, open_weekdays, country, subdivision,
                   ARRAY(SELECT day FROM dealer_closure WHERE dealer_id = dealer.id) AS closures
            FROM dealer WHERE id = %s
            """,
            (dealer_id,),
        ).fetchone()


def dealers(conn: Connection) -> list[Dealer]:
    """All dealers, by name."""
    with conn.cursor(row_factory=class_row(Dealer)) as cur:
        return cur.execute(
            """
            SELECT id, name, time_zone, phone, opens, closes, open_weekdays
            FROM dealer ORDER BY name
            """
        ).fetchall()


_CUSTOMER = (
    "SELECT id, dealer_id, advisor_id, name, phone, language, time_zone, region FROM customer"
)


def customer(conn: Connection, customer_id: int, lock: bool = False) -> Customer | None:
    """The customer; with `lock`, one caller at a time until the transaction ends."""
    with conn.cursor(row_factory=class_row(Customer)) as cur:
        ending = " WHERE id = %s" + (" FOR NO KEY UPDATE" if lock else "")
        return cur.execute(_CUSTOMER + ending, (customer_id,)).fetchone()


def customer_by_phone(conn: Connection, phone: str) -> Customer | None:
    """The customer with this number, in E.164."""
    with conn.cursor(row_factory=class_row(Customer)) as cur:
        return cur.execute(_CUSTOMER + " WHERE phone = %s", (phone,)).fetchone()


def owner(conn: Connection, vehicle_id: int, now: datetime) -> Customer | None:
    """Who owns the car at `now`."""
    with conn.cursor(row_factory=class_row(Customer)) as cur:
        return cur.execute(
            _CUSTOMER
            + """ WHERE id = (SELECT customer_id FROM ownership
                              WHERE vehicle_id = %s AND during @> %s::timestamptz)""",
            (vehicle_id, now),
        ).fetchone()


def dealer_of(conn: Connection, vehicle_id: int, now: datetime) -> int | None:
    """The dealer that cares for a car: its owner's, or its own where no owner is known."""
    row = conn.execute(
        "SELECT dealer_id FROM in_care(%s) WHERE vehicle_id = %s", (now, vehicle_id)
    ).fetchone()
    return row[0] if row else None


def car(conn: Connection, vehicle_id: int) -> Car | None:
    """The vehicle."""
    with conn.cursor(row_factory=class_row(Car)) as cur:
        return cur.execute(
            """
            SELECT id, vin, dealer_id, make, model, model_year, last_service_at
            FROM vehicle WHERE id = %s
            """,
            (vehicle_id,),
        ).fetchone()


def end_ownership(conn: Connection, vehicle_id: int, customer_id: int, at: datetime) -> bool:
    """The car is no longer the person's from `at` on; False if it wasn't."""
    done = conn.execute(
        """
        UPDATE ownership SET during = tstzrange(lower(during), %s)
        WHERE vehicle_id = %s AND customer_id = %s AND during @> %s::timestamptz
        """,
        (at, vehicle_id, customer_id, at),
    )
    return done.rowcount > 0


def set_warranty(conn: Connection, vehicle_id: int, until: date | None) -> None:
    """Until which day a car's warranty lasts."""
    conn.execute("UPDATE vehicle SET warranty_until = %s WHERE id = %s", (until, vehicle_id))


def any_car(conn: Connection, customer_id: int, now: datetime) -> int | None:
    """A car that the person owns at `now`, the newest first."""
    row = conn.execute(
        """
        SELECT vehicle_id FROM ownership WHERE customer_id = %s AND during @> %s::timestamptz
        ORDER BY lower(during) DESC LIMIT 1
        """,
        (customer_id, now),
    ).fetchone()
    return row[0] if row else None


def consented(conn: Connection, customer_id: int, purpose: str, channel: str) -> bool:
    """Whether the newest consent for purpose and channel grants it; none means no."""
    row = conn.execute(
        """
        SELECT granted FROM consent WHERE customer_id = %s AND purpose = %s AND channel = %s
        ORDER BY at DESC, id DESC LIMIT 1
        """,
        (customer_id, purpose, channel),
    ).fetchone()
    return bool(row and row[0])


def add_consent(
    conn: Connection,
    customer_id: int,
    purpose: str,
    granted: bool,
    source: str,
    wording: str,
    at: datetime,
    channel: str = "sms",
) -> None:
    """Record what the person agreed to or withdrew."""
    conn.execute(
        """
        INSERT INTO consent (customer_id, purpose, channel, granted, source, wording, at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (customer_id, purpose, channel, granted, source, wording, at),
    )


def stopped(conn: Connection, phone: str) -> datetime | None:
    """Since when the number is stopped; None when it isn't. The row that came last is in force.

    By id, not by time: clocks of two processes differ, and may be set back. A number whose owner
    was erased is known by its digest alone, until its next owner says START.
    """
    row = conn.execute(
        """
        SELECT at FROM (
            (SELECT stopped, at, 1 AS place FROM suppression WHERE phone = %(phone)s
             ORDER BY id DESC LIMIT 1)
            UNION ALL
            (SELECT true, k.at, 2 FROM suppression_kept AS k, erasure_salt AS s
             WHERE k.digest = sha256(convert_to(s.salt || %(phone)s, 'UTF8')))
            ORDER BY place LIMIT 1) AS newest
        WHERE stopped
        """,
        {"phone": phone},
    ).fetchone()
    return row[0] if row else None


def add_suppression(
    conn: Connection, phone: str, is_stopped: bool, source: str, at: datetime
) -> None:
    """Add to the ledger of STOP and START."""
    conn.execute(
        "INSERT INTO suppression (phone, stopped, source, at) VALUES (%s, %s, %s, %s)",
        (phone, is_stopped, source, at),
    )


def audit(
    conn: Connection, at: datetime, actor: str, action: str, subject: str, **detail: object
) -> None:
    """Write down what was done, and by whom.

    Parameters
    ----------
    actor : str
        ``staff:3``, ``customer:7`` or ``care``.
    subject : str
        ``alert:12``.
    """
    conn.execute(
        "INSERT INTO audit (at, actor, action, subject, detail) VALUES (%s, %s, %s, %s, %s)",
        (at, actor, action, subject, Jsonb(detail)),
    )


def lock_household(conn: Connection, customer_id: int) -> None:
    """One message at a time is judged for a household, until the transaction ends."""
    conn.execute(
        """
        SELECT FROM household WHERE id = (SELECT household_id FROM customer WHERE id = %s)
        FOR UPDATE
        """,
        (customer_id,),
    )


def join_household(conn: Connection, customer_id: int, other_id: int, at: datetime) -> int:
    """Put a customer into another's household, made if there is none. Returns its id."""
    row = conn.execute("SELECT household_id FROM customer WHERE id = %s", (other_id,)).fetchone()
    household_id = row[0] if row else None
    if household_id is None:
        made = conn.execute(
            """
            INSERT INTO household (dealer_id, created_at)
            SELECT dealer_id, %s FROM customer WHERE id = %s RETURNING id
            """,
            (at, other_id),
        ).fetchone()
        assert made is not None
        household_id = made[0]
    conn.execute(
        "UPDATE customer SET household_id = %s WHERE id IN (%s, %s)",
        (household_id, customer_id, other_id),
    )
    return int(household_id)


def leave_household(conn: Connection, customer_id: int) -> None:
    """Take a customer out of their household; who is left alone has none any more."""
    row = conn.execute("SELECT household_id FROM customer WHERE id = %s", (customer_id,)).fetchone()
    if row is None or row[0] is None:
        return
    conn.execute("UPDATE customer SET household_id = NULL WHERE id = %s", (customer_id,))
    conn.execute(
        """
        UPDATE customer SET household_id = NULL
        WHERE household_id = %(id)s
          AND (SELECT count(*) FROM customer WHERE household_id = %(id)s) = 1
        """,
        {"id": row[0]},
    )
    conn.execute(
        """
        DELETE FROM household AS h
        WHERE h.id = %s AND NOT EXISTS (SELECT FROM customer WHERE household_id = h.id)
        """,
        (row[0],),
    )


def add_tag(conn: Connection, customer_id: int, tag: str, by: str, at: datetime) -> None:
    """Tag by hand. Safe to repeat."""
    conn.execute(
        """
        INSERT INTO customer_tag (customer_id, tag, by, at) VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (customer_id, tag, by, at),
    )


def remove_tag(conn: Connection, customer_id: int, tag: str) -> None:
    """Take a tag away. Safe to repeat."""
    conn.execute("DELETE FROM customer_tag WHERE customer_id = %s AND tag = %s", (customer_id, tag))


def notify(conn: Connection, channel: str) -> None:
    """Wake whoever listens, when this transaction commits."""
    conn.execute("SELECT pg_notify(%s, '')", (channel,))
