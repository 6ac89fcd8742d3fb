"""What a detector is: one file, one idea, told one frame at a time.

A detector names the signals that it reads and keeps everything that it remembers in one small
`msgspec.Struct`, its state. So any detector can be saved between any two frames and resumed, in
another process too, to the same bits: nothing else may change while it runs.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from detectors.drive import Drive
from record.flow import Evidence, Finding, FindingKind, Frame, Stage, Urgency, Vehicle

S = TypeVar("S", bound=msgspec.Struct)

Answer = Finding | list[Finding] | None
"""What a detector says of a frame."""


class Detector(Generic[S]):
    """Base of all detectors.

    Parameters
    ----------
    vehicle : Vehicle
        What we know of the car besides its telemetry. It may be another value after a restart (a
        service was recorded), with the same state.
    state : msgspec.Struct, optional
        As saved; without it the detector begins to learn.
    drive : Drive, optional
        The bank's, which is told each frame first. Alone, a detector has one that nobody tells.

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
    begins : Stage
        Where it stands in a new installation. What a later release brings begins in shadow anyway.
    State : type
        Type of its state: fields of plain values and of the River statistics in `detectors.saved`.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    signals: ClassVar[tuple[str, ...]]
    reads_dtcs: ClassVar[bool] = False
    causes: ClassVar[tuple[str, ...]]
    begins: ClassVar[Stage] = Stage.IN_FORCE
    State: ClassVar[type[Any]]

    __slots__ = ("drive", "state", "vehicle")

    def __init__(
        self, vehicle: Vehicle, state: S | None = None, drive: Drive | None = None
    ) -> None:
        self.vehicle = vehicle
        self.state: S = self.State() if state is None else state
        self.drive = Drive() if drive is None else drive

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
