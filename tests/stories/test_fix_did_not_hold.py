"""The fix that did not hold: six days on, the car itself says so, and the case is open again.

The drive is a Seat Leon's, recorded by KIT (CC BY 4.0, see ``simulators/samples``).
"""

from datetime import timedelta

from simulators.drives import KIT_SAMPLE, moved, parse
from simulators.inject import overheat
from tests.conftest import eventually
from tests.stories.conftest import Dealership, new_york

VIN = "VSSZZZ5FZHR000019"
PHONE = "+16175550125"


def test_the_symptom_returns_and_the_case_reopens(dealership: Dealership) -> None:
    now = new_york(2026, 3, 3, 10)
    dealership.it_is(now)
    owner = dealership.owner("Clara Vogt", PHONE, now)
    dealership.car(VIN, owner, now, make="Seat", model="Leon", last_service_at=now)
    frames = parse(KIT_SAMPLE).frames
    dealership.drives(VIN, list(overheat(moved(frames, new_york(2026, 3, 3, 8, 15)), onset_s=300)))
    dealership.next_text(PHONE)
    dealership.answers(PHONE, "1")
    ((booking_id, starts),) = dealership.ask("SELECT id, lower(during) FROM booking")
    dealership.it_is(starts + timedelta(hours=2))
    dealership.repairs(
        booking_id, cause="Hose leaks", correction="Hose replaced", finding="confirmed"
    )
    ((order, state),) = dealership.ask("SELECT repair_order_id, state FROM verification")
    assert state == "watching"

    # the next day all is well, for long enough that it means something
    tomorrow = starts + timedelta(days=1)
    drive = moved(frames, tomorrow)
    warm = [frame for frame in drive if frame.ts_ms > drive[-1].ts_ms - 7 * 60_000]
    onwards = moved(warm, tomorrow + timedelta(milliseconds=drive[-1].ts_ms - drive[0].ts_ms + 500))
    dealership.it_is(tomorrow + timedelta(hours=2))
    dealership.drives(VIN, [*drive, *onwards])
    assert dealership.ask("SELECT state FROM alert") == [("closed",)]

    # six days on it runs hot again
    back = starts + timedelta(days=6)
    dealership.it_is(back + timedelta(hours=2))
    dealership.drives(VIN, list(overheat(moved(frames, back), onset_s=300)))
    eventually(
        lambda: dealership.ask("SELECT state FROM verification") == [("came_back",)],
        "the car says that it is back",
    )
    assert dealership.ask("SELECT state, reopened FROM alert") == [("open", 1)]
    staff = dealership.keys.staff
    assert dealership.ask("SELECT owner_id FROM task WHERE state = 'open' ORDER BY id") == [
        (staff["advisor"],),
        (staff["manager"],),
    ]

    # who looks at the order sees that it came back; the next one says what it makes good
    technician = dealership.sign_in("technician")
    technician.goto(f"{dealership.console}/repair-orders/{order}")
    assert "Came back" in technician.inner_text("h1")
    manager = dealership.sign_in("manager")
    assert "The fix did not hold" in manager.inner_text("main")
    slot = dealership.rest.get("/slots", params={"op_code": "COOL-DIAG"}).json()[0]["key"]
    ((vehicle_id, alert_id),) = dealership.ask("SELECT vehicle_id, id FROM alert")
    wish = {"vehicle_id": vehicle_id, "slot": slot, "op_code": "COOL-DIAG", "alert_id": alert_id}
    again = dealership.rest.post("/bookings", json=wish).raise_for_status().json()["id"]
    second = dealership.rest.post(f"/bookings/{again}/arrive").raise_for_status().json()
    assert second["comeback_of"] == order
    technician.goto(f"{dealership.console}/repair-orders")
    assert "Comeback" in technician.inner_text("main")
