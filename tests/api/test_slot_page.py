"""The customers' page: every state that a link can be in."""

from datetime import timedelta

import httpx
import pytest

from care.links import slot_token
from tests.api.conftest import SECRET, Console
from tests.api.showroom import NOW


def link(customer: int = 1, vehicle: int = 1, alert: int | None = 1, days: int = 14) -> str:
    token = slot_token(
        SECRET, customer_id=customer, vehicle_id=vehicle, alert_id=alert, now=NOW, days=days
    )
    return f"/b/{token}"


def keys(page: str) -> list[str]:
    return [part.split('"')[0] for part in page.split('name="slot" value="')[1:]]


def test_from_link_to_calendar(console: Console) -> None:
    with console.client() as client:
        page = client.get(link())
        assert page.status_code == 200
        for words in ("Elija una hora", "Maria", "batería está débil", "Lakeside Motors",
                      'href="tel:+13125550100"', 'lang="es"'):  # fmt: skip
            assert words in page.text
        assert "Alvarez" not in page.text and "+13125551200" not in page.text
        assert page.headers["x-robots-tag"] == "noindex"
        offered = keys(page.text)
        assert len(offered) == 3
        assert len(keys(client.get(link() + "?count=9").text)) == 9
        answer = client.post(link(), data={"slot": offered[1]})
        assert answer.status_code == 303
        booked = client.get(link()).text
        assert "Hasta el" in booked and not keys(booked)
        again = client.post(link(), data={"slot": offered[0]})
        assert again.status_code == 303, "a second touch books nothing more"
        ics = client.get(link() + "/booking.ics")
        assert ics.headers["content-type"].startswith("text/calendar")
        assert ics.text.startswith("BEGIN:VCALENDAR\r\n") and "SEAT Leon" in ics.text
    assert console.ask("SELECT count(*) FROM booking WHERE alert_id = 1") == 1
    assert console.ask("SELECT state FROM booking WHERE alert_id = 1") == "booked"


def test_a_time_that_was_just_taken(console: Console) -> None:
    with console.client() as client:
        mine, hers = link(4, 4, 3), link(1, 1, 1)
        slot = keys(client.get(hers).text)[0]
        assert client.post(hers, data={"slot": slot}).status_code == 303
        bay, technician, start, _ = slot.split(".")
        taken = f"{bay}.{technician}.{start}.{int(start) + 90 * 60}"
        answer = client.post(mine, data={"slot": taken})
        assert answer.status_code == 409
        assert "just taken that time" in answer.text
        assert len(keys(answer.text)) == 3 and taken not in keys(answer.text)
        assert "Hasta el" in client.get(hers).text


def test_no_time_is_offered_at_which_the_car_is_here_anyway(console: Console) -> None:
    """The Civic comes at 1 pm for other work; noon would run into that."""
    with console.client() as client:
        text = client.get(link(4, 4, 3) + "?count=12").text
        assert "11:30 am" in text
        offered = [(int(k.split(".")[2]), int(k.split(".")[3])) for k in keys(text)]
        one_pm = int(NOW.replace(hour=19, minute=0).timestamp())
        assert offered and all(b <= one_pm or a >= one_pm + 90 * 60 for a, b in offered)
        clash = f"1.1.{one_pm - 3600}.{one_pm + 1800}"
        answer = client.post(link(4, 4, 3), data={"slot": clash})
        assert answer.status_code in (303, 409)
        assert console.ask("SELECT count(*) FROM booking WHERE alert_id = 3") == 0


@pytest.mark.parametrize("slot", ["", "x", "1.1.1.2", "a" * 80, "1.1.1796286600.1896290200"])
def test_a_bad_choice_books_nothing(console: Console, slot: str) -> None:
    before = console.ask("SELECT count(*) FROM booking")
    with console.client() as client:
        assert client.post(link(), data={"slot": slot}).status_code in (303, 409)
        assert client.post(link(), data={"slot": "a" * 81}).status_code == 422
    assert console.ask("SELECT count(*) FROM booking") == before


def test_links_that_cannot_be_used(console: Console) -> None:
    german = {"Accept-Language": "de-AT,de;q=0.9"}
    with console.client() as client:
        old = client.get(link(days=-1), headers=german)
        assert old.status_code == 410 and "abgelaufen" in old.text
        whole = link()
        for broken in (whole[:-3], whole[:-2] + "xx", "/b/x", "/b/" + "A" * 40, "/b/%00", "/b/é"):
            answer = client.get(broken)
            assert answer.status_code == 404, broken
            assert "incomplete" in answer.text
        assert client.get(link(customer=99, vehicle=99)).status_code == 404
        assert client.get(link(customer=2, vehicle=1)).status_code == 410, "not their car"
        console.do(
            "UPDATE ownership SET during = tstzrange(lower(during), %s) WHERE vehicle_id = 1",
            NOW - timedelta(days=1),
        )
        assert client.get(link()).status_code == 410, "sold"
        assert client.post(link(), data={"slot": "1.1.1.2"}).status_code == 410


def test_when_there_is_nothing_to_book_any_more(console: Console) -> None:
    with console.client() as client:
        console.do(
            "UPDATE alert SET state = 'closed', closed_at = %s, close_reason = 'recovered'"
            " WHERE id = 3",
            NOW,
        )
        assert "All done" in client.get(link(4, 4, 3)).text
        assert "est chez nous" in client.get(link(9, 9, None)).text, "in the workshop now"
        console.do("DELETE FROM technician WHERE dealer_id = 1 AND id NOT IN"
                   " (SELECT technician_id FROM booking)")  # fmt: skip
        console.do("UPDATE technician SET weekdays = '{}' WHERE dealer_id = 1")
        assert "no free time" in client.get(link(5, 5, 4)).text


def test_a_customer_far_away_sees_both_clocks(console: Console) -> None:
    console.do("UPDATE customer SET time_zone = 'Europe/Berlin', language = 'de' WHERE id = 2")
    with console.client() as client:
        text = client.get(link(2, 2, 2)).text
    assert "in der Werkstatt" in text and "Bitte fahren Sie nicht weiter" in text


def test_no_cookie_is_needed_or_given(gallery: Console) -> None:
    answer = httpx.get(gallery.url + link())
    assert "set-cookie" not in answer.headers
