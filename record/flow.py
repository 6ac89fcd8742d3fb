"""The pipeline's nouns on one page.

    message → Frame → row → Finding → Alert → Task → Outreach → Booking → RepairOrder → Outcome

Every noun is one value here and one table in ``record/schema/``. Every arrow is one function with
the noun in its signature. An `Outcome` confirms or refutes the `Finding` that it began with, so the
circle closes. All times are aware and UTC; quantities carry their unit in the name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

SHARDS = 32
"""How many ways the hand-off log is split: a vehicle's shard is ``vehicle_id % SHARDS``."""

Value = float | int | bool | str
"""What a signal may be."""


@dataclass(frozen=True, slots=True)
class Message:
    """What the broker handed us, before anyone looked inside.

    Parameters
    ----------
    topic : str
        MQTT topic, ``vehicles/{vin}/frames`` for one.
    payload : bytes
        As received.
    received_at : datetime
        Our clock when it arrived.
    receipt_to : str or None
        The MQTT 5 response topic, when the sender wants to be told what is safe.
    """

    topic: str
    payload: bytes
    received_at: datetime
    receipt_to: str | None = None


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one car said at one instant: the hot path's value, also the hand-off log's wire form.

    Parameters
    ----------
    vehicle_id : int
        Our key of the vehicle.
    ts_ms : int
        The car's own time, milliseconds since 1970 UTC. With the vehicle it is the natural key.
    signals : dict of str to Value
        By column name of `record.signals`, in that signal's unit.
    dtcs : tuple of str
        Trouble codes present now, spelled as in SAE J2012.
    """

    vehicle_id: int
    ts_ms: int
    signals: dict[str, Value]
    dtcs: tuple[str, ...] = ()

    @property
    def ts(self) -> datetime:
        """The car's own time as an aware datetime.

        Examples
        --------
        >>> Frame(1, 1_767_225_600_000, {}).ts.isoformat()
        '2026-01-01T00:00:00+00:00'
        """
        return datetime.fromtimestamp(self.ts_ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that a car sent and we can't use: kept whole in ``quarantine`` with the reason.

    Parameters
    ----------
    code : str
        Short and stable, for counting: ``unknown_vin``, ``not_json``.
    reason : str
        One sentence that a person understands and can act on.
    topic : str
    payload : bytes
        The message, or the one frame of it, that was refused: enough to replay.
    vin : str or None
        Whose it claims to be.
    ts_ms : int or None
        The frame's own time where it could be read, so that its sender gets a receipt.
    """

    code: str
    reason: str
    topic: str
    payload: bytes
    vin: str | None = None
    ts_ms: int | None = None


class Urgency(StrEnum):
    """How long a fault can wait, in the words that an advisor would use."""

    STOP = "stop"  # don't drive on
    SOON = "soon"  # days, not weeks
    SERVICE = "service"  # with the next visit
    INFO = "info"  # nobody needs to call


class Stage(StrEnum):
    """How far a detector is trusted (docs/decisions/0071)."""

    SHADOW = "shadow"  # what it finds is kept and measured; nobody is told
    PROBATION = "probation"  # an advisor is told, a customer never by itself
    IN_FORCE = "in_force"
    SET_ASIDE = "set_aside"  # nothing that it finds is kept


class FindingKind(StrEnum):
    RAISED = "raised"
    REFRESHED = "refreshed"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a detector spoke: the feature, what it was, what it should have been, what to plot.

    Parameters
    ----------
    feature : str
        In a technician's words: "lowest voltage while cranking".
    value, expected : float or None
        In `unit`.
    unit : str
    signals : tuple of str
        Column names to plot over the window.
    window_from, window_to : datetime or None
    notes : tuple of str
        Rival causes weighed, temperatures corrected for, and the like.
    """

    feature: str
    value: float | None = None
    expected: float | None = None
    unit: str = ""
    signals: tuple[str, ...] = ()
    window_from: datetime | None = None
    window_to: datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that one detector says of one vehicle. Natural key: all of the first five.

    Parameters
    ----------
    vehicle_id : int
    detector : str
        Name in `detectors.DETECTORS`.
    cause : str
        Root cause, a key of `record.causes`, or ``dtc_p0301`` for a code with no known cause.
        All that share a cause become one alert.
    kind : FindingKind
    at : datetime
        The time of the frame that decided it, not the wall's.
    urgency : Urgency
    confidence : float
        0 to 1.
    summary : str
        One English sentence for the advisor.
    evidence : Evidence
    expect_from, expect_to : datetime or None
        When it is predicted to fail, or to fall due: an 80 % interval.
    """

    vehicle_id: int
    detector: str
    cause: str
    kind: FindingKind
    at: datetime
    urgency: Urgency
    confidence: float
    summary: str
    evidence: Evidence
    expect_from: datetime | None = None
    expect_to: datetime | None = None
    id: int | None = None


RELAPSE = timedelta(days=14)
"""A cause that comes back within this time is the same case. Also how long a fix is watched."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One open question about one vehicle: at most one open for each root cause."""

    id: int
    vehicle_id: int
    cause: str
    state: str  # open | closed
    urgency: Urgency
    confidence: float
    summary: str
    opened_at: datetime
    refreshed_at: datetime
    expect_from: datetime | None = None
    expect_to: datetime | None = None
    closed_at: datetime | None = None
    close_reason: str | None = None  # recovered | repaired | no_fault_found | dismissed
    reopened: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """What an advisor should do next about an alert or a reply."""

    id: int
    dealer_id: int
    kind: str  # call | watch | reply | handle
    title: str
    priority: float
    state: str  # open | done
    created_at: datetime
    deadline: datetime
    next_action: str
    alert_id: int | None = None
    customer_id: int | None = None
    owner_id: int | None = None
    must_today: bool = False  # no budget puts it off
    claimed_until: datetime | None = None  # until then nobody but its owner works on it
    snoozed_until: datetime | None = None
    tries: int = 0  # calls that nobody took
    escalations: int = 0


@dataclass(frozen=True, slots=True)
class Outreach:
    """One message to one customer: planned, then sent exactly once or dropped with its reason."""

    id: int
    customer_id: int
    channel: str  # sms
    purpose: str  # service | marketing | reply
    dedupe_key: str
    body: str
    state: str  # planned | sending | sent | delivered | undelivered | failed | dropped
    planned_at: datetime
    not_before: datetime
    alert_id: int | None = None
    reason: str | None = None
    provider_sid: str | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that a bay and a technician have free."""

    bay_id: int
    technician_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Booking:
    """A slot that is held for, or promised to, a customer."""

    id: int
    vehicle_id: int
    customer_id: int
    dealer_id: int
    bay_id: int
    technician_id: int
    starts_at: datetime
    ends_at: datetime
    op_code: str
    state: str  # held | booked | arrived | done | cancelled | no_show | expired
    alert_id: int | None = None
    hold_expires_at: datetime | None = None
    sequence: int = 0  # how often it was moved
    loaner_id: int | None = None
    run_id: int | None = None
    pick_up: str | None = None
    parts_late_at: datetime | None = None  # since when we know that its parts come too late


@dataclass(frozen=True, slots=True)
class RepairOrder:
    """What the workshop did: concern, cause, correction."""

    id: int
    booking_id: int
    vehicle_id: int
    state: str  # a key of care.repair_states.NEXT: open | diagnosing | … | ready | closed
    opened_at: datetime
    concern: str
    cause: str | None = None
    correction: str | None = None
    finding: str | None = None  # a key of care.finding_codes.CODES
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The workshop's answer to an alert: the label that measures every detector."""

    alert_id: int
    repair_order_id: int
    label: str  # a key of care.finding_codes.CODES: confirmed | no_fault_found | …
    at: datetime


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What we know of a car besides its telemetry, as detectors and care need it."""

    id: int
    vin: str
    make: str
    model: str
    model_year: int | None
    powertrain: str  # petrol | diesel | hybrid | electric
    service_interval_m: int | None = None
    service_interval_days: int | None = None
    service_interval_hours: float | None = None
    last_service_at: datetime | None = None
    last_service_odometer_m: int | None = None
    last_service_engine_hours: float | None = None
    service_items: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
