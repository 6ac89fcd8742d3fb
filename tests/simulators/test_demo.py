"""The demo as a newcomer runs it: everything comes up, flows, and ends by itself."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from record.local import PROJECT, LocalServers
from record.servers import free_port
from simulators import town
from simulators.demo import alone, prepare, processes
from simulators.vehicle import Vehicle
from tests.conftest import eventually, folder_for_servers


def command(home: Path, port: int, *arguments: str) -> list[str]:
    """What runs it in a folder of its own."""
    place = ("--dir", str(home), "--port", str(port))
    return [sys.executable, "-m", "simulators", "demo", *place, *arguments]


def demo(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(home, free_port(), *arguments),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=240,
    )


def signed_in(home: Path, client: httpx.Client) -> None:
    """Sign in as the demo's manager."""
    password = json.loads((home / "demo.json").read_text())["password"]
    form = {"email": f"manager@{town.DOMAIN}", "password": password}
    assert client.post("/sign-in", data=form).status_code == 200


def world_page(client: httpx.Client) -> str:
    """The page, once the world answers; empty before."""
    answer = client.get("/world")
    return answer.text if answer.status_code == 200 and "Verdict" in answer.text else ""


def look_at_the_world(home: Path, url: str) -> None:
    """Truth beside belief, while the demo runs: the list, and every car's page."""
    eventually(lambda: "town lives" in words(home), "the town lives", 90)
    with httpx.Client(base_url=url, timeout=30, follow_redirects=True) as client:
        signed_in(home, client)
        page = eventually(lambda: world_page(client), "the world's page", 60)
        assert "the 20 simulated cars" in page
        assert "Aging 12 V battery" in page and "12 V battery weak" in page
        for path in set(re.findall(r'href="(/world/\d+)"', page)):
            assert "Truth and belief over time" in client.get(path).text, path


def words(home: Path) -> str:
    """What the demo's processes said so far."""
    log = home / "demo.log"
    return log.read_text() if log.exists() else ""


def test_the_demo_flows_from_frame_to_booking_and_ends() -> None:
    port = free_port()
    with folder_for_servers() as home:
        with subprocess.Popen(
            command(home, port, "--for", "75"),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            try:
                look_at_the_world(home, f"http://127.0.0.1:{port}")
                out, errors = running.communicate(timeout=240)
            finally:
                if running.poll() is None:
                    running.terminate()
                    running.communicate(timeout=60)
        log = words(home)
    assert running.returncode == 0, f"{out}\n{errors}\n{log[-5000:]}"
    assert "Console   http://127.0.0.1:" in out and "/world" in out
    counts = {what: number for number, what in re.findall(r"^ +([\d,]+)  (.+)$", out, re.M)}
    for what in ("frames stored", "findings", "alerts", "messages sent", "replies", "bookings"):
        assert counts[what] != "0", out
    assert "Traceback" not in log, log


def test_a_second_demo_in_the_same_folder_is_refused() -> None:
    with folder_for_servers() as home, alone(home):
        done = demo(home, "--for", "1")
    assert done.returncode == 1
    assert "running" in done.stderr


def test_only_the_town_gets_the_key_to_the_truth() -> None:
    with folder_for_servers() as home:
        place = prepare(home, free_port(), 720.0)
        try:
            keys = {name: set(environment) for name, (_, environment) in processes(place).items()}
        finally:
            assert place.servers is not None
            place.servers.stop()
    assert {name for name in keys if "TRUTH_URL" in keys[name]} == {"town"}
    assert {name for name in keys if "WORLD_TOKEN" in keys[name]} == {"town", "web"}


# -- the town --------------------------------------------------------------------------------------

START = datetime(2026, 10, 1, 12, tzinfo=UTC)
NOW = START + town.HISTORY


def in_town(conn: psycopg.Connection, url: str | None) -> list[Vehicle]:
    """The town's cars, as they wake up at `NOW`."""
    with town.Memory(url) as memory:
        return town.vehicles(conn, memory, NOW)


def test_a_town_that_slept_wakes_up_as_it_was(servers: LocalServers, database: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    url = servers.postgres.url("postgres", str(name))
    with psycopg.connect(database, options="-c timezone=UTC", autocommit=True) as conn:
        town.create(conn, now=NOW, password="correct horse")
        before = in_town(conn, url)
        sick = {car.vin: car.faults for car in before if car.faults}
        assert len(sick) >= 7
        kinds = {fault.name for wrong in sick.values() for fault in wrong}
        assert len(kinds) >= 6, "several kinds"
        assert {car.model.powertrain for car in before} == {
            "petrol", "diesel", "hybrid", "electric",
        }  # fmt: skip
        conn.execute(  # it lived for a while
            "INSERT INTO detector_state (vehicle_id, judged_ts, versions, state) "
            "VALUES (1, %s, '', '')",
            (NOW,),
        )
        repaired = next(iter(sick))
        late = town.fault_of("misfire", before[-1].vin, NOW - timedelta(hours=3))
        assert late is not None
        with town.Memory(url) as memory:
            assert memory.truth is not None
            memory.truth.ended(repaired, sick.pop(repaired)[0].name, NOW, "repaired")
            memory.truth.fault(before[-1].vin, late)
        sick[before[-1].vin] = [late]
        after = in_town(conn, url)
        assert {car.vin: car.faults for car in after if car.faults} == sick
        assert [car.innocents for car in after] == [car.innocents for car in before]
        assert all(car.state.at == NOW for car in after)


def test_a_town_without_a_memory_lives_too(database: str) -> None:
    with psycopg.connect(database, options="-c timezone=UTC", autocommit=True) as conn:
        town.create(conn, now=NOW, password="correct horse")
        cars = in_town(conn, None)
        assert {car.state.at for car in cars} == {NOW - town.HISTORY}
        own = town.Town(cars)
        before = sum(len(car.faults) for car in cars)
        own.trouble(NOW)
        assert sum(len(car.faults) for car in cars) == before + 1
