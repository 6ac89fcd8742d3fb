"""Where a state of the USA allows less than the federal hours, row by row with its source.

Not legal advice. ``checked`` says how far a row was compared: ``text`` with the words of the act or
its bill, ``guides`` with a published compliance guide of 2025 (the hours, not the number of the
section), ``memory`` with nothing yet. Counsel should read all that don't say ``text``. Most of
these acts are about solicitations and exempt who has consented or is a customer already. We keep
their hours for all that we say first, as the federal ones; their free days hold everything but a
warning to stop the car.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Literal

Span = tuple[time, time]

WHOLE_DAYS = (time(8), time(21))
"""The federal hours, 47 CFR 64.1200(c)(1)."""


@dataclass(frozen=True, slots=True)
class StateRule:
    """When a state allows what, in the recipient's local time.

    Parameters
    ----------
    region : str
        ISO 3166-2, ``US-FL``; ``US`` for the federal rule.
    source : str
    checked : str
    weekdays : tuple of time
        From when until when.
    saturday, sunday : tuple of time or None
        None where the day is free of solicitations.
    holidays : bool
        Whether one may write on holidays.
    per_day : int or None
        How many within 24 hours on one subject.
    """

    region: str
    source: str
    checked: Literal["text", "guides", "memory"]
    weekdays: Span = WHOLE_DAYS
    saturday: Span | None = WHOLE_DAYS
    sunday: Span | None = WHOLE_DAYS
    holidays: bool = True
    per_day: int | None = None

    def hours(self, day: date, free_days: bool = True) -> Span | None:
        """From when until when on a day, None where not at all.

        Parameters
        ----------
        day : date
        free_days : bool
            Whether Sundays and holidays count; without them each day has the hours of a weekday.
        """
        if not free_days:
            return self.weekdays
        if not self.holidays and is_holiday(day):
            return None
        return {6: self.saturday, 7: self.sunday}.get(day.isoweekday(), self.weekdays)


def _same(
    region: str,
    hours: tuple[int, int],
    source: str,
    checked: Literal["text", "guides", "memory"],
    *,
    sunday: bool = True,
    holidays: bool = True,
    per_day: int | None = None,
) -> StateRule:
    """A rule with the same hours on all days that aren't free."""
    span = (time(hours[0]), time(hours[1]))
    return StateRule(
        region, source, checked, span, span, span if sunday else None, holidays, per_day
    )


FEDERAL = _same("US", (8, 21), "47 CFR 64.1200(c)(1)", "text")

STATES: Mapping[str, StateRule] = {
    rule.region: rule
    for rule in (
        _same(
            "US-AL", (8, 20), "Ala. Code 8-19A-14", "guides", sunday=False, holidays=False
        ),
        _same("US-CT", (9, 20), "Conn. Gen. Stat. 42-288a", "guides"),
        _same("US-FL", (8, 20), "Fla. Stat. 501.616(6)(a), (b); 501.059", "text", per_day=3),
        _same("US-KY", (10, 21), "KRS 367.46955", "guides"),
        _same(
            "US-LA", (8, 20), "La. R.S. 45:844.11 and PSC orders", "guides",
            sunday=False, holidays=False,
        ),
        _same("US-MA", (8, 20), "M.G.L. c. 159C s. 3", "guides"),
        _same("US-MD", (8, 20), "Md. Code, Com. Law 14-4503", "guides", per_day=3),
        StateRule(
            "US-ME", "10 M.R.S. 1498 (automated calls)", "memory", (time(9), time(17)), None, None
        ),
        _same("US-MI", (9, 21), "MCL 445.111 ff.", "guides"),
        _same("US-MN", (9, 21), "Minn. Stat. 325E.30", "guides"),
        _same(
            "US-MS", (8, 20), "Miss. Code 77-3-701 ff.", "guides", sunday=False, holidays=False
        ),
        _same("US-NM", (9, 21), "N.M. Stat. 57-12-22", "guides"),
        _same("US-NV", (9, 20), "NRS 599B and 228", "guides"),
        _same("US-OK", (8, 20), "Okla. Stat. tit. 15, 775C.4 (OTSA)", "guides", per_day=3),
        _same("US-OR", (8, 20), "ORS 646A.370 ff. (HB 3865 of 2025)", "memory", per_day=3),
        _same(
            "US-PA", (8, 21), "73 P.S. 2245.2", "guides", sunday=False, holidays=False
        ),
        StateRule(
            "US-RI", "R.I. Gen. Laws 5-61-2(9), 5-61-3.6", "guides",
            (time(9), time(18)), (time(10), time(17)), None, holidays=False,
        ),
        _same("US-SD", (9, 21), "SDCL 37-30A-3", "memory", sunday=False),
        StateRule(
            "US-TX", "Tex. Bus. & Com. Code 301.051; ch. 302 with SB 140 of 2025", "guides",
            (time(9), time(21)), (time(9), time(21)), (time(12), time(21)),
        ),
        _same(
            "US-UT", (8, 21), "Utah Code 13-25a-103", "guides", sunday=False, holidays=False
        ),
        _same("US-WA", (8, 20), "RCW 80.36.390; 19.158.040", "guides"),
        _same("US-WY", (8, 20), "Wyo. Stat. 40-12-302", "guides"),
    )
}  # fmt: skip
"""By region. Texas besides asks who solicits by text to register (ch. 302): a matter for the
dealer, not for code."""

REGION = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"
"""How a region is written: ISO 3166-1 or 3166-2, as the column's check says too."""


def is_holiday(day: date) -> bool:
    """Whether a day is a federal holiday of the USA (5 USC 6103), or the workday in its place.

    States have some more of their own (Mardi Gras, Pioneer Day); those are for counsel to add.

    Examples
    --------
    >>> [is_holiday(date(2026, 7, day)) for day in (2, 3, 4, 5)]
    [False, True, True, False]
    >>> [is_holiday(date(2026, month, day)) for month, day in ((5, 25), (11, 25), (11, 26))]
    [True, False, True]
    """
    for near in (day - timedelta(days=1), day, day + timedelta(days=1)):
        if (near.month, near.day) not in ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25)):
            continue
        # one that falls on a Saturday is kept on Friday, on a Sunday on Monday, too
        shift = {5: -1, 6: 1}.get(near.weekday(), 0)
        if day in (near, near + timedelta(days=shift)):
            return True
    week, weekday = (day.day - 1) // 7 + 1, day.weekday()
    if (day.month, week, weekday) in ((1, 3, 0), (2, 3, 0), (9, 1, 0), (10, 2, 0), (11, 4, 3)):
        return True
    return day.month == 5 and weekday == 0 and day.day > 24
