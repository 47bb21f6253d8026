"""Pairing responses within a prompt."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from rather.schemas.evidence import Features, Pairs, Raters, Scores
from rather.schemas.judgements import Comparisons, Ratings
from rather.schemas.texts import Prompts
from rather.stages.pair.pair import pair, unpaired
from rather.stages.pair.pair_evidence import NOTHING, Findings

PROMPTS = pl.DataFrame(
    [{"prompt_id": name, "split": "train"} for name in "pqr"], schema=Prompts.create_empty().schema
)


Given = tuple[str, str, float | None]
Compared = tuple[str, str, str, float | None]


def features(*rows: dict[str, Any]) -> pl.DataFrame:
    """Make features; what a row leaves out is unremarkable."""
    full = [
        {
            "prompt_id": "p",
            "key": row["response_id"],
            "cut_key": row["response_id"],
            "num_chars": 1,
            "num_tokens": 1,
            "blank": False,
            "unfinished": False,
            "script": "Latin",
        }
        | row
        for row in rows
    ]
    return pl.DataFrame(full, schema=Features.create_empty().schema)


def ratings(*given: Given, aspect: str = "overall") -> pl.DataFrame:
    """Make ratings of (response, rater, score)."""
    rows = [
        {"response_id": name, "rater": rater, "score": score, "aspect": aspect, "prompt_id": "p"}
        for name, rater, score in given
    ]
    return pl.DataFrame(rows, schema=Ratings.create_empty().schema)


def comparisons(*given: Compared) -> pl.DataFrame:
    """Make comparisons of (first, second, rater, preference)."""
    names = ("first_id", "second_id", "rater", "preference")
    rows = [
        dict(zip(names, row, strict=True)) | {"aspect": "overall", "prompt_id": "p"}
        for row in given
    ]
    return pl.DataFrame(rows, schema=Comparisons.create_empty().schema)


def reliable(**reliabilities: float | None) -> pl.DataFrame:
    """Make raters of comparisons."""
    rows = [
        {"rater": name, "kind": "compare", "reliability": value}
        for name, value in reliabilities.items()
    ]
    return pl.DataFrame(rows, schema=Raters.create_empty().schema)


def pairs(
    scores: Mapping[str, float | None],
    *given: Given,
    compared: tuple[Compared, ...] = (),
    raters: pl.DataFrame | None = None,
    seed: int = 0,
    variance: float | None = None,
    responses: dict[str, dict[str, Any]] | None = None,
    findings: Findings = NOTHING,
) -> pl.DataFrame:
    """Pair responses of one prompt by their scores (None: it has none), ratings, comparisons."""
    more = responses or {}
    measured = features(*({"response_id": name} | more.get(name, {}) for name in scores))
    scored = pl.DataFrame(
        [
            {"response_id": name, "score": score, "rating": 3 + score, "variance": variance}
            for name, score in scores.items()
            if score is not None
        ],
        schema=Scores.create_empty().schema,
    )
    return pair(
        PROMPTS,
        measured,
        scored,
        ratings(*given),
        comparisons(*compared),
        reliable() if raters is None else raters,
        seed,
        findings=findings,
    )


def only(found: pl.DataFrame) -> dict[str, Any]:
    """Give the one pair there is."""
    assert found.height == 1
    return found.row(0, named=True)


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


UNSCORED = {"a": None, "b": None, "c": None}


def test_compared_answers_are_paired_without_scores() -> None:
    """HH has one human's preference and no score: chosen is whom that human prefers."""
    found = only(pairs(UNSCORED, compared=(("b", "a", "source", 1.0),)))
    assert (found["chosen_id"], found["rejected_id"]) == ("b", "a")
    assert (found["margin"], found["p_correct"], found["agreement"]) == (None, None, None)
    assert found["num_raters"] == 1


def test_compared_and_scored_pairs_are_united() -> None:
    """Scores pair a and b, a comparison b and c: two pairs, b-c without a margin."""
    found = pairs({"a": 1.0, "b": 2.0, "c": None}, compared=(("c", "b", "r", -1.0),))
    assert set(found.select("chosen_id", "rejected_id", "margin").rows()) == {
        ("b", "a", 1.0),
        ("b", "c", None),
    }


def test_a_preference_that_could_not_be_had_makes_no_pair() -> None:
    """Null is no judgement."""
    assert pairs(UNSCORED, compared=(("a", "b", "r", None),)).is_empty()


def test_a_comparison_of_unknown_answers_makes_no_pair() -> None:
    """An answer that measure has not seen cannot be paired."""
    assert pairs({"a": 1.0}, compared=(("a", "z", "r", 1.0),)).is_empty()


def test_a_label_belongs_to_the_response_not_to_the_slot() -> None:
    """Two raters see opposite orders and both prefer b: agreement is 1."""
    compared = ("a", "b", "r", -1.0), ("b", "a", "s", 1.0)
    found = only(pairs(UNSCORED, compared=compared))
    assert (found["chosen_id"], found["agreement"], found["num_raters"]) == ("b", 1.0, 2)
    assert found["contradicted"] is False


def test_votes_orient_where_odds_are_unknown() -> None:
    """Two of three prefer a, whatever the scores say; agreement is 2/3, the margin below zero."""
    compared = ("a", "b", "r", 1.0), ("a", "b", "s", 1.0), ("b", "a", "t", 1.0)
    found = only(pairs({"a": 1.0, "b": 2.0}, compared=compared))
    assert (found["chosen_id"], found["margin"]) == ("a", -1.0)
    assert (found["agreement"], found["contradicted"]) == (2 / 3, True)


def test_a_reliable_rater_outweighs_two_poor_ones() -> None:
    """Odds of .95 are 19; those of two raters of .6 are 1.5 each, 2.25 together."""
    compared = ("a", "b", "good", 1.0), ("b", "a", "poor", 1.0), ("b", "a", "bad", 1.0)
    raters = reliable(good=0.95, poor=0.6, bad=0.6)
    found = only(pairs(UNSCORED, compared=compared, raters=raters))
    assert found["chosen_id"] == "a"
    assert found["p_correct"] > 0.5
    assert found["agreement"] == 1 / 3


def test_p_correct_of_scores_is_that_of_the_gap() -> None:
    """Scores 1 and 0 with variance 1/2 each: Phi(1 / sqrt(1)) = .8413."""
    found = only(pairs({"a": 1.0, "b": 0.0}, variance=0.5))
    assert found["p_correct"] == pytest.approx(0.8413, abs=2e-4)


def test_p_correct_is_unknown_without_variance() -> None:
    """A margin alone tells no probability."""
    assert only(pairs({"a": 1.0, "b": 0.0}))["p_correct"] is None


def test_log_odds_of_scores_and_comparisons_add_up() -> None:
    """Scores say a with p, the comparison says b with q: odds p/(1-p) * (1-q)/q."""
    scored = only(pairs({"a": 1.0, "b": 0.0}, variance=0.5))["p_correct"]
    vote, raters = (("b", "a", "r", 1.0),), reliable(r=0.9)
    voted = only(pairs({"a": None, "b": None}, compared=vote, raters=raters))["p_correct"]
    both = only(pairs({"a": 1.0, "b": 0.0}, variance=0.5, compared=vote, raters=raters))
    odds = voted / (1 - voted) * (1 - scored) / scored
    assert both["chosen_id"] == ("b" if odds > 1 else "a")
    assert both["p_correct"] == pytest.approx(max(odds, 1 / odds) / (1 + max(odds, 1 / odds)))


def test_even_odds_are_a_tie() -> None:
    """Equal scores of known variance: p_correct is one half, and nothing leans."""
    assert only(pairs({"a": 1.0, "b": 1.0}, variance=0.5))["p_correct"] == 0.5


def test_a_tie_of_unknown_raters_is_even_too() -> None:
    """One rater finds them equal: a coin names the chosen one, and is right half the time."""
    assert only(pairs(UNSCORED, compared=(("a", "b", "r", 0.0),)))["p_correct"] == 0.5
    assert only(pairs({"a": 1.0, "b": 1.0}))["p_correct"] == 0.5


def test_a_rater_who_compared_speaks_once() -> None:
    """The one rater scored b higher but prefers a side by side: one rater, who prefers a."""
    given = ("a", "r", 1.0), ("b", "r", 2.0), ("a", "s", 2.0), ("b", "s", 1.0)
    found = only(pairs({"a": 0.0, "b": 0.0}, *given, compared=(("a", "b", "r", 1.0),)))
    assert (found["chosen_id"], found["agreement"], found["num_raters"]) == ("a", 1.0, 2)


def test_cycles_are_found_and_their_weakest_part_marked() -> None:
    """a > b and b > c by two votes, c > a by one: only c > a is a back-arc."""
    compared = (
        *(("a", "b", "r", 1.0), ("a", "b", "s", 1.0)),
        *(("b", "c", "r", 1.0), ("b", "c", "s", 1.0)),
        ("c", "a", "r", 1.0),
    )
    found = pairs(UNSCORED, compared=compared)
    assert set(found.select("chosen_id", "rejected_id", "back_arc").rows()) == {
        ("a", "b", False),
        ("b", "c", False),
        ("c", "a", True),
    }


def test_two_answers_cannot_close_a_cycle() -> None:
    """Nothing can be said of cycles: null."""
    assert only(pairs(UNSCORED, compared=(("a", "b", "r", 1.0),)))["back_arc"] is None


def test_a_tie_is_no_part_of_a_cycle() -> None:
    """r leans to what stands first, so a tie of a before b leans to b; but r preferred neither."""
    rater = {"rater": "r", "kind": "compare", "reliability": 0.8, "position_bias": 0.7}
    raters = pl.DataFrame([rater | {"num_items": 100}], schema=Raters.create_empty().schema)
    compared = ("a", "b", "r", 0.0), ("a", "c", "r", 1.0), ("c", "b", "r", 1.0)
    found = pairs(UNSCORED, compared=compared, raters=raters)
    tie = found.filter(chosen_id="b", rejected_id="a")
    assert tie["p_correct"].item() > 0.5
    assert found["back_arc"].to_list() == [False] * 3


def test_answers_to_different_prompts_are_not_paired_though_compared() -> None:
    """A comparison across prompts is none."""
    apart = {"b": {"prompt_id": "q"}}
    assert pairs(UNSCORED, compared=(("a", "b", "r", 1.0),), responses=apart).is_empty()


def test_scores_that_differ_by_rounding_are_equal() -> None:
    """0.1 + 0.2 is a tie with 0.3: one rater for b and one undecided are 3/4."""
    given = ("a", "r", 0.3), ("b", "r", 0.1 + 0.2), ("a", "s", 0.0), ("b", "s", 1.0)
    assert agreement(*given) == (0.75, 2)


def test_objectives_are_turned_to_chosen() -> None:
    """b is chosen; it is more helpful and clearer, and less honest: two for, one against."""
    given = [
        *zip("ab", "rr", (1.0, 2.0), ("helpful",) * 2, strict=True),
        *zip("ab", "rr", (1.0, 2.0), ("clear",) * 2, strict=True),
        *zip("ab", "rr", (2.0, 1.0), ("honest",) * 2, strict=True),
    ]
    aspects = pl.concat([ratings((who, by, score), aspect=of) for who, by, score, of in given])
    scores = {"response_id": ["a", "b"], "score": [0.0, 1.0]}
    scored = pl.DataFrame(scores, schema_overrides=Scores.create_empty().schema)
    found = pair(
        PROMPTS,
        features({"response_id": "a"}, {"response_id": "b"}),
        pl.concat([Scores.create_empty(), scored], how="diagonal"),
        aspects,
        comparisons(),
        reliable(),
        seed=0,
    )
    assert only(found.select("objectives_for", "objectives_against")) == {
        "objectives_for": 2,
        "objectives_against": 1,
    }


def test_thumbs_pair_good_answers_with_bad_ones() -> None:
    """Two good and two bad answers: four pairs with a margin, and two ties."""
    found = pairs({"a": 1.0, "b": 1.0, "x": 0.0, "y": 0.0})
    clear = found.filter(pl.col("margin") > 0)
    assert set(clear.select("chosen_id", "rejected_id").rows()) == {
        (good, bad) for good in "ab" for bad in "xy"
    }
    assert found.height == 6


def test_ratings_are_those_of_the_scores() -> None:
    """chosen_rating is the mean on the raters' own scale, here 3 more than the score."""
    found = only(pairs({"a": 0.0, "b": 1.0}))
    assert (found["chosen_rating"], found["rejected_rating"]) == (4.0, 3.0)


def test_texts_equal_after_truncation_are_not_distinct_there() -> None:
    """They differ to a person but not to the trainer."""
    cut = {"a": {"cut_key": "k"}, "b": {"cut_key": "k"}}
    found = only(pairs({"a": 0.0, "b": 1.0}, responses=cut))
    assert (found["distinct"], found["distinct_cut"]) == (True, False)


def test_the_split_is_the_prompts() -> None:
    """Both answers stand on the prompt's side."""
    assert only(pairs({"a": 0.0, "b": 1.0}))["split"] == "train"


def test_pairs_are_sorted_by_prompt_and_pair() -> None:
    """So that tables are the same, byte by byte, however they were cut into buckets."""
    responses = {name: {"prompt_id": "q"} for name in "cde"}
    found = pairs(dict.fromkeys("abcde", 1.0), responses=responses)
    assert found.equals(found.sort("prompt_id", "pair_id"))
    assert found.height == 4


def test_buckets_give_the_pairs_of_the_whole() -> None:
    """Pairs of two prompts worked on apart are those of both together."""
    responses = {name: {"prompt_id": "q"} for name in "cd"}
    whole = pairs(dict.fromkeys("abcd", 1.0), responses=responses)
    one = pairs(dict.fromkeys("ab", 1.0))
    two = pairs(dict.fromkeys("cd", 1.0), responses=responses)
    assert whole.equals(pl.concat([one, two]))


def test_empty_tables_give_no_pairs() -> None:
    """Every stage runs on nothing."""
    found = pairs({})
    assert found.is_empty()
    assert dict(found.schema) == dict(Pairs.create_empty().schema)


def test_one_rater_of_thousands_of_answers() -> None:
    """300 answers to one prompt by one rater make 300 * 299 / 2 pairs, with no agreement."""
    scores = {f"{number:03}": float(number) for number in range(300)}
    found = pairs(scores, *((name, "r", score) for name, score in scores.items()))
    assert found.height == 300 * 299 // 2
    assert found["agreement"].null_count() == found.height
    assert found["num_raters"].to_list() == [1] * found.height


def test_ten_thousand_ratings_of_one_answer() -> None:
    """All of them are counted: 10,000 raters of both, every second one for b."""
    given = [
        (name, f"r{number}", float(number % 2 if name == "b" else 0))
        for number in range(10_000)
        for name in "ab"
    ]
    found = only(pairs({"a": 0.0, "b": 1.0}, *given))
    assert (found["num_raters"], found["agreement"]) == (10_000, 0.75)


def test_raters_who_share_no_item_agree_on_nothing() -> None:
    """Each of three raters scored an answer of its own."""
    found = pairs({"a": 0.0, "b": 1.0, "c": 2.0}, *((name, name, 1.0) for name in "abc"))
    assert found["num_raters"].to_list() == [0, 0, 0]
    assert found["agreement"].null_count() == 3
