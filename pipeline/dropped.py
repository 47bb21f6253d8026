"""Every row that was dropped on the way, in one table, with its lines in the source."""

from collections.abc import Callable, Sequence

import polars as pl

from pipeline.run import Run

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "stage": pl.String,
    "unit": pl.String,
    "reason": pl.String,
    "id": pl.String,
    "prompt_id": pl.String,
    "source_lines": pl.List(pl.Int64),
    "detail": pl.String,
}


def dropped_rows(run: Run, stages: Sequence[str]) -> pl.DataFrame:
    """Gather what these stages dropped.

    id: pair_id, response_id or prompt_id by unit;  source_lines: the source's lines it rests on
    """
    frames = [_aligned(DROPPED[stage](run), stage) for stage in stages if stage in DROPPED]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *frames])


def _aligned(frame: pl.DataFrame, stage: str) -> pl.DataFrame:
    """Bring one stage's dropped rows into the common columns."""
    missing = [pl.lit(None).alias(name) for name in SCHEMA if name not in frame.columns]
    full = frame.with_columns(*missing).with_columns(stage=pl.lit(stage))
    return full.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def _load(run: Run) -> pl.DataFrame:
    """Give the rows and ratings that could not be read."""
    return run.read("load/set_aside").with_columns(source_lines=pl.concat_list("source_line"))


def _measure(run: Run) -> pl.DataFrame:
    """Give the responses whose text was met before: measured, scored and paired as one."""
    return (
        run.read("load/responses")
        .filter(pl.col("response_id").is_not_null(), ~pl.col("response_id").is_first_distinct())
        .with_columns(
            unit=pl.lit("responses"),
            reason=pl.lit("same_text_again"),
            id="response_id",
            source_lines=pl.concat_list("source_line"),
            detail=pl.format("generator {}", "generator"),
        )
    )


def _calibrate(run: Run) -> pl.DataFrame:
    """Give the ratings without a score."""
    return (
        run.read("load/ratings")
        .filter(pl.col("reason").is_not_null())
        .with_columns(
            unit=pl.lit("ratings"),
            id="response_id",
            source_lines=pl.concat_list("source_line"),
            detail=pl.format("rater {}", "rater"),
        )
    )


def _pair(run: Run) -> pl.DataFrame:
    """Give the prompts without a pair."""
    lines = run.read("load/prompts").select("prompt_id", source_lines=pl.concat_list("source_line"))
    return (
        run.read("pair/dropped")
        .join(lines, on="prompt_id", how="left", maintain_order="left")
        .with_columns(unit=pl.lit("prompts"), id="prompt_id")
    )


def _winnow(run: Run) -> pl.DataFrame:
    """Give the pairs that failed a rule, and the prompts that lost their last pair so."""
    lost = _without(run, "pair/pairs", "winnow/clear")
    return pl.concat([_with_evidence(run, run.read("winnow/dropped")), lost], how="diagonal")


def _choose(run: Run) -> pl.DataFrame:
    """Give the pairs that were not chosen, and the prompts that lost their last pair so."""
    lost = _without(run, "winnow/clear", "choose/chosen")
    return pl.concat([_with_evidence(run, run.read("choose/dropped")), lost], how="diagonal")


def _without(run: Run, before: str, after: str) -> pl.DataFrame:
    """Give the prompts that had pairs before a stage and have none after it."""
    prompts = run.read("load/prompts").select(
        "prompt_id", id="prompt_id", source_lines=pl.concat_list("source_line")
    )
    return (
        prompts.join(run.read(before), on="prompt_id", how="semi")
        .join(run.read(after), on="prompt_id", how="anti")
        .sort("prompt_id")
        .with_columns(unit=pl.lit("prompts"), reason=pl.lit("no_pair_left"))
    )


def _with_evidence(run: Run, pairs: pl.DataFrame) -> pl.DataFrame:
    """Add to dropped pairs their evidence in words, and the lines of chosen and rejected."""
    lines = _lines(run)
    chosen = lines.rename({"response_id": "chosen_id", "line": "chosen_line"})
    rejected = lines.rename({"response_id": "rejected_id", "line": "rejected_line"})
    agreement = pl.col("agreement").round(3).cast(pl.String).fill_null("unknown")
    return (
        pairs.join(chosen, on="chosen_id", how="left", maintain_order="left")
        .join(rejected, on="rejected_id", how="left", maintain_order="left")
        .with_columns(
            unit=pl.lit("pairs"),
            id="pair_id",
            source_lines=pl.concat_list("chosen_line", "rejected_line"),
            detail=pl.format("margin {}, agreement {}", pl.col("margin").round(3), agreement),
        )
    )


def _convert(run: Run) -> pl.DataFrame:
    """Give the scored responses that became no label."""
    lines = _lines(run).with_columns(source_lines=pl.concat_list("line"))
    return (
        run.read("convert/dropped")
        .join(lines, on="response_id", how="left", maintain_order="left")
        .with_columns(
            unit=pl.lit("responses"),
            id="response_id",
            detail=pl.format("score {}", pl.col("score").round(3)),
        )
    )


def _lines(run: Run) -> pl.DataFrame:
    """Give each response's line in the source, the first where it has several."""
    return (
        run.read("load/responses")
        .filter(pl.col("response_id").is_not_null())
        .group_by("response_id")
        .agg(line=pl.col("source_line").min())
    )


DROPPED: dict[str, Callable[[Run], pl.DataFrame]] = {
    "load": _load,
    "measure": _measure,
    "calibrate": _calibrate,
    "pair": _pair,
    "winnow": _winnow,
    "choose": _choose,
    "convert": _convert,
}
