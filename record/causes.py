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


CAUSES: dict[str, Cause] = {
    c.name: c
    for c in (
        Cause(
            "coolant_overheat",
            "Engine overheating",
            "the engine is running too hot",
            Urgency.STOP,
            "COOL-DIAG",
        ),
        Cause("battery_12v", "12 V battery weak", "the battery is weak", Urgency.SOON, "BATT-TEST"),
        Cause("service_due", "Service due", "its service is due", Urgency.SERVICE, "SERVICE"),
    )
}


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
