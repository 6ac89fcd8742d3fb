"""``python -m detectors scan``: how strange is each row of a CSV file, from 0 to 1?

A time comes first in each row, then one value or several. For each row, in order, comes a line
``timestamp,anomaly_score``. A cell that is no number counts as not measured; a file that can't be
what it should (no time, no numbers, rows of other lengths, bytes that are no text) is refused.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as clock
from pathlib import Path
from typing import TextIO

from detectors.generic import WINDOW, Scan

ANSWERS = frozenset({"anomaly", "changepoint", "is_anomaly", "label"})
"""Columns of labelled benchmarks that hold the answer, and so are no signal."""
BLANK = frozenset({"", "nan", "na", "n/a", "null", "none"})
DAY_FIRST = re.compile(r"\d{1,4}[/.]\d{1,2}[/.]\d{1,4}(\s.*)?")


class ScanError(Exception):
    """A file can't be scanned; the message says where and why."""


@dataclass
class Notes:
    """What was odd about a file and did not stop us.

    Parameters
    ----------
    rows, stuck, junk : int
        Rows; rows whose time does not advance; cells that are no number, and not blank.
    ignored : list of str
        Columns that were left out.
    """

    rows: int = 0
    stuck: int = 0
    junk: int = 0
    ignored: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = {
            f"{self.rows:,} rows": True,
            f"too few to judge, the first {WINDOW} only teach": self.rows <= WINDOW,
            f"in {self.stuck:,} the time does not advance": self.stuck,
            f"{self.junk:,} cells are no number": self.junk,
            f"columns left out: {', '.join(self.ignored)}": self.ignored,
        }
        return "; ".join(text for text, holds in told.items() if holds)


def main(words: Sequence[str] | None = None) -> int:
    """Scan files; returns the exit status: 1 if a file was refused, 2 if none was tried."""
    asked = _parser().parse_args(words)
    files: list[Path] = asked.files
    if asked.out_dir and (why := _collision(files, asked.out_dir)):
        print(why, file=sys.stderr)
        return 2
    status = 0
    for file in files:
        try:
            with _out(file, asked.out_dir) as out:
                notes = scan(file, out)
        except BrokenPipeError:  # whoever read us has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return status
        except (ScanError, OSError) as error:
            why = getattr(error, "strerror", None) or str(error)
            print(f"{file}: {why}", file=sys.stderr)
            status = 1
        else:
            print(f"{file}: {notes}", file=sys.stderr)
    return status


def scan(file: Path, out: TextIO) -> Notes:
    """Score one file's rows.

    Raises
    ------
    ScanError
        If it can't be judged.
    OSError
        If it can't be read or the scores can't be written.
    """
    notes = Notes()
    write = csv.writer(out, lineterminator="\n").writerow
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as source:
        separator, heading, rows = _table(source)
        columns = [n for n, name in enumerate(heading) if n and name.lower() not in ANSWERS]
        notes.ignored = [name for name in heading[1:] if name.lower() in ANSWERS]
        if not columns:
            raise ScanError("a time and one value at least are needed in each row")
        judge = Scan(len(columns))
        before = -math.inf
        measured = False
        write(("timestamp", "anomaly_score"))
        for line, row in _progress(rows, file):
            if any(cell.strip() for cell in row[len(heading) :]) or len(row) < len(heading):
                raise ScanError(
                    f"line {line}: {len(row)} cells where {len(heading)} are expected "
                    f"between {separator!r}"
                )
            at = when(row[0])
            if at is None:
                raise ScanError(f"line {line}: {row[0][:40]!r} is no time")
            notes.stuck += at <= before
            before = at
            values = [number(row[n], separator) for n in columns]
            notes.rows += 1
            notes.junk += values.count(None)
            known = [math.nan if value is None else value for value in values]
            measured = measured or any(map(math.isfinite, known))
            write((row[0], f"{judge.update(known):.6f}"))
    if not notes.rows:
        raise ScanError("no rows")
    if not measured:
        raise ScanError("no numbers")
    return notes


def _table(source: TextIO) -> tuple[str, list[str], Iterator[tuple[int, list[str]]]]:
    """Separator, names of the columns (the time's first), and the rows with their line's number."""
    lines = _lines(source)
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise ScanError("empty")
    separator = max(",;\t|", key=first.count)
    head = next(csv.reader([first], delimiter=separator))
    while len(head) > 1 and not head[-1].strip():
        head.pop()
    if when(head[0]) is None:
        heading, again = [name.strip() for name in head], []
    else:  # no heading: the first line is a row
        heading, again = [f"column {n}" for n in range(1, len(head) + 1)], [first]

    def rows() -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(_chain(again, lines), delimiter=separator, strict=True)
        try:
            for row in reader:
                if row:
                    yield reader.line_num + 1 - len(again), row
        except csv.Error as error:
            raise ScanError(f"line {reader.line_num + 1 - len(again)}: {error}") from None

    return separator, heading, rows()


def _lines(source: TextIO) -> Iterator[str]:
    for line in source:
        if "\0" in line:
            raise ScanError("binary, no text")
        yield line


def _chain(first: list[str], rest: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from rest


def when(text: str) -> float | None:
    """Seconds of a time, NaN if its order is unknown, None if it is no time.

    Examples
    --------
    >>> when("1970-01-01 00:01:00"), when("19:17:19.5"), when("12.25"), when("03/29/2021")
    (60.0, 69439.5, 12.25, nan)
    >>> when("timestamp"), when("nan"), when("")
    (None, None, None)
    """
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        seconds = float(text)
        return seconds if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        day = clock.fromisoformat(text)
        return day.hour * 3600 + day.minute * 60 + day.second + day.microsecond / 1e6
    except ValueError:
        return math.nan if DAY_FIRST.fullmatch(text) else None


def number(text: str, separator: str = ",") -> float | None:
    """Value of a cell, NaN if blank, None if it is no number.

    Examples
    --------
    >>> number(" 1.5e3"), number("1,5", ";"), number("NaN"), number("Clouds")
    (1500.0, 1.5, nan, None)
    """
    try:
        return float(text)
    except ValueError:
        pass
    text = text.strip()
    if text.lower() in BLANK:
        return math.nan
    try:
        return float(text.replace(",", ".")) if separator != "," else None
    except ValueError:
        return None


def _collision(files: Sequence[Path], out_dir: Path) -> str:
    """Why scores would overwrite each other, or what they come from; else empty."""
    names = [file.name for file in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        return f"two files are called {twice[0]}: scan them into a directory each"
    if own := [file for file in files if file.resolve() == (out_dir / file.name).resolve()]:
        return f"{own[0]} would be overwritten: choose another directory"
    return ""


@contextmanager
def _out(file: Path, out_dir: Path | None) -> Iterator[TextIO]:
    """Where its scores go; a file appears whole or not at all."""
    if not out_dir:
        yield sys.stdout
        sys.stdout.flush()
        return
    out_dir.mkdir(parents=True, exist_ok=True)
    part = out_dir / f".{file.name}.part"
    try:
        with part.open("w", encoding="utf-8") as out:
            yield out
        part.replace(out_dir / file.name)
    finally:
        part.unlink(missing_ok=True)


def _progress(rows: Iterable[tuple[int, list[str]]], file: Path) -> Iterator[tuple[int, list[str]]]:
    """Pass on, and tell how far it is: every ten seconds."""
    told = time.monotonic()
    for n, row in enumerate(rows, 1):
        yield row
        if n % 1000 == 0 and time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"{file}: {n:,} rows", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m detectors scan",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.csv")
    parser.add_argument(
        "--out-dir",
        type=Path,
        metavar="DIR",
        help="one file of the same name for each, instead of standard output",
    )
    return parser
