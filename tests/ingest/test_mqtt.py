"""The whole room on a real broker and database: hostile input, crashes, back-pressure, receipts."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
import psutil
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from record.flow import Frame
from record.local import PROJECT, LocalServers
from record.servers import Mosquitto
from record.vin import make_vin
from simulators.gateway import FleetPublisher
from simulators.wire import Frame as WireFrame
from tests.conftest import Room, StartRoom, eventually
from tests.ingest.test_decode import HOSTILE, HOSTILE_MSGPACK

serials = itertools.count(int(time.time()) % 100_000 * 10)  # topics of this test alone


@pytest.fixture
def vin(db: psycopg.Connection) -> str:
    db.autocommit = True
    return register(db)


def register(db: psycopg.Connection) -> str:
    vin = make_vin("WVW", "ZZZAU", 2021, next(serials))
    db.execute("INSERT INTO vehicle (vin) VALUES (%s)", (vin,))
    return vin


def client_id() -> str:
    """A session of its own, so that tests don't inherit each other's messages."""
    return f"ingest-test-{next(serials)}"


class Publisher:
    """Publishes at QoS 1 and waits for the broker's word."""

    def __init__(self, broker: Mosquitto) -> None:
        url = urlsplit(broker.url("simulator"))
        assert url.hostname and url.port
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.username_pw_set(url.username, url.password)
        self.client.max_inflight_messages_set(1000)
        self.client.connect(url.hostname, url.port)
        self.client.loop_start()
        self._sent = self._taken = 0
        self.client.on_publish = self._on_publish

    def _on_publish(self, *_: object) -> None:
        self._taken += 1

    def send(self, topic: str, payload: bytes) -> None:
        self.client.publish(topic, payload, qos=1)
        self._sent += 1

    def flush(self) -> None:
        eventually(lambda: self._taken == self._sent, "the broker took all")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def publisher(broker: Mosquitto) -> Iterator[Publisher]:
    publisher = Publisher(broker)
    yield publisher
    publisher.close()


NOW_MS = round(datetime.now(UTC).timestamp() * 1000) - 3_600_000


def frame(i: int) -> bytes:
    return msgspec.json.encode({"ts": NOW_MS + i, "seq": i, "signals": {"Vehicle.Speed": i % 200}})


def number(db: psycopg.Connection, query: str) -> int:
    row = db.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def stored(db: psycopg.Connection) -> int:
    return number(db, "SELECT count(*) FROM telemetry")


def handed_off(db: psycopg.Connection) -> list[int]:
    packed = db.execute("SELECT frames FROM frame_log ORDER BY id").fetchall()
    return [
        one.ts_ms - NOW_MS
        for (frames,) in packed
        for one in msgspec.msgpack.decode(frames, type=list[Frame])
    ]


def health_of(room: Room) -> dict[str, Any]:
    """What it says at ``/health``, well or not; nothing while it doesn't answer."""
    try:
        answer = urllib.request.urlopen(f"{room.url}/health")  # noqa: S310
    except urllib.error.HTTPError as error:
        answer = error
    except urllib.error.URLError:
        return {}
    return dict(json.load(answer))


def test_hostile_messages_among_good_frames(
    room: StartRoom, db: psycopg.Connection, vin: str, publisher: Publisher
) -> None:
    ingest = room("ingest", INGEST_CLIENT_ID=client_id())
    good = itertools.count()
    json_topic, msgpack_topic = f"vehicles/{vin}/frames", f"vehicles/{vin}/frames/msgpack"
    for topic, table in ((json_topic, HOSTILE), (msgpack_topic, HOSTILE_MSGPACK)):
        for payload, _ in table.values():
            publisher.send(json_topic, frame(next(good)))
            publisher.send(topic, payload)
    publisher.send("vehicles/not-a-vin/frames", frame(0))
    publisher.send("vehicles/WVWZZZ1JZXW999999/frames", frame(0))
    publisher.send(f"vehicles/{vin}/status", b"asleep")
    publisher.send(json_topic, frame(next(good)))
    sent = next(good)
    eventually(lambda: stored(db) == sent, "all good frames are stored")
    rows = db.execute("SELECT topic, payload, reason_code, reason FROM quarantine").fetchall()
    found = {(topic, payload): code for topic, payload, code, _ in rows}
    for topic, table in ((json_topic, HOSTILE), (msgpack_topic, HOSTILE_MSGPACK)):
        for name, (payload, _) in table.items():
            # "seconds" and the like depend on the clock, which is the wall's here
            assert (topic, payload) in found, name
    assert found["vehicles/not-a-vin/frames", frame(0)] == "malformed_vin"
    assert found["vehicles/WVWZZZ1JZXW999999/frames", frame(0)] == "unknown_vin"
    assert found[f"vehicles/{vin}/status", b"asleep"] == "bad_status"
    assert all(len(reason) > 20 for *_, reason in rows)
    assert ingest.healthy()
    memory = psutil.Process(ingest.process.pid).memory_info()
    assert memory.rss < 200_000_000
    metrics = urllib.request.urlopen(f"{ingest.url}/metrics").read().decode()  # noqa: S310
    assert f"ingest_frames_total {sent}.0" in metrics
    assert 'ingest_quarantined_total{code="too_large"} 1.0' in metrics
    assert ingest.stop() == 0


def test_kill_9_between_commit_and_acknowledgement(
    room: StartRoom,
    db: psycopg.Connection,
    vin: str,
    publisher: Publisher,
    servers: LocalServers,
    database: str,
) -> None:
    """The worst moment, on purpose: the batch is committed and the process dies before the ack."""
    who = client_id()
    start = (
        "import os, sys\n"
        "from ingest import __main__, mqtt\n"
        "mqtt.Subscriber.settle = lambda self, settled: os.kill(os.getpid(), 9)\n"
        "sys.exit(__main__.main([]))\n"
    )
    first = room("ingest", INGEST_CLIENT_ID=who)  # makes the session
    assert first.stop() == 0
    for i in range(100):
        publisher.send(f"vehicles/{vin}/frames", frame(i))
    publisher.flush()
    env = {**os.environ, **servers.environment, "DATABASE_URL": database, "INGEST_CLIENT_ID": who}
    doomed = subprocess.run([sys.executable, "-c", start], cwd=PROJECT, env=env, timeout=60)
    assert doomed.returncode == -signal.SIGKILL
    assert stored(db) > 0
    again = room("ingest", INGEST_CLIENT_ID=who)
    publisher.send(f"vehicles/{vin}/frames", frame(100))
    eventually(lambda: stored(db) == 101, "the rest comes again")
    assert handed_off(db) == list(range(101))
    assert health_of(again)["ok"]
    assert again.stop() == 0


def test_graceful_stop_in_full_flow_loses_nothing(
    room: StartRoom, db: psycopg.Connection, vin: str, publisher: Publisher
) -> None:
    who = client_id()
    sent = itertools.count()
    for _ in range(4):
        ingest = room("ingest", INGEST_CLIENT_ID=who)
        for i in itertools.islice(sent, 700):
            publisher.send(f"vehicles/{vin}/frames", frame(i))
        assert ingest.stop() == 0
    publisher.flush()
    ingest = room("ingest", INGEST_CLIENT_ID=who)
    eventually(lambda: stored(db) == 2800, "all is stored")
    assert handed_off(db) == list(range(2800))


def test_back_pressure_keeps_memory_small_and_the_connection_alive(
    room: StartRoom, db: psycopg.Connection, vin: str, publisher: Publisher, database: str
) -> None:
    ingest = room("ingest", INGEST_CLIENT_ID=client_id(), MQTT_KEEPALIVE_S="2")
    process = psutil.Process(ingest.process.pid)
    with psycopg.connect(database) as blocker:
        blocker.execute("LOCK TABLE telemetry IN ACCESS EXCLUSIVE MODE")
        large = {f"Maker.Text{i}": "x" * 60 for i in range(1000)}
        for i in range(1000):  # 80 MB
            doc = {"ts": NOW_MS + i, "signals": large}
            publisher.send(f"vehicles/{vin}/frames", msgspec.json.encode(doc))

        eventually(lambda: health_of(ingest)["waiting_bytes"] > 32_000_000, "reading pauses")
        publisher.flush()
        time.sleep(6)  # the broker gives up a silent client after 3 s
        assert health_of(ingest)["waiting_bytes"] < 33_000_000
        assert health_of(ingest)["broker_connected"]
        assert process.memory_info().rss < 200_000_000
    eventually(lambda: stored(db) == 1000, "all is stored")
    assert handed_off(db) == list(range(1000))
    assert process.memory_info().rss < 200_000_000
    assert "disconnected" not in ingest.words()


def test_gateways_get_their_receipts(
    room: StartRoom, db: psycopg.Connection, vin: str, broker: Mosquitto
) -> None:
    room("ingest", INGEST_CLIENT_ID=client_id())
    frames = [WireFrame(NOW_MS + i, {"Vehicle.Speed": 50.0}) for i in range(1000)]
    frames.append(WireFrame(0, {"Vehicle.Speed": 50.0}))  # goes to quarantine, and is safe there
    with FleetPublisher(broker.url("simulator"), receipt_timeout_s=60) as fleet:
        fleet.send_for(vin, frames)
        assert fleet.flush(timeout_s=30)
        assert fleet.republished == 0
    assert stored(db) == 1000
    assert number(db, "SELECT count(*) FROM quarantine") == 1


def test_replay_from_the_command_line(
    room: StartRoom, db: psycopg.Connection, publisher: Publisher
) -> None:
    db.autocommit = True
    vin = make_vin("WVW", "ZZZAU", 2021, next(serials))
    room("ingest", INGEST_CLIENT_ID=client_id())
    for i in range(10):
        publisher.send(f"vehicles/{vin}/frames", frame(i))
    publisher.send(f"vehicles/{vin}/frames", b"?")
    waiting = "SELECT count(*) FROM quarantine WHERE replayed_at IS NULL"
    eventually(lambda: number(db, waiting) == 11, "all is in quarantine")
    db.execute("INSERT INTO vehicle (vin) VALUES (%s)", (vin,))
    replay = room("ingest", "replay", "--all", wait=False)
    assert replay.process.wait(30) == 0
    assert "10 replayed (10 frames stored), 1 still refused" in replay.words()
    assert stored(db) == 10
    assert number(db, waiting) == 1


def cut_off(active: Room, db: psycopg.Connection) -> None:
    db.execute(
        """
        SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l USING (pid)
        WHERE a.application_name = 'ingest' AND a.datname = current_database()
          AND l.locktype = 'advisory' AND l.granted
        """
    )


@pytest.mark.parametrize(
    "end",
    [lambda room, _: room.kill9(), lambda room, _: room.stop(), cut_off],
    ids=["killed", "stopped", "cut off from the database"],
)
def test_a_spare_takes_over_in_full_flow(
    room: StartRoom,
    db: psycopg.Connection,
    vin: str,
    publisher: Publisher,
    end: Callable[[Room, psycopg.Connection], object],
) -> None:
    who = client_id()
    active = room("ingest", INGEST_CLIENT_ID=who)
    spare = room("ingest", INGEST_CLIENT_ID=who)
    assert health_of(spare) == {
        "ok": True, "standby": True, "database_away_s": 0.0, "database_says": None
    }  # fmt: skip
    for i in range(6000):
        publisher.send(f"vehicles/{vin}/frames", frame(i))
        if i == 3000:
            eventually(lambda: stored(db) > 0, "some is stored")
            end(active, db)
    publisher.flush()
    eventually(lambda: stored(db) == 6000, "all is stored")
    assert handed_off(db) == list(range(6000)), "once, and in order"
    standing_by = []
    for one in (active, spare):
        if one.process.poll() is None:
            eventually(one.healthy, "all that live are well")
            standing_by.append(health_of(one)["standby"])
    assert standing_by.count(False) == 1
    assert "broker refuses" not in spare.words()


def test_what_is_waited_for_is_said(room: StartRoom, database: str) -> None:
    wrong = database.replace("roadworthy:", "roadworthy:not", 1)
    assert wrong != database
    ingest = room("ingest", wait=False, DATABASE_URL=wrong)
    eventually(lambda: "password authentication failed" in ingest.words(), "the log says why")
    assert "waiting for the database of DATABASE_URL" in ingest.words()
    health = eventually(lambda: health_of(ingest), "it answers")
    assert not health["ok"]
    assert "password authentication failed" in str(health["database_says"])
    assert ingest.stop() == 0


def test_settings_are_checked_in_words(room: StartRoom) -> None:
    wrong = room("ingest", wait=False, MQTT_URL="http://localhost")
    assert wrong.process.wait(30) == 2
    assert "MQTT_URL: must look like mqtt://" in wrong.words()


def test_the_broker_being_away_is_waited_for(room: StartRoom) -> None:
    early = room("ingest", wait=False, MQTT_URL="mqtt://127.0.0.1:9")
    eventually(lambda: "broker not reached" in early.words(), "it says so")
    assert early.process.poll() is None
    assert early.stop() == 0
