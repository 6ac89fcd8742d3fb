"""How far a detector is trusted: a rule finds its way from shadow into force by evidence.

In shadow its findings are kept and measured, and nobody is told. On probation an advisor is told,
and a customer never by itself. In force its alerts are told as journeys say. Set aside, nothing
that it finds is kept. A manager moves it; up only with evidence, down at any time
(docs/decisions/0071).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg

from detectors import DETECTORS, standing, store
from detectors.standing import Measured
from record.flow import Stage

PROMOTED = {Stage.SHADOW: Stage.PROBATION, Stage.PROBATION: Stage.IN_FORCE}

FLOOR = {Stage.PROBATION: 10, Stage.IN_FORCE: 20}
"""Answered cases of the version that runs, before it may come so far."""

LEAST = {Stage.PROBATION: 0.5, Stage.IN_FORCE: 0.75}
"""Precision that it must have to be there, 95 times of 100: an advisor should be called for nothing
less often than for something, a customer at most one time in four. The goal of 0.95 can't be asked
here: twenty answers without one error don't prove it."""

DOWN: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.SHADOW: (Stage.SET_ASIDE,),
    Stage.PROBATION: (Stage.SHADOW, Stage.SET_ASIDE),
    Stage.IN_FORCE: (Stage.PROBATION, Stage.SHADOW, Stage.SET_ASIDE),
    Stage.SET_ASIDE: (Stage.SHADOW,),
}
"""Where a manager may move it without evidence."""


class StageError(Exception):
    """A detector can't be moved there; the message says why."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """The next stage, and what is missing for it; nothing where it may be moved."""

    to: Stage
    missing: str


def promotion(stage: Stage, measured: Measured | None) -> Promotion | None:
    """What the next stage up would ask for; None where there is none.

    Examples
    --------
    >>> promotion(Stage.SHADOW, None).missing
    '10 answered cases of this version; there are 0'
    >>> from detectors.store import Tally
    >>> fine = standing.measured(Tally("d", 1, None, None, 0, 30, 28, 0, 1, None))
    >>> promotion(Stage.SHADOW, fine)
    Promotion(to=<Stage.PROBATION: 'probation'>, missing='')
    """
    to = PROMOTED.get(stage)
    if to is None:
        return None
    answered = measured.answered if measured else 0
    if measured is None or answered < FLOOR[to]:
        return Promotion(to, f"{FLOOR[to]} answered cases of this version; there are {answered}")
    if measured.precision.low < LEAST[to]:
        low = f"{measured.precision.low:.0%}"
        return Promotion(to, f"a precision of surely {LEAST[to]:.0%}; it may be as low as {low}")
    return Promotion(to, "")


def demotion(stage: Stage, measured: Measured | None) -> Stage | None:
    """Where it should go: one down, when even the best that it may be is not enough.

    Examples
    --------
    >>> from detectors.store import Tally
    >>> wolf = standing.measured(Tally("d", 1, None, None, 30, 0, 10, 0, 20, None))
    >>> demotion(Stage.IN_FORCE, wolf), demotion(Stage.SHADOW, wolf)
    (<Stage.PROBATION: 'probation'>, None)
    """
    if measured is None or stage not in LEAST or measured.answered < FLOOR[Stage.PROBATION]:
        return None
    return DOWN[stage][0] if measured.precision.high < LEAST[stage] else None


def move(
    conn: psycopg.Connection,
    name: str,
    version: int,
    to: Stage,
    why: str,
    by: str,
    now: datetime,
) -> None:
    """A manager moves a detector. The caller commits.

    Out of shadow, what it has found lately and still sees becomes alerts.

    Raises
    ------
    StageError
        If there is no reason, no way there, or not the evidence that it takes.
    """
    if not why.strip():
        raise StageError("Say in a few words why.")
    store.begin_stages(conn, [kind.name for kind in DETECTORS])
    store.lock_stages(conn)
    stage = store.stages(conn, [name])[name]
    measured = standing.record(store.tallies(conn, name)).of(version)
    up = promotion(stage, measured)
    if up is not None and up.to == to:
        if up.missing:
            raise StageError(f"It takes {up.missing}.")
    elif to not in DOWN[stage]:
        raise StageError(f"It is {NAMES[stage].lower()}: it can't be moved there.")
    evidence = {"version": version} | (
        {
            "answered": measured.answered,
            "right": measured.tally.right,
            "low": round(measured.precision.low, 3),
            "high": round(measured.precision.high, 3),
        }
        if measured
        else {}
    )
    store.add_stage(conn, name, to, by, now, why.strip(), evidence)
    if stage == Stage.SHADOW and to == Stage.PROBATION:
        store.tell_anew(conn, name, now)


NAMES = {
    Stage.SHADOW: "In shadow",
    Stage.PROBATION: "On probation",
    Stage.IN_FORCE: "In force",
    Stage.SET_ASIDE: "Set aside",
}
