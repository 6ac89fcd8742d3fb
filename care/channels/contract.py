"""What the sender needs of a channel, whoever the provider is.

A send returns `Sent`, `Later` or `Refused`; it doesn't raise for the provider.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

NAMES = ("sms", "whatsapp", "email", "wecom", "voice")
"""As the database's checks know them."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address, final in every word.

    Parameters
    ----------
    id, attempt : int
        Of the outreach.
    to_phone : str
        The address, as ``outreach.to_phone`` keeps it: ``whatsapp:+13125551200``.
    body : str
    channel : str
    media_url : str or None
        A picture that the provider fetches.
    subject : str
        For channels that have one.
    unsubscribe_url : str
        One click there ends messages to this address.
    content_sid : str or None
        The approved template that says it, where free words aren't allowed now.
    variables : mapping of str to str
        What the template's gaps are filled with.
    sender : str
        The member of staff in whose name it goes, where the channel asks for one.
    sending_at : datetime or None
        Wall clock, when its fate is asked for.
    """

    id: int
    attempt: int
    to_phone: str
    body: str
    channel: str = "sms"
    media_url: str | None = None
    subject: str = ""
    unsubscribe_url: str = ""
    content_sid: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    sender: str = ""
    sending_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has it.

    Parameters
    ----------
    sid : str
        The provider's id of the message.
    segments : int
        How many are paid for.
    note : str or None
        What it waits for there, in a sentence.
    """

    sid: str
    segments: int = 1
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Try again.

    Parameters
    ----------
    reason : str
    unsure : bool
        The provider may have it all the same: ask before sending again.
    after_s : float or None
        Not before so many seconds; None lets the pauses grow by themselves.
    """

    reason: str
    unsure: bool
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take it.

    Parameters
    ----------
    code : int
        In the provider's dictionary; Twilio's 21610 means that the number said STOP.
    reason : str
    """

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that the provider has."""

    sid: str
    body: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody can be asked: it may have arrived, so it is not sent again."""

    reason: str


@dataclass(frozen=True, slots=True)
class News:
    """What the provider says of a message when asked.

    Parameters
    ----------
    status : str
        As in its callbacks: ``delivered``, ``undelivered``; else it is under way.
    error_code : int or None
    cost_micros : int or None
        Millionths of `currency`; None while it isn't known.
    currency : str or None
    """

    status: str
    error_code: int | None = None
    cost_micros: int | None = None
    currency: str | None = None


class Channel(Protocol):
    """One way to a customer.

    Attributes
    ----------
    longest : int
        Characters in one message.
    media : bool
        Whether pictures go along.
    tells : bool
        Whether the provider can be asked what became of a message.
    """

    longest: int
    media: bool
    tells: bool

    def send(self, message: Message) -> Sent | Later | Refused:
        """Hand over one message, once."""
        ...

    def look(self, message: Message) -> Sequence[Kept] | Later | Lost:
        """What the provider has for the message's address, newest first."""
        ...

    def news(self, message: Message, sid: str) -> News | Later:
        """What became of a message."""
        ...
