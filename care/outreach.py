"""One message to one customer: planned at once, judged at the moment of sending.

Whatever was true when it was planned may have changed: the customer booked, said STOP, sold the
car. So everything is checked again when it is claimed, and a message that does not go out keeps
the reason why.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from psycopg import Connection

from care import compose, learn, repair_texts, task
from care.channels.contract import NAMES
from care.errors import CareError
from care.law import (
    ANSWER_WITHIN,
    EARLIEST,
    LATEST,
    Place,
    daily_cap,
    next_lawful,
    places,
    zone_named,
)
from care.slots import Spans
from care.store import alerts, bookings, incidents, outbox, people, ratings
from care.store import channels as channel_store
from care.store.outbox import Due
from care.store.people import Customer
from care.ways import CALLED, NO_ADDRESS, Way, address, choose, of_address, ways
from record.flow import Alert, Booking, Outreach, Urgency

LONGEST = 1600
"""Characters that Twilio takes in one message (error 21617 beyond)."""

DOUBLE_CLICK = timedelta(minutes=10)
"""The same words to the same customer within this time are one message."""

STALE_AFTER = {"service": timedelta(days=3), "marketing": timedelta(days=3)}
"""A message that could not go out for so long has lost its occasion."""

STALE_ANSWER = timedelta(hours=24)

REMINDER = "reminder"
"""Of an appointment that the customer made: it does not count as speaking first."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a dealer allows within what the law allows.

    Parameters
    ----------
    earliest, latest : time
        When we speak first, in the recipient's local time; within `law.EARLIEST` .. `law.LATEST`.
    per_day, per_week : int
        How often we speak first to one number. A fault that should stop the car is exempt, once a
        day.
    """

    earliest: time = time(9)
    latest: time = time(20)
    per_day: int = 1
    per_week: int = 3

    def __post_init__(self) -> None:
        if not EARLIEST <= self.earliest < self.latest <= LATEST:
            raise ValueError("contact hours must lie within 8:00 to 21:00, the earlier one first")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of a message at the moment of sending.

    Parameters
    ----------
    phone : str or None
    time_zone : str
        The recipient's.
    consent : bool
        In force, for the message's purpose.
    stopped_at : datetime or None
        Since when the number is stopped.
    sent_at : sequence of datetime
        When we spoke first to this number, or to another of the household, in the last week.
    alert : Alert or None
    owns_car : bool
        Whether the person owns the alert's car now.
    booking : Booking or None
        The one that the message is about, or else the alert's live one.
    newer : bool
        A later message about the same alert takes this one's place.
    told : bool
        The number was told the same of the same alert within a day.
    promotions_stopped : datetime or None
        Since when the customer gets no advertising.
    household : bool
        Some of `sent_at` went to another person of the household.
    where : sequence of Place
        Where the recipient may be, by law; empty: in their time zone, and nothing more is known.
    way : Way or None
        The channel that was chosen; `phone`, `consent` and `stopped_at` are of it.
    others : str
        What speaks against every other channel, where none is left.
    unproven : bool
        No detector in force has spoken of the alert.
    incident : int or None
        The fleet incident that the alert is part of, while it waits for a manager.
    """

    phone: str | None
    time_zone: str
    consent: bool
    stopped_at: datetime | None
    sent_at: Sequence[datetime]
    alert: Alert | None
    owns_car: bool
    booking: Booking | None
    newer: bool
    told: bool
    promotions_stopped: datetime | None = None
    household: bool = False
    where: Sequence[Place] = ()
    way: Way | None = None
    others: str = ""
    unproven: bool = False
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now."""

    until: datetime
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Never."""

    code: str
    reason: str


def check(message: Due, facts: Facts, now: datetime, policy: Policy) -> Send | Hold | Drop:
    """Whether a message may go out at `now`: the checks, in the order of their weight.

    Parameters
    ----------
    message : Due
    facts : Facts
    now : datetime
    policy : Policy

    Returns
    -------
    Send or Hold or Drop
        A hold or a drop says why, in a sentence for the advisor.
    """
    answer = message.purpose == "reply"
    way = Way(
        facts.way.channel if facts.way else "sms",
        facts.phone,
        answer or facts.consent,
        facts.stopped_at,
        facts.way.barred if facts.way else "",
    )
    if way.code is not None:
        return Drop(way.code, way.why_not(message.purpose) + facts.others)
    if message.purpose == "marketing" and facts.promotions_stopped is not None:
        since = facts.promotions_stopped
        return Drop("promotions stopped", f"Promotions are stopped since {since:%Y-%m-%d}.")
    past = _occasion(message, facts)
    if past is not None:
        return past
    stale = STALE_ANSWER if answer else STALE_AFTER[message.purpose]
    if now - message.planned_at > stale:
        return Drop(
            "stale", f"It could not be sent within {stale.total_seconds() / 3600:.0f} hours."
        )
    zone = zone_named(facts.time_zone)
    if zone is None:
        return Drop("no time zone", f"The customer's time zone, {facts.time_zone}, doesn't exist.")
    where = facts.where or (Place(zone),)
    prompt = message.answers_at is not None and now - message.answers_at <= ANSWER_WITHIN
    if not (answer and prompt):
        stops = message.template == "alert.stop"
        allowed = next_lawful(now, where, policy.earliest, policy.latest, free_days=not stops)
        if allowed is None:
            return Drop("no hour", "The law leaves no hour for where the customer may live.")
        if allowed > now:
            return Hold(
                allowed,
                "quiet hours",
                f"It is {now.astimezone(zone):%H:%M} for the customer: held until "
                f"{allowed.astimezone(zone):%H:%M}.",
            )
    urgent = message.template == "alert.stop" and not facts.told
    if not answer and not urgent and message.template != REMINDER:
        return _within_cap(facts, now, policy, daily_cap(where))
    return Send()


def _occasion(message: Due, facts: Facts) -> Drop | None:
    """Why the message has lost its occasion, None while it has it."""
    done = facts.booking is not None and facts.booking.state == "done"
    if message.template in repair_texts.LOST_WHEN_DONE and done:
        return Drop("picked up", "The car was picked up already.")
    invites = compose.invites(message.template)
    if invites and facts.booking is not None:
        if facts.booking.state == "arrived":
            return Drop("in the shop", "The car is in the shop.")
        return Drop("booked", "The customer has booked already.")
    if message.template.startswith("alert.") and facts.alert is not None:
        if facts.alert.state == "closed":
            why = (facts.alert.close_reason or "closed").replace("_", " ")
            return Drop(why, f"The alert is closed: {why}.")
        if facts.unproven:
            return Drop("on probation", "Its detector is not in force: an advisor decides.")
        if facts.incident is not None and facts.alert.urgency != Urgency.STOP:
            why = f"Part of fleet incident {facts.incident}, which waits for a manager."
            return Drop("incident", why)
        if facts.newer:
            return Drop("superseded", "A newer message about the same alert takes its place.")
    if invites and not facts.owns_car:
        return Drop("sold", "The customer no longer owns the car.")
    if message.template in ("confirmed", REMINDER, compose.MOVE) and (
        facts.booking is None or facts.booking.state not in ("booked", "arrived")
    ):
        return Drop("cancelled", "The booking was cancelled before the message went out.")
    if message.template == REMINDER and facts.booking and facts.booking.state == "arrived":
        return Drop("in the shop", "The car is in the shop.")
    return None


def _within_cap(
    facts: Facts, now: datetime, policy: Policy, lawful: int | None = None
) -> Send | Hold:
    """Hold what would be one too many in a day or a week until it isn't."""
    per_day = policy.per_day if lawful is None else min(policy.per_day, lawful)
    for cap, days in ((per_day, 1), (policy.per_week, 7)):
        span = timedelta(days=days)
        recent = [at for at in facts.sent_at if at > now - span]
        if len(recent) >= cap:
            free_at = sorted(recent, reverse=True)[cap - 1] + span
            word = "day" if days == 1 else "week"
            to = " to the household" if facts.household else ""
            return Hold(free_at, "cap", f"Already {len(recent)} message(s){to} this {word}.")
    return Send()


def facts_of(
    conn: Connection,
    message: Due,
    customer: Customer,
    now: datetime,
    there_are: Collection[str] = NAMES,
) -> Facts:
    """Read what `check` needs; of the channels that there are, choose one."""
    alert = alerts.get(conn, message.alert_id) if message.alert_id is not None else None
    if message.booking_id is not None:
        booking = bookings.get(conn, message.booking_id)
    else:
        booking = bookings.live_for_alert(conn, alert.id) if alert else None
        if booking is not None and booking.state == "held":
            expired = booking.hold_expires_at is not None and booking.hold_expires_at <= now
            booking = None if expired else booking
    owner = people.owner(conn, alert.vehicle_id, now) if alert else None
    open_ways = ways(conn, message, customer, now, there_are)
    way = choose(open_ways)
    phone = way.address
    day_ago, week_ago = now - timedelta(days=1), now - timedelta(days=7)
    people.lock_household(conn, customer.id)
    others = outbox.sent_to_others(conn, customer.id, phone, week_ago, now) if phone else []
    return Facts(
        phone=phone,
        time_zone=customer.time_zone,
        consent=way.consent,
        stopped_at=way.stopped_at,
        sent_at=[
            *outbox.sent_since(conn, customer.id, phone, week_ago, message.root),
            *others,
        ]
        if phone
        else [],
        alert=alert,
        owns_car=alert is None or (owner is not None and owner.id == customer.id),
        booking=booking,
        unproven=alert is not None and alerts.unproven(conn, alert.id),
        incident=incidents.waits_for(conn, alert.id) if alert is not None else None,
        newer=alert is not None and outbox.newer_for_alert(conn, alert.id, message.root),
        told=alert is not None
        and phone is not None
        and outbox.told_since(conn, customer.id, phone, alert.id, message.template, day_ago),
        promotions_stopped=ratings.promotions_stopped(conn, customer.id),
        household=bool(others),
        where=places(customer.time_zone, customer.region, customer.phone),
        way=way,
        others="".join(
            f" {CALLED[other.channel].capitalize()}: {other.why_not(message.purpose)}"
            for other in open_ways
            if other is not way
        )
        if way.code is not None
        else "",
    )


def fall_back(conn: Connection, message: Due, now: datetime) -> bool:
    """Plan a failed message anew by the channels that are left. False if the person accepts none.

    One attempt at a time: the one before has ended. It goes through every check again.
    """
    tried = outbox.tried(conn, message.root)
    left = [channel for channel in message.channels if channel not in tried]
    customer = people.customer(conn, message.customer_id)
    assert customer is not None
    if not left or choose(ways(conn, replace(message, channels=left), customer, now)).code:
        return False
    further = outbox.plan_further(conn, message.id, left, now)
    if further is None:
        return False
    offered = outbox.offers(conn, message.id)
    outbox.replace_offers(conn, further, [offered[n] for n in sorted(offered)])
    people.notify(conn, "outbox")
    return True


def plan(
    conn: Connection,
    *,
    customer_id: int,
    template: str,
    purpose: str,
    dedupe_key: str,
    now: datetime,
    alert_id: int | None = None,
    booking_id: int | None = None,
    answers_at: datetime | None = None,
    body: str | None = None,
    vehicle_id: int | None = None,
    campaign: str = "",
    enrolment_id: int | None = None,
    channels: Sequence[str] = ("sms",),
    media_url: str | None = None,
    wished: Spans = (),
    channel: str | None = None,
) -> Outreach | None:
    """Put a message into the outbox, with a first draft of its words and its offers.

    Parameters
    ----------
    body : str or None
        Its words, where the library doesn't have them.
    vehicle_id : int or None
        The car, where neither an alert nor a booking tells it.
    campaign : str
        What a recall or a seasonal check is about.
    enrolment_id : int or None
        The journey that it is a step of.
    channels : sequence of str
        In the order of preference. An answer goes first the way that the customer wrote last.
    media_url : str or None
        A picture that goes along, where the channel takes one.
    wished : sequence of (datetime, datetime)
        When the customer would like to come; the message offers times of it.
    channel : str or None
        The only one to use, where a person has chosen.

    Returns
    -------
    Outreach or None
        None if the same message (by `dedupe_key`) was planned before.
    """
    customer = people.customer(conn, customer_id)
    assert customer is not None
    chosen = learn.choose(conn, customer, template, dedupe_key, alert_id, now)
    draft = (
        compose.Draft(body)
        if body is not None
        else compose.draft(
            conn,
            template,
            customer,
            alert_id,
            booking_id,
            now,
            vehicle_id,
            campaign,
            chosen.variant,
            wished,
        )
    )
    if channel is not None:
        channels = (channel,)
    elif purpose == "reply":
        wrote_from = outbox.last_from(conn, customer_id)
        if wrote_from is not None and of_address(wrote_from) in NAMES:
            channels = list(dict.fromkeys((of_address(wrote_from), *channels)))
    planned = outbox.plan(
        conn,
        customer_id=customer_id,
        template=template,
        purpose=purpose,
        dedupe_key=dedupe_key,
        body=draft.body,
        alert_id=alert_id,
        booking_id=booking_id,
        answers_at=answers_at,
        enrolment_id=enrolment_id,
        at=now,
        channels=channels,
        media_url=media_url,
        wished=wished,
    )
    if planned is not None:
        learn.keep(conn, planned, customer.dealer_id, chosen, now)
        outbox.replace_offers(conn, planned.id, list(draft.slots))
        spoken_of = alerts.get(conn, alert_id) if alert_id is not None else None
        if draft.no_slot is not None and spoken_of is not None:
            task.put(conn, spoken_of, now, draft.no_slot.told)
        people.notify(conn, "outbox")
    return planned


def write(
    conn: Connection,
    *,
    customer_id: int,
    body: str,
    actor: str,
    now: datetime,
    channel: str | None = None,
) -> Outreach:
    """Plan an advisor's own text; it takes the same way and the same checks as every other.

    It may go at any hour within an hour of the customer's last message, else by day only.

    Parameters
    ----------
    body : str
        ``{link}`` in it becomes the customer's link to the slot page.
    actor : str
        ``staff:3``.
    channel : str or None
        None: as the customer wrote last, else by text message.

    Raises
    ------
    CareError
        If it is empty or too long, or the customer can't be written to.
    """
    text = body.replace("\x00", "").replace("\r\n", "\n").strip()
    if not text:
        raise CareError("The message is empty.")
    if len(text) > LONGEST:
        raise CareError(f"The message has {len(text)} characters; {LONGEST} is the most.")
    customer = people.customer(conn, customer_id, lock=True)
    if customer is None:
        raise CareError(f"There is no customer {customer_id}.")
    wrote_from = outbox.last_from(conn, customer_id)
    if channel is not None and channel not in NAMES:
        raise CareError(f"There is no channel {channel}.")
    way = channel or of_address(wrote_from or "")
    way = way if way in NAMES else "sms"
    where = address(channel_store.addresses(conn, customer_id), way)
    if where is None:
        raise CareError(f"{customer.name}: {NO_ADDRESS[way]}")
    since = people.stopped(conn, where)
    if since is not None:
        raise CareError(f"{customer.name} said STOP on {since:%Y-%m-%d}. Please call instead.")
    before = outbox.same_text_since(conn, customer_id, text, now - DOUBLE_CLICK)
    if before is not None:
        return before
    planned = plan(
        conn,
        customer_id=customer_id,
        template="advisor",
        purpose="reply",
        dedupe_key=f"advisor:{uuid.uuid4()}",
        answers_at=outbox.last_reply_at(conn, customer_id),
        body=text,
        channel=channel,
        now=now,
    )
    assert planned is not None
    people.audit(conn, now, actor, "wrote", f"outreach:{planned.id}")
    return planned
