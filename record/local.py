"""Real servers on this machine without Docker: PostgreSQL with TimescaleDB, and Mosquitto.

    python -m record local start     # fetches them first, if need be
    export $(python -m record local env)

Everything is in one folder: data, logs, and ``state.json`` with ports, process ids and passwords.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from record.fetch import LocalError, cache, fetch
from record.servers import SERVANT, Mosquitto, Postgres, Server, State, free_port

__all__ = [
    "PROJECT",
    "LocalError",
    "LocalServers",
    "Mosquitto",
    "Postgres",
    "default_home",
    "erase",
    "free_port",
]

PROJECT = Path(__file__).resolve().parent.parent

SECRETS = (
    "postgres_password",
    "roadworthy_password",
    "ingest_password",
    "simulator_password",
    "vehicle_secret",
)
"""Made once, before anybody can ask for them."""


def default_home() -> Path:
    """Where the servers of this checkout keep their data: ``.local/``, or in the cache for root."""
    if os.geteuid() != 0:
        return PROJECT / ".local"
    return cache() / "local" / hashlib.sha256(str(PROJECT).encode()).hexdigest()[:12]


class LocalServers:
    """PostgreSQL and Mosquitto in one folder.

    Parameters
    ----------
    home : Path, optional
        Data, logs and state; `default_home` if not given. Servers that an earlier process started
        there are taken over.
    fast : bool
        For tests: nothing is flushed to the disk, so data survives a killed process, but not a
        power cut.

    Raises
    ------
    LocalError
        If the servers can't be fetched here.
    """

    def __init__(self, home: Path | None = None, fast: bool = False) -> None:
        programs = fetch()
        self.home = (home or default_home()).absolute()
        self.home.mkdir(parents=True, exist_ok=True)
        _check_reach(self.home, programs.prefix)
        self._state = State(self.home / "state.json")
        self.postgres = Postgres(self.home, self._state, programs, fast)
        self.mosquitto = Mosquitto("mosquitto", self.home, self._state, programs)
        with self._alone():
            for secret in SECRETS:
                self._state.secret(secret)

    @property
    def servers(self) -> tuple[Server, ...]:
        return self.postgres, self.mosquitto

    @property
    def database_url(self) -> str:
        return self.postgres.url()

    @property
    def mqtt_url(self) -> str:
        return self.mosquitto.url()

    @property
    def environment(self) -> dict[str, str]:
        """What the rooms and the simulators need to find the servers."""
        return {
            "DATABASE_URL": self.database_url,
            "MQTT_URL": self.mqtt_url,
            "SIMULATOR_MQTT_URL": self.mosquitto.url("simulator"),
            "MQTT_VEHICLE_SECRET": self.mosquitto.vehicle_secret,
        }

    def start(self) -> None:
        """Start what doesn't run, and wait until both answer."""
        with self._alone():
            for server in self.servers:
                server.start()

    def stop(self) -> None:
        """Stop what runs, and wait until it is gone."""
        with self._alone():
            for server in reversed(self.servers):
                server.stop()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def erase(home: Path) -> None:
    """Stop the servers of that folder, and remove it."""
    if (home / "state.json").exists():
        LocalServers(home).stop()
        shutil.rmtree(home)


def _check_reach(*folders: Path) -> None:
    """Root's servers run as another user, who must be able to enter their folders."""
    if os.geteuid() != 0:
        return
    for folder in folders:
        for step in (folder, *folder.parents):
            if not step.stat().st_mode & 0o001:
                raise LocalError(
                    f"User {SERVANT}, who runs the servers for root, can't enter {step}. Choose "
                    "another folder with --dir, or another cache with ROADWORTHY_CACHE."
                )
