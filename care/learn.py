"""Learning what works: which words, at which hour, lead to bookings; see ``docs/decisions/0064``.

For each dealer, template and kind of choice (the text, the hour) there are a few arms. Each arm's
chance of a booking is a Bayesian linear regression of River's on what is known of the moment. An
arm is drawn as often as it is likely to be the best one (Thompson's rule, its shares computed and
not sampled), and never less often than a floor. Some customers always get the default: they tell
what the learning is worth.

Nothing here depends on a process's state or the wall clock: the model is made of rows, and the draw
of a hash of the message. Whoever plans the message, and however often, it is the same choice.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from care import law
from care.law import Place
from care.store import alerts, outbox
from care.store import learn as store
from care.store.learn import Group, Settings
from care.store.people import Customer
from care.texts import DEFAULT, VARIANTS, short
from record.flow import Alert, Outreach

FLOOR = 30
"""Known outcomes that every arm needs before any of them may be preferred."""

LEAST_SHARE = 0.05
"""No arm is ever drawn less often: what changes must be noticed."""

HOLD_OUT = 0.1
"""Share of the customers who always get the default, unless the dealer says another."""

REWARD_WITHIN = timedelta(days=7)
"""A booking within this time after a message is owed to it."""

MEMORY = timedelta(days=365)
"""Older outcomes are forgotten."""

DELAY = timedelta(hours=24)
"""No message waits longer for a better hour."""

SOON = timedelta(days=3)
"""A car that may fail within this time is written of at once."""

NOW = "now"
"""The default hour: as soon as it is allowed."""

PARTS: Mapping[str, tuple[time, time]] = {
    "morning": (time(9), time(11)),
    "noon": (time(12), time(14)),
    "evening": (time(17), time(19)),
}
"""Parts of the day to which a message may be moved, in the recipient's time."""

_PRIOR = 100.0
"""Inverse of the variance of a weight: an arm, or a context, seldom moves the rate by over 0.1."""

_LEAST_VARIANCE = 0.04
"""Of one outcome, yes or no: where hardly anybody books, we don't become sure too soon."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One choice, and how likely it was."""

    kind: str
    arm: str
    propensity: float
    held_out: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """Words and hour of a message."""

    variant: str = DEFAULT
    not_before: datetime | None = None
    picks: Sequence[Pick] = ()
    context: Mapping[str, str] | None = None


def fraction(*parts: object) -> float:
    """A number in [0, 1) that is the same for the same parts, everywhere and always.

    Examples
    --------
    >>> fraction("a", 1) == fraction("a", 1), fraction("a", 1) == fraction("a", 2)
    (True, False)
    """
    words = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:6]) / 2**48


def is_held_out(customer_id: int, share: float) -> bool:
    """Whether a customer always gets the default; a larger share only adds customers."""
    return fraction("hold-out", customer_id) < share


def features(context: Mapping[str, str]) -> dict[str, float]:
    """A context as River takes it: a one for each thing that is so."""
    return {"always": 1.0} | {f"{name}={word}": 1.0 for name, word in context.items()}


def propensities(
    arms: Sequence[str], groups: Sequence[Group], context: Mapping[str, str]
) -> dict[str, float]:
    """How likely each arm is to be drawn; the sum is 1.

    Even until each arm has `FLOOR` outcomes; from then on by the likelihood that it is the best one
    in this context, and never below `LEAST_SHARE`.
    """
    seen = dict.fromkeys(arms, 0)
    for group in groups:
        if group.arm in seen:
            seen[group.arm] += group.count
    if len(arms) == 1 or min(seen.values()) < FLOOR:
        return dict.fromkeys(arms, 1 / len(arms))
    best = _likely_best([_belief(arm, groups, context) for arm in arms])
    free = 1 - LEAST_SHARE * len(arms)
    return {arm: LEAST_SHARE + free * p for arm, p in zip(arms, best, strict=True)}


def _belief(arm: str, groups: Sequence[Group], context: Mapping[str, str]) -> tuple[float, float]:
    """Mean and standard deviation of what we believe of an arm's rate in a context."""
    # here, not above: the console plans messages too, never learns, and River takes 80 MB
    from river import linear_model

    total = sum(group.count for group in groups)
    usual = sum(group.wins for group in groups) / total
    noise = max(usual * (1 - usual), _LEAST_VARIANCE)
    model: Any = linear_model.BayesianLinearRegression(alpha=_PRIOR, beta=1 / noise)
    for group in groups:
        if group.arm == arm:
            # n equal outcomes weigh as one that is root n times as large: the same sums
            root = math.sqrt(group.count)
            scaled = {name: root * x for name, x in features(group.context).items()}
            model.learn_one(scaled, (group.wins - group.count * usual) / root)
    told = model.predict_one(features(context), with_dist=True)
    return told.mu, math.sqrt(max(told.sigma**2 - noise, 1e-12))


def _likely_best(beliefs: Sequence[tuple[float, float]], steps: int = 400) -> list[float]:
    """For each of some normal variables the probability that it is the greatest."""
    low = min(mu - 6 * sigma for mu, sigma in beliefs)
    high = max(mu + 6 * sigma for mu, sigma in beliefs)
    width = (high - low) / steps
    below = [
        [0.5 * math.erfc((mu - (low + i * width)) / sigma / math.sqrt(2)) for i in range(steps + 1)]
        for mu, sigma in beliefs
    ]
    shares = []
    for k, own in enumerate(below):
        others = [b for j, b in enumerate(below) if j != k]
        middle = (
            math.prod((b[i] + b[i + 1]) / 2 for b in others) * (own[i + 1] - own[i])
            for i in range(steps)
        )
        shares.append(sum(middle))
    return [share / sum(shares) for share in shares]


def draw(shares: Mapping[str, float], *key: object) -> str:
    """One of the arms, by their shares; the same for the same key."""
    at = fraction("draw", *key)
    for arm, share in shares.items():
        at -= share
        if at < 0:
            return arm
    return list(shares)[-1]


def pick(
    kind: str,
    arms: Sequence[str],
    groups: Sequence[Group],
    context: Mapping[str, str],
    *,
    customer_id: int,
    hold_out: float,
    key: str,
) -> Pick:
    """Choose one arm for a message.

    Parameters
    ----------
    kind : str
        ``text`` or ``hour``.
    arms : sequence of str
        The default first.
    key : str
        The message's dedupe key.
    """
    if is_held_out(customer_id, hold_out):
        return Pick(kind, arms[0], 1.0, held_out=True)
    shares = propensities(arms, groups, context)
    arm = draw(shares, kind, key)
    return Pick(kind, arm, shares[arm], held_out=False)


def moments(now: datetime, where: Sequence[Place]) -> dict[str, datetime]:
    """When a message would go at the earliest, by arm: those that are allowed within `DELAY`."""
    found = {NOW: now}
    for part, (since, until) in PARTS.items():
        at = law.next_lawful(now, where, since, until)
        if at is not None and at <= now + DELAY:
            found[part] = at
    return found


def context_of(
    customer: Customer, alert: Alert, answered: bool, now: datetime, zone: ZoneInfo
) -> dict[str, str]:
    """What is known of the moment, as words."""
    local = now.astimezone(zone)
    return {
        "urgency": str(alert.urgency),
        "family": alert.cause.split("_")[0],
        "language": short(customer.language),
        "answered": "yes" if answered else "no",
        "days": "weekend" if local.isoweekday() > 5 else "week",
        "part": _part(local.time()),
    }


def _part(local: time) -> str:
    """The part of the day, as far as `PARTS` knows it.

    Examples
    --------
    >>> _part(time(5)), _part(time(8)), _part(time(11)), _part(time(16)), _part(time(21))
    ('night', 'morning', 'noon', 'evening', 'night')
    """
    if local < time(6):
        return "night"
    return next((part for part, (_, until) in PARTS.items() if local < until), "night")


def choose(
    conn: Connection,
    customer: Customer,
    template: str,
    dedupe_key: str,
    alert_id: int | None,
    now: datetime,
) -> Chosen:
    """Words and hour of a message that is being planned; the default where there is no choice.

    Only templates with variants have one, and those speak first and of nothing that should stop a
    car.
    """
    known = VARIANTS.get(template)
    alert = alerts.get(conn, alert_id) if known and alert_id is not None else None
    settings = store.settings(conn, customer.dealer_id) if known and alert else None
    where = law.places(customer.time_zone, customer.region, customer.phone)
    if known is None or alert is None or settings is None or not where:
        return Chosen()
    zone = law.zone_named(customer.time_zone)
    assert zone is not None
    answered = outbox.last_reply_at(conn, customer.id) is not None
    context = context_of(customer, alert, answered, now, zone)
    arms = {"text": [DEFAULT, *known.get(short(customer.language), ())] if settings.texts else []}
    at = moments(now, where) if settings.hours and not _urgent(alert, now) else {}
    arms["hour"] = list(at)
    picks = [
        pick(
            kind,
            names,
            _groups(conn, customer.dealer_id, template, kind, now),
            context,
            customer_id=customer.id,
            hold_out=settings.hold_out,
            key=dedupe_key,
        )
        for kind, names in arms.items()
        if len(names) > 1
    ]
    chosen = {one.kind: one.arm for one in picks}
    return Chosen(
        chosen.get("text", DEFAULT), at.get(chosen.get("hour", NOW)), tuple(picks), context
    )


def _urgent(alert: Alert, now: datetime) -> bool:
    soon = alert.expect_from is not None and alert.expect_from < now + SOON
    return alert.urgency == "stop" or soon


def _groups(
    conn: Connection, dealer_id: int, template: str, kind: str, now: datetime
) -> list[Group]:
    """What was known of a template when the day (UTC) began."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return store.groups(conn, dealer_id, template, kind, midnight - MEMORY, midnight)


def keep(
    conn: Connection, planned: Outreach, dealer_id: int, chosen: Chosen, now: datetime
) -> None:
    """Write down what was chosen for a planned message, and hold it until its hour."""
    for one in chosen.picks:
        store.add(
            conn,
            outreach_id=planned.id,
            kind=one.kind,
            dealer_id=dealer_id,
            arm=one.arm,
            context=dict(chosen.context or {}),
            propensity=one.propensity,
            held_out=one.held_out,
            at=now,
        )
    if chosen.not_before is not None and chosen.not_before > now:
        outbox.postpone(conn, planned.id, chosen.not_before, "Held for an hour that may suit.")


def variant_of(conn: Connection, outreach_id: int) -> str:
    """The words that were chosen for a message, for writing it anew with other times."""
    return store.arm_of(conn, outreach_id, "text") or DEFAULT


def reward(conn: Connection, now: datetime) -> int:
    """Look what came of messages: a booking within `REWARD_WITHIN`, or none. The caller commits.

    A booking is owed to the last message about the car before it. Returns how many were settled.
    """
    return store.reward(conn, now, REWARD_WITHIN)


def set_learning(
    conn: Connection, dealer_id: int, wanted: Settings, by: str, now: datetime
) -> None:
    """Turn learning on or off for a dealer."""
    store.set_settings(conn, dealer_id, wanted, by, now)
