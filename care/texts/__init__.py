"""The library of texts: by template and language, a file for each language.

GSM-7 letters only in English, and short: see the head of each file. A text never offers CANCEL, END
or QUIT as an answer: Twilio takes them as STOP.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from record import strict_yaml
from record.causes import cause_of


def _read(name: str) -> Mapping[str, Any]:
    said, _ = strict_yaml.read((Path(__file__).parent / f"{name}.yaml").read_text("utf-8"))
    assert isinstance(said, dict)
    return said


LIBRARY: Mapping[str, Mapping[str, str]] = {name: _read(name) for name in ("en", "zh")}
"""Language to template to words."""

ENGLISH = LIBRARY["en"]

HELP: Mapping[str, str] = _read("help")
"""Who we are, in the other languages in which HELP is understood."""

DEFAULT = "a"
"""The variant that stands in the language's own file."""

VARIANTS: Mapping[str, Mapping[str, Mapping[str, str]]] = _read("variants")
"""Template to language to letter to other words for the same."""

_CAUSES, _ = strict_yaml.read((Path(__file__).parent / "causes.yaml").read_text("utf-8"))

INSTEAD_OF_ENDED = frozenset({"cancel", "end", "quit", "revoke", "unsubscribe", "optout"})
"""Words that a text never asks for as an answer."""


def short(language: str) -> str:
    """The part of a language's name that the library knows; English where there is none.

    Examples
    --------
    >>> short("zh-Hans"), short("fr")
    ('zh', 'en')
    """
    known = language.split("-")[0]
    return known if known in LIBRARY else "en"


def text(template: str, language: str, variant: str = DEFAULT, **fields: str) -> str:
    """The text in the language, in English where there is none.

    A `variant` that the language doesn't have is the default.

    ``{link}`` stays: it is filled in at the moment of sending. A ``name`` comes with its
    blank, or is empty: a customer without a name is greeted too.

    Examples
    --------
    >>> text("help", "fr", dealer="Lakeside", phone="+1 312 555 0100").split(".")[0]
    'Lakeside writes to you about the health of your car'
    """
    known = short(language)
    others = VARIANTS.get(template, {}).get(known, {})
    return others.get(variant, LIBRARY[known][template]).format(**fields)


def who_we_are(language: str, *, dealer: str, phone: str) -> str:
    """The answer to HELP.

    Examples
    --------
    >>> who_we_are("de-AT", dealer="Lakeside", phone="+1 312 555 0100").split(".")[0]
    'Lakeside schreibt Ihnen zum Zustand Ihres Autos'
    """
    other = HELP.get(language.split("-")[0])
    fields = {"dealer": dealer, "phone": phone}
    return other.format(**fields) if other else text("help", language, **fields)


def which(language: str, *, dealer: str, name: str, cars: Sequence[str]) -> str:
    """Ask which of several cars has had its service; the answer names it, so it needs no number.

    Examples
    --------
    >>> which("en", dealer="Lakeside", name=" Ann", cars=["Seat Leon", "VW Golf"])
    'Lakeside: Thank you Ann. Which one? Reply "Seat Leon already done" or "VW Golf already done"'
    """
    told = [text("which car", language, car=car) for car in cars]
    answers = text("last choice", language).join(told)
    return text("which", language, dealer=dealer, name=name, choices=answers)


def plain(cause: str, language: str) -> str:
    """What the car tells us, in the middle of a sentence.

    Examples
    --------
    >>> plain("battery_12v", "en"), plain("dtc_p0301", "zh")
    ('the battery is weak', '出现故障码P0301')
    """
    known: Mapping[str, str] = _CAUSES.get(short(language), {})
    if not known:
        return cause_of(cause).plain
    code = cause.removeprefix("dtc_").upper()
    return known.get(cause) or known["dtc"].format(code=code)


_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


def is_gsm7(words: str) -> bool:
    """Whether 160 of these letters fit into one segment (3GPP TS 23.038), else 70."""
    return set(words) <= _GSM7


def segments(words: str) -> int:
    """How many segments a text takes (3GPP TS 23.038).

    Examples
    --------
    >>> segments("a" * 160), segments("a" * 161), segments("好" * 70), segments("好" * 71)
    (1, 2, 1, 2)
    """
    one, many = (160, 153) if is_gsm7(words) else (70, 67)
    return 1 if len(words) <= one else -(-len(words) // many)
