"""The whole product with a living fleet on this machine: ``python -m simulators demo``.

Local servers, schema, a small dealer, every room of the ``Procfile``, and the simulators beside
them. Story time runs fast: half a day in a wall minute. What was there last time is still there:
the story goes on where it stopped, from the next working morning.
"""

import argparse
import fcntl
import json
import os
import secrets
import shlex
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

from record import clock, db
from record.fetch import LocalError
from record.local import PROJECT, LocalServers, default_home, free_port
from simulators import town

RATE = 720.0
"""Story seconds for each wall second: half a day in a minute."""

FLOWS = (
    ("frames stored", "SELECT count(*) FROM telemetry"),
    ("findings", "SELECT count(*) FROM finding"),
    ("alerts", "SELECT count(*) FROM alert"),
    (
        "messages sent",
        "SELECT count(*) FROM outreach WHERE state IN ('sent', 'delivered', 'undelivered')",
    ),
    ("replies", "SELECT count(*) FROM reply"),
    (
        "bookings",
        "SELECT count(*) FROM booking WHERE state IN ('booked', 'arrived', 'done', 'no_show')",
    ),
    ("repair orders closed", "SELECT count(*) FROM repair_order WHERE state = 'closed'"),
)
MUST_FLOW = ("frames stored", "findings", "alerts", "messages sent", "bookings")


def say(text: str) -> None:
    """A progress line for the person at the terminal."""
    print(text, flush=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where this demo's product lives.

    Parameters
    ----------
    environment : dict of str to str
        For every process.
    public_url : str
        The console's address.
    health : dict of str to str
        Health address by process.
    password : str
        Of the seeded staff.
    logs : Path
        One file for all processes.
    servers : LocalServers or None
        Ours to stop; None where the environment names others.
    world : dict of str to str
        Where the town tells the truth, for the console and the town alone; empty without.
    truth_url : str or None
        The superuser's, for the town alone: no room may read the truth in the database.
    """

    environment: dict[str, str]
    public_url: str
    health: dict[str, str]
    password: str
    logs: Path
    servers: LocalServers | None
    world: dict[str, str]
    truth_url: str | None


def _port(preferred: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the console will
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            return free_port()
    return preferred


def _secrets(home: Path) -> dict[str, str]:
    """Keys that outlive a restart, so that sessions and links stay good."""
    file = home / "demo.json"
    if not file.exists():
        made = {"SECRET_KEY": secrets.token_hex(32), "password": secrets.token_urlsafe(6)}
        file.touch(mode=0o600)
        file.write_text(json.dumps(made))
    kept: dict[str, str] = json.loads(file.read_text())
    return kept


def prepare(home: Path, port: int, rate: float) -> Place:
    """Servers, schema, people, clock; nothing runs yet but the servers."""
    if "DATABASE_URL" in os.environ and "MQTT_URL" in os.environ:
        say("• using DATABASE_URL and MQTT_URL from the environment")
        servers = None
        environment = {"SIMULATOR_MQTT_URL": os.environ["MQTT_URL"], **os.environ}
    else:
        say("• starting the local database and broker")
        servers = LocalServers(home)
        servers.start()
        environment = {**os.environ, **servers.environment}

    truth_url = environment.pop("TRUTH_URL", None)
    if servers is not None:
        truth_url = servers.postgres.url("postgres")
    url = environment["DATABASE_URL"]
    applied = db.migrate(url)
    say(f"• schema is up to date ({len(applied)} migrations applied now)")
    keys = _secrets(home)

    with psycopg.connect(url, options="-c timezone=UTC") as conn:
        if not town.exists(conn):
            say("• making a dealer, customers and cars; their last weeks arrive in a moment")
        town.settle(conn, keys["password"])

    web, phones = _port(port), free_port()
    public_url = f"http://127.0.0.1:{web}"
    environment |= {
        "SECRET_KEY": keys["SECRET_KEY"],
        "PUBLIC_URL": public_url,
        "HOST": "127.0.0.1",
        "PORT": str(web),
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": keys["SECRET_KEY"][:32],
        "TWILIO_FROM": "+16175550199",
        "TWILIO_API_URL": f"http://127.0.0.1:{phones}",
        "DEMO_PASSWORD": keys["password"],
        "DEMO_RATE": str(rate),
        "PYTHONUNBUFFERED": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    health = {
        "web": f"{public_url}/health",
        "phones": f"{environment['TWILIO_API_URL']}/_standin/health",
    }
    world = {}
    for name in ("WORLD_URL", "WORLD_TOKEN"):  # of another world than this one
        environment.pop(name, None)
    if truth_url:
        world = {
            "WORLD_URL": f"http://127.0.0.1:{free_port()}",
            "WORLD_TOKEN": secrets.token_urlsafe(24),
        }
    logs = home / "demo.log"
    return Place(environment, public_url, health, keys["password"], logs, servers, world, truth_url)


def processes(place: Place) -> dict[str, tuple[str, dict[str, str]]]:
    """Command and environment of each process: the Procfile's and the simulators'."""
    commands = dict(parse_procfile((PROJECT / "Procfile").read_text()).processes)
    phones_port = place.environment["TWILIO_API_URL"].rsplit(":", 1)[1]
    webhook = shlex.quote(f"{place.public_url}/twilio/inbound")
    state = shlex.quote(str(place.logs.with_name("phones.jsonl")))
    telephone = f"--port {phones_port} --webhook {webhook} --state {state}"
    commands |= {
        "phones": f"python -m simulators twilio {telephone}",
        "town": "python -m simulators town",
    }
    own = {"web": place.world, "town": dict(place.world)}
    if place.truth_url:
        own["town"]["TRUTH_URL"] = place.truth_url
    made = {}
    for name, command in commands.items():
        port = str(free_port())
        made[name] = (
            f"exec {command}",
            place.environment | {"HEALTH_PORT": port} | own.get(name, {}),
        )
        if name in ("ingest", "detectors", "care"):
            place.health[name] = f"http://127.0.0.1:{port}/health"
    return made


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def flows(conn: psycopg.Connection) -> dict[str, int]:
    """How much came through each station so far."""
    counted = {}
    for name, sql in FLOWS:
        row = conn.execute(sql).fetchone()
        assert row is not None
        counted[name] = int(row[0])
    return counted


def watch(
    place: Place,
    began: float,
    seconds: float | None,
    before: dict[str, int],
    stop: Callable[[], None],
    stopped: threading.Event,
) -> None:
    """Tell when everything is up, then how it flows, and stop when the time is over."""
    waiting = dict(place.health)
    while waiting and not stopped.wait(0.1):
        for name in [n for n, url in waiting.items() if _answers(url)]:
            del waiting[name]
            say(f"• {name} is up")
        if time.monotonic() - began > 90:
            say(f"✗ not up after 90 seconds: {', '.join(waiting)}. See {place.logs}")
            return stop()
    if stopped.is_set():
        return None
    world = (
        f"    World     {place.public_url}/world   the truth, for manager@\n" if place.world else ""
    )
    say(
        f"""
  Roadworthy is running.

    Console   {place.public_url}
    Sign in   advisor@harbour.example   (or technician@, manager@, admin@)
    Password  {place.password}
    Phones    {place.environment["TWILIO_API_URL"]}   the customers' side
{world}    Log       {place.logs}

  Half a day passes in a minute. Ctrl-C stops it; the story goes on next time.
"""
    )
    with psycopg.connect(place.environment["DATABASE_URL"], autocommit=True) as conn:
        while not stopped.wait(1.0):
            gone_s = time.monotonic() - began
            over = seconds is not None and gone_s >= seconds
            if over or int(gone_s) % 10 == 0:
                story = clock.read_scale(conn).at(clock.wall()).astimezone(town.ZONE)
                told = since(before, flows(conn))
                say(f"  {story:%a %H:%M}   " + " · ".join(f"{n:,} {k}" for k, n in told.items()))
            if over:
                return stop()
    return None


def since(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    """What came through each station between two counts."""
    return {name: count - before[name] for name, count in now.items()}


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """One demo a folder: a second one would run every room twice.

    Raises
    ------
    LocalError
        If another one runs.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(
                f"A demo is running in {home} already. Stop it, or choose another --dir."
            ) from None
        yield


def run(arguments: argparse.Namespace) -> int:
    """Bring everything up; 0 when it ran as it should, 1 when a process died or nothing flowed."""
    home = arguments.dir.absolute()
    try:
        with alone(home):
            return _run(home, arguments)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1


def _run(home: Path, arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    place = prepare(home, arguments.port, arguments.rate)
    with psycopg.connect(place.environment["DATABASE_URL"]) as conn:
        before = flows(conn)
    asked, stopped = threading.Event(), threading.Event()
    with place.logs.open("w") as out:
        manager = Manager(Printer(output=out, colour=False))
        for name, (command, environment) in processes(place).items():
            manager.add_process(name, command, env=environment, cwd=str(PROJECT))

        def stop() -> None:
            asked.set()
            manager.terminate()

        watcher = threading.Thread(
            target=watch, args=(place, began, arguments.seconds, before, stop, stopped)
        )
        watcher.start()
        manager.loop()
        stopped.set()
        watcher.join()
    with psycopg.connect(place.environment["DATABASE_URL"]) as conn:
        told = since(before, flows(conn))
    if place.servers is not None:
        place.servers.stop()

    say(f"\n  In {time.monotonic() - began:.0f} seconds:")
    for name, count in told.items():
        say(f"  {count:8,}  {name}")
    dry = [name for name in MUST_FLOW if not told[name]]
    if not asked.is_set() and manager.returncode not in (130, 143):  # Ctrl-C, SIGTERM
        say(f"✗ a process ended by itself (status {manager.returncode}). See {place.logs}")
    elif asked.is_set() and dry:
        say(f"✗ nothing flowed here: {', '.join(dry)}. See {place.logs}")
    else:
        say("✓ stopped; `make demo` goes on from here")
        return 0
    return 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the demo can be told."""
    parser.add_argument("--for", dest="seconds", type=float, help="stop after so many seconds")
    parser.add_argument("--port", type=int, default=8000, help="of the console, if it is free")
    parser.add_argument("--dir", type=Path, default=default_home(), help="default: %(default)s")
    parser.add_argument("--rate", type=float, default=RATE, help="story seconds a wall second")
