"""The people and things of a small dealer: for the demo, for stories, for trying things out.

Names are made up; telephone numbers are from the ranges that the North American Numbering Plan
reserves for fiction (555-0100 to 555-0199).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

OP_CODES = (
    # code, title, minutes, bay, skill
    ("SERVICE", "Scheduled service", 90, "general", "general"),
    ("BATT-TEST", "Battery and charging test, replace if needed", 45, "quick", "electrical"),
    ("COOL-DIAG", "Cooling system: find the cause, repair", 180, "general", "general"),
    ("TIRE", "Tire: find the leak, repair or replace", 45, "quick", "general"),
    ("BRAKES", "Brakes: measure, pads and discs of an axle", 120, "general", "general"),
    ("DIAG", "Read trouble codes and diagnose", 60, "general", "electrical"),
)

PARTS = (
    # part, title, price in cents, the work that takes it, pieces
    ("BATT-12V", "12 V battery", 18_900, "BATT-TEST", 1),
    ("OIL-FILTER", "Oil filter", 1_450, "SERVICE", 1),
    ("OIL-5W30", "Engine oil, litre", 1_100, "SERVICE", 5),
)
ON_HAND = 2_000
"""Pieces of each part: enough for a year, since nobody orders here."""

CONSENT_WORDING = "sms-service-2026-01"


@dataclass(frozen=True, slots=True)
class Dealer:
    """A seeded dealer's keys.

    Parameters
    ----------
    id : int
    staff : dict of str to int
        Staff keys by role.
    bays, technicians : tuple of int
    """

    id: int
    staff: dict[str, int]
    bays: tuple[int, ...]
    technicians: tuple[int, ...]


def _insert(conn: psycopg.Connection, sql: str, *values: object) -> int:
    row = conn.execute(sql, values).fetchone()
    assert row is not None
    return int(row[0])


def op_codes(conn: psycopg.Connection) -> None:
    """The work that the workshop knows."""
    for one in OP_CODES:
        conn.execute(
            """
            INSERT INTO op_code (code, title, minutes, bay_kind, skill)
            VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
            """,
            one,
        )


def stock(conn: psycopg.Connection, dealer_id: int) -> None:
    """Parts on the shelf, two loaner cars, and a driver who fetches four cars a day."""
    for part_no, title, price, op_code, quantity in PARTS:
        conn.execute(
            "INSERT INTO part (part_no, title, price_cents) VALUES (%s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            (part_no, title, price),
        )
        conn.execute(
            "INSERT INTO op_code_part (op_code, part_no, quantity) VALUES (%s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            (op_code, part_no, quantity),
        )
        conn.execute(
            "INSERT INTO part_stock (dealer_id, part_no, on_hand) VALUES (%s, %s, %s)",
            (dealer_id, part_no, ON_HAND),
        )
    for name in ("Loaner 1", "Loaner 2"):
        conn.execute("INSERT INTO loaner (dealer_id, name) VALUES (%s, %s)", (dealer_id, name))
    run_id = _insert(
        conn,
        """
        INSERT INTO run (dealer_id, driver, radius_km, fetches_from, fetches_until, returns_from,
            returns_until)
        VALUES (%s, 'Omar Nasser', 25, '07:30', '09:00', '15:00', '17:00') RETURNING id
        """,
        dealer_id,
    )
    conn.execute("INSERT INTO run_seat SELECT %s, generate_series(1, 4)", (run_id,))


def dealer(
    conn: psycopg.Connection,
    *,
    name: str = "Harbour Motors",
    time_zone: str = "America/New_York",
    password: str,
    domain: str = "harbour.example",
) -> Dealer:
    """A dealer with four people, three bays and two technicians, open Monday to Saturday.

    Parameters
    ----------
    conn : psycopg.Connection
        The caller commits.
    name, time_zone : str
    password : str
        Everybody's; sign in as ``advisor@{domain}``, ``manager@{domain}`` and so on.
    domain : str
    """
    op_codes(conn)
    dealer_id = _insert(
        conn,
        """
        INSERT INTO dealer (name, time_zone, phone, open_weekdays)
        VALUES (%s, %s, '+16175550100', '{1,2,3,4,5,6}') RETURNING id
        """,
        name,
        time_zone,
    )
    stock(conn, dealer_id)
    # argon2 made cheap: these accounts guard a play world
    hashed = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8192, parallelism=1),)).hash(
        password
    )
    staff = {
        role: _insert(
            conn,
            """
            INSERT INTO staff (dealer_id, name, email, password_hash, role)
            VALUES (%s, %s, %s, %s, %s) RETURNING id
            """,
            dealer_id,
            person,
            f"{role}@{domain}",
            hashed,
            role,
        )
        for role, person in (
            ("advisor", "Maya Castellano"),
            ("technician", "Theo Lindqvist"),
            ("manager", "Ruth Okafor"),
            ("admin", "Sam Whitlock"),
        )
    }
    bays = tuple(
        _insert(
            conn,
            "INSERT INTO bay (dealer_id, name, kind) VALUES (%s, %s, %s) RETURNING id",
            dealer_id,
            *bay,
        )
        for bay in (("Bay 1", "general"), ("Bay 2", "general"), ("Quick bay", "quick"))
    )
    technicians = tuple(
        _insert(
            conn,
            """
            INSERT INTO technician (dealer_id, staff_id, name, skills, weekdays)
            VALUES (%s, %s, %s, %s, '{1,2,3,4,5,6}') RETURNING id
            """,
            dealer_id,
            staff_id,
            person,
            skills,
        )
        for staff_id, person, skills in (
            (staff["technician"], "Theo Lindqvist", ["general", "electrical"]),
            (None, "Iris Bauer", ["general", "electrical"]),
        )
    )
    return Dealer(dealer_id, staff, bays, technicians)


def customer(
    conn: psycopg.Connection,
    dealer: Dealer,
    *,
    name: str,
    phone: str,
    now: datetime,
    time_zone: str = "America/New_York",
    language: str = "en",
    consents: bool = True,
) -> int:
    """A customer of `dealer` who agreed to service messages (unless told otherwise)."""
    customer_id = _insert(
        conn,
        """
        INSERT INTO customer (dealer_id, advisor_id, name, phone, language, time_zone)
        VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
        """,
        dealer.id,
        dealer.staff["advisor"],
        name,
        phone,
        language,
        time_zone,
    )
    conn.execute(
        """
        INSERT INTO consent (customer_id, purpose, channel, granted, source, wording, at)
        VALUES (%s, 'service', 'sms', %s, 'sales contract', %s, %s)
        """,
        (customer_id, consents, CONSENT_WORDING, now - timedelta(days=400)),
    )
    return customer_id


def vehicle(
    conn: psycopg.Connection,
    dealer: Dealer,
    *,
    vin: str,
    owner_id: int | None,
    now: datetime,
    make: str = "Corvia",
    model: str = "Lane 1.4",
    model_year: int = 2022,
    powertrain: str = "petrol",
    plate: str | None = None,
    service_interval_m: int | None = 15_000_000,
    service_interval_days: int | None = 365,
    last_service_at: datetime | None = None,
    last_service_odometer_m: int | None = None,
) -> int:
    """A car with the maker's schedule (15,000 km or a year) and its owner in force."""
    vehicle_id = _insert(
        conn,
        """
        INSERT INTO vehicle (vin, dealer_id, make, model, model_year, powertrain, plate,
            service_interval_m, service_interval_days, last_service_at, last_service_odometer_m)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
        """,
        vin,
        dealer.id,
        make,
        model,
        model_year,
        powertrain,
        plate,
        service_interval_m,
        service_interval_days,
        last_service_at,
        last_service_odometer_m,
    )
    if owner_id is not None:
        conn.execute(
            "INSERT INTO ownership (vehicle_id, customer_id, during) "
            "VALUES (%s, %s, tstzrange(%s, NULL))",
            (vehicle_id, owner_id, now - timedelta(days=400)),
        )
    return vehicle_id
