"""Chooses how a model computes a batch: the fastest layout that gives its log-probs exactly."""

import logging
from array import array
from dataclasses import dataclass

import torch
from transformers import PretrainedConfig, PreTrainedModel

from rather.trainer.compute.logps import TokenLogps, completion_logps, inference, to_device
from rather.trainer.config import TrainConfig
from rather.trainer.data.layouts import Group, Layout, lay_out
from rather.trainer.errors import TrainerError

logger = logging.getLogger(__name__)

# How far log-probs of single tokens, in nats, may lie from the untouched model's: rounding alone.
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}
TOLERANCE_IN_HALF = 0.1
# Where configurations bound how far back a layer's attention reaches, in tokens.
REACHES = ("sliding_window", "attention_chunk_size")


@dataclass(frozen=True)
class Choice:
    """A layout, and why it is not the fastest where it is not."""

    layout: Layout
    reason: str = ""


def choose(model: PreTrainedModel, config: TrainConfig, scored: bool = False) -> Choice:
    """Choose the layout of a model's batches, trying it on a small batch beside the padded one.

    scored: a reward model, which finds the end of a padded sequence by itself. Raises TrainerError
    where the settings ask for a layout that changes the model's log-probs.
    """
    if config.computation == "padded":
        return Choice("padded", "asked for")
    reason = "a reward model scores padded sequences" if scored else _obstacle(model, config)
    wanted: Layout = "packed" if config.computation == "packed" else "shared"
    if not reason:
        return Choice(wanted)
    if config.computation != "auto" and not scored:
        raise TrainerError(
            f"computation: expected one that is exact for {type(model).__name__}, found "
            f"{config.computation}, with which {reason}; set computation to auto or padded"
        )
    logger.warning("sequences are padded one by one, which is slower: %s", reason)
    return Choice("padded", reason)


def _obstacle(model: PreTrainedModel, config: TrainConfig) -> str:
    """Return the reason against packing, None if there is none."""
    if not model._can_set_attn_implementation():
        return "its attention cannot be replaced"
    groups = _trial(model)
    try:
        found, windows = _try(model, groups, "shared")
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
        return f"it does not run packed: {type(error).__name__}: {error}"
    expected, _ = _try(model, groups, "padded")
    apart = float((found.values - expected.values).abs().max())
    if not apart <= TOLERANCE.get(model.dtype, TOLERANCE_IN_HALF):
        return f"its log-probs change by up to {apart:.2g} nats a token"
    return _unseen_reach(model.config.get_text_config(), windows, config.max_length)


def _unseen_reach(config: PretrainedConfig, windows: set[int], max_length: int) -> str:
    """Return the attention window that layers do not declare, and packing would ignore."""
    for name in REACHES:
        reach = getattr(config, name, None)
        used = getattr(config, "use_sliding_window", True) or name != "sliding_window"
        if reach and used and reach < max_length and reach not in windows:
            return f"its {name} of {reach} is shorter than max_length, {max_length}"
    return ""


def _trial(model: PreTrainedModel) -> list[Group]:
    """Make two rows of random tokens, of a prompt and two completions each."""
    generator = torch.Generator().manual_seed(0)
    words = int(model.config.get_text_config().vocab_size)

    def draw(length: int) -> "array[int]":
        return array("i", torch.randint(words, (length,), generator=generator).tolist())

    return [(draw(13), (draw(7), draw(11))), (draw(5), (draw(9), draw(4)))]


def _try(
    model: PreTrainedModel, groups: list[Group], layout: Layout
) -> tuple[TokenLogps, set[int]]:
    batch = to_device(lay_out(groups, 0, layout), model)
    windows: set[int] = set()
    with inference(model, "fp32"):
        return completion_logps(model, batch, windows), windows
