"""What a customer is like and belongs to: households, tags, segments, the stage of the relation.

Behaviour is read off rows whenever somebody looks, so no tag is ever out of date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg import Connection

from care.errors import CareError
from care.store import customers as store
from care.store import people
from care.store.customers import Behaviour

CHANNELS = ("sms", "whatsapp", "email", "wecom", "voice")
PURPOSES = ("service", "marketing")

LAPSED = timedelta(days=456)
"""Fifteen months without a visit: a yearly service was missed, with some grace."""

QUICK = timedelta(minutes=15)
SILENT_AFTER = 3
"""So many messages without any answer make somebody who never answers."""

HIGH_MILEAGE_KM = 150_000

WARRANTY_WITHIN = timedelta(days=30 * 366)
"""No car's warranty ends longer ago, or later; what is typed beyond it is a slip."""

MEMBER_VISITS = 2
MEMBER_POINTS = 250


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the relation stands, and why we say so."""

    name: str  # customer | member | advocate
    reason: str


def behaviour_tags(facts: Behaviour, now: datetime) -> tuple[str, ...]:
    """Tags that a customer's rows speak for.

    Parameters
    ----------
    facts : Behaviour
    now : datetime
    """
    tags = []
    if facts.answer_time is not None and facts.answer_time <= QUICK:
        tags.append("answers quickly")
    if facts.messages >= SILENT_AFTER and facts.replies == 0:
        tags.append("never answers")
    if facts.no_shows:
        tags.append("no-show")
    if now - (facts.last_visit_at or facts.since) > LAPSED:
        tags.append("lapsed")
    if facts.odometer_m is not None and facts.odometer_m > HIGH_MILEAGE_KM * 1000:
        tags.append("high mileage")
    if facts.cars > 1:
        tags.append("several cars")
    return tuple(tags)


def stage(facts: Behaviour, points: int) -> Stage:
    """Customer, member or advocate, with the reason.

    Parameters
    ----------
    facts : Behaviour
    points : int
        In force, see `loyalty.balance`.
    """
    if facts.referrals and facts.visits:
        return Stage("advocate", f"Brought {facts.referrals} friend(s), and comes here too.")
    if facts.visits >= MEMBER_VISITS:
        return Stage("member", f"Came {facts.visits} times.")
    if points >= MEMBER_POINTS:
        return Stage("member", f"Has {points} points.")
    seen = "Came once." if facts.visits else "Has not come yet."
    return Stage("customer", seen)


def share_household(
    conn: Connection, customer_id: int, other_id: int, actor: str, now: datetime
) -> None:
    """Two customers share a home from now on: one frequency cap for both.

    Raises
    ------
    CareError
        If they are one and the same, or of two dealers.
    """
    if customer_id == other_id:
        raise CareError("A household needs two people.")
    me, other = people.customer(conn, customer_id), people.customer(conn, other_id)
    if me is None or other is None or me.dealer_id != other.dealer_id:
        raise CareError("There is no such customer at your dealer.")
    for one in sorted((customer_id, other_id)):
        people.customer(conn, one, lock=True)
    people.leave_household(conn, customer_id)
    household = people.join_household(conn, customer_id, other_id, now)
    for one in (customer_id, other_id):
        people.audit(conn, now, actor, "household shared", f"customer:{one}", household=household)


def leave_household(conn: Connection, customer_id: int, actor: str, now: datetime) -> None:
    """The customer lives elsewhere. Safe to repeat."""
    people.leave_household(conn, customer_id)
    people.audit(conn, now, actor, "household left", f"customer:{customer_id}")


def set_warranty(
    conn: Connection, vehicle_id: int, until: date | None, actor: str, now: datetime
) -> None:
    """Until which day a car's warranty lasts; None where nothing is known of it.

    Raises
    ------
    CareError
        If no warranty can last so long, or ended so long ago.
    """
    if until is not None and abs(until - now.date()) > WARRANTY_WITHIN:
        raise CareError(f"No warranty ends on {until}.")
    people.set_warranty(conn, vehicle_id, until)
    people.audit(
        conn, now, actor, "warranty noted", f"vehicle:{vehicle_id}", until=until and str(until)
    )


def tag(conn: Connection, customer_id: int, text: str, actor: str, now: datetime) -> None:
    """Tag a customer by hand.

    Raises
    ------
    CareError
        If the tag is empty or too long.
    """
    words = " ".join(text.replace("\x00", "").split()).lower()
    if not 0 < len(words) <= 40:
        raise CareError("A tag has 1 to 40 characters.")
    people.add_tag(conn, customer_id, words, actor, now)
    people.audit(conn, now, actor, "tagged", f"customer:{customer_id}", tag=words)


def untag(conn: Connection, customer_id: int, text: str, actor: str, now: datetime) -> None:
    """Take a tag away. Safe to repeat."""
    people.remove_tag(conn, customer_id, text)
    people.audit(conn, now, actor, "tag removed", f"customer:{customer_id}", tag=text)


def record_consent(
    conn: Connection,
    customer_id: int,
    *,
    purpose: str,
    channel: str,
    granted: bool,
    source: str,
    wording: str,
    actor: str,
    now: datetime,
) -> None:
    """Write down what a person told a member of staff that they agree to, or no longer do.

    Raises
    ------
    CareError
        If purpose or channel is none of ours, or source or wording is missing.
    """
    if purpose not in PURPOSES or channel not in CHANNELS:
        raise CareError("Choose a purpose and a channel from the list.")
    said, version = source.replace("\x00", "").strip(), wording.replace("\x00", "").strip()
    if not 0 < len(said) <= 120:
        raise CareError("Say where the consent comes from, as in: on the phone, sales contract.")
    if not 0 < len(version) <= 120:
        raise CareError("Say which wording the person was shown, as in: 2026-01.")
    people.add_consent(conn, customer_id, purpose, granted, said, version, now, channel)
    people.audit(
        conn,
        now,
        actor,
        "consent recorded" if granted else "consent withdrawn",
        f"customer:{customer_id}",
        purpose=purpose,
        channel=channel,
    )


def conditions(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str | int]]:
    """Check a segment's conditions as they came from a form; empty ones are left out.

    Raises
    ------
    CareError
        If a field is none of ours, or a value doesn't fit it.

    Examples
    --------
    >>> conditions([("cars_at_least", "2"), ("language", "")])
    [{'field': 'cars_at_least', 'value': 2}]
    """
    checked: list[dict[str, str | int]] = []
    for field, text in pairs:
        value = " ".join(text.replace("\x00", "").split())
        known = store.CONDITIONS.get(field)
        if known is None:
            raise CareError("Choose each condition from the list.")
        if not value:
            continue
        if known.number:
            if not (value.isascii() and value.isdigit() and len(value) <= 6):
                raise CareError(f"{known.title}: a whole number is needed, not {value[:20]!r}.")
            checked.append({"field": field, "value": int(value)})
        elif known.choices and value not in known.choices:
            raise CareError(f"{known.title}: choose one of {', '.join(known.choices)}.")
        elif len(value) > 60:
            raise CareError(f"{known.title}: 60 characters at most.")
        else:
            checked.append({"field": field, "value": value})
    return checked


def save_segment(
    conn: Connection,
    dealer_id: int,
    name: str,
    chosen: Sequence[Mapping[str, str | int]],
    actor: str,
    now: datetime,
) -> int:
    """Keep a question under a name; the same name again replaces it. Returns its id.

    Raises
    ------
    CareError
        If it has no name or no condition.
    """
    title = " ".join(name.replace("\x00", "").split())
    if not 0 < len(title) <= 80:
        raise CareError("Give the segment a name of at most 80 characters.")
    if not chosen:
        raise CareError("Choose at least one condition.")
    segment_id = store.put_segment(conn, dealer_id, title, chosen, actor, now)
    people.audit(conn, now, actor, "segment saved", f"segment:{segment_id}")
    return segment_id
