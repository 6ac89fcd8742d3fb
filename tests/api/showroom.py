"""A dealer's believable week, as rows: for tests of the pages, and to look at them."""

import io
import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from PIL import Image
from psycopg.types.json import Jsonb

from api import auth
from care import journey, knowledge

NOW = datetime(2026, 11, 18, 15, 20, tzinfo=UTC)
"""A Wednesday, 9:20 in Chicago."""

PASSWORD = "correct horse battery"
HASH = auth.hash_password(PASSWORD)
ROLES = ("advisor", "technician", "manager", "admin", "insurance")


@dataclass
class Showroom:
    """Ids of what was made."""

    dealer: int
    other_dealer: int
    staff: dict[str, int] = field(default_factory=dict)
    vehicles: list[int] = field(default_factory=list)
    customers: list[int] = field(default_factory=list)
    alerts: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    bookings: list[int] = field(default_factory=list)
    other: dict[str, int] = field(default_factory=dict)
    arrivals: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    request: int = 0  # of a person about their own data


def one(conn: psycopg.Connection, query: str, values: tuple[Any, ...]) -> int:
    """The id that an INSERT … RETURNING gives."""
    row = conn.execute(query, values).fetchone()
    assert row is not None
    return int(row[0])


def add_dealer(conn: psycopg.Connection, name: str, phone: str) -> int:
    """A dealer with two bays and two technicians."""
    dealer = one(
        conn,
        "INSERT INTO dealer (name, time_zone, phone) VALUES (%s, 'America/Chicago', %s)"
        " RETURNING id",
        (name, phone),
    )
    for bay in ("Bay 1", "Bay 2", "Bay 3"):
        conn.execute("INSERT INTO bay (dealer_id, name) VALUES (%s, %s)", (dealer, bay))
    for technician in ("Marek Nowak", "Dana Ortiz", "Ines Falk"):
        conn.execute(
            "INSERT INTO technician (dealer_id, name) VALUES (%s, %s)", (dealer, technician)
        )
    return dealer


def add_staff(conn: psycopg.Connection, dealer: int, name: str, email: str, role: str) -> int:
    """Somebody who signs in with `PASSWORD`."""
    return one(
        conn,
        "INSERT INTO staff (dealer_id, name, email, password_hash, role)"
        " VALUES (%s, %s, %s, %s, %s) RETURNING id",
        (dealer, name, email, HASH, role),
    )


def add_customer(
    conn: psycopg.Connection,
    dealer: int,
    name: str,
    phone: str,
    language: str = "en",
    zone: str = "America/Chicago",
) -> int:
    """A customer who agreed to service messages."""
    customer = one(
        conn,
        "INSERT INTO customer (dealer_id, name, phone, language, time_zone, email)"
        " VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
        (dealer, name, phone, language, zone, None),
    )
    conn.execute(
        "INSERT INTO consent (customer_id, purpose, channel, granted, source, wording, at)"
        " VALUES (%s, 'service', 'sms', true, 'sales contract', 'v1', %s)",
        (customer, NOW - timedelta(days=500)),
    )
    return customer


def add_vehicle(
    conn: psycopg.Connection,
    dealer: int,
    owner: int | None,
    vin: str,
    make: str,
    model: str,
    year: int,
    plate: str | None,
    powertrain: str = "petrol",
) -> int:
    """A car and its owner of today."""
    vehicle = one(
        conn,
        "INSERT INTO vehicle (vin, dealer_id, make, model, model_year, plate, powertrain,"
        " last_service_at, last_service_odometer_m) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s)"
        " RETURNING id",
        (vin, dealer, make, model, year, plate, powertrain, NOW - timedelta(days=290), 41_200_000),
    )
    if owner:
        conn.execute(
            "INSERT INTO ownership (vehicle_id, customer_id, during)"
            " VALUES (%s, %s, tstzrange(%s, NULL))",
            (vehicle, owner, NOW - timedelta(days=900)),
        )
    return vehicle


def add_alert(
    conn: psycopg.Connection,
    vehicle: int,
    cause: str,
    urgency: str,
    confidence: float,
    summary: str,
    since: datetime,
    evidence: dict[str, Any],
    expect: tuple[datetime, datetime] | None = None,
    detector: str | None = None,
) -> int:
    """An open alert with the findings that it stands on."""
    alert = one(
        conn,
        "INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,"
        " refreshed_at, expect_from, expect_to) VALUES (%s,%s,'open',%s,%s,%s,%s,%s,%s,%s)"
        " RETURNING id",
        (
            *(vehicle, cause, urgency, confidence, summary, since),
            *(NOW - timedelta(minutes=50), *(expect or (None, None))),
        ),
    )
    for kind, at, sure in (
        ("raised", since, confidence - 0.1),
        ("refreshed", NOW - timedelta(minutes=50), confidence),
    ):
        finding = one(
            conn,
            "INSERT INTO finding (vehicle_id, detector, cause, kind, at, urgency, confidence,"
            " summary, evidence, expect_from, expect_to, handled_at)"
            " VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s) RETURNING id",
            (
                *(vehicle, detector or cause, cause, kind, at, urgency, sure, summary),
                *(Jsonb(evidence), *(expect or (None, None)), at),
            ),
        )
        conn.execute("INSERT INTO alert_finding VALUES (%s, %s)", (alert, finding))
    return alert


def add_task(
    conn: psycopg.Connection,
    dealer: int,
    alert: int | None,
    customer: int | None,
    kind: str,
    title: str,
    next_action: str,
    priority: float,
    due: timedelta,
    owner: int | None = None,
) -> int:
    """An open task."""
    return one(
        conn,
        "INSERT INTO task (dealer_id, alert_id, customer_id, owner_id, kind, title, next_action,"
        " priority, state, created_at, deadline) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,'open',%s,%s)"
        " RETURNING id",
        (
            *(dealer, alert, customer, owner, kind, title, next_action, priority),
            *(NOW - timedelta(hours=3), NOW + due),
        ),
    )


def add_telemetry(conn: psycopg.Connection, vehicle: int, days: int, weak: bool) -> None:
    """Two drives a day; a weak battery dips deeper while cranking, day by day."""
    draw = random.Random(vehicle)
    rows = []
    for back in range(days, -1, -1):
        for hour in (13, 23):
            start = (NOW - timedelta(days=back)).replace(hour=hour, minute=5, second=0)
            if start > NOW - timedelta(minutes=45):
                continue
            tired = (days - back) / days if weak else 0.0
            for step in range(90):
                at = start + timedelta(seconds=step * 20)
                crank = 10.6 - 2.7 * tired + draw.gauss(0, 0.08)
                volts = crank if step == 1 else 12.5 if step == 0 else 14.2 + draw.gauss(0, 0.05)
                warm = 90 - 78 * math.exp(-step / 14) + draw.gauss(0, 0.4)
                speed = max(0.0, 46 + 38 * math.sin(step / 7) + draw.gauss(0, 3)) if step > 4 else 0
                rows.append((vehicle, at, volts, warm, speed, 52_300_000 - back * 41_000, 64.0))
    with (
        conn.cursor() as cur,
        cur.copy(
            "COPY telemetry (vehicle_id, ts, battery_voltage_v, coolant_temp_c, speed_kmh,"
            " odometer_m, fuel_level_pct) FROM STDIN"
        ) as copy,
    ):
        for row in rows:
            copy.write_row(row)
    conn.execute(
        "INSERT INTO detector_state (vehicle_id, judged_ts, versions, state)"
        " VALUES (%s, %s, 'x', '')",
        (vehicle, rows[-1][1]),
    )


def furnish(conn: psycopg.Connection) -> Showroom:
    """Fill a migrated database; the story's clock stands still at `NOW`."""
    conn.execute("INSERT INTO clock (base_wall, base_time, rate) VALUES (%s, %s, 0)", (NOW, NOW))
    room = Showroom(
        add_dealer(conn, "Lakeside Motors", "+13125550100"),
        add_dealer(conn, "Hillside Cars", "+13125550900"),
    )
    for code, title, minutes in (
        ("BATT-TEST", "Battery and charging test", 60),
        ("COOL-DIAG", "Cooling system diagnosis", 90),
        ("DIAG", "Diagnosis", 90),
        ("SERVICE", "Scheduled service", 120),
    ):
        conn.execute(
            "INSERT INTO op_code (code, title, minutes) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (code, title, minutes),
        )
    names = ("Avery Quinn", "Tom Becker", "Noor Haddad", "Sam Ellis", "Ivy Brandt")
    for name, role in zip(names, ROLES, strict=True):
        email = f"{role}@lakeside.example"
        room.staff[role] = add_staff(conn, room.dealer, name, email, role)
    room.other["staff"] = add_staff(
        conn, room.other_dealer, "Rita Hill", "advisor@hillside.example", "advisor"
    )
    people = (
        ("Maria Alvarez", "es"), ("Jonas Weber", "de"), ("Li Wei", "zh"), ("Grace Okafor", "en"),
        ("Peter Lindqvist", "en"), ("Hannah Cole", "en"), ("Ben Tanaka", "en"),
        ("Olivia Marsh", "en"), ("Youssef Karim", "fr"), ("Ruth Adler", "en"),
    )  # fmt: skip
    cars = (
        ("SEAT", "Leon", 2019, "petrol"), ("Volkswagen", "Golf", 2018, "diesel"),
        ("Renault", "Twizy", 2020, "electric"), ("Honda", "Civic", 2017, "petrol"),
        ("Toyota", "Corolla", 2021, "hybrid"), ("Ford", "Focus", 2016, "petrol"),
        ("Mazda", "CX-5", 2020, "petrol"), ("Skoda", "Octavia", 2019, "diesel"),
        ("Peugeot", "308", 2018, "diesel"), ("Kia", "Niro", 2022, "hybrid"),
    )  # fmt: skip
    for i, ((name, language), (make, model, year, power)) in enumerate(
        zip(people, cars, strict=True)
    ):
        customer = add_customer(conn, room.dealer, name, f"+1312555{1200 + i * 37}", language)
        vin = f"VSSZZZ5FZKR0{10041 + i * 613}"
        plate = f"{'KLMNPRSTUV'[i]}{'ABCDEFGHJK'[i]} {4821 + i * 397}"
        room.customers.append(customer)
        room.vehicles.append(
            add_vehicle(conn, room.dealer, customer, vin, make, model, year, plate, power)
        )
    for i in (0, 1, 3, 4, 5):
        add_telemetry(conn, room.vehicles[i], 14, weak=i == 0)
        conn.execute(
            "INSERT INTO vehicle_status VALUES (%s, %s, %s)",
            (room.vehicles[i], i % 2 == 0, NOW - timedelta(hours=1)),
        )
    journey.install(conn, NOW)
    knowledge.ship(conn, NOW)
    _stories(conn, room)
    _strangers(conn, room)
    _shelves(conn, room)
    for whose, dealer, customer in (
        ("", room.dealer, room.customers[0]),
        ("other ", room.other_dealer, room.other["customer"]),
    ):
        _files(conn, room, whose, dealer, customer)
    for whose, dealer, vehicle in (
        ("", room.dealer, room.vehicles[6]),
        ("other ", room.other_dealer, room.other["vehicle"]),
    ):
        room.people[f"{whose}case"] = _silent(conn, vehicle)
        room.people[f"{whose}incident"] = _incident(conn, dealer, vehicle)
    return room


def _shelves(conn: psycopg.Connection, room: Showroom) -> None:
    """A part, a delivery, and a calendar address at each dealer; nothing takes the part yet."""
    conn.execute("INSERT INTO part (part_no, title) VALUES ('FAN', 'Radiator fan')")
    for dealer, staff, into, name in (
        (room.dealer, room.staff["manager"], room.arrivals, "fan"),
        (room.other_dealer, room.other["staff"], room.other, "arrival"),
    ):
        conn.execute("INSERT INTO part_stock (dealer_id, part_no, on_hand) VALUES (%s, 'FAN', 2)",
                     (dealer,))  # fmt: skip
        into[name] = one(
            conn,
            "INSERT INTO part_arrival (dealer_id, part_no, quantity, expected_at)"
            " VALUES (%s, 'FAN', 4, %s) RETURNING id",
            (dealer, NOW + timedelta(days=3)),
        )
        into["feed"] = one(
            conn,
            "INSERT INTO calendar_feed (dealer_id, staff_id, token_hash, created_at)"
            " VALUES (%s, %s, sha256(%s), %s) RETURNING id",
            (dealer, staff, f"feed {dealer}".encode(), NOW),
        )


def _stories(conn: psycopg.Connection, room: Showroom) -> None:
    ago, v, c = timedelta, room.vehicles, room.customers
    room.alerts["battery"] = add_alert(
        conn, v[0], "battery_12v", "soon", 0.91,
        "Cranking voltage has fallen from 10.6 V to 7.9 V in two weeks; "
        "the battery will soon not start the car.",
        NOW - ago(days=5, hours=3),
        {
            "feature": "lowest voltage while cranking", "value": 7.9, "expected": 9.6, "unit": "V",
            "signals": ["battery_voltage_v", "coolant_temp_c"],
            "window_from": (NOW - ago(days=12)).isoformat(),
            "window_to": (NOW - ago(hours=2)).isoformat(),
            "notes": [
                "Corrected for temperature: cranked at 4 °C, learned at 11 °C",
                "Charging voltage is normal (14.2 V), so the alternator is not the cause",
            ],
        },
        (NOW + ago(days=6), NOW + ago(days=21)),
        "low_voltage",
    )  # fmt: skip
    room.alerts["hot"] = add_alert(
        conn, v[1], "coolant_overheat", "stop", 0.98,
        "Coolant was above 118 °C for 3 minutes under light load.",
        NOW - ago(minutes=55),
        {
            "feature": "coolant temperature", "value": 121.4, "expected": 105, "unit": "°C",
            "signals": ["coolant_temp_c", "speed_kmh"],
            "window_from": (NOW - ago(hours=3)).isoformat(),
            "window_to": (NOW - ago(minutes=50)).isoformat(),
            "notes": ["Fault code P0217 agrees"],
        },
    )  # fmt: skip
    room.alerts["dtc"] = add_alert(
        conn, v[3], "dtc_p0301", "service", 0.8, "Cylinder 1 misfires (P0301) since Monday.",
        NOW - ago(days=2),
        {"feature": "trouble code P0301 stored", "signals": [], "notes": []},
        detector="dtc_raised",
    )  # fmt: skip
    room.alerts["due"] = add_alert(
        conn, v[4], "service_due", "service", 0.86,
        "Service falls due by distance between 2 and 14 December.",
        NOW - ago(days=1),
        {
            "feature": "distance since the last service", "value": 13_900, "expected": 15_000,
            "unit": "km", "signals": ["odometer_m"], "notes": ["Drives 41 km a day by its use"],
        },
        (NOW + ago(days=14), NOW + ago(days=26)),
    )  # fmt: skip
    conn.execute(
        "UPDATE telemetry SET dtcs = %s, mil_on = true WHERE vehicle_id = %s"
        " AND ts = (SELECT max(ts) FROM telemetry WHERE vehicle_id = %s)",
        (["P0301", "P0420"], v[3], v[3]),
    )
    d, s = room.dealer, room.staff
    room.tasks["hot"] = add_task(
        conn, d, room.alerts["hot"], c[1], "call", "Engine overheating: Volkswagen Golf",
        "Call now: ask to stop where it is safe", 97.0, ago(minutes=25),
    )  # fmt: skip
    room.tasks["reply"] = add_task(
        conn, d, None, c[6], "reply", "Ben Tanaka asks", "Answer: “Do you have a loaner car?”",
        72.5, ago(hours=1), s["advisor"],
    )  # fmt: skip
    room.tasks["battery"] = add_task(
        conn, d, room.alerts["battery"], c[0], "call", "12 V battery weak: SEAT Leon",
        "No answer to the text: call and offer a test", 61.0, ago(hours=-2), s["advisor"],
    )  # fmt: skip
    room.tasks["dtc"] = add_task(
        conn, d, room.alerts["dtc"], c[3], "call", "The engine is misfiring (P0301): Honda Civic",
        "No consent for texts: call", 33.0, ago(days=2),
    )  # fmt: skip
    room.tasks["due"] = add_task(
        conn, d, room.alerts["due"], c[4], "watch", "Service due: Toyota Corolla",
        "The text went out on Tuesday", 12.0, ago(days=5),
    )  # fmt: skip
    _talk(conn, room)
    _day(conn, room)


def _talk(conn: psycopg.Connection, room: Showroom) -> None:
    c, at = room.customers[0], NOW - timedelta(days=4)
    out = (
        "INSERT INTO outreach (customer_id, alert_id, channel, purpose, template, dedupe_key, body,"
        " to_phone, state, reason, planned_at, not_before, sent_at, provider_sid)"
        " VALUES (%s,%s,'sms',%s,%s,%s,%s,'+13125551200',%s,%s,%s,%s,%s,%s)"
    )
    conn.execute(
        out,
        (c, room.alerts["battery"], "service", "alert.soon", "a1",
         "Lakeside Motors: Hola Maria, your SEAT Leon tells us that the battery is weak. It still "
         "runs, and we would like to see it before it lets you down. Reply 1 for Thu 8:30, 2 for "
         "Thu 10:00, 3 for Fri 9:00. Reply STOP to opt out.",
         "delivered", None, at, at, at, "SM" + "1" * 32),
    )  # fmt: skip
    conn.execute(
        "INSERT INTO reply (provider_sid, customer_id, from_phone, body, received_at, meaning,"
        " handled_at) VALUES (%s, %s, '+13125551200', %s, %s, 'unclear', %s)",
        ("SM" + "2" * 32, c, "Is it urgent? I am away until Friday", at + timedelta(hours=2), at),
    )
    conn.execute(
        out,
        (c, None, "reply", "own", "a2",
         "It can wait until Friday, Maria. Please let it charge on a long drive if you can. Avery",
         "delivered", None, at + timedelta(hours=3), at, at + timedelta(hours=3), "SM" + "3" * 32),
    )  # fmt: skip
    conn.execute(
        out,
        (c, room.alerts["battery"], "service", "alert.again", "a3",
         "Lakeside Motors: a reminder about the battery of your SEAT Leon.", "dropped",
         "Already 2 message(s) this week.", NOW - timedelta(days=1), NOW, None, None),
    )  # fmt: skip
    conn.execute(
        out,
        (c, None, "reply", "own", "a4", "Would Monday 8:30 suit you?", "planned",
         "quiet hours", NOW - timedelta(minutes=9), NOW + timedelta(hours=2), None, None),
    )  # fmt: skip
    conn.execute(
        "INSERT INTO suppression (phone, stopped, source, at) SELECT phone, true, 'reply STOP', %s"
        " FROM customer WHERE id = %s",
        (NOW - timedelta(days=9), room.customers[5]),
    )
    conn.execute(
        "INSERT INTO audit (at, actor, action, subject, detail) VALUES"
        " (%s, %s, 'task claimed', %s, '{}'), (%s, 'care', 'alert opened', %s, '{}')",
        (
            *(NOW - timedelta(hours=20), f"staff:{room.staff['advisor']}"),
            *(f"task:{room.tasks['battery']}", NOW - timedelta(days=5)),
            f"alert:{room.alerts['battery']}",
        ),
    )


def _day(conn: psycopg.Connection, room: Showroom) -> None:
    bays = [r[0] for r in conn.execute(
        "SELECT id FROM bay WHERE dealer_id = %s ORDER BY id", (room.dealer,))]  # fmt: skip
    hands = [r[0] for r in conn.execute(
        "SELECT id FROM technician WHERE dealer_id = %s ORDER BY id", (room.dealer,))]  # fmt: skip
    eight = NOW.replace(hour=14, minute=0)  # 8:00 in Chicago
    for place, who, start_min, minutes, op, state in (
        (0, 9, 0, 60, "BATT-TEST", "done"), (0, 8, 90, 120, "SERVICE", "arrived"),
        (0, 3, 300, 90, "DIAG", "booked"), (1, 7, 30, 90, "COOL-DIAG", "arrived"),
        (1, 6, 180, 60, "BATT-TEST", "booked"), (2, 5, 240, 120, "SERVICE", "held"),
        (1, 2, 330, 60, "DIAG", "cancelled"), (2, 4, 420, 90, "SERVICE", "booked"),
    ):  # fmt: skip
        start = eight + timedelta(minutes=start_min)
        booking = one(
            conn,
            "INSERT INTO booking (vehicle_id, customer_id, dealer_id, alert_id, bay_id,"
            " technician_id, during, op_code, state, hold_expires_at, source, created_at)"
            " VALUES (%s,%s,%s,%s,%s,%s,tstzrange(%s,%s),%s,%s,%s,%s,%s) RETURNING id",
            (
                *(room.vehicles[who], room.customers[who], room.dealer, None),
                *(bays[place], hands[place], start, start + timedelta(minutes=minutes)),
                *(op, state, NOW + timedelta(minutes=8), "slot page", NOW - timedelta(days=2)),
            ),
        )
        room.bookings.append(booking)
        if state in ("arrived", "done"):
            order = one(
                conn,
                "INSERT INTO repair_order (booking_id, vehicle_id, state, opened_at, closed_at,"
                " concern, cause, correction, finding, odometer_m)"
                " VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s) RETURNING id",
                (
                    *(booking, room.vehicles[who], "closed" if state == "done" else "open", start),
                    start + timedelta(minutes=50) if state == "done" else None,
                    "Runs hot in town; coolant light came on twice.",
                    *(("Cell 4 sulphated", "Battery replaced", "confirmed", 51_000_000)
                      if state == "done" else (None, None, None, 51_000_000)),
                ),
            )  # fmt: skip
            add_note(conn, order, start)


def add_note(conn: psycopg.Connection, repair_order: int, at: datetime) -> int:
    """A technician's note with a photo, for the workshop's eyes."""
    note = one(
        conn,
        "INSERT INTO repair_note (repair_order_id, at, actor, body, for_customer)"
        " VALUES (%s, %s, 'staff:2', 'The hose is wet below the clamp.', false) RETURNING id",
        (repair_order, at),
    )
    picture = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(picture, "JPEG")
    conn.execute(
        "INSERT INTO repair_photo (note_id, jpeg, width, height) VALUES (%s, %s, 256, 256)",
        (note, picture.getvalue()),
    )
    return note


def _strangers(conn: psycopg.Connection, room: Showroom) -> None:
    """What belongs to the other dealer, and frames in quarantine."""
    other = room.other
    other["customer"] = add_customer(conn, room.other_dealer, "Zoe Hillside", "+13125559901")
    other["vehicle"] = add_vehicle(
        conn, room.other_dealer, other["customer"], "WVWZZZ1KZAW999999", "Fiat", "500", 2015, "ZZ 9"
    )
    other["alert"] = add_alert(
        conn, other["vehicle"], "battery_12v", "soon", 0.7, "Hillside's secret.", NOW, {}
    )
    other["task"] = add_task(
        conn, room.other_dealer, other["alert"], other["customer"], "call", "Hillside's task",
        "Call", 99.0, timedelta(hours=1),
    )  # fmt: skip
    bay = one(conn, "SELECT min(id) FROM bay WHERE dealer_id = %s", (room.other_dealer,))
    hand = one(conn, "SELECT min(id) FROM technician WHERE dealer_id = %s", (room.other_dealer,))
    other["booking"] = one(
        conn,
        "INSERT INTO booking (vehicle_id, customer_id, dealer_id, bay_id, technician_id, during,"
        " op_code, state, source, created_at) VALUES (%s,%s,%s,%s,%s,tstzrange(%s,%s),'DIAG',"
        " 'arrived','advisor',%s) RETURNING id",
        (
            *(other["vehicle"], other["customer"], room.other_dealer, bay, hand),
            *(NOW, NOW + timedelta(hours=1), NOW),
        ),
    )
    other["repair_order"] = one(
        conn,
        "INSERT INTO repair_order (booking_id, vehicle_id, state, opened_at, concern)"
        " VALUES (%s, %s, 'open', %s, 'x') RETURNING id",
        (other["booking"], other["vehicle"], NOW),
    )
    other["note"] = add_note(conn, other["repair_order"], NOW)
    for customer, who in ((room.customers[8], ""), (other["customer"], "request")):
        row = one(
            conn,
            "INSERT INTO privacy_request (customer_id, kind, how, received_at, due_at, noted_by)"
            " VALUES (%s, 'access', 'by e-mail', %s, %s, 'staff:1') RETURNING id",
            (customer, NOW - timedelta(days=3), NOW + timedelta(days=28)),
        )
        if who:
            other[who] = row
        else:
            room.request = row
    for vin, code, reason, payload in (
        ("VSSZZZ5FZKR010041", "clock_ahead", "The frame's time is 3 days ahead of ours.",
         b'{"ts": 1795392000000, "signals": {"Vehicle.Speed": 51.2}}'),
        ("WVWZZZ1KZAW999999", "not_json", "The message is not JSON.", b"\xff\x00{oops"),
        ("1HGBH41JXMN109186", "unknown_vin", "No vehicle has this VIN.", b'{"ts": 1}'),
    ):  # fmt: skip
        row = one(
            conn,
            "INSERT INTO quarantine (topic, vin, payload, reason_code, reason)"
            " VALUES (%s, %s, %s, %s, %s) RETURNING id",
            (f"vehicles/{vin}/frames", vin, payload, code, reason),
        )
        room.quarantined = room.quarantined or row
        other.setdefault(code, row)


def _silent(conn: psycopg.Connection, vehicle: int) -> int:
    """Something that a detector found in shadow."""
    return one(
        conn,
        """
        WITH f AS (INSERT INTO finding (vehicle_id, detector, version, cause, kind, at, urgency,
                confidence, summary, evidence, handled_at)
            VALUES (%s, 'service_due', 1, 'service_due', 'raised', %s, 'service', 0.6,
                'Service falls due soon.', '{}', %s) RETURNING *)
        INSERT INTO detector_case (detector, version, cause, vehicle_id, finding_id, at, features)
        SELECT detector, version, cause, vehicle_id, id, at, '{}' FROM f RETURNING id
        """,
        (vehicle, NOW - timedelta(days=3), NOW),
    )


def _incident(conn: psycopg.Connection, dealer: int, vehicle: int) -> int:
    """Like cars that alert together, which waits for a manager; one of them is well again."""
    at = NOW - timedelta(days=2)
    incident = one(
        conn,
        "INSERT INTO incident (dealer_id, cause, make, model, opened_at, waits_since, cars,"
        " alerting, expected, counted, counted_at, elsewhere)"
        " SELECT %s, 'sensor_stuck', make, model, %s, %s, 40, 5, 0.04, 1, %s, 3 FROM vehicle"
        " WHERE id = %s RETURNING id",
        (dealer, at, at, at, vehicle),
    )
    for kind, value, fleet, chance in (
        ("firmware", "4.1.2", 4, 3e-5),
        ("powertrain", "petrol", 40, 1),
    ):
        conn.execute(
            "INSERT INTO incident_trait VALUES (%s, %s, %s, 5, 5, %s, 40, %s)",
            (incident, kind, value, fleet, chance),
        )
    conn.execute(
        "INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,"
        " refreshed_at, closed_at, close_reason, incident_id) VALUES (%s, 'sensor_stuck', 'closed',"
        " 'service', 0.7, 'Outside stays at 12 °C', %s, %s, %s, 'recovered', %s)",
        (vehicle, at, at, at, incident),
    )
    return incident


def _files(
    conn: psycopg.Connection, room: Showroom, whose: str, dealer: int, customer: int
) -> None:
    """A file that waits to be read in, and a line of one before it that needs a decision."""
    report = {
        "lines": 1, "new": 0, "more_cars": 0, "known": 0, "duplicates": 0, "bad": 1,
        "warnings": 0, "problems": [{"line": 2, "column": "phone", "value": "=1", "warns": False,
        "advice": "Write a number that exists."}],
    }  # fmt: skip
    room.people[f"{whose}upload"] = one(
        conn,
        "INSERT INTO upload (dealer_id, name, content, report, state, by, at)"
        " VALUES (%s, 'march.csv', %s, %s, 'open', 'staff:1', %s) RETURNING id",
        (dealer, b"name,phone\nAna,=1\n", Jsonb(report), NOW),
    )
    data = {
        "line": 2, "name": "M. Alvarez", "phone": "+13125551200", "email": None, "language": "en",
        "time_zone": "America/Chicago", "vin": None, "make": "", "model": "", "model_year": None,
        "powertrain": "petrol", "plate": None, "owned_since": None, "consents": [],
        "consent_source": "", "consent_wording": "", "consent_at": None,
    }  # fmt: skip
    room.people[f"{whose}article"] = one(
        conn,
        "INSERT INTO article (dealer_id, name, language, version, question, answer, in_force,"
        " terms, made_by, made_at) VALUES (%s, 'tires', 'en', 1, 'Do you store winter tires?',"
        " 'We store them for {name}.', true, '', 'staff:1', %s) RETURNING id",
        (dealer, NOW),
    )
    room.people[f"{whose}duplicate"] = one(
        conn,
        "INSERT INTO duplicate (dealer_id, kind, customer_id, data, digest, state, at)"
        " VALUES (%s, 'phone', %s, %s, 'x', 'open', %s) RETURNING id",
        (dealer, customer, Jsonb(data), NOW),
    )
