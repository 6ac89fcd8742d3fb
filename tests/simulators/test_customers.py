"""Customers on real (simulated) telephones: who answers what, when, and how often."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.words import Choice, Says, Unclear, keyword, understand
from simulators.customers import HABITS, SAY_ONCE, WORDS, Customer, Customers, Did, Heard
from simulators.twilio_standin.messages import Account
from simulators.twilio_standin.server import DEMO_SID, DEMO_TOKEN, RunningStandin

OURS = "+16175550199"
NOON = datetime(2026, 3, 3, 17, tzinfo=UTC)
"""In Boston."""

OFFER = "Your car needs us. Reply 1 for Tue 9:00, 2 for Tue 13:30. Reply STOP to opt out."


class Phones:
    """The telephone network, as seen from the dealer."""

    def __init__(self) -> None:
        self._running = RunningStandin(account=Account(DEMO_SID, DEMO_TOKEN, (OURS,)), step_s=0.0)

    def __enter__(self) -> Phones:
        self.url = self._running.__enter__().url
        self._http = httpx.Client(base_url=self.url, auth=(DEMO_SID, DEMO_TOKEN))
        self._owners: list[Customers] = []
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        for owners in self._owners:
            owners._http.close()
            owners._browser.close()
        self._running.__exit__(*_)

    def forget(self) -> None:
        """Nobody ever wrote to anybody."""
        self._http.post("/_standin/reset").raise_for_status()

    def of(self, *customers: Customer, seed: int = 1) -> Customers:
        """Their owners; they hang up when the network does."""
        self._owners.append(Customers(self.url, list(customers), seed))
        return self._owners[-1]

    def text(self, phone: str, body: str = OFFER) -> str:
        """Send a text; it has arrived when this returns."""
        form = {"To": phone, "From": OURS, "Body": body}
        sent = self._http.post(f"/2010-04-01/Accounts/{DEMO_SID}/Messages.json", data=form)
        assert self._http.post("/_standin/idle").json()["idle"]
        return str(sent.raise_for_status().json()["sid"])

    def answers(self, phone: str) -> list[str]:
        """What the phone's owner wrote so far."""
        assert self._http.post("/_standin/idle").json()["idle"]
        chat = self._http.get(f"/_standin/phones/{phone}/chat").json()
        return [one["body"] for one in chat if not one["incoming"]]


@pytest.fixture(scope="module")
def network() -> Iterator[Phones]:
    with Phones() as phones:
        yield phones


@pytest.fixture
def phones(network: Phones) -> Phones:
    """All telephones are new."""
    network.forget()
    return network


def phone(number: int) -> str:
    return f"+161755501{number:02}"


def people(*habits: str) -> list[Customer]:
    return [Customer(f"P {n}", phone(n), habit) for n, habit in enumerate(habits)]


def until_done(customers: Customers, now: datetime) -> tuple[list[Heard | Did], datetime]:
    """Live from one planned answer to the next."""
    told = customers.step(now)
    while (at := customers.next_at) is not None:
        assert at > now
        assert customers.step(at - timedelta(seconds=1)) == []
        now = at
        told += customers.step(now)
    return told, now


@pytest.mark.parametrize("habit", sorted(WORDS))
def test_each_answers_in_their_own_words_once(phones: Phones, habit: str) -> None:
    customers = phones.of(*people(habit))
    sid = phones.text(phone(0))
    told, ended = until_done(customers, NOON)
    assert told[0] == Heard(NOON, phone(0), sid, OFFER, automatic=False)
    assert [one for one in told if isinstance(one, Did)] == [Did(ended, phone(0), habit)]
    assert phones.answers(phone(0)) == [WORDS[habit]]
    if habit == "next_day":
        assert timedelta(hours=12) <= ended - NOON <= timedelta(hours=48)
    else:
        assert timedelta() < ended - NOON < timedelta(hours=20)
    if habit == "stop":
        return  # no text reaches them any more
    phones.text(phone(0), "Are you there? " + OFFER)
    until_done(customers, ended)
    assert len(phones.answers(phone(0))) == (1 if habit in SAY_ONCE else 2)


def test_some_never_answer(phones: Phones) -> None:
    customers = phones.of(*people("never"))
    sid = phones.text(phone(0))
    [heard] = customers.step(NOON)
    assert isinstance(heard, Heard) and heard.sid == sid
    assert customers.next_at is None and customers.step(NOON + timedelta(days=9)) == []
    assert phones.answers(phone(0)) == []


def test_every_text_is_heard_once_and_only_choices_are_answered(phones: Phones) -> None:
    customers = phones.of(*people("first"))
    sids = [phones.text(phone(0), body) for body in ("Booked!", "See you at 9:00", OFFER)]
    told = customers.step(NOON)
    assert [one.sid for one in told if isinstance(one, Heard)] == sids
    told, _ = until_done(customers, NOON)
    assert [type(one) for one in told] == [Did]
    assert phones.answers(phone(0)) == ["1"]


def test_the_networks_own_answer_to_stop_is_automatic(phones: Phones) -> None:
    customers = phones.of(*people("stop"))
    phones.text(phone(0))
    _, ended = until_done(customers, NOON)
    assert phones.answers(phone(0)) == ["STOP"]
    told = customers.step(ended)
    assert [(one.automatic, one.phone) for one in told if isinstance(one, Heard)] == [
        (True, phone(0))
    ]
    assert customers.next_at is None


def test_what_was_answered_before_is_not_answered_again(phones: Phones) -> None:
    """The demo's town is restarted: its people go on from the last text that they sent."""
    phones.text(phone(0))
    customers = phones.of(*people("first"))
    until_done(customers, NOON)
    again = phones.of(*people("first"))
    assert again.step(NOON) == [] and again.next_at is None
    phones.text(phone(0))
    assert len(again.step(NOON)) == 1 and again.next_at is not None


def test_what_came_before_the_town_lived_is_answered(phones: Phones) -> None:
    """Care may write before the town is up: nobody loses that text."""
    phones.text(phone(0))
    customers = phones.of(*people("first"))
    assert len(customers.step(NOON)) == 1
    until_done(customers, NOON)
    assert phones.answers(phone(0)) == ["1"]


def test_strangers_are_left_alone(phones: Phones) -> None:
    customers = phones.of(*people("first"))
    phones.text(phone(50))
    assert customers.step(NOON) == [] and customers.next_at is None


def test_the_same_whatever_the_order_and_however_often_one_looks(phones: Phones) -> None:
    """Answers depend on the seed, the phone, and the text: not on whom the server names first."""
    habits = ("first", "words", "next_day", "question", "never", "second", "angry", "sold")
    lives = []
    for shuffled, often in ((0, False), (1, True), (2, False)):
        phones.forget()
        who = people(*habits)
        random.Random(shuffled).shuffle(who)
        customers = phones.of(*who, seed=5)
        for one in random.Random(shuffled + 9).sample(who, len(who)):
            phones.text(one.phone)
            if often:
                customers.read(NOON)
        told, _ = until_done(customers, NOON)
        lives.append([one for one in told if isinstance(one, Did)])
    assert len(lives[0]) == len(habits) - 1
    assert lives[0] == lives[1] == lives[2]
    assert lives[0] == sorted(lives[0], key=lambda one: one.at)


def test_another_seed_is_another_minute(phones: Phones) -> None:
    both = [phones.of(*people("first"), seed=seed) for seed in (1, 2)]
    phones.text(phone(0))
    for one in both:
        one.read(NOON)
    assert both[0].next_at != both[1].next_at


@given(
    hours=st.floats(0, 24 * 365),
    late=st.floats(0, 120),
    zone=st.sampled_from(("America/New_York", "America/Phoenix", "America/Denver")),
)
def test_nobody_answers_in_their_sleep(hours: float, late: float, zone: str) -> None:
    asked = NOON + timedelta(hours=hours)
    at = Customer("A", phone(1), "first", time_zone=zone).awake(asked, late)
    assert asked <= at <= asked + timedelta(hours=12)
    assert 7 <= at.astimezone(ZoneInfo(zone)).hour < 22


def test_what_the_product_makes_of_their_words() -> None:
    """Habits that should book do, those that should not don't, and STOP in anger is STOP."""
    meant = {
        habit: keyword(words) or understand(words, 3, NOON.date()) for habit, words in WORDS.items()
    }
    assert meant == {
        "first": Choice(1),
        "second": Choice(2),
        "words": Choice(2),
        "next_day": Choice(1),
        "question": Unclear(),
        "sold": Says("sold"),
        "wrong_number": Says("wrong number"),
        "angry": "stop",
        "stop": "stop",
    }
    assert set(WORDS) | {"page", "never"} == set(HABITS)


def test_who_asked_and_is_answered_opens_the_link(phones: Phones) -> None:
    one = Customer("Omar", "+16175550123", "question")
    owners = phones.of(one)
    phones.text(one.phone)
    assert [type(told) for told in owners.step(NOON)] == [Heard]
    asked = owners.next_at
    assert asked
    assert [told.what for told in owners.step(asked) if isinstance(told, Did)] == ["question"]
    phones.text(one.phone, "An hour. Times: http://127.0.0.1:9/b/abc")
    owners.read(asked)
    assert [answer.follows for answer in owners._planned] == [True]
    phones.text(one.phone)
    owners.read(asked)
    assert len(owners._planned) == 1, "and does not ask again"
