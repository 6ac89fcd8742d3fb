"""Fleet incidents: when like cars alert together, it is one matter for a manager.

A cold night, new firmware, a batch of sensors: alerts of one cause come from many cars at once.
Each may be right; but the cause is shared, and a storm of texts about it would cost trust. So the
cars wait, nobody is told yet, and a manager decides once for all. Danger never waits. What the cars
have in common is counted for the manager (`care.traits`).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from math import exp, lgamma, log, log1p

from psycopg import Connection

from care import dismissal, journey, task, traits
from care.errors import CareError
from care.hours import add_working_time
from care.store import bookings, incidents, outbox, people
from care.store.incidents import Incident, Like
from record.flow import Alert, Urgency

WINDOW = timedelta(days=7)
PAST = timedelta(days=180)

PRIOR_WEEKS = 1000.0
"""Before anything is known of a cause we believe that a car has it once in so many weeks: in twenty
years, about the life of a car."""

FEWEST = 5
"""Fewer cars are a coincidence that an advisor sees at a glance."""

CHANCE = 1e-5
"""So seldom it may be a coincidence: with twenty causes, twenty models and 52 weeks, one false
incident in five years."""

ACROSS = 5.0
"""Of all dealers together even a mild season is no coincidence any more; what is shared by firmware
or by a batch is many times as frequent as usual."""

REMEMBERED = timedelta(days=14)
"""So long a decision holds for cars that come later."""

PATIENCE = timedelta(hours=8)
"""Of opening hours, a working day: an incident that nobody decides is released, so that no customer
is forgotten."""

RECOUNT = timedelta(minutes=10)
"""In a storm, what the cars have in common is counted no more often."""

WEATHER = 28
"""Days against which those are held on which the alerts began."""

THERMOMETERS = 50
"""So many cars tell the air."""

CODES = ("unusual_use", "sensor_fault", "nothing_found")
"""Of `dismissal.REASONS`: why the cars have no fault."""


class Verdict(Enum):
    """What an incident does with an alert."""

    GOES_ON = "goes on"
    WAITS = "waits"
    NO_FAULT = "no fault"


@dataclass(frozen=True, slots=True)
class Seen:
    """How often a cause is alerted, here and now and in the fleet's past.

    Parameters
    ----------
    alerting, cars : int
        So many of so many like cars, within `WINDOW`.
    past : int
        Alerts of the whole fleet before that.
    weeks : float
        Cars times weeks in which these came.
    """

    alerting: int
    cars: int
    past: int
    weeks: float

    @property
    def expected(self) -> float:
        """How many cars are usual in a week."""
        return self.cars * (self.past + 1) / (self.weeks + PRIOR_WEEKS)


def chance(seen: Seen) -> float:
    """How likely so many alerts, or more, are by coincidence.

    The weekly rate is uncertain, as it was counted: a gamma distribution with the prior's one alert
    in `PRIOR_WEEKS`. Counts drawn from such a rate follow the negative binomial distribution
    (Gelman et al., *Bayesian Data Analysis*, 2.6), which has a wider tail than Poisson's.

    Examples
    --------
    >>> chance(Seen(0, 40, 10, 5_000)), round(chance(Seen(1, 40, 10, 5_000)), 3)
    (1.0, 0.07)
    >>> chance(Seen(8, 40, 10, 5_000)) < 1e-9
    True
    """
    r, weeks = seen.past + 1, seen.weeks + PRIOR_WEEKS
    log_p, log_q = -log1p(seen.cars / weeks), log(seen.cars / (weeks + seen.cars))
    fewer = sum(
        exp(lgamma(r + k) - lgamma(r) - lgamma(k + 1) + r * log_p + k * log_q)
        for k in range(seen.alerting)
    )
    return max(0.0, 1.0 - fewer)


def unusual(seen: Seen) -> bool:
    """Whether so many alerts need one explanation.

    Examples
    --------
    >>> unusual(Seen(8, 40, 10, 5_000)), unusual(Seen(4, 40, 0, 50_000))
    (True, False)
    >>> unusual(Seen(8, 4_000, 10, 5_000))  # of so many cars that is usual
    False
    """
    return seen.alerting >= FEWEST and chance(seen) < CHANCE


def take_in(conn: Connection, alert: Alert, now: datetime) -> Verdict:
    """See whether a new alert is part of an incident, or the one that makes it one.

    A due service is no fault, and comes with the calendar. Danger is part of an incident, too, but
    goes on.
    """
    car = people.car(conn, alert.vehicle_id)
    assert car is not None
    dealer_id = people.dealer_of(conn, car.id, now)
    if alert.cause == "service_due" or dealer_id is None:
        return Verdict.GOES_ON
    found = incidents.covering(
        conn, dealer_id, alert.cause, car.make, car.model, now - REMEMBERED
    ) or _begun(conn, alert, dealer_id, car.make, car.model, now)
    if found is None or found.state == "released":
        return Verdict.GOES_ON
    incidents.add(conn, found.id, alert.id)
    if alert.urgency == Urgency.STOP:
        return Verdict.GOES_ON
    if found.state == "closed":
        assert found.code is not None
        return Verdict.NO_FAULT
    return Verdict.WAITS


def _begun(
    conn: Connection, alert: Alert, dealer_id: int, make: str, model: str, now: datetime
) -> Incident | None:
    at = alert.opened_at
    since = at - WINDOW
    for which in (
        Like(dealer_id, now, make, model),
        Like(dealer_id, now),
        Like(dealer_id, now, make, model, across=True),
    ):
        alerting = incidents.alerting(conn, alert.cause, which, since, at)
        if alerting < FEWEST:
            continue
        seen = Seen(alerting, *incidents.past(conn, alert.cause, which, since - PAST, since))
        if unusual(seen) and (not which.across or seen.alerting >= ACROSS * seen.expected):
            if which.across:
                for other in incidents.dealers(conn, alert.cause, which, since, at):
                    theirs = replace(which, dealer_id=other)
                    covered = incidents.covering(
                        conn, other, alert.cause, make, model, now - REMEMBERED
                    )
                    if other != dealer_id and covered is None:
                        _opened(conn, alert.cause, theirs, seen, since)
            return _opened(conn, alert.cause, which, seen, since)
    return None


def _opened(conn: Connection, cause: str, which: Like, seen: Seen, since: datetime) -> Incident:
    found = incidents.insert(conn, cause, which, seen.cars, seen.alerting, seen.expected)
    incidents.gather(conn, found, since, which.now)
    people.audit(conn, which.now, "care", "incident opened", f"incident:{found.id}")
    return found


def release(conn: Connection, incident_id: int, actor: str, why: str, now: datetime) -> int:
    """Each car for itself: tasks and messages begin now. Returns for how many cars.

    Who was told before it was an incident is not told again: an advisor goes on from there.

    Raises
    ------
    CareError
        If it is decided already.
    """
    found = _open(conn, incident_id)
    incidents.decide(conn, found.id, "released", None, why, actor, now)
    waiting = incidents.open_alerts(conn, found.id)
    for one in waiting:
        if bookings.live_for_alert(conn, one.id) is None:
            task.put(conn, one, now)
            if not outbox.written_of(conn, one.id):
                journey.for_alert(conn, one, f"incident:{found.id}", now)
    people.audit(conn, now, actor, "incident released", f"incident:{found.id}", why=why)
    return len(waiting)


def close(
    conn: Connection, incident_id: int, actor: str, code: str, why: str, now: datetime
) -> list[Alert]:
    """One cause, and no fault in the cars. Returns the alerts to dismiss.

    What is urgent, or has a booking, stays open: somebody looks at that car.

    Raises
    ------
    CareError
        If it is decided already, the code is none of `CODES`, or a colleague has one of the calls
        in hand.
    """
    if code not in CODES:
        raise CareError("Choose one of the reasons.")
    found = _open(conn, incident_id)
    if busy := incidents.in_hand(conn, found.id, now):
        who = ", ".join(dict.fromkeys(one.who for one in busy))
        raise CareError(f"{who}: a call about one of these cars is in hand. Settle it first.")
    incidents.decide(conn, found.id, "closed", code, why, actor, now)
    people.audit(conn, now, actor, "incident closed", f"incident:{found.id}", why=why, code=code)
    return [
        one
        for one in incidents.open_alerts(conn, found.id)
        if one.urgency != Urgency.STOP and bookings.live_for_alert(conn, one.id) is None
    ]


def reopen(conn: Connection, incident_id: int, actor: str, why: str, now: datetime) -> int:
    """It was closed by mistake: its cars wait for a manager again. Returns for how many.

    What the detectors learned from it is taken back. The working day of `PATIENCE` begins anew.

    Raises
    ------
    CareError
        If it is not closed, there is no reason, or a newer incident of the same cars waits.
    """
    found = _get(conn, incident_id)
    if found.state != "closed":
        raise CareError("Only what was closed can be opened again.")
    if not why.strip():
        raise CareError("Say in a few words why it is opened again.")
    if incidents.overlaps(conn, found):
        raise CareError("A newer incident of the same cars waits already.")
    waiting = incidents.undismiss(conn, found)
    incidents.open_again(conn, found.id, now)
    people.audit(
        conn, now, actor, "incident opened again", f"incident:{found.id}", why=why.strip(),
        before=found.code,
    )  # fmt: skip
    return waiting


def compare(conn: Connection, now: datetime) -> int:
    """Count what the cars of undecided incidents have in common, where more came since.

    Returns of how many incidents.
    """
    found = incidents.uncounted(conn, now - RECOUNT)
    for one in found:
        dealer = people.dealer(conn, one.dealer_id)
        assert dealer is not None
        since = one.opened_at - WINDOW
        counts = incidents.counts(conn, one, since, now)
        days, air_c = incidents.air(conn, one.id, THERMOMETERS, WEATHER, dealer.time_zone, now)
        shared = traits.most_telling([*counts, *traits.of_weather(days, air_c)])
        incidents.set_traits(conn, one.id, shared, incidents.elsewhere(conn, one, since, now), now)
    return len(found)


def words(found: Incident) -> str:
    """The note with which its alerts are dismissed."""
    assert found.code is not None
    return f"fleet incident {found.id}" + (f": {found.why}" if found.why else "")


def release_late(conn: Connection, now: datetime) -> int:
    """Release what nobody has decided for `PATIENCE`. Returns how many incidents."""
    released = 0
    for one in incidents.undecided(conn):
        dealer = people.dealer(conn, one.dealer_id)
        if dealer is None or now >= add_working_time(one.waits_since, PATIENCE, dealer):
            release(conn, one.id, "care", "Nobody decided within a working day.", now)
            released += 1
    return released


def title(code: str) -> str:
    """A reason of `CODES`, in words."""
    return dismissal.REASONS[code].title


def _get(conn: Connection, incident_id: int) -> Incident:
    found = incidents.get(conn, incident_id, lock=True)
    if found is None:
        raise CareError("There is no such incident.")
    return found


def _open(conn: Connection, incident_id: int) -> Incident:
    found = _get(conn, incident_id)
    if found.state != "open":
        raise CareError("This incident is decided already.")
    return found
