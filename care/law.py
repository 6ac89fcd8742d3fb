"""Rules from outside, each with its source. Not legal advice.

==========================================  =====================================================
rule                                        source
==========================================  =====================================================
We speak first only from 8 to 21 o'clock    47 CFR 64.1200(c)(1): no telephone solicitation "before
of the called party's local time            the hour of 8 a.m. or after 9 p.m. (local time at the
                                            called party's location)". Whether a service notice is
                                            a solicitation is arguable: we keep the hours for all.
An answer may go at any hour                64.1200(f), "telephone solicitation", leaves out
                                            messages "with that person's prior express invitation":
                                            who has just written or booked awaits the answer.
STOP and its kin end messages at once       64.1200(a)(10): revocation "in any reasonable manner";
                                            to be honoured within ten business days at most.
One confirmation of STOP at most            64.1200(a)(12): one text within five minutes. Twilio's
                                            default STOP handling sends it; so we never send one.
Messages need consent                       64.1200(a)(1), (f)(9); kept per purpose and channel
                                            with source and wording version in table ``consent``.
==========================================  =====================================================
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from care.hours import instant

EARLIEST = time(8)
"""47 CFR 64.1200(c)(1), the called party's local time."""

LATEST = time(21)
"""47 CFR 64.1200(c)(1), the called party's local time."""

ANSWER_WITHIN = timedelta(hours=1)
"""How long after a person's own act a message still is its answer, at whatever hour."""


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
