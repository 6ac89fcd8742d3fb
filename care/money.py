"""Money: whole minor units of a currency, never a float."""

import re

from care.errors import CareError

NO_MINOR_UNIT = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})
"""Currencies of ISO 4217 without a smaller coin, among those that a dealer may charge in."""

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "CHF": "CHF ", "CAD": "CA$"}

DECIMAL_COMMA = frozenset({"de", "es", "fr"})
"""Languages that write 1,5."""

MOST_MINOR = 100_000_000
"""More than any repair costs: what is above was typed wrong."""


def half_up(amount: int, divisor: int) -> int:
    """An amount that isn't negative, divided and rounded as shops round.

    Examples
    --------
    >>> half_up(250, 100), half_up(249, 100)
    (3, 2)
    """
    return (2 * amount + divisor) // (2 * divisor)


def money(minor: int, currency: str, language: str = "en") -> str:
    """An amount as people write it.

    Examples
    --------
    >>> money(123450, "USD"), money(123450, "EUR", "de"), money(980, "JPY"), money(5, "EUR", "fr")
    ('$1,234.50', '1.234,50 €', 'JPY 980', '0,05 €')
    """
    sign = SIGNS.get(currency, f"{currency} ")
    digits = f"{minor:,}" if currency in NO_MINOR_UNIT else f"{minor // 100:,}.{minor % 100:02d}"
    if language in DECIMAL_COMMA:
        blank = "\u202f" if language == "fr" else "."
        digits = digits.replace(",", "~").replace(".", ",").replace("~", blank)
        return f"{digits} {sign.strip()}"
    return f"{sign}{digits}"


def minor_of(text: str, currency: str) -> int:
    """An amount as somebody typed it, in minor units.

    Raises
    ------
    CareError
        If it isn't one, is negative, or more than any repair costs.

    Examples
    --------
    >>> minor_of("12.5", "USD"), minor_of(" 1,50 ", "EUR"), minor_of("980", "JPY")
    (1250, 150, 980)
    """
    digits = 0 if currency in NO_MINOR_UNIT else 2
    minor = _scaled(text, digits)
    if minor is None or minor > MOST_MINOR:
        raise CareError(f"“{text.strip()[:20]}” is not an amount; write it as 120 or 119.50.")
    return minor


def hundredths_of(text: str) -> int:
    """A quantity as somebody typed it, in hundredths.

    Raises
    ------
    CareError
        If it isn't one.

    Examples
    --------
    >>> hundredths_of("1.5"), hundredths_of("2")
    (150, 200)
    """
    found = _scaled(text, 2)
    if found is None:
        raise CareError(f"“{text.strip()[:20]}” is not a quantity; write it as 2 or 1.5.")
    return found


def _scaled(text: str, digits: int) -> int | None:
    found = re.fullmatch("([0-9]{1,9})(?:[.,]([0-9]{1,2}))?", text.strip(), re.ASCII)
    if found is None or (found[2] and not digits):
        return None
    return int(found[1] + (found[2] or "").ljust(digits, "0"))
