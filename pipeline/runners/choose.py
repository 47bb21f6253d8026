"""Choose each prompt's pairs so that length does not predict the label."""

from functools import partial

import polars as pl

from rather.ledger import Ledger
from rather.run import Run
from rather.runners.shared.pair_accounts import NAMES, account
from rather.stages.choose import choose
from rather.stages.common.parallel import prefetch
from rather.stages.text import length
from rather.tables.atomic_files import atomic_path
from rather.tables.buckets import Bucket
from rather.tables.tables import Frames

SPLITS = pl.Enum(["test", "train"])
NUM_BINS = 40
PLOTS = {"margin": "margin", "length": "length_gap"}


def run(run: Run) -> None:
    """Pick pairs so that length does not give the label away."""
    run = run.with_numeric_ids
    options, ledger = run.params.choose, Ledger("choose")
    choose.prepare(options)
    clear = pl.concat(prefetch(partial(_candidates, run), run.buckets))
    picked = choose.choose(clear, options, run.params.seed)
    fates = picked.select(*NAMES, "reason", "weight")

    def chosen(bucket: Bucket) -> tuple[Frames, Ledger]:
        fate = fates.filter(bucket.holds(pl.UInt64))
        kept = fate.filter(pl.col("reason").is_null()).select("pair_id", "weight")
        dropped = fate.filter(pl.col("reason").is_not_null())
        pairs = run.read("pair/pairs", bucket).join(kept, on="pair_id")
        failed = dropped.with_columns(failed=pl.concat_list("reason"))
        return (pairs, failed), account("choose", fate)

    ledger.merge(run.fill(("choose/chosen", "choose/dropped"), chosen))
    lengths = {"clear": picked, "chosen": picked.filter(pl.col("reason").is_null())}
    ledger.note(share_longer={name: length.share_longer(rows) for name, rows in lengths.items()})
    run.close(ledger)
    plot(run)


def _candidates(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Read what the choice looks at of one bucket's clear pairs."""
    clear = run.pairs("winnow/clear", bucket, choose.columns(run.params.choose))
    return clear.with_columns(pl.col("split").cast(SPLITS))


def plot(run: Run) -> None:
    """Write histograms of margins and length gaps for `dvc plots`."""
    for name, column in PLOTS.items():
        every, chosen = (
            run.read(table, columns=[column])[column].drop_nulls()
            for table in ("pair/pairs", "choose/chosen")
        )
        with atomic_path(run.data / "plots" / f"{name}.csv") as draft:
            _histogram(every, chosen).write_csv(draft)


def _histogram(every: pl.Series, chosen: pl.Series) -> pl.DataFrame:
    """Count values of both series in the same bins; `at` is where a bin ends."""
    values = every.to_numpy()
    least, most = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    width = (most - least) / NUM_BINS or 1.0
    edges = [least + width * number for number in range(-1, NUM_BINS + 1)]
    edges[-1] += width / 2  # so that rounding does not leave the largest value outside
    count = {
        name: values.hist(bins=edges, include_category=False)["count"]
        for name, values in (("all", every), ("chosen", chosen))
    }
    return pl.DataFrame({"at": edges[1:], **count})
