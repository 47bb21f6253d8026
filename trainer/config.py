"""The numbers a training run may turn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from rather.trainer.errors import TrainerError

Kind: TypeAlias = Literal["demonstrations", "pairs", "labels"]  # of data that a loss learns from
Precision: TypeAlias = Literal["fp32", "bf16"]
Computation: TypeAlias = Literal["auto", "shared", "packed", "padded"]
Schedule: TypeAlias = Literal["cosine", "linear", "constant", "constant_with_warmup"]
Settings = TypeVar("Settings", "Lora", "TrainConfig")


@dataclass(frozen=True)
class Lora:
    """Low-rank adaptation: which layers, of what rank.

    alpha: the matrices' product weighs alpha / r; with rslora, alpha / sqrt(r).
    target_modules: names of linear layers, or all-linear for all but the head.
    merge: publish the adapted weights as a whole model; else the adapter alone.

    Raises TrainerError where a value is out of its range.
    """

    r: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: str | tuple[str, ...] = "all-linear"
    rslora: bool = False
    merge: bool = True

    def __post_init__(self) -> None:
        """Check the values' ranges."""
        expect(self, "lora.r", "at least 1", self.r >= 1)
        expect(self, "lora.alpha", "above 0", self.alpha > 0)
        expect(self, "lora.dropout", "a share from 0 to below 1", 0 <= self.dropout < 1)
        expect(self, "lora.target_modules", "at least one", bool(self.target_modules))


@dataclass(frozen=True)
class TrainConfig:
    """How one model is trained; two runs with equal settings give equal weights.

    loss: its name, or a weighted sum of several, name to weight.
    beta: strength of the pull to the reference; None takes each loss's usual value.
    options: the loss's own numbers beside beta, such as label_smoothing; the rest keep its usual.
    learning_rate: its peak, reached after `warmup_ratio` of all optimizer steps.
    batch_size: rows in one forward pass; an optimizer step sees `gradient_accumulation_steps`
        of them.
    max_length: tokens of prompt and completion together.
    computation: how sequences become tensors: "shared", with a prompt's completions after one copy
        of it, "packed", each with its own, "padded", the model untouched, or "auto", the fastest
        that gives this model's log-probs exactly.
    precision: "fp32", or "bf16" for bfloat16 arithmetic on fp32 weights.
    desirable_weight, undesirable_weight: KTO's weights of good and bad completions.
    separate_reference: the reference is meant to be another model than the one training starts
        from, so the two are not compared before the first step.
    logging_steps: optimizer steps that one record of the history averages.
    gradient_checkpointing: compute activations again in the backward pass, rather than keep them.
    sharded: divide weights and optimizer over the processes (FSDP2) rather than repeat them.
    lora: train an adapter, given as Lora or its fields, rather than all weights.
    reference: "cached" log-probs, or "online": computed at every step, by a frozen copy of the
        starting model or by switching the adapter off.
    refresh_steps, refresh_alpha: every so many steps an online reference moves this share of the
        way to the policy (TR-DPO, arXiv:2404.09656: 512 and 0.6); None for a reference that stays.
    save_steps, saves_per_epoch: how often a checkpoint is kept, where a folder for them is given.
    eval_steps: measure the held-out rows this often; None for once, at the end.
    max_dropped, max_truncated: shares of the rows above which training stops before it starts.
    report_to: tensorboard, dvclive and other loggers that transformers knows.

    Raises TrainerError where a value is out of its range.
    """

    loss: str | Mapping[str, float]
    beta: float | None = None
    options: Mapping[str, float | str | bool] = field(default_factory=dict)
    epochs: int = 1
    learning_rate: float = 1e-5
    lr_scheduler_type: Schedule = "cosine"
    warmup_ratio: float = 0.1
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    batch_size: int = 16
    gradient_accumulation_steps: int = 1
    max_length: int = 1024
    computation: Computation = "auto"
    precision: Precision = "fp32"
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    separate_reference: bool = False
    seed: int = 0
    logging_steps: int = 10
    gradient_checkpointing: bool = False
    sharded: bool = False
    lora: Lora | None = None
    reference: Literal["cached", "online"] = "cached"
    refresh_steps: int | None = None
    refresh_alpha: float = 0.6
    save_steps: int | None = None
    saves_per_epoch: int | None = None
    eval_steps: int | None = None
    max_dropped: float = 1.0
    max_truncated: float = 1.0
    report_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the values' ranges."""
        if isinstance(self.lora, Mapping):
            object.__setattr__(self, "lora", read_settings(Lora, self.lora, "lora"))
        whole = {"epochs": 1, "batch_size": 1, "gradient_accumulation_steps": 1}
        whole |= {"max_length": 2, "logging_steps": 1}
        whole |= dict.fromkeys(("refresh_steps", "save_steps", "saves_per_epoch", "eval_steps"), 1)
        for name, least in whole.items():
            value = getattr(self, name)
            expect(self, name, f"at least {least}", value is None or value >= least)
        expect(self, "warmup_ratio", "a share from 0 to below 1", 0 <= self.warmup_ratio < 1)
        expect(self, "refresh_alpha", "a share from 0 to 1", 0 <= self.refresh_alpha <= 1)
        for name in ("max_dropped", "max_truncated"):
            expect(self, name, "a share from 0 to 1", 0 <= getattr(self, name) <= 1)
        choices = (
            ("precision", Precision),
            ("lr_scheduler_type", Schedule),
            ("computation", Computation),
        )
        for name, kind in choices:
            known = get_args(kind)
            expect(self, name, f"one of {', '.join(known)}", getattr(self, name) in known)
        expect(self, "reference", "cached or online", self.reference in ("cached", "online"))
        followed = self.refresh_steps is None or (self.reference == "online" and not self.lora)
        expect(self, "refresh_steps", "none but for an online reference, without lora", followed)


def expect(settings: object, name: str, expected: str, holds: bool) -> None:
    """Raise TrainerError where a setting is not as expected."""
    if not holds:
        found = getattr(settings, name.rpartition(".")[2])
        raise TrainerError(
            f"{name}: expected {expected}, found {found!r}; correct {name} in the training settings"
        )


def read_settings(kind: type[Settings], given: Mapping[str, Any], where: str) -> Settings:
    """Make settings of named values; raises TrainerError for a name that is not theirs."""
    known = [each.name for each in fields(kind)]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise TrainerError(
            f"{where}: expected some of {', '.join(known)}, found {', '.join(unknown)}; "
            "correct the name in the training settings"
        )
    listed = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    numbers = {each.name for each in fields(kind) if isinstance(each.default, int | float)}
    for name in numbers & given.keys():
        if not isinstance(given[name], int | float):
            raise TrainerError(
                f"{name}: expected a number, found {given[name]!r}; correct {name} in {where}"
            )
    make: Callable[..., Settings] = kind
    return make(**listed)
