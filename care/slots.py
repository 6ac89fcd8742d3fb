"""Which times the workshop can offer: real bays, technicians and parts, the dealer's own clock.

`free_slots` is a pure function of rows. `find` reads them and answers what every message and page
needs: an `Offer` of times that differ, or `NoSlot` with the reasons and what can be done instead. A
time after the predicted failure is never offered in place of one before it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import Connection

from care.errors import CareError
from care.hours import instant, opens_on
from care.store import bookings, parts, people, workshop
from care.store.bookings import Also, Away, Bay, Busy, OpCode, Technician
from care.store.people import Dealer
from care.store.workshop import Place, Site
from care.supply import Missing, ready_at
from record.flow import Alert, Slot, Urgency

STEP = timedelta(minutes=30)
"""Appointments begin on the half hour."""

LEAD = timedelta(hours=2)
"""A customer needs time to come, and the workshop to expect the car."""

HORIZON_DAYS = 28
"""How far ahead we look."""

ROUND_MIN = 5
"""A visit's length is rounded up to so many minutes."""

_DEMAND = {"quick": 0, "general": 1, "ev": 2}
"""Which bay does for several works together: the one that the most demanding of them needs."""

REASONS = {
    "late": "Every free time comes after the predicted failure.",
    "full": "There is no free time in the next four weeks.",
    "parts": "A part that it needs does not come before the predicted failure.",
    "no parts": "A part that it needs is not in stock, and none is on its way.",
    "nobody": "No bay or technician here can do this work.",
}
"""Why there is no slot, as an advisor is told."""


@dataclass(frozen=True, slots=True)
class Work:
    """All that is done on one visit, as the search needs it."""

    minutes: int
    bay_kind: str
    skills: frozenset[str]

    def length(self, technician: Technician) -> timedelta:
        """How long this technician needs."""
        minutes = round(self.minutes * technician.efficiency, 3)
        return timedelta(minutes=math.ceil(minutes / ROUND_MIN) * ROUND_MIN)


def work_of(ops: Sequence[OpCode]) -> Work:
    """Several works as one: all their minutes, all their skills, one bay that does for all.

    Examples
    --------
    >>> test = OpCode("T", "Test", 45, "quick", "electrical")
    >>> work_of([test, OpCode("S", "Service", 90, "general", "general")]).bay_kind
    'general'
    """
    return Work(
        sum(op.minutes for op in ops),
        max((op.bay_kind for op in ops), key=lambda kind: _DEMAND.get(kind, 9)),
        frozenset(op.skill for op in ops),
    )


@dataclass(frozen=True, slots=True)
class Shop:
    """A workshop as the search needs it.

    Parameters
    ----------
    dealer : Dealer
        Opening hours and time zone.
    bays, technicians : sequence
    busy : sequence of Busy
        What is taken.
    away : sequence of Away
        Technicians' absences.
    walk_in_share : float
        The share of a day's hours that is kept free until that day.
    """

    dealer: Dealer
    bays: Sequence[Bay]
    technicians: Sequence[Technician]
    busy: Sequence[Busy] = ()
    away: Sequence[Away] = ()
    walk_in_share: float = 0.0


_Span = tuple[datetime, datetime]
Spans = Sequence[_Span]
"""From when to when a visit may begin; none at all: any time will do."""


def free_slots(
    shop: Shop,
    work: Work,
    earliest: datetime,
    days: int = HORIZON_DAYS,
    today: date | None = None,
) -> Iterator[Slot]:
    """Every start time when a bay and a technician are free, soonest first, one slot each.

    Parameters
    ----------
    shop : Shop
        Only bays and technicians that suit `work` are used.
    work : Work
    earliest : datetime
        No slot begins before.
    days : int
        How many of the dealer's local days to look at.
    today : date or None
        The dealer's; the walk-in share is kept on later days. None: on no day.

    Yields
    ------
    Slot
    """
    bays = [b.id for b in shop.bays if b.kind == work.bay_kind]
    lengths = {t.id: work.length(t) for t in shop.technicians if work.skills <= set(t.skills)}
    if not bays or not lengths:
        return
    zone = ZoneInfo(shop.dealer.time_zone)
    first_day = earliest.astimezone(zone).date()
    for day in (first_day + timedelta(days=n) for n in range(days)):
        if not opens_on(day, shop.dealer):
            continue
        opens = instant(day, shop.dealer.opens, zone)
        closes = instant(day, shop.dealer.closes, zone)
        if opens is None or closes is None:
            continue
        shifts = {t.id: span for t in shop.technicians if (span := _shift(t, day, zone))}
        bay_busy: dict[int, list[_Span]] = defaultdict(list)
        busy: dict[int, list[_Span]] = defaultdict(list)
        for one in shop.busy:
            if one.starts_at < closes and opens < one.ends_at:
                bay_busy[one.bay_id].append((one.starts_at, one.ends_at))
                busy[one.technician_id].append((one.starts_at, one.ends_at))
        left = timedelta.max
        if shop.walk_in_share and today is not None and day > today:
            left = _left_to_promise(shop, shifts, busy, opens, closes)
        for out in shop.away:
            busy[out.technician_id].append((out.starts_at, out.ends_at))
        start = opens
        while start < closes:
            if start >= earliest:
                slot = _slot_at(start, closes, bays, bay_busy, shifts, busy, lengths, left)
                if slot is not None:
                    yield slot
            start += STEP


def _slot_at(
    start: datetime,
    closes: datetime,
    bays: Sequence[int],
    bay_busy: dict[int, list[_Span]],
    shifts: dict[int, _Span],
    busy: dict[int, list[_Span]],
    lengths: dict[int, timedelta],
    left: timedelta,
) -> Slot | None:
    """The first technician and bay that are free from `start` for as long as the work takes."""
    for who, length in lengths.items():
        end = start + length
        if who not in shifts or length > left or end > closes:
            continue
        begins, ends = shifts[who]
        if begins <= start and end <= ends and _free(busy[who], start, end):
            bay = next((b for b in bays if _free(bay_busy[b], start, end)), None)
            if bay is not None:
                return Slot(bay, who, start, end)
    return None


def _shift(technician: Technician, day: date, zone: ZoneInfo) -> _Span | None:
    if day.isoweekday() not in technician.weekdays:
        return None
    starts = instant(day, technician.shift_starts, zone)
    ends = instant(day, technician.shift_ends, zone)
    return (starts, ends) if starts and ends else None


def _left_to_promise(
    shop: Shop,
    shifts: dict[int, _Span],
    busy: dict[int, list[_Span]],
    opens: datetime,
    closes: datetime,
) -> timedelta:
    """Technician time of a day that may still be promised, the walk-ins' share put aside."""
    none = timedelta()
    capacity = taken = none
    for who, (starts, ends) in shifts.items():
        begin, end = max(starts, opens), min(ends, closes)
        capacity += max(end - begin, none)
        for out in shop.away:
            if out.technician_id == who:
                capacity -= max(min(out.ends_at, end) - max(out.starts_at, begin), none)
        taken += sum((b - a for a, b in busy[who]), none)
    return capacity * (1 - shop.walk_in_share) - taken


def _free(taken: Iterable[_Span], start: datetime, end: datetime) -> bool:
    return all(end <= a or b <= start for a, b in taken)


def within(slots: Iterable[Slot], wished: Spans) -> Iterator[Slot]:
    """The slots that begin when somebody would like to come."""
    last = max(until for _, until in wished)
    for slot in slots:
        if slot.starts_at >= last:
            break
        if any(since <= slot.starts_at < until for since, until in wished):
            yield slot


def choose(
    slots: Iterable[Slot],
    zone: ZoneInfo,
    count: int,
    before: datetime | None = None,
    fill: bool = False,
) -> list[Slot]:
    """Pick a few choices that differ: each in another half-day, as far as there are so many.

    Parameters
    ----------
    slots : iterable of Slot
        Soonest first.
    zone : ZoneInfo
        The dealer's.
    count : int
    before : datetime or None
        Only slots that end by then, even two in one half-day. One after the failure is no choice.
    fill : bool
        Even two in one half-day.

    Returns
    -------
    list of Slot
        Soonest first; fewer than `count` where there are fewer.
    """
    spread: list[Slot] = []  # the first of each half-day
    crowded: list[Slot] = []  # the others, where they are better than none
    halves: set[tuple[object, bool]] = set()
    for slot in slots:
        if before is not None and slot.starts_at >= before:
            break
        if before is not None and slot.ends_at > before:
            continue
        local = slot.starts_at.astimezone(zone)
        half = (local.date(), local.hour >= 12)
        if half in halves:
            if fill or before is not None:
                crowded.append(slot)
            continue
        halves.add(half)
        spread.append(slot)
        if len(spread) >= count:
            break
    return sorted((spread + crowded)[:count], key=lambda s: s.starts_at)


def deadline(
    urgency: str | None, expect_from: datetime | None, expect_to: datetime | None, now: datetime
) -> datetime | None:
    """Until when a visit is in time; None where any time will do.

    A fault must be seen before it may fail; a due may come as late as it falls due at all. What is
    overdue already is seen as soon as can be.

    Examples
    --------
    >>> from datetime import UTC
    >>> day = [datetime(2026, 12, n, tzinfo=UTC) for n in range(1, 9)]
    >>> [deadline(kind, day[3], day[6], day[0]).day for kind in ("soon", "service")]
    [4, 7]
    >>> deadline("soon", day[3], day[6], day[5]) is None
    True
    """
    until = expect_to if urgency == Urgency.SERVICE and expect_to else expect_from
    return until if until is not None and until > now else None


@dataclass(frozen=True, slots=True)
class Alternative:
    """What can be done where no slot fits.

    Parameters
    ----------
    kind : str
        ``site``, ``mobile``, ``pick_up`` or ``tow``.
    site : Site
        The one that does it.
    starts_at : datetime or None
        When another site could see the car.
    """

    kind: str
    site: Site
    starts_at: datetime | None = None

    @property
    def title(self) -> str:
        """As an advisor is told."""
        match self.kind:
            case "site":
                return f"{self.site.name} has a time"
            case "mobile":
                return "a mobile technician"
            case "pick_up":
                return "fetching the car"
            case _:
                return "a tow"

    @property
    def directions(self) -> str | None:
        """A map with the way there."""
        if self.kind != "site" or self.site.latitude is None or self.site.longitude is None:
            return None
        to = f"{self.site.latitude:.5f}%2C{self.site.longitude:.5f}"
        return f"https://www.openstreetmap.org/directions?to={to}"


@dataclass(frozen=True, slots=True)
class Offer:
    """Times to choose from, and what else is done on the same visit."""

    slots: Sequence[Slot]
    also: Sequence[Also] = ()


@dataclass(frozen=True, slots=True)
class NoSlot:
    """No time fits, said plainly.

    Parameters
    ----------
    reasons : sequence of str
        Keys of `REASONS`.
    alternatives : sequence of Alternative
    """

    reasons: Sequence[str]
    alternatives: Sequence[Alternative] = ()

    @property
    def too_late(self) -> bool:
        """Whether there would be times, but none before the failure."""
        return bool({"late", "parts"} & set(self.reasons))

    @property
    def told(self) -> str:
        """For the advisor: why, and what to offer."""
        why = " ".join(REASONS[r] for r in self.reasons)
        instead = ", ".join(a.title for a in self.alternatives)
        return f"{why} Offer {instead}." if instead else why


def shop_of(conn: Connection, dealer: Dealer, now: datetime, but: int | None = None) -> Shop:
    """A dealer's workshop as it stands; what booking `but` has counts as free."""
    until = now + timedelta(days=HORIZON_DAYS + 2)
    return Shop(
        dealer,
        bookings.bays(conn, dealer.id),
        bookings.technicians(conn, dealer.id),
        bookings.busy(conn, dealer.id, now, until, but),
        bookings.away(conn, dealer.id, now, until),
        bookings.walk_in_share(conn, dealer.id),
    )


def _search(
    conn: Connection,
    dealer_id: int,
    op_codes: Sequence[str],
    now: datetime,
    before: datetime | None,
    count: int,
    but: int | None = None,
    not_before: datetime | None = None,
    wished: Spans = (),
) -> list[Slot] | str:
    """Slots for these works, or the reason why there is none.

    Raises
    ------
    CareError
        If there is no such dealer or op-code.
    """
    dealer, ops = people.dealer(conn, dealer_id), bookings.op_codes(conn, op_codes)
    if dealer is None:
        raise CareError(f"There is no dealer {dealer_id}.")
    for code in op_codes:
        if code not in {op.code for op in ops}:
            raise CareError(f"There is no op-code {code}.")
    ready = not_before
    needs = parts.needs(conn, op_codes)
    if needs and ready is None:
        supplies = parts.supplies(conn, dealer_id, [n.part_no for n in needs])
        found = ready_at(needs, supplies)
        if isinstance(found, Missing):
            return "no parts"
        ready = found
    if ready is not None and before is not None and ready >= before:
        return "parts"
    zone = ZoneInfo(dealer.time_zone)
    shop, work = shop_of(conn, dealer, now, but), work_of(ops)
    free = free_slots(
        shop,
        work,
        max(now + LEAD, ready) if ready is not None else now + LEAD,
        today=now.astimezone(zone).date(),
    )
    if wished:
        free = within(free, wished)
    chosen = choose(free, zone, count, before, fill=bool(wished))
    if chosen:
        return chosen
    empty = replace(shop, busy=(), away=(), walk_in_share=0.0)
    if next(free_slots(empty, work, now), None) is None:
        return "nobody"
    return "late" if before is not None else "full"


def find_slots(
    conn: Connection,
    *,
    dealer_id: int,
    op_code: str,
    now: datetime,
    before: datetime | None = None,
    count: int = 3,
    also: Sequence[Also] = (),
) -> list[Slot]:
    """Times to offer for works that are known; none where nothing fits.

    Parameters
    ----------
    conn : Connection
    dealer_id : int
    op_code : str
    now : datetime
        Nothing is offered before `now` + `LEAD`, nor before all parts are there.
    before : datetime or None
        When the failure is expected; no later choice is offered.
    count : int
    also : sequence of Also
        Further works of the visit.

    Raises
    ------
    CareError
        If there is no such dealer or op-code.
    """
    codes = [op_code, *(one.op_code for one in also)]
    found = _search(conn, dealer_id, codes, now, before, count)
    return [] if isinstance(found, str) else found


def find(
    conn: Connection,
    *,
    dealer_id: int,
    op_code: str,
    now: datetime,
    vehicle_id: int,
    customer_id: int | None = None,
    alert: Alert | None = None,
    count: int = 3,
    also: Sequence[Also] | None = None,
    wished: Spans = (),
) -> Offer | NoSlot:
    """What to offer a customer: times on which all that the car needs is done, or plain words.

    Parameters
    ----------
    alert : Alert or None
        What brings the car in: its prediction is the deadline.
    also : sequence of Also or None
        Further works; None: whatever else is open on the car, if there is time for it.
    wished : sequence of (datetime, datetime)
        When the customer would like to come.

    Raises
    ------
    CareError
        If there is no such dealer or op-code.
    """
    before = deadline(alert.urgency, alert.expect_from, alert.expect_to, now) if alert else None
    alert_id = alert.id if alert else None
    if also is None:
        bundle = known_bundle(conn, vehicle_id, alert_id, op_code)
        if bundle:
            codes = [op_code, *(one.op_code for one in bundle)]
            found = _search(conn, dealer_id, codes, now, before, count, wished=wished)
            if not isinstance(found, str):
                return Offer(found, bundle)
        also = ()
    codes = [op_code, *(one.op_code for one in also)]
    found = _search(conn, dealer_id, codes, now, before, count, wished=wished)
    if not isinstance(found, str):
        return Offer(found, also)
    urgent = alert is not None and alert.urgency == Urgency.STOP
    return NoSlot(
        (found,),
        _alternatives(conn, dealer_id, codes, now, before, customer_id, vehicle_id, urgent),
    )


def find_for_move(
    conn: Connection, booking_id: int, now: datetime, count: int = 3, wished: Spans = ()
) -> list[Slot] | NoSlot:
    """Other times for a booking that stands: its own resources count as free, its parts as its own.

    Raises
    ------
    CareError
        If there is no such booking.
    """
    booking = bookings.get(conn, booking_id)
    if booking is None:
        raise CareError(f"There is no booking {booking_id}.")
    codes = [booking.op_code, *(one.op_code for one in bookings.also_of(conn, booking_id))]
    ready = parts.ready_for(conn, booking_id) or now
    found = _search(
        conn,
        booking.dealer_id,
        codes,
        now,
        None,
        count + 1,
        but=booking_id,
        not_before=ready,
        wished=wished,
    )
    if isinstance(found, str):
        return NoSlot((found,))
    return [s for s in found if s.starts_at != booking.starts_at][:count]


def known_bundle(
    conn: Connection, vehicle_id: int, alert_id: int | None, op_code: str
) -> Sequence[Also]:
    """What else the car needs and the workshop's catalogue knows."""
    wished = bookings.bundle(conn, vehicle_id, alert_id, op_code)
    known = {op.code for op in bookings.op_codes(conn, [one.op_code for one in wished])}
    return tuple(one for one in wished if one.op_code in known)


def _alternatives(
    conn: Connection,
    dealer_id: int,
    codes: Sequence[str],
    now: datetime,
    before: datetime | None,
    customer_id: int | None,
    vehicle_id: int,
    urgent: bool,
) -> Sequence[Alternative]:
    here = workshop.site(conn, dealer_id)
    assert here is not None
    found = [Alternative("tow", here)] if urgent and here.tow_phone else []
    for sister in workshop.sisters(conn, here):
        slots = _search(conn, sister.id, codes, now, before, 1)
        if not isinstance(slots, str):
            found.append(Alternative("site", sister, slots[0].starts_at))
    ops = bookings.op_codes(conn, codes)
    if here.mobile_technician and all(op.mobile for op in ops):
        found.append(Alternative("mobile", here))
    place = workshop.place(conn, customer_id) if customer_id is not None else None
    if any(
        in_reach(here, place, run.radius_km) is not False for run in workshop.runs(conn, here.id)
    ):
        found.append(Alternative("pick_up", here))
    return found


EARTH_KM = 6371.0


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Between two places, as the crow flies (haversine).

    Examples
    --------
    >>> round(distance_km((52.52, 13.405), (48.137, 11.575)))
    504
    """
    (lat1, lon1), (lat2, lon2) = ((math.radians(x), math.radians(y)) for x, y in (a, b))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def in_reach(site: Site, place: Place | None, radius_km: float) -> bool | None:
    """Whether a run goes so far; None where nobody knows and a person must look."""
    if place is None or site.latitude is None or site.longitude is None:
        return None
    way = distance_km((site.latitude, site.longitude), (place.latitude, place.longitude))
    return way <= radius_km


def fits(slot: Slot, shop: Shop, work: Work) -> bool:
    """Whether a slot from outside is one that the workshop would offer on an empty day."""
    alone = replace(
        shop,
        bays=[b for b in shop.bays if b.id == slot.bay_id],
        technicians=[t for t in shop.technicians if t.id == slot.technician_id],
        busy=(),
        walk_in_share=0.0,
    )
    return next((s == slot for s in free_slots(alone, work, slot.starts_at, days=1)), False)
