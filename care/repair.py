"""What the workshop did, step by step, and what that says about the alert behind it."""

import logging
import re
from datetime import datetime, timedelta

from psycopg import Connection

from care import alert, estimate, journey, outreach, repair_texts, task, verification
from care.errors import CareError
from care.finding_codes import FindingCode, finding_code
from care.hours import add_working_time
from care.money import MOST_MINOR
from care.photo import Photo
from care.rating import ask_rating
from care.repair_states import NEXT, TITLES
from care.store import alerts, bookings, cases, estimates, people, repairs
from care.store.repairs import Declined
from record.causes import CAUSES
from record.db import BAD_MOMENT
from record.flow import Booking, Outcome, RepairOrder
from record.maintenance import with_visit

__all__ = ["add_note", "ask_again", "ask_rating", "close", "move", "start", "text_progress"]

log = logging.getLogger(__name__)

SERVICE = "SERVICE"
"""The op-code that resets the maintenance counters."""

MOST_PHOTOS = 40
MOST_WORDS = 2000

ASK_AGAIN = timedelta(days=60)
"""When an advisor speaks again of work that a customer declined."""


def start(conn: Connection, repair_order_id: int, actor: str, now: datetime) -> RepairOrder:
    """Work begins. Safe to repeat.

    Raises
    ------
    CareError
        If there is no such repair order, it is closed, or the customer has yet to approve.
    """
    return move(conn, repair_order_id, "in_progress", actor=actor, now=now)


def move(
    conn: Connection,
    repair_order_id: int,
    state: str,
    *,
    actor: str,
    now: datetime,
    note: str = "",
) -> RepairOrder:
    """Move a repair on, but to its end; `close` does that. Safe to repeat.

    Raises
    ------
    CareError
        If that state can't follow, or work would begin that the customer has not approved.
    """
    order = _get(conn, repair_order_id)
    if order.state == state:
        return order
    if order.state == "closed":
        raise CareError("This repair order is closed already.")
    if state == "closed":
        raise CareError("To close it, say what was found and done.")
    if state not in NEXT[order.state]:
        titles = [TITLES[one].lower() for one in sorted(NEXT[order.state])]
        raise CareError(
            f"After “{TITLES[order.state].lower()}” comes {', '.join(titles[:-1])} or {titles[-1]}."
            if len(titles) > 1
            else f"After “{TITLES[order.state].lower()}” comes {titles[0]}."
        )
    if state == "in_progress":
        why_not = estimate.why_not_work(estimates.newest(conn, order.id))
        if why_not is not None:
            raise CareError(why_not)
    moved = repairs.set_state(conn, order.id, state, actor, _words(note, 300), now)
    action = "work started" if state == "in_progress" else f"repair: {TITLES[state].lower()}"
    people.audit(conn, now, actor, action, f"repair_order:{order.id}")
    if state == "ready":
        _text(conn, order, "ready", now)
    return moved


def text_progress(conn: Connection, repair_order_id: int, actor: str, now: datetime) -> None:
    """Text the customer the link to the repair's page; once for each order.

    Raises
    ------
    CareError
        If the repair order is closed.
    """
    order = _get(conn, repair_order_id)
    if order.state == "closed":
        raise CareError("This repair order is closed already.")
    _text(conn, order, "progress", now)
    people.audit(conn, now, actor, "link sent", f"repair_order:{order.id}")


def add_note(
    conn: Connection,
    repair_order_id: int,
    *,
    body: str,
    photo: Photo | None,
    for_customer: bool,
    actor: str,
    now: datetime,
) -> int:
    """Keep a technician's note, a photo, or both. Returns the note's id.

    Raises
    ------
    CareError
        If there is neither, or the order has photos enough.
    """
    order = _get(conn, repair_order_id)
    words = _words(body, MOST_WORDS)
    if not words and photo is None:
        raise CareError("Write a note or choose a photo.")
    if photo is not None and repairs.count_photos(conn, order.id) >= MOST_PHOTOS:
        raise CareError(f"This repair order has {MOST_PHOTOS} photos already.")
    note_id = repairs.add_note(
        conn, order.id, body=words, for_customer=for_customer, actor=actor, at=now
    )
    if photo is not None:
        repairs.add_photo(conn, note_id, photo.jpeg, photo.width, photo.height)
    people.audit(
        conn,
        now,
        actor,
        "photo added" if photo else "note added",
        f"repair_order:{order.id}",
        note=note_id,
        for_customer=for_customer,
    )
    return note_id


def close(
    conn: Connection,
    repair_order_id: int,
    *,
    cause: str,
    correction: str,
    finding: str,
    actor: str,
    now: datetime,
    actual_cause: str | None = None,
    invoice_minor: int | None = None,
) -> Outcome | None:
    """The car is picked up: labels the alert, writes the service book, thanks the customer.

    The alert closes where the finding says so; after a repair the car is watched for two weeks.

    Parameters
    ----------
    cause, correction : str
        In the technician's words.
    finding : str
        A key of `care.finding_codes.CODES`: was the alert right?
    actual_cause : str or None
        A key of `record.causes`, or ``dtc_p0301``, where the alert named another.
    invoice_minor : int or None
        With tax; where there is an estimate, what of it was approved if it isn't said.

    Returns
    -------
    Outcome or None
        None where no alert brought the car in.

    Raises
    ------
    CareError
        If something is missing, the repair order is closed, or the customer approved less.
    """
    code = finding_code(finding)
    if not correction.strip():
        raise CareError("Say what was done.")
    order = _get(conn, repair_order_id)
    if order.state == "closed":
        raise CareError("This repair order is closed already.")
    booking = bookings.get(conn, order.booking_id)
    assert booking is not None
    actual = _cause_named(actual_cause)
    invoice = _invoice(conn, order, booking, code, invoice_minor)
    bookings.lock_dealer(conn, booking.dealer_id)
    repairs.close(
        conn,
        order.id,
        cause=cause.strip(),
        correction=correction.strip(),
        finding=finding,
        actual_cause=actual,
        invoice=invoice,
        actor=actor,
        at=now,
    )
    _remember_declined(conn, order, now)
    bookings.set_state(conn, booking.id, "done")
    also = bookings.also_of(conn, booking.id)
    if SERVICE in (booking.op_code, *(one.op_code for one in also)):
        shown = repairs.counters(conn, order.vehicle_id, now)
        car = repairs.car(conn, order.vehicle_id)
        items = with_visit(car, now, shown.odometer_m, shown.engine_hours_h)
        repairs.serviced(conn, order.vehicle_id, shown, now, items)
        due = alerts.newest(conn, order.vehicle_id, "service_due")
        if due is not None and due.state == "open" and due.id != booking.alert_id:
            alert.end(conn, due.id, "repaired", actor, now, now)
    outcome = None
    if booking.alert_id is not None:
        outcome = repairs.insert_outcome(conn, booking.alert_id, order.id, finding, now)
        if code.right is not None:
            found = (actual,) if actual else ()
            cases.answer(conn, booking.alert_id, code.code, found, f"repair_order:{order.id}", now)
        _answer_alert(conn, booking.alert_id, code, actor, now)
        if code.repaired:
            verification.begin(conn, order, booking.alert_id, actual, now)
    for one in also:  # the finding speaks of what brought the car in, not of these
        if one.alert_id is not None:
            alert.booking_lost(conn, one.alert_id, "It was looked at on a visit: note why", now)
    journey.begin(
        conn,
        "repair.closed",
        customer_id=booking.customer_id,
        vehicle_id=order.vehicle_id,
        booking_id=booking.id,
        repair_order_id=order.id,
        occasion=f"repair:{order.id}:thanks",
        now=now,
    )
    people.audit(
        conn, now, actor, "repair order closed", f"repair_order:{order.id}", finding=finding
    )
    return outcome


def _answer_alert(
    conn: Connection, alert_id: int, code: FindingCode, actor: str, now: datetime
) -> None:
    """What the workshop found ends the alert, or leaves it to a person."""
    spoken_of = alerts.get(conn, alert_id, lock=True)
    if spoken_of is None or spoken_of.state != "open":
        return
    if code.closes is not None:
        alert.end(conn, spoken_of.id, code.closes, actor, now, now)
    else:
        task.put(conn, spoken_of, now, f"{code.title} in the workshop")


def _invoice(
    conn: Connection,
    order: RepairOrder,
    booking: Booking,
    code: FindingCode,
    invoice_minor: int | None,
) -> tuple[int, str] | None:
    """What the customer pays, never more than was approved."""
    asked = estimates.newest(conn, order.id)
    if code.repaired and (why_not := estimate.why_not_work(asked)) is not None:
        raise CareError(why_not)
    if invoice_minor is None:
        return None if asked is None else (estimate.approved_of(asked).total, asked.currency)
    if not 0 <= invoice_minor <= MOST_MINOR:
        raise CareError("The invoice must not be negative or huge.")
    if (why_not := estimate.why_not_invoice(asked, invoice_minor)) is not None:
        raise CareError(why_not)
    currency = asked.currency if asked else estimates.prices(conn, booking.dealer_id).currency
    return invoice_minor, currency


def _remember_declined(conn: Connection, order: RepairOrder, now: datetime) -> None:
    asked = estimates.newest(conn, order.id)
    if asked is None or asked.sent_at is None:
        return
    titles = [one.title for one in asked.lines if not one.approved]
    if titles:
        repairs.add_declined(conn, order.id, "; ".join(titles), now + ASK_AGAIN)


def ask_again(conn: Connection, now: datetime) -> int:
    """Declined work whose time has come becomes a task of the advisor's. Returns how many."""
    due = repairs.declined_due(conn, now)
    for one in due:
        try:
            with conn.transaction():
                repairs.declined_told(conn, one.id, now)
                _ask_again(conn, one, now)
        except BAD_MOMENT:
            raise
        except Exception:
            repairs.declined_later(conn, one.id, now + timedelta(days=1))
            log.exception("declined work waits a day", extra={"order": one.repair_order_id})
    return len(due)


def _ask_again(conn: Connection, one: Declined, now: datetime) -> None:
    owner = people.owner(conn, one.vehicle_id, now)
    if owner is None or owner.id != one.customer_id:
        return  # sold: what was declined is no longer this customer's matter
    dealer, car = people.dealer(conn, owner.dealer_id), people.car(conn, one.vehicle_id)
    assert dealer is not None and car is not None
    repairs.add_task(
        conn,
        dealer_id=dealer.id,
        customer_id=owner.id,
        owner_id=owner.advisor_id,
        kind="call",
        title=f"Declined work: {task.name_of(car)}",
        next_action=f"{owner.name} declined on {one.closed_at:%Y-%m-%d}: {one.titles}. "
        "Ask whether it suits now.",
        priority=20,
        deadline=add_working_time(now, timedelta(hours=40), dealer),
        at=now,
    )


def _text(conn: Connection, order: RepairOrder, template: str, now: datetime) -> None:
    booking = bookings.get(conn, order.booking_id)
    assert booking is not None
    outreach.plan(
        conn,
        customer_id=booking.customer_id,
        template=template,
        purpose="reply",
        dedupe_key=f"repair:{order.id}:{template}",
        booking_id=booking.id,
        body=repair_texts.draft(conn, template, booking),
        now=now,
    )


def _cause_named(name: str | None) -> str | None:
    """A root cause as somebody typed it.

    Raises
    ------
    CareError
        If there is none of that name.
    """
    wanted = (name or "").strip().lower()
    if not wanted:
        return None
    if re.fullmatch("[pcbu][0-9a-f]{4}", wanted):
        wanted = f"dtc_{wanted}"
    if wanted not in CAUSES and not re.fullmatch("dtc_[pcbu][0-9a-f]{4}", wanted):
        raise CareError(
            f"The actual cause is one of {', '.join(CAUSES)}, or a trouble code like P0301."
        )
    return wanted


def _words(text: str, most: int) -> str:
    return text.replace("\x00", "").replace("\r\n", "\n").strip()[:most]


def _get(conn: Connection, repair_order_id: int) -> RepairOrder:
    order = repairs.get(conn, repair_order_id)
    if order is None:
        raise CareError(f"There is no repair order {repair_order_id}.")
    return order
