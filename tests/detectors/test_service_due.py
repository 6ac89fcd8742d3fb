"""When a service falls due: by the car's own days, as an interval that holds what it says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from detectors.reading import DAY_MS
from detectors.service_due import MILE, ServiceDue
from record.flow import Finding, FindingKind, Frame, Vehicle

Signals = dict[str, float | int | bool | str]
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
MONDAY_MS = int(MONDAY.timestamp() * 1000)
DONE_M = 40_000_000
DUE_M = DONE_M + 15_000_000


def car(**more: Any) -> Vehicle:
    plan = {"service_interval_m": 15_000_000, "last_service_odometer_m": DONE_M} | more
    return Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol", **plan)


def lives(
    vehicle: Vehicle,
    meter_m: Callable[[int], float | None],
    days: int,
    detector: ServiceDue | None = None,
    first: int = 0,
) -> list[Finding]:
    """What is said in so many days, with the meter as it is at their ends."""
    detector = detector or ServiceDue(vehicle)
    found = []
    for day in range(first, first + days):
        meter = meter_m(day)
        signals: Signals = {"speed_kmh": 0.0} if meter is None else {"odometer_m": round(meter)}
        answer = detector.update(Frame(1, MONDAY_MS + (day + 1) * DAY_MS - 1, signals))
        if answer is not None:
            assert isinstance(answer, Finding)
            found.append(answer)
    return found


def span(finding: Finding) -> tuple[float, float]:
    assert finding.expect_from and finding.expect_to
    return (finding.expect_from - MONDAY) / timedelta(days=1), (
        finding.expect_to - MONDAY
    ) / timedelta(days=1)


def test_eight_of_ten_intervals_hold() -> None:
    """Cars as we believe they are: seen for some weeks, days drawn anew."""
    held = count = 0
    for number in range(250):
        chance = Random(number)
        mean = chance.uniform(25, 60)
        days = [max(0.0, chance.gauss(mean, 0.5 * mean)) for _ in range(200)]
        meter, at = [DUE_M - 1000 * sum(days[:100])], 0
        for km in days:
            meter.append(meter[-1] + 1000 * km)
        [raised, *_] = lives(car(), lambda day, meter=meter: meter[day + 1], 100)  # type: ignore[misc]
        at = next(day for day in range(200) if meter[day] >= DUE_M)
        due = at - (meter[at] - DUE_M) / (meter[at] - meter[at - 1])
        since, to = span(raised)
        assert since < to
        held += since <= due <= to
        count += 1
    assert 0.75 <= held / count <= 0.86


def test_a_car_that_moves_at_weekends_is_due_at_one() -> None:
    def meter(day: int) -> float:
        weeks, weekday = divmod(day, 7)
        return DUE_M - 2_000_000 + weeks * 200_000 + max(0, weekday - 4) * 100_000

    [raised, *_] = lives(car(), meter, 60)
    detector = ServiceDue(car())
    lives(car(), meter, 49, detector)
    # on a Sunday night, 500 km left: the third Saturday from then, not two and a half weeks
    due = detector.state.distance.due("", "", 500_000, MONDAY_MS + 49 * DAY_MS)
    assert 19 < due.likely < 20.1 and raised.kind == FindingKind.RAISED


def test_what_it_did_since_the_last_service_counts_from_the_first_day() -> None:
    """A car of 90 km a day is known as such before it has driven one kilometre for us."""
    since = MONDAY - timedelta(days=145)
    meter = DONE_M + 145 * 90_000
    [raised] = lives(car(last_service_at=since), lambda day: meter + day * 90_000, 1)
    assert raised.kind == FindingKind.RAISED and span(raised)[1] < 45
    assert lives(car(), lambda day: meter + day * 90_000, 1) == []


def test_where_the_date_cuts_the_interval_short() -> None:
    """4,100 km are left at 50 a day, that is 82 days; the year is over in 83."""
    since = MONDAY - timedelta(days=365 - 83)
    plan = car(last_service_at=since, service_interval_days=365)
    [raised, *_] = lives(plan, lambda day: DUE_M - 4_100_000 + (day + day % 2) * 50_000, 80)
    first, last = span(raised)
    assert last == 83.0 and first < 83
    sure = car(last_service_at=since, service_interval_days=365 - 40)
    [raised, *_] = lives(sure, lambda day: DUE_M - 4_100_000 + day * 50_000, 40)
    assert span(raised) == (43.0, 43.0) and "by its calendar" in raised.summary


@pytest.mark.parametrize("back", [False, True])
def test_an_odometer_that_goes_over_to_miles_hides_nothing(back: bool) -> None:
    def meter(day: int) -> float:
        true = DUE_M - 3_000_000 + day * 50_000
        return true / MILE if day >= 20 and not (back and day >= 25) else true

    def honest(day: int) -> float:
        return DUE_M - 3_000_000 + day * 50_000

    told, expected = lives(car(), meter, 70), lives(car(), honest, 70)
    assert [one.kind for one in told] == [one.kind for one in expected]
    assert told[0].at == expected[0].at
    assert span(told[0]) == pytest.approx(span(expected[0]), abs=0.01)
    assert told[-1].summary.startswith("Service overdue by distance")


def test_a_service_recorded_in_miles_starts_again() -> None:
    detector = ServiceDue(car())
    lives(car(), lambda day: DUE_M - 2_000_000 + day * 50_000, 20, detector)
    reading = (DUE_M - 1_000_000) / MILE
    lives(car(), lambda day: reading + (day - 20) * 50_000 / MILE, 10, detector, 20)
    now = reading + 10 * 50_000 / MILE
    serviced = car(last_service_odometer_m=round(now))
    again = ServiceDue(serviced, detector.state)
    found = lives(serviced, lambda day: now + (day - 30) * 50_000 / MILE, 5, again, 30)
    assert [one.kind for one in found] == [FindingKind.RECOVERED]
    assert "15,000 km" in found[0].summary or "14,9" in found[0].summary


def test_a_car_that_was_away_is_driven_as_before() -> None:
    def meter(day: int) -> float:
        driven = day if day < 40 else max(40, day - 30)
        return DUE_M - 8_000_000 + driven * 50_000

    detector = ServiceDue(car())
    lives(car(), meter, 75, detector)
    assert detector.state.distance.a_day == pytest.approx(50_000, rel=0.2)


def test_without_an_odometer_time_still_counts() -> None:
    plan = car(last_service_at=MONDAY - timedelta(days=350), service_interval_days=365)
    [raised] = lives(plan, lambda day: None, 5)
    assert span(raised) == (15.0, 15.0)


def test_a_silence_of_years_is_no_hang() -> None:
    detector = ServiceDue(car())
    lives(car(), lambda day: DUE_M - 5_000_000 + day * 50_000, 10, detector)
    far = Frame(1, MONDAY_MS + 40_000 * DAY_MS, {"odometer_m": DUE_M - 4_500_000})
    detector.update(far)
    assert detector.state.distance.days <= 56
