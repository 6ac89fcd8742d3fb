"""What nobody should send, and some will."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from api.guard import MAX_BODY, same_origin
from tests.api.conftest import Console

SCRIPT = "<script>alert(1)</script>"


def test_strange_names_are_shown_as_text(console: Console) -> None:
    console.do("UPDATE customer SET name = %s", SCRIPT)
    console.do("UPDATE vehicle SET plate = %s, make = %s WHERE id = 1", SCRIPT, SCRIPT)
    console.do("UPDATE alert SET summary = %s WHERE id = 1", SCRIPT)
    console.do("UPDATE task SET title = %s, next_action = %s", SCRIPT, SCRIPT)
    console.do("UPDATE outreach SET body = %s, reason = %s", SCRIPT, '"><img src=x onerror=a>')
    console.do("UPDATE reply SET body = %s", SCRIPT)
    console.do('UPDATE finding SET summary = %s, evidence = \'{"feature": "<b>x"}\'', SCRIPT)
    console.do("UPDATE quarantine SET payload = %s, reason = %s", SCRIPT.encode(), SCRIPT)
    pages = ("/", "/alerts/1", "/customers/1", "/vehicles", "/customers", "/bookings",
             "/quarantine", f"/search?q={SCRIPT}", f"/vehicles?q={SCRIPT}")  # fmt: skip
    with console.client("admin") as client:
        for path in pages:
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert SCRIPT not in answer.text and "<img src=x" not in answer.text, path
            assert "&lt;" in answer.text, path


@pytest.mark.parametrize(
    "q",
    ["' OR 1=1 --", "%", "_", "\\", "%%%", "a" * 80, "\x00ab", "'; DROP TABLE staff; --", "﷽" * 20],
)
def test_a_search_finds_only_what_it_says(gallery: Console, q: str) -> None:
    with gallery.client("admin") as client:
        for path in ("/search", "/vehicles", "/customers", "/api/v1/vehicles", "/api/v1/customers"):
            answer = client.get(path, params={"q": q})
            assert answer.status_code == 200, (path, answer.text[:300])
            if len(q.replace("\x00", "")) >= 2 and path.startswith("/api") and "\x00" not in q:
                assert answer.json()["items"] == []
        assert client.get("/search", params={"q": "a" * 81}).status_code == 422
    assert gallery.ask("SELECT count(*) FROM staff") == 6


@pytest.mark.parametrize(
    "path",
    [
        "/vehicles/0", "/vehicles/-1", "/vehicles/99999999999999999999", "/vehicles/x",
        "/alerts/9223372036854775808", "/alerts/1e3", "/customers/2147483648", "/bookings/x",
        "/bookings?day=2026-02-30", "/bookings?day=0001-01-01", "/bookings?day=9999-12-31",
        "/bookings?day=x", "/repair-orders/99999999999999999999", "/nothing", "/static/../app.py",
        "/static/%2e%2e/settings.py", "/b/", "/vehicles/1/telemetry.json",
        "/vehicles/1/telemetry.json?signals=x&points=9999999", "/vehicles/1/book?alert=5",
        "/quarantine?before=x", "/tasks/1/claim", "/tasks/999999",
    ],
)  # fmt: skip
def test_bad_addresses_get_a_clear_answer(gallery: Console, path: str) -> None:
    with gallery.client("admin") as client:
        answer = client.get(path)
    assert answer.status_code in (404, 405, 422), f"{path}: {answer.status_code}"
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "after", ["x", "1_", "nan_1", "inf_1", "-inf_1", "1_" + "9" * 30, "~", "a~b"]
)
def test_bad_cursors_are_the_first_page(gallery: Console, after: str) -> None:
    with gallery.client("admin") as client:
        for path in ("/", "/vehicles", "/customers"):
            assert client.get(path, params={"after": after}).status_code == 200, path


def test_a_form_from_another_site_changes_nothing(console: Console) -> None:
    task = console.room.tasks["dtc"]
    path = f"/tasks/{task}/claim"
    with console.client("advisor") as client:
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
        ):
            assert client.post(path, headers=headers).status_code == 403
        assert (
            client.post("/sign-in", headers={"Origin": "https://evil.example"}).status_code == 403
        )
        assert console.ask("SELECT owner_id FROM task WHERE id = %s", task) is None
        assert client.post(path, headers={"Origin": console.url}).status_code == 303
    assert console.ask("SELECT owner_id FROM task WHERE id = %s", task) is not None


def test_origin_rules() -> None:
    ours = {"https://care.example"}
    assert same_origin("GET", {b"sec-fetch-site": b"cross-site"}, ours)
    assert same_origin("POST", {b"sec-fetch-site": b"none"}, ours)
    assert same_origin("POST", {}, ours)
    assert not same_origin("POST", {b"origin": b"https://care.example.evil"}, ours)


def test_large_bodies_are_refused(gallery: Console) -> None:
    def chunks() -> object:
        for _ in range(20):
            yield b"body=" + b"x" * 8000

    with gallery.client("advisor") as client:
        for path in ("/customers/1/messages", "/twilio/inbound", "/sign-in", "/b/x"):
            assert client.post(path, content=b"x" * (MAX_BODY + 1)).status_code == 413, path
            answer = client.post(path, content=chunks())  # type: ignore[arg-type]
            assert answer.status_code == 413, f"{path} in chunks: {answer.status_code}"
        assert client.post("/sign-in", data={"email": "x" * 300}).status_code == 422


def test_nonsense_on_the_wire_does_not_stop_the_console(gallery: Console) -> None:
    address = urlsplit(gallery.url)
    for raw in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",
        b"GET / HTTP/1.1\r\nHost: " + b"x" * 100_000 + b"\r\n\r\n",
    ):
        with socket.create_connection((address.hostname, address.port), timeout=5) as wire:
            wire.sendall(raw)
            wire.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                wire.recv(200)
    assert httpx.get(gallery.url + "/health").json()["ok"] is True


def test_headers_of_every_answer(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        for path in ("/", "/sign-in", "/nothing", "/api/v1/me", "/static/app.css", "/b/x"):
            headers = client.get(path).headers
            assert "script-src 'self'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "same-origin"
            assert float(headers["server-timing"].removeprefix("app;dur=")) >= 0
        assert client.get("/").headers["cache-control"] == "no-store"


def test_pages_hold_no_inline_code(gallery: Console) -> None:
    with gallery.client("admin") as client:
        for path in ("/", "/alerts/1", "/customers/1", "/bookings", "/quarantine"):
            text = client.get(path).text
            assert " style=" not in text and "<style" not in text, path
            assert " onclick" not in text and "<script>" not in text, path
            assert "https://" not in text.replace(gallery.url, ""), path
