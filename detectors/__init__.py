"""What is wrong, or due: streaming detectors, one bank of them for each vehicle."""

from typing import Any

from detectors.brakes import Brakes
from detectors.contract import Detector
from detectors.coolant_leak import CoolantLeak
from detectors.coolant_overheat import CoolantOverheat
from detectors.dpf_clogged import DpfClogged
from detectors.dtc_raised import DtcRaised
from detectors.low_voltage import LowVoltage
from detectors.misfire import Misfire
from detectors.oil_consumption import OilConsumption
from detectors.radiator_fan import RadiatorFan
from detectors.sensor_drift import SensorDrift
from detectors.sensor_stuck import SensorStuck
from detectors.service_due import ServiceDue
from detectors.thermostat_stuck_closed import ThermostatStuckClosed
from detectors.thermostat_stuck_open import ThermostatStuckOpen
from detectors.tires import Tires
from detectors.unusual_signal import UnusualSignal
from detectors.vacuum_leak import VacuumLeak
from detectors.weak_cell import WeakCell
from detectors.wheels_swapped import WheelsSwapped

_BY_FAULT: tuple[type[Detector[Any]], ...] = (
    CoolantOverheat,
    DtcRaised,
    LowVoltage,
    ServiceDue,
    ThermostatStuckOpen,
    CoolantLeak,
    VacuumLeak,
    OilConsumption,
    DpfClogged,
    Misfire,
    SensorStuck,
    WeakCell,
    RadiatorFan,
    Tires,
    SensorDrift,
    Brakes,
    WheelsSwapped,
    ThermostatStuckClosed,
)

UnusualSignal.beside(_BY_FAULT)

DETECTORS: tuple[type[Detector[Any]], ...] = (*_BY_FAULT, UnusualSignal)
"""Every detector in force. The order is that of saved states."""
