"""A service done elsewhere, in the customer's words: when, and at what odometer.

"Already done last Tuesday at 45,000 km" is a day and a distance; where only a day is told, the
car's own counter of that day is taken. Two days, or a distance ago, are a contradiction or a sum
that a person must do.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

from care.wish import MONTH, MONTHS, WEEKDAY, WEEKDAYS

M_PER = {"km": 1000.0, "mi": 1609.344}
"""The international mile (NIST SP 811, B.8)."""

_N = r"\d{1,3}|an?|one|two|three|four|five|six|[一二两三四五六七八九十]"
_SMALL = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_SMALL |= {zh: n for n, zh in enumerate("一二三四五六七八九十", start=1)} | {"两": 2}
_DAYS_IN = {"day": 1, "week": 7, "month": 30, "天": 1, "周": 7, "星期": 7, "礼拜": 7, "月": 30}

_WHEN = re.compile(
    rf"""
    (?P<n>\b(?:{_N})|[一二两三四五六七八九十])(?:\s|个)*(?P<unit>days?|weeks?|months?|天|周|星期|礼拜|月)
        \s*(?:ago\b|以?前)
    | \b(?P<today>today|this\smorning|just\snow)\b | (?P<today_zh>今[天早日])
    | \b(?P<yesterday>yesterday)\b | (?P<yesterday_zh>昨[天日晚])
    | (?P<before>前天|\bthe\sday\sbefore\syesterday\b)
    | \b(?:last|on|this)\s(?P<weekday>{WEEKDAY})\b
    | 上个?(?:周|星期|礼拜)(?P<weekday_zh>[一二三四五六日天])
    | (?P<week>\blast\sweek\b|上个?(?:周|星期|礼拜)) | (?P<month>\blast\smonth\b|上个?月)
    | \b(?P<name>{MONTH})\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b
    | \b(?:the\s)?(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<name2>{MONTH})\b
    | (?P<name3>\d{{1,2}})月(?P<day3>\d{{1,2}})[日号號]
    | \bin\s(?P<name4>{MONTH})\b | \bthe\s(?P<day5>\d{{1,2}})(?:st|nd|rd|th)\b
    """,
    re.VERBOSE,
)
_ODOMETER = re.compile(
    r"(?<!\d)(?<!\d[.,])(?P<whole>\d{1,3}(?:[ ,.]\d{3})+|\d{1,6}(?:\.\d)?)\s?(?P<times>k|万)?\s?"
    r"(?P<unit>km|kms|kilomet(?:er|re)s?|miles?|mi|公里|千米|英里)(?![a-z])"
    r"(?P<ago>\s?(?:ago|前|以前))?"
)

_OTHER_TIME = re.compile(r"\d|\b(?:ago|last|year|summer|winter|spring|autumn|fall)\b|[年前]")
"""A day that is told, but not so that we understand it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a customer says of a service done elsewhere.

    Parameters
    ----------
    day : date
        By their calendar; about a week or a month ago where they said no more than that.
    odometer_m : int or None
        Where they told it.
    """

    day: date
    odometer_m: int | None = None


def read(body: str, today: date) -> Report | None:
    """When a service was done, and at what odometer; today where no day is named.

    Returns
    -------
    Report or None
        None where two days or distances are told, a day that doesn't exist, or a distance ago.

    Examples
    --------
    >>> monday = date(2026, 11, 23)
    >>> read("already done last Tuesday at 45,000 km", monday)
    Report(day=datetime.date(2026, 11, 17), odometer_m=45000000)
    >>> read("上周三已经保养过了，4.5万公里", monday)
    Report(day=datetime.date(2026, 11, 18), odometer_m=45000000)
    >>> read("already done 3000 km ago", monday) is None
    True
    """
    text = unicodedata.normalize("NFKC", body).casefold()
    distances = list(_ODOMETER.finditer(text))
    if len(distances) > 1 or any(found["ago"] for found in distances):
        return None
    text = " ".join(_ODOMETER.sub(" ", text).split())
    told = list(_WHEN.finditer(text))
    if len(told) > 1 or _OTHER_TIME.search(_WHEN.sub(" ", text)):
        return None
    day = _day(told[0], today) if told else today
    return None if day is None else Report(day, _metres(distances[0]) if distances else None)


def _metres(found: re.Match[str]) -> int:
    whole = found["whole"]
    parted = re.fullmatch(r"\d{1,3}(?:[ ,.]\d{3})+", whole) is not None
    number = float(re.sub(r"\D", "", whole) if parted else whole)
    times = {"k": 1000, "万": 10_000, None: 1}[found["times"]]
    unit = "mi" if found["unit"].startswith(("mi", "英")) else "km"
    return round(number * times * M_PER[unit])


def _day(found: re.Match[str], today: date) -> date | None:
    said = {name.rstrip("2345"): words for name, words in found.groupdict().items() if words}
    match said:
        case {"n": n, "unit": unit}:
            count = int(n) if n.isdecimal() else _SMALL[n]
            return today - timedelta(days=count * _DAYS_IN[unit.rstrip("s")])
        case {"today": _} | {"today_zh": _}:
            return today
        case {"yesterday": _} | {"yesterday_zh": _}:
            return today - timedelta(days=1)
        case {"before": _}:
            return today - timedelta(days=2)
        case {"weekday": name}:
            back = (today.weekday() - WEEKDAYS.index(name[:3]) - 1) % 7 + 1
            return today - timedelta(days=back)
        case {"weekday_zh": name}:
            monday = today - timedelta(days=today.weekday() + 7)
            return monday + timedelta(days=min("一二三四五六日天".index(name), 6))
        case {"week": _}:
            return today - timedelta(days=7)
        case {"month": _}:
            return today - timedelta(days=30)
        case {"name": name}:
            month = int(name) if name.isdecimal() else MONTHS.index(name[:3]) + 1
            return _past(today, [month], int(said.get("day", "15")))
        case _:
            return _past(today, [today.month, (today.month - 2) % 12 + 1], int(said["day"]))


def _past(today: date, months: list[int], number: int) -> date | None:
    """The newest such day that is not to come; None if there is none within a year."""
    found: list[date] = []
    for year in (today.year, today.year - 1):
        for month in months:
            try:
                found.append(date(year, month, number))
            except ValueError:
                continue
    return max((day for day in found if day <= today), default=None)
