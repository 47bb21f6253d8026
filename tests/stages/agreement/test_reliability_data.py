from typing import Any

import polars as pl
import pytest

from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.agreement.alpha import alpha
from rather.stages.agreement.reliability_data import merge, of_comparisons, of_ratings, tally
from rather.stages.agreement.units import units


def ratings(*rows: dict[str, Any]) -> pl.DataFrame:
    """Make ratings of rows that say only what matters."""
    usual = {"aspect": "overall", "source": "file"}
    return pl.DataFrame([usual | row for row in rows], schema=Ratings.create_empty().schema)


def comparisons(*rows: tuple[str, str, str, float | None]) -> pl.DataFrame:
    """Make comparisons of first, second, rater and preference."""
    return pl.DataFrame(
        [
            {
                "first_id": first,
                "second_id": second,
                "rater": rater,
                "preference": preference,
                "aspect": "overall",
                "source": "file",
            }
            for first, second, rater, preference in rows
        ],
        schema=Comparisons.create_empty().schema,
    )


def values(judgements: pl.DataFrame) -> list[Any]:
    """Return the values in order of item and rater."""
    return judgements.sort("item", "rater")["value"].to_list()


def test_a_rating_judges_its_response() -> None:
    """The score is the value, and a missing one stays missing."""
    rows = [
        {"response_id": "a", "rater": "one", "score": 2.0},
        {"response_id": "a", "rater": "two", "reason": "unparsable"},
    ]
    judged = of_ratings(ratings(*rows))
    assert judged.select("item", "rater", "value").rows() == [("a", "one", 2.0), ("a", "two", None)]


def test_raters_who_saw_opposite_orders_agree() -> None:
    """One prefers the first of a, b, the other the second of b, a: both prefer a."""
    judged = of_comparisons(comparisons(("a", "b", "one", 1), ("b", "a", "two", -1)))
    assert judged["item"].unique().to_list() == ["a|b"]
    assert values(judged) == [1, 1]


def test_a_rater_of_both_orders_judges_once() -> None:
    """Consistent: as said; for the first both times: a tie; a tie once: the other; graded: mean."""
    rows = [
        ("a", "b", "one", 1),
        ("b", "a", "one", -1),
        ("a", "b", "two", 1),
        ("b", "a", "two", 1),
        ("a", "b", "three", 0),
        ("b", "a", "three", 1),
        ("a", "b", "two_graded", 0.5),
        ("b", "a", "two_graded", -1),
        ("c", "d", "one", 1),
    ]
    assert values(of_comparisons(comparisons(*rows))) == [1, -1, 0, 0.75, 1]


def test_items_that_were_given_the_same_share_a_profile() -> None:
    """Two of three items are told once, under the least id, with their number."""
    rows = [
        {"response_id": item, "rater": rater, "score": score}
        for item, *scores in (("b", 1.0, 2.0), ("a", 1.0, 2.0), ("c", 2.0, 1.0))
        for rater, score in zip(("one", "two"), scores, strict=True)
    ]
    told = tally(of_ratings(ratings(*rows))).sort("item", "rater")
    assert told.select("item", "num_items", "rater", "value").rows() == [
        ("a", 2, "one", 1.0),
        ("a", 2, "two", 2.0),
        ("c", 1, "one", 2.0),
        ("c", 1, "two", 1.0),
    ]


def test_values_alike_are_one_unit_whoever_gave_them() -> None:
    """Scores 1, 2 and 2, 1 are the same pattern, of two items."""
    rows = [
        {"response_id": item, "rater": rater, "score": score}
        for item, *scores in (("a", 1.0, 2.0), ("b", 2.0, 1.0))
        for rater, score in zip(("one", "two"), scores, strict=True)
    ]
    of_all = units(tally(of_ratings(ratings(*rows))), "overall")
    assert (of_all.sizes.tolist(), of_all.weights.tolist()) == ([2], [2])


def test_aspects_and_sources_are_kept_apart() -> None:
    """Units hold one aspect, and one source where it is asked for."""
    rows = [
        {"response_id": "a", "rater": rater, "score": 1.0, "aspect": aspect, "source": source}
        for rater, aspect, source in (
            ("one", "honesty", "x"),
            ("two", "honesty", "y"),
            ("one", "help", "x"),
        )
    ]
    told = tally(of_ratings(ratings(*rows)))
    assert units(told, "honesty").sizes.tolist() == [2]
    assert units(told, "honesty", "y").raters == ["two"]
    assert units(told, "help").sizes.tolist() == [1]


@pytest.mark.parametrize(
    "judged", [of_ratings(ratings()), of_comparisons(comparisons())], ids=["ratings", "comparisons"]
)
def test_empty_tables_have_empty_tallies(judged: pl.DataFrame) -> None:
    """No row, no unit, no alpha, no crash; and they merge."""
    told = merge([tally(judged), tally(judged)])
    assert told.is_empty()
    assert alpha(units(told, "overall"), "nominal") == (None, "no item has two ratings")
