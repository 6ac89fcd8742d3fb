"""When a service falls due: by the car's own days, as an interval that holds what it says."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from detectors.bank import Bank
from detectors.reading import DAY_MS
from detectors.service_due import MILE, ServiceDue
from record.flow import Finding, FindingKind, Frame, Vehicle
from record.maintenance import Done, entry

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
    due = detector.state.distance.due("", "", "", 500_000, MONDAY_MS + 49 * DAY_MS)
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
    serviced = car(
        last_service_odometer_m=round(now), last_service_at=MONDAY + timedelta(days=29.9)
    )
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


# --- what belongs to a visit ---------------------------------------------------------------------


def done(item: str, days_ago: float, odometer_m: int | None = None) -> dict[str, Any]:
    return {item: entry(Done(MONDAY - timedelta(days=days_ago), odometer_m))}


def test_one_visit_names_all_that_is_close() -> None:
    """Brake fluid lasts two years, and is due in 40 days; the service itself in 60."""
    plan = car(
        last_service_at=MONDAY - timedelta(days=305),
        service_interval_days=365,
        service_items=done("brake fluid", 690.5),
    )
    found = lives(plan, lambda day: DUE_M - 9_000_000 + day * 10_000, 70)
    assert [one.kind for one in found] == [FindingKind.RAISED, FindingKind.REFRESHED]
    assert {one.cause for one in found} == {"service_due"}
    assert found[0].summary.startswith("Brake fluid due in 30 days, by its calendar; with service")
    assert found[1].summary.startswith("Brake fluid overdue by time")


def test_what_is_not_close_waits() -> None:
    plan = car(
        last_service_at=MONDAY - timedelta(days=340),
        service_interval_days=365,
        service_items=done("brake fluid", 400) | done("spark plugs", 400, DUE_M - 9_000_000),
    )
    [raised] = lives(plan, lambda day: DUE_M - 9_000_000 + day * 10_000, 5)
    assert raised.summary.startswith("Service due in 24 days, by its calendar")
    assert "brake fluid" not in raised.summary and "spark plugs" not in raised.summary


def test_a_car_without_a_schedule_of_its_own_has_its_maker_s() -> None:
    plan = car(service_interval_m=None, last_service_at=MONDAY - timedelta(days=340))
    [raised] = lives(plan, lambda day: DUE_M - 9_000_000 + day * 10_000, 5)
    assert "by its calendar" in raised.summary
    assert lives(replace(plan, make="Linden"), lambda day: DUE_M, 5) == []


def test_only_corrections_since_the_service_count() -> None:
    """A new cluster on day 20, a service on day 30, recorded in the new meter."""

    def meter(day: int) -> float:
        true = DUE_M - 2_000_000 + day * 50_000
        return true - 51_000_000 if day >= 20 else true

    detector = ServiceDue(car(last_service_at=MONDAY - timedelta(days=200)))
    lives(detector.vehicle, meter, 30, detector)
    serviced = car(
        last_service_at=MONDAY + timedelta(days=30), last_service_odometer_m=round(meter(30))
    )
    again = ServiceDue(serviced, detector.state)
    found = lives(serviced, meter, 5, again, 30)
    assert [one.kind for one in found] == [FindingKind.RECOVERED]
    assert found[0].evidence.value == pytest.approx(15_000, abs=100)


@pytest.mark.parametrize(("shows", "kinds"), [(15_000, ["recovered"]), (9_000, []), (-400, [])])
def test_a_display_that_was_set_back_says_that_it_was_done_elsewhere(
    shows: float, kinds: list[str]
) -> None:
    detector = ServiceDue(car(last_service_at=MONDAY - timedelta(days=200)))
    lives(detector.vehicle, lambda day: DUE_M - 1_500_000 + day * 50_000, 10, detector)
    assert detector.state.told
    found = []
    for day, left in enumerate((900, 850, shows, shows - 50), 10):
        signals: Signals = {
            "odometer_m": DUE_M - 1_500_000 + day * 50_000,
            "distance_to_service_km": float(left),
        }
        answer = detector.update(Frame(1, MONDAY_MS + (day + 1) * DAY_MS - 1, signals))
        if isinstance(answer, Finding) and answer.kind == FindingKind.RECOVERED:
            found.append(answer.kind)
    assert found == kinds


@pytest.mark.parametrize("interval_h", [None, 400.0])
def test_engine_hours_count_where_the_maker_asks_for_them(interval_h: float | None) -> None:
    plan = car(
        service_interval_m=None,
        service_interval_hours=interval_h,
        last_service_engine_hours=1_000.0,
    )
    detector = ServiceDue(replace(plan, make="Linden"))
    found = []
    for day in range(60):
        at_ms = MONDAY_MS + (day + 1) * DAY_MS - 1
        answer = detector.update(Frame(1, at_ms, {"engine_hours_h": 1_250.0 + 3 * day}))
        if isinstance(answer, Finding):
            found.append(answer.summary)
    if interval_h is None:
        assert not found and detector.state.hours.last is None
    else:
        assert "by engine hours" in found[0] and found[-1].startswith("Service overdue")


# --- hard use ------------------------------------------------------------------------------------


def drives(km: float, days: int, ambient_c: float = 12.0, minutes: int = 10) -> Iterator[Frame]:
    """Two drives a day of so many kilometres, a frame a minute, half of the minutes standing."""
    meter = DUE_M - 9_000_000.0
    for day in range(days):
        for hour in (8, 17):
            began = MONDAY_MS + day * DAY_MS + hour * 3_600_000
            for minute in range(minutes + 1):
                speed = km * 60 / minutes * (2 if minute % 2 else 0)
                signals: Signals = {
                    "ignition": "ON",
                    "engine_speed_rpm": 900.0,
                    "speed_kmh": speed,
                    "odometer_m": round(meter),
                    "ambient_temp_c": ambient_c,
                }
                yield Frame(1, began + minute * 60_000, signals)
                meter += speed * 1000 / 60
            yield Frame(1, began + minutes * 60_000 + 5_000, {"ignition": "OFF"})


@pytest.mark.parametrize(
    ("km", "ambient_c", "make", "hard"),
    [
        (5, 12, "VW", True),
        (12, 12, "VW", False),
        (12, -5, "VW", True),
        (20, 38, "VW", True),
        (5, 12, "Linden", False),
    ],
)
def test_short_cold_or_hot_drives_bring_the_service_forward(
    km: float, ambient_c: float, make: str, hard: bool
) -> None:
    plan = replace(car(), make=make, last_service_odometer_m=DUE_M - 9_000_000 - 7_100_000)
    bank = Bank(plan, kinds=(ServiceDue,))
    found = [one for frame in drives(km, 30, ambient_c, 20) for one in bank.judge(frame)]
    detector = bank.detectors[0]
    assert isinstance(detector, ServiceDue) and detector.limits.km == (7_500 if hard else 15_000)
    assert hard == any("sooner" in note for one in found for note in one.evidence.notes)
    assert hard == bool(found)
    again = Bank(plan, bank.save(), bank.judged_ms, kinds=(ServiceDue,))
    restored = again.detectors[0]
    assert isinstance(restored, ServiceDue) and restored.limits == detector.limits
