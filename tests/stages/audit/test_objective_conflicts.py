"""Which aspects are at odds about a pair."""

from typing import Any

import polars as pl

from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.audit.objective_conflicts import conflicts

A, B = (f"{name:0>16}" for name in "ab")
PAIRS = pl.DataFrame({"pair_id": ["p"], "chosen_id": [A], "rejected_id": [B]})


def rating(aspect: str, answer: str, score: float, rater: str = "ann") -> dict[str, Any]:
    """One rating of one aspect."""
    row = {"response_id": answer, "rater": rater, "aspect": aspect, "prompt_id": A}
    return row | {"score": score}


def vote(aspect: str, preference: float) -> dict[str, Any]:
    """One comparison of b, shown first, with a."""
    row = {"first_id": B, "second_id": A, "prompt_id": A, "rater": "ann", "aspect": aspect}
    return row | {"preference": preference}


def counted(ratings: list[dict[str, Any]], votes: list[dict[str, Any]]) -> list[Any]:
    """Count the conflicts, as first, second, agree and disagree."""
    found = conflicts(
        PAIRS,
        pl.DataFrame(ratings, schema=Ratings.create_empty().schema),
        pl.DataFrame(votes, schema=Comparisons.create_empty().schema),
    )
    return found.select("first", "second", "agree", "disagree").rows()


def test_aspects_that_prefer_different_answers_disagree() -> None:
    """Help prefers a, care prefers b; overall is no aspect beside others."""
    ratings = [rating("help", A, 5), rating("help", B, 1), rating("care", A, 2)]
    ratings += [rating("care", B, 3), rating("overall", A, 4), rating("overall", B, 1)]
    assert counted(ratings, []) == [("care", "help", 0, 1)]


def test_an_aspect_without_preference_says_nothing() -> None:
    """Equal scores."""
    ratings = [rating("help", A, 5), rating("help", B, 1), rating("care", A, 2)]
    assert counted([*ratings, rating("care", B, 2)], []) == []


def test_votes_outweigh_scores_and_both_answers_by_one_rater_outweigh_means() -> None:
    """Ann, who scored both, is for b in help, though bob's 5 makes a's mean greater."""
    ratings = [rating("help", A, 2), rating("help", B, 3), rating("help", A, 5, rater="bob")]
    assert counted([*ratings, *_both("care", 1, 5)], []) == [("care", "help", 1, 0)]
    assert counted(ratings, [vote("help", -1.0), vote("care", -1.0)]) == [("care", "help", 1, 0)]


def _both(aspect: str, first: float, second: float) -> list[dict[str, Any]]:
    return [rating(aspect, A, first), rating(aspect, B, second)]
