"""Customers from a file: what is taken, what is refused in which words, who is asked about."""

import csv
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import csv_import, duplicates, loyalty, people, privacy
from care.csv_import import Home, Report
from care.errors import CareError
from care.store import imports
from care.store import people as people_store
from record.local import PROJECT
from tests.care.world import MONDAY, World, build, one, row

HOME = Home("US", "America/Chicago")
HEAD = "name,phone,vin,make,model,consent_service_sms,consent_source,consent_wording\n"
GOOD = "Ana Ruiz,(617) 253-0143,WVWZZZ1JZXW000001,VW,Golf,yes,sales contract,2026-01\n"


def take(db: psycopg.Connection, world: World, text: str | bytes, write: bool = True) -> Report:
    data = text if isinstance(text, bytes) else text.encode()
    return csv_import.run(
        db, io.BytesIO(data), world.dealer_id, "staff:1", MONDAY, write=write
    )  # fmt: skip


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    return build(db, customers=2)


def test_a_person_their_two_cars_and_consent(db: psycopg.Connection, world: World) -> None:
    second = "ana  ruiz,+16172530143,WVWZZZ1JZXW000002,VW,Polo,,,\n"
    dry = take(db, world, HEAD + GOOD + second, write=False)
    assert one(db, "SELECT count(*) FROM customer") == 2
    done = take(db, world, HEAD + GOOD + second)
    assert (dry.new, dry.more_cars, dry.bad) == (done.new, done.more_cars, done.bad) == (1, 1, 0)
    assert row(db, "SELECT phone, time_zone, language FROM customer ORDER BY id DESC") == (
        "+16172530143", "America/Chicago", "en",
    )  # fmt: skip
    assert one(db, "SELECT count(*) FROM ownership WHERE customer_id > 2") == 2
    assert row(db, "SELECT purpose, channel, granted, source, wording FROM consent ORDER BY id DESC"
    ) == ("service", "sms", True, "sales contract", "2026-01")  # fmt: skip
    again = take(db, world, HEAD + GOOD + second)
    assert (again.new, again.known, again.duplicates) == (0, 2, 0)
    assert one(db, "SELECT count(*) FROM customer") == 3


@pytest.mark.parametrize(
    ("column", "value", "advice"),
    [
        ("name", "", "Write the person's name."),
        ("name", "a\nb", "control characters"),
        ("name", "x" * 121, "Shorten it to 120"),
        ("phone", "12", "Write a number that exists"),
        ("phone", "+1 617 253 0143 ext. 5", "Write a number that exists"),
        ("email", "ana@", "Write an address"),
        ("language", "English", "language code"),
        ("time_zone", "Mars/Olympus", "Write a zone"),
        ("time_zone", "../../etc/passwd", "Write a zone"),
        ("vin", "WVWZZZ1JZXW00000O", "use 0"),
        ("model_year", "20²6", "four digits"),
        ("powertrain", "steam", "petrol, diesel"),
        ("owned_since", "31.12.2020", "2026-03-31"),
        ("owned_since", "0001-01-01", "2026-03-31"),
        ("consent_service_sms", "maybe", "yes or no"),
        ("consent_service_sms", "yes", "Say where"),
    ],
)
def test_bad_values_say_what_to_do(column: str, value: str, advice: str) -> None:
    row, problems = csv_import.read_row(7, {"name": "Ana", column: value}, HOME)
    assert row is None
    assert problems[0].line == 7
    assert any(advice in p.advice for p in problems), problems


def test_a_wrong_check_digit_only_warns(db: psycopg.Connection, world: World) -> None:
    report = take(db, world, "name,vin\nAna,1HGCM82633A004353\n")
    assert (report.new, report.bad, report.warnings) == (1, 0, 1)
    assert "check digit" in report.problems[0].advice


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("name\nJosé\n".encode("cp1252"), "not UTF-8"),
        ("name\nAna\n".encode("utf-16"), "not UTF-8"),
        (b"", "must name the columns"),
        (b"\x00\x01\x02\xff", "not UTF-8"),
        (b"phone\n+16172530143\n", "must name the columns"),
        (b"name,salary\nAna,1\n", "no column"),
        (b"name,name\nAna,B\n", "there twice"),
        (b'name\n"Ana\n', "can't be read"),
        (b'name\n"' + b"x" * 200_000 + b'"\n', "can't be read"),
        (b"PK\x03\x04" + bytes(range(256)) * 9, "not UTF-8"),
    ],
)
def test_files_that_cannot_be_read(
    db: psycopg.Connection, world: World, data: bytes, words: str
) -> None:
    with pytest.raises(CareError, match=words):
        take(db, world, data)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_separators_quotes_and_a_mark_at_the_beginning(
    db: psycopg.Connection, world: World, mark: str
) -> None:
    text = f'\ufeffName{mark}Phone\r\n"Ruiz{mark.strip()} ""Ana"""{mark}617 253 0143\r\n\r\n'
    assert take(db, world, text).new == 1
    name = row(db, "SELECT name FROM customer ORDER BY id DESC")
    assert name == (f'Ruiz{mark.strip()} "Ana"',)


def test_lines_are_counted_as_an_editor_does(db: psycopg.Connection, world: World) -> None:
    text = 'name,phone\n\n"Ana",+16172530143\nBen,1\nCleo,+16172530144,too,many\n'
    report = take(db, world, text)
    assert [(p.line, p.column) for p in report.problems] == [(4, "phone"), (5, "")]
    assert report.new == 1


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        for line, values in csv_import.rows_of(io.BytesIO(b"name,phone\n" + data)):
            csv_import.read_row(line, values, HOME)
    except CareError:
        pass


@given(st.text(max_size=30))
def test_no_cell_of_the_report_is_a_formula(text: str) -> None:
    report = csv_import.error_report([csv_import.Problem(2, "name", text, "Fix it.")])
    cell = list(csv.reader(io.StringIO(report)))[1][2]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not cell.lstrip().startswith(("=", "+", "-", "@")) or cell.startswith("'")


def test_known_numbers_and_cars_wait_for_a_person(db: psycopg.Connection, world: World) -> None:
    vin = row(db, "SELECT vin FROM vehicle WHERE id = %s", world.vehicles[0])[0]
    text = (
        f"name,phone,vin,email\nSomebody Else,{world.phones[1]},,a@b.example\n"
        f"New Owner,+16172530143,{vin},\n"
    )
    for _ in range(2):
        report = take(db, world, text)
        assert (report.new, report.duplicates, report.bad) == (0, 2, 0)
    assert one(db, "SELECT count(*) FROM duplicate") == 2
    assert one(db, "SELECT count(*) FROM customer") == 2
    same, sold = (r[0] for r in db.execute("SELECT id FROM duplicate ORDER BY id").fetchall())
    with pytest.raises(CareError, match="Choose one"):
        duplicates.settle(db, world.dealer_id, same, "sold", "staff:1", MONDAY)
    with pytest.raises(CareError, match="no such row"):
        duplicates.settle(db, world.dealer_id + 1, same, "same", "staff:1", MONDAY)
    duplicates.settle(db, world.dealer_id, same, "same", "staff:1", MONDAY)
    assert row(db, "SELECT name, email FROM customer WHERE id = %s", world.customers[1]) == (
        "Grace1 Hopper", "a@b.example",
    )  # fmt: skip
    duplicates.settle(db, world.dealer_id, sold, "sold", "staff:1", MONDAY)
    owner = people_store.owner(db, world.vehicles[0], MONDAY)
    assert owner is not None and owner.name == "New Owner" and owner.phone == "+16172530143"
    with pytest.raises(CareError, match="decided"):
        duplicates.settle(db, world.dealer_id, sold, "apart", "staff:1", MONDAY)


def test_kept_apart_the_number_stays_where_it_is(db: psycopg.Connection, world: World) -> None:
    take(db, world, f"name,phone\nSomebody Else,{world.phone}\n")
    number = one(db, "SELECT id FROM duplicate")
    duplicates.settle(db, world.dealer_id, number, "apart", "staff:1", MONDAY)
    assert row(db, "SELECT name, phone FROM customer ORDER BY id DESC") == ("Somebody Else", None)
    assert one(db, "SELECT count(data) FROM duplicate") == 0


def test_a_file_that_contradicts_itself(db: psycopg.Connection, world: World) -> None:
    text = HEAD + GOOD + "Bo Li,6172530143,,,,,,\nCleo,,WVWZZZ1JZXW000001,,,,,\n"
    report = take(db, world, text)
    assert (report.new, report.bad) == (1, 2)
    assert "somebody else" in report.problems[0].advice and "line 2" in report.problems[1].advice


def test_merging_moves_everything(db: psycopg.Connection, world: World) -> None:
    keep, gone = world.customers
    for who in world.customers:
        people.tag(db, who, "vip", "staff:1", MONDAY)
        loyalty.earn(db, who, "feedback", "repair_order:1", MONDAY)
    loyalty.earn(db, gone, "referral", "customer:9", MONDAY)
    people_store.add_suppression(db, world.phones[1], True, "reply STOP", MONDAY)
    duplicates.merge(db, keep, gone, "staff:1", MONDAY)
    assert one(db, "SELECT count(*) FROM ownership WHERE customer_id = %s", keep) == 2
    assert one(db, "SELECT count(*) FROM consent WHERE customer_id = %s", keep) == 2
    assert one(db, "SELECT sum(points) FROM loyalty_ledger WHERE customer_id = %s", keep) == 350
    assert row(db, "SELECT phone, merged_into FROM customer WHERE id = %s", gone) == (None, keep)
    assert people_store.stopped(db, world.phone) is not None  # STOP was the person's word
    assert one(db, "SELECT count(*) FROM audit WHERE action IN ('merged', 'merged away')") == 2
    with pytest.raises(CareError, match="already"):
        duplicates.merge(db, keep, gone, "staff:1", MONDAY)


def test_a_car_sold_in_the_very_moment_and_one_promised(
    db: psycopg.Connection, world: World
) -> None:
    car, (a, b) = world.vehicle_id, world.customers
    imports.own(db, car, b, MONDAY, MONDAY)
    imports.own(db, car, a, MONDAY, MONDAY)
    owner = people_store.owner(db, car, MONDAY)
    assert owner is not None and owner.id == a
    db.execute("DELETE FROM ownership")
    db.execute(
        "INSERT INTO ownership (vehicle_id, customer_id, during)"
        " VALUES (%s, %s, tstzrange('2027-01-01Z', NULL))",
        (car, b),
    )
    imports.own(db, car, a, MONDAY, MONDAY)
    assert one(db, "SELECT count(*) FROM ownership WHERE NOT isempty(during)") == 2


def test_an_erased_number_that_said_start_stays_free(db: psycopg.Connection, world: World) -> None:
    a, b = world.customers
    people_store.add_suppression(db, world.phone, True, "reply STOP", MONDAY)
    privacy.erase(db, a, "staff:1", MONDAY)
    db.execute("UPDATE customer SET phone = %s WHERE id = %s", (world.phone, b))
    people_store.add_suppression(db, world.phone, False, "reply START", MONDAY)
    privacy.erase(db, b, "staff:1", MONDAY)
    assert people_store.stopped(db, world.phone) is None
    assert one(db, "SELECT count(*) FROM suppression_kept") == 0


def test_every_table_of_a_customer_can_be_erased(db: psycopg.Connection) -> None:
    from care.store import privacy as store

    assert store.unknown_tables(db) == [], "add a line to ERASE in care/store/privacy.py"


def test_export_then_erase(db: psycopg.Connection, world: World, tmp_path: Path) -> None:
    who, car, phone = world.customer_id, world.vehicle_id, world.phone
    db.execute(
        "UPDATE ownership SET during = tstzrange('2026-01-01Z', '2026-11-01Z') WHERE vehicle_id=%s",
        (car,),
    )
    for day in ("2025-12-31", "2026-02-01", "2026-11-02"):
        db.execute(
            "INSERT INTO telemetry (vehicle_id, ts, latitude_deg) VALUES (%s, %s, 41.8)",
            (car, f"{day} 12:00Z"),
        )
    db.execute(
        """INSERT INTO reply (provider_sid, customer_id, from_phone, body, received_at)
           VALUES ('SM1', %s, %s, 'my secret words', now())""",
        (who, phone),
    )
    people_store.add_suppression(db, phone, True, "reply STOP", MONDAY)
    people_store.audit(db, MONDAY, "staff:1", "noted", f"customer:{who}", reason="secret words")
    path = privacy.export(db, who, tmp_path / "new", MONDAY)
    with zipfile.ZipFile(path) as archive:
        doc = archive.read("person.json").decode()
        (table,) = [n for n in archive.namelist() if n.startswith("telemetry-1")]
        lines = archive.read(table).decode().splitlines()
    assert "Grace0 Hopper" in doc and "my secret words" in doc and phone in doc
    assert len(lines) == 2 and "2026-02-01" in lines[1]

    assert privacy.erase(db, who, "staff:1", MONDAY).frames == 1
    assert one(db, "SELECT count(*) FROM telemetry WHERE vehicle_id = %s", car) == 2
    assert people_store.stopped(db, phone) == MONDAY  # the number comes back: STOP holds
    assert people_store.stopped(db, world.phones[1]) is None
    people_store.add_suppression(db, phone, False, "reply START", MONDAY)
    assert people_store.stopped(db, phone) is None
    db.execute("DELETE FROM suppression")
    for (name,) in db.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    ).fetchall():
        left = db.execute(f'SELECT count(*) FROM "{name}" x WHERE to_jsonb(x)::text ~ %s',  # noqa: S608
            (rf"Grace0|secret words|{phone[1:]}",)).fetchone()  # fmt: skip
        assert left == (0,), name
    with pytest.raises(CareError, match="already"):
        privacy.erase(db, who, "staff:1", MONDAY)


def test_on_the_command_line(
    db: psycopg.Connection, world: World, database: str, tmp_path: Path
) -> None:
    path, errors = tmp_path / "people.csv", tmp_path / "errors.csv"
    path.write_text("name,phone\nAna,+16172530143\n=1+1,5\n")
    db.commit()

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "care", *args], cwd=PROJECT, text=True, capture_output=True,
            env={"DATABASE_URL": database, "PATH": "/usr/bin:/bin"}, check=False,
        )  # fmt: skip

    dry = run("import", str(path), "--dealer", str(world.dealer_id), "--dry-run")
    assert dry.returncode == 1 and "line 3, phone: error: '5'" in dry.stdout, dry
    assert one(db, "SELECT count(*) FROM customer") == 2
    done = run("import", str(path), "--dealer", str(world.dealer_id), "--errors", str(errors))
    assert "1 new customers read in" in done.stdout and errors.exists()
    db.rollback()
    assert one(db, "SELECT count(*) FROM customer") == 3
    assert "no dealer 99" in run("import", str(path), "--dealer", "99").stderr
    out = run("export-person", str(world.customer_id), "--out", str(tmp_path))
    assert out.returncode == 0 and Path(out.stdout.strip()).exists(), out
    gone = run("erase-person", str(world.customer_id))
    assert gone.returncode == 0 and "What is kept, and why" in gone.stdout, gone
    assert run("erase-person", str(world.customer_id)).returncode == 1
