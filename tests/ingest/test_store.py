"""What a batch leaves in the database, the first time and the second."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest
from psycopg.rows import dict_row

from ingest import store
from ingest.decode import Reading
from ingest.intake import Intake
from ingest.replay import replay
from ingest.store import Batch
from ingest.writer import Arrival, Settled, Writer, store_all
from record import db as record_db
from record.flow import SHARDS, Frame, Message, Reject
from tests.conftest import eventually

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
VINS = [f"WVWZZZ1JZXW{i:06}" for i in range(5)]


@pytest.fixture
def cars(db: psycopg.Connection) -> dict[str, int]:
    db.autocommit = True
    db.cursor().executemany("INSERT INTO vehicle (vin) VALUES (%s)", [(vin,) for vin in VINS])
    return store.vehicle_ids(db, VINS)


def message(vin: str, frames: object, topic: str = "frames", at: datetime = NOW) -> Message:
    return Message(f"vehicles/{vin}/{topic}", msgspec.json.encode(frames), at)


def frame(i: int, **signals: object) -> dict[str, object]:
    return {"ts": NOW_MS + i, "signals": {"Vehicle.Speed": 50.0} | signals}


def take(
    conn: psycopg.Connection, *messages: Message, intake: Intake | None = None
) -> store.Stored:
    prepared = (intake or Intake()).prepare(conn, messages, NOW)
    return store_all(conn, prepared.batch)


def count(conn: psycopg.Connection, table: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    assert row is not None
    return int(row[0])


def handed_off(conn: psycopg.Connection) -> list[Frame]:
    frames: list[Frame] = []
    for shard, number, packed in conn.execute(
        "SELECT shard, frame_count, frames FROM frame_log ORDER BY id"
    ):
        some = msgspec.msgpack.decode(packed, type=list[Frame])
        assert len(some) == number
        assert {one.vehicle_id % SHARDS for one in some} == {shard}
        frames += some
    return frames


def test_a_frame_is_stored_as_it_was_sent(db: psycopg.Connection, cars: dict[str, int]) -> None:
    doc = {
        "ts": "2026-06-01T12:00:00.123Z",
        "seq": 2**62,
        "dtcs": ["P0128", "U3003-16"],
        "signals": {
            "Vehicle.Speed": 50.5,
            "Vehicle.TraveledDistance": 15_023_400,
            "Vehicle.CurrentLocation.Latitude": 52.123456789,
            "Vehicle.LowVoltageSystemState": "ON",
            "Vehicle.OBD.Status.IsMILOn": True,
            "Vehicle.Powertrain.Transmission.CurrentGear": -1,
            "Maker.Own": "ω",
            "Vehicle.OBD.EngineLoad": 200,
        },
    }
    assert take(db, message(VINS[1], doc)).frames == 1
    with db.cursor(row_factory=dict_row) as cur:
        row = cur.execute("SELECT * FROM telemetry").fetchone()
    assert row is not None
    kept = {name: value for name, value in row.items() if value is not None}
    assert kept == {
        "vehicle_id": cars[VINS[1]],
        "ts": datetime(2026, 6, 1, 12, 0, 0, 123000, UTC),
        "received_at": NOW,
        "seq": 2**62,
        "dtcs": ["P0128", "U3003-16"],
        "speed_kmh": 50.5,
        "odometer_m": 15_023_400,
        "latitude_deg": 52.123456789,
        "ignition": "ON",
        "mil_on": True,
        "gear": -1,
        "other": {"Maker.Own": "ω"},
        "rejected": {"Vehicle.OBD.EngineLoad": ["200", "outside 0 to 100 %"]},
    }
    (handed,) = handed_off(db)
    assert handed.ts == row["ts"]
    assert handed.signals["latitude_deg"] == 52.123456789
    assert handed.dtcs == ("P0128", "U3003-16")


def test_the_second_time_is_harmless(db: psycopg.Connection, cars: dict[str, int]) -> None:
    first = [message(VINS[i % 2], frame(i)) for i in range(10)]
    second = [*first[5:], message(VINS[0], [frame(100), frame(100), frame(101)])]
    assert take(db, *first).frames == 10
    stored = take(db, *second)
    assert (stored.frames, stored.duplicates) == (2, 5)
    assert count(db, "telemetry") == 12
    times = [one.ts_ms - NOW_MS for one in handed_off(db) if one.vehicle_id == cars[VINS[0]]]
    assert times == [0, 2, 4, 6, 8, 100, 101]


def test_quarantine_counts_what_comes_again(db: psycopg.Connection, cars: dict[str, int]) -> None:
    bad = message(VINS[0], {"ts": 0})
    take(db, bad, bad)
    take(db, bad)
    rows = db.execute("SELECT vin, reason_code, seen, payload, ts FROM quarantine").fetchall()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert rows == [(VINS[0], "clock_behind", 3, bad.payload, epoch)]


def test_a_new_car_flows_at_once(db: psycopg.Connection, cars: dict[str, int]) -> None:
    intake = Intake()
    newcomer = "WVWZZZ1JZXW999999"
    assert take(db, message(newcomer, frame(0)), intake=intake).frames == 0
    db.execute("INSERT INTO vehicle (vin) VALUES (%s)", (newcomer,))
    assert take(db, message(newcomer, frame(1)), intake=intake).frames == 1


def test_status_keeps_the_time_of_the_change(db: psycopg.Connection, cars: dict[str, int]) -> None:
    def tell(word: bytes, minutes: int) -> None:
        at = NOW + timedelta(minutes=minutes)
        take(db, Message(f"vehicles/{VINS[0]}/status", word, at))

    look = "SELECT online, changed_at FROM vehicle_status"
    tell(b"online", 0)
    tell(b"online", 1)
    assert db.execute(look).fetchall() == [(True, NOW)]
    tell(b"offline", 2)
    assert db.execute(look).fetchall() == [(False, NOW + timedelta(minutes=2))]


def test_firmware_outlives_the_connection(db: psycopg.Connection, cars: dict[str, int]) -> None:
    def tell(*words: bytes) -> list[tuple[bool, str | None]]:
        take(db, *(Message(f"vehicles/{VINS[0]}/status", word, NOW) for word in words))
        return db.execute("SELECT online, firmware FROM vehicle_status").fetchall()

    assert tell(b"online") == [(True, None)]
    assert tell(b"online 4.1.1") == [(True, "4.1.1")]
    assert tell(b"online 4.1.2", b"offline") == [(False, "4.1.2")]
    assert tell(b"online") == [(True, "4.1.2")]


def test_odometer_backwards_goes_to_quarantine(
    db: psycopg.Connection, cars: dict[str, int]
) -> None:
    def at(i: int, km: float) -> Message:
        return message(VINS[0], frame(i, **{"Vehicle.TraveledDistance": km * 1000}))

    take(db, at(0, 50_000))
    # Another worker, which has to ask the database; a list, of which only one frame is bad.
    mixed = message(
        VINS[0],
        [
            frame(1, **{"Vehicle.TraveledDistance": 50_001_000}),
            frame(2, **{"Vehicle.TraveledDistance": 20_000}),
            frame(3, **{"Vehicle.TraveledDistance": 50_002_000}),
        ],
    )
    stored = take(db, mixed)
    assert stored.frames == 2
    (reject,) = stored.rejects
    assert reject.code == "odometer_backwards"
    assert msgspec.json.decode(reject.payload)["ts"] == NOW_MS + 2
    # An older frame may well say less.
    late = message(VINS[0], frame(-5, **{"Vehicle.TraveledDistance": 49_000_000}))
    assert take(db, late).frames == 1


def test_what_the_database_refuses_goes_to_quarantine_alone(
    db: psycopg.Connection, cars: dict[str, int]
) -> None:
    readings = []
    for i in range(20):
        sent = message(VINS[0], frame(i))
        reading = Reading(Frame(cars[VINS[0]], NOW_MS + i, {"speed_kmh": float(i)}), sent)
        if i == 13:
            reading = reading._replace(other={"Nul": "\0"})  # decode would never let it pass
        readings.append(reading)
    other = Reject("x", "y", "t", b"z")
    stored = store_all(db, Batch(readings, [other], [], NOW))
    assert stored.frames == 19
    assert count(db, "telemetry") == 19
    assert len(handed_off(db)) == 19
    rows = db.execute("SELECT reason_code, payload FROM quarantine ORDER BY id").fetchall()
    assert ("refused_by_database", readings[13].message.payload) in rows
    assert len(rows) == 2


def test_replay_after_the_car_was_registered(db: psycopg.Connection, cars: dict[str, int]) -> None:
    newcomer = "WVWZZZ1JZXW999999"
    mixed = [frame(0), {"ts": 0}, frame(1)]
    take(db, message(newcomer, mixed), message(newcomer, frame(2)), message(VINS[0], {"ts": 1}))
    assert count(db, "telemetry") == 0
    everything = store.waiting_ids(db, None)
    assert len(everything) == 3
    assert replay(db, everything, NOW).refused.total() == 3

    db.execute("INSERT INTO vehicle (vin) VALUES (%s)", (newcomer,))
    report = replay(db, store.waiting_ids(db, "unknown_vin"), NOW)
    assert (report.replayed, report.frames) == (2, 3)
    assert count(db, "telemetry") == 3
    assert len(handed_off(db)) == 3
    rows = db.execute(
        "SELECT reason_code, attempts, replayed_at FROM quarantine ORDER BY id"
    ).fetchall()
    assert rows == [
        ("unknown_vin", 2, NOW),
        ("unknown_vin", 2, NOW),
        ("clock_behind", 1, None),
        ("clock_behind", 0, None),  # the bad frame of the list has its own row now
    ]
    assert replay(db, everything, NOW).replayed == 0


def test_replay_within_a_transaction_of_the_caller(
    db: psycopg.Connection, cars: dict[str, int]
) -> None:
    take(db, message("WVWZZZ1JZXW999999", frame(0)))
    db.execute("INSERT INTO vehicle (vin) VALUES ('WVWZZZ1JZXW999999')")
    db.autocommit = False
    assert replay(db, store.waiting_ids(db, None), NOW).replayed == 1
    db.rollback()
    assert count(db, "telemetry") == 0
    assert len(store.waiting_ids(db, None)) == 1


class Desk:
    """A writer without a broker."""

    def __init__(self, url: str) -> None:
        self.settled: list[Settled] = []
        self.ended = threading.Event()
        self.conn = record_db.connect(url, "ingest", autocommit=True)
        self.look_up = record_db.connect(url, "ingest look-up", autocommit=True)
        self.writer = Writer(self.conn, self.look_up, self.settled.append, self.ended.set)
        self.writer.start()

    def put(self, messages: Sequence[Message]) -> None:
        for i, one in enumerate(messages):
            self.writer.put(Arrival(one, i, 1, 1, time.monotonic()))

    def close(self) -> None:
        self.writer.finish(10)
        assert self.ended.wait(10)
        self.writer.join()
        self.conn.close()
        self.look_up.close()
        assert self.writer.failure is None

    def acknowledged(self) -> int:
        return sum(len(settled.arrivals) for settled in self.settled)


def test_a_database_that_dies_in_the_middle_costs_nothing(
    db: psycopg.Connection, database: str, cars: dict[str, int], request: pytest.FixtureRequest
) -> None:
    now = datetime.now(UTC)
    at = round(now.timestamp() * 1000)
    messages = [message(VINS[0], {"ts": at + i, "dtcs": ["P0128"]}, at=now) for i in range(50)]
    desk = Desk(database)
    request.addfinalizer(desk.close)
    # Hold the batch in the middle of its transaction, then cut its connection.
    db.autocommit = False
    db.execute("LOCK TABLE frame_log IN ACCESS EXCLUSIVE MODE")
    desk.put(messages)
    waits = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'frame_log'::regclass"
    pid = eventually(lambda: db.execute(waits).fetchone(), "the writer waits for the lock")
    db.execute("SELECT pg_terminate_backend(%s)", pid)
    assert desk.ended.wait(10), "its turn is over"
    assert desk.writer.failure is None
    assert desk.settled == []
    db.rollback()
    db.autocommit = True
    assert count(db, "telemetry") == 0
    with closing(Desk(database)) as again:
        again.put(messages)
        eventually(lambda: again.acknowledged() == 50, "all is acknowledged")
        assert count(db, "telemetry") == len(handed_off(db)) == 50


def test_a_quarrel_over_a_lock_is_no_reason_to_give_up_the_turn(
    db: psycopg.Connection, database: str, cars: dict[str, int]
) -> None:
    with closing(Desk(database)) as desk:
        desk.conn.execute("SET lock_timeout = '100ms'")
        db.autocommit = False
        db.execute("LOCK TABLE telemetry IN ACCESS EXCLUSIVE MODE")
        desk.put([message(VINS[0], frame(0))])
        eventually(lambda: desk.writer.waiting_since_s is not None, "the writer tries again")
        db.rollback()
        eventually(lambda: desk.acknowledged() == 1, "all is acknowledged")


def test_a_server_that_has_become_the_spare_one_is_left(
    database: str, cars: dict[str, int]
) -> None:
    with closing(Desk(database)) as desk:
        desk.conn.execute("SET default_transaction_read_only = on")
        desk.put([message(VINS[0], frame(0))])
        assert desk.ended.wait(10)
        assert desk.conn.closed
        assert desk.settled == []


def test_receipts_go_to_the_sender_only(db: psycopg.Connection, cars: dict[str, int]) -> None:
    def asking(to: str, vin: str, *frames: object) -> Message:
        one = message(vin, list(frames))
        return Message(one.topic, one.payload, one.received_at, to)

    mine = f"vehicles/{VINS[0]}/stored"
    messages = [
        asking(mine, VINS[0], frame(0), {"ts": 5, "signals": {}}),
        asking(mine, VINS[0], frame(1)),
        asking(mine, VINS[1], frame(2)),
        asking("somewhere/else", VINS[0], frame(3)),
    ]
    prepared = Intake().prepare(db, messages, NOW)
    assert prepared.receipts == {mine: [NOW_MS, 5, NOW_MS + 1]}
