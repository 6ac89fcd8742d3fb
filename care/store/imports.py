"""Files of customers, what they meet in the records, and the rows that wait for a person."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class Known:
    """A customer who has a number."""

    id: int
    dealer_id: int
    name: str


@dataclass(frozen=True, slots=True)
class KnownCar:
    """A car that we know, and who has it."""

    id: int
    dealer_id: int | None
    owner_id: int | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that waits, or what came of it."""

    id: int
    name: str
    report: dict[str, Any] | None
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A row that may be somebody whom we know."""

    id: int
    kind: str
    customer_id: int
    data: dict[str, Any] | None
    state: str


def home(conn: Connection, dealer_id: int) -> tuple[str, str] | None:
    """The dealer's country and time zone."""
    return conn.execute(
        "SELECT country, time_zone FROM dealer WHERE id = %s", (dealer_id,)
    ).fetchone()


def by_phone(conn: Connection, phone: str) -> Known | None:
    """Who has the number."""
    with conn.cursor(row_factory=class_row(Known)) as cur:
        return cur.execute(
            "SELECT id, dealer_id, name FROM customer WHERE phone = %s", (phone,)
        ).fetchone()


def car(conn: Connection, vin: str, now: datetime) -> KnownCar | None:
    """The car and its owner in force."""
    with conn.cursor(row_factory=class_row(KnownCar)) as cur:
        return cur.execute(
            """
            SELECT v.id, v.dealer_id, w.customer_id AS owner_id
            FROM vehicle v
            LEFT JOIN ownership w ON w.vehicle_id = v.id AND w.during @> %s::timestamptz
            WHERE v.vin = %s
            """,
            (now, vin),
        ).fetchone()


def add_customer(
    conn: Connection,
    dealer_id: int,
    name: str,
    phone: str | None,
    email: str | None,
    language: str,
    time_zone: str,
    at: datetime,
) -> int:
    """A new customer."""
    row = conn.execute(
        """
        INSERT INTO customer (dealer_id, name, phone, email, language, time_zone, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
        """,
        (dealer_id, name, phone, email, language, time_zone, at),
    ).fetchone()
    assert row is not None
    return int(row[0])


def fill_gaps(conn: Connection, customer_id: int, phone: str | None, email: str | None) -> None:
    """Add what the record lacks; what it has stays."""
    conn.execute(
        """
        UPDATE customer SET email = coalesce(email, %(email)s),
            phone = CASE WHEN phone IS NULL AND NOT EXISTS
                (SELECT FROM customer WHERE phone = %(phone)s) THEN %(phone)s ELSE phone END
        WHERE id = %(id)s
        """,
        {"email": email, "phone": phone, "id": customer_id},
    )


def put_vehicle(
    conn: Connection,
    vin: str,
    dealer_id: int,
    make: str,
    model: str,
    model_year: int | None,
    powertrain: str,
    plate: str | None,
) -> int:
    """The car; one that is known keeps what it has."""
    row = conn.execute(
        """
        INSERT INTO vehicle (vin, dealer_id, make, model, model_year, powertrain, plate)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (vin) DO UPDATE SET plate = coalesce(vehicle.plate, excluded.plate)
        RETURNING id
        """,
        (vin, dealer_id, make, model, model_year, powertrain, plate),
    ).fetchone()
    assert row is not None
    return int(row[0])


def own(
    conn: Connection, vehicle_id: int, customer_id: int, since: datetime, now: datetime
) -> None:
    """The car is the customer's from now on, or from `since` where nobody else had it after."""
    conn.execute(
        """
        UPDATE ownership SET during = tstzrange(lower(during), %(now)s)
        WHERE vehicle_id = %(car)s AND during @> %(now)s::timestamptz
        """,
        {"car": vehicle_id, "now": now},
    )
    conn.execute(
        """
        INSERT INTO ownership (vehicle_id, customer_id, during)
        SELECT %(car)s, %(customer)s, tstzrange(
            greatest(%(since)s::timestamptz, max(upper(during)) FILTER
                (WHERE upper(during) <= %(now)s)),
            min(lower(during)) FILTER (WHERE lower(during) > %(now)s))
        FROM ownership WHERE vehicle_id = %(car)s
        """,
        {"car": vehicle_id, "customer": customer_id, "since": since, "now": now},
    )


def one_at_a_time(conn: Connection) -> None:
    """Files are read in one after the other, until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtext('roadworthy import'))")


def put_duplicate(
    conn: Connection,
    dealer_id: int,
    kind: str,
    customer_id: int,
    data: dict[str, object],
    at: datetime,
) -> None:
    """A row that a person must look at; the same row again asks no second time."""
    said = {key: value for key, value in data.items() if key != "line"}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()
    conn.execute(
        """
        INSERT INTO duplicate (dealer_id, kind, customer_id, data, digest, state, at)
        VALUES (%s, %s, %s, %s, %s, 'open', %s) ON CONFLICT DO NOTHING
        """,
        (dealer_id, kind, customer_id, Jsonb(data), digest, at),
    )


def duplicate(conn: Connection, dealer_id: int, duplicate_id: int) -> Duplicate | None:
    """One of the dealer's; locked."""
    with conn.cursor(row_factory=class_row(Duplicate)) as cur:
        return cur.execute(
            """
            SELECT id, kind, customer_id, data, state FROM duplicate
            WHERE id = %s AND dealer_id = %s FOR UPDATE
            """,
            (duplicate_id, dealer_id),
        ).fetchone()


def decide(conn: Connection, duplicate_id: int, state: str, by: str, at: datetime) -> None:
    """A person has decided; the row's data are not needed any more."""
    conn.execute(
        """
        UPDATE duplicate SET state = %s, data = NULL, decided_by = %s, decided_at = %s
        WHERE id = %s
        """,
        (state, by, at, duplicate_id),
    )


def put_upload(
    conn: Connection, dealer_id: int, name: str, content: bytes, by: str, at: datetime
) -> int:
    """Keep a file until it is read in or given up; the dealer's older ones are given up."""
    conn.execute(
        """
        UPDATE upload SET state = 'discarded', content = NULL, report = report - 'problems'
        WHERE dealer_id = %s AND state = 'open'
        """,
        (dealer_id,),
    )
    row = conn.execute(
        """
        INSERT INTO upload (dealer_id, name, content, state, by, at)
        VALUES (%s, %s, %s, 'open', %s, %s) RETURNING id
        """,
        (dealer_id, name, content, by, at),
    ).fetchone()
    assert row is not None
    return int(row[0])


def set_report(conn: Connection, upload_id: int, report: dict[str, object]) -> None:
    """What is in a file that waits."""
    conn.execute("UPDATE upload SET report = %s WHERE id = %s", (Jsonb(report), upload_id))


def set_applied(conn: Connection, upload_id: int, report: dict[str, object]) -> None:
    """The file was read in; its bytes and what was wrong go, the counts stay."""
    conn.execute(
        """
        UPDATE upload SET state = 'applied', content = NULL, report = %s::jsonb - 'problems'
        WHERE id = %s
        """,
        (Jsonb(report), upload_id),
    )


def upload(conn: Connection, dealer_id: int, upload_id: int) -> Upload | None:
    """One of the dealer's."""
    with conn.cursor(row_factory=class_row(Upload)) as cur:
        return cur.execute(
            "SELECT id, name, report, state, at FROM upload WHERE id = %s AND dealer_id = %s",
            (upload_id, dealer_id),
        ).fetchone()


def take_content(conn: Connection, upload_id: int) -> bytes | None:
    """The bytes of a file that waits; whoever comes second waits, and finds none."""
    row = conn.execute(
        "SELECT content FROM upload WHERE id = %s FOR UPDATE", (upload_id,)
    ).fetchone()
    return bytes(row[0]) if row and row[0] is not None else None
