"""What advisors see and do, page by page."""

import psycopg
import pytest

from tests.api.conftest import Console
from tests.api.showroom import NOW


def test_the_inbox_says_what_matters_first(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        text = client.get("/").text
        assert text.index("Engine overheating") < text.index("Ben Tanaka asks")
        assert text.index("Ben Tanaka asks") < text.index("12 V battery weak")
        assert "4 to do, 1 watched" in text
        mine = client.get("/?view=mine").text
        assert "Ben Tanaka asks" in mine and "Engine overheating" not in mine
        assert (
            "The engine is misfiring (P0301)" in client.get("/?view=unclaimed&urgency=service").text
        )
        assert "12 V battery" not in client.get("/?view=all&urgency=stop").text
        assert "Nothing of this urgency" in client.get("/?view=replies&urgency=stop").text


def test_claim_and_done(console: Console) -> None:
    task = console.room.tasks["hot"]
    with console.client("advisor") as client:
        answer = client.post(f"/tasks/{task}/claim", data={"back": "/?view=mine"})
        assert answer.headers["location"] == "/?view=mine"
        page = client.get("/?view=mine").text
        assert "Engine overheating" in page
        assert "yours now" in page and "yours now" not in client.get("/").text
        assert client.post(f"/tasks/{task}/done", data={}).status_code == 422
        client.post(f"/tasks/{task}/done", data={"reason": "Called: towed in"})
        assert "Engine overheating" not in client.get("/?view=mine").text
        again = client.post(f"/tasks/{task}/done", data={"reason": "again"})
        assert again.status_code == 409 and "done already" in again.text
    assert console.ask("SELECT done_reason FROM task WHERE id = %s", task) == "Called: towed in"


def test_an_alert_explains_itself(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        text = client.get(f"/alerts/{gallery.room.alerts['battery']}").text
    for words in (
        "Cranking voltage has fallen from 10.6 V to 7.9 V",
        "Lowest voltage while cranking was 7.9 V; 9.6 V was expected.",
        "alternator is not the cause",
        "Nov 24 to Dec 9",
        "in 6 to 21 days",
        "91\N{NO-BREAK SPACE}%",
        "Maria Alvarez",
        "low_voltage",
        'data-signals="battery_voltage_v,coolant_temp_c"',
    ):
        assert words in text


def test_trouble_codes_are_decoded(gallery: Console) -> None:
    with gallery.client("technician") as client:
        text = client.get(f"/alerts/{gallery.room.alerts['dtc']}").text
    assert "Cylinder 1 Misfire Detected" in text and "P0420" in text


def test_a_silent_car_is_unknown(console: Console) -> None:
    silent = console.room.vehicles[6]
    with console.client("advisor") as client:
        text = client.get(f"/vehicles/{silent}").text
        assert "has never been heard" in text and "Unknown" in text
        assert "Nothing found" not in text
        assert client.get(f"/api/v1/vehicles/{silent}").json()["condition"] == "unknown"
        heard = console.room.vehicles[5]
        assert client.get(f"/api/v1/vehicles/{heard}").json()["condition"] == "quiet"
        console.do("DELETE FROM telemetry WHERE vehicle_id = %s", heard)
        console.do("UPDATE detector_state SET judged_ts = '2026-11-01T00:00Z'")
        assert client.get(f"/api/v1/vehicles/{heard}").json()["condition"] == "unknown"
        assert "Not heard since" in client.get(f"/vehicles/{heard}").text


def test_a_chart_keeps_the_dip(gallery: Console) -> None:
    """Thinned to fifty buckets, the crank's one second must still show."""
    vehicle = gallery.room.vehicles[0]
    with gallery.client("technician") as client:
        for span in ("evidence", "24h", "7d", "90d"):
            doc = client.get(
                f"/vehicles/{vehicle}/telemetry.json",
                params={"signals": "battery_voltage_v", "span": span, "points": 50},
            ).json()
            (series,) = doc["series"]
            assert 0 < len(doc["at"]) <= 50
            assert doc["at"] == sorted(doc["at"])
            assert min(series["low"]) < 9 < 14 < max(series["high"]), span
        names = {"signals": "battery_voltage_v; DROP TABLE alert,vin,dtcs,mil_on,nope"}
        assert (
            client.get(f"/vehicles/{vehicle}/telemetry.json", params=names).json()["series"] == []
        )


def test_dismiss_needs_a_reason(console: Console) -> None:
    alert = console.room.alerts["dtc"]
    with console.client("advisor") as client:
        assert client.post(f"/alerts/{alert}/dismiss", data={"reason": ""}).status_code == 409
        assert client.post(f"/alerts/{alert}/dismiss", data={"reason": "  "}).status_code == 409
        client.post(f"/alerts/{alert}/dismiss", data={"reason": "Known to the customer"})
        assert "Dismissed" in client.get(f"/alerts/{alert}").text
    assert console.ask("SELECT close_reason FROM alert WHERE id = %s", alert) == "dismissed"


def test_book_arrive_repair_close(console: Console) -> None:
    """The advisor books, the car comes, the technician closes: the alert has its label."""
    room = console.room
    vehicle, alert = room.vehicles[0], room.alerts["battery"]
    with console.client("advisor") as client:
        slots = client.get("/api/v1/slots?op_code=BATT-TEST&count=3").json()
        assert len(slots) == 3
        page = client.get(f"/vehicles/{vehicle}/book?alert={alert}").text
        assert slots[0]["key"] in page and "Battery and charging test" in page
        form = {"slot": slots[0]["key"], "op": "BATT-TEST", "alert": alert}
        booked = client.post(f"/vehicles/{vehicle}/book", data=form)
        assert booked.headers["location"] == f"/alerts/{alert}"
        assert "Booked for" in client.get(f"/alerts/{alert}").text
        twice = client.post(f"/vehicles/{vehicle}/book", data=form)
        assert twice.status_code == 409
        booking = console.ask("SELECT max(id) FROM booking WHERE alert_id = %s", alert)
        assert client.get(f"/bookings/{booking}").status_code == 200
        arrived = client.post(f"/bookings/{booking}/arrive")
        order = arrived.headers["location"]
        assert client.get(order).status_code == 200
    with console.client("technician") as client:
        client.post(f"{order}/start")
        form = {"cause": "Old", "correction": "Replaced", "finding": "maybe"}
        assert client.post(f"{order}/close", data=form).status_code == 422
        client.post(f"{order}/close", data={**form, "finding": "confirmed"})
        text = client.get(order).text
        assert "Confirmed" in text and "Replaced" in text
    assert console.ask("SELECT label FROM outcome WHERE alert_id = %s", alert) == "confirmed"
    assert console.ask("SELECT state FROM alert WHERE id = %s", alert) == "closed"


def test_a_bad_slot_books_nothing(console: Console) -> None:
    vehicle = console.room.vehicles[2]
    before = console.ask("SELECT count(*) FROM booking")
    with console.client("advisor") as client:
        for slot in (
            "",
            "x",
            "1.1.1.2",
            "1.1.1796286600.1796286600",
            "9999.1.1796286600.1796290200",
            "1.1.99999999999.99999999999",
            "-1.1.2.3",
            "1.1.1796286600.1896290200",
        ):
            answer = client.post(f"/vehicles/{vehicle}/book", data={"slot": slot, "op": "DIAG"})
            if answer.status_code == 303:  # in the past: told so
                assert "book" in answer.headers["location"]
            else:
                assert answer.status_code in (409, 422), f"{slot}: {answer.status_code}"
    assert console.ask("SELECT count(*) FROM booking") == before


def test_the_customer_page_shows_it_all(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        text = client.get(f"/customers/{gallery.room.customers[0]}").text
        assert "Is it urgent? I am away until Friday" in text
        assert "Not sent" in text and "Already 2 message(s) this week." in text
        assert "Agreed" in text and "sales contract" in text
        stopped = client.get(f"/customers/{gallery.room.customers[5]}").text
        assert "said STOP" in stopped


def test_an_advisor_writes(console: Console) -> None:
    customer = console.room.customers[0]
    with console.client("advisor") as client:
        empty = client.post(f"/customers/{customer}/messages", data={"body": ""})
        assert empty.status_code == 422
        client.post(f"/customers/{customer}/messages", data={"body": "See you\r\non Friday"})
        assert "See you\non Friday" in client.get(f"/customers/{customer}").text
    row = "SELECT purpose FROM outreach WHERE body LIKE 'See you%%'"
    assert console.ask(row) == "reply"


def test_the_day_by_bays(gallery: Console) -> None:
    with gallery.client("technician") as client:
        text = client.get("/bookings").text
        assert "Wednesday, November 18, 2026" in text and "7 bookings" in text
        assert text.index("Bay 1") < text.index("Ruth Adler") < text.index("Bay 2")
        assert "Not coming" in text and "Li Wei" in text
        assert 'href="?day=2026-11-17"' in text and 'href="?day=2026-11-19"' in text
        assert "0 bookings" in client.get("/bookings?day=2026-11-21").text


def test_cancel_and_no_show(console: Console) -> None:
    first, second = console.room.bookings[2], console.room.bookings[4]
    with console.client("advisor") as client:
        client.post(f"/bookings/{first}/cancel")
        assert "Cancelled" in client.get(f"/bookings/{first}").text
        answer = client.post(f"/bookings/{second}/no-show")
        assert answer.status_code in (303, 409)  # care may say: it isn't time yet
    assert console.ask("SELECT state FROM booking WHERE id = %s", first) == "cancelled"


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("alvar", "Maria Alvarez"), ("KA4821", "SEAT Leon"), ("ka 48", "SEAT Leon"),
        ("010041", "SEAT Leon"), ("312-555-1200", "Maria Alvarez"), ("Li", "Li Wei"),
    ],
)  # fmt: skip
def test_search(gallery: Console, q: str, found: str) -> None:
    with gallery.client("advisor") as client:
        text = client.get("/search", params={"q": q}).text
    assert found in text
    with gallery.client("technician") as client:
        people = client.get("/search", params={"q": "alvar"}).text
    assert "/customers/" not in people


def test_lists_page_on_by_key(console: Console) -> None:
    with psycopg.connect(console.database) as conn:
        conn.execute(
            "INSERT INTO customer (dealer_id, name, time_zone)"
            " SELECT 1, 'Same Name', 'UTC' FROM generate_series(1, 120)"
        )
        conn.execute(
            "INSERT INTO vehicle (vin, dealer_id, make, model)"
            " SELECT 'WVWZZZ1KZAW' || (100000 + g), 1, 'Same', 'Model'"
            " FROM generate_series(1, 120) g"
        )
        conn.execute(
            "INSERT INTO task (dealer_id, kind, title, next_action, priority, state, created_at,"
            " deadline) SELECT 1, 'call', 'T', 'A', 5.1, 'open', %(now)s, %(now)s"
            " FROM generate_series(1, 120)",
            {"now": NOW},
        )
        conn.execute("UPDATE staff SET calls_a_day = 200")
    with console.client("admin") as client:
        for what, key, expected in (
            ("customers", "id", 130), ("vehicles", "id", 130), ("tasks", "id", 124)
        ):  # fmt: skip
            seen: list[int] = []
            address: str | None = f"/api/v1/{what}?limit=50"
            while address:
                page = client.get(address).json()
                seen += [item[key] for item in page["items"]]
                address = page["next"]
            assert len(seen) == len(set(seen)) == expected, what
        assert "after=" in client.get("/").text
        assert "after=" in client.get("/vehicles").text


def test_quarantine_is_tried_again(console: Console) -> None:
    row = console.room.quarantined
    with console.client("manager") as client:
        text = client.get("/quarantine").text
        assert "3 days ahead" in text and "clock ahead" in text
        answer = client.post(f"/quarantine/{row}/replay")
        assert answer.status_code == 303
        after = client.get("/quarantine").text
        assert "be used" in after or "Stored" in after


def test_light_and_dark_are_kept(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        assert "data-theme" not in client.get("/").text
        client.post("/theme", data={"theme": "dark", "back": "/"})
        assert 'data-theme="dark"' in client.get("/").text
        client.post("/theme", data={"theme": "x", "back": "//evil.example"})
        assert "data-theme" not in client.get("/").text


def test_rest_speaks_problem_details_and_openapi(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        missing = client.get("/api/v1/vehicles/424242")
        assert missing.headers["content-type"] == "application/problem+json"
        assert missing.json() == {
            "type": "about:blank",
            "title": "Not found",
            "status": 404,
            "detail": "There is no such vehicle at your dealer.",
        }
        wrong = client.get("/api/v1/bookings?day=tomorrow")
        assert wrong.status_code == 404 and "2026-12-03" in wrong.json()["detail"]
        doc = client.get("/api/v1/openapi.json").json()
        assert len(doc["paths"]) > 25
        window = client.get(
            "/api/v1/vehicles/1/telemetry",
            params={
                "signals": "speed_kmh",
                "since": "2026-11-16T00:00:00Z",
                "until": "2026-11-18T00:00:00Z",
            },
        ).json()
        assert window["series"][0]["unit"] == "km/h"


def test_metrics_count_requests(gallery: Console) -> None:
    with gallery.client("advisor") as client:
        client.get("/vehicles")
        assert 'route="/vehicles"' in client.get("/metrics").text
