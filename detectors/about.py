"""What a detector looks at, in its own words: read out of its module, for people."""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from detectors import DETECTORS
from detectors.contract import Detector


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a detector decides by, and where it comes from."""

    name: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class About:
    """A detector as a technician reads it.

    Parameters
    ----------
    name : str
    version : int
    title : str
        What is wrong, in a sentence.
    text : str
        Its docstring: what fails, how it shows, what only looks like it.
    signals : tuple of str
        Columns of `record.signals`.
    reads_dtcs : bool
    causes : tuple of str
    thresholds : tuple of Threshold
    """

    name: str
    version: int
    title: str
    text: str
    signals: tuple[str, ...]
    reads_dtcs: bool
    causes: tuple[str, ...]
    thresholds: tuple[Threshold, ...]


def about(kind: type[Detector[Any]]) -> About:
    """Read a detector's module.

    Examples
    --------
    >>> from detectors.coolant_overheat import CoolantOverheat
    >>> read = about(CoolantOverheat)
    >>> read.signals[0], read.thresholds[0].name, read.thresholds[0].value
    ('coolant_temp_c', 'HOT_C', '118.0')
    """
    module = sys.modules[kind.__module__]
    return About(
        kind.name,
        kind.version,
        inspect.cleandoc(module.__doc__ or "").partition("\n")[0],
        inspect.cleandoc(kind.__doc__ or ""),
        kind.signals,
        kind.reads_dtcs,
        kind.causes,
        tuple(_thresholds(ast.parse(inspect.getsource(module)).body)),
    )


@cache
def everything() -> tuple[About, ...]:
    """All detectors, in their order."""
    return tuple(about(kind) for kind in DETECTORS)


def _thresholds(body: list[ast.stmt]) -> Iterator[Threshold]:
    """Constants in capitals that are explained below."""
    for statement, after in pairwise(body):
        if not isinstance(statement, ast.Assign) or not isinstance(after, ast.Expr):
            continue
        name = ast.unparse(statement.targets[0]).strip("()")
        if name.isupper() and not name.startswith("_") and isinstance(after.value, ast.Constant):
            value = ast.unparse(statement.value).strip("()")
            yield Threshold(name, value, inspect.cleandoc(str(after.value.value)))
