"""What a thief, a rival dealer or a bored customer would try, and that it gains them nothing."""

import time
from datetime import timedelta

import httpx
import pytest

from api import auth
from api.auth import Signer
from care.links import slot_token
from tests.api.conftest import SECRET, Console
from tests.api.showroom import NOW, PASSWORD

EMAIL = "advisor@lakeside.example"


def slot_link(customer: int, vehicle: int, alert: int | None) -> str:
    token = slot_token(
        SECRET, customer_id=customer, vehicle_id=vehicle, alert_id=alert, now=NOW, days=14
    )
    return f"/b/{token}"


def test_a_planted_session_is_replaced_when_one_signs_in(console: Console) -> None:
    planted = Signer(SECRET).sign("session", [console.room.other["staff"], 1, int(time.time())])
    with console.client() as client:
        answer = client.post(
            "/sign-in",
            data={"email": EMAIL, "password": PASSWORD},
            headers={"Cookie": f"session={planted}"},
        )
        fresh = answer.cookies["session"]
    assert fresh != planted
    with httpx.Client(base_url=console.url, cookies={"session": fresh}) as client:
        page = client.get("/").text
    assert "Lakeside Motors" in page and "Hillside" not in page


@pytest.mark.parametrize("purpose", ["token", "flash", "slot"])
def test_what_was_signed_for_something_else_opens_nothing(gallery: Console, purpose: str) -> None:
    who = gallery.room.staff["admin"]
    other = Signer(SECRET).sign(purpose, [who, 1, int(time.time())])
    with httpx.Client(base_url=gallery.url, cookies={"session": other}) as client:
        assert client.get("/").status_code == 303
        assert client.get("/live").status_code == 401


def test_events_are_for_people_who_signed_in(gallery: Console) -> None:
    with gallery.client() as client:
        assert client.get("/live").status_code == 401
        answer = client.get("/live", headers={"Authorization": "Bearer x"})
        assert answer.status_code == 401


def test_a_wrong_address_in_a_header_is_not_counted(console: Console) -> None:
    """A client may write any X-Forwarded-For; the proxy's own word at its end is what counts."""
    with console.client() as client:
        for n in range(auth.MAX_FAILURES_PER_PERSON):
            client.post(
                "/sign-in",
                data={"email": EMAIL, "password": "wrong"},
                headers={"X-Forwarded-For": f"6.6.6.{n}, 203.0.113.9"},
            )
        right = client.post(
            "/sign-in",
            data={"email": EMAIL, "password": PASSWORD},
            headers={"X-Forwarded-For": "7.7.7.7"},
        )
    assert right.status_code == 429, "another address doesn't help against one person"
    assert console.ask("SELECT count(DISTINCT address) FROM sign_in_failure") == 1


@pytest.mark.parametrize(
    "back",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/\r\nSet-Cookie: a=b", "/\t//x"],
)
def test_no_form_leads_elsewhere(console: Console, back: str) -> None:
    task = console.room.tasks["dtc"]
    with console.client("advisor") as client:
        for path, form in (("/theme", {"theme": "dark"}), (f"/tasks/{task}/claim", {})):
            answer = client.post(path, data={**form, "back": back})
            assert (answer.status_code, answer.headers["location"]) == (303, "/"), path
            assert "a=b" not in str(answer.headers)
        claimed = client.get("/sign-in", params={"next": back})
        assert claimed.headers["location"] == "/"


def test_a_role_is_not_what_the_browser_says(console: Console) -> None:
    with console.client("technician") as client:
        form = {"body": "hello", "role": "admin", "staff_id": "4"}
        assert client.post("/customers/1/messages", data=form).status_code == 403
        refused = client.get("/quarantine", headers={"X-Role": "admin", "X-Live": "1"})
        assert refused.status_code == 403
        page = client.get("/vehicles/1").text
        assert "555-1200" not in page and "+13125551200" not in page
        found = client.get("/search", params={"q": "3125551200"}).text
        assert "555-1200" not in found
    console.do("UPDATE staff SET role = 'technician' WHERE email = %s", EMAIL)
    with console.client("advisor") as client:
        assert client.get("/customers/1").status_code == 403, "a new role counts at once"


def test_another_dealers_bay_cannot_be_booked(console: Console) -> None:
    bay = console.ask("SELECT min(id) FROM bay WHERE dealer_id = %s", console.room.other_dealer)
    hand = console.ask(
        "SELECT min(id) FROM technician WHERE dealer_id = %s", console.room.other_dealer
    )
    starts = NOW.replace(hour=15, minute=0) + timedelta(days=1)
    at = int(starts.timestamp())
    before = console.ask("SELECT count(*) FROM booking")
    with console.client("advisor") as client:
        form = {"slot": f"{bay}.{hand}.{at}.{at + 90 * 60}", "op": "COOL-DIAG", "alert": 2}
        assert client.post("/vehicles/2/book", data=form).status_code in (303, 409)
        customer = client.post(slot_link(2, 2, 2), data={"slot": form["slot"]})
        assert customer.status_code in (303, 409)
    assert console.ask("SELECT count(*) FROM booking") == before


def test_a_link_opens_one_car_of_one_customer(gallery: Console) -> None:
    with gallery.client() as client:
        theirs = slot_link(1, gallery.room.other["vehicle"], None)
        assert client.get(theirs).status_code == 410
        strange = client.get(slot_link(1, 1, gallery.room.other["alert"]))
        assert "Hillside" not in strange.text
        head, _, tail = slot_link(1, 1, 1).rpartition("/")
        for n in range(0, len(tail), 7):
            changed = tail[:n] + ("A" if tail[n] != "A" else "B") + tail[n + 1 :]
            assert client.get(f"{head}/{changed}").status_code == 404, n


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f..%2fpyproject.toml",
        "/static/%2e%2e/%2e%2e/pyproject.toml",
        "/static/..%5c..%5cpyproject.toml",
        "/static//etc/passwd",
        "/static/vendor/../../app.py",
        "/static/%00",
    ],
)
def test_static_files_are_all_that_static_serves(gallery: Console, path: str) -> None:
    with gallery.client() as client:
        answer = client.get(path)
    assert answer.status_code in (404, 400), path
    assert "root:" not in answer.text and "[project]" not in answer.text


def test_names_of_signals_are_not_sql(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        for names in (
            'speed_kmh"; DROP TABLE telemetry; --',
            "vehicle_id",
            "ts",
            "dtcs",
            "x" * 300,
        ):
            answer = client.get("/vehicles/1/telemetry.json", params={"signals": names})
            assert answer.status_code == 200, names
            assert answer.json()["series"] == []


def test_a_sick_database_is_not_described_to_strangers(console: Console) -> None:
    with console.client() as client:
        assert set(client.get("/health").json()) == {"ok", "live"}


def test_what_no_keyboard_types_is_refused_in_words(console: Console) -> None:
    task = console.room.tasks["dtc"]
    with console.client("advisor") as client:
        for path, form in (
            (f"/tasks/{task}/done", {"reason": "a\x00b"}),
            (f"/tasks/{task}/done", {"reason": "\x00"}),
        ):
            answer = client.post(path, data=form)
            assert answer.status_code == 422, (path, answer.status_code)
            assert "can't be stored" in answer.text.replace("&#39;", "'")
        half = b'{"body": "\\ud800"}'
        answer = client.post(
            "/api/v1/customers/1/messages",
            content=half,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 422
    assert console.ask("SELECT state FROM task WHERE id = %s", task) == "open"
