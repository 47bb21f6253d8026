"""Dawid-Skene and MACE, by crowd-kit (the extra rather[crowd]), for labels of a few kinds."""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from rather.schemas.base import UserError
from rather.stages.calibrate.quadrature import Floats

Method = Literal["dawid_skene", "mace"]

MIN_RATERS = 3
MOST_LABELS = 11
TOO_FEW = "{method} needs three raters to tell who is right, and found {raters}: the mean is taken"
EMPTY = pl.lit(None, pl.Float64)


@dataclass(frozen=True)
class Labels:
    """A label model's result, or the reason why it cannot be fitted.

    items:  the item's columns, score (expected label) and variance
    raters: rater, reliability (mean chance that a label was right); None without a result
    """

    items: pl.DataFrame
    raters: pl.DataFrame | None = None
    note: str | None = None


def aggregate(judged: pl.DataFrame, item: list[str], method: Method) -> Labels:
    """Aggregate labels: one row per rater and item, with columns rater, label and the item's."""
    none = judged.select(item).clear().with_columns(score=EMPTY, variance=EMPTY)
    raters, labels = judged["rater"].n_unique(), judged["label"].unique().sort().to_numpy()
    if raters < MIN_RATERS:
        return Labels(none, note=TOO_FEW.format(method=method, raters=raters) if raters else None)
    if len(labels) > MOST_LABELS:
        raise UserError(
            f"expected at most {MOST_LABELS} different labels for {method}, found {len(labels)}; "
            "choose calibrate.method: bradley_terry or mean in params.yaml for scores like these"
        )
    rows = judged.sort(*item, "rater")
    task = rows.select(pl.struct(item).rle_id().cast(pl.Int64)).to_series().to_numpy()
    code = np.searchsorted(labels, rows["label"].to_numpy())
    chance = _chances(task, rows["rater"], code, len(labels), method)
    score = chance @ labels
    variance = np.maximum(chance @ labels**2 - score**2, 0.0)
    items = rows.select(item).unique(maintain_order=True)
    right = rows.select("rater", reliability=pl.Series(chance[task, code]))
    return Labels(
        items.with_columns(score=pl.Series(score), variance=pl.Series(variance)),
        right.group_by("rater", maintain_order=True).agg(pl.col("reliability").mean().round(12)),
    )


def _chances(task: Any, rater: pl.Series, code: Any, num_labels: int, method: Method) -> Floats:
    """Compute the probability of each label, (tasks, labels)."""
    try:
        from crowdkit.aggregation import MACE, DawidSkene
    except ModuleNotFoundError as missing:
        raise UserError(
            f"expected the package crowd-kit for calibrate.method: {method}, found none; "
            "install it: pip install 'rather[crowd]'"
        ) from missing
    from pandas import DataFrame

    data = DataFrame({"task": task, "worker": rater.to_list(), "label": code})
    model = DawidSkene(n_iter=100) if method == "dawid_skene" else MACE(n_restarts=3)
    with warnings.catch_warnings():  # crowd-kit 1.4 uses what pandas 4 will take away
        warnings.simplefilter("ignore", DeprecationWarning)
        fitted = DataFrame(model.fit(data).probas_)
    chance: Floats = np.zeros((int(task[-1]) + 1 if len(task) else 0, num_labels))
    chance[np.ix_(fitted.index.to_numpy(), fitted.columns.to_numpy())] = fitted.to_numpy()
    return chance
