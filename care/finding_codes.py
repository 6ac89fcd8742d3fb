"""What a technician can find, and what that says about the alert that brought the car in."""

from dataclasses import dataclass

from care.errors import CareError


@dataclass(frozen=True, slots=True)
class FindingCode:
    """One answer of the workshop.

    Parameters
    ----------
    code : str
        Also the outcome's label: what every detector is measured by.
    title : str
        For the technician.
    means : str
        In a sentence.
    closes : str or None
        The reason with which the alert ends; None where it stays open, since the fault may be there
        still.
    repaired : bool
        Something was repaired, so the car is watched whether it holds.
    right : bool or None
        Whether the alert was right; None where the workshop can't tell.
    """

    code: str
    title: str
    means: str
    closes: str | None
    repaired: bool
    right: bool | None


CODES: dict[str, FindingCode] = {
    one.code: one
    for one in (
        FindingCode(
            "confirmed", "Confirmed", "The fault was there, as alerted", "repaired", True, True
        ),
        FindingCode(
            "confirmed_other",
            "Other part",
            "The symptom was there, another part caused it",
            "repaired",
            True,
            True,
        ),
        FindingCode(
            "no_fault_found",
            "No fault found",
            "The car was fine",
            "no_fault_found",
            False,
            False,
        ),
        FindingCode(
            "not_reproduced",
            "Could not reproduce",
            "It may be there: the alert stays open",
            None,
            False,
            None,
        ),
        FindingCode(
            "customer_declined",
            "Customer declined",
            "Not repaired: the alert stays open",
            None,
            False,
            None,
        ),
        FindingCode(
            "already_repaired",
            "Already repaired",
            "Somebody had repaired it before",
            "repaired",
            False,
            None,
        ),
    )
}


def finding_code(code: str) -> FindingCode:
    """The finding with this code.

    Raises
    ------
    CareError
        If there is none.
    """
    found = CODES.get(code)
    if found is None:
        raise CareError("Say what was found: " + ", ".join(CODES) + ".")
    return found
