"""How customers answer a text: soon or late, by number, in words, on the page, or not at all."""

import html
import logging
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

log = logging.getLogger(__name__)

HABITS = (
    "first",
    "second",
    "words",
    "page",
    "question",
    "next_day",
    "angry",
    "sold",
    "wrong_number",
    "stop",
    "never",
)
"""Answers with 1, with 2, in words, on the slot page, with a question, with 1 a day later, angrily,
that the car is sold, that the number is wrong, with STOP, or not at all."""

WORDS = {
    "first": "1",
    "second": "2",
    "words": "The second one please",
    "question": "How long will that take, and what will it cost?",
    "next_day": "1",
    "angry": "Stop bothering me with these messages!!",
    "sold": "I sold that car last month",
    "wrong_number": "Wrong number, I have no such car",
    "stop": "STOP",
}

SAY_ONCE = frozenset({"angry", "sold", "wrong_number", "stop", "question"})
"""Who said that has said it."""

_LINK = re.compile(r"https?://\S+/b/[\w.~-]+")
_SLOT = re.compile(r'name="slot"\s+value="([^"]+)"')


def offers_times(text: str) -> bool:
    """Whether a text asks for a choice.

    Examples
    --------
    >>> offers_times("Reply 1 for Tue 9:00, 2 for Tue 13:30"), offers_times("See you Tuesday!")
    (True, False)
    """
    return re.search(r"\b1\b.*\b2\b", text, re.DOTALL) is not None


@dataclass(slots=True)
class Customer:
    """One telephone and its owner's ways.

    Parameters
    ----------
    name : str
    phone : str
        E.164.
    habit : str
        One of `HABITS`.
    read : int
        Messages of the chat that were read already.
    time_zone : str
        Where they sleep from ten to seven: nobody answers then.
    """

    name: str
    phone: str
    habit: str
    read: int = 0
    time_zone: str = "America/New_York"

    def awake(self, at: datetime, late_minutes: float) -> datetime:
        """That moment, or the next morning, so many minutes after seven."""
        local = at.astimezone(ZoneInfo(self.time_zone))
        if 7 <= local.hour < 22:
            return at
        morning = local + timedelta(days=1 if local.hour >= 22 else 0)
        morning = morning.replace(hour=7, minute=0, second=0, microsecond=0)
        return morning.astimezone(UTC) + timedelta(minutes=late_minutes)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a customer will do, and when (story time).

    Parameters
    ----------
    follows : bool
        Their question was answered: they open the link and choose.
    """

    at: datetime
    customer: Customer
    to: str
    body: str
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A text that arrived on a telephone."""

    at: datetime
    phone: str
    sid: str
    body: str
    automatic: bool


@dataclass(frozen=True, slots=True)
class Did:
    """What a customer did: a habit that came true."""

    at: datetime
    phone: str
    what: str


class Customers:
    """Everybody's telephones, on the stand-in's network.

    Parameters
    ----------
    standin_url : str
        Where the Twilio stand-in answers.
    customers : list of Customer
    seed : int
    """

    def __init__(self, standin_url: str, customers: list[Customer], seed: int = 1) -> None:
        self._http = httpx.Client(
            base_url=standin_url, timeout=10, transport=httpx.HTTPTransport(retries=7)
        )
        self._browser = httpx.Client(timeout=10, follow_redirects=True)
        self._by_phone = {customer.phone: customer for customer in customers}
        self._seed = seed
        self._planned: list[Answer] = []
        self._said: set[str] = set()
        for customer in customers:
            self._http.put(f"/_standin/phones/{customer.phone}", json={"name": customer.name})
        for phone in self._http.get("/_standin/phones").json():
            if (known := self._by_phone.get(phone["number"])) and phone["count"]:
                known.read = self._answered(known)

    @property
    def next_at(self) -> datetime | None:
        """When the next answer is due, as far as it is known."""
        return min((answer.at for answer in self._planned), default=None)

    def step(self, now: datetime) -> list[Heard | Did]:
        """Read what is new, and do what is due; in an order that only the texts decide."""
        told = self.read(now)
        while (did := self.act(now)) is not None:
            told.append(did)
        return told

    def read(self, now: datetime) -> list[Heard | Did]:
        """Read what is new on all telephones, and make up everybody's mind."""
        told: list[Heard | Did] = []
        for phone in sorted(
            self._http.get("/_standin/phones").json(), key=lambda phone: str(phone["number"])
        ):
            customer = self._by_phone.get(phone["number"])
            if customer is not None and phone["count"] > customer.read:
                told += self._read(customer, now)
        return told

    def act(self, now: datetime) -> Did | None:
        """Do one thing that is due, if any."""
        due = [answer for answer in self._planned if answer.at <= now]
        if not due:
            return None
        answer = min(due, key=lambda one: (one.at, one.customer.phone))
        self._planned.remove(answer)
        self._do(answer)
        return Did(now, answer.customer.phone, answer.customer.habit)

    def _answered(self, customer: Customer) -> int:
        """How many messages of the chat are behind them: up to the last that they sent."""
        chat = self._http.get(f"/_standin/phones/{customer.phone}/chat").json()
        sent = (number for number, message in enumerate(chat, 1) if not message["incoming"])
        return max(sent, default=0)

    def _read(self, customer: Customer, now: datetime) -> list[Heard]:
        url = f"/_standin/phones/{customer.phone}/chat"
        told = []
        for message in self._http.get(url, params={"after": customer.read}).json():
            customer.read += 1
            if not message["incoming"]:
                continue
            automatic = bool(message["auto"])
            told.append(Heard(now, customer.phone, message["sid"], message["body"], automatic))
            if automatic or customer.habit == "never":
                continue
            follows = (
                customer.habit == "question"
                and customer.phone in self._said
                and _LINK.search(message["body"]) is not None
            )
            if not follows and not offers_times(message["body"]):
                continue
            if not follows and customer.habit in SAY_ONCE and customer.phone in self._said:
                continue
            self._said.add(customer.phone)
            # each message has its own chance, whoever reads how much at once
            chance = random.Random(f"{self._seed}:{customer.phone}:{customer.read}")
            minutes = chance.lognormvariate(2.7, 0.9)  # half within a quarter of an hour
            if customer.habit == "next_day":
                minutes += chance.uniform(12 * 60, 26 * 60)
            at = customer.awake(now + timedelta(minutes=minutes), chance.uniform(0, 120))
            self._planned.append(Answer(at, customer, message["from"], message["body"], follows))
        return told

    def _do(self, answer: Answer) -> None:
        if answer.customer.habit == "page" or answer.follows:
            self._choose_on_page(answer.body)
            return
        self._http.post(
            f"/_standin/phones/{answer.customer.phone}/send",
            json={"to": answer.to, "body": WORDS[answer.customer.habit]},
        ).raise_for_status()

    def _choose_on_page(self, body: str) -> None:
        link = _LINK.search(body)
        if link is None:
            log.warning("a text with choices had no link")
            return
        url = link.group()
        page = self._browser.get(url)
        slots = [html.unescape(slot) for slot in _SLOT.findall(page.text)]
        if slots:
            origin = url.split("/b/")[0]
            self._browser.post(url, data={"slot": slots[0]}, headers={"Origin": origin})
