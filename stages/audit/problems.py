"""A problem of the data, and how bad it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Figures = Mapping[str, Any]
Severity = Literal["warning", "error"]


@dataclass(frozen=True)
class Problem:
    """What is wrong, how badly, of how many, and what to do about it."""

    name: str
    severity: Severity
    sentence: str
    count: int | None
    share: float | None
    next: str
    reason: str | None = None


def beyond(value: float | None, most: tuple[float, float]) -> Severity | None:
    """Return the level of a value above two thresholds: a warning, an error, or None."""
    if value is None or value <= most[0]:
        return None
    return "error" if value > most[1] else "warning"


def below(value: float | None, least: tuple[float, float]) -> Severity | None:
    """Return the level of a value below two thresholds."""
    return None if value is None else beyond(-value, (-least[0], -least[1]))


def worst(*severities: Severity | None) -> Severity | None:
    """Return the worst of several levels."""
    return "error" if "error" in severities else "warning" if "warning" in severities else None
