"""Whose history is judged, and what turned out to be true."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from detectors import store
from record import db
from record.flow import Frame, Vehicle

ANSWERED_WITHIN = timedelta(days=60)
"""What a workshop finds so long after an alert says whether it was right."""

SHOWS_AFTER = timedelta(days=21)
"""A fault of a world that nobody noticed counts as missed once it was there for so long."""


class BacktestError(Exception):
    """What was asked for can't be; the message says what can."""


class Source(Protocol):
    """Where frames and truth come from. Goes to other processes, so it holds no connection."""

    def vehicles(self) -> list[Vehicle]:
        """All of them."""
        ...

    def frames(
        self, vehicle: Vehicle, signals: Sequence[str], since: datetime, to: datetime
    ) -> Iterator[Frame]:
        """A vehicle's frames in order of time."""
        ...

    def answers(self) -> list[Answer]:
        """What turned out to be true."""
        ...

    def whole(self) -> bool:
        """Whether `answers` knows everything, so an alert that speaks of none of it is wrong."""
        ...

    def advisors(self) -> int | None:
        """How many share the alerts, where that is known."""
        ...

    def span(self) -> tuple[datetime, datetime]:
        """First and last moment of the history."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one vehicle: a workshop's finding, or a fault of a simulated world.

    Parameters
    ----------
    vehicle_id : int
    causes : tuple of str
        Causes that it confirms, or refutes; empty: all.
    since, to : datetime
        Alerts of that time are meant.
    true : bool
    failed_at : datetime or None
        When the car failed, or was repaired; what the lead is counted to.
    what : str
        The fault of a world, or what only looked like one; empty where a workshop answered.
    roots : tuple of str
        Causes that name the fault's root, of those in `causes`.
    counts : bool
        Whether it is missed if nobody finds it: it showed for long enough.
    """

    vehicle_id: int
    causes: tuple[str, ...]
    since: datetime
    to: datetime
    true: bool
    failed_at: datetime | None = None
    what: str = ""
    roots: tuple[str, ...] = ()
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """The hypertable, with what workshops found."""

    url: str

    def vehicles(self) -> list[Vehicle]:
        with db.connect(self.url, "detectors backtest") as conn:
            return store.all_vehicles(conn)

    def frames(
        self, vehicle: Vehicle, signals: Sequence[str], since: datetime, to: datetime
    ) -> Iterator[Frame]:
        with db.connect(self.url, "detectors backtest") as conn:
            yield from store.history(conn, vehicle.id, signals, since, to)

    def answers(self) -> list[Answer]:
        with db.connect(self.url, "detectors backtest") as conn:
            rows = store.labels(conn)
        return [
            Answer(
                row.vehicle_id,
                (row.cause,),
                row.at - ANSWERED_WITHIN,
                row.at,
                row.confirmed,
                row.at if row.confirmed else None,
                roots=(row.cause,) if row.root else (),
            )
            for row in rows
        ]

    def whole(self) -> bool:
        return False

    def advisors(self) -> int | None:
        with db.connect(self.url, "detectors backtest") as conn:
            return store.advisors(conn)

    def span(self) -> tuple[datetime, datetime]:
        with db.connect(self.url, "detectors backtest") as conn:
            span = store.span(conn)
        if span is None:
            raise BacktestError("no telemetry is stored: there is no history to try it on")
        return span


@dataclass(frozen=True, slots=True)
class File:
    """Frames of a world, ``world.parquet``, with its truth in ``world.truth.json``."""

    path: Path
    known: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> File:
        """Look at both files.

        Raises
        ------
        BacktestError
            If one is missing or not such a file.
        """
        truth = path.with_suffix(".truth.json")
        try:
            known = json.loads(truth.read_text())
            vehicles = known["vehicles"]
            assert all({"vehicle", "faults"} <= one.keys() for one in vehicles.values())
        except OSError as error:
            raise BacktestError(f"{truth}: {error.strerror}") from None
        except (ValueError, KeyError, AssertionError, AttributeError, TypeError):
            raise BacktestError(
                f"{truth} is not a world's truth, as python -m simulators world --dry writes it"
            ) from None
        if not path.exists():
            raise BacktestError(f"{path}: no such file")
        return cls(path, known)

    def vehicles(self) -> list[Vehicle]:
        return [
            Vehicle(
                id,
                vin,
                **(about["vehicle"] | {"last_service_at": _moment(about, "last_service_at")}),
            )
            for id, (vin, about) in enumerate(self.known["vehicles"].items(), 1)
        ]

    def frames(
        self, vehicle: Vehicle, signals: Sequence[str], since: datetime, to: datetime
    ) -> Iterator[Frame]:
        try:
            from pyarrow import dataset
        except ImportError:
            raise BacktestError("Parquet needs pyarrow: pip install pyarrow") from None
        rows = dataset.dataset(self.path)
        there = [name for name in signals if name in rows.schema.names]
        ts = dataset.field("ts")
        wanted = (dataset.field("vin") == vehicle.vin) & (ts >= since) & (ts <= to)
        table = rows.to_table(columns=["ts", "dtcs", *there], filter=wanted)
        columns = {
            name: table[name].to_pylist()
            for name in there
            if table[name].null_count < table.num_rows
        }
        at = table["ts"].cast("int64").to_pylist()
        codes = table["dtcs"].to_pylist()
        names = list(columns)
        for n, row in enumerate(zip(*columns.values(), strict=True) if columns else [()] * len(at)):
            present = {
                name: round(value, 4) if type(value) is float else value
                for name, value in zip(names, row, strict=True)
                if value is not None
            }
            yield Frame(vehicle.id, at[n], present, tuple(codes[n] or ()))

    def answers(self) -> list[Answer]:
        start, end = self.span()
        found = []
        for id, about in enumerate(self.known["vehicles"].values(), 1):
            for one in about["faults"]:
                onset, noticed_at, fails_at = (
                    None if one[name] is None else datetime.fromisoformat(one[name])
                    for name in ("onset", "noticed_at", "fails_at")
                )
                assert onset is not None
                shows = min(filter(None, (noticed_at, fails_at, onset + SHOWS_AFTER)))
                right, near = one["causes"]["right"], one["causes"]["near"]
                found.append(
                    Answer(
                        id,
                        (*right, *near),
                        onset,
                        end,
                        True,
                        fails_at,
                        one["kind"],
                        tuple(right),
                        onset < end and shows <= end,
                    )
                )
            found += [
                Answer(
                    id,
                    ("service_due",),
                    at - ANSWERED_WITHIN,
                    at,
                    True,
                    at,
                    "service_due",
                    ("service_due",),
                    True,
                )
                for at in map(datetime.fromisoformat, about.get("dues", ()))
            ]
            for one in about["innocents"]:
                until = datetime.fromisoformat(one["end"]) if one["end"] else end
                since = datetime.fromisoformat(one["start"]) if one["start"] else start
                found.append(Answer(id, (), since, until, False, what=one["kind"]))
        return found

    def whole(self) -> bool:
        return True

    def advisors(self) -> int | None:
        return None

    def span(self) -> tuple[datetime, datetime]:
        return datetime.fromisoformat(self.known["start"]), datetime.fromisoformat(
            self.known["end"]
        )


def _moment(about: Mapping[str, Any], name: str) -> datetime | None:
    text = about["vehicle"].get(name)
    return datetime.fromisoformat(text) if text else None
