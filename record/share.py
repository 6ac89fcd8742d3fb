"""How sure a share is: of 9 right answers in 10, nobody should conclude 90 %."""

from math import sqrt

LIKELY = 1.96
"""Standard deviations of an interval that holds the truth 95 times of 100."""


def wilson(part: int, whole: int, z: float = LIKELY) -> tuple[float, float]:
    """Interval of a share (Wilson 1927); of nothing, all is possible.

    Of shares close to 0 or 1 a simple interval says nonsense; this one doesn't.

    Examples
    --------
    >>> [round(edge, 2) for edge in wilson(9, 10)]
    [0.6, 0.98]
    >>> wilson(0, 20)[0], round(wilson(0, 20)[1], 3), wilson(0, 0)
    (0.0, 0.161, (0.0, 1.0))
    """
    if not whole:
        return 0.0, 1.0
    share = part / whole
    middle = share + z * z / (2 * whole)
    half = z * sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    grown = 1 + z * z / whole
    low = max((middle - half) / grown, 0.0) if part else 0.0
    return low, min((middle + half) / grown, 1.0) if part < whole else 1.0
