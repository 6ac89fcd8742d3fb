"""What a detector is: one file, one idea, told one frame at a time.

A detector names the signals that it reads and keeps everything that it remembers in one small
`msgspec.Struct`, its state. So any detector can be saved between any two frames and resumed, in
another process too, to the same bits: nothing else may change while it runs.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from record.flow import Evidence, Finding, FindingKind, Frame, Urgency, Vehicle

S = TypeVar("S", bound=msgspec.Struct)

Answer = Finding | list[Finding] | None
"""What a detector says of a frame."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Detector(Generic[S]):
    """Base of all detectors.

    Parameters
    ----------
    vehicle : Vehicle
        What we know of the car besides its telemetry. It may be another value after a restart (a
        service was recorded), with the same state.
    state : msgspec.Struct, optional
        As saved; without it the detector begins to learn.

    Attributes
    ----------
    name : str
        In findings, logs and `detectors.DETECTORS`; the module's name too.
    version : int
        Raised with every change of the rule or of its state: saved states of another version are
        thrown away, and the vehicle's recent history is judged again.
    signals : tuple of str
        Columns of `record.signals` that it reads. It is called for frames that carry any of them.
    reads_dtcs : bool
        Whether it is also called for every frame that carries trouble codes.
    causes : tuple of str
        Root causes that it may name (see `record.causes`); ends in ``*`` for a family.
    State : type
        Type of its state: fields of plain values and of the River statistics in `detectors.saved`.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    signals: ClassVar[tuple[str, ...]]
    reads_dtcs: ClassVar[bool] = False
    causes: ClassVar[tuple[str, ...]]
    State: ClassVar[type[Any]]

    __slots__ = ("state", "vehicle")

    def __init__(self, vehicle: Vehicle, state: S | None = None) -> None:
        self.vehicle = vehicle
        self.state: S = self.State() if state is None else state

    def update(self, frame: Frame) -> Answer:
        """Learn from one frame and say what it decides, mostly nothing.

        Frames of a vehicle come in order of time, each once. Any signal may be missing from any
        frame, and a frame may carry none but one of `signals`.
        """
        raise NotImplementedError

    def says(
        self,
        kind: FindingKind,
        frame: Frame,
        cause: str,
        urgency: Urgency,
        confidence: float,
        summary: str,
        evidence: Evidence,
        **expect: Any,
    ) -> Finding:
        """A finding of this detector, decided by `frame`."""
        return Finding(
            self.vehicle.id,
            self.name,
            cause,
            kind,
            frame.ts,
            urgency,
            round(confidence, 3),
            summary,
            evidence,
            **expect,
        )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(ts_ms: int) -> datetime:
    """Milliseconds since 1970 as an exact aware datetime."""
    return _EPOCH + timedelta(milliseconds=ts_ms)


def number(frame: Frame, name: str, low: float = -1e9, high: float = 1e9) -> float | None:
    """The signal's value if it is a number within `low` and `high`, else None.

    River must never see NaN (one poisons a mean for ever) nor None (some of it crashes); every
    number goes through here.

    Examples
    --------
    >>> frame = Frame(1, 0, {"speed_kmh": 50, "coolant_temp_c": float("nan"), "mil_on": True})
    >>> [number(frame, name) for name in ("speed_kmh", "coolant_temp_c", "mil_on", "odometer_m")]
    [50.0, None, None, None]
    """
    value = frame.signals.get(name)
    if (type(value) is float or type(value) is int) and low <= value <= high:
        return float(value)
    return None


STARTED_RPM = 400
"""A starter turns an engine at 150 to 300 rpm; the slowest idle is about 550."""


def running(frame: Frame) -> bool | None:
    """Whether the engine runs by itself; None where the frame doesn't tell.

    Examples
    --------
    >>> def ask(**signals): return running(Frame(1, 0, signals))
    >>> ask(engine_speed_rpm=780.0), ask(engine_speed_rpm=210.0), ask(ignition="OFF")
    (True, False, False)
    >>> ask(engine_running=True), ask(engine_running=True, ignition="START"), ask(ignition="ON")
    (True, False, None)
    """
    signals = frame.signals
    ignition = signals.get("ignition")
    if ignition == "START":
        return False
    rpm = number(frame, "engine_speed_rpm", 0, 20_000)
    if rpm is not None:
        return rpm > STARTED_RPM
    told = signals.get("engine_running")
    if told is True or told is False:
        return told
    return False if ignition in ("OFF", "LOCK", "ACC") else None
