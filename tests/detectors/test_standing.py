"""How right a detector has been: counted from rows, believed with an interval."""

from datetime import date, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import DETECTORS, about, standing, store
from detectors.store import Tally
from record.share import posterior
from tests.detectors.cars import profile
from tests.detectors.test_worker import add_cars

counts = st.integers(0, 400)


def tally(right: int, wrong: int, version: int = 1) -> Tally:
    return Tally("d", version, None, None, right + wrong, 0, right, 0, wrong, None)


@given(counts, counts, st.floats(0.05, 0.95), st.floats(1, 20))
def test_one_answer_moves_little_and_the_right_way(
    right: int, wrong: int, expected: float, weight: float
) -> None:
    now = posterior(right, wrong, expected, weight)
    more, less = (
        posterior(right + 1, wrong, expected, weight),
        posterior(right, wrong + 1, expected, weight),
    )
    assert 0 <= now.low <= now.mean <= now.high <= 1 or right + wrong == 0
    assert less.mean < now.mean < more.mean
    bound = 1 / (right + wrong + weight + 1)
    assert max(more.mean - now.mean, now.mean - less.mean) <= bound + 1e-9


def test_the_interval_holds_what_it_promises() -> None:
    """Of 0.9 and thirty answers: how often the interval holds it, counted over all outcomes."""
    from math import comb

    for share, of in ((0.9, 30), (0.7, 20), (0.97, 60)):
        held = sum(
            comb(of, k) * share**k * (1 - share) ** (of - k)
            for k in range(of + 1)
            if (b := posterior(k, of - k)).low <= share <= b.high
        )
        assert 0.92 < held < 0.98, (share, held)


def test_a_new_version_soon_stands_for_itself() -> None:
    old = tally(190, 10)
    fresh, settled = tally(0, 1, 2), tally(5, 15, 2)
    assert standing.by_version([old, fresh])[0].precision.mean > 0.8  # one label flips nothing
    [new, _] = standing.by_version([settled, old])
    assert new.tally.version == 2 and new.precision.mean < 0.5 and new.precision.high < 0.7


def test_records_are_counted_by_version_cause_and_month(db: psycopg.Connection) -> None:
    add_cars(db, [profile(1)])
    rows = [
        # version, cause, silent, at, label, days to the answer
        (4, "battery_12v", False, "2026-09-30T23:30Z", "confirmed", 10),
        (4, "alternator", False, "2026-10-02T10:00Z", "confirmed_other", 20),
        (4, "battery_12v", False, "2026-10-03T10:00Z", "no_fault_found", 2),
        (4, "battery_12v", True, "2026-10-04T10:00Z", None, 0),
        (3, "battery_12v", False, "2026-08-04T10:00Z", "confirmed", 4),
    ]
    for n, (version, cause, silent, at, label, days) in enumerate(rows, 1):
        db.execute(
            """
            WITH f AS (INSERT INTO finding (vehicle_id, detector, cause, kind, at, urgency,
                    confidence, summary, evidence)
                VALUES (1, 'low_voltage', %(cause)s, 'raised', %(at)s, 'soon', 0.9, 'x', '{}')
                RETURNING id),
            a AS (INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary,
                    opened_at, refreshed_at, closed_at, close_reason)
                SELECT 1, 'c' || %(n)s, 'closed', 'soon', 0.9, 'x', %(at)s, %(at)s, %(at)s,
                    'dismissed' WHERE NOT %(silent)s RETURNING id)
            INSERT INTO detector_case (detector, version, cause, vehicle_id, alert_id, finding_id,
                at, features, label, answered_at, answered_by)
            SELECT 'low_voltage', %(version)s, %(cause)s, 1, (SELECT id FROM a), f.id, %(at)s,
                '{}', %(label)s, %(answered_at)s, %(by)s FROM f
            """,
            {
                "n": n,
                "version": version,
                "cause": cause,
                "silent": silent,
                "at": (moment := datetime.fromisoformat(at)),
                "label": label,
                "answered_at": moment + timedelta(days=days) if label else None,
                "by": "staff:1" if label else None,
            },
        )
    record = standing.record(store.tallies(db, "low_voltage"))
    new, old = record.versions
    assert (new.tally.version, new.tally.told, new.tally.silent) == (4, 3, 1)
    assert (new.tally.confirmed, new.tally.other, new.tally.wrong, new.answered) == (1, 1, 1, 3)
    usual = timedelta(days=200**0.5)  # of 10 and 20 days, the geometric mean
    assert new.tally.lead is not None and old.tally.lead is not None
    assert abs(new.tally.lead - usual) < timedelta(seconds=1)
    assert abs(old.tally.lead - timedelta(days=4)) < timedelta(seconds=1)
    assert [(m.tally.cause, m.tally.told) for m in record.causes] == [
        ("battery_12v", 2),
        ("alternator", 1),
    ]
    assert [(m.tally.month, m.tally.told + m.tally.silent) for m in record.months] == [
        (date(2026, 10, 1), 3),
        (date(2026, 9, 1), 1),
        (date(2026, 8, 1), 1),
    ]
    assert {(t.detector, t.version, t.told) for t in store.standings(db)} == {
        ("low_voltage", 4, 3),
        ("low_voltage", 3, 1),
    }
    assert standing.record(store.tallies(db, "nobody")).versions == []


@pytest.mark.parametrize("kind", DETECTORS, ids=lambda kind: kind.name)
def test_every_detector_can_be_read(kind: type) -> None:
    read = about.about(kind)
    assert read.title.endswith(".") and len(read.text) > 200
    assert read.signals or read.reads_dtcs
    assert read.thresholds and all(one.why for one in read.thresholds)
