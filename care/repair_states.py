"""What a repair goes through, from the car's arrival until it is picked up."""

from collections.abc import Mapping

STATES = (
    "open",
    "diagnosing",
    "waiting_approval",
    "waiting_parts",
    "in_progress",
    "quality_check",
    "ready",
    "closed",
)
"""In their usual order; ``open`` is "received", ``closed`` is "picked up"."""

NEXT: Mapping[str, frozenset[str]] = {
    "open": frozenset({"diagnosing", "waiting_parts", "in_progress"}),
    "diagnosing": frozenset({"waiting_approval", "waiting_parts", "in_progress", "ready"}),
    "waiting_approval": frozenset({"diagnosing", "waiting_parts", "in_progress", "ready"}),
    "waiting_parts": frozenset({"diagnosing", "waiting_approval", "in_progress"}),
    "in_progress": frozenset(
        {"diagnosing", "waiting_approval", "waiting_parts", "quality_check", "ready"}
    ),
    "quality_check": frozenset({"in_progress", "ready"}),
    "ready": frozenset({"in_progress"}),
    "closed": frozenset(),
}
"""Which state may follow. Closing is a matter of its own: it needs the finding, and may be done
from any of them."""

TITLES: Mapping[str, str] = {
    "open": "Received",
    "diagnosing": "Diagnosing",
    "waiting_approval": "Waiting for approval",
    "waiting_parts": "Waiting for parts",
    "in_progress": "In progress",
    "quality_check": "Quality check",
    "ready": "Ready",
    "closed": "Closed",
}
"""For staff."""


def following(state: str) -> list[str]:
    """The states that may follow, in their usual order.

    Examples
    --------
    >>> following("quality_check"), following("closed")
    (['in_progress', 'ready'], [])
    """
    return [one for one in STATES if one in NEXT[state]]
