"""What to say on the phone, and what to do next: texts from ``scripts.yaml``, facts of the case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from psycopg import Connection

from care import booking
from care.store import alerts, people, tasks
from care.store.people import Customer, Dealer
from care.task import name_of
from care.texts import plain
from record.causes import cause_of
from record.flow import Alert, Slot, Task, Urgency

TEXTS = Path(__file__).parent / "scripts.yaml"
LANGUAGES = ("en", "zh")
CHOICES = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of a call before it is made.

    Parameters
    ----------
    urgency : Urgency or None
        None where the customer wrote, and no alert is spoken of.
    cause : str
        Key of the root cause.
    slots : sequence of Slot
        Times that the workshop has.
    texts : bool
        Whether the customer takes texts about service: consent, and no STOP.
    last_contact : datetime or None
        Our last text or call about this.
    tries : int
        Calls that nobody took.
    said : str
        What the customer wrote.
    """

    advisor: str
    dealer: str
    zone: str
    customer: str | None
    phone: str | None
    car: str
    urgency: Urgency | None
    cause: str
    finding: str
    came_back: bool
    slots: Sequence[Slot]
    texts: bool
    last_contact: datetime | None
    tries: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """A call's words, and the next best action before it."""

    language: str
    lines: tuple[str, ...]
    next_best: str
    facts: Facts


@cache
def texts() -> dict[str, Any]:
    """The library, read once."""
    found: dict[str, Any] = yaml.safe_load(TEXTS.read_text("utf-8"))
    return found


def lines(facts: Facts, language: str) -> tuple[str, ...]:
    """The sentences of a call, in order.

    Parameters
    ----------
    language : str
        English where there are no texts in it.
    """
    key = language.split("-")[0]
    words = texts().get(key, texts()["en"])
    zone = ZoneInfo(facts.zone)
    sep = "；" if key == "zh" else ", "
    fill = {
        "advisor": facts.advisor,
        "dealer": facts.dealer,
        "customer": facts.customer or "the owner of the car",
        "car": facts.car,
        "plain": plain(facts.cause, key),
        "finding": facts.finding,
        "said": facts.said,
        "slots": sep.join(_when(s.starts_at, zone, key) for s in facts.slots),
        "last_contact": _day(facts.last_contact, zone, key) if facts.last_contact else "",
    }
    chosen = [
        words["hello"],
        words["why"][facts.urgency.value if facts.urgency else "reply"],
        words["situation"][situation(facts)],
        words["fact"] if facts.finding else "",
        words["ask_stop"] if facts.urgency is Urgency.STOP else "",
    ]
    if facts.urgency is not None:
        chosen.append(words["slots"] if facts.slots else words["no_slots"])
        chosen.append(words["written"] if facts.texts else words["no_text"])
    chosen.append(words["goodbye"])
    return tuple(one.format(**fill) for one in chosen if one)


def situation(facts: Facts) -> str:
    """How things stand with the customer: ``came_back``, ``again``, ``texted`` or ``first``."""
    if facts.came_back:
        return "came_back"
    if facts.tries:
        return "again"
    return "texted" if facts.last_contact and facts.urgency is not None else "first"


def next_best(facts: Facts) -> str:
    """The one thing to do now, in a sentence for the advisor."""
    if facts.customer is None:
        return "Find out who drives this car: the service book, the last repair order, the plate."
    if facts.phone is None:
        return f"Find a number for {facts.customer}, then call."
    if facts.urgency is Urgency.STOP:
        return "Call now, and keep a tow ready."
    if facts.urgency is None:
        return "Answer by text if it is a short question, else call."
    if facts.tries:
        return f"Call again; {facts.tries} of 3 tries had no answer."
    if not facts.slots:
        return "Find a time first: another bay, another site, a pick-up. Then call."
    return "Call, and offer the first of the three times."


def _when(at: datetime, zone: ZoneInfo, language: str) -> str:
    local = at.astimezone(zone)
    if language == "zh":
        day = "一二三四五六日"[local.weekday()]
        return f"{local.month}月{local.day}日周{day}{local:%H:%M}"
    return f"{local:%A} at {local:%H:%M}"


def _day(at: datetime, zone: ZoneInfo, language: str) -> str:
    local = at.astimezone(zone)
    return f"{local.month}月{local.day}日" if language == "zh" else f"{local:%A}"


def facts_of(conn: Connection, task: Task, advisor: str, now: datetime) -> Facts:
    """Read what a call about a task needs."""
    dealer = people.dealer(conn, task.dealer_id)
    assert dealer is not None
    customer = people.customer(conn, task.customer_id) if task.customer_id is not None else None
    alert = alerts.get(conn, task.alert_id) if task.alert_id is not None else None
    car = people.car(conn, alert.vehicle_id) if alert else None
    return Facts(
        advisor=advisor,
        dealer=dealer.name,
        zone=dealer.time_zone,
        customer=customer.name if customer else None,
        phone=customer.phone if customer else None,
        car=name_of(car) if car else "",
        urgency=Urgency(alert.urgency) if alert else None,
        cause=alert.cause if alert else "",
        finding=alert.summary if alert else "",
        came_back=bool(alert and alert.reopened),
        slots=_slots(conn, dealer, alert, now),
        texts=customer is not None and takes_texts(conn, customer),
        last_contact=tasks.last_contact(conn, task.alert_id) if task.alert_id else None,
        tries=task.tries,
        said=tasks.last_said(conn, customer.id) if customer else "",
    )


def takes_texts(conn: Connection, customer: Customer) -> bool:
    """Whether a text about service may go to the customer: a number, consent, no STOP."""
    return (
        customer.phone is not None
        and people.consented(conn, customer.id, "service", "sms")
        and people.stopped(conn, customer.phone) is None
    )


def _slots(conn: Connection, dealer: Dealer, alert: Alert | None, now: datetime) -> Sequence[Slot]:
    if alert is None or alert.state != "open":
        return ()
    return booking.find_slots(
        conn,
        dealer_id=dealer.id,
        op_code=cause_of(alert.cause).op_code,
        now=now,
        before=alert.expect_from,
        count=CHOICES,
    )


def script(
    conn: Connection, task: Task, advisor: str, language: str | None, now: datetime
) -> Script:
    """The script of a call about a task, in the customer's language if there is one for it."""
    facts = facts_of(conn, task, advisor, now)
    customer = people.customer(conn, task.customer_id) if task.customer_id is not None else None
    wanted = language or (customer.language if customer else "en")
    key = wanted.split("-")[0] if wanted.split("-")[0] in LANGUAGES else "en"
    return Script(key, lines(facts, key), next_best(facts), facts)
