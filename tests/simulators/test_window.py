"""The world's window: what it tells of the truth, and whom."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from api.window import NoWorld, Window
from record.local import LocalServers
from record.signals import BY_NAME
from simulators import faults, town
from simulators.world import seeding
from simulators.world.truth import Truth, create
from simulators.world.window import SHOWS_IN, CarsTold, RunningWindow, app, causes, looking

WORD = "a word of sixteen letters"

START = datetime(2026, 10, 1, 12, tzinfo=UTC)
NOW = START + town.HISTORY + timedelta(days=3)


@pytest.fixture
def owner(servers: LocalServers, database: str) -> str:
    """The superuser's address of this test's database, in which the demo's town lives."""
    url = servers.postgres.url("postgres", str(conninfo_to_dict(database)["dbname"]))
    world = town.plan(START)
    with psycopg.connect(database, options="-c timezone=UTC") as conn:
        known = seeding.settle(conn, world, "correct horse").vehicles
    create(url)
    with psycopg.connect(url, autocommit=True) as conn:
        truth = Truth(conn)
        truth.begin(world, known)
        battery, diesel = town.vin(0), town.vin(1)
        truth.failed(battery, "weak_battery", NOW - timedelta(days=1))
        truth.visited(battery, NOW, "battery_12v", "weak_battery", "fixed")
        truth.ended(battery, "weak_battery", NOW, "repaired")
        truth.due(diesel, NOW - timedelta(days=2))
        truth.serviced(diesel, NOW, "dealer")
        truth.now(NOW)
    return url


@pytest.fixture
def window(owner: str) -> Iterator[RunningWindow]:
    with RunningWindow(looking(owner), WORD) as opened:
        yield opened


def test_the_console_reads_what_the_window_tells(window: RunningWindow) -> None:
    """The contract between the two rooms: every word of the one reaches the other."""
    reader = Window(window.url, WORD)
    told = reader.cars()
    assert told.now == NOW
    assert len(told.vehicles) == len(town.HOUSEHOLDS)
    battery = reader.car(town.vin(0))
    assert battery is not None and battery in told.vehicles
    assert (battery.model, battery.powertrain) == ("lane_14", "petrol")
    (fault,) = battery.faults
    planned = town.fault_of("weak_battery", battery.vin, fault.onset)
    assert planned is not None
    assert (fault.noticed_at, fault.fails_at) == (planned.noticed_at, planned.fails_at)
    assert (fault.failed_at, fault.ended_at) == (NOW - timedelta(days=1), NOW)
    assert fault.ended_by == "repaired"
    assert "battery_12v" in fault.named_by and "dtc_p0562" in fault.near
    assert "battery_voltage_v" in fault.shows_in
    assert [one.kind for one in battery.innocents] == ["cold_snap"]
    assert [(v.cause, v.verdict) for v in battery.visits] == [("battery_12v", "fixed")]
    diesel = reader.car(town.vin(1))
    assert diesel is not None
    assert diesel.dues == (NOW - timedelta(days=2),)
    assert [(s.at, s.by) for s in diesel.services] == [(NOW, "dealer")]
    assert reader.car("1RWNOSUCHCAR00001") is None
    reader.close()


def test_it_counts(window: RunningWindow) -> None:
    answer = httpx.get(f"{window.url}/summary", headers={"Authorization": f"Bearer {WORD}"})
    doc = answer.json()
    assert doc["vehicles"] == len(town.HOUSEHOLDS)
    assert doc["faults"]["weak_battery"] == 2
    assert doc["innocents"]["cold_snap"] == len(town.HOUSEHOLDS)


@pytest.mark.parametrize("path", ["/vehicles", "/vehicles/x", "/summary"])
def test_it_opens_only_to_the_word(window: RunningWindow, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer something else"}, {"Authorization": WORD}):
        assert httpx.get(window.url + path, headers=headers).status_code == 401
    answer = httpx.post(window.url + path, headers={"Authorization": f"Bearer {WORD}"})
    assert answer.status_code == 405, "it only looks"
    reader = Window(window.url, "something else")
    with pytest.raises(NoWorld):
        reader.cars()
    reader.close()
    with pytest.raises(ValueError, match="16 characters"):
        app(lambda: CarsTold(now=None, vehicles=()), "short")


def test_the_rooms_cannot_read_the_truth_themselves(owner: str, database: str) -> None:
    with psycopg.connect(database) as conn, pytest.raises(errors.InsufficientPrivilege):
        conn.execute("SELECT * FROM truth.fault")
    with psycopg.connect(owner) as conn:
        row = conn.execute("SELECT count(*) FROM truth.fault").fetchone()
        assert row is not None and row[0] > 5


def test_every_kind_is_told_with_its_causes_and_signals() -> None:
    assert set(SHOWS_IN) == set(faults.KINDS)
    for kind in faults.KINDS:
        told = causes(kind)
        assert kind in told["named_by"]
        assert not set(told["named_by"]) & set(told["near"])
        assert set(told["shows_in"]) <= set(BY_NAME), kind
