"""Journeys: what we say to whom, in which order, until when. Plans are data, checks are not.

A journey is a YAML text (shipped ones stand in ``care/journeys/``; managers make newer versions). A
*trigger* lets somebody begin it; its steps wait, look, and plan a message or a person's task. What
a step plans is checked again at the moment of sending, as every message (`care.outreach.check`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from care import loyalty, outreach, repair_texts, task, texts
from care.errors import CareError
from care.store import alerts, bookings, journeys, people
from care.store.journeys import Enrolment, Facts
from record import strict_yaml
from record.flow import Alert, Urgency

FOLDER = Path(__file__).parent / "journeys"

TRIGGERS: Mapping[str, str] = {
    "alert.stop": "a fault that should stop the car",
    "alert.soon": "a fault that can wait for days",
    "alert.service": "a fault that can wait for the next visit",
    "alert.due": "maintenance falls due",
    "booking.made": "an appointment was made",
    "booking.no_show": "a customer did not come",
    "repair.closed": "a car was picked up",
    "rating.low": "a customer is unhappy",
    "campaign.recall": "a recall was sent out",
    "campaign.seasonal": "a seasonal check was sent out",
    "customer.lapsed": "no visit for 14 months",
    "car.birthday": "the car was bought on this day",
}
"""What may begin a journey."""

CONDITIONS: Mapping[str, str] = {
    "answered": "the customer wrote since it began",
    "booked": "the customer has an appointment for it",
    "not booked": "the appointment is no longer waited for",
    "closed": "the alert is closed",
    "sold": "the customer no longer owns the car",
    "in the shop": "the car is in the workshop",
    "rated": "the visit was rated",
    "verified": "the car has shown that the repair holds",
    "promotions stopped": "the customer was unhappy",
}
"""What a step may look at; a journey may stop at."""

CHANNELS = ("sms", "whatsapp", "email", "wecom")

MINE = "alert"
"""In a step's text: the alert's own, by its urgency."""

NOT_SOONER = timedelta(hours=12)
"""A reminder so soon after the appointment was made reminds nobody of anything."""

LAPSED = timedelta(days=425)
"""Fourteen months without a visit: most makers want one a year."""

BATCH = 20

_SPAN = re.compile(r"(\d{1,4}) (minute|hour|day|week)s?")
_BEFORE = re.compile(r"(\d{1,3} (?:minute|hour|day|week)s?) before the booking")


def span(said: str) -> timedelta:
    """A length of time in words.

    Examples
    --------
    >>> span("3 days"), span("90 minutes")
    (datetime.timedelta(days=3), datetime.timedelta(seconds=5400))
    """
    found = _SPAN.fullmatch(said)
    if found is None:
        raise ValueError(f"{said!r}: write 30 minutes, 4 hours, 3 days or 2 weeks")
    return timedelta(**{f"{found[2]}s": int(found[1])})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Strict):
    """One thing that a journey does.

    Parameters
    ----------
    after
        How long to wait after the step before, or after the beginning.
    at
        ``20 hours before the booking``, in place of `after`.
    only_if, unless
        Conditions; a step that does not fit is passed over.
    text
        A key of `care.texts.ENGLISH`, ``alert`` for the alert's own, or ``rating``.
    task
        Why a person should take over.
    channels
        In the order of preference.
    """

    after: str | None = None
    at: str | None = None
    only_if: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    text: str | None = None
    task: str | None = Field(default=None, min_length=3, max_length=200)
    channels: tuple[str, ...] = ("sms",)

    @field_validator("after")
    @classmethod
    def _is_span(cls, said: str | None) -> str | None:
        if said is not None:
            span(said)
        return said

    @field_validator("at")
    @classmethod
    def _is_before(cls, said: str | None) -> str | None:
        if said is not None and _BEFORE.fullmatch(said) is None:
            raise ValueError(f"{said!r}: write 20 hours before the booking")
        return said

    @field_validator("only_if", "unless")
    @classmethod
    def _known(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        return _all_of(said, CONDITIONS)

    @field_validator("channels")
    @classmethod
    def _channels(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        if not said or len(set(said)) != len(said):
            raise ValueError("name each channel once")
        return _all_of(said, CHANNELS)

    @field_validator("text")
    @classmethod
    def _text(cls, said: str | None) -> str | None:
        if said is not None:
            _all_of((said,), [MINE, repair_texts.ASKS_RATING, *texts.ENGLISH])
        return said

    @model_validator(mode="after")
    def _one(self) -> Step:
        if (self.text is None) == (self.task is None):
            raise ValueError("a step has either a text or a task")
        if self.after is not None and self.at is not None:
            raise ValueError("a step has either after or at")
        return self


class Journey(_Strict):
    """A plan.

    Parameters
    ----------
    title
    purpose
        ``service`` or ``marketing``: which consent its messages need; ``reply`` where they answer
        what the customer has just done.
    begins
        Triggers.
    stops
        Conditions that end it before any further step.
    """

    title: str = Field(min_length=3, max_length=80)
    purpose: str = Field(pattern="^(service|marketing|reply)$")
    begins: tuple[str, ...] = Field(min_length=1)
    stops: tuple[str, ...]
    steps: tuple[Step, ...] = Field(min_length=1, max_length=20)

    @field_validator("begins")
    @classmethod
    def _triggers(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        return _all_of(said, TRIGGERS)

    @field_validator("stops")
    @classmethod
    def _known(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        return _all_of(said, CONDITIONS)


def _all_of(
    said: tuple[str, ...], known: Mapping[str, str] | list[str] | tuple[str, ...]
) -> tuple[str, ...]:
    for one in said:
        if one not in known:
            raise ValueError(f"{one!r}: there are {', '.join(known)}")
    return said


@lru_cache(maxsize=256)
def parse(source: str) -> Journey:
    """The plan that a YAML text describes.

    Raises
    ------
    CareError
        A line for each thing wrong: the line, the key, and what may stand there.
    """
    try:
        said, lines = strict_yaml.read(source)
        return Journey.model_validate(said)
    except strict_yaml.YamlError as error:
        raise CareError(f"line {error.line}: {error.why}") from None
    except ValidationError as error:
        told = []
        for one in error.errors():
            place = tuple(one["loc"])
            near = place
            while near and near not in lines:
                near = near[:-1]
            why = str(one["msg"]).removeprefix("Value error, ")
            key = ".".join(map(str, place))
            told.append(f"line {lines.get(near, 1)}: {key + ': ' if key else ''}{why}")
        raise CareError("\n".join(told)) from None


def shipped() -> dict[str, str]:
    """The plans that come with the product: name and YAML text."""
    return {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yaml"))}


def install(conn: Connection, now: datetime) -> int:
    """Bring the shipped plans into the database; what a manager changed stays. Returns how many."""
    return sum(
        journeys.ship(conn, name, source, list(parse(source).begins), now)
        for name, source in shipped().items()
    )


def save(conn: Connection, name: str, source: str, actor: str, now: datetime) -> int:
    """A new version of a plan, in force for who begins from now on. Returns the version.

    Raises
    ------
    CareError
        If it can't be read, or there is no plan of that name.
    """
    clean = source.replace("\r\n", "\n").replace("\x00", "").strip() + "\n"
    plan = parse(clean)
    newest = journeys.newest(conn, name)
    if newest is None:
        raise CareError(f"There is no journey {name}.")
    version = journeys.add(conn, name, clean, list(plan.begins), actor, now)
    people.audit(conn, now, actor, "journey changed", f"journey:{name}", version=version)
    return version


def activate(conn: Connection, name: str, version: int, actor: str, now: datetime) -> None:
    """Go back, or on, to a version.

    Raises
    ------
    CareError
        If there is no such version.
    """
    if not journeys.activate(conn, name, version):
        raise CareError(f"There is no version {version} of journey {name}.")
    people.audit(conn, now, actor, "journey activated", f"journey:{name}", version=version)


# -- who is on one ---------------------------------------------------------------------------------


def begin(
    conn: Connection,
    trigger: str,
    *,
    customer_id: int,
    now: datetime,
    vehicle_id: int | None = None,
    alert_id: int | None = None,
    booking_id: int | None = None,
    repair_order_id: int | None = None,
    campaign_id: int | None = None,
    occasion: str | None = None,
) -> int:
    """Let a customer begin what a trigger begins, and do at once what is due at once.

    Parameters
    ----------
    trigger : str
        A key of `TRIGGERS`.
    occasion : str or None
        What makes this another beginning than the last; by default the trigger and its subject.

    Returns
    -------
    int
        How many journeys began; 0 if they had begun before.
    """
    assert trigger in TRIGGERS
    subject = alert_id or booking_id or repair_order_id or campaign_id
    occasion = occasion or f"{trigger}:{subject or ''}:{vehicle_id or customer_id}"
    plans = journeys.for_trigger(conn, trigger)
    if not plans and install(conn, now):
        plans = journeys.for_trigger(conn, trigger)
    begun = 0
    for plan in plans:
        one = journeys.enrol(
            conn,
            journey_id=plan.id,
            customer_id=customer_id,
            vehicle_id=vehicle_id,
            alert_id=alert_id,
            booking_id=booking_id,
            repair_order_id=repair_order_id,
            campaign_id=campaign_id,
            occasion=occasion,
            at=now,
        )
        if one is None:
            continue
        begun += 1
        if alert_id is not None:
            journeys.supersede(conn, alert_id, one.id, now)
        advance(conn, one, now)
    return begun


def for_alert(conn: Connection, alert: Alert, occasion: str, now: datetime) -> int:
    """Tell the owner in force about an alert, where somebody needs to hear of it.

    Nobody is told of what only detectors on probation have seen: its task asks an advisor.

    Returns how many journeys began.

    Parameters
    ----------
    occasion : str
        ``first``, ``stop`` when it has become worse, ``again1`` after a relapse.
    """
    owner = people.owner(conn, alert.vehicle_id, now)
    if owner is None or alert.urgency == Urgency.INFO or alerts.unproven(conn, alert.id):
        return 0
    due = alert.cause == "service_due"
    return begin(
        conn,
        "alert.due" if due else f"alert.{Urgency(alert.urgency).value}",
        customer_id=owner.id,
        vehicle_id=alert.vehicle_id,
        alert_id=alert.id,
        occasion=f"alert:{alert.id}:{alert.reopened}:{occasion}",
        now=now,
    )


def holds(condition: str, facts: Facts) -> bool:
    """Whether a condition holds."""
    return bool(getattr(facts, condition.replace(" ", "_")))


@dataclass(frozen=True, slots=True)
class Stop:
    """It ends here."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The next step is not due yet."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Pass:
    """The next step is left out."""

    why: str


@dataclass(frozen=True, slots=True)
class Do:
    """The next step's turn."""

    step: Step


@dataclass(frozen=True, slots=True)
class Done:
    """There is no further step."""


def decide(
    plan: Journey,
    number: int,
    facts: Facts,
    *,
    began_at: datetime,
    since: datetime,
    now: datetime,
) -> Stop | Wait | Pass | Do | Done:
    """What becomes of an enrolment whose next step is `number`.

    Parameters
    ----------
    began_at : datetime
    since : datetime
        When the step before was done.
    """
    if number >= len(plan.steps):
        return Done()
    for condition in plan.stops:
        if holds(condition, facts):
            return Stop(condition)
    step = plan.steps[number]
    due = since
    if step.after is not None:
        due = since + span(step.after)
    elif step.at is not None:
        if facts.booking_starts_at is None:
            return Pass("there is no booking")
        found = _BEFORE.fullmatch(step.at)
        assert found is not None
        due = facts.booking_starts_at - span(found[1])
        if due < began_at + NOT_SOONER:
            return Pass("the appointment is too near")
        if now >= facts.booking_starts_at:
            return Pass("the appointment has passed")
    if now < due:
        return Wait(due)
    for condition in step.only_if:
        if not holds(condition, facts):
            return Pass(f"not {condition}")
    for condition in step.unless:
        if holds(condition, facts):
            return Pass(condition)
    return Do(step)


def advance(conn: Connection, one: Enrolment, now: datetime) -> None:
    """Do all that is due on one enrolment. The caller commits."""
    plan = parse(one.source)
    number, since = one.step, one.since
    while True:
        facts = journeys.facts(conn, one, now)
        match decide(plan, number, facts, began_at=one.began_at, since=since, now=now):
            case Done():
                journeys.end(conn, one.id, number, None, now)
                return
            case Stop(reason):
                journeys.end(conn, one.id, number, reason, now)
                return
            case Wait(until):
                journeys.wait(conn, one.id, number, since, until)
                return
            case Pass():
                number += 1
            case Do(step):
                _perform(conn, one, plan, number, step, now)
                number, since = number + 1, now


def _perform(
    conn: Connection, one: Enrolment, plan: Journey, number: int, step: Step, now: datetime
) -> None:
    alert = alerts.get(conn, one.alert_id) if one.alert_id is not None else None
    if step.task is not None:
        _hand_over(conn, one, alert, step.task, now)
        return
    assert step.text is not None
    template, body = step.text, None
    if template == MINE:
        assert alert is not None
        template = f"alert.{Urgency(alert.urgency).value}"
    key = one.occasion if number == 0 else f"{one.occasion}:{one.journey}:{number}"
    if template == repair_texts.ASKS_RATING:
        booking = bookings.get(conn, one.booking_id) if one.booking_id is not None else None
        if booking is None:
            return
        body = repair_texts.draft(conn, template, booking)
    outreach.plan(
        conn,
        customer_id=one.customer_id,
        template=template,
        purpose=plan.purpose,
        dedupe_key=key,
        alert_id=one.alert_id,
        booking_id=one.booking_id,
        answers_at=one.began_at if plan.purpose == "reply" else None,
        vehicle_id=one.vehicle_id,
        campaign=one.campaign or "",
        enrolment_id=one.id,
        channels=step.channels,
        body=body,
        now=now,
    )


def _hand_over(
    conn: Connection, one: Enrolment, alert: Alert | None, why: str, now: datetime
) -> None:
    if alert is not None:
        task.put(conn, alert, now, why)
        return
    customer = people.customer(conn, one.customer_id)
    assert customer is not None
    task.ask_person(conn, customer, f"{customer.name}: {why}", f"Call {customer.name}.", now)


# -- what begins by itself -------------------------------------------------------------------------


def scan(conn: Connection, now: datetime) -> int:
    """Once a day: who has not come for long, whose car has its day. Returns how many began.

    Only those who agreed to marketing are asked for.
    """
    if not journeys.first_scan_of(conn, now.date()):
        return 0
    loyalty.month_connected(conn, now)
    begun = 0
    for one in journeys.lapsed(conn, now - LAPSED, now):
        begun += begin(
            conn,
            "customer.lapsed",
            customer_id=one.customer_id,
            vehicle_id=one.vehicle_id,
            occasion=f"lapsed:{one.vehicle_id}:{one.since:%Y-%m-%d}",
            now=now,
        )
    for one in journeys.birthdays(conn, now):
        begun += begin(
            conn,
            "car.birthday",
            customer_id=one.customer_id,
            vehicle_id=one.vehicle_id,
            occasion=f"birthday:{one.vehicle_id}:{now:%Y}",
            now=now,
        )
    return begun
