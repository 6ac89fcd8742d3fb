"""The repair that did not please: one text, one honest number, and the manager calls."""

from datetime import timedelta

from simulators.drives import KIT_SAMPLE, moved, parse
from simulators.inject import overheat
from tests.conftest import eventually
from tests.stories.conftest import Dealership, new_york

VIN = "VSSZZZ5FZHR000018"
PHONE = "+16175550124"


def test_an_unhappy_customer_hears_from_the_manager(dealership: Dealership) -> None:
    now = new_york(2026, 3, 3, 10)
    dealership.it_is(now)
    owner = dealership.owner("Clara Vogt", PHONE, now)
    dealership.car(VIN, owner, now, make="Seat", model="Leon", last_service_at=now)
    drive = moved(parse(KIT_SAMPLE).frames, new_york(2026, 3, 3, 8, 15))
    dealership.drives(VIN, list(overheat(drive, onset_s=300)))
    dealership.next_text(PHONE)
    dealership.answers(PHONE, "1")
    ((booking_id, starts),) = dealership.ask("SELECT id, lower(during) FROM booking")

    # the workshop estimates, Clara approves all of it on her phone, and follows the repair there
    dealership.it_is(starts)
    rest = dealership.rest
    order = rest.post(f"/bookings/{booking_id}/arrive").raise_for_status().json()["id"]
    lines = [
        {"kind": "labour", "title": "Replace water pump, bleed system", "hundredths": 240},
        {"kind": "part", "title": "Water pump", "hundredths": 100, "unit_minor": 18_900},
    ]
    path = f"/repair-orders/{order}"
    rest.post(f"{path}/estimate", json={"lines": lines}).raise_for_status()
    rest.post(f"{path}/estimate/send").raise_for_status()
    text = next(t for t in _until(dealership, "estimate") if "estimate" in t)
    assert "$525.00" in text
    phone = dealership.open_page(
        viewport={"width": 390, "height": 844}, java_script_enabled=False, is_mobile=True
    )
    phone.goto(text[text.index("http") :].split()[0])
    assert phone.inner_text("h1") == "Waiting for your approval"
    phone.get_by_role("button", name="Approve everything").click()
    assert "we have your answer" in phone.inner_text("main")
    for state in ("in_progress", "quality_check", "ready"):
        rest.post(f"{path}/state", json={"state": state}).raise_for_status()
    phone.reload()
    assert phone.inner_text("h1") == "Ready to be picked up"
    done = {"cause": "Pump seized", "correction": "Water pump replaced", "finding": "confirmed"}
    dealership.it_is(starts + timedelta(hours=4))
    closed = rest.post(f"{path}/close", json=done).raise_for_status().json()
    assert closed["invoice_minor"] == 52_500

    # thanks come the next day (one message a day), and two days later we ask; she answers with one
    # number and two words
    dealership.it_is(starts + timedelta(days=1, hours=2))
    _until(dealership, "Thank you")
    friday = starts + timedelta(days=3)
    dealership.it_is(friday)
    rest.post(f"{path}/ask-rating").raise_for_status()
    _until(dealership, "How did we do")
    dealership.answers(PHONE, "1 still rattles")
    assert dealership.ask("SELECT meaning FROM reply ORDER BY id DESC LIMIT 1") == [("rating 1",)]
    assert dealership.ask("SELECT stars, words FROM rating") == [(1, "still rattles")]
    ((owner_id, kind, at),) = dealership.ask(
        "SELECT owner_id, kind, created_at FROM task WHERE title LIKE 'Rated 1 of 5%%'"
    )
    assert (owner_id, kind, at) == (dealership.keys.staff["manager"], "call", friday)
    assert dealership.ask("SELECT lifted_at FROM promotion_stop WHERE customer_id = %s", owner) == [
        (None,)
    ]

    # the manager finds it at the top, with her words
    manager = dealership.sign_in("manager")
    assert "still rattles" in manager.inner_text("main")
    manager.goto(f"{dealership.console}/repair-orders/{order}")
    assert "1 of 5" in manager.inner_text("main")
    assert "Promotions are stopped" in manager.inner_text("main")


def _until(dealership: Dealership, words: str) -> list[str]:
    """What the phone received, once one of the texts says so."""
    return eventually(
        lambda: [t for t in dealership.texts(PHONE) if words in t], f"{words!r} arrives", 20
    )
