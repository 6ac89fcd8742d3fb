"""An advisor at the real console: whom they call, when, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import psycopg
import pytest

from simulators.advisor import Advisor
from tests.simulators.test_workshop import DAY, HOUR, MONDAY, PASSWORD, VINS, Shop, shop

__all__ = ["shop"]

Said = Callable[[int, str | None, datetime], str]


@pytest.fixture
def hire(shop: Shop) -> Iterator[Callable[..., Advisor]]:
    hired: list[Advisor] = []

    def hire(said: Said, **more: int) -> Advisor:
        hired.append(Advisor(shop.url, "advisor@harbour.example", PASSWORD, said, **more))
        return hired[-1]

    yield hire
    for one in hired:
        one._http.close()


def task(shop: Shop, vin: str, kind: str = "call", priority: float = 50) -> int:
    """Something to do about a car's alert, or about what its owner wrote."""
    with psycopg.connect(shop.database) as conn:
        row = conn.execute(
            """
            INSERT INTO task (dealer_id, alert_id, customer_id, kind, title, next_action, priority,
                state, created_at, deadline)
            SELECT v.dealer_id, CASE WHEN %(kind)s = 'reply' THEN NULL ELSE a.id END,
                o.customer_id, %(kind)s, 'Battery', 'Call', %(priority)s, 'open', %(at)s, %(at)s
            FROM vehicle v JOIN ownership o ON o.vehicle_id = v.id
            JOIN alert a ON a.vehicle_id = v.id WHERE v.vin = %(vin)s RETURNING id
            """,
            {"kind": kind, "priority": priority, "at": MONDAY, "vin": vin},
        ).fetchone()
        assert row is not None
        return int(row[0])


def states(shop: Shop) -> dict[int, tuple[str, str | None]]:
    return {row[0]: row[1:] for row in shop.ask("SELECT id, state, done_reason FROM task")}


def test_who_takes_the_call_and_wants_it_is_booked(
    shop: Shop, hire: Callable[..., Advisor]
) -> None:
    first = task(shop, VINS[1], priority=90)
    later = task(shop, VINS[0], priority=40)
    called: list[str | None] = []

    def says(customer: int, vin: str | None, now: datetime) -> str:
        called.append(vin)
        return "booked" if vin == VINS[1] else "declined"

    advisor = hire(says)
    told = [advisor.act(MONDAY), advisor.act(MONDAY), advisor.act(MONDAY)]
    assert [one.what if one else None for one in told] == ["booked", "declined", None]
    assert called == [VINS[1], VINS[0]], "the most important first"
    assert states(shop)[first] == ("done", "customer booked")
    assert states(shop)[later] == ("done", "Declined: not now")
    [(alert, starts)] = shop.ask("SELECT alert_id, lower(during) FROM booking")
    assert alert == shop.alerts[VINS[1]] and starts > MONDAY


def test_nobody_is_called_at_night_or_on_sundays_and_who_is_silent_is_called_later(
    shop: Shop, hire: Callable[..., Advisor]
) -> None:
    task(shop, VINS[0])
    advisor = hire(lambda *_: "not_reached")
    for at in (MONDAY - 2 * HOUR, MONDAY + 9 * HOUR, MONDAY - DAY):
        shop.it_is(at)
        assert advisor.act(at) is None
    shop.it_is(MONDAY)
    deed = advisor.act(MONDAY)
    assert deed and deed.what == "not_reached"
    shop.it_is(MONDAY + HOUR)
    assert advisor.act(MONDAY + HOUR) is None, "the task waits a while"
    shop.it_is(MONDAY + 4 * HOUR)
    again = advisor.act(MONDAY + 4 * HOUR)
    assert again and again.what == "not_reached"


def test_an_hour_has_room_for_so_many_calls(shop: Shop, hire: Callable[..., Advisor]) -> None:
    for vin in VINS:
        task(shop, vin)
    advisor = hire(lambda *_: "declined", calls_an_hour=2)
    assert sum(advisor.act(MONDAY) is not None for _ in VINS) == 2
    assert advisor.act(MONDAY + timedelta(minutes=59)) is None
    assert advisor.act(MONDAY + timedelta(minutes=61)) is not None


def test_a_question_is_answered_with_the_link(shop: Shop, hire: Callable[..., Advisor]) -> None:
    number = task(shop, VINS[0], "reply")
    advisor = hire(lambda *_: pytest.fail("who asked in writing is not called"))
    deed = advisor.act(MONDAY)
    assert deed and deed.what == "answered"
    assert states(shop)[number] == ("done", "Answered by text")
    [(body, template)] = shop.ask("SELECT body, template FROM outreach")
    assert "{link}" in body and template == "advisor"


def test_a_sold_car_and_a_wrong_number_are_written_down(
    shop: Shop, hire: Callable[..., Advisor]
) -> None:
    task(shop, VINS[0], priority=90)
    task(shop, VINS[1], priority=40)
    advisor = hire(lambda _, vin, now: "sold" if vin == VINS[0] else "wrong_number")
    told = [advisor.act(MONDAY), advisor.act(MONDAY)]
    assert [one.what if one else None for one in told] == ["sold", "wrong_number"]
    [(owned,)] = shop.ask(
        "SELECT count(*) FROM ownership o JOIN vehicle v ON v.id = o.vehicle_id "
        "WHERE v.vin = %s AND upper(during) IS NULL", VINS[0]
    )  # fmt: skip
    assert owned == 0
