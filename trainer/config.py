"""The numbers a training run may turn."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from trainer.errors import TrainerError

Precision: TypeAlias = Literal["fp32", "bf16"]
Schedule: TypeAlias = Literal["cosine", "linear", "constant", "constant_with_warmup"]


@dataclass(frozen=True)
class TrainConfig:
    """How one model is trained; two runs with equal settings give equal weights.

    beta: strength of the pull to the reference; None takes the loss's usual value.
    learning_rate: its peak, reached after `warmup_ratio` of all optimizer steps.
    batch_size: rows in one forward pass; an optimizer step sees `gradient_accumulation_steps`
        of them.
    max_length: tokens of prompt and completion together.
    precision: "fp32", or "bf16" for bfloat16 arithmetic on fp32 weights.
    desirable_weight, undesirable_weight: KTO's weights of good and bad completions.
    separate_reference: the reference is meant to be another model than the one training starts
        from, so the two are not compared before the first step.
    logging_steps: optimizer steps that one record of the history averages.

    Raises TrainerError where a value is out of its range.
    """

    loss: str
    beta: float | None = None
    epochs: int = 1
    learning_rate: float = 1e-5
    lr_scheduler_type: Schedule = "cosine"
    warmup_ratio: float = 0.1
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    batch_size: int = 16
    gradient_accumulation_steps: int = 1
    max_length: int = 1024
    precision: Precision = "fp32"
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    separate_reference: bool = False
    seed: int = 0
    logging_steps: int = 10

    def __post_init__(self) -> None:
        """Refuse values no training could use."""
        whole = {"epochs": 1, "batch_size": 1, "gradient_accumulation_steps": 1}
        whole |= {"max_length": 2, "logging_steps": 1}
        for name, least in whole.items():
            self._expect(name, f"at least {least}", getattr(self, name) >= least)
        self._expect("warmup_ratio", "a share from 0 to below 1", 0 <= self.warmup_ratio < 1)
        for name, kind in (("precision", Precision), ("lr_scheduler_type", Schedule)):
            known = get_args(kind)
            self._expect(name, f"one of {', '.join(known)}", getattr(self, name) in known)

    def _expect(self, name: str, expected: str, holds: bool) -> None:
        if not holds:
            raise TrainerError(
                f"{name}: expected {expected}, found {getattr(self, name)!r}; "
                f"correct {name} in the training settings"
            )
