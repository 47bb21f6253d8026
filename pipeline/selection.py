"""The stages that decide: which pairs are clear, which are chosen, are they good enough."""

import json

import polars as pl

from pipeline.files import write_text
from pipeline.ledger import Ledger, by_reason
from pipeline.plots import plot
from pipeline.run import Run
from pipeline.tables import Append
from stages import choose, length, validate, winnow


def run_winnow(run: Run) -> None:
    """Keep the pairs whose preference is clear."""
    rules, ledger = run.params.winnow.rules, Ledger("winnow")
    judged_by = run.read("pair/pairs", columns=winnow.evidence_of(rules))
    idle = winnow.not_applicable(judged_by, rules)
    refused = winnow.refused(rules, run.figures("calibrate")["agreement"]["lower"])
    with run.writing("winnow/clear", "winnow/dropped") as (keep, drop):
        for bucket in run.buckets:
            pairs = run.read("pair/pairs", bucket)
            _part(ledger, winnow.winnow(pairs, rules, [*idle, *refused]), keep, drop)
    ledger.note(not_applicable=idle, refused=refused)
    run.close(ledger)


def run_choose(run: Run) -> None:
    """Pick pairs so that length does not give the label away."""
    options, ledger = run.params.choose, Ledger("choose")
    narrow = run.read("winnow/clear", columns=choose.columns(options))
    picked = choose.choose(narrow, options, run.params.seed)
    with run.writing("choose/chosen", "choose/dropped") as (keep, drop):
        for bucket in run.buckets:
            clear = run.read("winnow/clear", bucket)
            fate = picked.select("pair_id", "reason", "weight")
            _part(ledger, clear.join(fate, on="pair_id"), keep, drop)
    shares = {
        name: length.share_longer(run.read(table, columns=["length_gap"]))
        for name, table in (("clear", "winnow/clear"), ("chosen", "choose/chosen"))
    }
    ledger.note(share_longer=shares)
    run.close(ledger)
    plot(run)


def _part(ledger: Ledger, judged: pl.DataFrame, keep: Append, drop: Append) -> None:
    """Part one bucket's judged pairs into kept and dropped, and account for pairs and prompts."""
    kept = keep(judged.filter(pl.col("reason").is_null()))
    rest = judged.filter(pl.col("reason").is_not_null())
    dropped = drop(
        rest if "failed" in rest.columns else rest.with_columns(failed=pl.concat_list("reason"))
    )
    ledger.account("pairs", came=judged.height, kept=kept.height, dropped=by_reason(dropped))
    came, left = (frame["prompt_id"].n_unique() for frame in (judged, kept))
    lost = {"no_pair_left": came - left} if came > left else {}
    ledger.account("prompts", came=came, kept=left, dropped=lost)


def run_validate(run: Run) -> None:
    """Say whether the chosen pairs are as good as declared."""
    folder = run.data / "validate"
    chosen = run.read("choose/chosen", columns=validate.COLUMNS)
    pairs = run.read("pair/pairs", columns=["margin", "agreement", "length_gap"])
    quality = validate.validate(chosen, pairs, run.params.validate_, folder)
    write_text(folder / "quality.json", json.dumps(quality, indent=2) + "\n")
    ledger = Ledger("validate")
    ledger.note(**{name: quality[name] for name in ("success", "num_pairs", "agreement")})
    run.close(ledger)
