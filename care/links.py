"""The customer's links: short enough for a text message, signed, each good for one thing.

The address of the slot page is ``PUBLIC_URL/b/{token}``. A token is 24 bytes in URL-safe base64:
customer, vehicle, alert, day of expiry, and the first 80 bits of an HMAC-SHA256 over them: too many
to guess one at a time. It carries no name and no number.

A letter's unsubscribe address is ``PUBLIC_URL/u/{token}``: the outreach that it was. It never ends.

A repair's page is ``PUBLIC_URL/r/{token}``: customer and repair order in the same way. It ends some
time after the repair does, which the token can't know: the page asks the database.
"""

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from care.errors import CareError

_FIELDS = struct.Struct(">IIIH")
_PROGRESS = struct.Struct(">IQ")
_UNSUBSCRIBE = struct.Struct(">Q")
_TAG_BYTES = 10
_DAY_S = 24 * 60 * 60


class LinkInvalid(CareError):  # noqa: N818  the page says it so
    """Not a link that we made, or no longer whole."""


class LinkExpired(CareError):  # noqa: N818
    """A link that we made, and too old."""


@dataclass(frozen=True, slots=True)
class SlotLink:
    """What a link says.

    Parameters
    ----------
    customer_id, vehicle_id : int
    alert_id : int or None
        The alert that it was sent for.
    expires_at : datetime
    """

    customer_id: int
    vehicle_id: int
    alert_id: int | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ProgressLink:
    """What a link to a repair's page says."""

    customer_id: int
    repair_order_id: int


_BROKEN = "This link is not complete. Please open it from the message."


def _tag(secret: str, fields: bytes, kind: bytes = b"slot link") -> bytes:
    return hmac.digest(secret.encode(), kind + fields, "sha256")[:_TAG_BYTES]


def _raw(token: str) -> bytes:
    try:
        return base64.b64decode(
            token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True
        )
    except (UnicodeEncodeError, binascii.Error):
        raise LinkInvalid(_BROKEN) from None


def slot_token(
    secret: str,
    *,
    customer_id: int,
    vehicle_id: int,
    alert_id: int | None,
    now: datetime,
    days: int = 14,
) -> str:
    """Make a token that is good for `days` from `now`, and for the rest of the last of them.

    Parameters
    ----------
    secret : str
        ``SECRET_KEY``.
    customer_id, vehicle_id : int
    alert_id : int or None
    now : datetime
        Story time.
    days : int

    Returns
    -------
    str
        32 characters that are safe in an address.
    """
    last_day = int((now + timedelta(days=days)).timestamp() // _DAY_S)
    fields = _FIELDS.pack(customer_id, vehicle_id, alert_id or 0, last_day)
    return base64.urlsafe_b64encode(fields + _tag(secret, fields)).decode().rstrip("=")


def read_slot_token(secret: str, token: str, now: datetime) -> SlotLink:
    """Read a token.

    Raises
    ------
    LinkInvalid
        If it isn't ours or was changed.
    LinkExpired
        If it is ours and too old.

    Examples
    --------
    >>> now = datetime(2026, 11, 1, tzinfo=UTC)
    >>> token = slot_token("s", customer_id=7, vehicle_id=3, alert_id=None, now=now)
    >>> read_slot_token("s", token, now).customer_id
    7
    """
    raw = _raw(token)
    fields, tag = raw[: _FIELDS.size], raw[_FIELDS.size :]
    if len(fields) != _FIELDS.size or not hmac.compare_digest(tag, _tag(secret, fields)):
        raise LinkInvalid(_BROKEN)
    customer_id, vehicle_id, alert_id, last_day = _FIELDS.unpack(fields)
    expires_at = datetime.fromtimestamp((last_day + 1) * _DAY_S, UTC)
    if now >= expires_at:
        raise LinkExpired("This link has expired. Please call us and we will find you a time.")
    return SlotLink(customer_id, vehicle_id, alert_id or None, expires_at)


def progress_token(secret: str, *, customer_id: int, repair_order_id: int) -> str:
    """Make a token for a repair's page.

    Returns
    -------
    str
        30 characters that are safe in an address.
    """
    fields = _PROGRESS.pack(customer_id, repair_order_id)
    tag = _tag(secret, fields, b"repair link")
    return base64.urlsafe_b64encode(fields + tag).decode().rstrip("=")


def read_progress_token(secret: str, token: str) -> ProgressLink:
    """Read a token for a repair's page.

    Raises
    ------
    LinkInvalid
        If it isn't ours, was changed, or is for another page.

    Examples
    --------
    >>> token = progress_token("s", customer_id=7, repair_order_id=3)
    >>> len(token), read_progress_token("s", token)
    (30, ProgressLink(customer_id=7, repair_order_id=3))
    """
    raw = _raw(token)
    fields, tag = raw[: _PROGRESS.size], raw[_PROGRESS.size :]
    good = _tag(secret, fields, b"repair link")
    if len(fields) != _PROGRESS.size or not hmac.compare_digest(tag, good):
        raise LinkInvalid(_BROKEN)
    return ProgressLink(*_PROGRESS.unpack(fields))


def unsubscribe_token(secret: str, *, outreach_id: int) -> str:
    """Make a token that ends messages to the address that this message went to.

    Returns
    -------
    str
        24 characters that are safe in an address.
    """
    fields = _UNSUBSCRIBE.pack(outreach_id)
    tag = _tag(secret, fields, b"unsubscribe link")
    return base64.urlsafe_b64encode(fields + tag).decode().rstrip("=")


def read_unsubscribe_token(secret: str, token: str) -> int:
    """The outreach that a token for unsubscribing was made for.

    Raises
    ------
    LinkInvalid
        If it isn't ours, was changed, or is for another page.

    Examples
    --------
    >>> read_unsubscribe_token("s", unsubscribe_token("s", outreach_id=7))
    7
    """
    raw = _raw(token)
    fields, tag = raw[: _UNSUBSCRIBE.size], raw[_UNSUBSCRIBE.size :]
    good = _tag(secret, fields, b"unsubscribe link")
    if len(fields) != _UNSUBSCRIBE.size or not hmac.compare_digest(tag, good):
        raise LinkInvalid(_BROKEN)
    return int(_UNSUBSCRIBE.unpack(fields)[0])
