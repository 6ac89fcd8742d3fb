"""The catalogue of what makers ask for, and what of it belongs to a visit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record import maintenance
from record.flow import Vehicle
from record.maintenance import Done, Limits

DONE_AT = datetime(2024, 5, 2, tzinfo=UTC)
GOLF = Vehicle(
    1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol",
    last_service_at=DONE_AT, last_service_odometer_m=40_000_000,
)  # fmt: skip
YEAR = timedelta(days=365)

TIMES = (datetime(1990, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001  # Hypothesis adds the zone

makes = st.sampled_from([make for one in maintenance.catalogue() for make in one.makes])
cars = st.builds(
    lambda make, powertrain, year, at, km: Vehicle(
        1, GOLF.vin, make, "", year, powertrain, last_service_at=at, last_service_odometer_m=km
    ),
    makes | st.just("Linden") | st.text(max_size=8),
    st.sampled_from(["petrol", "diesel", "hybrid", "electric"]),
    st.none() | st.integers(1950, 2026),
    st.none() | st.datetimes(*TIMES, timezones=st.just(UTC)),
    st.none() | st.integers(0, 2**31 - 1),
)


def test_every_schedule_names_its_source_and_can_be_reached() -> None:
    for one in maintenance.catalogue():
        assert len(one.source) > 15
        model = one.models[0] if one.models else "any"
        for make in one.makes:
            for powertrain in one.powertrains:
                car = replace(GOLF, make=make.upper(), model=model, powertrain=powertrain)
                assert maintenance.schedule(car) == one
        for item in one.items:
            assert item.km or item.months or item.hours
            assert set(item.powertrains) <= set(one.powertrains)


def test_a_row_s_own_interval_goes_before_the_maker_s() -> None:
    assert maintenance.service(GOLF) == Limits(15_000, 12)
    own = replace(GOLF, service_interval_m=30_000_000)
    assert maintenance.service(own) == Limits(30_000)
    assert maintenance.service(own, hard=True) == Limits(7_500, 12)
    unknown = replace(GOLF, make="Linden")
    assert maintenance.service(unknown, hard=True) == Limits()
    van = replace(GOLF, make="Ford", powertrain="diesel")
    assert maintenance.service(van, hard=True) == Limits(8_000, None, 200)


@pytest.mark.parametrize(
    ("years", "km", "named"),
    [
        # 57,000 km are close to 60,000
        (0.5, 45_000, ("brake fluid",)),  # at 36, 60, 84 months
        (1, 55_000, ("brake fluid", "cabin filter", "air filter")),
        (
            1,
            57_000,
            ("brake fluid", "cabin filter", "air filter", "spark plugs"),
        ),
        (1, None, ("brake fluid", "cabin filter", "air filter")),
    ],
)
def test_what_the_book_does_not_know_counts_from_new(
    years: float, km: int | None, named: tuple[str, ...]
) -> None:
    """The Golf is of July 2019, and was serviced in May 2024 at 40,000 km."""
    meter = None if km is None else km * 1000
    assert maintenance.with_visit(GOLF, DONE_AT + years * YEAR, meter) == named
    unserviced = replace(GOLF, last_service_at=None, last_service_odometer_m=None)
    assert maintenance.with_visit(unserviced, DONE_AT + years * YEAR, meter) == ()


def test_what_was_done_counts_from_then() -> None:
    done = Done(DONE_AT, 40_000_000)
    every = [one.item for one in maintenance.items(GOLF)]
    car = replace(GOLF, service_items={item: maintenance.entry(done) for item in every})
    assert maintenance.book(car)["brake fluid"] == done
    assert maintenance.with_visit(car, DONE_AT + YEAR, 55_000_000) == ()
    assert maintenance.with_visit(car, DONE_AT + 1.8 * YEAR, 65_000_000) == (
        "brake fluid", "cabin filter",
    )  # fmt: skip
    assert "spark plugs" in maintenance.with_visit(car, DONE_AT + YEAR, 97_000_000)
    assert maintenance.with_visit(car, DONE_AT + YEAR, None) == ()


@given(
    cars,
    st.datetimes(*TIMES, timezones=st.just(UTC)),
    st.none() | st.floats(0, 1e12),
)
def test_only_what_the_car_has_is_named_and_once(
    car: Vehicle, at: datetime, odometer_m: float | None
) -> None:
    found = maintenance.with_visit(car, at, odometer_m)
    assert set(found) <= {one.item for one in maintenance.items(car)}
    assert len(set(found)) == len(found)
    if car.powertrain == "electric":
        assert "spark plugs" not in found
    done = {item: maintenance.entry(Done(at, odometer_m)) for item in found}
    assert maintenance.with_visit(replace(car, service_items=done), at, odometer_m) == ()
