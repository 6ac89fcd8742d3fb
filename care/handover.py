"""A case goes to a technician or an insurance adviser with its whole history, and comes back.

The advisor stays the customer's contact, and the deadline stands: what a colleague sits on too long
goes to the manager like any late task. Whoever has the case, or may accept it, sees the alert, its
evidence, the conversation and the bookings of this one case, whatever their role sees otherwise.
"""

from datetime import datetime

from psycopg import Connection

from care import task
from care.errors import CareError
from care.store import people, tasks
from care.store.tasks import Handover, Person
from record.flow import Task

ROLES = ("technician", "insurance")


def hand_over(
    conn: Connection,
    task_id: int,
    *,
    to_role: str | None,
    to_staff_id: int | None,
    note: str,
    from_staff_id: int,
    now: datetime,
) -> Handover:
    """Hand a case to whoever of a role accepts it, or to a named colleague.

    Raises
    ------
    CareError
        If the note is missing, nobody fits, a colleague works on it, or it is handed over already.
    """
    actor = f"staff:{from_staff_id}"
    found = task.workable(conn, task_id, actor, now)
    if not note.strip():
        raise CareError("Say in a few words what your colleague should do.")
    if tasks.live_handover(conn, task_id) is not None:
        raise CareError("This case is handed over already. It comes back with an answer.")
    if to_staff_id is not None:
        to = tasks.person(conn, to_staff_id)
        if to is None or to.dealer_id != found.dealer_id:
            raise CareError("There is no such colleague at your dealer.")
        if to.id == from_staff_id:
            raise CareError("This case is yours already.")
        to_role, words = None, to.name
    elif to_role in ROLES:
        words = f"any {to_role}"
    else:
        raise CareError("Choose a colleague, or a role.")
    made = tasks.add_handover(
        conn,
        task=found,
        from_staff_id=from_staff_id,
        to_role=to_role,
        to_staff_id=to_staff_id,
        note=note.strip(),
        at=now,
    )
    tasks.set_owner(conn, task_id, from_staff_id, None)
    tasks.set_snoozed(conn, task_id, None, None, found.deadline)
    people.audit(
        conn,
        now,
        actor,
        "case handed over",
        f"task:{task_id}",
        handover=made.id,
        to=words,
        reason=f"to {words}: {note.strip()}",
    )
    return made


def may_answer(found: Handover, who: Person) -> bool:
    """Whether a person has the case, or may accept it. A manager may always.

    Examples
    --------
    >>> at = datetime(2026, 11, 23, 16)
    >>> case = Handover(1, 2, 3, 4, "technician", None, "look", at, "waiting")
    >>> may_answer(case, Person(9, 3, "Dana", "technician"))
    True
    >>> may_answer(case, Person(9, 3, "Ines", "insurance"))
    False
    """
    if who.dealer_id != found.dealer_id:
        return False
    if who.role in task.BOSSES:
        return True
    if found.to_staff_id is not None:
        return found.to_staff_id == who.id
    return found.to_role == who.role


def accept(conn: Connection, handover_id: int, staff_id: int, now: datetime) -> Handover:
    """Take a case. Safe to repeat.

    Raises
    ------
    CareError
        If it isn't for this person, or is no longer waiting.
    """
    found, who = _answerable(conn, handover_id, staff_id)
    if found.state == "accepted" and found.to_staff_id == staff_id:
        return found
    if found.state == "accepted" and who.role not in task.BOSSES:
        raise CareError("A colleague has accepted this case.")
    tasks.accept_handover(conn, found.id, staff_id, now)
    people.audit(conn, now, f"staff:{staff_id}", "case accepted", f"task:{found.task_id}")
    return found


def give_back(
    conn: Connection, handover_id: int, staff_id: int, answer: str, now: datetime
) -> Task:
    """Return a case with an answer; the advisor's next step begins with it.

    Raises
    ------
    CareError
        If it isn't this person's, is over, or there is no answer.
    """
    if not answer.strip():
        raise CareError("Say in a few words what you found, or why you can't take it.")
    found, who = _answerable(conn, handover_id, staff_id)
    tasks.return_handover(conn, found.id, staff_id, answer.strip(), now)
    people.audit(
        conn,
        now,
        f"staff:{staff_id}",
        "case returned",
        f"task:{found.task_id}",
        reason=answer.strip(),
    )
    back = tasks.get(conn, found.task_id, lock=True)
    assert back is not None
    action = f"{who.name} says: {answer.strip().rstrip('.')}. Go on with the customer."
    kind = "call" if back.kind == "watch" else back.kind
    return tasks.set_next(conn, back.id, kind, action, back.tries, back.deadline)


def _answerable(conn: Connection, handover_id: int, staff_id: int) -> tuple[Handover, Person]:
    who = tasks.person(conn, staff_id)
    peek = tasks.handover(conn, handover_id)
    if peek is None or who is None or not may_answer(peek, who):
        raise CareError("This case was not handed to you.")
    tasks.get(conn, peek.task_id, lock=True)
    peek = tasks.handover(conn, handover_id)
    assert peek is not None
    if not may_answer(peek, who):
        raise CareError("A colleague has accepted this case.")
    if peek.state not in ("waiting", "accepted"):
        raise CareError("This case is not handed over any more.")
    return peek, who
