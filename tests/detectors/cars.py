"""Cars for the tests of the detectors: simulated and real ones, as ingest would hand them over."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from record.flow import Frame, Vehicle
from record.signals import BY_PATH, Refusal, check
from simulators import drives, faults, wire
from simulators.climate import Climate
from simulators.vehicle import Vehicle as SimulatedCar

START = datetime(2026, 1, 5, 5, tzinfo=UTC)

SHOWS: dict[str, dict[str, int]] = {
    "coolant_leak": {"coolant_leak": 14},
    "coolant_overheat": {"coolant_overheat": 9, "thermostat_stuck_closed": 20},
    "dtc_raised": {"dtc_raised": 8},
    "low_voltage": {
        "weak_battery": 80,
        "alternator": 24,
        "parasitic_drain": 20,
        "high_resistance_cable": 36,
    },
    "radiator_fan": {"radiator_fan": 11},
    "service_due": {"service_due": 25},
    "thermostat_stuck_open": {"thermostat_stuck_open": 14},
    "dpf_clogged": {"dpf_clogged": 26},
    "misfire": {"misfire": 30},
    "oil_consumption": {"oil_consumption": 18},
    "sensor_drift": {"sensor_drift": 18, "sensors_swapped": 14},
    "sensor_stuck": {"sensor_stuck": 16},
    "vacuum_leak": {"vacuum_leak": 24},
    "weak_cell": {"weak_cell": 50},
    "brakes": {"brake_wear": 25, "stuck_caliper": 20},
    "tires": {"slow_tire_leak": 12, "tire_puncture": 9},
    "wheels_swapped": {},
    "thermostat_stuck_closed": {},
    "unusual_signal": {},
}
"""By detector: the faults of `simulators.faults` that it finds, and for how many days a car that is
afflicted with one has to be watched."""


def profile(vehicle_id: int = 1, **about: Any) -> Vehicle:
    """A petrol car whose service is a year and 30,000 km away."""
    schedule: dict[str, Any] = {
        "service_interval_m": 30_000_000,
        "last_service_odometer_m": 41_000_000,
        "service_interval_days": 730,
        "last_service_at": START - timedelta(days=30),
    }
    vin = f"1RWLN1F4XMN{vehicle_id:06d}"
    return Vehicle(vehicle_id, vin, "Linden", "F", 2021, "petrol", **(schedule | about))


def received(frames: Iterable[wire.Frame], vehicle_id: int = 1) -> Iterator[Frame]:
    """Frames of a car under our names, without what the catalogue doesn't know or refuses."""
    for frame in frames:
        signals = {}
        for path, value in frame.signals.items():
            signal = BY_PATH.get(path)
            if signal is not None and not isinstance(checked := check(signal, value), Refusal):
                signals[signal.name] = checked
        yield Frame(vehicle_id, frame.ts_ms, signals, frame.dtcs)


@cache
def afflicted(name: str, seed: int = 1) -> tuple[Vehicle, tuple[Frame, ...]]:
    """A simulated car with the fault called `name`, and its life until the fault has shown."""
    car = faults.afflicted(name)(START, seed=seed, drive_period_s=20)
    about: dict[str, Any] = {}
    if car.service is not None:
        about = {
            "service_interval_m": int(car.service.interval_m or 0),
            "last_service_odometer_m": int(car.service.done_odometer_m),
            "last_service_at": car.service.done_at,
            "service_interval_days": 365,
        }
    days = next(faults[name] for faults in SHOWS.values() if name in faults)
    until = START + timedelta(days=days)
    return profile(**about), tuple(received(car.frames(until)))


@cache
def healthy(seed: int = 7) -> tuple[Frame, ...]:
    """A healthy car from a mild autumn into a hard winter, down to -20 °C."""
    climate = Climate(mean_c=0.0, season_c=14.0, weather_c=6.0, seed=seed)
    start = datetime(2026, 10, 1, 5, tzinfo=UTC)
    car = SimulatedCar(
        f"1RWLN1F4XMN{seed:06d}", start=start, seed=seed, climate=climate, drive_period_s=30
    )
    return tuple(received(car.frames(start + timedelta(days=100))))


def real_drives() -> list[Path]:
    """The real drives that the project keeps."""
    return sorted(drives.SAMPLES.glob("*.csv"))
