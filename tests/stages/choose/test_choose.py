"""Picking pairs so that length does not give the label away."""

from collections.abc import Callable
from queue import Empty, Queue
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from rather.stages.choose import programme
from rather.stages.choose.choose import Options, choose, columns, prepare
from rather.stages.text.length import share_longer

MakePairs = Callable[..., pl.DataFrame]
AS_IS, DROP = Options(balance="none"), Options(balance="drop")


def reasons(pairs: pl.DataFrame, options: Options = AS_IS) -> list[str | None]:
    """Give each pair's reason, in the order of pair ids."""
    return choose(pairs, options).sort("pair_id")["reason"].to_list()


def kept(pairs: pl.DataFrame, **options: Any) -> pl.DataFrame:
    """Give the chosen pairs."""
    return choose(pairs, Options(**options)).filter(pl.col("reason").is_null())


def gaps(*values: int, **row: Any) -> list[dict[str, Any]]:
    """Make rows of these length gaps."""
    return [{"length_gap": value, **row} for value in values]


def test_best_against_worst_is_the_largest_margin(make_pairs: MakePairs) -> None:
    """Of a prompt's pairs with margins 1, 3 and 2 the second is kept."""
    rows = [{"prompt_id": "p", "margin": margin} for margin in (1.0, 3.0, 2.0)]
    assert reasons(make_pairs(*rows)) == ["not_best", None, "not_best"]


def test_without_margins_the_surest_pair_is_the_best(make_pairs: MakePairs) -> None:
    """p_correct of 0.6, 0.9 and 1: certainty is finite too."""
    rows = [{"prompt_id": "p", "margin": None, "p_correct": sure} for sure in (0.6, 0.9, 1.0)]
    assert reasons(make_pairs(*rows)) == ["not_best", "not_best", None]


def test_each_prompt_keeps_one_pair(make_pairs: MakePairs) -> None:
    """A prompt's small margin does not compete with another prompt's large one."""
    rows = [{"prompt_id": "p", "margin": 9.0}, {"prompt_id": "q", "margin": -1.0}]
    assert reasons(make_pairs(*rows)) == [None, None]


@pytest.mark.parametrize("margin", [1.0, None])
def test_of_equal_pairs_the_first_pair_id_is_kept(
    margin: float | None, make_pairs: MakePairs
) -> None:
    """Whatever the order of rows, so that the choice repeats."""
    pairs = make_pairs(*[{"prompt_id": "p", "margin": margin}] * 2)
    for rows in (pairs, pairs.reverse()):
        assert reasons(rows) == [None, "not_best"]
        assert choose(rows, AS_IS)["pair_id"].equals(rows["pair_id"])


def test_best_random_keeps_the_best_answer(make_pairs: MakePairs) -> None:
    """The chosen answer scores 3, 3, 2: against whom, only the seed tells; never the third."""
    rows = [
        {"prompt_id": "p", "chosen_id": str(score), "chosen_score": score}
        for score in (3.0, 3.0, 2.0)
    ]
    pairs, options = make_pairs(*rows), Options(strategy="best_random", balance="none")
    picks = [choose(pairs, options, seed)["reason"].is_null().arg_true()[0] for seed in range(20)]
    assert set(picks) == {0, 1}
    assert choose(pairs, options, 3).equals(choose(pairs, options, 3))


def test_best_random_without_scores_keeps_who_is_preferred_most(make_pairs: MakePairs) -> None:
    """a is preferred twice and b once."""
    rows = [{"prompt_id": "p", "chosen_id": name} for name in ("a", "b", "a")]
    assert reasons(make_pairs(*rows), Options(strategy="best_random", balance="none"))[1]


def test_best_nearest_avoids_the_very_worst(make_pairs: MakePairs) -> None:
    """Scores 4, 0, -1 and -9: mean -1.5, sd 4.72, so the aim is -10.9 and -9 is the nearest.

    With -30 in place of -9: mean -6.75, sd 13.5, aim -33.8; with eight more 0s: mean -2.3, sd 8.4,
    aim -19, and -30 is 11 away, -1 is 18.
    """
    scores = {"a": 4.0, "b": 0.0, "c": -1.0, "d": -9.0}
    rows = [
        {
            "prompt_id": "p",
            "chosen_id": "a",
            "rejected_id": name,
            "chosen_score": 4.0,
            "rejected_score": scores[name],
            "margin": 4.0 - scores[name],
        }
        for name in "bcd"
    ]
    assert reasons(make_pairs(*rows), Options(strategy="best_nearest", balance="none")) == [
        "not_best",
        "not_best",
        None,
    ]


def test_best_nearest_of_many_answers_is_not_the_worst(make_pairs: MakePairs) -> None:
    """Scores 1 (best), 0 x 20, -1 and -4: mean -0.17, sd 0.9, aim -1.97: -1 is nearer than -4."""
    rejected = [0.0] * 20 + [-1.0, -4.0]
    rows = [
        {
            "pair_id": f"{number:02d}",
            "prompt_id": "p",
            "chosen_id": "best",
            "rejected_id": str(number),
            "chosen_score": 1.0,
            "rejected_score": score,
        }
        for number, score in enumerate(rejected)
    ]
    assert kept(make_pairs(*rows), strategy="best_nearest", balance="none")[
        "pair_id"
    ].to_list() == ["20"]


def test_all_keeps_every_pair_and_shares_the_prompt_s_weight(make_pairs: MakePairs) -> None:
    """Three pairs of p weigh a third each, q's only pair 1: prompts count alike."""
    rows = [{"prompt_id": name} for name in "pppq"]
    found = kept(make_pairs(*rows), strategy="all", balance="none")
    assert found["weight"].to_list() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1.0])


def test_all_is_capped_per_prompt(make_pairs: MakePairs) -> None:
    """Of margins 1, 3 and 2 the two best are kept, half a weight each."""
    rows = [{"prompt_id": "p", "margin": margin} for margin in (1.0, 3.0, 2.0)]
    found = kept(make_pairs(*rows), strategy="all", per_prompt=2, balance="none")
    assert sorted(found["margin"]) == [2.0, 3.0]
    assert found["weight"].to_list() == [0.5, 0.5]


def test_a_dropped_pair_has_no_weight(make_pairs: MakePairs) -> None:
    """Null beside its reason."""
    found = choose(make_pairs({"prompt_id": "p"}, {"prompt_id": "p"}), AS_IS)
    assert found["weight"].to_list() == [1.0, None]


def test_another_pair_of_the_prompt_is_taken_rather_than_none(make_pairs: MakePairs) -> None:
    """40 prompts whose best pair is longer, each with a shorter one too: none is lost."""
    rows = [
        {"prompt_id": f"{prompt:02d}", "length_gap": gap, "margin": margin}
        for prompt in range(40)
        for gap, margin in ((5, 2.0 + prompt / 100), (-5, 1.0))
    ]
    found = kept(make_pairs(*rows))
    assert found["prompt_id"].n_unique() == found.height == 40
    share = share_longer(found)
    assert share is not None
    assert abs(share - 0.5) <= 0.02


def test_what_length_displaces_says_so(make_pairs: MakePairs) -> None:
    """A best pair that gives way is dropped for length_balance; others were not the best."""
    rows = [
        {"prompt_id": f"{prompt:02d}", "length_gap": gap, "margin": margin}
        for prompt in range(40)
        for gap, margin in ((5, 3.0), (-5, 2.0), (4, 1.0))
    ]
    picked = choose(make_pairs(*rows), Options())
    by_margin = {
        margin: set(picked.filter(pl.col("margin") == margin)["reason"]) for margin in (1, 2, 3)
    }
    assert by_margin == {1: {"not_best"}, 2: {None, "not_best"}, 3: {None, "length_balance"}}


def test_dropping_never_takes_another_pair(make_pairs: MakePairs) -> None:
    """p's best pair is longer; its shorter pair does not return to even the lengths."""
    rows = [
        {"prompt_id": f"{prompt:02d}", "length_gap": gap, "margin": margin}
        for prompt in range(30)
        for gap, margin in ((5, 2.0), (-5, 1.0))
    ]
    picked = choose(make_pairs(*rows, *gaps(*[-5] * 20)), DROP)
    assert picked.filter(pl.col("reason").is_null(), pl.col("margin") == 1.0).height == 20
    assert set(picked.filter(pl.col("prompt_id").is_in(["00"]))["reason"]) <= {
        None,
        "length_balance",
        "not_best",
    }


def test_the_smallest_margins_of_the_commoner_side_are_dropped(make_pairs: MakePairs) -> None:
    """60 longer against 40 shorter: 40 / (1/2 - .02) = 83 stay, 43 of the 60, the widest ones."""
    longer = [{"length_gap": 5, "margin": 1.0 + number / 10} for number in range(60)]
    found = kept(make_pairs(*longer, *gaps(*[-5] * 40, margin=5.0)), balance="drop")
    assert found.filter(pl.col("length_gap") < 0).height == 40
    margins = found.filter(pl.col("length_gap") > 0)["margin"]
    assert (margins.len(), margins.min()) == (43, 1.0 + (60 - 43) / 10)


def test_lengths_are_even_by_how_unequal_they_are_too(make_pairs: MakePairs) -> None:
    """50 longer by 90 and 50 shorter by 10 are as many, yet length tells: some are dropped."""
    found = kept(make_pairs(*gaps(*[90] * 50, *[-10] * 50)), keep_at_least=0)
    assert found.height < 100


def test_pairs_of_equal_length_stay(make_pairs: MakePairs) -> None:
    """They are on neither side, whatever their margin."""
    pairs = make_pairs({"length_gap": 0, "margin": 0.1}, {"length_gap": 4}, {"length_gap": -4})
    assert reasons(pairs, Options()) == [None, None, None]


def test_each_split_is_balanced_by_itself(make_pairs: MakePairs) -> None:
    """30 longer in train and 30 shorter in test do not make up for one another."""
    train = gaps(*[5] * 40, *[-5] * 30, split="train")
    test = gaps(*[-5] * 40, *[5] * 30, split="test")
    found = kept(make_pairs(*train, *test))
    for split in ("train", "test"):
        share = share_longer(found.filter(pl.col("split") == split))
        assert share is not None
        assert abs(share - 0.5) <= 0.02


def test_a_declared_effect_of_length_is_the_target(make_pairs: MakePairs) -> None:
    """Where trusted pairs say that 70% of the better answers are longer, 70 of 100 are even."""
    pairs = make_pairs(*gaps(*[5] * 70, *[-5] * 30))
    assert kept(pairs, length_target=0.7).height == 100


def test_an_odd_pair_is_no_imbalance(make_pairs: MakePairs) -> None:
    """Two longer and one shorter: three pairs cannot be nearer to even."""
    assert reasons(make_pairs(*gaps(5, 5, -5)), Options()) == [None] * 3


def test_balance_leaves_half_the_pairs_at_least(make_pairs: MakePairs) -> None:
    """100 longer and 4 shorter: even lengths would leave 8, so the tolerance grows instead."""
    pairs = make_pairs(*gaps(*[5] * 100, *[-5] * 4))
    assert 52 <= kept(pairs).height <= 54
    assert kept(pairs, keep_at_least=0).height == 8


@pytest.mark.parametrize("gap", [0, 5])
def test_a_single_pair_is_kept(gap: int, make_pairs: MakePairs) -> None:
    """There is nothing to balance it with."""
    assert reasons(make_pairs({"length_gap": gap}), Options()) == [None]


@pytest.mark.parametrize("options", [AS_IS, DROP, Options(), Options(even_margin=True)])
def test_nothing_clear_means_nothing_chosen(options: Options, make_pairs: MakePairs) -> None:
    """An empty table is not an error."""
    assert reasons(make_pairs(), options) == []


@pytest.mark.parametrize("strategy", ["best_worst", "best_random", "best_nearest", "all"])
@pytest.mark.parametrize("balance", ["none", "drop", "optimal"])
def test_no_evidence_at_all_still_chooses(
    strategy: Any, balance: Any, make_pairs: MakePairs
) -> None:
    """Neither margin nor probability nor scores, as where one person compared: all stay."""
    rows = gaps(*[5, -5] * 10, margin=None, agreement=None)
    options = Options(strategy=strategy, balance=balance)
    assert reasons(make_pairs(*rows), options) == [None] * 20


def test_numbers_that_ids_spell_do_as_well(make_pairs: MakePairs) -> None:
    """A narrow table of whole numbers in place of texts gives the same choice."""
    rows = [
        {
            "pair_id": f"{(number * 7919) % 997:016x}",
            "prompt_id": f"{number // 3:016x}",
            "length_gap": (number * 31) % 17 - 6,
            "margin": (number * 13) % 11 / 4,
        }
        for number in range(300)
    ]
    pairs = make_pairs(*rows)
    numbers = pairs.select(columns(Options())).with_columns(
        pl.col("pair_id", "prompt_id").str.to_integer(base=16, dtype=pl.UInt64)
    )
    assert choose(numbers, Options())["reason"].equals(choose(pairs, Options())["reason"])


def test_the_choice_does_not_hang_on_the_order_of_rows() -> None:
    """Shuffled rows give the same chosen pairs."""
    pairs = world(2_000)
    shuffled = pairs.sample(fraction=1, shuffle=True, seed=1)
    assert kept(pairs).sort("pair_id").equals(kept(shuffled).sort("pair_id"))


def test_the_solver_is_loaded_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """While pairs are read; not where nothing is balanced."""
    asked: Queue[str] = Queue()
    monkeypatch.setattr(programme, "import_module", asked.put)
    prepare(Options())
    assert asked.get(timeout=10) == "scipy.optimize"
    prepare(AS_IS)
    with pytest.raises(Empty):
        asked.get(timeout=0.1)


def test_rows_out_of_order_share_weights_by_prompt() -> None:
    """p's two pairs stand apart and at the wrong places: half each, q's pair 1."""
    rows = {"pair_id": ["c", "a", "b"], "prompt_id": ["p", "q", "p"], "split": "train"}
    pairs = pl.DataFrame(rows).with_columns(margin=1.0, p_correct=1.0, length_gap=1)
    picked = choose(pairs, Options(strategy="all", balance="none"))
    assert picked["weight"].to_list() == [0.5, 1.0, 0.5]


@pytest.mark.parametrize("wrong", [{"per_prompt": 0}, {"tolerance": 0}, {"strategy": "worst"}])
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    """With the name of the option."""
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Options(**wrong)


def world(num_prompts: int, num_responses: int = 4, seed: int = 0) -> pl.DataFrame:
    """Plant a world where raters favour length, which quality has nothing to do with.

    Four responses a prompt; score = quality + 0.5 sd of log length + noise of 0.4 sd, scaled to
    unit sd; every pair with a margin of 0.5 sd at least. `right`: chosen is the truly better one.
    """
    random = np.random.default_rng(seed)
    shape = (num_prompts, num_responses)
    quality, log_length = random.normal(size=shape), random.normal(size=shape)
    scores = quality + 0.5 * log_length + 0.4 * random.normal(size=shape)
    scores /= scores.std()
    tokens = np.exp(5 + 0.6 * log_length).astype(int)
    low, high = np.triu_indices(num_responses, 1)
    sign = np.sign(scores[:, low] - scores[:, high])
    between = {
        "margin": scores[:, low] - scores[:, high],
        "length_gap": tokens[:, low] - tokens[:, high],
        "right": quality[:, low] - quality[:, high],
    }
    columns = {name: (value * sign).ravel() for name, value in between.items()}
    ids = [f"{number:016x}" for number in random.permutation(len(low) * num_prompts)]
    return (
        pl.DataFrame(columns)
        .with_columns(
            pl.col("length_gap").cast(pl.Int64),
            right=pl.col("right") > 0,
            pair_id=pl.Series(ids),
            prompt_id=pl.Series([f"{n:016x}" for n in np.repeat(range(num_prompts), len(low))]),
            split=pl.lit("train"),
            p_correct=pl.lit(None, pl.Float64),
        )
        .filter(pl.col("margin") >= 0.5)
    )


@pytest.mark.parametrize("target", [0.5, 0.6])
def test_a_planted_world_keeps_its_prompts_at_even_lengths(target: float) -> None:
    """Of 20,000 prompts 90% and more at a share within .02, where dropping keeps under 60%.

    And labels are better for it: raters favour length that is worth nothing.
    """
    pairs = world(20_000)
    best, found = kept(pairs, balance="none"), kept(pairs, length_target=target)
    share, biased = share_longer(found), share_longer(best)
    assert share is not None
    assert biased is not None
    assert biased > 0.7
    assert abs(share - target) <= 0.02
    assert found["prompt_id"].n_unique() >= 0.9 * pairs["prompt_id"].n_unique()
    assert found["right"].mean() > best["right"].mean()  # type: ignore[operator]


def test_a_small_file_does_not_collapse() -> None:
    """Of 57 prompts, as many as a small benchmark has, 95% and more are kept."""
    pairs = world(57)
    found = kept(pairs)
    share = share_longer(found)
    assert share is not None
    assert abs(share - 0.5) <= 0.02
    assert found["prompt_id"].n_unique() >= 0.95 * pairs["prompt_id"].n_unique()


def test_margin_and_length_can_be_uncorrelated() -> None:
    """The widest margins still go with length after balance, unless that is asked too."""
    pairs = world(2_000)
    plain, even = (
        kept(pairs, even_margin=asked).select(pl.corr("margin", "length_gap")).item()
        for asked in (False, True)
    )
    assert plain > 0.3
    assert abs(even) < 0.1
