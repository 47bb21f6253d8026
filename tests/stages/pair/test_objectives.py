"""Which objectives prefer the first of two answers."""

import polars as pl

from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.pair.couples import couples
from rather.stages.pair.rater_votes import objectives

ANSWERS = pl.DataFrame(
    {"response_id": ["a", "b"], "prompt": [0, 0], "score": [1.0, 1.0]},
)
COUPLES = couples(ANSWERS, pl.DataFrame(schema={"first": pl.Int64, "second": pl.Int64}))
NONE: tuple[int, int, int] = (0, 0, 0)


def counted(
    *ratings: tuple[str, str, str, float | None],
    compared: tuple[tuple[str, str, float], ...] = (),
    names: list[str] | None = None,
) -> tuple[int, ...]:
    """Count objectives of ratings (response, rater, aspect, score) and votes (rater, aspect, a>b).

    Gives those judged, those for a, those for b.
    """
    given = [
        {"response_id": response, "rater": rater, "aspect": aspect, "score": score}
        for response, rater, aspect, score in ratings
    ]
    votes = [
        {"first_id": "a", "second_id": "b", "rater": rater, "aspect": aspect, "preference": vote}
        for rater, aspect, vote in compared
    ]
    found = objectives(
        pl.DataFrame(given, schema=Ratings.create_empty().schema),
        pl.DataFrame(votes, schema=Comparisons.create_empty().schema),
        ANSWERS,
        COUPLES,
        names,
    )
    return found.row(0)


def rated(
    aspect: str, a: float | None, b: float | None, rater: str = "r"
) -> list[tuple[str, str, str, float | None]]:
    """Rate both answers in one aspect."""
    return [("a", rater, aspect, a), ("b", rater, aspect, b)]


def test_objectives_can_be_at_odds() -> None:
    """a is more helpful, b more honest, and they are equally clear."""
    given = rated("helpful", 5, 1) + rated("honest", 2, 3) + rated("clear", 4, 4)
    assert counted(*given) == (3, 1, 1)


def test_overall_is_no_objective() -> None:
    """It is what the objectives are weighed into."""
    assert counted(*rated("overall", 5, 1)) == NONE


def test_named_objectives_alone_count() -> None:
    """helpful is asked for, honest is not."""
    given = rated("helpful", 5, 1) + rated("honest", 2, 3)
    assert counted(*given, names=["helpful"]) == (1, 1, 0)


def test_an_objective_without_both_scores_is_not_judged() -> None:
    """Missing is not low."""
    assert counted(*rated("helpful", 5, None)) == NONE


def test_raters_of_both_come_before_means() -> None:
    """r scores both and prefers b; s, a generous rater of a alone, would turn the means."""
    given = [*rated("helpful", 1, 2), ("a", "s", "helpful", 9.0)]
    assert counted(*given) == (1, 0, 1)


def test_means_decide_where_nobody_judged_both() -> None:
    """r gave a 4 and s gave b 3."""
    assert counted(("a", "r", "helpful", 4.0), ("b", "s", "helpful", 3.0)) == (1, 1, 0)


def test_votes_come_before_scores() -> None:
    """b scored higher, a was preferred side by side."""
    assert counted(*rated("helpful", 1, 2), compared=(("r", "helpful", 1.0),)) == (1, 1, 0)


def test_sums_of_tenths_are_exact() -> None:
    """0.1 + 0.2 less 0.3 is a tie: gaps of +.1, +.2 and -.3."""
    given = rated("x", 0.1, 0.0) + rated("x", 0.2, 0.0, "s") + rated("x", 0.0, 0.3, "t")
    assert counted(*given) == (1, 0, 0)
