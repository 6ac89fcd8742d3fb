"""Same frames in, same findings out: whatever the batches, the workers, and who is killed when."""

import random
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

import msgspec
import psycopg
import pytest

from detectors import DETECTORS, metrics, saved, store
from detectors.bank import Bank, detect
from detectors.contract import time_of
from detectors.dtc_raised import DtcRaised
from detectors.worker import Limits, Worker
from record import db as record_db
from record.flow import SHARDS, Finding, FindingKind, Frame, Vehicle
from tests.conftest import StartRoom, eventually
from tests.detectors.cars import afflicted, profile

CARS = 24
Key = tuple[Any, ...]


@cache
def fleet() -> dict[int, tuple[Frame, ...]]:
    """Some cars that overheat, some with a trouble code, in 24 of the 32 shards."""
    lives = {}
    for id in range(1, CARS + 1):
        _, frames = afflicted(("coolant_overheat", "dtc_raised")[id % 2], seed=id % 3 + 1)
        lives[id] = tuple(Frame(id, f.ts_ms + id, f.signals, f.dtcs) for f in frames[-500:])
    return lives


@cache
def undisturbed() -> tuple[set[Key], dict[int, bytes]]:
    """What comes of the fleet's frames: findings, and the states at the end."""
    findings, states = set(), {}
    for id, frames in fleet().items():
        bank = Bank(profile(id))
        findings |= {key(f) for f in detect(bank, frames)}
        states[id] = bank.save()
    assert len(findings) >= CARS
    return findings, states


def key(finding: Finding) -> Key:
    return (
        finding.vehicle_id,
        finding.detector,
        finding.cause,
        finding.at,
        finding.kind.value,
        finding.summary,
    )


def found(db: psycopg.Connection) -> list[Key]:
    with db.transaction():
        return db.execute(
            "SELECT vehicle_id, detector, cause, at, kind, summary FROM finding ORDER BY id"
        ).fetchall()


def states(db: psycopg.Connection) -> dict[int, bytes]:
    with db.transaction():
        return dict(db.execute("SELECT vehicle_id, state FROM detector_state").fetchall())


def add_cars(db: psycopg.Connection, cars: Sequence[Vehicle]) -> None:
    with db.transaction(), db.cursor() as cur:
        cur.executemany(
            """
            INSERT INTO vehicle (id, vin, make, model, model_year, powertrain, service_interval_m,
                service_interval_days, last_service_at, last_service_odometer_m)
            OVERRIDING SYSTEM VALUE
            VALUES (%(id)s, %(vin)s, %(make)s, %(model)s, %(model_year)s, %(powertrain)s,
                %(service_interval_m)s, %(service_interval_days)s, %(last_service_at)s,
                %(last_service_odometer_m)s)
            """,
            [{name: getattr(car, name) for name in Vehicle.__slots__} for car in cars],
        )


def hand_off(db: psycopg.Connection, frames: Sequence[Frame]) -> None:
    """As ingest does: a batch, by shard, in one transaction."""
    shards: dict[int, list[Frame]] = defaultdict(list)
    for frame in frames:
        shards[frame.vehicle_id % SHARDS].append(frame)
    with db.transaction():
        for shard, some in shards.items():
            db.execute(
                "INSERT INTO frame_log (shard, frame_count, frames) VALUES (%s, %s, %s)",
                (shard, len(some), msgspec.msgpack.encode(some)),
            )
        db.execute("NOTIFY frames")


def mixed(batch: int) -> Iterator[list[Frame]]:
    """The fleet's frames in batches: the cars' mixed, each car's in order."""
    chance = random.Random(batch)
    queue = [id for id, frames in fleet().items() for _ in frames]
    chance.shuffle(queue)
    lives = {id: iter(frames) for id, frames in fleet().items()}
    for start in range(0, len(queue), batch):
        yield [next(lives[id]) for id in queue[start : start + batch]]


def drained(db: psycopg.Connection) -> bool:
    with db.transaction():
        return db.execute("SELECT 1 FROM frame_log LIMIT 1").fetchone() is None


@contextmanager
def worker(database: str, limits: Limits | None = None, **more: Any) -> Iterator[Worker]:
    with record_db.connect(database, "test", autocommit=True) as conn:
        yield Worker(conn, limits or Limits(checkpoint_s=0.2), **more)


def run(one: Worker, rounds: int | None = None) -> None:
    """So many rounds, or until nothing is left; then the worker lets go as if asked to stop."""
    for _ in count() if rounds is None else range(rounds):
        if not one.step() and rounds is None:
            break
    one.run(lambda: True)


@pytest.mark.parametrize(("batch", "limits"), [(300, 3), (1700, 100), (12_000, 1)])
def test_batch_boundaries_do_not_matter(
    database: str, db: psycopg.Connection, batch: int, limits: int
) -> None:
    add_cars(db, [profile(id) for id in fleet()])
    with worker(database, Limits(checkpoint_s=0.05, batches=limits, vehicles=5)) as one:
        for frames in mixed(batch):
            hand_off(db, frames)
            one.step()
        run(one)
    assert drained(db)
    findings, ends = undisturbed()
    assert set(found(db)) == findings
    assert len(found(db)) == len(findings)
    assert states(db) == ends


def test_workers_killed_at_random_change_nothing(
    database: str, db: psycopg.Connection, room: StartRoom
) -> None:
    add_cars(db, [profile(id) for id in fleet()])
    chance = random.Random(5)
    rooms = [room("detectors", CHECKPOINT_S="0.3") for _ in range(2)]
    for n, frames in enumerate(mixed(400)):
        hand_off(db, frames)
        if n % 8 == 3:
            victim = chance.randrange(2)
            rooms[victim].kill9()
            rooms[victim] = room("detectors", wait=False, CHECKPOINT_S="0.3")
    eventually(lambda: drained(db), "all frames are judged", 60)
    findings, ends = undisturbed()
    assert set(found(db)) == findings
    assert len(found(db)) == len(findings)
    assert states(db) == ends
    assert [one.stop() for one in rooms] == [0, 0]


def test_a_lost_connection_throws_away_what_was_not_saved(
    database: str, db: psycopg.Connection, room: StartRoom
) -> None:
    add_cars(db, [profile(id) for id in fleet()])
    one = room("detectors", CHECKPOINT_S="0.5")
    for n, frames in enumerate(mixed(400)):
        hand_off(db, frames)
        if n % 8 == 3:
            with db.transaction():
                db.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'detectors' AND datname = current_database()"
                )
    eventually(lambda: drained(db), "all frames are judged", 60)
    findings, ends = undisturbed()
    assert set(found(db)) == findings
    assert states(db) == ends
    assert one.stop() == 0


def test_stop_saves_what_was_judged(database: str, db: psycopg.Connection, room: StartRoom) -> None:
    add_cars(db, [profile(1)])
    one = room("detectors", CHECKPOINT_S="3600")
    hand_off(db, [Frame(1, 1_770_000_000_000, {"speed_kmh": 50.0, "odometer_m": 41_500_000})])
    eventually(lambda: b'frames_not_yet_saved": 1' in _health(one.url), "it is judged")
    assert not drained(db)
    assert one.stop() == 0
    assert drained(db)
    assert len(states(db)) == 1


def _health(url: str) -> bytes:
    with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310
        return bytes(answer.read())


def test_a_raised_finding_is_saved_at_once(database: str, db: psycopg.Connection) -> None:
    add_cars(db, [profile(1), profile(2)])
    hand_off(db, [Frame(1, 5, {"gear": 1}), Frame(2, 5, {"gear": 1}, ("P0301",))])
    with worker(database, Limits(checkpoint_s=3600)) as one:
        one.step()
        assert [row[0] for row in found(db)] == [2]
        assert set(states(db)) == {2}, "the other shard can wait"


def test_shares_are_fair_and_taken_over(database: str) -> None:
    with worker(database) as first:
        first.share()
        assert len(first.shards) == SHARDS
        with worker(database) as second, worker(database) as third:
            for _ in range(2):
                for one in (first, second, third):
                    one.share()
            shares = [set(one.shards) for one in (first, second, third)]
            assert sorted(map(len, shares)) == [10, 11, 11]
            assert set.union(*shares) == set(range(SHARDS))
            assert sum(map(len, shares)) == SHARDS
        # The others are gone without a word; the server needs a moment to notice.
        eventually(lambda: _shares(first) == SHARDS, "all are taken over")


def _shares(one: Worker) -> int:
    one.share()
    return len(one.shards)


def test_what_cannot_be_judged_does_not_stop_the_rest(
    database: str, db: psycopg.Connection
) -> None:
    add_cars(db, [profile(1)])
    with db.transaction():
        db.execute("INSERT INTO frame_log (shard, frame_count, frames) VALUES (1, 1, '\\xc1')")
    hand_off(db, [Frame(99, 1000, {"gear": 1}, ("P0301",))])  # nobody's
    hand_off(db, [Frame(1, 2000, {"gear": 1}), Frame(1, 1000, {"gear": 1}, ("P0301",))])  # late
    hand_off(db, [Frame(1, 3000, {"gear": 1}, ("P0420",))])
    before = [_count(c) for c in (metrics.UNREADABLE, metrics.UNKNOWN, metrics.LATE)]
    with worker(database) as one:
        run(one)
    assert [row[2] for row in found(db)] == ["dtc_p0420"]
    assert drained(db)
    after = [_count(c) for c in (metrics.UNREADABLE, metrics.UNKNOWN, metrics.LATE)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1]


def _count(counter: Any) -> float:
    return float(counter._value.get())


def test_a_vehicle_deleted_in_between_costs_only_a_restart(
    database: str, db: psycopg.Connection
) -> None:
    add_cars(db, [profile(1), profile(33)])
    hand_off(db, [Frame(1, 5, {"gear": 1}, ("P0301",)), Frame(33, 5, {"gear": 1}, ("P0301",))])
    with pytest.raises(psycopg.errors.ForeignKeyViolation), worker(database) as one:
        one.share()
        for batch in one._read():
            one._judge(batch, one._decoded(batch))
        with db.transaction():
            db.execute("DELETE FROM vehicle WHERE id = 1")
        one.checkpoint()
    with worker(database) as one:
        run(one)
    assert [row[0] for row in found(db)] == [33]


def test_a_recorded_service_reaches_the_bank(database: str, db: psycopg.Connection) -> None:
    car, frames = afflicted("service_due")
    add_cars(db, [car])
    half = len(frames) // 2
    with worker(database) as one:
        hand_off(db, frames[:half])
        one.step()
        one.checkpoint()
        with db.transaction():
            db.execute(
                "UPDATE vehicle SET last_service_odometer_m = %s, last_service_at = %s",
                (frames[half].signals["odometer_m"], frames[half].ts),
            )
        hand_off(db, frames[half : half + 1])
        one.step()
        one.checkpoint()  # here the bank learns of it
        hand_off(db, frames[half + 1 :])
        run(one)
    kinds = [row[4] for row in found(db)]
    assert kinds.count("raised") == 1
    assert kinds[-1] == "recovered"


class Dtc2(DtcRaised):
    """The same rule in a new version."""

    version = 2
    __slots__ = ()


@pytest.mark.parametrize("gone", [False, True])
def test_a_new_version_learns_from_history(
    database: str, db: psycopg.Connection, gone: bool
) -> None:
    add_cars(db, [profile(1)])
    start = 1_770_000_000_000
    seen = [
        Frame(1, start + n * 1000, {"speed_kmh": 50.0, "dtc_count": 1}, ("P0301",)) for n in (0, 1)
    ]
    if gone:
        seen += [Frame(1, start + n * 1000, {"speed_kmh": 50.0, "dtc_count": 0}) for n in (2, 3, 4)]
    with db.transaction(), db.cursor() as cur:
        cur.executemany(
            "INSERT INTO telemetry (vehicle_id, ts, speed_kmh, dtc_count, dtcs)"
            " VALUES (1, %s, 50, %s, %s)",
            [(f.ts, f.signals["dtc_count"], list(f.dtcs)) for f in seen],
        )
    hand_off(db, seen)
    kinds: Callable[[int], tuple[Any, ...]] = lambda v: (DtcRaised,) if v == 1 else (Dtc2,)  # noqa: E731
    with worker(database, kinds=kinds(1)) as one:
        run(one)
    before = found(db)
    assert [row[4] for row in before] == (["raised", "recovered"] if gone else ["raised"])
    later = Frame(1, start + 60_000, {"speed_kmh": 50.0, "dtc_count": 1}, ("P0301",))
    hand_off(db, [later])
    with worker(database, kinds=kinds(2)) as one:
        run(one)
    new = found(db)[len(before) :]
    # It knows the code from history, unless history also told that it went away.
    assert [row[4] for row in new] == (["raised"] if gone else [])
    with db.transaction():
        assert db.execute("SELECT versions FROM detector_state").fetchall() == [
            (saved.versions((Dtc2,)),)
        ]


def test_a_state_that_cannot_be_read_is_learned_anew(
    database: str, db: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    add_cars(db, [profile(1)])
    with db.transaction():
        store.save_states(db, saved.versions(DETECTORS), [(1, time_of(5), b"\xc1")])
    hand_off(db, [Frame(1, 6, {"gear": 1}, ("P0301",))])
    with worker(database) as one:
        run(one)
    assert [row[2] for row in found(db)] == ["dtc_p0301"]
    assert drained(db)
    assert "state not understood, history is judged again" in caplog.text


def test_a_replayed_finding_that_was_handled_stays_handled(
    database: str, db: psycopg.Connection
) -> None:
    car, frames = afflicted("coolant_overheat")
    add_cars(db, [car])
    findings = detect(Bank(car), frames)
    with db.transaction():
        assert store.add_findings(db, findings, {"coolant_overheat": 2}) == len(findings)
        db.execute("UPDATE finding SET handled_at = now()")
        assert store.add_findings(db, findings, {"coolant_overheat": 3}) == 0
        row = db.execute("SELECT count(*) FROM finding WHERE handled_at IS NULL").fetchone()
    assert row == (0,)


def test_times_survive_the_way_through_the_database() -> None:
    for ts_ms in (0, 1, 1_770_000_000_123, 253_402_300_799_999):
        assert store.ms_of(time_of(ts_ms)) == ts_ms
    assert time_of(1) - time_of(0) == timedelta(milliseconds=1)


def test_every_detector_state_fits_the_table(database: str, db: psycopg.Connection) -> None:
    car, frames = afflicted("weak_battery")
    add_cars(db, [car])
    for start in range(0, len(frames), 3000):
        hand_off(db, frames[start : start + 3000])
    with worker(database) as one:
        run(one)
    expected = detect(Bank(car), frames)
    assert found(db) == [key(f) for f in expected]
    assert FindingKind.RAISED in {f.kind for f in expected}
    evidence = db.execute("SELECT evidence FROM finding LIMIT 1").fetchone()
    assert evidence is not None
    assert evidence[0]["unit"] == "V"
    assert len(DETECTORS) == len(Bank(car).detectors)
