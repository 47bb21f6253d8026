"""Notes where log-probs stop being numbers, without waiting for the device at every step."""

from collections.abc import Iterable

import torch

from rather.trainer.compute import ranks
from rather.trainer.compute.objective import Quantities
from rather.trainer.errors import TrainerError

NEVER = 2**62


class Finite:
    """The first step at which this process met a log-prob that is no number, if any."""

    def __init__(self, device: torch.device) -> None:
        self._first_bad_step = torch.full((), NEVER, device=device)

    def note(self, quantities: Quantities, step: int) -> None:
        """Look at what the loss takes at a step."""
        floats = [values.detach() for values in quantities.values() if values.is_floating_point()]
        finite = torch.stack([values.isfinite().all() for values in floats]).all()
        self._first_bad_step = torch.minimum(self._first_bad_step, torch.where(finite, NEVER, step))

    def first_bad_step(self) -> int | None:
        """Return the first such step over all processes."""
        step = min(ranks.gather(int(self._first_bad_step)))
        return None if step == NEVER else step


def not_finite(step: int, rows: Iterable[int]) -> TrainerError:
    """Return the step and the rows at which a value was not finite."""
    return TrainerError(
        f"step {step}: expected finite log-probs, found NaN or infinite ones in its batch, "
        f"rows {', '.join(map(str, sorted(rows)))} of those kept, counted from 0; look at these "
        "rows, lower learning_rate, or train with precision fp32"
    )
