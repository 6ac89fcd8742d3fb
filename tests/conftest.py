"""What tests stand on: real servers, a fresh database for each test, rooms as child processes.

Servers start once for all tests, on ports and in a folder of their own. Tests share nothing but the
broker: a test that picks its own VINs has its own topics.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol, TypeVar

import hypothesis
import psycopg
import pytest
from psycopg import sql

from record import db as record_db
from record.local import PROJECT, LocalServers
from record.servers import Mosquitto, free_port

hypothesis.settings.register_profile("house", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("house")

T = TypeVar("T")

numbers = count(1)


def eventually(look: Callable[[], T], what: str, within_s: float = 30) -> T:
    """Look again and again until the answer is true, and return it.

    Raises
    ------
    AssertionError
        If it isn't within `within_s`; generous, since only failing tests wait so long.
    """
    deadline = time.monotonic() + within_s
    while not (answer := look()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.02)
    return answer


@contextmanager
def folder_for_servers() -> Iterator[Path]:
    """A folder that the servers' user can enter (root's run as another), gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="roadworthy-test-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def servers() -> Iterator[LocalServers]:
    """PostgreSQL and Mosquitto for the whole run, gone without a trace afterwards."""
    with folder_for_servers() as home:
        servers = LocalServers(home, fast=True)
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


@pytest.fixture(scope="session")
def template(servers: LocalServers) -> str:
    """Name of a migrated database that nobody is connected to."""
    name = "template_migrated"
    with psycopg.connect(servers.postgres.admin_url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE template_migrated OWNER roadworthy")
        record_db.migrate(servers.postgres.url(database=name))
        admin.execute("ALTER DATABASE template_migrated ALLOW_CONNECTIONS false")
    return name


@pytest.fixture
def database(servers: LocalServers, template: str) -> Iterator[str]:
    """Address of a fresh migrated database, for this test alone."""
    name = f"test_{next(numbers)}"
    with psycopg.connect(servers.postgres.admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER roadworthy TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )  # copying files takes 30 ms, the default (through the log) 330 ms
        )
    yield servers.postgres.url(database=name)
    with psycopg.connect(servers.postgres.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def db(database: str) -> Iterator[psycopg.Connection]:
    """An open connection to the fresh database; nothing is committed unless the test does."""
    with psycopg.connect(database, options="-c timezone=UTC") as conn:
        yield conn


@pytest.fixture
def broker(servers: LocalServers) -> Mosquitto:
    """The broker: ``url("ingest")``, ``url("simulator")``, ``add_vehicles``, ``vehicle_url``."""
    return servers.mosquitto


@dataclass
class Room:
    """A room that runs as a child process.

    Parameters
    ----------
    name : str
        As in ``python -m name``.
    process : subprocess.Popen
    port : int
        Of its ``/health`` and ``/metrics``.
    log : Path
        What it printed so far.
    """

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it answers HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def healthy(self) -> bool:
        """Whether ``/health`` answers 200. A room that has ended fails the test."""
        status = self.process.poll()
        assert status is None, f"{self.name} ended with status {status}:\n{self.words()}"
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-5000:]

    def stop(self, within_s: float = 30) -> int:
        """Ask it to end, as a supervisor would, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(
                f"{self.name} didn't stop in {within_s} s:\n{self.words()}"
            ) from None

    def kill9(self) -> None:
        """End it without warning."""
        self.process.kill()
        self.process.wait()


class StartRoom(Protocol):
    """How to start a room, see `room`."""

    def __call__(self, name: str, *args: str, wait: bool = True, **env: str) -> Room: ...


@pytest.fixture
def room(
    servers: LocalServers, database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[StartRoom]:
    """Starts rooms: ``room("ingest")``, ``room("detectors", "--once", wait=False, SHARDS="4")``.

    Further keywords are environment variables, besides those of the servers and the test's own
    database. It returns when ``/health`` answers 200 (with ``wait=False`` at once). All rooms are
    stopped after the test; if it failed, their logs are shown.
    """
    rooms: list[Room] = []

    def start(name: str, *args: str, wait: bool = True, **env: str) -> Room:
        port = int(env.setdefault("HEALTH_PORT", str(free_port())))
        log = tmp_path / f"{name}-{len(rooms)}.log"
        defaults = {
            **servers.environment,
            "DATABASE_URL": database,
            "PORT": str(port),  # of the web pages, which have their own /health
            "PYTHONUNBUFFERED": "1",
        }
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", name, *args],
                cwd=PROJECT,
                env={**os.environ, **defaults, **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        started = Room(name, process, port, log)
        rooms.append(started)
        if wait:
            eventually(started.healthy, f"{name} is healthy")
        return started

    yield start
    for one in rooms:
        if one.process.poll() is None:
            one.kill9()
    if request.node.stash.get(FAILED, False):
        for one in rooms:
            print(f"--- {one.name} ({one.log.name}):\n{one.words()}")


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests failed, so that `room` shows what their rooms said."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report
