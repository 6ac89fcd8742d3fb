"""Fleet incidents: many like cars with the same alert, decided once."""

from collections import defaultdict
from datetime import datetime
from itertools import groupby
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form
from starlette.responses import Response

from api import render
from api.door import Desk, Leading, Looking, NotFound, see
from api.store import incidents as store
from care import alert, incident
from care.store import incidents as care_store

router = APIRouter(include_in_schema=False)

MOST = 30
MOST_CARS = 50
"""Cars of each that are listed."""


@router.get("/incidents")
def show(desk: Looking) -> Response:
    found = care_store.newest(desk.conn, desk.dealer_id, MOST)
    cars = defaultdict(list)
    for one in store.members(desk.conn, [each.id for each in found], MOST_CARS):
        cars[one.incident_id].append(one)
    days = {}
    for each in found:
        at = [one.opened_at.astimezone(ZoneInfo(desk.zone)) for one in reversed(cars[each.id])]
        groups = [list(group) for _, group in groupby(at, key=datetime.date)]
        days[each.id] = [(group[0], len(group)) for group in groups]
    return render.page(
        desk,
        "incidents.html",
        incidents=found,
        cars=cars,
        days=days,
        codes={code: incident.title(code) for code in incident.CODES},
        most_cars=MOST_CARS,
    )


@router.post("/incidents/{incident_id}/release")
def release(
    desk: Leading, incident_id: int, why: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    _ours(desk, incident_id)
    count = incident.release(
        desk.conn, incident_id, desk.staff.actor, why.replace("\x00", ""), desk.now
    )
    cars = "1 car goes" if count == 1 else f"{count} cars go"
    return render.noted(see("/incidents"), desk.request, f"{cars} the usual way from now on.")


@router.post("/incidents/{incident_id}/close")
def close(
    desk: Leading,
    incident_id: int,
    code: Annotated[str, Form(max_length=40)],
    why: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    _ours(desk, incident_id)
    count = alert.close_incident(
        desk.conn, incident_id, desk.staff.actor, code, why.replace("\x00", ""), desk.now
    )
    return render.noted(
        see("/incidents"),
        desk.request,
        f"Closed: {count} alert{'' if count == 1 else 's'} with it.",
    )


def _ours(desk: Desk, incident_id: int) -> None:
    """Stop who asks for another dealer's.

    Raises
    ------
    NotFound
    """
    found = care_store.get(desk.conn, incident_id) if incident_id < 2**31 else None
    if found is None or found.dealer_id != desk.dealer_id:
        raise NotFound("There is no such incident.")
