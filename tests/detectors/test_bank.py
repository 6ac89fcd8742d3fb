"""The bank: dispatch, late frames, and a detector that fails."""

import logging
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from detectors import DETECTORS, saved
from detectors.bank import Bank, detect
from detectors.contract import Answer, Detector
from detectors.coolant_overheat import CoolantOverheat
from record.flow import Evidence, FindingKind, Frame, Urgency
from tests.detectors.cars import afflicted, profile


class Memory(msgspec.Struct, array_like=True):
    frames: int = 0


class Broken(Detector[Memory]):
    """Fails, or breaks the contract, at its third frame."""

    name = "broken"
    version = 1
    signals = ("speed_kmh",)
    causes = ("service_due",)
    State = Memory
    __slots__ = ()
    confidence: Any = None

    def update(self, frame: Frame) -> Answer:
        self.state.frames += 1
        if self.state.frames < 3:
            return None
        if self.confidence is None:
            raise ZeroDivisionError
        kind, evidence = FindingKind.RAISED, Evidence("test")
        return self.says(
            kind, frame, "service_due", Urgency.INFO, self.confidence, "sure", evidence
        )


class TooSure(Broken):
    """Claims more than certainty."""

    __slots__ = ()
    confidence = 1.5


@pytest.mark.parametrize("broken", [Broken, TooSure])
def test_a_failing_detector_is_set_aside_and_the_others_go_on(
    broken: type[Broken], caplog: pytest.LogCaptureFixture
) -> None:
    car, frames = afflicted("coolant_overheat")
    bank = Bank(car, kinds=(broken, CoolantOverheat))
    with caplog.at_level(logging.ERROR):
        findings = detect(bank, frames)
    assert findings == detect(Bank(car, kinds=(CoolantOverheat,)), frames) != []
    assert bank.set_aside == ["broken"]
    [event] = caplog.records
    assert (event.getMessage(), event.__dict__["vin"]) == ("detector set aside", car.vin)
    again = Bank(car, bank.save(), bank.judged_ms, kinds=(broken, CoolantOverheat))
    assert again.set_aside == ["broken"]
    assert again.save() == bank.save()


def test_late_frames_are_not_judged() -> None:
    _, frames = afflicted("dtc_raised")
    mixed = [f for pair in zip(frames[1:], frames, strict=False) for f in pair]  # each one twice
    assert detect(Bank(profile()), mixed) == detect(Bank(profile()), frames[1:])


def test_only_the_detectors_concerned_are_called() -> None:
    called = []

    class Spy(Broken):
        """Notes its calls."""

        __slots__ = ()

        def update(self, frame: Frame) -> Answer:
            called.append(frame.ts_ms)
            return None

    bank = Bank(profile(), kinds=(Spy,))
    detect(bank, [Frame(1, n, {name: 1.0}) for n, name in enumerate(["speed_kmh", "gear"] * 2)])
    assert called == [0, 2]


def test_states_of_another_bank_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        Bank(profile(), Bank(profile(), kinds=DETECTORS[:2]).save())


def test_states_saved_as_bare_messagepack_are_read_too() -> None:
    bank = Bank(profile())
    detect(bank, list(afflicted("weak_battery")[1])[:2000])
    again = Bank(profile(), zlib.decompress(bank.save()), bank.judged_ms)
    assert again.save() == bank.save()
    assert len(bank.save()) < 0.7 * len(zlib.decompress(bank.save()))


@pytest.mark.parametrize(
    "harm",
    [
        lambda saved: saved[:-1],
        lambda saved: saved[:40] + bytes([saved[40] ^ 1]) + saved[41:],
        lambda saved: saved + b"x",
        lambda saved: b"x",
        lambda saved: b"",
        lambda saved: zlib.compress(bytes(100_000_000), 9),
    ],
    ids=["cut off", "a bit", "more", "no states", "nothing", "a bomb"],
)
def test_damaged_states_are_refused(harm: Callable[[bytes], bytes]) -> None:
    with pytest.raises(msgspec.MsgspecError):
        Bank(profile(), harm(Bank(profile()).save()))


def test_versions_name_every_detector_and_river() -> None:
    words = saved.versions(DETECTORS).split(", ")
    assert len(words) == len(DETECTORS) + 3
    assert words[-1] == f"river {saved.RIVER}"
