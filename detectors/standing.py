"""How right each detector has been, measured by what workshops found.

A detector's word is right if there was a fault: the one that it named, or another behind the same
symptom. What could not be reproduced, or was not looked at, says nothing. Of right and wrong we
believe the beta posterior (`record.share.posterior`), version by version: the first begins with
Jeffreys' prior, and each further one with what its forerunner showed, worth `INHERITED` answers at
most, so that a new rule is soon judged by its own. A cause begins with what its version showed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from detectors.store import Tally
from record.share import Belief, posterior

INHERITED = 8.0
"""Answers that a new version's, or a cause's, beginning is worth at most: after twenty of its own
labels the past weighs less than a third."""

JEFFREYS = (0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """A record with its precision.

    Parameters
    ----------
    tally : Tally
    precision : Belief
    """

    tally: Tally
    precision: Belief

    @property
    def answered(self) -> int:
        """Cases of which it is known whether it was right."""
        return self.tally.right + self.tally.wrong


@dataclass(frozen=True, slots=True)
class Record:
    """All that is measured of one detector, the newest version first.

    Parameters
    ----------
    versions : sequence of Measured
    causes : sequence of Measured
        Of the newest version.
    months : sequence of Measured
        Of all versions together, the newest first; each month stands for itself.
    """

    versions: Sequence[Measured]
    causes: Sequence[Measured]
    months: Sequence[Measured]

    def of(self, version: int) -> Measured | None:
        """What is measured of a version; None while it has no case."""
        return next((one for one in self.versions if one.tally.version == version), None)


def measured(tally: Tally, prior: tuple[float, float] = JEFFREYS) -> Measured:
    """A tally with its precision.

    Examples
    --------
    >>> one = measured(Tally("d", 1, None, None, 20, 0, 12, 2, 1, None))
    >>> one.answered, round(one.precision.mean, 2), round(one.precision.low, 2)
    (15, 0.91, 0.73)
    """
    return Measured(tally, posterior(tally.right, tally.wrong, *prior))


def inherited(before: Measured) -> tuple[float, float]:
    """The prior that a record leaves to what comes after it."""
    return before.precision.mean, min(before.answered + JEFFREYS[1], INHERITED)


def by_version(tallies: Sequence[Tally]) -> list[Measured]:
    """One detector's versions, the newest first, each beginning with what the one before showed.

    Examples
    --------
    >>> old = Tally("d", 1, None, None, 40, 0, 38, 0, 2, None)
    >>> new = Tally("d", 2, None, None, 1, 0, 0, 0, 1, None)
    >>> [round(one.precision.mean, 2) for one in by_version([new, old])]
    [0.83, 0.94]
    """
    found: list[Measured] = []
    for tally in sorted(tallies, key=lambda one: one.version):
        found.append(measured(tally, inherited(found[-1]) if found else JEFFREYS))
    return found[::-1]


def record(tallies: Sequence[Tally]) -> Record:
    """A detector's record of `store.tallies`."""
    versions = by_version([t for t in tallies if t.cause is None and t.month is None])
    causes = [
        measured(t, inherited(versions[0]))
        for t in tallies
        if t.cause is not None and t.version == versions[0].tally.version
    ]
    months = [measured(t) for t in tallies if t.month is not None]
    return Record(versions, causes, months)
