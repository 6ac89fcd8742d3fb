"""Does the fix hold? For two weeks after a repair, the car's own data answers.

watching ──an alert of the same symptom──▶ came back: the case is open again, two people know
    │
    ├──quiet, driven enough, seen well by its detectors──▶ verified, with what was looked at
    └──quiet, but no proof──▶ two more weeks, then: no data
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection

from care import task
from care.hours import add_working_time
from care.store import alerts, bookings, people, repairs, verifications
from care.store.verifications import Driven, Verification
from record.causes import FAMILY, cause_of
from record.db import BAD_MOMENT
from record.flow import RepairOrder
from record.signals import BY_NAME

log = logging.getLogger(__name__)

WATCHED = timedelta(days=14)

DRIVEN_DAYS = 5
"""A car that was driven on fewer days has not shown that it is well."""

LATE = timedelta(days=3)
"""A gateway may bring the window's last frames so much later: "verified" may be taken back."""


def kin_of(cause: str) -> list[str]:
    """A cause first, then what else may show that it is back: the rest of its family.

    Examples
    --------
    >>> kin_of("dtc_p0301")[:3], kin_of("dtc_p0420")
    (['dtc_p0301', 'vacuum_leak', 'misfire'], ['dtc_p0420'])
    """
    return [cause, *(other for other in FAMILY.get(cause, ()) if other != cause)]


@dataclass(frozen=True, slots=True)
class Verified:
    """Two quiet weeks, the car was driven, and no detector waits to see it well."""


@dataclass(frozen=True, slots=True)
class Longer:
    """Quiet, but no proof: watch once more as long."""


@dataclass(frozen=True, slots=True)
class NoData:
    """Quiet again, and no proof again."""


def judge(driven: Driven, worried: bool, extended: bool) -> Verified | Longer | NoData:
    """What a quiet window says.

    Parameters
    ----------
    driven : Driven
    worried : bool
        A detector that spoke of the fault has not said since that it is gone. It may be silent
        because it has said all that it knows: a car that runs as hot as before is no news to it.
    extended : bool
        The window was doubled before.
    """
    if driven.days >= DRIVEN_DAYS and not worried:
        return Verified()
    return NoData() if extended else Longer()


def begin(
    conn: Connection, order: RepairOrder, alert_id: int, actual_cause: str | None, now: datetime
) -> None:
    """Watch the car from now on. A service that was due is not a symptom that returns."""
    spoken_of = alerts.get(conn, alert_id)
    assert spoken_of is not None
    if spoken_of.cause == "service_due":
        return
    causes = kin_of(spoken_of.cause) + (kin_of(actual_cause) if actual_cause else [])
    verifications.insert(
        conn,
        repair_order_id=order.id,
        vehicle_id=order.vehicle_id,
        alert_id=alert_id,
        reopened=spoken_of.reopened,
        causes=list(dict.fromkeys(causes)),
        began_at=now,
        until_at=now + WATCHED,
    )


def verify(conn: Connection, now: datetime) -> int:
    """Look at all repairs whose fix did not hold, or whose time is over. Returns how many.

    Two indexed questions where nothing is due. The caller commits; a row that fails rests by the
    wall clock, and the others go on.
    """
    handled = 0
    for one in verifications.came_back(conn, now - LATE):
        handled += _guarded(conn, one, now, _came_back)
    for one in verifications.over(conn, now):
        handled += _guarded(conn, one, now, _over)
    return handled


def _guarded(
    conn: Connection,
    one: Verification,
    now: datetime,
    work: Callable[[Connection, Verification, datetime], None],
) -> int:
    try:
        with conn.transaction():
            work(conn, one, now)
    except BAD_MOMENT:
        raise
    except Exception:
        verifications.failed(conn, one.repair_order_id)
        log.exception(
            "repair could not be verified, will try again",
            extra={"repair_order": one.repair_order_id, "vehicle": one.vehicle_id},
        )
        return 0
    return 1


def _came_back(conn: Connection, one: Verification, now: datetime) -> None:
    """The fix did not hold: the alert that says so is open again, and two people know."""
    assert one.comeback_alert_id is not None
    spoken_of = alerts.get(conn, one.comeback_alert_id, lock=True)
    assert spoken_of is not None
    days = max((spoken_of.refreshed_at - one.began_at).days, 0)
    verifications.decide(
        conn,
        one.repair_order_id,
        "came_back",
        now,
        {
            "after_days": days,
            "summary": spoken_of.summary,
            "at": spoken_of.refreshed_at.isoformat(),
            "looked_at": [cause_of(c).title for c in one.causes],
        },
        comeback_alert_id=spoken_of.id,
    )
    people.audit(
        conn,
        now,
        "care",
        "fix did not hold",
        f"repair_order:{one.repair_order_id}",
        alert=spoken_of.id,
        after_days=days,
    )
    order = repairs.get(conn, one.repair_order_id)
    assert order is not None
    booking = bookings.get(conn, order.booking_id)
    assert booking is not None
    customer, car = people.customer(conn, booking.customer_id), people.car(conn, one.vehicle_id)
    dealer = people.dealer(conn, booking.dealer_id)
    assert customer is not None and car is not None and dealer is not None
    why = f"The fix did not hold: {spoken_of.summary}, {days} days after repair order {order.id}"
    if spoken_of.state == "open":
        task.put(conn, spoken_of, now, why)
    repairs.add_task(
        conn,
        dealer_id=dealer.id,
        customer_id=customer.id,
        owner_id=repairs.manager_of(conn, dealer.id),
        kind="handle",
        title=f"Fix did not hold: {task.name_of(car)}",
        next_action=f"{why}. {order.correction or ''} See that the comeback goes first.",
        priority=95,
        deadline=add_working_time(now, timedelta(hours=4), dealer),
        at=now,
    )


def _over(conn: Connection, one: Verification, now: datetime) -> None:
    """The window is over and the symptom did not return: was there enough to see it?"""
    evidence = verifications.evidence_of(conn, one.alert_id)
    signals = [name for name in evidence.signals if name in BY_NAME][:4]
    booking_zone = verifications.zone_of(conn, one.repair_order_id)
    driven = verifications.driven(
        conn, one.vehicle_id, one.began_at, one.until_at, signals, booking_zone
    )
    worried = alerts.others_worry(conn, one.alert_id, "")
    shown = {
        "recovered": not worried,
        "days_driven": driven.days,
        "frames": driven.frames,
        "distance_km": driven.distance_m // 1000 if driven.distance_m is not None else None,
        "feature": evidence.feature,
        "signals": signals,
        "looked_at": [cause_of(c).title for c in one.causes],
    }
    subject = f"repair_order:{one.repair_order_id}"
    match judge(driven, worried, one.extended):
        case Verified():
            verifications.decide(conn, one.repair_order_id, "verified", now, shown)
            people.audit(conn, now, "care", "repair verified", subject, days=driven.days)
        case Longer():
            verifications.extend(conn, one.repair_order_id, one.until_at + WATCHED, shown)
            people.audit(
                conn, now, "care", "no proof yet, watched longer", subject, days=driven.days
            )
        case NoData():
            verifications.decide(conn, one.repair_order_id, "no_data", now, shown)
            people.audit(
                conn, now, "care", "repair could not be verified", subject, days=driven.days
            )
