"""Twilio's webhooks: believed with a signature, harmless when told twice."""

import pytest
from twilio.request_validator import RequestValidator

from tests.api.conftest import TWILIO_TOKEN, Console

SID = "SM" + "a" * 32
ANSWER = {"MessageSid": SID, "From": "+13125551200", "To": "+13125550100", "Body": "Thanks, 2!"}


def signature(console: Console, path: str, form: dict[str, str], token: str = TWILIO_TOKEN) -> str:
    return str(RequestValidator(token).compute_signature(console.url + path, form))


def test_an_answer_is_stored_once(console: Console) -> None:
    form = {**ANSWER, "Empty": "", "Body": "Thanks & 2 + ü 谢"}
    headers = {"X-Twilio-Signature": signature(console, "/twilio/inbound", form)}
    with console.client() as client:
        for _ in range(3):
            answer = client.post("/twilio/inbound", data=form, headers=headers)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/xml")
            assert answer.text.endswith("<Response/>")
    assert console.ask("SELECT count(*) FROM reply WHERE provider_sid = %s", SID) == 1
    assert console.ask("SELECT body FROM reply WHERE provider_sid = %s", SID) == form["Body"]
    assert console.ask("SELECT customer_id FROM reply WHERE provider_sid = %s", SID) == 1


def test_stop_counts_before_twilio_has_its_answer(console: Console) -> None:
    form = {**ANSWER, "Body": "STOP"}
    headers = {"X-Twilio-Signature": signature(console, "/twilio/inbound", form)}
    with console.client("advisor") as client:
        assert client.post("/twilio/inbound", data=form, headers=headers).status_code == 200
        assert "said STOP" in client.get("/customers/1").text
    row = "SELECT stopped FROM suppression WHERE phone = '+13125551200'"
    assert console.ask(row) is True


def test_a_query_is_signed_too(console: Console) -> None:
    path = "/twilio/inbound?x=1"
    headers = {"X-Twilio-Signature": signature(console, path, ANSWER)}
    with console.client() as client:
        assert client.post(path, data=ANSWER, headers=headers).status_code == 200
        other = client.post("/twilio/inbound?x=2", data=ANSWER, headers=headers)
        assert other.status_code == 403


@pytest.mark.parametrize("path", ["/twilio/inbound", "/twilio/status"])
def test_a_wrong_signature_is_refused(console: Console, path: str) -> None:
    right = signature(console, path, ANSWER)
    wrong: list[dict[str, str]] = [
        {},
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "x" * 4000},
        {"X-Twilio-Signature": signature(console, path, ANSWER, "another token")},
        {"X-Twilio-Signature": signature(console, "/elsewhere", ANSWER)},
    ]
    with console.client() as client:
        for headers in wrong:
            assert client.post(path, data=ANSWER, headers=headers).status_code == 403
        changed = client.post(
            path, data={**ANSWER, "Body": "STOP"}, headers={"X-Twilio-Signature": right}
        )
        assert changed.status_code == 403
        assert client.post(path, content=b"\xff\xfe&&==;;%zz").status_code == 403
    assert console.ask("SELECT count(*) FROM reply WHERE provider_sid = %s", SID) == 0


def test_a_signed_form_without_sense_is_told_so(console: Console) -> None:
    form = {"From": "+1", "Body": "x"}
    headers = {"X-Twilio-Signature": signature(console, "/twilio/inbound", form)}
    with console.client() as client:
        assert client.post("/twilio/inbound", data=form, headers=headers).status_code == 400


def test_delivery_news_may_be_late_and_repeated(console: Console) -> None:
    sid = "SM" + "3" * 32
    with console.client() as client:
        for status in ("delivered", "sent", "delivered"):
            form = {"MessageSid": sid, "MessageStatus": status}
            headers = {"X-Twilio-Signature": signature(console, "/twilio/status", form)}
            assert client.post("/twilio/status", data=form, headers=headers).status_code == 204
    row = "SELECT state FROM outreach WHERE provider_sid = %s"
    assert console.ask(row, sid) == "delivered"
