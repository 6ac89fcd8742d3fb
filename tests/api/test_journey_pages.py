"""Journeys and campaigns in the console: read, changed with errors that help, sent out."""

from __future__ import annotations

import pytest

from care.journey import shipped
from tests.api.conftest import Console


def test_a_manager_reads_and_an_administrator_changes(console: Console) -> None:
    with console.client("manager") as client:
        text = client.get("/journeys").text
        assert "Fault that can wait" in text and "a fault that can wait for days" in text
        page = client.get("/journeys/fault_can_wait").text
        assert "3 days later" in page and "by whatsapp, else sms, else email" in page
        assert "Save as a new version" not in page
        assert client.get("/journeys/nothing").status_code == 404
    wrong = shipped()["fault_can_wait"].replace("3 days", "three days")
    right = shipped()["fault_can_wait"].replace("3 days", "4 days")
    with console.client("admin") as client:
        answer = client.post("/journeys/fault_can_wait", data={"source": wrong})
        assert answer.status_code == 422
        assert "line 9: steps.1.after" in answer.text and "three days" in answer.text
        assert client.post("/journeys/fault_can_wait", data={"source": right}).status_code == 303
        page = client.get("/journeys/fault_can_wait").text
        assert "4 days later" in page and "-  - after: 3 days" in page.replace("&#43;", "+")
        back = client.post("/journeys/fault_can_wait/versions/1")
        assert back.status_code == 303
        assert "3 days later" in client.get("/journeys/fault_can_wait").text
        assert client.post("/journeys/fault_can_wait/versions/77").status_code == 409


def test_a_campaign_is_counted_then_sent(console: Console) -> None:
    with console.client("manager") as client:
        assert "No campaign yet" in client.get("/campaigns").text
        page = client.get("/campaigns", params={"make": "SEAT"}).text
        assert "1 car of customers fits" in page and "Send to 1 car" in page
        assert "0 cars" in client.get("/campaigns", params={"make": "Trabant"}).text
        wish = {"kind": "recall", "title": "the front brake hoses", "make": "SEAT"}
        assert client.post("/campaigns", data=wish).status_code == 303
        page = client.get("/campaigns").text
        assert "the front brake hoses" in page and "0 of 1" in page
        again = client.post("/campaigns", data={**wish, "hold_out": "10"})
        assert again.status_code == 409 and "nobody is left out" in again.text
        car = console.room.customers[0]
        coming = client.get(f"/customers/{car}/outlook").text
        assert "Recall" in coming and "Text “recall”" in coming


@pytest.mark.parametrize(
    "query", ["year_from=1", "year_from=x", "powertrain=steam", "km_to=-1", "make=" + "x" * 61]
)
def test_odd_conditions_are_told(gallery: Console, query: str) -> None:
    with gallery.client("manager") as client:
        answer = client.get(f"/campaigns?{query}")
    assert answer.status_code in (200, 422)
    assert "Send to" not in answer.text


def test_what_comes_is_empty_or_told(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        text = client.get(f"/customers/{gallery.room.customers[9]}/outlook").text
    assert "Nothing lies ahead" in text
