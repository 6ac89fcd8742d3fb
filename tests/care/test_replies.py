"""What customers write back, in English and Chinese, and STOP in each language that we write."""

from datetime import date

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import engine, webhooks, words
from care.store import people
from tests.care.world import MONDAY, World, build, find, inbound, one, row, send

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("BAJA", "stop"),
        ("parar por favor", "stop"),
        ("Arrêt", "stop"),
        ("arrêt s'il vous plaît", "stop"),
        ("Stopp bitte", "stop"),
        ("Abmelden!", "stop"),
        ("keine SMS mehr", "stop"),
        ("退订", "stop"),
        ("请不要再给我发短信", "stop"),
        ("ＳＴＯＰ", "stop"),
        ("ayuda", "help"),
        ("帮助", "help"),
        ("开始", "start"),
        ("can I stop by at 3", None),
        ("车停在路上了", None),
        ("不要再发动车吗", None),
        ("我没有退订", None),
        ("取消我的预约", None),
    ],
)
def test_stop_start_and_help_in_every_language(body: str, expected: str | None) -> None:
    assert words.keyword(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("I sold that car last month", words.Says("sold")),
        ("sold it last month", words.Says("sold")),
        ("我已经把车卖了", words.Says("sold")),
        ("I haven't sold it", words.Unclear()),
        ("sold it? no", words.Unclear()),
        ("If I sold the car, what then", words.Unclear()),
        ("you sold me this car", words.Unclear()),
        ("车没卖", words.Unclear()),
        ("Wrong number, I have no such car", words.Says("wrong number")),
        ("打错了", words.Says("wrong number")),
        ("is this the wrong number?", words.Unclear()),
        ("already fixed", words.Says("done elsewhere")),
        ("it is not already fixed", words.Unclear()),
        ("已经修好了", words.Says("done elsewhere")),
        ("Who is this?", words.Says("who")),
        ("I can't make it", words.Says("cannot come")),
        ("can we reschedule", words.Says("reschedule")),
        ("改时间", words.Says("reschedule")),
        ("谢谢", words.Says("thanks")),
        ("第二个", words.Choice(2)),
        ("选３", words.Choice(3)),
        ("3号", words.Unclear()),
        ("不要第二个", words.Unclear()),
        ("给我打个电话", words.Call()),
        ("How long will that take, and what will it cost?", words.Unclear()),
        ("The second one please", words.Choice(2)),
    ],
)
def test_an_answer(body: str, expected: object) -> None:
    assert words.keyword(body) is None
    assert words.understand(body, 3, TODAY) == expected


@given(st.sampled_from(["sold it", "stopp", "第二个", "option 2", "who is this"]), st.booleans())
def test_case_width_and_full_stops_change_nothing(body: str, wide: bool) -> None:
    loud = body.upper() + " !! "
    if wide:
        loud = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in loud)
    assert words.keyword(loud) == words.keyword(body)
    assert words.understand(loud, 3, TODAY) == words.understand(body, 3, TODAY)


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    return build(db)


def told_and_answers(db: psycopg.Connection, world: World, body: str) -> str:
    """A customer has an offer, and answers it; what that meant."""
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    send(db, MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, body), MONDAY)
    engine.turn(db, lambda: MONDAY)
    return str(row(db, "SELECT meaning FROM reply")[0])


def test_a_wrong_number_gets_nothing_more(db: psycopg.Connection, world: World) -> None:
    assert told_and_answers(db, world, "Wrong number, I have no such car") == "wrong number"
    assert people.stopped(db, world.phone) is not None
    assert one(db, "SELECT count(*) FROM task WHERE title ~ 'somebody else'") == 1


def test_a_sold_car_is_no_longer_theirs(db: psycopg.Connection, world: World) -> None:
    assert told_and_answers(db, world, "I sold that car last month") == "sold"
    assert people.owner(db, world.vehicle_id, MONDAY) is None
    assert one(db, "SELECT count(*) FROM outreach WHERE state = 'planned'") == 0
    assert one(db, "SELECT count(*) FROM audit WHERE action = 'car sold'") == 1
    assert one(db, "SELECT count(*) FROM task WHERE title ~ 'has sold the car$'") == 1


def test_a_doubt_about_a_sale_ends_nothing(db: psycopg.Connection, world: World) -> None:
    assert told_and_answers(db, world, "I haven't sold it") == "unclear"
    assert people.owner(db, world.vehicle_id, MONDAY) is not None
