"""``python -m simulators …`` as a person starts it: real processes, a real broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from record.servers import free_port
from simulators.drives import KIT_SAMPLE, TWIZY_SAMPLE, parse
from simulators.twilio_standin.server import DEMO_SID, DEMO_TOKEN
from tests.conftest import eventually
from tests.simulators.network import Broker, Service

VIN = "1RWLN1F4XMN000077"


def environment() -> dict[str, str]:
    cleared = ("DATABASE_URL", "MQTT_URL", "SIMULATOR_MQTT_URL", "TWILIO_AUTH_TOKEN")
    return {name: value for name, value in os.environ.items() if name not in cleared}


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", *words],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("path", [KIT_SAMPLE, TWIZY_SAMPLE])
def test_a_real_drive_arrives_whole(own_broker: Broker, service: Service, path: object) -> None:
    with running(
        "replay", str(path), "--vin", VIN, "--speed", "0", "--mqtt", own_broker.url
    ) as process:
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    frames = parse(KIT_SAMPLE if path == KIT_SAMPLE else TWIZY_SAMPLE).frames
    assert sorted(service.stored[VIN]) == [frame.ts_ms for frame in frames]
    assert f"{len(frames)} frames" in told and f"{len(frames)} stored" in told


def test_a_replay_that_nobody_stores_says_so(own_broker: Broker, service: Service) -> None:
    service.receipts = False
    with running(
        "replay", str(TWIZY_SAMPLE), "--vin", VIN, "--speed", "0", "--mqtt", own_broker.url,
        "--timeout", "1", "--from-now",
    ) as process:  # fmt: skip
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and " 0 stored" in told


def test_a_fleet_with_history_and_drop_outs(own_broker: Broker, service: Service) -> None:
    other = VIN[:-1] + "8"
    with running(
        "fleet", "--vin", VIN, "--vin", other, "--fault", f"{other}=dtc_raised", "--history", "9",
        "--drop-outs", "0.3", "--mqtt", own_broker.url,
    ) as process:  # fmt: skip
        eventually(lambda: all(len(service.stored.get(vin, ())) > 500 for vin in (VIN, other)),
                   "two cars with their history")  # fmt: skip
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert any(b'"dtcs":["P0301"]' in message.payload for message in service.messages)


def test_twilio_runs_as_a_process() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running("twilio", "--port", str(port), "--step", "0.02") as process:

        def up() -> bool:
            assert process.poll() is None
            try:
                return httpx.get(f"{url}/_standin/health").status_code == 200
            except httpx.ConnectError:
                return False

        eventually(up, "the stand-in")
        sent = httpx.post(
            f"{url}/2010-04-01/Accounts/{DEMO_SID}/Messages.json",
            data={"To": "+16175550120", "From": "+16175550199", "Body": "hello"},
            auth=(DEMO_SID, DEMO_TOKEN),
        )
        assert sent.status_code == 201
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in {0, -signal.SIGTERM}


def test_a_wrong_command_explains_itself() -> None:
    with running("fly") as process:
        told, _ = process.communicate(timeout=30)
    assert process.returncode == 2 and "replay" in told
    with running("fleet", "--mqtt", "mqtt://x", "--fault", "A=gremlins") as process:
        told, _ = process.communicate(timeout=30)
    assert process.returncode == 2 and "gremlins" in told
