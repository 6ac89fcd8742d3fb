"""``python -m api`` as a supervisor sees it."""

import re
import time

import httpx
import psycopg

from api.auth import Signer
from record.local import free_port
from tests.api.conftest import SECRET
from tests.api.showroom import add_dealer, add_staff
from tests.conftest import StartRoom, eventually


def made_at(client: httpx.Client) -> str:
    """The moment at which a page was made, as it will tell the stream."""
    found = re.search(r"/live\?since=([\w.]+)", client.get("/").text)
    assert found
    return found[1]


def test_it_serves_and_stops_though_a_page_is_open(
    room: StartRoom, database: str, db: psycopg.Connection
) -> None:
    dealer = add_dealer(db, "Lakeside", "+13125550100")
    staff = add_staff(db, dealer, "A B", "a@x.example", "advisor")
    db.commit()
    url = f"http://127.0.0.1:{(port := free_port())}"
    api = room(
        "api", SECRET_KEY=SECRET, PUBLIC_URL=url, PORT=str(port), HEALTH_PORT=str(port)
    )  # /health is one of its pages

    def answers() -> bool:
        try:
            return bool(httpx.get(f"{url}/health").json()["live"])
        except httpx.TransportError:
            return False

    eventually(answers, "the console answers")
    cookie = Signer(SECRET).sign("session", [staff, 1, int(time.time())])
    with (
        httpx.Client(base_url=url, cookies={"session": cookie}, timeout=30) as client,
        client.stream("GET", "/live", params={"since": made_at(client)}) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        db.execute("NOTIFY pages, 'task'")
        db.commit()
        assert "event: live-task" in (next(lines) for _ in range(12))
        assert api.stop(within_s=20) == 0


def test_a_page_that_connects_late_is_told_what_it_missed(
    room: StartRoom, database: str, db: psycopg.Connection
) -> None:
    dealer = add_dealer(db, "Lakeside", "+13125550100")
    staff = add_staff(db, dealer, "A B", "a@x.example", "advisor")
    db.commit()
    url = f"http://127.0.0.1:{(port := free_port())}"
    room("api", SECRET_KEY=SECRET, PUBLIC_URL=url, PORT=str(port), HEALTH_PORT=str(port))
    cookie = Signer(SECRET).sign("session", [staff, 1, int(time.time())])

    with httpx.Client(base_url=url, cookies={"session": cookie}, timeout=30) as client:
        eventually(lambda: client.get("/health").json()["live"], "the console listens")

        def told(since: str) -> set[str]:
            """What the stream tells before a change that comes after it was opened."""
            heard = set()
            with client.stream("GET", "/live", params={"since": since}) as stream:
                lines = stream.iter_lines()
                assert [next(lines) for _ in range(5)][2] == "event: live-open"
                db.execute("NOTIFY pages, 'reply'")
                db.commit()
                for line in lines:
                    if line.startswith("event: "):
                        heard.add(line.removeprefix("event: live-"))
                    if line == "event: live-reply" and (len(heard) == 1 or "task" in heard):
                        return heard
            raise AssertionError("the stream ended")

        eventually(lambda: made_at(client) == made_at(client), "the start has been told")
        assert told(made_at(client)) == {"reply"}
        before = made_at(client)
        db.execute("NOTIFY pages, 'task'")
        db.commit()
        eventually(lambda: made_at(client) != before, "the change was heard")
        assert "task" in told(before)
        assert "task" in told("another.0")


def test_it_says_which_setting_is_missing(room: StartRoom) -> None:
    api = room("api", wait=False, SECRET_KEY="short")
    assert api.process.wait(20) == 2
    assert "SECRET_KEY" in api.words()
