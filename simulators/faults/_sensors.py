"""The sensors that fail in a world: those that a workshop would have to replace."""

from __future__ import annotations

from simulators.models import Model

_ENGINE = "Vehicle.Powertrain.CombustionEngine"
_TIRE = "Vehicle.Chassis.Axle.{}.Tire.Pressure"

COOLANT = f"{_ENGINE}.EngineCoolant.Temperature"
AIR_FLOW = "Vehicle.OBD.MAF"
AMBIENT = "Vehicle.Exterior.AirTemperature"
INTAKE = "Vehicle.OBD.IntakeTemp"
TIRES = tuple(
    _TIRE.format(wheel)
    for wheel in ("Row1.Wheel.Left", "Row1.Wheel.Right", "Row2.Wheel.Left", "Row2.Wheel.Right")
)


def of(model: Model) -> tuple[str, ...]:
    """Those that a model has."""
    return (COOLANT, AIR_FLOW, AMBIENT, INTAKE) if model.burns else (AMBIENT, TIRES[0], TIRES[3])
