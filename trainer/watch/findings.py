"""A run as it looks while it goes on, and what may be found wrong with it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot, isfinite
from typing import Literal

from rather.trainer.config import TrainConfig
from rather.trainer.losses import Loss
from rather.trainer.watch.windows import NOISE_FROM, Window, noise, window


@dataclass(frozen=True)
class Finding:
    """A warning or a note: the numbers seen, why they matter, and what to try.

    step: optimizer steps taken when it was seen, 0 before the first.
    """

    name: str
    step: int
    saw: str
    why: str
    try_: str
    level: Literal["warning", "note"] = "warning"

    def __str__(self) -> str:
        """Return the finding as sentences."""
        when = f"step {self.step}" if self.step else "before training"
        return f"{self.name}, {when}: {self.saw}. {self.why} Try: {self.try_}."

    def as_dict(self) -> dict[str, str | int]:
        """Return the finding for JSON."""
        told = {"saw": self.saw, "why": self.why, "try": self.try_}
        return {"name": self.name, "level": self.level, "step": self.step, **told}


class Past:
    """A run up to now: its settings, its loss, the rows it trains on, and its last records."""

    def __init__(self, config: TrainConfig, loss: Loss, num_rows: int) -> None:
        self.config = config
        self.loss = loss
        self.num_rows = num_rows
        self.step = 0
        self._epoch = 0.0
        self._first: dict[str, float] = {}
        self._last: dict[str, deque[float]] = {}

    def add(self, record: Mapping[str, float]) -> None:
        """Take in a record; what is no finite number in it counts in nothing."""
        self.step, self._epoch = int(record["step"]), record["epoch"]
        for name, value in record.items():
            if isfinite(value):
                self._first.setdefault(name, value)
                self._last.setdefault(name, deque(maxlen=NOISE_FROM)).append(value)

    @property
    def compared(self) -> bool:
        """Check whether half of a run on preferences is over."""
        tells = self.loss.eats == "labels" or any("rejected" in name for name in self.loss.inputs)
        return tells and self._epoch >= self.config.epochs / 2

    @property
    def beta(self) -> float | None:
        """The loss's beta, None where it has none."""
        return self.loss.usual_beta if self.config.beta is None else self.config.beta

    def window(self, name: str) -> Window | None:
        """Average a quantity over the last records; None where too few have it."""
        return window([*self._last.get(name, ())])

    def change(self, name: str) -> Window | None:
        """Average how far a quantity has moved since the first record, whose noise counts too."""
        given = [*self._last.get(name, ())]
        now = window(given)
        if now is None:
            return None
        return Window(now.mean - self._first[name], hypot(now.error, noise(given)))

    def saw(self, name: str, saw: str, why: str, try_: str) -> Finding:
        """Make a warning of what was seen now."""
        return Finding(name, self.step, saw, why, try_)
