"""Settings come from the environment; an error names the variable and says what to set."""

from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(ValueError):
    """The environment doesn't say what a room needs; the message is for who starts it."""


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """Where the broker is and who we are there.

    Parameters
    ----------
    host : str
    port : int
    username, password : str or None
    tls : bool
    """

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool


def parse_mqtt_url(url: str) -> MqttAddress:
    """Read ``mqtt://user:password@host:1883`` (``mqtts`` for TLS).

    Raises
    ------
    ValueError
        If the scheme, host or port can't be used.

    Examples
    --------
    >>> parse_mqtt_url("mqtt://ingest:s3cret@localhost:1884").port
    1884
    """
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError("must look like mqtt://user:password@host:1883 (mqtts:// for TLS)")
    tls = parts.scheme == "mqtts"
    return MqttAddress(
        parts.hostname,
        parts.port or (8883 if tls else 1883),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        tls,
    )


class Settings(BaseSettings):
    """What every room needs. A room adds its own in a subclass.

    Parameters
    ----------
    database_url : str
        ``DATABASE_URL``, ``postgresql://user:password@host:5432/roadworthy``.
    health_port : int
        ``HEALTH_PORT``: where ``/health`` and ``/metrics`` answer; 0 picks a free port.
    health_host : str
        ``HEALTH_HOST``.
    log_format : str
        ``LOG_FORMAT``: ``text`` for people, ``json`` for machines.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: str
    health_port: int = 0
    health_host: str = "127.0.0.1"
    log_format: str = "text"

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, url: str) -> str:
        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("must look like postgresql://user:password@host:5432/name")
        return url

    @field_validator("log_format")
    @classmethod
    def _log_format(cls, word: str) -> str:
        if word not in ("text", "json"):
            raise ValueError("must be text or json")
        return word


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """Read `kind` from the environment.

    Raises
    ------
    SettingsError
        Names every variable that is missing or wrong, one a line.
    """
    try:
        return kind()  # type: ignore[call-arg]  # the fields come from the environment
    except ValidationError as error:
        lines = []
        for one in error.errors():
            variable = str(one["loc"][0]).upper() if one["loc"] else "environment"
            if one["type"] == "missing":
                lines.append(f"{variable} is not set")
            else:
                lines.append(f"{variable}: {one['msg'].removeprefix('Value error, ')}")
        lines.append("See README, section Settings.")
        raise SettingsError("\n".join(lines)) from None
