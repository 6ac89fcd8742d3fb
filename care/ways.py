"""By which channel a person may be written to, now: the first in the order that they accept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection

from care.channels import wecom
from care.channels.contract import NAMES
from care.channels.twilio_whatsapp import PREFIX as WHATSAPP
from care.channels.twilio_whatsapp import in_window
from care.store import channels as store
from care.store import outbox, people
from care.store.channels import Addresses
from care.store.outbox import Due
from care.store.people import Customer

CALLED = {
    "sms": "text message",
    "whatsapp": "WhatsApp",
    "email": "e-mail",
    "wecom": "WeCom",
    "voice": "call",
}

NO_ADDRESS = {
    "sms": "There is no phone number.",
    "whatsapp": "There is no phone number.",
    "email": "There is no e-mail address.",
    "wecom": "The customer is not known in WeCom.",
    "voice": "There is no phone number.",
}


@dataclass(frozen=True, slots=True)
class Way:
    """One channel, and what speaks against it.

    Parameters
    ----------
    channel : str
    address : str or None
        As ``outreach.to_phone`` keeps it.
    consent : bool
        In force, for the message's purpose.
    stopped_at : datetime or None
        Since when the address is stopped.
    barred : str
        Another reason against it, in a sentence.
    """

    channel: str
    address: str | None
    consent: bool = True
    stopped_at: datetime | None = None
    barred: str = ""

    @property
    def code(self) -> str | None:
        """What speaks against it most."""
        if self.address is None:
            return "no number"
        if self.stopped_at is not None:
            return "stop"
        if not self.consent:
            return "no consent"
        return "no way" if self.barred else None

    def why_not(self, purpose: str) -> str:
        """What speaks against it most, in a sentence."""
        match self.code:
            case "no number":
                return NO_ADDRESS[self.channel]
            case "stop":
                who = "number" if self.channel in ("sms", "whatsapp", "voice") else "address"
                return f"The {who} said STOP on {self.stopped_at:%Y-%m-%d}."
            case "no consent":
                by = "" if self.channel == "sms" else f" by {CALLED[self.channel]}"
                return f"There is no consent to {purpose} messages{by}."
        return self.barred


def choose(ways: Sequence[Way]) -> Way:
    """The first that nothing speaks against; where there is none, the first of all.

    Examples
    --------
    >>> choose([Way("whatsapp", None), Way("sms", "+1312")]).channel
    'sms'
    >>> choose([Way("email", None), Way("sms", None)]).channel
    'email'
    """
    return next((way for way in ways if way.code is None), ways[0])


def address(known: Addresses, channel: str) -> str | None:
    """A person's address on a channel, as the outbox and the ledger of STOP keep it."""
    match channel:
        case "sms" | "voice":
            return known.phone
        case "whatsapp":
            return WHATSAPP + known.phone if known.phone else None
        case "email":
            return known.email.strip().lower() or None if known.email else None
        case "wecom":
            return wecom.PREFIX + known.wecom_id if known.wecom_id else None
    return None


def of_address(where: str) -> str:
    """The channel of an address.

    Examples
    --------
    >>> [of_address(a) for a in ("+1312", "whatsapp:+1312", "a@b.example", "wecom:wo1")]
    ['sms', 'whatsapp', 'email', 'wecom']
    """
    prefix, colon, _ = where.partition(":")
    return prefix if colon else "email" if "@" in where else "sms"


def ways(
    conn: Connection,
    message: Due,
    customer: Customer,
    now: datetime,
    there_are: Collection[str] = NAMES,
) -> list[Way]:
    """Every way that a message may take, in its order of preference."""
    known = store.addresses(conn, customer.id)
    found = []
    for channel in message.channels:
        where = address(known, channel)
        found.append(
            Way(
                channel,
                where,
                message.purpose == "reply"
                or people.consented(conn, customer.id, message.purpose, channel),
                people.stopped(conn, where) if where else None,
                f"{CALLED[channel].capitalize()} is not set up."
                if channel not in there_are
                else _barred(conn, message, customer, channel, where, known, now)
                if where
                else "",
            )
        )
    return found


def _barred(
    conn: Connection,
    message: Due,
    customer: Customer,
    channel: str,
    where: str,
    known: Addresses,
    now: datetime,
) -> str:
    if channel == "voice":
        return "Nobody can be called by a machine yet."
    if (
        channel == "whatsapp"
        and not in_window(outbox.last_inbound(conn, where), now)
        and store.template(conn, message.template, customer.language) is None
    ):
        return (
            "WhatsApp takes only approved words until the customer writes, and none are approved "
            f"for “{message.template}” in {customer.language}."
        )
    if channel == "wecom":
        if known.advisor_wecom_id is None:
            return "The customer's advisor has no WeCom account."
        local = now.astimezone(wecom.ZONE)
        begins = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        ends = (begins + timedelta(days=32)).replace(day=1)
        if store.sent_between(conn, where, begins, ends) >= wecom.MONTHLY:
            return f"WeCom delivers {wecom.MONTHLY} messages a month to a customer, and they were."
    return ""
