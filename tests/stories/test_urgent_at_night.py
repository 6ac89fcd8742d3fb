"""Coolant runs hot at 21:40: a call at once; the text waits for the morning, and is dropped."""

from datetime import timedelta

import psycopg
from psycopg.types.json import Jsonb

from tests.conftest import eventually
from tests.stories.conftest import Dealership, new_york

VIN = "1RWLN1F4XMN000007"
PHONE = "+16175550147"


def test_an_urgent_fault_at_night(dealership: Dealership) -> None:
    night = new_york(2026, 3, 3, 21, 40)
    owner = dealership.owner("Ana Ruiz", PHONE, night)
    car = dealership.car(VIN, owner, night)
    dealership.it_is(night)

    # the detector speaks: the coolant is far too hot
    with psycopg.connect(dealership.database) as conn:
        conn.execute(
            """
            INSERT INTO finding (vehicle_id, detector, cause, kind, at, urgency, confidence,
                summary, evidence)
            VALUES (%s, 'coolant_overheat', 'coolant_overheat', 'raised', %s, 'stop', 0.97,
                'Coolant was above 118 °C for 3 minutes.', %s)
            """,
            (car, night, Jsonb({"feature": "coolant temperature", "value": 121, "unit": "°C"})),
        )
        conn.execute("SELECT pg_notify('findings', '')")

    # there is a call to make at once, first in the list, and the text is held until the morning
    eventually(lambda: dealership.ask("SELECT FROM task WHERE kind = 'call'"), "a call to make")
    (task,) = dealership.rest.get("/tasks").raise_for_status().json()["items"]
    assert task["urgency"] == "stop"
    assert "should not be driven" in task["next_action"]
    eventually(
        lambda: dealership.ask("SELECT FROM outreach WHERE reason LIKE 'It is 21:40%%'"),
        "the text is held for the night",
    )

    # the advisor calls; the script says what, and Ana takes the first time that the workshop has
    page = dealership.sign_in("advisor")
    page.goto(f"{dealership.console}/tasks/{task['id']}")
    assert "Please don't drive it on" in page.inner_text("main")
    page.get_by_role("button", name="Booked", exact=True).click()
    page.wait_for_selector("text=Booked for")
    assert dealership.ask("SELECT result FROM call") == [("booked",)]
    assert dealership.ask("SELECT state, done_reason FROM task") == [("done", "customer booked")]
    sent_at_night = dealership.texts(PHONE)

    # in the morning the text has lost its occasion, and says why it never went
    dealership.it_is(night.replace(day=4, hour=9, minute=1))
    eventually(
        lambda: dealership.ask(
            "SELECT FROM outreach WHERE template = 'alert.stop' AND state = 'dropped'"
        ),
        "the text is dropped",
    )
    ((reason,),) = dealership.ask("SELECT reason FROM outreach WHERE template = 'alert.stop'")
    assert reason == "The customer has booked already."
    dealership.it_is(night + timedelta(days=1))
    assert sent_at_night == []
    assert not [text for text in dealership.texts(PHONE) if "too hot" in text]
