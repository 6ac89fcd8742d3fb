"""Which of the product's root causes speak of which fault of the world.

``right`` names the root; ``near`` found something of the fault, but names another part. A cause
that the product does not know yet is listed under the name that a sensible product would give it,
which is the fault's own: what is found under it later counts without a change here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kin:
    """Causes of alerts that speak of a fault.

    Parameters
    ----------
    right, near
        Names as in table ``alert``; a trouble code's begin with ``dtc_``.
    found, done
        What a technician writes down when it is found and repaired.
    """

    right: frozenset[str]
    near: frozenset[str]
    found: str
    done: str

    def speaks(self, cause: str) -> bool:
        """Whether an alert with this cause is about the fault at all."""
        return cause in self.right or cause in self.near


def _kin(kind: str, right: str, near: str, found: str, done: str) -> Kin:
    return Kin(frozenset({kind, *right.split()}), frozenset(near.split()), found, done)


_ELECTRIC = "battery_12v parasitic_drain alternator high_resistance_cable dtc_p0562 dtc_p0620"
_HOT = (
    "coolant_overheat coolant_leak thermostat_stuck_closed radiator_fan dtc_p0217 dtc_p0480 "
    "dtc_p0117 dtc_p0128"
)
_MIXTURE = "vacuum_leak misfire sensor_drift dtc_p0171 dtc_p0300 dtc_p0301 dtc_p0302 dtc_p0303"
_TIRES = "slow_tire_leak tire_puncture"

KIN: dict[str, Kin] = {
    "weak_battery": _kin(
        "weak_battery", "battery_12v", _ELECTRIC,
        "Battery at 41 % of rated cold cranking amps", "Replaced 12 V battery",
    ),
    "parasitic_drain": _kin(
        "parasitic_drain", "", _ELECTRIC,
        "Rest current 480 mA, seat module stays awake", "Replaced seat module relay",
    ),
    "alternator": _kin(
        "alternator", "dtc_p0562 dtc_p0620 dtc_p0a94 dtc_p0a8d", _ELECTRIC,
        "Charging 12.4 V under load", "Replaced alternator",
    ),
    "high_resistance_cable": _kin(
        "high_resistance_cable", "", _ELECTRIC,
        "1.6 V drop over ground strap while cranking", "Renewed ground strap, cleaned terminals",
    ),
    "coolant_leak": _kin(
        "coolant_leak", "", _HOT, "Lower radiator hose seeping", "Replaced hose, filled and bled",
    ),
    "thermostat_stuck_open": _kin(
        "thermostat_stuck_open", "dtc_p0128", "sensor_stuck sensor_drift dtc_p0117",
        "Thermostat does not close", "Replaced thermostat",
    ),
    "thermostat_stuck_closed": _kin(
        "thermostat_stuck_closed", "", _HOT, "Thermostat does not open", "Replaced thermostat",
    ),
    "radiator_fan": _kin(
        "radiator_fan", "dtc_p0480", _HOT, "Fan motor open circuit", "Replaced fan motor",
    ),
    "coolant_overheat": _kin(
        "coolant_overheat", "water_pump", _HOT,
        "Water pump seized", "Replaced water pump, bled cooling system",
    ),
    "slow_tire_leak": _kin(
        "slow_tire_leak", "tire_leak", _TIRES, "Nail in tread", "Repaired tire",
    ),
    "tire_puncture": _kin(
        "tire_puncture", "tire_leak", _TIRES, "Sidewall cut", "Replaced tire",
    ),
    "brake_wear": _kin(
        "brake_wear", "", "stuck_caliper service_due",
        "Pads at 2 mm", "Replaced pads and discs of the axle",
    ),
    "stuck_caliper": _kin(
        "stuck_caliper", "", "brake_wear", "Guide pin seized", "Freed caliper, replaced pads",
    ),
    "vacuum_leak": _kin(
        "vacuum_leak", "dtc_p0171", _MIXTURE, "PCV hose cracked", "Replaced hose",
    ),
    "misfire": _kin(
        "misfire", "dtc_p0300 dtc_p0301 dtc_p0302 dtc_p0303 dtc_p0304", _MIXTURE,
        "Ignition coil breaks down when hot", "Replaced coil and plugs",
    ),
    "dpf_clogged": _kin(
        "dpf_clogged", "dtc_p2463 dtc_p244b", "", "Soot load 41 g", "Serviced filter, new sensor",
    ),
    "weak_cell": _kin(
        "weak_cell", "dtc_p0a80 dtc_p0a7f", "", "One cell at 74 % of capacity", "Replaced module",
    ),
    "oil_consumption": _kin(
        "oil_consumption", "oil_low", "dtc_p0524 service_due",
        "Oil 1.9 l low, turbocharger seal", "Replaced seal, filled up",
    ),
    "sensor_stuck": _kin(
        "sensor_stuck", "dtc_p0116 dtc_p0118 dtc_p0101 dtc_p0071",
        "sensor_drift thermostat_stuck_open dtc_p0128 dtc_p0171",
        "Sensor does not follow", "Replaced sensor",
    ),
    "sensor_drift": _kin(
        "sensor_drift", "", "sensor_stuck thermostat_stuck_open vacuum_leak dtc_p0128 dtc_p0171",
        "Sensor reads off", "Replaced sensor",
    ),
    "sensors_swapped": _kin(
        "sensors_swapped", "", "sensor_drift", "Connectors swapped", "Put back, taught anew",
    ),
    "dtc_raised": _kin(
        "dtc_raised",
        "dtc_p0420 dtc_p0455 dtc_p0135 dtc_c0035 dtc_b0020 dtc_p0a1b",
        "", "Fault reproduced, part out of specification", "Replaced part, cleared codes",
    ),
}  # fmt: skip
"""By kind of fault."""
