"""What care needs to know from its environment."""

import re
import ssl
from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from care.channels.email import ADDRESS
from care.law import EARLIEST, LATEST
from care.outreach import Policy
from record.settings import Settings

_WEB = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[^\s?#]*)?|https?://\[[0-9a-fA-F:]+\]\S*"
)

Pace = Annotated[float, Field(gt=0, le=1000)]


class CareSettings(Settings):
    """Besides what every room needs:

    Parameters
    ----------
    secret_key : str
        ``SECRET_KEY``: signs the customers' links; the same as the api's.
    public_url : str
        ``PUBLIC_URL``: where customers and Twilio reach the api.
    twilio_account_sid, twilio_auth_token : str
        ``TWILIO_ACCOUNT_SID``, ``TWILIO_AUTH_TOKEN``.
    twilio_from : str
        ``TWILIO_FROM``: our number, E.164.
    twilio_whatsapp_from : str
        ``TWILIO_WHATSAPP_FROM``: our WhatsApp sender's number, E.164; empty: no WhatsApp.
    twilio_api_url : str
        ``TWILIO_API_URL``: where a stand-in answers; empty for Twilio itself.
    smtp_host, smtp_port, smtp_security : str, int, str
        ``SMTP_HOST`` (empty: no e-mail), ``SMTP_PORT``, ``SMTP_SECURITY``: ``starttls``, ``tls``
        or, inside one's own network, ``none``.
    smtp_user, smtp_password : str
        ``SMTP_USER``, ``SMTP_PASSWORD``: empty where the server knows us otherwise.
    smtp_ca_file : str
        ``SMTP_CA_FILE``: certificates to trust in place of the system's.
    mail_from : str
        ``MAIL_FROM``: our address; answers go there.
    wecom_corp_id, wecom_secret : str
        ``WECOM_CORP_ID`` (empty: no WeCom), ``WECOM_SECRET`` of the customer contact application.
    wecom_api_url : str
        ``WECOM_API_URL``: where a stand-in answers; empty for WeCom itself.
    sms_per_s, whatsapp_per_s, email_per_s, wecom_per_s : float
        ``SMS_PER_S`` and so on: how fast all senders together hand over; providers have their own
        pace behind it.
    contact_from, contact_until : time
        ``CONTACT_FROM``, ``CONTACT_UNTIL``: when we speak first, in the recipient's local time.
    messages_per_day, messages_per_week : int
        ``MESSAGES_PER_DAY``, ``MESSAGES_PER_WEEK``: how often we speak first to one number.
    settle_after_s : float
        ``SETTLE_AFTER_S``: after how long Twilio is asked about a message whose fate is unknown.
        It must be longer than a request may take, and than Twilio takes to list what it accepted.
    """

    secret_key: str = Field(min_length=16)
    public_url: str
    twilio_account_sid: str = Field(pattern=r"^AC[0-9a-zA-Z]{32}$")
    twilio_auth_token: str = Field(min_length=1)
    twilio_from: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")
    twilio_whatsapp_from: str = Field(default="", pattern=r"^(\+[1-9][0-9]{6,14})?$")
    twilio_api_url: str = ""
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_ca_file: str = ""
    mail_from: str = ""
    wecom_corp_id: str = ""
    wecom_secret: str = ""
    wecom_api_url: str = ""
    sms_per_s: Pace = 100
    whatsapp_per_s: Pace = 80
    email_per_s: Pace = 10
    wecom_per_s: Pace = 10
    contact_from: time = time(9)
    contact_until: time = time(20)
    messages_per_day: int = Field(default=1, ge=1)
    messages_per_week: int = Field(default=3, ge=1)
    settle_after_s: float = Field(default=60, gt=0, allow_inf_nan=False)

    @field_validator("public_url", "twilio_api_url", "wecom_api_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if url and not _WEB.fullmatch(url):
            raise ValueError("must look like https://service.example.com")
        return url.rstrip("/")

    @field_validator("smtp_ca_file")
    @classmethod
    def _certificates(cls, path: str) -> str:
        if path:
            try:
                ssl.create_default_context(cafile=path)
            except OSError as error:
                raise ValueError(f"has no certificates that can be read ({error})") from None
        return path

    @field_validator("contact_from", "contact_until")
    @classmethod
    def _lawful(cls, at: time) -> time:
        if not EARLIEST <= at <= LATEST:
            raise ValueError("must lie within 08:00 and 21:00 (47 CFR 64.1200(c)(1))")
        return at

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.contact_from >= self.contact_until:
            raise ValueError("CONTACT_FROM must be before CONTACT_UNTIL")
        return self

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.smtp_host and not ADDRESS.fullmatch(self.mail_from):
            raise ValueError("SMTP_HOST needs MAIL_FROM, an address like care@dealer.example")
        if self.smtp_user and not self.smtp_password:
            raise ValueError("SMTP_USER needs SMTP_PASSWORD")
        if self.wecom_corp_id and not self.wecom_secret:
            raise ValueError("WECOM_CORP_ID needs WECOM_SECRET")
        return self

    @property
    def per_s(self) -> Mapping[str, float]:
        """How fast each channel may go."""
        return {
            "sms": self.sms_per_s,
            "whatsapp": self.whatsapp_per_s,
            "email": self.email_per_s,
            "wecom": self.wecom_per_s,
        }

    @property
    def policy(self) -> Policy:
        """When and how often we speak first."""
        return Policy(
            self.contact_from, self.contact_until, self.messages_per_day, self.messages_per_week
        )
