"""What only looks like a fault: circumstances, repairs of others, gateways with ways of their own.

A judge that has none of these is easily pleased. Those that touch the car's physics or what it
reports say so through the same `Effects` as faults do; the others are records of what happened, for
the scorer: weather is in `simulators.climate`, a gateway's ways are in `simulators.uplink`, and the
world's driver acts on a service done elsewhere or a car that is sold.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from simulators.faults import HEALTHY, Distortion, Effects

if TYPE_CHECKING:
    from simulators.models import Model

KINDS = (
    "altitude",
    "towing",
    "roof_box",
    "winter_tires",
    "jump_start",
    "long_parking",
    "odometer_replaced",
    "odometer_in_miles",
    "firmware_unit",
    "low_sensor_batch",
    "cold_snap",
    "heat_wave",
    "serviced_elsewhere",
    "sold",
    "rough_clock",
    "underground_week",
    "duplicates",
    "drop_outs",
)
"""All that may happen to a healthy car."""

OF_THE_GATEWAY = ("rough_clock", "underground_week", "duplicates", "drop_outs")
"""Those that `simulators.uplink` does."""

ODOMETER = "Vehicle.TraveledDistance"
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
TIRES = tuple(
    f"Vehicle.Chassis.Axle.{wheel}.Tire.Pressure"
    for wheel in ("Row1.Wheel.Left", "Row1.Wheel.Right", "Row2.Wheel.Left", "Row2.Wheel.Right")
)


@dataclass(frozen=True, slots=True)
class Innocent:
    """One circumstance of one car.

    Parameters
    ----------
    kind
        One of `KINDS`.
    start, end
        Aware UTC; `end` is None for what stays.
    effects
        While it lasts.
    """

    kind: str
    start: datetime
    end: datetime | None = None
    effects: Effects = HEALTHY

    def at(self, when: datetime) -> Effects:
        """What it does at a moment."""
        if when < self.start or (self.end is not None and when >= self.end):
            return HEALTHY
        return self.effects


@dataclass(frozen=True, slots=True)
class JumpStart(Innocent):
    """The lights were left on; another car helped; the next long drive fills the battery again."""

    lights_h: float = 7.0
    code: str = ""

    def at(self, when: datetime) -> Effects:
        """Lights, then leads, then sometimes a stored code for a few days."""
        off = self.start + timedelta(hours=self.lights_h)
        if when < self.start or (self.end is not None and when >= self.end):
            return HEALTHY
        if when < off:
            return Effects(drain_a=6.5)
        return Effects(jump_leads=True, dtcs=(self.code,) if self.code else ())


def draw(
    kind: str, chance: random.Random, *, model: Model, start: datetime, end: datetime
) -> Innocent | None:
    """One of a kind for a car's time in the world, or None where it can't happen to the model.

    Raises
    ------
    KeyError
        If there is no such kind.
    """
    span = end - start
    begins = start + span * chance.uniform(0.15, 0.8)
    days = timedelta(days=1)
    match kind:
        case "altitude":
            metres = chance.uniform(1_500, 2_800)
            effects = Effects(altitude_m=metres, climate_k=-0.0065 * metres)
            return Innocent(kind, begins, begins + chance.uniform(3, 9) * days, effects)
        case "towing":
            effects = Effects(
                extra_mass_kg=model.mass_kg * chance.uniform(0.25, 0.5),
                drag_factor=1.6,
                rolling_factor=1.1,
            )
            return Innocent(kind, begins, begins + chance.uniform(2, 12) * days, effects)
        case "roof_box":
            effects = Effects(drag_factor=chance.uniform(1.2, 1.4), extra_mass_kg=60.0)
            return Innocent(kind, begins, begins + chance.uniform(7, 40) * days, effects)
        case "winter_tires":
            # mounted on other rims: set to another pressure, and the car knows the wheels as others
            set_to = chance.uniform(-18, 18)
            swapped = tuple(
                Distortion(path, instead=TIRES[(number + 2) % 4], offset=set_to)
                for number, path in enumerate(TIRES)
            )
            return Innocent(kind, begins, None, Effects(rolling_factor=1.12, distortions=swapped))
        case "jump_start":
            code = chance.choice(("", "", "P0562", "U0100"))
            return JumpStart(
                kind, begins, begins + 9 * days, lights_h=chance.uniform(5, 9), code=code
            )
        case "long_parking":
            return Innocent(
                kind, begins, begins + chance.uniform(12, 30) * days, Effects(stays_parked=True)
            )
        case "odometer_replaced":
            # a used cluster shows what its own car had driven
            offset = chance.choice((-1_900_000.0, 25_000_000.0, 60_000_000.0))
            effects = Effects(distortions=(Distortion(ODOMETER, offset=offset),))
            return Innocent(kind, begins, None, effects)
        case "odometer_in_miles":
            effects = Effects(distortions=(Distortion(ODOMETER, gain=1 / 1.609344),))
            return Innocent(kind, begins, None, effects)
        case "firmware_unit":
            if model.burns and chance.random() < 0.5:
                wrong: tuple[Distortion, ...] = (Distortion(COOLANT, gain=1.8, offset=32.0),)
            else:
                wrong = tuple(Distortion(path, gain=1 / 6.894757) for path in TIRES)
            return Innocent(kind, begins, None, Effects(distortions=wrong))
        case "low_sensor_batch":
            effects = Effects(distortions=(Distortion(VOLTAGE, gain=0.97),))
            return Innocent(kind, start, None, effects)
        case "underground_week":
            return Innocent(kind, begins, begins + 7 * days)
        case "cold_snap" | "heat_wave":
            return Innocent(kind, begins, begins + chance.uniform(3, 7) * days)
        case "serviced_elsewhere" | "sold":
            return Innocent(kind, begins)
        case "rough_clock" | "duplicates" | "drop_outs":
            return Innocent(kind, start)
    raise KeyError(f"no circumstance {kind!r}; there are {', '.join(KINDS)}")
