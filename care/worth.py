"""Why a task comes before another: urgency × confidence × what the case is worth.

Each factor is a number with a sentence, so that an advisor can see why something is first. What is
not known is left out, which is the same as a factor of 1. Together the factors of worth stay within
`LEAST` and `MOST`: they order what is equally urgent, they never make a service a breakdown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import prod

from record.flow import Urgency

WEIGHT = {Urgency.STOP: 100.0, Urgency.SOON: 60.0, Urgency.SERVICE: 30.0, Urgency.INFO: 5.0}
"""What urgency counts. A person's question counts like a sure SOON."""

WORDS = {
    Urgency.STOP: "The car should not be driven",
    Urgency.SOON: "Days, not weeks",
    Urgency.SERVICE: "With the next visit",
    Urgency.INFO: "Nobody needs to call",
}

JOB = ((1000.0, 1.3), (400.0, 1.15), (150.0, 1.0), (0.0, 0.9))
"""From which usual value of the work on, in the dealer's currency, it counts how much."""

AGE_YEARS = ((10, 0.9), (5, 1.0), (3, 1.1), (0, 1.0))
"""At three and four years a car leaves its warranty, and its owner chooses a workshop; a car of ten
years or more rarely comes back to the dealer."""

IN_WARRANTY = 1.1
WARRANTY_ENDS = 1.25
WARRANTY_ENDS_DAYS = 60
"""A claim must be made before the warranty ends, so a case shortly before it comes first."""

TIER = {"platinum": 1.15, "gold": 1.05}
"""What a tier of the loyalty scheme counts; who has the first one, as everybody has, counts 1."""

LEAST, MOST = 0.8, 1.5

CHANCE = "Confidence"


@dataclass(frozen=True, slots=True)
class Worth:
    """What is known of a case's worth; None is "not known".

    Parameters
    ----------
    job_value : float or None
        Usual value of the work that the alert leads to, in the dealer's currency.
    model_year : int or None
    warranty_until : date or None
    tier : str or None
        Of the customer, where it is above the first: ``gold``, ``platinum``.
    """

    job_value: float | None = None
    model_year: int | None = None
    warranty_until: date | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason why a task is where it is in the list."""

    name: str
    times: float
    why: str


def factors(
    urgency: Urgency, chance: float, worth: Worth, today: date, why: str
) -> tuple[Factor, ...]:
    """Everything that a task's priority is the product of.

    Parameters
    ----------
    urgency : Urgency
    chance : float
        That it is so, as `care.chance` has it, with its reason in `why`.
    worth : Worth
    today : date
    why : str

    Examples
    --------
    >>> found = factors(
    ...     Urgency.SOON, 0.8, Worth(job_value=450), date(2026, 11, 23), "4 of 5 such"
    ... )
    >>> [(f.name, f.times) for f in found]
    [('Urgency', 60.0), ('Confidence', 0.8), ('Work', 1.15)]
    >>> round(priority(found), 1)
    55.2
    """
    return (
        Factor("Urgency", WEIGHT[urgency], WORDS[urgency]),
        Factor(CHANCE, round(chance, 3), why),
        *_value(worth, today),
    )


def priority(found: Sequence[Factor]) -> float:
    """Urgency and confidence, times the worth within `LEAST` .. `MOST`."""
    worth = prod(f.times for f in found[2:])
    return prod(f.times for f in found[:2]) * min(max(worth, LEAST), MOST)


def _value(worth: Worth, today: date) -> list[Factor]:
    found = []
    if worth.job_value is not None:
        times = next(times for least, times in JOB if worth.job_value >= least)
        found.append(
            Factor("Work", times, f"Work of this kind is worth about {worth.job_value:.0f}")
        )
    if worth.model_year is not None:
        age = max(today.year - worth.model_year, 0)
        times = next(times for least, times in AGE_YEARS if age >= least)
        found.append(Factor("Age of the car", times, f"About {age} years old"))
    if worth.warranty_until is not None:
        left = (worth.warranty_until - today).days
        if 0 <= left <= WARRANTY_ENDS_DAYS:
            found.append(Factor("Warranty", WARRANTY_ENDS, f"Ends in {left} days"))
        elif left > 0:
            found.append(Factor("Warranty", IN_WARRANTY, "In force"))
        else:
            found.append(Factor("Warranty", 1.0, "Over"))
    if worth.tier is not None:
        found.append(Factor("Loyalty", TIER.get(worth.tier, 1.0), f"{worth.tier.title()} customer"))
    return found
