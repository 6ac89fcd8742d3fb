"""Every golden case says what it said, and every detector has both kinds of case."""

import pytest

from detectors import DETECTORS
from tests.detectors import golden


@pytest.mark.parametrize("case", golden.names())
def test_golden(case: str) -> None:
    assert golden.judge(case) == golden.expected(case)


@pytest.mark.parametrize("kind", DETECTORS, ids=lambda kind: kind.name)
def test_each_detector_has_a_case_where_it_speaks_and_one_where_it_must_not(kind: type) -> None:
    cases = [name for name in golden.names() if name.startswith(kind.__name__ and kind.name)]  # type: ignore[attr-defined]
    spoken = [any(f["detector"] == kind.name for f in golden.expected(name)) for name in cases]  # type: ignore[attr-defined]
    assert True in spoken
    assert False in spoken
