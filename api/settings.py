"""What the console needs from the environment."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from record.settings import Settings


class ApiSettings(Settings):
    """Settings of ``python -m api``, besides those that every room has.

    Parameters
    ----------
    secret_key : str
        ``SECRET_KEY``: signs sessions and links; at least 16 characters, the same in care.
    public_url : str
        ``PUBLIC_URL``: where browsers, phones and Twilio reach us, ``https://care.example``.
        Cookies are marked Secure when it is https.
    twilio_auth_token : str
        ``TWILIO_AUTH_TOKEN``: checks the signature of Twilio's webhooks.
    host : str
        ``HOST`` to listen on.
    port : int
        ``PORT`` to listen on.
    world_url, world_token : str
        ``WORLD_URL`` and ``WORLD_TOKEN``: where a simulated world tells what is really wrong with
        its cars, and the word that opens it. Without them there is no page "World"; real cars have
        no such window.
    """

    secret_key: str
    public_url: str = "http://127.0.0.1:8000"
    twilio_auth_token: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    world_url: str = ""
    world_token: str = ""

    @field_validator("secret_key")
    @classmethod
    def _long(cls, secret: str) -> str:
        if len(secret) < 16:
            raise ValueError("must have at least 16 characters; try: openssl rand -hex 32")
        return secret

    @field_validator("public_url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must look like https://care.example")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _with_its_word(self) -> Self:
        if self.world_url and not self.world_token:
            raise ValueError("WORLD_URL needs WORLD_TOKEN")
        return self

    @property
    def https(self) -> bool:
        """Whether browsers reach us by https."""
        return self.public_url.startswith("https://")
