"""Customers: one screen with all that was said, agreed and booked."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api import render, words
from api.door import Desk, NotFound, SeeingCustomers, Working, see
from api.store import audit as audit_store
from api.store import bookings as booking_store
from api.store import conversations as conversation_store
from api.store import customers as store
from api.store import inbox as inbox_store
from care import knowledge
from care import outreach as care_outreach
from care import rights as care_rights
from care import task as care_task
from care.channels.contract import NAMES
from care.hours import working_time
from care.store import knowledge as knowledge_store
from care.store import people as care_people
from care.store import rights as rights_store
from care.store.channels import addresses
from care.ways import address, of_address

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
def show(
    desk: SeeingCustomers,
    customer_id: int,
    answer: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Response:
    """The customer's conversation; `answer` is the article that the draft begins with."""
    conn, dealer_id = desk.conn, desk.dealer_id
    card = own_customer(desk, customer_id)
    if card.merged_into is not None:
        return see(f"/customers/{card.merged_into}")
    waits = conversation_store.waits(conn, dealer_id, customer_id)
    customer = care_people.customer(conn, customer_id)
    assert customer is not None
    offered = knowledge.suggest(conn, customer, waits.body, desk.now) if waits else []
    chosen = knowledge_store.get(conn, dealer_id, answer) if answer else None
    dealer = care_people.dealer(conn, dealer_id)
    assert dealer is not None
    bookings = booking_store.of_customer(conn, dealer_id, customer_id)
    subjects = [f"customer:{customer_id}", *(f"booking:{b.id}" for b in bookings)]
    return render.page(
        desk,
        "customer.html",
        c=card,
        said=store.conversation(conn, dealer_id, customer_id),
        cars=store.cars(conn, dealer_id, customer_id, desk.now),
        consents=store.consents(conn, customer_id),
        stop=store.stop(conn, card.phone) if card.phone else None,
        bookings=bookings,
        tasks=inbox_store.tasks_of_customer(conn, dealer_id, customer_id),
        trail=audit_store.trail(conn, subjects, 20),
        their_time=words.clock(desk.now, words.Place(card.time_zone, desk.place.country)),
        draft=knowledge.fill(conn, chosen, customer, desk.now) if chosen else "",
        chosen=chosen,
        waits=waits,
        waited=working_time(waits.since, desk.now, dealer) if waits and waits.since else None,
        offered=offered,
        channels=[way for way in NAMES if address(addresses(conn, customer_id), way)],
        last_channel=of_address(waits.address) if waits else None,
        requests=rights_store.requests_of(conn, customer_id),
        rights=care_rights,
    )


@router.post("/customers/{customer_id}/messages")
def write(
    desk: Working,
    customer_id: int,
    body: Annotated[str, Form(min_length=1, max_length=1000)],
    channel: Annotated[str, Form(max_length=16)] = "",
    article: Annotated[int, Form(ge=0, lt=2**31)] = 0,
    settles: Annotated[bool, Form()] = False,
) -> Response:
    own_customer(desk, customer_id)
    text = body.replace("\r\n", "\n").strip()
    sent = care_outreach.write(
        desk.conn,
        customer_id=customer_id,
        body=text,
        actor=desk.staff.actor,
        channel=channel or None,
        now=desk.now,
    )
    dropped = sent.state == "dropped"
    began_with = knowledge_store.get(desk.conn, desk.dealer_id, article) if article else None
    if began_with is not None:
        customer = care_people.customer(desk.conn, customer_id)
        assert customer is not None
        changed = text != knowledge.fill(desk.conn, began_with, customer, desk.now)
        knowledge_store.set_used(desk.conn, sent.id, began_with.id, changed)
    waits = conversation_store.waits(desk.conn, desk.dealer_id, customer_id)
    if settles and not dropped and waits is not None and waits.task_id is not None:
        care_task.done(desk.conn, waits.task_id, desk.staff.actor, "Answered by text", desk.now)
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
