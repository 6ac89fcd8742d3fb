"""What wears is foretold as an interval that holds eight times in ten, whatever it wears like."""

import random
from math import exp

import pytest

from detectors.aging import LEVEL, Z_80, Cold, Wearing, verdict

STARTS = 3  # a day, that are cold
CRANK = Cold(0.029, weight=1500.0)


def foretold(seed: int, noise_v: float) -> tuple[float, float, float] | None:
    """Days until it really failed, and the interval that was told first; None if never told."""
    dice = random.Random(seed)
    power, lasts = dice.uniform(1.2, 2.2), dice.uniform(25, 80)
    whole = 2.8 * exp(dice.gauss(0.0, 1.0) * (LEVEL - 1) / Z_80)
    feature = Wearing()
    for start in range(int(STARTS * (20 + lasts))):
        day = start / STARTS
        age = max(day - 20, 0) / lasts
        value = 10.0 - whole * age**power + dice.gauss(0.0, noise_v)
        feature.see(day, value, 20.0, CRANK)
        opinion = verdict(feature, day, 9.0, 7.2, 0.35, 20.0)
        if opinion is not None and opinion.sinking:
            assert opinion.days is not None
            return (20 + lasts - day, *opinion.days)
    return None


@pytest.mark.parametrize("noise_v", [0.03, 0.08, 0.12])
def test_intervals_hold_eight_times_in_ten(noise_v: float) -> None:
    told = [one for seed in range(300) if (one := foretold(seed, noise_v)) is not None]
    assert len(told) > 250
    held = sum(low <= left <= high for left, low, high in told) / len(told)
    assert 0.75 <= held <= 0.95
    assert all(0 <= low < high < 60 for _, low, high in told)


def test_what_does_not_wear_is_foretold_nothing() -> None:
    dice = random.Random(1)
    feature = Wearing()
    for day in range(365):
        feature.see(float(day), 10.0 + dice.gauss(0.0, 0.1), 20.0, CRANK)
        opinion = verdict(feature, day, 9.0, 7.2, 0.35, 20.0)
        assert opinion is None or not (opinion.weak or opinion.sinking)
