"""The room as a process: wakes at once, one desk at a time, survives the database, ends nicely."""

import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from care import webhooks
from record.clock import Scale, set_scale
from record.local import LocalServers
from simulators.twilio_standin import RunningStandin
from tests.care.world import FROM, MONDAY, TOKEN, build, find, inbound, one
from tests.conftest import StartRoom, eventually


@pytest.fixture
def standin() -> Iterator[RunningStandin]:
    with RunningStandin() as running:
        yield running


def env(standin: RunningStandin) -> dict[str, Any]:
    return {
        "SECRET_KEY": "0123456789abcdef0123",
        "PUBLIC_URL": "http://127.0.0.1:9",
        "TWILIO_ACCOUNT_SID": standin.account.sid,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM": FROM,
        "TWILIO_API_URL": standin.url,
    }


def counted(db: psycopg.Connection, query: str) -> int:
    db.commit()
    return one(db, query)


def test_a_finding_becomes_a_text_an_answer_a_booking(
    db: psycopg.Connection, room: StartRoom, standin: RunningStandin
) -> None:
    set_scale(db, Scale(datetime.now(UTC), MONDAY, 1.0))
    world = build(db)
    care = room("care", **env(standin))
    find(db, world.vehicle_id, MONDAY)
    sent = eventually(
        lambda: [m for m in standin.exchange.all() if m.to == world.phone], "a text is sent"
    )
    assert "Reply 1 for" in sent[0].body and "http://127.0.0.1:9/b/" in sent[0].body
    webhooks.inbound(db, inbound(1, world.phone, "2"), MONDAY)
    db.commit()
    eventually(lambda: counted(db, "SELECT count(*) FROM booking"), "it is booked")
    confirmed = eventually(
        lambda: [m for m in standin.exchange.all() if "Booked" in m.body], "confirmed"
    )
    assert len(confirmed) == 1

    def metrics() -> str:
        with urllib.request.urlopen(care.url + "/metrics") as answer:  # noqa: S310
            return str(answer.read().decode())

    assert 'care_findings_total{step="open"} 1.0' in metrics()
    # the telephone has it before the sender has been told so
    eventually(lambda: 'care_messages_total{result="sent"} 2.0' in metrics(), "both are counted")
    assert world.phone not in care.words(), "numbers are masked in the log"
    began = time.monotonic()
    assert care.stop() == 0
    assert time.monotonic() - began < 10


def test_a_second_process_stands_by(
    db: psycopg.Connection, room: StartRoom, standin: RunningStandin
) -> None:
    set_scale(db, Scale(datetime.now(UTC), MONDAY, 1.0))
    world = build(db)
    first = room("care", **env(standin))
    eventually(lambda: "desk is ours" in first.words(), "the first has the desk")
    second = room("care", **env(standin))
    find(db, world.vehicle_id, MONDAY)
    eventually(lambda: counted(db, "SELECT count(*) FROM alert"), "an alert")
    assert "desk is ours" not in second.words()
    first.kill9()
    find(db, world.vehicle_id, MONDAY, cause="service_due", urgency="service")
    eventually(lambda: counted(db, "SELECT count(*) FROM alert") == 2, "the second took over")
    assert second.stop() == 0


def test_the_database_goes_away_and_comes_back(
    servers: LocalServers, db: psycopg.Connection, room: StartRoom, standin: RunningStandin
) -> None:
    set_scale(db, Scale(datetime.now(UTC), MONDAY, 1.0))
    world = build(db)
    care = room("care", **env(standin))
    eventually(lambda: "desk is ours" in care.words(), "the desk is served")
    with psycopg.connect(servers.postgres.admin_url, autocommit=True) as admin:
        admin.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name LIKE 'care%%'"""
        )
    find(db, world.vehicle_id, MONDAY)
    eventually(lambda: standin.exchange.all(), "care found the database again")
    assert care.healthy()
    assert care.stop() == 0


def test_settings_are_named_when_they_are_missing(room: StartRoom) -> None:
    care = room("care", wait=False, TWILIO_FROM="nonsense")
    assert care.process.wait(30) == 2
    assert "TWILIO_FROM" in care.words() and "TWILIO_ACCOUNT_SID is not set" in care.words()
