"""WhatsApp, e-mail, WeCom: real clients and servers, one outbox, one channel at a time."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeVar

import psycopg
import pytest
from aiosmtpd.controller import Controller
from hypothesis import given
from hypothesis import strategies as st
from twilio.rest import Client

from care import crew, outreach, repair, webhooks
from care.channels.contract import (
    NAMES,
    Channel,
    Later,
    Lost,
    Message,
    News,
    Refused,
    Sent,
)
from care.channels.email import Email, MailServer, letter
from care.channels.twilio_sms import TwilioSms
from care.channels.twilio_whatsapp import TwilioWhatsapp
from care.channels.wecom import Wecom as WecomClient
from care.outreach import Policy
from care.sender import Claimed, Lines, Sender, claim, record
from care.store import channels as store
from care.store import outbox, people
from simulators.twilio_standin import RunningStandin
from simulators.twilio_standin.network import Failure
from simulators.wecom_standin import RunningWecom, Wecom
from tests.care.repairs import order_of
from tests.care.world import FROM, MONDAY, PAPER, TOKEN, World, build, inbound, one, row

SID = "AC00000000000000000000000000000001"
HELLO = Message(7, 1, "ada@example.com", "Hi Ada,\nhttps://care.example.com/b/x?a=1&b=2")
T = TypeVar("T")


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    """One customer who can be reached, and agrees to be, by every channel."""
    world = build(db)
    db.execute("UPDATE customer SET email = 'Ada@Example.com', wecom_id = 'woAda'")
    db.execute("UPDATE staff SET wecom_id = 'lin'")
    for channel in NAMES:
        people.add_consent(
            db, world.customer_id, "service", True, "contract", "v1", MONDAY, channel=channel
        )
    db.commit()
    return world


def plan(db: psycopg.Connection, world: World, *channels: str, key: str = "k", **more: Any) -> int:
    """A message without an occasion to lose."""
    planned = outreach.plan(
        db,
        customer_id=world.customer_id,
        template="letter",
        purpose="service",
        dedupe_key=key,
        body=f"News of your car ({key}): {{link}}",
        now=MONDAY,
        channels=channels,
        **more,
    )
    assert planned is not None
    db.commit()
    return planned.id


def states(db: psycopg.Connection) -> list[tuple[str, str]]:
    """Channel and state of every message, in order."""
    return db.execute("SELECT channel, state FROM outreach ORDER BY id").fetchall()


def sender_of(
    db: psycopg.Connection, channels: Mapping[str, Channel], **more: Any
) -> tuple[Sender, Callable[[], None]]:
    """A sender and what works off all that is due."""

    def transact(work: Callable[[psycopg.Connection], T]) -> T:
        with db.transaction():
            return work(db)

    sender = Sender(transact, channels, lambda: MONDAY, Policy(), PAPER, 30, **more)

    def work_off() -> None:
        while sender.settle_next() or sender.send_next():
            pass
        db.execute("UPDATE setback SET next_at = clock_timestamp()")
        db.execute("UPDATE outreach SET sending_at = sending_at - interval '31 s'")
        while sender.settle_next() or sender.send_next():
            pass
        db.commit()

    return sender, work_off


def take(db: psycopg.Connection, *there_are: str) -> Claimed:
    got = claim(db, MONDAY, Policy(), PAPER, Lines(there_are or NAMES))
    db.commit()
    assert isinstance(got, Claimed), got
    return got


# -- which channel ---------------------------------------------------------------------------------


def test_the_first_that_the_customer_accepts_at_that_moment(
    db: psycopg.Connection, world: World
) -> None:
    plan(db, world, "email", "sms")
    people.add_suppression(db, "ada@example.com", True, "unsubscribe link", MONDAY)
    db.commit()
    assert take(db).channel == "sms"
    assert states(db) == [("sms", "sending")]


def test_none_is_left_and_every_reason_is_told(db: psycopg.Connection, world: World) -> None:
    message = plan(db, world, "whatsapp", "email", "voice", "sms")
    people.add_suppression(db, world.phone, True, "reply STOP", MONDAY)
    people.add_consent(
        db, world.customer_id, "service", False, "web", "v1", MONDAY, channel="email"
    )
    db.commit()
    claim(db, MONDAY, Policy(), PAPER, Lines(("sms", "whatsapp", "email")))
    state, reason = row(db, "SELECT state, reason FROM outreach WHERE id = %s", message)
    assert state == "dropped"
    for part in (
        "WhatsApp takes only approved words",
        "E-mail: There is no consent to service messages by e-mail.",
        "Call: The number said STOP",
        "Text message: The number said STOP on 2026-11-23.",
    ):
        assert part in reason


def test_a_channel_without_settings_is_passed_over(db: psycopg.Connection, world: World) -> None:
    plan(db, world, "wecom", "email", "sms")
    assert take(db, "sms").channel == "sms"


def test_a_refused_message_goes_on_by_the_next_channel_and_counts_once(
    db: psycopg.Connection, world: World
) -> None:
    first = plan(db, world, "email", "sms")
    got = take(db)
    assert got.channel == "email"
    record(db, got, Refused(550, "The mail server refused it: no such user (550)."), MONDAY)
    assert states(db) == [("email", "failed"), ("sms", "planned")]
    assert row(db, "SELECT root_id, dedupe_key FROM outreach ORDER BY id DESC") == (first, "k:sms")
    got = take(db)
    assert (got.channel, got.to_phone) == ("sms", world.phone)
    record(db, got, Sent("SM" + "1" * 32), MONDAY)
    assert one(db, "SELECT count(*) FROM task") == 0
    week = MONDAY - timedelta(days=7)
    assert len(outbox.sent_since(db, world.customer_id, world.phone, week, 0)) == 1
    webhooks.status(db, {"MessageSid": "SM" + "1" * 32, "MessageStatus": "undelivered"}, MONDAY)
    assert states(db) == [("email", "failed"), ("sms", "undelivered")], "no channel is left"


def test_an_undelivered_message_is_not_held_back_by_its_own_first_attempt(
    db: psycopg.Connection, world: World
) -> None:
    plan(db, world, "sms", "email")
    got = take(db)
    record(db, got, Sent("SM" + "1" * 32), MONDAY)
    told = {"MessageSid": "SM" + "1" * 32, "MessageStatus": "undelivered", "ErrorCode": "30003"}
    for _ in range(3):  # told again, and again: one further attempt
        webhooks.status(db, told, MONDAY)
    assert states(db) == [("sms", "undelivered"), ("email", "planned")]
    assert take(db).channel == "email"


def test_after_stop_no_other_channel_is_tried(db: psycopg.Connection, world: World) -> None:
    plan(db, world, "sms", "email")
    record(db, take(db), Refused(21610, "The number said STOP (Twilio 21610)."), MONDAY)
    assert states(db) == [("sms", "failed")]
    assert people.stopped(db, world.phone) is not None


def test_a_further_attempt_passes_all_checks_again(db: psycopg.Connection, world: World) -> None:
    plan(db, world, "email", "sms")
    record(db, take(db), Refused(550, "no"), MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, "STOP"), MONDAY)
    db.execute("UPDATE reply SET handled_at = now()")
    claim(db, MONDAY, Policy(), PAPER, Lines(NAMES))
    assert states(db) == [("email", "failed"), ("sms", "dropped")]


def test_stop_on_one_application_of_a_phone_is_stop_on_the_phone(
    db: psycopg.Connection, world: World
) -> None:
    form = {**inbound(1, "whatsapp:" + world.phone, "STOP"), "To": "whatsapp:" + FROM}
    webhooks.inbound(db, form, MONDAY)
    assert people.stopped(db, world.phone) and people.stopped(db, "whatsapp:" + world.phone)
    assert people.stopped(db, "ada@example.com") is None
    assert row(db, "SELECT customer_id, from_phone FROM reply") == (
        world.customer_id,
        "whatsapp:" + world.phone,
    )
    webhooks.inbound(db, {**form, "MessageSid": "SM" + "2" * 32, "Body": "START"}, MONDAY)
    assert people.stopped(db, "whatsapp:" + world.phone) is None
    assert people.stopped(db, world.phone), "each is allowed again by itself"


@pytest.mark.parametrize("words", ["STOPALL", "stop everything!", "全部退订"])
def test_stop_everything_is_every_address(db: psycopg.Connection, world: World, words: str) -> None:
    webhooks.inbound(db, inbound(1, world.phone, words), MONDAY)
    for address in (world.phone, "whatsapp:" + world.phone, "ada@example.com", "wecom:woAda"):
        assert people.stopped(db, address), address


def test_an_answer_goes_the_way_that_the_customer_wrote(
    db: psycopg.Connection, world: World
) -> None:
    form = {**inbound(1, "whatsapp:" + world.phone, "Is it urgent?"), "To": "whatsapp:" + FROM}
    webhooks.inbound(db, form, MONDAY)
    db.execute("UPDATE reply SET handled_at = now()")
    outreach.write(db, customer_id=world.customer_id, body="No.", actor="staff:1", now=MONDAY)
    got = take(db)
    assert (got.channel, got.to_phone) == ("whatsapp", "whatsapp:" + world.phone)
    assert got.content_sid is None, "free words within a day of theirs"


# -- pace and cost ---------------------------------------------------------------------------------


def test_senders_share_one_pace(database: str, db: psycopg.Connection, world: World) -> None:
    # a pace so slow that no second token comes while the test runs; the bucket holds one at least
    for n in range(3):
        plan(db, world, "email" if n else "sms", key=f"k{n}")
    db.execute("UPDATE outreach SET purpose = 'reply', answers_at = planned_at")
    db.commit()
    slow = Lines(NAMES, {"email": 0.001})
    taken = []
    with psycopg.connect(database) as other:
        for conn in (db, other, db, other):
            got = claim(conn, MONDAY, Policy(), PAPER, slow)
            conn.commit()
            if isinstance(got, Claimed):
                taken.append(got.channel)
                record(conn, got, Sent(f"<{got.id}@x>"), MONDAY)
                conn.commit()
    assert sorted(taken) == ["email", "sms"], "the slow channel holds up no other"
    assert store.waiting(db, slow.per_s) == ["email"]


def test_cost_is_of_the_rate_table_until_twilio_says(db: psycopg.Connection, world: World) -> None:
    with RunningStandin(step_s=0.001) as standin:
        sms = TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", standin.url)
        sender, work_off = sender_of(db, {"sms": sms}, ask_after_s=0.0)
        plan(db, world, "sms")
        work_off()
        cost = "SELECT cost_micros, currency, cost_is_final, state FROM outreach"
        segments = standin.exchange.all()[0].num_segments
        assert row(db, cost) == (7900 * segments, "USD", False, "sent")
        assert standin.network.wait_idle(10)
        assert sender.ask_next()
        assert row(db, cost) == (7900 * segments, "USD", True, "delivered"), "no callback needed"
        assert not sender.ask_next()


# -- WhatsApp --------------------------------------------------------------------------------------


def whatsapp_of(standin: RunningStandin) -> TwilioWhatsapp:
    return TwilioWhatsapp(SID, TOKEN, "whatsapp:" + FROM, "http://127.0.0.1:9/s", standin.url)


def test_whatsapp_speaks_first_in_approved_words_only(db: psycopg.Connection, world: World) -> None:
    with RunningStandin(step_s=0.001) as standin:
        sms = TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", standin.url)
        client = Client(SID, TOKEN, http_client=sms._client.http_client)
        made = client.content.v1.contents.create(
            content_create_request=_content("Hi {{1}}, {{2}} has news of your car: {{3}}")
        )
        client.content.v1.contents(made.sid).approval_create.create(
            content_approval_request=_approval()
        )
        db.execute(
            "INSERT INTO content_template VALUES ('letter', 'en', %s, '{first_name,dealer,link}')",
            (made.sid,),
        )
        plan(db, world, "whatsapp", "sms")
        sender, work_off = sender_of(
            db, {"whatsapp": whatsapp_of(standin), "sms": sms}, ask_after_s=0.0
        )
        work_off()
        assert standin.network.wait_idle(10)
        (sent,) = standin.exchange.all()
        assert sent.to == "whatsapp:" + world.phone and sent.status == "delivered"
        assert sent.body.startswith("Hi Grace0, Lakeside has news of your car: https://care")
        assert sender.ask_next() and states(db) == [("whatsapp", "delivered")]


def _content(body: str) -> Any:
    from twilio.rest.content.v1.content import ContentList

    return ContentList.ContentCreateRequest(
        {
            "friendly_name": "news",
            "language": "en",
            "variables": {},
            "types": ContentList.Types({"twilio/text": ContentList.TwilioText({"body": body})}),
        }
    )


def _approval() -> Any:
    from twilio.rest.content.v1.content.approval_create import ApprovalCreateList

    return ApprovalCreateList.ContentApprovalRequest({"name": "news", "category": "UTILITY"})


def test_free_words_outside_the_window_fail_and_fall_back(
    db: psycopg.Connection, world: World
) -> None:
    """The window closed between our look and theirs: 63016 comes back, the text message goes."""
    with RunningStandin(step_s=0.001) as standin:
        sms = TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", standin.url)
        outbox.put_reply(
            db,
            sid="SM" + "9" * 32,
            customer_id=None,
            phone="whatsapp:" + world.phone,
            body="Hi",
            meaning=None,
            at=MONDAY - timedelta(hours=1),
        )
        plan(db, world, "whatsapp", "sms")
        sender, work_off = sender_of(
            db, {"whatsapp": whatsapp_of(standin), "sms": sms}, ask_after_s=0.0
        )
        work_off()
        assert standin.network.wait_idle(10) and sender.ask_next()
        assert states(db) == [("whatsapp", "undelivered"), ("sms", "planned")]
        reason = row(db, "SELECT reason FROM outreach ORDER BY id")[0]
        assert "only approved words" in reason
        work_off()
        assert states(db) == [("whatsapp", "undelivered"), ("sms", "sent")]


def test_who_blocked_us_is_not_written_to_elsewhere(db: psycopg.Connection, world: World) -> None:
    form = {**inbound(1, "whatsapp:" + world.phone, "Hi"), "To": "whatsapp:" + FROM}
    webhooks.inbound(db, form, MONDAY)
    db.execute("UPDATE reply SET handled_at = now()")
    plan(db, world, "whatsapp", "sms")
    record(db, take(db), Sent("SM" + "1" * 32), MONDAY)
    told = {"MessageSid": "SM" + "1" * 32, "MessageStatus": "undelivered", "ErrorCode": "63014"}
    webhooks.status(db, told, MONDAY)
    assert states(db) == [("whatsapp", "undelivered")]
    assert people.stopped(db, "whatsapp:" + world.phone) is not None


def test_a_lost_answer_to_an_approved_template_is_not_sent_again(
    db: psycopg.Connection, world: World
) -> None:
    with RunningStandin(step_s=0.001) as standin:
        made = standin.exchange.add_content(
            "n", "en", {"twilio/text": {"body": "News for {{1}}"}}, {}, MONDAY, "approved"
        )
        db.execute(
            "INSERT INTO content_template VALUES ('letter', 'en', %s, '{first_name}')", (made.sid,)
        )
        plan(db, world, "whatsapp")
        standin.network.failures.append(Failure("accept_then_500", 1, 0))
        _, work_off = sender_of(db, {"whatsapp": whatsapp_of(standin)})
        work_off()
        assert states(db) == [("whatsapp", "sent")]
        assert len(standin.exchange.all()) == 1


def test_a_picture_goes_along(db: psycopg.Connection, world: World) -> None:
    with RunningStandin(step_s=0.001) as standin:
        sms = TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", standin.url)
        plan(db, world, "sms", media_url="https://care.example.com/r/x/photos/1")
        _, work_off = sender_of(db, {"sms": sms})
        work_off()
        (sent,) = standin.exchange.all()
        assert sent.sid.startswith("MM")
        assert sent.media_urls == ("https://care.example.com/r/x/photos/1",)


# -- e-mail ----------------------------------------------------------------------------------------


class Inbox:
    """A mail server's handler: keeps letters, or says what it is told to say."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.mail, self.rcpt, self.data = "250 OK", "250 OK", "250 OK"
        self.hang_up = False

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        envelope.mail_from = address
        return self.mail

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data.startswith("250"):
            letter = message_from_bytes(envelope.content, policy=default)
            assert isinstance(letter, EmailMessage)
            self.letters.append(letter)
        if self.hang_up:
            server.transport.abort()
        return self.data


@contextmanager
def mail_server() -> Iterator[tuple[Inbox, Email]]:
    inbox = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        server = MailServer("127.0.0.1", port, "none")
        yield inbox, Email(server, "care@lakeside.example", timeout_s=5)
    finally:
        controller.stop()


def test_a_letter_arrives_with_one_click_unsubscribe(db: psycopg.Connection, world: World) -> None:
    with mail_server() as (inbox, email):
        message = plan(db, world, "email")
        _, work_off = sender_of(db, {"email": email})
        work_off()
    (got,) = inbox.letters
    assert got["To"] == "ada@example.com" and got["From"] == "care@lakeside.example"
    assert got["Subject"] == "Lakeside: about your car"
    assert got["Message-ID"] == f"<outreach.{message}@lakeside.example>"
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = got["List-Unsubscribe"].strip("<>")
    assert link.startswith("https://care.example.com/u/")
    plain, html = got.get_body(("plain",)), got.get_body(("html",))
    assert plain is not None and html is not None
    assert "News of your car (k): https://care.example.com/b/" in plain.get_content()
    assert f'<a href="{link}">' in html.get_content()
    assert "STOP" not in plain.get_content(), "STOP is a word for phones"
    sent = "SELECT provider_sid, cost_micros, cost_is_final FROM outreach"
    assert row(db, sent) == (got["Message-ID"], 0, True)


@pytest.mark.parametrize(
    ("rcpt", "data", "expected"),
    [
        ("550 no such user", "250 OK", Refused),
        ("452 too many", "250 OK", Later),
        ("250 OK", "554 spam", Refused),
        ("250 OK", "451 try later", Later),
    ],
)
def test_what_a_mail_server_answers(rcpt: str, data: str, expected: type) -> None:
    with mail_server() as (inbox, email):
        inbox.rcpt, inbox.data = rcpt, data
        got = email.send(HELLO)
    assert isinstance(got, expected)
    assert not isinstance(got, Later) or not got.unsure
    assert inbox.letters == []


def test_a_mail_server_out_of_reach_has_surely_nothing() -> None:
    got = Email(MailServer("127.0.0.1", 9, "none"), "a@b.example", 1).send(HELLO)
    assert isinstance(got, Later) and not got.unsure


def test_a_letter_whose_answer_was_lost_goes_to_a_person_not_out_again(
    db: psycopg.Connection, world: World
) -> None:
    with mail_server() as (inbox, email):
        inbox.hang_up = True
        plan(db, world, "email", "sms")
        db.execute("UPDATE outreach SET purpose = 'reply'")
        _, work_off = sender_of(db, {"email": email})
        work_off()
        assert len(inbox.letters) == 1
    assert states(db) == [("email", "failed")], "and not by another channel: it may have arrived"
    reason = row(db, "SELECT reason FROM outreach")[0]
    assert reason == "The mail server did not confirm it: it may have arrived."
    assert one(db, "SELECT count(*) FROM task WHERE kind = 'reply'") == 1


headers = st.text(alphabet=st.characters(codec="utf-8"), max_size=80)


@given(headers, headers)
def test_no_words_become_a_header(subject: str, body: str) -> None:
    wanted = {"from", "to", "subject", "message-id", "date", "auto-submitted", "mime-version"}
    wanted |= {"list-unsubscribe", "list-unsubscribe-post", "content-type"}
    made = letter(
        Message(1, 1, "a@b.example", body, subject=subject, unsubscribe_url="https://c/u/x"),
        "care@lakeside.example",
    )
    read = message_from_bytes(made.as_bytes(), policy=default)
    assert {name.lower() for name in read} == wanted


@given(st.text(max_size=60))
def test_no_address_becomes_a_command(address: str) -> None:
    unreachable = Email(MailServer("127.0.0.1", 9, "none"), "a@b.example", 1)
    got = unreachable.send(Message(1, 1, address + "\r\nRCPT TO:<x@y.example>", "Hi"))
    assert isinstance(got, Refused)


def test_a_server_without_tls_hears_no_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heard = b""

        def serve() -> None:
            nonlocal heard
            conn, _ = listener.accept()
            with conn:
                conn.sendall(b"220 hello\r\n")
                heard += conn.recv(1000)
                conn.sendall(b"250 plain only\r\n")
                heard += conn.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        server = MailServer("127.0.0.1", listener.getsockname()[1], "starttls", "me", "secret")
        got = Email(server, "a@b.example", 5).send(HELLO)
        thread.join()
    assert isinstance(got, Later) and not got.unsure
    assert b"AUTH" not in heard and b"MAIL" not in heard


# -- WeCom -----------------------------------------------------------------------------------------


@contextmanager
def wecom_server() -> Iterator[tuple[Wecom, WecomClient]]:
    wecom = Wecom({"lin": {"woAda", "woBob"}, "mei": set()}, now=lambda: MONDAY)
    with RunningWecom(wecom) as running:
        yield wecom, WecomClient(wecom.corp_id, wecom.secret, running.url)


TO_ADA = Message(1, 1, "wecom:woAda", "您好", "wecom", sender="lin")


def test_wecom_waits_for_staff_then_tells(db: psycopg.Connection, world: World) -> None:
    with wecom_server() as (wecom, client):
        plan(db, world, "wecom", "sms")
        sender, work_off = sender_of(db, {"wecom": client}, ask_after_s=0.0)
        work_off()
        waits = "SELECT state, reason FROM outreach"
        assert row(db, waits) == ("sent", "It waits for lin to confirm it in WeCom.")
        assert sender.ask_next() and row(db, waits)[0] == "sent"
        (task,) = wecom.tasks.values()
        wecom.confirm(task.msgid)
        db.execute("UPDATE outreach SET asked_at = NULL")
        assert sender.ask_next()
        assert row(db, waits) == ("delivered", None)
        assert wecom.tokens_given == 1, "the token is kept"


def test_wecom_lost_answer_is_looked_for(db: psycopg.Connection, world: World) -> None:
    with wecom_server() as (wecom, client):
        wecom.failures.append("accept_then_500")
        plan(db, world, "wecom")
        _, work_off = sender_of(db, {"wecom": client})
        work_off()
        assert len(wecom.tasks) == 1 and states(db) == [("wecom", "sent")]


def test_wecom_over_the_cap_and_no_contact(db: psycopg.Connection, world: World) -> None:
    with wecom_server() as (wecom, client):
        for n in range(5):
            sent = client.send(TO_ADA)
            assert isinstance(sent, Sent)
            assert client.news(TO_ADA, sent.sid) == News("awaiting_staff")
            wecom.confirm(sent.sid)
            expected = News("delivered") if n < 4 else News("undelivered", 3)
            assert client.news(TO_ADA, sent.sid) == expected
        stranger = Message(2, 1, "wecom:woEve", "您好", "wecom", sender="lin")
        assert isinstance(client.send(stranger), Refused)
        nobody = Message(3, 1, "wecom:woAda", "您好", "wecom")
        assert isinstance(client.send(nobody), Refused)
    for n in range(4):
        plan(db, world, "wecom", key=f"k{n}")
        db.execute(
            "UPDATE outreach SET state = 'delivered', to_phone = 'wecom:woAda', sent_at = %s,"
            " provider_sid = %s WHERE dedupe_key = %s",
            (MONDAY, f"m{n}", f"k{n}"),
        )
    fifth = plan(db, world, "wecom", key="k5")
    assert not isinstance(claim(db, MONDAY, Policy(), PAPER, Lines(NAMES)), Claimed)
    reason = row(db, "SELECT reason FROM outreach WHERE id = %s", fifth)[0]
    assert reason.startswith("WeCom delivers 4 messages a month")


def test_wecom_token_withdrawn_wrong_secret_busy_and_chats() -> None:
    with wecom_server() as (wecom, client):
        assert isinstance(client.send(TO_ADA), Sent)
        wecom.revoke_tokens()
        assert isinstance(client.send(TO_ADA), Sent) and wecom.tokens_given == 2
        wecom.failures.append("busy")
        busy = client.send(TO_ADA)
        assert isinstance(busy, Later) and not busy.unsure and len(wecom.tasks) == 2
        assert client.make_chat("repair7", "Corolla", ["lin", "mei"]) is None
        assert client.make_chat("repair7", "Corolla", ["lin", "mei"]) is None, "harmless twice"
        assert client.write_to_chat("repair7", "Waiting for parts") is None
        assert wecom.said == [("repair7", "Waiting for parts")]
        assert isinstance(client.write_to_chat("repair8", "?"), Refused)
        wecom.secret = "another"
        wecom.revoke_tokens()
        wrong = client.send(TO_ADA)
        assert isinstance(wrong, Later) and wrong.after_s == 60


def test_a_repair_has_a_chat_of_its_own(db: psycopg.Connection, world: World) -> None:
    order = order_of(db, world, MONDAY)
    db.execute(
        "WITH mei AS (INSERT INTO staff (dealer_id, name, email, password_hash, role, wecom_id)"
        " VALUES (%s, 'Mei', 'mei@example.com', 'x', 'technician', 'mei') RETURNING id)"
        " UPDATE technician SET staff_id = mei.id FROM mei WHERE technician.id = ("
        "   SELECT technician_id FROM booking)",
        (world.dealer_id,),
    )
    db.commit()

    def transact(work: Callable[[psycopg.Connection], T]) -> T:
        with db.transaction():
            return work(db)

    with wecom_server() as (wecom, client):
        later = [MONDAY]

        def told() -> int:
            count = 0
            while crew.tell_next(transact, client, later[0]):
                count += 1
            return count

        assert told() == 1 and told() == 0
        chat = f"repair{order.id}"
        assert wecom.said == [(chat, "Received: Toyota Corolla (Diagnosis)")]
        repair.move(db, order.id, "diagnosing", actor="staff:1", now=MONDAY)
        wecom.failures.append("busy")
        assert told() == 1 and len(wecom.said) == 1, "it failed, and is left for a minute"
        assert told() == 0
        later[0] += crew.PAUSE
        assert told() == 1
        assert wecom.said[1:] == [(chat, "Diagnosing: Toyota Corolla (Diagnosis)")]
    assert row(db, "SELECT told, why FROM repair_chat") == ("diagnosing", None)


def test_without_accounts_there_is_no_chat(db: psycopg.Connection, world: World) -> None:
    order_of(db, world, MONDAY)
    with wecom_server() as (wecom, client):
        assert not crew.tell_next(lambda work: work(db), client, MONDAY)
        assert wecom.said == []


def test_wecom_is_asked_under_the_name_of_who_had_it(db: psycopg.Connection, world: World) -> None:
    with wecom_server() as (wecom, client):
        plan(db, world, "wecom")
        sender, work_off = sender_of(db, {"wecom": client}, ask_after_s=0.0)
        work_off()
        db.execute("UPDATE staff SET wecom_id = 'mei' WHERE wecom_id = 'lin'")
        (task,) = wecom.tasks.values()
        wecom.confirm(task.msgid)
        assert sender.ask_next()
        assert row(db, "SELECT state, sent_by FROM outreach") == ("delivered", "lin")


class Liar(BaseHTTPRequestHandler):
    """A provider that gives a good token, and then says what it is told to say."""

    says: ClassVar[tuple[int, bytes]] = (200, b"{}")

    def do_GET(self) -> None:
        token = 200, b'{"access_token": "t"}'
        self._answer(*(token if "gettoken" in self.path else self.says))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(*self.says)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def liar() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


NONSENSE = (
    b"",
    b"<html>",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"x":' * 100_000,
    b'{"errcode": "no"}',
    b'{"errcode": null}',
    b'{"errcode": 1e400}',
    b'{"msgid": 7}',
    b'{"fail_list": "woAda"}',
    b'{"send_list": [7], "group_msg_list": [{}]}',
    b'{"send_list": [{"status": 1}], "group_msg_list": [{"msgid": "m", "text": "x"}]}',
    b'{"next_cursor": "again"}',
)


@pytest.mark.parametrize("body", NONSENSE, ids=lambda body: repr(body[:30]))
def test_nonsense_from_a_provider_is_unsure_never_a_crash_nor_a_second_send(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(Liar, "says", (200, body))
    asked = Message(1, 1, "wecom:woAda", "您好", "wecom", sender="lin", sending_at=MONDAY)
    with liar() as url:
        wecom = WecomClient("ww1", "s", url, 5)
        sms = TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", url, 5)
        for got in (wecom.send(asked), sms.send(HELLO)):
            assert isinstance(got, Later) and got.unsure
        looked = wecom.look(asked)
        assert looked == [] or (isinstance(looked, Later) and looked.unsure)
        assert isinstance(sms.look(HELLO), Later)
        news = wecom.news(asked, "m")
        assert isinstance(news, Later) or news == News("awaiting_staff")
        assert isinstance(sms.news(HELLO, "SM1"), Later)


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(
    "body", [*NONSENSE, b'{"code": "x", "message": 7}'], ids=lambda body: repr(body[:30])
)
def test_nonsense_as_an_error_is_no_crash(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
) -> None:
    monkeypatch.setattr(Liar, "says", (status, body))
    with liar() as url:
        sms = TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", url, 5)
        assert isinstance(sms.send(HELLO), Later | Refused)
        assert isinstance(sms.look(HELLO), Later) and isinstance(sms.news(HELLO, "SM1"), Later)


@pytest.mark.parametrize(("status", "unsure"), [(429, False), (500, True), (503, True)])
def test_a_provider_that_is_busy_or_broken(
    monkeypatch: pytest.MonkeyPatch, status: int, unsure: bool
) -> None:
    monkeypatch.setattr(Liar, "says", (status, b"<html>"))
    with liar() as url:
        for got in (
            WecomClient("ww1", "s", url, 5).send(TO_ADA),
            TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", url, 5).send(HELLO),
        ):
            assert isinstance(got, Later) and got.unsure is unsure, got


def test_a_list_without_end_does_not_say_that_a_message_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Liar, "says", (200, b'{"next_cursor": "again"}'))
    asked = Message(1, 1, "wecom:woAda", "您好", "wecom", sender="lin", sending_at=MONDAY)
    with liar() as url:
        got = WecomClient("ww1", "s", url, 5).look(asked)
    assert got == Later("WeCom's list has no end.", unsure=True)


def test_a_mail_server_that_does_not_know_us_spoils_no_letter() -> None:
    with mail_server() as (inbox, email):
        inbox.mail = "550 sender not allowed"
        got = email.send(HELLO)
    assert isinstance(got, Later) and not got.unsure and "MAIL_FROM" in got.reason


def test_every_channel_answers_when_its_provider_is_gone() -> None:
    gone = "http://127.0.0.1:9"
    client = WecomClient("ww1", "s", gone, 1)
    assert client.send(TO_ADA) == Later("WeCom could not be reached.", unsure=False)
    sms = TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", gone, 1)
    assert isinstance(sms.news(HELLO, "SM1"), Later)
    email = Email(MailServer("127.0.0.1", 9, "none"), "a@b.example", 1)
    assert isinstance(email.look(HELLO), Lost) and isinstance(email.news(HELLO, "x"), Later)
