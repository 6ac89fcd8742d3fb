"""One task and all that can be done with it, cases handed to colleagues, and the team's day."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api import render, words
from api.auth import Role
from api.door import Desk, Leading, Looking, NotFound, Working, ours, see
from api.pages.inbox import own_task, today
from api.slots import slot_key, slot_of
from api.store import audit as audit_store
from api.store import bookings as booking_store
from api.store import customers as customer_store
from api.store import handovers as store
from api.store import inbox as inbox_store
from api.store import vehicles as vehicle_store
from care import booking as care_booking
from care import call as care_call
from care import handover as care_handover
from care import script as care_script
from care import task as care_task
from care.errors import CareError
from care.hours import add_working_time, instant
from care.store import people
from care.store import tasks as care_tasks
from care.store.people import Dealer

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=500)]
Back = Annotated[str, Form(max_length=500)]

SNOOZE = {
    "hour": "for an hour",
    "half_day": "for four working hours",
    "tomorrow": "until the next working day",
    "week": "for a week",
}


@router.get("/tasks/{task_id}")
def show_task(
    desk: Looking, task_id: int, lang: Annotated[str, Query(max_length=5)] = ""
) -> Response:
    row = own_task(desk, task_id)
    return render.page(
        desk,
        "task.html",
        t=row,
        script=script_of(desk, task_id, lang)
        if row.state == "open" and desk.staff.may("see customers")
        else None,
        languages=care_script.LANGUAGES,
        slot_key=slot_key,
        calls=inbox_store.calls_of(desk.conn, task_id),
        handovers=store.of_task(desk.conn, desk.dealer_id, task_id),
        colleagues=inbox_store.colleagues(desk.conn, desk.dealer_id),
        snooze=SNOOZE,
        trail=audit_store.trail(desk.conn, [f"task:{task_id}"], 15),
    )


def script_of(desk: Desk, task_id: int, lang: str) -> care_script.Script:
    """The call's script. It names the customer: only for who may see customers."""
    found = care_tasks.get(desk.conn, task_id)
    assert found is not None
    language = lang if lang in care_script.LANGUAGES else None
    return care_script.script(desk.conn, found, desk.staff.name, language, desk.now)


# What came of the call


@router.post("/tasks/{task_id}/outcome")
def outcome(
    desk: Working,
    task_id: int,
    result: Annotated[str, Form(max_length=20)],
    reason: Annotated[str, Form(max_length=40)] = "",
    slot: Annotated[str, Form(max_length=80)] = "",
    note: Text = "",
) -> Response:
    own_task(desk, task_id)
    said, kind = came_of(desk, task_id, result, reason, slot, note)
    back = f"/tasks/{task_id}" if kind == "sorry" else "/"
    return render.noted(see(back), desk.request, said, kind)


def came_of(
    desk: Desk, task_id: int, result: str, reason: str, slot: str, note: str
) -> tuple[str, str]:
    """Write down what came of a call; what to say of it, and whether it is ``done`` or ``sorry``.

    Raises
    ------
    CareError
    """
    conn, me, now = desk.conn, desk.staff.id, desk.now
    note = note.replace("\x00", "")
    if result == "booked":
        kept = care_call.booked(conn, task_id, slot_of(slot), me, note, now)
        if isinstance(kept, care_booking.Taken):
            return kept.reason, "sorry"
        return f"Booked for {words.moment(kept.starts_at, desk.place)}.", "done"
    if result == "declined":
        care_call.declined(conn, task_id, reason, me, note, now)
        return "Noted. No more texts about this, unless it gets worse.", "done"
    if result == "not_reached":
        after = care_call.not_reached(conn, task_id, me, note, now)
        if after.snoozed_until:
            return f"It comes back {words.moment(after.snoozed_until, desk.place)}.", "done"
        return after.next_action, "done"
    if result == "wrong_number":
        return care_call.wrong_number(conn, task_id, me, note, now).next_action, "done"
    if result == "sold":
        care_call.sold(conn, task_id, me, note, now)
        return "The car is no longer theirs. The case stays with the car.", "done"
    raise CareError("Choose what came of the call.")


# Snooze, assign


@router.post("/tasks/{task_id}/snooze")
def snooze(
    desk: Working,
    task_id: int,
    until: Annotated[str, Form(max_length=20)],
    reason: Text,
    back: Back = "/",
) -> Response:
    own_task(desk, task_id)
    at = snooze_until(desk, until)
    care_task.snooze(desk.conn, task_id, at, reason.replace("\x00", ""), desk.staff.actor, desk.now)
    said = f"It comes back {words.moment(at, desk.place)}, or at once if it gets worse."
    return render.noted(see(ours(back)), desk.request, said)


def snooze_until(desk: Desk, choice: str) -> datetime:
    """When a choice of `SNOOZE` ends, in the dealer's opening hours.

    Raises
    ------
    CareError
        If it is none of them.
    """
    dealer = people.dealer(desk.conn, desk.dealer_id)
    assert dealer is not None
    if choice == "hour":
        return desk.now + timedelta(hours=1)
    if choice == "half_day":
        return add_working_time(desk.now, timedelta(hours=4), dealer)
    if choice in ("tomorrow", "week"):
        return _opening_after(desk.now, 1 if choice == "tomorrow" else 7, dealer)
    raise CareError("Choose until when this can wait.")


def _opening_after(now: datetime, days: int, dealer: Dealer) -> datetime:
    zone = ZoneInfo(dealer.time_zone)
    day = now.astimezone(zone).date() + timedelta(days=days)
    begins = instant(day, time(0), zone) or now + timedelta(days=days)
    return add_working_time(begins, timedelta(0), dealer)


@router.post("/tasks/{task_id}/wake")
def wake(desk: Working, task_id: int, back: Back = "/") -> Response:
    own_task(desk, task_id)
    care_task.wake(desk.conn, task_id, desk.staff.actor, desk.now)
    return render.noted(see(ours(back)), desk.request, "It is back in the list.")


@router.post("/tasks/{task_id}/assign")
def assign(desk: Leading, task_id: int, staff_id: Annotated[int, Form(ge=1, lt=2**31)]) -> Response:
    own_task(desk, task_id)
    care_task.assign(desk.conn, task_id, staff_id, desk.staff.id, desk.now)
    return render.noted(see(f"/tasks/{task_id}"), desk.request, "Assigned.")


# Hand-over


@router.post("/tasks/{task_id}/hand-over")
def hand_over(
    desk: Working, task_id: int, to: Annotated[str, Form(max_length=20)], note: Text
) -> Response:
    own_task(desk, task_id)
    begin_handover(desk, task_id, to, note)
    return render.noted(see("/"), desk.request, "Handed over. It comes back with an answer.")


def begin_handover(desk: Desk, task_id: int, to: str, note: str) -> int:
    """Hand a case to a role (``technician``) or a person (``12``); the hand-over's key.

    Raises
    ------
    CareError
    """
    named = int(to) if to.isascii() and to.isdigit() and len(to) < 10 else None
    return care_handover.hand_over(
        desk.conn,
        task_id,
        to_role=None if named else to,
        to_staff_id=named,
        note=note.replace("\x00", ""),
        from_staff_id=desk.staff.id,
        now=desk.now,
    ).id


@router.get("/cases")
def cases(desk: Looking) -> Response:
    return render.page(desk, "cases.html", rows=open_cases(desk))


def open_cases(desk: Desk) -> list[store.HandoverRow]:
    """What was handed to this person or their role; the office sees all of the dealer's."""
    return store.live(
        desk.conn,
        desk.dealer_id,
        staff_id=desk.staff.id,
        role=desk.staff.role,
        everything=desk.staff.may("work tasks"),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """All that belongs to a case: what its new owner needs, and nothing of other cases."""

    handover: store.HandoverRow
    alert: vehicle_store.AlertRow | None
    findings: list[vehicle_store.FindingRow]
    said: list[customer_store.Said]
    bookings: list[booking_store.BookingRow]
    calls: list[inbox_store.CallRow]
    trail: list[audit_store.Done]


def own_case(desk: Desk, handover_id: int) -> Case:
    """A case that was handed to this person or their role, or the dealer's for the office.

    Raises
    ------
    NotFound
    """
    row = store.one(desk.conn, desk.dealer_id, handover_id)
    if row is None or not (desk.staff.may("work tasks") or _theirs(desk, row)):
        raise NotFound("There is no such case with you.")
    conn, dealer_id = desk.conn, desk.dealer_id
    alert = vehicle_store.alert(conn, dealer_id, row.alert_id) if row.alert_id else None
    subjects = [f"task:{row.task_id}", *([f"alert:{row.alert_id}"] if row.alert_id else [])]
    about = row.customer_id
    return Case(
        row,
        alert,
        vehicle_store.findings(conn, dealer_id, alert.vehicle_id, alert.cause, limit=10)
        if alert
        else [],
        customer_store.conversation(conn, dealer_id, about, 40) if about else [],
        booking_store.of_customer(conn, dealer_id, about)[:10] if about else [],
        inbox_store.calls_of(conn, row.task_id),
        audit_store.trail(conn, subjects, 20),
    )


def _theirs(desk: Desk, row: store.HandoverRow) -> bool:
    if row.to_staff_id is not None:
        return row.to_staff_id == desk.staff.id
    return row.to_role == desk.staff.role


@router.get("/cases/{handover_id}")
def case(desk: Looking, handover_id: int) -> Response:
    found = own_case(desk, handover_id)
    return render.page(
        desk, "case.html", c=found, h=found.handover, mine=_theirs(desk, found.handover)
    )


@router.post("/cases/{handover_id}/accept")
def accept(desk: Looking, handover_id: int) -> Response:
    own_case(desk, handover_id)
    care_handover.accept(desk.conn, handover_id, desk.staff.id, desk.now)
    return render.noted(see(f"/cases/{handover_id}"), desk.request, "The case is yours now.")


@router.post("/cases/{handover_id}/return")
def give_back(desk: Looking, handover_id: int, answer: Text) -> Response:
    own_case(desk, handover_id)
    care_handover.give_back(
        desk.conn, handover_id, desk.staff.id, answer.replace("\x00", ""), desk.now
    )
    return render.noted(see("/cases"), desk.request, "Returned with your answer.")


# The team


@router.get("/team")
def team(desk: Leading) -> Response:
    day = today(desk)
    return render.page(
        desk,
        "team.html",
        people=day.advisors,
        day=day,
        counts=inbox_store.counts(desk.conn, desk.dealer_id, desk.staff.id, day, desk.now),
        limited=Role.ADVISOR.value,
    )


@router.post("/team/{staff_id}/budget")
def set_budget(
    desk: Leading, staff_id: int, calls_a_day: Annotated[int, Form(ge=0, le=200)]
) -> Response:
    name = change_budget(desk, staff_id, calls_a_day)
    return render.noted(see("/team"), desk.request, f"{name}: {calls_a_day} calls a day.")


def change_budget(desk: Desk, staff_id: int, calls_a_day: int) -> str:
    """Set how many calls a day somebody makes; their name.

    Raises
    ------
    NotFound
    """
    name = (
        inbox_store.set_budget(desk.conn, desk.dealer_id, staff_id, calls_a_day)
        if staff_id < 2**31
        else None
    )
    if name is None:
        raise NotFound("There is no such colleague at your dealer.")
    people.audit(
        desk.conn,
        desk.now,
        desk.staff.actor,
        "budget set",
        f"staff:{staff_id}",
        calls_a_day=calls_a_day,
    )
    return name
