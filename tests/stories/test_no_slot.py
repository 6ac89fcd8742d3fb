"""No time before the battery may fail: the customer is told plainly, and offered other ways."""

from datetime import timedelta

import psycopg

from tests.care.world import find
from tests.stories.conftest import Dealership, link_in, new_york

VIN = "1RWLN1F4XMN000061"
PHONE = "+16175550161"


def test_no_slot_before_the_failure(dealership: Dealership) -> None:
    now = new_york(2026, 3, 3, 9)
    owner = dealership.owner("Lena Ortiz", PHONE, now)
    car = dealership.car(VIN, owner, now)
    with psycopg.connect(dealership.database) as conn:
        # the workshop is full for two days; the other site of the group is not
        conn.execute(
            "INSERT INTO technician_absence (technician_id, during, reason)"
            " SELECT id, tstzrange(%s, %s), 'training' FROM technician",
            (now, now + timedelta(days=2)),
        )
        conn.execute(
            "UPDATE dealer SET group_name = 'Harbour', latitude = 42.36, longitude = -71.06"
        )
        conn.execute(
            "WITH d AS (INSERT INTO dealer (name, time_zone, phone, group_name, address, latitude,"
            " longitude) VALUES ('Harbour North', 'America/New_York', '+16175550110', 'Harbour',"
            " '8 Quay St, Salem', 42.52, -70.89) RETURNING id),"
            " b AS (INSERT INTO bay (dealer_id, name, kind) SELECT id, 'Quick', 'quick' FROM d),"
            " s AS (INSERT INTO part_stock (dealer_id, part_no, on_hand)"
            "       SELECT id, 'BATT-12V', 3 FROM d)"
            " INSERT INTO technician (dealer_id, name, skills)"
            " SELECT id, 'Nils', '{electrical}' FROM d"
        )
        conn.commit()
        # the battery detector: it may fail from Thursday on
        find(conn, car, now, expect=timedelta(days=1, hours=20))

    # the text says so, and offers no late time
    text = dealership.next_text(PHONE)
    assert "no free time before it may be too late" in text
    assert "our other workshop" in text and "Reply 1" not in text

    # the advisor has the task, with why and what to offer
    ((kind, action),) = dealership.ask("SELECT kind, next_action FROM task WHERE state = 'open'")
    assert kind == "call"
    assert "Every free time comes after the predicted failure." in action
    assert "Harbour North has a time" in action and "fetching the car" in action

    # on the page: the other site with the way there, and the driver who fetches the car
    phone = dealership.open_page(viewport={"width": 390, "height": 844})
    phone.goto(link_in(text))
    assert phone.get_by_text("Harbour North can see your car on").is_visible()
    assert phone.get_by_text("8 Quay St, Salem").is_visible()
    way = phone.get_by_role("link", name="Show the way").get_attribute("href")
    assert way and "42.52" in way
    fetched = phone.locator("section", has_text="We can fetch your car")
    fetched.get_by_role("button", name="Please arrange this").click()
    assert phone.get_by_text("We have your wish and will call you soon.").is_visible()

    asked = dealership.ask("SELECT next_action FROM task WHERE title LIKE '%%asks for the car%%'")
    assert len(asked) == 1 and "Call Lena Ortiz" in asked[0][0]
    assert dealership.ask("SELECT count(*) FROM booking") == [(0,)]
