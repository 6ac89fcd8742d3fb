"""What each text and hour brought, and whether others may be tried."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from api import render
from api.door import Planning, see
from care import learn, response, results, task
from care.store import learn as store
from care.store.learn import Settings

router = APIRouter(include_in_schema=False)


@router.get("/results")
def show(desk: Planning) -> Response:
    return render.page(
        desk,
        "results.html",
        replies=response.report(desk.conn, desk.dealer_id, desk.now),
        within=task.REPLY_TIME,
        sections=results.report(desk.conn, desk.dealer_id),
        settings=store.settings(desk.conn, desk.dealer_id),
        usual=learn.HOLD_OUT,
        floor=learn.FLOOR,
    )


@router.post("/results/learning")
def set_learning(
    desk: Planning,
    texts: Annotated[bool, Form()] = False,
    hours: Annotated[bool, Form()] = False,
    hold_out: Annotated[int, Form(ge=0, le=50)] = round(100 * learn.HOLD_OUT),
) -> Response:
    wanted = Settings(texts, hours, hold_out / 100)
    learn.set_learning(desk.conn, desk.dealer_id, wanted, desk.staff.actor, desk.now)
    tried = [name for name, on in (("texts", texts), ("hours", hours)) if on]
    said = f"Other {' and '.join(tried)} are tried." if tried else "Nothing else is tried."
    return render.noted(see("/results"), desk.request, said)
