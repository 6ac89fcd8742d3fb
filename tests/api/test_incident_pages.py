"""Fleet incidents in the console: seen by all, decided by who leads."""

import pytest

from tests.api.conftest import Console


def test_a_manager_sees_why_and_decides_once(console: Console) -> None:
    id = console.room.people["incident"]
    with console.client("advisor") as client:
        page = client.get("/incidents").text
        assert "5 of 40 cars" in page and "where fewer than 0.1 would be usual" in page
        assert "Outside stays at 12 °C" in page
        assert f"/incidents/{id}/release" not in page
    with console.client("manager") as client:
        assert f"/incidents/{id}/release" in client.get("/incidents").text
        client.post(f"/incidents/{id}/close", data={"code": "sensor_fault", "why": "Batch"})
        page = client.get("/incidents").text
        assert "The sensor is at fault, not the part." in page and "“Batch”" in page
        assert "decided already" in client.post(f"/incidents/{id}/release").text


@pytest.mark.parametrize("code", ["", "other", "x" * 41, "\x00"])
def test_a_reason_that_is_none_changes_nothing(console: Console, code: str) -> None:
    id = console.room.people["incident"]
    with console.client("manager") as client:
        assert client.post(f"/incidents/{id}/close", data={"code": code}).status_code in (409, 422)
        assert "Waits for a manager" in client.get("/incidents").text


@pytest.mark.parametrize("id", ["0", "-1", "99999999999999999999", "x"])
def test_what_is_not_there_is_not_found(console: Console, id: str) -> None:
    with console.client("manager") as client:
        assert client.post(f"/incidents/{id}/release").status_code in (404, 422)
