"""What becomes of a message after the provider took it, told in any order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection

from care import outreach, task
from care.channels import wecom
from care.store import alerts, outbox, people
from care.store.outbox import Due

ENDINGS = {"delivered": 1, "read": 1, "undelivered": 1, "failed": 1, "canceled": 1}
"""Statuses after which nothing follows (but "read", which comes after "delivered")."""

STOPPED = 21610
"""Twilio's code for a number that answered STOP."""

BLOCKED = 63014
"""Twilio's code for a person who blocked us on WhatsApp."""

STOPS = frozenset({STOPPED, BLOCKED})
"""The person wants silence: the address is stopped, and no other channel is tried."""

WHY = {
    30003: "the phone was off or out of reach",
    30004: "the phone or its carrier blocks us",
    30005: "the number doesn't exist",
    30006: "the number is a landline",
    30007: "the carrier filtered it as spam",
    STOPPED: "the number said STOP",
    BLOCKED: "the person blocked us on WhatsApp",
    63016: "WhatsApp takes only approved words until the customer writes",
    63024: "the number has no WhatsApp",
    wecom.NO_CONTACT: "the customer is no longer a WeCom contact of the advisor",
    wecom.CAP: "the customer has had WeCom's four messages of this month",
}
"""From the providers' error dictionaries, in an advisor's words."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a message ended."""

    state: str  # delivered | undelivered
    error_code: int | None


def ending(told: Iterable[tuple[str, int | None]]) -> Ending | None:
    """How a message ended, from all statuses told so far in any order; None while it is under way.

    Examples
    --------
    >>> ending([("delivered", None), ("sent", None)])
    Ending(state='delivered', error_code=None)
    >>> ending([("queued", None)]) is None
    True
    """
    statuses = dict(told)
    if "delivered" in statuses or "read" in statuses:
        return Ending("delivered", None)
    for status in ("undelivered", "failed", "canceled"):
        if status in statuses:
            return Ending("undelivered", statuses[status])
    return None


def settle(conn: Connection, sid: str, now: datetime) -> None:
    """Let a sent message take the state that was told of it; a failed one becomes a call.

    Harmless before we know the message, or after it has ended. The webhook that stores a status
    and the sender that stores the id may do so at the same moment: the later of them settles.
    """
    outbox.lock_sid(conn, sid)
    end = ending(outbox.deliveries(conn, sid))
    message = outbox.by_sid(conn, sid)
    if end is None or message is None:
        return
    why = WHY.get(end.error_code or 0, f"error {end.error_code or 'unknown'} of the provider")
    reason = f"It was not delivered: {why}." if end.state == "undelivered" else None
    if not outbox.set_delivery(conn, message.id, end.state, reason, end.error_code, now):
        return
    if reason is not None:
        failed(conn, message, end.error_code, reason, now)


def failed(conn: Connection, message: Due, code: int | None, reason: str, now: datetime) -> None:
    """A message ended without its reader: the next channel takes over, or else a person.

    Who said STOP is not tried by another channel.

    Parameters
    ----------
    message : Due
        Its state says so already.
    code : int or None
        The provider's.
    reason : str
        A sentence.
    """
    if code in STOPS:
        if message.to_phone and people.stopped(conn, message.to_phone) is None:
            people.add_suppression(conn, message.to_phone, True, f"Twilio {code}", now)
    elif outreach.fall_back(conn, message, now):
        return
    not_told(conn, message.customer_id, message.alert_id, message.purpose, reason, now)


def not_told(
    conn: Connection,
    customer_id: int,
    alert_id: int | None,
    purpose: str,
    reason: str,
    now: datetime,
) -> None:
    """A message will not reach its reader: where it mattered, a person must.

    Parameters
    ----------
    reason : str
        A sentence: "It was not delivered: the number is a landline."
    """
    found = alerts.get(conn, alert_id) if alert_id is not None else None
    if purpose == "service" and found is not None and found.state == "open":
        task.put(conn, found, now, reason)
    elif purpose == "reply":
        customer = people.customer(conn, customer_id)
        if customer is not None:
            task.ask_person(
                conn,
                customer,
                f"{customer.name} did not get our answer",
                f"{reason} Call instead.",
                now,
            )
