"""The inbox: what an advisor should do next, most important first."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api import render
from api.auth import Role
from api.door import Desk, Looking, NotFound, Working, door, ours, see, who
from api.store import customers as customer_store
from api.store import inbox as store
from api.store import vehicles as vehicle_store
from care import budget
from care import task as care_task

router = APIRouter(include_in_schema=False)

PAGE = 50
WATCHED = 12
"""How many watched ones are shown below what is to do."""
VIEWS = {
    "all": "To do",
    "mine": "Mine",
    "unclaimed": "Unclaimed",
    "replies": "Replies",
    "late": "Escalated",
    "snoozed": "Snoozed",
    "watched": "Watched",
}
TO_DO = ["call", "reply", "handle"]
ALL_KINDS = [*TO_DO, "watch"]


def today(desk: Desk) -> store.Day:
    """What is for today, by everybody's budget of calls."""
    conn, dealer_id, now = desk.conn, desk.dealer_id, desk.now
    zone = ZoneInfo(desk.zone)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    advisors = store.advisors(conn, dealer_id, now, midnight)
    left = {a.id: a.left for a in advisors if a.role == Role.ADVISOR}
    found = {c.id: c for c in store.candidates(conn, dealer_id, left, now)}
    chosen = budget.today(list(found.values()), left)
    return store.Day({key: c for key, c in found.items() if key in chosen}, advisors)


def listed(
    desk: Desk,
    day: store.Day,
    view: str,
    urgency: str | None,
    after: str | None,
    limit: int = PAGE,
) -> list[store.TaskRow]:
    """The tasks of a view."""
    kinds = {"replies": ["reply"], "late": ALL_KINDS, "snoozed": ALL_KINDS}.get(view, TO_DO)
    return store.tasks(
        desk.conn,
        dealer_id=desk.dealer_id,
        now=desk.now,
        kinds=kinds,
        today=day.ids if view in ("all", "mine", "unclaimed", "replies") else None,
        watched=day.ids if view == "watched" else None,
        snoozed=view == "snoozed",
        late=view == "late",
        owner_id=desk.staff.id if view == "mine" else None,
        unclaimed=view == "unclaimed",
        urgency=urgency or None,
        after=cursor(after),
        limit=limit,
    )


def cursor(after: str | None) -> tuple[float, int] | None:
    """``12.5_77`` as priority and id; None if it isn't one.

    Examples
    --------
    >>> cursor("12.5_77"), cursor("x_1"), cursor(None)
    ((12.5, 77), None, None)
    """
    try:
        priority, _, task_id = (after or "").partition("_")
        if len(task_id) > 18:
            return None
        return float(priority), int(task_id)
    except ValueError:
        return None


@router.get("/")
def show(
    desk: Looking,
    view: str = "all",
    urgency: str = "",
    after: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    view = view if view in VIEWS else "all"
    urgency = urgency if urgency in ("stop", "soon", "service", "info") else ""
    day = today(desk)
    rows = listed(desk, day, view, urgency, after, PAGE + 1)
    return render.page(
        desk,
        "inbox.html",
        view=view,
        views=VIEWS,
        urgency=urgency,
        tasks=rows[:PAGE],
        more=f"{rows[PAGE - 1].priority}_{rows[PAGE - 1].id}" if len(rows) > PAGE else "",
        after=after,
        watched=listed(desk, day, "watched", urgency, None, WATCHED)
        if view == "all" and not after
        else [],
        counts=store.counts(desk.conn, desk.dealer_id, desk.staff.id, day, desk.now),
        mine=next((a for a in day.advisors if a.id == desk.staff.id), None),
    )


@router.get("/search")
def search(desk: Looking, q: Annotated[str, Query(max_length=80)] = "") -> Response:
    part = q.strip().replace("\x00", "")
    cars: list[vehicle_store.VehicleRow] = []
    people: list[customer_store.CustomerRow] = []
    if len(part) >= 2:
        cars = vehicle_store.search(
            desk.conn, dealer_id=desk.dealer_id, part=part, now=desk.now, limit=25
        )
        if desk.staff.may("see customers"):
            people = customer_store.search(
                desk.conn, dealer_id=desk.dealer_id, part=part, now=desk.now, limit=25
            )
    return render.page(desk, "search.html", q=q, cars=cars, people=people, short=len(part) < 2)


@router.post("/tasks/{task_id}/claim")
def claim(
    desk: Working, task_id: int, back: Annotated[str, Form(max_length=500)] = "/"
) -> Response:
    own_task(desk, task_id)
    care_task.claim(desk.conn, task_id, desk.staff.id, desk.now)
    return render.noted(see(ours(back)), desk.request, "It's yours now.")


@router.post("/tasks/{task_id}/done")
def done(
    desk: Working,
    task_id: int,
    reason: Annotated[str, Form(min_length=1, max_length=500)],
    back: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    own_task(desk, task_id)
    care_task.done(desk.conn, task_id, desk.staff.actor, reason, desk.now)
    return render.noted(see(ours(back)), desk.request, "Done, and noted why.")


def own_task(desk: Desk, task_id: int) -> store.TaskRow:
    """The task, if it is this dealer's.

    Raises
    ------
    NotFound
    """
    task = store.task(desk.conn, desk.dealer_id, task_id)
    if task is None:
        raise NotFound("There is no such task.")
    return task


@router.get("/live")
async def live(request: Request, since: Annotated[str, Query(max_length=40)] = "") -> Response:
    """The event stream of a page that was made at `since`."""
    # Asked in a thread, like every other question to the database.
    await _signed_in(request)
    return StreamingResponse(
        door(request).live.stream(since),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _signed_in(request: Request) -> None:
    def ask() -> None:
        with door(request).pool.connection() as conn:
            who(request, conn)

    await run_in_threadpool(ask)
