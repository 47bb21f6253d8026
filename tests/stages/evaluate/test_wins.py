"""Win rates against the first model."""

import polars as pl
import pytest

from rather.schemas.judgements import Ratings
from rather.schemas.texts import Responses
from rather.stages.evaluate.evaluate import win_rates


def samples(*ids: str | None) -> pl.DataFrame:
    """Make samples, two to a prompt, each with its response's id."""
    rows = [
        {"prompt_id": f"p{at // 2}", "sample_index": at % 2, "response_id": name}
        for at, name in enumerate(ids)
    ]
    return pl.DataFrame(rows, schema=Responses.create_empty().schema)


def rated(**scores: float | None) -> pl.DataFrame:
    """Make one rater's ratings."""
    rows = [{"response_id": name, "score": score} for name, score in scores.items()]
    return pl.DataFrame(rows, schema=Ratings.create_empty().schema)


OURS, THEIRS = samples("a", "b", "c", "d"), samples("e", "f", "g", "h")


def test_couples_are_of_one_prompt_and_one_sample() -> None:
    """a beats e, b loses to f, c ties with g, d beats h: 2.5 of 4."""
    ratings = rated(a=2, b=0, c=1, d=5), rated(e=1, f=1, g=1, h=4)
    found = win_rates(OURS, THEIRS, {"rm": ratings})
    assert found["win_rate"] == 0.625
    assert found["win_rate_by_rater"]["rm"]["couples"] == 4


def test_the_same_text_sampled_twice_plays_twice() -> None:
    """One response on both sides of two couples: two ties."""
    ratings = rated(a=2), rated(a=2)
    found = win_rates(samples("a", "a"), samples("a", "a"), {"rm": ratings})
    assert (found["win_rate"], found["win_rate_by_rater"]["rm"]["couples"]) == (0.5, 2)


def test_raters_are_averaged_couple_by_couple() -> None:
    """Rater one judges the first couple alone, a win; rater two both: loss and win. (1/2 + 1)/2."""
    one = rated(a=1, b=None), rated(e=0, f=0)
    two = rated(a=0, b=1), rated(e=1, f=0)
    found = win_rates(samples("a", "b"), samples("e", "f"), {"one": one, "two": two})
    assert found["win_rate"] == pytest.approx(0.75)
    assert found["win_rate_by_rater"]["one"] == {
        "win_rate": 1.0,
        "win_rate_interval": None,
        "couples": 1,
    }


def test_a_failed_sample_makes_no_couple() -> None:
    """It neither wins nor loses."""
    found = win_rates(samples(None, "b"), samples("e", "f"), {"rm": (rated(b=1), rated(e=9, f=0))})
    assert (found["win_rate"], found["win_rate_by_rater"]["rm"]["couples"]) == (1.0, 1)


def test_without_raters_there_is_no_win_rate() -> None:
    """Null, not a half."""
    assert win_rates(OURS, THEIRS, {}) == {
        "win_rate": None,
        "win_rate_interval": None,
        "win_rate_by_rater": {},
    }
