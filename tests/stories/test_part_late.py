"""The battery comes a day late: the visit moves, and the customer agrees by text."""

from datetime import timedelta

import psycopg

from tests.care.world import find
from tests.stories.conftest import Dealership, new_york

VIN = "1RWLN1F4XMN000062"
PHONE = "+16175550162"


def test_a_late_part_moves_the_visit(dealership: Dealership) -> None:
    now = new_york(2026, 3, 3, 9)
    owner = dealership.owner("Paul Adeyemi", PHONE, now)
    car = dealership.car(VIN, owner, now)
    with psycopg.connect(dealership.database) as conn:
        # no battery on the shelf; one comes on Wednesday
        conn.execute("UPDATE part_stock SET on_hand = 0 WHERE part_no = 'BATT-12V'")
        conn.execute(
            "INSERT INTO part_arrival (dealer_id, part_no, quantity, expected_at)"
            " VALUES (%s, 'BATT-12V', 1, %s)",
            (dealership.keys.id, new_york(2026, 3, 4, 11)),
        )
        conn.commit()
        find(conn, car, now, expect=timedelta(days=12))

    # nothing is offered before the battery is there
    dealership.next_text(PHONE)
    ((first,),) = dealership.ask("SELECT min(lower(during)) FROM offer")
    assert first >= new_york(2026, 3, 4, 11)
    dealership.answers(PHONE, "1")
    ((booking, before),) = dealership.ask(
        "SELECT id, lower(during) FROM booking WHERE state = 'booked'"
    )
    assert before == first
    assert "Booked" in dealership.next_text(PHONE, 2)

    # the supplier calls: Friday noon. The advisor writes it down
    page = dealership.sign_in("advisor")
    page.goto(f"{dealership.console}/workshop")
    page.get_by_label("New time for 12 V battery").fill("2026-03-06T12:00")
    page.get_by_role("button", name="Moved").click()
    assert page.get_by_text("1 visit has to move").is_visible()

    # the old time stands until the customer has chosen another one
    text = dealership.next_text(PHONE, 3)
    assert "comes late" in text and "Reply 1 for" in text
    assert dealership.ask("SELECT state, lower(during) FROM booking") == [("booked", before)]
    dealership.answers(PHONE, "2 please")
    ((same, state, after, sequence),) = dealership.ask(
        "SELECT id, state, lower(during), sequence FROM booking"
    )
    assert (same, state, sequence) == (booking, "booked", 1)
    assert after >= new_york(2026, 3, 6, 12)
    assert "Booked" in dealership.next_text(PHONE, 4)
    assert dealership.ask("SELECT count(*) FROM task WHERE state = 'open'") == [(0,)]
