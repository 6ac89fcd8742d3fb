"""What Twilio tells us: an answer from a phone, or what became of a message.

Both may be told twice, late and out of order; the second time changes nothing. The one thing that
can't wait is done right here, in the same transaction: STOP is in the ledger before Twilio gets
its 200.
"""

from collections.abc import Mapping
from datetime import datetime

import phonenumbers
from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from twilio.request_validator import RequestValidator

from care import delivery, ways, words
from care.channels.contract import NAMES
from care.channels.twilio_whatsapp import PREFIX as WHATSAPP
from care.errors import CareError
from care.store import channels as channel_store
from care.store import outbox, people

INBOUND_PATH = "/twilio/inbound"
STATUS_PATH = "/twilio/status"

EVERYTHING = frozenset(
    {"stopall", "stop all", "stop everything", "unsubscribe all", "全部退订", "全部停止"}
)
"""Words that end messages to every address of the person, not only of the phone they came from."""

WORDING = "reply-start-v1"
"""Version of what a person agrees to by answering START."""


class _Inbound(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sid: str = Field(alias="MessageSid", pattern=r"^(SM|MM)[0-9a-fA-F]{32}$")
    phone: str = Field(alias="From", min_length=1, max_length=64)
    body: str = Field(alias="Body", default="", max_length=20_000)
    opt_out: str = Field(alias="OptOutType", default="", max_length=16)

    @field_validator("phone")
    @classmethod
    def _e164(cls, phone: str) -> str:
        prefix = WHATSAPP if phone.startswith(WHATSAPP) else ""
        try:
            number = phonenumbers.parse(phone.removeprefix(WHATSAPP))
        except phonenumbers.NumberParseException:
            return phone.replace("\x00", "")  # a short code, or nonsense: kept as it came
        return prefix + phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    @field_validator("body")
    @classmethod
    def _storable(cls, body: str) -> str:
        return body.replace("\x00", "")  # PostgreSQL has no place for it


class _Status(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sid: str = Field(alias="MessageSid", pattern=r"^(SM|MM)[0-9a-fA-F]{32}$")
    status: str = Field(alias="MessageStatus", pattern=r"^[a-z_]{1,32}$")
    error_code: int | None = Field(alias="ErrorCode", default=None, ge=0, le=999_999)

    @field_validator("error_code", mode="before")
    @classmethod
    def _blank(cls, code: object) -> object:
        return None if code == "" else code


def valid(auth_token: str, url: str, params: Mapping[str, str], signature: str) -> bool:
    """Whether Twilio signed this request.

    Parameters
    ----------
    auth_token : str
        ``TWILIO_AUTH_TOKEN``.
    url : str
        The address as Twilio called it, with its query: ``PUBLIC_URL`` + path.
    params : Mapping
        The form.
    signature : str
        Header ``X-Twilio-Signature``.
    """
    return bool(auth_token) and bool(
        RequestValidator(auth_token).validate(url, dict(params), signature)
    )


def inbound(conn: Connection, params: Mapping[str, str], now: datetime) -> None:
    """Store what a phone said. STOP and START take effect in this very transaction.

    Parameters
    ----------
    conn : Connection
        The caller commits.
    params : Mapping
        Twilio's form, its signature checked.
    now : datetime

    Raises
    ------
    CareError
        If the form isn't one of an incoming message.
    """
    try:
        message = _Inbound.model_validate(dict(params))
    except ValidationError as error:
        raise CareError(_first(error)) from None
    everything = words.plain(message.body) in EVERYTHING
    keyword, told = words.keyword(message.body), words.OPT_OUT_TYPES.get(message.opt_out.upper())
    if keyword is None and (told != "start" or people.stopped(conn, message.phone) is not None):
        keyword = told  # a "yes", which Twilio takes for START, may be the answer to an offer
    keyword = "stop" if everything else keyword
    number = message.phone.removeprefix(WHATSAPP)
    customer = people.customer_by_phone(conn, number)
    reply_id = outbox.put_reply(
        conn,
        sid=message.sid,
        customer_id=customer.id if customer else None,
        phone=message.phone,
        body=message.body,
        meaning=keyword,
        at=now,
    )
    if reply_id is None:
        return
    actor = f"customer:{customer.id}" if customer else "unknown number"
    if keyword == "stop":
        # whoever wants silence on a phone means the phone, not the application on it
        stopped = dict.fromkeys((message.phone, number, WHATSAPP + number))
        if everything and customer:
            stopped |= dict.fromkeys(all_addresses(conn, customer.id))
        for address in stopped:
            people.add_suppression(conn, address, True, "reply STOP", now)
        people.audit(conn, now, actor, "stopped messages", f"reply:{reply_id}")
    elif keyword == "start":
        people.add_suppression(conn, message.phone, False, "reply START", now)
        if customer:
            people.add_consent(
                conn,
                customer.id,
                "service",
                True,
                "reply START",
                WORDING,
                now,
                channel=ways.of_address(message.phone),
            )
        people.audit(conn, now, actor, "allowed messages again", f"reply:{reply_id}")
    people.notify(conn, "outbox")


def all_addresses(conn: Connection, customer_id: int) -> list[str]:
    """Every address of a customer, as the ledger of STOP keeps them."""
    known = channel_store.addresses(conn, customer_id)
    return [where for name in NAMES if (where := ways.address(known, name)) is not None]


def unsubscribe(conn: Connection, outreach_id: int, everything: bool, now: datetime) -> bool:
    """End messages to the address of a letter, or to the person altogether. Safe to repeat.

    Parameters
    ----------
    outreach_id : int
        The letter whose link was followed.
    everything : bool
        Every address of the person.

    Returns
    -------
    bool
        False if there is no such letter any more.
    """
    found = channel_store.address_of(conn, outreach_id)
    if found is None:
        return False
    customer_id, address = found
    stopped = dict.fromkeys([address, *(all_addresses(conn, customer_id) if everything else ())])
    for one in stopped:
        if people.stopped(conn, one) is None:
            people.add_suppression(conn, one, True, "unsubscribe link", now)
            what = "stopped messages"
            people.audit(conn, now, f"customer:{customer_id}", what, f"outreach:{outreach_id}")
    return True


def status(conn: Connection, params: Mapping[str, str], now: datetime) -> None:
    """Note what became of a message. The caller commits.

    Raises
    ------
    CareError
        If the form isn't a status callback.
    """
    try:
        told = _Status.model_validate(dict(params))
    except ValidationError as error:
        raise CareError(_first(error)) from None
    if outbox.put_delivery(conn, told.sid, told.status, told.error_code, now):
        delivery.settle(conn, told.sid, now)


def _first(error: ValidationError) -> str:
    one = error.errors()[0]
    return f"{'.'.join(str(p) for p in one['loc'])}: {one['msg']}"
