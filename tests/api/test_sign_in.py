"""Signing in: passwords, cookies, tokens, and what a thief would try."""

from datetime import UTC, datetime, timedelta

import pytest

from api import auth
from api.__main__ import main
from api.door import ours
from api.settings import ApiSettings
from record.settings import SettingsError, load
from tests.api.conftest import SECRET, Console
from tests.api.showroom import PASSWORD

EMAIL = "advisor@lakeside.example"
NOW = datetime(2026, 11, 18, tzinfo=UTC)


def test_a_person_signs_in_and_out(console: Console) -> None:
    with console.client() as client:
        assert client.get("/vehicles").headers["location"] == "/sign-in?next=%2Fvehicles"
        form = {"email": "  Advisor@Lakeside.example ", "password": PASSWORD, "next": "/vehicles"}
        answer = client.post("/sign-in", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/vehicles")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie
        assert "Lakeside Motors" in client.get("/vehicles").text
        client.post("/sign-out")
        assert client.get("/").status_code == 303


def test_wrong_passwords_are_refused_and_slowed_down(console: Console) -> None:
    with console.client() as client:
        for _ in range(auth.MAX_FAILURES_PER_PERSON):
            answer = client.post("/sign-in", data={"email": EMAIL, "password": "wrong"})
            assert answer.status_code == 401
            assert "session" not in client.cookies
        right = client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
        assert right.status_code == 429
        assert "quarter of an hour" in right.text
        other = {"email": "manager@lakeside.example", "password": PASSWORD}
        assert client.post("/sign-in", data=other).status_code == 303


def test_an_unknown_and_a_left_person_hear_the_same(console: Console) -> None:
    console.do("UPDATE staff SET active = false WHERE email = %s", EMAIL)
    with console.client() as client:
        texts = {
            client.post("/sign-in", data={"email": email, "password": PASSWORD}).text.replace(
                email, "x"
            )
            for email in (EMAIL, "who@lakeside.example")
        }
    assert len(texts) == 1
    with console.client("advisor") as client:
        assert client.get("/").status_code == 303, "a person who left keeps no session"


def test_ending_sessions_ends_all_of_them(console: Console) -> None:
    with console.client("advisor") as desk, console.client("advisor") as phone:
        assert phone.get("/").status_code == 200
        desk.post("/sign-out-everywhere")
        assert phone.get("/").status_code == 303


def test_a_token_for_programs(console: Console) -> None:
    with console.client() as client:
        who = {"email": EMAIL, "password": PASSWORD}
        token = client.post("/api/v1/token", json=who).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        me = client.get("/api/v1/me", headers=bearer).json()
        assert me["role"] == "advisor" and "book" in me["may"]
        assert client.get("/", headers=bearer).status_code == 303, "a token opens no pages"
        cookie = {"Cookie": f"session={token}"}
        assert client.get("/", headers=cookie).status_code == 303, "nor as a cookie"
        wrong = client.post("/api/v1/token", json={**who, "password": "no"})
        assert wrong.status_code == 401
        assert wrong.headers["content-type"] == "application/problem+json"
    assert console.ask("SELECT count(*) FROM sign_in_failure") == 1


@pytest.mark.parametrize(
    "cookie", ["", "x", "x" * 5000, "WzEsMSwxXQ.forged", "é", "W10.x", "null", "{}"]
)
def test_a_forged_cookie_is_nobody(gallery: Console, cookie: str) -> None:
    with gallery.client() as client:
        header = {b"Cookie": b"session=" + cookie.encode()}
        assert client.get("/", headers=header).status_code == 303


def staff(epoch: int = 1) -> auth.Staff:
    return auth.Staff(7, 1, "A B", "a@b", "advisor", True, epoch, "D", "UTC", "+1", "US")


def test_sessions_end_with_the_day_and_tokens_later() -> None:
    signer = auth.Signer(SECRET)
    session = signer.session("session", staff(), NOW)
    assert signer.read_session("session", session, NOW + auth.SESSION) is not None
    assert signer.read_session("session", session, NOW + auth.SESSION + timedelta(1)) is None
    assert signer.read_session("session", session, NOW - timedelta(hours=1)) is None
    assert signer.read_session("token", session, NOW) is None, "a session is no token"
    assert auth.Signer("another secret").read_session("session", session, NOW) is None


@pytest.mark.parametrize(
    "path",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/\r\nX: y"],
)
def test_signing_in_leads_nowhere_else(path: str) -> None:
    assert ours(path) == "/"


def test_permissions_name_every_role_and_thing() -> None:
    assert set(auth.PERMISSIONS) == set(auth.May)
    assert all(auth.Role.ADMIN in roles for roles in auth.PERMISSIONS.values())


def test_add_staff_makes_the_first_person(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("STAFF_PASSWORD", PASSWORD)
    who = ["--name", "Ana Ruiz", "--email", "Ana@x.example", "--role", "admin"]
    assert main(["add-staff", "--dealer", "New", *who]) == 2
    assert "--time-zone" in capsys.readouterr().err
    made = ["add-staff", "--dealer", "New", *who, "--time-zone", "UTC", "--phone", "+1312555000"]
    assert main(made) == 0
    assert "ana@x.example" in capsys.readouterr().out
    monkeypatch.setenv("STAFF_PASSWORD", "short")
    assert main(made) == 2


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SECRET_KEY", "short"), ("PUBLIC_URL", "care.example"), ("DATABASE_URL", "mysql://x")],
)
def test_settings_name_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://x/y")
    monkeypatch.setenv("SECRET_KEY", "x" * 20)
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        load(ApiSettings)
