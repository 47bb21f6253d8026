"""From a judge's answers to ratings, comparisons and its position bias."""

from random import Random

import polars as pl
import pytest

from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.raters.judging.judge_options import Options
from rather.stages.raters.judging.to_ratings import as_comparisons, as_ratings, position_bias, said

PAIRWISE = Options(by="pairwise", explain=False)
Seen = tuple[str, str | None, str | None]  # shown first, shown second, the judge's word


def verdicts(*seen: Seen) -> pl.DataFrame:
    """Make verdicts; a null word is an answer that was no JSON."""
    rows = [
        {
            "prompt_id": first[:1] * 16,
            "first_id": first.ljust(16, "0"),
            "second_id": second and second.ljust(16, "0"),
            "text": "hm" if word is None else f'{{"overall": {word}}}',
            "finish_reason": "stop",
            "reason": None,
        }
        for first, second, word in seen
    ]
    names = ("prompt_id", "first_id", "second_id", "text", "finish_reason", "reason")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


def compared(*seen: Seen) -> list[float | None]:
    """Give the preferences for the smaller id that come of verdicts."""
    found = as_comparisons(said(verdicts(*seen), PAIRWISE), "judge")
    return Comparisons.validate(found)["preference"].to_list()


A, B, TIE = '"A"', '"B"', '"tie"'


@pytest.mark.parametrize(
    ("low_first", "high_first", "preference"),
    [
        (A, B, 1.0),
        (B, A, -1.0),
        (A, A, 0.0),
        (B, B, 0.0),
        (TIE, TIE, 0.0),
        (A, TIE, 0.5),
        (TIE, A, -0.5),
        (A, None, None),
    ],
    ids=["low", "high", "first", "second", "tie", "low or tie", "high or tie", "one order"],
)
def test_a_couple_gets_what_both_orders_say(
    low_first: str, high_first: str | None, preference: float | None
) -> None:
    """A verdict that flips with the order is a tie; half of one is no judgement."""
    assert compared(("a1", "a2", low_first), ("a2", "a1", high_first)) == [preference]


def test_no_preference_has_the_reason_of_the_answer() -> None:
    """Missing is not a tie."""
    read = said(verdicts(("a1", "a2", A), ("a2", "a1", None)), PAIRWISE)
    assert as_comparisons(read, "judge")["reason"].to_list() == ["not_json"]


def test_votes_of_an_order_are_a_mean() -> None:
    """Two of three for low where it stands first, all where it stands second: (1/3 + 1) / 2."""
    votes = [("a1", "a2", word) for word in (A, A, B)] + [("a2", "a1", B)] * 3
    assert compared(*votes) == [pytest.approx(2 / 3)]


def test_votes_that_flip_with_the_order_are_a_tie() -> None:
    """Mostly for whatever stands first is for nobody."""
    votes = [("a1", "a2", word) for word in (A, A, A)] + [("a2", "a1", w) for w in (A, A, B)]
    assert compared(*votes) == [0.0]


def test_scores_of_several_votes_are_a_mean() -> None:
    """What could not be read is left out, as long as something could."""
    seen = [("a1", None, word) for word in ("2", "5", None)] + [("a2", None, None)]
    found = Ratings.validate(as_ratings(said(verdicts(*seen), Options()), "judge"))
    assert found.select("score", "reason").rows() == [(3.5, None), (None, "not_json")]


def planted(num_couples: int, bias: float) -> list[Seen]:
    """Let a judge take the first at a share of its answers, and else the better: the smaller id."""
    random = Random(0)
    seen: list[Seen] = []
    for at in range(num_couples):
        low, high = f"{at % 10}{at:05}a", f"{at % 10}{at:05}b"
        seen.append((low, high, A))
        seen.append((high, low, A if random.random() < bias else B))
    return seen


def test_a_planted_position_bias_is_measured() -> None:
    """Of a judge that takes the first in .2 of its answers, order_effect is .2, flipped too.

    The better answer stands first in half of all questions; of the other half .2 go to the first:
    .6 of all verdicts do, and 2 (.6 - .5) = .2.
    """
    read = said(verdicts(*planted(2000, 0.2)), PAIRWISE)
    found = position_bias(read)
    assert found["order_effect"] == pytest.approx(0.2, abs=0.05)
    assert found["position_bias"] == pytest.approx(0.6, abs=0.025)
    assert found["flipped"] == pytest.approx(0.2, abs=0.05)
    low, high = found["order_effect_interval"]
    assert low < 0.2 < high
    ties = as_comparisons(read, "judge").filter(preference=0.0)
    assert ties.height == round(found["flipped"] * 2000)


def test_a_fair_judge_has_no_position_bias() -> None:
    """One that takes the better answer wherever it stands."""
    found = position_bias(said(verdicts(*planted(50, 0.0)), PAIRWISE))
    assert (found["position_bias"], found["order_effect"], found["flipped"]) == (0.5, 0.0, 0.0)


def test_a_judge_that_said_nothing_has_no_figures() -> None:
    """Null, not zero."""
    found = position_bias(said(verdicts(("a1", "a2", None), ("a2", "a1", None)), PAIRWISE))
    assert set(found.values()) == {None}
