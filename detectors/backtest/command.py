"""``python -m detectors backtest``: try a detector, or other parameters of one, on history."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from detectors import store
from detectors.backtest import engines
from detectors.backtest.history import BacktestError, File, Source, Stored
from detectors.backtest.report import Report, run, table
from detectors.backtest.trial import ALL, Job, Lived, detector, kinds_of, live, read_params
from record import clock, db
from record.settings import Settings, SettingsError, load


def main(words: Sequence[str] | None = None) -> int:
    """Run one backtest; returns the exit status."""
    asked = _parser().parse_args(words)
    try:
        url = load(Settings).database_url if asked.save or not asked.frames else ""
        source: Source = File.open(asked.frames) if asked.frames else Stored(url)
        began, ended = source.span()
        since, to = asked.since or began, asked.to or ended
        if not since < to:
            raise BacktestError(f"--from {since.isoformat()} is not before --to {to.isoformat()}")
        kinds_of(asked.detector)
        if asked.params and asked.detector == ALL:
            raise BacktestError("--params needs one --detector")
        params = read_params(detector(asked.detector), asked.params) if asked.params else {}
        jobs = [
            Job(source, vehicle, asked.detector, params, since, to) for vehicle in source.vehicles()
        ]
        if asked.scheduler:
            results = engines.cluster(live, jobs, asked.scheduler)
        elif asked.procs == 1 or len(jobs) < 2:
            results = engines.here(live, jobs)
        else:
            results = engines.cores(live, jobs, asked.procs)
        report = run(source, asked.detector, params, progress(results, len(jobs)), since, to)
    except (BacktestError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    print(table(report))
    if asked.json:
        asked.json.write_text(json.dumps(asdict(report), default=str, indent=1) + "\n")
    if asked.save:
        print(f"kept as trial {save(report, asked.frames, url)}, see its detector's page")
    return 0


def save(report: Report, frames: Path | None, url: str) -> int:
    """Keep a report for the detector's page; its key.

    Which vehicles it speaks of is left out: only how many alerts one version has alone.
    """
    kept = asdict(report) | {"only": [len(alerts) for alerts in report.only]}
    with db.connect(url, "detectors backtest") as conn:
        return store.add_backtest(
            conn,
            detector=report.name,
            versions=", ".join(f"{kind.name} {kind.version}" for kind in kinds_of(report.name)),
            source=frames.name if frames else "stored history",
            since=report.since,
            until=report.to,
            at=clock.read_scale(conn).at(clock.wall()),
            report=json.loads(json.dumps(kept, default=str)),
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m detectors backtest", description=__doc__)
    parser.add_argument("--detector", required=True, help=f"its name, or {ALL}")
    parser.add_argument(
        "--from", dest="since", type=_day, metavar="DAY", help="alerts count from then on"
    )
    parser.add_argument("--to", type=_day, metavar="DAY", help="default: the newest frame")
    parser.add_argument("--params", default="", metavar="NAME=VALUE,…", help="what to try")
    parser.add_argument(
        "--frames",
        type=Path,
        metavar="FILE.parquet",
        help="a world's frames, instead of the database: python -m simulators world --dry --out",
    )
    parser.add_argument(
        "--procs", type=_count, default=os.cpu_count() or 1, help="default: as many as cores"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster instead")
    parser.add_argument("--save", action="store_true", help="show it on the detector's page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all of it, for other tools")
    return parser


def progress(lived: Iterable[Lived], count: int) -> Iterator[Lived]:
    """Pass on, and tell how far it is: a line that renews itself, or one every ten seconds."""
    began = told = time.monotonic()
    terminal = sys.stderr.isatty()
    for n, one in enumerate(lived, 1):
        yield one
        now = time.monotonic()
        if n == count or now - told > (0.2 if terminal else 10):
            told = now
            left_s = (now - began) / n * (count - n)
            line = f"{n:,} of {count:,} vehicles, about {left_s:,.0f} s to go"
            print(
                f"\r{line}\033[K" if terminal else line,
                end="" if terminal and n < count else "\n",
                file=sys.stderr,
                flush=True,
            )


def _day(text: str) -> datetime:
    """Read ``2026-01-31``, midnight UTC, or a whole ISO 8601 time.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write 2026-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes")
    return int(text)
