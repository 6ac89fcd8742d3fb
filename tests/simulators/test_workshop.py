"""A workshop's front desk and its technicians, and who books on the page: on the real console."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from api.settings import ApiSettings
from care.links import slot_token
from record.clock import Scale, set_scale, wall
from record.dtc import is_dtc
from simulators import faults, seed
from simulators.climate import Climate
from simulators.customers import Customer, Did
from simulators.faults.weak_battery import WeakBattery
from simulators.vehicle import Vehicle
from simulators.workshop import Found, Step, Workshop
from simulators.world.causes import KIN
from simulators.world.plan import Dealer
from simulators.world.technician import UNLED, look
from tests.api.conftest import serve
from tests.simulators.test_customers import Phones

PASSWORD = "one car, one desk"
SECRET = "a secret of enough letters"
MONDAY = datetime(2026, 3, 2, 14, tzinfo=UTC)
"""Nine in the morning in Boston."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
VINS = ("1RWLN1F4XMN000001", "1RWLN1F4XMN000002", "1RWLN1F4XMN000003")
MENDED = Found("Battery at 41 %", "Replaced battery", "confirmed")


class Shop:
    """A dealer with a console, two customers' cars, and the story's clock."""

    def __init__(self, database: str, url: str, alerts: dict[str, int]) -> None:
        self.database, self.url, self.alerts = database, url, alerts
        self.rest = httpx.Client(base_url=f"{url}/api/v1", timeout=20)
        who = {"email": "manager@harbour.example", "password": PASSWORD}
        token = self.rest.post("/token", json=who).raise_for_status().json()["token"]
        self.rest.headers["Authorization"] = f"Bearer {token}"
        self.desks: list[Workshop] = []

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, options="-c timezone=UTC") as conn:
            return conn.execute(query, values).fetchall()

    def it_is(self, at: datetime) -> None:
        with psycopg.connect(self.database) as conn:
            set_scale(conn, Scale(wall(), at, 0.0))

    def books(self, vin: str) -> tuple[datetime, datetime]:
        """The soonest time for what the car's alert is about."""
        [(vehicle,)] = self.ask("SELECT id FROM vehicle WHERE vin = %s", vin)
        [slot, *_] = self.rest.get("/slots", params={"op_code": "DIAG"}).json()
        wish = {
            "vehicle_id": vehicle,
            "slot": slot["key"],
            "op_code": "DIAG",
            "alert_id": self.alerts[vin],
        }
        kept = self.rest.post("/bookings", json=wish).raise_for_status().json()
        return datetime.fromisoformat(kept["starts_at"]), datetime.fromisoformat(kept["ends_at"])

    def desk(self, technician: Callable[[str, str | None], Found], **more: Any) -> Workshop:
        who = ("manager@harbour.example", PASSWORD)
        self.desks.append(Workshop(self.url, *who, technician, **more))
        return self.desks[-1]

    def steps(self, desk: Workshop, at: datetime) -> list[tuple[str, str]]:
        """What happens at the desk at a moment: VIN's last digit, and what."""
        self.it_is(at)
        told = desk.step(at)
        assert all(isinstance(one, Step) and one.at == at for one in told)
        return [(one.vin[-1], one.what) for one in told]

    def close(self) -> None:
        self.rest.close()
        for desk in self.desks:
            desk._http.close()


@pytest.fixture
def shop(database: str) -> Iterator[Shop]:
    alerts = {}
    with psycopg.connect(database, options="-c timezone=UTC") as conn:
        keys = seed.dealer(conn, password=PASSWORD)
        set_scale(conn, Scale(wall(), MONDAY, 0.0))
        for number, vin in enumerate(VINS):
            person = seed.customer(
                conn, keys, name=f"Person {number}", phone=f"+1617555010{number}", now=MONDAY
            )
            vehicle = seed.vehicle(conn, keys, vin=vin, owner_id=person, now=MONDAY)
            row = conn.execute(
                """
                INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary,
                    opened_at, refreshed_at)
                VALUES (%s, 'battery_12v', 'open', 'soon', 0.9, 'It cranks low.', %s, %s)
                RETURNING id
                """,
                (vehicle, MONDAY - DAY, MONDAY - DAY),
            ).fetchone()
            assert row is not None
            alerts[vin] = row[0]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = ApiSettings(
            database_url=database, secret_key=SECRET, public_url=url, twilio_auth_token="x"
        )
        server, thread = serve(settings, listener)
        shop = Shop(database, url, alerts)
        yield shop
        shop.close()
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()


# -- the desk --------------------------------------------------------------------------------------


def test_a_car_comes_is_repaired_and_the_alert_has_its_answer(shop: Shop) -> None:
    starts, ends = shop.books(VINS[0])
    asked: list[tuple[str, str | None]] = []

    def technician(vin: str, cause: str | None) -> Found:
        asked.append((vin, cause))
        return MENDED

    desk = shop.desk(technician)
    assert desk.next_at(starts - HOUR) == starts
    assert shop.steps(desk, starts - timedelta(minutes=1)) == []
    assert shop.steps(desk, starts) == [("1", "arrived")]
    assert shop.steps(desk, starts + timedelta(minutes=5)) == [("1", "started")]
    assert desk.next_at(starts + timedelta(minutes=5)) == ends
    assert not asked
    assert shop.steps(desk, ends) == [("1", "closed")]
    assert shop.steps(desk, ends + HOUR) == [] and desk.next_at(ends) is None
    assert asked == [(VINS[0], "battery_12v")]
    [order] = shop.ask("SELECT state, cause, correction, finding, closed_at FROM repair_order")
    assert order == ("closed", MENDED.cause, MENDED.correction, "confirmed", ends)
    assert shop.ask("SELECT label FROM outcome") == [("confirmed",)]
    state = "SELECT state, close_reason FROM alert WHERE id = %s"
    assert shop.ask(state, shop.alerts[VINS[0]]) == [("closed", "repaired")]


def test_nothing_found_is_written_down_too(shop: Shop) -> None:
    _, ends = shop.books(VINS[0])
    nothing = Found("No fault found", "Test drive without result", "no_fault_found")
    desk = shop.desk(lambda vin, cause: nothing)
    assert shop.steps(desk, ends) == [("1", "arrived"), ("1", "started"), ("1", "closed")]
    assert shop.ask("SELECT label FROM outcome") == [("no_fault_found",)]


def test_who_does_not_come_is_given_up_after_half_an_hour(shop: Shop) -> None:
    starts, _ = shop.books(VINS[0])
    desk = shop.desk(lambda vin, cause: MENDED, comes=lambda booking: booking["vin"] != VINS[0])
    late = starts + timedelta(minutes=30)
    assert desk.next_at(starts) == late
    assert shop.steps(desk, starts + timedelta(minutes=29)) == []
    assert shop.steps(desk, late) == [("1", "no_show")]
    assert shop.ask("SELECT state FROM booking") == [("no_show",)]


def test_a_car_waits_for_its_part(shop: Shop) -> None:
    _, ends = shop.books(VINS[0])
    looked = []

    def technician(vin: str, cause: str | None) -> Found:
        looked.append(vin)
        return replace(MENDED, ready_after=3 * DAY)

    desk = shop.desk(technician, looks_back=12)
    assert shop.steps(desk, ends) == [("1", "arrived"), ("1", "started")]
    assert shop.steps(desk, ends + 3 * DAY - timedelta(minutes=1)) == []
    assert desk.next_at(ends + 2 * DAY) == ends + 3 * DAY
    assert shop.steps(desk, ends + 3 * DAY) == [("1", "closed")]
    assert looked == [VINS[0]]


def test_the_order_of_things_is_theirs_not_the_bookings(shop: Shop) -> None:
    """Of two that come at once, the lower VIN is received first, whoever booked first."""
    times = [shop.books(vin) for vin in (VINS[2], VINS[0])]
    desk = shop.desk(lambda vin, cause: MENDED)
    assert times[0] == times[1]  # a bay for each
    told = shop.steps(desk, times[0][1])
    assert told == [
        ("1", "arrived"), ("3", "arrived"), ("1", "started"), ("3", "started"),
        ("1", "closed"), ("3", "closed"),
    ]  # fmt: skip


def test_one_step_at_a_time_is_the_same(shop: Shop) -> None:
    _, ends = shop.books(VINS[1])
    desk = shop.desk(lambda vin, cause: MENDED)
    shop.it_is(ends)
    told = []
    while (one := desk.act(ends)) is not None:
        told.append(one.what)
    assert told == ["arrived", "started", "closed"]


def test_a_customer_books_on_the_page(shop: Shop) -> None:
    """The link of a text leads to the real page, and the first time there is booked."""
    [(customer, vehicle)] = shop.ask(
        "SELECT c.id, v.id FROM customer c JOIN ownership o ON o.customer_id = c.id "
        "JOIN vehicle v ON v.id = o.vehicle_id WHERE v.vin = %s",
        VINS[0],
    )
    token = slot_token(
        SECRET, customer_id=customer, vehicle_id=vehicle, alert_id=shop.alerts[VINS[0]], now=MONDAY
    )
    phone = "+16175550100"
    with Phones() as phones:
        customers = phones.of(Customer("Person 0", phone, "page"))
        phones.text(phone, f"Reply 1 for Tue 9:00, 2 for 13:30. More times: {shop.url}/b/{token}")
        customers.step(MONDAY)
        at = customers.next_at
        assert at is not None and shop.ask("SELECT count(*) FROM booking") == [(0,)]
        shop.it_is(at)
        assert customers.step(at) == [Did(at, phone, "page")]
        assert phones.answers(phone) == []
    assert shop.ask("SELECT state, source, customer_id FROM booking") == [
        ("booked", "slot page", customer)
    ]


# -- the technician --------------------------------------------------------------------------------

START = datetime(2026, 1, 5, 5, tzinfo=UTC)
NOW = START + 40 * DAY
GARAGE = Dealer(
    "Harbour Motors", "harbour.example", "America/New_York", Climate(),
    diagnosis=0.8, misdiagnosis=0.1, parts_days=4.0, on_shelf=0.7,
)  # fmt: skip


def visits(
    cause: str | None, dealer: Dealer = GARAGE, onset: datetime = START + DAY, cars: int = 400
) -> list[tuple[str, str | None, Found]]:
    """What is found on cars with weak batteries."""
    found = []
    for number in range(cars):
        car = Vehicle(f"1RWLN1F4XMN{number:06}", start=START, faults=[WeakBattery(onset)])
        visit = look(car, cause, dealer, NOW, seed=1)
        assert visit == look(car, cause, dealer, NOW, seed=1)
        found.append((visit.verdict, visit.kind, visit.found))
    return found


def test_a_led_technician_finds_misdiagnoses_or_finds_nothing() -> None:
    seen = visits("battery_12v")
    share = {verdict: count / len(seen) for verdict, count in Counter(v for v, *_ in seen).items()}
    assert share["fixed"] == pytest.approx(0.8, abs=0.06)
    assert share["misdiagnosed"] == pytest.approx(0.1, abs=0.05)
    assert share["nothing_found"] == pytest.approx(0.1, abs=0.05)
    for verdict, kind, found in seen:
        assert (kind == "weak_battery") == (verdict == "fixed")
        assert (found.finding == "confirmed") == (verdict != "nothing_found")
        assert (found.cause == KIN["weak_battery"].found) == (verdict == "fixed")


def test_another_cause_seldom_leads_to_it() -> None:
    verdicts = Counter(verdict for verdict, *_ in visits("coolant_overheat"))
    assert set(verdicts) == {"fixed", "nothing_found"}
    assert verdicts["fixed"] / 400 == pytest.approx(0.8 * UNLED, abs=0.06)


def test_a_service_is_a_service() -> None:
    for cause in ("service_due", None):
        verdicts = Counter(verdict for verdict, *_ in visits(cause, onset=NOW + DAY))
        assert verdicts == {"serviced": 400}


def test_a_fault_to_come_is_not_found() -> None:
    assert {verdict for verdict, *_ in visits("battery_12v", onset=NOW + DAY)} == {"nothing_found"}


def test_a_perfect_workshop_finds_all_and_has_all() -> None:
    perfect = replace(GARAGE, diagnosis=1.0, misdiagnosis=0.0, on_shelf=1.0)
    seen = visits("battery_12v", perfect)
    assert {(verdict, found.ready_after) for verdict, _, found in seen} == {("fixed", timedelta())}


def test_a_part_comes_before_the_workshop_forgets() -> None:
    """The driver's desks look back twelve days: a car that waits longer would stay for ever."""
    waits = [found.ready_after for verdict, _, found in visits("battery_12v") if verdict == "fixed"]
    late = [one for one in waits if one]
    assert 0.2 < len(late) / len(waits) < 0.4
    assert min(late) >= DAY and max(late) <= 10 * DAY


def test_every_fault_has_its_kin() -> None:
    """Each kind is known by causes, its own name among them, and words for the repair order."""
    assert set(KIN) == set(faults.KINDS)
    for kind, kin in KIN.items():
        assert kind in kin.right and kin.speaks(kind) and not kin.speaks("nonsense")
        assert 5 < len(kin.found) < 100 and 5 < len(kin.done) < 100
        for cause in kin.right | kin.near:
            if cause.startswith("dtc_"):
                assert cause in KIN or is_dtc(cause.removeprefix("dtc_").upper())
    assert KIN["weak_battery"].speaks("battery_12v") and KIN["alternator"].speaks("battery_12v")
    assert "battery_12v" not in KIN["alternator"].right
    assert "dtc_p0301" in KIN["misfire"].right
