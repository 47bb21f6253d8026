"""What must hold before the first step: settings, data, tokenizer and reference fit together."""

import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rather.trainer.compute.objective import Objective, Quantities, at_reference
from rather.trainer.config import TrainConfig
from rather.trainer.data.batches import Rows
from rather.trainer.data.dataset import TokenLedger
from rather.trainer.errors import TrainerError
from rather.trainer.reference.reference import RERUN

logger = logging.getLogger(__name__)

# How far the first batch may lie from the reference itself: rounding, no more. Measured on a CPU,
# models of 0.4 to 1.5 million parameters and up to 500 tokens, reference and policy in batches of
# other shapes: on average at most 7e-6 in fp32 and 7e-4 in bf16, and nothing where packed. The
# rest is for kernels that choose another order of summing, and for losses steeper than dpo.
STEP0_TOLERANCE = {"fp32": 1e-4, "bf16": 5e-2}
ZERO_AT_REFERENCE = ("rewards/margins", "rewards/chosen", "rewards/rejected")
REPORTERS = {"tensorboard": ("tensorboard", "tensorboardX"), "dvclive": ("dvclive",)}


def check_reporters(config: TrainConfig, log: Path | None) -> None:
    """Check that loggers are known, installed and have a folder to write to."""
    for name in config.report_to:
        packages = REPORTERS.get(name)
        if packages is None:
            known = ", ".join(REPORTERS)
            raise TrainerError(f"report_to: expected some of {known}, found {name}; correct it")
        if not any(importlib.util.find_spec(package) for package in packages):
            raise TrainerError(
                f"report_to: expected the package {packages[0]} to be installed, found none; "
                f"install it, or leave {name} out of report_to"
            )
    if config.report_to and log is None:
        raise TrainerError(
            f"report_to: expected a log file to write {', '.join(config.report_to)} beside, "
            "found none; give one"
        )


def check_reference_given(goal: Objective, reference: Path | None, config: TrainConfig) -> None:
    """Check that a reference is given exactly when the loss needs one."""
    needed = goal.loss.needs_reference and config.reference == "cached"
    if needed and reference is None:
        raise TrainerError(
            f"{config.loss}: expected a cache of the reference's log-probs, found none; "
            "run the reference stage and give its file, or set reference to online"
        )
    if reference is not None and not needed:
        raise TrainerError(
            f"{config.loss}: expected no cached reference, found {reference}; leave it out, "
            "or choose a loss that has one, with reference cached"
        )


def check_ledger(ledger: TokenLedger, config: TrainConfig) -> None:
    """Check the shares of dropped and truncated rows against their limits."""
    rows = max(ledger.rows_in, 1)
    for name, count in (
        ("max_dropped", sum(ledger.dropped.values())),
        ("max_truncated", ledger.truncated),
    ):
        most = getattr(config, name)
        if count / rows > most:
            raise TrainerError(
                f"{name}: expected at most {most:.1%} of the training rows, found "
                f"{count / rows:.1%}: {ledger.as_dict()}; raise max_length, now "
                f"{config.max_length}, mend the rows, or raise {name}"
            )


def check_tokens(
    tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, splits: Mapping[str, Rows]
) -> None:
    """Check that the model has an embedding for every token of the tokenizer."""
    size = model.get_input_embeddings().num_embeddings
    used = max(
        max(map(max, (example.prompt, *example.completions)))
        for rows in splits.values()
        for example in rows.examples
    )
    found = {
        "a vocabulary": tokenizer.vocab_size - 1,
        "eos": tokenizer.eos_token_id,
        "a pad token": tokenizer.pad_token_id,
        "data": used,
    }
    for name, highest in found.items():
        if highest >= size:
            raise TrainerError(
                f"{tokenizer.name_or_path}: expected token ids below {size}, the model's "
                f"embedding, found {name} up to {highest}: the tokenizer is not this model's; "
                "give the model's own"
            )


def check_step0(
    goal: Objective, quantities: Quantities, starts_at_reference: bool, config: TrainConfig
) -> dict[str, Any]:
    """Measure the first batch's loss; where training starts at the reference, hold it to that's.

    That is ln 2 for dpo, 1 / (4 beta^2) for ipo, half of each example's weight for kto; margins and
    z0 are 0. Raises TrainerError with the value found.
    """
    _expect_finite(quantities)
    losses = goal.losses(quantities)
    found: dict[str, Any] = {"loss_step0": float(losses.mean())}
    if not goal.loss.needs_reference:
        return found
    if not starts_at_reference:
        logger.warning("step 0 is not checked: the reference is declared to be another model")
        return found | {"step0_check": "skipped: the reference is declared to be another model"}
    expected = goal.losses(at_reference(quantities))
    told = goal.metrics(quantities)
    # Rounding of log-probs grows with what a loss makes of them: sppo's is some 1e5, dpo_norm's
    # rewards are five times a log-ratio.
    apart = {"the loss": (losses - expected) / expected.abs().clamp(min=1)}
    apart |= {name: told[name] / max(goal.beta, 1) for name in ZERO_AT_REFERENCE if name in told}
    if "kl" in told:
        apart["z0, times beta"] = goal.beta * told["kl"]
    tolerance = STEP0_TOLERANCE[config.precision]
    for name, distances in apart.items():
        distance = float(distances.abs().mean()) if len(distances) else 0.0
        if not distance <= tolerance:
            raise TrainerError(
                f"step 0: expected the {config.loss} of the reference itself, "
                f"{float(expected.mean()):.6f} on the first batch, found "
                f"{found['loss_step0']:.6f}, "
                f"and {name} {distance:.6f} away on average, above {tolerance}: the reference's "
                "log-probs are not this model's; they may have been changed, or come from another "
                f"chat template, precision or version of transformers; {RERUN}"
            )
    return found | {"step0_check": "passed"}


def _expect_finite(quantities: Quantities) -> None:
    wrong = [name for name, values in quantities.items() if not values.isfinite().all()]
    if wrong:
        raise TrainerError(
            f"step 0: expected finite numbers on the first batch, found NaN or infinity in "
            f"{', '.join(wrong)}; look at the model's weights, or train with precision fp32"
        )
