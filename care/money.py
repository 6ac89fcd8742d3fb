"""Money: whole minor units of a currency, never a float."""

NO_MINOR_UNIT = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})
"""Currencies of ISO 4217 without a smaller coin, among those that a dealer may charge in."""

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "CHF": "CHF ", "CAD": "CA$"}

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
    if language in ("de", "es", "fr"):
        blank = "\u202f" if language == "fr" else "."
        digits = digits.replace(",", "~").replace(".", ",").replace("~", blank)
        return f"{digits} {sign.strip()}"
    return f"{sign}{digits}"
