"""A world's frames without the product: to feed load tests and backtests, as Parquet if wanted.

One file, one row a frame: ``vin``, ``ts`` (UTC, milliseconds), a column for each signal of
`record.signals` under its short name, and ``dtcs``. Rows are sorted by car, then by time; what
really was stands beside it in ``<name>.truth.json``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from record.signals import BY_NAME, BY_PATH
from simulators.columns import Columns
from simulators.models import MODELS
from simulators.world.causes import KIN
from simulators.world.driver import living
from simulators.world.plan import Car, World

GROUP = 100_000
"""Rows written at once."""


def stretches(world: World) -> Iterator[tuple[Car, list[Columns], list[datetime]]]:
    """Each car's frames as it measures them, before its gateway spoils anything, and its dues."""
    for car in world.cars:
        vehicle = living(world, car).vehicle
        yield car, vehicle.columns(world.end), vehicle.dues


def run(world: World, out: Path | None) -> int:
    """Make all frames, write them where wanted, and tell how fast that was; the exit status."""
    if out is not None and out.suffix != ".parquet":
        print(f"--out {out} should end in .parquet", file=sys.stderr)
        return 2
    try:
        writer = None if out is None else Writer(out)
    except ImportError:
        print("Parquet needs pyarrow, which `make setup` installs.", file=sys.stderr)
        return 2
    frames, making_s, began_s = 0, 0.0, time.perf_counter()
    told_s = began_s
    turn_s = began_s
    dues: dict[str, list[datetime]] = {}
    for number, (car, made, due) in enumerate(stretches(world), 1):
        dues[car.vin] = due
        frames += sum(len(one) for one in made)
        making_s += time.perf_counter() - turn_s
        if writer is not None:
            writer.add(car.vin, made)
        turn_s = time.perf_counter()
        if turn_s - told_s > 5 or number == len(world.cars):
            told_s = turn_s
            print(
                f"{number} of {len(world.cars)} cars, {frames:,} frames, "
                f"{frames / making_s:,.0f} frames/s made"
                + (f", {frames / (turn_s - began_s):,.0f} frames/s with writing" if writer else ""),
                flush=True,
            )
    if writer is not None and out is not None:
        writer.close()
        out.with_suffix(".truth.json").write_text(json.dumps(truth(world, dues), indent=1) + "\n")
    return 0


def truth(world: World, dues: Mapping[str, Sequence[datetime]]) -> dict[str, Any]:
    """What is wrong with which car, what falls due, and what only looks like it; ISO 8601."""

    def iso(at: Any) -> str | None:
        return None if at is None else at.isoformat()

    return {
        "seed": world.seed,
        "start": iso(world.start),
        "end": iso(world.end),
        "vehicles": {
            car.vin: {
                "vehicle": _profile(car),
                "faults": [
                    {
                        "kind": fault.name,
                        "onset": iso(fault.onset),
                        "noticed_at": iso(fault.noticed_at),
                        "fails_at": iso(fault.fails_at),
                        "causes": {
                            "right": sorted(KIN[fault.name].right),
                            "near": sorted(KIN[fault.name].near),
                        },
                    }
                    for fault in car.faults
                ],
                "dues": [iso(at) for at in dues[car.vin]],
                "innocents": [
                    {"kind": one.kind, "start": iso(one.start), "end": iso(one.end)}
                    for one in car.innocents
                ],
            }
            for car in world.cars
        },
    }


def _profile(car: Car) -> dict[str, Any]:
    """What the dealer knows of the car, as fields of `record.flow.Vehicle`."""
    model = MODELS[car.model]
    return {
        "make": model.make,
        "model": model.name,
        "model_year": car.model_year,
        "powertrain": model.powertrain,
        "service_interval_m": model.service_interval_m,
        "service_interval_days": model.service_interval_days,
        "last_service_at": car.service.done_at.isoformat(),
        "last_service_odometer_m": round(car.service.done_odometer_m),
    }


class Writer:
    """Writes frames into one Parquet file, a group of rows at a time."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._pa = pa
        kinds = {
            "text": pa.dictionary(pa.int16(), pa.string()),
            "boolean": pa.bool_(),
            "smallint": pa.int32(),
            "integer": pa.int64(),
            "real": pa.float32(),
            "double precision": pa.float64(),
        }
        self._signals = list(BY_NAME.values())
        self.schema = pa.schema(
            [
                ("vin", pa.dictionary(pa.int32(), pa.string())),
                ("ts", pa.timestamp("ms", tz="UTC")),
                *((signal.name, kinds[signal.sql]) for signal in self._signals),
                ("dtcs", pa.list_(pa.string())),
            ]
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = pq.ParquetWriter(path, self.schema, compression="zstd")
        self._waiting: list[tuple[str, Columns]] = []
        self._rows = 0

    def add(self, vin: str, made: list[Columns]) -> None:
        """Take one car's frames."""
        for one in made:
            self._waiting.append((vin, one))
            self._rows += len(one)
        if self._rows >= GROUP:
            self._write()

    def close(self) -> None:
        """Write what is left."""
        if self._rows:
            self._write()
        self._file.close()

    def _write(self) -> None:
        pa, count = self._pa, self._rows
        vins: list[str] = []
        codes: dict[str, int] = {}
        car = np.empty(count, np.int32)
        ts = np.empty(count, np.int64)
        dtcs: list[tuple[str, ...]] = []
        values: dict[str, Any] = {}
        present: dict[str, Any] = {}
        at = 0
        for vin, one in self._waiting:
            if vin not in codes:
                codes[vin] = len(vins)
                vins.append(vin)
            rows = slice(at, at + len(one))
            at += len(one)
            car[rows] = codes[vin]
            ts[rows] = one.ts_ms
            dtcs += [one.dtcs] * len(one)
            for path, array in one.signals.items():
                name = BY_PATH[path].name
                if name not in values:
                    text = array.dtype.kind == "O"
                    values[name] = np.full(count, None) if text else np.zeros(count)
                    present[name] = np.zeros(count, bool)
                values[name][rows] = array
                present[name][rows] = True
        arrays = [
            pa.DictionaryArray.from_arrays(pa.array(car), pa.array(vins)),
            pa.array(ts, pa.timestamp("ms", tz="UTC")),
        ]
        for signal in self._signals:
            kind = self.schema.field(signal.name).type
            if signal.name not in values:
                arrays.append(pa.nulls(count, kind))
            elif signal.sql == "text":
                arrays.append(pa.array(values[signal.name], pa.string()).cast(kind))
            else:
                wanted = {"boolean": bool, "smallint": np.int32, "integer": np.int64}
                numbers = values[signal.name].astype(wanted.get(signal.sql, np.float64))
                arrays.append(pa.array(numbers, mask=~present[signal.name]).cast(kind))
        arrays.append(pa.array([list(codes) for codes in dtcs], pa.list_(pa.string())))
        self._file.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
        self._waiting, self._rows = [], 0
