"""The very same two answers, compared more than once with opposite outcomes."""

import polars as pl

from rather.schemas.judgements import Comparisons
from rather.stages.pair.compared_pairs import contradictions

Row = tuple[str, str, float | None]


def comparisons(*rows: Row, aspects: tuple[str, ...] = ()) -> pl.DataFrame:
    """Make comparisons of (first, second, preference); the prompt is an id's first letter."""
    given = [
        {
            "prompt_id": first[0],
            "first_id": first,
            "second_id": second,
            "preference": preference,
            "rater": f"r{number}",
            "aspect": aspects[number] if aspects else "overall",
        }
        for number, (first, second, preference) in enumerate(rows)
    ]
    return pl.DataFrame(given, schema=Comparisons.create_empty().schema)


def features(**keys: str) -> pl.DataFrame:
    """Make features of response ids and the keys of their texts."""
    rows = {"response_id": list(keys), "key": list(keys.values())}
    return pl.DataFrame(rows, schema={"response_id": pl.String, "key": pl.String})


TEXTS = features(p1="one", p2="two", p3="one", q1="one", q2="two")


def found(*rows: Row, aspects: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Give the contradicted pairs within prompts."""
    return contradictions(comparisons(*rows, aspects=aspects), TEXTS).rows()


def test_opposite_outcomes_contradict() -> None:
    """Whatever the order the answers were seen in."""
    assert found(("p1", "p2", 1.0), ("p1", "p2", -1.0)) == [("p1", "p2")]
    assert found(("p1", "p2", 1.0), ("p2", "p1", 0.5)) == [("p1", "p2")]


def test_the_same_outcome_does_not() -> None:
    """Said twice, in both orders; a tie contradicts nobody, nor does what could not be had."""
    assert found(("p1", "p2", 1.0), ("p2", "p1", -1.0)) == []
    assert found(("p1", "p2", 1.0), ("p1", "p2", 0.0), ("p2", "p1", None)) == []


def test_different_aspects_do_not_contradict() -> None:
    """One answer is safer, the other more helpful."""
    rows = ("p1", "p2", 1.0), ("p1", "p2", -1.0)
    assert found(*rows, aspects=("safety", "helpfulness")) == []


def test_answers_that_read_the_same_are_the_same() -> None:
    """p1 beats p2, which beats p3, and p3 reads like p1: both pairs are contradicted."""
    assert found(("p1", "p2", 1.0), ("p2", "p3", 1.0)) == [("p1", "p2"), ("p2", "p3")]


def test_an_answer_compared_with_its_like_contradicts_nothing() -> None:
    """p1 and p3 read the same."""
    assert found(("p1", "p3", 1.0), ("p1", "p3", -1.0)) == []


def test_prompts_are_apart_unless_they_repeat_each_other() -> None:
    """The same two texts under p and q, with opposite outcomes."""
    rows = comparisons(("p1", "p2", 1.0), ("q1", "q2", -1.0))
    assert contradictions(rows, TEXTS).is_empty()
    clusters = pl.DataFrame({"prompt_id": ["p", "q"], "cluster": ["p", "p"]})
    assert contradictions(rows, TEXTS, clusters).rows() == [("p1", "p2"), ("q1", "q2")]


def test_no_comparisons_no_contradictions() -> None:
    """An empty table is fine."""
    assert found() == []
