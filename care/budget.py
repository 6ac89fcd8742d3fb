"""What is for today: so many calls for each advisor, the most important first; the rest is watched.

What can't wait, a car that should stop, is for today whatever the budget says. Tasks that nobody
owns yet are for today as far as the advisors together have calls left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """One open task, as the budget sees it."""

    id: int
    owner_id: int | None
    priority: float
    must_today: bool


def today(calls: Sequence[Call], left: Mapping[int, int]) -> frozenset[int]:
    """Which tasks are for today.

    Parameters
    ----------
    calls : sequence of Call
        Open ones that nobody put aside.
    left : mapping of int to int
        How many calls each person has left today. Whoever isn't named has no limit, and with
        nobody named neither has what nobody owns.

    Examples
    --------
    >>> calls = [Call(1, 7, 60, False), Call(2, 7, 30, False), Call(3, 7, 20, True)]
    >>> sorted(today(calls, {7: 2}))
    [1, 3]
    """
    owners: dict[int | None, list[Call]] = {}
    for one in calls:
        owners.setdefault(one.owner_id, []).append(one)
    chosen: set[int] = set()
    spare = 0
    for owner, budget in left.items():
        own = _first(owners.pop(owner, []), budget)
        chosen |= own
        spare += max(budget - len(own), 0)
    pool = owners.pop(None, [])
    chosen |= _first(pool, spare) if left else {c.id for c in pool}
    return frozenset(chosen | {c.id for rest in owners.values() for c in rest})


def _first(calls: Sequence[Call], budget: int) -> set[int]:
    ranked = sorted(calls, key=lambda c: (not c.must_today, -c.priority, c.id))
    must = sum(c.must_today for c in ranked)
    return {c.id for c in ranked[: max(budget, must)]}
