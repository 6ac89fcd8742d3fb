"""What the cars of a fleet incident have in common, and how likely that is by coincidence.

A shared cause shows in what its cars share: a firmware, a model year, the plant and the weeks in
which they were built, the weather. Most cars of a fleet share something; so each trait is held
against the other cars of the dealer. Were the cars of the incident drawn from them like balls from
an urn, the number that have the trait would follow the hypergeometric distribution, whose upper
tail is Fisher's exact test (R. A. Fisher, *Statistical Methods for Research Workers*, 21.02).
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from math import exp, lgamma

KINDS = {
    "model": "model",
    "model_year": "model year",
    "powertrain": "powertrain",
    "plant": "plant",
    "series": "serial numbers",
    "firmware": "firmware",
    "cold": "cold",
    "warm": "heat",
}
"""What is compared. Model and model year are of the car's record; plant (place 11) and serial
number (places 12 to 17, of which the first three here) are of the VIN, 49 CFR 565.15: what was
built one after the other has parts of one batch. The firmware is what the gateway told last."""

SURE = 0.05
"""Less likely by coincidence, and it stands out; all that was looked at is allowed for, so one
incident in twenty may name a trait that is none."""

MOST = 0.8
"""The busiest days that make up so much of an incident are held against the weather."""

FEWEST_DAYS = 14
"""With less of the weather known, nothing is said of it."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many cars have a trait.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    value : str
    cars, of_cars : int
        Of the incident, and of how many that is known.
    fleet, of_fleet : int
        Of the cars to compare with, the incident's among them. For the weather both are days.
    """

    kind: str
    value: str
    cars: int
    of_cars: int
    fleet: int
    of_fleet: int


@dataclass(frozen=True, slots=True)
class Trait(Count):
    """One that cars have in common, and how likely so many are by coincidence."""

    chance: float

    @property
    def lift(self) -> float:
        """How many times as frequent it is as in the fleet."""
        return self.cars * self.of_fleet / (self.of_cars * self.fleet)

    @property
    def stands_out(self) -> bool:
        """Whether it is no coincidence."""
        return self.chance < SURE


@dataclass(frozen=True, slots=True)
class Day:
    """A day's air at the dealer, and how many of an incident's alerts began on it."""

    day: date
    air_c: float
    alerts: int


def coincidence(cars: int, of_cars: int, fleet: int, of_fleet: int) -> float:
    """How likely so many of them, or more, have what so many of the fleet have.

    Examples
    --------
    >>> round(coincidence(2, 2, 2, 4), 6)  # one pair of six
    0.166667
    >>> coincidence(9, 11, 80, 1000) < 1e-8, coincidence(0, 11, 80, 1000)
    (True, 1.0)
    """
    if cars <= max(0, of_cars + fleet - of_fleet):
        return 1.0
    ways = _log_ways(of_fleet, of_cars)
    return min(
        1.0,
        sum(
            exp(_log_ways(fleet, n) + _log_ways(of_fleet - fleet, of_cars - n) - ways)
            for n in range(cars, min(of_cars, fleet) + 1)
        ),
    )


def _log_ways(of: int, chosen: int) -> float:
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)


def most_telling(counts: Iterable[Count]) -> list[Trait]:
    """Of each kind the value that is least likely a coincidence; the most telling kind first.

    Who looks at many values finds a rare one: the chance is multiplied by how many there are, of
    its kind and of kinds (Bonferroni).
    """
    best = []
    for _, group in groupby(sorted(counts, key=lambda one: one.kind), lambda one: one.kind):
        values = list(group)
        best.append(
            min(
                (_trait(one, len(values)) for one in values),
                key=lambda one: (one.chance, -one.cars, one.value),
            )
        )
    return sorted(best, key=lambda one: (one.chance, -one.lift, one.kind))


def _trait(one: Count, values: int) -> Trait:
    chance = coincidence(one.cars, one.of_cars, one.fleet, one.of_fleet)
    return Trait(**asdict(one), chance=min(1.0, chance * values * len(KINDS)))


def of_weather(days: Sequence[Day], air_c: float | None) -> list[Count]:
    """Whether the days on which most alerts began are among the coldest, or the warmest.

    So many days count as the coldest as there are such days, and at least one in seven.

    The days are counted, not the cars: all cars of a place share its weather, so a hundred alerts
    of one night are no better evidence than ten.

    Parameters
    ----------
    days : sequence of Day
    air_c : float or None
        Usual at the first sign.
    """
    if air_c is None or len(days) < FEWEST_DAYS:
        return []
    total, busiest, so_far = sum(one.alerts for one in days), [], 0
    for one in sorted(days, key=lambda one: -one.alerts):
        if so_far >= MOST * total:
            break
        busiest.append(one)
        so_far += one.alerts
    airs = sorted(one.air_c for one in days)
    extremes = max(len(busiest), len(days) // 7)
    counts = []
    for kind, extreme in (
        ("cold", [one for one in days if one.air_c <= airs[extremes - 1]]),
        ("warm", [one for one in days if one.air_c >= airs[-extremes]]),
    ):
        both = sum(one in extreme for one in busiest)
        if both:
            value = f"{air_c:.0f}".replace("-", "−")
            counts.append(Count(kind, value, both, len(busiest), len(extreme), len(days)))
    return counts


HAVE = {
    "model": "are of the model {}",
    "model_year": "are of model year {}",
    "powertrain": "are {}",
    "plant": "were built in plant {}",
    "series": "were built one after the other, VIN {}…",
    "firmware": "run firmware {}",
}


def words(trait: Trait, model: str | None, across: bool = False) -> str:
    """A trait in plain words.

    Parameters
    ----------
    trait : Trait
    model : str or None
        Of the incident; None where it is cars of all models.
    across : bool
        All dealers' cars are meant.

    Examples
    --------
    >>> words(Trait("firmware", "4.1.2", 9, 11, 80, 1000, 1e-7), "Toyota Corolla")
    '9 of 11 run firmware 4.1.2 (8 % of all Toyota Corolla here)'
    >>> words(Trait("cold", "−14", 4, 4, 4, 28, 0.0004), None)
    '−14 °C at the first sign: the 4 days on which most began are the 4 coldest of 28'
    """
    if trait.kind in ("cold", "warm"):
        extreme = "coldest" if trait.kind == "cold" else "warmest"
        whole = trait.cars == trait.of_cars
        days = "1 day" if trait.of_cars == 1 else f"{trait.of_cars} days"
        which = f"the {days}" if whole else f"{trait.cars} of the {days}"
        are = "is" if trait.cars == 1 else "are"
        among = "" if trait.cars == trait.fleet else "among "
        return (
            f"{trait.value} °C at the first sign: {which} on which most began {are} {among}the"
            f" {trait.fleet} {extreme} of {trait.of_fleet}"
        )
    share = 100 * trait.fleet / trait.of_fleet
    like = (model if model and trait.kind != "model" else "cars") + ("" if across else " here")
    return (
        f"{trait.cars:,} of {trait.of_cars:,} {HAVE[trait.kind].format(trait.value)}"
        f" ({f'{share:.0f}' if share >= 0.5 else 'fewer than 1'} % of all {like})"
    )


def odds(chance: float) -> str:
    """How often a coincidence would look like this.

    Examples
    --------
    >>> odds(0.0021), odds(3e-9), odds(0.2)
    ('1 in 480', 'less than 1 in a million', '1 in 5')
    """
    if chance < 1e-6:
        return "less than 1 in a million"
    return f"1 in {float(f'{1 / chance:.2g}'):,.0f}"
