"""Frames side by side: how a simulated car hands out many at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.wire import Frame


@dataclass(frozen=True, slots=True)
class Columns:
    """A stretch of frames that all carry the same signals.

    Parameters
    ----------
    ts_ms
        Times of measurement, shape (n,), int64, milliseconds since 1970, rising.
    signals
        VSS path to the values, each of shape (n,): numbers, booleans or, for text, objects.
    dtcs
        Trouble codes present throughout.
    """

    ts_ms: NDArray[np.int64]
    signals: dict[str, NDArray[np.generic]]
    dtcs: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ts_ms)

    def where(self, chosen: NDArray[np.bool_] | slice) -> Columns:
        """Only the chosen frames."""
        return Columns(
            self.ts_ms[chosen],
            {path: values[chosen] for path, values in self.signals.items()},
            self.dtcs,
        )


def frames(stretches: Iterable[Columns]) -> list[Frame]:
    """The same frames one by one, as they travel.

    >>> two = Columns(np.array([1000, 2000]), {"Vehicle.Speed": np.array([3.0, 4.0])})
    >>> [frame.signals for frame in frames([two])]
    [{'Vehicle.Speed': 3.0}, {'Vehicle.Speed': 4.0}]
    """
    made: list[Frame] = []
    for one in stretches:
        paths = tuple(one.signals)
        rows = zip(*(values.tolist() for values in one.signals.values()), strict=True)
        made += [
            Frame(ts_ms, dict(zip(paths, row, strict=True)), one.dtcs)
            for ts_ms, row in zip(one.ts_ms.tolist(), rows, strict=True)
        ]
    return made
