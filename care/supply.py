"""Which pieces of which part a visit gets: from the shelf, or from what is on its way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from care.store.parts import Need, Supply


@dataclass(frozen=True, slots=True)
class Portion:
    """Pieces of one part from one place."""

    part_no: str
    quantity: int
    arrival_id: int | None  # None: from the shelf


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that is neither here nor on its way in that number."""

    part_no: str


def allot(
    needs: Sequence[Need], supplies: Sequence[Supply], by: datetime | None = None
) -> list[Portion] | Missing:
    """Take what is needed from what is free.

    Parameters
    ----------
    needs : sequence of Need
    supplies : sequence of Supply
        For each part the shelf first, then arrivals, the soonest first.
    by : datetime or None
        Only what is ready by then counts; None: whatever is known.

    Examples
    --------
    >>> allot([Need("FAN", 3)], [Supply("FAN", None, 2, None)])
    Missing(part_no='FAN')
    """
    portions = []
    for need in needs:
        left = need.quantity
        for one in supplies:
            late = by is not None and one.ready_at is not None and one.ready_at > by
            if one.part_no != need.part_no or late or left == 0:
                continue
            took = min(left, one.free)
            portions.append(Portion(need.part_no, took, one.arrival_id))
            left -= took
        if left:
            return Missing(need.part_no)
    return portions


def ready_at(needs: Sequence[Need], supplies: Sequence[Supply]) -> datetime | Missing | None:
    """When the last of the parts is here; None: all are."""
    portions = allot(needs, supplies)
    if isinstance(portions, Missing):
        return portions
    due = {one.arrival_id: one.ready_at for one in supplies}
    times = [at for p in portions if (at := due[p.arrival_id]) is not None]
    return max(times, default=None)
