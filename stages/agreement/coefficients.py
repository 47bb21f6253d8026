"""Agreement coefficients reported beside alpha: percent agreement, Fleiss' kappa, Gwet's AC."""

import numpy as np

from rather.stages.agreement.levels import MAX_CATEGORIES
from rather.stages.agreement.units import Figure, Floats, Units


def percent_agreement(units: Units) -> Figure:
    """Compute the mean share of agreeing pairs of ratings, over items with two or more."""
    if not units.pairable.any():
        return Figure(None, "no item has two ratings")
    return Figure(_mean(units, _agreed(units)))


def fleiss_kappa(units: Units) -> Figure:
    """Compute Fleiss' kappa (1971, Psychological Bulletin 76); items need equally many ratings."""
    if not units.pairable.any():
        return Figure(None, "no item has two ratings")
    fewest, most = int(units.sizes.min()), int(units.sizes.max())
    if fewest != most:
        return Figure(None, f"items have from {fewest} to {most} ratings, not equally many")
    often = units.totals() / units.totals().sum()
    return _beyond(_mean(units, _agreed(units)), float(np.sum(often**2)))


def gwet_ac1(units: Units) -> Figure:
    """Compute Gwet's AC1, with missing ratings (2014, Handbook of Inter-Rater Reliability)."""
    return _gwet(units, _agreed(units), units.values.size)


def gwet_ac2(units: Units) -> Figure:
    """Compute Gwet's AC2 of numbers, with weights 1 - (v - w)^2 / (highest - lowest)^2."""
    if not units.numeric:
        return Figure(None, "AC2 needs numbers, and the labels are text")
    values, num_values = units.values, units.values.size
    span = float(values[-1] - values[0]) if num_values > 1 else 1.0
    scaled = (values - values.mean()) / span if num_values else values
    apart = 2 * (num_values * np.sum(scaled**2) - np.sum(scaled) ** 2)
    return _gwet(units, 1 - _distance(units, scaled), num_values**2 - float(apart))


def _gwet(units: Units, agreed: Floats, total_weight: float) -> Figure:
    """Compute Gwet's coefficient from (weighted) agreement (U,) and the sum of all weights.

    Items with a single rating count in the values' shares, not in agreement.
    """
    num_values = units.values.size
    if not units.pairable.any():
        return Figure(None, "no item has two ratings")
    if num_values < 2:
        return Figure(None, "all ratings are the same value")
    if num_values > MAX_CATEGORIES:
        return Figure(None, f"{num_values} different values are no categories")
    share = units.weights[units.unit] * units.count / units.sizes[units.unit]
    often = np.bincount(units.code, share, num_values) / units.weights.sum()
    by_chance = total_weight / (num_values * (num_values - 1)) * np.sum(often * (1 - often))
    return _beyond(_mean(units, agreed), float(by_chance))


def _agreed(units: Units) -> Floats:
    """Compute the share of equal pairs of ratings in each unit: (U,), 0 without a pair."""
    equal = np.bincount(units.unit, units.count * (units.count - 1), units.sizes.size)
    return np.asarray(equal / np.maximum(units.sizes * (units.sizes - 1), 1))


def _distance(units: Units, numbers: Floats) -> Floats:
    """Compute the mean squared difference of pairs of ratings: (U,), 0 without a pair."""
    number = numbers[units.code]
    total = np.bincount(units.unit, units.count * number, units.sizes.size)
    squares = np.bincount(units.unit, units.count * number**2, units.sizes.size)
    apart = 2 * np.maximum(units.sizes * squares - total**2, 0)
    return np.asarray(apart / np.maximum(units.sizes * (units.sizes - 1), 1))


def _mean(units: Units, share: Floats) -> float:
    """Compute the mean of a share over items with two ratings or more."""
    weights = units.weights * units.pairable
    return float(np.sum(weights * share) / weights.sum())


def _beyond(agreed: float, by_chance: float) -> Figure:
    """Compute (observed - chance) / (1 - chance)."""
    if by_chance >= 1:
        return Figure(None, "all ratings are the same value")
    return Figure((agreed - by_chance) / (1 - by_chance))
