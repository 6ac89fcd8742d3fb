"""Thousands of messages, senders that die at random, a Twilio that is slow, wrong and repetitive.

None twice, none at night in forty time zones over two changes of the clocks, none after STOP, and
every one that was not sent says why. `make test` sends 1,000; ``make chaos`` sends 10,000.

The real Twilio client talks to the stand-in's exchange in this process: sockets are tested
elsewhere, and would triple the time. Story time stands still while senders work, and jumps to when
something is due next.
"""

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import psycopg
from requests.exceptions import ReadTimeout
from twilio.http import HttpClient
from twilio.http.response import Response

from care import webhooks
from care.channels.twilio_sms import TwilioSms
from care.outreach import Policy
from care.sender import Sender
from simulators.twilio_standin.messages import Account, ApiError, Exchange, Message
from tests.care.world import FROM, PAPER, TOKEN, build, inbound

SID = "AC00000000000000000000000000000001"
MESSAGES = int(os.environ.get("CHAOS_MESSAGES", "1000"))
BEGINS = datetime(2026, 10, 24, 12, tzinfo=UTC)
"""Clocks go back in Europe on October 25, in America on November 1."""

ZONES = [
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Auckland",
    "Asia/Kamchatka",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Asia/Tokyo",
    "Asia/Shanghai",
    "Australia/Eucla",
    "Asia/Bangkok",
    "Asia/Yangon",
    "Asia/Dhaka",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Karachi",
    "Asia/Kabul",
    "Asia/Dubai",
    "Asia/Tehran",
    "Europe/Istanbul",
    "Africa/Nairobi",
    "Asia/Beirut",
    "Africa/Cairo",
    "Europe/Helsinki",
    "Europe/Berlin",
    "Africa/Casablanca",
    "Europe/London",
    "Atlantic/Azores",
    "America/Nuuk",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Halifax",
    "America/New_York",
    "America/Havana",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
]

T = TypeVar("T")


class Crash(BaseException):
    """The process dies here."""


class Story:
    """A clock that stands still."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Trouble(HttpClient):  # type: ignore[misc]  # twilio has no types
    """Twilio's client, carried to the exchange by hand; answers are late, wrong, or lost."""

    def __init__(self, exchange: Exchange, story: Story, dice: random.Random) -> None:
        super().__init__(None, False, None)
        self.exchange = exchange
        self.story = story
        self.dice = dice
        self.told: list[dict[str, str]] = []

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Response:
        with self.exchange.lock:
            luck = self.dice.random()
        if method == "GET":
            if luck < 0.1:
                raise ReadTimeout
            query = {**dict(parse_qsl(urlsplit(url).query)), **(params or {})}
            found = self.exchange.find(to=query["To"], sender=query["From"])[:50]
            page = {"messages": [m.resource() for m in found], "next_page_uri": None}
            return Response(200, json.dumps(page))
        if luck < 0.03:
            raise Crash
        if luck < 0.06:
            return Response(429, json.dumps(ApiError(429, 20429, "Too Many Requests").body()))
        if luck < 0.09:
            return Response(500, json.dumps(ApiError(500, 20500, "Internal Server Error").body()))
        form = [(k, v) for k, v in dict(data or {}).items() if isinstance(v, str)]
        try:
            made = self.exchange.create(form, self.story.now())
        except ApiError as error:
            return Response(error.status, json.dumps(error.body()))
        self._will_tell(made)
        if luck < 0.12:
            raise Crash  # after Twilio took it
        if luck < 0.15:
            raise ReadTimeout  # too slow an answer
        if luck < 0.18:
            return Response(500, json.dumps(ApiError(500, 20500, "Internal Server Error").body()))
        return Response(201, json.dumps(made.resource()))

    def _will_tell(self, made: Message) -> None:
        """Its callbacks, some of them twice, to be told in any order at any time."""
        end = "undelivered" if int(made.to[-2:]) % 25 == 0 else "delivered"
        with self.exchange.lock:
            for status in ("queued", "sent", end):
                told = {"MessageSid": made.sid, "MessageStatus": status, "To": made.to}
                if status == "undelivered":
                    told["ErrorCode"] = "30003"
                self.told += [told] * self.dice.randint(1, 2)


def plan_all(conn: psycopg.Connection, at: datetime, wave: str) -> None:
    """One message to each customer, each with words of its own; an answer now and then."""
    conn.execute(
        """
        INSERT INTO outreach (customer_id, channel, purpose, template, dedupe_key, body, state,
            answers_at, planned_at, not_before)
        SELECT id, 'sms', CASE id %% 7 WHEN 0 THEN 'reply' ELSE 'service' END, 'letter',
            %(wave)s || id, 'Hello ' || %(wave)s || id, 'planned', NULL, %(at)s, %(at)s
        FROM customer
        """,
        {"at": at, "wave": wave},
    )
    conn.commit()


def life(
    database: str, http: Trouble, story: Story, dice: random.Random, deaths: list[int]
) -> None:
    """One sender after another, each until it dies, until nothing is due."""
    lock = http.exchange.lock

    def unlucky() -> bool:
        with lock:
            return dice.random() < 0.01

    while True:
        with psycopg.connect(database) as conn:

            def transact(
                work: Callable[[psycopg.Connection], T],
                conn: psycopg.Connection = conn,
            ) -> T:
                with conn.transaction():
                    result = work(conn)
                    if unlucky():
                        raise Crash  # before the commit
                if unlucky():
                    raise Crash  # after it
                return result

            callback = "http://127.0.0.1:9/twilio/status"
            sms = TwilioSms(SID, TOKEN, FROM, callback, http=http)
            sender = Sender(transact, {"sms": sms}, story.now, Policy(), PAPER, 600)
            try:
                while sender.settle_next() or sender.send_next():
                    pass
                return
            except Crash:
                deaths.append(1)


def tell_some(conn: psycopg.Connection, http: Trouble, story: Story, share: float) -> None:
    """Twilio's callbacks, in no order."""
    with http.exchange.lock:
        http.dice.shuffle(http.told)
        n = round(len(http.told) * share)
        now, http.told = http.told[:n], http.told[n:]
    for told in now:
        webhooks.status(conn, told, story.now())
        if http.dice.random() < 0.1:
            webhooks.status(conn, told, story.now())
    conn.commit()


def test_none_twice_none_at_night_none_after_stop_and_every_silence_has_its_reason(
    database: str, db: psycopg.Connection
) -> None:
    dice = random.Random(20261025)
    story = Story(BEGINS)
    people = MESSAGES // 2
    build(db, customers=people)
    # numbers without an area code that would tell the law of another place
    db.execute("UPDATE customer SET phone = '+49151' || (23000000 + id)")
    db.execute(
        "UPDATE customer SET time_zone = (%s::text[])[1 + id %% 40], region = NULL", (ZONES,)
    )
    db.execute("UPDATE consent SET granted = false WHERE customer_id % 50 = 3")
    zones: dict[str, str] = dict(db.execute("SELECT phone, time_zone FROM customer").fetchall())
    assert len(set(zones.values())) == 40
    phones = sorted(zones)
    plan_all(db, BEGINS, "first")
    exchange = Exchange(Account(SID, TOKEN))
    http = Trouble(exchange, story, dice)
    deaths: list[int] = []
    stops: dict[str, int] = {}
    second = datetime(2026, 10, 31, 12, tzinfo=UTC)
    n = 0
    while True:
        threads = [
            threading.Thread(target=life, args=(database, http, story, dice, deaths))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            # meanwhile some say STOP: Twilio knows it first, then we
            phone = dice.choice(phones)
            if phone not in stops and len(stops) < people // 20:
                n += 1
                with exchange.lock:
                    exchange.receive(phone, FROM, "STOP", (), story.now())
                    stops[phone] = len(exchange.all())
                webhooks.inbound(db, inbound(n, phone, "STOP"), story.now())
                db.execute("UPDATE reply SET handled_at = now()")
                db.commit()
            threads[0].join(0.05)
            threads[1].join(0.05)
        tell_some(db, http, story, 0.7)
        db.execute("UPDATE setback SET next_at = clock_timestamp()")
        stuck = db.execute(
            "UPDATE outreach SET sending_at = sending_at - interval '601 s' WHERE state = 'sending'"
        ).rowcount
        row = db.execute("SELECT min(not_before) FROM outreach WHERE state = 'planned'").fetchone()
        db.commit()
        assert row is not None
        if stuck or (row[0] is not None and row[0] <= story.at):
            continue
        if row[0] is not None:
            story.at = row[0]
        elif story.at < second:
            story.at = second
            plan_all(db, second, "second")
        else:
            break
    tell_some(db, http, story, 1.0)

    sent = [m for m in exchange.all() if m.direction == "outbound-api"]
    words = [m.body.split(" ")[1] for m in sent]
    twice = [word for word, count in Counter(words).items() if count > 1]
    assert twice == []
    for message in sent:
        local = message.date_created.astimezone(ZoneInfo(zones[message.to])).time()
        assert time(9) <= local < time(20), (message.to, message.date_created)
    order = {m.sid: place for place, m in enumerate(exchange.all())}
    late = [m for m in sent if m.to in stops and order[m.sid] >= stops[m.to]]
    assert late == []
    rows = db.execute("SELECT state, count(*) FROM outreach GROUP BY 1").fetchall()
    outcome: dict[str, int] = dict(rows)
    assert outcome.keys() <= {"delivered", "undelivered", "failed", "dropped"}
    assert sum(outcome.values()) == 2 * people
    assert outcome["delivered"] + outcome["undelivered"] == len(sent)
    silent = (
        "SELECT count(*) FROM outreach WHERE state <> 'delivered' AND coalesce(reason, '') = ''"
    )
    assert db.execute(silent).fetchone() == (0,)
    assert len(deaths) > MESSAGES / 40 and len(stops) > people / 40
    assert len(sent) > MESSAGES * 0.8
    assert timedelta(days=7) < story.at - BEGINS < timedelta(days=12)
