"""Runs a model over a padded batch: log-probs of completions, or scores of sequences."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainer.batches import Batch


def completion_logps(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Sum the log-probs of each completion's tokens.

    Returns (S,) sums in nats, in fp32 or wider whatever the model computes in, and (S,) counts of
    scored tokens. The head runs from the first completion's position on, the softmax at completion
    positions alone. Each prompt must have a token, since the first of a sequence has no log-prob.
    """
    # The logits at one position predict the token at the next.
    scored = batch["completion_mask"][:, 1:]
    first = int(scored.any(0).int().argmax())
    logits = model(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        logits_to_keep=batch["input_ids"].shape[1] - first,
        use_cache=False,
    ).logits[:, :-1]
    scored = scored[:, first:]
    targets = batch["input_ids"][:, 1 + first :][scored]
    token_logps = -cross_entropy(widen(logits[scored]), targets, reduction="none")
    spread = token_logps.new_zeros(scored.shape).masked_scatter(scored, token_logps)
    return spread.sum(1), scored.sum(1)


def sequence_scores(model: nn.Module, batch: Batch) -> Tensor:
    """Score each sequence at its last token: (S,) raw logits of a one-label classifier."""
    outputs = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    return widen(outputs.logits[:, 0])


@contextmanager
def inference(model: nn.Module, precision: str) -> Iterator[None]:
    """Run a model without gradients or dropout, in the precision it trains in."""
    was_training = model.training
    bf16 = torch.autocast(device_of(model).type, torch.bfloat16, enabled=precision == "bf16")
    model.train(False)
    with torch.no_grad(), bf16:
        yield
    model.train(was_training)


def to_device(batch: Batch, model: nn.Module) -> Batch:
    """Move a batch to where the model is."""
    return {name: values.to(device_of(model)) for name, values in batch.items()}


def device_of(model: nn.Module) -> torch.device:
    """Name the device that holds a model."""
    return next(model.parameters()).device


def widen(values: Tensor) -> Tensor:
    """Carry half precision over into fp32, and leave wider alone."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
