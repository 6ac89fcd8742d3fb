"""The customer's visit and the workshop's pages: bundle, loaner, move, cancel, calendar."""

import re
from datetime import timedelta

import pytest

from tests.api.conftest import Console
from tests.api.showroom import NOW
from tests.api.test_slot_page import keys, link


def test_all_at_once_then_moved_then_cancelled(console: Console) -> None:
    console.do("INSERT INTO loaner (dealer_id, name) VALUES (1, 'Loaner 1')")
    console.do(
        "INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,"
        " refreshed_at) VALUES (5, 'battery_12v', 'open', 'soon', 0.8, 'x', %s, %s)",
        NOW,
        NOW,
    )
    mine = link(5, 5, 4)
    with console.client() as client:
        page = client.get(mine).text
        assert "On the same visit we also do: Battery test." in page and "loaner" in page
        (slot, *_) = keys(page)
        start, end = (int(n) for n in slot.split(".")[2:])
        assert end - start == 180 * 60
        alone = keys(client.get(mine + "?only=1").text)[0].split(".")
        assert int(alone[3]) - int(alone[2]) == 120 * 60
        assert client.post(mine, data={"slot": slot, "loaner": "1"}).status_code == 303
        booked = client.get(mine).text
        assert "Scheduled service, Battery test" in booked and "loaner car is ready" in booked
        first = client.get(mine + "/booking.ics").text
        assert "METHOD:REQUEST" in first and "SEQUENCE:0" in first
        other = keys(client.get(mine + "/move").text)
        assert len(other) == 3 and slot not in other
        assert client.post(mine + "/move", data={"slot": other[1]}).status_code == 303
        moved = client.get(mine + "/booking.ics").text
        assert "SEQUENCE:1" in moved
        uid = re.search(r"UID:(\S+)", first)
        assert uid and uid.group() in moved
        for bad in ("", "x", "1.1.1.2", slot.replace(".", ".9", 1)):
            answer = client.post(mine + "/move", data={"slot": bad})
            assert answer.headers["location"].endswith("/move?note=taken"), "the old time stands"
        cancelled = client.post(mine + "/cancel", follow_redirects=True).text
        assert "Your visit is cancelled" in cancelled and keys(cancelled)
        gone = client.get(mine + "/booking.ics").text
        assert "METHOD:CANCEL" in gone and "SEQUENCE:2" in gone and "STATUS:CANCELLED" in gone
        assert client.post(mine + "/cancel").status_code == 303, "again does nothing"
    assert console.ask("SELECT count(*) FROM booking_op") == 1
    assert console.ask("SELECT count(*) FROM booking WHERE alert_id = 4 AND state = 'booked'") == 0


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "no free time before it may be too late"),
        ("de", "Vorher ist leider kein Termin frei"),
        ("es", "antes de que sea tarde"),
        ("fr", "Aucun horaire n&#39;est libre à temps"),
        ("zh", "没有空档"),
    ],
)
def test_no_slot_is_said_plainly(console: Console, language: str, says: str) -> None:
    console.do("UPDATE alert SET expect_from = %s WHERE id = 1", NOW + timedelta(hours=1))
    console.do("UPDATE customer SET language = %s WHERE id = 1", language)
    console.do("UPDATE dealer SET group_name = 'Lake', latitude = 42, longitude = -87.7")
    console.do("UPDATE dealer SET mobile_technician = true WHERE id = 1")
    console.do("UPDATE op_code SET mobile = true")
    with console.client() as client:
        page = client.get(link())
        assert page.status_code == 200 and says in page.text and not keys(page.text)
        assert client.post(link() + "/ask", data={"way": "mobile"}).status_code == 303
        assert client.post(link() + "/ask", data={"way": "helicopter"}).status_code == 303
        assert client.post(link() + "/ask", data={"way": "x" * 21}).status_code == 422
    with console.client("advisor") as client:
        page = client.get("/vehicles/1/book?alert=1")
        assert "Every free time comes after the predicted failure." in page.text
        assert "a mobile technician" in page.text
        assert keys(client.get("/vehicles/1/book?alert=1&late=1").text)
    assert (
        console.ask("SELECT count(*) FROM task WHERE title LIKE '%%asks for a technician%%'") == 1
    )


def test_the_workshops_page_and_its_calendar(console: Console) -> None:
    with console.client("manager") as client:
        assert "Radiator fan" in client.get("/workshop").text
        fan = f"/workshop/arrivals/{console.room.arrivals['fan']}"
        order = {"part_no": "FAN", "quantity": "2", "expected": "2026-12-01T09:00"}
        for path, data, says in (
            ("/workshop/arrivals", order, "on its way"),
            (f"{fan}/expected", {"expected": "2026-12-09T09:00"}, "No visit has to move"),
            (f"{fan}/arrived", {}, "on the shelf"),
            ("/workshop/parts/count", {"part_no": "FAN", "on_hand": "5"}, "Counted"),
            ("/workshop/closures", {"day": "2026-12-25", "reason": "Christmas"}, "Closed on"),
        ):
            answer = client.post(path, data=data, follow_redirects=True)
            assert answer.status_code == 200 and says in answer.text, path
        for bad in (
            {"part_no": "NO"},
            {"part_no": "FAN\x00", "quantity": "0"},
            {"expected": "2020-12-01T09:00"},
            {"expected": "9999-12-31T23:00"},
            {"expected": "soon"},
        ):
            answer = client.post("/workshop/arrivals", data=order | bad)
            assert answer.status_code in (409, 422), bad
        assert client.post("/workshop/closures", data={"day": "never"}).status_code == 409
        absence = {"technician_id": "1", "since": "2026-11-18T08:00", "until": "2026-11-18T17:00"}
        noted = client.post("/workshop/absences", data=absence, follow_redirects=True).text
        assert "must be moved by hand" in noted
        for more in ({"until": "2026-11-18T08:00"}, {"since": "now"}, {"technician_id": "99"}):
            answer = client.post("/workshop/absences", data=absence | more)
            assert answer.status_code in (404, 409), more
        page = client.post("/workshop/feeds").text
        found = re.search(r"(/calendar/[\w-]+\.ics)", page)
        assert found
        feed = client.get(found.group())
        assert feed.headers["content-type"].startswith("text/calendar")
        assert feed.text.count("BEGIN:VEVENT") == 6 and "Tanaka" not in feed.text
        assert all(len(line.encode()) <= 75 for line in feed.text.split("\r\n"))
        assert found.group() not in client.get("/workshop").text, "shown once"
        newest = console.ask("SELECT max(id) FROM calendar_feed")
        assert client.post(f"/workshop/feeds/{newest}/revoke").status_code == 303
    with console.client() as client:
        assert client.get(found.group()).status_code == 404
        for token in ("x", "A" * 32, "%00", "é", "..%2f..%2fetc"):
            assert client.get(f"/calendar/{token}.ics").status_code == 404


def test_the_advisor_moves_and_looks_by_technician(console: Console) -> None:
    booking = console.room.bookings[2]
    with console.client("advisor") as client:
        day = client.get("/bookings?by=technician").text
        assert "h booked" in day and " % of " in day
        (slot, *_) = keys(client.get(f"/bookings/{booking}/move").text)
        answer = client.post(
            f"/bookings/{booking}/move", data={"slot": slot}, follow_redirects=True
        )
        assert "Moved to" in answer.text
    assert console.ask("SELECT sequence FROM booking WHERE id = %s", booking) == 1
