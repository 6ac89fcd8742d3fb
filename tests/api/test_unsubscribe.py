"""The unsubscribe link of a letter: looking changes nothing, one click ends it."""

import pytest

from care.links import slot_token, unsubscribe_token
from tests.api.conftest import SECRET, Console
from tests.api.showroom import NOW
from tests.api.test_webhooks import signature

ADDRESS = "maria@example.com"


def token(console: Console) -> str:
    """The link of a letter that went out."""
    letter = console.ask("SELECT min(id) FROM outreach WHERE provider_sid IS NOT NULL")
    assert isinstance(letter, int)
    console.do(
        "UPDATE outreach SET channel = 'email', to_phone = %s WHERE id = %s", ADDRESS, letter
    )
    console.do("UPDATE customer SET email = %s WHERE id = 1", ADDRESS)
    return unsubscribe_token(SECRET, outreach_id=letter)


def stopped(console: Console, address: str) -> object:
    newest = "SELECT stopped FROM suppression WHERE phone = %s ORDER BY id DESC LIMIT 1"
    return console.ask(newest, address)


def test_looking_changes_nothing_and_one_click_ends_it(console: Console) -> None:
    path = f"/u/{token(console)}"
    with console.client() as client:
        page = client.get(path)
        assert page.status_code == 200 and "Stop e-mails" in page.text
        assert stopped(console, ADDRESS) is None
        # as a mail provider does it: from elsewhere, no cookie, no redirect
        for _ in range(2):
            done = client.post(
                path,
                data={"List-Unsubscribe": "One-Click"},
                headers={"Origin": "https://mail.example.net", "Sec-Fetch-Site": "cross-site"},
                follow_redirects=False,
            )
            assert done.status_code == 200 and "set-cookie" not in done.headers
    assert stopped(console, ADDRESS) is True
    assert stopped(console, "+13125551200") is None
    rows = console.ask("SELECT count(*) FROM suppression WHERE phone = %s", ADDRESS)
    assert rows == 1, "the second time changes nothing"


def test_all_of_it_is_every_address(console: Console) -> None:
    path = f"/u/{token(console)}"
    with console.client() as client:
        assert client.post(path, data={"all": "yes"}).status_code == 200
    for address in (ADDRESS, "+13125551200", "whatsapp:+13125551200"):
        assert stopped(console, address) is True, address


@pytest.mark.parametrize("bad", ["x", "x" * 5000, "%00", "å", "A" * 24])
def test_a_link_that_is_not_ours_ends_nothing(console: Console, bad: str) -> None:
    with console.client() as client:
        assert client.get(f"/u/{bad}").status_code == 404
        assert client.post(f"/u/{bad}").status_code == 404
    assert console.ask("SELECT count(*) FROM suppression WHERE source = 'unsubscribe link'") == 0


def test_a_link_for_another_page_ends_nothing(console: Console) -> None:
    good = token(console)
    other = slot_token(SECRET, customer_id=1, vehicle_id=1, alert_id=None, now=NOW)
    changed = ("A" if good[3] != "A" else "B").join((good[:3], good[4:]))
    with console.client() as client:
        for bad in (other, changed, unsubscribe_token("another secret", outreach_id=1)):
            assert client.post(f"/u/{bad}").status_code == 404


def test_whatsapp_answers_are_signed_too_and_stored_once(console: Console) -> None:
    form = {
        "MessageSid": "SM" + "d" * 32,
        "From": "whatsapp:+13125551200",
        "To": "whatsapp:+13125550100",
        "Body": "Hola",
    }
    good = {"X-Twilio-Signature": signature(console, "/twilio/inbound", form)}
    with console.client() as client:
        changed = {**form, "From": "+13125551200"}
        assert client.post("/twilio/inbound", data=changed, headers=good).status_code == 403
        for _ in range(2):
            assert client.post("/twilio/inbound", data=form, headers=good).status_code == 200
    kept = "SELECT from_phone || ' ' || customer_id FROM reply WHERE provider_sid = %s"
    assert console.ask(kept, form["MessageSid"]) == "whatsapp:+13125551200 1"


def test_whatsapp_news_wrong_late_and_repeated_change_nothing(console: Console) -> None:
    console.do("UPDATE outreach SET channel = 'whatsapp' WHERE provider_sid = %s", "SM" + "3" * 32)
    with console.client() as client:
        for status in ("read", "sent", "failed", "read"):
            form = {"MessageSid": "SM" + "3" * 32, "MessageStatus": status, "ErrorCode": "63016"}
            headers = {"X-Twilio-Signature": signature(console, "/twilio/status", form)}
            wrong = {"X-Twilio-Signature": "x" + headers["X-Twilio-Signature"]}
            assert client.post("/twilio/status", data=form, headers=wrong).status_code == 403
            assert client.post("/twilio/status", data=form, headers=headers).status_code == 204
    row = "SELECT state FROM outreach WHERE provider_sid = %s"
    assert console.ask(row, "SM" + "3" * 32) == "delivered"
