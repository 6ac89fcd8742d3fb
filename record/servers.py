"""PostgreSQL and Mosquitto as processes: configured, started, stopped, killed, started again.

PostgreSQL refuses to run as root, so root's servers run as ``nobody``. A process is only ever
stopped by its id, after making sure that it is still the one that we started.
"""

import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from record import broker
from record.fetch import LocalError, Programs

START_S = 60
"""A server that hasn't answered by then won't; crash recovery of a demo takes a few seconds."""

STOP_S = 60

PORT_S = 5
"""How long a server may wait for its old port, which a killed predecessor can hold for a moment."""

SERVANT = "nobody"
"""Who runs the servers when we are root."""


class State:
    """What must outlive a process: ports, process ids, passwords. One small JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any]:
        """All of it, as it is now: another process may have started or stopped a server."""
        doc: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return doc

    def get(self, key: str) -> Any:
        """The value, or None."""
        return self.read().get(key)

    def set(self, **values: Any) -> None:
        """Keep values; the file is complete at every moment."""
        draft = self.path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.read() | values, indent=2))
        draft.replace(self.path)

    def secret(self, name: str) -> str:
        """A password of that name, made at the first call."""
        if not self.get(name):
            self.set(**{name: secrets.token_urlsafe(16)})
        return str(self.get(name))


def born(pid: int) -> int | None:
    """When a running process began, in clock ticks since boot; None if there is none.

    Process ids are used again: id and birth together name one process. A zombie (it ended, but
    nobody asked for its exit status yet) counts as gone.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(rest[18])


def children(pid: int) -> list[int]:
    """The process's children."""
    with suppress(OSError):
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def free_port() -> int:
    """A free TCP port outside the range from which clients get theirs.

    Within that range a client that reconnects to a stopped server may be given the very port that
    it calls, connect to itself and keep the server from coming back.
    """
    first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    ports = range(20000, 45000)
    others = [p for p in ports if not int(first) <= p <= int(last)]
    for port in random.sample(others or ports, min(len(others) or len(ports), 200)):
        if is_free(port):
            return port
    raise LocalError("No free TCP port was found.")


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Server:
    """One server process: started, stopped, killed and started again.

    Parameters
    ----------
    name : str
        Names its data folder, its log and its keys in the state.
    home : Path
    state : State
    programs : Programs
    """

    stop_signal = signal.SIGTERM

    def __init__(self, name: str, home: Path, state: State, programs: Programs) -> None:
        self.name = name
        self.data = home / name
        self.log = home / f"{name}.log"
        self._state = state
        self._programs = programs
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The TCP port, kept from start to start."""
        return int(self._state.get(f"{self.name}_port") or 0)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        if self._child:
            self._child.poll()  # a child that died is a zombie until somebody asks
        pid, birth = self._state.get(f"{self.name}_process") or (None, None)
        return pid if pid and born(pid) == birth else None

    def start(self) -> None:
        """Start it and wait until it answers; nothing happens where it runs already.

        Raises
        ------
        LocalError
            With the end of its log, if it doesn't come up.
        """
        if self.pid:
            return
        self._choose_port()
        self._prepare()
        deadline = time.monotonic() + START_S
        self._spawn()
        while not self._answers():
            if time.monotonic() > deadline:
                self.kill9()
                raise LocalError(f"{self.name} didn't answer in {START_S} s.\n{self._last_words()}")
            if not self.pid:
                if not self._may_yet_start():
                    raise LocalError(f"{self.name} didn't start.\n{self._last_words()}")
                time.sleep(0.2)
                self._spawn()
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end, and wait until it is gone."""
        self._end(self.stop_signal)

    def kill9(self) -> None:
        """End it as a power cut would, and wait until it and its children are gone."""
        self._end(signal.SIGKILL)

    def version(self) -> str:
        """What the program says that it is."""
        raise NotImplementedError

    def _command(self) -> list[str | Path]:
        raise NotImplementedError

    def _prepare(self) -> None:
        """Write what the server reads at start."""
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _may_yet_start(self) -> bool:
        """Whether a failed start is worth another try."""
        return False

    def _choose_port(self) -> None:
        """Keep the port, so that clients find the server again, unless a stranger has taken it."""
        deadline = time.monotonic() + PORT_S
        while self.port and not is_free(self.port) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not self.port or not is_free(self.port):
            self._state.set(**{f"{self.name}_port": free_port()})

    def _spawn(self) -> None:
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops us in order
                **servant(self.data),
            )
        self._state.set(**{f"{self.name}_process": (self._child.pid, born(self._child.pid))})

    def _end(self, how: signal.Signals) -> None:
        pid = self.pid
        if not pid:
            return
        family = [(p, born(p)) for p in (pid, *children(pid))]
        os.kill(pid, how)
        deadline = time.monotonic() + STOP_S
        while any(birth and born(p) == birth for p, birth in family):
            if time.monotonic() > deadline:
                raise LocalError(f"{self.name} (process {pid}) didn't end in {STOP_S} s.")
            time.sleep(0.01)
        if self._child:
            self._child.wait()

    def _last_words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return f"{self.log}:\n{log.read().decode(errors='replace')[-2000:]}"


def servant(folder: Path) -> dict[str, Any]:
    """How to run a server's program: where, with which environment, and as whom."""
    how: dict[str, Any] = {
        "cwd": folder,
        "umask": 0o077,
        "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
    }
    if os.geteuid() == 0:
        who = pwd.getpwnam(SERVANT)
        how |= {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    return how


def give(path: Path) -> None:
    """Hand a file or folder to whoever runs the servers."""
    if os.geteuid() == 0:
        who = pwd.getpwnam(SERVANT)
        os.chown(path, who.pw_uid, who.pw_gid)


class Postgres(Server):
    """PostgreSQL with TimescaleDB. The application's role is no superuser, as in production."""

    stop_signal = signal.SIGINT  # "fast": clients are sent away, data is written

    def __init__(self, home: Path, state: State, programs: Programs, fast: bool) -> None:
        super().__init__("postgres", home, state, programs)
        self.fast = fast

    def url(self, user: str = "roadworthy", database: str = "roadworthy") -> str:
        """An address for psycopg."""
        password = self._state.secret(f"{user}_password")
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def admin_url(self) -> str:
        """The superuser's address, to make and drop databases."""
        return self.url("postgres", "postgres")

    def version(self) -> str:
        program = self._programs.postgres_bin / "postgres"
        return subprocess.check_output([program, "--version"], text=True).strip()

    def start(self) -> None:
        super().start()
        self._create_database()

    def _command(self) -> list[str | Path]:
        return [self._programs.postgres_bin / "postgres", "-D", self.data]

    def _prepare(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            self._initdb()
        self._await_burial()
        config = self.data / "postgresql.conf"
        config.write_text(_postgres_config(self.port, self.fast))
        give(config)

    def _await_burial(self) -> None:
        """Wait until a killed predecessor is no zombie: PostgreSQL takes its id for alive."""
        lock = self.data / "postmaster.pid"
        deadline = time.monotonic() + STOP_S
        while lock.exists() and time.monotonic() < deadline:
            pid = int(lock.read_text().split()[0])
            if born(pid) or not Path(f"/proc/{pid}").exists():
                break
            time.sleep(0.02)

    def _initdb(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # what an interrupted initdb left
        _make_data(self.data)
        password = self.data.with_suffix(".password")
        password.touch(mode=0o600)
        password.write_text(self._state.secret("postgres_password"))
        give(password)
        try:
            subprocess.run(
                [
                    *(self._programs.postgres_bin / "initdb", "-D", self.data, "-U", "postgres"),
                    *("--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"),
                    *(f"--pwfile={password}", "--no-sync", "--no-instructions"),
                ],
                check=True,
                capture_output=True,
                text=True,
                **servant(self.data),
            )
        except subprocess.CalledProcessError as error:
            raise LocalError(f"initdb failed:\n{error.stderr}") from None
        finally:
            password.unlink()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.admin_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _may_yet_start(self) -> bool:
        """After kill -9, orphaned back ends hold lock file and shared memory for a moment."""
        words = self._last_words()
        return "postmaster.pid" in words or "shared memory block" in words

    def _create_database(self) -> None:
        password = self._state.secret("roadworthy_password")
        with psycopg.connect(self.admin_url, autocommit=True) as conn:
            roles = conn.execute("SELECT 1 FROM pg_roles WHERE rolname = 'roadworthy'")
            if not roles.fetchone():
                conn.execute(
                    sql.SQL("CREATE ROLE roadworthy LOGIN CREATEDB CREATEROLE PASSWORD {}").format(
                        password
                    )
                )
            databases = conn.execute("SELECT 1 FROM pg_database WHERE datname = 'roadworthy'")
            if not databases.fetchone():
                conn.execute("CREATE DATABASE roadworthy OWNER roadworthy")


def _postgres_config(port: int, fast: bool) -> str:
    """``postgresql.conf`` for a machine of two cores that other programs share.

    `fast` is for tests: data survives the death of any process, but not of the machine.
    """
    config = {
        "listen_addresses": "'127.0.0.1'",
        "port": port,
        "unix_socket_directories": "''",
        "max_connections": 100,
        "shared_preload_libraries": "'timescaledb'",
        "timescaledb.telemetry_level": "off",
        "timescaledb.max_background_workers": 0,  # the Apache edition has no jobs worth one
        "jit": "off",  # LLVM is not fetched
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_line_prefix": "'%m [%p] %a '",
        "log_checkpoints": "off",
        "shared_buffers": "'128MB'" if fast else "'512MB'",
        "effective_cache_size": "'2GB'",
        "work_mem": "'16MB'",
        "maintenance_work_mem": "'128MB'",
        "max_parallel_workers_per_gather": 1,
        "max_wal_size": "'2GB'",
        "checkpoint_timeout": "'15min'",
        "wal_compression": "on",
        "random_page_cost": 1.1,
        "wal_level": "minimal",  # nothing follows a local server
        "max_wal_senders": 0,
    }
    if fast:
        config |= {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "'10min'"}
    return "# Written at each start by record/servers.py\n" + "".join(
        f"{key} = {value}\n" for key, value in config.items()
    )


class Mosquitto(Server):
    """The MQTT broker: everybody signs in, sessions and queues survive a restart."""

    def url(self, user: str = "ingest") -> str:
        """An address in the form of ``MQTT_URL``; users ``ingest`` and ``simulator``."""
        password = self._state.secret(f"{user}_password")
        return f"mqtt://{user}:{password}@127.0.0.1:{self.port}"

    @property
    def vehicle_secret(self) -> str:
        """What every vehicle's password follows from, see `broker.vehicle_password`."""
        return self._state.secret("vehicle_secret")

    def vehicle_url(self, vin: str) -> str:
        """The address for one vehicle that `add_vehicles` knows."""
        password = broker.vehicle_password(self.vehicle_secret, vin)
        return f"mqtt://{vin}:{password}@127.0.0.1:{self.port}"

    def add_vehicles(self, vins: Iterable[str]) -> None:
        """Let vehicles sign in, from the moment that this returns.

        Raises
        ------
        ValueError
            If a VIN can't be a user name.
        LocalError
            If the running broker doesn't take the new list.
        """
        _make_data(self.data)
        known = self._users()
        new = [vin for vin in dict.fromkeys(vins) if vin not in known]
        self._write_users(known | {v: broker.vehicle_lines(self.vehicle_secret, [v]) for v in new})
        if new and self.pid:
            self._reload(self.pid)

    def version(self) -> str:
        words = subprocess.run([self._programs.mosquitto, "-h"], capture_output=True, text=True)
        return words.stdout.partition("\n")[0]

    def _command(self) -> list[str | Path]:
        return [self._programs.mosquitto, "-c", self.data / "mosquitto.conf"]

    def _prepare(self) -> None:
        _make_data(self.data)
        services = {
            user: broker.password_line(user, self._state.secret(f"{user}_password"))
            for user in ("ingest", "simulator")
        }
        self._write_users(self._users() | services)
        self._write("acl", broker.ACCESS)
        self._write("mosquitto.conf", _mosquitto_config(self.port, self.data))

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        except OSError:
            return False
        return True

    def _users(self) -> dict[str, str]:
        passwords = self.data / "passwords"
        lines = passwords.read_text().splitlines(keepends=True) if passwords.exists() else []
        return {line.partition(":")[0]: line for line in lines}

    def _write_users(self, users: dict[str, str]) -> None:
        self._write("passwords", "".join(users.values()))

    def _write(self, name: str, text: str) -> None:
        draft = self.data / f"{name}.new"
        draft.touch(mode=0o600)
        draft.write_text(text)
        give(draft)
        draft.replace(self.data / name)

    def _reload(self, pid: int) -> None:
        before = self.log.stat().st_size
        os.kill(pid, signal.SIGHUP)
        deadline = time.monotonic() + START_S
        while b"Reloading config" not in self._log_since(before):
            if time.monotonic() > deadline:
                raise LocalError(f"mosquitto didn't read its users again, see {self.log}")
            time.sleep(0.01)

    def _log_since(self, offset: int) -> bytes:
        with self.log.open("rb") as log:
            log.seek(offset)
            return log.read()


def _mosquitto_config(port: int, data: Path) -> str:
    """``mosquitto.conf``.

    The broker saves sessions and queues every few seconds, not at each message (that holds it to
    1,700 messages a second): what it forgets when killed, gateways publish again, because they keep
    a frame until ``ingest`` has said that it is stored.
    """
    return f"""\
# Written at each start by record/servers.py
listener {port} 127.0.0.1
allow_anonymous false
password_file {data}/passwords
acl_file {data}/acl
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
log_timestamp_format %Y-%m-%dT%H:%M:%S
connection_messages false
set_tcp_nodelay true

persistence true
persistence_location {data}/
autosave_interval 5
persistent_client_expiration 14d

# Let ingest hold many messages until their batch is stored, and queue while it is away.
# A full queue would drop messages without a word.
max_inflight_messages 20000
max_queued_messages 1000000
max_packet_size 33554432
"""


def _make_data(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    give(folder)
