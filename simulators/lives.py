"""Lives made of real drives: what the detectors say of real cars, healthy and with a fault put in.

One drive tells little, and detectors compare a car with its own past. So the real drives of one car
are driven anew, some a day in an order drawn by chance, for weeks; a fault is put into the later
ones and grows (`simulators.inject`). Some lives have none. Frames and truth are written as a dry
world writes them, so that ``python -m detectors backtest --detector all --frames`` judges them.

The drives are real, and so are their noise, their gaps and whatever their cars do that no simulator
thought of; the fault is not, nor is how often the same drive is repeated.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from record.signals import BY_PATH, Refusal, check
from simulators import inject
from simulators.columns import Columns
from simulators.drives import (
    AIR_FLOW,
    AMBIENT,
    COOLANT,
    INTAKE,
    LONG_TRIM,
    VOLTAGE,
    Drive,
    DriveError,
    moved,
    parse,
)
from simulators.wire import Frame
from simulators.world.causes import KIN
from simulators.world.dry import Writer

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = (7, 17)
"""When a day's two drives begin, within the hour."""

CARS: dict[str, dict[str, Any]] = {
    "kit": {"make": "Seat", "model": "Leon", "model_year": 2017, "powertrain": "petrol"},
    "carobd": {"make": "Toyota", "model": "Etios", "model_year": 2014, "powertrain": "petrol"},
    "twizy": {"make": "Renault", "model": "Twizy", "model_year": 2015, "powertrain": "electric"},
}
"""The car of each format, as fields of `record.flow.Vehicle`."""

Inject = Callable[[list[Frame], float], Iterable[Frame]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that can be put into drives.

    Parameters
    ----------
    kind : str
        Its name in the world.
    needs : str
        The signal without which it doesn't show.
    put : callable
        Takes a drive and how bad the fault is, 0 to 1, and gives the drive with it.
    """

    kind: str
    needs: str
    put: Inject


FAULTS = {
    "overheat": Fault(
        "coolant_overheat",
        COOLANT,
        lambda frames, wear: inject.overheat(frames, onset_s=120, severity=wear),
    ),
    "thermostat": Fault(
        "thermostat_stuck_open",
        COOLANT,
        lambda frames, wear: inject.thermostat_open(frames, wear=wear),
    ),
    "battery": Fault("weak_battery", VOLTAGE, lambda frames, wear: frames),  # shows at the start
    "vacuum": Fault(
        "vacuum_leak", LONG_TRIM, lambda frames, wear: inject.vacuum_leak(frames, wear=wear)
    ),
    "coolant-sensor": Fault(
        "sensor_stuck", COOLANT, lambda frames, _: inject.stuck(frames, path=COOLANT, value=24.0)
    ),
    "air-flow-sensor": Fault(
        "sensor_stuck", AIR_FLOW, lambda frames, _: inject.stuck(frames, path=AIR_FLOW, value=3.2)
    ),
}


@dataclass(frozen=True, slots=True)
class Life:
    """One car's weeks.

    Parameters
    ----------
    format : str
        Whose drives they are.
    days, healthy_days : int
        How long it lives, and how much of that before the fault begins.
    fault : str or None
        A key of `FAULTS`.
    grows_days : float
        From its beginning until it is as bad as it gets.
    severity : float
        How bad that is, 0 to 1.
    seed : int
    """

    format: str
    days: int
    healthy_days: int
    fault: str | None
    grows_days: float
    severity: float
    seed: int

    @property
    def onset(self) -> datetime:
        return START + timedelta(days=self.healthy_days)

    def wear(self, at: datetime) -> float:
        """How bad the fault is; 0 before it begins."""
        if self.fault is None or at < self.onset:
            return 0.0
        grown = (at - self.onset) / timedelta(days=self.grows_days)
        return self.severity * min(1.0, 0.2 + 0.8 * grown)

    def frames(self, drives: Sequence[Drive], every: int) -> Iterator[Frame]:
        """All its frames in order, each `every`-th of the logs'.

        A drive that begins warm follows some minutes after another, as it did.
        """
        chance = random.Random(self.seed)
        cold = _shuffled([one for one in drives if not starts_warm(one)] or drives, chance)
        warm = _shuffled([one for one in drives if starts_warm(one)], chance)
        for day in range(self.days):
            for hour in HOURS:
                at = START + timedelta(days=day, hours=hour, minutes=chance.uniform(0, 60))
                for drive in (next(cold), next(warm, None)):
                    if drive is None:
                        continue
                    yield from self._driven(drive.frames[::every], at, chance, drive)
                    at += timedelta(seconds=drive.duration_s, minutes=chance.uniform(6, 20))

    def _driven(
        self, logged: Sequence[Frame], at: datetime, chance: random.Random, drive: Drive
    ) -> list[Frame]:
        frames = moved(logged, at)
        wear = self.wear(at)
        made = list(FAULTS[self.fault].put(frames, wear)) if self.fault and wear else frames
        if any(VOLTAGE in frame.signals for frame in frames[:50]) and not starts_warm(drive):
            weak = wear if self.fault == "battery" else 0.0
            made = inject.start(made, wear=weak, outside_c=12 + chance.gauss(0, 4))
        return made


WARM_K = 10.0
"""An engine that is so much warmer than the air has not been parked for a night."""


def starts_warm(drive: Drive) -> bool:
    """Whether a log begins with an engine that ran shortly before."""
    for frame in drive.frames[:100]:
        coolant_c = frame.signals.get(COOLANT)
        air_c = frame.signals.get(AMBIENT, frame.signals.get(INTAKE))
        if isinstance(coolant_c, int | float) and isinstance(air_c, int | float):
            return coolant_c - air_c > WARM_K
    return False


def _shuffled(drives: Sequence[Drive], chance: random.Random) -> Iterator[Drive]:
    """Each drive once, in an order drawn by chance, and again; nothing of nothing."""
    while drives:
        yield from chance.sample(drives, len(drives))


def columns(frames: Iterable[Frame]) -> list[Columns]:
    """Frames side by side; what ingest would refuse is left out.

    Examples
    --------
    >>> speed = "Vehicle.Speed"
    >>> [one] = columns([Frame(0, {speed: 3.0}), Frame(1000, {speed: 4.0, "Vehicle.Odd": 1.0})])
    >>> one.ts_ms.tolist(), one.signals[speed].tolist()
    ([0, 1000], [3.0, 4.0])
    """
    sound = (
        Frame(
            frame.ts_ms,
            {
                path: value
                for path, raw in frame.signals.items()
                if path in BY_PATH and not isinstance(value := check(BY_PATH[path], raw), Refusal)
            },
            frame.dtcs,
        )
        for frame in frames
    )
    return [
        _stretch(list(group), paths, dtcs)
        for (paths, dtcs), group in itertools.groupby(
            sound, key=lambda frame: (tuple(sorted(frame.signals)), frame.dtcs)
        )
    ]


def _stretch(frames: list[Frame], paths: tuple[str, ...], dtcs: tuple[str, ...]) -> Columns:
    return Columns(
        np.array([frame.ts_ms for frame in frames], np.int64),
        {
            path: np.array(
                [frame.signals[path] for frame in frames],
                object if BY_PATH[path].sql == "text" else None,
            )
            for path in paths
        },
        dtcs,
    )


def plan(
    formats: Iterable[str],
    shown: dict[str, set[str]],
    faults: Sequence[str],
    *,
    each: int,
    days: int,
    seed: int,
) -> list[Life]:
    """So many lives for each car and fault that can show in it, and as many healthy ones.

    Parameters
    ----------
    shown : dict of str to set of str
        By format: the signals that its drives have.
    """
    chance = random.Random(seed)
    wanted = [
        (format, fault)
        for format in sorted(formats)
        for fault in (None, *faults)
        if fault is None or FAULTS[fault].needs in shown[format]
    ]
    return [
        Life(
            format,
            days,
            days // 2,
            fault,
            grows_days=chance.uniform(1, days / 4),
            severity=chance.uniform(0.7, 1.0),
            seed=chance.getrandbits(32),
        )
        for format, fault in wanted
        for _ in range(each)
    ]


def truth(lives: Sequence[Life], days: int) -> dict[str, Any]:
    """What is wrong with which car, as a dry world tells it."""
    return {
        "start": START.isoformat(),
        "end": (START + timedelta(days=days)).isoformat(),
        "vehicles": {
            vin_of(number): {"vehicle": CARS[life.format], "faults": _faults(life), "innocents": []}
            for number, life in enumerate(lives)
        },
    }


def vin_of(number: int) -> str:
    """A VIN for a life; no real car's.

    >>> vin_of(7)
    '1RWREALDRVE000007'
    """
    return f"1RWREALDRVE{number:06d}"


def _faults(life: Life) -> list[dict[str, Any]]:
    if life.fault is None:
        return []
    kin = KIN[FAULTS[life.fault].kind]
    return [
        {
            "kind": FAULTS[life.fault].kind,
            "onset": life.onset.isoformat(),
            "noticed_at": None,
            "fails_at": None,
            "causes": {"right": sorted(kin.right), "near": sorted(kin.near)},
        }
    ]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators inject``."""
    parser.add_argument("logs", type=Path, nargs="+", help="KIT, carOBD or Twizy logs, or folders")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.parquet")
    parser.add_argument("--fault", choices=("all", *FAULTS), default="all")
    parser.add_argument("--each", type=int, default=5, help="lives for each car and fault")
    parser.add_argument("--days", type=int, default=56, help="half of them healthy")
    parser.add_argument("--every", type=int, default=2, help="take each so many-th frame")
    parser.add_argument("--seed", type=int, default=1)


def run(args: argparse.Namespace) -> int:
    """Write frames and truth; the exit status."""
    if args.out.suffix != ".parquet":
        print(f"--out {args.out} should end in .parquet", file=sys.stderr)
        return 2
    if args.each < 1 or args.days < 2 or args.every < 1:
        print("--each and --every begin at 1, --days at 2", file=sys.stderr)
        return 2
    drives = defaultdict(list)
    for path in args.logs:
        for file in sorted(path.glob("*.csv")) if path.is_dir() else [path]:
            try:
                drive = parse(file)
            except (OSError, DriveError) as error:
                print(error, file=sys.stderr)
                return 2
            drives[drive.format].append(drive)
    if not drives:
        print("There is no .csv log in these folders.", file=sys.stderr)
        return 2
    shown = {
        format: {path for drive in found for frame in drive.frames[:100] for path in frame.signals}
        for format, found in drives.items()
    }
    faults = list(FAULTS) if args.fault == "all" else [args.fault]
    lives = plan(drives, shown, faults, each=args.each, days=args.days, seed=args.seed)
    writer = Writer(args.out)
    for number, life in enumerate(lives):
        writer.add(vin_of(number), columns(life.frames(drives[life.format], args.every)))
        words = f"{life.fault or 'healthy'} in a {CARS[life.format]['model']}"
        print(f"{number + 1} of {len(lives)}: {words}", flush=True)
    writer.close()
    known = truth(lives, args.days)
    args.out.with_suffix(".truth.json").write_text(json.dumps(known, indent=1) + "\n")
    return 0
