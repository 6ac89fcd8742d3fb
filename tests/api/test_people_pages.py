"""A customer's record, segments, files and duplicates, as a person clicks through them."""

import io
import zipfile

import httpx
import pytest

from tests.api.conftest import Console

CSV = b"name,phone\nAna Ruiz,(617) 253-0143\n=cmd|' /C calc'!A0,5\n"


def said(client: httpx.Client, path: str, **data: str) -> httpx.Response:
    return client.post(path, data=data)


def test_the_record_shows_all_of_a_customer(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        page = client.get(f"/customers/{gallery.room.customers[0]}/record")
    assert page.status_code == 200
    for words in ("Everything, newest first", "Household", "Points", "Silver", "sales contract"):
        assert words in page.text, words
    assert "ERASE" not in page.text  # an advisor can't


def test_consent_tags_household_and_merge(console: Console) -> None:
    a, b = console.room.customers[:2]
    phone = str(console.ask("SELECT phone FROM customer WHERE id = %s", b))
    with console.client("manager") as client:
        path = f"/customers/{a}"
        agreed = {"purpose": "marketing", "channel": "wecom", "answer": "granted"}
        answer = said(client, f"{path}/consents", **agreed, source="On the phone", wording="v2")
        assert answer.status_code == 303, answer.text
        assert said(client, f"{path}/consents", **agreed).status_code == 409
        assert said(client, f"{path}/tags", tag="<b>VIP</b>").status_code == 303
        assert said(client, f"{path}/household", phone=phone).status_code == 303
        text = client.get(f"{path}/record").text
        assert "WeCom" in text and "&lt;b&gt;vip&lt;/b&gt;" in text and "Jonas Weber" in text
        assert said(client, f"{path}/tags", remove="<b>vip</b>").status_code == 303
        assert said(client, f"{path}/household", leave="yes").status_code == 303
        assert console.ask("SELECT count(household_id) FROM customer") == 0
        assert said(client, f"{path}/household", phone="+13125559901").status_code == 409
        asked = said(client, f"{path}/merge", phone=phone)
        assert asked.status_code == 200 and "Jonas Weber" in asked.text
        assert client.get(f"/customers/{b}").status_code == 200  # asked, nothing done
        assert said(client, f"{path}/merge", other=str(b), confirm="yes").status_code == 303
        moved = client.get(f"/customers/{b}")
        assert moved.headers["location"] == path
        assert "Jonas Weber" not in client.get("/customers").text
        other = str(console.room.other["customer"])
        assert said(client, f"{path}/merge", other=other).status_code == 404


def test_a_file_is_looked_at_then_read_in_as_it_was(console: Console) -> None:
    with console.client("manager") as client:
        looked = client.post("/people/import", files={"file": ("../a<b>.csv", CSV)})
        assert looked.status_code == 303, looked.text
        path = looked.headers["location"]
        page = client.get(path).text
        assert "Write a number that exists" in page and "<b>.csv" not in page
        listed = client.get(f"{path}/problems.csv")
        assert listed.headers["content-type"].startswith("text/csv")
        assert "\n3,phone,5," in listed.text.replace("\r", "")
        assert console.ask("SELECT count(*) FROM customer WHERE name = 'Ana Ruiz'") == 0
        assert client.post(f"{path}/apply").status_code == 303
        assert client.post(f"{path}/apply").status_code == 409
        assert console.ask("SELECT phone FROM customer WHERE name = 'Ana Ruiz'") == "+16172530143"
        assert console.ask("SELECT count(content) FROM upload WHERE state = 'applied'") == 0


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"name\nJos\xe9\n", 409),
        (b"\x00" * 5000, 409),
        (b"name\n" + b"x,\n" * 3, 303),
        (b"name\n" + b"a" * (5 * 1024 * 1024 + 1), 413),
        (b'name\n"', 409),
    ],
)
def test_hostile_files(console: Console, content: bytes, status: int) -> None:
    with console.client("manager") as client:
        answer = client.post("/people/import", files={"file": ("x.csv", content)})
        assert answer.status_code == status, answer.text[:300]
        assert client.post("/people/import", data={"file": "x"}).status_code in (409, 422)
        assert client.post("/customers/1/tags", data={"tag": "x" * 70_000}).status_code == 413


def test_duplicates_are_settled(console: Console) -> None:
    number = console.room.people["duplicate"]
    with console.client("manager") as client:
        assert "M. Alvarez" in client.get("/people/duplicates").text
        path = f"/people/duplicates/{number}"
        assert said(client, path, decision="whatever").status_code == 409
        assert said(client, path, decision="apart").status_code == 303
        assert said(client, path, decision="same").status_code == 409
    assert console.ask("SELECT count(*) FROM customer WHERE name = 'M. Alvarez'") == 1


def test_segments_count_before_they_are_saved(console: Console) -> None:
    with console.client("advisor") as client:
        page = client.get("/people/segments?field=language&value=es")
        assert "Maria Alvarez" in page.text and "Grace Okafor" not in page.text
        two = {"field": ["language", "cars_at_least"], "value": ["es", ""], "name": "<i>Spanish"}
        assert client.post("/people/segments", data=two).status_code == 303
        assert "&lt;i&gt;Spanish" in client.get("/people/segments").text
        assert client.get("/people/segments?field=1=1&value=x").status_code == 409
        assert client.get("/people/segments?field=cars_at_least&value=x").status_code == 409


def test_download_and_erase(console: Console) -> None:
    who = console.room.customers[0]
    with console.client("manager") as client:
        archive = client.post(f"/customers/{who}/export")
        with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
            assert b"Maria Alvarez" in opened.read("person.json")
            assert any(name.startswith("telemetry-1-") for name in opened.namelist())
        assert said(client, f"/customers/{who}/erase", confirm="yes").status_code == 409
        assert said(client, f"/customers/{who}/erase", confirm="ERASE").status_code == 303
        for path in ("/customers", f"/customers/{who}", f"/customers/{who}/record", "/"):
            page = client.get(path)
            assert page.status_code == 200 and "Maria" not in page.text, path
        assert said(client, f"/customers/{who}/tags", tag="x").status_code == 409


def test_points_are_given_for_a_friend_and_taken_back(console: Console) -> None:
    ana, ben = console.room.customers[:2]
    phone = str(console.ask("SELECT phone FROM customer WHERE id = %s", ben))
    with console.client("advisor") as client:
        path = f"/customers/{ana}/points"
        assert client.post(path, data={"phone": phone}).status_code == 303
        assert client.post(path, data={"phone": "+1 000"}).status_code == 409
        assert "Brought a friend" in client.get(f"/customers/{ana}/record").text
        entry = console.ask("SELECT id FROM loyalty_ledger WHERE reason = 'referral'")
        refused = client.post(path, data={"take_back": str(entry)})
        assert refused.status_code == 409 and "manager" in refused.text
    with console.client("manager") as client:
        assert "Take back" in client.get(f"/customers/{ana}/record").text
        assert client.post(path, data={"take_back": str(entry)}).status_code == 303
        assert "(taken back)" in client.get(f"/customers/{ana}/record").text
    assert console.ask("SELECT sum(points) FROM loyalty_ledger WHERE reason = 'referral'") == 0
