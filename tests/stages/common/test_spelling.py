"""Words in messages."""

import pytest

from rather.stages.common.spelling import counted, did_you_mean


def test_the_nearest_known_name_is_suggested() -> None:
    """A name unlike all of them gets no suggestion."""
    assert did_you_mean("margn", ["margin", "agreement"]) == " (did you mean 'margin'?)"
    assert did_you_mean("xyz", ["margin", "agreement"]) == ""


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 pairs"), (1, "1 pair"), (2, "2 pairs"), (1200, "1,200 pairs")]
)
def test_a_count_has_its_noun_in_the_right_number(number: int, expected: str) -> None:
    """One is singular, and thousands are set apart."""
    assert counted(number, "pair") == expected
