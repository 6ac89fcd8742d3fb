"""No room can read what really was: the database refuses, whatever it tries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors

from record.local import LocalServers
from simulators.world import draw, score, seeding, truth


@pytest.fixture
def owner_url(database: str, servers: LocalServers) -> str:
    """The superuser's address of the test's database, with the schema made."""
    url = servers.postgres.url("postgres", urlsplit(database).path.lstrip("/"))
    truth.create(url)
    truth.create(url)  # again is harmless
    return url


@pytest.fixture
def room(owner_url: str, database: str) -> Iterator[psycopg.Connection]:
    """A connection as every room of the product has it."""
    with psycopg.connect(owner_url) as conn:
        conn.execute("INSERT INTO truth.said VALUES ('+16175550101', now(), 'stop')")
    with psycopg.connect(database, autocommit=True) as conn:
        yield conn


@pytest.mark.parametrize("table", truth.TABLES)
def test_a_room_can_read_no_table(room: psycopg.Connection, table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        room.execute(f"SELECT * FROM truth.{table}")  # noqa: S608  our own names
    with pytest.raises(errors.InsufficientPrivilege):
        room.execute(f"COPY truth.{table} TO STDOUT")


@pytest.mark.parametrize(
    "trick",
    [
        "GRANT USAGE ON SCHEMA truth TO CURRENT_USER",
        "GRANT SELECT ON ALL TABLES IN SCHEMA truth TO CURRENT_USER",
        "ALTER SCHEMA truth OWNER TO CURRENT_USER",
        "ALTER TABLE truth.fault OWNER TO CURRENT_USER",
        "DROP SCHEMA truth CASCADE",
        "SET ROLE postgres",
        "GRANT postgres TO CURRENT_USER",
        "GRANT pg_read_all_data TO CURRENT_USER",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "CREATE ROLE spy SUPERUSER",
        "CREATE ROLE spy IN ROLE postgres",
        "CREATE ROLE spy IN ROLE pg_read_all_data",
        "CREATE TABLE spy (vin text REFERENCES truth.vehicle)",
        "CREATE VIEW spy AS SELECT * FROM truth.fault",
        "SELECT pg_read_file('postgresql.conf')",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
    ],
)
def test_no_trick_helps(room: psycopg.Connection, trick: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        room.execute(trick)


def test_functions_run_with_the_rights_of_their_maker(room: psycopg.Connection) -> None:
    room.execute(
        "CREATE FUNCTION spy() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN RETURN (SELECT count(*) FROM truth.said); END $$"
    )
    with pytest.raises(errors.InsufficientPrivilege):
        room.execute("SELECT spy()")


def test_nothing_of_it_shows_in_the_catalogue_views(room: psycopg.Connection) -> None:
    row = room.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'truth'"
    ).fetchone()
    assert row == (0,)


def test_what_is_written_is_scored(owner_url: str, database: str) -> None:
    world = draw.draw(vehicles=8, days=30, seed=5, faults_wanted="all")
    with psycopg.connect(database) as conn:
        settled = seeding.settle(conn, world, "one car, one story")
    with psycopg.connect(owner_url, autocommit=True, options="-c timezone=UTC") as conn:
        told = truth.Truth(conn)
        told.begin(world, settled.vehicles)
        car = world.cars[0]
        fault = car.faults[0]
        told.failed(car.vin, fault.name, fault.onset + timedelta(days=1))
        told.ended(car.vin, fault.name, fault.onset + timedelta(days=2), "broke down")
        told.due(car.vin, world.start + timedelta(days=3))
        told.now(world.end)
        phone = world.people[car.owner].phone
        told.said(phone, world.start + timedelta(days=4), "stop")
        told.text("SM1", phone, world.start + timedelta(days=5, hours=12), "Hello", False)
        told.uplink(car.vin, 12, 11, 10, 1)
        card = score.score(conn)
        assert card.vehicles == 8 and card.days == 30
        assert card.care.broke_down == 1 and card.dues.due == 1
        assert card.promises.after_stop == 1 and card.promises.frames_lost == 10
        assert score.broken(card) == ["1 texts after a STOP", "10 frames lost"]
        told.begin(world, settled.vehicles)
        assert score.score(conn).care.broke_down == 0, "a new world forgets the last one"
