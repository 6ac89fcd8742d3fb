"""One fault, one name: what several detectors say of it, in any order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import saved
from detectors.join import Joined
from record.causes import FAMILIES
from record.flow import Evidence, Finding, FindingKind, Urgency

START = datetime(2026, 1, 5, tzinfo=UTC)
RAISED, REFRESHED, RECOVERED = FindingKind.RAISED, FindingKind.REFRESHED, FindingKind.RECOVERED


def said(
    detector: str, cause: str, kind: FindingKind, hours: int = 0, confidence: float = 0.8
) -> Finding:
    at = START + timedelta(hours=hours)
    return Finding(
        1, detector, cause, kind, at, Urgency.SOON, confidence, "It is so", Evidence("a level")
    )


def test_a_rival_joins_and_recovers_under_the_name_that_was_told() -> None:
    joined = Joined()
    [first] = joined.join([said("cooling", "coolant_leak", RAISED)])
    [second] = joined.join([said("coolant_overheat", "coolant_overheat", RAISED, 1)])
    assert (first.cause, first.kind) == ("coolant_leak", RAISED)
    assert (second.cause, second.kind) == ("coolant_leak", REFRESHED)
    assert second.evidence.notes == ("Engine overheating: fits as well",)
    [third] = joined.join([said("coolant_overheat", "coolant_overheat", RECOVERED, 2)])
    [fourth] = joined.join([said("cooling", "coolant_leak", RECOVERED, 3)])
    assert third.cause == fourth.cause == "coolant_leak"
    assert joined == Joined()


def test_a_detector_recovers_from_a_name_when_all_its_sides_have() -> None:
    joined = Joined()
    joined.join([said("electrics", "alternator", RAISED)])
    [again] = joined.join([said("electrics", "battery_12v", RAISED, 1)])
    assert (again.cause, again.kind) == ("alternator", REFRESHED)
    assert joined.join([said("electrics", "alternator", RECOVERED, 2)]) == []
    [last] = joined.join([said("electrics", "battery_12v", RECOVERED, 3)])
    assert (last.cause, last.kind) == ("alternator", RECOVERED)


def test_a_name_that_two_detectors_gave_recovers_with_the_second() -> None:
    joined = Joined()
    joined.join(
        [said("tires", "sensor_drift", RAISED), said("sensor_drift", "sensor_drift", RAISED)]
    )
    assert joined.join([said("tires", "sensor_drift", RECOVERED, 1)]) == []
    [last] = joined.join([said("sensor_drift", "sensor_drift", RECOVERED, 2)])
    assert (last.cause, last.kind) == ("sensor_drift", RECOVERED)


def test_after_recovery_the_next_has_its_own_name() -> None:
    joined = Joined()
    joined.join([said("electrics", "alternator", RAISED)])
    joined.join([said("electrics", "alternator", RECOVERED, 1)])
    [other] = joined.join([said("electrics", "battery_12v", RAISED, 2)])
    assert (other.cause, other.kind) == ("battery_12v", RAISED)


def test_what_is_no_rival_stays_alone() -> None:
    joined = Joined()
    made = joined.join(
        [said("tires", "slow_tire_leak", RAISED), said("dtc_raised", "dtc_p0420", RAISED)]
    )
    assert {one.cause for one in made} == {"slow_tire_leak", "dtc_p0420"}
    assert {one.kind for one in made} == {RAISED}


CAUSES = [cause for family in FAMILIES for cause in family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cause_is_of_one_family(family: tuple[str, ...]) -> None:
    assert len(set(family)) == len(family)
    assert all(CAUSES.count(cause) == 1 for cause in family)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "dtc_raised"]),
            st.sampled_from([*CAUSES[:8], "dtc_p0420"]),
            st.sampled_from([RAISED, REFRESHED, RECOVERED]),
        ),
        max_size=30,
    )
)
def test_a_family_never_has_two_names_at_a_time_and_all_ends(
    words: list[tuple[str, str, FindingKind]],
) -> None:
    joined = Joined()
    for hour, (detector, cause, kind) in enumerate(words):
        for one in joined.join([said(detector, cause, kind, hour)]):
            assert one.detector == detector
        [joined] = saved.load(saved.save([joined]), [Joined])
        names = set(joined.told.values())
        assert all(len(names & set(family)) <= 1 for family in FAMILIES)
    for hour, by in enumerate(list(joined.told), len(words)):
        detector, cause = by.split("/")
        joined.join([said(detector, cause, RECOVERED, hour)])
    assert joined.told == {}
