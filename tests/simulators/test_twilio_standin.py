"""The unmodified Twilio client, and Twilio's own signature check, against the stand-in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from simulators.twilio_standin import RunningStandin
from simulators.twilio_standin.messages import Account
from simulators.twilio_standin.server import DEMO_SID, DEMO_TOKEN
from simulators.twilio_standin.twiml import TwimlError, replies

OURS = "+4915735990001"
CUSTOMER = "+4915735980002"
SERVICE = "MG" + "1" * 32


class Webhook:
    """Our side: an HTTP server that checks signatures as care does and answers what it is told."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bool]] = []
        self.answer = (200, "text/xml", "<Response/>")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                params = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
                valid = RequestValidator(DEMO_TOKEN).validate(
                    outer.url + self.path, params, self.headers["X-Twilio-Signature"]
                )
                outer.received.append((self.path, params, valid))
                status, kind, body = outer.answer
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def statuses(self, sid: str) -> list[str]:
        return [
            params["MessageStatus"]
            for path, params, _ in list(self.received)
            if path.startswith("/status") and params["MessageSid"] == sid
        ]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    try:
        yield webhook
    finally:
        webhook.close()


@pytest.fixture
def standin(webhook: Webhook) -> Iterator[RunningStandin]:
    account = Account(DEMO_SID, DEMO_TOKEN, services={SERVICE: ("+4915735990007",)})
    with RunningStandin(
        webhook_url=webhook.url + "/inbound?shop=1", account=account, step_s=0.02
    ) as running:
        yield running


def make_client(url: str, token: str = DEMO_TOKEN, timeout: float | None = None) -> Client:
    client = Client(DEMO_SID, token, http_client=TwilioHttpClient(timeout=timeout))
    client.api.base_url = url
    return client


@pytest.fixture
def client(standin: RunningStandin) -> Iterator[Client]:
    client = make_client(standin.url)
    yield client
    client.http_client.session.close()


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def control(standin: RunningStandin, method: str, path: str, body: Any = None) -> Any:
    answer = httpx.request(method, f"{standin.url}/_standin/{path}", json=body, timeout=20)
    answer.raise_for_status()
    return answer.json()


def test_a_message_is_created_delivered_and_reported(
    client: Client, standin: RunningStandin, webhook: Webhook
) -> None:
    sent = client.messages.create(
        to="+49 1573 5980002",
        from_=OURS,
        body="Grüße €",
        status_callback=webhook.url + "/status?a=b",
    )
    assert (sent.status, sent.direction, sent.to) == ("queued", "outbound-api", CUSTOMER)
    assert sent.sid is not None and sent.sid.startswith("SM") and len(sent.sid) == 34
    assert sent.num_segments == "1" and sent.price is None and sent.error_code is None
    assert sent.uri == f"/2010-04-01/Accounts/{DEMO_SID}/Messages/{sent.sid}.json"
    assert sent.date_created is not None
    assert abs(sent.date_created - datetime.now(UTC)) < timedelta(minutes=1)
    eventually(lambda: webhook.statuses(str(sent.sid)) == ["queued", "sent", "delivered"])
    assert all(valid for _, _, valid in webhook.received)
    again = client.messages(sent.sid).fetch()
    assert again.status == "delivered" and again.date_sent is not None
    assert again.price is not None and float(again.price) < 0
    [bubble] = control(standin, "GET", f"phones/{CUSTOMER}/chat")
    assert bubble["body"] == "Grüße €" and bubble["incoming"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "+123", "from_": OURS, "body": "x"}, 21211),
        ({"to": "", "from_": OURS, "body": "x"}, 21604),
        ({"to": CUSTOMER, "body": "x"}, 21603),
        ({"to": CUSTOMER, "from_": "nobody in particular", "body": "x"}, 21212),
        ({"to": CUSTOMER, "from_": OURS, "body": ""}, 21602),
        ({"to": CUSTOMER, "from_": OURS, "body": "x" * 1601}, 21617),
        ({"to": CUSTOMER, "from_": OURS, "body": "x", "media_url": ["file:/a"]}, 21620),
        ({"to": CUSTOMER, "from_": OURS, "body": "x", "status_callback": "nowhere"}, 21609),
        ({"to": "+493012345678", "from_": OURS, "body": "x"}, 21614),
        ({"to": CUSTOMER, "messaging_service_sid": "MG1", "body": "x"}, 21701),
    ],
)
def test_a_request_that_twilio_refuses(client: Client, fields: dict[str, Any], code: int) -> None:
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(**fields)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert client.messages.list() == []


def test_only_the_right_token_opens(standin: RunningStandin, client: Client) -> None:
    stranger = make_client(standin.url, token="wrong")
    with pytest.raises(TwilioRestException) as refused:
        stranger.messages.create(to=CUSTOMER, from_=OURS, body="x")
    stranger.http_client.session.close()
    assert (refused.value.status, refused.value.code) == (401, 20003)
    assert (
        httpx.get(f"{standin.url}/2010-04-01/Accounts/{DEMO_SID}/Messages.json").status_code == 401
    )
    with pytest.raises(TwilioRestException) as missing:
        client.messages("SM" + "0" * 32).fetch()
    assert (missing.value.status, missing.value.code) == (404, 20404)


def test_lists_filter_and_page(client: Client, standin: RunningStandin) -> None:
    for number in range(7):
        client.messages.create(to=CUSTOMER, from_=OURS, body=f"{number}")
    client.messages.create(to="+4915735980003", from_=OURS, body="other")
    control(standin, "POST", "idle")
    found = client.messages.list(to=CUSTOMER, page_size=3)
    assert [one.body for one in found] == [str(number) for number in range(6, -1, -1)]
    assert len(client.messages.list(limit=2)) == 2
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    assert len(client.messages.list(date_sent_after=now - hour, date_sent_before=now + hour)) == 8
    assert client.messages.list(date_sent_after=now + hour) == []
    assert len(client.messages.list(date_sent=now)) == 8
    assert len(client.messages.list(from_=OURS, to="+4915735980003")) == 1


def test_paging_stays_in_step_while_messages_arrive(client: Client) -> None:
    for number in range(4):
        client.messages.create(to=CUSTOMER, from_=OURS, body=f"{number}")
    pages = client.messages.stream(page_size=2)
    first = [next(pages).body, next(pages).body]
    client.messages.create(to=CUSTOMER, from_=OURS, body="new")
    assert first + [one.body for one in pages] == ["3", "2", "1", "0"]


@pytest.mark.parametrize("word", ["STOP", "stop ", "Cancel", "optout", "REVOKE"])
def test_stop_blocks_and_start_opens_again(
    client: Client, standin: RunningStandin, webhook: Webhook, word: str
) -> None:
    result = standin.network.text(CUSTOMER, OURS, word)
    assert result["webhook_status"] == 200 and "unsubscribed" in result["auto_reply"]
    path, params, valid = webhook.received[-1]
    assert (path, params["Body"], valid) == ("/inbound?shop=1", word, True)
    assert (params["From"], params["To"]) == (CUSTOMER, OURS) and "OptOutType" not in params
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(to=CUSTOMER, from_=OURS, body="x")
    assert (refused.value.status, refused.value.code) == (400, 21610)
    client.messages.create(to=CUSTOMER, from_="+4915735990009", body="another sender may")
    assert standin.network.text(CUSTOMER, OURS, "start")["auto_reply"]
    assert client.messages.create(to=CUSTOMER, from_=OURS, body="x").status == "queued"


def test_yes_from_a_subscriber_and_stop_in_a_sentence_mean_nothing(
    client: Client, standin: RunningStandin
) -> None:
    assert standin.network.text(CUSTOMER, OURS, "YES")["auto_reply"] is None
    assert standin.network.text(CUSTOMER, OURS, "please stop")["auto_reply"] is None
    assert "STOP" in standin.network.text(CUSTOMER, OURS, "help")["auto_reply"]
    assert client.messages.create(to=CUSTOMER, from_=OURS, body="x").status == "queued"


def test_a_messaging_service_accepts_first_and_fails_later(
    client: Client, standin: RunningStandin, webhook: Webhook
) -> None:
    def send() -> Any:
        return client.messages.create(
            to=CUSTOMER,
            messaging_service_sid=SERVICE,
            body="x",
            status_callback=webhook.url + "/status",
        )

    sent = send()
    assert (sent.status, sent.from_, sent.num_segments) == ("accepted", None, "0")
    eventually(lambda: client.messages(sent.sid).fetch().status == "delivered")
    assert client.messages(sent.sid).fetch().from_ == "+4915735990007"
    standin.network.text(CUSTOMER, "+4915735990007", "STOP")
    refused = send()
    assert refused.status == "accepted"
    eventually(lambda: client.messages(refused.sid).fetch().status == "failed")
    assert client.messages(refused.sid).fetch().error_code == 21610
    eventually(lambda: webhook.statuses(refused.sid) == ["failed"])


def test_a_messaging_service_uses_the_sender_that_the_request_names(client: Client) -> None:
    sent = client.messages.create(
        to=CUSTOMER, messaging_service_sid=SERVICE, from_="+4915735990008", body="x"
    )
    assert (sent.status, sent.from_) == ("accepted", "+4915735990008")
    eventually(lambda: client.messages(sent.sid).fetch().status == "delivered")
    assert client.messages(sent.sid).fetch().from_ == "+4915735990008"


def test_a_reply_in_twiml_is_sent(
    client: Client, standin: RunningStandin, webhook: Webhook
) -> None:
    webhook.answer = (200, "text/xml", "<Response><Message>See you at 9</Message></Response>")
    result = control(standin, "POST", f"phones/{CUSTOMER}/send", {"to": OURS, "body": "1"})
    [sid] = result["replies"]
    eventually(lambda: client.messages(sid).fetch().status == "delivered")
    reply = client.messages(sid).fetch()
    assert (reply.direction, reply.body, reply.to) == ("outbound-reply", "See you at 9", CUSTOMER)
    directions = {one.direction for one in client.messages.list()}
    assert directions == {"inbound", "outbound-reply"}


def test_a_webhook_that_fails_is_noted(standin: RunningStandin, webhook: Webhook) -> None:
    webhook.answer = (500, "text/plain", "oops")
    result = standin.network.text(CUSTOMER, OURS, "hello")
    assert result["webhook_status"] == 500
    assert "11200" in control(standin, "GET", "deliveries")[-1]["error"]
    control(standin, "PUT", "webhook", {"url": "http://127.0.0.1:9/closed"})
    assert standin.network.text(CUSTOMER, OURS, "hello")["webhook_status"] is None


@pytest.mark.parametrize(
    ("outcome", "status", "code"), [(30003, "undelivered", 30003), ("delivered", "delivered", None)]
)
def test_delivery_ends_as_the_phone_decides(
    client: Client, standin: RunningStandin, outcome: Any, status: str, code: int | None
) -> None:
    control(standin, "PUT", f"phones/{CUSTOMER}", {"outcome": outcome, "name": "Ada"})
    sid = client.messages.create(to=CUSTOMER, from_=OURS, body="x").sid
    eventually(lambda: client.messages(sid).fetch().status == status)
    assert client.messages(sid).fetch().error_code == code


def test_failures_that_a_test_orders(client: Client, standin: RunningStandin) -> None:
    for kind, status in (("500", 500), ("429", 429)):
        control(standin, "POST", "failures", {"kind": kind})
        with pytest.raises(TwilioRestException) as failed:
            client.messages.create(to=CUSTOMER, from_=OURS, body="x")
        assert failed.value.status == status
    assert failed.value.code == 20429
    assert client.messages.list() == []
    control(standin, "POST", "failures", {"kind": "accept_then_500"})
    with pytest.raises(TwilioRestException):
        client.messages.create(to=CUSTOMER, from_=OURS, body="there all the same")
    assert [one.body for one in client.messages.list()] == ["there all the same"]


def test_a_message_may_exist_although_the_client_saw_a_time_out(
    client: Client, standin: RunningStandin
) -> None:
    control(standin, "POST", "failures", {"kind": "accept_then_timeout", "seconds": 20})
    impatient = make_client(standin.url, timeout=0.3)
    with pytest.raises(Exception, match="timed out"):
        impatient.messages.create(to=CUSTOMER, from_=OURS, body="ghost")
    impatient.http_client.session.close()
    assert [one.body for one in client.messages.list(to=CUSTOMER)] == ["ghost"]


def test_callbacks_twice_and_out_of_order(
    client: Client, standin: RunningStandin, webhook: Webhook
) -> None:
    control(standin, "PUT", "callbacks", {"copies": 2, "reorder": True})
    sid = client.messages.create(
        to=CUSTOMER, from_=OURS, body="x", status_callback=webhook.url + "/status"
    ).sid
    eventually(lambda: len(webhook.statuses(str(sid))) == 6)
    got = webhook.statuses(str(sid))
    assert sorted(got) == ["delivered", "delivered", "queued", "queued", "sent", "sent"]
    assert got[0] == "delivered"


def test_callbacks_may_be_held_back(
    client: Client, standin: RunningStandin, webhook: Webhook
) -> None:
    control(standin, "PUT", "callbacks", {"paused": True})
    sid = client.messages.create(
        to=CUSTOMER, from_=OURS, body="x", status_callback=webhook.url + "/status"
    ).sid
    eventually(lambda: client.messages(sid).fetch().status == "delivered")
    assert webhook.statuses(str(sid)) == []
    control(standin, "PUT", "callbacks", {"paused": False})
    eventually(lambda: len(webhook.statuses(str(sid))) == 3)


def test_a_scheduled_message_waits_and_may_be_cancelled(webhook: Webhook) -> None:
    world = [datetime(2026, 3, 1, 8, tzinfo=UTC)]
    with RunningStandin(step_s=0.02, now=lambda: world[0]) as standin:
        client = make_client(standin.url)

        def schedule(minutes: int) -> Any:
            return client.messages.create(
                to=CUSTOMER, messaging_service_sid=SERVICE, body="later",
                schedule_type="fixed", send_at=world[0] + timedelta(minutes=minutes),
            )  # fmt: skip

        with pytest.raises(TwilioRestException) as refused:
            schedule(5)
        assert refused.value.code == 35114
        kept, dropped = schedule(30), schedule(30)
        assert kept.status == "scheduled"
        assert client.messages(dropped.sid).update(status="canceled").status == "canceled"
        unparsable = client.messages.create
        with pytest.raises(TwilioRestException) as refused:
            unparsable(to=CUSTOMER, messaging_service_sid=SERVICE, body="x",
                       schedule_type="fixed", send_at="tomorrow")  # fmt: skip
        assert refused.value.code == 35114
        world[0] += timedelta(hours=1)
        eventually(lambda: client.messages(kept.sid).fetch().status == "delivered")
        assert client.messages(dropped.sid).fetch().status == "canceled"
        with pytest.raises(TwilioRestException) as late:
            client.messages(kept.sid).update(status="canceled")
        assert (late.value.status, late.value.code) == (409, 30409)
        assert client.messages(kept.sid).update(body="").body == ""
        assert client.messages(kept.sid).delete()
        client.http_client.session.close()


def test_a_restart_forgets_nothing_that_was_accepted(tmp_path: Path) -> None:
    state = tmp_path / "messages.jsonl"
    with RunningStandin(state=state, step_s=60) as standin:
        client = make_client(standin.url)
        sid = client.messages.create(to=CUSTOMER, from_=OURS, body="kept").sid
        standin.network.text("+4915735980003", OURS, "STOP")
        client.http_client.session.close()
    with RunningStandin(state=state, step_s=0.02) as standin:
        client = make_client(standin.url)
        eventually(lambda: client.messages(sid).fetch().status == "delivered")
        with pytest.raises(TwilioRestException, match="unsubscribed"):
            client.messages.create(to="+4915735980003", from_=OURS, body="x")
        assert client.messages.create(to=CUSTOMER, from_=OURS, body="new").sid != sid
        client.http_client.session.close()


def test_the_phones_page_and_unknown_paths(standin: RunningStandin) -> None:
    assert "<h1>Phones</h1>" in httpx.get(standin.url).text
    assert httpx.get(standin.url + "/2010-04-01/nowhere").json()["code"] == 20404
    answer = httpx.put(f"{standin.url}/_standin/phones/{CUSTOMER}", json={"outcom": 1})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("text/xml", "<Response>", 12100),
        ("text/xml", "<Html/>", 12200),
        ("application/json", "{}", 12300),
    ],
)
def test_an_answer_that_is_not_twiml(kind: str, text: str, code: int) -> None:
    with pytest.raises(TwimlError) as wrong:
        replies(kind, text)
    assert wrong.value.code == code
