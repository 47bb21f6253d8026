"""What `dvc plots` draws: margins and length gaps, of all pairs and of the chosen."""

import polars as pl

from rather.run import Run
from rather.tables.atomic_files import replacing

NUM_BINS = 40
PLOTS = {"margin": "margin", "length": "length_gap"}


def plot(run: Run) -> None:
    """Write the counts."""
    for name, column in PLOTS.items():
        every, chosen = (
            run.read(table, columns=[column])[column].drop_nulls()
            for table in ("pair/pairs", "choose/chosen")
        )
        with replacing(run.data / "plots" / f"{name}.csv") as draft:
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
