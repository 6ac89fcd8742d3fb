"""What a webhook answers: TwiML with replies, plain text that is a reply, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree


class TwimlError(ValueError):
    """An answer that Twilio would log as an error.

    Parameters
    ----------
    code
        Of Twilio's error dictionary: 12100 (no XML), 12200 (not TwiML), 12300 (content type).
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """One ``<Message>``; `to` and `sender` default to the two of the conversation."""

    body: str
    to: str | None = None
    sender: str | None = None
    media_urls: tuple[str, ...] = ()
    status_callback: str | None = None


def replies(content_type: str, text: str) -> list[Reply]:
    """The messages that an answer to an inbound webhook sends.

    Raises
    ------
    TwimlError
        If the answer is neither TwiML nor plain text.

    >>> replies("text/xml", "<Response><Message>Hello</Message></Response>")[0].body
    'Hello'
    >>> replies("application/xml", "<Response/>"), replies("text/plain", "")
    ([], [])
    """
    kind = content_type.partition(";")[0].strip().lower()
    if not text.strip():
        return []
    if kind == "text/plain":
        return [Reply(text)]
    if kind not in {"text/xml", "application/xml", "text/html"}:
        raise TwimlError(12300, f"Invalid Content-Type: {kind or 'none'}")
    try:
        root = ElementTree.fromstring(text.strip())  # noqa: S314  (our own webhook's answer)
    except ElementTree.ParseError as error:
        raise TwimlError(12100, f"Document parse failure: {error}") from error
    if root.tag != "Response":
        raise TwimlError(12200, f"Schema validation warning: the root is {root.tag}, not Response")
    found = []
    for verb in root:
        if verb.tag not in {"Message", "Sms"}:
            continue
        body = (verb.text or "") + "".join(part.text or "" for part in verb.iterfind("Body"))
        media = tuple((part.text or "").strip() for part in verb.iterfind("Media"))
        found.append(
            Reply(
                body.strip(),
                verb.get("to"),
                verb.get("from"),
                media,
                verb.get("statusCallback") or verb.get("action"),
            )
        )
    return found
