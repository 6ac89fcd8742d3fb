"""The alert's life: findings open it, refresh it, close it, and open it again.

One open alert for each vehicle and root cause, whatever the number of detectors that speak of it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from psycopg import Connection

from care import incident, journey, task
from care.dismissal import REASONS
from care.errors import CareError
from care.store import alerts, bookings, cases, incidents, people, tasks
from care.store.alerts import NewFinding
from record.flow import RELAPSE, Alert, FindingKind, Stage, Urgency

AFTER_REPAIR = timedelta(days=3)
"""A detector that learned a weak part needs this long to see the new one: until then only a fresh
"raised" is a relapse, a mere "refreshed" is an echo. But danger is never one."""

AFTER_SERVICE = timedelta(days=30)
"""A service that falls due so soon after one was computed from older counters."""

UNHEARD = {Stage.SHADOW: "in shadow", Stage.SET_ASIDE: "set aside"}

_RANK = {Urgency.INFO: 0, Urgency.SERVICE: 1, Urgency.SOON: 2, Urgency.STOP: 3}


@dataclass(frozen=True, slots=True)
class Open:
    """Begin a new case."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Say what the newest finding says; `worse` when it is more urgent than before."""

    worse: bool


@dataclass(frozen=True, slots=True)
class Reopen:
    """The same case again."""

    why: str


@dataclass(frozen=True, slots=True)
class Close:
    """All who spoke of it say that the car is fine."""


@dataclass(frozen=True, slots=True)
class StayOpen:
    """The car says it is fine, but someone will look at it: remember that."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Nothing changes."""

    why: str


Step = Open | Refresh | Reopen | Close | StayOpen | Ignore


def step(
    finding: NewFinding,
    current: Alert | None,
    *,
    booked: bool,
    others_worry: bool,
    last_service_at: datetime | None,
) -> Step:
    """What a finding does to the alert of its vehicle and cause.

    Parameters
    ----------
    finding : NewFinding
    current : Alert or None
        The open one, or else the one that was closed last.
    booked : bool
        A slot is held or booked for it, or the car is in the shop. Recovery then leaves it open:
        the customer was promised a look, and a fault that comes and goes is worth one.
    others_worry : bool
        Another detector spoke of it too and has not recovered: the car still runs hot, although the
        code is gone.
    last_service_at : datetime or None
        From the vehicle's service book.
    """
    is_open = current is not None and current.state == "open"
    if finding.kind == FindingKind.RECOVERED:
        if current is None or not is_open:
            return Ignore("no open alert")
        if finding.at < current.refreshed_at:
            return Ignore("older than what the alert says")
        if others_worry:
            return Ignore("another detector still sees it")
        return StayOpen() if booked else Close()
    if (
        finding.cause == "service_due"
        and last_service_at is not None
        and finding.at < last_service_at + AFTER_SERVICE
    ):
        return Ignore("serviced since")
    if current is None:
        return Open()
    if is_open:
        if finding.at < current.refreshed_at:
            return Ignore("older than what the alert says")
        return Refresh(worse=_RANK[Urgency(finding.urgency)] > _RANK[Urgency(current.urgency)])
    assert current.closed_at is not None
    if finding.at <= current.closed_at:
        return Ignore("older than the alert's end")
    if finding.at > current.closed_at + RELAPSE:
        return Open()
    if current.close_reason == "dismissed":
        if _RANK[Urgency(finding.urgency)] > _RANK[Urgency(current.urgency)]:
            return Reopen("worse than what was dismissed")
        return Ignore("dismissed by a person")
    if (
        current.close_reason in ("repaired", "no_fault_found")
        and finding.kind == FindingKind.REFRESHED
        and finding.urgency != Urgency.STOP
        and finding.at <= current.closed_at + AFTER_REPAIR
    ):
        return Ignore("the detector has not seen the repair yet")
    return Reopen("came back")


def calmest(finding: NewFinding, current: Alert) -> NewFinding:
    """The finding as an open alert takes it over: an alert never calms down but by recovery.

    Two detectors may see the same cause; the more urgent view stays until the car recovers.
    """
    if _RANK[Urgency(finding.urgency)] >= _RANK[Urgency(current.urgency)]:
        return finding
    return replace(
        finding,
        urgency=current.urgency,
        confidence=current.confidence,
        summary=current.summary,
        expect_from=current.expect_from,
        expect_to=current.expect_to,
    )


def take_up(conn: Connection, finding: NewFinding, now: datetime) -> tuple[Step, Alert | None]:
    """Let a finding do its work: alert, task, planned message. The caller commits.

    Of a detector in shadow it is only counted, and of one set aside not even that; but that a car
    is well again ends what was told before. While no detector in force speaks of an alert, its
    task is all that comes of it.
    """
    stage = alerts.stage_of(conn, finding.detector)
    if stage in UNHEARD and finding.kind != FindingKind.RECOVERED:
        if stage is Stage.SHADOW:
            cases.begin(conn, finding.id, None)
        return Ignore(f"its detector is {UNHEARD[stage]}"), None
    current = alerts.newest(conn, finding.vehicle_id, finding.cause)
    car = people.car(conn, finding.vehicle_id)
    assert car is not None
    booked = current is not None and bookings.live_for_alert(conn, current.id) is not None
    others_worry = current is not None and alerts.others_worry(conn, current.id, finding.detector)
    what = step(
        finding,
        current,
        booked=booked,
        others_worry=others_worry,
        last_service_at=car.last_service_at,
    )
    after = current
    match what:
        case Open():
            after = alerts.insert(conn, finding)
            _speaks_of(conn, finding, after)
            people.audit(conn, now, "care", "alert opened", f"alert:{after.id}")
            match incident.take_in(conn, after, now):
                case incident.Verdict.GOES_ON:
                    task.put(conn, after, now)
                    journey.for_alert(conn, after, "first", now)
                case incident.Verdict.NO_FAULT:
                    after = _as_its_incident(conn, after, now)
        case Refresh(worse):
            assert current is not None
            was_unproven = alerts.unproven(conn, current.id)
            after = alerts.refresh(conn, current.id, calmest(finding, current))
            _speaks_of(conn, finding, after)
            if worse and (
                incidents.waits_for(conn, after.id) is None or after.urgency == Urgency.STOP
            ):
                task.put(conn, after, now, "It has become worse")
                if not booked:
                    journey.for_alert(conn, after, str(after.urgency), now)
                people.audit(conn, now, "care", "alert became worse", f"alert:{after.id}")
            elif (
                was_unproven
                and not booked
                and not alerts.unproven(conn, after.id)
                and incidents.waits_for(conn, after.id) is None
            ):
                task.put(conn, after, now)
                journey.for_alert(conn, after, "first", now)
        case Reopen(why):
            assert current is not None
            after = alerts.reopen(conn, current.id, finding)
            _speaks_of(conn, finding, after)
            repaired = current.close_reason in ("repaired", "no_fault_found")
            task.put(conn, after, now, "It came back after the repair" if repaired else None)
            journey.for_alert(conn, after, f"again{after.reopened}", now)
            people.audit(conn, now, "care", "alert reopened", f"alert:{after.id}", why=why)
        case Close():
            assert current is not None
            after = end(conn, current.id, "recovered", "care", finding.at, now)
        case StayOpen():
            assert current is not None
            alerts.set_recovered(conn, current.id, finding.at)
        case Ignore():
            pass
    if after is not None and isinstance(what, Close | StayOpen | Ignore):
        alerts.link_finding(conn, after.id, finding.id)
    return what, after


def _speaks_of(conn: Connection, finding: NewFinding, after: Alert) -> None:
    alerts.link_finding(conn, after.id, finding.id)
    cases.begin(conn, finding.id, after.id)


def _as_its_incident(conn: Connection, alert: Alert, now: datetime) -> Alert:
    """Dismiss an alert as a manager has dismissed the others of its incident."""
    found = incidents.of_alert(conn, alert.id)
    assert found is not None and found.code is not None
    return dismiss(conn, alert.id, "care", incident.words(found), now, found.code)


def close_incident(
    conn: Connection, incident_id: int, actor: str, code: str, why: str, now: datetime
) -> int:
    """A manager says of an incident that its cars have no fault. Returns of how many.

    Raises
    ------
    CareError
        If it is decided already, the code is none of `incident.CODES`, or a colleague has one of
        the calls in hand.
    """
    waiting = incident.close(conn, incident_id, actor, code, why, now)
    for one in waiting:
        _as_its_incident(conn, one, now)
    return len(waiting)


def end(
    conn: Connection, alert_id: int, reason: str, actor: str, at: datetime, now: datetime
) -> Alert:
    """Close an alert and finish its task.

    Parameters
    ----------
    at : datetime
        When it ended: the car's time for a recovery, the workshop's for a repair.
    """
    closed = alerts.close(conn, alert_id, reason, at)
    task.finish(conn, alert_id, actor, reason.replace("_", " "), now)
    people.audit(conn, now, actor, "alert closed", f"alert:{alert_id}", reason=reason)
    return closed


def booking_lost(conn: Connection, alert_id: int, why: str, now: datetime) -> None:
    """The booking is gone: close the alert if the car recovered meanwhile, else ask a person."""
    found = alerts.get(conn, alert_id, lock=True)
    if found is None or found.state != "open":
        return
    recovered = alerts.recovered_at(conn, alert_id)
    if recovered is not None:
        end(conn, alert_id, "recovered", "care", recovered, now)
    else:
        task.put(conn, found, now, why)


def dismiss(
    conn: Connection,
    alert_id: int,
    actor: str,
    reason: str,
    now: datetime,
    code: str = "other",
) -> Alert:
    """A person says that this is not a problem. It stays quiet for `RELAPSE` unless it gets worse.

    Parameters
    ----------
    reason : str
        In words; may be empty where the code says it all.
    code : str
        A key of `dismissal.REASONS`: what it says of the detector is kept as a label.

    Raises
    ------
    CareError
        If there is no such open alert, no reason, or a booking that must be cancelled first.
    """
    found = alerts.get(conn, alert_id, lock=True)
    if found is None:
        raise CareError(f"There is no alert {alert_id}.")
    if found.state != "open":
        raise CareError("This alert is closed already.")
    why = REASONS.get(code)
    if why is None:
        raise CareError("Choose one of the reasons.")
    if code == "other" and not reason.strip():
        raise CareError("Say in a few words why this is not a problem.")
    if bookings.live_for_alert(conn, alert_id) is not None:
        raise CareError("There is a booking for this. Cancel it first.")
    task.check_free(conn, alert_id, actor, now)
    words = (
        reason.strip() if code == "other" else ": ".join(filter(None, (why.title, reason.strip())))
    )
    people.audit(conn, now, actor, "alert dismissed", f"alert:{alert_id}", why=words, code=code)
    who = actor.removeprefix("staff:")
    tasks.add_dismissal(
        conn,
        alert_id=alert_id,
        reason=code,
        label=why.label,
        note=reason.strip(),
        staff_id=int(who) if who.isdigit() else None,
        at=now,
    )
    if why.label is not None:
        cases.answer(conn, alert_id, why.label, (), actor, now)
    return end(conn, alert_id, "dismissed", actor, now, now)
