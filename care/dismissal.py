"""Why an alert is not a problem, in a few reasons; and what each says of the detector.

"No fault found" and "confirmed" mean what they mean when a workshop says so. A reason without a
label tells nothing about the car: the customer may know, or the car may be gone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason that a person may give."""

    title: str
    label: str | None  # confirmed | no_fault_found


REASONS: dict[str, Reason] = {
    "nothing_found": Reason("Checked: nothing is wrong", "no_fault_found"),
    "sensor_fault": Reason("The sensor is at fault, not the part", "no_fault_found"),
    "unusual_use": Reason("Unusual use, not a fault (towing, heat, standing)", "no_fault_found"),
    "repaired_elsewhere": Reason("True, and repaired elsewhere", "confirmed"),
    "customer_knows": Reason("The customer knows and accepts it", None),
    "sold": Reason("The car is sold or scrapped", None),
    "duplicate": Reason("Known from another alert", None),
    "workshop": Reason("Caused by work on the car", None),
    "other": Reason("Something else", None),
}
"""By code; ``other`` needs words."""
