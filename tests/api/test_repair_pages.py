"""The console's side of a repair: uploads, estimates, states, and what nobody should send."""

import io

import pytest
from PIL import Image

from api.guard import MAX_BODY, MAX_UPLOAD
from tests.api.conftest import Console

ORDER = 2
PATHS = (f"/repair-orders/{ORDER}/notes", f"/api/v1/repair-orders/{ORDER}/notes")


def jpeg(**more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(out, "JPEG", **more)
    return out.getvalue()


@pytest.mark.parametrize("path", PATHS)
def test_a_photo_loses_its_place_on_the_way(console: Console, path: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (41.0, 52.0, 41.2)
    exif[0x010F] = "Pocket Camera"
    photo = ("../../etc/passwd.svg", jpeg(exif=exif) + b"<script>", "image/svg+xml")
    with console.client("technician") as client:
        form = {"body": "Seal leaks", "for_customer": "true"}
        answer = client.post(path, data=form, files={"photo": photo})
        assert answer.status_code in (201, 303), answer.text
        note = console.ask("SELECT max(id) FROM repair_note")
        kept = client.get(f"/repair-orders/{ORDER}/photos/{note}")
        assert kept.headers["content-type"] == "image/jpeg"
        assert kept.headers["x-content-type-options"] == "nosniff"
        page = client.get(f"/repair-orders/{ORDER}").text
        assert f"/photos/{note}" in page and "Seal leaks" in page and "passwd" not in page
    for secret in (b"Exif", b"Pocket", b"<script>"):
        assert secret not in kept.content
    assert console.ask("SELECT for_customer FROM repair_note WHERE id = %s", note) is True
    with console.client("technician") as client:
        client.post(f"/repair-orders/{ORDER}/notes/{note}/show")
        assert client.post(f"/repair-orders/{ORDER}/notes/999999/show").status_code == 404
    assert console.ask("SELECT for_customer FROM repair_note WHERE id = %s", note) is False


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"\0" * 99, b"MZ" * 99]
)
def test_what_is_no_photo_changes_nothing(console: Console, path: str, data: bytes) -> None:
    before = console.ask("SELECT count(*) FROM repair_note")
    with console.client("technician") as client:
        answer = client.post(path, files={"photo": ("a.jpg", data, "image/jpeg")})
        assert answer.status_code == 409 and "not a photo" in answer.text
        assert client.post(path, data={"body": " "}).status_code == 409
        assert client.post(path, data={"body": "x" * 2001}).status_code == 422
    assert console.ask("SELECT count(*) FROM repair_note") == before


def test_only_the_upload_may_be_large(gallery: Console) -> None:
    with gallery.client("technician") as client:
        big = {"photo": ("a.jpg", b"\0" * (MAX_BODY * 4), "image/jpeg")}
        assert client.post(PATHS[0], files=big).status_code == 409, "let in, and no photo"
        for path in (
            f"/repair-orders/{ORDER}/state",
            f"{PATHS[0]}/1/show",
            "/repair-orders/x/notes",
        ):
            assert client.post(path, files=big).status_code == 413, path
        huge = {"photo": ("a.jpg", b"\0" * MAX_UPLOAD, "image/jpeg")}
        assert client.post(PATHS[1], files=huge).status_code == 413
    with gallery.client() as client:
        assert client.post(PATHS[1], files=big).status_code == 401


def test_from_estimate_to_rating_on_the_console(console: Console) -> None:
    path = f"/repair-orders/{ORDER}"
    with console.client("manager") as client:
        prices = {"currency": "USD", "labour": "150", "labour_tax": "0", "parts_tax": "8.25"}
        assert client.post("/prices", data=prices).status_code == 303
        assert "150.00" in client.get("/prices").text
        assert client.post("/prices", data=prices | {"parts_tax": "51"}).status_code == 409
        assert client.post("/prices", data=prices | {"labour": "-1"}).status_code == 409
        lines = {
            "kind": ["labour", "part", "part"], "title": ["Bleed", "Hose", ""],
            "quantity": ["1.5", "2", ""], "price": ["", "20.50", ""], "send": "true",
        }  # fmt: skip
        for bad in (
            {"price": ["", "-3", ""]}, {"quantity": ["1e9", "1", ""]}, {"price": ["", "", ""]},
            {"title": ["", "", ""]}, {"kind": ["labour"]}, {"price": ["", "9" * 12, ""]},
        ):  # fmt: skip
            assert client.post(f"{path}/estimate", data=lines | bad).status_code == 409, bad
        assert console.ask("SELECT count(*) FROM estimate") == 0
        assert client.post(f"{path}/estimate", data=lines).status_code == 303
        page = client.get(path).text
        assert "Waiting for approval" in page and "$269.38" in page and "Not answered" in page
        blocked = client.post(f"{path}/start")
        assert blocked.status_code == 409 and "has not answered estimate 1" in blocked.text
        told = {"version": "1", "approve": "1", "how": "by phone"}
        assert (
            client.post(f"{path}/estimate/answer", data=told | {"approve": "7"}).status_code == 409
        )
        assert client.post(f"{path}/estimate/answer", data=told).status_code == 303
        assert client.post(f"{path}/state", data={"state": "in_progress"}).status_code == 303
        wrong = client.post(f"{path}/state", data={"state": "closed"})
        assert wrong.status_code == 409
        form = {"cause": "Old hose", "correction": "Bled", "finding": "confirmed"}
        over = client.post(f"{path}/close", data=form | {"invoice": "225.01"})
        assert over.status_code == 409 and "exceeds the $225.00" in over.text
        assert client.post(f"{path}/ask-rating").status_code == 409
        assert client.post(f"{path}/close", data=form | {"invoice": "225"}).status_code == 303
        assert "$225.00" in client.get(path).text
        assert client.post(f"{path}/ask-rating").status_code == 303
        progress = client.get(f"/api/v1{path}/progress").json()
        assert [s["state"] for s in progress["steps"]][-3:] == [
            "waiting_approval", "in_progress", "closed",
        ]  # fmt: skip
        assert progress["sums"] == {
            "total_minor": 26_938,
            "tax_minor": 338,
            "approved_minor": 22_500,
        }
    assert console.ask("SELECT count(*) FROM outreach WHERE template = 'rating'") == 1
    assert console.ask("SELECT titles FROM declined_work") == "Hose"


def test_strange_words_are_shown_as_text(console: Console) -> None:
    script = "<script>alert(1)</script>"
    with console.client("admin") as client:
        client.post(PATHS[0], data={"body": script})
        client.post(f"/repair-orders/{ORDER}/state", data={"state": "diagnosing", "note": script})
        wish = {"lines": [{"kind": "part", "title": script, "hundredths": 1, "unit_minor": 1}]}
        client.post(f"/api/v1/repair-orders/{ORDER}/estimate", json=wish).raise_for_status()
        text = client.get(f"/repair-orders/{ORDER}").text
        assert script not in text and text.count("&lt;script&gt;") >= 3
        assert " style=" not in text
        for path in ("/repair-orders", "/prices"):
            assert client.get(path).status_code == 200


def test_the_technicians_own_come_first(console: Console) -> None:
    console.do("UPDATE technician SET staff_id = (SELECT id FROM staff WHERE role = 'technician')"
               " WHERE id = (SELECT technician_id FROM booking WHERE id = 4)")  # fmt: skip
    with console.client("technician") as client:
        text = client.get("/repair-orders").text
    assert (
        text.index("Yours")
        < text.index("Octavia")
        < text.index("Everybody else")
        < text.index("308")
    )
    with console.client("stranger") as client:
        text = client.get("/repair-orders").text
    assert "Octavia" not in text and "Fiat" in text
