"""Pairing responses within a prompt."""

from typing import Any

import polars as pl
import pytest

from schemas.features import Features
from schemas.prompts import Prompts
from schemas.ratings import Ratings
from schemas.scores import Scores
from stages.pair import pair, unpaired

PROMPTS = pl.DataFrame(
    [{"prompt_id": name, "split": "train"} for name in "pqr"], schema=Prompts.create_empty().schema
)


def features(*rows: dict[str, Any]) -> pl.DataFrame:
    """Make features; what a row leaves out is unremarkable."""
    full = [
        {
            "prompt_id": "p",
            "key": row["response_id"],
            "num_tokens": 1,
            "blank": False,
            "unfinished": False,
        }
        | row
        for row in rows
    ]
    return pl.DataFrame(full, schema=Features.create_empty().schema)


def pairs(
    scores: dict[str, float],
    *given: tuple[str, str, float | None],
    seed: int = 0,
    responses: dict[str, dict[str, Any]] | None = None,
) -> pl.DataFrame:
    """Pair responses of one prompt by their scores; `given` are (response, rater, score)."""
    more = responses or {}
    measured = features(*({"response_id": name} | more.get(name, {}) for name in scores))
    scored = pl.DataFrame(
        [{"response_id": name, "score": score, "num_raters": 1} for name, score in scores.items()],
        schema=Scores.create_empty().schema,
    )
    ratings = pl.DataFrame(
        [{"response_id": name, "rater": rater, "score": score} for name, rater, score in given],
        schema=Ratings.create_empty().schema,
    )
    return pair(PROMPTS, measured, scored, ratings, seed)


def test_every_two_responses_make_one_pair() -> None:
    """Four responses make 4 * 3 / 2 = 6 pairs, none of them with itself."""
    found = pairs({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0})
    assert found.height == 6
    assert found.filter(pl.col("chosen_id") == pl.col("rejected_id")).is_empty()


def test_responses_to_different_prompts_are_never_paired() -> None:
    """A pair shares its prompt."""
    assert pairs({"a": 1.0, "b": 2.0}, responses={"b": {"prompt_id": "q"}}).is_empty()


def test_the_higher_score_is_chosen() -> None:
    """Whichever id comes first."""
    found = pairs({"a": 1.0, "b": 2.5}).row(0, named=True)
    assert (found["chosen_id"], found["rejected_id"], found["margin"]) == ("b", "a", 1.5)
    found = pairs({"a": 2.5, "b": 1.0}).row(0, named=True)
    assert (found["chosen_id"], found["rejected_id"], found["margin"]) == ("a", "b", 1.5)


def test_length_gap_is_chosen_minus_rejected() -> None:
    """A chosen answer of 3 tokens over a rejected one of 5 has a gap of -2."""
    lengths = {"a": {"num_tokens": 5}, "b": {"num_tokens": 3}}
    found = pairs({"a": 0.0, "b": 1.0}, responses=lengths).row(0, named=True)
    assert (found["chosen_tokens"], found["rejected_tokens"], found["length_gap"]) == (3, 5, -2)


def tie_winners(seed: int) -> list[str]:
    """Give who is chosen in each of 28 ties."""
    return pairs(dict.fromkeys("abcdefgh", 1.0), seed=seed)["chosen_id"].to_list()


def test_a_tie_is_oriented_by_the_seed_alone() -> None:
    """Ties fall the same way again with the same seed, and another way with another."""
    assert tie_winners(0) == tie_winners(0)
    assert tie_winners(0) != tie_winners(1)


def test_a_tie_does_not_favour_the_first_id() -> None:
    """Over 20 seeds and 28 ties the smaller id is chosen about as often as not.

    560 fair coins have a standard deviation of sqrt(560 / 4) = 12; 60 is five of them.
    """
    first = sum(
        chosen < rejected
        for seed in range(20)
        for chosen, rejected in pairs(dict.fromkeys("abcdefgh", 1.0), seed=seed)
        .select("chosen_id", "rejected_id")
        .iter_rows()
    )
    assert abs(first - 280) < 60


def agreement(*given: tuple[str, str, float | None]) -> tuple[float | None, int]:
    """Give agreement and its number of raters for b chosen over a."""
    found = pairs({"a": 0.0, "b": 1.0}, *given).row(0, named=True)
    return found["agreement"], found["num_raters"]


def test_agreement_is_the_share_who_prefer_chosen() -> None:
    """Two of three raters score b above a: 2/3."""
    assert agreement(
        *(("a", "r", 1.0), ("b", "r", 2.0)),
        *(("a", "s", 1.0), ("b", "s", 5.0)),
        *(("a", "t", 9.0), ("b", "t", 8.0)),
    ) == (2 / 3, 3)


def test_a_tie_counts_one_half() -> None:
    """One rater for chosen and one undecided: (1 + 1/2) / 2 = 3/4."""
    given = ("a", "r", 1.0), ("b", "r", 2.0), ("a", "s", 3.0), ("b", "s", 3.0)
    assert agreement(*given) == (0.75, 2)


@pytest.mark.parametrize(("num_for", "num_raters"), [(51, 59), (7, 10), (2, 3)])
def test_agreement_is_exact(num_for: int, num_raters: int) -> None:
    """The share is the float nearest to it, so a floor of just that share keeps the pair."""
    given: list[tuple[str, str, float | None]] = []
    for number in range(num_raters):
        better = 2.0 if number < num_for else 0.0
        given += [("a", f"r{number}", 1.0), ("b", f"r{number}", better)]
    assert agreement(*given) == (num_for / num_raters, num_raters)


def test_one_rater_is_no_agreement() -> None:
    """A single rater agrees with nobody: null, not 1."""
    assert agreement(("a", "r", 1.0), ("b", "r", 2.0)) == (None, 1)


def test_only_raters_of_both_count() -> None:
    """A rater who scored one of the two, or gave no score, prefers neither."""
    given = ("a", "r", 1.0), ("b", "r", 2.0), ("a", "s", 3.0), ("b", "s", None)
    assert agreement(*given) == (None, 1)


def test_no_common_rater_is_counted_as_zero() -> None:
    """Responses that nobody rated both of are paired by score, with no agreement to show."""
    assert agreement(("a", "r", 1.0), ("b", "s", 2.0)) == (None, 0)


@pytest.mark.parametrize("flaw", ["blank", "unfinished"])
def test_a_pair_with_an_incomplete_side_is_incomplete(flaw: str) -> None:
    """Either side is enough."""
    found = pairs({"a": 0.0, "b": 1.0, "c": 2.0}, responses={"a": {flaw: True}})
    assert {
        frozenset(row[:2]): row[2]
        for row in found.select("chosen_id", "rejected_id", "complete").iter_rows()
    } == {frozenset("ab"): False, frozenset("ac"): False, frozenset("bc"): True}


def test_texts_that_read_the_same_are_not_distinct() -> None:
    """Two responses of one key are paired, and marked."""
    same = {"a": {"key": "k"}, "b": {"key": "k"}}
    assert pairs({"a": 0.0, "b": 1.0}, responses=same)["distinct"].to_list() == [False]


def test_unpaired_prompts_are_named_with_the_reason() -> None:
    """p has two responses and one score, q one response, r none."""
    measured = features(
        {"response_id": "a"}, {"response_id": "b"}, {"response_id": "c", "prompt_id": "q"}
    )
    found = unpaired(PROMPTS, measured, pairs({"a": 1.0}))
    assert found.rows() == [
        ("p", "fewer_than_two_scored"),
        ("q", "one_response"),
        ("r", "no_response"),
    ]


def test_a_paired_prompt_is_not_named() -> None:
    """Prompts are paired or unpaired, never both."""
    found = unpaired(PROMPTS, features(), pairs({"a": 1.0, "b": 2.0}))
    assert found["prompt_id"].to_list() == ["q", "r"]


def test_pairs_do_not_depend_on_the_order_of_rows() -> None:
    """The same responses in another order give the same table."""
    scores = {"a": 1.0, "b": 1.0, "c": 3.0, "d": 1.0}
    assert pairs(scores).equals(pairs(dict(reversed(scores.items()))))
