"""What the workshop has is what customers are offered."""

import httpx
import psycopg
import pytest

from care import booking
from tests.api.conftest import Console
from tests.api.showroom import NOW

PLACE = {
    "name": "Lakeside Motors", "phone": "(312) 555-0199", "time_zone": "America/Chicago",
    "country": "us", "subdivision": "il", "opens": "07:30", "closes": "18:00",
    "weekdays": [1, 2, 3, 4, 5, 6], "walk_in_percent": "10", "address": "1 Lake St",
}  # fmt: skip
TECHNICIAN = {
    "name": "Kim", "skills": "general, Electrical", "starts": "08:00", "ends": "16:00",
    "weekdays": [1, 2], "efficiency_percent": "125",
}  # fmt: skip
RUN = {
    "driver": "Lee", "radius_km": "12.5", "weekdays": [1], "seats": "3", "fetches_from": "07:00",
    "fetches_until": "09:00", "returns_from": "15:00", "returns_until": "18:00",
}  # fmt: skip
WORK = {
    "code": "tires", "title": "Change tires", "minutes": "45", "bay_kind": "quick",
    "skill": "general", "usual_value": "89,90", "mobile": "true", "part_no": "",
}  # fmt: skip


def post(client: httpx.Client, what: str, **form: object) -> httpx.Response:
    return client.post(f"/workshop/setup/{what}", data=form)


def test_a_manager_sets_up_a_workshop(console: Console) -> None:
    with console.client("manager") as client:
        for what, form in (
            ("place", PLACE),
            ("bays", {"name": "Lift 9", "kind": "ev"}),
            ("technicians", TECHNICIAN),
            ("loaners", {"name": "Polo", "plate": "AB 12"}),
            ("runs", RUN),
        ):
            assert post(client, what, **form).status_code == 303, what
        page = client.get("/workshop/setup").text
    for told in ("Lift 9", "High voltage", "Kim", "general, electrical", "125 %", "Polo", "Lee"):
        assert told in page, told
    assert console.ask("SELECT phone FROM dealer WHERE id = 1") == "+13125550199"
    assert console.ask("SELECT subdivision FROM dealer WHERE id = 1") == "IL"
    faster = "SELECT round(efficiency * 100)::int FROM technician WHERE name = 'Kim'"
    assert console.ask(faster) == 80
    assert console.ask("SELECT count(*) FROM run_seat s JOIN run r ON r.id = run_id"
                       " WHERE r.driver = 'Lee'") == 3  # fmt: skip
    assert console.ask("SELECT count(*) FROM audit WHERE actor = %s AND action ~ 'added$'",
                       f"staff:{console.room.staff['manager']}") == 4  # fmt: skip


def test_the_catalogue_is_an_administrators(console: Console) -> None:
    with console.client("admin") as client:
        part = post(client, "parts", part_no="tire-17", title="Tire 17″", price="99.5")
        assert part.status_code == 303
        assert post(client, "works", **{**WORK, "part_no": "TIRE-17"}).status_code == 303
        assert (
            post(client, "works", **{**WORK, "minutes": "50", "usual_value": "0"}).status_code
            == 303
        )
        page = client.get("/workshop/setup").text
    assert "TIRES" in page and "50 min" in page and "TIRE-17" in page and "99.50" in page
    with console.client("manager") as client:
        assert 'action="/workshop/setup/works"' not in client.get("/workshop/setup").text


def test_what_is_out_of_use_is_not_offered(console: Console) -> None:
    def offered() -> set[int]:
        with psycopg.connect(console.database) as conn:
            found = booking.find_slots(conn, dealer_id=1, op_code="DIAG", now=NOW, count=30)
            return {slot.technician_id for slot in found}

    before = offered()
    assert before
    with console.client("manager") as client:
        for key in before:
            assert post(client, "active", kind="technician", key=key).status_code == 303
        assert "Out of use" in client.get("/workshop/setup").text
        assert not before & offered()
        for key in before:
            assert (
                post(client, "active", kind="technician", key=key, active="true").status_code == 303
            )
    assert offered() == before


def test_no_time_is_offered_on_a_public_holiday(console: Console) -> None:
    console.do("UPDATE dealer SET country = 'US'")
    with psycopg.connect(console.database) as conn:
        found = booking.find_slots(conn, dealer_id=1, op_code="DIAG", now=NOW, count=60)
    days = {slot.starts_at.date().isoformat() for slot in found}
    assert "2026-11-25" in days and "2026-11-26" not in days, "the 26th is Thanksgiving"


@pytest.mark.parametrize(
    ("what", "form", "change", "why"),
    [
        ("place", PLACE, {"time_zone": "Mars/Base"}, "no time zone Mars/Base"),
        ("place", PLACE, {"country": "XX"}, "no country XX"),
        ("place", PLACE, {"subdivision": "ZZ"}, "US has no part ZZ"),
        ("place", PLACE, {"phone": "hello"}, "no telephone number"),
        ("place", PLACE, {"closes": "07:00"}, "is not before"),
        ("place", PLACE, {"name": " "}, "needs a name"),
        ("place", PLACE, {"name": "Hillside Cars"}, "already"),
        ("place", PLACE, {"weekdays": [9]}, "at least one day"),
        ("bays", {"name": "Bay 1"}, {}, "There is a Bay 1 already"),
        ("bays", {"name": "B"}, {"kind": "deep"}, "no kind of bay"),
        ("technicians", TECHNICIAN, {"skills": " , "}, "at least one skill"),
        ("technicians", TECHNICIAN, {"ends": "08:00"}, "is not before"),
        ("runs", RUN, {"returns_from": "08:00"}, "brought back after"),
        ("active", {"kind": "dealer", "key": "1"}, {}, "no such thing"),
        ("active", {"kind": "bay", "key": "99999"}, {}, "no such thing"),
        ("works", WORK, {"code": "a b"}, "letters, digits and hyphens"),
        ("works", WORK, {"usual_value": "-1"}, "no amount"),
        ("works", WORK, {"part_no": "NONE"}, "no part NONE"),
        ("parts", {"part_no": "'", "title": "x"}, {}, "letters, digits and hyphens"),
        ("parts", {"part_no": "A", "title": "\x00"}, {}, "needs a title"),
    ],
)
def test_what_cannot_be_is_refused(
    console: Console, what: str, form: dict[str, object], change: dict[str, object], why: str
) -> None:
    with console.client("admin") as client:
        refused = post(client, what, **{**form, **change})
    assert refused.status_code == 409 and why in refused.text.replace("&#39;", "'")


@pytest.mark.parametrize(
    ("what", "form", "change"),
    [
        ("place", PLACE, {"opens": "25:00"}),
        ("place", PLACE, {"walk_in_percent": "51"}),
        ("technicians", TECHNICIAN, {"efficiency_percent": "0"}),
        ("runs", RUN, {"radius_km": "-1"}),
        ("runs", RUN, {"radius_km": "nan"}),
        ("runs", RUN, {"seats": "1000000"}),
        ("works", WORK, {"minutes": "0"}),
        ("active", {"kind": "bay", "key": "x"}, {}),
    ],
)
def test_what_is_no_such_value_is_refused(
    console: Console, what: str, form: dict[str, object], change: dict[str, object]
) -> None:
    with console.client("admin") as client:
        assert post(client, what, **{**form, **change}).status_code == 422


def test_another_dealer_s_things_stay(console: Console) -> None:
    theirs = console.ask(
        "SELECT id FROM bay WHERE dealer_id = %s LIMIT 1", console.room.other_dealer
    )
    with console.client("manager") as client:
        assert post(client, "active", kind="bay", key=theirs).status_code == 409
    assert console.ask("SELECT active FROM bay WHERE id = %s", theirs) is True
