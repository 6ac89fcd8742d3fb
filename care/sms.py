"""The one door to Twilio. A send returns Sent, Later or Refused; it doesn't raise for Twilio."""

from dataclasses import dataclass
from typing import Protocol

from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import NewConnectionError

TIMEOUT_S = 10.0
"""No request to Twilio lasts longer (Twilio's own client has no limit by default)."""

LOOK_BACK = 50
"""How many of a number's newest messages are searched for one whose fate is unknown. Only one
message is on its way to a number at a time, so the first few would do."""

OUR_MISTAKE = frozenset({20003, 20404, 21212, 21603, 21606, 21609, 21659, 21660})
"""Wrong credentials, account, sender number or callback address: the message is fine, our settings
are not."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Twilio has it.

    Parameters
    ----------
    sid : str
        Twilio's id of the message.
    """

    sid: str


@dataclass(frozen=True, slots=True)
class Later:
    """Try again.

    Parameters
    ----------
    reason : str
    unsure : bool
        Twilio may have it all the same: ask before sending again.
    after_s : float or None
        Not before so many seconds; None lets the pauses grow by themselves.
    """

    reason: str
    unsure: bool
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Twilio will never take it.

    Parameters
    ----------
    code : int
        In Twilio's error dictionary; 21610 means that the number said STOP.
    reason : str
    """

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that Twilio has."""

    sid: str
    body: str


class Sms(Protocol):
    """What the sender needs of a provider of text messages."""

    def send(self, to: str, body: str) -> Sent | Later | Refused:
        """Hand over one message, once."""
        ...

    def look(self, to: str) -> list[Kept] | Later:
        """What the provider has for a number, newest first."""
        ...


class _Redirected(TwilioHttpClient):  # type: ignore[misc]  # twilio has no types
    """The unmodified client, with Twilio's host mapped to where a stand-in answers."""

    def __init__(self, api_url: str, timeout_s: float) -> None:
        super().__init__(timeout=timeout_s)
        self._api_url = api_url

    def request(self, method: str, url: str, *args: object, **kwargs: object) -> Response:
        if self._api_url:
            url = url.replace("https://api.twilio.com", self._api_url, 1)
        return super().request(method, url, *args, **kwargs)


class TwilioSms:
    """Text messages through Twilio.

    Parameters
    ----------
    account_sid, auth_token : str
    sender : str
        Our number, E.164.
    callback_url : str
        Where Twilio tells what became of a message.
    api_url : str
        Where a stand-in answers; empty for Twilio itself.
    timeout_s : float
        No request lasts longer.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        callback_url: str,
        api_url: str = "",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        http = _Redirected(api_url, timeout_s)
        self._client = Client(account_sid, auth_token, http_client=http)
        self._sender = sender
        self._callback_url = callback_url

    def send(self, to: str, body: str) -> Sent | Later | Refused:
        """Hand over one message. The client doesn't retry by itself: the outbox does."""
        try:
            message = self._client.messages.create(
                to=to, from_=self._sender, body=body, status_callback=self._callback_url
            )
        except (TwilioRestException, TwilioServiceException) as error:
            return answer(int(error.status), int(error.code or 0), _words(error))
        except (RequestException, ValueError, KeyError, TypeError) as error:
            return unanswered(error)
        if not message.sid:
            return Later("Twilio gave no id", unsure=True)
        return Sent(str(message.sid))

    def look(self, to: str) -> list[Kept] | Later:
        """What Twilio has for a number, newest first.

        Not filtered by date: a message that was accepted and not yet sent has no date.
        """
        try:
            found = self._client.messages.list(to=to, from_=self._sender, limit=LOOK_BACK)
        except (TwilioRestException, TwilioServiceException) as error:
            return Later(f"Twilio answered {error.status}", unsure=True)
        except (RequestException, ValueError, KeyError, TypeError) as error:
            return Later(f"Twilio was not reached: {type(error).__name__}", unsure=True)
        return [Kept(str(m.sid), str(m.body or "")) for m in found]


def answer(status: int, code: int, words: str) -> Later | Refused:
    """What an error that Twilio answered with means for the message.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : int
        In Twilio's error dictionary.
    words : str

    Examples
    --------
    >>> answer(429, 20429, "Too Many Requests").unsure, answer(503, 20503, "Unavailable").unsure
    (False, True)
    >>> answer(400, 21610, "unsubscribed")
    Refused(code=21610, reason='The number said STOP (Twilio 21610).')
    """
    if status == 429:
        return Later("Twilio asks for a slower pace (429).", unsure=False)
    if status >= 500:
        return Later(f"Twilio had an error ({status}).", unsure=True)
    if status in (401, 403, 404, 407) or code in OUR_MISTAKE:
        return Later(f"Twilio doesn't accept our settings: {words}", unsure=False, after_s=60)
    if code == 21610:
        return Refused(code, "The number said STOP (Twilio 21610).")
    return Refused(code, f"Twilio refused it: {words} ({code}).")


def unanswered(error: Exception) -> Later:
    """What a missing or unreadable answer means: unsure, unless nothing can have been asked."""
    inner = error.args[0] if error.args else None
    never_asked = isinstance(error, ConnectTimeout) or (
        isinstance(error, NoConnection)
        and isinstance(getattr(inner, "reason", None), NewConnectionError)
    )
    if never_asked:
        return Later("Twilio could not be reached.", unsure=False)
    return Later(f"Twilio gave no clear answer ({type(error).__name__}).", unsure=True)


def _words(error: object) -> str:
    words = getattr(error, "msg", None) or getattr(error, "title", "")
    return str(words).removeprefix("Unable to create record: ")
