"""Points for more than spending: for coming, answering, rating, and bringing a friend.

The ledger is only ever added to. A thing earns once, points last two years, and what was given by
mistake is taken back by a line of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection

from care.errors import CareError
from care.store import loyalty as store
from care.store import people
from care.store.loyalty import Entry, Tier

LASTS_MONTHS = 24

QUICK = timedelta(minutes=15)
"""An answer to an offer within this time earns points."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a customer stands.

    Parameters
    ----------
    points : int
        In force now.
    tier : Tier
    next_tier : Tier or None
        None at the top.
    next_expiry : datetime or None
        When the oldest points in force end.
    """

    points: int
    tier: Tier
    next_tier: Tier | None
    next_expiry: datetime | None


def expiry(at: datetime) -> datetime:
    """The same day two years on; from 29 February it is 1 March.

    Examples
    --------
    >>> from datetime import UTC
    >>> expiry(datetime(2024, 2, 29, tzinfo=UTC)).date().isoformat()
    '2026-03-01'
    """
    year = at.year + LASTS_MONTHS // 12
    try:
        return at.replace(year=year)
    except ValueError:
        return at.replace(year=year, day=28) + timedelta(days=1)


def balance(ledger: Sequence[Entry], now: datetime) -> int:
    """Points in force at `now`: neither expired nor taken back."""
    return sum(entry.points for entry in ledger if entry.at <= now < entry.expires_at)


def standing(ledger: Sequence[Entry], tiers: Sequence[Tier], now: datetime) -> Standing:
    """Balance, tier and what comes next.

    Parameters
    ----------
    ledger : sequence of Entry
    tiers : sequence of Tier
        The lowest first; it starts at nothing.
    now : datetime
    """
    points = balance(ledger, now)
    reached = [tier for tier in tiers if tier.from_points <= max(points, 0)]
    above = [tier for tier in tiers if tier.from_points > max(points, 0)]
    taken_back = {entry.reverses for entry in ledger}
    ends = [
        entry.expires_at
        for entry in ledger
        if entry.points > 0 and entry.id not in taken_back and entry.at <= now < entry.expires_at
    ]
    return Standing(points, reached[-1], above[0] if above else None, min(ends, default=None))


def earn(conn: Connection, customer_id: int, reason: str, subject: str, now: datetime) -> int:
    """Give a customer the points of a reason, once for each subject.

    Parameters
    ----------
    conn : Connection
        The caller commits.
    customer_id : int
    reason : str
        A code of ``loyalty_reason``: ``visit_kept``, ``check_attended``, ``feedback``,
        ``referral``, ``connected`` or ``quick_answer``.
    subject : str
        What it was earned with: ``booking:12``, ``repair_order:3``, ``month:2026-03``.
    now : datetime

    Returns
    -------
    int
        The points; 0 if the customer has had them before.

    Raises
    ------
    CareError
        If there is no such reason.
    """
    points = store.points_for(conn, reason)
    if points is None:
        raise CareError(f"Nobody earns points for {reason!r}.")
    given = store.add(conn, customer_id, reason, subject, points, now, expiry(now))
    return points if given else 0


def answered(
    conn: Connection, customer_id: int, outreach_id: int, asked_at: datetime, at: datetime
) -> int:
    """Points for a quick answer to a message with times; returns them."""
    if not timedelta(0) <= at - asked_at <= QUICK:
        return 0
    return earn(conn, customer_id, "quick_answer", f"outreach:{outreach_id}", at)


def month_connected(conn: Connection, now: datetime) -> int:
    """Points for whoever let their car talk to us all last month; returns how many customers.

    It did if it was heard in the month's first and in its last week. Safe to repeat.
    """
    until = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    since = (until - timedelta(days=1)).replace(day=1)
    return sum(
        earn(conn, customer_id, "connected", subject, now) > 0
        for customer_id, subject in store.connected(
            conn, since, until, f"month:{since:%Y-%m}:vehicle:"
        )
    )


def brought(conn: Connection, customer_id: int, friend_id: int, actor: str, now: datetime) -> int:
    """Points for who brought a friend; returns them, 0 if they have had them.

    Raises
    ------
    CareError
        If the friend is the customer, somebody else's friend, or was here before the customer.
    """
    friend, customer = (people.customer(conn, one) for one in (friend_id, customer_id))
    if friend is None or customer is None or friend.dealer_id != customer.dealer_id:
        raise CareError("There is no such customer.")
    if friend_id == customer_id:
        raise CareError("Nobody brings themselves.")
    if store.earned_for(conn, "referral", f"customer:{friend_id}", customer_id):
        raise CareError(f"{friend.name} was brought by somebody else.")
    points = earn(conn, customer_id, "referral", f"customer:{friend_id}", now)
    if points:
        people.audit(
            conn, now, actor, "brought a friend", f"customer:{customer_id}", friend=friend_id
        )
    return points


def take_back(
    conn: Connection, customer_id: int, reason: str, subject: str, actor: str, now: datetime
) -> None:
    """Reverse what was earned by mistake. Safe to repeat.

    Raises
    ------
    CareError
        If nothing was earned so.
    """
    entry = store.entry(conn, customer_id, reason, subject)
    if entry is None:
        raise CareError("There are no points for this that could be taken back.")
    take_back_entry(conn, customer_id, entry.id, actor, now)


def take_back_entry(
    conn: Connection, customer_id: int, entry_id: int, actor: str, now: datetime
) -> None:
    """Reverse one line of a customer's ledger. Safe to repeat.

    Raises
    ------
    CareError
        If it isn't theirs, or takes something back itself.
    """
    theirs = {one.id for one in store.entries(conn, customer_id) if one.reverses is None}
    if entry_id not in theirs:
        raise CareError("There are no points for this that could be taken back.")
    if store.reverse(conn, entry_id, now):
        people.audit(
            conn, now, actor, "points taken back", f"customer:{customer_id}", entry=entry_id
        )
