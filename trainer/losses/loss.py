"""What the trainer must know of a loss to feed it."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from rather.trainer.config import Kind

# What an option may be: a share of wrong labels, for one, says nothing from one half on.
Limits = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Loss:
    """A loss, the data it is computed from, and its usual numbers.

    usual_beta: None for a loss without beta; usual_betas: outside of these a beta is suspect.
    averages_over: what a mean over several batches is weighted by.
    per_token: whether its rewards are beta times mean log-probs and not summed ones.
    limits: the least and the greatest value of an option.
    """

    function: Callable[..., Tensor]
    eats: Kind
    usual_beta: float | None = None
    usual_betas: tuple[float, float] | None = None
    averages_over: Literal["examples", "tokens"] = "examples"
    per_token: bool = False
    limits: Limits = field(default_factory=dict)

    def __call__(self, **inputs: Any) -> Tensor:
        """Compute the loss of each example, (B,), in fp32 or wider; beta may be left out."""
        if self.usual_beta is not None:
            inputs.setdefault("beta", self.usual_beta)
        return self.function(**{name: widen(value) for name, value in inputs.items()})

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its arguments."""
        return tuple(inspect.signature(self.function).parameters)

    @property
    def options(self) -> dict[str, Any]:
        """Its own numbers beside beta, those arguments that have a default."""
        parameters = inspect.signature(self.function).parameters.items()
        return {
            name: given.default for name, given in parameters if given.default is not given.empty
        }

    @property
    def needs_reference(self) -> bool:
        """Whether it compares the policy with a reference model."""
        return any(name.startswith("reference") for name in self.inputs)

    @property
    def needs_heads(self) -> bool:
        """Whether it takes the log-probs of as many first tokens as both completions have."""
        return any(name.endswith("heads") for name in self.inputs)

    @property
    def needs_scores(self) -> bool:
        """Whether it trains a reward model, which scores sequences, and not a policy."""
        return any(name.endswith("scores") for name in self.inputs)


def widen(value: Any) -> Any:
    """Carry half precision over into fp32, and leave all else alone."""
    half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
    return value.float() if half else value


def weighted_sum(terms: Sequence[tuple[Loss, float]]) -> Loss:
    """Make one loss of several, each with its weight, which all eat the same.

    It takes whatever its terms take; a beta or option given reaches every term that has it.
    """

    def function(**inputs: Any) -> Tensor:
        values = [
            weight * loss(**{name: inputs[name] for name in loss.inputs if name in inputs})
            for loss, weight in terms
        ]
        return torch.stack(values).sum(0)

    first = terms[0][0]
    parameters = {
        name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for loss, _ in terms
        for name, parameter in inspect.signature(loss.function).parameters.items()
    }
    function.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    limits = {name: bounds for loss, _ in terms for name, bounds in loss.limits.items()}
    return Loss(
        function,
        first.eats,
        averages_over=first.averages_over,
        per_token=first.per_token,
        limits=limits,
    )
