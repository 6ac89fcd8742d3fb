"""What the console needs from the environment."""

from urllib.parse import urlsplit

from pydantic import field_validator

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
    """

    secret_key: str
    public_url: str = "http://127.0.0.1:8000"
    twilio_auth_token: str = ""
    host: str = "127.0.0.1"
    port: int = 8000

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

    @property
    def https(self) -> bool:
        """Whether browsers reach us by https."""
        return self.public_url.startswith("https://")
