"""Everything is killed at random while 20,000 frames flow; nothing is lost, doubled or sent twice.

The same frames go through the product twice: once in peace, once while ingest, detectors, care,
PostgreSQL and the broker are killed with -9 at random moments. Afterwards both databases must hold
the same frames and the same findings, and each customer must have got each message once.
"""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from record import clock, db
from record.local import PROJECT, LocalServers, free_port
from record.vin import make_vin
from simulators import seed
from simulators.gateway import FleetPublisher
from simulators.wire import Frame, epoch_ms
from tests.conftest import eventually, folder_for_servers

CARS = 40
FRAMES_EACH = 500
START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # a Tuesday, 10:00 in New York
HOT = frozenset(range(0, CARS, 4))  # ten cars overheat
MISFIRING = frozenset(range(1, CARS, 5)) - HOT  # one fault a car: a second text waits a day
KILLS = 25

COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
RPM = "Vehicle.Powertrain.CombustionEngine.Speed"


def frames_of(car: int) -> list[Frame]:
    """500 frames at 10 s of a car on the road; a hot one boils from a third of the way on."""
    dice = random.Random(car)
    frames = []
    for i in range(FRAMES_EACH):
        coolant = 90 + dice.uniform(-1, 1)
        boiling_from = FRAMES_EACH // 3 + car
        if car in HOT and i >= boiling_from:
            coolant = min(128.0, 90 + 2.0 * (i - boiling_from)) + dice.uniform(-0.5, 0.5)
        signals: dict[str, float | int | bool | str] = {
            "Vehicle.Speed": 60 + dice.uniform(-5, 5),
            RPM: 1900 + dice.uniform(-50, 50),
            COOLANT: round(coolant, 1),
            "Vehicle.LowVoltageBattery.CurrentVoltage": 14.2,
            "Vehicle.LowVoltageSystemState": "ON",
            "Vehicle.TraveledDistance": 40_000_000 + i * 167,
        }
        # a cylinder each: many like cars with one cause would be one fleet incident
        dtcs = (f"P03{1 + car // 5:02d}",) if car in MISFIRING and i > 200 else ()
        frames.append(Frame(epoch_ms(START) + i * 10_000, signals, dtcs))
    return frames


@dataclass
class Product:
    """Servers, a Twilio stand-in and the rooms; what dies is started again."""

    home: Path
    servers: LocalServers
    twilio_port: int = field(default_factory=free_port)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    guard: threading.RLock = field(default_factory=threading.RLock)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.servers.environment,
            "SECRET_KEY": "chaos" * 8,
            "PUBLIC_URL": "http://127.0.0.1:9",
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": "token",
            "TWILIO_FROM": "+16175550100",
            "TWILIO_API_URL": f"http://127.0.0.1:{self.twilio_port}",
        }

    def start(self, name: str, *command: str) -> None:
        with self.guard, (self.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *(command or (name,))],
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill9(self, name: str) -> None:
        with self.guard:
            if name == "postgres":
                self.servers.postgres.kill9()
                self.servers.postgres.start()
            elif name == "mosquitto":
                self.servers.mosquitto.kill9()
                self.servers.mosquitto.start()
            else:
                self.running[name].kill()
                self.running[name].wait()
                self.start(name)

    def stop(self) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for name, process in self.running.items():
            try:
                assert process.wait(30) == 0, f"{name} ended badly"
            finally:
                process.kill()

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.servers.database_url, options="-c timezone=UTC") as conn:
            return conn.execute(sql).fetchall()

    def twilio_messages(self) -> list[tuple[str, str]]:
        """(to, body) of everything that Twilio accepted."""
        sid = self.environment["TWILIO_ACCOUNT_SID"]
        base = f"http://127.0.0.1:{self.twilio_port}"
        url: str | None = f"/2010-04-01/Accounts/{sid}/Messages.json?PageSize=1000"
        found = []
        while url:
            page = httpx.get(base + url, auth=(sid, "token")).json()
            found += [(m["to"], m["body"]) for m in page["messages"]]
            url = page["next_page_uri"]
        return found


@contextmanager
def product() -> Iterator[Product]:
    with folder_for_servers() as home:
        yield from _in(home)


def _in(home: Path) -> Iterator[Product]:
    servers = LocalServers(home / "servers", fast=True)
    the = Product(home, servers)
    try:
        servers.start()
        db.migrate(servers.database_url)
        with psycopg.connect(servers.database_url) as conn:
            now = datetime.now(UTC)
            clock.set_scale(conn, clock.Scale(now, START + timedelta(hours=1, minutes=30), 1.0))
            dealer = seed.dealer(conn, password="x")
            for car in range(CARS):
                owner = seed.customer(
                    conn, dealer, name=f"Owner {car}", phone=f"+1617555{1000 + car}", now=START
                )
                seed.vehicle(conn, dealer, vin=vin(car), owner_id=owner, now=START)
        the.start("twilio", "simulators", "twilio", "--port", str(the.twilio_port))
        for room in ("ingest", "detectors", "care"):
            the.start(room)
        yield the
        the.stop()
    except BaseException:
        for log in sorted(home.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
        raise
    finally:
        for process in the.running.values():
            process.kill()
            process.wait()
        servers.stop()


def vin(car: int) -> str:
    return make_vin("1HG", "CM8F6", 2022, 100_000 + car)


def drive(the: Product, per_second: float) -> None:
    """Publish every car's frames side by side, and wait until each has its receipt."""
    url = the.servers.mosquitto.url("simulator")
    with FleetPublisher(
        url, client_id="chaos", frames_per_message=5, window=2_000, receipt_timeout_s=5
    ) as fleet:
        all_frames = [frames_of(car) for car in range(CARS)]
        began = time.monotonic()
        for i in range(0, FRAMES_EACH, 5):
            for car in range(CARS):
                fleet.send_for(vin(car), all_frames[car][i : i + 5])
            time.sleep(max(0.0, began + i * CARS / per_second - time.monotonic()))
        assert fleet.flush(120), f"{fleet.pending} frames never got their receipt"


def settled(the: Product) -> bool:
    """Whether everything that was handed on has been taken up."""
    return the.query(
        """
        SELECT NOT EXISTS (SELECT FROM frame_log)
           AND NOT EXISTS (SELECT FROM finding WHERE handled_at IS NULL)
           AND NOT EXISTS (SELECT FROM outreach WHERE state IN ('planned', 'sending'))
        """
    ) == [(True,)]


def outcome(the: Product) -> dict[str, object]:
    """What must not depend on who was killed when."""
    return {
        "frames": the.query(
            "SELECT vehicle_id, count(*), count(DISTINCT ts), sum(odometer_m), max(seq) "
            "FROM telemetry GROUP BY 1 ORDER BY 1"
        ),
        "findings": the.query(
            "SELECT vehicle_id, detector, cause, kind, at, urgency, confidence, summary, "
            "expect_from, expect_to FROM finding ORDER BY 1, 2, 3, 4, 5"
        ),
        "alerts": the.query("SELECT vehicle_id, cause, state FROM alert ORDER BY 1, 2, 3"),
        "messages": sorted(Counter(to for to, _ in the.twilio_messages()).items()),
        "quarantine": the.query("SELECT reason_code FROM quarantine"),
    }


@pytest.fixture(scope="module")
def peace() -> dict[str, object]:
    """The outcome when nobody is killed."""
    with product() as the:
        drive(the, per_second=4_000)
        eventually(lambda: settled(the), "everything is settled", 60)
        return outcome(the)


def test_frames_findings_and_messages_survive_every_kill(peace: dict[str, object]) -> None:
    dice = random.Random(20260303)
    done = threading.Event()
    killed: Counter[str] = Counter()
    failure: list[BaseException] = []

    with product() as the:

        def monkey() -> None:
            victims = ["ingest", "detectors", "care", "postgres", "mosquitto"]
            try:
                for victim in itertools.chain(victims, iter(lambda: dice.choice(victims), None)):
                    if done.wait(dice.uniform(0.2, 1.2)) or killed.total() >= KILLS:
                        return
                    the.kill9(victim)
                    killed[victim] += 1
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=monkey)
        thread.start()
        try:
            drive(the, per_second=800)
        finally:
            done.set()
            thread.join()
        assert not failure, failure
        assert all(killed[v] for v in ("ingest", "detectors", "care", "postgres", "mosquitto"))
        eventually(lambda: settled(the), "everything is settled", 120)
        war = outcome(the)
        twice = [m for m, n in Counter(the.twilio_messages()).items() if n > 1]

    assert twice == []
    assert sum(row[1] for row in war["frames"]) == CARS * FRAMES_EACH  # type: ignore[attr-defined]
    assert len(war["messages"]) == len(HOT | MISFIRING)  # type: ignore[arg-type]
    for part, told in peace.items():
        assert war[part] == told, part
