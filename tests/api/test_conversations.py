"""Who waits for an answer, and what is offered as one."""

import re
from datetime import timedelta

import httpx
import pytest

from tests.api.conftest import Console
from tests.api.showroom import NOW

WAITING = "SELECT count(*) FROM task WHERE kind = 'reply' AND state = 'open' AND customer_id = %s"


def asks(console: Console, body: str, n: int = 7, phone: str = "+13125551200") -> int:
    """A customer asks something that a person must answer; the customer's key."""
    (customer,) = (console.room.customers[0],)
    console.do(
        "INSERT INTO reply (provider_sid, customer_id, from_phone, body, received_at, meaning,"
        " handled_at) VALUES (%s, %s, %s, %s, %s, 'unclear', %s)",
        f"SM{n:032x}", customer, phone, body, NOW - timedelta(minutes=50), NOW,
    )  # fmt: skip
    console.do(
        "INSERT INTO task (dealer_id, customer_id, owner_id, kind, title, next_action, priority,"
        " state, created_at, deadline) SELECT %s, %s, %s, 'reply', 'wrote', 'answer', 1, 'open',"
        " %s, %s WHERE NOT EXISTS (SELECT FROM task WHERE customer_id = %s AND kind = 'reply'"
        " AND state = 'open')",
        console.room.dealer, customer, console.room.staff["advisor"], NOW - timedelta(minutes=50),
        NOW + timedelta(minutes=70), customer,
    )  # fmt: skip
    return customer


def test_who_waits_comes_first_with_the_clock(console: Console) -> None:
    customer = asks(console, "How much does it cost <b>now</b>?")
    with console.client("advisor") as client:
        page = client.get("/conversations").text
        assert f'href="/customers/{customer}#last"' in page
        assert "How much does it cost &lt;b&gt;now" in page
        assert re.search(r'class="pill soon">\d+ (min|h)<', page)
        assert f'href="/customers/{customer}#last"' in client.get("/conversations?show=mine").text
        assert f'href="/customers/{customer}#last"' in client.get("/conversations?show=all").text
    with console.client("manager") as client:
        assert f"/customers/{customer}#last" not in client.get("/conversations?show=mine").text
    with console.client("stranger") as client:
        for show in ("waiting", "all"):
            page = client.get(f"/conversations?show={show}").text
            assert "How much does it cost" not in page


@pytest.mark.parametrize(
    ("phone", "channel"),
    [("whatsapp:+13125551200", "WhatsApp"), ("ana@example.com", "e-mail"), ("wecom:w1", "WeCom")],
)
def test_every_channel_is_in_the_one_list(console: Console, phone: str, channel: str) -> None:
    customer = asks(console, "Hello there", phone=phone)
    with console.client("advisor") as client:
        assert f">{channel}<" in client.get("/conversations").text
        assert f"{channel} ·" in client.get(f"/customers/{customer}").text


def test_words_are_found_and_pages_follow(console: Console) -> None:
    asks(console, "Is the turbo encabulator covered?")
    with console.client("advisor") as client:
        assert "turbo encabulator" in client.get("/conversations?q=turbo+enc").text
        assert "No message has these words" in client.get("/conversations?q=zzzzz").text
        for odd in ("%25", "_", "%00", "'", "\\", "x" * 80):
            assert client.get(f"/conversations?q={odd}").status_code == 200
        assert client.get("/conversations?q=" + "x" * 81).status_code == 422
        assert client.get("/conversations?show=none").status_code == 422
        older = client.get("/conversations?show=all&before=2001-01-01T00:00:00Z").text
        assert "Nobody has written yet" in older
        assert client.get("/conversations?show=all&before=2026-01-01T00:00").status_code == 200


def test_a_suggestion_becomes_an_answer(console: Console) -> None:
    customer = asks(console, "How long does it take?")
    with console.client("advisor") as client:
        page = client.get(f"/customers/{customer}").text
        found = re.search(rf'href="/customers/{customer}\?answer=(\d+)#body"[^>]*>How long<', page)
        assert found
        draft = client.get(f"/customers/{customer}?answer={found[1]}").text
        body = re.search(r"<textarea[^>]*>(For [^<]*)</textarea>", draft)
        assert body and f'name="article" value="{found[1]}"' in draft
        words = body[1].replace("&#39;", "'")
        form = {"body": words, "article": found[1], "settles": "true", "channel": "sms"}
        assert client.post(f"/customers/{customer}/messages", data=form).status_code == 303
    assert console.ask("SELECT article_changed FROM outreach ORDER BY id DESC LIMIT 1") is False
    assert console.ask("SELECT article_id FROM outreach ORDER BY id DESC LIMIT 1") == int(found[1])
    assert (
        console.ask("SELECT done_reason FROM task WHERE kind = 'reply' AND state = 'done'")
        == "Answered by text"
    )
    asks(console, "And how long then?", 8)
    with console.client("advisor") as client:
        form["body"] = "Forty minutes, I promise."
        client.post(f"/customers/{customer}/messages", data={**form, "settles": ""})
    assert console.ask("SELECT article_changed FROM outreach ORDER BY id DESC LIMIT 1") is True
    assert console.ask(WAITING, customer) == 1


@pytest.mark.parametrize(
    ("form", "status", "why"),
    [
        ({"channel": "pigeon"}, 409, "no channel pigeon"),
        ({"channel": "wecom"}, 409, "not known in WeCom"),
        ({"article": "x"}, 422, ""),
        ({"article": "99999999999"}, 422, ""),
        ({"article": "4242"}, 303, ""),
        ({"body": "   "}, 409, "empty"),
    ],
)
def test_odd_answers_are_refused(
    console: Console, form: dict[str, str], status: int, why: str
) -> None:
    customer = asks(console, "Hello there")
    with console.client("advisor") as client:
        got = client.post(f"/customers/{customer}/messages", data={"body": "Hello", **form})
    assert got.status_code == status and why in got.text
    assert console.ask(WAITING, customer) == 1


def post(client: httpx.Client, **form: str) -> httpx.Response:
    good = {"name": "Hours", "language": "en", "question": "When?", "answer": "Always, {name}."}
    return client.post("/knowledge", data={**good, **form})


def test_managers_keep_what_is_answered(console: Console) -> None:
    with console.client("manager") as client:
        assert post(client).status_code == 303
        page = client.get("/knowledge").text
        assert "Always, {name}." in page and "English, yours" in page
        assert 'method="post" action="/knowledge"' in page
        own = console.ask("SELECT id FROM article WHERE answer = 'Always, {name}.'")
        assert "2 versions" in client.get(f"/knowledge?article={own}").text
        assert "Always, {name}." in client.get("/knowledge?try=when+do+you+open").text
        assert "No article fits" in client.get("/knowledge?try=zzz").text
        assert client.post(f"/knowledge/{own}/out").status_code == 303
        assert "Always, {name}." not in client.get("/knowledge").text
        refused = post(client, answer="It costs {price}.")
        assert refused.status_code == 409 and "There is no {price}" in refused.text
        assert post(client, answer="<script>alert(1)</script>").status_code == 303
        assert "<script>alert(1)" not in client.get("/knowledge").text
        assert client.get("/knowledge?article=99999").status_code == 404
    with console.client("advisor") as client:
        page = client.get("/knowledge").text
        assert 'method="post" action="/knowledge"' not in page and "New article" not in page


def test_results_tell_how_fast_answers_were(console: Console) -> None:
    customer = asks(console, "Hello there")
    with console.client("advisor") as client:
        form = {"body": "Hello, Maria", "settles": "true"}
        assert client.post(f"/customers/{customer}/messages", data=form).status_code == 303
    with console.client("manager") as client:
        page = client.get("/results").text
    assert "Answers" in page and "promised within 2 h" in page and "Everybody" in page
