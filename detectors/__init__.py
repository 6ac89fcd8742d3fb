"""What is wrong, or due: streaming detectors, one bank of them for each vehicle."""

from typing import Any

from detectors.contract import Detector
from detectors.coolant_leak import CoolantLeak
from detectors.coolant_overheat import CoolantOverheat
from detectors.dtc_raised import DtcRaised
from detectors.low_voltage import LowVoltage
from detectors.service_due import ServiceDue
from detectors.thermostat_stuck_open import ThermostatStuckOpen

DETECTORS: tuple[type[Detector[Any]], ...] = (
    CoolantOverheat,
    DtcRaised,
    LowVoltage,
    ServiceDue,
    ThermostatStuckOpen,
    CoolantLeak,
)
"""Every detector in force. The order is that of saved states."""
