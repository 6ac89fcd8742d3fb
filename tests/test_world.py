"""The gate: the whole product lives through small worlds whose truth is known.

Every room runs, with real servers; only the clock is moved by hand.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from record.local import PROJECT
from tests.conftest import folder_for_servers

SMALL = ("--vehicles", "20", "--days", "14", "--seed", "11", "--faults", "all")
PATIENCE_S = 540.0


def start(folder: Path, name: str, *words: str) -> tuple[subprocess.Popen[str], Path]:
    card = folder / f"{name}.json"
    command = [sys.executable, "-m", "simulators", "world", *words]
    process = subprocess.Popen(
        [*command, "--dir", str(folder / name), "--json", str(card)],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return process, card


def finish(started: tuple[subprocess.Popen[str], Path]) -> tuple[int, dict[str, Any]]:
    process, card = started
    try:
        words, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # it stops its servers
        process.wait(60)
        raise
    assert card.exists(), words[-3000:]
    return process.returncode, json.loads(card.read_text())


def test_a_small_world_keeps_its_promises_and_is_the_same_each_time() -> None:
    with folder_for_servers() as folder:
        both = [start(folder, name, *SMALL) for name in ("once", "again")]
        (status, card), (status_again, again) = map(finish, both)
    assert status == status_again == 0
    assert card == again, "the same seed, on however busy a machine"

    assert card["promises"] == {
        "after_stop": 0, "at_night": 0, "frames_lost": 0, "twice": 0,
    }  # fmt: skip
    frames = card["frames"]
    assert frames["measured"] > 50_000
    assert frames["distinct"] == frames["stored"] + frames["in quarantine"]
    # it was no empty world: something broke, was found, and told
    assert card["true_alerts"] > 0 and card["care"]["texts"] > 0 and card["care"]["booked"] > 0
    assert sum(kind["cars"] for kind in card["kinds"]) >= 20


def test_who_says_stop_is_left_alone_whatever_breaks() -> None:
    story = PROJECT / "simulators/world/scenarios/household_says_stop.yaml"
    with folder_for_servers() as folder:
        status, card = finish(start(folder, "stop", "--scenario", str(story)))
    assert status == 0
    found = {kind["kind"]: kind["found"] for kind in card["kinds"] if kind["cars"]}
    assert found == {"coolant_overheat": 1, "dtc_raised": 1}
    assert card["care"]["texts"] == 1, "the one that he answered"
    assert sum(card["care"]["silences"].values()) >= 1, "and the one that was not sent has a reason"
    assert card["promises"]["after_stop"] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--faults", "gremlins"), "no fault gremlins"),
        (("--vehicles", "0"), "more than nothing"),
        (("--scenario", "no-such.yaml"), "no-such.yaml"),
        (("--dry", "--out", "frames.csv"), "should end in .parquet"),
    ],
)
def test_a_world_that_can_not_be_says_why(words: tuple[str, ...], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulators", "world", *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2 and says in done.stderr
