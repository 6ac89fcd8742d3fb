"""A case on its pages: the task, whom it is handed to, and what a car's warranty is."""

import httpx
import pytest

from tests.api.conftest import Console

BATTERY = "SELECT warranty_until::text FROM vehicle WHERE id = %s"


def hand(console: Console, note: str = "Battery or alternator?", to: str = "technician") -> int:
    """An advisor hands the battery's task over; the case."""
    task = console.room.tasks["battery"]
    with console.client("advisor") as client:
        done = client.post(f"/tasks/{task}/hand-over", data={"to": to, "note": note})
        assert done.status_code == 303
    case = console.ask("SELECT max(id) FROM handover WHERE task_id = %s", task)
    assert isinstance(case, int)
    return case


def test_a_case_has_its_history_and_comes_back_with_an_answer(console: Console) -> None:
    case = hand(console)
    with console.client("technician") as client:
        assert "Battery or alternator?" in client.get("/cases").text
        page = client.get(f"/cases/{case}").text
        for told in ("Evidence", "Conversation", "Bookings", "What was done", "Accept"):
            assert told in page, told
        assert client.post(f"/cases/{case}/accept").status_code == 303
        assert "/accept" not in client.get(f"/cases/{case}").text
        answer = {"answer": "It is <b>the battery</b>"}
        assert client.post(f"/cases/{case}/return", data=answer).status_code == 303
        assert f"/cases/{case}" not in client.get("/cases").text
    with console.client("advisor") as client:
        task = client.get(f"/tasks/{console.room.tasks['battery']}").text
        assert "It is &lt;b&gt;the battery&lt;/b&gt;" in task and "<b>the battery" not in task


def test_an_insurance_adviser_sees_the_cases_handed_to_insurance_and_no_other(
    console: Console,
) -> None:
    workshops = hand(console)
    with console.client("insurance") as client:
        assert client.get(f"/cases/{workshops}").status_code == 404
        assert client.post(f"/cases/{workshops}/accept").status_code == 404
        assert f"/cases/{workshops}" not in client.get("/cases").text
    with console.client("technician") as client:
        client.post(f"/cases/{workshops}/return", data={"answer": "Hail, not wear"})
    insurers = hand(console, "Is hail covered?", "insurance")
    with console.client("insurance") as client:
        assert "Is hail covered?" in client.get(f"/cases/{insurers}").text
        assert client.post(f"/cases/{insurers}/accept").status_code == 303
    with console.client("technician") as client:
        assert client.get(f"/cases/{insurers}").status_code == 404


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"to": "technician", "note": " "}, 409),
        ({"to": "technician", "note": "x" * 501}, 422),
        ({"to": "nobody", "note": "x"}, 409),
        ({"to": "99999999999999999999", "note": "x"}, 409),
        ({"note": "x"}, 422),
    ],
)
def test_what_is_no_hand_over_changes_nothing(
    console: Console, form: dict[str, str], status: int
) -> None:
    task = console.room.tasks["battery"]
    before = console.ask("SELECT count(*) FROM handover")
    with console.client("advisor") as client:
        assert client.post(f"/tasks/{task}/hand-over", data=form).status_code == status
    assert console.ask("SELECT count(*) FROM handover") == before


def note_warranty(client: httpx.Client, console: Console, until: str) -> httpx.Response:
    path = f"/vehicles/{console.room.vehicles[0]}/warranty"
    return client.post(path, data={"until": until})


def test_a_warranty_is_noted_and_taken_away(console: Console) -> None:
    car = console.room.vehicles[0]
    with console.client("manager") as client:
        assert note_warranty(client, console, "2027-05-31").status_code == 303
        page = client.get(f"/vehicles/{car}").text
        assert "May 31, 2027" in page or "31 May 2027" in page
        assert "Warranty noted" in page
        assert note_warranty(client, console, "").status_code == 303
    assert console.ask(BATTERY, car) is None
    with console.client("advisor") as client:
        assert "/warranty" not in client.get(f"/vehicles/{car}").text


@pytest.mark.parametrize(
    "until", ["0001-01-01", "9999-12-31", "2027-02-30", "soon", "\x00", "'; --"]
)
def test_what_is_no_warranty_changes_nothing(console: Console, until: str) -> None:
    with console.client("manager") as client:
        assert note_warranty(client, console, until).status_code == 409
    assert console.ask(BATTERY, console.room.vehicles[0]) is None
