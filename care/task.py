"""What a person should do next: one task for each alert that needs one, and for each answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection

from care.errors import CareError
from care.hours import add_working_time
from care.store import people, tasks
from care.store.people import Car, Customer, Dealer
from record.causes import cause_of
from record.flow import Alert, Task, Urgency

WEIGHT = {Urgency.STOP: 100.0, Urgency.SOON: 60.0, Urgency.SERVICE: 30.0, Urgency.INFO: 5.0}
"""Priority is this times the alert's confidence. A person's question counts like a sure SOON."""

WORKING_TIME = {
    Urgency.STOP: timedelta(hours=1),
    Urgency.SOON: timedelta(hours=8),
    Urgency.SERVICE: timedelta(hours=40),
}
"""How long a task may take, in the workshop's opening hours."""

REPLY_TIME = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Todo:
    """A task before it has a row."""

    kind: str
    title: str
    next_action: str
    priority: float
    deadline: datetime


def todo_for(
    alert: Alert,
    car: Car,
    owner: Customer | None,
    dealer: Dealer,
    now: datetime,
    setback: str | None = None,
) -> Todo | None:
    """What a person should do about an open alert; None where nobody needs to.

    A dangerous fault is called about at once, whatever the text message does. Everything else is
    watched while the text does its work, and becomes a call when the text can't go out.

    Parameters
    ----------
    alert : Alert
    car : Car
    owner : Customer or None
    dealer : Dealer
        Whose opening hours count.
    now : datetime
    setback : str or None
        Why waiting is not enough: "The text could not be delivered".
    """
    urgency = Urgency(alert.urgency)
    if urgency is Urgency.INFO:
        return None
    title = f"{cause_of(alert.cause).title}: {name_of(car)}"
    phone = owner.phone if owner else None
    if owner is None:
        kind, action = "handle", "Nobody owns this car here: find out who drives it."
    elif phone is None:
        kind, action = "handle", f"{owner.name} has no phone number here: find one and call."
    elif urgency is Urgency.STOP:
        kind = "call"
        action = f"Call {owner.name}: the car should not be driven. Offer a tow and a slot."
    elif setback:
        kind, action = "call", f"Call {owner.name} and offer a slot."
    else:
        kind = "watch"
        action = f"{owner.name} gets a text with times to choose from. Call if no answer comes."
    if setback:
        action = f"{setback.rstrip('.')}. {action}"
    return Todo(
        kind,
        title,
        action,
        WEIGHT[urgency] * alert.confidence,
        add_working_time(now, WORKING_TIME[urgency], dealer),
    )


def name_of(car: Car) -> str:
    """A car as an advisor would name it.

    Examples
    --------
    >>> name_of(Car(1, "1HGBH41JXMN109186", 1, "Honda", "Civic", 2021, None))
    'Honda Civic 2021'
    """
    words = [car.make, car.model, str(car.model_year or "")]
    return " ".join(w for w in words if w) or car.vin


def put(conn: Connection, alert: Alert, now: datetime, setback: str | None = None) -> Task | None:
    """Make the alert's task, or bring it up to date.

    Returns
    -------
    Task or None
        None where nobody needs to do anything, or no dealer is responsible for the car.
    """
    car = people.car(conn, alert.vehicle_id)
    assert car is not None
    owner = people.owner(conn, alert.vehicle_id, now)
    dealer_id = owner.dealer_id if owner else car.dealer_id
    dealer = people.dealer(conn, dealer_id) if dealer_id is not None else None
    if dealer is None:
        return None
    todo = todo_for(alert, car, owner, dealer, now, setback)
    if todo is None:
        return None
    return tasks.put_for_alert(
        conn,
        dealer_id=dealer.id,
        alert_id=alert.id,
        customer_id=owner.id if owner else None,
        owner_id=owner.advisor_id if owner else None,
        kind=todo.kind,
        title=todo.title,
        next_action=todo.next_action,
        priority=todo.priority,
        deadline=todo.deadline,
        at=now,
    )


def ask_person(
    conn: Connection, customer: Customer, title: str, next_action: str, now: datetime
) -> Task:
    """Make, or bring up to date, the one task that says: this customer waits for an answer."""
    dealer = people.dealer(conn, customer.dealer_id)
    assert dealer is not None
    return tasks.put_for_reply(
        conn,
        dealer_id=dealer.id,
        customer_id=customer.id,
        owner_id=customer.advisor_id,
        title=title,
        next_action=next_action,
        priority=WEIGHT[Urgency.SOON],
        deadline=add_working_time(now, REPLY_TIME, dealer),
        at=now,
    )


def finish(conn: Connection, alert_id: int, by: str, reason: str, now: datetime) -> None:
    """Finish the alert's open task, if there is one."""
    found = tasks.open_for_alert(conn, alert_id)
    if found is not None:
        tasks.set_done(conn, found.id, by, reason, now)
        people.audit(conn, now, by, "task done", f"task:{found.id}", reason=reason)


def claim(conn: Connection, task_id: int, staff_id: int, now: datetime) -> Task:
    """Take a task. Safe to repeat.

    Raises
    ------
    CareError
        If it is done, or the person works elsewhere.
    """
    found = _open(conn, task_id)
    if tasks.staff_dealer(conn, staff_id) != found.dealer_id:
        raise CareError("This task belongs to another dealer.")
    if found.owner_id == staff_id:
        return found
    people.audit(
        conn, now, f"staff:{staff_id}", "task claimed", f"task:{task_id}", before=found.owner_id
    )
    return tasks.set_owner(conn, task_id, staff_id)


def done(conn: Connection, task_id: int, actor: str, reason: str, now: datetime) -> Task:
    """Finish a task with the reason why.

    Raises
    ------
    CareError
        If there is no such open task, or no reason.
    """
    found = _open(conn, task_id)
    if not reason.strip():
        raise CareError("Say in a few words how this was settled.")
    finished = tasks.set_done(conn, found.id, actor, reason.strip(), now)
    people.audit(conn, now, actor, "task done", f"task:{task_id}", reason=reason.strip())
    return finished


def _open(conn: Connection, task_id: int) -> Task:
    found = tasks.get(conn, task_id, lock=True)
    if found is None:
        raise CareError(f"There is no task {task_id}.")
    if found.state != "open":
        raise CareError("This task is done already.")
    return found
