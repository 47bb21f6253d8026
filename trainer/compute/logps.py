"""Runs a model over a batch: log-probs of completions, or scores of sequences."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from rather.trainer.compute.attention import Blocks, attend_as_itself, attending_packed
from rather.trainer.compute.head import adjustment, head_logps, replaced, widen
from rather.trainer.data.layouts import APART, Batch

# The parts of a gated MLP, which computes each token by itself.
GATED_MLP = {"gate_proj", "up_proj", "down_proj", "act_fn"}


@dataclass(frozen=True)
class TokenLogps:
    """The log-probs of all N scored tokens of a batch of S sequences.

    values: (N,) nats, fp32 or wider. sequence: (N,) which of the sequences. position: (N,) place
    within the completion, from 0.
    """

    values: Tensor
    sequence: Tensor
    position: Tensor
    num_sequences: int

    def sums(self) -> Tensor:
        """Sum over each completion: (S,) nats."""
        return self._add_up(self.values)

    def counts(self) -> Tensor:
        """Count each completion's tokens: (S,)."""
        return torch.bincount(self.sequence, minlength=self.num_sequences)

    def sums_within(self, limits: Tensor) -> Tensor:
        """Sum over the first `limits` (S,) tokens of each completion: (S,) nats."""
        within = self.position < limits[self.sequence]
        return self._add_up(torch.where(within, self.values, 0.0))

    def ends(self) -> Tensor:
        """Return the log-prob of each completion's last token: (S,), nats."""
        last = self.position == self.counts()[self.sequence] - 1
        return self._add_up(torch.where(last, self.values, 0.0))

    def _add_up(self, values: Tensor) -> Tensor:
        return values.new_zeros(self.num_sequences).index_add(0, self.sequence, values)

    def then(self, other: "TokenLogps") -> "TokenLogps":
        """Append another batch's sequences."""
        return TokenLogps(
            torch.cat((self.values, other.values)),
            torch.cat((self.sequence, other.sequence + self.num_sequences)),
            torch.cat((self.position, other.position)),
            self.num_sequences + other.num_sequences,
        )


def completion_logps(model: nn.Module, batch: Batch, windows: set[int] | None = None) -> TokenLogps:
    """Compute the log-probs of the completions' tokens, in fp32 or wider whatever the model's.

    A packed batch (`layouts.pack`) runs our attention and head, a padded one the model's
    own from end to end. Sequences laid apart, of which no gradient is wanted, come last. Each
    prompt must have a token, since the first of a sequence has no log-prob. windows: collects the
    sliding windows that layers of a packed batch ask for.
    """
    parts: tuple[Batch, Batch] = ({}, {})
    for name, values in batch.items():
        parts[name.startswith(APART)][name.removeprefix(APART)] = values
    together, apart = parts
    logps = _logps(model, together, windows)
    if not apart:
        return logps
    with torch.no_grad():
        mismatched = _logps(model, apart, windows)
    return logps.then(mismatched)


def _logps(model: nn.Module, batch: Batch, windows: set[int] | None) -> TokenLogps:
    return _packed(model, batch, windows) if "spans" in batch else _padded(model, batch)


def _padded(model: nn.Module, batch: Batch) -> TokenLogps:
    """Run the model as it is: the head from the first completion's position on."""
    attend_as_itself(pretrained(model))
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
    values = -cross_entropy(widen(logits[scored]), targets, reduction="none")
    places = scored.cumsum(1) - 1
    return TokenLogps(values, scored.nonzero()[:, 0], places[scored], len(scored))


def _packed(model: nn.Module, batch: Batch, windows: set[int] | None) -> TokenLogps:
    """Run the body without padding, and the head where it predicts a completion's tokens."""
    inner = pretrained(model)
    spans, ids = batch["spans"], batch["input_ids"]
    lengths = spans[:, 3]
    sequence = torch.arange(len(spans), device=spans.device).repeat_interleave(lengths)
    position = torch.arange(len(sequence), device=spans.device)
    position = position - (lengths.cumsum(0) - lengths)[sequence]
    at = spans[sequence, 2] + position
    ends_of_prompts = spans[:, 0] + spans[:, 1] - 1
    predictors = torch.where(position == 0, ends_of_prompts[sequence], at - 1)
    targets = ids[0, at]
    head: nn.Module = inner.get_output_embeddings()  # type: ignore[no-untyped-call]
    adjust = adjustment(inner.config.get_text_config())
    found: list[Tensor] = []

    def score(hidden: Tensor) -> Tensor:
        found.append(head_logps(head, hidden[0], targets, adjust))
        return found[0][None]

    with replaced(head, score), attending_packed(inner), _sparing(inner, predictors):
        returned = model(
            input_ids=ids,
            position_ids=batch["position_ids"],
            blocks=Blocks(spans, windows),
            logits_to_keep=predictors,
            use_cache=False,
        ).logits
    # A wrapper that shards weights watches what the model returns; the model adjusts it, though.
    values = returned[0] if adjust is None else found[0]
    return TokenLogps(values, sequence, position, len(spans))


@contextmanager
def _sparing(model: PreTrainedModel, places: Tensor) -> Iterator[None]:
    """Run the last layer's gated MLP only at some places of a row; elsewhere it gives 0.

    What follows it looks at each place by itself, so that no other place is heeded. What computes
    activations again in the backward pass would not find it so, and is left alone.
    """
    mlp = _last_mlp(model)
    if mlp is None or (model.is_gradient_checkpointing and torch.is_grad_enabled()):
        yield
        return
    wanted, forward = torch.unique(places), mlp.forward

    def partly(hidden: Tensor) -> Tensor:
        found: Tensor = forward(hidden[:, wanted])
        return found.new_zeros(hidden.shape).index_copy(1, wanted, found)

    with replaced(mlp, partly):
        yield


def _last_mlp(model: PreTrainedModel) -> nn.Module | None:
    decoder = model.get_decoder()  # type: ignore[no-untyped-call]
    layers = getattr(decoder, "layers", None)
    mlp = getattr(layers[-1], "mlp", None) if isinstance(layers, nn.ModuleList) else None
    gated = isinstance(mlp, nn.Module) and {name for name, _ in mlp.named_children()} == GATED_MLP
    return mlp if gated else None


def pretrained(model: nn.Module) -> PreTrainedModel:
    """Find the model within whatever wraps it: an adapter, or a distributed module."""
    return next(module for module in model.modules() if isinstance(module, PreTrainedModel))


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


def has_dropout(model: nn.Module) -> bool:
    """Check whether a model has dropout in training."""
    layers = any(isinstance(module, nn.Dropout) and module.p for module in model.modules())
    settings = pretrained(model).config.get_text_config().to_dict()
    return layers or any("drop" in name and value for name, value in settings.items())


def to_device(batch: Batch, model: nn.Module) -> Batch:
    """Move a batch to where the model is."""
    return {name: values.to(device_of(model)) for name, values in batch.items()}


def device_of(model: nn.Module) -> torch.device:
    """Return the device that holds a model."""
    return next(model.parameters()).device
