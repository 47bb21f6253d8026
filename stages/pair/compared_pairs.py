"""Evidence of comparisons on each two answers: odds, votes, contradictions and cycles."""

import numpy as np
import polars as pl

from rather.stages.calibrate.rating_evidence import Evidence, log_odds_of_comparisons
from rather.stages.pair.couples import Couples, row_numbers
from rather.stages.pair.cycles import back_arcs

SMALLEST_CYCLE = 3
SAME = ("group", "low", "high", "aspect")
NOTHING = pl.DataFrame(
    schema={
        "first": pl.Int64,
        "second": pl.Int64,
        "log_odds": pl.Float64,
        "contradicted": pl.Boolean,
        "decided": pl.Boolean,
        "lead": pl.Int64,
        "prompt": pl.UInt32,
        "back_arc": pl.Boolean,
    }
)
DECIMALS = 9  # odds of ties are even but for the last digits, which must not lean either way


def compared(
    comparisons: pl.DataFrame,
    features: pl.DataFrame,
    raters: pl.DataFrame,
    answers: pl.DataFrame,
    evidence: Evidence,
    opposite: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return one row for every two answers that were compared.

    first, second: rows of `answers`, the smaller first;  prompt: as there
    log_odds, lead: for the first: log-odds, null where raters' reliability is unknown, and its
                    votes less the second's
    contradicted, back_arc: as in pairs
    opposite:       low_id and high_id of contradicted pairs; without, they are sought here
    """
    if comparisons.is_empty():  # as in most sources of ratings, in every bucket
        return NOTHING
    marked = contradictions(comparisons, features) if opposite is None else opposite
    pairs = log_odds_of_comparisons(comparisons, features, raters, evidence).join(
        marked.with_columns(contradicted=True), on=["low_id", "high_id"], how="left"
    )
    numbered = (
        pairs.select(
            pl.Series("first", row_numbers(answers, pairs["low_id"])),
            pl.Series("second", row_numbers(answers, pairs["high_id"])),
            pl.col("log_odds").round(DECIMALS),
            pl.col("contradicted").fill_null(False),
            decided=pl.col("num_low") + pl.col("num_high") > 0,
            lead=pl.col("num_low") - pl.col("num_high"),
        )
        .drop_nulls(["first", "second"])
        .sort("first", "second")
    )
    first, second = (answers["prompt"].gather(numbered[end]) for end in ("first", "second"))
    return _with_back_arcs(numbered.with_columns(prompt=first).filter(first == second))


def _with_back_arcs(pairs: pl.DataFrame) -> pl.DataFrame:
    """Mark the weakest parts of cycles; null where a prompt has too few compared answers for one.

    Arcs weigh as much as their log-odds, or as their lead in votes where a prompt lacks some odds;
    where all call two answers equal there is none.
    """
    known = pl.col("log_odds").is_not_null().all().over("prompt")
    strength = pl.when(known).then(pl.col("log_odds")).otherwise(pl.col("lead"))
    decided = pairs.select(pl.when("decided").then(strength).otherwise(0.0)).to_series().to_numpy()
    arcs = np.flatnonzero(decided)
    first, second = (pairs[end].to_numpy()[arcs] for end in ("first", "second"))
    ahead = decided[arcs] > 0
    winner, loser = np.where(ahead, first, second), np.where(ahead, second, first)
    back = np.zeros(pairs.height, dtype=bool)
    back[arcs] = back_arcs(winner, loser, np.abs(decided[arcs]))
    return pairs.with_columns(back_arc=pl.when(_enough(pairs)).then(pl.Series(back)))


def _enough(pairs: pl.DataFrame) -> pl.Series:
    """Return for each row whether its prompt has enough compared answers for a cycle."""
    of_prompt = pl.concat(
        [pairs.select("prompt", answer=end) for end in ("first", "second")]
    ).unique()["prompt"]
    counts = np.bincount(of_prompt.to_numpy(), minlength=1)
    return pl.Series(counts[pairs["prompt"].to_numpy()] >= SMALLEST_CYCLE)


def on_couples(pairs: pl.DataFrame, couples: Couples) -> pl.DataFrame:
    """Return the evidence of comparisons on each couple, null without a comparison."""
    place = couples.find(pairs["first"].to_numpy(), pairs["second"].to_numpy())
    facts = pairs.select("log_odds", "lead", "contradicted", "back_arc", couple=pl.Series(place))
    rows = pl.DataFrame({"couple": pl.int_range(len(couples), eager=True)})
    return rows.join(facts, on="couple", how="left", maintain_order="left").drop("couple")


def contradictions(
    comparisons: pl.DataFrame, features: pl.DataFrame, clusters: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the contradicted pairs: low_id and high_id, the smaller and the larger response id.

    A pair is contradicted if its two answers were compared more than once, on one aspect, with
    opposite outcomes, by any raters and in any order. Answers with an equal features.key are the
    same. `clusters` (prompt_id, cluster) extends the search to prompts that nearly repeat.
    """
    votes = _by_text(comparisons, features).with_columns(group="prompt_id")
    if clusters is not None:
        votes = votes.drop("group").join(
            clusters.select("prompt_id", group="cluster"), on="prompt_id"
        )
    low, high = (
        votes.filter(side).select(SAME) for side in (pl.col("vote") > 0, pl.col("vote") < 0)
    )
    both = low.join(high, on=SAME, how="semi").unique()
    return (
        votes.join(both, on=SAME, how="semi")
        .select(
            low_id=pl.min_horizontal("first_id", "second_id"),
            high_id=pl.max_horizontal("first_id", "second_id"),
        )
        .unique()
        .sort("low_id", "high_id")
    )


def _by_text(comparisons: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    """Return each preference as a vote for the text with the smaller key: `low` or `high`."""
    keys = features.select("response_id", "key")
    side = pl.when(pl.col("first_key") < pl.col("second_key")).then(1.0).otherwise(-1.0)
    return (
        comparisons.filter(pl.col("preference").is_not_null())
        .select("prompt_id", "first_id", "second_id", "aspect", "preference")
        .join(keys.rename({"response_id": "first_id", "key": "first_key"}), on="first_id")
        .join(keys.rename({"response_id": "second_id", "key": "second_key"}), on="second_id")
        .filter(pl.col("first_key") != pl.col("second_key"))
        .with_columns(
            low=pl.min_horizontal("first_key", "second_key"),
            high=pl.max_horizontal("first_key", "second_key"),
            vote=pl.col("preference") * side,
        )
    )
