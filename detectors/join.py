"""Several detectors, one fault: who names a rival cause of what was told already joins it.

A leaking radiator first looks like a low level, then like a fan that doesn't keep up, in the end
like an engine that runs hot. Each detector is right in its way; but the advisor has one car with
one fault, and the customer wants one message. So causes that explain the same symptoms are a
family (`record.causes.FAMILIES`), and while one of a family is told, whatever else is found in it
is told under that name, as further evidence. More urgent words still come through: an alert takes
over the higher urgency.
"""

from dataclasses import replace

import msgspec

from record.causes import FAMILY, cause_of
from record.flow import Finding, FindingKind

VERSION = 3
"""Raised with every change of the rule, of the families or of the fields."""


class Joined(msgspec.Struct, array_like=True, gc=False):
    """What is told of a car, and under which name.

    Attributes
    ----------
    told : dict of str to str
        By ``detector/cause`` as the detector names it: the cause under which it was told. Gone when
        the detector says that it recovered.
    """

    told: dict[str, str] = msgspec.field(default_factory=dict)

    def join(self, findings: list[Finding]) -> list[Finding]:
        """The findings of one frame, each under the name of what is told already.

        Of several that are raised together the most confident gives the name.

        Examples
        --------
        >>> from datetime import UTC, datetime
        >>> from record.flow import Evidence, Urgency
        >>> def said(cause, kind, confidence):
        ...     return Finding(1, "by_" + cause, cause, kind, datetime(2026, 1, 1, tzinfo=UTC),
        ...         Urgency.SOON, confidence, "Hm", Evidence("level"))
        >>> joined = Joined()
        >>> for one in joined.join([said("battery_12v", FindingKind.RAISED, 0.6),
        ...                         said("parasitic_drain", FindingKind.RAISED, 0.8)]):
        ...     print(one.detector, one.cause, one.kind.value, one.evidence.notes)
        by_parasitic_drain parasitic_drain raised ()
        by_battery_12v parasitic_drain refreshed ('12 V battery weak: fits as well',)
        """
        if len(findings) > 1:
            findings = sorted(findings, key=lambda one: -one.confidence)
        return [told for one in findings if (told := self._join(one)) is not None]

    def _join(self, finding: Finding) -> Finding | None:
        key = f"{finding.detector}/{finding.cause}"
        if finding.kind == FindingKind.RECOVERED:
            name = self.told.pop(key, finding.cause)
            sees = (by.split("/") for by, told in self.told.items() if told == name)
            if any(finding.detector in by or finding.cause in by for by in sees):
                return None  # this detector still sees another side of it, or another this one
            return finding if name == finding.cause else replace(finding, cause=name)
        if key not in self.told:
            self.told[key] = self._name(finding.cause)
        name = self.told[key]
        if name == finding.cause:
            return finding
        words = cause_of(finding.cause).title
        evidence = replace(
            finding.evidence, notes=(*finding.evidence.notes, f"{words}: fits as well")
        )
        return replace(finding, cause=name, kind=FindingKind.REFRESHED, evidence=evidence)

    def _name(self, cause: str) -> str:
        """Under which name a cause that is not told yet should be."""
        family = FAMILY.get(cause, ())
        return next((name for name in self.told.values() if name in family), cause)
