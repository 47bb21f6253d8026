"""The judgements that count, read bucket by bucket."""

from collections.abc import Sequence

import polars as pl

from rather.run import Run
from rather.stages.calibrate import calibrate
from rather.tables.buckets import Bucket


def judged_ratings(run: Run, bucket: Bucket, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Read one bucket's ratings that count, or some of their columns."""
    return calibrate.counted(run.ratings(bucket, columns), "score", run.params.calibrate)


def judged_comparisons(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Read one bucket's comparisons that count."""
    return calibrate.counted(run.comparisons(bucket), "preference", run.params.calibrate)
