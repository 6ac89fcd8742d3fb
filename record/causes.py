"""Root causes by name: what a finding may point at, and what the workshop would book for it."""

from dataclasses import dataclass

from record.flow import Urgency


@dataclass(frozen=True, slots=True)
class Cause:
    """One root cause that detectors, trouble codes and dues can agree on.

    Parameters
    ----------
    name : str
        Key, as in `record.flow.Finding.cause`.
    title : str
        For the advisor.
    plain : str
        For the customer, where "your car tells us" goes before.
    urgency : Urgency
        Where nothing better is known.
    op_code : str
        The work to book first, a key of table ``op_code``.
    """

    name: str
    title: str
    plain: str
    urgency: Urgency
    op_code: str


_BATTERY, _COOLING, _DIAGNOSIS, _TIRE, _BRAKES = (
    "BATT-TEST", "COOL-DIAG", "DIAG", "TIRE", "BRAKES",
)  # fmt: skip
_STOP, _SOON, _SERVICE = Urgency.STOP, Urgency.SOON, Urgency.SERVICE

CAUSES: dict[str, Cause] = {
    name: Cause(name, title, plain, urgency, op_code)
    for name, title, plain, urgency, op_code in (
        ("coolant_overheat", "Engine overheating", "the engine is running too hot",
         _STOP, _COOLING),
        ("coolant_leak", "Coolant loss", "it is losing coolant", _SOON, _COOLING),
        ("thermostat_stuck_closed", "Thermostat stuck closed", "the engine is running too hot",
         _STOP, _COOLING),
        ("thermostat_stuck_open", "Thermostat stuck open", "the engine stays too cold",
         _SERVICE, _COOLING),
        ("radiator_fan", "Radiator fan not working", "the radiator fan is faulty",
         _SOON, _COOLING),
        ("battery_12v", "12 V battery weak", "the battery is weak", _SOON, _BATTERY),
        ("parasitic_drain", "Battery drained while parked", "its battery loses charge",
         _SOON, _BATTERY),
        ("alternator", "Alternator charging too little", "the battery is not charging",
         _SOON, _BATTERY),
        ("high_resistance_cable", "High resistance in a battery cable",
         "a battery cable is faulty", _SOON, _BATTERY),
        ("weak_cell", "Weak cell in the traction battery", "its drive battery is weak",
         _SOON, _DIAGNOSIS),
        ("slow_tire_leak", "Tire losing air slowly", "a tire is slowly losing air", _SOON, _TIRE),
        ("tire_puncture", "Tire losing air fast", "a tire is losing air fast", _STOP, _TIRE),
        ("brake_wear", "Brake pads worn", "the brake pads are worn", _SERVICE, _BRAKES),
        ("stuck_caliper", "Brake caliper sticking", "a brake does not release", _SOON, _BRAKES),
        ("vacuum_leak", "Intake air leak", "the engine has an air leak", _SERVICE, _DIAGNOSIS),
        ("misfire", "Engine misfiring", "the engine is misfiring", _SOON, _DIAGNOSIS),
        ("dpf_clogged", "Particulate filter clogged", "the soot filter is filling",
         _SOON, _DIAGNOSIS),
        ("oil_consumption", "High oil consumption", "it uses too much oil",
         _SOON, _DIAGNOSIS),
        ("sensor_stuck", "Sensor stuck", "one sensor is stuck", _SERVICE, _DIAGNOSIS),
        ("sensor_drift", "Sensor reads off", "one sensor reads wrong",
         _SERVICE, _DIAGNOSIS),
        ("sensors_swapped", "Two sensors swapped", "two sensors are swapped",
         _SERVICE, _DIAGNOSIS),
        ("unusual_signal", "Unusual reading", "one reading is unusual",
         _SERVICE, _DIAGNOSIS),
        ("service_due", "Service due", "its service is due", _SERVICE, "SERVICE"),
    )
}  # fmt: skip

FAMILIES: tuple[tuple[str, ...], ...] = (
    ("battery_12v", "parasitic_drain", "alternator", "high_resistance_cable",
     "dtc_p0562", "dtc_p0620", "dtc_p0622"),
    ("coolant_overheat", "coolant_leak", "thermostat_stuck_closed", "radiator_fan",
     "dtc_p0481", "dtc_p0482", "dtc_p0483", "dtc_p2181"),
    ("vacuum_leak", "misfire", "dtc_p0171", "dtc_p0174",
     *(f"dtc_p03{number:02d}" for number in range(13))),
    ("slow_tire_leak", "tire_puncture"),
    ("brake_wear", "stuck_caliper"),
)  # fmt: skip
"""Causes that pass for each other: what the same few readings can mean, whoever reads them."""

FAMILY = {cause: family for family in FAMILIES for cause in family}
"""The family of a cause that has one."""


_PLAIN = (
    ("P0115", "P0119", "its temperature sensor has failed"),
    ("P0125", "P0128", "the engine stays too cold"),
    ("P0217", "P0217", "the engine is running too hot"),
    ("P0300", "P0316", "the engine is misfiring"),
    ("P0335", "P0344", "an engine sensor has failed"),
    ("P0420", "P0439", "the catalytic converter is worn"),
    ("P0440", "P0459", "some fuel vapor is leaking"),
    ("P0480", "P0485", "the radiator fan has a fault"),
    ("P0524", "P0524", "the oil pressure is too low"),
    ("P0620", "P0626", "the battery is not charging"),
    ("P0700", "P09FF", "the gearbox has a fault"),
    ("P2700", "P28FF", "the gearbox has a fault"),
    ("P0A00", "P0FFF", "the electric drive has a fault"),
    ("C0000", "C0FFF", "the brakes or the steering have a fault"),
    ("B0001", "B00FF", "an airbag or seat belt has a fault"),
)
"""Codes that say something to a driver, from first to last (SAE J2012)."""


def _plain(code: str) -> str | None:
    return next((words for first, last, words in _PLAIN if first <= code <= last), None)


def cause_of(name: str) -> Cause:
    """The cause called `name`; an unknown one is a trouble code to be diagnosed.

    Examples
    --------
    >>> cause_of("battery_12v").op_code
    'BATT-TEST'
    >>> cause_of("dtc_p0301").title, cause_of("dtc_p0301").plain
    ('The engine is misfiring (P0301)', 'the engine is misfiring')
    >>> cause_of("dtc_p1234").title, cause_of("dtc_p1234").plain
    ('Trouble code P1234', 'it has a fault code (P1234)')
    """
    known = CAUSES.get(name)
    if known is not None:
        return known
    code = name.removeprefix("dtc_").upper()
    plain = _plain(code)
    return Cause(
        name,
        f"{plain[0].upper()}{plain[1:]} ({code})" if plain else f"Trouble code {code}",
        plain or f"it has a fault code ({code})",
        Urgency.SERVICE,
        "DIAG",
    )
