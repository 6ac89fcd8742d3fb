"""Each message once: the real Twilio client, a stand-in with Twilio's manners, real rows."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import psycopg
import pytest

from care import engine, webhooks
from care.channels.contract import Channel, Kept, Later, Lost, Message, News, Refused, Sent
from care.channels.twilio_sms import TwilioSms
from care.outreach import Policy
from care.sender import Claimed, Sender, claim, match
from record.clock import Scale, set_scale
from simulators.twilio_standin import RunningStandin
from simulators.twilio_standin.network import Failure
from tests.care.world import FROM, MONDAY, PAPER, TOKEN, World, build, find
from tests.conftest import StartRoom, eventually

SID = "AC00000000000000000000000000000001"
T = TypeVar("T")


@contextmanager
def callbacks(database: str) -> Iterator[str]:
    """The api's status webhook in small: checks the signature, writes, commits."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            params = dict(parse_qsl(form, keep_blank_values=True))
            signature = self.headers["X-Twilio-Signature"]
            assert webhooks.valid(TOKEN, url + webhooks.STATUS_PATH, params, signature)
            assert not webhooks.valid(TOKEN, url + "/elsewhere", params, signature)
            assert not webhooks.valid(TOKEN, url + webhooks.STATUS_PATH, params, "x" + signature)
            with psycopg.connect(database) as conn:
                webhooks.status(conn, params, MONDAY)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sender_for(conn: psycopg.Connection, url: str, public: str, settle_after_s: float) -> Sender:
    def transact(work: Callable[[psycopg.Connection], T]) -> T:
        with conn.transaction():
            return work(conn)

    sms = TwilioSms(SID, TOKEN, FROM, public + webhooks.STATUS_PATH, url, timeout_s=0.5)
    return Sender(transact, {"sms": sms}, lambda: MONDAY, Policy(), PAPER, settle_after_s)


def plan(conn: psycopg.Connection, world: World) -> None:
    """One planned message for each customer."""
    for number, car in enumerate(world.vehicles):
        find(conn, car, MONDAY, cause=f"dtc_p1{number:03d}")  # each its own: no fleet incident
    while engine.turn(conn, lambda: MONDAY):
        pass


def plan_letters(conn: psycopg.Connection) -> None:
    """One planned message for each customer, the quick way: an advisor's letter to all."""
    conn.execute(
        """
        INSERT INTO outreach (customer_id, channel, purpose, template, dedupe_key, body, state,
            answers_at, planned_at, not_before)
        SELECT id, 'sms', 'reply', 'advisor', 'letter:' || id, 'Dear ' || name || ': {link}',
            'planned', %(at)s, %(at)s, %(at)s
        FROM customer
        """,
        {"at": MONDAY},
    )
    conn.commit()


def texts(standin: RunningStandin) -> Counter[str]:
    """How many messages each phone was sent."""
    return Counter(m.to for m in standin.exchange.all() if m.direction == "outbound-api")


def states(conn: psycopg.Connection) -> dict[str, int]:
    conn.commit()
    return dict(conn.execute("SELECT state, count(*) FROM outreach GROUP BY 1").fetchall())


def work_off(conn: psycopg.Connection, sender: Sender) -> None:
    """Send and settle until nothing is open; pauses are cut short."""

    def nothing_left() -> bool:
        while sender.settle_next() or sender.send_next():
            pass
        conn.execute("UPDATE setback SET next_at = clock_timestamp()")
        conn.commit()
        return not {"planned", "sending"} & states(conn).keys()

    eventually(nothing_left, "every message is settled")


def test_delivered_with_callbacks_twice_and_out_of_order(
    database: str, db: psycopg.Connection
) -> None:
    world = build(db, customers=8)
    plan(db, world)
    with callbacks(database) as public, RunningStandin() as standin:
        standin.network.callbacks.copies = 2
        standin.network.callbacks.reorder = True
        standin.exchange.phone(world.phones[1]).outcome = 30003
        standin.exchange.phone(world.phones[2]).outcome = "not_mobile"
        standin.exchange.phone(world.phones[3]).outcome = 30006
        standin.exchange.receive(world.phones[4], FROM, "STOP", (), datetime.now(UTC))
        sender = sender_for(db, standin.url, public, settle_after_s=60)
        while sender.send_next():
            pass
        assert standin.network.wait_idle(20)
        assert all(d.status == 204 for d in standin.network.deliveries)
    assert states(db) == {"delivered": 4, "undelivered": 2, "failed": 2}
    reasons = [r for (r,) in db.execute("SELECT reason FROM outreach WHERE reason IS NOT NULL")]
    assert sorted(reasons) == [
        "It was not delivered: the number is a landline.",
        "It was not delivered: the phone was off or out of reach.",
        "The number said STOP (Twilio 21610).",
        f"Twilio refused it: To number: {world.phones[2]}, is not a mobile number (21614).",
    ]
    calls = db.execute("SELECT count(*) FROM task WHERE kind = 'call'").fetchone()
    assert calls == (4,), "whoever can't be written to is called"
    stopped = db.execute("SELECT phone, source FROM suppression").fetchall()
    assert stopped == [(world.phones[4], "Twilio 21610")]


def test_every_kind_of_trouble_and_each_message_once(database: str, db: psycopg.Connection) -> None:
    world = build(db, customers=30)
    plan(db, world)
    with callbacks(database) as public, RunningStandin(step_s=0.01) as standin:
        kinds = ("500", "429", "slow", "accept_then_timeout", "accept_then_500") * 2
        standin.network.failures.extend(
            Failure(kind, 1, 0.8)  # type: ignore[arg-type]  # longer than our time-out
            for kind in kinds
        )
        work_off(db, sender_for(db, standin.url, public, settle_after_s=1.5))
        assert standin.network.wait_idle(20)
        assert texts(standin) == Counter(dict.fromkeys(world.phones, 1))
    assert eventually(lambda: states(db).get("delivered") == 30, "all delivered")


class Crash(BaseException):
    """The process dies here."""


class Fragile:
    """Dies just before or just after the call, at random."""

    longest, media, tells = 1600, True, False

    def __init__(self, inner: Channel, dice: random.Random) -> None:
        self.inner = inner
        self.dice = dice

    def send(self, message: Message) -> Sent | Later | Refused:
        fate = self.dice.random()
        if fate < 0.1:
            raise Crash
        result = self.inner.send(message)
        if fate < 0.2:
            raise Crash
        return result

    def look(self, message: Message) -> Sequence[Kept] | Later | Lost:
        if self.dice.random() < 0.2:
            raise Crash
        return self.inner.look(message)

    def news(self, message: Message, sid: str) -> News | Later:
        return self.inner.news(message, sid)


def test_a_sender_that_dies_at_any_step_sends_nothing_twice(
    database: str, db: psycopg.Connection
) -> None:
    world = build(db, customers=200)
    plan_letters(db)
    dice = random.Random(7)
    deaths = 0
    with RunningStandin(step_s=0.001) as standin:

        def transact(work: Callable[[psycopg.Connection], T]) -> T:
            with db.transaction():
                result = work(db)
                if dice.random() < 0.03:
                    raise Crash  # before the commit
            if dice.random() < 0.03:
                raise Crash  # after it
            return result

        sms = Fragile(TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", standin.url), dice)
        sender = Sender(transact, {"sms": sms}, lambda: MONDAY, Policy(), PAPER, 30)
        while {"planned", "sending"} & states(db).keys():
            try:
                while sender.settle_next() or sender.send_next():
                    pass
                db.execute("UPDATE setback SET next_at = clock_timestamp()")
                db.execute("UPDATE outreach SET sending_at = sending_at - interval '31 s'")
            except Crash:
                deaths += 1
        assert texts(standin) == Counter(dict.fromkeys(world.phones, 1))
    assert deaths > 40
    assert states(db) == {"sent": 200}


def test_killed_care_processes_send_nothing_twice(
    database: str, db: psycopg.Connection, room: StartRoom
) -> None:
    set_scale(db, Scale(datetime.now(UTC), MONDAY, 1.0))
    world = build(db, customers=240)
    plan_letters(db)
    dice = random.Random(3)
    with callbacks(database) as public, RunningStandin(step_s=0.01) as standin:
        for _ in range(60):  # one in a few requests is slow, refused, or answered and lost
            kind = dice.choice(["slow", "429", "500", "accept_then_500", "accept_then_timeout"])
            standin.network.failures.append(Failure("slow", dice.randint(1, 4), 0.01))
            standin.network.failures.append(Failure(kind, 1, 0.3))  # type: ignore[arg-type]
        env: dict[str, Any] = {
            "SECRET_KEY": "0123456789abcdef0123",
            "PUBLIC_URL": public,
            "TWILIO_ACCOUNT_SID": SID,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM": FROM,
            "TWILIO_API_URL": standin.url,
            "SETTLE_AFTER_S": "3",
        }
        rooms = [room("care", **env), room("care", **env)]
        kills = 0
        while kills < 6:
            before = sum(texts(standin).values())
            step = dice.randint(1, 20)
            eventually(
                lambda: sum(texts(standin).values()) >= min(before + step, 240),  # noqa: B023
                "some more messages",
                60,
            )
            victim = dice.randrange(2)
            rooms[victim].kill9()
            kills += 1
            rooms[victim] = room("care", wait=False, **env)
        eventually(lambda: states(db).get("delivered") == 240, "every message is delivered", 120)
        assert texts(standin) == Counter(dict.fromkeys(world.phones, 1))
        eventually(rooms[0].healthy, "care is healthy")
        assert [r.stop() for r in rooms] == [0, 0]


def test_two_senders_never_claim_one_message(database: str, db: psycopg.Connection) -> None:
    world = build(db, customers=1)
    plan(db, world)
    db.execute("INSERT INTO customer (dealer_id, name, time_zone) VALUES (1, 'x', 'UTC')")
    db.commit()
    with psycopg.connect(database) as other:
        first = claim(db, MONDAY, Policy(), PAPER)
        assert isinstance(first, Claimed)
        assert claim(other, MONDAY, Policy(), PAPER) is None
        db.commit()
        assert claim(other, MONDAY, Policy(), PAPER) is None


def test_a_number_gets_one_message_at_a_time(db: psycopg.Connection) -> None:
    world = build(db, customers=1)
    find(db, world.vehicle_id, MONDAY)
    find(db, world.vehicle_id, MONDAY, cause="coolant_overheat", urgency="stop")
    engine.turn(db, lambda: MONDAY)
    assert isinstance(claim(db, MONDAY, Policy(), PAPER), Claimed)
    second = claim(db, MONDAY, Policy(), PAPER)
    assert second is not None and not isinstance(second, Claimed)
    assert second.code == "number is busy"


def test_a_sender_held_up_lets_its_claim_go(db: psycopg.Connection) -> None:
    world = build(db)
    plan(db, world)
    ticks = iter([0.0, 31.0])

    def transact(work: Callable[[psycopg.Connection], T]) -> T:
        with db.transaction():
            return work(db)

    class Never:
        longest, media, tells = 1600, True, False

        def send(self, message: Message) -> Sent:
            pytest.fail("it may be someone else's by now")

        def look(self, message: Message) -> list[Kept]:
            return []

        def news(self, message: Message, sid: str) -> News:
            return News("sent")

    never = {"sms": Never()}
    sender = Sender(transact, never, lambda: MONDAY, Policy(), PAPER, 60, lambda: next(ticks))
    assert sender.send_next()
    assert states(db) == {"sending": 1}


def test_twilio_out_of_reach(db: psycopg.Connection) -> None:
    sms = TwilioSms(SID, TOKEN, FROM, "http://127.0.0.1:9/s", "http://127.0.0.1:9", timeout_s=1)
    hi = Message(1, 1, "+13126660000", "Hi")
    got = sms.send(hi)
    assert got == Later("Twilio could not be reached.", unsure=False)
    assert isinstance(sms.look(hi), Later)
    with RunningStandin() as standin:
        wrong = TwilioSms(SID, "wrong", FROM, "http://127.0.0.1:9/s", standin.url)
        refused = wrong.send(hi)
        assert isinstance(refused, Later) and not refused.unsure and refused.after_s == 60


def test_what_may_be_the_same_message_is_not_sent_again() -> None:
    kept = [Kept("SM1", 'Sent from your Twilio trial account - It\'s here - "Hi"')]
    assert match("It’s here – “Hi”", kept, set()) == ["SM1"]
    assert match("It’s here – “Ho”", kept, set()) == []
    assert match("👍", [Kept("SM1", "👎")], set()) == []
