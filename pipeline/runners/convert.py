"""Write training sets, if the quality is what was declared."""

import json
from collections.abc import Callable
from functools import lru_cache, partial

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run
from rather.runners.shared.label_balance import balance, label_rule, labels_of
from rather.schemas.training_sets import Dpo
from rather.stages.convert import convert, kto_labels
from rather.stages.validate import validate
from rather.tables.buckets import Bucket
from rather.tables.contracts import schema_of
from rather.tables.tables import Frames

SPLITS = ("train", "test")


def run(run: Run) -> None:
    """Join the text and write what trainers read."""
    run = run.with_numeric_ids
    ledger = Ledger("convert")
    _dpo(run, ledger)
    _kto(run, ledger)
    run.close(ledger)


def _dpo(run: Run, ledger: Ledger) -> None:
    """Convert the chosen pairs, where they are wanted and good enough."""
    wanted = "dpo" in run.params.convert.to
    if wanted:
        validate.require(json.loads((run.data / "validate" / "quality.json").read_text()))

    def converted(bucket: Bucket) -> tuple[Frames, Ledger]:
        account = Ledger("convert")
        rows = _pairs(run, account, bucket) if wanted else Dpo.create_empty()
        return _by_split(rows), account

    ledger.merge(run.fill(("convert/dpo/train", "convert/dpo/test"), converted))


def _pairs(run: Run, ledger: Ledger, bucket: Bucket) -> pl.DataFrame:
    """Convert one bucket's chosen pairs."""
    chosen = run.read("choose/chosen", bucket)
    rows = convert.to_dpo(
        chosen,
        run.read("load/prompts", bucket, ["prompt_id", "messages"]),
        run.responses(bucket, convert.ANSWERED),
        run.ratings(bucket, convert.JUDGED),
        run.comparisons(bucket),
        run.round,
    )
    ledger.account("pairs", came=chosen.height, kept=rows.height, dropped={})
    return rows


def _by_split(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part rows by their side of the split."""
    train = pl.col("split") == "train"
    return rows.filter(train), rows.filter(~train)


def _kto(run: Run, ledger: Ledger) -> None:
    """Convert responses to labels, where they are wanted, in two passes: count, then write."""
    if "kto" not in run.params.convert.to:
        for table in (*(f"convert/kto/{split}" for split in SPLITS), "convert/dropped"):
            run.write(table, schema_of(table).create_empty())
        return
    rule = label_rule(run)
    judged = lru_cache(maxsize=1)(partial(labels_of, run, rule))  # one bucket is judged once
    figures = balance(run, rule, judged)
    weights = figures["weights"]["desirable"], figures["weights"]["undesirable"]
    tables = ("convert/kto/train", "convert/kto/test", "convert/dropped")
    ledger.merge(run.fill(tables, partial(_labelled, run, judged, weights)))
    ledger.note(**figures)


def _labelled(
    run: Run,
    judged: Callable[[Bucket], pl.DataFrame],
    weights: tuple[float, float],
    bucket: Bucket,
) -> tuple[Frames, Ledger]:
    """Convert one bucket's labelled responses, and list those that became no label."""
    found, account = judged(bucket), Ledger("convert")
    prompts, responses = run.read("load/prompts", bucket), run.responses(bucket)
    rows = convert.to_kto(found, prompts, responses, weights, run.round)
    dropped = kto_labels.unlabelled(found)
    account.account("responses", came=found.height, kept=rows.height, dropped=by_reason(dropped))
    return (*_by_split(rows), dropped), account
