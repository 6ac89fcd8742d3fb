"""What becomes of a message after Twilio took it, told in any order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection

from care import task
from care.store import alerts, outbox, people

ENDINGS = {"delivered": 1, "read": 1, "undelivered": 1, "failed": 1, "canceled": 1}
"""Statuses after which nothing follows (but "read", which comes after "delivered")."""

STOPPED = 21610
"""Twilio's code for a number that answered STOP."""

WHY = {
    30003: "the phone was off or out of reach",
    30004: "the phone or its carrier blocks us",
    30005: "the number doesn't exist",
    30006: "the number is a landline",
    30007: "the carrier filtered it as spam",
    STOPPED: "the number said STOP",
}
"""From Twilio's error dictionary, in an advisor's words."""


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
    why = WHY.get(end.error_code or 0, f"Twilio's error {end.error_code or 'unknown'}")
    reason = f"It was not delivered: {why}." if end.state == "undelivered" else None
    if not outbox.set_delivery(conn, message.id, end.state, reason, end.error_code, now):
        return
    if end.error_code == STOPPED and message.to_phone:
        people.add_suppression(conn, message.to_phone, True, f"Twilio {STOPPED}", now)
    if reason is not None:
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
