"""`rather convert`: the curation stages on one file, in a folder of their own that is not kept."""

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline.curation import CURATION, ledgers
from pipeline.dropped import dropped_rows
from pipeline.files import replacing
from pipeline.params import Params, make_params
from pipeline.run import Run
from schemas.errors import QualityError, UserError
from schemas.responses import Responses
from stages.sources.presets import PRESETS

STAGES = {
    "dpo": ["load", "measure", "calibrate", "pair", "winnow", "choose", "validate", "convert"],
    "kto": ["load", "measure", "calibrate", "convert"],
}
WRITERS: dict[str, Callable[[pl.DataFrame, Path], None]] = {
    ".parquet": lambda rows, path: rows.write_parquet(path),
    ".jsonl": lambda rows, path: rows.write_ndjson(path),
}


def convert_file(
    source: Path, to: Literal["dpo", "kto"], out: Path, format_: str, changes: Sequence[str]
) -> None:
    """Write a training set, its dropped rows beside it, and the ledger to the terminal.

    Raises UserError on a mistake in the file or the options, QualityError where pairs are below
    the declared quality or no row is left; files of an earlier run then stay as they were.
    """
    _check_out(out, source)
    values: dict[str, Any] = {
        "source": {"path": str(source), "format": format_},
        "test_fraction": 0,
        "convert": {"to": [to]},
    }
    params = make_params(values, changes, "--set")
    _check_arguments(params, source, to, format_)
    with tempfile.TemporaryDirectory(prefix="rather-") as folder:
        run = Run(Path(folder), params)
        try:
            _run_stages(run, STAGES[to])
        except QualityError:
            _show(run, STAGES[to][:-1])
            raise
        _publish(run, to, out)


def _check_out(out: Path, source: Path) -> None:
    """Refuse, before any work, an output that cannot be written or would take the input's place."""
    if out.suffix not in WRITERS:
        raise UserError(f"--out {out}: expected a name ending in {' or '.join(WRITERS)}")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: expected an existing folder, found none; make it first")
    try:
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise UserError(
            f"--out {out}: expected a folder to write to, found {error.strerror}"
        ) from None
    for path in (out, _beside(out)):
        if path.is_dir():
            raise UserError(f"--out {out}: expected a file, found that {path} is a folder")
        if path.resolve() == source.resolve():
            raise UserError(f"--out {out}: {path} is the input itself; choose another name")


def _beside(out: Path) -> Path:
    """Name the file of dropped rows that lies beside a training set."""
    return out.with_name(f"{out.stem}.dropped.parquet")


def _check_arguments(params: Params, source: Path, to: str, format_: str) -> None:
    """Refuse a format without a file, and changes to what arguments already say."""
    if format_ == "demo":
        raise UserError(f"--from demo: expected auto or one of {', '.join(PRESETS)}")
    said = params.source.path, params.source.format, params.convert.to
    if said != (str(source), format_, (to,)):
        raise UserError(
            "--set: expected no source.path, source.format or convert.to, which INPUT, --from and "
            "--to say; remove it"
        )
    if params.raters:
        raise UserError("--set raters: expected none, as a file has its own; remove it")


def _run_stages(run: Run, stages: Sequence[str]) -> None:
    """Run stages in order, showing which one is at work."""
    run.write("generate/responses", Responses.create_empty())
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("")
        for stage in stages:
            progress.update(task, description=stage)
            CURATION[stage](run)
            if stage == "load":
                _require_answers(run)


def _require_answers(run: Run) -> None:
    """Refuse a source of prompts alone: there is nothing in it to prefer."""
    if run.read("load/responses").is_empty():
        raise UserError(
            f"{run.params.source.path}: expected rated responses, found prompts alone; name the "
            "columns with --from ratings --set source.mapping.response=... "
            "--set source.mapping.scores='[...]'"
        )


def _publish(run: Run, to: str, out: Path) -> None:
    """Move the results to where they were asked for, and say what became of every row."""
    splits = [run.read(f"convert/{to}/{split}") for split in ("train", "test")]
    rows = pl.concat(splits)
    stages = STAGES[to]
    _show(run, stages)
    if rows.is_empty():
        raise QualityError(f"{out}: not written: not one row was left; the ledger above says why")
    beside = _beside(out)
    dropped = dropped_rows(run, stages)
    not_applicable = _not_applicable(run) if "winnow" in stages else []
    with replacing(beside) as draft_dropped, replacing(out) as draft:
        dropped.write_parquet(draft_dropped)
        WRITERS[out.suffix](rows, draft)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in (
        *(f"the rule {rule} was not applied: no pair has its evidence" for rule in not_applicable),
        f"{out}: {rows.height:,} {to} rows{_balance(rows) if to == 'kto' else ''}",
        f"{beside}: {_by_unit(dropped)}, each with its reason",
    ):
        console.print(line, markup=False)


def _balance(labels: pl.DataFrame) -> str:
    """Count labels of both kinds; where one kind is missing, say what moves the line."""
    desirable = int(labels["label"].sum())
    undesirable = labels.height - desirable
    counts = f" ({desirable:,} desirable, {undesirable:,} undesirable)"
    if desirable and undesirable:
        return counts
    return (
        f"{counts}: labels are relative to the mean of this file's ratings, in standard "
        "deviations; move the line with --set convert.desirable_at_least=... or "
        "convert.undesirable_at_most=..."
    )


def _by_unit(dropped: pl.DataFrame) -> str:
    """Count dropped rows by their unit."""
    counts = dropped["unit"].value_counts().sort("unit")
    return ", ".join(f"{count:,} dropped {unit}" for unit, count in counts.iter_rows()) or "none"


def _not_applicable(run: Run) -> list[str]:
    """Name the rules whose evidence the file lacks altogether."""
    figures = json.loads((run.data / "metrics" / "winnow.json").read_text())
    return [str(rule) for rule in figures["not_applicable"]]


def _show(run: Run, stages: Sequence[str]) -> None:
    """Print the ledger."""
    table = Table("stage", "unit", "in", "kept", "dropped by reason", title="Ledger")
    for stage, entries in ledgers(run, stages).items():
        for unit, entry in entries.items():
            reasons = ", ".join(f"{name} {count:,}" for name, count in entry["dropped"].items())
            if entry["in"]:
                table.add_row(stage, unit, f"{entry['in']:,}", f"{entry['kept']:,}", reasons)
    Console(stderr=True).print(table)
