"""A dry run: what a customer would be sent, when, and why or why not, if nothing else happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection

from care import journey, outreach
from care.journey import Do, Journey, Pass, Stop, Wait
from care.outreach import Drop, Hold, Policy
from care.store import alerts, journeys, people
from care.store.journeys import Enrolment, Facts
from care.store.outbox import Due
from record.flow import Urgency


@dataclass(frozen=True, slots=True)
class Coming:
    """One step that lies ahead.

    Parameters
    ----------
    journey : str
        Its title.
    at : datetime
    what : str
        A key of the library of texts, or why a person takes over.
    is_text : bool
    verdict : str
        ``sent``, ``held``, ``not sent``, ``passed over`` or ``ends``.
    why : str
    """

    journey: str
    at: datetime
    what: str
    is_text: bool
    verdict: str
    why: str = ""


def walk(
    plan: Journey, number: int, facts: Facts, began_at: datetime, since: datetime, now: datetime
) -> Iterator[tuple[datetime, int, Stop | Pass | Do]]:
    """What lies ahead on a plan, in order, if the facts stay as they are.

    Yields
    ------
    tuple of datetime, int and Stop, Pass or Do
        When, which step, and what becomes of it.
    """
    while True:
        turn = journey.decide(plan, number, facts, began_at=began_at, since=since, now=now)
        match turn:
            case Wait(until):
                now = until
                continue
            case Stop() | Pass() | Do():
                yield now, number, turn
            case _:
                return
        if isinstance(turn, Stop):
            return
        if isinstance(turn, Do):
            since = now
        number += 1


def of_customer(conn: Connection, customer_id: int, now: datetime, policy: Policy) -> list[Coming]:
    """Every step that lies ahead of a customer on the journeys that have begun, soonest first."""
    coming = [
        one
        for enrolment in journeys.of_customer(conn, customer_id)
        for one in _ahead(conn, enrolment, now, policy)
    ]
    return sorted(coming, key=lambda one: one.at)


def _ahead(conn: Connection, one: Enrolment, now: datetime, policy: Policy) -> Iterator[Coming]:
    plan = journey.parse(one.source)
    facts = journeys.facts(conn, one, now)
    for at, number, turn in walk(plan, one.step, facts, one.began_at, one.since, now):
        step = plan.steps[number]
        what = step.text or step.task or ""
        match turn:
            case Stop(reason):
                yield Coming(plan.title, at, what, step.text is not None, "ends", reason)
            case Pass(why):
                yield Coming(plan.title, at, what, step.text is not None, "passed over", why)
            case Do() if step.text is None:
                yield Coming(plan.title, at, what, False, "sent")
            case Do():
                verdict, why = _judged(conn, one, plan.purpose, what, at, policy)
                yield Coming(plan.title, at, what, True, verdict, why)


def _judged(
    conn: Connection, one: Enrolment, purpose: str, text: str, at: datetime, policy: Policy
) -> tuple[str, str]:
    """What the checks would say of a message at that moment."""
    customer = people.customer(conn, one.customer_id)
    assert customer is not None
    alert = alerts.get(conn, one.alert_id) if one.alert_id is not None else None
    template = text
    if text == journey.MINE and alert is not None:
        template = f"alert.{Urgency(alert.urgency).value}"
    message = Due(
        id=2**62,  # after all that were planned
        customer_id=customer.id,
        alert_id=one.alert_id,
        booking_id=one.booking_id,
        purpose=purpose,
        template=template,
        body="",
        to_phone=None,
        attempts=0,
        planned_at=at,
        answers_at=None,
        sending_at=None,
    )
    facts = outreach.facts_of(conn, message, customer, at)
    match outreach.check(message, facts, at, policy):
        case Drop(_, reason):
            return "not sent", reason
        case Hold(_, _, reason):
            return "held", reason
    return "sent", ""
