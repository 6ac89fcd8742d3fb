"""How likely an alert is to be confirmed: counted, learned, and never flipped by one answer."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from care import chance, engine
from care.chance import FLOOR, MOST, OWN, Knowledge
from care.store import alerts
from care.store.cases import Answered, Case, Count
from tests.care.test_cases import take_up
from tests.care.world import MONDAY, World, build, find, one, row

DAY = timedelta(days=1)
MODELS = ("SEAT Leon", "VW Golf", "Kia Niro")


def known(history: Sequence[Answered]) -> Knowledge:
    """What all of a history says, each version being 1."""
    counts: dict[tuple[str, str], list[int]] = {}
    for case in history:
        counts.setdefault((case.detector, case.cause), [0, 0])[not case.right] += 1
    return Knowledge.of([Count(d, c, 1, *n) for (d, c), n in counts.items()], history)


def case(detector: str = "a", **features: Any) -> Case:
    return Case(detector, 1, "x", {"confidence": 0.8, "model": MODELS[0], **features})


answers = st.builds(
    lambda detector, model, age, off, right: Answered(
        detector,
        "x",
        {"confidence": 0.8, "model": model, "age_years": age, "off": off},
        right,
    ),
    st.sampled_from("ab"),
    st.sampled_from(MODELS),
    st.integers(0, 20),
    st.floats(0, 10),
    st.booleans(),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(answers, min_size=1, max_size=30),
    st.sampled_from((1, 4)),
    st.data(),
)
def test_no_single_answer_flips_anything(
    history: list[Answered], times: int, data: st.DataObject
) -> None:
    """Whichever answer of whatever past had been the other way: nothing moves by an eighth."""
    past = history * times  # some beyond the floor, some not
    n = data.draw(st.integers(0, len(past) - 1))
    other = [*past[:n], replace(past[n], right=not past[n].right), *past[n + 1 :]]
    before, after = known(past), known(other)
    for probe in (case(), case("b", model=MODELS[2], age_years=15, off=9.0), case("c")):
        moved = abs(before.chance(probe, 0.8).value - after.chance(probe, 0.8).value)
        assert moved <= 1 / 8


def test_until_there_are_answers_a_finding_is_as_sure_as_it_says() -> None:
    nothing = known([])
    for confidence in (0.0, 0.35, 0.8, 1.0):
        assert nothing.chance(case(), confidence).value == confidence
    assert nothing.chance(case(), 0.8).why == "The finding is 80% sure"
    right = Answered("a", "x", {}, True)
    told = known([right] * 12 + [replace(right, right=False)] * 2).chance(case(), 0.8)
    assert told.why == "12 of 14 such alerts were confirmed"
    assert told.value == pytest.approx((12 + OWN * 0.8) / (14 + OWN))
    assert known([right]).chance(case(), 0.8).why == "1 of 1 such alerts was confirmed"


def lived(count: int, seed: int = 1) -> list[Answered]:
    """One model's alerts are mostly wrong, the others' mostly right; age says nothing."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        model = draw.choice(MODELS)
        right = draw.random() < (0.3 if model == MODELS[0] else 0.95)
        age = draw.randint(0, 15)
        found.append(
            Answered("a", "x", {"confidence": 0.8, "model": model, "age_years": age}, right)
        )
    return found


def test_what_counting_can_not_see_is_learned() -> None:
    past = known(lived(600))
    bad, good = past.chance(case(), 0.8), past.chance(case(model=MODELS[1]), 0.8)
    assert good.value - bad.value > 0.2
    assert bad.why.endswith("less likely by SEAT Leon")
    plain = Knowledge(past.counts, None)
    error = {"learned": 0.0, "counted": 0.0}
    for one_ in lived(300, seed=2):
        probe = Case("a", 1, "x", one_.features)
        error["learned"] += (past.chance(probe, 0.8).value - one_.right) ** 2
        error["counted"] += (plain.chance(probe, 0.8).value - one_.right) ** 2
    assert error["learned"] < 0.9 * error["counted"]


def test_it_has_no_say_before_the_floor_and_a_bounded_one_after() -> None:
    assert known(lived(FLOOR)).corrector is None
    for count in (FLOOR + 1, 3 * FLOOR, 900):
        past = known(lived(count))
        plain = Knowledge(past.counts, None)
        assert past.corrector is not None
        for model in MODELS:
            by = (
                past.chance(case(model=model), 0.8).value
                - plain.chance(case(model=model), 0.8).value
            )
            assert abs(by) <= min(MOST, past.corrector.trust()) + 1e-9


@pytest.mark.parametrize(
    "odd",
    [
        float("nan"),
        float("inf"),
        -1e308,
        1e308,
        "17",
        "",
        None,
        [],
        {"a": 1},
        True,
    ],
)
def test_odd_features_do_no_harm(odd: object) -> None:
    names = ("age_years", "off", "model", "urgency", "days_left")
    strange = Answered("a", "x", dict.fromkeys(names, odd), True)
    past = known([*lived(80), *[strange] * 5, *lived(40)])
    for features in ({}, dict.fromkeys(names, odd), {"model": "SEAT Leon"}):
        told = past.chance(Case("a", 1, "x", features), 0.8)
        assert 0 <= told.value <= 1 and told.why


# --- from rows -----------------------------------------------------------------------------------


def answered(db: psycopg.Connection, world: World, history: Sequence[Answered]) -> None:
    """Cases that were answered, an hour after each other, the last one two days ago."""
    for n, past in enumerate(history):
        at = MONDAY - 2 * DAY - timedelta(hours=len(history) - n)
        finding = find(db, world.vehicle_id, at, "x", detector=past.detector)
        db.execute("UPDATE finding SET handled_at = at WHERE id = %s", (finding,))
        db.execute(
            """
            INSERT INTO detector_case (detector, version, cause, vehicle_id, finding_id, at,
                features, label, answered_at, answered_by)
            VALUES (%s, 0, 'battery_12v', %s, %s, %s, %s, %s, %s, 'staff:1')
            """,
            (
                past.detector,
                world.vehicle_id,
                finding,
                at,
                Jsonb(past.features),
                "confirmed" if past.right else "no_fault_found",
                at,
            ),
        )
    db.commit()


def test_the_inbox_is_ranked_by_it_and_says_why(db: psycopg.Connection) -> None:
    world = build(db, customers=2)
    wrong = Answered("cries_wolf", "x", {}, False)
    answered(db, world, [wrong] * 10 + [replace(wrong, right=True)] * 2)
    first, second = world.vehicles
    find(db, first, MONDAY - timedelta(hours=2), detector="cries_wolf", confidence=0.9)
    find(db, second, MONDAY - timedelta(hours=1), confidence=0.6)
    take_up(db)
    tasks = db.execute("SELECT factors -> 1 ->> 'why' FROM task ORDER BY priority DESC").fetchall()
    assert tasks == [
        ("The finding is 60% sure",),
        ("2 of 12 such alerts were confirmed",),
    ]


def test_tasks_are_ranked_anew_when_answers_have_come(db: psycopg.Connection) -> None:
    world = build(db)
    find(db, world.vehicle_id, MONDAY - timedelta(hours=1))
    take_up(db)
    (before,) = row(db, "SELECT priority FROM task")
    db.execute(
        """INSERT INTO detector_case (detector, version, cause, vehicle_id, finding_id, at,
               features, label, answered_at, answered_by)
           SELECT detector, 0, cause, vehicle_id, id, at, '{}', 'no_fault_found', %s, 'staff:1'
           FROM finding, generate_series(1, 9)""",
        (MONDAY,),
    )
    assert engine.rank_tasks(db, MONDAY + timedelta(hours=2)) == 0  # the day has begun
    assert engine.rank_tasks(db, MONDAY + DAY) == 1
    after, why = row(db, "SELECT priority, factors -> 1 ->> 'why' FROM task")
    assert after < 0.6 * before and why == "0 of 9 such alerts were confirmed"
    assert engine.rank_tasks(db, MONDAY + DAY) == 0


def test_a_task_that_can_not_be_ranked_holds_up_no_other(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build(db, customers=2)
    for car in world.vehicles:
        find(db, car, MONDAY - timedelta(hours=1))
    take_up(db)
    bad = one(db, "SELECT min(id) FROM alert")
    usual = chance.of_alert

    def sometimes(conn: Any, alert: Any, now: Any) -> chance.Chance:
        if alert.id == bad:
            raise ValueError("no")
        return usual(conn, alert, now)

    monkeypatch.setattr(chance, "of_alert", sometimes)
    assert engine.rank_tasks(db, MONDAY + DAY) == 2
    left = db.execute("SELECT alert_id FROM task WHERE ranked_on = %s", (MONDAY.date(),)).fetchall()
    assert left == [(bad,)]
    assert engine.rank_tasks(db, MONDAY + DAY) == 0  # it rests


def test_the_same_rows_say_the_same_whoever_reads_them(db: psycopg.Connection) -> None:
    world = build(db)
    answered(db, world, lived(70))
    find(db, world.vehicle_id, MONDAY, detector="a", confidence=0.8)
    take_up(db)
    alert = alerts.newest(db, world.vehicle_id, "battery_12v")
    assert alert is not None
    told = chance.of_alert(db, alert, MONDAY)
    chance._days.clear()
    assert chance.of_alert(db, alert, MONDAY) == told
    assert told.value != alert.confidence and "of 70 such alerts" in told.why
