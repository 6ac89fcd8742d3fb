"""What came of a call: one function for each answer, each writing all that follows from it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from psycopg import Connection

from care import booking, journey, script, task
from care.errors import CareError
from care.hours import add_working_time
from care.store import alerts, bookings, people, tasks
from care.store.people import Customer, Dealer
from record.causes import cause_of
from record.flow import Alert, Booking, Slot, Task

DECLINED: Mapping[str, str] = {
    "too_expensive": "Too expensive",
    "elsewhere": "Has it done elsewhere",
    "not_now": "Not now",
    "no_symptom": "Notices nothing, doesn't believe it",
    "selling": "Is about to sell the car",
    "other": "Another reason",
}

TRIES = 3
TRY_AGAIN = timedelta(hours=3)
TRY_AGAIN_STOP = timedelta(hours=1)
"""Working time until the next try."""

AFTER_TRIES = timedelta(hours=16)
"""Working time that the text has when calls did not help."""


def booked(
    conn: Connection, task_id: int, slot: Slot, staff_id: int, note: str, now: datetime
) -> Booking | booking.Taken:
    """Reached, and booked for `slot`: the task is done, texts that wait lose their occasion.

    Raises
    ------
    CareError
        If it is done or a colleague's, or there is nobody or nothing to book for.
    """
    found = _peek(conn, task_id)
    bookings.lock_dealer(conn, found.dealer_id)
    found, about = _begin(conn, task_id, staff_id, now)
    if about is None or found.customer_id is None:
        raise CareError("There is no car here to book for. Use the customer's page.")
    kept = booking.book(
        conn,
        slot=slot,
        dealer_id=found.dealer_id,
        vehicle_id=about.vehicle_id,
        customer_id=found.customer_id,
        alert_id=about.id,
        op_code=cause_of(about.cause).op_code,
        source=f"staff:{staff_id}",
        now=now,
    )
    if not isinstance(kept, booking.Taken):
        _note(conn, found, staff_id, "booked", None, note, now)
    return kept


def declined(
    conn: Connection, task_id: int, reason: str, staff_id: int, note: str, now: datetime
) -> Task:
    """Reached, and they don't want it: no more texts about this, unless it gets worse.

    Raises
    ------
    CareError
        If it is done or a colleague's, or the reason is none of `DECLINED`.
    """
    if reason not in DECLINED:
        raise CareError("Choose why the customer declined.")
    if reason == "other" and not note.strip():
        raise CareError("Say in a few words why the customer declined.")
    found, about = _begin(conn, task_id, staff_id, now)
    words = f"Declined: {DECLINED[reason].lower()}"
    if about is not None and found.customer_id is not None:
        tasks.drop_planned(
            conn, about.id, found.customer_id, f"The customer declined by phone ({reason}).", now
        )
        people.audit(conn, now, f"staff:{staff_id}", "declined", f"alert:{about.id}", reason=words)
    _note(conn, found, staff_id, "declined", reason, note, now)
    return task.done(conn, task_id, f"staff:{staff_id}", words, now)


def not_reached(conn: Connection, task_id: int, staff_id: int, note: str, now: datetime) -> Task:
    """Nobody answered: try again in business hours; after `TRIES` tries fall back.

    A car that should stop goes to the manager, and stays a call. Else a text goes out if the
    customer takes texts, and the task is watched; where none may go, a person finds another way.

    Raises
    ------
    CareError
        If it is done or a colleague's.
    """
    found, about = _begin(conn, task_id, staff_id, now)
    dealer, customer = _both(conn, found)
    _note(conn, found, staff_id, "not_reached", None, note, now)
    tries = found.tries + 1
    wait = TRY_AGAIN_STOP if found.must_today else TRY_AGAIN
    again = add_working_time(now, wait, dealer)
    if tries < TRIES:
        name = customer.name if customer else "the customer"
        action = f"Not reached ({tries} of {TRIES}). Call {name} again."
        after = tasks.set_next(conn, found.id, found.kind, action, tries, again)
        tasks.set_owner(conn, found.id, staff_id, None)
        return tasks.set_snoozed(
            conn, found.id, again, "Nobody answered the phone", max(after.deadline, again)
        )
    return _fall_back(conn, found, about, dealer, customer, now)


def _fall_back(
    conn: Connection,
    found: Task,
    about: Alert | None,
    dealer: Dealer,
    customer: Customer | None,
    now: datetime,
) -> Task:
    tried = f"{TRIES} calls had no answer"
    if found.must_today:
        again = add_working_time(now, TRY_AGAIN_STOP, dealer)
        action = f"{tried}. Try another way: a second number, the emergency contact, a visit."
        tasks.set_next(conn, found.id, "call", action, 0, again)
        return task.to_manager(conn, found, dealer, now)
    due = add_working_time(now, AFTER_TRIES, dealer)
    begun = 0
    if about is not None and customer is not None and script.takes_texts(conn, customer):
        begun = journey.for_alert(conn, about, f"calls:{found.id}:{now.isoformat()}", now)
    if begun:
        action = f"{tried}. A text with times to choose from goes out. Call if no answer comes."
        return tasks.set_next(conn, found.id, "watch", action, 0, due)
    action = f"{tried}, and no text may go. Find another way to reach the customer."
    return tasks.set_next(conn, found.id, "handle", action, 0, due)


def wrong_number(conn: Connection, task_id: int, staff_id: int, note: str, now: datetime) -> Task:
    """Somebody else has this number: it gets no more texts, and a person finds the right one.

    Raises
    ------
    CareError
        If it is done or a colleague's, or there is no number.
    """
    found, about = _begin(conn, task_id, staff_id, now)
    dealer, customer = _both(conn, found)
    if customer is None or customer.phone is None:
        raise CareError("There is no number here that could be wrong.")
    actor = f"staff:{staff_id}"
    if people.stopped(conn, customer.phone) is None:
        people.add_suppression(conn, customer.phone, True, "wrong number, by phone", now)
    people.audit(conn, now, actor, "wrong number", f"customer:{customer.id}")
    if about is not None:
        tasks.drop_planned(conn, about.id, customer.id, "The number is somebody else's.", now)
    _note(conn, found, staff_id, "wrong_number", None, note, now)
    action = f"The number of {customer.name} is somebody else's: find the right one and call."
    due = max(found.deadline, add_working_time(now, TRY_AGAIN, dealer))
    return tasks.set_next(conn, found.id, "handle", action, 0, due)


def sold(conn: Connection, task_id: int, staff_id: int, note: str, now: datetime) -> Task:
    """The car is no longer theirs: its new data is not theirs either, and the case stays.

    Raises
    ------
    CareError
        If it is done or a colleague's, or they don't own the car.
    """
    found, about = _begin(conn, task_id, staff_id, now)
    if about is None or found.customer_id is None:
        raise CareError("There is no car here that could be sold.")
    if not people.end_ownership(conn, about.vehicle_id, found.customer_id, now):
        raise CareError("This car is no longer the customer's.")
    actor, car = f"staff:{staff_id}", f"vehicle:{about.vehicle_id}"
    people.audit(conn, now, actor, "car sold", car, customer=found.customer_id)
    tasks.drop_planned(
        conn, about.id, found.customer_id, "The customer no longer owns the car.", now
    )
    _note(conn, found, staff_id, "sold", None, note, now)
    after = task.put(conn, about, now, "The customer has sold the car")
    return after or task.done(conn, found.id, actor, "The customer has sold the car", now)


def _peek(conn: Connection, task_id: int) -> Task:
    found = tasks.get(conn, task_id)
    if found is None:
        raise CareError(f"There is no task {task_id}.")
    return found


def _begin(
    conn: Connection, task_id: int, staff_id: int, now: datetime
) -> tuple[Task, Alert | None]:
    """The task and its alert, both locked, the alert first as everywhere."""
    peek = _peek(conn, task_id)
    about = alerts.get(conn, peek.alert_id, lock=True) if peek.alert_id is not None else None
    found = task.workable(conn, task_id, f"staff:{staff_id}", now)
    return found, about


def _both(conn: Connection, found: Task) -> tuple[Dealer, Customer | None]:
    dealer = people.dealer(conn, found.dealer_id)
    assert dealer is not None
    customer = people.customer(conn, found.customer_id) if found.customer_id is not None else None
    return dealer, customer


def _note(
    conn: Connection,
    found: Task,
    staff_id: int,
    result: str,
    reason: str | None,
    note: str,
    now: datetime,
) -> None:
    tasks.add_call(
        conn,
        task_id=found.id,
        customer_id=found.customer_id,
        staff_id=staff_id,
        result=result,
        reason=reason,
        note=note.strip() or None,
        at=now,
    )
    people.audit(
        conn,
        now,
        f"staff:{staff_id}",
        f"call: {result.replace('_', ' ')}",
        f"task:{found.id}",
        reason=note.strip() or (DECLINED.get(reason) if reason else None),
    )
