"""A bank: all detectors of one vehicle, told its frames in order. Frames in, findings out."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from detectors import DETECTORS, saved
from detectors.contract import Answer, Detector
from detectors.drive import Drive
from detectors.join import Joined
from record.flow import Finding, FindingKind, Frame, Stage, Vehicle

log = logging.getLogger(__name__)

ALL_IN_FORCE: Mapping[str, Stage] = MappingProxyType({})

NEVER_MS = -(2**62)

_plans: dict[tuple[Any, ...], tuple[int, ...]] = {}
"""Which detectors a frame with these signals concerns. A gateway has a few kinds of frames, and
thousands of cars share them."""

MOST_PLANS = 4096


class Bank:
    """The detectors of one vehicle.

    Parameters
    ----------
    vehicle : Vehicle
    states : bytes, optional
        As `save` wrote them.
    judged_ms : int
        Time of the last frame that they saw.
    kinds : sequence of detector types
        Another bank than the one in force, for tests and trials.

    Attributes
    ----------
    drive : Drive
        Told each frame before the detectors are, and lent to them.
    joined : Joined
        Makes one fault of what several detectors say.
    set_aside : list of str
        Detectors that failed on this vehicle and take no further part in its bank, until a new
        version of them begins afresh. Saved as an empty state.
    """

    __slots__ = ("detectors", "drive", "joined", "judged_ms", "kinds", "set_aside", "vehicle")

    def __init__(
        self,
        vehicle: Vehicle,
        states: bytes | None = None,
        judged_ms: int = NEVER_MS,
        kinds: Sequence[type[Detector[Any]]] = DETECTORS,
    ) -> None:
        self.vehicle = vehicle
        self.judged_ms = judged_ms
        self.kinds = kinds
        self.set_aside: list[str] = []
        self.detectors: list[Detector[Any] | None] = []
        if states is None:
            self.drive, self.joined = Drive(), Joined()
            self.detectors = [kind(vehicle, None, self.drive) for kind in kinds]
            return
        shared = [Drive, Joined]
        self.drive, self.joined, *restored = saved.load(
            states, [*shared, *(kind.State for kind in kinds)]
        )
        for kind, state in zip(kinds, restored, strict=True):
            self.detectors.append(None if state is None else kind(vehicle, state, self.drive))
            if state is None:
                self.set_aside.append(kind.name)

    def save(self) -> bytes:
        """All states, such that a new bank goes on from here to the same bits."""
        states = [None if d is None else d.state for d in self.detectors]
        return saved.save([self.drive, self.joined, *states])

    def know(self, vehicle: Vehicle) -> None:
        """Go on with what we know of the car now; what was learned stays."""
        self.vehicle = vehicle
        for n, detector in enumerate(self.detectors):
            if detector is not None:
                self.detectors[n] = self.kinds[n](vehicle, detector.state, self.drive)

    def judge(self, frame: Frame, stages: Mapping[str, Stage] = ALL_IN_FORCE) -> list[Finding]:
        """What the detectors say of a frame that is later than all before.

        A detector that raises, or says what can't be, is set aside, and the others go on.

        Parameters
        ----------
        frame : Frame
        stages : mapping of str to Stage
            Of detectors; in force where none is given. They all learn; but what one says in shadow
            has no part in what the others are told under, and nothing is kept of one set aside.
        """
        self.judged_ms = frame.ts_ms
        self.drive.see(frame)
        findings: list[Finding] = []
        for n in _plan(self.kinds, frame):
            detector = self.detectors[n]
            if detector is None:
                continue
            try:
                answer = detector.update(frame)
                if answer is not None:
                    findings += _checked(detector, frame, answer)
            except Exception:
                log.exception(
                    "detector set aside",
                    extra={"vin": self.vehicle.vin, "detector": detector.name},
                )
                self.detectors[n] = None
                self.set_aside.append(detector.name)
        return self._joined(findings, stages) if findings else findings

    def _joined(self, findings: list[Finding], stages: Mapping[str, Stage]) -> list[Finding]:
        """What others hear, under one name each; then what only is kept.

        That a car is well again is always heard: it ends what was told before.
        """
        heard: list[Finding] = []
        silent: list[Finding] = []
        for one in findings:
            stage = stages.get(one.detector, Stage.IN_FORCE)
            if one.kind == FindingKind.RECOVERED or stage in (Stage.PROBATION, Stage.IN_FORCE):
                heard.append(one)
            elif stage == Stage.SHADOW:
                silent.append(one)
        return self.joined.join(heard) + silent


def detect(bank: Bank, frames: Iterable[Frame]) -> list[Finding]:
    """Judge one vehicle's frames as they arrived; late ones are left out.

    Examples
    --------
    >>> bank = Bank(Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol"))
    >>> frames = [Frame(1, 5, {}, ("P0420",)), Frame(1, 3, {}, ("P0301",))]
    >>> [finding.summary for finding in detect(bank, frames)]
    ['P0420: Catalyst System Efficiency Below Threshold Bank 1']
    """
    return [
        finding for frame in frames if frame.ts_ms > bank.judged_ms for finding in bank.judge(frame)
    ]


def _plan(kinds: Sequence[type[Detector[Any]]], frame: Frame) -> tuple[int, ...]:
    """Positions of the detectors that any signal (or the codes) of this frame concerns."""
    key = (*frame.signals, bool(frame.dtcs), kinds)
    plan = _plans.get(key)
    if plan is None:
        if len(_plans) >= MOST_PLANS:
            _plans.clear()
        plan = _plans[key] = tuple(
            n
            for n, kind in enumerate(kinds)
            if (kind.reads_dtcs and frame.dtcs) or not frame.signals.keys().isdisjoint(kind.signals)
        )
    return plan


def _checked(detector: Detector[Any], frame: Frame, answer: Answer) -> list[Finding]:
    """The answer as a list, if it keeps the contract that the table `finding` asks for."""
    findings = answer if isinstance(answer, list) else [answer] if answer else []
    for finding in findings:
        mine = finding.vehicle_id == frame.vehicle_id and finding.detector == detector.name
        known = any(
            finding.cause == cause or (cause[-1] == "*" and finding.cause.startswith(cause[:-1]))
            for cause in detector.causes
        )
        if not (mine and known and 0 <= finding.confidence <= 1 and finding.at == frame.ts):
            raise ValueError(f"breaks the contract: {finding}")
        if (finding.expect_from is None) != (finding.expect_to is None) or (
            finding.expect_from and finding.expect_to and finding.expect_from > finding.expect_to
        ):
            raise ValueError(f"expects an impossible time: {finding}")
    return findings
