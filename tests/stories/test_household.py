"""Two cars, two phones, one home: what one of them hears today, the other hears tomorrow."""

import psycopg

from care import people
from simulators.drives import KIT_SAMPLE, moved, parse
from simulators.wire import Frame
from tests.conftest import eventually
from tests.stories.conftest import Dealership, new_york

CARS = ("VSSZZZ5FZHR000018", "VSSZZZ5FZHR000026")
PHONES = ("+16175550143", "+16175550144")


def test_two_alerts_on_one_day_are_one_text_a_day(dealership: Dealership) -> None:
    morning = new_york(2026, 3, 3, 10)
    dealership.it_is(morning)
    owners = [
        dealership.owner(name, phone, morning)
        for name, phone in zip(("Peter Novak", "Eva Novak"), PHONES, strict=True)
    ]
    for vin, owner in zip(CARS, owners, strict=True):
        dealership.car(vin, owner, morning, last_service_at=morning)
    with psycopg.connect(dealership.database) as conn:
        people.share_household(conn, owners[1], owners[0], "staff:1", morning)

    # both cars report a misfire within the hour
    drive = moved(parse(KIT_SAMPLE).frames, new_york(2026, 3, 3, 9, 20))[:900]
    for vin in CARS:
        dealership.drives(vin, [Frame(f.ts_ms, f.signals, ("P0301",)) for f in drive])

    # one text today; the other waits, and says why
    eventually(
        lambda: dealership.ask("SELECT FROM outreach WHERE strpos(reason, 'household') > 0"),
        "the second message waits for the household's cap",
        20,
    )
    ((reason, not_before),) = dealership.ask(
        "SELECT reason, not_before FROM outreach WHERE state = 'planned'"
    )
    assert reason == "Already 1 message(s) to the household this day."
    first, second = sorted(PHONES, key=lambda phone: not dealership.texts(phone))
    assert len(dealership.texts(first)) == 1
    assert dealership.texts(second) == []
    assert new_york(2026, 3, 4, 9, 59) <= not_before <= new_york(2026, 3, 4, 10, 1)

    dealership.it_is(new_york(2026, 3, 3, 18))
    assert dealership.texts(second) == []

    # tomorrow the other phone hears of the other car
    dealership.it_is(new_york(2026, 3, 4, 10, 30))
    assert "/b/" in dealership.next_text(second)
    assert len(dealership.texts(first)) == 1
