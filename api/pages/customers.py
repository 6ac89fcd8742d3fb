"""Customers: one screen with all that was said, agreed and booked."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api import render, words
from api.door import Desk, NotFound, SeeingCustomers, Working, see
from api.store import audit as audit_store
from api.store import bookings as booking_store
from api.store import customers as store
from api.store import inbox as inbox_store
from care import outreach as care_outreach
from care import rights as care_rights
from care.store import rights as rights_store

router = APIRouter(include_in_schema=False)

PAGE = 50


@router.get("/customers")
def index(
    desk: SeeingCustomers,
    q: Annotated[str, Query(max_length=80)] = "",
    after: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    part = q.strip().replace("\x00", "")
    more = ""
    if len(part) >= 2:
        rows = store.search(desk.conn, dealer_id=desk.dealer_id, part=part, now=desk.now)
    else:
        rows = store.page(
            desk.conn,
            dealer_id=desk.dealer_id,
            now=desk.now,
            after=cursor(after),
            limit=PAGE + 1,
        )
        if len(rows) > PAGE:
            more = f"{rows[PAGE - 1].name}~{rows[PAGE - 1].id}"
    return render.page(desk, "customers.html", rows=rows[:PAGE], q=q, more=more, after=after)


def cursor(after: str) -> tuple[str, int] | None:
    """``Ruiz~12`` as name and id; None if it isn't one.

    Examples
    --------
    >>> cursor("Ana~Ruiz~12"), cursor("Ana")
    (('Ana~Ruiz', 12), None)
    """
    name, _, number = after.replace("\x00", "").rpartition("~")
    return (name, int(number)) if number.isdigit() and len(number) < 10 and name else None


@router.get("/customers/{customer_id}")
def show(desk: SeeingCustomers, customer_id: int) -> Response:
    return _show(desk, customer_id)


def _show(desk: Desk, customer_id: int, draft: str = "", status: int = 200) -> Response:
    conn, dealer_id = desk.conn, desk.dealer_id
    card = own_customer(desk, customer_id)
    if card.merged_into is not None:
        return see(f"/customers/{card.merged_into}")
    bookings = booking_store.of_customer(conn, dealer_id, customer_id)
    subjects = [f"customer:{customer_id}", *(f"booking:{b.id}" for b in bookings)]
    return render.page(
        desk,
        "customer.html",
        status=status,
        c=card,
        said=store.conversation(conn, dealer_id, customer_id),
        cars=store.cars(conn, dealer_id, customer_id, desk.now),
        consents=store.consents(conn, customer_id),
        stop=store.stop(conn, card.phone) if card.phone else None,
        bookings=bookings,
        tasks=inbox_store.tasks_of_customer(conn, dealer_id, customer_id),
        trail=audit_store.trail(conn, subjects, 20),
        their_time=words.clock(desk.now, words.Place(card.time_zone, desk.place.country)),
        draft=draft,
        requests=rights_store.requests_of(conn, customer_id),
        rights=care_rights,
    )


@router.post("/customers/{customer_id}/messages")
def write(
    desk: Working,
    customer_id: int,
    body: Annotated[str, Form(min_length=1, max_length=1000)],
) -> Response:
    own_customer(desk, customer_id)
    sent = care_outreach.write(
        desk.conn,
        customer_id=customer_id,
        body=body.replace("\r\n", "\n").strip(),
        actor=desk.staff.actor,
        now=desk.now,
    )
    dropped = sent.state == "dropped"
    return render.noted(
        see(f"/customers/{customer_id}#last"),
        desk.request,
        f"Not sent: {sent.reason}" if dropped else "On its way.",
        "sorry" if dropped else "done",
    )


def own_customer(desk: Desk, customer_id: int) -> store.CustomerCard:
    """The customer, if they are this dealer's.

    Raises
    ------
    NotFound
    """
    card = store.card(desk.conn, desk.dealer_id, customer_id) if customer_id < 2**31 else None
    if card is None:
        raise NotFound("There is no such customer at your dealer.")
    return card
