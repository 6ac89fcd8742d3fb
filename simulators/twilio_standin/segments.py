"""How many SMS a text becomes.

A text whose every character is in the GSM 03.38 alphabet takes 7 bits a character, 160 in one SMS
or 153 in each of several; any other text is UCS-2, 70 or 67 UTF-16 units. An extension character
of the GSM alphabet takes two places.
"""

from __future__ import annotations

from math import ceil

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")


def num_segments(text: str) -> int:
    """The number of SMS that carry a text; at least one.

    >>> num_segments("x" * 160), num_segments("x" * 161), num_segments("€" * 81)
    (1, 2, 2)
    >>> num_segments("ж" * 70), num_segments("ж" * 71), num_segments("")
    (1, 2, 1)
    """
    if set(text) <= GSM_BASIC | GSM_EXTENSION:
        places = len(text) + sum(character in GSM_EXTENSION for character in text)
        single, multi = 160, 153
    else:
        places = len(text.encode("utf-16-le")) // 2
        single, multi = 70, 67
    return 1 if places <= single else ceil(places / multi)
