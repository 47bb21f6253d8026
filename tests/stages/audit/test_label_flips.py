"""Labels that everyone else contradicts."""

from typing import Any

import polars as pl
import pytest

from rather.schemas.evidence import Pairs, Raters, Scores
from rather.schemas.judgements import Comparisons
from rather.stages.audit.label_flips import contradicted, label_rater, labelled
from rather.stages.calibrate.rating_evidence import Evidence
from rather.stages.common.ids import pair_id

A, B, C = (f"{name:0>16}" for name in "abc")
PROMPT = f"{1:0>16}"


def vote(rater: str, first: str, second: str, preference: float) -> dict[str, Any]:
    """One comparison of two answers."""
    return {
        "first_id": first,
        "second_id": second,
        "rater": rater,
        "aspect": "overall",
        "prompt_id": PROMPT,
        "preference": preference,
    }


def comparisons(*rows: dict[str, Any]) -> pl.DataFrame:
    """Make the table."""
    return pl.DataFrame(rows, schema=Comparisons.create_empty().schema)


def raters(**reliability: float | None) -> pl.DataFrame:
    """Raters who compare, of this reliability, each of a hundred pairs."""
    rows = [
        {"rater": name, "kind": "compare", "num_ratings": 100, "num_missing": 0}
        | {"reliability": value, "num_items": 100, "length_slope": 0.0, "position_bias": 0.5}
        for name, value in reliability.items()
    ]
    return pl.DataFrame(rows, schema=Raters.create_empty().schema)


def features(*keys: str) -> pl.DataFrame:
    """Answers a, b and c of four tokens each."""
    return pl.DataFrame({"response_id": [A, B, C], "num_tokens": [4, 4, 4], "key": list("xyz")})


def p_label(known: pl.DataFrame, scores: pl.DataFrame, *votes: dict[str, Any]) -> float | None:
    """How sure the label on a and b is, by the others' votes and scores."""
    pairs = pl.DataFrame(
        [{"pair_id": pair_id(A, B), "prompt_id": PROMPT}],
        schema={name: Pairs.create_empty().schema[name] for name in ("pair_id", "prompt_id")},
    )
    found = labelled(pairs, comparisons(*votes), scores, features(), known, Evidence(), "label")
    value: float | None = found["p_label"].item()
    return value


NO_SCORES = Scores.create_empty()


@pytest.mark.parametrize(("preference", "expected"), [(1.0, 0.9), (-1.0, 0.1)])
def test_one_other_rater_is_right_by_its_reliability(preference: float, expected: float) -> None:
    """By definition: with reliability .9 what ann says of equally long answers is right in .9."""
    votes = (vote("label", A, B, 1.0), vote("ann", A, B, preference))
    found = p_label(raters(label=0.99, ann=0.9), NO_SCORES, *votes)
    assert found == pytest.approx(expected, abs=0.005)


def test_the_label_does_not_vote_for_itself() -> None:
    """A label that nobody else judged is not known to be right."""
    found = p_label(raters(label=0.99, ann=0.9), NO_SCORES, vote("label", A, B, 1.0))
    assert found is None


def test_order_of_the_answers_does_not_matter() -> None:
    """Ann, shown the other order, says the same."""
    votes = (vote("label", A, B, 1.0), vote("ann", B, A, -1.0))
    assert p_label(raters(label=0.9, ann=0.9), NO_SCORES, *votes) == pytest.approx(0.9, abs=0.005)


def test_where_no_reliability_is_known_the_majority_decides() -> None:
    """Two against one, and the label is surely flipped."""
    votes = [vote("label", A, B, 1.0)]
    votes += [vote(name, A, B, said) for name, said in (("x", -1.0), ("y", -1.0), ("z", 1.0))]
    assert p_label(raters(label=None, x=None, y=None, z=None), NO_SCORES, *votes) == 0.0


def test_scores_of_unknown_variance_decide_by_their_sign() -> None:
    """The label prefers a, the scores b."""
    rows = [
        {"response_id": name, "prompt_id": PROMPT, "score": score, "variance": None}
        | {"rating": score, "num_raters": 1}
        for name, score in ((A, 1.0), (B, 2.0))
    ]
    scores = pl.DataFrame(rows, schema=Scores.create_empty().schema)
    assert p_label(raters(label=None), scores, vote("label", A, B, 1.0)) == 0.0


def test_the_label_is_the_sources_own_or_one_so_called() -> None:
    """Or the rater that was asked for; with nobody beside it there is nothing to hold it to."""
    assert label_rater(None, raters(source=0.9, ann=0.9)) == "source"
    assert label_rater(None, raters(ann=0.9, label=0.9)) == "label"
    assert label_rater("ann", raters(ann=0.9, label=0.9)) == "ann"
    assert label_rater(None, raters(ann=0.9, bob=0.9)) is None
    assert label_rater(None, raters(label=0.9)) is None


def test_a_rater_may_contradict_itself_but_not_another() -> None:
    """Ann says both of a and b; that bob and cat differ about b and c is no contradiction."""
    votes = (
        vote("ann", A, B, 1.0),
        vote("ann", B, A, 1.0),
        vote("bob", B, C, 1.0),
        vote("cat", B, C, -1.0),
    )
    assert contradicted(comparisons(*votes), features().with_columns(prompt_id=pl.lit(PROMPT))) == 1
