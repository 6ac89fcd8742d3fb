"""Rules from outside, each with its source. Not legal advice; ``docs/law.md`` is the table in full.

==========================================  =====================================================
rule                                        source
==========================================  =====================================================
We speak first only from 8 to 21 o'clock    47 CFR 64.1200(c)(1): no telephone solicitation "before
of the called party's local time            the hour of 8 a.m. or after 9 p.m. (local time at the
                                            called party's location)". Whether a service notice is
                                            a solicitation is arguable: we keep the hours for all.
A state's shorter hours, free days and      `care.law_states`, row by row.
daily number count where the customer lives
An answer may go at any hour                64.1200(f), "telephone solicitation", leaves out
                                            messages "with that person's prior express invitation":
                                            who has just written or booked awaits the answer.
STOP and its kin end messages at once       64.1200(a)(10): revocation "in any reasonable manner";
                                            to be honoured within ten business days at most.
One confirmation of STOP at most            64.1200(a)(12): one text within five minutes. Twilio's
                                            default STOP handling sends it; so we never send one.
Messages need consent                       64.1200(a)(1), (f)(9); GDPR Art. 7(1): kept per purpose
                                            and channel with source and wording in ``consent``.
A request for one's data is answered        GDPR Art. 12(3), 15, 17.
within a month
Where a car is shows only with separate     PIPL Art. 28, 29.
consent
A commercial text says how to refuse more   Chinese Administrative Provisions on Short Message
                                            Services (2015), Art. 18-20.
==========================================  =====================================================
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import timezone as phone_zones

from care.area_codes import STATE_OF
from care.hours import instant
from care.law_states import FEDERAL, STATES, StateRule

EARLIEST = time(8)
"""47 CFR 64.1200(c)(1), the called party's local time."""

LATEST = time(21)
"""47 CFR 64.1200(c)(1), the called party's local time."""

ANSWER_WITHIN = timedelta(hours=1)
"""How long after a person's own act a message still is its answer, at whatever hour."""

ANSWER_DUE_MONTHS = 1
"""GDPR Art. 12(3): a request for one's data, or for its erasure, is answered within one month."""

LOCATION_BY_CONSENT = {"CN": "PIPL Art. 28, 29"}
"""Countries of dealers in which a position is shown and used only with separate consent to it."""

POSITION = frozenset({"latitude_deg", "longitude_deg"})
"""Signals that say where a car is."""

REFUSAL_WORDS = {"zh": ("退订", "拒收")}
"""By language, words of which a text that speaks first holds one, beside STOP: Chinese
Administrative Provisions on Short Message Services, Art. 20."""

_NO_LONGER_A_HINT = 6
"""A number that may be in so many zones says nothing: toll-free ones, for example."""

_PACIFIC_US = ("Pacific/Honolulu", "Pacific/Guam", "Pacific/Pago_Pago", "Pacific/Saipan")


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody may be, as far as hours depend on it."""

    zone: ZoneInfo
    rule: StateRule = FEDERAL


def places(time_zone: str, region: str | None, phone: str | None) -> tuple[Place, ...]:
    """Where a recipient may be: what is allowed must be allowed in all of them.

    The region on record decides. Where there is none, an American number is a hint: its state's
    rule, in its own time zones, holds beside the federal one in the time zone on record. It is none
    for somebody who lives on another continent by now.

    Parameters
    ----------
    time_zone : str
        On record.
    region : str or None
        On record: ``US-FL``.
    phone : str or None
        E.164.

    Returns
    -------
    tuple of Place
        Empty where there is no such time zone.

    Examples
    --------
    >>> [(str(p.zone), p.rule.region) for p in places("America/Denver", None, "+13055550100")]
    [('America/Denver', 'US'), ('America/New_York', 'US-FL')]
    >>> [(str(p.zone), p.rule.region) for p in places("America/Denver", "US-UT", "+13055550100")]
    [('America/Denver', 'US-UT')]
    """
    home = zone_named(time_zone)
    if home is None:
        return ()
    if region is not None:
        return (Place(home, STATES.get(region, FEDERAL)),)
    american = time_zone.startswith(("America/", "US/")) or time_zone in _PACIFIC_US
    hinted = tuple(_hints(phone)) if american and phone else ()
    if any(place.zone.key == home.key for place in hinted):
        return tuple(place for place in hinted)
    return (Place(home), *hinted)


def _hints(phone: str) -> Sequence[Place]:
    if not (phone.startswith("+1") and phone[2:5] in STATE_OF):
        return ()
    rule = STATES.get(f"US-{STATE_OF[phone[2:5]]}", FEDERAL)
    try:
        names = phone_zones.time_zones_for_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return ()
    zones = [zone for zone in map(zone_named, names) if zone is not None]
    return [Place(zone, rule) for zone in zones] if len(zones) < _NO_LONGER_A_HINT else ()


def next_lawful(
    now: datetime,
    where: Sequence[Place],
    earliest: time = EARLIEST,
    latest: time = LATEST,
    free_days: bool = True,
) -> datetime | None:
    """The first moment from `now` on that is allowed in every place: the strictest wins.

    Parameters
    ----------
    now : datetime
    where : sequence of Place
        At least one.
    earliest, latest : time
        What the dealer allows; it only ever narrows the law's hours.
    free_days : bool
        Whether Sundays and holidays count, where a state keeps them free.

    Returns
    -------
    datetime or None
        `now` itself, or a later moment in UTC; None where the hours of the places never meet.

    Examples
    --------
    >>> saturday = datetime(2026, 11, 21, 23, tzinfo=UTC)
    >>> utah = places("America/Denver", "US-UT", None)
    >>> next_lawful(saturday + timedelta(hours=10), utah).isoformat()
    '2026-11-23T15:00:00+00:00'
    """
    moment = now
    while moment < now + timedelta(days=10):
        latest_yet = max(
            _next_in(moment, place, earliest, latest, free_days) or datetime.max.replace(tzinfo=UTC)
            for place in where
        )
        if latest_yet == moment:
            return moment
        moment = latest_yet
    return None


def _next_in(
    now: datetime, place: Place, earliest: time, latest: time, free_days: bool
) -> datetime | None:
    moment = now
    for _ in range(10):
        day = moment.astimezone(place.zone).date()
        span = place.rule.hours(day, free_days)
        if span is not None and max(span[0], earliest) < min(span[1], latest):
            since, until = max(span[0], earliest), min(span[1], latest)
            allowed = next_allowed(moment, place.zone, since, until)
            if allowed.astimezone(place.zone).date() == day:
                return allowed
        moment = _midnight(day + timedelta(days=1), place.zone)
    return None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day; of a later one where clocks skip it whole."""
    while True:
        for minutes in range(0, 24 * 60, 30):
            moment = instant(day, _plus(time(0), minutes), zone)
            if moment is not None:
                return moment
        day += timedelta(days=1)


def daily_cap(where: Sequence[Place]) -> int | None:
    """How many messages within 24 hours the strictest place allows, None where none counts."""
    return min((p.rule.per_day for p in where if p.rule.per_day is not None), default=None)


def answer_due(received_at: datetime) -> datetime:
    """Until when a request for one's data is to be answered: the same date a month later.

    Where that month has no such date, its last one. A weekend doesn't put it off, though Regulation
    1182/71 would let it.

    Examples
    --------
    >>> answer_due(datetime(2027, 1, 31, 9, tzinfo=UTC)).isoformat()
    '2027-02-28T09:00:00+00:00'
    """
    months = received_at.month - 1 + ANSWER_DUE_MONTHS
    year, month = received_at.year + months // 12, months % 12 + 1
    day = min(received_at.day, calendar.monthrange(year, month)[1])
    return received_at.replace(year=year, month=month, day=day)


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone, None where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def next_allowed(
    now: datetime, zone: ZoneInfo, earliest: time = EARLIEST, latest: time = LATEST
) -> datetime:
    """The first moment from `now` on whose local time is in [`earliest`, `latest`).

    Parameters
    ----------
    now : datetime
    zone : ZoneInfo
        The recipient's.
    earliest, latest : time
        `earliest` < `latest`.

    Returns
    -------
    datetime
        `now` itself, or a later moment in UTC.

    Examples
    --------
    >>> at = datetime(2026, 11, 24, 3, 40, tzinfo=UTC)  # 21:40 in Chicago
    >>> next_allowed(at, ZoneInfo("America/Chicago")).isoformat()
    '2026-11-24T14:00:00+00:00'
    """
    local = now.astimezone(zone)
    if earliest <= local.time() < latest:
        return now
    day = local.date() if local.time() < earliest else local.date() + timedelta(days=1)
    while True:
        # a local time that clocks skip (or a whole day, Samoa 2011-12-30) is looked for later on
        for minutes in range(0, 24 * 60, 30):
            moment = instant(day, _plus(earliest, minutes), zone)
            if moment is not None and moment >= now.astimezone(UTC):
                if earliest <= moment.astimezone(zone).time() < latest:
                    return moment
                break
        day += timedelta(days=1)


def _plus(at: time, minutes: int) -> time:
    total = min(at.hour * 60 + at.minute + minutes, 24 * 60 - 1)
    return time(total // 60, total % 60)
