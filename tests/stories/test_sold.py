"""The car that was sold: its old owner is left in peace, and nobody guesses who has it now."""

from simulators.drives import KIT_SAMPLE, moved, parse
from simulators.wire import Frame
from tests.conftest import eventually
from tests.stories.conftest import Dealership, new_york

VIN = "VSSZZZ5FZHR000018"
PHONE = "+16175550143"


def test_a_sold_car_is_no_longer_its_old_owner_s(dealership: Dealership) -> None:
    morning = new_york(2026, 3, 3, 10)
    dealership.it_is(morning)
    owner = dealership.owner("Peter Novak", PHONE, morning)
    dealership.car(VIN, owner, morning, last_service_at=morning)
    drive = moved(parse(KIT_SAMPLE).frames, new_york(2026, 3, 3, 9))[:900]
    dealership.drives(VIN, [Frame(f.ts_ms, f.signals, ("P0301",)) for f in drive])
    eventually(lambda: dealership.texts(PHONE), "he is told about his car", 20)
    assert "the engine is misfiring" in dealership.texts(PHONE)[0]

    dealership.it_is(new_york(2026, 3, 3, 10, 20))
    dealership.answers(PHONE, "I sold that car last month")

    # an advisor has it, with his words; the car's data is nobody's now
    eventually(
        lambda: dealership.ask("SELECT FROM task WHERE title = 'Peter Novak has sold the car'"),
        "an advisor is asked to confirm the sale",
        20,
    )
    assert dealership.ask("SELECT state, done_reason FROM task WHERE alert_id IS NOT NULL") == [
        ("done", "Peter Novak has sold the car.")
    ]
    assert dealership.ask("SELECT count(*) FROM ownership WHERE upper(during) IS NULL") == [(0,)]
    ((ended,),) = dealership.ask("SELECT upper(during) FROM ownership")
    assert ended == new_york(2026, 3, 3, 10, 20)

    # another fault shows: the alert is there and a person has it, but he hears nothing of it
    told = len(dealership.texts(PHONE))
    days = new_york(2026, 3, 9, 10)
    dealership.it_is(days)
    again = moved(parse(KIT_SAMPLE).frames, new_york(2026, 3, 9, 9))[:900]
    dealership.drives(VIN, [Frame(f.ts_ms, f.signals, ("P0700",)) for f in again])
    eventually(
        lambda: dealership.ask(
            "SELECT FROM alert a JOIN task t ON t.alert_id = a.id WHERE a.cause = 'dtc_p0700'"
        ),
        "a person has the new alert",
        20,
    )
    dealership.it_is(new_york(2026, 3, 12, 10))
    assert len(dealership.texts(PHONE)) == told
    assert dealership.ask("SELECT FROM outreach WHERE state IN ('planned', 'sending')") == []
    # what he can see of himself ends with the day of the sale
    ((after,),) = dealership.ask(
        """
        SELECT count(*) FROM telemetry t JOIN ownership o ON o.vehicle_id = t.vehicle_id
        WHERE o.during @> t.ts AND t.ts > %s
        """,
        ended,
    )
    assert after == 0
