"""One vehicle's history, judged by the version in force and by the one that is tried."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from detectors import DETECTORS
from detectors.backtest.history import BacktestError, Source
from detectors.bank import Bank
from detectors.contract import Detector
from detectors.drive import SIGNALS
from record.flow import RELAPSE, Finding, FindingKind, Stage, Vehicle

WARM_UP = timedelta(days=60)
"""History that a detector learns from before its words count; as a worker replays."""

ALL = "all"
"""Stands for all that begin in force, joined as they are there."""

Kind = type[Detector[Any]]


def detector(name: str) -> Kind:
    """The detector called `name`.

    Raises
    ------
    BacktestError
        If there is none.
    """
    for kind in DETECTORS:
        if kind.name == name:
            return kind
    names = ", ".join(kind.name for kind in DETECTORS)
    raise BacktestError(f"no detector {name!r}; there are {names}, and {ALL} for all together")


def kinds_of(name: str) -> tuple[Kind, ...]:
    """The detector called `name`, or for `ALL` every one that begins in force.

    Raises
    ------
    BacktestError
        If there is none.
    """
    if name == ALL:
        return tuple(kind for kind in DETECTORS if kind.begins == Stage.IN_FORCE)
    return (detector(name),)


def parameters(kind: Kind) -> dict[str, float | int]:
    """Thresholds of a detector: the numbers in capitals that its module defines.

    Examples
    --------
    >>> parameters(detector("coolant_overheat"))["HOT_C"]
    118.0
    """
    module = importlib.import_module(kind.__module__)
    source = Path(module.__file__ or "").read_text()
    return {
        name: value
        for name, value in vars(module).items()
        if name.isupper()
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and re.search(rf"^(\w+, *)*{name}\b.*=", source, re.MULTILINE)
    }


def read_params(kind: Kind, text: str) -> dict[str, float | int]:
    """Read ``HOT_C=112,HOLD_MS=20000``.

    Raises
    ------
    BacktestError
        If a name is none of the detector's, or a value no number.

    Examples
    --------
    >>> read_params(detector("coolant_overheat"), "HOT_C=112, HOLD_MS=2e4")
    {'HOT_C': 112.0, 'HOLD_MS': 20000}
    """
    known = parameters(kind)
    wanted: dict[str, float | int] = {}
    for part in filter(None, (word.strip() for word in text.split(","))):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in known:
            there = ", ".join(f"{name}={value}" for name, value in sorted(known.items()))
            raise BacktestError(f"{kind.name} has no parameter {name}; it has {there}")
        try:
            number = float(value)
        except ValueError:
            raise BacktestError(f"{name}={value}: {value!r} is no number") from None
        if not abs(number) < 1e15:
            raise BacktestError(f"{name}={value}: too large, or no number at all")
        if isinstance(known[name], int) and number != round(number):
            raise BacktestError(f"{name}={value}: it counts whole units, as {known[name]} does")
        wanted[name] = int(number) if isinstance(known[name], int) else number
    return wanted


@contextmanager
def trying(module: ModuleType, params: Mapping[str, float | int]) -> Iterator[None]:
    """The module with other parameters, for a while. For a process that does nothing else."""
    before = {name: getattr(module, name) for name in params}
    try:
        for name, value in params.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


# --- one vehicle --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Job:
    """One vehicle's part of a trial: all that another process needs."""

    source: Source
    vehicle: Vehicle
    name: str
    params: Mapping[str, float | int]
    since: datetime
    to: datetime


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that would have been.

    Parameters
    ----------
    vehicle_id : int
    vin, cause : str
    at : datetime
    summary : str
    confidence : float
    expect_from, expect_to : datetime or None
        The failure window, or when it falls due, as told first.
    until : datetime or None
        When it would have recovered.
    verdict : str
        ``root``: right, and names the root; ``right``; ``wrong``; ``due``: no fault, but work that
        really fell due; ``open`` where nobody knows.
    about : str
        The fault that it speaks of, or what only looked like one.
    lead_days : float or None
        To the failure, or the repair.
    held : bool or None
        Whether the window held the failure; None without one, and where it is a single day.
    """

    vehicle_id: int
    vin: str
    cause: str
    at: datetime
    summary: str
    confidence: float
    expect_from: datetime | None = None
    expect_to: datetime | None = None
    until: datetime | None = None
    verdict: str = "open"
    about: str = ""
    lead_days: float | None = None
    held: bool | None = None


@dataclass(frozen=True, slots=True)
class Lived:
    """One vehicle, judged by the version in force and by the one that is tried."""

    vehicle_id: int
    frames: int
    days: float
    alerts: tuple[tuple[Raised, ...], tuple[Raised, ...]]
    failed: tuple[bool, bool]


def live(job: Job) -> Lived:
    """Judge one vehicle's history twice. Runs in another process, or on another machine."""
    kinds = kinds_of(job.name)
    module = importlib.import_module(kinds[0].__module__)
    signals = sorted({*SIGNALS}.union(*(kind.signals for kind in kinds)))
    frames = list(job.source.frames(job.vehicle, signals, job.since - WARM_UP, job.to))
    alerts, failed = [], []
    for params in ({}, job.params) if job.params else ({},):
        with trying(module, params):
            bank = Bank(job.vehicle, kinds=kinds)
            findings = [finding for frame in frames for finding in bank.judge(frame)]
        cases = alerts_of(job.vehicle, findings)
        alerts.append(tuple(case for case in cases if case.at >= job.since))
        failed.append(bool(bank.set_aside))
    inside = [frame.ts_ms for frame in frames if frame.ts >= job.since]
    days = (inside[-1] - inside[0]) / 86_400_000 if inside else 0.0
    return Lived(
        job.vehicle.id, len(inside), days, (alerts[0], alerts[-1]), (failed[0], failed[-1])
    )


def alerts_of(vehicle: Vehicle, findings: Iterable[Finding]) -> list[Raised]:
    """The alerts that findings would have become, as care keeps them."""
    cases: list[Raised] = []
    newest: dict[str, int] = {}
    for finding in findings:
        n = newest.get(finding.cause)
        case = None if n is None else cases[n]
        if finding.kind == FindingKind.RECOVERED:
            if n is not None and case is not None and case.until is None:
                cases[n] = replace(case, until=finding.at)
        elif case is None or (case.until is not None and finding.at > case.until + RELAPSE):
            newest[finding.cause] = len(cases)
            cases.append(
                Raised(
                    vehicle.id,
                    vehicle.vin,
                    finding.cause,
                    finding.at,
                    finding.summary,
                    finding.confidence,
                    finding.expect_from,
                    finding.expect_to,
                )
            )
        elif n is not None:
            told = case if case.expect_from else finding
            cases[n] = replace(
                case, until=None, expect_from=told.expect_from, expect_to=told.expect_to
            )
    return cases
