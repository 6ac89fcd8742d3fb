"""A chat for each repair, where advisor and technician read how it goes (WeCom).

It is for staff: the customer has the progress page. A state may be told twice if we are stopped at
the wrong moment, and is never left out for long.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from care.channels.contract import Later, Refused
from care.repair_states import TITLES
from care.sender import Transact
from care.store import crew as store
from care.store.crew import Untold

PAUSE = timedelta(minutes=1)
"""After a failure, and while somebody else may be telling the same."""


class Chats(Protocol):
    """What can hold a chat of staff."""

    def make_chat(self, chat_id: str, name: str, members: Sequence[str]) -> Later | Refused | None:
        """Make it; harmless when it is there."""
        ...

    def write_to_chat(self, chat_id: str, body: str) -> Later | Refused | None:
        """Write there."""
        ...


def tell_next(transact: Transact, chats: Chats, now: datetime) -> bool:
    """Tell the state of one repair to those who work on it. False when all is told.

    Only repairs whose advisor and technician both have a WeCom account get a chat.
    """
    one = transact(lambda conn: store.lease(conn, now, now + PAUSE))
    if one is None:
        return False
    chat = f"repair{one.repair_order_id}"
    failed = None
    if not one.told:
        failed = chats.make_chat(chat, one.car[:50] or chat, one.members)
    if failed is None:
        failed = chats.write_to_chat(chat, words(one))
    transact(lambda conn: store.settle(conn, one, failed, now))
    return True


def words(one: Untold) -> str:
    """What is told.

    Examples
    --------
    >>> words(Untold(7, "", "ready", ["lin", "mei"], "Toyota Corolla, ABC 123", "Battery test"))
    'Ready: Toyota Corolla, ABC 123 (Battery test)'
    """
    return f"{TITLES[one.state]}: {one.car} ({one.work})"
