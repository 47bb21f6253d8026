"""Preferences and drift of a policy beside its reference.   log-probs -> figures"""

from typing import Any

import polars as pl

from rather.stages.common.bootstrap import NOTHING, Estimate, ratio
from rather.stages.evaluate.sampled_answers import Scored

BUCKETS = {"chosen_longer": 1, "equal": 0, "chosen_shorter": -1}


def of_policy(scored: Scored) -> dict[str, Any]:
    """Return a policy's figures beside its reference, null without data.

    implicit_accuracy: share of held-out pairs whose chosen answer has the greater log-ratio,
        policy over reference, summed over tokens; a tie counts half
    implicit_accuracy_per_token: the same by the log-ratio's mean over tokens
    implicit_accuracy_by_length: both, of pairs whose chosen answer has more, as many, fewer tokens
    chosen_nll:        nats per token of held-out chosen answers under the policy
    chosen_nll_drift:  that minus the reference's: above 0, chosen answers became less likely
    chosen_end_logp:   log-prob of the end token where chosen answers end
    chosen_end_drift:  that minus the reference's: below 0, the policy is less ready to stop
    kl_per_token:      KL(policy || reference) on the policy's own samples, in nats
    kl_per_answer:     the same of whole answers
    kl_offline_per_token: mean log(reference / policy) on held-out pairs' answers, which the policy
        did not sample: an offline measure of drift, no estimate of kl_per_token

    Each has its 95% interval over prompts beside it.
    """
    pairs, samples = scored
    estimates = {
        "implicit_accuracy": _accuracy(pairs),
        "implicit_accuracy_per_token": _accuracy(pairs, per_token=True),
        **chosen_under(pairs, "policy"),
        "chosen_nll_drift": ratio(pairs, -_log_ratio("chosen_"), pl.col("chosen_num_tokens")),
        "chosen_end_drift": ratio(
            pairs, pl.col("chosen_policy_end") - pl.col("chosen_reference_end")
        ),
        "kl_per_token": ratio(samples, _log_ratio(), pl.col("num_tokens")),
        "kl_per_answer": ratio(samples, _log_ratio()),
        "kl_offline_per_token": ratio(
            pairs,
            -_log_ratio("chosen_") - _log_ratio("rejected_"),
            pl.col("chosen_num_tokens") + pl.col("rejected_num_tokens"),
        ),
    }
    figures = {
        key: value
        for name, estimate in estimates.items()
        for key, value in estimate.named(name).items()
    }
    return figures | {"implicit_accuracy_by_length": _by_length(pairs)}


def chosen_under(pairs: pl.DataFrame, model: str) -> dict[str, Estimate]:
    """Return one model's NLL of chosen answers per token, and the log-prob of their ends."""
    if pairs.is_empty():
        return {"chosen_nll": NOTHING, "chosen_end_logp": NOTHING}
    nll = ratio(pairs, -pl.col(f"chosen_{model}"), pl.col("chosen_num_tokens"))
    return {"chosen_nll": nll, "chosen_end_logp": ratio(pairs, pl.col(f"chosen_{model}_end"))}


def longer_wins(pairs: pl.DataFrame) -> Estimate:
    """Return the accuracy of preferring the longer answer, the baseline of implicit_accuracy."""
    return ratio(pairs, _won(_gap()))


def _by_length(pairs: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Return accuracy by which answer is the longer."""
    buckets = {}
    for name, sign in BUCKETS.items():
        rows = pairs.filter(_gap().sign() == sign)
        accuracy, per_token = _accuracy(rows), _accuracy(rows, per_token=True)
        buckets[name] = {
            "pairs": rows.height,
            **accuracy.named("accuracy"),
            **per_token.named("accuracy_per_token"),
        }
    return buckets


def _accuracy(pairs: pl.DataFrame, per_token: bool = False) -> Estimate:
    chosen, rejected = _log_ratio("chosen_"), _log_ratio("rejected_")
    if per_token:
        chosen /= pl.col("chosen_num_tokens")
        rejected /= pl.col("rejected_num_tokens")
    return ratio(pairs, _won(chosen - rejected))


def _won(difference: pl.Expr) -> pl.Expr:
    return (difference.sign() + 1) / 2


def _gap() -> pl.Expr:
    return pl.col("chosen_num_tokens") - pl.col("rejected_num_tokens")


def _log_ratio(prefix: str = "") -> pl.Expr:
    return pl.col(f"{prefix}policy") - pl.col(f"{prefix}reference")
