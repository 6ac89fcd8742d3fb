"""A small dealer to test with: one workshop, one advisor, customers with a car each."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from care.channels.contract import Sent
from care.outreach import Policy
from care.sender import Claimed, Judged, Letterhead, claim, record

MONDAY = datetime(2026, 11, 23, 16, tzinfo=UTC)
"""Ten in the morning in Chicago, two in the afternoon nowhere near a holiday."""

TOKEN = "0123456789abcdef0123456789abcdef"
FROM = "+13125550100"
PAPER = Letterhead("a secret of some length", "https://care.example.com")


@dataclass(frozen=True)
class World:
    """Keys of what `build` made."""

    dealer_id: int
    staff_id: int
    customers: tuple[int, ...]
    vehicles: tuple[int, ...]
    phones: tuple[str, ...]

    @property
    def customer_id(self) -> int:
        """The first customer."""
        return self.customers[0]

    @property
    def vehicle_id(self) -> int:
        """The first customer's car."""
        return self.vehicles[0]

    @property
    def phone(self) -> str:
        """The first customer's number."""
        return self.phones[0]


def one(conn: psycopg.Connection, query: str, *values: object) -> int:
    """The one number that a query gives."""
    row = conn.execute(query, values).fetchone()
    assert row is not None
    return int(row[0])


def row(conn: psycopg.Connection, query: str, *values: object) -> tuple[Any, ...]:
    """The one row that a query gives."""
    got = conn.execute(query, values).fetchone()
    assert got is not None
    return got


def send(conn: psycopg.Connection, now: datetime, n: int = 1) -> Claimed | Judged | None:
    """One round of the sender, with a Twilio that takes everything."""
    got = claim(conn, now, Policy(), PAPER)
    conn.commit()
    if isinstance(got, Claimed):
        record(conn, got, Sent(f"SM{n:032x}"), now)
        conn.commit()
    return got


def build(
    conn: psycopg.Connection,
    customers: int = 1,
    bays: int = 2,
    technicians: int = 2,
    zone: str = "America/Chicago",
    consent: bool = True,
) -> World:
    """Fill a fresh database."""
    dealer = one(
        conn,
        """INSERT INTO dealer (name, time_zone, phone) VALUES ('Lakeside', 'America/Chicago',
           '+13125550199') RETURNING id""",
    )
    staff = one(
        conn,
        """INSERT INTO staff (dealer_id, name, email, password_hash, role)
           VALUES (%s, 'Ada', 'ada@example.com', 'x', 'advisor') RETURNING id""",
        dealer,
    )
    for n in range(bays):
        one(conn, "INSERT INTO bay (dealer_id, name) VALUES (%s, %s) RETURNING id", dealer, f"B{n}")
    for n in range(technicians):
        one(
            conn,
            "INSERT INTO technician (dealer_id, name) VALUES (%s, %s) RETURNING id",
            dealer,
            f"T{n}",
        )
    for code, title, minutes in (
        ("COOL-DIAG", "Cooling system diagnosis", 90),
        ("BATT-TEST", "Battery test", 30),
        ("SERVICE", "Service", 120),
        ("DIAG", "Diagnosis", 60),
    ):
        conn.execute(
            """INSERT INTO op_code (code, title, minutes) VALUES (%s, %s, %s)
               ON CONFLICT DO NOTHING""",
            (code, title, minutes),
        )
    people, cars, phones = [], [], []
    for n in range(customers):
        phone = f"+1312666{n:04d}"
        person = one(
            conn,
            """INSERT INTO customer (dealer_id, advisor_id, name, phone, time_zone)
               VALUES (%s, %s, %s, %s, %s) RETURNING id""",
            dealer,
            staff,
            f"Grace{n} Hopper",
            phone,
            zone,
        )
        car = one(
            conn,
            """INSERT INTO vehicle (vin, dealer_id, make, model, model_year)
               VALUES (%s, %s, 'Toyota', 'Corolla', 2021) RETURNING id""",
            f"1HGBH41JXMN1{n:05d}",
            dealer,
        )
        conn.execute(
            """INSERT INTO ownership (vehicle_id, customer_id, during)
               VALUES (%s, %s, tstzrange('2021-01-01Z', NULL))""",
            (car, person),
        )
        if consent:
            conn.execute(
                """INSERT INTO consent (customer_id, purpose, channel, granted, source, wording, at)
                   VALUES (%s, 'service', 'sms', true, 'sales contract', 'v1', '2021-01-01Z')""",
                (person,),
            )
        people.append(person)
        cars.append(car)
        phones.append(phone)
    conn.commit()
    return World(dealer, staff, tuple(people), tuple(cars), tuple(phones))


def find(
    conn: psycopg.Connection,
    vehicle_id: int,
    at: datetime,
    cause: str = "battery_12v",
    kind: str = "raised",
    urgency: str = "soon",
    confidence: float = 0.8,
    expect: timedelta | None = None,
    detector: str = "low_voltage",
) -> int:
    """Write a finding as a detector would, and commit."""
    finding = one(
        conn,
        """INSERT INTO finding (vehicle_id, detector, cause, kind, at, urgency, confidence, summary,
               evidence, expect_from, expect_to)
           VALUES (%s, %s, %s, %s, %s, %s, %s, 'Cranks at 8.9 V', %s, %s, %s)
           RETURNING id""",
        vehicle_id,
        detector,
        cause,
        kind,
        at,
        urgency,
        confidence,
        Jsonb({"feature": "lowest voltage while cranking"}),
        at + expect if expect else None,
        at + expect * 2 if expect else None,
    )
    conn.execute("SELECT pg_notify('findings', '')")
    conn.commit()
    return finding


def inbound(n: int, phone: str, body: str) -> dict[str, str]:
    """The form of an incoming message as Twilio posts it."""
    return {"MessageSid": f"SM{n:032x}", "From": phone, "To": FROM, "Body": body}
