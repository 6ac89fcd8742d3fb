"""How customers answer a text: soon or late, by number, in words, on the page, or not at all."""

import html
import logging
import random
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

log = logging.getLogger(__name__)

HABITS = ("first", "second", "words", "page", "question", "stop", "never")
"""Answers with 1, with 2, in words, on the slot page, with a question, with STOP, or not at all."""

WORDS = {
    "first": "1",
    "second": "2",
    "words": "The second one please",
    "question": "How long will that take, and what will it cost?",
    "stop": "STOP",
}

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
    """

    name: str
    phone: str
    habit: str
    read: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a customer will do, and when (story time)."""

    at: datetime
    customer: Customer
    to: str
    body: str


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
        self._chance = random.Random(seed)
        self._planned: list[Answer] = []
        for customer in customers:
            self._http.put(f"/_standin/phones/{customer.phone}", json={"name": customer.name})
        for phone in self._http.get("/_standin/phones").json():
            if known := self._by_phone.get(phone["number"]):
                known.read = phone["count"]  # what came before us was answered before us

    def step(self, now: datetime) -> None:
        """Read what is new, and do what is due."""
        for phone in self._http.get("/_standin/phones").json():
            customer = self._by_phone.get(phone["number"])
            if customer is not None and phone["count"] > customer.read:
                self._read(customer, now)
        for answer in [a for a in self._planned if a.at <= now]:
            self._planned.remove(answer)
            self._do(answer)

    def _read(self, customer: Customer, now: datetime) -> None:
        url = f"/_standin/phones/{customer.phone}/chat"
        for message in self._http.get(url, params={"after": customer.read}).json():
            customer.read += 1
            if message["incoming"] and not message["auto"] and offers_times(message["body"]):
                if customer.habit == "never":
                    continue
                minutes = self._chance.lognormvariate(2.7, 0.9)  # half within a quarter of an hour
                self._planned.append(
                    Answer(
                        now + timedelta(minutes=minutes),
                        customer,
                        message["from"],
                        message["body"],
                    )
                )

    def _do(self, answer: Answer) -> None:
        if answer.customer.habit == "page":
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
