"""Two hundred customers touch "Book" at once: twenty slots, twenty bookings."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg

from api.slots import slot_key
from care import booking
from care.links import slot_token
from record.clock import Scale, set_scale, wall
from tests.care.test_booking import OVERLAPS
from tests.care.world import MONDAY, build, one
from tests.conftest import StartRoom

SECRET = "the secret of the rush"


def test_two_hundred_want_twenty_slots(
    database: str, db: psycopg.Connection, room: StartRoom
) -> None:
    world = build(db, customers=200, bays=1, technicians=1)
    db.execute("INSERT INTO part (part_no, title) VALUES ('SENSOR', 'Sensor')")
    db.execute("INSERT INTO op_code_part VALUES ('SERVICE', 'SENSOR', 1)")
    db.execute(
        "INSERT INTO part_stock (dealer_id, part_no, on_hand) VALUES (%s, 'SENSOR', 20)",
        (world.dealer_id,),
    )
    set_scale(db, Scale(wall(), MONDAY, 0.0))
    wanted = booking.find_slots(
        db, dealer_id=world.dealer_id, op_code="SERVICE", now=MONDAY, count=20
    )
    assert len(wanted) == 20
    db.commit()
    api = room("api", SECRET_KEY=SECRET, PUBLIC_URL="http://127.0.0.1:1")

    def touch(who: int) -> httpx.Response:
        token = slot_token(
            SECRET,
            customer_id=world.customers[who],
            vehicle_id=world.vehicles[who],
            alert_id=None,
            now=MONDAY,
        )
        return httpx.post(
            f"http://127.0.0.1:{api.port}/b/{token}",
            data={"slot": slot_key(wanted[who % 20])},
            timeout=60,
        )

    with ThreadPoolExecutor(200) as crowd:
        answers = list(crowd.map(touch, range(200)))
    got = [a for a in answers if a.status_code == 303 and "taken" not in a.headers["location"]]
    told = [a for a in answers if a.status_code == 409]
    assert (len(got), len(told)) == (20, 180), [a.status_code for a in answers]
    for answer in told:
        assert "just taken that time" in answer.text or "will not be here by then" in answer.text
    assert one(db, "SELECT count(*) FROM booking WHERE state = 'booked'") == 20
    assert one(db, "SELECT count(*) FROM booking WHERE state <> 'booked'") == 0
    assert one(db, "SELECT reserved FROM part_stock") == 20
    assert one(db, OVERLAPS) == 0
    assert "deadlock" not in api.words()
