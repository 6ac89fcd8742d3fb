"""The customer whose service falls due: one text, one answer, one booked slot."""

from datetime import timedelta

from simulators.faults import afflicted
from tests.stories.conftest import Dealership, new_york

VIN = "1RWLN1F4XMN000004"
PHONE = "+16175550142"


def test_a_due_service_is_booked_by_reply(dealership: Dealership) -> None:
    begins = new_york(2026, 2, 10, 5)
    now = new_york(2026, 3, 3, 10)
    car = afflicted("service_due")(begins, vin=VIN, drive_period_s=60)
    plan = car.service
    assert plan and plan.interval_m and plan.interval
    owner = dealership.owner("Daniel Osei", PHONE, begins)
    vehicle_id = dealership.car(
        VIN,
        owner,
        begins,
        service_interval_m=int(plan.interval_m),
        service_interval_days=plan.interval.days,
        last_service_at=plan.done_at,
        last_service_odometer_m=int(plan.done_odometer_m),
    )
    dealership.it_is(now)
    dealership.drives(VIN, list(car.frames(now)))

    ((due_from, due_to),) = dealership.ask(
        "SELECT expect_from, expect_to FROM alert WHERE cause = 'service_due'"
    )
    assert due_from <= due_to < now + timedelta(days=60)

    text = dealership.next_text(PHONE)
    assert "service" in text
    dealership.answers(PHONE, "1")
    ((booking_id, op_code, starts, ends),) = dealership.ask(
        "SELECT id, op_code, lower(during), upper(during) FROM booking WHERE state = 'booked'"
    )
    assert op_code == "SERVICE"
    assert "Booked" in dealership.next_text(PHONE, 2)

    # a second "1", typed by mistake, books nothing else
    dealership.answers(PHONE, "1")
    assert dealership.ask("SELECT count(*) FROM booking") == [(1,)]

    dealership.it_is(ends)
    dealership.repairs(
        booking_id,
        cause="Service due",
        correction="Oil and filter service done",
        finding="confirmed",
    )
    ((done_at, done_at_m),) = dealership.ask(
        "SELECT last_service_at, last_service_odometer_m FROM vehicle WHERE id = %s", vehicle_id
    )
    assert starts <= done_at <= ends
    assert done_at_m > plan.done_odometer_m
    assert dealership.ask("SELECT state FROM alert") == [("closed",)]
