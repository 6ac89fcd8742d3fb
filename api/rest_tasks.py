"""REST under ``/api/v1``: a task's script and outcome, snooze, hand-over, and the team's day."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.door import Leading, Looking, SeeingCustomers, Working
from api.pages.inbox import own_task, today
from api.pages.tasks import (
    Case,
    begin_handover,
    came_of,
    change_budget,
    open_cases,
    own_case,
    script_of,
    snooze_until,
)
from api.store import handovers as store
from api.store import inbox as inbox_store
from care import handover as care_handover
from care import task as care_task
from care.dismissal import REASONS, Reason
from care.errors import CareError
from care.script import Script

router = APIRouter(prefix="/api/v1", tags=["tasks"])

Note = Annotated[str, Field(max_length=500)]


@router.get("/tasks/{task_id}/script")
def script(desk: SeeingCustomers, task_id: int, lang: Literal["en", "zh", ""] = "") -> Script:
    """What to say on the phone, and the facts that it stands on."""
    own_task(desk, task_id)
    return script_of(desk, task_id, lang)


class Outcome(BaseModel):
    """What came of a call. `slot` goes with `booked`, `reason` with `declined`."""

    result: Literal["booked", "declined", "not_reached", "wrong_number", "sold"]
    reason: str = Field("", max_length=40)
    slot: str = Field("", max_length=80)
    note: Note = ""


@router.post("/tasks/{task_id}/outcome")
def outcome(desk: Working, task_id: int, what: Outcome) -> inbox_store.TaskRow:
    """Write down what came of a call, and do what follows from it."""
    own_task(desk, task_id)
    said, kind = came_of(desk, task_id, what.result, what.reason, what.slot, what.note)
    if kind == "sorry":
        raise CareError(said)
    return own_task(desk, task_id)


class Snooze(BaseModel):
    """Until when a task can wait, and why."""

    until: Literal["hour", "half_day", "tomorrow", "week"]
    reason: str = Field(min_length=1, max_length=500)


@router.post("/tasks/{task_id}/snooze")
def snooze(desk: Working, task_id: int, what: Snooze) -> inbox_store.TaskRow:
    """Put a task aside; it comes back by itself, and at once when it gets worse."""
    own_task(desk, task_id)
    at = snooze_until(desk, what.until)
    reason = what.reason.replace("\x00", "")
    care_task.snooze(desk.conn, task_id, at, reason, desk.staff.actor, desk.now)
    return own_task(desk, task_id)


@router.post("/tasks/{task_id}/wake")
def wake(desk: Working, task_id: int) -> inbox_store.TaskRow:
    """Bring a snoozed task back now."""
    own_task(desk, task_id)
    care_task.wake(desk.conn, task_id, desk.staff.actor, desk.now)
    return own_task(desk, task_id)


class Assign(BaseModel):
    """To whom."""

    staff_id: int = Field(ge=1, lt=2**31)


@router.post("/tasks/{task_id}/assign")
def assign(desk: Leading, task_id: int, to: Assign) -> inbox_store.TaskRow:
    """Give a task to somebody."""
    own_task(desk, task_id)
    care_task.assign(desk.conn, task_id, to.staff_id, desk.staff.id, desk.now)
    return own_task(desk, task_id)


class HandOver(BaseModel):
    """To a role, or to the colleague of a key; and what they should do."""

    to: Literal["technician", "insurance"] | Annotated[int, Field(ge=1, lt=2**29)]
    note: str = Field(min_length=1, max_length=500)


@router.post("/tasks/{task_id}/hand-over")
def hand_over(desk: Working, task_id: int, what: HandOver) -> store.HandoverRow:
    """Hand a case to a colleague with its whole history."""
    own_task(desk, task_id)
    key = begin_handover(desk, task_id, str(what.to), what.note)
    return own_case(desk, key).handover


@router.get("/cases")
def cases(desk: Looking) -> list[store.HandoverRow]:
    """Cases that were handed to you or your role; for the office, all that are away."""
    return open_cases(desk)


@router.get("/cases/{handover_id}")
def case(desk: Looking, handover_id: int) -> Case:
    """A case with its alert, evidence, conversation and bookings."""
    return own_case(desk, handover_id)


@router.post("/cases/{handover_id}/accept")
def accept(desk: Looking, handover_id: int) -> store.HandoverRow:
    """Take a case."""
    own_case(desk, handover_id)
    care_handover.accept(desk.conn, handover_id, desk.staff.id, desk.now)
    return own_case(desk, handover_id).handover


class Answer(BaseModel):
    """What was found."""

    answer: str = Field(min_length=1, max_length=500)


@router.post("/cases/{handover_id}/return")
def give_back(desk: Looking, handover_id: int, what: Answer) -> store.HandoverRow:
    """Return a case with an answer."""
    own_case(desk, handover_id)
    answer = what.answer.replace("\x00", "")
    care_handover.give_back(desk.conn, handover_id, desk.staff.id, answer, desk.now)
    return own_case(desk, handover_id).handover


@router.get("/team")
def team(desk: Leading) -> list[inbox_store.Advisor]:
    """Who works on tasks, and how much of their day's budget is used."""
    return today(desk).advisors


class Budget(BaseModel):
    """Calls a day."""

    calls_a_day: int = Field(ge=0, le=200)


@router.post("/team/{staff_id}/budget")
def set_budget(desk: Leading, staff_id: int, what: Budget) -> list[inbox_store.Advisor]:
    """Set how many calls a day somebody makes."""
    change_budget(desk, staff_id, what.calls_a_day)
    return today(desk).advisors


@router.get("/dismiss-reasons", tags=["alerts"])
def dismiss_reasons(desk: Looking) -> dict[str, Reason]:
    """Why an alert may be no problem, and what each reason says of the detector."""
    return REASONS
