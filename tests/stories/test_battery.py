"""The slowly failing battery: found weeks before the morning on which the car would not start."""

from datetime import timedelta

from simulators.faults import afflicted
from tests.stories.conftest import Dealership, new_york

VIN = "1RWLN1F4XMN000002"
PHONE = "+16175550141"


def test_a_weak_battery_is_replaced_before_it_fails(dealership: Dealership) -> None:
    begins = new_york(2025, 12, 1, 5)
    car = afflicted("weak_battery")(begins, vin=VIN, drive_period_s=60)
    (fault,) = car.faults
    assert fault.fails_at
    frames = []
    today = begins
    owner = dealership.owner("Ana Ruiz", PHONE, begins)
    dealership.car(VIN, owner, begins, last_service_at=begins - timedelta(days=20))

    # weeks pass; each evening the car's day is on record
    while not dealership.ask("SELECT FROM finding WHERE kind = 'raised'"):
        today += timedelta(days=4)
        assert today < begins + timedelta(days=75), "nothing was found before the battery failed"
        dealership.it_is(today.replace(hour=10, minute=30))
        frames = list(car.frames(today))
        dealership.drives(VIN, frames)

    ((found_at, confidence, expect_from, expect_to),) = dealership.ask(
        "SELECT at, confidence, expect_from, expect_to FROM finding WHERE kind = 'raised'"
    )
    assert fault.onset < found_at < fault.fails_at - timedelta(days=7)
    assert confidence >= 0.5
    assert expect_from < expect_to

    # a text with three times that the workshop really has; the second suits
    text = dealership.next_text(PHONE)
    assert "battery" in text
    assert "Reply 1" in text
    dealership.answers(PHONE, "2 please")
    ((booking_id, starts, chosen),) = dealership.ask(
        "SELECT b.id, lower(b.during), o.choice FROM booking b "
        "JOIN offer o ON o.during = b.during AND o.bay_id = b.bay_id WHERE b.state = 'booked'"
    )
    assert chosen == 2
    assert starts < fault.fails_at
    assert "Booked" in dealership.next_text(PHONE, 2)

    # the workshop confirms; the finding has its label, and the alert is closed
    dealership.it_is(starts + timedelta(minutes=40))
    dealership.repairs(
        booking_id,
        cause="Battery at 45 % of rated cold cranking amps",
        correction="Replaced 12 V battery",
        finding="confirmed",
    )
    assert dealership.ask(
        "SELECT a.cause, a.close_reason, o.label FROM outcome o JOIN alert a ON a.id = o.alert_id"
    ) == [("battery_12v", "repaired", "confirmed")]
