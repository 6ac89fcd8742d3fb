"""Simulated healthy signals beside real ones: ``python -m simulators marginals --real DIR``.

For each set of real drives comparable simulated cars are driven for some weeks in a like climate;
then distributions are put side by side: quantiles, the distance between them (Wasserstein-1, the
mean shift of the quantiles, in the signal's unit), and a plot each. Nothing is fitted: the physics
has its sources, and this page tells how far it is from a few real cars on a few real roads.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators import cycles, drives
from simulators.climate import Climate
from simulators.habits import Habits
from simulators.vehicle import (
    AIR_FLOW,
    COOLANT,
    ENGINE_LOAD,
    ENGINE_SPEED,
    INTAKE_TEMP,
    LONG_TRIM,
    MOTOR_TEMP,
    SHORT_TRIM,
    SOC,
    SPEED,
    THROTTLE,
    VOLTAGE,
    Vehicle,
)

Array = NDArray[np.float64]

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
START = datetime(2026, 3, 2, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Set:
    """Real drives, and which simulated cars are most like them.

    Parameters
    ----------
    folder
        Under ``--real``.
    title
        With source and licence.
    models, climate, commute
        Of the simulated cars.
    signals
        VSS path, name, unit.
    """

    folder: str
    title: str
    models: tuple[str, ...]
    climate: Climate
    commute: tuple[str, ...]
    signals: tuple[tuple[str, str, str], ...]
    real_path: dict[str, str]


_ENGINE = (
    (COOLANT, "coolant", "°C"),
    (ENGINE_SPEED, "engine speed", "rpm"),
    (SPEED, "speed", "km/h"),
)

SETS = (
    Set(
        "kit-seat-leon",
        "Seat Leon (KIT Automotive OBD-II Dataset, CC BY 4.0)",
        ("lane_16d",),
        Climate(mean_c=9, season_c=0, weather_c=6),
        (cycles.MIXED, cycles.HIGHWAY),
        (*_ENGINE, (AIR_FLOW, "air flow", "g/s"), (INTAKE_TEMP, "intake temperature", "°C")),
        {},
    ),
    Set(
        "carobd",
        "Toyota Etios (carOBD; only these aggregates are shown)",
        ("pico_10", "lane_14"),
        Climate(mean_c=30, season_c=0, weather_c=2),
        (cycles.CITY,),
        (
            *_ENGINE,
            (VOLTAGE, "voltage, engine on", "V"),
            (SHORT_TRIM, "short fuel trim", "%"),
            (LONG_TRIM, "long fuel trim", "%"),
            (ENGINE_LOAD, "engine load", "%"),
        ),
        {},
    ),
    Set(
        "rsk-twizy-ev",
        "Renault Twizy (RSK Twizy EV dataset, CC BY 4.0)",
        ("arc_58",),
        Climate(mean_c=22, season_c=0, weather_c=2),
        (cycles.CITY,),
        ((SPEED, "speed", "km/h"), (SOC, "state of charge", "%")),
        {SOC: "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed"},
    ),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """One signal of one set."""

    title: str
    name: str
    unit: str
    real: Array
    simulated: Array

    @property
    def distance(self) -> float:
        """Wasserstein-1: the mean distance between equal quantiles, in the signal's unit."""
        grid = np.linspace(0.005, 0.995, 100)
        apart = np.quantile(self.real, grid) - np.quantile(self.simulated, grid)
        return float(np.abs(apart).mean())


def real(folder: Path, paths: Iterable[str]) -> dict[str, Array]:
    """Values of each signal over all drives of a folder, while the engine or motor is on.

    Raises
    ------
    OSError
        If there are none.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise OSError(f"{folder} has no drives (*.csv)")
    found: dict[str, list[float]] = {path: [] for path in paths}
    for file in files:
        for frame in drives.parse(file).frames:
            for path, values in found.items():
                value = frame.signals.get(path)
                if isinstance(value, int | float):
                    values.append(float(value))
    return {path: np.array(values) for path, values in found.items()}


def simulated(one: Set, cars: int = 6, days: float = 20) -> dict[str, Array]:
    """The same of simulated healthy cars, while they drive."""
    found: dict[str, list[Array]] = {path: [] for path, _, _ in one.signals}
    for number in range(cars):
        car = Vehicle(
            f"1RWLN1F4XMN00{number:04}",
            start=START,
            seed=number,
            model=one.models[number % len(one.models)],
            climate=one.climate,
            habits=Habits(commute=one.commute),
        )
        for stretch in car.columns(START + timedelta(days=days)):
            if THROTTLE in stretch.signals or MOTOR_TEMP in stretch.signals:  # it drives
                for path, values in found.items():
                    if path in stretch.signals:
                        values.append(stretch.signals[path].astype(float))
    return {path: np.concatenate(values) for path, values in found.items()}


def compare(folder: Path, one: Set) -> list[Pair]:
    """Pairs of one set."""
    paths = {path: one.real_path.get(path, path) for path, _, _ in one.signals}
    theirs = real(folder / one.folder, paths.values())
    ours = simulated(one)
    return [
        Pair(one.title, name, unit, theirs[paths[path]], ours[path])
        for path, name, unit in one.signals
    ]


def table(pairs: Iterable[Pair]) -> str:
    """Quantiles side by side, as Markdown."""
    lines = [
        "| signal | | 5 % | 25 % | 50 % | 75 % | 95 % | distance |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for pair in pairs:
        for who, values in (("real", pair.real), ("simulated", pair.simulated)):
            shown = " | ".join(f"{value:.4g}" for value in np.quantile(values, SHARES))
            last = f"{pair.distance:.3g} {pair.unit}" if who == "simulated" else ""
            name = f"{pair.name}, {pair.unit}" if who == "real" else ""
            lines.append(f"| {name} | {who} | {shown} | {last} |")
    return "\n".join(lines) + "\n"


def plot(pairs: list[Pair], file: Path) -> None:
    """Distributions of one set side by side, as one picture."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "roadworthy"  # the same picture each time
    from matplotlib import pyplot as plt

    rows = -(-len(pairs) // 3)
    figure, axes = plt.subplots(rows, 3, figsize=(10, 2.7 * rows), layout="constrained")
    flat: list[Any] = list(np.atleast_1d(axes).ravel())
    figure.patch.set_facecolor("white")
    for axis, pair in zip(flat, pairs, strict=False):
        both = np.concatenate((pair.real, pair.simulated))
        low, high = (float(edge) for edge in np.quantile(both, (0.002, 0.998)))
        edges = np.linspace(low, high, 40)
        for values, colour, label, fill in (
            (pair.real, "#0072B2", "real", True),
            (pair.simulated, "#D55E00", "simulated", False),
        ):
            heights, _ = np.histogram(values, edges, density=True)
            axis.stairs(
                heights, edges, color=colour, label=label, fill=fill,
                alpha=0.45 if fill else 1.0, linewidth=1.6,
            )  # fmt: skip
        axis.set_title(f"{pair.name}, {pair.unit}", fontsize=10)
        axis.set_yticks([])
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    for axis in flat[len(pairs) :]:
        axis.axis("off")
    flat[0].legend(frameon=False, fontsize=9)
    figure.suptitle(pairs[0].title, fontsize=11)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators marginals``."""
    parser.add_argument(
        "--real", type=Path, required=True, metavar="DIR",
        help=f"real drives, in folders {', '.join(one.folder for one in SETS)}",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", help="where pictures go")


def run(args: argparse.Namespace) -> int:
    """Print the tables, draw the pictures; the exit status."""
    for one in SETS:
        try:
            pairs = compare(args.real, one)
        except (OSError, drives.DriveError) as error:
            print(error, file=sys.stderr)
            return 2
        print(f"### {one.title}\n\n{table(pairs)}")
        if args.out:
            try:
                plot(pairs, args.out / f"{one.folder}.svg")
            except ImportError:
                print("Pictures need matplotlib, which `make setup` installs.", file=sys.stderr)
                return 2
    return 0
