"""Frames that could not be used, why, and another try after a fix."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api import render
from api.door import Desk, NotFound, SortingOut, see
from api.replay import replay_one
from api.store import quarantine as store

router = APIRouter(include_in_schema=False)

PAGE = 50


def strangers(desk: Desk) -> bool:
    """Whether the person also sees frames of VINs that nobody knows."""
    return desk.staff.role == "admin"


@router.get("/quarantine")
def show(
    desk: SortingOut,
    reason: Annotated[str, Query(max_length=60)] = "",
    before: Annotated[int | None, Query(ge=1, lt=2**62)] = None,
) -> Response:
    rows = store.page(
        desk.conn,
        dealer_id=desk.dealer_id,
        strangers=strangers(desk),
        reason_code=reason.replace("\x00", "") or None,
        before=before,
        limit=PAGE + 1,
    )
    return render.page(
        desk,
        "quarantine.html",
        reasons=store.reasons(desk.conn, desk.dealer_id, strangers(desk)),
        reason=reason,
        rows=rows[:PAGE],
        more=rows[PAGE - 1].id if len(rows) > PAGE else None,
    )


@router.post("/quarantine/{row_id}/replay")
def replay(desk: SortingOut, row_id: int) -> Response:
    if not store.visible(desk.conn, desk.dealer_id, strangers(desk), row_id):
        raise NotFound("There is no such frame waiting.")
    stored, why = replay_one(desk.conn, row_id, desk.now)
    return render.noted(
        see("/quarantine"),
        desk.request,
        "Stored; the detectors will see it." if stored else f"Still can't be used: {why}",
        "done" if stored else "sorry",
    )
