"""How likely an alert is to be confirmed: measured first, and learned as answers come.

A finding tells how sure it is. That is where we begin (it is worth `OWN` answers), and what
workshops found of the same detector and cause moves it, as a beta posterior does. Once there are
more than `FLOOR` answers in all, an online logistic regression (River) may correct this by what
else is known of the case: the car's model and age, how far off the evidence is, earlier false
alerts. It corrects by `MOST` at most, and by less while it has seen little.

Nothing is stored but rows: each day begins with the answers until midnight (UTC), read in their
order, and all that day rests on them. So no single answer flips anything; an upgrade of River costs
nothing; and two processes think alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from care.store import cases
from care.store.cases import Answered, Case, Count
from record.flow import Alert

OWN = 8.0
"""Answers that a finding's own confidence is worth."""

FLOOR = 50
"""Answers, of all detectors, before anything but counting has a say. With a dozen features a
logistic regression needs some ten events for each before it may be believed (Peduzzi et al.,
J. Clin. Epidemiol. 49, 1996); from here on its say grows by and by."""

MOST = 0.25
"""So far may it move a chance at most."""

MEMORY = 5000
"""Answers that it learns from, the newest: workshops, cars and detectors change."""

RATE = 0.05
OUTLIER = 2.0
"""Standard deviations at which a feature is cut, so that no odd case weighs more than others."""

LARGEST = 365.0
"""No feature says more than that: days in a year."""

NUMBERS = (
    "confidence", "age_years", "off", "notes", "days_left", "reopened", "earlier", "earlier_wrong",
)  # fmt: skip
NAMES = ("model", "powertrain", "urgency")

SAID = {
    "confidence": "how sure the finding is",
    "age_years": "the age of the car",
    "off": "how far off the reading is",
    "notes": "what else fits",
    "days_left": "the days that are left",
    "reopened": "that it came back",
    "earlier": "earlier alerts of this car",
    "earlier_wrong": "earlier false alerts of this car",
}


@dataclass(frozen=True, slots=True)
class Chance:
    """How likely an alert is to be confirmed, and why we think so."""

    value: float
    why: str


class Corrector:
    """A logistic regression that says by how much a case differs from what is measured of its kind.

    It is given the measured chance as one of its features, learns in the order of the answers, and
    is thrown away at the end of the day.
    """

    def __init__(self) -> None:
        from river import linear_model, optim, preprocessing  # 80 MB, not for everybody

        self._scaler: Any = preprocessing.StandardScaler()
        self._line: Any = linear_model.LogisticRegression(optimizer=optim.SGD(RATE), l2=1e-3)
        self.seen = 0

    def learn(self, features: Mapping[str, float], right: bool) -> None:
        """Learn from one answer."""
        self._scaler.learn_one({name: x for name, x in features.items() if "=" not in name})
        self._line.learn_one(self._scaled(features), right)
        self.seen += 1

    def likely(self, features: Mapping[str, float]) -> float:
        """The chance of a case, by itself."""
        return float(self._line.predict_proba_one(self._scaled(features))[True])

    def _scaled(self, features: Mapping[str, float]) -> dict[str, float]:
        """Numbers as standard deviations from what is usual; names as they are."""
        numbers = {name: x for name, x in features.items() if "=" not in name}
        scaled: dict[str, float] = self._scaler.transform_one(numbers)
        cut = {name: min(max(x, -OUTLIER), OUTLIER) for name, x in scaled.items()}
        return {name: cut.get(name, x) for name, x in features.items()}

    def trust(self) -> float:
        """How much of a say it has: nothing up to `FLOOR`, half at three times that."""
        return max(self.seen - FLOOR, 0) / (self.seen + FLOOR)

    def reason(self, features: Mapping[str, float], up: bool) -> str | None:
        """The feature that speaks most for, or against, a case."""
        scaled = self._scaled(features)
        says = {
            name: self._line.weights.get(name, 0.0) * x * (1 if up else -1)
            for name, x in scaled.items()
            if name != "measured"
        }
        name = max(says, key=says.__getitem__, default=None)
        if name is None or says[name] <= 0:
            return None
        return SAID.get(name, name.partition("=")[2])


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a day's chances rest on."""

    counts: Mapping[tuple[str, str], Sequence[Count]]
    corrector: Corrector | None

    @classmethod
    def of(cls, counts: Sequence[Count], answered: Sequence[Answered]) -> Knowledge:
        """Sum up: counts as they are, and the newest answers in their order."""
        grouped: dict[tuple[str, str], list[Count]] = {}
        for one in counts:
            grouped.setdefault((one.detector, one.cause), []).append(one)
        if sum(one.right + one.wrong for one in counts) <= FLOOR:
            return cls(grouped, None)
        corrector = Corrector()
        before: dict[tuple[str, str], tuple[int, int]] = {}
        for case in answered:
            right, wrong = before.get((case.detector, case.cause), (0, 0))
            confidence = float(case.features.get("confidence", 0.5))
            sure = posterior_mean(right, wrong, confidence)
            corrector.learn(numbers(case, sure), case.right)
            before[case.detector, case.cause] = right + case.right, wrong + (not case.right)
        return cls(grouped, corrector)

    def chance(self, case: Case, confidence: float) -> Chance:
        """What to think of one case."""
        counts = self.counts.get((case.detector, case.cause), ())
        measured = posterior_mean(*counted(counts, case.version), confidence)
        right = sum(one.right for one in counts)
        of = right + sum(one.wrong for one in counts)
        why = f"{right} of {of} such alerts {'was' if of == 1 else 'were'} confirmed"
        if not of:
            why = f"The finding is {confidence:.0%} sure"
        if self.corrector is None:
            return Chance(measured, why)
        features = numbers(case, measured)
        pull = self.corrector.trust() * (self.corrector.likely(features) - measured)
        pull = min(max(pull, -MOST), MOST)
        if abs(pull) >= 0.05:
            reason = self.corrector.reason(features, pull > 0)
            if reason is not None:
                why += f"; {'more' if pull > 0 else 'less'} likely by {reason}"
        return Chance(min(max(measured + pull, 0.0), 1.0), why)


def posterior_mean(right: float, wrong: float, confidence: float) -> float:
    """A finding's confidence, moved by what was found behind its like.

    Examples
    --------
    >>> posterior_mean(0, 0, 0.8), round(posterior_mean(0, 1, 0.8), 2)
    (0.8, 0.71)
    >>> round(posterior_mean(12, 2, 0.6), 2)
    0.76
    """
    return (right + OWN * confidence) / (right + wrong + OWN)


def counted(counts: Sequence[Count], version: int) -> tuple[float, float]:
    """Right and wrong answers of a version; those of others are worth `OWN` together at most.

    Examples
    --------
    >>> old, new = Count("d", "c", 1, 60, 20), Count("d", "c", 2, 3, 0)
    >>> counted([old, new], 2), counted([old], 1)
    ((9.0, 2.0), (60, 20))
    """
    right = sum(one.right for one in counts if one.version == version)
    wrong = sum(one.wrong for one in counts if one.version == version)
    old_right = sum(one.right for one in counts if one.version != version)
    old_wrong = sum(one.wrong for one in counts if one.version != version)
    if old_right + old_wrong == 0:
        return right, wrong
    share = min(OWN / (old_right + old_wrong), 1.0)
    return right + share * old_right, wrong + share * old_wrong


def numbers(case: Case | Answered, measured: float) -> dict[str, float]:
    """A case as the regression takes it; what is not known is left out."""
    sure = min(max(measured, 0.01), 0.99)
    found = {"measured": math.log(sure / (1 - sure))}
    for name in NUMBERS:
        value = case.features.get(name)
        if isinstance(value, int | float) and math.isfinite(value):
            found[name] = min(max(float(value), -LARGEST), LARGEST)
    for name in NAMES:
        if case.features.get(name):
            found[f"{name}={case.features[name]}"] = 1.0
    return found


def of_alert(conn: Connection, alert: Alert, now: datetime) -> Chance:
    """How likely an open alert is to be confirmed: as its most credible detector says."""
    known = knowledge(conn, now)
    chances = [known.chance(case, alert.confidence) for case in cases.of_alert(conn, alert.id)]
    return max(chances, key=lambda one: one.value, default=by_itself(alert))


def by_itself(alert: Alert) -> Chance:
    """An alert is as sure as it says, while nothing is known of its kind."""
    return Chance(alert.confidence, f"The finding is {alert.confidence:.0%} sure")


_days: dict[tuple[object, ...], Knowledge] = {}


def knowledge(conn: Connection, now: datetime) -> Knowledge:
    """What was known when the day (UTC) began; read once a day."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    key = (conn.info.host, conn.info.port, conn.info.dbname, midnight)
    found = _days.get(key)
    if found is None:
        found = Knowledge.of(cases.counts(conn, midnight), cases.answered(conn, midnight, MEMORY))
        if len(_days) >= 4:
            _days.clear()
        _days[key] = found
    return found
