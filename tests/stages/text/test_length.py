"""What length does to preference."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from rather.schemas.evidence import Features
from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.common.ids import digest
from rather.stages.text.length import (
    judged_gaps,
    length_report,
    longer_wins,
    rater_lengths,
    share_longer,
)
from tests.paths import SHARED_DATA

MakePairs = Callable[..., pl.DataFrame]
DATA = SHARED_DATA
real = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"needs the real data at {DATA}, which is not part of the repository"
)


def lengths(chosen: int, rejected: int, **row: Any) -> dict[str, Any]:
    """Make a row whose lengths, in tokens as in characters, are these."""
    sides = {"chosen": chosen, "rejected": rejected}
    counts = {f"{side}_{unit}": n for side, n in sides.items() for unit in ("tokens", "chars")}
    return {"length_gap": chosen - rejected, **counts, **row}


def features(**num_chars: int) -> pl.DataFrame:
    """Make features of responses: names and lengths, in tokens as in characters."""
    rows = [{"response_id": name, "num_tokens": n, "num_chars": n} for name, n in num_chars.items()]
    return pl.DataFrame(rows, schema=Features.create_empty().schema)


def comparisons(*rows: tuple[str, str, str, float | None]) -> pl.DataFrame:
    """Make comparisons: first, second, rater and preference."""
    names = ("first_id", "second_id", "rater", "preference")
    return pl.DataFrame(
        [dict(zip(names, row, strict=True)) | {"aspect": "overall"} for row in rows],
        schema=Comparisons.create_empty().schema,
    )


def ratings(*rows: tuple[str, str, float | None]) -> pl.DataFrame:
    """Make ratings of one prompt: response, rater and score."""
    names = ("response_id", "rater", "score")
    return pl.DataFrame(
        [
            dict(zip(names, row, strict=True)) | {"aspect": "overall", "prompt_id": "p"}
            for row in rows
        ],
        schema=Ratings.create_empty().schema,
    )


@pytest.mark.parametrize(
    ("gaps", "share"), [([3, 1, -2, 0], 2 / 3), ([0], None), ([], None), ([-1], 0.0)]
)
def test_share_longer(gaps: list[int], share: float | None, make_pairs: MakePairs) -> None:
    """Of pairs of unequal length, how many have the longer answer chosen."""
    assert share_longer(make_pairs(*({"length_gap": gap} for gap in gaps))) == share


def test_pairs_are_counted_by_which_answer_is_longer(make_pairs: MakePairs) -> None:
    """Gaps 3, 1, -2 and 0: two longer, one shorter, one equal; mean 2 / 4, median (0 + 1) / 2."""
    found = length_report(
        make_pairs(lengths(5, 2), lengths(2, 1), lengths(1, 3), lengths(4, 4)),
    )
    assert found["num_pairs"] == 4
    assert found["tokens"] == found["characters"]
    tokens = found["tokens"]
    counts = [tokens[f"num_{side}"] for side in ("longer", "shorter", "equal")]
    assert counts == [2, 1, 1]
    assert tokens["share_longer"] == 2 / 3
    assert (tokens["mean_gap"], tokens["median_gap"]) == (0.5, 0.5)


def test_the_effect_size_is_in_standard_deviations_of_log_length(make_pairs: MakePairs) -> None:
    """log(1 + n): chosen 2 and 4 times log 2, rejected 0 and 2: means 3, 1, sd 1: d = 2."""
    found = length_report(make_pairs(lengths(3, 0), lengths(15, 3)))["tokens"]
    assert found["effect_size"] == pytest.approx(2.0)


def test_margin_and_gap_are_correlated_by_value_and_by_rank(make_pairs: MakePairs) -> None:
    """Margins 1, 2, 9 beside gaps 1, 2, 3: the same order, though not on a line."""
    rows = [lengths(gap, 0, margin=margin) for gap, margin in ((1, 1.0), (2, 2.0), (3, 9.0))]
    tokens = length_report(make_pairs(*rows))["tokens"]
    assert tokens["spearman"] == pytest.approx(1.0)
    assert tokens["pearson"] == pytest.approx(np.corrcoef([1, 2, 9], [1, 2, 3])[0, 1])


@pytest.mark.parametrize("margins", [[None, None], [1.0, 1.0], [1.0], []])
def test_no_correlation_without_different_margins(
    margins: list[float | None], make_pairs: MakePairs
) -> None:
    """Comparisons alone give no margin; what cannot be told is null, never NaN."""
    rows = [lengths(number, 0, margin=margin) for number, margin in enumerate(margins)]
    tokens = length_report(make_pairs(*rows))["tokens"]
    assert (tokens["pearson"], tokens["spearman"]) == (None, None)


def hashed(gaps: list[int]) -> list[dict[str, Any]]:
    """Make rows of these gaps under ids like those of real pairs."""
    return [lengths(100 + gap, 100, pair_id=digest([str(n)])) for n, gap in enumerate(gaps)]


def test_the_slope_is_that_of_the_odds(make_pairs: MakePairs) -> None:
    """All gaps are +-5, so x = +-tanh(1); 300 longer to 100 shorter: slope = log 3 / tanh(1).

    The interval is Wald's: each of 400 pairs tells p (1 - p) x^2 with p = 3/4, but for chance in
    which answer of a pair is called the first.
    """
    tokens = length_report(make_pairs(*hashed([5] * 300 + [-5] * 100)))["tokens"]
    expected, error = np.log(3) / np.tanh(1), (400 * 3 / 16) ** -0.5 / np.tanh(1)
    assert tokens["slope"] == pytest.approx(expected, abs=0.02)
    assert tokens["slope_high"] - tokens["slope"] == pytest.approx(1.96 * error, rel=0.02)
    assert tokens["slope"] - tokens["slope_low"] == pytest.approx(1.96 * error, rel=0.02)
    assert tokens["win_at_equal_length"] == pytest.approx(0.5, abs=0.1)


def test_even_lengths_have_no_slope(make_pairs: MakePairs) -> None:
    """As many longer as shorter: 0 lies within the interval."""
    tokens = length_report(make_pairs(*hashed([7, -7] * 200)))["tokens"]
    assert tokens["slope_low"] < 0 < tokens["slope_high"]


@pytest.mark.parametrize("gaps", [[], [3], [3, 4, 5, 6], [0, 0, 0, 0]])
def test_no_slope_where_none_is_best(gaps: list[int], make_pairs: MakePairs) -> None:
    """The longer always wins, or lengths never differ: null, neither infinite nor a crash."""
    assert length_report(make_pairs(*hashed(gaps)))["tokens"]["slope"] is None


def test_the_report_does_not_hang_on_the_order_of_rows(make_pairs: MakePairs) -> None:
    """The very same numbers, to the last digit."""
    random = np.random.default_rng(0)
    rows = hashed([int(gap) for gap in random.integers(-90, 99, 500)])
    pairs = make_pairs(*(row | {"margin": random.normal()} for row in rows))
    assert length_report(pairs) == length_report(pairs.sample(fraction=1, shuffle=True, seed=1))


def test_a_judgement_belongs_to_the_answer_not_to_its_slot() -> None:
    """ann saw b second and preferred it: it is 2 tokens longer, whichever was shown first."""
    shown = features(a=3, b=5)
    counts = [
        judged_gaps(ratings(), comparisons(row), shown)
        for row in (("a", "b", "ann", -1.0), ("b", "a", "ann", 1.0))
    ]
    assert [each.select("gap", "won").rows() for each in counts] == [[(-2, False)], [(2, True)]]
    assert [rater_lengths(each)["share_longer"].item() for each in counts] == [1.0, 1.0]


def test_ratings_of_one_rater_are_compared_within_the_prompt() -> None:
    """Scores 1, 2, 2 of lengths 9, 5, 7: two decided, the longer loses both; the tie is out."""
    found = rater_lengths(
        judged_gaps(
            ratings(("a", "ann", 1.0), ("b", "ann", 2.0), ("c", "ann", 2.0), ("a", "bob", 1.0)),
            comparisons(),
            features(a=9, b=5, c=7),
        )
    )
    assert found.select("rater", "kind", "num_unequal", "share_longer").rows() == [
        ("ann", "score", 2, 0.0)
    ]


def test_missing_judgements_tell_nothing() -> None:
    """A null score or preference is no vote for either answer, nor is a tie."""
    counts = judged_gaps(
        ratings(("a", "ann", None), ("b", "ann", 2.0)),
        comparisons(("a", "b", "ann", None), ("b", "a", "bob", 0.0)),
        features(a=1, b=2),
    )
    assert counts.is_empty()
    assert rater_lengths(counts).is_empty()
    assert longer_wins(comparisons(("a", "b", "ann", None)), features(a=1, b=2)) == (0, 0)


def test_counts_of_buckets_add_up() -> None:
    """The same rater in two buckets: one row, both judgements."""
    shown = features(a=1, b=2)
    bucket = judged_gaps(ratings(), comparisons(("a", "b", "ann", 1.0)), shown)
    assert rater_lengths(pl.concat([bucket, bucket]))["num_unequal"].item() == 2


def test_the_longer_is_held_against_what_most_say() -> None:
    """Two of three prefer the longer b, seen in either order; a and c are tied; c over d is wrong.

    Length says b, d: right once in two.
    """
    votes = comparisons(
        ("a", "b", "ann", -1.0),
        ("b", "a", "bob", 1.0),
        ("a", "b", "cid", 0.5),
        ("a", "c", "ann", 1.0),
        ("a", "c", "bob", -1.0),
        ("c", "d", "ann", 1.0),
    )
    assert longer_wins(votes, features(a=1, b=2, c=3, d=4)) == (1, 2)


def test_most_say_that_it_is_a_tie() -> None:
    """Two ties and one preference: no answer has won."""
    votes = comparisons(("a", "b", "ann", 0.0), ("a", "b", "bob", 0.0), ("a", "b", "cid", 1.0))
    assert longer_wins(votes, features(a=1, b=2)) == (0, 0)


def pandalm(blank: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read PandaLM's comparisons, and lengths in characters; with or without blank answers."""
    lines = gzip.decompress((DATA / "pandalm/testset-v1.jsonl.gz").read_bytes()).splitlines()
    votes, sizes = [], {}
    for row in map(json.loads, lines):
        names = [f"{row['idx']}.{number}" for number in (1, 2)]
        texts = [
            str(row[f"response{number}"]).strip() and str(row[f"response{number}"])
            for number in (1, 2)
        ]
        if blank or all(texts):
            sizes |= {name: len(text) for name, text in zip(names, texts, strict=True)}
            votes += [
                (*names, f"annotator{number}", {0: 0.0, 1: 1.0, 2: -1.0}[row[f"annotator{number}"]])
                for number in (1, 2, 3)
            ]
    return comparisons(*votes), features(**sizes)


@real
@pytest.mark.parametrize(("blank", "expected"), [(True, (599, 887)), (False, (548, 835))])
def test_how_often_the_longer_wins_in_pandalm(blank: bool, expected: tuple[int, int]) -> None:
    """Majority, no tie, unequal length; blank answers counted as length 0, and left out."""
    assert longer_wins(*pandalm(blank)) == expected


@real
def test_how_often_the_chosen_is_longer_in_hh(make_pairs: MakePairs) -> None:
    """1,023 of 2,312: people who want no harm choose the shorter reply more often."""
    path = DATA / "hh_rlhf_harmless_test/test.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines()
    replies = [
        [len(row[side].rsplit("\n\nAssistant:", 1)[1]) for side in ("chosen", "rejected")]
        for row in map(json.loads, lines)
    ]
    found = length_report(make_pairs(*(lengths(*reply) for reply in replies)))
    assert (found["characters"]["num_longer"], found["num_pairs"]) == (1023, 2312)
