"""Which times the workshop can offer: real bays, real technicians, the dealer's own clock."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import Connection

from care.errors import CareError
from care.hours import instant
from care.store import bookings, people
from care.store.bookings import Bay, Busy, OpCode, Technician
from care.store.people import Dealer
from record.flow import Slot

STEP = timedelta(minutes=30)
"""Appointments begin on the half hour."""

LEAD = timedelta(hours=2)
"""A customer needs time to come, and the workshop to expect the car."""

HORIZON_DAYS = 28
"""How far ahead we look."""


def free_slots(
    dealer: Dealer,
    bays: Sequence[Bay],
    technicians: Sequence[Technician],
    busy: Iterable[Busy],
    op: OpCode,
    earliest: datetime,
    days: int = HORIZON_DAYS,
) -> Iterator[Slot]:
    """Every start time when a bay and a technician are free, soonest first, one slot each.

    Parameters
    ----------
    dealer : Dealer
        Opening hours and time zone.
    bays, technicians : sequence
        Only those that suit `op` are used.
    busy : iterable of Busy
        What is taken.
    op : OpCode
    earliest : datetime
        No slot begins before.
    days : int
        How many of the dealer's local days to look at.

    Yields
    ------
    Slot
    """
    bays = [b for b in bays if b.kind == op.bay_kind]
    technicians = [t for t in technicians if op.skill in t.skills]
    bay_busy: dict[int, list[Busy]] = defaultdict(list)
    technician_busy: dict[int, list[Busy]] = defaultdict(list)
    for one in busy:
        bay_busy[one.bay_id].append(one)
        technician_busy[one.technician_id].append(one)
    zone = ZoneInfo(dealer.time_zone)
    length = timedelta(minutes=op.minutes)
    first_day = earliest.astimezone(zone).date()
    for day in (first_day + timedelta(days=n) for n in range(days)):
        if day.isoweekday() not in dealer.open_weekdays:
            continue
        opens = instant(day, dealer.opens, zone)
        closes = instant(day, dealer.closes, zone)
        if opens is None or closes is None:
            continue
        working = [
            (t.id, starts, ends)
            for t in technicians
            if day.isoweekday() in t.weekdays
            and (starts := instant(day, t.shift_starts, zone))
            and (ends := instant(day, t.shift_ends, zone))
        ]
        start = opens
        while start + length <= closes:
            end = start + length
            if start >= earliest:
                bay = next((b.id for b in bays if _free(bay_busy[b.id], start, end)), None)
                technician = next(
                    (
                        who
                        for who, starts, ends in working
                        if starts <= start
                        and end <= ends
                        and _free(technician_busy[who], start, end)
                    ),
                    None,
                )
                if bay is not None and technician is not None:
                    yield Slot(bay, technician, start, end)
            start += STEP


def _free(taken: Iterable[Busy], start: datetime, end: datetime) -> bool:
    return all(end <= one.starts_at or one.ends_at <= start for one in taken)


def choose(
    slots: Iterable[Slot], zone: ZoneInfo, count: int, before: datetime | None = None
) -> list[Slot]:
    """Pick a few choices that differ: each in another half-day, before the failure if possible.

    Parameters
    ----------
    slots : iterable of Slot
        Soonest first.
    zone : ZoneInfo
        The dealer's.
    count : int
    before : datetime or None
        Slots that end by then come first, even two in one half-day.

    Returns
    -------
    list of Slot
        Soonest first; fewer than `count` where there are fewer.
    """
    spread: list[Slot] = []  # the first of each half-day
    crowded: list[Slot] = []  # the others that still come before the failure
    late: list[Slot] = []
    halves: set[tuple[object, bool]] = set()
    for slot in slots:
        local = slot.starts_at.astimezone(zone)
        half = (local.date(), local.hour >= 12)
        in_time = before is None or slot.ends_at <= before
        if half in halves:
            if in_time and before is not None:
                crowded.append(slot)
            continue
        halves.add(half)
        (spread if in_time else late).append(slot)
        if len(spread) >= count or len(late) >= count:
            break
    picked = (spread + crowded + late)[:count]
    return sorted(picked, key=lambda s: s.starts_at)


def find_slots(
    conn: Connection,
    *,
    dealer_id: int,
    op_code: str,
    now: datetime,
    before: datetime | None = None,
    count: int = 3,
) -> list[Slot]:
    """Times to offer a customer.

    Parameters
    ----------
    conn : Connection
    dealer_id : int
    op_code : str
    now : datetime
        Nothing is offered before `now` + `LEAD`.
    before : datetime or None
        When the failure is expected; choices before it are preferred.
    count : int

    Raises
    ------
    CareError
        If there is no such dealer or op-code.
    """
    dealer, op = people.dealer(conn, dealer_id), bookings.op_code(conn, op_code)
    if dealer is None:
        raise CareError(f"There is no dealer {dealer_id}.")
    if op is None:
        raise CareError(f"There is no op-code {op_code}.")
    earliest = now + LEAD
    free = free_slots(
        dealer,
        bookings.bays(conn, dealer_id),
        bookings.technicians(conn, dealer_id),
        bookings.busy(conn, dealer_id, now, now + timedelta(days=HORIZON_DAYS + 2)),
        op,
        earliest,
    )
    return choose(free, ZoneInfo(dealer.time_zone), count, before)


def fits(
    slot: Slot, dealer: Dealer, bays: Sequence[Bay], technicians: Sequence[Technician], op: OpCode
) -> bool:
    """Whether a slot from outside is one that the workshop would offer on an empty day."""
    offered = free_slots(
        dealer,
        [b for b in bays if b.id == slot.bay_id],
        [t for t in technicians if t.id == slot.technician_id],
        [],
        op,
        slot.starts_at,
        days=1,
    )
    return next((s == slot for s in offered), False)
