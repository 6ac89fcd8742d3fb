"""What the workshop has: place and hours, bays, technicians, loaners, runs; and the catalogue."""

from datetime import time
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from api import render
from api.auth import May
from api.door import Desk, Ruling, SortingOut, see
from api.store import setup as store
from care import workshop

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=200)]
Days = Annotated[list[int], Form(max_length=7)]
Percent = Annotated[int, Form(ge=50, le=200)]
Value = Annotated[str, Form(max_length=12)]


@router.get("/workshop/setup")
def show(desk: SortingOut) -> Response:
    conn, dealer_id = desk.conn, desk.dealer_id
    return render.page(
        desk,
        "setup.html",
        spot=store.place(conn, dealer_id),
        bays=store.bays(conn, dealer_id),
        technicians=store.technicians(conn, dealer_id),
        loaners=store.loaners(conn, dealer_id),
        runs=store.runs(conn, dealer_id),
        works=store.works(conn),
        parts=store.parts(conn),
        kinds=workshop.BAYS,
        may_rule=desk.staff.may(May.CHANGE_JOURNEYS),
    )


def _back(desk: Desk, words: str, where: str) -> Response:
    return render.noted(see(f"/workshop/setup#{where}"), desk.request, words)


@router.post("/workshop/setup/place")
def set_place(
    desk: SortingOut,
    name: Text,
    phone: Text,
    time_zone: Text,
    country: Annotated[str, Form(max_length=2)],
    opens: Annotated[time, Form()],
    closes: Annotated[time, Form()],
    weekdays: Days,
    subdivision: Annotated[str, Form(max_length=6)] = "",
    address: Text = "",
    walk_in_percent: Annotated[int, Form(ge=0, le=50)] = 0,
) -> Response:
    workshop.set_place(
        desk.conn,
        desk.dealer_id,
        name=name,
        phone=phone,
        time_zone=time_zone.strip(),
        country=country.strip().upper(),
        subdivision=subdivision.strip().upper(),
        address=address,
        opens=opens.replace(tzinfo=None),
        closes=closes.replace(tzinfo=None),
        weekdays=weekdays,
        walk_in_percent=walk_in_percent,
        actor=desk.staff.actor,
        now=desk.now,
    )
    return _back(desk, "Kept. New promises follow it; visits that are booked stay.", "place")


@router.post("/workshop/setup/bays")
def add_bay(desk: SortingOut, name: Text, kind: Text = "general") -> Response:
    workshop.add_bay(desk.conn, desk.dealer_id, name, kind, desk.staff.actor, desk.now)
    return _back(desk, "Added. Visits can be booked there from now on.", "bays")


@router.post("/workshop/setup/technicians")
def add_technician(
    desk: SortingOut,
    name: Text,
    skills: Text,
    starts: Annotated[time, Form()],
    ends: Annotated[time, Form()],
    weekdays: Days,
    efficiency_percent: Percent = 100,
) -> Response:
    workshop.add_technician(
        desk.conn,
        desk.dealer_id,
        name=name,
        skills=skills,
        starts=starts.replace(tzinfo=None),
        ends=ends.replace(tzinfo=None),
        weekdays=weekdays,
        efficiency_percent=efficiency_percent,
        actor=desk.staff.actor,
        now=desk.now,
    )
    return _back(desk, "Added. Visits can be booked with them from now on.", "technicians")


@router.post("/workshop/setup/loaners")
def add_loaner(
    desk: SortingOut, name: Text, plate: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    workshop.add_loaner(desk.conn, desk.dealer_id, name, plate, desk.staff.actor, desk.now)
    return _back(desk, "Added.", "loaners")


@router.post("/workshop/setup/runs")
def add_run(
    desk: SortingOut,
    driver: Text,
    radius_km: Annotated[float, Form(gt=0, le=500)],
    weekdays: Days,
    fetches_from: Annotated[time, Form()],
    fetches_until: Annotated[time, Form()],
    returns_from: Annotated[time, Form()],
    returns_until: Annotated[time, Form()],
    seats: Annotated[int, Form(ge=1, le=50)],
) -> Response:
    workshop.add_run(
        desk.conn,
        desk.dealer_id,
        driver=driver,
        radius_km=radius_km,
        weekdays=weekdays,
        fetches=(fetches_from.replace(tzinfo=None), fetches_until.replace(tzinfo=None)),
        returns=(returns_from.replace(tzinfo=None), returns_until.replace(tzinfo=None)),
        seats=seats,
        actor=desk.staff.actor,
        now=desk.now,
    )
    return _back(desk, "Added.", "runs")


@router.post("/workshop/setup/active")
def set_active(
    desk: SortingOut,
    kind: Annotated[str, Form(max_length=12)],
    key: Annotated[int, Form(ge=1, lt=2**31)],
    active: Annotated[bool, Form()] = False,
) -> Response:
    workshop.set_active(desk.conn, desk.dealer_id, kind, key, active, desk.staff.actor, desk.now)
    return _back(
        desk, "In use again." if active else "Out of use: no new visit gets it.", f"{kind}s"
    )


@router.post("/workshop/setup/works")
def put_work(
    desk: Ruling,
    code: Annotated[str, Form(max_length=40)],
    title: Text,
    minutes: Annotated[int, Form(ge=5, le=2880)],
    bay_kind: Text = "general",
    skill: Annotated[str, Form(max_length=40)] = "general",
    usual_value: Value = "",
    mobile: Annotated[bool, Form()] = False,
    part_no: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    workshop.put_work(
        desk.conn,
        code=code,
        title=title,
        minutes=minutes,
        bay_kind=bay_kind,
        skill=skill,
        usual_value=workshop.money(usual_value),
        mobile=mobile,
        part_no=part_no.replace("\x00", "").strip(),
        actor=desk.staff.actor,
        now=desk.now,
    )
    return _back(desk, "Kept. New visits are planned with it.", "works")


@router.post("/workshop/setup/parts")
def put_part(
    desk: Ruling,
    part_no: Annotated[str, Form(max_length=40)],
    title: Text,
    price: Value = "",
) -> Response:
    workshop.put_part(desk.conn, part_no, title, workshop.money(price), desk.staff.actor, desk.now)
    return _back(desk, "Kept.", "parts")
