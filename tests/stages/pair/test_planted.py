"""Defects planted in a clean world are found, and nothing else is.

tests.worlds.clean, seed 0, 2,000 prompts of 4 answers, all 6 pairs of each judged by 3 raters. A
pair is found by its evidence; a cycle by the prompt in which a back-arc lies, for any of its three
equally strong parts may be the one to give up.
"""

from collections.abc import Callable

import polars as pl
import pytest

from rather.schemas.evidence import Raters, Scores
from rather.stages.common.ids import digests
from rather.stages.pair.pair import pair
from rather.stages.pair.pair_evidence import Findings
from rather.stages.text.normalise import normalised
from rather.stages.winnow.winnow import DEFAULT_RULES, not_applicable, winnow
from tests.worlds import World, clean

NUM_PROMPTS = 2000
EVIDENCE = {
    "duplicate": pl.col("similarity") >= 0.95,
    "tie": pl.col("agreement") == 0.5,
    "contradiction": pl.col("contradicted"),
    "cycle": pl.col("back_arc"),
}
Names = set[tuple[str, ...]]


def known(reliability: float) -> pl.DataFrame:
    """Make the three raters of this reliability."""
    rows = [
        {"rater": name, "kind": "compare", "reliability": reliability}
        for name in ("ann", "bob", "cyd")
    ]
    return pl.DataFrame(rows, schema=Raters.create_empty().schema)


def paired(world: World, raters: pl.DataFrame) -> pl.DataFrame:
    """Pair a world's answers."""
    texts = world.texts.with_columns(key=normalised(world.texts["text"]))
    features = world.features.join(texts, on="response_id").with_columns(
        key=digests(pl.col("key")),
        cut_key=digests(pl.col("key")),
        blank=pl.lit(False),
        unfinished=pl.lit(False),
        script=pl.lit("Latin"),
    )
    return pair(
        features.select("prompt_id", split=pl.lit("train")).unique(),
        features,
        Scores.create_empty(),
        world.ratings,
        world.comparisons,
        raters,
        seed=0,
        findings=Findings(texts=world.texts),
    )


@pytest.fixture(scope="module", params=["known", "unknown"])
def world_and_pairs(request: pytest.FixtureRequest) -> tuple[World, pl.DataFrame]:
    """Each defect in 5% of the prompts; with and without odds to weigh comparisons by."""
    world = clean(NUM_PROMPTS, planted=0.05, texts=True)
    raters = known(0.95) if request.param == "known" else Raters.create_empty()
    return world, paired(world, raters)


def pair_names(rows: pl.DataFrame) -> Names:
    """Name pairs by their two answers."""
    return {tuple(sorted(ids)) for ids in rows.select("chosen_id", "rejected_id").iter_rows()}


def prompt_names(rows: pl.DataFrame) -> Names:
    """Name the prompts in which rows lie."""
    return set(rows.select("prompt_id").iter_rows())


@pytest.mark.parametrize("defect", EVIDENCE)
def test_planted_defects_are_found(
    world_and_pairs: tuple[World, pl.DataFrame], defect: str
) -> None:
    """Recall and precision are .95 at least."""
    world, pairs = world_and_pairs
    planted = world.defects.filter(defect=defect)
    names: Callable[[pl.DataFrame], Names] = prompt_names if defect == "cycle" else pair_names
    two = pl.col("response_ids").list
    truth = names(planted.with_columns(chosen_id=two.get(0), rejected_id=two.get(1)))
    found = names(pairs.filter(EVIDENCE[defect]))
    assert len(truth) == NUM_PROMPTS * 0.05
    assert len(found & truth) >= 0.95 * len(truth)
    assert len(found & truth) >= 0.95 * len(found)


def test_winnow_drops_the_defects(world_and_pairs: tuple[World, pl.DataFrame]) -> None:
    """By default at most one pair of each of the 400 flawed prompts goes, of 12,000 pairs.

    A contradicted pair stays where the other two raters' odds settle it.
    """
    _, pairs = world_and_pairs
    judged = winnow(pairs, DEFAULT_RULES, not_applicable(pairs, DEFAULT_RULES))
    dropped = judged.filter(pl.col("reason").is_not_null())
    assert 300 <= dropped.height <= 400
    assert dropped["prompt_id"].is_unique().all()
    assert set(dropped["reason"]) == {"distinct", "agreement", "consistent"}


def test_nothing_of_a_clean_world_is_lost() -> None:
    """Without defects .98 of the pairs at least are kept by the default rules."""
    pairs = paired(clean(NUM_PROMPTS, texts=True), known(0.95))
    idle = not_applicable(pairs, DEFAULT_RULES)
    kept = winnow(pairs, DEFAULT_RULES, idle).filter(pl.col("reason").is_null())
    assert idle == ["margin"]
    assert kept.height >= 0.98 * pairs.height
