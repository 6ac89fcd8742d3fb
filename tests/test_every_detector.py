"""What holds for every detector. One that joins `DETECTORS` is checked here by itself.

`SHOWS` says which faults of ``simulators/faults`` it finds: there the afflicted cars come from.
"""

import importlib
import math
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import DETECTORS, drive
from detectors.bank import Bank, detect
from detectors.contract import Detector
from record.causes import CAUSES
from record.flow import Finding, FindingKind, Frame
from record.signals import BY_NAME
from simulators import drives, faults
from tests.detectors.cars import SHOWS, afflicted, healthy, profile, real_drives, received

Kind = type[Detector[Any]]

every = pytest.mark.parametrize("kind", DETECTORS, ids=lambda kind: kind.name)

each_fault = pytest.mark.parametrize(
    ("kind", "fault"), [(kind, fault) for kind in DETECTORS for fault in SHOWS[kind.name]]
)


def judge(kind: Kind, frames: Any, car: Any = None) -> list[Finding]:
    """All that one detector says; its failures are the test's."""
    bank = Bank(car or profile(), kinds=(kind,))
    findings = detect(bank, frames)
    assert bank.set_aside == []
    return findings


@every
def test_it_is_what_it_says(kind: Kind) -> None:
    assert importlib.import_module(f"detectors.{kind.name}")
    assert SHOWS[kind.name].keys() <= set(faults.NAMES)
    assert set(kind.signals) <= set(BY_NAME)
    assert all(cause in CAUSES or cause.endswith("*") for cause in kind.causes)
    assert kind.__doc__ and ">>>" in kind.__doc__, "it explains itself, with an example that runs"
    assert not getattr(kind(profile()), "__dict__", None), "it remembers in its state only"


@every
def test_it_is_quiet_on_a_healthy_car_in_a_hard_winter(kind: Kind) -> None:
    assert judge(kind, healthy()) == []


@every
@pytest.mark.parametrize("path", real_drives(), ids=lambda path: path.stem)
def test_it_is_quiet_on_real_drives(kind: Kind, path: Path) -> None:
    assert judge(kind, received(drives.parse(path).frames)) == []


@each_fault
@pytest.mark.parametrize("seed", [1, 2])
def test_it_speaks_once_on_the_faulty_car(kind: Kind, fault: str, seed: int) -> None:
    car, frames = afflicted(fault, seed)
    raised = [f for f in judge(kind, frames, car) if f.kind == FindingKind.RAISED]
    assert len(raised) == 1, raised
    assert raised[0].evidence.feature
    assert raised[0].confidence >= 0.5


@each_fault
def test_no_other_detector_speaks_of_its_fault(kind: Kind, fault: str) -> None:
    car, frames = afflicted(fault)
    assert {f.detector for f in detect(Bank(car), frames)} == {kind.name}


@each_fault
def test_it_resumes_to_the_same_bits_at_every_frame(kind: Kind, fault: str) -> None:
    car, frames = afflicted(fault)
    through, resumed = Bank(car, kinds=(kind,)), Bank(car, kinds=(kind,))
    for frame in frames[-4000:]:
        assert through.judge(frame) == resumed.judge(frame)
        before = resumed.save()
        resumed = Bank(car, before, resumed.judged_ms, (kind,))
        assert resumed.save() == before
    assert resumed.save() == through.save()
    assert through.set_aside == []


WEIRD = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.text(max_size=5),
    st.sampled_from(["START", "OFF", "ON", [], {}, 12.6, 90.0, 1e300, -1e300, b"\xff"]),
)


@st.composite
def weird_frames(draw: st.DrawFn, kind: Kind) -> list[Frame]:
    """Frames that ingest would never let through, at any pace."""
    frames, ts_ms = [], 1_770_000_000_000
    for _ in range(draw(st.integers(1, 25))):
        ts_ms += draw(st.sampled_from([1, 1000, 10_000, 60_000, 3_600_000, 5 * 86_400_000]))
        signals = draw(st.dictionaries(st.sampled_from((*drive.SIGNALS, *kind.signals)), WEIRD))
        dtcs = draw(st.lists(st.sampled_from(["P0301", "p0562", "", "\x00", "P03010"]), max_size=3))
        frames.append(Frame(1, ts_ms, signals, tuple(dtcs)))
    return frames


@every
@settings(max_examples=60)
@given(data=st.data())
def test_it_survives_weird_values_and_resumes_in_their_midst(
    kind: Kind, data: st.DataObject
) -> None:
    frames = data.draw(weird_frames(kind))
    cut = data.draw(st.integers(0, len(frames)))
    through = Bank(profile(), kinds=(kind,))
    said = [through.judge(f) for f in frames]
    first = Bank(profile(), kinds=(kind,))
    halves = [first.judge(f) for f in frames[:cut]]
    second = Bank(profile(), first.save(), first.judged_ms, (kind,))
    halves += [second.judge(f) for f in frames[cut:]]
    assert said == halves
    assert second.save() == through.save()
    assert through.set_aside == []
    assert not _poisoned(msgspec.msgpack.decode(zlib.decompress(through.save())))


def _poisoned(value: Any) -> bool:
    """Whether a NaN or an infinity has got into what River learned."""
    if isinstance(value, list):
        return any(map(_poisoned, value))
    return isinstance(value, float) and not math.isfinite(value)


@each_fault
@pytest.mark.parametrize("keep", range(4))
def test_it_survives_missing_signals(kind: Kind, fault: str, keep: int) -> None:
    """Gateways send what they like: one signal a frame, in turn, is the worst of them."""
    car, frames = afflicted(fault)
    some = [
        Frame(f.vehicle_id, f.ts_ms, dict(list(f.signals.items())[(n + keep) % 7 :: 7]), f.dtcs)
        for n, f in enumerate(frames)
    ]
    findings = judge(kind, some, car)
    assert sum(f.kind == FindingKind.RAISED for f in findings) <= 1


def test_a_whole_bank_saves_in_4_kb_after_a_long_life() -> None:
    for fault in sorted({fault for shown in SHOWS.values() for fault in shown}):
        car, frames = afflicted(fault)
        bank = Bank(car)
        detect(bank, frames)
        saved = bank.save()
        assert len(zlib.decompress(saved)) <= 4096
        assert len(saved) <= 2500
