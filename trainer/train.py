"""Trains one model: supervised fine-tuning, a reward model, or a policy on preferences."""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import set_seed

from trainer.batches import Rows, read_rows
from trainer.config import TrainConfig
from trainer.encoding import ChatEncoder
from trainer.errors import TrainerError
from trainer.loop import PreferenceTrainer
from trainer.models import (
    fingerprint,
    load_policy,
    load_scorer,
    load_tokenizer,
    publish_model,
)
from trainer.objective import Objective, at_reference, objective
from trainer.reference import RERUN, Reference

logger = logging.getLogger(__name__)

# How far the first batch's losses may lie from those of the reference itself: rounding, no more.
STEP0_TOLERANCE = {"fp32": 1e-4, "bf16": 5e-2}


def train(
    model: Path, data: Path, out: Path, config: TrainConfig, reference: Path | None = None
) -> dict[str, Any]:
    """Train the model in a folder on data/train.parquet, publish it at `out`, return metrics.

    `out` is replaced whole, once training has ended well.

    Metrics: loss_step0, on the first batch before training; train_loss and TRL's metrics, over the
    last record of the history; the same over test.parquet, prefixed eval_; tokens, a ledger for
    each split; num_steps; tokens_per_second, padding excluded; history. Each example weighs the
    same in a mean, and for sft each token.

    Raises TrainerError on data, reference or settings that do not fit together, and before the
    first step where the cached reference turns out not to be the starting model.
    """
    goal = objective(config)
    _check_reference_given(goal, reference, config)
    tokenizer = load_tokenizer(model)
    pad_id = int(tokenizer.pad_token_id)
    splits, ledgers = read_rows(data, goal.loss.eats, ChatEncoder(tokenizer), config)
    cache = None if reference is None else Reference(reference)
    starts_at_reference = cache is not None and _attach(cache, splits, model, config)
    # A reward model's new head is drawn at random.
    set_seed(config.seed)
    scored = goal.loss.needs_scores
    policy = load_scorer(model, pad_id, new_head=True) if scored else load_policy(model)
    with tempfile.TemporaryDirectory() as scratch:
        run = PreferenceTrainer(policy, goal, splits["train"], pad_id, config, Path(scratch))
        metrics = {**_step0(run, goal, starts_at_reference, config), **run.fit()}
    metrics |= _held_out(run, splits.get("test"))
    publish_model(out, policy, tokenizer)
    made_with = {} if cache is None else {"reference": cache.made_with}
    tokens = {split: ledger.as_dict() for split, ledger in ledgers.items()}
    return metrics | made_with | {"tokens": tokens}


def _check_reference_given(goal: Objective, reference: Path | None, config: TrainConfig) -> None:
    if goal.loss.needs_reference and reference is None:
        raise TrainerError(
            f"{config.loss}: expected a cache of the reference's log-probs, found none; "
            "run the reference stage and give its file"
        )
    if reference is not None and not goal.loss.needs_reference:
        raise TrainerError(
            f"{config.loss}: expected no reference, found {reference}; leave it out, "
            "or choose a loss that has one"
        )


def _attach(cache: Reference, splits: Mapping[str, Rows], model: Path, config: TrainConfig) -> bool:
    """Give rows their reference log-probs; return whether training starts at that reference."""
    weights = fingerprint(model)
    same = bool(cache.made_with["weights"] == weights)
    if not same and not config.separate_reference:
        raise TrainerError(
            f"{cache.path}: expected log-probs of the starting model, with weights {weights}, "
            f"found those of weights {cache.made_with['weights']}; {RERUN}, "
            "or declare the reference another model with separate_reference"
        )
    for rows in splits.values():
        rows.refer_to(cache.logps)
    return same


def _step0(
    run: PreferenceTrainer, goal: Objective, starts_at_reference: bool, config: TrainConfig
) -> dict[str, Any]:
    """Measure the first batch's loss: the reference's own where training starts there.

    For dpo that is ln 2, for kto half of each example's weight. Raises TrainerError otherwise.
    """
    quantities = run.first_quantities()
    losses = goal.losses(quantities)
    found = {"loss_step0": float(losses.mean())}
    if not goal.loss.needs_reference:
        return found
    if not starts_at_reference:
        logger.warning("step 0 is not checked: the reference is declared to be another model")
        return found | {"step0_check": "skipped: the reference is declared to be another model"}
    expected = goal.losses(at_reference(quantities))
    tolerance = STEP0_TOLERANCE[config.precision]
    apart = float((losses - expected).abs().mean())
    if not apart <= tolerance:
        raise TrainerError(
            f"step 0: expected the {config.loss} of the reference itself, "
            f"{float(expected.mean()):.6f} on the first batch, within {tolerance}; found "
            f"{found['loss_step0']:.6f}, each loss {apart:.6f} away on average: the cached "
            "log-probs are not this model's; they may have been changed, or come from another "
            f"chat template, precision or version of transformers; {RERUN}"
        )
    return found | {"step0_check": "passed"}


def _held_out(run: PreferenceTrainer, rows: Rows | None) -> dict[str, Any]:
    if rows is None:
        return {"eval_skipped": "test.parquet is absent, or too few of its rows can be used"}
    return {f"eval_{name}": value for name, value in run.measure(rows).items()}
