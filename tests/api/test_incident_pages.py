"""Fleet incidents in the console: seen by all, decided by who leads."""

import re
from datetime import timedelta

import psycopg
import pytest

from tests.api.conftest import Console
from tests.api.showroom import NOW


def test_a_manager_sees_why_and_decides_once(console: Console) -> None:
    id = console.room.people["incident"]
    with console.client("advisor") as client:
        listed = client.get("/incidents").text
        assert f"/incidents/{id}" in listed and "5 of 5 run firmware 4.1.2" in listed
        page = client.get(f"/incidents/{id}").text
        assert "5 of 40 cars" in page and "where fewer than 0.1 would be usual" in page
        assert "5 of 5 run firmware 4.1.2" in page and "10 times as often" in page
        assert "By coincidence: 1 in 33,000" in page
        assert "no more frequent than by coincidence: powertrain" in page
        assert "The same at other dealers: 3 cars" in page
        assert "Outside stays at 12 °C" in page
        assert f"/incidents/{id}/release" not in page
    with console.client("manager") as client:
        assert f"/incidents/{id}/release" in client.get(f"/incidents/{id}").text
        client.post(f"/incidents/{id}/close", data={"code": "sensor_fault", "why": "Batch"})
        page = client.get(f"/incidents/{id}").text
        assert "The sensor is at fault, not the part." in page and "“Batch”" in page
        assert "decided already" in client.post(f"/incidents/{id}/release").text


def test_the_menu_counts_what_waits(console: Console) -> None:
    id = console.room.people["incident"]
    count = r'<b class="count">1<span class="sr"> to be decided</span>'
    with console.client("manager") as client:
        assert re.search(count, client.get("/vehicles").text)
        client.post(f"/incidents/{id}/release")
        assert not re.search(count, client.get("/vehicles").text)


def test_what_was_closed_is_opened_again(console: Console) -> None:
    id = console.room.people["incident"]
    with console.client("manager") as client:
        client.post(f"/incidents/{id}/close", data={"code": "sensor_fault"})
        assert client.post(f"/incidents/{id}/reopen", data={"why": " \x00"}).status_code == 409
        client.post(f"/incidents/{id}/reopen", data={"why": "They do fail"})
        assert "Waits for a manager" in client.get(f"/incidents/{id}").text
        assert "was closed" in client.post(f"/incidents/{id}/reopen", data={"why": "x"}).text


def test_who_has_a_call_in_hand_is_linked(console: Console) -> None:
    id, room = console.room.people["incident"], console.room
    with psycopg.connect(console.database) as conn:
        conn.execute(
            "UPDATE alert SET incident_id = %s, urgency = 'soon' WHERE id = %s",
            (id, room.alerts["battery"]),
        )
        conn.execute(
            "UPDATE task SET owner_id = %s, claimed_until = %s WHERE id = %s",
            (room.staff["advisor"], NOW + timedelta(hours=1), room.tasks["battery"]),
        )
    with console.client("manager") as client:
        page = client.get(f"/incidents/{id}").text
        assert "A call is in hand" in page and f'/tasks/{room.tasks["battery"]}"' in page
        answer = client.post(f"/incidents/{id}/close", data={"code": "sensor_fault"})
        assert answer.status_code == 409 and "is in hand" in answer.text


def many(console: Console, cars: int) -> int:
    """An incident of so many cars, with a thermometer each; a car an hour."""
    id = console.room.people["incident"]
    with psycopg.connect(console.database) as conn:
        conn.execute(
            """
            WITH v AS (
                INSERT INTO vehicle (vin, dealer_id, make, model, model_year)
                SELECT '1RWPC1A05SA' || 200000 + n, %(dealer)s, 'Rowan', 'Arc', 2022
                FROM generate_series(1, %(cars)s) n RETURNING id),
            t AS (
                INSERT INTO telemetry (vehicle_id, ts, ambient_temp_c)
                SELECT id, %(now)s - interval '1 hour' * (h + 24 * (id %% 20)), -14
                FROM v, generate_series(1, 24) h)
            INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,
                refreshed_at, incident_id)
            SELECT id, 'battery_12v', 'open', 'soon', 0.8, 'Car ' || id || '.',
                %(now)s - interval '1 hour' * (24 * (id %% 20)), %(now)s, %(incident)s FROM v
            """,
            {"dealer": console.room.dealer, "cars": cars, "now": NOW, "incident": id},
        )
    return id


def test_all_cars_are_counted_and_reached(console: Console) -> None:
    """What a page doesn't list is still in its days, and the next page goes on."""
    id = many(console, 130)
    seen: list[str] = []
    with console.client("manager") as client:
        path = f"/incidents/{id}"
        while path:
            page = client.get(path).text
            seen += re.findall(r"Car \d+\.", page)
            more = re.search(r'rel="next" href="(\?before=\d+)"', page)
            path = f"/incidents/{id}{more[1]}" if more else ""
        begun = (
            client.get(f"/incidents/{id}").text.partition("The cars</h2>")[2].partition("<table")
        )
    assert len(seen) == len(set(seen)) == 130
    assert sum(map(int, re.findall(r": <b>(\d+)</b>", begun[0]))) == 131
    assert "−14" not in begun[0] and "-14 °C" in begun[2]


@pytest.mark.parametrize("code", ["", "other", "x" * 41, "\x00"])
def test_a_reason_that_is_none_changes_nothing(console: Console, code: str) -> None:
    id = console.room.people["incident"]
    with console.client("manager") as client:
        assert client.post(f"/incidents/{id}/close", data={"code": code}).status_code in (409, 422)
        assert "Waits for a manager" in client.get("/incidents").text


@pytest.mark.parametrize("id", ["0", "-1", "99999999999999999999", "x"])
def test_what_is_not_there_is_not_found(console: Console, id: str) -> None:
    with console.client("manager") as client:
        assert client.get(f"/incidents/{id}").status_code in (404, 422)
        for what in ("release", "reopen"):
            assert client.post(f"/incidents/{id}/{what}").status_code in (404, 422)


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 30, "%00"])
def test_a_page_that_is_none_is_refused(console: Console, before: str) -> None:
    id = console.room.people["incident"]
    with console.client("manager") as client:
        assert client.get(f"/incidents/{id}?before={before}").status_code == 422
        assert client.get(f"/incidents/{id}?before=999999999").status_code == 200
