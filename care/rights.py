"""What a person may ask of us at any time: silence, privacy of where the car is, their data.

The rules are `care.law`'s; here they take effect.
"""

from datetime import datetime

from psycopg import Connection

from care import law
from care.errors import CareError
from care.store import people
from care.store import rights as store
from care.store.rights import Request

WAYS = ("in person", "by phone", "by e-mail", "by letter", "in a message")
"""How a wish may reach us: 47 CFR 64.1200(a)(10) takes any reasonable one."""

CHANNELS = ("sms", "whatsapp", "email", "wecom", "voice")

REVOKED = "revocation-1"
"""Nothing is read out for a revocation; the row still says which rules it was taken under."""

LOCATION_WORDING = "location-1"
"""Of the question for consent to the car's location, as the customer's page has it."""

KINDS = ("access", "erasure")


def revoke(
    conn: Connection,
    customer_id: int,
    channel: str | None,
    how: str,
    by: str,
    now: datetime,
) -> None:
    """A person wants no more messages; in force at once, whatever way they said it.

    No message confirms it: one may (64.1200(a)(12)), but Twilio has sent it to who wrote STOP, and
    who told a person was answered by a person.

    Parameters
    ----------
    channel : str or None
        One of `CHANNELS`; None for all of them.
    how : str
        One of `WAYS`.
    by : str
        Who took it down: ``staff:3``.

    Raises
    ------
    CareError
        If there is no such customer, channel or way.
    """
    if channel is not None and channel not in CHANNELS:
        raise CareError(f"There is no channel {channel}.")
    customer = _known(conn, customer_id, how)
    if channel in (None, "sms") and customer.phone is not None:
        people.add_suppression(conn, customer.phone, True, f"told us {how}", now)
    for one in CHANNELS if channel is None else (channel,):
        for purpose in ("service", "marketing"):
            store.add_consent(
                conn, customer_id, purpose, one, False, f"told us {how}", REVOKED, now
            )
    store.drop_planned(conn, customer_id, channel, f"The customer told us {how} to stop.", now)
    people.audit(
        conn, now, by, "messages revoked", f"customer:{customer_id}", how=how, channel=channel
    )


def set_location(
    conn: Connection, customer_id: int, granted: bool, how: str, by: str, now: datetime
) -> None:
    """A person agrees, or no longer agrees, that we show and use where their car is.

    Raises
    ------
    CareError
    """
    _known(conn, customer_id, how)
    store.add_consent(
        conn, customer_id, "location", "car", granted, f"told us {how}", LOCATION_WORDING, now
    )
    action = "location agreed" if granted else "location revoked"
    people.audit(conn, now, by, action, f"customer:{customer_id}", how=how)


def position_hidden(conn: Connection, vehicle_id: int, at: datetime) -> bool:
    """Whether a car's position may not be shown or used: its country asks for the owner's consent.

    Nobody's car can have none.
    """
    country = store.country_of(conn, vehicle_id)
    if country not in law.LOCATION_BY_CONSENT:
        return False
    owner = people.owner(conn, vehicle_id, at)
    return owner is None or not people.consented(conn, owner.id, "location", "car")


def take_down(
    conn: Connection, customer_id: int, kind: str, how: str, by: str, now: datetime
) -> Request:
    """Note that a person asked for their data, or for its erasure, and until when we must answer.

    Asking again while one is open changes nothing: its month runs from the first time.

    Raises
    ------
    CareError
    """
    if kind not in KINDS:
        raise CareError(f"There is no such request: {kind}.")
    _known(conn, customer_id, how)
    made = store.add_request(conn, customer_id, kind, how, now, law.answer_due(now), by)
    if made is None:
        raise CareError("They have asked already, and it is still open.")
    people.audit(conn, now, by, f"{kind} requested", f"customer:{customer_id}", how=how)
    return made


def answer(conn: Connection, request_id: int, words: str, by: str, now: datetime) -> None:
    """A request was answered: what was done, or why not (Art. 12(4)).

    Raises
    ------
    CareError
        If there is nothing to say, no such request, or it was answered before.
    """
    said = words.replace("\x00", "").strip()
    if not said:
        raise CareError("Say what was done, or why it was refused.")
    done = store.close_request(conn, request_id, said, by, now)
    if done is None:
        raise CareError("There is no such open request.")
    people.audit(conn, now, by, f"{done.kind} answered", f"customer:{done.customer_id}", how=said)


def _known(conn: Connection, customer_id: int, how: str) -> people.Customer:
    if how not in WAYS:
        raise CareError(f"Say how they told us: {', '.join(WAYS)}.")
    customer = people.customer(conn, customer_id, lock=True)
    if customer is None:
        raise CareError(f"There is no customer {customer_id}.")
    return customer
