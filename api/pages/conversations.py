"""Conversations over all channels, who waits for an answer, and what we know how to answer."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from api import render
from api.auth import May
from api.door import NotFound, Planning, SeeingCustomers, see
from api.store import conversations as store
from care import knowledge
from care.hours import is_open, working_time
from care.store import knowledge as knowledge_store
from care.store import people
from care.ways import of_address

router = APIRouter(include_in_schema=False)

PAGE = 50


@router.get("/conversations")
def index(
    desk: SeeingCustomers,
    show: Annotated[Literal["waiting", "mine", "all"], Query()] = "waiting",
    q: Annotated[str, Query(max_length=80)] = "",
    before: Annotated[datetime | None, Query()] = None,
) -> Response:
    part = q.strip().replace("\x00", "")
    if show == "all" or part:
        show = "all"
        if before is not None and before.tzinfo is None:
            before = None
        rows = store.recent(desk.conn, desk.dealer_id, part, before, PAGE + 1)
    else:
        owner = desk.staff.id if show == "mine" else None
        rows = store.waiting(desk.conn, desk.dealer_id, owner)
    more = rows[PAGE - 1].at if show == "all" and len(rows) > PAGE else None
    rows = rows[:PAGE] if show == "all" else rows
    dealer = people.dealer(desk.conn, desk.dealer_id)
    assert dealer is not None
    waited = {
        one.customer_id: working_time(one.since, desk.now, dealer) for one in rows if one.since
    }
    return render.page(
        desk,
        "conversations.html",
        rows=rows,
        waited=waited,
        waiting=store.count_waiting(desk.conn, desk.dealer_id),
        open_now=is_open(desk.now, dealer),
        channel_of=of_address,
        show=show,
        q=q,
        more=more,
        before=before,
        may_edit=desk.staff.may(May.PLAN),
    )


@router.get("/knowledge")
def articles(
    desk: SeeingCustomers,
    article: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    try_: Annotated[str, Query(alias="try", max_length=300)] = "",
) -> Response:
    chosen = knowledge_store.get(desk.conn, desk.dealer_id, article) if article else None
    if article and chosen is None:
        raise NotFound("There is no such article.")
    said = try_.strip().replace("\x00", "")
    return render.page(
        desk,
        "knowledge.html",
        articles=knowledge_store.in_force(desk.conn, desk.dealer_id),
        chosen=chosen,
        versions=knowledge_store.versions(desk.conn, desk.dealer_id, chosen.name, chosen.language)
        if chosen
        else [],
        fields=sorted(knowledge.FIELDS),
        may_edit=desk.staff.may(May.PLAN),
        tried=said,
        found=knowledge.search(desk.conn, desk.dealer_id, said) if said else [],
    )


@router.post("/knowledge")
def write(
    desk: Planning,
    name: Annotated[str, Form(max_length=80)],
    language: Annotated[str, Form(max_length=8)],
    question: Annotated[str, Form(max_length=2000)],
    answer: Annotated[str, Form(max_length=4000)],
) -> Response:
    knowledge.write(
        desk.conn,
        dealer_id=desk.dealer_id,
        name=name,
        language=language,
        question=question,
        answer=answer,
        actor=desk.staff.actor,
        now=desk.now,
    )
    return render.noted(see("/knowledge"), desk.request, "Kept. Suggestions use it from now on.")


@router.post("/knowledge/{article_id}/out")
def take_out(desk: Planning, article_id: int) -> Response:
    own = knowledge_store.get(desk.conn, desk.dealer_id, article_id) if article_id < 2**31 else None
    if own is None:
        raise NotFound("There is no such article.")
    knowledge.take_out(desk.conn, desk.dealer_id, article_id, desk.staff.actor, desk.now)
    return render.noted(see("/knowledge"), desk.request, "Taken out.")
