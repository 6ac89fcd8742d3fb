"""Customers and cars from a file: what each line says, what is wrong with it, what came of it.

One line is one person with at most one car; a second line with the same name and number is the
same person's second car. Nobody is merged with somebody whom we know already: such lines wait for
a person, see `care.duplicates`.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import BinaryIO
from zoneinfo import ZoneInfo

import phonenumbers
from psycopg import Connection

from care.errors import CareError
from care.law import zone_named
from care.people import CHANNELS, PURPOSES
from care.store import imports as store
from care.store import people
from record.vin import VinError
from record.vin import parse as parse_vin

COLUMNS = (
    "name", "phone", "email", "language", "time_zone", "vin", "make", "model", "model_year",
    "powertrain", "plate", "owned_since", "consent_source", "consent_wording", "consent_date",
)  # fmt: skip
CONSENTS = {f"consent_{p}_{c}": (p, c) for p in PURPOSES for c in CHANNELS}
YES = frozenset({"yes", "y", "true", "1"})
NO = frozenset({"no", "n", "false", "0"})
POWERTRAINS = ("petrol", "diesel", "hybrid", "electric")

LONGEST = {"name": 120, "email": 254, "make": 60, "model": 60, "plate": 20,
           "consent_source": 120, "consent_wording": 120}  # fmt: skip

MOST_PROBLEMS = 10_000
"""Problems that one report lists; the others are counted."""

STEP = 5_000
"""Lines between two words of progress."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a line, and what to do about it.

    Parameters
    ----------
    line : int
        As an editor counts; the header is line 1.
    column, value : str
    advice : str
    warns : bool
        The line is taken all the same.
    """

    line: int
    column: str
    value: str
    advice: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """One consent as the file gives it."""

    purpose: str
    channel: str
    granted: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line that can be used."""

    line: int
    name: str
    phone: str | None
    email: str | None
    language: str
    time_zone: str
    vin: str | None
    make: str
    model: str
    model_year: int | None
    powertrain: str
    plate: str | None
    owned_since: datetime | None
    consents: tuple[Given, ...]
    consent_source: str
    consent_wording: str
    consent_at: datetime | None

    def is_person(self, name: str) -> bool:
        """Whether the name is this row's, but for case and blanks."""
        return name.split() == self.name.split() or (
            " ".join(name.split()).casefold() == " ".join(self.name.split()).casefold()
        )


@dataclass(frozen=True, slots=True)
class Home:
    """What a dealer takes for granted where a file says nothing.

    Parameters
    ----------
    country : str
        Two letters: how numbers without ``+`` are read.
    time_zone : str
    """

    country: str
    time_zone: str


@dataclass(slots=True)
class Report:
    """What a file holds, or what came of it."""

    lines: int = 0
    new: int = 0
    more_cars: int = 0
    known: int = 0
    duplicates: int = 0
    bad: int = 0
    warnings: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, problems: list[Problem]) -> None:
        """Count, and list as many as there is room for."""
        self.bad += any(not p.warns for p in problems)
        self.warnings += sum(p.warns for p in problems)
        self.problems += problems[: max(0, MOST_PROBLEMS - len(self.problems))]

    @property
    def doc(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def rows_of(file: BinaryIO) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of a CSV file with their numbers, one at a time.

    Raises
    ------
    CareError
        If it isn't UTF-8, isn't CSV, or its header has not what we need.
    """
    text = io.TextIOWrapper(_whole_lines(file), encoding="utf-8-sig", newline="")
    line = 1
    try:
        header = text.readline(65_536)
        if "\x00" in header:
            raise CareError(_NOT_UTF8.format(line=1))
        mark = max(";,\t", key=header.count)
        names = [
            n.strip().lower().replace(" ", "_")
            for n in next(csv.reader([header], delimiter=mark), [])
        ]
        _check_header(names)
        reader = csv.reader(text, delimiter=mark, strict=True)
        for values in reader:
            begins, line = line + 1, 1 + reader.line_num
            if not any(value.strip() for value in values):
                continue
            if len(values) > len(names) and any(v.strip() for v in values[len(names) :]):
                yield begins, {"": f"{len(values)} values for {len(names)} columns"}
                continue
            yield begins, dict(zip(names, values + [""] * len(names), strict=False))
    except UnicodeDecodeError:
        raise CareError(_NOT_UTF8.format(line=line + 1 if line > 1 else 1)) from None
    except csv.Error as error:
        raise CareError(
            f"The file can't be read after line {line}: {error}. A quotation mark that is opened"
            " must be closed; one inside a value is written twice."
        ) from None
    finally:
        text.detach()


_NOT_UTF8 = (
    "The file is not UTF-8 (near line {line}). In a spreadsheet, save it as"
    " “CSV UTF-8”; names with accents would be damaged otherwise."
)


def _whole_lines(file: BinaryIO) -> BinaryIO:
    if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
        raise CareError(_NOT_UTF8.format(line=1))
    file.seek(0)
    return file


def _check_header(names: list[str]) -> None:
    known = {*COLUMNS, *CONSENTS}
    strange = [n for n in names if n and n not in known]
    twice = sorted({n for n in names if n and names.count(n) > 1})
    if "name" not in names:
        raise CareError(
            "The first line must name the columns, “name” among them. Known are: "
            + ", ".join((*COLUMNS, "consent_service_sms"))
            + " and the like."
        )
    if twice:
        raise CareError(f"The column “{twice[0][:40]}” is there twice.")
    if strange:
        raise CareError(
            f"There is no column “{strange[0][:40]}”. Rename or remove it; known are: "
            + ", ".join(COLUMNS)
            + ", consent_service_sms and the like."
        )


def read_row(line: int, values: dict[str, str], home: Home) -> tuple[Row | None, list[Problem]]:
    """What one line says; None where something must be put right first.

    Parameters
    ----------
    line : int
    values : dict of str to str
        By column.
    home : Home
    """
    wrong: list[Problem] = []

    def bad(column: str, advice: str, warns: bool = False) -> None:
        wrong.append(Problem(line, column, values.get(column, "")[:80], advice, warns))

    def cell(column: str) -> str:
        text = values.get(column, "").strip()
        if any(ord(c) < 32 or ord(c) == 127 for c in text):
            bad(column, "Remove line breaks and control characters.")
            return ""
        most = LONGEST.get(column, 100)
        if len(text) > most:
            bad(column, f"Shorten it to {most} characters.")
            return ""
        return text

    if "" in values and len(values) == 1:
        return None, [Problem(line, "", values[""], "Put values with separators into quotes.")]
    name, phone_text, email = cell("name"), cell("phone"), cell("email")
    if not values.get("name", "").strip():
        bad("name", "Write the person's name.")
    phone = e164(phone_text, home.country)
    if phone_text and phone is None:
        bad(
            "phone",
            f"Write a number that exists, best as +1 617 555 0143 (read for {home.country}).",
        )
    if email and not re.fullmatch(r"[^@\s<>\",;]+@[^@\s<>\",;]+\.[^@\s<>\",;.]+", email):
        bad("email", "Write an address as name@example.com, or leave it empty.")
    language = cell("language").lower() or "en"
    if not re.fullmatch(r"[a-z]{2}(-[a-z]{2,4})?", language):
        bad("language", "Write a language code: en, zh, de.")
    zone = cell("time_zone") or home.time_zone
    if zone_named(zone) is None:
        bad("time_zone", "Write a zone as America/New_York, or leave it empty.")
    vin = _vin(cell("vin"), bad)
    year = cell("model_year")
    if year and not (re.fullmatch(r"[0-9]{4}", year) and 1950 <= int(year) <= 2100):
        bad("model_year", "Write the year in four digits.")
        year = ""
    powertrain = cell("powertrain").lower() or "petrol"
    if powertrain not in POWERTRAINS:
        bad("powertrain", f"Write one of {', '.join(POWERTRAINS)}.")
    since = _day(cell("owned_since"), "owned_since", zone, bad)
    asked_at = _day(cell("consent_date"), "consent_date", zone, bad)
    source, wording = cell("consent_source"), cell("consent_wording")
    given = []
    for column, (purpose, channel) in CONSENTS.items():
        word = cell(column).lower()
        if word in YES or word in NO:
            given.append(Given(purpose, channel, word in YES))
        elif word:
            bad(column, "Write yes or no, or leave it empty where nobody asked.")
    if given and not source:
        bad("consent_source", "Say where the consent comes from, as in: sales contract.")
    if given and not wording:
        bad("consent_wording", "Say which wording the person agreed to, as in: 2026-01.")
    if any(not problem.warns for problem in wrong):
        return None, wrong
    row = Row(
        line=line, name=name, phone=phone, email=email or None, language=language, time_zone=zone,
        vin=vin, make=cell("make"), model=cell("model"), model_year=int(year) if year else None,
        powertrain=powertrain, plate=cell("plate") or None, owned_since=since,
        consents=tuple(given), consent_source=source, consent_wording=wording,
        consent_at=asked_at,
    )  # fmt: skip
    return row, wrong


def e164(text: str, country: str) -> str | None:
    """A number as typed, read in a country, in E.164; None if there is no such number.

    Examples
    --------
    >>> e164("(617) 253-0143", "US"), e164("030 901820", "DE"), e164("12", "US")
    ('+16172530143', '+4930901820', None)
    """
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number) or number.extension:
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if re.fullmatch(r"\+[1-9][0-9]{6,14}", written) else None


def _vin(text: str, bad: Callable[..., None]) -> str | None:
    if not text:
        return None
    try:
        car = parse_vin(text)
    except VinError as error:
        bad("vin", f"Look at the car's papers: {error}.")
        return None
    if car.check_digit_ok is False:
        bad("vin", "The check digit does not fit; compare it with the papers. It is taken.", True)
    return car.vin


def _day(text: str, column: str, zone: str, bad: Callable[..., None]) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        there = zone_named(zone) or ZoneInfo("UTC")
        if day.year < 1950:
            raise ValueError
        return datetime(day.year, day.month, day.day, tzinfo=there).astimezone(UTC)
    except (ValueError, OverflowError):
        bad(column, "Write the day as 2026-03-31.")
        return None


def run(
    conn: Connection,
    file: BinaryIO,
    dealer_id: int,
    actor: str,
    now: datetime,
    *,
    write: bool,
    progress: Callable[[int], None] = lambda lines: None,
) -> Report:
    """Read a file, and with `write` take it in.

    Without `write` it tells what would come of it. The caller commits; an error leaves nothing.

    Parameters
    ----------
    conn : Connection
    file : binary file
        From its beginning; only a line at a time is held.
    dealer_id : int
    actor : str
        ``staff:3`` or ``command``.
    now : datetime
    write : bool
    progress : callable
        Told the number of lines, every few thousand.

    Raises
    ------
    CareError
        If the file as a whole can't be read, or there is no such dealer.
    """
    found = store.home(conn, dealer_id)
    if found is None:
        raise CareError(f"There is no dealer {dealer_id}.")
    if write:
        store.one_at_a_time(conn)
    home, report, seen = Home(*found), Report(), _Seen()
    for line, values in rows_of(file):
        report.lines += 1
        row, problems = read_row(line, values, home)
        if row is not None:
            for at in (row.consent_at, row.owned_since):
                if at is not None and at > now:
                    problems.append(
                        Problem(
                            line,
                            "owned_since" if at is row.owned_since else "consent_date",
                            f"{at:%Y-%m-%d}",
                            "This day is still to come.",
                        )
                    )
                    row = None
                    break
        if row is not None:
            row = _take(conn, row, dealer_id, actor, now, write, report, seen, problems)
        report.add(problems)
        if report.lines % STEP == 0:
            progress(report.lines)
    if write:
        people.audit(
            conn, now, actor, "customers imported", f"dealer:{dealer_id}",
            lines=report.lines, new=report.new, bad=report.bad, duplicates=report.duplicates,
        )  # fmt: skip
    return report


@dataclass(slots=True)
class _Seen:
    """Who and what came earlier in the file: the line, the name, and the id once there is one."""

    phones: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    vins: dict[str, int] = field(default_factory=dict)


def _take(
    conn: Connection, row: Row, dealer_id: int, actor: str, now: datetime, write: bool,
    report: Report, seen: _Seen, problems: list[Problem],
) -> Row | None:  # fmt: skip
    """Sort one good line; with `write`, do it."""
    if row.vin is not None and row.vin in seen.vins:
        advice = f"The car is in line {seen.vins[row.vin]} already; remove one of the two lines."
        problems.append(Problem(row.line, "vin", row.vin, advice))
        return None
    before = seen.phones.get(row.phone) if row.phone else None
    if before is not None and not row.is_person(before[1]):
        advice = f"Line {before[0]} gives this number to somebody else; a number is one person's."
        problems.append(Problem(row.line, "phone", row.phone or "", advice))
        return None
    car = store.car(conn, row.vin, now) if row.vin else None
    if car is not None and car.dealer_id != dealer_id:
        problems.append(
            Problem(row.line, "vin", row.vin or "", "Another dealer has this car; ask them first.")
        )
        return None
    if row.vin:
        seen.vins[row.vin] = row.line
    known = store.by_phone(conn, row.phone) if row.phone and before is None else None
    if known is not None and known.dealer_id != dealer_id:
        problems.append(
            Problem(row.line, "phone", row.phone or "", "Another dealer has this number.")
        )
        return None
    if (
        known is not None
        and row.is_person(known.name)
        and (row.vin is None or (car is not None and car.owner_id == known.id))
    ):
        report.known += 1
        return row
    owner = car.owner_id if car is not None else None
    if known is not None or owner is not None:
        report.duplicates += 1
        if write:
            kind, who = ("phone", known.id) if known is not None else ("vin", owner)
            assert who is not None
            store.put_duplicate(conn, dealer_id, kind, who, to_json(row), now)
        return row
    if before is not None:
        report.more_cars += 1
    else:
        report.new += 1
    customer_id = before[2] if before is not None else 0
    if write:
        if before is None:
            customer_id = create(conn, row, dealer_id, actor, now)
        if row.vin is not None:
            give_car(conn, row, dealer_id, customer_id, now)
    if row.phone and before is None:
        seen.phones[row.phone] = (row.line, row.name, customer_id)
    return row


def create(
    conn: Connection, row: Row, dealer_id: int, actor: str, now: datetime, phone: bool = True
) -> int:
    """A new customer with their consents. Returns the id."""
    customer_id = store.add_customer(
        conn, dealer_id, row.name, row.phone if phone else None, row.email, row.language,
        row.time_zone, now,
    )  # fmt: skip
    add_consents(conn, row, customer_id, now)
    people.audit(conn, now, actor, "imported", f"customer:{customer_id}")
    return customer_id


def add_consents(conn: Connection, row: Row, customer_id: int, now: datetime) -> None:
    """What the file says that the person agreed to."""
    for one in row.consents:
        people.add_consent(
            conn, customer_id, one.purpose, one.granted, row.consent_source, row.consent_wording,
            row.consent_at or now, one.channel,
        )  # fmt: skip


def give_car(conn: Connection, row: Row, dealer_id: int, customer_id: int, now: datetime) -> None:
    """The row's car is the customer's, from the day in the file or from now on."""
    assert row.vin is not None
    vehicle_id = store.put_vehicle(
        conn, row.vin, dealer_id, row.make, row.model, row.model_year, row.powertrain, row.plate
    )
    store.own(conn, vehicle_id, customer_id, row.owned_since or now, now)


def to_json(row: Row) -> dict[str, object]:
    """A row as JSON."""
    doc = asdict(row)
    for key in ("owned_since", "consent_at"):
        doc[key] = doc[key].isoformat() if doc[key] else None
    return doc


def from_json(doc: dict[str, object]) -> Row:
    """A row from its JSON."""
    values = dict(doc)
    for key in ("owned_since", "consent_at"):
        values[key] = datetime.fromisoformat(str(values[key])) if values[key] else None
    values["consents"] = tuple(Given(**one) for one in values["consents"])  # type: ignore[attr-defined]
    return Row(**values)  # type: ignore[arg-type]


def error_report(problems: list[Problem]) -> str:
    """The problems as CSV; nothing in it is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("line", "column", "value", "what to do", "kind"))
    for p in problems:
        kind = "warning" if p.warns else "error"
        writer.writerow((p.line, *map(harmless, (p.column, p.value, p.advice)), kind))
    return out.getvalue()


def harmless(text: str) -> str:
    """A cell that a spreadsheet won't run.

    Examples
    --------
    >>> harmless("=1+1"), harmless("+1 617"), harmless("Ana")
    ("'=1+1", "'+1 617", 'Ana')
    """
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in "\t\r" else text
