"""Worlds of known truth through the pipeline's own tables and stages, from measure to choose.

tests/worlds.py, seed 0, 20,000 prompts of 4 answers, params at their defaults but for what a test
names. In the noisy worlds 3 to 5 of ten raters judge each prompt, an adversary and four who favour
length among them; length is worth nothing, or half a standard deviation of quality for each of
its own. An adjudicator who is always right judges 100 pairs, drawn evenly. Figures are printed:
`pytest -s` shows them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import pytest

from rather.run import Run
from rather.stages.calibrate.trusted import expected_calibration_error
from rather.stages.text.length import share_longer
from tests.story.planted import curated
from tests.worlds import World, clean, crowd

pytestmark = pytest.mark.slow

NUM_PROMPTS = 20_000
NUM_TRUSTED = 100
PLANTED = 0.05
# Odds that nobody reaches: a contradicted pair fails whatever the other two raters say.
STRICT = {
    "complete": {},
    "distinct": {},
    "agreement": {"at_least": 0.7},
    "consistent": {"odds": 1e9},
}
FOUND = {
    "duplicate": pl.col("reason") == "distinct",
    "tie": pl.col("reason") == "agreement",
    "contradiction": (pl.col("reason") == "consistent") & pl.col("contradicted"),
    "cycle": (pl.col("reason") == "consistent") & pl.col("back_arc"),
}
Names = set[tuple[str, ...]]


@dataclass(frozen=True)
class Curated:
    """A world, and the run of the stages on it."""

    world: World
    run: Run

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """Give all pairs, and whether each is right: its chosen answer is truly better."""
        return self.judged(self.run.read("pair/pairs"))

    def judged(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Add whether the chosen answer is truly better."""
        gold = self.world.gold.select("response_id", "quality")
        for side in ("chosen", "rejected"):
            named = gold.rename({"response_id": f"{side}_id", "quality": f"{side}_quality"})
            pairs = pairs.join(named, on=f"{side}_id", maintain_order="left")
        return pairs.with_columns(right=pl.col("chosen_quality") > pl.col("rejected_quality"))

    def majority(self, num_pairs: int) -> float:
        """Give the accuracy of the majority's label on so many pairs, those it is surest of.

        Sure is who has the larger share of the raters; of equal shares the smaller id comes first.
        A split majority is right half of the time.
        """
        lead = (2 * pl.col("agreement") - 1).alias("lead")
        right = (
            pl.when(lead == 0).then(0.5).otherwise((pl.col("right") == (lead > 0)).cast(pl.Float64))
        )
        surest = self.pairs.select("pair_id", lead.abs(), right=right)
        first = surest.sort("lead", "pair_id", descending=[True, False]).head(num_pairs)
        return float(first["right"].to_numpy().mean())


@pytest.fixture(
    scope="module",
    params=[(kind, worth) for kind in ("scores", "comparisons") for worth in (0.0, 0.5)],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def noisy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Curated:
    """Ten raters, one kind of judgement, one worth of length."""
    kind, worth = request.param
    world = crowd(NUM_PROMPTS, kind=kind, true_length=worth)
    root = tmp_path_factory.mktemp("noisy")
    return Curated(world, curated(world, root, {}, num_trusted=NUM_TRUSTED))


def test_reliabilities_are_recovered(noisy: Curated) -> None:
    """Reliability in the table of raters and planted accuracy correlate at .9 or more.

    The adversary, right in .20 of the pairs, has the least reliability of all, below a half.
    """
    both = noisy.run.read("calibrate/raters").join(noisy.world.raters, on="rater")
    found = np.corrcoef(both["reliability"], both["accuracy"])[0, 1]
    worst = both.sort("reliability").row(0, named=True)
    print(f"correlation {found:.4f}, adversary {worst['reliability']:.3f}")
    assert both.height == 10
    assert found >= 0.9
    assert (worst["accuracy"], worst["reliability"] < 0.5) == (0.2, True)


def test_kept_pairs_beat_the_majority(noisy: Curated) -> None:
    """Pairs that winnow keeps are right at least .03 more often than as many by majority."""
    kept = noisy.judged(noisy.run.pairs("winnow/clear"))
    ours, theirs = float(kept["right"].to_numpy().mean()), noisy.majority(kept.height)
    print(f"{kept.height} of {noisy.pairs.height} pairs: {ours:.4f}, majority {theirs:.4f}")
    assert kept.height >= 0.25 * noisy.pairs.height
    assert ours >= theirs + 0.03


def test_p_correct_is_calibrated(noisy: Curated) -> None:
    """Over all pairs, in ten bins of equal count, p_correct is within .05 of the share right."""
    stated = noisy.pairs["p_correct"].to_numpy()
    right = noisy.pairs["right"].to_numpy().astype(np.float64)
    found = expected_calibration_error(stated, right)
    print(f"expected calibration error {found:.4f}, all pairs right {right.mean():.4f}")
    assert found <= 0.05


def test_lengths_are_balanced_and_prompts_kept(noisy: Curated) -> None:
    """Of prompts with a clear pair .9 keep one, at a share of longer ones within .02 of one half.

    There was something to balance: among clear pairs, which filters made of raters' liking or of
    what length is worth, the share is beyond .02.
    """
    clear, chosen = (noisy.run.pairs(table) for table in ("winnow/clear", "choose/chosen"))
    before, after = share_longer(clear), share_longer(chosen)
    num_prompts = [frame["prompt_id"].n_unique() for frame in (clear, chosen)]
    print(
        f"longer: all {share_longer(noisy.pairs):.4f}, clear {before:.4f}, chosen {after:.4f}; "
        f"prompts: all {NUM_PROMPTS}, clear {num_prompts[0]}, chosen {num_prompts[1]}"
    )
    assert before is not None
    assert abs(before - 0.5) > 0.02
    assert after == pytest.approx(0.5, abs=0.02)
    assert num_prompts[1] >= 0.9 * num_prompts[0]


@pytest.fixture(scope="module")
def flawed(tmp_path_factory: pytest.TempPathFactory) -> Curated:
    """A world without noise, and each defect in 5% of its prompts."""
    world = clean(NUM_PROMPTS, planted=PLANTED, texts=True)
    root = tmp_path_factory.mktemp("flawed")
    return Curated(world, curated(world, root, {"winnow": {"rules": STRICT}}))


def pair_names(rows: pl.DataFrame) -> Names:
    """Name pairs by their two answers."""
    return {tuple(sorted(ids)) for ids in rows.select("chosen_id", "rejected_id").iter_rows()}


def prompt_names(rows: pl.DataFrame) -> Names:
    """Name the prompts in which rows lie."""
    return set(rows.select("prompt_id").iter_rows())


@pytest.mark.parametrize("defect", FOUND)
def test_defects_are_dropped_for_their_reason(flawed: Curated, defect: str) -> None:
    """By winnow's reason, each with recall and precision of .95 or more.

    A cycle goes by its prompt, for any of its equally strong parts may be the one to give up.
    """
    names: Callable[[pl.DataFrame], Names] = prompt_names if defect == "cycle" else pair_names
    two = pl.col("response_ids").list
    planted = flawed.world.defects.filter(defect=defect)
    truth = names(planted.with_columns(chosen_id=two.get(0), rejected_id=two.get(1)))
    reasons = flawed.run.read("winnow/dropped").select("pair_id", "reason")
    dropped = flawed.run.pairs("winnow/dropped").join(reasons, on="pair_id")
    found = names(dropped.filter(FOUND[defect]))
    recall, precision = len(found & truth) / len(truth), len(found & truth) / len(found)
    print(f"{defect}: {len(truth)} planted, recall {recall:.4f}, precision {precision:.4f}")
    assert len(truth) == PLANTED * NUM_PROMPTS
    assert recall >= 0.95
    assert precision >= 0.95


def test_what_is_sound_stays_among_defects(flawed: Curated) -> None:
    """Of the prompts without a defect winnow drops nothing."""
    dropped = flawed.run.read("winnow/dropped")
    assert prompt_names(dropped) <= prompt_names(flawed.world.defects)


def test_nothing_of_a_clean_world_is_lost(tmp_path_factory: pytest.TempPathFactory) -> None:
    """By the default rules .98 of the pairs are kept, and .98 of the prompts after the choice."""
    world = clean(NUM_PROMPTS, texts=True)
    run = curated(world, tmp_path_factory.mktemp("clean"), {})
    pairs = run.read("pair/pairs")
    kept = run.read("winnow/clear").height / pairs.height
    prompts = run.read("choose/chosen")["prompt_id"].n_unique() / NUM_PROMPTS
    print(f"pairs kept {kept:.4f}, prompts kept {prompts:.4f}")
    assert pairs.height == 6 * NUM_PROMPTS
    assert kept >= 0.98
    assert prompts >= 0.98
