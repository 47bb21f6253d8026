"""What `rather audit --fail-under` asks of an audit, so that it can stop a build."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from rather.schemas.base import UserError

Audit = Mapping[str, Any]

ANSWERS = ("no", "with_care", "yes")  # from the worst verdict to the best
QUALITY = "quality"
COUNT = "duplicates_and_leaks"
FIGURES = ("pairs_kept", "agreement", "p_correct", "length_effect", COUNT)
HALF = 0.5
# What a limit means, by where a figure's good values lie.
WORDS = {
    "higher": "at least {:g}",
    "lower": "at most {:g}",
    "half": "within {:g} of one half",
}


@dataclass(frozen=True)
class Gate:
    """One thing asked: a verdict, the declared quality, or a limit of a figure."""

    name: str
    limit: float | None = None

    def missed(self, audit: Audit) -> str | None:
        """Return how an audit misses the gate, None if it passes."""
        if self.name == QUALITY:
            failures = audit["quality"]["failures"]
            return f"expected the declared quality: {'; '.join(failures)}" if failures else None
        if self.limit is None:
            answer = audit["verdict"]["answer"]
            fine = ANSWERS.index(answer) >= ANSWERS.index(self.name)
            return None if fine else f"expected the verdict {self.name}, found {answer}"
        return self._figure(audit, self.limit)

    def _figure(self, audit: Audit, limit: float) -> str | None:
        """Return how a figure misses its limit; an unknown figure misses it."""
        (figure,) = (each for each in audit["headline"] if each["name"] == self.name)
        value, better = figure["value"], figure["better"]
        if value is None:
            return f"expected {self.name} {WORDS[better].format(limit)}, found none: not known"
        off = abs(value - HALF) if better == "half" else value
        if off >= limit if better == "higher" else off <= limit:
            return None
        return f"expected {self.name} {WORDS[better].format(limit)}, found {value:g}"


def read_gates(texts: Sequence[str]) -> tuple[Gate, ...]:
    """Read what stands after --fail-under; raise UserError where nobody can tell what it asks."""
    return tuple(_gate(text) for text in texts)


def _gate(text: str) -> Gate:
    """Read one gate: a verdict, quality, or NAME=VALUE."""
    name, equals, limit = text.partition("=")
    if not equals and name in (QUALITY, *ANSWERS[1:]):
        return Gate(name)
    if name not in FIGURES:
        raise UserError(
            f"--fail-under {text}: expected {', '.join(ANSWERS[1:])}, {QUALITY}, or NAME=VALUE "
            f"with one of {', '.join(FIGURES)}"
        )
    most = inf if name == COUNT else 1.0
    try:
        value = float(limit)
    except ValueError:
        value = nan
    if not 0 <= value <= most:
        what = "a count" if name == COUNT else "a number from 0 to 1"
        raise UserError(f"--fail-under {text}: expected {what} after {name}=, found {limit!r}")
    return Gate(name, value)


def missed(audit: Audit, gates: Sequence[Gate]) -> list[str]:
    """Return the gates that an audit misses."""
    return [sentence for gate in gates if (sentence := gate.missed(audit)) is not None]
