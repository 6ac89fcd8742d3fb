"""The customer who says STOP while a message waits for the morning."""

from simulators.drives import KIT_SAMPLE, moved, parse
from simulators.wire import Frame
from tests.conftest import eventually
from tests.stories.conftest import Dealership, new_york

VIN = "VSSZZZ5FZHR000018"
PHONE = "+16175550143"


def test_stop_at_night_drops_the_text_that_waits_for_the_morning(dealership: Dealership) -> None:
    night = new_york(2026, 3, 3, 22, 40)
    dealership.it_is(night)
    owner = dealership.owner("Peter Novak", PHONE, night)
    dealership.car(VIN, owner, night, last_service_at=night)
    drive = moved(parse(KIT_SAMPLE).frames, new_york(2026, 3, 3, 22))[:900]
    dealership.drives(VIN, [Frame(f.ts_ms, f.signals, ("P0301",)) for f in drive])

    # the alert is there, its text waits and says why
    eventually(
        lambda: dealership.ask("SELECT FROM outreach WHERE state = 'planned' AND reason <> ''"),
        "a message waits for the morning, with its reason",
        20,
    )
    ((not_before,),) = dealership.ask("SELECT not_before FROM outreach")
    assert not_before >= new_york(2026, 3, 4, 8)
    assert dealership.texts(PHONE) == []

    dealership.it_is(new_york(2026, 3, 3, 22, 50))
    dealership.answers(PHONE, "STOP")

    # morning comes; the message is dropped, and the record says why
    dealership.it_is(new_york(2026, 3, 4, 9, 30))
    eventually(
        lambda: dealership.ask("SELECT FROM outreach WHERE state = 'dropped'"),
        "the message is dropped",
        20,
    )
    ((reason,),) = dealership.ask("SELECT reason FROM outreach WHERE state = 'dropped'")
    assert "STOP" in reason
    assert dealership.texts(PHONE) == []

    # nobody is forgotten: the alert is still open, and a person has it
    assert dealership.ask("SELECT state FROM alert") == [("open",)]
    assert dealership.ask("SELECT count(*) FROM task WHERE state = 'open'") == [(1,)]
