"""Fleet incidents: many like cars with the same alert, decided once."""

from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api import render
from api.door import Desk, Leading, Looking, NotFound, see
from api.store import incidents as store
from care import alert, incident, traits
from care.store import incidents as care_store
from care.store.incidents import Incident

router = APIRouter(include_in_schema=False)

MOST = 50
CARS = 50
"""On a page."""

Why = Annotated[str, Form(max_length=500)]


@router.get("/incidents")
def show(desk: Looking) -> Response:
    found = care_store.newest(desk.conn, desk.dealer_id, MOST)
    ids = [each.id for each in found]
    shared = care_store.traits(desk.conn, ids)
    return render.page(
        desk,
        "incidents.html",
        incidents=found,
        days=_days(desk, ids),
        said={
            each.id: [
                traits.words(one, _model(each), each.across)
                for one in shared[each.id]
                if one.stands_out
            ]
            for each in found
        },
    )


@router.get("/incidents/{incident_id}")
def one(
    desk: Looking, incident_id: int, before: Annotated[int | None, Query(ge=1, lt=2**63)] = None
) -> Response:
    found = _ours(desk, incident_id)
    cars = store.members(desk.conn, incident_id, CARS + 1, before)
    shared = care_store.traits(desk.conn, [incident_id])[incident_id]
    usual = {one.kind for one in shared if not one.stands_out}
    return render.page(
        desk,
        "incident.html",
        i=found,
        days=_days(desk, [incident_id])[incident_id],
        cars=cars[:CARS],
        more=cars[CARS - 1].alert_id if len(cars) > CARS else None,
        before=before,
        model=_model(found),
        shared=[one for one in shared if one.stands_out],
        usual=[traits.KINDS[kind] for kind in traits.KINDS if kind in usual],
        told_firmware=any(one.kind == "firmware" for one in shared),
        words=traits.words,
        odds=traits.odds,
        hands=care_store.in_hand(desk.conn, incident_id, desk.now) if found.state == "open" else [],
        codes={code: incident.title(code) for code in incident.CODES},
    )


def _days(desk: Desk, ids: list[int]) -> dict[int, list[store.Begun]]:
    days = defaultdict(list)
    for each in store.begun(desk.conn, ids, desk.zone):
        days[each.incident_id].append(each)
    return days


def _model(found: Incident) -> str | None:
    return f"{found.make} {found.model}".strip() if found.model is not None else None


@router.post("/incidents/{incident_id}/release")
def release(desk: Leading, incident_id: int, why: Why = "") -> Response:
    _ours(desk, incident_id)
    count = incident.release(desk.conn, incident_id, desk.staff.actor, _clean(why), desk.now)
    cars = "1 car goes" if count == 1 else f"{count} cars go"
    return _said(desk, incident_id, f"{cars} the usual way from now on.")


@router.post("/incidents/{incident_id}/close")
def close(
    desk: Leading,
    incident_id: int,
    code: Annotated[str, Form(max_length=40)],
    why: Why = "",
) -> Response:
    _ours(desk, incident_id)
    count = alert.close_incident(
        desk.conn, incident_id, desk.staff.actor, code, _clean(why), desk.now
    )
    return _said(desk, incident_id, f"Closed: {count} alert{'' if count == 1 else 's'} with it.")


@router.post("/incidents/{incident_id}/reopen")
def reopen(desk: Leading, incident_id: int, why: Why = "") -> Response:
    _ours(desk, incident_id)
    count = incident.reopen(desk.conn, incident_id, desk.staff.actor, _clean(why), desk.now)
    cars = "1 car waits" if count == 1 else f"{count} cars wait"
    return _said(desk, incident_id, f"{cars} for a decision again.")


def _clean(why: str) -> str:
    return why.replace("\x00", "")


def _said(desk: Desk, incident_id: int, words: str) -> Response:
    return render.noted(see(f"/incidents/{incident_id}"), desk.request, words)


def _ours(desk: Desk, incident_id: int) -> Incident:
    """The incident, unless it is another dealer's.

    Raises
    ------
    NotFound
    """
    found = care_store.get(desk.conn, incident_id) if incident_id < 2**31 else None
    if found is None or found.dealer_id != desk.dealer_id:
        raise NotFound("There is no such incident.")
    return found
