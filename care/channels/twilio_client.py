"""The one client of Twilio, which text messages and WhatsApp share."""

import json
from decimal import Decimal
from urllib.parse import urlsplit

from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import HttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import NewConnectionError

from care.channels.contract import Kept, Later, Message, News, Refused, Sent

TIMEOUT_S = 10.0
"""No request to Twilio lasts longer (Twilio's own client has no limit by default)."""

LOOK_BACK = 50
"""How many of a number's newest messages are searched for one whose fate is unknown. Only one
message is on its way to a number at a time, so the first few would do."""

OUR_MISTAKE = frozenset({20003, 20404, 21212, 21603, 21606, 21609, 21659, 21660, 63007})
"""Wrong credentials, account, sender (63007: not a WhatsApp sender) or callback address: the
message is fine, our settings are not."""

_UNREADABLE = (
    TwilioException,
    RequestException,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What the client raises where there is no answer, or one that isn't Twilio's: it doesn't check."""


class _Redirected(TwilioHttpClient):  # type: ignore[misc]  # twilio has no types
    """The unmodified client, with Twilio's host mapped to where a stand-in answers."""

    def __init__(self, api_url: str, timeout_s: float) -> None:
        super().__init__(timeout=timeout_s)
        self._api_url = api_url

    def request(self, method: str, url: str, *args: object, **kwargs: object) -> Response:
        host = urlsplit(url).hostname or ""
        if self._api_url and (host == "twilio.com" or host.endswith(".twilio.com")):
            url = url.replace(f"https://{host}", self._api_url, 1)
        return super().request(method, url, *args, **kwargs)


class TwilioMessages:
    """Twilio's Message resource, whichever channel the addresses name.

    Parameters
    ----------
    account_sid, auth_token : str
    sender : str
        Our address: ``+13125550100`` or ``whatsapp:+13125550100``.
    callback_url : str
        Where Twilio tells what became of a message.
    api_url : str
        Where a stand-in answers; empty for Twilio itself.
    timeout_s : float
        No request lasts longer.
    http : HttpClient or None
        Carries the requests; by default `requests` does.
    """

    longest = 1600  # error 21617 beyond
    media = True
    tells = True

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        callback_url: str,
        api_url: str = "",
        timeout_s: float = TIMEOUT_S,
        http: HttpClient | None = None,
    ) -> None:
        self._client = Client(
            account_sid, auth_token, http_client=http or _Redirected(api_url, timeout_s)
        )
        self._sender = sender
        self._callback_url = callback_url

    def send(self, message: Message) -> Sent | Later | Refused:
        """Hand over one message. The client doesn't retry by itself: the outbox does."""
        words: dict[str, object] = {"body": message.body}
        if message.media_url:
            words["media_url"] = [message.media_url]
        if message.content_sid:  # Body and MediaUrl must not go with it
            words = {
                "content_sid": message.content_sid,
                "content_variables": json.dumps(dict(message.variables), ensure_ascii=False),
            }
        try:
            made = self._client.messages.create(
                to=message.to_phone,
                from_=self._sender,
                status_callback=self._callback_url,
                **words,
            )
            if not made.sid:
                return Later("Twilio gave no id", unsure=True)
            return Sent(str(made.sid), max(1, int(made.num_segments or 1)))
        except (TwilioRestException, TwilioServiceException) as error:
            return answer(int(error.status), _code(error), _words(error))
        except _UNREADABLE as error:
            return unanswered(error)

    def look(self, message: Message) -> list[Kept] | Later:
        """What Twilio has for an address, newest first.

        Not filtered by date: a message that was accepted and not yet sent has no date.
        """
        try:
            found = self._client.messages.list(
                to=message.to_phone, from_=self._sender, limit=LOOK_BACK
            )
        except (TwilioRestException, TwilioServiceException) as error:
            return Later(f"Twilio answered {error.status}", unsure=True)
        except _UNREADABLE as error:
            return Later(f"Twilio was not reached: {type(error).__name__}", unsure=True)
        return [Kept(str(m.sid), str(m.body or "")) for m in found]

    def news(self, message: Message, sid: str) -> News | Later:
        """What became of a message, and what it cost."""
        try:
            got = self._client.messages(sid).fetch()
            if not got.status:
                return Later("Twilio gave no status", unsure=False)
            price = micros(got.price)
            return News(
                str(got.status),
                int(got.error_code) if got.error_code else None,
                price,
                str(got.price_unit).upper() if price is not None else None,
            )
        except (TwilioRestException, TwilioServiceException) as error:
            return Later(f"Twilio answered {error.status}", unsure=False)
        except _UNREADABLE as error:
            return Later(f"Twilio was not reached: {type(error).__name__}", unsure=False)


def micros(price: object) -> int | None:
    """A price as Twilio writes it, in millionths; what we pay is negative there.

    Examples
    --------
    >>> micros("-0.00790"), micros(None), micros("")
    (7900, None, None)
    """
    return None if price in (None, "") else round(abs(Decimal(str(price))) * 1_000_000)


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
    if code == 63014:
        return Refused(code, "The person blocked us on WhatsApp (Twilio 63014).")
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


def _code(error: object) -> int:
    code = getattr(error, "code", None)
    return code if isinstance(code, int) else 0


def _words(error: object) -> str:
    words = getattr(error, "msg", None) or getattr(error, "title", "")
    return " ".join(str(words).removeprefix("Unable to create record: ").split())[:200]
