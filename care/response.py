"""How long customers wait for a person's answer, in the dealer's working time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles

from psycopg import Connection

from care.hours import working_time
from care.store import people
from care.store import response as store
from care.task import REPLY_TIME

LOOK_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ReplyTimes:
    """One person's, or everybody's.

    Parameters
    ----------
    name : str
    answered : int
    median, nine_of_ten : timedelta
        Working time until the first answer, be it a text, a call, or the task's end.
    late : int
        How many waited longer than `task.REPLY_TIME`.
    """

    name: str
    answered: int
    median: timedelta
    nine_of_ten: timedelta
    late: int


def report(conn: Connection, dealer_id: int, now: datetime) -> list[ReplyTimes]:
    """The last month's answers: everybody's first, then by person; empty without any."""
    dealer = people.dealer(conn, dealer_id)
    assert dealer is not None
    waits: dict[str, list[timedelta]] = defaultdict(list)
    for one in store.answered(conn, dealer_id, now - LOOK_BACK):
        wait = working_time(one.asked_at, one.answered_at, dealer)
        waits["Everybody"].append(wait)
        waits[one.name].append(wait)
    return [times(name, some) for name, some in waits.items()]


def times(name: str, waits: Sequence[timedelta]) -> ReplyTimes:
    """Sum up.

    Examples
    --------
    >>> some = times("Ada", [timedelta(minutes=m) for m in (1, 2, 3, 4, 200)])
    >>> some.median, some.late
    (datetime.timedelta(seconds=180), 1)
    """
    seconds = [wait.total_seconds() for wait in waits]
    cuts = quantiles(seconds, n=10, method="inclusive") if len(seconds) > 1 else seconds * 9
    return ReplyTimes(
        name,
        len(waits),
        timedelta(seconds=cuts[4]),
        timedelta(seconds=cuts[8]),
        sum(wait > REPLY_TIME for wait in waits),
    )
