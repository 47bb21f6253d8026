"""The stages that decide: which pairs are clear, which are chosen, are they good enough."""

import json
from functools import partial

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run
from rather.runners.convert import label_balance
from rather.runners.plots import plot
from rather.stages.choose import choose
from rather.stages.common.parallel import ahead
from rather.stages.text import length
from rather.stages.validate import validate
from rather.stages.validate.expectations import Suite
from rather.stages.validate.table_suites import suite
from rather.stages.winnow import winnow
from rather.tables.atomic_files import write_text
from rather.tables.buckets import Bucket
from rather.tables.contracts import schema_of
from rather.tables.tables import Frames

NAMES = ("pair_id", "prompt_id")
SPLITS = pl.Enum(["test", "train"])


def run_winnow(run: Run) -> None:
    """Keep the pairs whose preference is clear."""
    run = run.in_numbers
    rules, ledger = run.params.winnow.rules, Ledger("winnow")
    judged_by = run.read("pair/pairs", columns=winnow.evidence_of(rules))
    idle = winnow.not_applicable(judged_by, rules)
    refused = winnow.refused(rules, run.figures("calibrate")["agreement"]["lower"])
    columns = [*NAMES, *winnow.columns(rules)]

    def judged(bucket: Bucket) -> tuple[Frames, Ledger]:
        found = winnow.winnow(run.read("pair/pairs", bucket, columns), rules, [*idle, *refused])
        kept = pl.col("reason").is_null()
        return (found.filter(kept), found.filter(~kept)), _account("winnow", found)

    ledger.merge(run.fill(("winnow/clear", "winnow/dropped"), judged))
    ledger.note(not_applicable=idle, refused=refused)
    run.close(ledger)


def run_choose(run: Run) -> None:
    """Pick pairs so that length does not give the label away."""
    run = run.in_numbers
    options, ledger = run.params.choose, Ledger("choose")
    choose.prepare(options)
    clear = pl.concat(ahead(partial(_candidates, run), run.buckets))
    picked = choose.choose(clear, options, run.params.seed)
    fates = picked.select(*NAMES, "reason", "weight")

    def chosen(bucket: Bucket) -> tuple[Frames, Ledger]:
        fate = fates.filter(bucket.holds(pl.UInt64))
        kept = fate.filter(pl.col("reason").is_null()).select("pair_id", "weight")
        dropped = fate.filter(pl.col("reason").is_not_null())
        pairs = run.read("pair/pairs", bucket).join(kept, on="pair_id")
        failed = dropped.with_columns(failed=pl.concat_list("reason"))
        return (pairs, failed), _account("choose", fate)

    ledger.merge(run.fill(("choose/chosen", "choose/dropped"), chosen))
    lengths = {"clear": picked, "chosen": picked.filter(pl.col("reason").is_null())}
    ledger.note(share_longer={name: length.share_longer(rows) for name, rows in lengths.items()})
    run.close(ledger)
    plot(run)


def _candidates(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Read what the choice looks at of one bucket's clear pairs."""
    clear = run.pairs("winnow/clear", bucket, choose.columns(run.params.choose))
    return clear.with_columns(pl.col("split").cast(SPLITS))


def _account(stage: str, judged: pl.DataFrame) -> Ledger:
    """Account for one bucket's judged pairs, and for the prompts they belong to."""
    ledger, kept = Ledger(stage), judged.filter(pl.col("reason").is_null())
    ledger.account("pairs", came=judged.height, kept=kept.height, dropped=by_reason(judged))
    came, left = (frame["prompt_id"].n_unique() for frame in (judged, kept))
    lost = {"no_pair_left": came - left} if came > left else {}
    ledger.account("prompts", came=came, kept=left, dropped=lost)
    return ledger


def run_validate(run: Run) -> None:
    """Say whether the chosen pairs are as good as declared, and every table as its schema says."""
    _validate(run, _suites(run))


def run_declared(run: Run) -> None:
    """Say only what convert goes by, for a run whose docs nobody keeps."""
    _validate(run, [])


def _validate(run: Run, tables: list[Suite]) -> None:
    folder = run.data / "validate"
    chosen = run.read("choose/chosen", columns=validate.COLUMNS)
    pairs = run.read("pair/pairs", columns=["margin", "agreement", "length_gap"])
    labels = label_balance(run) if "kto" in run.params.convert.to else None
    quality = validate.validate(
        chosen, pairs, run.params.validate_, folder, labels=labels, tables=tables
    )
    write_text(folder / "quality.json", json.dumps(quality, indent=2) + "\n")
    ledger = Ledger("validate")
    ledger.note(**{name: quality[name] for name in ("success", "num_pairs", "agreement")})
    run.close(ledger)


def _suites(run: Run) -> list[Suite]:
    """Give what is expected of each table so far that has rows."""
    tables = (
        "load/prompts",
        "load/responses",
        "load/ratings",
        "load/comparisons",
        "load/set_aside",
        *(f"generate/{name}" for name in run.params.generators),
        "measure/features",
        "calibrate/raters",
        "calibrate/scores",
        "pair/pairs",
        "winnow/dropped",
        "choose/chosen",
        "choose/dropped",
    )
    return [
        suite(table, schema_of(table), run.tables.scan(table))
        for table in tables
        if run.tables.height(table)
    ]
