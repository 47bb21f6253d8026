"""KTO labels of a run: by which rule, how many, weighed how."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl

from rather.run import Run
from rather.stages.calibrate import rating_scale
from rather.stages.convert import kto_labels, label_rules
from rather.tables.buckets import Bucket


def label_balance(run: Run) -> dict[str, Any]:
    """Return the rule, the counts and the weights of a run's KTO labels."""
    rule = label_rule(run)
    return balance(run, rule, partial(labels_of, run, rule))


def labeller(run: Run) -> Callable[[Bucket], pl.DataFrame]:
    """Return the function that labels one bucket's responses for KTO."""
    return partial(labels_of, run, label_rule(run))


def label_rule(run: Run) -> label_rules.Rule:
    """Return the rule that labels responses, settled on the scale that all raters share."""
    return label_rules.settle(run.params.convert.kto, _scale(run))


def balance(
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
    """Return the scale that all raters share, declared or detected; None where they share none."""
    declared = run.params.source.mapping.scale
    if declared and not run.params.all_raters:
        return rating_scale.Scale(*declared)
    used = [rating_scale.usage(run.ratings(bucket)) for bucket in run.buckets]
    return rating_scale.shared_scale(pl.concat(used))


def labels_of(run: Run, rule: label_rules.Rule, bucket: Bucket) -> pl.DataFrame:
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
