"""Picking pairs so that length does not give the label away."""

from collections.abc import Callable

import polars as pl
import pytest

from stages.choose import Options, choose, share_longer

MakePairs = Callable[..., pl.DataFrame]
BALANCED, AS_IS = Options(balance_length=True), Options(balance_length=False)


def reasons(pairs: pl.DataFrame, options: Options = BALANCED) -> list[str | None]:
    """Give each pair's reason, in the order of pair ids."""
    return choose(pairs, options).sort("pair_id")["reason"].to_list()


def test_best_against_worst_is_the_largest_margin(make_pairs: MakePairs) -> None:
    """Of a prompt's pairs with margins 1, 3 and 2 the second is kept."""
    rows = [{"prompt_id": "p", "margin": margin} for margin in (1.0, 3.0, 2.0)]
    assert reasons(make_pairs(*rows)) == ["not_best_against_worst", None, "not_best_against_worst"]


def test_each_prompt_keeps_one_pair(make_pairs: MakePairs) -> None:
    """A prompt's small margin does not compete with another prompt's large one."""
    rows = [{"prompt_id": "p", "margin": 9.0}, {"prompt_id": "q", "margin": 1.0}]
    assert reasons(make_pairs(*rows)) == [None, None]


def test_of_equal_margins_the_first_pair_id_is_kept(make_pairs: MakePairs) -> None:
    """Whatever the order of rows, so that the choice repeats."""
    pairs = make_pairs({"prompt_id": "p"}, {"prompt_id": "p"})
    expected = [None, "not_best_against_worst"]
    assert reasons(pairs) == expected
    assert reasons(pairs.reverse()) == expected


def test_the_balance_drops_the_smallest_margins_of_the_commoner_side(
    make_pairs: MakePairs,
) -> None:
    """Three longer chosen answers with margins 3, 1, 2 against one shorter: the best 3 stays."""
    rows = [{"length_gap": 5, "margin": margin} for margin in (3.0, 1.0, 2.0)]
    pairs = make_pairs(*rows, {"length_gap": -5, "margin": 0.5})
    assert reasons(pairs) == [None, "length_balance", "length_balance", None]


def test_the_balance_works_against_shorter_answers_too(make_pairs: MakePairs) -> None:
    """Where shorter answers win more often, theirs are dropped."""
    pairs = make_pairs({"length_gap": -1, "margin": 1.0}, {"length_gap": -1}, {"length_gap": 1})
    assert reasons(pairs).count(None) == 2
    kept = choose(pairs, BALANCED).filter(pl.col("reason").is_null())
    assert sorted(kept["length_gap"]) == [-1, 1]


def test_pairs_of_equal_length_stay(make_pairs: MakePairs) -> None:
    """They are on neither side, whatever their margin."""
    pairs = make_pairs({"length_gap": 0, "margin": 0.1}, {"length_gap": 4}, {"length_gap": -4})
    assert reasons(pairs) == [None, None, None]


def test_the_balance_is_kept_in_each_split(make_pairs: MakePairs) -> None:
    """Two longer in train and two shorter in test do not make up for one another."""
    rows = [{"split": "train", "length_gap": 1}] * 2 + [{"split": "test", "length_gap": -1}] * 2
    assert reasons(make_pairs(*rows)) == ["length_balance"] * 4


def test_both_sides_of_each_split_end_equal(make_pairs: MakePairs) -> None:
    """3 longer to 2 shorter in train, 1 to 3 in test: 2 and 2 stay, and 1 and 1."""
    train = [{"split": "train", "length_gap": gap} for gap in (1, 2, 3, -1, -2)]
    test = [{"split": "test", "length_gap": gap} for gap in (1, -1, -2, -3)]
    picked = choose(make_pairs(*train, *test), BALANCED).filter(pl.col("reason").is_null())
    sides = picked.group_by("split", longer=pl.col("length_gap") > 0).len()
    assert sorted(sides.rows()) == [
        ("test", False, 1),
        ("test", True, 1),
        ("train", False, 2),
        ("train", True, 2),
    ]


def test_a_pair_that_was_not_best_does_not_count_in_the_balance(make_pairs: MakePairs) -> None:
    """p's best pair is longer, q's shorter; p's dropped shorter pair neither counts nor returns."""
    pairs = make_pairs(
        {"prompt_id": "p", "length_gap": 3, "margin": 2.0},
        {"prompt_id": "p", "length_gap": -3, "margin": 1.0},
        {"prompt_id": "q", "length_gap": -3, "margin": 1.0},
    )
    assert reasons(pairs) == [None, "not_best_against_worst", None]


def test_the_balance_can_be_left_out(make_pairs: MakePairs) -> None:
    """With balance_length false every best pair stays."""
    assert reasons(make_pairs({"length_gap": 1}, {"length_gap": 2}), AS_IS) == [None, None]


def test_nothing_clear_means_nothing_chosen(make_pairs: MakePairs) -> None:
    """An empty table is not an error."""
    assert reasons(make_pairs()) == []


@pytest.mark.parametrize(
    ("gaps", "share"), [([3, 1, -2, 0], 2 / 3), ([0], None), ([], None), ([-1], 0.0)]
)
def test_share_longer(gaps: list[int], share: float | None, make_pairs: MakePairs) -> None:
    """Of pairs of unequal length, how many have the longer answer chosen."""
    assert share_longer(make_pairs(*({"length_gap": gap} for gap in gaps))) == share
