"""Every row that was dropped on the way, in one table, with its lines in the source."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import polars as pl

from rather.run import Run
from rather.stages.common.ids import pair_ids
from rather.tables.buckets import Bucket
from rather.tables.parquet_writer import parquet_writer

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "stage": pl.String,
    "unit": pl.String,
    "reason": pl.String,
    "id": pl.String,
    "prompt_id": pl.String,
    "source": pl.String,
    "source_lines": pl.List(pl.Int64),
    "detail": pl.String,
    "failed": pl.List(pl.String),
}
EVIDENCE = ("chosen_id", "rejected_id", "margin", "agreement")


def write_dropped(
    run: Run, stages: Sequence[str], path: Path, unfit: Sequence[tuple[Bucket, pl.DataFrame]]
) -> dict[str, int]:
    """Write what these stages dropped, and what the format could not hold; count it by unit.

    id: pair_id, response_id or prompt_id by unit;  source_lines: the source's lines it rests on
    failed: every rule that a pair would have failed, the reason first
    """
    counts: dict[str, int] = {}
    with parquet_writer(path, pl.Schema(SCHEMA)) as add:
        for frame in chain(_frames(run, stages), (_unfit(run, *part) for part in unfit)):
            add(frame)
            for unit, count in frame["unit"].value_counts().iter_rows():
                counts[unit] = counts.get(unit, 0) + count
    return dict(sorted(counts.items()))


def _frames(run: Run, stages: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Go through what was dropped, stage by stage and bucket by bucket."""
    if "load" in stages:
        aside = run.read("load/set_aside")
        yield _aligned(aside.with_columns(source_lines=pl.concat_list("source_line")), "load")
    for stage in stages:
        if stage in DROPPED:
            for bucket in run.buckets:
                yield _aligned(DROPPED[stage](run, bucket), stage)


def _unfit(run: Run, bucket: Bucket, rows: pl.DataFrame) -> pl.DataFrame:
    """Return one bucket's converted rows that their format cannot hold."""
    if rows.is_empty():
        return _aligned(rows.clear().with_columns(unit=pl.lit("rows")), "format")
    if "pair_id" in rows.columns:
        told = _with_evidence(run, bucket, rows)
    else:
        lines = _response_lines(run, bucket).rename({"lines": "source_lines"})
        told = rows.with_columns(id="response_id").join(
            lines, on="response_id", how="left", maintain_order="left"
        )
    return _aligned(told.with_columns(unit=pl.lit("rows")), "format")


def _aligned(frame: pl.DataFrame, stage: str) -> pl.DataFrame:
    """Bring one stage's dropped rows into the common columns."""
    missing = [pl.lit(None).alias(name) for name in SCHEMA if name not in frame.columns]
    full = frame.with_columns(*missing).with_columns(stage=pl.lit(stage))
    return full.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def _measure(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Return repeated responses, which are measured, scored and paired as one."""
    return (
        run.read("load/responses", bucket)
        .filter(pl.col("response_id").is_not_null(), ~pl.col("response_id").is_first_distinct())
        .with_columns(
            unit=pl.lit("responses"),
            reason=pl.lit("same_text_again"),
            id="response_id",
            source_lines=pl.concat_list("source_line"),
            detail=pl.format("generator {}", "generator"),
        )
    )


def _calibrate(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Return the ratings without a score, and the comparisons without a preference."""
    ratings = run.read("load/ratings", bucket).filter(pl.col("reason").is_not_null())
    comparisons = run.read("load/comparisons", bucket).filter(pl.col("reason").is_not_null())
    shown = pl.format("rater {}, {}", "rater", "aspect")
    return pl.concat(
        [
            ratings.with_columns(unit=pl.lit("ratings"), id="response_id", detail=shown),
            comparisons.with_columns(
                unit=pl.lit("comparisons"),
                id=pair_ids(pl.col("first_id"), pl.col("second_id")),
                detail=shown,
            ),
        ],
        how="diagonal",
    ).with_columns(source_lines=pl.concat_list("source_line"))


def _pair(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Return the prompts without a pair."""
    return _with_prompt_lines(run, bucket, run.read("pair/dropped", bucket))


def _winnow(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Return the pairs that failed a rule, and the prompts that thereby lost their last pair."""
    return _pairs_and_prompts(run, bucket, "winnow", "pair/pairs", "winnow/clear")


def _choose(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Return the pairs that were not chosen, and the prompts that thereby lost their last pair."""
    return _pairs_and_prompts(run, bucket, "choose", "winnow/clear", "choose/chosen")


def _pairs_and_prompts(
    run: Run, bucket: Bucket, stage: str, before: str, after: str
) -> pl.DataFrame:
    """Return the pairs a stage dropped, and the prompts with a pair before it and none after."""
    had, has = (run.read(table, bucket, ["prompt_id"]) for table in (before, after))
    lost = had.unique().join(has, on="prompt_id", how="anti").sort("prompt_id")
    prompts = _with_prompt_lines(run, bucket, lost.with_columns(reason=pl.lit("no_pair_left")))
    pairs = _with_evidence(run, bucket, run.read(f"{stage}/dropped", bucket))
    return pl.concat([pairs, prompts], how="diagonal")


def _with_evidence(run: Run, bucket: Bucket, pairs: pl.DataFrame) -> pl.DataFrame:
    """Add to dropped pairs their evidence in words, and the lines of what was said of them."""
    lines, compared = _response_lines(run, bucket), _comparison_lines(run, bucket)
    evidence = run.read("pair/pairs", bucket, ["pair_id", *EVIDENCE])
    chosen = lines.select(chosen_id="response_id", source="source", chosen_lines="lines")
    rejected = lines.select(rejected_id="response_id", rejected_lines="lines")
    margin, agreement = (
        pl.col(name).round(3).cast(pl.String).fill_null("unknown")
        for name in ("margin", "agreement")
    )
    return (
        pairs.select("pair_id", "prompt_id", "reason", "^failed$")
        .join(evidence, on="pair_id", how="left", maintain_order="left")
        .join(chosen, on="chosen_id", how="left", maintain_order="left")
        .join(rejected, on="rejected_id", how="left", maintain_order="left")
        .join(compared, on=["pair_id", "source"], how="left", maintain_order="left")
        .with_columns(
            unit=pl.lit("pairs"),
            id="pair_id",
            source_lines=_together("chosen_lines", "rejected_lines", "comparison_lines"),
            detail=pl.format("margin {}, agreement {}", margin, agreement),
        )
    )


def _convert(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Return the responses without a label."""
    lines = _response_lines(run, bucket).rename({"lines": "source_lines"})
    rating = pl.col("rating").round(3).cast(pl.String).fill_null("unknown")
    return (
        run.read("convert/dropped", bucket)
        .join(lines, on="response_id", how="left", maintain_order="left")
        .with_columns(
            unit=pl.lit("responses"), id="response_id", detail=pl.format("rating {}", rating)
        )
    )


def _with_prompt_lines(run: Run, bucket: Bucket, prompts: pl.DataFrame) -> pl.DataFrame:
    """Add to dropped prompts their file, and the lines in it of all that was said to them."""
    columns = ["prompt_id", "source", "source_line"]
    said = pl.concat(
        run.read(f"load/{table}", bucket, columns).join(prompts, on="prompt_id", how="semi")
        for table in ("prompts", "responses", "ratings", "comparisons")
    )
    lines = _lines(said, "prompt_id").rename({"lines": "source_lines"})
    files = run.read("load/prompts", bucket, ["prompt_id", "source"])
    return (
        prompts.join(files, on="prompt_id", how="left", maintain_order="left")
        .join(lines, on=["prompt_id", "source"], how="left", maintain_order="left")
        .with_columns(unit=pl.lit("prompts"), id="prompt_id")
    )


def _response_lines(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Return each response's first file, and the lines in it that hold or rate the response."""
    columns = ["prompt_id", "response_id", "source", "source_line"]
    read = (
        run.read("load/responses", bucket, columns)
        .filter(pl.col("response_id").is_not_null())
        .sort("source", "source_line")
        .unique("response_id", keep="first", maintain_order=True)
    )
    rated = run.read("load/ratings", bucket, columns)
    lines = _lines(pl.concat([read, rated]), "response_id")
    return read.select("response_id", "source").join(lines, on=["response_id", "source"])


def _comparison_lines(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Return the lines of each file that compare two responses."""
    columns = ["prompt_id", "first_id", "second_id", "source", "source_line"]
    compared = run.read("load/comparisons", bucket, columns)
    named = compared.with_columns(pair_id=pair_ids(pl.col("first_id"), pl.col("second_id")))
    return _lines(named, "pair_id").rename({"lines": "comparison_lines"})


def _lines(rows: pl.DataFrame, of: str) -> pl.DataFrame:
    """Gather the lines of each id in each file, in order."""
    line = pl.col("source_line")
    return rows.group_by(of, "source").agg(lines=line.unique().sort())


def _together(*lists: str) -> pl.Expr:
    """Join lists of lines into one, each line once."""
    filled = (pl.col(name).fill_null([]) for name in lists)
    return pl.concat_list(*filled).list.unique(maintain_order=True)


DROPPED: dict[str, Callable[[Run, Bucket], pl.DataFrame]] = {
    "measure": _measure,
    "calibrate": _calibrate,
    "pair": _pair,
    "winnow": _winnow,
    "choose": _choose,
    "convert": _convert,
}
