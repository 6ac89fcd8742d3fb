"""How sure a share is: of 9 right answers in 10, nobody should conclude 90 %."""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Belief:
    """What we believe of a share: its mean, and an interval that holds it 95 times of 100."""

    mean: float
    low: float
    high: float


def posterior(part: int, rest: int, expected: float = 0.5, weight: float = 1.0) -> Belief:
    """What to believe of a share after counting: the beta posterior of a binomial.

    Parameters
    ----------
    part, rest : int
        How often it was so, and how often not.
    expected : float
        What we believed before, as a mean.
    weight : float
        How many counts that belief is worth. 0.5 with weight 1 is Jeffreys' prior, whose intervals
        hold what they promise even of few counts and of shares close to 1 (Brown, Cai and DasGupta,
        Statistical Science 16, 2001, section 4).

    Examples
    --------
    >>> one = posterior(9, 1)
    >>> round(one.mean, 2), round(one.low, 2), round(one.high, 2)
    (0.86, 0.62, 0.99)
    >>> round(posterior(1, 0, expected=0.8, weight=8.0).mean, 2)
    0.82
    """
    from scipy.special import betaincinv  # half a second that most processes never need

    a, b = part + expected * weight, rest + (1 - expected) * weight
    low, high = betaincinv(a, b, 0.025), betaincinv(a, b, 0.975)
    return Belief(a / (a + b), float(low), float(high))
