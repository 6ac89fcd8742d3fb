"""Oil that is low on two drives, and how much of it a car uses."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from detectors.bank import Bank, detect
from detectors.oil_consumption import OilConsumption
from detectors.reading import DAY_MS
from record.flow import Finding, Frame, Urgency
from tests.detectors.cars import profile


def days(levels: Sequence[str], km: int = 60, odometer_km: int = 50_000) -> Iterator[Frame]:
    """A drive a day that begins and ends with the same level."""
    for day, level in enumerate(levels, 1):
        for minute, ignition in ((0, "ON"), (50, "OFF")):
            odometer_m = (odometer_km + km * (day + (minute > 0))) * 1000
            signals: dict[str, Any] = {"ignition": ignition, "odometer_m": odometer_m}
            yield Frame(1, day * DAY_MS + minute * 60_000, signals | {"oil_level": level})


def said(frames: Iterator[Frame], service_km: int = 49_000) -> list[Finding]:
    car = profile(last_service_odometer_m=service_km * 1000)
    return detect(Bank(car, kinds=(OilConsumption,)), frames)


def test_from_low_to_critical_gives_the_rate_and_when_it_fails() -> None:
    levels = ["NORMAL"] * 5 + ["LOW"] * 10 + ["CRITICALLY_LOW"] * 2
    raised, worse = said(days(levels))
    assert (raised.kind, raised.urgency) == ("raised", Urgency.SOON)
    assert (worse.kind, worse.urgency) == ("refreshed", Urgency.STOP)
    assert worse.evidence.value == pytest.approx(1.17, abs=0.01)  # 0.7 l in 600 km
    assert raised.expect_from and raised.expect_to and worse.expect_from and worse.expect_to
    assert worse.expect_to - worse.expect_from < raised.expect_to - raised.expect_from


@pytest.mark.parametrize(
    "levels",
    [
        ["NORMAL"] * 10,
        ["HIGH"] * 5 + ["NORMAL"] * 5,
        ["NORMAL", "LOW"] * 5,  # one drive each: parked on a slope
        ["UNKNOWN", "", "low", "7"] * 3,
    ],
)
def test_it_is_silent(levels: list[str]) -> None:
    assert said(days(levels)) == []


def test_a_top_up_ends_it_and_the_next_low_knows_the_distance() -> None:
    levels = ["NORMAL"] * 3 + ["LOW"] * 3 + ["NORMAL"] * 10 + ["LOW"] * 3
    first, filled, again = said(days(levels), service_km=1)  # a service that is not this car's last
    assert [first.kind, filled.kind, again.kind] == ["raised", "recovered", "raised"]
    assert first.evidence.value is None
    assert again.evidence.value == pytest.approx(1000 / 600, rel=0.1)


def test_another_cluster_drives_no_distance() -> None:
    frames = [*days(["NORMAL"] * 3), *(
        Frame(1, f.ts_ms + 3 * DAY_MS, f.signals)
        for f in days(["LOW"] * 3, odometer_km=900)
    )]  # fmt: skip
    [finding] = said(iter(frames), service_km=49_950)
    assert finding.evidence.value is None  # neither odometer tells the way since the service
