"""What a loss is: a function of log-probs, with the data that it takes and its usual numbers.

Every floating tensor is (B,), in nats: log-probs are summed over a completion's scored tokens, and
lengths count those tokens. Arithmetic stays in the dtype given, fp32 or float64, and is finite for
log-probs down to -1e5. The files of this folder import torch on use, so that commands list losses
where torch is not installed.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from rather.trainer.config import Kind

if TYPE_CHECKING:
    from torch import Tensor

# The least and the greatest value of an option, by its name.
Limits = Mapping[str, tuple[float, float]]
SMOOTHING: Limits = {"label_smoothing": (0, 0.49)}
WEIGHT: Limits = {"alpha": (0, 1e6), "lambda_": (0, 1e6)}
DPO_BETAS = (0.05, 0.5)  # the betas that DPO and the losses on its scale are used with

# Arguments of a loss of pairs that are a Pair, and the two quantities that it is made of.
PAIRED = {
    name: (pattern.format("chosen"), pattern.format("rejected"))
    for name, pattern in {
        "policy": "policy_{}",
        "reference": "reference_{}",
        "lengths": "{}_lengths",
        "policy_heads": "policy_{}_heads",
        "reference_heads": "reference_{}_heads",
        "scores": "{}_scores",
    }.items()
}
WEIGHTS = ("desirable_weight", "undesirable_weight")
# The arguments that the trainer supplies to a loss, by the data that it learns from.
SUPPLIED: dict[Kind, tuple[str, ...]] = {
    "demonstrations": ("logps", "lengths"),
    "pairs": (
        *PAIRED,
        *("policy_chosen", "chosen_lengths", "mean_chosen_length", "p_correct", "score_margin"),
        "beta",
    ),
    "labels": ("policy", "reference", "labels", "lengths", "kl", "shift", "beta", *WEIGHTS),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One quantity of B pairs: of the chosen completions, (B,), and of the rejected ones, (B,)."""

    chosen: "Tensor"
    rejected: "Tensor"

    def __sub__(self, other: "Pair") -> "Pair":
        """Subtract side by side: of the policy's log-probs the reference's give log-ratios."""
        return Pair(self.chosen - other.chosen, self.rejected - other.rejected)

    def __truediv__(self, other: "Pair") -> "Pair":
        """Divide side by side: log-probs divided by lengths are means over tokens."""
        return Pair(self.chosen / other.chosen, self.rejected / other.rejected)

    def __rmul__(self, factor: float) -> "Pair":
        """Multiply both sides: beta times log-ratios are rewards."""
        return Pair(factor * self.chosen, factor * self.rejected)

    @property
    def margin(self) -> "Tensor":
        """The chosen side less the rejected one, (B,)."""
        return self.chosen - self.rejected


@dataclass(frozen=True)
class Loss:
    """A loss, the data it is computed from, and its usual numbers.

    Args:
        function: returns the loss of each example, (B,). It takes quantities by name, those of
            SUPPLIED; an argument with a default is an option.
        eats: the kind of data that it learns from.
        usual_beta: None for a loss without beta.
        usual_betas: a beta outside of these is suspect.
        averages_over: what a mean over several batches is weighted by.
        per_token: its rewards are beta times mean log-probs, in place of summed ones.
        limits: the least and the greatest value of an option.
    """

    function: "Callable[..., Tensor]"
    eats: Kind
    usual_beta: float | None = None
    usual_betas: tuple[float, float] | None = None
    averages_over: Literal["examples", "tokens"] = "examples"
    per_token: bool = False
    limits: Limits = field(default_factory=dict)

    def __call__(self, **quantities: Any) -> "Tensor":
        """Compute the loss of each example.

        Args:
            quantities: the tensors and numbers of `inputs`, by name; beta and options may be left
                out.

        Returns:
            (B,), in fp32 or wider.
        """
        widened = {name: widen(value) for name, value in quantities.items()}
        return self._apply(self._pair_up(widened))

    def _pair_up(self, quantities: dict[str, Any]) -> dict[str, Any]:
        """Return arguments in place of quantities: two sides make a Pair."""
        if self.eats != "pairs":
            return quantities
        sides = {
            name: Pair(*(quantities[side] for side in PAIRED[name]))
            for name in self.arguments
            if name in PAIRED
        }
        return quantities | sides

    def _apply(self, arguments: Mapping[str, Any]) -> "Tensor":
        """Call the function with those of the arguments that it takes."""
        taken = {name: arguments[name] for name in self.arguments if name in arguments}
        if self.usual_beta is not None:
            taken.setdefault("beta", self.usual_beta)
        return self.function(**taken)

    @cached_property
    def arguments(self) -> Mapping[str, inspect.Parameter]:
        """The function's parameters, by name."""
        return inspect.signature(self.function).parameters

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the quantities and numbers that it takes, with a Pair's two sides apart."""
        return tuple(self._inputs())

    def _inputs(self) -> Iterator[str]:
        for name in self.arguments:
            yield from PAIRED.get(name, (name,)) if self.eats == "pairs" else (name,)

    @property
    def options(self) -> dict[str, Any]:
        """Its own numbers beside beta with their defaults: the arguments that have one."""
        return {
            name: parameter.default
            for name, parameter in self.arguments.items()
            if parameter.default is not parameter.empty and name != "beta"
        }

    @property
    def needs_reference(self) -> bool:
        """Whether it compares the policy with a reference model."""
        return any(name.startswith("reference") for name in self.arguments)

    @property
    def needs_heads(self) -> bool:
        """Whether it takes the log-probs of as many first tokens as both completions have."""
        return any(name.endswith("heads") for name in self.arguments)

    @property
    def needs_scores(self) -> bool:
        """Whether it trains a reward model, which scores sequences, in place of a policy."""
        return "scores" in self.arguments


def widen(value: Any) -> Any:
    """Return half precision as fp32, and anything else unchanged."""
    import torch

    half = isinstance(value, torch.Tensor) and value.dtype in (torch.float16, torch.bfloat16)
    return value.float() if half else value


def logsigmoid(logits: "Tensor") -> "Tensor":
    """Compute log sigma(logits), element by element, finite wherever the logits are."""
    from torch.nn import functional

    return functional.logsigmoid(logits)


def weighted_sum(terms: Sequence[tuple[Loss, float]]) -> Loss:
    """Return one loss made of several, each with its weight, which all learn from the same data.

    The sum takes whatever its terms take. A beta or an option given reaches every term that has it;
    a term's usual beta counts where none is given.
    """

    def function(**arguments: Any) -> "Tensor":
        import torch

        return torch.stack([weight * loss._apply(arguments) for loss, weight in terms]).sum(0)

    first = terms[0][0]
    parameters = {
        name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for loss, _ in terms
        for name, parameter in loss.arguments.items()
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
