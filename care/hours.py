"""Working time of a workshop: what "within four hours" means on a Friday afternoon."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from care.store.people import Dealer

_ONE_DAY = timedelta(days=1)
_A_YEAR = 366


def instant(day: date, at: time, zone: ZoneInfo) -> datetime | None:
    """The moment, in UTC, when clocks of a zone show `at` on `day`; None where they skip it.

    Where clocks show it twice, the first time.

    Examples
    --------
    >>> instant(date(2026, 3, 8), time(2, 30), ZoneInfo("America/New_York")) is None
    True
    """
    local = datetime.combine(day, at, zone)
    moment = local.astimezone(UTC)
    same = moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
    return moment if same else None


@lru_cache(maxsize=256)
def public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """The days of a year on which a country, or a part of it, doesn't work.

    A part that the library doesn't know counts like the whole country, an unknown country like one
    without holidays: a deadline that is a day early is better than none.

    Examples
    --------
    >>> date(2026, 11, 26) in public_holidays("US", None, 2026)  # Thanksgiving
    True
    >>> [d.day for d in sorted(public_holidays("DE", "BY", 2026)) if d.month == 1]
    [1, 6]
    >>> public_holidays("", None, 2026)
    frozenset()
    """
    try:
        return frozenset(holidays.country_holidays(country, subdivision, years=year))
    except NotImplementedError:
        return public_holidays(country, None, year) if subdivision else frozenset()


def opens_on(day: date, dealer: Dealer) -> bool:
    """Whether the dealer works on that day: by its week, the public holidays, its own closures."""
    return (
        day.isoweekday() in dealer.open_weekdays
        and day not in dealer.closures
        and day not in public_holidays(dealer.country, dealer.subdivision, day.year)
    )


def is_open(at: datetime, dealer: Dealer) -> bool:
    """Whether the dealer works at that moment."""
    zone = ZoneInfo(dealer.time_zone)
    day = at.astimezone(zone).date()
    opens, closes = instant(day, dealer.opens, zone), instant(day, dealer.closes, zone)
    return bool(opens_on(day, dealer) and opens and closes and opens <= at <= closes)


def add_working_time(start: datetime, work: timedelta, dealer: Dealer) -> datetime:
    """When `work` has been done if it begins at `start` and only goes on in opening hours.

    Parameters
    ----------
    start : datetime
    work : timedelta
    dealer : Dealer

    Returns
    -------
    datetime
        In UTC. Where a dealer never opens, `start` + `work`.
    """
    zone = ZoneInfo(dealer.time_zone)
    day = start.astimezone(zone).date()
    left = work
    for _ in range(_A_YEAR):
        opens = instant(day, dealer.opens, zone)
        closes = instant(day, dealer.closes, zone)
        if opens and closes and closes > start and opens_on(day, dealer):
            begin = max(opens, start)
            if closes - begin >= left:
                return begin + left
            left -= closes - begin
        day += _ONE_DAY
    return start + work


def working_time(start: datetime, end: datetime, dealer: Dealer) -> timedelta:
    """How much of the time from `start` to `end` the dealer was open, a year at most.

    Examples
    --------
    >>> lakeside = Dealer(1, "L", "UTC", "+1", time(8), time(17), [1, 2, 3, 4, 5])
    >>> friday = datetime(2026, 11, 20, 16, tzinfo=UTC)
    >>> working_time(friday, friday + timedelta(days=3), lakeside)
    datetime.timedelta(seconds=32400)
    """
    zone = ZoneInfo(dealer.time_zone)
    day = start.astimezone(zone).date()
    worked = timedelta(0)
    for _ in range(_A_YEAR):
        opens, closes = instant(day, dealer.opens, zone), instant(day, dealer.closes, zone)
        if opens and opens >= end:
            break
        if opens and closes and opens_on(day, dealer):
            worked += max(min(closes, end) - max(opens, start), timedelta(0))
        day += _ONE_DAY
    return worked
