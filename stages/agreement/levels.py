"""Levels of measurement: how far apart two values are, and what cannot be measured so."""

from typing import Literal

import numpy as np

from rather.stages.agreement.agreement_metrics import NOTHING, Fixed, Metric, Ranked, mid_ranks
from rather.stages.agreement.units import Floats, Ints, Units

Level = Literal["nominal", "ordinal", "interval", "ratio"]
LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval", "ratio")
Kind = Literal["score", "compare"]
MAX_STEPS = 11  # of a scale that is surely ordered, and maybe not even
MAX_CATEGORIES = 128  # beyond, a matrix of distances outgrows the table it describes
NUM_CLASSES = 32  # to group more numbers than that in
MAX_RANKED = 32  # values whose ranks are taken anew whenever an item is left out


def usual_level(units: Units, kind: Kind) -> tuple[Level, str]:
    """Choose the level that values are commonly held to have, and say why."""
    if not units.numeric:
        return "nominal", "labels are text"
    if kind == "compare":
        if np.isin(units.values, [-1, 0, 1]).all():
            return "nominal", "comparisons: first, second or tie"
        return "ordinal", "graded comparisons"
    if units.values.size <= MAX_STEPS and (units.values % 1 == 0).all():
        return "ordinal", f"whole scores, {units.values.size} different ones"
    return "interval", f"scores, {units.values.size} different ones"


def metric(units: Units, level: Level) -> Metric | str:
    """Choose how units add up at a level, or say why they cannot."""
    if not units.pairable.any():
        return "no item has two ratings"
    if np.count_nonzero(units.totals()) < 2:
        return "all ratings are the same value"
    if level == "nominal":
        return _nominal(units.values.size)
    if not units.numeric:
        return f"{level} needs numbers, and the labels are text"
    if level == "ordinal":
        return _ordinal(units)
    return _interval(units.values, units.totals()) if level == "interval" else _ratio(units)


def _nominal(num_values: int) -> Metric | str:
    """Hold two different values to be one apart."""
    if num_values > MAX_CATEGORIES:
        return f"{num_values} different values are no categories (at most {MAX_CATEGORIES})"
    return Fixed(np.eye(num_values), np.arange(num_values), 1 - np.eye(num_values))


def _ordinal(units: Units) -> Metric:
    """Hold values to be as far apart as their mid-ranks."""
    if units.values.size <= MAX_RANKED:
        return Ranked(units.values.size)
    note = f"{units.values.size} different values: intervals and influences hold their ranks fixed"
    ranks = mid_ranks(units.totals().astype(np.float64))
    return _interval(ranks, units.totals(), note)


def _interval(numbers: Floats, often: Ints, note: str | None = None) -> Metric:
    """Hold numbers to be their difference apart: count, sum and sum of squares tell it all."""
    centred = numbers - np.average(numbers, weights=often)
    standard = centred / np.sqrt(np.average(centred**2, weights=often))
    points = np.column_stack([np.ones_like(standard), standard, standard**2])
    distance = np.array([[0.0, 0.0, 1.0], [0.0, -2.0, 0.0], [1.0, 0.0, 0.0]])
    return Fixed(points, np.arange(numbers.size), distance, note)


def _ratio(units: Units) -> Metric | str:
    """Hold numbers to be their difference over their sum apart."""
    if units.values[0] < 0:
        return "a ratio scale has no values below zero"
    numbers, index, note = units.values, np.arange(units.values.size), None
    if numbers.size > MAX_CATEGORIES:
        numbers, index = _classes(numbers, units.totals())
        note = f"{index.size} different values: grouped in {numbers.size} classes"
    total = numbers[:, None] + numbers
    apart = np.abs(numbers[:, None] - numbers)
    share = np.divide(apart, total, out=np.zeros_like(apart), where=total > 0)
    return Fixed(np.eye(numbers.size), index, share**2, note)


def _classes(numbers: Floats, often: Ints) -> tuple[Floats, Ints]:
    """Group numbers in classes given about equally often, each told by its mean."""
    place = mid_ranks(often.astype(np.float64)) / often.sum() * NUM_CLASSES
    _, index = np.unique(np.minimum(place.astype(int), NUM_CLASSES - 1), return_inverse=True)
    weights = np.maximum(often, NOTHING)
    return np.bincount(index, numbers * weights) / np.bincount(index, weights), index
