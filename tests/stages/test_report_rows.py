"""The rows of the report's tables."""

from typing import Any

import polars as pl
import pytest

from schemas.scores import Raters
from stages.report_rows import (
    agreement_rows,
    decimal,
    diversity_rows,
    figure,
    length_rows,
    rater_rows,
)

UNKNOWN = {
    "num_longer": 0,
    "num_shorter": 0,
    "num_equal": 0,
    "share_longer": None,
    "mean_gap": None,
    "median_gap": None,
    "effect_size": None,
    "pearson": None,
    "spearman": None,
    "slope": None,
    "slope_low": None,
    "slope_high": None,
    "win_at_equal_length": None,
}


def side(tokens: dict[str, Any], characters: dict[str, Any]) -> dict[str, Any]:
    """What is known of pairs' lengths; the rest is not."""
    return {"tokens": UNKNOWN | tokens, "characters": UNKNOWN | characters}


def rater(**row: Any) -> pl.DataFrame:
    """One rater of whom only this is known."""
    base = {"rater": "ann", "kind": "score", "num_ratings": 9, "num_missing": 0, "num_items": 0}
    return pl.DataFrame([base | row], schema=Raters.create_empty().schema)


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "–"), (0.5, "0.500"), (-0.25, "-0.250"), (-0.0001, "0.000"), (1, "1.000")],
)
def test_decimals_have_no_minus_zero(number: float | None, text: str) -> None:
    """Three decimals, a dash for what is unknown."""
    assert decimal(number) == text


def test_figures_have_three_digits() -> None:
    """Or are whole from a hundred on."""
    assert [figure(each) for each in (None, 1.25, -30.5, 99.96, 1234.5)] == [
        "–",
        "1.25",
        "-30.5",
        "100",
        "1,234",
    ]


def test_lengths_stand_before_and_after_in_each_unit() -> None:
    """Four columns: tokens before and after, characters before and after."""
    before = side({"share_longer": 0.75, "num_longer": 1500}, {"share_longer": 0.8})
    after = side({"share_longer": 0.5}, {"share_longer": 0.55})
    rows = dict(length_rows({"before": before, "after": after}))
    (shares,) = (values for name, values in rows.items() if "of unequal" in name)
    assert shares == ["75.0%", "50.0%", "80.0%", "55.0%"]
    assert rows["Chosen is longer / shorter / equal"][0] == "1,500 / 0 / 0"


def test_a_slope_stands_with_its_interval() -> None:
    """Where there is none, a dash stands alone."""
    known = side({"slope": 0.5, "slope_low": 0.25, "slope_high": 0.75}, {})
    rows = dict(length_rows({"before": known, "after": side({}, {})}))
    assert rows["Logistic slope, 95% interval"] == ["0.500 (0.250 to 0.750)", "–", "–", "–"]


def test_a_rater_is_joined_with_what_length_does_to_it() -> None:
    """By name and kind: what ann does in comparisons says nothing of her scores."""
    lengths = UNKNOWN | {"rater": "ann", "num_unequal": 8, "share_longer": 0.625}
    (row,) = rater_rows(rater(), [lengths | {"kind": "score"}])
    assert (row["num_unequal"], row["longer"], row["slope"]) == (8, "62.5%", "–")
    (row,) = rater_rows(rater(), [lengths | {"kind": "compare"}])
    assert (row["num_unequal"], row["longer"], row["slope"]) == (0, "–", "–")


def test_reliability_says_on_how_many_items_it_rests() -> None:
    """And nothing where it is not known."""
    (known,) = rater_rows(rater(reliability=0.75, num_items=1200), [])
    (unknown,) = rater_rows(rater(num_items=3), [])
    assert (known["reliability"], unknown["reliability"]) == ("75.0% (1,200)", "–")


def test_raters_say_what_is_unknown() -> None:
    """Position bias of scores, influence and slope: dashes."""
    (row,) = rater_rows(rater(), [])
    assert {row[name] for name in ("influence", "length_slope", "position_bias")} == {"–"}
    (row,) = rater_rows(rater(kind="compare", influence=-0.0625, position_bias=0.5), [])
    assert (row["kind"], row["influence"], row["position_bias"]) == (
        "comparisons",
        "-0.062",
        "50.0%",
    )


def test_agreement_is_told_at_the_level_that_counts() -> None:
    """Alpha of the ordinal level, not of the nominal; kinds in order of name."""
    known = {"alpha": 0.5, "jackknife": [0.25, 0.75], "bootstrap": None}
    nothing = {"alpha": None, "jackknife": None, "bootstrap": None}
    told = {
        "aspect": "helpfulness",
        "alpha": {"nominal": nothing, "ordinal": known},
        "band": "unreliable",
        "num_items_judged_twice": 4,
        "num_judgements": 9,
        "num_raters": 2,
        "advice": None,
    }
    rows = agreement_rows(
        {"score": told | {"level": "ordinal"}, "compare": told | {"level": "nominal"}}
    )
    assert [row["kind"] for row in rows] == ["comparisons", "scores"]
    assert [row["alpha"] for row in rows] == ["–", "0.500"]
    assert [row["jackknife"] for row in rows] == ["–", "0.250 to 0.750"]


def test_variety_stands_before_and_after() -> None:
    """Of no prompts, shares are not known."""
    before = {
        "prompts": 1200,
        "clusters": 2,
        "effective_clusters": 1.75,
        "largest_share": 0.75,
        "distinct_2": 0.5,
    }
    nothing = {"prompts": 0, "clusters": 0} | dict.fromkeys(
        ("effective_clusters", "largest_share", "distinct_2")
    )
    rows = diversity_rows({"before": before, "after": nothing})
    assert [values for _, values in rows] == [
        ["1,200", "0"],
        ["2", "0"],
        ["1.75", "–"],
        ["75.0%", "–"],
        ["50.0%", "–"],
    ]
