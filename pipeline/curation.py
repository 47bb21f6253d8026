"""The stages that need no model: each reads its tables, calls its verb, writes and accounts."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.files import replacing, write_text
from pipeline.ledger import Ledger, by_reason, is_account
from pipeline.run import Run
from schemas.training_sets import Dpo
from stages import calibrate, choose, convert, measure, pair, validate, winnow
from stages.load import load
from stages.pointer import weights

NUM_BINS = 40


def run_load(run: Run) -> None:
    """Read the source and fix the split."""
    params = run.params
    loaded = load(params.source, params.demo, params.test_fraction, params.seed)
    (run.data / "rate").mkdir(parents=True, exist_ok=True)  # DVC wants it there, raters or none
    for name in ("prompts", "responses", "ratings", "comparisons", "set_aside"):
        run.write(f"load/{name}", getattr(loaded, name))
    ledger = Ledger("load")
    aside = loaded.set_aside.partition_by("unit", as_dict=True)
    for unit, came, kept in (
        ("rows", loaded.num_rows, loaded.num_read),
        ("ratings", loaded.num_ratings, loaded.ratings.height),
    ):
        dropped = by_reason(aside.get((unit,), loaded.set_aside.clear()))
        ledger.account(unit, came=came, kept=kept, dropped=dropped)
    splits = dict(loaded.prompts["split"].value_counts().sort("split").iter_rows())
    ledger.note(format=loaded.format, prompts=splits, responses=loaded.responses.height)
    run.close(ledger)


def run_measure(run: Run) -> None:
    """Take numbers from text."""
    responses = _responses(run)
    found = _tokenizer(run)
    features = measure.measure(run.read("load/prompts"), responses, run.params.max_length, found)
    run.write("measure/features", features)
    failed = responses.filter(pl.col("text").is_null())
    said = responses["response_id"].drop_nulls()
    repeated = int((~said.is_first_distinct()).sum())
    ledger = Ledger("measure")
    ledger.account(
        "responses",
        came=responses.height,
        kept=features.height,
        dropped=by_reason(failed) | ({"same_text_again": repeated} if repeated else {}),
    )
    ledger.note(
        length_unit="tokens" if found else "bytes",
        truncated=int(features["truncated"].sum()),
    )
    run.close(ledger)


def _tokenizer(run: Run) -> Path | None:
    """Find the tokenizer of the model that everything starts from, where there is one."""
    base = run.model("base")
    path = weights(base) / "tokenizer.json" if base.is_dir() else base
    return path if path.is_file() else None


def run_calibrate(run: Run) -> None:
    """Bring raters to one scale."""
    loaded, raters = run.read("load/ratings"), run.params.raters
    ratings = pl.concat([loaded, run.tables.read_family("rate", raters)])
    scales = run.write("calibrate/raters", calibrate.raters(ratings))
    scores = run.write("calibrate/scores", calibrate.scores(ratings, scales))
    features = run.read("measure/features")
    unscored = features.join(scores, on="response_id", how="anti").height
    ledger = Ledger("calibrate")
    given = int(ratings["score"].count())
    ledger.account("ratings", came=ratings.height, kept=given, dropped=by_reason(ratings))
    dropped = {"no_score": unscored} if unscored else {}
    ledger.account("responses", came=features.height, kept=scores.height, dropped=dropped)
    ledger.note(raters=scales.height)
    run.close(ledger)


def run_pair(run: Run) -> None:
    """Pair responses within a prompt."""
    prompts, features = run.read("load/prompts"), run.read("measure/features")
    ratings = pl.concat(
        [run.read("load/ratings"), run.tables.read_family("rate", run.params.raters)]
    )
    scores = run.read("calibrate/scores")
    pairs = pair.pair(prompts, features, scores, ratings, run.params.seed)
    run.write("pair/pairs", pairs)
    dropped = run.write("pair/dropped", pair.unpaired(prompts, features, pairs))
    ledger = Ledger("pair")
    paired = pairs["prompt_id"].n_unique()
    ledger.account("prompts", came=prompts.height, kept=paired, dropped=by_reason(dropped))
    ledger.note(pairs=pairs.height, mean_agreement=pairs["agreement"].mean())
    run.close(ledger)


def run_winnow(run: Run) -> None:
    """Keep the pairs whose preference is clear."""
    pairs, rules = run.read("pair/pairs"), run.params.winnow.rules
    ledger = Ledger("winnow")
    _part(run, ledger, winnow.winnow(pairs, rules), "winnow/clear")
    ledger.note(not_applicable=winnow.not_applicable(pairs, rules))
    run.close(ledger)


def run_choose(run: Run) -> None:
    """Pick pairs so that length does not give the label away."""
    clear = run.read("winnow/clear")
    ledger = Ledger("choose")
    picked = choose.choose(clear, run.params.choose)
    chosen = _part(run, ledger, picked, "choose/chosen")
    shares = {"clear": choose.share_longer(clear), "chosen": choose.share_longer(chosen)}
    ledger.note(share_longer=shares)
    run.close(ledger)
    _plots(run, run.read("pair/pairs"), chosen)


def _part(run: Run, ledger: Ledger, judged: pl.DataFrame, kept_table: str) -> pl.DataFrame:
    """Part judged pairs into kept and dropped, write both, and account for pairs and prompts."""
    reason = pl.col("reason")
    kept = run.write(kept_table, judged.filter(reason.is_null()))
    dropped = judged.filter(reason.is_not_null())
    if "failed" not in dropped.columns:
        dropped = dropped.with_columns(failed=pl.concat_list("reason"))
    run.write(f"{ledger.stage}/dropped", dropped)
    ledger.account("pairs", came=judged.height, kept=kept.height, dropped=by_reason(dropped))
    lost = dropped.join(kept, on="prompt_id", how="anti")["prompt_id"].n_unique()
    ledger.account(
        "prompts",
        came=judged["prompt_id"].n_unique(),
        kept=kept["prompt_id"].n_unique(),
        dropped={"no_pair_left": lost} if lost else {},
    )
    return kept


def _plots(run: Run, pairs: pl.DataFrame, chosen: pl.DataFrame) -> None:
    """Write what `dvc plots` draws: margins and length gaps, of all pairs and of the chosen."""
    for name, column in (("margin", "margin"), ("length", "length_gap")):
        with replacing(run.data / "plots" / f"{name}.csv") as draft:
            _histogram(pairs[column], chosen[column]).write_csv(draft)


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


def run_validate(run: Run) -> None:
    """Say whether the chosen pairs are as good as declared."""
    folder = run.data / "validate"
    quality = validate.validate(
        run.read("choose/chosen"), run.read("pair/pairs"), run.params.validate_, folder
    )
    write_text(folder / "quality.json", json.dumps(quality, indent=2) + "\n")
    ledger = Ledger("validate")
    ledger.note(**{name: quality[name] for name in ("success", "num_pairs", "agreement")})
    run.close(ledger)


def run_convert(run: Run) -> None:
    """Join the text and write what trainers read, if the quality is what was declared."""
    ledger = Ledger("convert")
    for name, frame in (("dpo", _dpo(run, ledger)), ("kto", _kto(run, ledger))):
        for split in ("train", "test"):
            run.write(f"convert/{name}/{split}", frame.filter(pl.col("split") == split))
    run.close(ledger)


def _dpo(run: Run, ledger: Ledger) -> pl.DataFrame:
    """Convert the chosen pairs, where they are wanted and good enough."""
    if "dpo" not in run.params.convert.to:
        return Dpo.create_empty()
    validate.require(json.loads((run.data / "validate" / "quality.json").read_text()))
    chosen = run.read("choose/chosen")
    rows = convert.to_dpo(chosen, run.read("load/prompts"), _responses(run))
    ledger.account("pairs", came=chosen.height, kept=rows.height, dropped={})
    return rows


def _kto(run: Run, ledger: Ledger) -> pl.DataFrame:
    """Convert the scored responses to labels, where they are wanted."""
    options = run.params.convert
    scores, features = run.read("calibrate/scores"), run.read("measure/features")
    labels = convert.label(scores if "kto" in options.to else scores.clear(), features, options)
    dropped = run.write("convert/dropped", convert.unlabelled(labels))
    rows = convert.to_kto(labels, run.read("load/prompts"), _responses(run))
    came, reasons = labels.height, by_reason(dropped)
    ledger.account("responses", came=came, kept=rows.height, dropped=reasons)
    ledger.note(desirable=int(rows["label"].sum()))
    return rows


def run_report(run: Run) -> None:
    """Write the page a data team opens."""
    from stages.report import report

    rules = run.params.winnow.rules
    idle = _figures(run, "winnow")["not_applicable"]
    page = report(
        ledgers=ledgers(run, BEFORE_REPORT),
        quality=json.loads((run.data / "validate" / "quality.json").read_text()),
        pairs=run.read("pair/pairs"),
        dropped=pl.concat([run.read("winnow/dropped"), run.read("choose/dropped")]),
        chosen=run.read("choose/chosen"),
        raters=run.read("calibrate/raters"),
        features=run.read("measure/features"),
        margin_at_least=rules.get("margin", {}).get("at_least"),
        length_unit=_figures(run, "measure")["length_unit"],
        notes=[f"The rule {name} does not apply: no pair has its evidence." for name in idle],
    )
    write_text(run.data / "report" / "index.html", page)


def _figures(run: Run, stage: str) -> dict[str, Any]:
    """Read what a stage wrote into its metrics."""
    found: dict[str, Any] = json.loads((run.data / "metrics" / f"{stage}.json").read_text())
    return found


BEFORE_REPORT = ("load", "measure", "calibrate", "pair", "winnow", "choose")


def ledgers(run: Run, stages: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read the accounts of stages that have run, the figures beside them left out."""
    found = {stage: _figures(run, stage) for stage in stages}
    return {
        stage: {unit: entry for unit, entry in entries.items() if is_account(entry)}
        for stage, entries in found.items()
    }


def _responses(run: Run) -> pl.DataFrame:
    """Read every response, the source's own and the generated."""
    return pl.concat([run.read("load/responses"), run.read("generate/responses")])


CURATION: dict[str, Callable[[Run], None]] = {
    "load": run_load,
    "measure": run_measure,
    "calibrate": run_calibrate,
    "pair": run_pair,
    "winnow": run_winnow,
    "choose": run_choose,
    "validate": run_validate,
    "convert": run_convert,
    "report": run_report,
}
