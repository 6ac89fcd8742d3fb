"""What a customer's few words mean. What isn't plainly understood goes to a person.

Keyword sources: Twilio's default opt-out words (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT,
REVOKE, OPTOUT), and 47 CFR 64.1200(a)(10), by which "stop", "quit", "end", "revoke", "opt out",
"cancel" and "unsubscribe" in an answer revoke consent, as does any other reasonable wish.
"""

import re
from dataclasses import dataclass

STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
    | {"stop all", "opt out"}
)
START_WORDS = frozenset({"start", "unstop"})
HELP_WORDS = frozenset({"help", "info"})

OPT_OUT_TYPES = {"STOP": "stop", "START": "start", "HELP": "help"}
"""Twilio's parameter OptOutType, where Advanced Opt-Out is on."""

_POLITE = frozenset({"please", "pls", "now", "thanks", "thank", "you", "ok", "okay", "it"})

_STOP_PHRASES = re.compile(
    r"\b(stop|quit) (texting|messaging|sending|contacting|these|this|the (texts|messages))\b"
    r"|\b(stop|quit) (bothering|harassing|spamming|bugging|pestering|annoying|writing)\b"
    r"|\b(do not|dont|don t|never) (text|message|contact|sms) (me|us|this)\b"
    r"|\bno more (texts|messages|sms)\b"
    r"|\bunsubscribe me\b|\bopt me out\b|\bremove me\b|\btake me off\b"
    r"|\bleave me alone\b"
)

_NUMBERS = {"one": 1, "two": 2, "three": 3, "first": 1, "second": 2, "third": 3}
_NUMBERS |= {"1st": 1, "2nd": 2, "3rd": 3, "1": 1, "2": 2, "3": 3}
_AROUND = frozenset(
    re.findall(
        r"\w+",
        "option number choice slot the please pls thanks thank you ok okay yes yep sure one "
        "i ll take ill would like prefer for me works fine good great hi hello lets let s do go "
        "with that is book",
    )
)
_YES = frozenset({"yes", "y", "yep", "yeah", "sure", "ok", "okay", "book", "book it"})
_ORDINAL_ONE = re.compile(r"\b(first|second|third|1st|2nd|3rd) one\b")
_CALL = re.compile(r"\b(call|ring|phone) (me|us|back)\b|^(call|ring)$")


def plain(body: str) -> str:
    """Lower case, letters, digits and single spaces only.

    Examples
    --------
    >>> plain("  Option 2, please!! ")
    'option 2 please'
    """
    body = body.casefold().replace("’", "'").replace("'", " ")
    return " ".join(re.sub(r"[^\w]+|_", " ", body).split())


def keyword(body: str) -> str | None:
    """``stop``, ``start`` or ``help`` where the words plainly mean it.

    Examples
    --------
    >>> keyword("Stop."), keyword("please stop texting me"), keyword("can I stop by at 3?")
    ('stop', 'stop', None)
    >>> keyword("Stop bothering me with these messages!!")
    'stop'
    """
    text = plain(body)
    bare = " ".join(w for w in text.split() if w not in _POLITE) if text else ""
    if text in STOP_WORDS or bare in STOP_WORDS or _STOP_PHRASES.search(text):
        return "stop"
    if text in START_WORDS:
        return "start"
    if text in HELP_WORDS:
        return "help"
    return None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the offered slots, by number."""

    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """The customer wants to talk."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """A person must read it."""


def understand(body: str, offered: int) -> Choice | Call | Unclear:
    """What an answer to an offer means; keywords are told apart before.

    Parameters
    ----------
    body : str
    offered : int
        How many choices the last message gave; a number beyond them is unclear.

    Examples
    --------
    >>> understand("the second please", 3), understand("yes", 1), understand("2 or 3", 3)
    (Choice(number=2), Choice(number=1), Unclear())
    """
    text = plain(body)
    if _CALL.search(text):
        return Call()
    if offered == 1 and text in _YES:
        return Choice(1)
    said = _ORDINAL_ONE.sub(r"\1", text).split()
    numbers = [_NUMBERS[w] for w in said if w in _NUMBERS]
    rest = [w for w in said if w not in _NUMBERS and w not in _AROUND]
    if len(numbers) == 1 and not rest and 1 <= numbers[0] <= offered:
        return Choice(numbers[0])
    return Unclear()
