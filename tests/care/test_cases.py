"""What a detector is measured by: a case for each alert that it spoke of, and its newest answer."""

import random
from datetime import timedelta

import psycopg
import pytest
from psycopg.types.json import Jsonb

from care import alert, repair
from care.engine import take_up_findings
from care.store import alerts, cases
from tests.care.repairs import order_of
from tests.care.world import MONDAY, World, build, find, one, row


def take_up(db: psycopg.Connection) -> None:
    while take_up_findings(db, lambda: MONDAY):
        pass


def case(db: psycopg.Connection, detector: str = "low_voltage") -> tuple[object, ...]:
    return row(
        db,
        "SELECT cause, label, answered_by FROM detector_case WHERE detector = %s",
        detector,
    )


def test_each_who_spoke_of_an_alert_has_one_case(db: psycopg.Connection) -> None:
    car = build(db).vehicle_id
    find(db, car, MONDAY - timedelta(days=2))
    find(db, car, MONDAY - timedelta(days=1), kind="refreshed", confidence=0.9)
    find(db, car, MONDAY - timedelta(hours=1), detector="dtc_raised")
    find(db, car, MONDAY - timedelta(hours=2), kind="recovered", detector="nobody")
    take_up(db)
    found = db.execute("SELECT detector, at FROM detector_case ORDER BY at").fetchall()
    assert found == [
        ("low_voltage", MONDAY - timedelta(days=2)),
        ("dtc_raised", MONDAY - timedelta(hours=1)),
    ]


@pytest.mark.parametrize(
    "evidence",
    [
        {"value": 8.0, "expected": 10.0, "notes": ["a", "b"]},
        {"value": "8", "expected": {"x": 1}, "notes": "none"},
        {"value": 8.0, "expected": 0},
        {"value": 1e300, "expected": 1e-300},
        {},
        [],
    ],
)
def test_whatever_the_evidence_what_was_known_is_kept(
    db: psycopg.Connection, evidence: object
) -> None:
    world = build(db)
    finding = find(db, world.vehicle_id, MONDAY, expect=timedelta(days=4))
    db.execute("UPDATE finding SET evidence = %s WHERE id = %s", (Jsonb(evidence), finding))
    take_up(db)
    (features,) = row(db, "SELECT features FROM detector_case")
    assert features["confidence"] == pytest.approx(0.8)
    assert features["model"] == "Toyota Corolla" and features["age_years"] == 5
    assert features["days_left"] == 4 and features["earlier"] == 0
    if evidence == {"value": 8.0, "expected": 10.0, "notes": ["a", "b"]}:
        assert features["off"] == pytest.approx(0.2) and features["notes"] == 2
    else:
        assert features.get("off", 10) == 10


def opened(db: psycopg.Connection, **about: str) -> tuple[World, int]:
    world = build(db)
    find(db, world.vehicle_id, MONDAY - timedelta(hours=1), **about)  # type: ignore[arg-type]
    take_up(db)
    found = alerts.newest(db, world.vehicle_id, about.get("cause", "battery_12v"))
    assert found is not None
    return world, found.id


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("nothing_found", "no_fault_found"),
        ("repaired_elsewhere", "confirmed"),
        ("customer_knows", None),
    ],
)
def test_who_dismisses_answers(db: psycopg.Connection, code: str, label: str | None) -> None:
    world, id = opened(db)
    by = f"staff:{world.staff_id}"
    alert.dismiss(db, id, by, "", MONDAY, code)
    assert case(db) == ("battery_12v", label, by if label else None)


@pytest.mark.parametrize(
    ("finding", "label"),
    [
        ("confirmed", "confirmed"),
        ("confirmed_other", "confirmed_other"),
        ("no_fault_found", "no_fault_found"),
        ("not_reproduced", None),
        ("customer_declined", None),
        ("already_repaired", None),
    ],
)
def test_the_workshop_answers(db: psycopg.Connection, finding: str, label: str | None) -> None:
    order = order_of(db, build(db), MONDAY).id
    close(db, order, finding)
    assert case(db) == ("battery_12v", label, f"repair_order:{order}" if label else None)


def close(db: psycopg.Connection, order: int, finding: str, actual: str | None = None) -> None:
    repair.close(
        db,
        order,
        cause="cell",
        correction="replaced",
        finding=finding,
        actor="staff:1",
        now=MONDAY,
        actual_cause=actual,
    )


def test_the_newest_answer_stands(db: psycopg.Connection) -> None:
    world = build(db)
    close(db, order_of(db, world, MONDAY).id, "no_fault_found")
    id = one(db, "SELECT max(id) FROM alert")
    assert case(db)[1] == "no_fault_found"
    find(db, world.vehicle_id, MONDAY + timedelta(days=5))
    take_up(db)
    assert one(db, "SELECT count(*) FROM detector_case") == 1  # the same alert, reopened
    alert.dismiss(db, id, "staff:1", "", MONDAY + timedelta(days=6), "repaired_elsewhere")
    assert case(db)[1] == "confirmed"


@pytest.mark.parametrize("folded_at", [1, 10**6])
def test_what_is_counted_is_what_is_there(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, folded_at: int
) -> None:
    """However cases come, are answered, answered again and go, folded each time or never."""
    monkeypatch.setattr(cases, "FOLD", folded_at)
    world = build(db, customers=6)
    chance = random.Random(7)
    for n in range(60):
        vehicle = chance.choice(world.vehicles)
        match chance.randrange(5):
            case 0 | 1:
                find(db, vehicle, MONDAY + timedelta(days=n), f"dtc_p1{n:03d}")
                take_up(db)
            case 2 | 3:
                label = chance.choice(("confirmed", "confirmed_other", "no_fault_found"))
                db.execute(
                    """UPDATE detector_case SET label = %s, answered_by = 'staff:1',
                           answered_at = at + interval '1 hour' * %s
                       WHERE vehicle_id = %s""",
                    (label, chance.randrange(2_000), vehicle),
                )
            case 4:
                db.execute(
                    """DELETE FROM detector_case
                       WHERE id = (SELECT min(id) FROM detector_case WHERE vehicle_id = %s)""",
                    (vehicle,),
                )
        assert (cases.fold(db) > 0) <= (folded_at == 1)
        counted = db.execute(
            """SELECT detector, version, cause, month::text, told, label, sum(cases),
                   round(sum(log_lead)::numeric, 6)
               FROM detector_tally GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(cases) <> 0
               ORDER BY 1, 2, 3, 4, 5, 6"""
        ).fetchall()
        there = db.execute(
            """SELECT detector, version, cause, (date_trunc('month', at)::date)::text,
                   alert_id IS NOT NULL, coalesce(label, ''), count(*),
                   round(sum(CASE WHEN label LIKE 'confirmed%' THEN ln(greatest(
                       extract(epoch FROM answered_at - at)::float8 / 3600, 1)) ELSE 0 END
                   )::numeric, 6)
               FROM detector_case GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6"""
        ).fetchall()
        assert counted == there
    assert len(there) > 5
    (unfolded,) = row(db, "SELECT count(*) FROM detector_change")
    assert (unfolded == 0) == (folded_at == 1)
