"""A real drive on real parts: stored to the last frame, silent while healthy, all the way when not.

The drive is a Seat Leon's, recorded by KIT (CC BY 4.0, see ``simulators/samples``).
"""

from datetime import timedelta

import pytest

from record.signals import BY_PATH
from simulators.drives import KIT_SAMPLE, moved, parse
from simulators.inject import overheat
from simulators.wire import Frame
from tests.conftest import eventually
from tests.stories.conftest import Dealership, link_in, new_york

VIN = "VSSZZZ5FZHR000017"
PHONE = "+16175550123"
STARTS = new_york(2026, 3, 3, 8, 15)
NOW = new_york(2026, 3, 3, 10)


@pytest.fixture
def frames() -> list[Frame]:
    """The drive, on the morning of the story."""
    return moved(parse(KIT_SAMPLE).frames, STARTS)


@pytest.fixture
def leon(dealership: Dealership) -> int:
    """Clara Vogt's Leon, serviced in January."""
    dealership.it_is(NOW)
    owner = dealership.owner("Clara Vogt", PHONE, NOW)
    return dealership.car(
        VIN,
        owner,
        NOW,
        make="Seat",
        model="Leon",
        model_year=2017,
        last_service_at=NOW - timedelta(days=45),
    )


def test_a_healthy_drive_is_stored_complete_and_raises_nothing(
    dealership: Dealership, leon: int, frames: list[Frame]
) -> None:
    dealership.drives(VIN, frames)

    columns = sorted({BY_PATH[path].name for frame in frames for path in frame.signals})
    stored = dealership.ask(
        f"SELECT extract(epoch FROM ts) * 1000, {', '.join(columns)} FROM telemetry "  # noqa: S608
        "WHERE vehicle_id = %s ORDER BY ts",
        leon,
    )
    assert len(stored) == len(frames)
    for frame, (ts_ms, *values) in zip(frames, stored, strict=True):
        assert int(ts_ms) == frame.ts_ms
        sent = {BY_PATH[path].name: value for path, value in frame.signals.items()}
        for column, value in zip(columns, values, strict=True):
            # real columns have 24 bits of mantissa, whole-number columns round
            assert value == pytest.approx(sent.get(column), rel=1e-6, abs=0.5 * (value != 0))

    assert dealership.ask("SELECT * FROM quarantine") == []
    assert dealership.ask("SELECT * FROM finding") == []
    assert dealership.texts(PHONE) == []


def test_the_same_drive_overheating_ends_in_a_closed_repair_order(
    dealership: Dealership, leon: int, frames: list[Frame]
) -> None:
    """Coolant runs hot on Tuesday; Clara takes a time on her phone; the workshop finds the pump."""
    advisor = dealership.sign_in("advisor")
    assert "Engine overheating" not in advisor.inner_text("main")

    dealership.drives(VIN, list(overheat(frames, onset_s=300)))

    # the advisor's inbox shows it by itself, as something to call about
    advisor.wait_for_selector("text=Engine overheating")
    assert "Clara Vogt" in advisor.inner_text("main")
    assert dealership.ask(
        "SELECT detector, cause, kind, urgency FROM finding WHERE kind = 'raised'"
    ) == [("coolant_overheat", "coolant_overheat", "raised", "stop")]

    # the evidence is a chart that a person can look at
    advisor.get_by_text("Engine overheating").first.click()
    advisor.wait_for_selector(".uplot canvas")

    # Clara opens the link on her phone, which runs no JavaScript
    text = dealership.next_text(PHONE)
    assert "Clara" in text
    phone = dealership.open_page(
        viewport={"width": 390, "height": 844}, java_script_enabled=False, is_mobile=True
    )
    phone.goto(link_in(text))
    phone.locator("input[name=slot]").first.check(force=True)
    phone.get_by_role("button").last.click()
    assert "See you" in phone.inner_text("h1")

    ((booking_id, state),) = dealership.ask("SELECT id, state FROM booking")
    assert state == "booked"
    assert "Booked" in dealership.next_text(PHONE, 2)

    # the workshop receives the car, repairs it and writes down what it found
    ((starts,),) = dealership.ask("SELECT lower(during) FROM booking")
    dealership.it_is(starts + timedelta(minutes=5))
    workshop = dealership.sign_in("manager")
    workshop.goto(f"{dealership.console}/bookings/{booking_id}")
    workshop.get_by_role("button", name="Car is here").click()
    workshop.get_by_role("button", name="Start work").click()
    workshop.get_by_label("Cause: what was wrong").fill("Water pump seized")
    workshop.get_by_label("Correction: what was done").fill("Water pump replaced, system bled")
    workshop.get_by_role("radio", name="Confirmed").check()
    dealership.it_is(starts + timedelta(hours=3))
    workshop.get_by_role("button", name="Close repair order").click()
    workshop.wait_for_selector("text=Water pump replaced")

    assert dealership.ask("SELECT state, close_reason FROM alert") == [("closed", "repaired")]
    assert dealership.ask("SELECT label FROM outcome") == [("confirmed",)]
    assert dealership.ask("SELECT count(*) FROM task WHERE state = 'open'") == [(0,)]
    eventually(lambda: len(dealership.texts(PHONE)) >= 2, "Clara has her texts")
