"""Each rater against the others."""

from typing import Any

import polars as pl

from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.audit.per_rater import confusion, labels_of

A, B, C = (f"{name:0>16}" for name in "abc")


def comparison(rater: str, first: str, second: str, preference: float) -> dict[str, Any]:
    """One comparison."""
    sides = {"first_id": first, "second_id": second, "prompt_id": A}
    return sides | {"rater": rater, "aspect": "overall", "preference": preference}


def rating(rater: str, answer: str, score: float | None) -> dict[str, Any]:
    """One rating."""
    row = {"response_id": answer, "rater": rater, "aspect": "overall", "prompt_id": A}
    return row | {"score": score, "reason": None if score is not None else "no_score"}


def cells(ratings: list[dict[str, Any]], votes: list[dict[str, Any]]) -> dict[Any, int]:
    """Count what each rater gave by what the others gave."""
    tables = (
        pl.DataFrame(rows, schema=schema.create_empty().schema)
        for rows, schema in ((ratings, Ratings), (votes, Comparisons))
    )
    scores, compared = tables
    found = confusion(scores, compared, labels_of(scores["score"]))
    return {
        (rater, value, others): num
        for rater, value, others, num in found.select("rater", "value", "others", "num").rows()
    }


def test_votes_are_told_in_the_order_each_rater_saw() -> None:
    """Ann saw a first and takes it; bob saw b first and takes a too: the second, for him."""
    votes = [comparison("ann", A, B, 1.0), comparison("bob", B, A, -1.0)]
    assert cells([], votes) == {("ann", 1.0, 1.0): 1, ("bob", -1.0, -1.0): 1}


def test_others_who_are_even_are_a_tie() -> None:
    """Bob and cat are at odds about what ann takes."""
    votes = [
        comparison(name, A, B, said) for name, said in (("ann", 1.0), ("bob", 1.0), ("cat", -1.0))
    ]
    assert cells([], votes)["ann", 1.0, 0.0] == 1


def test_scores_stand_against_the_others_mean() -> None:
    """For ann's 5 the others' mean is 3, at the nearest label; for bob's 2 it is 4.5, put at 4."""
    ratings = [rating("ann", A, 5.0), rating("bob", A, 2.0), rating("cat", A, 4.0)]
    ratings += [rating("ann", B, 3.0), rating("bob", B, 1.0), rating("cat", B, None)]
    found = cells(ratings, [])
    assert found["ann", 5.0, 3.0] == 1
    assert found["bob", 2.0, 4.0] == 1
    assert found["ann", 3.0, 1.0] == 1


def test_who_judged_alone_stands_against_nobody() -> None:
    """Neither an answer that one rated, nor a couple that one compared, twice at that."""
    votes = [comparison("ann", A, B, 1.0), comparison("ann", B, A, 1.0)]
    assert cells([rating("ann", C, 3.0)], votes) == {}


def test_many_different_scores_are_no_labels() -> None:
    """A hundred tenths; neither is one value alone."""
    assert labels_of(pl.Series([number / 10 for number in range(100)])) is None
    assert labels_of(pl.Series([1.0, 1.0, None])) is None
    assert labels_of(pl.Series([2.0, 1.0, None])) == [1.0, 2.0]
