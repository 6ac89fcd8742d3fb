"""What customers may ask at any time: silence, privacy of where the car is, their data."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from api import render
from api.door import NotFound, SeeingCustomers, Working, see
from api.pages.customers import own_customer
from care import rights as care_rights
from care.store import rights as store

router = APIRouter(include_in_schema=False)

How = Annotated[str, Form(max_length=40)]


@router.get("/requests")
def index(desk: SeeingCustomers) -> Response:
    return render.page(desk, "requests.html", rows=store.requests(desk.conn, desk.dealer_id))


@router.post("/customers/{customer_id}/revoke")
def revoke(
    desk: Working,
    customer_id: int,
    how: How,
    channel: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    own_customer(desk, customer_id)
    care_rights.revoke(desk.conn, customer_id, channel or None, how, desk.staff.actor, desk.now)
    said = "No more messages will be sent." if not channel else "Noted: none by this channel."
    return render.noted(see(f"/customers/{customer_id}"), desk.request, said)


@router.post("/customers/{customer_id}/location")
def location(
    desk: Working, customer_id: int, how: How, granted: Annotated[bool, Form()]
) -> Response:
    own_customer(desk, customer_id)
    care_rights.set_location(desk.conn, customer_id, granted, how, desk.staff.actor, desk.now)
    said = "Noted: they agree." if granted else "Noted: where the car is stays hidden."
    return render.noted(see(f"/customers/{customer_id}"), desk.request, said)


@router.post("/customers/{customer_id}/requests")
def take_down(
    desk: Working, customer_id: int, how: How, kind: Annotated[str, Form(max_length=20)]
) -> Response:
    own_customer(desk, customer_id)
    care_rights.take_down(desk.conn, customer_id, kind, how, desk.staff.actor, desk.now)
    return render.noted(see(f"/customers/{customer_id}"), desk.request, "Noted, with its date.")


@router.post("/requests/{request_id}/answer")
def answer(
    desk: Working,
    request_id: int,
    reason: Annotated[str, Form(min_length=1, max_length=500)],
) -> Response:
    found = store.request(desk.conn, request_id) if request_id < 2**62 else None
    if found is None:
        raise NotFound("There is no such request at your dealer.")
    own_customer(desk, found.customer_id)
    care_rights.answer(desk.conn, request_id, reason, desk.staff.actor, desk.now)
    return render.noted(see("/requests"), desk.request, "Answered, and noted how.")
