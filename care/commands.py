"""What care does when asked to on the command line, besides running."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from psycopg import Connection

from care import csv_import, outlook, privacy, results
from care.errors import CareError
from care.outreach import Policy
from care.store import people
from record import db
from record.clock import read_scale, wall
from record.settings import Settings, SettingsError, load

ACTOR = "command"


def parser() -> argparse.ArgumentParser:
    """The commands, and what each needs."""
    parser = argparse.ArgumentParser(prog="python -m care")
    commands = parser.add_subparsers(dest="command")
    reading = commands.add_parser("import", help="read customers and cars from a CSV file")
    reading.add_argument("file", type=Path)
    reading.add_argument("--dealer", type=int, required=True, help="number of the dealer")
    reading.add_argument("--dry-run", action="store_true", help="only tell what would come of it")
    reading.add_argument("--errors", type=Path, help="write what is wrong to this CSV file")
    export = commands.add_parser("export-person", help="all that we hold of a person, as a ZIP")
    export.add_argument("customer", type=int)
    export.add_argument("--out", type=Path, required=True, metavar="DIR")
    erase = commands.add_parser("erase-person", help="forget a person")
    erase.add_argument("customer", type=int)
    commands.add_parser("results", help="what each text and hour brought, by dealer")
    dry = commands.add_parser("dry-run", help="what a customer would be sent, when, and why not")
    dry.add_argument("--customer", type=int, required=True)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do one command. Returns its exit status: 1 if refused or some lines are bad."""
    try:
        settings = load(Settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    actions: dict[str, Callable[[argparse.Namespace, Connection, datetime], int]] = {
        "import": _import,
        "export-person": _export,
        "erase-person": _erase,
        "results": _results,
        "dry-run": _dry_run,
    }
    try:
        with db.connect(settings.database_url, f"care {args.command}") as conn:
            return actions[args.command](args, conn, read_scale(conn).at(wall()))
    except CareError as error:
        print(error, file=sys.stderr)
        return 1
    except db.BAD_MOMENT as error:
        print(f"The database can't be reached: {error}", file=sys.stderr)
        return 1


def _import(args: argparse.Namespace, conn: Connection, now: datetime) -> int:
    with _opened(args.file) as file:
        report = csv_import.run(
            conn, file, args.dealer, ACTOR, now, write=not args.dry_run,
            progress=lambda lines: print(f"{lines} lines …", file=sys.stderr),
        )  # fmt: skip
    for p in report.problems[:100]:
        kind = "warning" if p.warns else "error"
        print(f"line {p.line}, {p.column or 'line'}: {kind}: {p.value!r}: {p.advice}")
    if len(report.problems) > 100:
        print(f"… and {len(report.problems) - 100} more; --errors FILE has them all.")
    if args.errors:
        try:
            args.errors.write_text(csv_import.error_report(report.problems), encoding="utf-8-sig")
        except OSError as error:
            raise CareError(f"{args.errors} can't be written: {error.strerror}.") from None
    would = "would be " if args.dry_run else ""
    print(
        f"{report.lines} lines: {report.new} new customers {would}read in, {report.more_cars}"
        f" further cars, {report.known} known already, {report.duplicates} {would}put on the list"
        f" of possible duplicates, {report.bad} bad, {report.warnings} warnings."
    )
    return 1 if report.bad else 0


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise CareError(f"{path} can't be read: {error.strerror}.") from None
    with file:
        yield file


def _export(args: argparse.Namespace, conn: Connection, now: datetime) -> int:
    print(privacy.export(conn, args.customer, args.out, now))
    return 0


def _erase(args: argparse.Namespace, conn: Connection, now: datetime) -> int:
    done = privacy.erase(conn, args.customer, ACTOR, now)
    print(f"Erased, with {done.frames} frames of telemetry. What is kept, and why:")
    for kept in done.kept:
        print(f"- {kept}")
    return 0


def _results(args: argparse.Namespace, conn: Connection, now: datetime) -> int:
    for dealer in people.dealers(conn):
        print(results.written(dealer.name, results.report(conn, dealer.id)))
    return 0


def _dry_run(args: argparse.Namespace, conn: Connection, now: datetime) -> int:
    customer = people.customer(conn, args.customer)
    if customer is None:
        raise CareError(f"There is no customer {args.customer}.")
    coming = outlook.of_customer(conn, customer.id, now, Policy())
    for one in coming:
        what = f"text {one.what}" if one.is_text else f"a person: {one.what}"
        why = f" ({one.why})" if one.why else ""
        print(f"{one.at:%Y-%m-%d %H:%M} UTC  {one.verdict:12}  {one.journey}: {what}{why}")
    if not coming:
        print(f"Nothing lies ahead of {customer.name}.")
    return 0
