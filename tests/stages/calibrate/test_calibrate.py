"""Bringing raters to one scale."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rather.schemas.evidence import Features, Raters, Scores
from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.calibrate.calibrate import Calibration, Options, calibrate, in_memory, scores
from rather.stages.calibrate.rating_matrix import sheet
from tests.worlds import crowd

MEAN = Options(method="mean")
LENGTHS = Features.create_empty().select("response_id", "prompt_id", "num_tokens")
NO_COMPARISONS = Comparisons.create_empty()


def ratings(*rows: tuple[str, str, float | None], aspect: str = "overall") -> pl.DataFrame:
    """Make ratings of (response, rater, score), all of one prompt."""
    return pl.DataFrame(
        [
            {
                "response_id": response,
                "rater": rater,
                "aspect": aspect,
                "prompt_id": "p",
                "score": score,
                "reason": "no_score" if score is None else None,
            }
            for response, rater, score in rows
        ],
        schema=Ratings.create_empty().schema,
    )


def found(
    frame: pl.DataFrame, options: Options = MEAN, features: pl.DataFrame = LENGTHS
) -> tuple[Calibration, pl.DataFrame]:
    """Calibrate ratings alone."""
    return in_memory(frame, NO_COMPARISONS, features, options)


def raters(frame: pl.DataFrame) -> pl.DataFrame:
    """Describe the raters of ratings alone."""
    return found(frame)[0].raters


def calibrated(*rows: tuple[str, str, float | None], options: Options = MEAN) -> dict[str, float]:
    """Return each response's calibrated score."""
    return dict(found(ratings(*rows), options)[1].select("response_id", "score").iter_rows())


def test_a_rater_is_described_by_its_given_scores() -> None:
    """Of 1, 3 and a missing one: mean 2, population sd 1, and the missing one is counted apart."""
    told = raters(ratings(("a", "r", 1.0), ("b", "r", 3.0), ("c", "r", None)))
    numbers = told.select("rater", "kind", "num_ratings", "num_missing", "mean", "sd")
    assert numbers.rows() == [("r", "score", 2, 1, 2.0, 1.0)]


def test_a_rater_without_a_score_has_no_scale() -> None:
    """A rater whose every score is missing has neither mean nor sd: null, not zero."""
    told = raters(ratings(("a", "r", None)))
    assert told.select("num_ratings", "num_missing", "mean", "sd").rows() == [(0, 1, None, None)]


def test_scores_are_in_standard_deviations() -> None:
    """One rater's 1 and 3 have mean 2 and sd 1, so they become -1 and 1."""
    assert calibrated(("a", "r", 1.0), ("b", "r", 3.0)) == {"a": -1.0, "b": 1.0}


def test_a_rater_on_another_scale_weighs_the_same() -> None:
    """Scores 10 and 30 say what 1 and 3 say: the mean over both raters is again -1 and 1."""
    told = calibrated(("a", "r", 1.0), ("b", "r", 3.0), ("a", "s", 10.0), ("b", "s", 30.0))
    assert told == pytest.approx({"a": -1.0, "b": 1.0})


def test_the_mean_over_raters_is_scaled_to_unit_spread() -> None:
    """Two raters who disagree on two of four leave means 1, 0, 0, -1, whose sd is sqrt(1/2).

    Both raters' scores are +1 and -1 already; divided by sqrt(1/2) the means are +-sqrt(2).
    """
    told = calibrated(
        *(("a", "r", 1.0), ("b", "r", 1.0), ("c", "r", -1.0), ("d", "r", -1.0)),
        *(("a", "s", 1.0), ("b", "s", -1.0), ("c", "s", 1.0), ("d", "s", -1.0)),
    )
    assert told == pytest.approx({"a": 2**0.5, "b": 0.0, "c": 0.0, "d": -(2**0.5)})


def test_missing_is_not_low() -> None:
    """A missing score moves nothing: b rests on the other rater alone."""
    with_missing = calibrated(("a", "r", 1.0), ("b", "r", 3.0), ("b", "s", None))
    assert with_missing == {"a": -1.0, "b": 1.0}


def test_num_raters_counts_those_who_gave_a_score() -> None:
    """Of two raters of a response, one of whom gave no score, one counts."""
    frame = ratings(("a", "r", 1.0), ("a", "s", None), ("b", "s", 1.0))
    told = found(frame)[1]
    assert told.select("response_id", "num_raters").rows() == [("a", 1), ("b", 1)]


def test_an_unscored_response_has_no_row() -> None:
    """Where no rater gave a score there is no calibrated score, not a zero."""
    assert calibrated(("a", "r", 1.0), ("b", "r", None)).keys() == {"a"}


@pytest.mark.parametrize("score", [0.1, 0.7, 3.3, 5.0])
def test_a_rater_who_always_says_the_same_says_nothing(score: float) -> None:
    """All scores alike give exactly zero, whatever digits their floats end in."""
    told = calibrated(*((name, "r", score) for name in "abcdefg"))
    assert set(told.values()) == {0.0}


def test_a_constant_rater_does_not_lift_what_it_rated() -> None:
    """Beside a rater of everything, one who says 0.1 of three answers halves them, no more.

    r's scores are 1, 1, -1, -1 by design; s adds zero to a, b and c, so their means are 1/2, 1/2,
    -1/2 and d's is -1. Their mean is -1/8 and their sd sqrt((3 * 1/4 + 1) / 4 - 1/64) = sqrt(27)/8.
    """
    told = calibrated(
        *(("a", "r", 1.0), ("b", "r", 1.0), ("c", "r", -1.0), ("d", "r", -1.0)),
        *(("a", "s", 0.1), ("b", "s", 0.1), ("c", "s", 0.1)),
    )
    unit = 27**0.5 / 8
    assert told == pytest.approx(
        {"a": 0.5 / unit, "b": 0.5 / unit, "c": -0.5 / unit, "d": -1 / unit}
    )


def test_opposite_raters_leave_a_tie_not_noise() -> None:
    """Two raters who contradict each other on everything cancel out to exactly zero.

    In floats the standardised 1, 2, 3 and 0.3, 0.2, 0.1 do not cancel to the last digit; scaled to
    unit spread, what is left over would be a margin of two standard deviations.
    """
    told = calibrated(
        *(("a", "r", 1.0), ("b", "r", 2.0), ("c", "r", 3.0)),
        *(("a", "s", 0.3), ("b", "s", 0.2), ("c", "s", 0.1)),
    )
    assert set(told.values()) == {0.0}


def test_standardising_is_over_prompts_not_within() -> None:
    """A prompt whose answers differ little keeps its small margin.

    Scores 0, 10 on one prompt and 5, 5 on another: mean 5, sd sqrt(50 / 4); standardised within a
    prompt the second would have no scale at all, and a 5, 6 would weigh as much as 0, 10.
    """
    rows = {"a": ("p", 0.0), "b": ("p", 10.0), "c": ("q", 5.0), "d": ("q", 6.0)}
    frame = pl.DataFrame(
        [
            {
                "response_id": name,
                "rater": "r",
                "aspect": "overall",
                "prompt_id": prompt,
                "score": score,
            }
            for name, (prompt, score) in rows.items()
        ],
        schema=Ratings.create_empty().schema,
    )
    told = dict(found(frame)[1].select("response_id", "score").iter_rows())
    assert told["b"] - told["a"] == pytest.approx(10 * (told["d"] - told["c"]))


@pytest.mark.parametrize("method", ["bradley_terry", "mean", "majority", "dawid_skene", "mace"])
@pytest.mark.parametrize("scale", ["z", "quantile"])
def test_no_ratings_give_empty_tables(method: str, scale: str) -> None:
    """A source of prompts alone is not an error here."""
    options = Options.model_validate({"method": method, "scale": scale})
    told, scored = found(ratings(), options)
    assert scored.height == told.raters.height == 0


def test_the_plain_mean_is_kept_on_the_raters_own_scale() -> None:
    """Scores 2 and 4 of a response have the rating 3, whatever its calibrated score."""
    frame = ratings(("a", "r", 2.0), ("a", "s", 4.0), ("b", "r", 5.0))
    assert found(frame)[1]["rating"].to_list() == [3.0, 5.0]


def test_the_majority_is_the_median() -> None:
    """Of three raters of the same scale, one far off does not move what the others agree on."""
    rows = (
        *(("a", "r", 1.0), ("b", "r", -1.0)),
        *(("a", "s", 1.0), ("b", "s", -1.0)),
        *(("a", "t", -1.0), ("b", "t", 1.0)),
    )
    told = calibrated(*rows, options=Options(method="majority"))
    assert told == pytest.approx({"a": 1.0, "b": -1.0})


def test_ranks_do_not_see_how_far_apart_scores_are() -> None:
    """By quantile, scores 1, 2, 1000 are spread like 1, 2, 3."""
    far, near = (
        calibrated(
            ("a", "r", 1.0), ("b", "r", 2.0), ("c", "r", top), options=Options(scale="quantile")
        )
        for top in (1000.0, 3.0)
    )
    assert far == near
    assert far["b"] == 0.0


def test_aspects_stand_in_for_a_missing_whole() -> None:
    """With no overall score, a rater's judgement is the mean of its aspects: 2 of 1 and 3."""
    rows = pl.concat(
        [ratings(("a", "r", 1.0), aspect="honesty"), ratings(("a", "r", 3.0), aspect="tone")]
    )
    assert found(rows)[1]["rating"].to_list() == [2.0]


def test_an_overall_score_is_not_mixed_with_aspects() -> None:
    """An overall 5 is the judgement, whatever the aspects; one that failed is missing."""
    rows = pl.concat(
        [
            ratings(("a", "r", 5.0), ("b", "r", None)),
            ratings(("a", "r", 1.0), ("b", "r", 1.0), aspect="tone"),
        ]
    )
    assert found(rows)[1].select("response_id", "rating").rows() == [("a", 5.0)]


def test_one_rater_tells_nothing_of_its_reliability() -> None:
    """Alone, a rater's reliability and its scores' variance are null, and nothing is invented."""
    told, scored = found(ratings(*((str(i), "r", float(i)) for i in range(100))), Options())
    assert told.raters["reliability"].to_list() == [None]
    assert scored["variance"].null_count() == scored.height


def test_raters_who_share_no_item_tell_nothing() -> None:
    """Two raters of different answers cannot be held against each other."""
    told, scored = found(
        ratings(*((str(i), "rs"[i % 2], float(i % 5)) for i in range(100))), Options()
    )
    assert told.raters["reliability"].to_list() == [None, None]
    assert scored["variance"].null_count() == scored.height


def test_of_two_who_contradict_each_other_neither_is_believed() -> None:
    """Opposite scores of 100 answers: both no better than chance, and all answers equal."""
    rows = ((str(i), r, s * (i % 5)) for i in range(100) for r, s in (("r", 1.0), ("s", -1.0)))
    told, scored = found(ratings(*rows), Options())
    assert told.raters["reliability"].to_list() == [0.5, 0.5]
    assert set(scored["score"]) == {0.0}


def test_buckets_add_up() -> None:
    """Sheets of two halves of the prompts give what one of all of them gives."""
    world = crowd(200)
    whole, scored = found(world.ratings, Options(), world.features)
    cut = "8"
    parts = [
        sheet(world.ratings.filter(half), world.features.filter(half))
        for half in (pl.col("prompt_id") < cut, pl.col("prompt_id") >= cut)
    ]
    told = calibrate(parts, NO_COMPARISONS, world.features, Options())
    together = pl.concat(scores(part, told) for part in parts)
    assert_frame_equal(told.raters, whole.raters, rel_tol=1e-9)
    assert_frame_equal(together, scored, rel_tol=1e-9)


def test_the_order_of_rows_does_not_matter() -> None:
    """Shuffled ratings give the same tables to the last bit."""
    world = crowd(100)
    first = found(world.ratings, Options(), world.features)
    second = found(
        world.ratings.sample(fraction=1.0, shuffle=True, seed=1), Options(), world.features
    )
    assert first[0].raters.equals(second[0].raters)
    assert first[1].equals(second[1])


def test_the_trusted_rater_does_not_vote() -> None:
    """Its ratings leave no trace in raters or scores."""
    world = crowd(100)
    adjudicator = world.ratings.filter(pl.col("rater") == "rater0").with_columns(
        rater=pl.lit("adjudicator")
    )
    both = pl.concat([world.ratings, adjudicator])
    without = found(world.ratings, Options(), world.features)
    told = found(both, Options(trusted="adjudicator"), world.features)
    assert told[0].raters.equals(without[0].raters)
    assert told[1].equals(without[1])


@pytest.mark.parametrize("kind", ["scores", "comparisons"])
def test_tables_keep_their_contract(kind: str) -> None:
    """What comes out of a planted world is valid by the schemas."""
    world = crowd(100, kind=kind)
    told, scored = in_memory(world.ratings, world.comparisons, world.features)
    Raters.validate(told.raters)
    Scores.validate(scored)


def test_scores_too_large_to_square_say_nothing() -> None:
    """Where a sum of squares would overflow there is no scale, and no infinity leaks."""
    rows = ((str(i), r, 1e300 * (i % 3 - 1)) for i in range(30) for r in "rs")
    told, scored = found(ratings(*rows), Options())
    assert told.raters["sd"].to_list() == [None, None]
    assert set(scored["score"]) == {0.0}
