"""Each rater against the others: how often they agree, and what who says where others say what.

A rater never stands on both sides: the others are all who judged the same, the rater left out.
Everything is counted, so that the counts of several buckets add up.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from rather.stages.agreement.alpha import sums as sums_of
from rather.stages.agreement.intervals import jackknife
from rather.stages.agreement.levels import Kind, usual_level
from rather.stages.agreement.units import units
from rather.stages.audit import estimates
from rather.stages.calibrate.ratings_per_item import comparisons_as_judged, ratings_as_judged
from rather.stages.common.ids import pair_ids
from rather.stages.pair.rater_votes import DECIMALS

WHO = ["rater", "kind"]
CELL = [*WHO, "value", "others"]
MOST_LABELS = 12
COMPARED = {-1.0: "second", 0.0: "tie", 1.0: "first"}


def signs(pairs: pl.DataFrame, ratings: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Return pair_id, prompt_id, rater, kind, and a sign above zero for a vote for chosen."""
    given = ratings_as_judged(ratings).drop_nulls("score").select("response_id", "rater", "score")
    scored = (
        pairs.select("pair_id", "prompt_id", "rejected_id", response_id="chosen_id")
        .join(given, on="response_id")
        .join(given.rename({"response_id": "rejected_id"}), on=["rejected_id", "rater"])
        .with_columns(gap=pl.col("score") - pl.col("score_right"), kind=pl.lit("score"))
    )
    voted = comparisons_as_judged(comparisons).drop_nulls("preference")
    named = voted.with_columns(pair_id=pair_ids(pl.col("first_id"), pl.col("second_id")))
    side = pl.when(pl.col("first_id") == pl.col("chosen_id")).then(1.0).otherwise(-1.0)
    compared = (
        named.select("pair_id", "rater", "first_id", "preference")
        .join(pairs.select("pair_id", "prompt_id", "chosen_id"), on="pair_id")
        .group_by("pair_id", "prompt_id", "rater", maintain_order=True)
        .agg(gap=(pl.col("preference") * side).sum())
        .with_columns(kind=pl.lit("compare"))
    )
    columns = ["pair_id", "prompt_id", *WHO]
    both = pl.concat([frame.select(*columns, "gap") for frame in (scored, compared)])
    return both.select(*columns, sign=pl.col("gap").round(DECIMALS).sign())


def with_others(told: pl.DataFrame) -> pl.DataFrame:
    """Sum up how often each rater prefers what most of the others do, ties and even votes out.

    told: what `signs` gives;  -> sums for stages/audit/estimates.py by rater and kind
    """
    own = pl.col("sign").sum().over("pair_id", "rater")
    others = (pl.col("sign").sum().over("pair_id") - own).sign()
    decided = told.with_columns(others=others).filter(pl.col("sign") * pl.col("others") != 0)
    agrees = pl.col("sign") == pl.col("others")
    return estimates.sums(decided, agrees, pl.col("sign").abs(), WHO)


def labels_of(scores: pl.Series) -> list[float] | None:
    """List the scores that were given, in order; None where they are too many to be labels."""
    values = scores.drop_nulls().unique().sort().to_list()
    return values if 2 <= len(values) <= MOST_LABELS else None


def confusion(
    ratings: pl.DataFrame, comparisons: pl.DataFrame, labels: list[float] | None
) -> pl.DataFrame:
    """Count what each rater gave by what the others gave: rater, kind, value, others, num.

    others: of scores the mean of the others', put at the nearest label; of comparisons what most
        of the others say, in the order that the rater saw. Items that nobody else judged are out.
    """
    parts = [_of_comparisons(comparisons)]
    if labels is not None:
        parts.append(_of_scores(ratings, labels))
    return pl.concat(parts).group_by(CELL).agg(num=pl.len().cast(pl.Int64))


def _of_scores(ratings: pl.DataFrame, labels: list[float]) -> pl.DataFrame:
    """Round the others' mean of each score to the nearest label, down at a tie."""
    item = ["response_id", "aspect"]
    score, num = pl.col("score"), pl.len().over(item)
    given = ratings.drop_nulls("score").with_columns(
        mean=(score.sum().over(item) - score) / (num - 1), num=num
    )
    known = given.filter(pl.col("num") > 1)
    middles = [(low + high) / 2 for low, high in pairwise(labels)]
    place = pl.sum_horizontal(pl.lit(0), *(pl.col("mean").round(DECIMALS) > at for at in middles))
    names = pl.Series(labels, dtype=pl.Float64)
    others = names.gather(known.select(place).to_series())
    return known.select("rater", kind=pl.lit("score"), value="score", others=others)


def _of_comparisons(comparisons: pl.DataFrame) -> pl.DataFrame:
    """Turn the others' votes into the order that each rater saw."""
    item = ["low", "high", "aspect"]
    first = pl.col("first_id") < pl.col("second_id")
    side = pl.when(first).then(1.0).otherwise(-1.0)
    vote = pl.col("preference").sign() * side
    given = comparisons.drop_nulls("preference").select(
        "rater",
        "aspect",
        low=pl.min_horizontal("first_id", "second_id"),
        high=pl.max_horizontal("first_id", "second_id"),
        side=side,
        vote=vote,
    )
    total, own = (pl.col("vote").sum().over(*item, *more) for more in ([], ["rater"]))
    alone = pl.col("rater").n_unique().over(item) < 2
    return given.filter(~alone).select(
        "rater",
        kind=pl.lit("compare"),
        value=(pl.col("vote") * pl.col("side")).replace(-0.0, 0.0),
        others=((total - own).sign() * pl.col("side")).replace(-0.0, 0.0),
    )


def table(
    raters: pl.DataFrame, lengths: pl.DataFrame, agreeing: pl.DataFrame, cells: pl.DataFrame
) -> list[dict[str, Any]]:
    """Compute the figures of each rater and kind of judgement, in order of name.

    raters: Raters;  lengths: of stages/text/length.py;  agreeing, cells: sums of the above
    with_others: share of the decided pairs on which the rater prefers what most others do
    alpha: Krippendorff's, of what the rater gave with what the others gave, with its interval
    correlation: of the same, null where one side never varies
    confusion: rows are what the rater gave, columns what the others gave; null with many labels
    """
    of_length, of_others = _by_who(lengths), _by_who(agreeing)
    of_cells = cells.partition_by(WHO, as_dict=True)
    return [
        _rater(
            row,
            of_length.get((row["rater"], row["kind"]), {}),
            of_others.get((row["rater"], row["kind"])),
            of_cells.get((row["rater"], row["kind"])),
        )
        for row in raters.sort("rater", "kind").to_dicts()
    ]


def _by_who(rows: pl.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["rater"], row["kind"]): row for row in rows.to_dicts()}


AS_IS = ("num_missing", "reliability", "num_items", "position_bias", "length_slope", "influence")


def _rater(
    row: dict[str, Any],
    length: dict[str, Any],
    others: dict[str, Any] | None,
    cells: pl.DataFrame | None,
) -> dict[str, Any]:
    """Compute the figures of one rater."""
    share = estimates.estimate(others) if others else estimates.NOTHING
    kind: Kind = row["kind"]
    value, ends = _alpha(cells, kind) if cells is not None else (None, (None, None))
    return {
        "rater": row["rater"],
        "kind": kind,
        "num_judgements": row["num_ratings"],
        **{name: row[name] for name in AS_IS},
        "share_longer": length.get("share_longer"),
        "with_others": share._asdict(),
        "alpha": value,
        "low": ends[0],
        "high": ends[1],
        "correlation": _correlation(cells) if cells is not None else None,
        "confusion": _matrix(cells, kind) if cells is not None else None,
    }


def _alpha(
    cells: pl.DataFrame, kind: Kind
) -> tuple[float | None, tuple[float | None, float | None]]:
    """Compute alpha between a rater and the others' joint judgement."""
    item = pl.int_range(pl.len()).cast(pl.String)
    rows = cells.sort("value", "others").with_columns(item=item, profile=pl.int_range(pl.len()))
    said = pl.concat(
        rows.select(
            "profile",
            "item",
            "num",
            aspect=pl.lit("overall"),
            rater=pl.lit(side),
            source=pl.lit(""),
            value=side,
        )
        for side in ("value", "others")
    )
    both = units(said.rename({"num": "num_items"}), "overall")
    added = sums_of(both, usual_level(both, kind)[0])
    if isinstance(added, str):
        return None, (None, None)
    low, high = jackknife(added)
    return added.alpha(), (low, high)


def _correlation(cells: pl.DataFrame) -> float | None:
    """Correlate what the rater gave with what the others gave."""
    value, others, num = (cells[name].to_numpy() for name in ("value", "others", "num"))
    value, others = (side - np.average(side, weights=num) for side in (value, others))
    spread = np.sqrt((num * value**2).sum() * (num * others**2).sum())
    return float((num * value * others).sum() / spread) if spread > 0 else None


def _matrix(cells: pl.DataFrame, kind: Kind) -> dict[str, Any]:
    """Lay the counts out: a row for each value the rater gave, a column for each of the others'."""
    values = sorted({*cells["value"], *cells["others"]})
    if kind == "compare":
        values = sorted({*values, *COMPARED})
    counts = {
        (value, others): num for _, _, value, others, num in cells.select(*CELL, "num").rows()
    }
    names = [COMPARED[value] if kind == "compare" else f"{value:g}" for value in values]
    return {
        "labels": names,
        "counts": [[counts.get((row, column), 0) for column in values] for row in values],
    }
