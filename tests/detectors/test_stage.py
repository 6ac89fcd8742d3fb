"""From shadow into force by evidence, and what nobody hears on the way."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import DETECTORS, stage, standing, store
from detectors.bank import Bank
from detectors.contract import Answer, Detector
from detectors.stage import StageError
from detectors.store import Tally, ms_of
from detectors.worker import Worker
from record.flow import Evidence, Finding, FindingKind, Frame, Stage, Urgency
from tests.detectors.cars import profile
from tests.detectors.test_worker import add_cars, hand_off, worker

NOW = datetime(2026, 11, 23, 16, tzinfo=UTC)
counts = st.integers(0, 200)


class State(msgspec.Struct, array_like=True):
    """Nothing."""


class Says(Detector[State]):
    """Raises its cause while the car is fast, and finds it well when it stands."""

    signals = ("speed_kmh",)
    version = 1
    State = State

    def update(self, frame: Frame) -> Answer:
        well = frame.signals["speed_kmh"] == 0
        return self.says(
            FindingKind.RECOVERED if well else FindingKind.RAISED,
            frame,
            self.causes[0],
            Urgency.SOON,
            0.9 if self.name == "new" else 0.5,
            "Hm",
            Evidence("speed"),
        )


class New(Says):
    name = "new"
    causes = ("parasitic_drain",)


class Old(Says):
    name = "old"
    causes = ("battery_12v",)


def said(stages: dict[str, Stage]) -> list[tuple[str, str, str]]:
    bank = Bank(profile(1), kinds=(New, Old))
    found: list[Finding] = []
    for n, speed_kmh in enumerate((50.0, 0.0)):
        found += bank.judge(Frame(1, n * 1000, {"speed_kmh": speed_kmh}), stages)
    return [(f.detector, f.cause, f.kind.value) for f in found]


def test_who_is_in_shadow_gives_no_name() -> None:
    """In force, the more confident names the fault. In shadow it is kept, and names nothing."""
    assert said({})[:2] == [
        ("new", "parasitic_drain", "raised"),
        ("old", "parasitic_drain", "refreshed"),
    ]
    assert said({"new": Stage.PROBATION}) == said({})
    assert said({"new": Stage.SHADOW}) == [
        ("old", "battery_12v", "raised"),
        ("new", "parasitic_drain", "raised"),
        ("new", "parasitic_drain", "recovered"),
        ("old", "battery_12v", "recovered"),
    ]
    assert said({"new": Stage.SET_ASIDE})[:2] == [
        ("old", "battery_12v", "raised"),
        ("new", "parasitic_drain", "recovered"),
    ]


def measured(right: int, wrong: int) -> standing.Measured:
    return standing.measured(Tally("d", 1, None, None, right + wrong, 0, right, 0, wrong, None))


@given(counts, counts)
def test_more_right_answers_never_lead_down(right: int, wrong: int) -> None:
    for at in (Stage.SHADOW, Stage.PROBATION):
        one, better = (
            stage.promotion(at, measured(right, wrong)),
            stage.promotion(at, measured(right + 1, wrong)),
        )
        assert one is not None and better is not None
        assert one.missing or not better.missing
        if not one.missing:
            assert right + wrong >= stage.FLOOR[one.to]
            assert stage.demotion(one.to, measured(right, wrong)) is None
    for at in Stage:
        if stage.demotion(at, measured(right, wrong)) is None:
            assert stage.demotion(at, measured(right + 1, wrong)) is None


def test_one_answer_takes_nobody_down() -> None:
    assert stage.demotion(Stage.IN_FORCE, measured(0, 1)) is None
    assert stage.demotion(Stage.IN_FORCE, measured(18, 2)) is None
    assert stage.demotion(Stage.IN_FORCE, measured(18, 3)) is None
    assert stage.demotion(Stage.IN_FORCE, measured(5, 15)) == Stage.PROBATION
    assert stage.demotion(Stage.PROBATION, measured(1, 19)) == Stage.SHADOW


def test_what_is_there_first_begins_in_force_and_what_comes_later_in_shadow(
    db: psycopg.Connection,
) -> None:
    db.autocommit = True
    assert store.stages(db, ["old"]) == {"old": Stage.IN_FORCE}
    assert Worker(db, kinds=(Old,)).stages == {"old": Stage.IN_FORCE}
    assert store.stages(db, ["old", "new"])["new"] == Stage.SHADOW
    worker = Worker(db, kinds=(New, Old))
    assert worker.stages == {"old": Stage.IN_FORCE, "new": Stage.SHADOW}
    [row] = store.stage_history(db, "new", 5)
    assert (row.stage, row.by, row.why) == (Stage.SHADOW, "detectors", "New here")
    Worker(db, kinds=(New, Old))
    assert len(store.stage_history(db, "new", 5)) == 1
    store.add_stage(db, "new", Stage.PROBATION, "staff:1", NOW, "Fine so far", {})
    worker.share()
    assert worker.stages["new"] == Stage.PROBATION


def test_one_that_names_no_part_begins_in_shadow_even_where_all_begin(
    db: psycopg.Connection,
) -> None:
    names = [kind.name for kind in DETECTORS]
    first = store.stages(db, names)
    assert [name for name, at in first.items() if at == Stage.SHADOW] == ["unusual_signal"]
    assert store.begin_stages(db, names) == first == store.stages(db, names)


def test_a_worker_that_runs_heeds_a_move_at_once(database: str, db: psycopg.Connection) -> None:
    """Aside nothing is kept; in shadow the next finding is, under its own name; then it joins."""
    db.autocommit = True
    add_cars(db, [profile(1)])
    with worker(database, kinds=(New, Old)) as one:
        for n, to in enumerate((Stage.SET_ASIDE, Stage.SHADOW, Stage.IN_FORCE)):
            store.add_stage(db, "new", to, "staff:1", NOW, "x", {})
            hand_off(db, [Frame(1, ms_of(NOW) + n * 1000, {"speed_kmh": 50.0})])
            one.share()
            one.step()
            one.checkpoint()
    rows = db.execute(
        "SELECT detector, cause, kind, version FROM finding ORDER BY at, detector"
    ).fetchall()
    assert rows == [
        ("old", "battery_12v", "raised", 1),
        ("new", "parasitic_drain", "raised", 1),
        ("old", "battery_12v", "raised", 1),
        ("new", "battery_12v", "refreshed", 1),
        ("old", "battery_12v", "raised", 1),
    ]


def cases(db: psycopg.Connection, right: int, wrong: int, version: int = 1) -> None:
    """Answered cases of "new", each on a day of its own."""
    for n in range(right + wrong):
        db.execute(
            """
            WITH f AS (INSERT INTO finding (vehicle_id, detector, version, cause, kind, at,
                    urgency, confidence, summary, evidence, handled_at)
                VALUES (1, 'new', %(version)s, 'x', 'raised', %(at)s, 'soon', 0.9, 'x', '{}',
                    %(at)s) RETURNING id)
            INSERT INTO detector_case (detector, version, cause, vehicle_id, finding_id, at,
                features, label, answered_at, answered_by)
            SELECT 'new', %(version)s, 'x', 1, id, %(at)s, '{}', %(label)s, %(at)s, 'staff:1' FROM f
            """,
            {
                "version": version,
                "at": NOW - timedelta(days=100 * version + n),
                "label": "confirmed" if n < right else "no_fault_found",
            },
        )


def move(db: psycopg.Connection, to: Stage, why: str = "It has proved itself") -> None:
    stage.move(db, "new", 1, to, why, "staff:1", NOW)


def test_up_takes_evidence_and_down_a_reason(db: psycopg.Connection) -> None:
    add_cars(db, [profile(1)])
    store.add_stage(db, "new", Stage.SHADOW, "detectors", NOW, "New here", {})
    with pytest.raises(StageError, match="10 answered cases of this version; there are 0"):
        move(db, Stage.PROBATION)
    cases(db, 30, 0, version=2)  # of another version
    with pytest.raises(StageError, match="there are 0"):
        move(db, Stage.PROBATION)
    cases(db, 9, 1)
    for to in (Stage.IN_FORCE, Stage.SHADOW):
        with pytest.raises(StageError, match="it can't be moved there"):
            move(db, to)
    for why in ("", "  "):
        with pytest.raises(StageError, match="few words"):
            move(db, Stage.PROBATION, why)
    move(db, Stage.PROBATION)
    with pytest.raises(StageError, match="20 answered cases of this version; there are 10"):
        move(db, Stage.IN_FORCE)
    move(db, Stage.SET_ASIDE, "Too loud")
    [aside, probation, _] = store.stage_history(db, "new", 9)
    assert (aside.stage, aside.why) == (Stage.SET_ASIDE, "Too loud")
    assert (probation.evidence["answered"], probation.evidence["right"]) == (10, 9)
    with pytest.raises(StageError):
        move(db, Stage.IN_FORCE)


def test_twenty_answers_of_which_many_were_wrong_are_no_evidence(db: psycopg.Connection) -> None:
    add_cars(db, [profile(1)])
    store.add_stage(db, "new", Stage.PROBATION, "staff:1", NOW, "x", {})
    cases(db, 17, 5)
    with pytest.raises(StageError, match="surely 75%"):
        move(db, Stage.IN_FORCE)


def test_what_was_found_lately_is_told_when_it_leaves_the_shadow(db: psycopg.Connection) -> None:
    add_cars(db, [profile(id) for id in (1, 2, 3, 4)])
    store.add_stage(db, "new", Stage.SHADOW, "detectors", NOW, "New here", {})
    cases(db, 12, 0)

    def find(car: int, kind: str, days_ago: float, detector: str = "new") -> Any:
        row = db.execute(
            """
            INSERT INTO finding (vehicle_id, detector, cause, kind, at, urgency, confidence,
                summary, evidence, handled_at)
            VALUES (%s, %s, 'parasitic_drain', %s, %s, 'soon', 0.9, 'x', '{}', now()) RETURNING id
            """,
            [car, detector, kind, NOW - timedelta(days=days_ago)],
        ).fetchone()
        assert row
        return row[0]

    find(1, "raised", 9)
    newest = find(1, "refreshed", 3)
    find(2, "raised", 5)
    find(2, "recovered", 4)
    find(3, "raised", 15)
    find(3, "raised", 2, "old")
    looked_at = find(4, "raised", 2)
    db.execute(
        """INSERT INTO detector_case (detector, version, cause, vehicle_id, finding_id, at,
               features, label, answered_at, answered_by)
           SELECT detector, 1, cause, vehicle_id, id, at, '{}', 'no_fault_found', %s, 'staff:1'
           FROM finding WHERE id = %s""",
        [NOW, looked_at],
    )
    move(db, Stage.PROBATION)
    waiting = db.execute("SELECT id FROM finding WHERE handled_at IS NULL").fetchall()
    assert waiting == [(newest,)]
