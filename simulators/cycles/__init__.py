"""The drive cycles in this folder: speed, second by second."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
CITY, HIGHWAY, HARD, MIXED = "udds", "hwfet", "us06", "wltc_3b"
ROUNDS = "nrel13"
WAIT = "wait"
"""Twenty minutes with the engine on: a queue, a school gate. The only one that is no file."""


@lru_cache(maxsize=32)
def speeds_ms(name: str) -> tuple[float, ...]:
    """Speed at each second of a cycle.

    >>> len(speeds_ms("udds")), round(sum(speeds_ms("udds")))
    (1370, 11990)
    """
    if name == WAIT:
        return (0.0,) * 1201
    with (FOLDER / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return tuple(float(row["cycMps"]) for row in csv.DictReader(file))


@lru_cache(maxsize=128)
def route(names: tuple[str, ...]) -> NDArray[np.float64]:
    """Speed at each second of several cycles one after the other, m/s."""
    return np.concatenate([np.asarray(speeds_ms(name)) for name in names])
