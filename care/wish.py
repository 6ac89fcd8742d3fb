"""When a customer wants to come, in words: "Thursday after 3", "明天下午三点".

A small grammar of ours and no library: a library that finds a date in every sentence ("I may come
in March") books what nobody asked for. Here every word of the answer must belong, be it a day, a
time or one of the small words around them; one strange word and a person reads it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from care.hours import instant

SOME_TIME = 14
"""Days to look at where none is named: "after 5 is best"."""

PARTS = {
    "morning": (time(0), time(12)),
    "early": (time(0), time(10)),
    "noon": (time(11, 30), time(13, 30)),
    "afternoon": (time(12), time(18)),
    "late": (time(15), time(18)),
    "evening": (time(17), time.max),
}
"""When a visit of that part of the day begins."""

AROUND = timedelta(hours=1)
"""What "around 3" leaves open on both sides."""

ALL_DAY = (time(0), time.max)

NEVER = (time.max, time(0))
"""A time of day that doesn't exist."""

EXACT = timedelta(minutes=30)
"""Visits begin on the half hour, so "at 3" is the one that begins before half past."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Days and hours that would suit.

    Parameters
    ----------
    days : tuple of date
    since, until : time
        A visit begins at or after `since` and before `until`, the dealer's own clock.
    day_named : bool
        Whether the customer named a day.
    sure : bool
        Whether it can mean only this: "next Friday" can mean two.
    """

    days: tuple[date, ...]
    since: time = time(0)
    until: time = time.max
    day_named: bool = True
    sure: bool = True

    @property
    def plain(self) -> str:
        """For the advisor.

        Examples
        --------
        >>> Wish((date(2026, 11, 26), date(2026, 11, 27)), time(15)).plain
        '2026-11-26 to 2026-11-27 15:00-24:00'
        """
        first, last = self.days[0], self.days[-1]
        days = f"{first}" if first == last else f"{first} to {last}"
        until = "24:00" if self.until == time.max else f"{self.until:%H:%M}"
        return days if (self.since, self.until) == ALL_DAY else f"{days} {self.since:%H:%M}-{until}"

    def spans(self, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """From when to when a visit may begin, as instants."""
        for day in self.days:
            starts, ends = instant(day, self.since, zone), instant(day, self.until, zone)
            if starts is not None and ends is not None and starts < ends:
                yield starts, ends


# --- what is said ---------------------------------------------------------------------------------

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SMALL = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "couple of": 2}
_SMALL |= {"a couple of": 2, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6, "7": 7, "10": 10}

WEEKDAY = (
    r"mon(?:day)?s?|tue(?:s|sday|sdays)?|wed(?:s|nesday|nesdays)?|thu(?:rs?|rsdays?)?|fri(?:days?)?"
    r"|sat(?:urdays?)?|sun(?:days?)?"
)
MONTH = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
_HALF = r"a\.?m\.?|p\.?m\.?"
_CLOCK = rf"(?:\d{{1,2}}(?:[:.]\d{{2}})?\s?(?:{_HALF}|o clock)?|noon|midday)"
_PLAIN_CLOCK = (
    rf"(?:\d{{1,2}}[:.]\d{{2}}\s?(?:{_HALF})?|\d{{1,2}}\s?(?:{_HALF}|o clock)|noon|midday)"
)

_ENGLISH = re.compile(
    rf"""(?<![\w:/.])(?:
    (?:between|from)\s(?P<since>{_CLOCK})\s?(?:and|to|until|till|-)\s?(?P<until>{_CLOCK})
    | (?P<since2>{_PLAIN_CLOCK})\s?(?:to|until|till|-)\s?(?P<until2>{_PLAIN_CLOCK})
    | (?P<since3>\d{{1,2}})\s?(?:to|-)\s?(?P<until3>{_PLAIN_CLOCK})
    | (?:any\s?time\s)?(?:after|from|past|later\sthan|not\sbefore)\s(?P<after>{_CLOCK})(?:\son)?
    | (?:any\s?time\s)?(?:before|by|until|till|no\slater\sthan|not\safter)\s(?P<before>{_CLOCK})
    | (?:around|about|ish|roughly|approximately)\s(?P<around>{_CLOCK})
    | (?:at\s|@\s?)(?P<at>{_CLOCK})
    | (?P<clock>{_PLAIN_CLOCK})
    | (?P<month>{MONTH})\s(?:the\s)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.])
    | (?:the\s)?(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<month2>{MONTH})
    | the\s(?P<day3>\d{{1,2}})(?:st|nd|rd|th)\b
    | (?P<how>(?P<month4>\d{{1,2}})/(?P<day4>\d{{1,2}}))
    | (?P<next>(?:next|this|coming)\s)?(?P<weekday>{WEEKDAY})\b
    | (?P<which>next|this|the\snext|the)\sweekend | (?P<weekend>weekends?)
    | (?P<week>next|this|the\sfollowing)\sweek\b (?!\s(?:{WEEKDAY})\b)
    | (?P<over>the\sday\safter\stomorrow|day\safter\stomorrow|tomorrow|tmrw|tomorow|today|tonight)
    | in\s(?P<count>a\scouple\sof|[a-z]+|\d{{1,2}})\s(?P<unit>days?|weeks?)\b
    | (?P<weekdays>(?:any\s)?weekdays?|during\sthe\sweek) | (?P<any>any\s?(?:time|day))
    | (?P<early>first\sthing|early\s(?:in\sthe\s)?(?:mornings?)?) | (?P<late>late\safternoons?)
    | (?P<part>mornings?|afternoons?|evenings?|lunch\s?time|lunch)
    )(?![\w/])""",
    re.VERBOSE,
)
"""Days and times. Tried wherever a word begins; what is left must be small words."""

_SMALL_WORDS = frozenset(
    re.findall(
        r"[\w']+",
        "a an and any around at be best better book can come coming convenient could day do does "
        "fine fits for free good great have hello hey hi how i i'd i'll i'm if im in instead is it "
        "let's lets like looks make me move my need ok okay on only or perfect please pls possible "
        "prefer preferably reschedule see should sounds suit suits sure thank thanks that that's "
        "the then there time to us want we we'd what about will work works would yeah yep yes you "
        "your available",
    )
)

_DIGITS = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7}
_DIGITS |= {"八": 8, "九": 9, "十": 10}
_ZH_N = r"[零一二两三四五六七八九十]{1,3}|\d{1,2}"
_ZH_CLOCK = rf"(?:{_ZH_N})(?:[点时點](?:半|一刻|三刻|(?:{_ZH_N})分?)?|:\d{{2}})(?:钟|整)?"

_CHINESE = re.compile(
    rf"""
    (?P<since>{_ZH_CLOCK})(?:到|至|-|~)(?P<until>{_ZH_CLOCK})(?:之间)?
    | (?P<after>{_ZH_CLOCK})(?:以后|之后|后) | (?P<before>{_ZH_CLOCK})(?:以前|之前|前)
    | (?P<around>{_ZH_CLOCK})(?:左右|前后) | (?P<at>{_ZH_CLOCK})
    | (?P<month>{_ZH_N})月(?P<day>{_ZH_N})[日号號] | (?P<day3>{_ZH_N})[日号號]
    | (?P<next>下下|下|这|這|本)?个?(?:周|星期|礼拜|週)(?P<weekday>[一二三四五六日天])
    | (?P<which>下|这|這|本)?个?(?P<weekend>周末)
    | (?P<week>下|这|這|本)个?(?:周|星期|礼拜|週)
    | (?P<over>大后天|后天|明[天日]|今[天日]|明早|今晚|明晚)
    | (?P<weekdays>工作日|平时) | (?P<any>随时|任何时间|哪天都)
    | (?P<part>早上|早晨|上午|中午|下午|傍晚|晚上|晚间)
    """,
    re.VERBOSE,
)
_ZH_AROUND = re.compile(
    r"[我您你们想要可以能行方便来去有空时间的话都吧谢好请预约在那就比较最了吗呢嘛过到改换帮订和或者也是给好合适么样怎到店]"
)
_ZH_PARTS = {"早上": "morning", "早晨": "morning", "上午": "morning", "中午": "noon"}
_ZH_PARTS |= {"下午": "afternoon", "傍晚": "evening", "晚上": "evening", "晚间": "evening"}


def read(body: str, today: date) -> tuple[Wish, ...] | None:
    """What days and times an answer asks for; None unless all of it is about that.

    Hours without "am" or "pm" are a workshop's: 7 to 11 in the morning, 12 to 6 after noon. In
    ``11/24`` the month comes first; where both could be the month, nobody knows.

    Parameters
    ----------
    body : str
    today : date
        The dealer's.

    Examples
    --------
    >>> monday = date(2026, 11, 23)
    >>> read("Thursday after 3 works for me!", monday)
    (Wish(days=(datetime.date(2026, 11, 26),), since=datetime.time(15, 0), ...
    >>> [str(d) for d in read("下周一上午", monday)[0].days]
    ['2026-11-30']
    >>> read("Thursday I am in hospital", monday) is None
    True
    """
    text = unicodedata.normalize("NFKC", body).casefold().replace("’", "'")
    text = re.sub(r"[!?,;。、]|\.(?!\d)(?<![ap]\.)(?<![ap]\.m\.)|o'clock", _blank, text)
    text = " ".join(text.split())
    if not text or len(text) > 200:
        return None
    if re.search(r"[\u4e00-\u9fff]", text):
        return _read(text.replace(" ", ""), _CHINESE, "或者|或|还是", _is_small_zh, today)
    return _read(text, _ENGLISH, r"\bor\b", _is_small, today)


def _blank(found: re.Match[str]) -> str:
    return " o clock" if found[0].startswith("o") else " "


def _is_small(rest: str) -> bool:
    return all(word in _SMALL_WORDS for word in rest.split())


def _is_small_zh(rest: str) -> bool:
    return not _ZH_AROUND.sub("", rest).strip()


def _read(
    text: str,
    grammar: re.Pattern[str],
    either: str,
    small: Callable[[str], bool],
    today: date,
) -> tuple[Wish, ...] | None:
    wishes: list[Wish] = []
    for one in re.split(either, text):
        said = list(grammar.finditer(one))
        if not small(grammar.sub(" ", one)):
            return None
        if said:
            wish = _wish([_named(found) for found in said], today)
            if wish is None:
                return None
            wishes.append(wish)
    for n, wish in enumerate(wishes):  # "Tuesday or Thursday after 3", "Thursday at 2 or at 4"
        if n and not wish.day_named and wishes[n - 1].day_named:
            wishes[n] = replace(wish, days=wishes[n - 1].days, day_named=True)
        elif (wish.since, wish.until) == ALL_DAY and wish.day_named:
            wishes[n] = replace(wish, since=wishes[-1].since, until=wishes[-1].until)
    return tuple(wishes) or None


def _named(found: re.Match[str]) -> dict[str, str]:
    """What was said, by the name of its kind without the number that tells its places apart."""
    return {
        name.rstrip("0123456789"): words
        for name, words in found.groupdict().items()
        if words is not None
    }


def _wish(said: Sequence[dict[str, str]], today: date) -> Wish | None:
    """One wish from all that was said between two "or"; None where it contradicts itself."""
    parts = [PARTS[part] for one in said if (part := _part(one))]
    noon = any(since >= time(11) for since, _ in parts)
    hours = [*parts, *(span for one in said if (span := _hours(one, noon)))]
    since = max((span[0] for span in hours), default=time(0))
    until = min((span[1] for span in hours), default=time.max)
    found = _days(said, today)
    if since >= until or found is None:
        return None
    days, sure = found
    some_time = tuple(today + timedelta(days=n) for n in range(SOME_TIME))
    return Wish(days or some_time, since, until, bool(days), sure)


# --- hours ----------------------------------------------------------------------------------------


def _part(said: dict[str, str]) -> str | None:
    if "early" in said or "late" in said:
        return "early" if "early" in said else "late"
    if said.get("over") in ("tonight", "今晚", "明晚"):
        return "evening"
    if said.get("over") == "明早":
        return "morning"
    part = said.get("part", "")
    return _ZH_PARTS.get(part) or ("noon" if part.startswith("lunch") else part.rstrip("s")) or None


def _hours(said: dict[str, str], noon: bool) -> tuple[time, time] | None:
    """When a visit may begin by what was said of the clock."""
    told = {
        name: _clock(said[name], noon)
        for name in ("since", "until", "after", "before", "around", "at", "clock")
        if name in said
    }
    if not told:
        return None
    if None in told.values():
        return NEVER
    match {name: at for name, at in told.items() if at is not None}:
        case {"since": since, "until": until}:
            return since, until
        case {"after": at}:
            return at, time.max
        case {"before": at}:
            return time(0), at
        case {"around": at}:
            return _shifted(at, -AROUND), _shifted(at, AROUND + EXACT)
        case {"at": at} | {"clock": at}:
            return at, _shifted(at, EXACT)
    return None


def _shifted(at: time, by: timedelta) -> time:
    moment = datetime.combine(date(2000, 1, 1), at) + by
    return moment.time() if moment.day == 1 and moment.year == 2000 else NEVER[by > timedelta(0)]


def _clock(words: str, noon: bool) -> time | None:
    """A time of day; None where there is none such."""
    if words in ("noon", "midday"):
        return time(12)
    found = re.match(
        rf"({_ZH_N})(?:[:.](\d{{2}})|[时時點点](?:(半|一刻|三刻)|({_ZH_N}))?)?\s?([ap])?", words
    )
    assert found is not None
    hour = _number(found[1])
    past = {"半": 30, "一刻": 15, "三刻": 45, None: 0}[found[3]]
    minute = int(found[2]) if found[2] else _number(found[4]) if found[4] else past
    if hour > 23 or minute > 59 or (found[5] and not 1 <= hour <= 12):
        return None
    if found[5]:
        hour = hour % 12 + (12 if found[5] == "p" else 0)
    elif 1 <= hour <= 6 or (noon and hour < 12):
        hour += 12
    return time(hour, minute)


def _number(words: str) -> int:
    """Up to 99, in digits or Chinese."""
    if words.isdecimal():
        return int(words)
    tens, ten, ones = words.rpartition("十")
    return (_DIGITS.get(tens, 1) * 10 if ten else 0) + _DIGITS.get(ones, 0)


# --- days -----------------------------------------------------------------------------------------


def _days(said: Sequence[dict[str, str]], today: date) -> tuple[tuple[date, ...], bool] | None:
    """The days that are named, none if any will do, and whether they can mean only this."""
    monday = today - timedelta(days=today.weekday())
    week = next((one["week"] for one in said if "week" in one), None)
    start = monday + timedelta(days=7 * _weeks(week)) if week else None
    weekdays: list[date] = []
    dates: list[date] = []
    sure = True
    for one in said:
        if "weekday" in one:
            meant, clear = _weekday(one["weekday"], one.get("next", "").strip(), today, start)
            weekdays += meant
            sure = sure and clear
        elif "day" in one:
            dated = _date(one, today)
            if dated is None:
                return None
            dates.append(dated)
        elif "over" in one or "count" in one:
            over = _over(one)
            if over is None:
                return None
            dates.append(today + timedelta(days=over))
        elif "which" in one or "weekend" in one:
            first = monday + timedelta(days=7 * _weeks(one.get("which", "").removeprefix("the ")))
            dates += [first + timedelta(days=n) for n in (5, 6)]
        elif "weekdays" in one:
            first = start or today
            dates += [
                day for n in range(SOME_TIME) if (day := first + timedelta(days=n)).weekday() < 5
            ]
    if weekdays and dates:  # "Thursday the 26th"
        both = tuple(sorted({*weekdays} & {*dates}))
        return (both, True) if both else None
    if start and not weekdays and not dates:
        dates = [start + timedelta(days=n) for n in range(7)]
    return tuple(sorted({day for day in (*weekdays, *dates) if day >= today})), sure


def _weeks(which: str) -> int:
    return 1 if which.startswith(("next", "the following", "下")) else 0


def _weekday(name: str, which: str, today: date, week: date | None) -> tuple[list[date], bool]:
    """The days that "Thursday" or "next Thursday" may mean, and whether that is one.

    Today's own name means the next such day. In Chinese, 下周四 is plainly next week's. In English,
    "next Thursday" is the coming one for some and next week's for others.
    """
    chinese = "一二三四五六日天".find(name)
    number = min(chinese, 6) if chinese >= 0 else WEEKDAYS.index(name[:3])
    coming = today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    monday = today - timedelta(days=today.weekday())
    if week is not None:
        return [week + timedelta(days=number)], True
    if chinese >= 0 and which:
        weeks = {"下": 1, "下下": 2}.get(which, 0)
        return [monday + timedelta(days=7 * weeks + number)], True
    following = monday + timedelta(days=7 + number)
    if which == "next" and coming != following:
        return [coming, following], False
    return [following if which == "next" else coming], True


def _date(said: dict[str, str], today: date) -> date | None:
    """The next such date; None if there is none, or two."""
    number = _number(said["day"])
    month = said.get("month", "")
    if not month:
        for ahead in range(2):
            year, zero = divmod(today.year * 12 + today.month - 1 + ahead, 12)
            found = _dated(year, zero + 1, number)
            if found is not None and found >= today:
                return found
        return None
    if month[:3] in MONTHS:
        which = MONTHS.index(month[:3]) + 1
    else:
        which = _number(month)
        if "/" in said.get("how", "") and number <= 12 and number != which:
            return None
    this_year = _dated(today.year, which, number)
    if this_year is not None and this_year >= today:
        return this_year
    return _dated(today.year + 1, which, number)


def _dated(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _over(said: dict[str, str]) -> int | None:
    """How many days from now."""
    if "count" in said:
        count = _SMALL.get(said["count"])
        return None if count is None else count * (7 if said["unit"].startswith("week") else 1)
    word = said["over"]
    if word.startswith(("the day after", "day after", "后天")):
        return 2
    if word == "大后天":
        return 3
    return 1 if word.startswith(("tom", "tmrw", "明")) else 0
