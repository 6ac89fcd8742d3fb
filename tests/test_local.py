"""The local servers start, stop, survive kill -9, and let vehicles speak for themselves only."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from record import local
from record import servers as record_servers
from record.broker import password_line
from record.fetch import cache
from record.local import PROJECT, LocalError, LocalServers
from record.servers import born, is_free
from record.settings import parse_mqtt_url


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder that the user who runs the servers can enter."""
    folder = Path(tempfile.mkdtemp(prefix="roadworthy-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def own(home: Path) -> Iterator[LocalServers]:
    """Servers that these tests may ill-treat."""
    servers = LocalServers(home / "own", fast=True)
    yield servers
    servers.stop()


@pytest.fixture
def running(own: LocalServers) -> LocalServers:
    own.start()
    return own


def rows(servers: LocalServers) -> list[int]:
    with psycopg.connect(servers.database_url) as conn:
        return [r[0] for r in conn.execute("SELECT n FROM kept ORDER BY n")]


# Processes


def test_started_twice_is_started_once(running: LocalServers) -> None:
    before = [s.pid for s in running.servers]
    running.start()
    LocalServers(running.home).start()
    assert [s.pid for s in running.servers] == before
    assert all(before)


def test_servers_never_run_as_root(running: LocalServers) -> None:
    for server in running.servers:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0


def test_stopped_means_gone_and_started_again_means_same_address_and_data(
    running: LocalServers,
) -> None:
    with psycopg.connect(running.database_url) as conn:
        conn.execute("DROP TABLE IF EXISTS kept")
        conn.execute("CREATE TABLE kept AS SELECT generate_series(1, 3) AS n")
    environment = running.environment
    pids = [s.pid for s in running.servers]
    running.stop()
    assert [born(pid) for pid in pids if pid] == [None, None]
    assert all(is_free(s.port) for s in running.servers)
    running.start()
    assert running.environment == environment
    assert rows(running) == [1, 2, 3]


def test_killed_postgres_comes_back_with_what_was_committed(running: LocalServers) -> None:
    port = running.postgres.port
    with psycopg.connect(running.database_url) as conn:
        conn.execute("DROP TABLE IF EXISTS kept")
        conn.execute("CREATE TABLE kept (n int)")
    for n in range(3):
        with psycopg.connect(running.database_url) as conn:
            conn.execute("INSERT INTO kept VALUES (%s)", [n])
            conn.commit()
            conn.execute("INSERT INTO kept VALUES (100)")
            running.postgres.kill9()
            with pytest.raises(psycopg.OperationalError):
                conn.commit()
        running.postgres.start()
    assert rows(running) == [0, 1, 2]
    assert running.postgres.port == port


def test_a_process_that_took_over_the_id_is_left_alone(home: Path) -> None:
    servers = LocalServers(home / "stale", fast=True)
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        birth = born(stranger.pid)
        assert birth is not None
        state = record_servers.State(servers.home / "state.json")
        state.set(postgres_process=(stranger.pid, birth - 1))
        assert servers.postgres.pid is None
        servers.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_taken_port_is_given_up(own: LocalServers, monkeypatch: pytest.MonkeyPatch) -> None:
    own.stop()
    monkeypatch.setattr(record_servers, "PORT_S", 0.1)
    with socket.create_server(("127.0.0.1", own.mosquitto.port)):
        before = own.mosquitto.port
        own.start()
        assert own.mosquitto.port != before


def test_ports_are_none_that_clients_get() -> None:
    first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    assert not int(first) <= record_servers.free_port() <= int(last)


def test_a_server_that_cannot_start_shows_its_log(home: Path) -> None:
    servers = LocalServers(home / "broken", fast=True)
    servers.postgres.start()
    servers.stop()
    (servers.postgres.data / "global/pg_control").unlink()
    with pytest.raises(LocalError, match=r"(?s)postgres didn't start.*pg_control"):
        servers.start()
    assert servers.mosquitto.pid is None


def test_root_hears_which_folder_its_servers_cannot_enter(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("ROADWORTHY_CACHE", str(cache()))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(LocalError, match=f"can't enter {closed}.*--dir"):
        LocalServers(closed / "inside")


def test_ctrl_c_in_the_terminal_is_not_for_the_servers(running: LocalServers) -> None:
    for server in running.servers:
        assert server.pid
        assert os.getsid(server.pid) != os.getsid(0)


# The command line


def record(*args: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m record`` and wait."""
    return subprocess.run(
        [sys.executable, "-m", "record", *args],
        cwd=PROJECT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_commands_share_the_servers(home: Path) -> None:
    where = ("--dir", home / "cli")
    assert record("local", "status", *where).returncode == 1
    starts = [
        subprocess.Popen(
            [sys.executable, "-m", "record", "local", "start", *where],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [start.communicate()[0] for start in starts]
    try:
        assert [start.returncode for start in starts] == [0, 0]
        assert said[0] == said[1], "two starts at once, one pair of servers"
        status = record("local", "status", *where)
        assert status.returncode == 0
        assert "PostgreSQL" in status.stdout
        assert "mosquitto version" in status.stdout
        lines = record("local", "env", *where).stdout.splitlines()
        env = dict(line.split("=", 1) for line in lines)
        with psycopg.connect(env["DATABASE_URL"]) as conn:
            assert conn.execute("SHOW timescaledb.telemetry_level").fetchone() == ("off",)
            assert conn.execute("SHOW fsync").fetchone() == ("on",)
            assert conn.execute("SHOW is_superuser").fetchone() == ("off",)
        migrated = record("migrate", **env)
        assert migrated.returncode == 0, migrated.stderr
    finally:
        assert record("local", "erase", *where).returncode == 0
    assert not (home / "cli").exists()


def test_a_machine_without_apt_hears_what_to_do(home: Path) -> None:
    refused = record("local", "start", PATH="", ROADWORTHY_CACHE=str(home / "empty"))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    for word in ("apt-get", "Docker", "DATABASE_URL", "MQTT_URL"):
        assert word in refused.stderr


def test_migrate_names_the_variable_that_it_misses() -> None:
    refused = record("migrate", DATABASE_URL="mysql://somewhere")
    assert refused.returncode == 2
    assert "DATABASE_URL" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_home_is_in_the_project_or_for_root_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert local.default_home() == PROJECT / ".local"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("ROADWORTHY_CACHE", "/somewhere")
    assert local.default_home().parent == Path("/somewhere/local")


# The broker


class Client(mqtt.Client):
    """A paho client that keeps what it hears, as ``(topic, payload)``."""

    def __init__(self, url: str, client_id: str = "", session: bool = False) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id, clean_session=not session)
        self.heard: Queue[tuple[str, bytes]] = Queue()
        self.answers: Queue[tuple[str, bool]] = Queue()
        self.on_message = lambda _client, _data, m: self.heard.put((m.topic, bytes(m.payload)))
        self.on_connect = lambda _c, _d, _f, reason, _p: self.answers.put(
            (str(reason), reason.is_failure)
        )
        self.on_subscribe = lambda *_: self.answers.put(("subscribed", False))
        self.on_publish = lambda *_: self.answers.put(("published", False))
        where = parse_mqtt_url(url)
        self.username_pw_set(where.username, where.password)
        self.connect(where.host, where.port)
        self.loop_start()

    def answer(self) -> tuple[str, bool]:
        """The next word of the broker, and whether it refuses."""
        return self.answers.get(timeout=20)

    def say(self, topic: str, payload: str) -> None:
        """Publish, and wait for the broker's acknowledgement."""
        self.publish(topic, payload, qos=1)
        assert self.answer() == ("published", False)

    def listen(self, topic: str) -> None:
        """Subscribe, and wait for the broker's acknowledgement."""
        self.subscribe(topic, qos=1)
        assert self.answer() == ("subscribed", False)


@contextmanager
def client(url: str, client_id: str = "", session: bool = False) -> Iterator[Client]:
    """A client that is signed in, or as good as."""
    it = Client(url, client_id, session)
    try:
        yield it
    finally:
        it.disconnect()
        it.loop_stop()


def all_until(last: bytes, hear: Callable[[], tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """What is heard before a message that nothing can overtake."""
    heard = []
    while (message := hear())[1] != last:
        heard.append(message)
    return heard


def test_a_vehicle_speaks_under_its_own_vin_only(running: LocalServers) -> None:
    broker = running.mosquitto
    broker.add_vehicles(["WVWOWN", "WVWOTHER"])
    with client(broker.url()) as ingest, client(broker.vehicle_url("WVWOWN")) as car:
        assert not ingest.answer()[1]
        assert not car.answer()[1]
        ingest.listen("vehicles/#")
        car.say("vehicles/WVWOTHER/frames", "forged")
        car.say("vehicles/WVWOTHER/stored", "forged")
        car.say("elsewhere", "forged")
        car.say("vehicles/WVWOWN/frames", "mine")
        car.say("vehicles/WVWOWN/status", "last")
        heard = all_until(b"last", lambda: ingest.heard.get(timeout=20))
        assert heard == [("vehicles/WVWOWN/frames", b"mine")]


def test_a_vehicle_hears_its_own_receipts_only(running: LocalServers) -> None:
    broker = running.mosquitto
    broker.add_vehicles(["WVWOWN", "WVWOTHER"])
    with client(broker.url()) as ingest, client(broker.vehicle_url("WVWOWN")) as car:
        assert not ingest.answer()[1]
        assert not car.answer()[1]
        car.listen("#")
        ingest.say("vehicles/WVWOTHER/stored", "other's")
        ingest.say("vehicles/WVWOWN/frames", "forged by ingest")
        ingest.say("vehicles/WVWOWN/stored", "mine")
        ingest.say("vehicles/WVWOWN/stored", "last")
        heard = all_until(b"last", lambda: car.heard.get(timeout=20))
        assert heard == [("vehicles/WVWOWN/stored", b"mine")]


@pytest.mark.parametrize("who", ["WVWSTRANGER:guess@", "ingest:guess@", ""])
def test_strangers_are_refused(running: LocalServers, who: str) -> None:
    with client(f"mqtt://{who}127.0.0.1:{running.mosquitto.port}") as stranger:
        assert stranger.answer() == ("Not authorized", True)


@pytest.mark.parametrize("name", ["", "a/b", "a+b", "#", "a:b", "a b", "a\nsimulator:x", "x" * 65])
def test_names_that_could_break_topics_or_the_file_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a broker user name"):
        password_line(name, "password")


def test_vehicles_join_while_others_stay_connected(running: LocalServers) -> None:
    broker = running.mosquitto
    with client(broker.url()) as ingest:
        assert not ingest.answer()[1]
        ingest.listen("vehicles/#")
        broker.add_vehicles(f"WVWFLEET{n}" for n in range(200))
        with client(broker.vehicle_url("WVWFLEET199")) as car:
            assert not car.answer()[1]
            car.say("vehicles/WVWFLEET199/status", "online")
        assert ingest.heard.get(timeout=20) == ("vehicles/WVWFLEET199/status", b"online")
        assert ingest.is_connected()


def offline_session(broker: record_servers.Mosquitto, name: str) -> None:
    """Subscribe as a client that the broker shall remember, and leave."""
    with client(broker.url(), name, session=True) as ingest:
        assert not ingest.answer()[1]
        ingest.listen("vehicles/#")


@pytest.mark.parametrize("killed", [False, True])
def test_the_broker_keeps_what_waits_for_an_absent_client(
    running: LocalServers, killed: bool
) -> None:
    broker = running.mosquitto
    name = f"absent-{killed}"
    offline_session(broker, name)
    with client(broker.url("simulator")) as gateway:
        assert not gateway.answer()[1]
        for n in range(50):
            gateway.say(f"vehicles/{name}/frames", str(n))
    if killed:
        saved_after(broker)
        broker.kill9()
    else:
        broker.stop()
    broker.start()
    with client(broker.url(), name, session=True) as ingest:
        heard = [ingest.heard.get(timeout=20)[1] for _ in range(50)]
        assert heard == [str(n).encode() for n in range(50)]
        with pytest.raises(Empty):
            ingest.heard.get_nowait()


def saved_after(broker: record_servers.Mosquitto) -> None:
    """Wait until the broker, on its own, has saved what it knows now."""
    now = time.time()
    deadline = time.monotonic() + 30
    database = broker.data / "mosquitto.db"
    while not database.exists() or database.stat().st_mtime <= now:
        assert time.monotonic() < deadline, "the broker doesn't save by itself"
        time.sleep(0.1)
