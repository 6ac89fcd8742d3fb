"""The whole bank on weeks made of the real drives that the project keeps: silent, or right."""

from dataclasses import replace
from pathlib import Path

import pytest

from detectors.bank import Bank, detect
from record.flow import Finding, FindingKind
from simulators.drives import KIT_SAMPLE, parse
from simulators.lives import CARS, FAULTS, Life
from tests.detectors.cars import profile, real_drives, received

DAYS, EVERY = 28, 5


def lived(path: Path, fault: str | None = None, seed: int = 1) -> list[Finding]:
    """What is raised in four weeks, the last two of them with a fault that grows in four days."""
    drive = parse(path)
    life = Life(drive.format, DAYS, DAYS // 2, fault, grows_days=4, severity=1.0, seed=seed)
    bank = Bank(replace(profile(), **CARS[drive.format]))
    findings = detect(bank, received(life.frames([drive], EVERY)))
    assert bank.set_aside == []
    return [one for one in findings if one.kind == FindingKind.RAISED]


@pytest.mark.parametrize("path", real_drives(), ids=lambda path: path.stem)
@pytest.mark.parametrize("seed", [1, 2])
def test_weeks_of_a_healthy_real_drive_raise_nothing(path: Path, seed: int) -> None:
    assert lived(path, seed=seed) == []


@pytest.mark.parametrize("fault", ["overheat", "coolant-sensor", "air-flow-sensor"])
def test_a_fault_put_into_a_real_drive_is_found_once_and_named(fault: str) -> None:
    [finding] = lived(KIT_SAMPLE, fault)
    assert finding.cause == FAULTS[fault].kind
