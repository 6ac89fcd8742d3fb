"""Readings that no other detector looks at: a new level, a frozen one, and what explains itself."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from detectors import DETECTORS, drive, saved
from detectors.bank import Bank, detect
from detectors.reading import DAY_MS, MINUTE_MS
from detectors.unusual_signal import ANY_LEVEL, MOST, UnusualSignal
from record.flow import Finding, FindingKind, Frame, Stage, Urgency
from record.signals import BY_NAME, SIGNALS
from tests.detectors.cars import profile

DAYS = 60
FROM = 40
"""The day on which something happens."""

Life = Callable[[int, float], dict[str, Any]]
"""What is read on a day, at a minute of the drive."""


def oil(day: int, minute: float) -> dict[str, Any]:
    """Healthy oil in weather of its own, and a tank that is used and filled."""
    weather_c = 8.0 + 6.0 * math.sin(day / 3)
    return {
        "ambient_temp_c": round(weather_c, 1),
        "oil_temp_c": round(84.0 + weather_c / 4 + math.sin(7.0 * day) + minute / 10, 1),
        "fuel_level_pct": round(95.0 - day % 9 * 9 - minute / 20, 1),
    }


def life(read: Life, days: int = DAYS) -> Iterator[Frame]:
    """A drive of half an hour each day, and then a frame that says that it is over."""
    for day in range(1, days):
        start_ms = (20_000 + day) * DAY_MS
        for minute in range(30):
            signals = {"ignition": "ON", "speed_kmh": 50.0, **read(day, minute)}
            yield Frame(1, start_ms + minute * MINUTE_MS, signals)
        yield Frame(1, start_ms + 31 * MINUTE_MS, {"ignition": "OFF", "fuel_level_pct": 50.0})


def said(read: Life, days: int = DAYS) -> list[Finding]:
    bank = Bank(profile(), kinds=(UnusualSignal,))
    findings = detect(bank, life(read, days))
    assert not bank.set_aside
    return findings


def changed(name: str, change: Callable[[int, float], float]) -> Life:
    """The life, with one reading changed from day `FROM` on."""

    def read(day: int, minute: float) -> dict[str, Any]:
        signals = oil(day, minute)
        return signals | {name: change(day, signals[name])} if day >= FROM else signals

    return read


def test_it_watches_whatever_nobody_else_reads() -> None:
    """By what the others declare, so it stays true when one of them reads more."""
    read = set(drive.SIGNALS).union(*(k.signals for k in DETECTORS if k is not UnusualSignal))
    numeric = {one.name for one in SIGNALS if one.sql not in ("text", "boolean")}
    assert set(UnusualSignal.signals) == numeric - read
    assert {"oil_temp_c", "oil_pressure_kpa", "transmission_temp_c"} < set(UnusualSignal.signals)
    assert len(UnusualSignal.by_key) == len(UnusualSignal.signals), "two have one key"
    assert numeric > ANY_LEVEL, "what is left out is in the catalogue"
    assert UnusualSignal.begins == Stage.SHADOW


def test_a_healthy_car_is_not_spoken_of() -> None:
    assert said(oil) == []


@pytest.mark.parametrize("offset", [12.0, -12.0])
def test_a_new_level_is_told_once_and_until_it_is_well(offset: float) -> None:
    back = FROM + 15

    def read(day: int, value: float) -> float:
        return value + offset if day < back else value

    raised, recovered = said(changed("oil_temp_c", read), days=80)
    assert (raised.kind, raised.urgency) == (FindingKind.RAISED, Urgency.SERVICE)
    assert raised.evidence.signals == ("oil_temp_c",)
    assert raised.evidence.value is not None and raised.evidence.expected is not None
    assert 8 < abs(raised.evidence.value - raised.evidence.expected) < 14
    assert raised.summary.startswith("Engine oil in the sump")
    assert "usually" in raised.summary
    day = raised.at.timestamp() / 86_400 - 20_000
    assert FROM + 5 <= day <= FROM + 12
    assert recovered.kind == FindingKind.RECOVERED
    assert recovered.at.timestamp() / 86_400 - 20_000 > back


def test_a_drift_within_weeks_is_told_and_one_within_a_year_is_not() -> None:
    fast = said(changed("oil_temp_c", lambda day, value: value - (day - FROM)))
    assert [one.kind for one in fast] == [FindingKind.RAISED]
    assert said(lambda day, minute: oil(day, minute) | {"soh_pct": 96.0 - day / 100}) == []


@pytest.mark.parametrize("name", ["oil_temp_c", "fuel_level_pct"])
def test_a_frozen_reading_is_told(name: str) -> None:
    raised = said(changed(name, lambda day, value: 87.5))[0]
    assert "unchanged" in raised.summary
    assert raised.evidence.signals == (name,)
    assert raised.kind == FindingKind.RAISED


def test_two_readings_are_one_finding_and_its_evidence() -> None:
    def read(day: int, minute: float) -> dict[str, Any]:
        signals = oil(day, minute)
        signals["transmission_temp_c"] = signals["oil_temp_c"] - 9
        if day >= FROM:
            signals["oil_temp_c"] += 15
        if day >= FROM + 3:
            signals["transmission_temp_c"] += 15
        return signals

    first, second = said(read)
    assert (first.kind, second.kind) == (FindingKind.RAISED, FindingKind.REFRESHED)
    assert second.evidence.signals == ("transmission_temp_c",)


def test_a_new_season_explains_a_new_level() -> None:
    def read(day: int, minute: float) -> dict[str, Any]:
        frost_k = 1.5 * max(day - FROM, 0)
        signals = oil(day, minute)
        signals["ambient_temp_c"] -= frost_k
        return signals | {"oil_temp_c": signals["oil_temp_c"] - frost_k}

    assert said(read) == []


def test_one_odd_week_of_short_drives_is_no_fault() -> None:
    def read(day: int, minute: float) -> dict[str, Any]:
        signals = oil(day, minute)
        if FROM <= day < FROM + 7:
            return signals if minute < 8 else {}
        return signals

    assert said(read) == []


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("def_level_pct", 20, 98),
        ("altitude_m", 200.0, 1900.0),
        ("barometric_pressure_kpa", 99.0, 81.0),
        ("oil_life_s", 900_000, 31_000_000),
        ("latitude_deg", 48.1, 61.2),
    ],
)
def test_places_what_is_filled_and_what_is_counted_may_have_any_level(
    name: str, before: float, after: float
) -> None:
    def read(day: int, minute: float) -> dict[str, Any]:
        return oil(day, minute) | {name: (after if day >= FROM else before) + day * minute % 3}

    assert said(read) == []


def test_what_stands_at_nothing_is_not_frozen() -> None:
    def read(day: int, minute: float) -> dict[str, Any]:
        left_s = max(0.0, (FROM - day) * 1000.0 - minute)
        purge_pct = 30.0 + (day + minute) % 5 if day < FROM else 100.0
        return oil(day, minute) | {"oil_life_s": left_s, "ambient_humidity_pct": purge_pct}

    assert said(read) == []


@pytest.mark.parametrize(("offset", "told"), [(0.0, []), (15.0, [FindingKind.RAISED])])
def test_impossible_values_teach_nothing(offset: float, told: list[FindingKind]) -> None:
    """A bank sees what ingest let through, and here what it never would."""
    odd = [math.nan, math.inf, -1e300, 10**400, True, "90", None]
    healthy = changed("oil_temp_c", lambda day, value: value + offset)

    def read(day: int, minute: float) -> dict[str, Any]:
        signals = healthy(day, minute)
        if int(minute) % 3:
            return signals | {"oil_temp_c": odd[(day + int(minute)) % len(odd)]}
        return signals

    assert [one.kind for one in said(read)] == told


def test_its_state_is_small_whatever_a_car_tells_and_resumes_at_every_frame() -> None:
    names = UnusualSignal.signals

    def read(day: int, minute: float) -> dict[str, Any]:
        told = {}
        for n, name in enumerate(names):
            low, high = BY_NAME[name].low, BY_NAME[name].high
            assert low is not None and high is not None
            told[name] = low + (high - low) * (0.4 + 0.1 * math.sin(day * n + minute))
        return told

    through, resumed = (Bank(profile(), kinds=(UnusualSignal,)) for _ in range(2))
    for frame in life(read, 35):
        said_first = through.judge(frame)
        resumed = Bank(profile(), resumed.save(), resumed.judged_ms, (UnusualSignal,))
        assert resumed.judge(frame) == said_first
    [detector] = resumed.detectors
    assert detector is not None
    assert len(detector.state.keys) == MOST
    assert len(saved.save([detector.state])) <= 300
    assert resumed.save() == through.save()
