"""Real and simulated distributions side by side, on the real drive that is in the project."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulators import drives, marginals


@pytest.fixture
def real(tmp_path: Path) -> Path:
    folder = tmp_path / "kit-seat-leon"
    folder.mkdir()
    shutil.copy(drives.KIT_SAMPLE, folder)
    return tmp_path


def test_a_warm_diesel_is_like_a_warm_diesel(real: Path) -> None:
    pairs = {pair.name: pair for pair in marginals.compare(real, marginals.SETS[0])}
    coolant = pairs["coolant"]
    warm = [np.quantile(values, 0.9) for values in (coolant.real, coolant.simulated)]
    assert abs(warm[0] - warm[1]) < 6, "where the thermostat holds it"
    assert pairs["engine speed"].distance < 400 and pairs["speed"].distance < 30
    words = marginals.table(pairs.values())
    assert words.count("| simulated |") == len(marginals.SETS[0].signals)


def test_the_distance_is_the_shift() -> None:
    values = np.linspace(0, 10, 500)
    pair = marginals.Pair("", "speed", "km/h", values, values + 3)
    assert pair.distance == pytest.approx(3)
    assert replace(pair, simulated=values).distance == 0


def test_the_same_picture_each_time(real: Path, tmp_path: Path) -> None:
    pairs = marginals.compare(real, marginals.SETS[0])
    for name in ("one.svg", "two.svg"):
        marginals.plot(pairs, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text()
    assert drawn.startswith("<?xml") and drawn == (tmp_path / "two.svg").read_text()


def test_a_folder_without_drives_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="has no drives"):
        marginals.compare(tmp_path, marginals.SETS[0])
