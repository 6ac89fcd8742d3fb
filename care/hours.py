"""Working time of a workshop: what "within four hours" means on a Friday afternoon."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

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
        if day.isoweekday() in dealer.open_weekdays and opens and closes and closes > start:
            begin = max(opens, start)
            if closes - begin >= left:
                return begin + left
            left -= closes - begin
        day += _ONE_DAY
    return start + work
