"""Diagnostic trouble codes, SAE J2012: what a code means, and how long it can wait.

A code is a letter (system), a digit (who defined it) and three hexadecimal digits, the first of
which names the subsystem in powertrain and network codes. Newer cars add a failure type byte:
``U3003-16``.

>>> dtc = decode("P0217")
>>> dtc.description, dtc.system, dtc.urgency.value
('Engine Coolant Over Temperature Condition', 'powertrain', 'stop')
>>> cause("P0217"), cause("P0301")
('coolant_overheat', 'dtc_p0301')
"""

import csv
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from record.flow import Urgency

System = Literal["powertrain", "chassis", "body", "network"]

TABLE = Path(__file__).parent / "data" / "dtc" / "generic.csv"

_CODE = re.compile(r"[PCBU][0-3][0-9A-F]{3}(-[0-9A-F]{2})?")

_SYSTEMS: dict[str, System] = {"P": "powertrain", "C": "chassis", "B": "body", "U": "network"}


class DtcError(ValueError):
    """The text is not a trouble code; the message says so in words."""


@dataclass(frozen=True, slots=True)
class Dtc:
    """One trouble code, explained.

    Attributes
    ----------
    code : str
        As given, upper case, with its failure type if it has one.
    description : str
        From the table; for a code that is not in it, what its structure tells.
    system : str
        powertrain, chassis, body or network.
    subsystem : str
        As J2012 divides powertrain and network codes; empty where it does not.
    generic : bool
        True if SAE gives the code one meaning for every make.
    failure : str
        Category of the failure type byte; empty without one.
    urgency : Urgency
        How long it can wait.
    why : str
        The reason for `urgency`, for an advisor.
    """

    code: str
    description: str
    system: System
    subsystem: str
    generic: bool
    failure: str
    urgency: Urgency
    why: str


def is_dtc(code: str) -> bool:
    """Whether `code` is spelled as in SAE J2012: upper case, failure type optional.

    >>> [is_dtc(code) for code in ("P0128", "U3003-16", "p0128", "P4128", "P012", "P0128 ")]
    [True, True, False, False, False, False]
    """
    return _CODE.fullmatch(code) is not None


@lru_cache(maxsize=4096)
def decode(code: str) -> Dtc:
    """Explain one code; spaces around it and lower case are forgiven.

    Raises
    ------
    DtcError
        If it is no trouble code.

    Examples
    --------
    >>> decode("p1234").description
    "Maker's own powertrain code"
    >>> decode("U3003-16").failure
    'electrical'
    >>> decode("coffee")
    Traceback (most recent call last):
    record.dtc.DtcError: 'coffee' is not a trouble code: one of P, C, B, U and four digits, as P0128
    """
    text = code.strip().upper()
    if not is_dtc(text):
        raise DtcError(
            f"{code[:20]!r} is not a trouble code: one of P, C, B, U and four digits, as P0128"
        )
    base = text[:5]
    system = _SYSTEMS[base[0]]
    generic = _is_generic(base)
    unknown = f"Unlisted {system} code" if generic else f"Maker's own {system} code"
    urgency, why = _urgency(base)
    return Dtc(
        code=text,
        description=_table().get(base, unknown),
        system=system,
        subsystem=_subsystem(base) if generic else "",
        generic=generic,
        failure=_FAILURES.get(text[6:7], "") if len(text) > 5 else "",
        urgency=urgency,
        why=why,
    )


def cause(code: str) -> str:
    """Name of the root cause that `code` speaks of, as in `record.causes`; its own if none.

    Only codes that state the fault itself are mapped. A broken sensor circuit is its own cause: an
    open coolant sensor (P0118) says nothing about the coolant. A generator's field (P0622) is part
    of it.

    Raises
    ------
    DtcError
        If it is no trouble code.

    Examples
    --------
    >>> cause("P0562"), cause("P0118"), cause("P0420-00")
    ('battery_12v', 'dtc_p0118', 'dtc_p0420')
    """
    base = decode(code).code[:5]
    return _CAUSES.get(base, f"dtc_{base.lower()}")


_CAUSES = {
    "P0128": "thermostat_stuck_open",
    "P0217": "coolant_overheat",
    "P0480": "radiator_fan",
    "P0560": "battery_12v",
    "P0561": "battery_12v",
    "P0562": "battery_12v",
    "P0620": "alternator",
    "P0622": "alternator",
    "P0A8D": "alternator",  # the converter's own output is low
    "P0A94": "alternator",
    "P0A7F": "weak_cell",
    "P0A80": "weak_cell",
    "P244B": "dpf_clogged",
    "P2463": "dpf_clogged",
    "U3003": "battery_12v",
}
NAMED = frozenset(_CAUSES.values())
"""Root causes that a code can state."""


@cache
def _table() -> dict[str, str]:
    """Code to description; read when first asked for."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: row["description"] for row in csv.DictReader(file)}


def _is_generic(base: str) -> bool:
    """Second digit: 0 is SAE, 1 the maker; 2 and 3 depend on the system (J2012)."""
    if base[0] == "P":
        return base[1] in "02" or (base[1] == "3" and base[2] >= "4")
    return base[1] in "03"


_METERING = "fuel and air metering"
_EMISSIONS = "emissions"
_IGNITION = "ignition and misfire"
_SPEED = "speed, idle and auxiliary inputs"
_COMPUTER = "computer and auxiliary outputs"
_TRANSMISSION = "transmission"
_HYBRID = "hybrid and electric drive"

# By the first digits; a longer match is more specific. J2012 leaves B and C undivided.
_SUBSYSTEMS = {
    **{f"P0{digit}": _METERING for digit in "012"},
    "P03": _IGNITION,
    "P04": _EMISSIONS,
    "P05": _SPEED,
    "P06": _COMPUTER,
    **{f"P0{digit}": _TRANSMISSION for digit in "789"},
    **{f"P0{digit}": _HYBRID for digit in "ABCDEF"},
    **{f"P2{digit}": _METERING for digit in "0129AB"},
    "P23": _IGNITION,
    "P24": _EMISSIONS,
    "P25": _SPEED,
    "P26": _COMPUTER,
    "P27": _TRANSMISSION,
    "P28": _TRANSMISSION,
    "P34": "cylinder deactivation",
    "U00": "network wiring",
    "U01": "network communication",
    "U02": "network communication",
    "U03": "network software",
    "U04": "network data",
    "U3": "control units and their power supply",
}


def _subsystem(base: str) -> str:
    return _SUBSYSTEMS.get(base[:3], _SUBSYSTEMS.get(base[:2], ""))


# High digit of the failure type byte, J2012-DA.
_FAILURES = {
    "0": "general",
    "1": "electrical",
    "2": "signal",
    "3": "frequency or pulse width",
    "4": "control unit internal",
    "5": "programming",
    "6": "algorithm",
    "7": "mechanical",
    "8": "bus message",
    "9": "component",
}


class _Rule(NamedTuple):
    first: str
    last: str
    urgency: Urgency
    why: str


_STOP, _SOON, _SERVICE, _INFO = Urgency.STOP, Urgency.SOON, Urgency.SERVICE, Urgency.INFO

# From `first` to `last`, both included. The first rule that holds decides, so single codes stand
# above their ranges. These are our own judgements, by what happens if the driver carries on.
_RULES = (
    # Damage or danger within minutes.
    _Rule("P0217", "P0217", _STOP, "Overheating warps the cylinder head within minutes"),
    _Rule("P0298", "P0298", _STOP, "Oil too hot to carry the bearings"),
    _Rule("P0524", "P0524", _STOP, "Without oil pressure the engine is lost within minutes"),
    _Rule("P2B57", "P2B57", _STOP, "Without oil pressure the engine is lost within minutes"),
    _Rule("P0A7E", "P0A7E", _STOP, "An overheated traction battery can catch fire"),
    _Rule("P2D46", "P2D50", _STOP, "An overheated traction battery can catch fire"),
    _Rule("P0AA6", "P0AA6", _STOP, "High voltage insulation is broken: danger of shock"),
    _Rule("P0DAA", "P0DAA", _STOP, "High voltage insulation is broken: do not charge"),
    _Rule("P0E74", "P0E74", _STOP, "High voltage insulation is broken: danger of shock"),
    _Rule("P2C85", "P2C85", _STOP, "High voltage insulation is broken: danger of shock"),
    _Rule("C0021", "C0021", _STOP, "Brake booster fails: the pedal needs far more force"),
    _Rule("C0049", "C0049", _STOP, "Low brake fluid: a leak can take the brakes"),
    _Rule("C055D", "C055E", _STOP, "Brake hydraulics leak"),
    # Cooling and oil.
    _Rule("P00B7", "P00B7", _SOON, "Poor coolant flow overheats next"),
    _Rule("P0115", "P0119", _SOON, "Coolant sensor is blind: overheating would go unseen"),
    _Rule(
        "P0125", "P0128", _SERVICE, "Runs cold, mostly a thermostat: wears and drinks, no danger"
    ),
    _Rule("P0480", "P0485", _SOON, "Radiator fan may stand still: overheats in traffic"),
    _Rule("P2181", "P2181", _SOON, "Cooling does not do as expected: overheats next"),
    _Rule("P2560", "P2560", _SOON, "Coolant is being lost: overheats next"),
    _Rule("P0520", "P0523", _SOON, "Oil pressure may really be off: check before long drives"),
    _Rule("P055A", "P055F", _SOON, "Oil pressure may really be off: check before long drives"),
    _Rule("P25AE", "P25AE", _SOON, "Pistons are cooled too little"),
    # Engine runs badly, may stop, or harms itself.
    _Rule("P0016", "P0019", _SOON, "Timing chain or belt may have stretched or jumped"),
    _Rule("P0087", "P0088", _SOON, "Fuel pressure is wrong: may stall under load"),
    _Rule("P0230", "P0233", _SOON, "Fuel pump supply: may stall"),
    _Rule("P0234", "P0234", _SOON, "Overboost harms the engine"),
    _Rule("P0313", "P0313", _SERVICE, "Misfire with a near-empty tank: refuel, then look again"),
    _Rule(
        "P0300", "P0316", _SOON, "Misfire burns the catalyst; with a flashing lamp, ease off now"
    ),
    _Rule("P0335", "P0344", _SOON, "Crank or cam sensor: may stall or not start"),
    _Rule("P0363", "P0363", _SOON, "Misfire so heavy that fuel was cut"),
    _Rule("P2100", "P2119", _SOON, "Throttle actuator: falls back to limp-home"),
    _Rule("P2135", "P2140", _SOON, "Throttle or pedal sensors disagree: falls back to limp-home"),
    # Emissions.
    _Rule("P0420", "P0439", _SERVICE, "Catalyst has aged: no danger, fails inspection"),
    _Rule("P0440", "P0459", _INFO, "Fuel vapour leak, often the cap: tell at the next visit"),
    _Rule("P2002", "P2003", _SERVICE, "Particulate filter passes soot: fails inspection"),
    _Rule("P203F", "P203F", _SOON, "Exhaust fluid runs out: the engine will refuse to start"),
    _Rule("P204F", "P204F", _SOON, "Exhaust fluid system: counts down to a refused start"),
    _Rule("P20EE", "P20EE", _SOON, "Exhaust fluid system: counts down to a refused start"),
    _Rule("P242F", "P242F", _SOON, "Particulate filter is full of ash: limp-home next"),
    _Rule("P2463", "P2463", _SOON, "Particulate filter is full of soot: regenerate while it can"),
    # Electrical supply.
    _Rule(
        "P0560", "P0562", _SOON, "Low system voltage: may not start, then control units drop out"
    ),
    _Rule("P0563", "P0563", _SOON, "Overcharging boils the battery and harms control units"),
    _Rule("P0620", "P0626", _SOON, "Generator: drives on what the battery holds"),
    _Rule("P065A", "P065C", _SOON, "Generator: drives on what the battery holds"),
    _Rule("P2500", "P2504", _SOON, "Charging system: drives on what the battery holds"),
    _Rule("P0601", "P0607", _SOON, "Control unit distrusts itself: may stall or not start"),
    _Rule("U3003", "U3003", _SOON, "Supply voltage is wrong: may not start"),
    # Whole systems.
    _Rule("P0218", "P0218", _SOON, "Gearbox fluid too hot: stop to cool, then have it seen"),
    _Rule("P0700", "P09FF", _SOON, "Gearbox: may fall back to one gear"),
    _Rule("P2700", "P28FF", _SOON, "Gearbox: may fall back to one gear"),
    _Rule("P0A00", "P0FFF", _SOON, "High voltage drive: may cut power or not start"),
    _Rule("C0000", "C0FFF", _SOON, "Brakes, steering or stability: help in an emergency may fail"),
    _Rule("B0001", "B00FF", _SOON, "Airbag or belt tensioner may not fire in a crash"),
    _Rule("U0001", "U00FF", _SOON, "Network wiring: control units may drop out while driving"),
    _Rule("U0100", "U0109", _SOON, "Engine or gearbox unit falls silent: may stall or not start"),
    _Rule("U0110", "U0119", _SOON, "High voltage drive unit falls silent: may stop"),
    _Rule("U0121", "U0139", _SOON, "Brake, steering or stability unit falls silent"),
    _Rule("U0151", "U0154", _SOON, "Airbag unit falls silent: may not fire in a crash"),
)


def _urgency(base: str) -> tuple[Urgency, str]:
    for rule in _RULES:
        if rule.first <= base <= rule.last:
            return rule.urgency, rule.why
    if not _is_generic(base):
        return _SERVICE, "Maker's own code: look it up in the maker's table"
    return _SERVICE, "No danger known: read out at the next visit"
