"""Journeys and campaigns: what is said to whom in which order, and what came of it."""

import difflib
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from pydantic import ValidationError
from starlette.responses import Response

from api import render
from api.door import NotFound, Planning, Ruling, SeeingCustomers, see
from api.pages.customers import own_customer
from api.store import journeys as store
from care import campaign as care_campaign
from care import journey as care_journey
from care import outlook as care_outlook
from care.errors import CareError
from care.outreach import Policy
from care.store import campaigns as campaign_store

router = APIRouter(include_in_schema=False)


@router.get("/journeys")
def index(desk: Planning) -> Response:
    rows = [(row, care_journey.parse(row.source)) for row in store.rows(desk.conn, desk.dealer_id)]
    return render.page(desk, "journeys.html", rows=rows, triggers=care_journey.TRIGGERS)


@router.get("/journeys/{name}")
def show(desk: Planning, name: str) -> Response:
    return _show(desk, name)


def _show(desk: Planning, name: str, draft: str | None = None, error: str = "") -> Response:
    found = store.rows(desk.conn, desk.dealer_id, name)
    if not found:
        raise NotFound("There is no such journey.")
    versions = store.versions(desk.conn, name)
    older = {one.version: one.source for one in versions}
    changes = {
        one.version: [
            line
            for line in difflib.unified_diff(
                older[one.version - 1].splitlines(), one.source.splitlines(), lineterm="", n=0
            )
            if not line.startswith(("---", "+++", "@@"))
        ]
        for one in versions
        if one.version - 1 in older
    }
    return render.page(
        desk,
        "journey.html",
        status=422 if error else 200,
        row=found[0],
        plan=care_journey.parse(found[0].source),
        versions=versions,
        changes=changes,
        at_steps=store.at_steps(desk.conn, desk.dealer_id, name),
        reasons=store.reasons(desk.conn, desk.dealer_id, name),
        triggers=care_journey.TRIGGERS,
        conditions=care_journey.CONDITIONS,
        draft=found[0].source if draft is None else draft,
        error=error,
    )


@router.post("/journeys/{name}")
def save(
    desk: Ruling, name: str, source: Annotated[str, Form(min_length=1, max_length=20_000)]
) -> Response:
    try:
        version = care_journey.save(desk.conn, name, source, desk.staff.actor, desk.now)
    except CareError as error:
        return _show(desk, name, source, str(error))
    return render.noted(
        see(f"/journeys/{name}"),
        desk.request,
        f"Version {version} is in force for all who begin from now on.",
    )


@router.post("/journeys/{name}/versions/{version}")
def activate(desk: Ruling, name: str, version: int) -> Response:
    care_journey.activate(desk.conn, name, min(version, 2**31 - 1), desk.staff.actor, desk.now)
    return render.noted(see(f"/journeys/{name}"), desk.request, f"Version {version} is in force.")


@router.get("/customers/{customer_id}/outlook")
def outlook(desk: SeeingCustomers, customer_id: int) -> Response:
    card = own_customer(desk, customer_id)
    coming = care_outlook.of_customer(desk.conn, customer_id, desk.now, Policy())
    return render.page(desk, "outlook.html", c=card, coming=coming)


# -- campaigns -------------------------------------------------------------------------------------


def _conditions(form: dict[str, str]) -> care_campaign.Conditions:
    try:
        return care_campaign.Conditions.model_validate(
            {key: value.strip() for key, value in form.items() if value.strip()}
        )
    except ValidationError as error:
        one = error.errors()[0]
        raise CareError(f"{'.'.join(map(str, one['loc']))}: {one['msg']}") from None


Short = Annotated[str, Query(max_length=60)]


@router.get("/campaigns")
def campaigns(
    desk: Planning,
    make: Short = "",
    model: Short = "",
    year_from: Short = "",
    year_to: Short = "",
    powertrain: Short = "",
    km_from: Short = "",
    km_to: Short = "",
) -> Response:
    wish = {
        "make": make, "model": model, "year_from": year_from, "year_to": year_to,
        "powertrain": powertrain, "km_from": km_from, "km_to": km_to,
    }  # fmt: skip
    count, error = 0, ""
    try:
        conditions = _conditions(wish)
        count = len(
            campaign_store.chosen(desk.conn, desk.dealer_id, conditions.model_dump(), desk.now)
        )
    except CareError as problem:
        error = str(problem)
    return render.page(
        desk,
        "campaigns.html",
        rows=store.campaigns(desk.conn, desk.dealer_id),
        kinds=care_campaign.KINDS,
        wish=wish,
        count=count,
        error=error,
    )


@router.post("/campaigns")
def start(
    desk: Planning,
    kind: Annotated[str, Form(max_length=20)],
    title: Annotated[str, Form(max_length=200)],
    hold_out: Annotated[int, Form(ge=0, le=50)] = 0,
    make: Annotated[str, Form(max_length=60)] = "",
    model: Annotated[str, Form(max_length=60)] = "",
    year_from: Annotated[str, Form(max_length=60)] = "",
    year_to: Annotated[str, Form(max_length=60)] = "",
    powertrain: Annotated[str, Form(max_length=60)] = "",
    km_from: Annotated[str, Form(max_length=60)] = "",
    km_to: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    wish: dict[str, Any] = {
        "make": make, "model": model, "year_from": year_from, "year_to": year_to,
        "powertrain": powertrain, "km_from": km_from, "km_to": km_to,
    }  # fmt: skip
    care_campaign.start(
        desk.conn,
        dealer_id=desk.dealer_id,
        kind=kind,
        title=title,
        conditions=_conditions(wish),
        hold_out=hold_out / 100,
        actor=desk.staff.actor,
        now=desk.now,
    )
    return render.noted(see("/campaigns"), desk.request, "The campaign is on its way.")
