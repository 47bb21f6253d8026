"""The stage that writes training sets, if the quality is what was declared."""

import json
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run
from rather.schemas.training_sets import Dpo
from rather.stages.calibrate import rating_scale
from rather.stages.convert import convert, kto_labels, label_rules
from rather.stages.validate import validate
from rather.tables.buckets import Bucket
from rather.tables.contracts import schema_of
from rather.tables.tables import Frames

SPLITS = ("train", "test")


def run_convert(run: Run) -> None:
    """Join the text and write what trainers read."""
    run = run.in_numbers
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
    rule = label_rules.settle(run.params.convert.kto, _scale(run))
    judged = lru_cache(maxsize=1)(partial(_labels, run, rule))  # one bucket is judged once
    balance = _balance(run, rule, judged)
    weights = balance["weights"]["desirable"], balance["weights"]["undesirable"]
    tables = ("convert/kto/train", "convert/kto/test", "convert/dropped")
    ledger.merge(run.fill(tables, partial(_labelled, run, judged, weights)))
    ledger.note(**balance)


def label_balance(run: Run) -> dict[str, Any]:
    """Say which labels a run's responses will have: by which rule, how many, weighed how."""
    rule = label_rules.settle(run.params.convert.kto, _scale(run))
    return _balance(run, rule, partial(_labels, run, rule))


def labeller(run: Run) -> Callable[[Bucket], pl.DataFrame]:
    """Give what labels the responses of a bucket, as KTO's training set will."""
    return partial(_labels, run, label_rules.settle(run.params.convert.kto, _scale(run)))


def _balance(
    run: Run, rule: label_rules.Rule, judged: Callable[[Bucket], pl.DataFrame]
) -> dict[str, Any]:
    """Count the labels, and weigh both kinds so that they balance."""
    counts = _counts(run, judged)
    weights = kto_labels.weights(counts["desirable"], counts["undesirable"])
    return {
        "label_rule": label_rules.describe(rule),
        "weights": {"desirable": weights[0], "undesirable": weights[1]},
        **counts,
    }


def _scale(run: Run) -> rating_scale.Scale | None:
    """Find the scale that all raters share: declared for the source, or seen in the scores."""
    declared = run.params.source.mapping.scale
    if declared and not run.params.all_raters:
        return rating_scale.Scale(*declared)
    used = [rating_scale.usage(run.ratings(bucket)) for bucket in run.buckets]
    return rating_scale.shared_scale(pl.concat(used))


def _labels(run: Run, rule: label_rules.Rule, bucket: Bucket) -> pl.DataFrame:
    """Label one bucket's responses."""
    features, ratings = run.read("measure/features", bucket), run.ratings(bucket)
    if rule.by == "pairs":
        chosen = run.read("choose/chosen", bucket)
        return kto_labels.label_by_pairs(features, chosen, ratings, run.comparisons(bucket), rule)
    return kto_labels.label(features, run.read("calibrate/scores", bucket), ratings, rule)


def _counts(run: Run, judged: Callable[[Bucket], pl.DataFrame]) -> dict[str, int]:
    """Count the labels of the training split, and prompts by the kinds of labels they have."""
    counts: Counter[str] = Counter(desirable=0, undesirable=0)
    for bucket in run.buckets:
        train = run.read("load/prompts", bucket, ["prompt_id", "split"])
        found = judged(bucket)
        counts.update(kto_labels.one_sided(found))
        trained = found.join(train.filter(pl.col("split") == "train"), on="prompt_id", how="semi")
        good = int(trained["label"].sum())
        counts.update(desirable=good, undesirable=int(trained["label"].count()) - good)
    return dict(counts)


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
