"""``python -m simulators bench``: the numbers to beat, measured on servers of its own.

Each benchmark is a function in `BENCHES` that takes a `Bench` and returns rows. Numbers that don't
reach their goal are printed next to it, and the exit status stays 0: a benchmark is no test.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import paho.mqtt.client as mqtt
import psutil
import psycopg
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from psycopg import sql

from detectors.bank import Bank
from ingest.decode import Reading, decode
from record import db, dtc
from record.flow import Frame, Message, Vehicle
from record.local import PROJECT, LocalServers
from record.settings import MqttAddress, parse_mqtt_url
from record.signals import BY_NAME, SIGNALS
from record.vin import make_vin
from simulators import bench_console

CARS = 500
ROUNDS = 3
"""Measurements of each kind, taken in turns; the median counts."""


class Row(NamedTuple):
    """One line of the table.

    Parameters
    ----------
    name : str
    value : float
    unit : str
    limit : str
        ``≥`` or ``≤``; empty where the line only explains another.
    goal : float or None
    ok : bool or None
    """

    name: str
    value: float
    unit: str
    limit: str = ""
    goal: float | None = None
    ok: bool | None = None


def at_least(name: str, value: float, unit: str, goal: float) -> Row:
    """A line whose value should be high."""
    return Row(name, value, unit, "≥", goal, value >= goal)


def at_most(name: str, value: float, unit: str, goal: float) -> Row:
    """A line whose value should be low."""
    return Row(name, value, unit, "≤", goal, value <= goal)


class RoomDied(RuntimeError):  # noqa: N818
    """Nothing can be measured any more; the message names the room's log."""


class Bench:
    """Servers for the benchmarks, with their durable settings.

    Parameters
    ----------
    home : Path
        Where their data goes.
    scale : float
        1 is the full size; less is quicker and rougher.
    """

    def __init__(self, home: Path, scale: float) -> None:
        self.servers = LocalServers(home)
        self.logs = Path(tempfile.mkdtemp(prefix="roadworthy-bench-logs-"))
        self._rooms: dict[Path, subprocess.Popen[bytes]] = {}
        self._started = 0
        self.scale = scale
        self.vins = [make_vin("WVW", "ZZZAU", 2021, i) for i in range(CARS)]
        self._databases = 0

    def size(self, full: int) -> int:
        """A number of things, scaled."""
        return max(int(full * self.scale), 1)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a fresh database with all cars in it."""
        self._databases += 1
        name = f"bench_{self._databases}"
        with psycopg.connect(self.servers.postgres.admin_url, autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER roadworthy").format(sql.Identifier(name))
            )
        url = self.servers.postgres.url(database=name)
        db.migrate(url)
        with psycopg.connect(url) as conn, conn.cursor() as cur:
            cur.executemany("INSERT INTO vehicle (vin) VALUES (%s)", [(vin,) for vin in self.vins])
        yield url
        with psycopg.connect(self.servers.postgres.admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def room(self, name: str, database_url: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
        """A room as its own process."""
        self._started += 1
        log = self.logs / f"{self._started}-{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", name],
                cwd=PROJECT,
                env={**os.environ, **self.servers.environment, "DATABASE_URL": database_url, **env},
                stdout=out,
                stderr=out,
            )
        self._rooms[log] = process
        try:
            yield process
        finally:
            del self._rooms[log]
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def check_rooms(self) -> None:
        """Raise `RoomDied` if one has ended by itself."""
        for log, process in self._rooms.items():
            if process.poll() is not None:
                raise RoomDied(f"A room ended with status {process.returncode}, its log: {log}")

    def address(self, user: str) -> MqttAddress:
        """Where the broker is."""
        return parse_mqtt_url(self.servers.mosquitto.url(user))


# -- messages ----------------------------------------------------------------------------------


def messages(vins: Sequence[str], count: int, frames_each: int) -> Iterator[tuple[str, bytes]]:
    """Topics and payloads: 20 signals in each frame, a frame each second, the cars in turn."""
    dice = random.Random(1)
    signals = [s for s in SIGNALS if s.sql == "real"][:20]
    start_ms = round(time.time() * 1000) - 20 * 3_600_000
    for n in range(count):
        frames = []
        for i in range(frames_each):
            seq = n // len(vins) * frames_each + i
            values = {s.path: round(dice.uniform(s.low or 0, s.high or 0), 2) for s in signals}
            frames.append({"ts": start_ms + seq * 1000, "seq": seq, "signals": values})
        body = frames[0] if frames_each == 1 else frames
        yield f"vehicles/{vins[n % len(vins)]}/frames", msgspec.json.encode(body)


def client(address: MqttAddress, client_id: str = "", **options: Any) -> mqtt.Client:
    """paho's client, as anybody would make it."""
    made = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, **options
    )
    made.username_pw_set(address.username, address.password)
    return made


def kept_session() -> Properties:
    """Properties of a connection whose session outlives it."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600
    properties.ReceiveMaximum = 12_000
    return properties


def open_session(address: MqttAddress, client_id: str) -> None:
    """Subscribe and leave: from now on the broker keeps messages for this client."""
    subscribed = threading.Event()
    one = client(address, client_id)

    def on_connect(*_: object) -> None:
        one.subscribe("vehicles/+/frames", 1)

    one.on_connect = on_connect
    one.on_subscribe = lambda *_: subscribed.set()
    one.connect(address.host, address.port, clean_start=True, properties=kept_session())
    one.loop_start()
    assert subscribed.wait(30)
    one.disconnect()
    one.loop_stop()


def close_session(address: MqttAddress, client_id: str) -> None:
    """Let the broker forget a client and what waits for it."""
    connected = threading.Event()
    one = client(address, client_id)
    one.on_connect = lambda *_: connected.set()
    one.connect(address.host, address.port, clean_start=True)
    one.loop_start()
    assert connected.wait(30)
    one.disconnect()
    one.loop_stop()


def publish(address: MqttAddress, what: Iterator[tuple[str, bytes]]) -> int:
    """Publish at QoS 1 and return how many the broker took."""
    slots = threading.Semaphore(2_000)
    one = client(address)
    one.max_inflight_messages_set(2_000)
    one.on_publish = lambda *_: slots.release()
    one.connect(address.host, address.port)
    one.loop_start()
    count = 0
    for topic, payload in what:
        slots.acquire()
        one.publish(topic, payload, 1)
        count += 1
    for _ in range(2_000):
        slots.acquire()
    one.disconnect()
    one.loop_stop()
    return count


# -- ingest ------------------------------------------------------------------------------------


def bare_client(address: MqttAddress, client_id: str, count: int) -> float:
    """Seconds that a client takes which only receives and acknowledges `count` messages."""
    received = 0
    first_s = 0.0

    def on_message(*_: object) -> None:
        nonlocal received, first_s
        if received == 0:
            first_s = time.perf_counter()
        received += 1
        if received == count:
            one.disconnect()

    one = client(address, client_id)
    one.on_message = on_message
    one.connect(address.host, address.port, clean_start=False, properties=kept_session())
    one.loop_forever()
    return time.perf_counter() - first_s


def drain_bare(bench: Bench, count: int) -> float:
    """Messages a second of the bare client, in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        seconds = pool.submit(bare_client, bench.address("ingest"), "bench-bare", count).result()
    close_session(bench.address("ingest"), "bench-bare")
    return count / seconds


def drain_ingest(bench: Bench, frames: int) -> float:
    """Frames a second, from the arrival of the first message to the last commit."""
    with bench.database() as url, psycopg.connect(url, autocommit=True) as conn:
        stored = 0
        with bench.room("ingest", url, INGEST_CLIENT_ID="bench-ingest"):
            while stored < frames:
                bench.check_rooms()
                time.sleep(0.01)
                row = conn.execute("SELECT coalesce(sum(frame_count), 0) FROM frame_log").fetchone()
                assert row is not None
                stored = int(row[0])
            end = datetime.now(UTC)
        row = conn.execute("SELECT min(received_at) FROM telemetry").fetchone()
        assert row is not None
    close_session(bench.address("ingest"), "bench-ingest")
    return frames / float((end - row[0]).total_seconds())


def copy_rows(bench: Bench, readings: Sequence[Reading]) -> float:
    """Rows a second of binary COPY alone, in batches of 5,000; the columns are those of ingest."""
    columns = sorted(readings[0].frame.signals)
    rows = [
        (
            *(r.frame.vehicle_id, r.frame.ts, r.message.received_at, r.seq, None, None, None),
            *map(r.frame.signals.get, columns),
        )
        for r in readings
    ]
    fixed = {
        "vehicle_id": "int4",
        "ts": "timestamptz",
        "received_at": "timestamptz",
        "seq": "int8",
        "dtcs": "text[]",
        "other": "jsonb",
        "rejected": "jsonb",
    }
    names = sql.SQL(", ").join(map(sql.Identifier, (*fixed, *columns)))
    command = sql.SQL("COPY telemetry ({}) FROM STDIN (FORMAT binary)").format(names)
    types = [*fixed.values(), *(BY_NAME[n].sql for n in columns)]
    with bench.database() as url, psycopg.connect(url) as conn:
        start_s = time.perf_counter()
        for at in range(0, len(rows), 5_000):
            with conn.cursor().copy(command) as copy:
                copy.set_types(types)
                for row in rows[at : at + 5_000]:
                    copy.write_row(row)
            conn.commit()
        return len(rows) / (time.perf_counter() - start_s)


def ingest_single(bench: Bench) -> list[Row]:
    """One frame a message: against a client that does nothing with what it receives."""
    count = bench.size(40_000)
    bare, full = [], []
    for _ in range(ROUNDS):
        for session in ("bench-bare", "bench-ingest"):
            open_session(bench.address("ingest"), session)
        publish(bench.address("simulator"), messages(bench.vins, count, 1))
        bare.append(drain_bare(bench, count))
        full.append(drain_ingest(bench, count))
    ratio = statistics.median(f / b for f, b in zip(full, bare, strict=True))
    return [
        Row("bare client, 1 frame a message", statistics.median(bare), "msg/s"),
        Row("ingest, 1 frame a message", statistics.median(full), "msg/s"),
        at_least("ingest / bare client", ratio, "×", 0.8),
    ]


def ingest_lists(bench: Bench) -> list[Row]:
    """Twenty frames a message: against COPY of the same rows."""
    count = bench.size(5_000)
    keys = {vin: n for n, vin in enumerate(bench.vins, start=1)}
    now = datetime.now(UTC)
    readings = [
        reading
        for topic, payload in messages(bench.vins, count, 20)
        for reading in decode(Message(topic, payload, now), keys, now).readings
    ]
    copied, full = [], []
    for _ in range(ROUNDS):
        open_session(bench.address("ingest"), "bench-ingest")
        publish(bench.address("simulator"), messages(bench.vins, count, 20))
        copied.append(copy_rows(bench, readings))
        full.append(drain_ingest(bench, len(readings)))
    ratio = statistics.median(f / c for f, c in zip(full, copied, strict=True))
    return [
        Row("binary COPY of the same rows", statistics.median(copied), "rows/s"),
        Row("ingest, 20 frames a message", statistics.median(full), "frames/s"),
        at_least("ingest / COPY", ratio, "×", 0.5),
    ]


def ingest_memory(bench: Bench) -> list[Row]:
    """The most that an ingest worker holds while the database stands still."""
    small = ((f"vehicles/{bench.vins[n % CARS]}/frames", b"?" * 1_000) for n in range(40_000))
    large = ((f"vehicles/{bench.vins[n % CARS]}/frames", b"?" * 10_000_000) for n in range(20))
    rows = []
    for name, what in (("40,000 messages of 1 KB", small), ("20 messages of 10 MB", large)):
        session = "bench-memory"
        open_session(bench.address("ingest"), session)
        count = publish(bench.address("simulator"), what)
        with bench.database() as url, psycopg.connect(url) as blocker:
            blocker.execute("LOCK TABLE quarantine IN ACCESS EXCLUSIVE MODE")
            with bench.room("ingest", url, INGEST_CLIENT_ID=session) as process:
                watched = psutil.Process(process.pid)
                most = 0
                deadline_s = time.monotonic() + 5
                while time.monotonic() < deadline_s:
                    most = max(most, watched.memory_info().rss)
                    time.sleep(0.01)
                blocker.rollback()
                seen = 0
                while seen < count:  # and while it catches up
                    bench.check_rooms()
                    most = max(most, watched.memory_info().rss)
                    row = blocker.execute("SELECT sum(seen) FROM quarantine").fetchone()
                    seen = int(row[0] or 0) if row else 0
                    blocker.rollback()
                    time.sleep(0.01)
        close_session(bench.address("ingest"), session)
        rows.append(at_most(f"ingest memory, {name}", most / 1e6, "MB", 200))
    return rows


# -- detectors ---------------------------------------------------------------------------------

DAY = 200
"""Frames in the day of a benchmark's car."""


def day() -> list[dict[str, Any]]:
    """Signals of one day: the night's rest, a cold start, warming up, the road."""
    dice = random.Random(2)
    frames: list[dict[str, Any]] = []
    for i in range(DAY):
        parked, cranking = i < 20, i in (20, 21)
        frames.append(
            {
                "ignition": "OFF" if parked else "START" if cranking else "ON",
                "speed_kmh": 0.0 if i < 30 else dice.uniform(20, 120),
                "engine_running": i > 21,
                "engine_speed_rpm": 0.0 if parked else 250.0 if cranking else dice.gauss(2000, 300),
                "coolant_temp_c": min(8.0 + max(i - 20, 0) * 1.5, 90.0 + dice.gauss(0, 1)),
                "battery_voltage_v": 12.6
                if parked
                else 10.2
                if cranking
                else dice.gauss(14.2, 0.1),
                "ambient_temp_c": 8.0 + i / 50,
                "engine_hours_h": 1000.0 + i / 100,
                "fuel_level_pct": 70.0 - i / 50,
                "oil_temp_c": min(8.0 + max(i - 20, 0), 95.0),
                "intake_air_temp_c": 12.0,
                "engine_load_pct": dice.uniform(10, 80),
                "throttle_pct": dice.uniform(10, 60),
                "air_flow_g_s": dice.uniform(3, 60),
                "short_fuel_trim_1_pct": dice.gauss(0, 3),
                "long_fuel_trim_1_pct": dice.gauss(0, 2),
                "mil_on": False,
                "fuel_range_m": 500_000,
                "latitude_deg": 48.1,
            }
        )
    return frames


def judge(cars: int, frames: int) -> tuple[float, float, float]:
    """Let the whole bank of each car judge; every car is somewhere else in its day.

    Returns
    -------
    tuple of float
        Frames a second, bytes of saved state a car, bytes of memory a car.
    """
    life = day()
    process = psutil.Process()
    before = process.memory_info().rss
    banks = [
        Bank(
            Vehicle(
                n, make_vin("WVW", "ZZZAU", 2021, n), "VW", "Golf", 2021, "petrol",
                service_interval_m=30_000_000, service_interval_days=365,
            )
        )
        for n in range(cars)
    ]  # fmt: skip
    start_ms = 1_780_000_000_000
    busy_s, done = 0.0, 0
    while done < frames:
        chunk = []
        for n in range(done, min(done + 10_000, frames)):
            car, turn = n % cars, n // cars
            signals = life[(car * 7 + turn) % DAY]
            chunk.append((car, start_ms + turn * 10_000, signals | {"odometer_m": turn * 200}))
        work = [(banks[car], Frame(car, at_ms, signals)) for car, at_ms, signals in chunk]
        start_s = time.perf_counter()
        for bank, frame in work:
            bank.judge(frame)
        busy_s += time.perf_counter() - start_s
        done += len(chunk)
    memory = (process.memory_info().rss - before) / cars
    sample = banks[:1000]
    saved = statistics.mean(len(bank.save()) for bank in sample)
    return frames / busy_s, saved, memory


def detection(bench: Bench) -> list[Row]:
    """All detectors on one core, with few cars and with many."""
    spawn = multiprocessing.get_context("spawn")
    frames = bench.size(400_000)

    def measure(cars: int) -> tuple[float, float, float]:
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            return pool.submit(judge, cars, max(frames, cars)).result()

    few, many = measure(1_000), measure(100_000)
    return [
        at_least("detection, 1,000 cars, one core", few[0], "frames/s", 20_000),
        Row("detection, 100,000 cars, one core", many[0], "frames/s"),
        at_most("detection, slower with 100,000 cars", (few[0] / many[0] - 1) * 100, "%", 15),
        at_most("saved state a car, after two days", few[1], "bytes", 4096),
        at_most("detector memory a car", many[2], "bytes", 20_480),
    ]


def scanning(bench: Bench) -> list[Row]:
    """The generic detector on files, with reading and writing, as a command of its own."""
    dice = random.Random(3)
    rows = []
    for signals in (1, 8):
        count = bench.size(200_000 // signals)
        with tempfile.TemporaryDirectory(prefix="roadworthy-bench-scan-") as home:
            file = Path(home) / "series.csv"
            with file.open("w") as out:
                out.write("time" + ",value" * signals + "\n")
                for n in range(count):
                    out.write(f"{n}" + "".join(f",{dice.gauss(0, 1):.3f}" for _ in range(signals)))
                    out.write("\n")
            start_s = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "detectors", "scan", str(file), "--out-dir", home + "/out"],
                cwd=PROJECT,
                check=True,
                capture_output=True,
            )
            took_s = time.perf_counter() - start_s
        name = f"scan, {signals} signal{'s' * (signals > 1)}, one core"
        rows.append(Row(name, count * signals / took_s, "values/s"))
    return rows


# -- the whole way -----------------------------------------------------------------------------

CODE = "P0420"
"""A trouble code that no healthy car reports."""


class Traffic:
    """Healthy cars that drive and publish, each a frame in its turn; now and then one has a fault.

    Parameters
    ----------
    address : MqttAddress
    vins : sequence of str
    """

    def __init__(self, address: MqttAddress, vins: Sequence[str]) -> None:
        self.faults: dict[str, float] = {}
        self._vins = vins
        self._life = [{BY_NAME[n].path: v for n, v in signals.items()} for signals in day()]
        self._start_ms = round(time.time() * 1000) - 20 * 3_600_000
        self._sent = 0
        self._slots = threading.Semaphore(2_000)
        self._client = client(address)
        self._client.max_inflight_messages_set(2_000)
        self._client.on_publish = lambda *_: self._slots.release()
        self._client.connect(address.host, address.port)
        self._client.loop_start()

    def publish(self, count: int, fault: bool = False) -> None:
        """Publish frames; the first has a trouble code if its car had none yet."""
        for _ in range(count):
            turn, n = divmod(self._sent, len(self._vins))
            vin = self._vins[n]
            doc: dict[str, Any] = {
                "ts": self._start_ms + turn * 10_000,
                "signals": self._life[(n * 7 + turn) % DAY],
            }
            self._slots.acquire()
            if fault and vin not in self.faults:
                doc["dtcs"] = [CODE]
                self.faults[vin] = time.perf_counter()
            fault = False
            self._client.publish(f"vehicles/{vin}/frames", msgspec.json.encode(doc), 1)
            self._sent += 1

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()


def alerts_by_vin(url: str, seen: dict[str, float], stop: threading.Event) -> None:
    """Note when each car's alert for `CODE` is first seen, looking each 10 ms."""
    with psycopg.connect(url, autocommit=True) as conn:
        while not stop.wait(0.01):
            rows = conn.execute(
                "SELECT vin FROM alert JOIN vehicle v ON v.id = vehicle_id WHERE cause = %s",
                (dtc.cause(CODE),),
            ).fetchall()
            now_s = time.perf_counter()
            for (vin,) in rows:
                seen.setdefault(vin, now_s)


def alert_latency(bench: Bench) -> list[Row]:
    """From a frame's publishing to the commit of its alert, under half of the load borne."""
    care = {
        "SECRET_KEY": "only for the benchmark",
        "PUBLIC_URL": "http://127.0.0.1:9",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "none",
        "TWILIO_FROM": "+13125550100",
        "TWILIO_API_URL": "http://127.0.0.1:9",  # nobody has a phone here
    }
    session = "bench-alerts"
    with ExitStack() as stack:
        url = stack.enter_context(bench.database())
        conn = stack.enter_context(psycopg.connect(url, autocommit=True))
        conn.execute(
            """
            WITH one AS (
                INSERT INTO dealer (name, time_zone, phone)
                VALUES ('Bench', 'America/Chicago', '+13125550199') RETURNING id
            ) UPDATE vehicle SET dealer_id = one.id FROM one
            """
        )
        open_session(bench.address("ingest"), session)
        stack.callback(close_session, bench.address("ingest"), session)
        stack.enter_context(bench.room("ingest", url, INGEST_CLIENT_ID=session))
        stack.enter_context(bench.room("detectors", url))
        stack.enter_context(bench.room("care", url, **care))
        traffic = Traffic(bench.address("simulator"), bench.vins)
        stack.callback(traffic.close)

        def publish_and_wait(count: int) -> float:
            """Seconds until all of `count` frames are stored and judged."""
            before = stored()
            start_s = time.perf_counter()
            traffic.publish(count)
            while stored() < before + count or waits():
                bench.check_rooms()
                time.sleep(0.05)
            return time.perf_counter() - start_s

        def stored() -> int:
            return int(conn.execute("SELECT count(*) FROM telemetry").fetchall()[0][0])

        def waits() -> bool:
            return bool(conn.execute("SELECT EXISTS (SELECT FROM frame_log)").fetchall()[0][0])

        publish_and_wait(CARS)  # all rooms are up, all banks are made
        count = bench.size(30_000)
        most = count / publish_and_wait(count)

        seen: dict[str, float] = {}
        stop = threading.Event()
        watch = threading.Thread(target=alerts_by_vin, args=(url, seen, stop))
        watch.start()
        stack.callback(watch.join)
        stack.callback(stop.set)
        start_s, sent = time.perf_counter(), 0
        while (past_s := time.perf_counter() - start_s) < max(20 * bench.scale, 2):
            due = int(past_s * most / 2) - sent
            traffic.publish(max(due, 1), fault=True)
            sent += max(due, 1)
            bench.check_rooms()
            time.sleep(0.05)
        deadline_s = time.monotonic() + 60
        while len(seen) < len(traffic.faults) and time.monotonic() < deadline_s:
            time.sleep(0.05)
    took_s = [seen.get(vin, float("inf")) - at_s for vin, at_s in traffic.faults.items()]
    cuts = statistics.quantiles(took_s, n=100, method="inclusive")
    return [
        Row("frames stored and judged, all rooms", most, "frames/s"),
        Row("published to alert committed, median", cuts[49], "s"),
        at_most("published to alert committed, p99", cuts[98], "s", 1),
    ]


def console(bench: Bench) -> list[Row]:
    """Server time of the console's pages."""
    with bench.database() as url:
        bench_console.fill(url, bench.scale)
        p95_ms, api_bytes = bench_console.measure(url, bench.logs / "api.log")
    return [
        at_most("api memory", api_bytes / 1e6, "MB", 300),
        at_most("console, all pages, p95", p95_ms.pop("all"), "ms", 50),
        *(Row(f"console, {page}, p95", ms, "ms") for page, ms in p95_ms.items()),
    ]


BENCHES: dict[str, Callable[[Bench], list[Row]]] = {
    "ingest": ingest_single,
    "lists": ingest_lists,
    "memory": ingest_memory,
    "detection": detection,
    "scan": scanning,
    "alerts": alert_latency,
    "console": console,
}
"""Name to benchmark; each can be run alone by name."""


# -- the command -------------------------------------------------------------------------------


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators bench``."""
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="less is quicker and rougher")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, write it as JSON."""
    unknown = set(args.only) - set(BENCHES)
    if unknown:
        print(f"No such benchmark: {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    home = Path(tempfile.mkdtemp(prefix="roadworthy-bench-"))
    home.chmod(0o755)  # as root, the servers run as another user
    bench = Bench(home, args.scale)
    rows: list[Row] = []
    keep_logs = False
    start_s = time.monotonic()
    try:
        bench.servers.start()
        for name, measure in BENCHES.items():
            if not args.only or name in args.only:
                print(f"… {name}, after {time.monotonic() - start_s:.0f} s", file=sys.stderr)
                for row in measure(bench):
                    rows.append(row)
                    print(line(row), flush=True)
    except RoomDied as error:
        print(error, file=sys.stderr)
        keep_logs = True
        return 1
    finally:
        bench.servers.stop()
        shutil.rmtree(home)
        if not keep_logs:
            shutil.rmtree(bench.logs)
    args.out.write_text(
        json.dumps(
            {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "cores": os.cpu_count(),
                "load": os.getloadavg(),
                "rows": [row._asdict() for row in rows],
            },
            indent=2,
        )
        + "\n"
    )
    return 0


def line(row: Row) -> str:
    """One row for people.

    Examples
    --------
    >>> print(line(at_least("ingest / COPY", 0.61, "×", 0.5)))
    ingest / COPY                                  0.61 ×         ≥ 0.5       reached
    >>> print(line(Row("bare client", 8123.4, "msg/s")))
    bare client                                   8,123 msg/s
    """
    value = f"{row.value:,.0f}" if abs(row.value) >= 100 else f"{row.value:.2f}"
    text = f"{row.name:40} {value:>10} {row.unit:9}"
    if row.goal is not None:
        text += f" {row.limit} {row.goal:<10,g}"
        text += "reached" if row.ok else "NOT REACHED"
    return text.rstrip()
