"""A customer's record, and the records as a whole: segments, files, duplicates, leaving."""

import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Query, UploadFile
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from api import render
from api.auth import May
from api.door import Desk, KeepingRecords, NotFound, SeeingCustomers, Working, see
from api.pages.customers import own_customer
from api.store import customers as store
from care import csv_import, duplicates, loyalty, people, privacy
from care.errors import CareError
from care.store import customers as care_customers
from care.store import imports
from care.store import loyalty as points

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=300)]
SHOWN = 200
"""Problems that the page lists; the file has them all."""


@router.get("/customers/{customer_id}/record")
def record(desk: SeeingCustomers, customer_id: int) -> Response:
    conn, now = desk.conn, desk.now
    card = own_customer(desk, customer_id)
    if card.merged_into is not None:
        return see(f"/customers/{card.merged_into}/record")
    facts = care_customers.behaviour(conn, customer_id, now)
    assert facts is not None
    ledger = points.entries(conn, customer_id)
    standing = loyalty.standing(ledger, points.tiers(conn), now)
    return render.page(
        desk,
        "customer_record.html",
        c=card,
        stage=people.stage(facts, standing.points),
        by_behaviour=people.behaviour_tags(facts, now),
        by_hand=store.tags(conn, customer_id),
        mates=store.housemates(conn, desk.dealer_id, customer_id),
        consents=store.consent_history(conn, customer_id),
        standing=standing,
        ledger=ledger,
        taken_back={entry.reverses for entry in ledger},
        timeline=store.timeline(conn, desk.dealer_id, customer_id),
        channels=people.CHANNELS,
        purposes=people.PURPOSES,
    )


def _back(desk: Desk, customer_id: int, words: str, part: str = "") -> Response:
    return render.noted(see(f"/customers/{customer_id}/record{part}"), desk.request, words)


@router.post("/customers/{customer_id}/consents")
def consent(
    desk: Working,
    customer_id: int,
    purpose: Text = "",
    channel: Text = "",
    answer: Text = "",
    source: Text = "",
    wording: Text = "",
) -> Response:
    _living(desk, customer_id)
    if answer not in ("granted", "withdrawn"):
        raise CareError("Say whether the person agreed or withdrew.")
    people.record_consent(
        desk.conn,
        customer_id,
        purpose=purpose,
        channel=channel,
        granted=answer == "granted",
        source=source,
        wording=wording,
        actor=desk.staff.actor,
        now=desk.now,
    )
    return _back(desk, customer_id, "Consent recorded.", "#consent")


@router.post("/customers/{customer_id}/tags")
def tag(desk: Working, customer_id: int, tag: Text = "", remove: Text = "") -> Response:
    _living(desk, customer_id)
    change = people.untag if remove else people.tag
    change(desk.conn, customer_id, remove or tag, desk.staff.actor, desk.now)
    return _back(desk, customer_id, "Tag removed." if remove else "Tagged.")


@router.post("/customers/{customer_id}/household")
def household(desk: Working, customer_id: int, phone: Text = "", leave: Text = "") -> Response:
    _living(desk, customer_id)
    if leave:
        people.leave_household(desk.conn, customer_id, desk.staff.actor, desk.now)
        return _back(desk, customer_id, "Lives elsewhere now.")
    other = _by_phone(desk, phone)
    people.share_household(desk.conn, customer_id, other.id, desk.staff.actor, desk.now)
    return _back(desk, customer_id, f"Shares a household with {other.name}.")


@router.post("/customers/{customer_id}/points")
def give_points(
    desk: Working,
    customer_id: int,
    phone: Text = "",
    take_back: Annotated[int, Form(ge=0, lt=2**63)] = 0,
) -> Response:
    card = _living(desk, customer_id)
    if take_back:
        if not desk.staff.may(May.LEAD):
            raise CareError("Points are taken back by a manager.")
        loyalty.take_back_entry(desk.conn, customer_id, take_back, desk.staff.actor, desk.now)
        return _back(desk, customer_id, "Taken back.")
    friend = _by_phone(desk, phone)
    given = loyalty.brought(desk.conn, customer_id, friend.id, desk.staff.actor, desk.now)
    words = f"{given} points for bringing {friend.name}." if given else "They have these points."
    return _back(desk, card.id, words)


@router.post("/customers/{customer_id}/merge")
def merge(
    desk: KeepingRecords,
    customer_id: int,
    phone: Text = "",
    other: Text = "",
    confirm: Text = "",
) -> Response:
    kept = _living(desk, customer_id)
    if other.isascii() and other.isdigit() and len(other) < 10:
        gone = own_customer(desk, int(other))
    else:
        gone = own_customer(desk, _by_phone(desk, phone).id)
    if confirm != "yes":
        return render.page(desk, "merge.html", kept=kept, gone=gone)
    duplicates.merge(desk.conn, customer_id, gone.id, desk.staff.actor, desk.now)
    return _back(desk, customer_id, "The two records are one now.")


@router.post("/customers/{customer_id}/export")
def export(desk: KeepingRecords, customer_id: int) -> Response:
    own_customer(desk, customer_id)
    folder = Path(tempfile.mkdtemp(prefix="person-"))
    try:
        path = privacy.export(desk.conn, customer_id, folder, desk.now)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        path,
        filename=path.name,
        media_type="application/zip",
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


@router.post("/customers/{customer_id}/erase")
def erase(desk: KeepingRecords, customer_id: int, confirm: Text = "") -> Response:
    card = own_customer(desk, customer_id)
    if confirm.strip() != "ERASE":
        raise CareError("To erase this person for good, write ERASE into the field.")
    done = privacy.erase(desk.conn, card.id, desk.staff.actor, desk.now)
    words = f"Erased, with {done.frames} frames of telemetry."
    return render.noted(see("/customers"), desk.request, words)


def _living(desk: Desk, customer_id: int) -> store.CustomerCard:
    card = own_customer(desk, customer_id)
    if card.merged_into is not None or card.erased_at is not None:
        raise CareError("This record was merged or erased; nothing can be added to it.")
    return card


def _by_phone(desk: Desk, phone: str) -> store.Person:
    number = csv_import.e164(phone, desk.place.country)
    found = store.by_phone(desk.conn, desk.dealer_id, number) if number else None
    if found is None:
        raise CareError("Nobody at your dealer has this number.")
    return found


# -- segments --------------------------------------------------------------------------------------


@router.get("/people/segments")
def segments(
    desk: SeeingCustomers,
    field: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006  FastAPI copies it
    value: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006
    name: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    chosen = people.conditions(list(zip(field, value, strict=False)))
    conn, dealer_id, now = desk.conn, desk.dealer_id, desk.now
    return render.page(
        desk,
        "segments.html",
        known=care_customers.CONDITIONS,
        chosen={str(c["field"]): c["value"] for c in chosen},
        title=name,
        count=care_customers.count(conn, dealer_id, chosen, now),
        rows=care_customers.members(conn, dealer_id, chosen, now, 50) if chosen else [],
        saved=[
            (s, care_customers.count(conn, dealer_id, s.conditions, now), _query(s))
            for s in care_customers.segments(conn, dealer_id)
        ],
    )


def _query(segment: care_customers.Segment) -> str:
    parts = [f"name={quote(segment.name)}"]
    for one in segment.conditions:
        parts.append(f"field={one['field']}&value={quote(str(one['value']))}")
    return "&".join(parts)


@router.post("/people/segments")
def save_segment(
    desk: Working,
    field: Annotated[list[str], Form(max_length=20)] = [],  # noqa: B006
    value: Annotated[list[str], Form(max_length=20)] = [],  # noqa: B006
    name: Text = "",
) -> Response:
    chosen = people.conditions(list(zip(field, value, strict=False)))
    people.save_segment(desk.conn, desk.dealer_id, name, chosen, desk.staff.actor, desk.now)
    return render.noted(see("/people/segments"), desk.request, "Segment saved.")


# -- files -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Words:
    columns: tuple[str, ...] = csv_import.COLUMNS
    consents: tuple[str, ...] = tuple(csv_import.CONSENTS)


@router.get("/people/import")
def import_page(desk: KeepingRecords) -> Response:
    waiting = len(store.waiting(desk.conn, desk.dealer_id))
    return render.page(desk, "import.html", upload=None, words=_Words(), waiting=waiting)


@router.post("/people/import")
def upload(desk: KeepingRecords, file: Annotated[UploadFile | None, File()] = None) -> Response:
    content = file.file.read() if file is not None else b""
    if file is None or not content:
        raise CareError("Choose a CSV file first.")
    report = csv_import.run(
        desk.conn,
        io.BytesIO(content),
        desk.dealer_id,
        desk.staff.actor,
        desk.now,
        write=False,
    )
    name = "".join(c for c in (file.filename or "") if c.isprintable())[-80:] or "file.csv"
    upload_id = imports.put_upload(
        desk.conn, desk.dealer_id, name, content, desk.staff.actor, desk.now
    )
    imports.set_report(desk.conn, upload_id, report.doc)
    return see(f"/people/import/{upload_id}")


@router.get("/people/import/{upload_id}")
def preview(desk: KeepingRecords, upload_id: int) -> Response:
    found = _upload(desk, upload_id)
    waiting = len(store.waiting(desk.conn, desk.dealer_id))
    return render.page(
        desk, "import.html", upload=found, words=_Words(), waiting=waiting, shown=SHOWN
    )


@router.get("/people/import/{upload_id}/problems.csv")
def problems(desk: KeepingRecords, upload_id: int) -> Response:
    found = _upload(desk, upload_id)
    listed = (found.report or {}).get("problems", [])
    text = csv_import.error_report([csv_import.Problem(**p) for p in listed])
    return Response(
        text.encode("utf-8-sig"),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="problems-{upload_id}.csv"'},
    )


@router.post("/people/import/{upload_id}/apply")
def apply(desk: KeepingRecords, upload_id: int) -> Response:
    found = _upload(desk, upload_id)
    content = imports.take_content(desk.conn, found.id)
    if content is None:
        raise CareError("This file was read in, or given up, already. Upload it again.")
    report = csv_import.run(
        desk.conn, io.BytesIO(content), desk.dealer_id, desk.staff.actor, desk.now, write=True
    )
    imports.set_applied(desk.conn, found.id, report.doc)
    words = f"{report.new} new customers, {report.more_cars} further cars."
    return render.noted(see(f"/people/import/{found.id}"), desk.request, words)


def _upload(desk: Desk, upload_id: int) -> imports.Upload:
    found = imports.upload(desk.conn, desk.dealer_id, upload_id) if upload_id < 2**31 else None
    if found is None:
        raise NotFound("There is no such file at your dealer.")
    return found


# -- duplicates ------------------------------------------------------------------------------------


@router.get("/people/duplicates")
def list_duplicates(desk: KeepingRecords) -> Response:
    return render.page(
        desk,
        "duplicates.html",
        waiting=store.waiting(desk.conn, desk.dealer_id),
        pairs=store.pairs(desk.conn, desk.dealer_id),
    )


@router.post("/people/duplicates/{duplicate_id}")
def settle(desk: KeepingRecords, duplicate_id: int, decision: Text = "") -> Response:
    if duplicate_id >= 2**63 or not imports.duplicate(desk.conn, desk.dealer_id, duplicate_id):
        raise NotFound("There is no such row at your dealer.")
    duplicates.settle(desk.conn, desk.dealer_id, duplicate_id, decision, desk.staff.actor, desk.now)
    return render.noted(see("/people/duplicates"), desk.request, "Settled.")
