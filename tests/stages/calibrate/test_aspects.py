"""Aspects mixed into one judgement."""

import polars as pl
import pytest

from rather.schemas.base import UserError
from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.calibrate.aspects import mixed, require_known

A, B, P = "a" * 16, "b" * 16, "0" * 16
WEIGHTS = {"helpful": 3.0, "honest": 1.0}


def ratings(*rows: tuple[str, str, float | None]) -> pl.DataFrame:
    """Make ann's ratings of (response, aspect, score), on successive lines."""
    schema = Ratings.create_empty().schema
    given = [
        {
            "response_id": response,
            "rater": "ann",
            "aspect": aspect,
            "prompt_id": P,
            "score": score,
            "reason": None if score is not None else f"no {aspect}",
            "source": "f",
            "source_line": line,
        }
        for line, (response, aspect, score) in enumerate(rows, 1)
    ]
    return pl.DataFrame(given, schema=schema)


def whole(rows: pl.DataFrame) -> list[tuple[str, float | None, str | None]]:
    """Return the overall rows: response, score, reason."""
    of = rows.filter(pl.col("aspect") == "overall").sort("response_id")
    return of.select("response_id", "score", "reason").rows()


def test_the_whole_is_the_weighted_mean() -> None:
    """(3 * 5 + 1 * 1) / 4 = 4, whatever was said of the whole; verbosity weighs nothing."""
    rows = ratings((A, "helpful", 5), (A, "honest", 1), (A, "verbose", 1), (A, "overall", 2))
    assert whole(mixed(rows, WEIGHTS, "score")) == [(A, 4.0, None)]


def test_what_was_left_out_weighs_nothing() -> None:
    """Without a score for helpfulness honesty is all there is; without either the reason stays."""
    rows = ratings((A, "helpful", None), (A, "honest", 1), (B, "helpful", None))
    assert whole(mixed(rows, WEIGHTS, "score")) == [(A, 1.0, None), (B, None, "no helpful")]


def test_the_whole_may_weigh_too() -> None:
    """Overall is an aspect like another: (2 + 4) / 2."""
    rows = ratings((A, "overall", 2), (A, "helpful", 4))
    assert whole(mixed(rows, {"overall": 1, "helpful": 1}, "score")) == [(A, 3.0, None)]


def test_aspects_stay_as_objectives() -> None:
    """Beside the whole; and the result is a table of ratings."""
    rows = ratings((A, "helpful", 5), (A, "honest", 1))
    found = mixed(rows, WEIGHTS, "score")
    assert sorted(found["aspect"]) == ["helpful", "honest", "overall"]
    assert Ratings.is_valid(found)


def test_without_weights_nothing_changes() -> None:
    """Rows are given as they are."""
    rows = ratings((A, "helpful", 5), (A, "overall", 2))
    assert mixed(rows, {}, "score").equals(rows)


def test_comparisons_are_mixed_alike() -> None:
    """One aspect for the first, one of a third of its weight for the second: (3 - 1) / 4."""
    pair = {"first_id": A, "second_id": B, "rater": "ann", "prompt_id": P}
    rows = [
        pair | {"aspect": "helpful", "preference": 1.0},
        pair | {"aspect": "honest", "preference": -1.0},
    ]
    frame = pl.DataFrame(rows, schema=Comparisons.create_empty().schema)
    found = mixed(frame, WEIGHTS, "preference").filter(aspect="overall")
    assert found["preference"].to_list() == [0.5]
    assert Comparisons.is_valid(found)


def test_an_aspect_that_nobody_judged_is_refused() -> None:
    """A wrong name would leave the mix to the others in silence."""
    with pytest.raises(UserError, match=r"\(helpful, overall\), found honset; correct the name"):
        require_known({"helpful": 1, "honset": 1}, {"helpful", "overall"})
