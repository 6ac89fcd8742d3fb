"""The library of texts: by template and language. GSM-7 letters only, and short: an offer
fits into two segments (3GPP TS 23.038: 153 letters each), one that says "stop the car" into three.

A text never offers CANCEL, END or QUIT as an answer: Twilio takes them as STOP.
"""

from collections.abc import Mapping

ENGLISH: Mapping[str, str] = {
    "alert.stop": (
        "{dealer}: Hello{name}, your {car} tells us {plain}. Please stop where it is safe and "
        "call us: {phone}. {choices}"
    ),
    "alert.soon": (
        "{dealer}: Hello{name}, your {car} tells us {plain}. Please let us check it soon. {choices}"
    ),
    "alert.service": (
        "{dealer}: Hello{name}, your {car} tells us {plain}. When suits you? {choices}"
    ),
    "taken": "{dealer}: Sorry{name}, that time is no longer free. {choices}",
    "part late": (
        "{dealer}: Sorry{name}, a part for your {car} comes late, so {when} has to move. {choices}"
    ),
    "confirmed": (
        "{dealer}: Booked! {when} for your {car} ({work}). To change it: {{link}} or {phone}"
    ),
    "thanks": (
        "{dealer}: Thank you{name}. Your {car} is ready. We keep an eye on it. "
        "Any questions? Just reply, or call {phone}"
    ),
    "help": (
        "{dealer} writes to you about the health of your car. Any questions? Call {phone}. "
        "Reply STOP to opt out."
    ),
    "opt out": "Reply STOP to opt out.",
    "choices": "Reply {numbered}. More times: {{link}} Reply STOP to opt out.",
    "one choice": "Reply 1 for {slot}. More times: {{link}} Reply STOP to opt out.",
    "no slot": (
        "We have no free time before it may be too late. We can offer {instead}: {{link}} or "
        "{phone} Reply STOP to opt out."
    ),
    "way site": "our other workshop",
    "way mobile": "a technician who comes to you",
    "way pick_up": "to fetch your car",
    "way tow": "a tow",
    "no choices": "Call us for a time: {phone} or see {{link}} Reply STOP to opt out.",
}

LIBRARY: Mapping[str, Mapping[str, str]] = {"en": ENGLISH}

INSTEAD_OF_ENDED = frozenset({"cancel", "end", "quit", "revoke", "unsubscribe", "optout"})
"""Words that a text never asks for as an answer."""


def text(template: str, language: str, **fields: str) -> str:
    """The text in the language, in English where there is none.

    ``{link}`` stays: it is filled in at the moment of sending. A ``name`` comes with its
    blank, or is empty: a customer without a name is greeted too.

    Examples
    --------
    >>> text("help", "fr", dealer="Lakeside", phone="+1 312 555 0100").split(".")[0]
    'Lakeside writes to you about the health of your car'
    """
    library = LIBRARY.get(language.split("-")[0], ENGLISH)
    return library.get(template, ENGLISH[template]).format(**fields)


_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


def is_gsm7(words: str) -> bool:
    """Whether 160 of these letters fit into one segment (3GPP TS 23.038), else 70."""
    return set(words) <= _GSM7
