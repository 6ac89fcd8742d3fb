"""What a person should do next: one task for each alert that needs one, and for each answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import Connection

from care import chance
from care.chance import Chance
from care.errors import CareError
from care.hours import add_working_time, is_open
from care.store import alerts, people, tasks
from care.store.people import Car, Customer, Dealer
from care.store.tasks import Person
from care.worth import WEIGHT, Factor, Worth, factors, priority
from record.causes import cause_of
from record.flow import Alert, Task, Urgency

WORKING_TIME = {
    Urgency.STOP: timedelta(hours=1),
    Urgency.SOON: timedelta(hours=8),
    Urgency.SERVICE: timedelta(hours=40),
}
"""How long a task may take, in the workshop's opening hours."""

REPLY_TIME = timedelta(hours=2)

CLAIM = timedelta(hours=2)
"""So long a claimed task is nobody else's; then a colleague may take it."""

LONGEST_SNOOZE = timedelta(days=30)
LONGEST_SNOOZE_STOP = timedelta(hours=4)
"""Who should not drive on is not put off until tomorrow."""

AFTER_SNOOZE = timedelta(hours=2)
"""Working time that is left at least when a task comes back."""

AGAIN = timedelta(hours=8)
"""Working time after which a late task goes to the manager again, three times in all."""

BATCH = 100
"""Late tasks in one turn of the desk."""

BOSSES = ("manager", "admin")


@dataclass(frozen=True, slots=True)
class Todo:
    """A task before it has a row."""

    kind: str
    title: str
    next_action: str
    priority: float
    deadline: datetime
    factors: tuple[Factor, ...] = ()
    must_today: bool = False


def todo_for(
    alert: Alert,
    car: Car,
    owner: Customer | None,
    dealer: Dealer,
    now: datetime,
    setback: str | None = None,
    worth: Worth | None = None,
    sure: Chance | None = None,
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
    worth : Worth or None
        What is known of the case's worth.
    sure : Chance or None
        How likely the alert is to be confirmed; as sure as it says of itself, where nothing more
        is known.
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
    today = now.astimezone(ZoneInfo(dealer.time_zone)).date()
    sure = sure or chance.by_itself(alert)
    because = factors(urgency, sure.value, worth or Worth(), today, sure.why)
    return Todo(
        kind,
        title,
        action,
        priority(because),
        add_working_time(now, WORKING_TIME[urgency], dealer),
        because,
        urgency is Urgency.STOP,
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
    dealer_id = people.dealer_of(conn, car.id, now)
    dealer = people.dealer(conn, dealer_id) if dealer_id is not None else None
    if dealer is None:
        return None
    owner_id = owner.id if owner else None
    if setback is None and alerts.unproven(conn, alert.id):
        setback = "Its detector is on probation, so no text goes out: look at the evidence first"
    worth = tasks.worth(conn, car.id, cause_of(alert.cause).op_code, owner_id, now)
    sure = chance.of_alert(conn, alert, now)
    todo = todo_for(alert, car, owner, dealer, now, setback, worth, sure)
    if todo is None:
        return None
    return tasks.put_for_alert(
        conn,
        dealer_id=dealer.id,
        alert_id=alert.id,
        customer_id=owner_id,
        owner_id=owner.advisor_id if owner else None,
        kind=todo.kind,
        title=todo.title,
        next_action=todo.next_action,
        priority=todo.priority,
        deadline=todo.deadline,
        at=now,
        factors=todo.factors,
        must_today=todo.must_today,
        ranked_on=now.date(),
    )


def rank(conn: Connection, found: Task, now: datetime) -> None:
    """Rank an alert's open task by what is known today.

    Parameters
    ----------
    found : Task
        Of `tasks.unranked`, which locks it.
    """
    assert found.alert_id is not None
    alert = alerts.get(conn, found.alert_id)
    dealer = people.dealer(conn, found.dealer_id)
    assert alert is not None and dealer is not None
    sure = chance.of_alert(conn, alert, now)
    op_code = cause_of(alert.cause).op_code
    worth = tasks.worth(conn, alert.vehicle_id, op_code, found.customer_id, now)
    today = now.astimezone(ZoneInfo(dealer.time_zone)).date()
    because = factors(Urgency(alert.urgency), sure.value, worth, today, sure.why)
    tasks.set_rank(conn, found.id, priority(because), because, now.date())


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
    """Take a task for `CLAIM`: until then nobody else works on it. Safe to repeat.

    A manager may take over what somebody else has.

    Raises
    ------
    CareError
        If it is done, the person works elsewhere, or a colleague has it.
    """
    found = _open(conn, task_id)
    who = _colleague(conn, found, staff_id)
    holder = _holder(conn, found, staff_id, now)
    if holder is not None and who.role not in BOSSES:
        raise CareError(_has_it(conn, found, holder))
    if found.owner_id != staff_id:
        action = "task taken over" if holder else "task claimed"
        people.audit(
            conn, now, f"staff:{staff_id}", action, f"task:{task_id}", before=found.owner_id
        )
    return tasks.set_owner(conn, task_id, staff_id, now + CLAIM)


def assign(conn: Connection, task_id: int, to_id: int, by_id: int, now: datetime) -> Task:
    """A manager gives a task to somebody.

    Raises
    ------
    CareError
        If it is done, or either works elsewhere, or one may not do this.
    """
    found = _open(conn, task_id)
    if _colleague(conn, found, by_id).role not in BOSSES:
        raise CareError("A manager assigns tasks. You can claim it yourself.")
    to = _colleague(conn, found, to_id)
    if to.role not in ("advisor", *BOSSES):
        raise CareError(f"{to.name} doesn't work on tasks. Hand the case over instead.")
    people.audit(
        conn,
        now,
        f"staff:{by_id}",
        "task assigned",
        f"task:{task_id}",
        before=found.owner_id,
        to=to_id,
        reason=f"to {to.name}",
    )
    return tasks.set_owner(conn, task_id, to_id, None)


def snooze(
    conn: Connection, task_id: int, until: datetime, reason: str, actor: str, now: datetime
) -> Task:
    """Put a task aside until then. It comes back by itself, and at once when there is news.

    Raises
    ------
    CareError
        If it is done or a colleague's, there is no reason, or the time won't do.
    """
    found = workable(conn, task_id, actor, now)
    if not reason.strip():
        raise CareError("Say in a few words why this can wait.")
    if tasks.live_handover(conn, task_id) is not None:
        raise CareError("This case is with a colleague. It comes back with an answer.")
    if until <= now:
        raise CareError("Choose a time that is still to come.")
    longest = LONGEST_SNOOZE_STOP if found.must_today else LONGEST_SNOOZE
    if until - now > longest:
        hours = longest.total_seconds() / 3600
        words = f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
        raise CareError(f"This can be put off for {words} at most.")
    people.audit(
        conn,
        now,
        actor,
        "task snoozed",
        f"task:{task_id}",
        reason=reason.strip(),
        until=until.isoformat(),
    )
    dealer = people.dealer(conn, found.dealer_id)
    assert dealer is not None
    due = max(found.deadline, add_working_time(until, AFTER_SNOOZE, dealer))
    return tasks.set_snoozed(conn, task_id, until, reason.strip(), due)


def wake(conn: Connection, task_id: int, actor: str, now: datetime) -> Task:
    """Bring a snoozed task back before its time. Safe to repeat.

    Raises
    ------
    CareError
        If it is done.
    """
    found = _open(conn, task_id)
    if found.snoozed_until is None:
        return found
    people.audit(conn, now, actor, "snooze ended", f"task:{task_id}")
    return tasks.set_snoozed(conn, task_id, None, None, found.deadline)


def wake_due(conn: Connection, now: datetime) -> int:
    """Bring back what was put aside until now. Returns how many."""
    due = tasks.woken(conn, now, BATCH)
    for one in due:
        people.audit(conn, now, "care", "snooze ended", f"task:{one.id}")
        tasks.set_snoozed(conn, one.id, None, None, one.deadline)
    return len(due)


def escalate(conn: Connection, late: Task, now: datetime) -> None:
    """See to a task that is past its deadline.

    A watched one becomes a call, for its text had no answer. Any other goes to the manager, and
    again after `AGAIN` of working time. Nothing happens while the dealer is closed.

    Parameters
    ----------
    late : Task
        Of `tasks.overdue`, which locks it.
    """
    dealer = people.dealer(conn, late.dealer_id)
    assert dealer is not None
    if not is_open(now, dealer):
        tasks.look_again(conn, late.id, add_working_time(now, timedelta(0), dealer))
    elif late.kind == "watch":
        _unanswered(conn, late, dealer, now)
    else:
        to_manager(conn, late, dealer, now)


def _unanswered(conn: Connection, late: Task, dealer: Dealer, now: datetime) -> None:
    again = add_working_time(now, AGAIN, dealer)
    if late.customer_id is not None and tasks.reply_waits(conn, late.customer_id):
        tasks.look_again(conn, late.id, again)  # they did answer: that has a task of its own
        return
    customer = people.customer(conn, late.customer_id) if late.customer_id is not None else None
    name = customer.name if customer else "the customer"
    action = f"No answer to the text. Call {name} and offer a slot."
    people.audit(conn, now, "care", "became a call", f"task:{late.id}", reason="no answer in time")
    tasks.set_next(conn, late.id, "call", action, late.tries, again)


def to_manager(conn: Connection, late: Task, dealer: Dealer, now: datetime) -> Task:
    """Bring a task before the dealer's manager, with a mark that everybody sees."""
    manager = tasks.manager(conn, dealer.id)
    people.audit(
        conn,
        now,
        "care",
        "task escalated",
        f"task:{late.id}",
        to=manager.id if manager else None,
        reason=f"due {late.deadline.astimezone(ZoneInfo(dealer.time_zone)):%Y-%m-%d %H:%M}",
    )
    again = add_working_time(now, AGAIN, dealer)
    return tasks.set_escalated(conn, late.id, manager.id if manager else None, now, again)


def done(conn: Connection, task_id: int, actor: str, reason: str, now: datetime) -> Task:
    """Finish a task with the reason why.

    Raises
    ------
    CareError
        If there is no such open task, a colleague works on it, or there is no reason.
    """
    found = workable(conn, task_id, actor, now)
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


def check_free(conn: Connection, alert_id: int, actor: str, now: datetime) -> None:
    """Nobody else works on the alert's task now.

    Raises
    ------
    CareError
        If a colleague does, and `actor` is no manager.
    """
    found = tasks.open_for_alert(conn, alert_id)
    if found is not None:
        workable(conn, found.id, actor, now)


def workable(conn: Connection, task_id: int, actor: str, now: datetime) -> Task:
    """The open task, locked, if `actor` may work on it now.

    Raises
    ------
    CareError
        If it is done, or a colleague has it and `actor` is no manager.
    """
    found = _open(conn, task_id)
    kind, _, key = actor.partition(":")
    staff_id = int(key) if kind == "staff" and key.isdigit() else None
    holder = _holder(conn, found, staff_id, now)
    if holder is not None:
        who = tasks.person(conn, staff_id) if staff_id is not None else None
        if who is None or who.role not in BOSSES:
            raise CareError(_has_it(conn, found, holder))
    return found


def _holder(conn: Connection, task: Task, staff_id: int | None, now: datetime) -> Person | None:
    """The colleague, other than `staff_id`, who works on the task now."""
    if task.claimed_until is None or task.claimed_until <= now or task.owner_id is None:
        return None
    return tasks.person(conn, task.owner_id) if task.owner_id != staff_id else None


def _has_it(conn: Connection, task: Task, holder: Person) -> str:
    dealer = people.dealer(conn, task.dealer_id)
    assert dealer is not None and task.claimed_until is not None
    until = task.claimed_until.astimezone(ZoneInfo(dealer.time_zone))
    return f"{holder.name} has this task until {until:%H:%M}. A manager can take it over."


def _colleague(conn: Connection, task: Task, staff_id: int) -> Person:
    who = tasks.person(conn, staff_id)
    if who is None or who.dealer_id != task.dealer_id:
        raise CareError("This task belongs to another dealer.")
    return who
