"""What an advisor is offered as an answer, and how fast customers get one."""

from datetime import timedelta

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care import engine, knowledge, outreach, response, task
from care.errors import CareError
from care.hours import add_working_time, working_time
from care.store import knowledge as store
from care.store import people
from tests.care.test_decisions import DEALER
from tests.care.world import MONDAY, World, build, find, one, row, send


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    made = build(db, customers=2)
    knowledge.ship(db, MONDAY)
    return made


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("How much does it cost?", "price"),
        ("what is the price of that", "price"),
        ("are you open on saturday", "hours"),
        ("When do you open?", "hours"),
        ("Is it safe to drive to work with this?", "safe"),
        ("do I get a rental car meanwhile", "loaner"),
        ("could somebody pick up my car at the office", "pick-up"),
        ("is this covered by warranty", "warranty"),
        ("how do you know about my battery???", "how-you-know"),
        ("how long will that take", "how-long"),
        ("what's your address", "where"),
        ("can i pay by card", "payment"),
        ("这个要多少钱", "price"),
        ("你们周末上班吗", "hours"),
        ("还能开吗？安全吗", "safe"),
        ("有没有代步车", "loaner"),
        ("可以上门取车吗", "pick-up"),
        ("在保修期内吗", "warranty"),
        ("你们怎么知道的", "how-you-know"),
        ("大概要多久", "how-long"),
        ("怎么付款", "payment"),
    ],
)
def test_the_first_suggestion_fits(
    db: psycopg.Connection, world: World, said: str, name: str
) -> None:
    found = knowledge.search(db, world.dealer_id, said)
    assert found and found[0].name == name, [one.name for one in found]
    assert len(found) <= knowledge.FEW


@pytest.mark.parametrize(
    "said",
    [
        "",
        "👍",
        "zebra quantum",
        "'; DROP TABLE article; --",
        "& | ! <-> :*",
        "((",
        '"',
        "\\",
        "斑马",
    ],
)
def test_what_fits_nothing_is_given_nothing(
    db: psycopg.Connection, world: World, said: str
) -> None:
    assert knowledge.search(db, world.dealer_id, said) == []


def test_any_words_can_be_looked_for(db: psycopg.Connection, world: World) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
    def look(said: str) -> None:
        knowledge.search(db, world.dealer_id, said)

    look()


def test_facts_are_filled_in(db: psycopg.Connection, world: World) -> None:
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    customer = people.customer(db, world.customer_id)
    assert customer is not None
    (first, *_) = knowledge.suggest(db, customer, "How long does it take?", MONDAY)
    assert first.body.startswith("For Battery test we plan 30 minutes.")
    (first, *_) = knowledge.suggest(db, customer, "When are you open?", MONDAY)
    assert "{link}" in first.body and "Mon to" in first.body
    for article in store.in_force(db, world.dealer_id):
        filled = knowledge.fill(db, article, customer, MONDAY)
        assert "{" not in filled.replace("{link}", ""), article.name


def test_a_dealer_s_own_article_goes_before(db: psycopg.Connection, world: World) -> None:
    def hours() -> list[store.Article]:
        return [a for a in store.in_force(db, world.dealer_id) if a.name == "hours"]

    def write(answer: str) -> None:
        knowledge.write(
            db,
            dealer_id=world.dealer_id,
            name="Hours",
            language="en",
            question="When are you open?",
            answer=answer,
            actor="staff:1",
            now=MONDAY,
        )

    write("Always, {name}.")
    write("Always but Mondays, {name}.")
    write("Always but Mondays, {name}.")
    (own,) = [a for a in hours() if a.language == "en"]
    assert (own.version, own.answer) == (2, "Always but Mondays, {name}.")
    assert len(store.versions(db, world.dealer_id, "hours", "en")) == 3
    knowledge.take_out(db, world.dealer_id, own.id, "staff:1", MONDAY)
    (shipped,) = [a for a in hours() if a.language == "en"]
    assert shipped.made_by == "shipped"
    with pytest.raises(CareError, match="own dealer"):
        knowledge.take_out(db, world.dealer_id, shipped.id, "staff:1", MONDAY)
    assert knowledge.ship(db, MONDAY) == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "!!"}, "short name"),
        ({"language": "fr"}, "English or Chinese"),
        ({"question": "  "}, "needs the questions"),
        ({"answer": ""}, "needs the questions"),
        ({"answer": "x" * 1001}, "1,000"),
        ({"answer": "It costs {price}."}, "no {price}"),
        ({"answer": "{0.__class__}"}, "There is no {0.__class__}"),
        ({"answer": "a } b"}, "There is no }"),
        ({"question": "a\x00b"}, "can't be stored"),
    ],
)
def test_what_is_no_article_is_refused(
    db: psycopg.Connection, world: World, change: dict[str, str], why: str
) -> None:
    good = {"name": "tires", "language": "en", "question": "Tires?", "answer": "Yes, {name}."}
    with pytest.raises(CareError, match=why.replace("{", r"\{").replace("}", r"\}")):
        knowledge.write(
            db, dealer_id=world.dealer_id, actor="staff:1", now=MONDAY, **{**good, **change}
        )


def test_reply_times_are_working_time_until_the_first_answer(
    db: psycopg.Connection, world: World
) -> None:
    evening = MONDAY + timedelta(hours=6, minutes=30)  # 16:30; they close at 17:00
    for n, customer_id in enumerate(world.customers):
        customer = people.customer(db, customer_id)
        assert customer is not None
        task.ask_person(db, customer, "wrote", "answer", evening)
        if n == 0:
            outreach.write(
                db,
                customer_id=customer_id,
                body="Yes",
                actor=f"staff:{world.staff_id}",
                now=evening,
            )
            assert response.report(db, world.dealer_id, evening) == [], "it has not gone out yet"
            assert send(db, evening + timedelta(minutes=10)) is not None
    assert [(r.name, r.answered) for r in response.report(db, world.dealer_id, evening)] == [
        ("Everybody", 1),
        ("Ada", 1),
    ]
    waiting = one(db, "SELECT id FROM task WHERE customer_id = %s", world.customers[1])
    next_day = MONDAY + timedelta(days=1, hours=2)  # noon
    task.done(db, waiting, f"staff:{world.staff_id}", "called", next_day)
    everybody, ada = response.report(db, world.dealer_id, next_day)
    assert (everybody.answered, everybody.late) == (2, 1)
    (opens,) = row(db, "SELECT opens FROM dealer")
    late = timedelta(minutes=30) + timedelta(hours=12 - opens.hour)
    assert everybody.median == (timedelta(minutes=10) + late) / 2
    assert ada.nine_of_ten < late


@given(st.integers(0, 60 * 24 * 20), st.integers(0, 60 * 60))
def test_working_time_is_the_reverse_of_adding_it(start: int, work: int) -> None:
    begins = MONDAY + timedelta(minutes=start)
    span = timedelta(minutes=work)
    assert working_time(begins, add_working_time(begins, span, DEALER), DEALER) == span
