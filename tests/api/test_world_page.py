"""The page "World": the real window of a simulated world beside the real console."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from api.store.world import Belief
from api.verdict import Matter, Verdict, counted, judge
from api.window import Car, Fault, Innocent, Service
from record.local import LocalServers
from simulators.world import score
from simulators.world.window import (
    CarsTold,
    CarTold,
    FaultTold,
    InnocentTold,
    RunningWindow,
    ServiceTold,
    VisitTold,
    causes,
)
from tests.api.conftest import ROLES, Console, open_console
from tests.api.showroom import NOW, Showroom
from tests.api.test_browser import CONTRAST, UNNAMED, browser, sign_in, watched

__all__ = ["browser"]

WORD = "the word that opens it"

VINS = [f"VSSZZZ5FZKR0{10041 + i * 613}" for i in range(10)]
"""Of the showroom's cars."""


def days(number: float) -> timedelta:
    return timedelta(days=number)


def told(kind: str, onset: float, fails: float | None = None, **more: Any) -> FaultTold:
    """A fault that began `onset` days ago and fails in `fails` days."""
    return FaultTold(
        kind=kind,
        onset=NOW - days(onset),
        fails_at=NOW + days(fails) if fails is not None else None,
        **causes(kind),
        **{"noticed_at": None, "failed_at": None, "ended_at": None, "ended_by": None, **more},
    )


def world() -> CarsTold:
    """What is really wrong with the showroom's cars.

    The battery is found in time, the hot engine late, the misfire by its code; the service is
    announced before its plan runs out, a leaking tire is missed, and a heat wave fools nobody.
    """
    electric: dict[str, Any] = {"model": "volt", "powertrain": "electric"}
    petrol: dict[str, Any] = {"model": "lane_14", "powertrain": "petrol"}
    cars = [
        CarTold(
            vin=VINS[0],
            faults=(told("weak_battery", 30, 9, noticed_at=NOW + days(4)),),
            innocents=(InnocentTold(kind="cold_snap", start=NOW - days(9), end=NOW - days(2)),),
            visits=(VisitTold(at=NOW - days(1), cause=None, kind=None, verdict="nothing_found"),),
            **petrol,
        ),
        CarTold(
            vin=VINS[1],
            faults=(told("coolant_overheat", 1, -0.1, failed_at=NOW - days(0.1)),),
            **petrol,
        ),
        CarTold(
            vin=VINS[2],
            faults=(told("slow_tire_leak", 20, 30, noticed_at=NOW - days(2)),),
            **electric,
        ),
        CarTold(
            vin=VINS[3],
            faults=(told("vacuum_leak", 12, None),),
            innocents=(InnocentTold(kind="roof_box", start=NOW - days(200), end=None),),
            **petrol,
        ),
        CarTold(vin=VINS[4], services=(ServiceTold(at=NOW - days(290), by="dealer"),), **petrol),
        CarTold(vin=VINS[5], faults=(told("dpf_clogged", -5, 20),), **petrol),
        CarTold(vin=VINS[6], faults=(told("alternator", 3, 12),), **petrol),
        CarTold(
            vin="WVWZZZ1KZAW999999",
            innocents=(InnocentTold(kind="heat_wave", start=NOW - days(3), end=None),),
            **petrol,
        ),
        CarTold(vin="1RWLN1F4XMN000001", faults=(told("misfire", 3, 12),), **petrol),
    ]
    return CarsTold(now=NOW, vehicles=tuple(cars))


@pytest.fixture(scope="module")
def window() -> Iterator[RunningWindow]:
    with RunningWindow(world, WORD) as opened:
        yield opened


@pytest.fixture(scope="module")
def demo(
    servers: LocalServers, furnished: tuple[str, Showroom], window: RunningWindow
) -> Iterator[Console]:
    """A console that knows of a simulated world."""
    with open_console(servers, furnished, world_url=window.url, world_token=WORD) as console:
        yield console


# -- the page -------------------------------------------------------------------------------------


def test_truth_stands_beside_belief(demo: Console) -> None:
    with demo.client("manager") as client:
        text = client.get("/world").text
    for words in (
        "the 7 simulated cars of your dealer",
        "Aging 12 V battery",
        "12 V battery weak",
        "found 14 days before failure",
        "found 1 h after failure",
        "missed so far: the driver notices it already",
        "found, wrong cause",
        "announced, not due yet",
        "not found yet, 12 days to failure",
    ):
        assert words in text, words
    assert "Clogged particulate filter" not in text, "it hasn't begun"


def test_the_list_is_filtered_and_counted(demo: Console) -> None:
    with demo.client("manager") as client:
        missed = client.get("/world?verdict=missed").text
        assert "Slow tire leak" in missed and "Aging 12 V battery" not in missed.split("<table")[1]
        leak = client.get("/world?kind=vacuum_leak").text
        assert "found, wrong cause" in leak and "Slow tire leak" not in leak.split("<table")[1]
        assert "All <b>1</b>" in leak and "Wrong cause <b>1</b>" in leak
        assert "None of these" in client.get("/world?kind=vacuum_leak&verdict=found").text
        assert client.get("/world?verdict=nonsense").status_code == 200
        assert client.get("/world?first=-1").status_code == 422


def test_a_cars_story_is_drawn_and_told(demo: Console) -> None:
    with demo.client("admin") as client:
        text = client.get(f"/world/{demo.room.vehicles[0]}").text
    assert text.count('<svg class="timeline') == 2, "one for a desk, one for a phone"
    for words in (
        "<title>Aging 12 V battery: the driver notices</title>",
        "<title>Cold snap</title>",
        "<title>Text delivered</title>",
        "The workshop found nothing",
        "Alert: 12 V battery weak",
        'data-signals="battery_voltage_v,ambient_temp_c"',
    ):
        assert words in text, words


def test_a_healthy_car_has_its_page(demo: Console) -> None:
    with demo.client("admin") as client:
        text = client.get(f"/world/{demo.room.vehicles[5]}").text
        assert "Nothing is wrong with this car" in text
        unknown = client.get(f"/world/{demo.room.vehicles[8]}")
        assert unknown.status_code == 404 and "does not know this car" in unknown.text


@pytest.mark.parametrize("path", ["/world", "/world/{}"])
def test_who_may_see_it(demo: Console, path: str) -> None:
    path = path.format(demo.room.vehicles[0])
    for role in ROLES:
        with demo.client(role) as client:
            expected = 200 if role in ("manager", "admin") else 403
            assert client.get(path).status_code == expected, role
            assert ('href="/world"' in client.get("/").text) is (expected == 200), role
    with demo.client() as client:
        answer = client.get(path)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")


def test_nothing_of_another_dealers(demo: Console) -> None:
    with demo.client("admin") as client:
        other = client.get(f"/world/{demo.room.other['vehicle']}")
        assert other.status_code == 404
        text = client.get("/world").text + other.text
        for secret in ("WVWZZZ1KZAW999999", "ZZ 9", "Fiat", "Heat wave", "1RWLN1F4XMN000001"):
            assert secret not in text
        assert client.get("/world/999999999999").status_code == 404


def test_a_world_that_is_silent_says_so(
    servers: LocalServers, furnished: tuple[str, Showroom], window: RunningWindow
) -> None:
    for url, word in (("http://127.0.0.1:9", WORD), (window.url, "another word, not that one")):
        with (
            open_console(servers, furnished, world_url=url, world_token=word) as console,
            console.client("manager") as client,
        ):
            for path in ("/world", f"/world/{console.room.vehicles[0]}"):
                answer = client.get(path)
                assert answer.status_code == 503
                assert "The simulated world does not answer" in answer.text
            assert client.get("/").status_code == 200


def test_without_a_world_there_is_no_page(gallery: Console) -> None:
    with gallery.client("admin") as client:
        assert client.get("/world").status_code == 404
        assert "/world" not in client.get("/").text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
def test_it_can_be_read_by_all(browser: Browser, demo: Console, scheme: str, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 860},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page, complaints = watched(context)
    sign_in(page, demo, "manager")
    for path in ("/world", "/world?verdict=found", f"/world/{demo.room.vehicles[0]}"):
        page.goto(demo.url + path)
        assert page.locator("h1").count() == 1, path
        assert page.evaluate(UNNAMED) == [], path
        assert page.evaluate(CONTRAST) == [], f"{path} {scheme}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    drawings = page.get_by_role("img", name="What was wrong with this car")
    expect(drawings).to_have_count(1)  # the other one is not there for anybody
    page.goto(f"{demo.url}/world")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    assert complaints == []
    context.close()


# -- the verdict ----------------------------------------------------------------------------------


def fault(**more: Any) -> Fault:
    return Fault(
        **{
            "kind": "weak_battery",
            "onset": NOW - days(30),
            "named_by": ["battery_12v"],
            "near": ["dtc_p0562"],
            **more,
        }
    )


def alert(cause: str, opened: float, **more: Any) -> Belief:
    """An alert of `opened` days ago."""
    closed: datetime | None = more.pop("closed_at", None)
    return Belief(
        **{
            "id": 1, "vehicle_id": 1, "vin": "V", "cause": cause, "urgency": "soon",
            "state": "closed" if closed else "open", "opened_at": NOW - days(opened),
            "closed_at": closed, "close_reason": "repaired" if closed else None,
            "expect_from": None, "expect_to": None, **more,
        }
    )  # fmt: skip


def only(car: dict[str, Any], *alerts: Belief) -> Matter:
    """The newest matter of a car; older alerts of the table's rows are matters of their own."""
    return judge(Car(vin="V", model="m", powertrain="petrol", **car), alerts, NOW)[0]


@pytest.mark.parametrize(
    ("what", "alerts", "verdict", "words"),
    [
        ({"fails_at": NOW + days(3)}, [alert("battery_12v", 6)],
         Verdict.FOUND, "found 9 days before failure"),
        ({"fails_at": NOW - days(3), "failed_at": NOW - days(4)}, [alert("battery_12v", 2)],
         Verdict.LATE, "found 2 days after failure"),
        ({"noticed_at": NOW + days(3)}, [alert("battery_12v", 6)],
         Verdict.FOUND, "found 9 days before the driver notices"),
        ({}, [alert("battery_12v", 6)], Verdict.FOUND, "found 24 days after it began"),
        ({"fails_at": NOW + days(3)}, [alert("dtc_p0562", 6)],
         Verdict.WRONG, "found, wrong cause"),
        ({"onset": NOW - days(9), "fails_at": NOW + days(3)},
         [alert("dtc_p0301", 40, closed_at=NOW - days(35))],
         Verdict.EARLY, "not found yet, 3 days to failure"),
        ({"onset": NOW - days(0.2), "fails_at": NOW}, [],
         Verdict.EARLY, "not found yet, it has just begun"),
        ({"onset": NOW - days(2), "noticed_at": NOW - days(2)}, [alert("battery_12v", 1)],
         Verdict.FOUND, "found 24 h after it began"),
        ({}, [], Verdict.MISSED, "missed so far: it is there for 30 days"),
        ({"onset": NOW - days(9), "fails_at": NOW + days(3)}, [],
         Verdict.EARLY, "not found yet, 3 days to failure"),
        ({"fails_at": NOW - days(3)}, [], Verdict.MISSED, "missed so far: it is as bad as it gets"),
        ({"failed_at": NOW - days(3)}, [], Verdict.MISSED, "missed: it failed without a word"),
        ({"ended_at": NOW - days(3), "ended_by": "elsewhere"}, [],
         Verdict.MISSED, "missed: it ended without a word"),
    ],
)  # fmt: skip
def test_a_fault_gets_its_verdict(
    what: dict[str, Any], alerts: list[Belief], verdict: Verdict, words: str
) -> None:
    matter = only({"faults": (fault(**what),)}, *alerts)
    assert (matter.verdict, matter.words) == (verdict, words)


def test_an_alert_with_nothing_behind_it_is_false() -> None:
    snow = Innocent(kind="cold_snap", start=NOW - days(9), end=NOW - days(6))
    assert only({"innocents": (snow,)}, alert("battery_12v", 5)).words == "false alert: cold snap"
    assert only({"innocents": (snow,)}, alert("battery_12v", 1)).words == (
        "false alert: nothing is wrong"
    )
    mended = fault(ended_at=NOW - days(20), ended_by="repaired")
    matters = judge(
        Car(vin="V", model="m", powertrain="petrol", faults=(mended,)),
        [alert("battery_12v", 25, id=1, closed_at=NOW - days(19)), alert("battery_12v", 5, id=2)],
        NOW,
    )
    assert [m.verdict for m in matters] == [Verdict.FALSE, Verdict.FOUND]
    assert matters[0].words == "false alert: repaired before"


def test_each_fault_keeps_the_alert_that_names_it() -> None:
    """Two faults at once, two alerts: neither is the other's wrong cause."""
    leak = fault(kind="vacuum_leak", onset=NOW - days(9), named_by=["vacuum_leak"])
    matters = judge(
        Car(vin="V", model="m", powertrain="petrol", faults=(fault(), leak)),
        [alert("battery_12v", 6)],
        NOW,
    )
    assert {m.kind: m.verdict for m in matters} == {
        "weak_battery": Verdict.FOUND,
        "vacuum_leak": Verdict.EARLY,
    }


def test_it_judges_as_the_scorecard_does() -> None:
    """Two rooms, one set of rules: the same rows give the same numbers on both sides."""
    kinds = {
        "weak_battery": [alert("battery_12v", 6, id=1), alert("dtc_p0562", 5, id=2)],
        "alternator": [alert("battery_12v", 6, id=3)],
        "vacuum_leak": [alert("battery_12v", 6, id=4)],
        "misfire": [alert("dtc_p0301", 29, id=5), alert("vacuum_leak", 20, id=6)],
        "slow_tire_leak": [],
    }
    onset = NOW - days(28)
    cars = [
        Car(
            vin=kind, model="m", powertrain="petrol",
            faults=(Fault(kind=kind, onset=onset, ended_at=NOW - days(1), **causes(kind)),),
        )
        for kind in kinds
    ]  # fmt: skip
    card = score.judge(
        score.Rows(
            seed=1, start=NOW - days(90), now=NOW, notes=(), vehicles=len(kinds), customers=1,
            faults=[
                score.Fault(kind, kind, onset, None, None, None, NOW - days(1), "repaired")
                for kind in kinds
            ],
            alerts=[
                score.Alert(a.id, kind, a.cause, a.opened_at, None, 0, None, None)
                for kind, told_of in kinds.items()
                for a in told_of
            ],
        )
    )  # fmt: skip
    counts = counted([m for car in cars for m in judge(car, kinds[car.vin], NOW)])
    by_kind = {one.kind: one for one in card.kinds}
    assert counts["false"] == card.false_alerts == 2
    assert counts["found"] == sum(one.right for one in by_kind.values()) == 1
    assert counts["wrong"] == sum(one.found - one.right for one in by_kind.values()) == 2
    assert counts["missed"] == sum(one.gradable - one.found for one in by_kind.values()) == 2


def test_a_service_is_announced_missed_or_false() -> None:
    due = {"dues": (NOW - days(2),)}
    assert only(due, alert("service_due", 20)).words == "announced 18 days before it fell due"
    assert only(due).verdict is Verdict.MISSED
    waiting = alert("service_due", 5, expect_to=NOW + days(20))
    assert only({}, waiting).verdict is Verdict.EARLY
    wrong = alert("service_due", 25, expect_to=NOW - days(5))
    assert only({}, wrong).words == "false alert: it is not due"
    elsewhere = Service(at=NOW - days(40), by="elsewhere")
    assert only({"services": (elsewhere,)}, waiting).words == "false alert: serviced elsewhere"


def test_what_has_not_begun_is_not_told() -> None:
    car = Car(
        vin="V", model="m", powertrain="petrol",
        faults=(fault(onset=NOW + days(1)),), dues=(NOW + days(9),),
    )  # fmt: skip
    assert judge(car, [], NOW) == []
