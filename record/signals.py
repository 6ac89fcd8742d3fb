"""The signal catalogue: what a car can say, and which value of it we believe.

One :class:`Signal` is one column of the table ``telemetry``. On the wire it has its COVESA VSS 6.0
path (``OBD.*`` comes from the VSS overlay of that name), inside the house a short name that ends in
its unit: ``coolant_temp_c``, ``odometer_m``. A value outside ``low``..``high`` cannot be true on a
working sensor, so it is refused; the rest of its frame is kept. Where limits come from:

- ``J1979``: the span that the SAE J1979 encoding of the PID can carry.
- ``VSS``: limits or allowed values of the VSS tree itself.
- ``engineering``: wider than any road vehicle, narrower than a broken sensor.

>>> coolant = BY_PATH["Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"]
>>> coolant.name, coolant.unit, coolant.pid
('coolant_temp_c', '°C', '01 05')
>>> check(coolant, 91)
91.0
>>> check(coolant, 400.0)
Refusal('outside -40 to 215 °C')
>>> check(BY_NAME["ignition"], "START"), check(BY_NAME["ignition"], "BROKEN")
('START', Refusal('not one of UNDEFINED, LOCK, OFF, ACC, ON, START'))
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

from record.flow import Value

SqlType = Literal["real", "double precision", "smallint", "integer", "boolean", "text"]

TEXT_LIMIT = 64
"""Longest text value stored, characters."""


class Refusal(str):
    """Why a value was refused, in words; told from a text value by its type."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Refusal({str.__repr__(self)})"


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One kind of measurement, as the car sends it and as we keep it.

    Attributes
    ----------
    name
        Column in ``telemetry``, ending in its unit.
    path
        VSS path on the wire.
    unit
        As shown to people; empty for text, flags and counts.
    sql
        Column type.
    low, high
        Plausible range in `unit`, both ends included; None for text and flags.
    source
        Where the range comes from: J1979, VSS or engineering.
    description
        What a technician would say it tells.
    pid
        OBD service and PID that carry it, as ``"01 05"``.
    allowed
        The values of an enumeration; empty for free text.
    aliases
        Other paths for the same quantity. Where a frame carries several, `path` wins.
    accept
        The signal's own test, made once: `check` without the look-up.
    """

    name: str
    path: str
    unit: str
    sql: SqlType
    low: float | None
    high: float | None
    source: str
    description: str
    pid: str | None = None
    allowed: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    accept: Callable[[object], Value | Refusal] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "accept", _acceptance(self))


def check(signal: Signal, value: object) -> Value | Refusal:
    """Return `value` in the type of its column, or the `Refusal` that says what is wrong with it.

    Whole numbers count as numbers and come back as float for a ``real`` column; a decimal number
    for a whole-number column is rounded. A flag is never a number, nor a number a flag.

    >>> check(BY_NAME["speed_kmh"], True)
    Refusal('not a number')
    >>> check(BY_NAME["odometer_m"], 15_023_400.4)
    15023400
    >>> check(BY_NAME["mil_on"], 1)
    Refusal('not true or false')
    """
    return signal.accept(value)


def _acceptance(signal: Signal) -> Callable[[object], Value | Refusal]:
    if signal.sql == "boolean":
        return _flag
    if signal.sql == "text":
        return _one_of(signal.allowed) if signal.allowed else _text
    assert signal.low is not None and signal.high is not None, signal.name
    outside = Refusal(f"outside {signal.low:.10g} to {signal.high:.10g} {signal.unit}".rstrip())
    if signal.sql in ("smallint", "integer"):
        return _whole(signal.low, signal.high, outside)
    return _decimal(signal.low, signal.high, outside)


# These run for every value of every frame. Types are compared exactly because `True` is an `int` to
# Python but not a number to us. `low <= nan` is false, so the range test refuses NaN and
# the infinities too, and only the refusal has to find out which it was.


def _decimal(low: float, high: float, outside: Refusal) -> Callable[[object], float | Refusal]:
    def accept(value: object) -> float | Refusal:
        if type(value) is float:
            if low <= value <= high:
                return value
        elif type(value) is int and low <= value <= high:
            return float(value)
        return _why_not(value, outside)

    return accept


def _whole(low: float, high: float, outside: Refusal) -> Callable[[object], int | Refusal]:
    def accept(value: object) -> int | Refusal:
        if type(value) is int:
            if low <= value <= high:
                return value
        elif type(value) is float and low <= value <= high:
            return round(value)
        return _why_not(value, outside)

    return accept


def _why_not(value: object, outside: Refusal) -> Refusal:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return Refusal("not a number")
    if isinstance(value, float) and not isfinite(value):
        return Refusal("not a finite number")
    return outside


def _flag(value: object) -> bool | Refusal:
    return value if isinstance(value, bool) else Refusal("not true or false")


def _one_of(allowed: tuple[str, ...]) -> Callable[[object], str | Refusal]:
    known = frozenset(allowed)
    unknown = Refusal(f"not one of {', '.join(allowed)}")

    def accept(value: object) -> str | Refusal:
        return value if isinstance(value, str) and value in known else unknown

    return accept


def _text(value: object) -> str | Refusal:
    if not isinstance(value, str):
        return Refusal("not text")
    if len(value) > TEXT_LIMIT:
        return Refusal(f"longer than {TEXT_LIMIT} characters")
    # PostgreSQL stores neither NUL nor half a surrogate pair; neither is printable.
    return value if value.isprintable() else Refusal("has characters that cannot be printed")


_ENGINE = "Vehicle.Powertrain.CombustionEngine"
_PACK = "Vehicle.Powertrain.TractionBattery"
_WHEELS = {
    "front_left": "Vehicle.Chassis.Axle.Row1.Wheel.Left",
    "front_right": "Vehicle.Chassis.Axle.Row1.Wheel.Right",
    "rear_left": "Vehicle.Chassis.Axle.Row2.Wheel.Left",
    "rear_right": "Vehicle.Chassis.Axle.Row2.Wheel.Right",
}

_DRIVING = (
    Signal(
        "ignition", "Vehicle.LowVoltageSystemState", "", "text", None, None, "VSS",
        "Ignition switch position (terminal 15 is live from ON)",
        allowed=("UNDEFINED", "LOCK", "OFF", "ACC", "ON", "START"),
    ),
    Signal(
        "speed_kmh", "Vehicle.Speed", "km/h", "real", 0, 255, "J1979",
        "Road speed", "01 0D", aliases=("Vehicle.OBD.Speed",),
    ),
    Signal(
        "odometer_m", "Vehicle.TraveledDistance", "m", "integer", 0, 2_000_000_000, "engineering",
        "Distance over the car's whole life; metres since VSS 6.0, up to two million km", "01 A6",
    ),
    Signal(
        "gear", "Vehicle.Powertrain.Transmission.CurrentGear", "", "smallint", -10, 30,
        "engineering", "Gear engaged: 0 is neutral, negative is reverse",
    ),
    Signal(
        "accelerator_pedal_pct", "Vehicle.OBD.AcceleratorPositionD", "%", "real", 0, 100, "J1979",
        "Accelerator pedal, track D (a released pedal reads about 15 %)", "01 49",
        aliases=("Vehicle.Chassis.Accelerator.PedalPosition",),
    ),
    Signal(
        "accelerator_pedal_e_pct", "Vehicle.OBD.AcceleratorPositionE", "%", "real", 0, 100,
        "J1979", "Accelerator pedal, track E: must agree with track D in its own ratio", "01 4A",
    ),
    Signal(
        "latitude_deg", "Vehicle.CurrentLocation.Latitude", "°", "double precision", -90, 90,
        "VSS", "Position north of the equator, WGS 84",
    ),
    Signal(
        "longitude_deg", "Vehicle.CurrentLocation.Longitude", "°", "double precision", -180, 180,
        "VSS", "Position east of Greenwich, WGS 84",
    ),
    Signal(
        "altitude_m", "Vehicle.CurrentLocation.Altitude", "m", "real", -500, 9000,
        "engineering", "Height above sea level; thin air explains low manifold pressure",
    ),
    Signal(
        "heading_deg", "Vehicle.CurrentLocation.Heading", "°", "real", 0, 360, "VSS",
        "Direction of travel, clockwise from north",
    ),
    Signal(
        "ambient_temp_c", "Vehicle.Exterior.AirTemperature", "°C", "real", -60, 85,
        "engineering", "Outside air; parked in the sun the sensor itself can reach 70 °C", "01 46",
        aliases=("Vehicle.OBD.AmbientAirTemperature",),
    ),
    Signal(
        "ambient_humidity_pct", "Vehicle.Exterior.Humidity", "%", "real", 0, 100, "engineering",
        "Relative humidity of the outside air",
    ),
    Signal(
        "barometric_pressure_kpa", "Vehicle.OBD.BarometricPressure", "kPa", "real", 30, 115,
        "engineering", "Air pressure: 101 at the sea, 54 at 5,000 m", "01 33",
    ),
)  # fmt: skip

_ENGINE_SIGNALS = (
    Signal(
        "engine_running", f"{_ENGINE}.IsRunning", "", "boolean", None, None, "VSS",
        "Combustion engine turns by itself",
    ),
    Signal(
        "engine_speed_rpm", f"{_ENGINE}.Speed", "rpm", "real", 0, 16_383.75, "J1979",
        "Crankshaft speed; a warm petrol engine idles at 600 to 900", "01 0C",
        aliases=("Vehicle.OBD.EngineSpeed",),
    ),
    Signal(
        "engine_load_pct", "Vehicle.OBD.EngineLoad", "%", "real", 0, 100, "J1979",
        "Air flow now as a share of what full throttle would give at this speed", "01 04",
    ),
    Signal(
        "engine_torque_nm", f"{_ENGINE}.Torque", "Nm", "smallint", -4000, 4000, "engineering",
        "Torque at the crankshaft; negative when the engine brakes", "01 62",
    ),
    Signal(
        "engine_hours_h", f"{_ENGINE}.EngineHours", "h", "real", 0, 100_000, "engineering",
        "Hours the engine has run over its life: the clock of a taxi's or a van's service",
    ),
    Signal(
        "run_time_s", "Vehicle.OBD.RunTime", "s", "integer", 0, 65_535, "J1979",
        "Time since this engine start", "01 1F",
    ),
    Signal(
        "coolant_temp_c", f"{_ENGINE}.EngineCoolant.Temperature", "°C", "real", -40, 215, "J1979",
        "Coolant at the engine outlet: 85 to 105 warm, boils near 125 under cap pressure", "01 05",
        aliases=("Vehicle.OBD.CoolantTemperature",),
    ),
    Signal(
        "coolant_level", f"{_ENGINE}.EngineCoolant.Level", "", "text", None, None, "VSS",
        "Level in the expansion tank; judge it cold",
        allowed=("CRITICALLY_LOW", "LOW", "NORMAL"),
    ),
    Signal(
        "oil_temp_c", f"{_ENGINE}.EngineOil.Temperature", "°C", "real", -40, 215, "J1979",
        "Engine oil in the sump; oil ages fast above 130", "01 5C",
        aliases=("Vehicle.OBD.OilTemperature",),
    ),
    Signal(
        "oil_pressure_kpa", f"{_ENGINE}.EOP", "kPa", "smallint", 0, 1000, "engineering",
        "Engine oil pressure: warm idle about 100, never 0 with the engine running",
    ),
    Signal(
        "oil_level", f"{_ENGINE}.EngineOil.Level", "", "text", None, None, "VSS",
        "Oil level as the car judges it",
        allowed=("CRITICALLY_LOW", "LOW", "NORMAL", "HIGH", "CRITICALLY_HIGH"),
    ),
    Signal(
        "oil_life_s", f"{_ENGINE}.EngineOil.LifeRemaining", "s", "integer", -31_536_000,
        94_608_000, "engineering", "Time to the next oil change; negative is overdue",
    ),
    Signal(
        "intake_air_temp_c", "Vehicle.OBD.IntakeTemp", "°C", "real", -40, 215, "J1979",
        "Air entering the engine; cold and soaked it equals outside air and coolant", "01 0F",
    ),
    Signal(
        "intake_pressure_kpa", f"{_ENGINE}.MAP", "kPa", "real", 0, 510, "engineering",
        "Absolute manifold pressure; the PID ends at 255, strong turbos do not", "01 0B",
        aliases=("Vehicle.OBD.MAP",),
    ),
    Signal(
        "air_flow_g_s", "Vehicle.OBD.MAF", "g/s", "real", 0, 655.35, "J1979",
        "Mass air flow; warm idle in g/s is about the engine's litres", "01 10",
        # Core VSS rounds to whole g/s, too coarse for fuel trim work but better than nothing.
        aliases=(f"{_ENGINE}.MAF",),
    ),
    Signal(
        "throttle_pct", "Vehicle.OBD.ThrottlePosition", "%", "real", 0, 100, "J1979",
        "Throttle plate; closed reads 10 to 20 %", "01 11", aliases=(f"{_ENGINE}.TPS",),
    ),
    Signal(
        "throttle_relative_pct", "Vehicle.OBD.RelativeThrottlePosition", "%", "real", 0, 100,
        "J1979", "Throttle above its learned closed stop: creeps up as deposits grow", "01 45",
    ),
    Signal(
        "throttle_b_pct", "Vehicle.OBD.ThrottlePositionB", "%", "real", 0, 100, "J1979",
        "Second throttle sensor track: disagreement with the first sets P2135", "01 47",
    ),
    Signal(
        "throttle_commanded_pct", "Vehicle.OBD.ThrottleActuator", "%", "real", 0, 100, "J1979",
        "Throttle opening that the control unit asks for", "01 4C",
    ),
    Signal(
        "timing_advance_deg", "Vehicle.OBD.TimingAdvance", "°", "real", -64, 63.5, "J1979",
        "Spark advance before top dead centre, cylinder 1; knock pulls it back", "01 0E",
    ),
    Signal(
        "short_fuel_trim_1_pct", "Vehicle.OBD.ShortTermFuelTrim1", "%", "real", -100, 99.22,
        "J1979", "Fuel correction of the moment, bank 1; positive adds fuel to a lean mix", "01 06",
    ),
    Signal(
        "long_fuel_trim_1_pct", "Vehicle.OBD.LongTermFuelTrim1", "%", "real", -100, 99.22,
        "J1979", "Learned fuel correction, bank 1; beyond ±10 something leaks or clogs", "01 07",
    ),
    Signal(
        "short_fuel_trim_2_pct", "Vehicle.OBD.ShortTermFuelTrim2", "%", "real", -100, 99.22,
        "J1979", "Fuel correction of the moment, bank 2", "01 08",
    ),
    Signal(
        "long_fuel_trim_2_pct", "Vehicle.OBD.LongTermFuelTrim2", "%", "real", -100, 99.22,
        "J1979", "Learned fuel correction, bank 2", "01 09",
    ),
    Signal(
        "equivalence_ratio", "Vehicle.OBD.CommandedEquivalenceRatio", "λ", "real", 0, 2, "J1979",
        "Air-fuel ratio asked for, 1 is stoichiometric, below 1 is rich", "01 44",
    ),
    Signal(
        "o2_b1s1_voltage_v", "Vehicle.OBD.O2.Sensor1.Voltage", "V", "real", 0, 1.275, "J1979",
        "Oxygen sensor before the catalyst: a live one swings 0.1 to 0.9", "01 14",
    ),
    Signal(
        "o2_b1s2_voltage_v", "Vehicle.OBD.O2.Sensor2.Voltage", "V", "real", 0, 1.275, "J1979",
        "Oxygen sensor behind the catalyst: steady while the catalyst works", "01 15",
    ),
    Signal(
        "catalyst_temp_b1s1_c", "Vehicle.OBD.Catalyst.Bank1.Temperature1", "°C", "real", -40,
        1400, "engineering", "Catalyst, bank 1 sensor 1; misfire drives it past 900", "01 3C",
    ),
    Signal(
        "catalyst_temp_b1s2_c", "Vehicle.OBD.Catalyst.Bank1.Temperature2", "°C", "real", -40,
        1400, "engineering", "Catalyst, bank 1 sensor 2", "01 3E",
    ),
    Signal(
        "evap_purge_pct", "Vehicle.OBD.CommandedEVAP", "%", "real", 0, 100, "J1979",
        "Purge valve of the charcoal canister: explains trim swings", "01 2E",
    ),
    Signal(
        "egr_commanded_pct", "Vehicle.OBD.CommandedEGR", "%", "real", 0, 100, "J1979",
        "Exhaust gas recirculation asked for", "01 2C",
    ),
    Signal(
        "egr_error_pct", "Vehicle.OBD.EGRError", "%", "real", -100, 99.22, "J1979",
        "Recirculation delivered against asked for; large and steady is a sooted valve", "01 2D",
    ),
    Signal(
        "fuel_rail_pressure_kpa", "Vehicle.OBD.FuelRailPressureDirect", "kPa", "real", 0, 655_350,
        "J1979", "Rail pressure, direct injection: 5,000 petrol idle, 30,000 diesel idle", "01 23",
    ),
    Signal(
        "dpf_delta_pressure_pa", f"{_ENGINE}.DieselParticulateFilter.DeltaPressure", "Pa", "real",
        -327_680, 327_670, "J1979", "Pressure across the particulate filter: soot and ash", "01 7A",
    ),
    Signal(
        "dpf_inlet_temp_c", f"{_ENGINE}.DieselParticulateFilter.InletTemperature", "°C", "real",
        -40, 1400, "engineering", "Exhaust entering the filter; 550 to 650 regenerates", "01 7C",
    ),
    Signal(
        "dpf_outlet_temp_c", f"{_ENGINE}.DieselParticulateFilter.OutletTemperature", "°C", "real",
        -40, 1400, "engineering", "Exhaust leaving the filter; above inlet while soot burns",
        "01 7C",
    ),
    Signal(
        "def_level_pct", f"{_ENGINE}.DieselExhaustFluid.Level", "%", "smallint", 0, 100, "VSS",
        "Diesel exhaust fluid in its tank; empty forbids a restart", "01 9B",
    ),
)  # fmt: skip

_FUEL = (
    Signal(
        "fuel_level_pct", "Vehicle.Powertrain.FuelSystem.RelativeLevel", "%", "real", 0, 100,
        "J1979", "Fuel in the tank", "01 2F", aliases=("Vehicle.OBD.FuelLevel",),
    ),
    Signal(
        "fuel_range_m", "Vehicle.Powertrain.FuelSystem.Range", "m", "integer", 0, 3_000_000,
        "engineering", "Distance that the fuel on board still allows",
    ),
    Signal(
        "fuel_rate_l_h", "Vehicle.OBD.FuelRate", "l/h", "real", 0, 500, "engineering",
        "Fuel burnt; warm petrol idle takes 0.5 to 1", "01 5E",
    ),
    Signal(
        "fuel_consumption_l_100km", "Vehicle.Powertrain.FuelSystem.InstantConsumption",
        "l/100 km", "real", 0, 500, "engineering", "Consumption of the moment; high when crawling",
    ),
)  # fmt: skip

_LOW_VOLTAGE = (
    Signal(
        "battery_voltage_v", "Vehicle.LowVoltageBattery.CurrentVoltage", "V", "real", 0, 65.535,
        "J1979", "12 V battery: rest 12.4 to 12.8, cranking above 9.6, charging 13.5 to 14.8",
        "01 42",
        # PID 42 is measured at the control unit, one cable drop (about 0.1 V) below the battery.
        aliases=("Vehicle.OBD.ControlModuleVoltage",),
    ),
    Signal(
        "battery_current_a", "Vehicle.LowVoltageBattery.CurrentCurrent", "A", "real", -2000, 2000,
        "engineering", "12 V battery current; positive charges, a diesel cranks at 800",
    ),
)  # fmt: skip

_TRANSMISSION = (
    Signal(
        "transmission_temp_c", "Vehicle.Powertrain.Transmission.Temperature", "°C", "real", -40,
        215, "engineering", "Gearbox fluid; automatic fluid ages fast above 120",
    ),
    Signal(
        "clutch_wear_pct", "Vehicle.Powertrain.Transmission.ClutchWear", "%", "smallint", 0, 100,
        "VSS", "Clutch lining: 0 new, 100 worn out",
    ),
)  # fmt: skip

_WHEEL_SIGNALS = (
    *(
        Signal(
            f"tire_pressure_{wheel}_kpa", f"{path}.Tire.Pressure", "kPa", "smallint", 0, 1200,
            "engineering", f"Tyre pressure, {wheel.replace('_', ' ')}; rises 1 % for each 3 °C",
        )
        for wheel, path in _WHEELS.items()
    ),
    *(
        Signal(
            f"tire_temp_{wheel}_c", f"{path}.Tire.AirTemperature", "°C", "smallint", -50, 150,
            "engineering", f"Air inside the tyre, {wheel.replace('_', ' ')}",
        )
        for wheel, path in _WHEELS.items()
    ),
    *(
        Signal(
            f"pad_wear_{wheel}_pct", f"{path}.Brake.PadWear", "%", "smallint", 0, 100, "VSS",
            f"Brake pad, {wheel.replace('_', ' ')}: 0 new, 100 worn out",
        )
        for wheel, path in _WHEELS.items()
    ),
    Signal(
        "brake_fluid_level_pct", f"{_WHEELS['front_left']}.Brake.FluidLevel", "%", "smallint", 0,
        100, "VSS", "Brake fluid; sinks slowly as pads wear, fast when it leaks",
    ),
)  # fmt: skip

_TRACTION = (
    Signal(
        "soc_displayed_pct", f"{_PACK}.StateOfCharge.Displayed", "%", "real", 0, 100, "VSS",
        "Charge that the driver sees",
    ),
    Signal(
        "soc_pct", f"{_PACK}.StateOfCharge.Current", "%", "real", 0, 100, "VSS",
        "Charge of the traction battery, of its full capacity", "01 5B",
        aliases=("Vehicle.OBD.HybridBatteryRemaining",),
    ),
    Signal(
        "soh_pct", f"{_PACK}.StateOfHealth", "%", "real", 0, 100, "VSS",
        "Capacity left of the new battery's; warranties end at 70", "01 B2",
    ),
    Signal(
        "cell_voltage_min_v", f"{_PACK}.CellVoltage.Min", "V", "real", 0, 5, "engineering",
        "Lowest cell of the pack; at rest within 0.02 of the highest",
    ),
    Signal(
        "cell_voltage_max_v", f"{_PACK}.CellVoltage.Max", "V", "real", 0, 5, "engineering",
        "Highest cell of the pack",
    ),
    Signal(
        "pack_temp_c", f"{_PACK}.Temperature.Average", "°C", "real", -50, 150, "engineering",
        "Traction battery, mean of its sensors",
    ),
    Signal(
        "pack_temp_min_c", f"{_PACK}.Temperature.Min", "°C", "real", -50, 150, "engineering",
        "Traction battery, coldest sensor",
    ),
    Signal(
        "pack_temp_max_c", f"{_PACK}.Temperature.Max", "°C", "real", -50, 150, "engineering",
        "Traction battery, hottest sensor; above 60 the car cuts its power",
    ),
    Signal(
        "pack_voltage_v", f"{_PACK}.CurrentVoltage", "V", "real", 0, 1500, "engineering",
        "Traction battery voltage", "01 9A",
    ),
    Signal(
        "pack_current_a", f"{_PACK}.CurrentCurrent", "A", "real", -3000, 3000, "engineering",
        "Traction battery current; positive flows into the battery", "01 9A",
    ),
    Signal(
        "charging", f"{_PACK}.Charging.IsCharging", "", "boolean", None, None, "VSS",
        "Traction battery is being charged from outside",
    ),
    Signal(
        "charging_power_kw", f"{_PACK}.Charging.AveragePower", "kW", "real", 0, 1500,
        "engineering", "Mean power of this or the last charge",
    ),
    Signal(
        "charging_time_left_s", f"{_PACK}.Charging.TimeToComplete", "s", "integer", 0, 604_800,
        "engineering", "Time until the charge is complete",
    ),
    Signal(
        "electric_range_m", f"{_PACK}.Range", "m", "integer", 0, 2_000_000, "engineering",
        "Distance that the traction battery still allows",
    ),
    Signal(
        "motor_temp_c", "Vehicle.Powertrain.ElectricMotor.Temperature", "°C", "real", -50, 250,
        "engineering", "Electric drive motor",
    ),
)  # fmt: skip

_DIAGNOSTICS = (
    Signal(
        "mil_on", "Vehicle.OBD.Status.IsMILOn", "", "boolean", None, None, "J1979",
        "Malfunction indicator lamp is on", "01 01",
    ),
    Signal(
        "dtc_count", "Vehicle.Diagnostics.DTCCount", "", "smallint", 0, 127, "J1979",
        "Confirmed emission-related trouble codes", "01 01",
        aliases=("Vehicle.OBD.Status.DTCCount",),
    ),
    Signal(
        "freeze_dtc", "Vehicle.OBD.FreezeDTC", "", "text", None, None, "J1979",
        "Trouble code that stored the freeze frame", "01 02",
    ),
    Signal(
        "distance_mil_km", "Vehicle.OBD.DistanceWithMIL", "km", "integer", 0, 65_535, "J1979",
        "Driven with the lamp on", "01 21",
    ),
    Signal(
        "run_time_mil_min", "Vehicle.OBD.RunTimeMIL", "min", "integer", 0, 65_535, "J1979",
        "Engine run time with the lamp on", "01 4D",
    ),
    Signal(
        "distance_since_clear_km", "Vehicle.OBD.DistanceSinceDTCClear", "km", "integer", 0, 65_535,
        "J1979", "Driven since codes were cleared: small means somebody was just here", "01 31",
    ),
    Signal(
        "time_since_clear_min", "Vehicle.OBD.TimeSinceDTCCleared", "min", "integer", 0, 65_535,
        "J1979", "Engine run time since codes were cleared", "01 4E",
    ),
    Signal(
        "warmups_since_clear", "Vehicle.OBD.WarmupsSinceDTCClear", "", "smallint", 0, 255, "J1979",
        "Warm-ups since codes were cleared; stays at 255", "01 30",
    ),
    Signal(
        "distance_to_service_km", "Vehicle.Service.DistanceToService", "km", "real", -100_000,
        100_000, "engineering", "Until the next service as the car counts it; negative is overdue",
    ),
    Signal(
        "time_to_service_s", "Vehicle.Service.TimeToService", "s", "integer", -157_680_000,
        157_680_000, "engineering", "Until the next service by time; negative is overdue",
    ),
    Signal(
        "service_due", "Vehicle.Service.IsServiceDue", "", "boolean", None, None, "VSS",
        "The car itself asks for service",
    ),
    Signal(
        "washer_fluid_low", "Vehicle.Body.Windshield.Front.WasherFluid.IsLevelLow", "", "boolean",
        None, None, "VSS", "Windscreen washer fluid is low",
    ),
)  # fmt: skip

SIGNALS: tuple[Signal, ...] = (
    *_DRIVING,
    *_ENGINE_SIGNALS,
    *_FUEL,
    *_LOW_VOLTAGE,
    *_TRANSMISSION,
    *_WHEEL_SIGNALS,
    *_TRACTION,
    *_DIAGNOSTICS,
)
"""Every signal that has a column; what is not here is kept in ``telemetry.other``."""

BY_NAME: dict[str, Signal] = {signal.name: signal for signal in SIGNALS}
BY_PATH: dict[str, Signal] = {
    path: signal for signal in SIGNALS for path in (signal.path, *signal.aliases)
}
