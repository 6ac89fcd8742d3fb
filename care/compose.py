"""The words of a message, from what is true now: name, car, fault, three real times."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import Connection

from care import texts
from care.errors import CareError
from care.slots import LEAD, NoSlot, Spans, find, find_for_move
from care.store import alerts, bookings, outbox, people
from care.store.outbox import Due
from care.store.people import Car, Customer, Dealer
from care.texts import text
from record.causes import cause_of
from record.flow import Alert, Slot, Urgency

log = logging.getLogger(__name__)

WISHED = "wished"
"""The template that answers a wish: slots that suit, or the plain word that none does."""

INVITES = ("alert.", "taken", WISHED)
"""Templates that offer slots to whoever has none."""

PART_LATE = "part late"
MOVE = "move"
NOT_THEN = "not then"
MOVES = (PART_LATE, MOVE)
"""Templates that offer other slots to whoever has one."""


ANSWERS_LATE = timedelta(hours=36)
"""Who took a time that had passed may answer as late again."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Words that may still hold ``{link}``, and the slots that they offer, in order.

    `no_slot` says why they offer none, where none fits.
    """

    body: str
    slots: Sequence[Slot] = ()
    no_slot: NoSlot | None = None


def invites(template: str) -> bool:
    """Whether messages of this template offer slots."""
    return template.startswith(INVITES)


def offers(template: str) -> bool:
    """Whether messages of this template carry slots, be it for a visit that must move."""
    return invites(template) or template in MOVES


def when(moment: datetime, zone: ZoneInfo, language: str = "en") -> str:
    """A time as people at the dealer's say it, in the language of the text.

    Examples
    --------
    >>> from datetime import UTC
    >>> when(datetime(2026, 11, 24, 15, tzinfo=UTC), ZoneInfo("America/Chicago"))
    'Tue Nov 24, 9 AM'
    >>> when(datetime(2026, 11, 24, 15, tzinfo=UTC), ZoneInfo("Asia/Shanghai"), "zh")
    '11月24日周二23:00'
    """
    local = moment.astimezone(zone)
    if texts.short(language) == "zh":
        return f"{local.month}月{local.day}日周{'一二三四五六日'[local.weekday()]}{local:%H:%M}"
    half = "AM" if local.hour < 12 else "PM"
    minutes = f":{local:%M}" if local.minute else ""
    return f"{local:%a %b} {local.day}, {local.hour % 12 or 12}{minutes} {half}"


def choices(slots: Sequence[Slot] | NoSlot, dealer: Dealer, language: str) -> str:
    """The sentence that offers the slots, or says plainly that none fits."""
    zone = ZoneInfo(dealer.time_zone)
    if isinstance(slots, NoSlot):
        if slots.alternatives and slots.too_late:
            way = text(f"way {slots.alternatives[0].kind}", language)
            return text("no slot", language, instead=way, phone=dealer.phone)
        return text("no choices", language, phone=dealer.phone)
    if not slots:
        return text("no choices", language, phone=dealer.phone)
    if len(slots) == 1:
        return text("one choice", language, slot=when(slots[0].starts_at, zone, language))
    told = [
        text("choice", language, number=str(n), slot=when(s.starts_at, zone, language))
        for n, s in enumerate(slots, start=1)
    ]
    last = text("last choice", language)
    return text("choices", language, numbered=", ".join(told[:-1]) + last + told[-1])


def car_name(car: Car | None) -> str:
    """A car as its owner would name it."""
    return f"{car.make} {car.model}".strip() or "car" if car else "car"


def draft(
    conn: Connection,
    template: str,
    customer: Customer,
    alert_id: int | None,
    booking_id: int | None,
    now: datetime,
    vehicle_id: int | None = None,
    campaign: str = "",
    variant: str = texts.DEFAULT,
    wished: Spans = (),
) -> Draft:
    """Write a message from what is true now.

    Parameters
    ----------
    template : str
        A key of `care.texts.ENGLISH`.
    vehicle_id : int or None
        The car, where neither an alert nor a booking tells it.
    campaign : str
        What a recall or a seasonal check is about.
    variant : str
        Which of the texts for the template.
    wished : sequence of (datetime, datetime)
        When the customer would like to come. Where nothing is free then, the text says so and
        offers other times.
    """
    dealer = people.dealer(conn, customer.dealer_id)
    assert dealer is not None
    alert = alerts.get(conn, alert_id) if alert_id is not None else None
    booking = bookings.get(conn, booking_id) if booking_id is not None else None
    if alert or booking:
        vehicle_id = alert.vehicle_id if alert else booking.vehicle_id if booking else None
    car = people.car(conn, vehicle_id) if vehicle_id is not None else None

    def found(wished: Spans) -> Sequence[Slot] | NoSlot:
        if alert is not None and invites(template):
            late = template == "taken"
            return _slots(conn, dealer.id, customer.id, alert, now, late, wished)
        if booking is not None and template in MOVES:
            return find_for_move(conn, booking.id, now, wished=wished)
        return ()

    slots = found(wished)
    unmet = bool(wished) and (isinstance(slots, NoSlot) or not slots)
    if unmet:
        slots = found(())
    op = bookings.op_code(conn, booking.op_code) if booking else None
    language = customer.language
    body = text(
        NOT_THEN if unmet else template,
        language,
        variant,
        dealer=dealer.name,
        phone=dealer.phone,
        name=f" {customer.name.split()[0]}" if customer.name.strip() else "",
        car=car_name(car),
        plain=texts.plain(alert.cause, language) if alert else "",
        campaign=campaign,
        work=op.title if op else "",
        when=when(booking.starts_at, ZoneInfo(dealer.time_zone), language) if booking else "",
        choices=choices(slots, dealer, language),
    )
    return Draft(body, (), slots) if isinstance(slots, NoSlot) else Draft(body, slots)


def _slots(
    conn: Connection,
    dealer_id: int,
    customer_id: int,
    alert: Alert,
    now: datetime,
    late: bool,
    wished: Spans,
) -> Sequence[Slot] | NoSlot:
    """What to offer; a gap in the workshop's catalogue must not keep an alert from its reader.

    Parameters
    ----------
    late : bool
        They answered too late once: times that still stand after `ANSWERS_LATE`, if there are any.
    """

    def found(since: datetime) -> Sequence[Slot] | NoSlot:
        offer = find(
            conn,
            dealer_id=dealer_id,
            op_code=cause_of(alert.cause).op_code,
            now=since,
            vehicle_id=alert.vehicle_id,
            customer_id=customer_id,
            alert=alert,
            wished=wished,
        )
        return offer if isinstance(offer, NoSlot) else offer.slots

    try:
        later = found(now + ANSWERS_LATE) if late and alert.urgency != Urgency.STOP else ()
        return later if later and not isinstance(later, NoSlot) else found(now)
    except CareError as error:
        log.warning("no slots are offered", extra={"dealer": dealer_id, "why": error})
        return ()


def still_good(conn: Connection, message: Due, dealer_id: int, now: datetime) -> bool:
    """Whether every slot that a planned message offers can still be had."""
    offered = outbox.offers(conn, message.id).values()
    if not offered:
        return False
    latest = max(slot.ends_at for slot in offered)
    if latest <= now:  # held for so long that all of them have passed
        return False
    busy = bookings.busy(conn, dealer_id, now, latest)
    return all(
        slot.starts_at >= now + LEAD
        and not any(
            (one.bay_id == slot.bay_id or one.technician_id == slot.technician_id)
            and one.starts_at < slot.ends_at
            and slot.starts_at < one.ends_at
            for one in busy
        )
        for slot in offered
    )
