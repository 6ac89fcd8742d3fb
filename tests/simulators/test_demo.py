"""The demo as a newcomer runs it: everything comes up, flows, and ends by itself."""

import re
import subprocess
import sys
from pathlib import Path

from record.local import PROJECT
from record.servers import free_port
from simulators.demo import alone
from tests.conftest import folder_for_servers


def demo(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder of its own."""
    place = ("--dir", str(home), "--port", str(free_port()))
    return subprocess.run(
        [sys.executable, "-m", "simulators", "demo", *place, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_demo_flows_from_frame_to_booking_and_ends() -> None:
    with folder_for_servers() as home:
        done = demo(home, "--for", "75")
        log = (home / "demo.log").read_text()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{log[-5000:]}"
    assert "Console   http://127.0.0.1:" in done.stdout
    counts = {what: number for number, what in re.findall(r"^ +([\d,]+)  (.+)$", done.stdout, re.M)}
    for what in ("frames stored", "findings", "alerts", "messages sent", "replies", "bookings"):
        assert counts[what] != "0", done.stdout
    assert "Traceback" not in log, log


def test_a_second_demo_in_the_same_folder_is_refused() -> None:
    with folder_for_servers() as home, alone(home):
        done = demo(home, "--for", "1")
    assert done.returncode == 1
    assert "running" in done.stderr
