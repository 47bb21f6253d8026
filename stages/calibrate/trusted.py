"""Correction of the odds by trusted pairs.

calibrated log-odds = trust * log-odds + length * difference of lengths. Trust is below 1 if the
odds are overconfident; length corrects the value that ratings put on length.
Each keeps its neutral value (1 and 0) unless the gain in likelihood is significant.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from rather.stages.calibrate import quadrature
from rather.stages.calibrate.quadrature import Floats
from rather.stages.calibrate.rating_evidence import (
    Evidence,
    log_odds_of_comparisons,
    log_odds_of_scores,
)
from rather.stages.calibrate.ratings_per_item import ratings_as_judged, votes

MIN_PAIRS = 20
FOLDS = 5
BINS = 10
PER_BIN = 20
PRIOR_PRECISION = 1.0
USUAL: Floats = np.array([1.0, 0.0])
CLEAR = 6.63  # 99th percentile of chi squared with one degree of freedom
STEPS = 50


@dataclass(frozen=True)
class Learned:
    """Evidence with the correction, and figures for a report."""

    evidence: Evidence
    report: dict[str, Any]


def trusted_pairs(ratings: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Return low_id, high_id and low_better of each pair with a trusted preference.

    Both tables hold the trusted rater's rows only. Contradictory pairs are left out.
    """
    scores = ratings_as_judged(ratings).filter(pl.col("score").is_not_null())
    sides = scores.join(scores, on=("prompt_id", "rater"), suffix="_high")
    scored = sides.filter(pl.col("response_id") < pl.col("response_id_high")).select(
        low_id="response_id",
        high_id="response_id_high",
        vote=(pl.col("score") - pl.col("score_high")).sign(),
    )
    compared = votes(comparisons).select("low_id", "high_id", vote=pl.col("vote").sign())
    preferences = pl.concat([scored, compared]).filter(pl.col("vote") != 0)
    return (
        preferences.group_by("low_id", "high_id")
        .agg(pl.col("vote").min(), most=pl.col("vote").max())
        .filter(pl.col("vote") == pl.col("most"))
        .select("low_id", "high_id", low_better=pl.col("vote") > 0)
        .sort("low_id", "high_id")
    )


def with_odds(
    pairs: pl.DataFrame,
    scores: pl.DataFrame,
    comparisons: pl.DataFrame,
    features: pl.DataFrame,
    raters: pl.DataFrame,
    evidence: Evidence,
) -> pl.DataFrame:
    """Add log_odds: the other raters' odds of each trusted pair, null if unknown.

    scores, comparisons, features: of the pairs' responses at least, nothing by the trusted rater
    """
    compared = log_odds_of_comparisons(comparisons, features, raters, evidence)
    low = scores.select("score", "variance", low_id="response_id")
    high = scores.select("score", "variance", high_id="response_id")
    gap = pl.col("score") - pl.col("score_high")
    scored = log_odds_of_scores(gap, pl.col("variance") + pl.col("variance_high"))
    unknown = scored.is_null() & pl.col("log_odds").is_null()
    both = scored.fill_null(0.0) + pl.col("log_odds").fill_null(0.0)
    return (
        pairs.join(compared, on=["low_id", "high_id"], how="left", maintain_order="left")
        .join(low, on="low_id", how="left", maintain_order="left")
        .join(high, on="high_id", how="left", maintain_order="left", suffix="_high")
        .select(*pairs.columns, log_odds=pl.when(~unknown).then(both))
    )


def learn(pairs: pl.DataFrame, features: pl.DataFrame, evidence: Evidence) -> Learned:
    """Fit the correction to trusted pairs with their log_odds (null if unknown).

    Evidence is unchanged below MIN_PAIRS, and if the log loss of held-out fifths does not improve
    (`adopted` is false).
    """
    known = pairs.filter(pl.col("log_odds").is_not_null()).sort("low_id", "high_id")
    if known.height < MIN_PAIRS:
        return Learned(evidence, {"num_pairs": known.height, "at_least": MIN_PAIRS})
    length = quadrature.pair_lengths(known, features, evidence.length_unit)
    facts = np.column_stack([known["log_odds"].to_numpy(), length])
    truth = known["low_better"].to_numpy().astype(np.float64)
    weights, held_out = _fitted(facts, truth), np.zeros(len(truth))
    fold = np.arange(len(truth)) % FOLDS
    for number in range(FOLDS):
        held_out[fold == number] = facts[fold == number] @ _fitted(
            facts[fold != number], truth[fold != number]
        )
    trust, slope = (round(float(weight), 12) for weight in weights)
    adopted = bool(_loss(held_out, truth).mean() < _loss(facts[:, 0], truth).mean())
    report = {
        "num_pairs": known.height,
        "adopted": adopted,
        "trust": trust,
        "length": slope,
        "before": _figures(facts[:, 0], truth),
        "held_out": _figures(held_out, truth),
    }
    corrected = replace(evidence, trust=trust, length=slope) if adopted else evidence
    return Learned(corrected, report)


def expected_calibration_error(probability: Floats, right: Floats, bins: int = BINS) -> float:
    """Compute the mean gap between stated and actual share over equal-count bins, by bin size."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, bins)
    gaps = [abs(float((probability[part] - right[part]).sum())) for part in parts]
    return sum(gaps) / max(len(order), 1)


def _fitted(facts: Floats, truth: Floats) -> Floats:
    """Fit logistic weights; each keeps its neutral value unless its gain is significant.

    Significant: the likelihood-ratio statistic is above the 99th percentile of chi squared.
    """
    candidates = [np.diag(moved) for moved in ([0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0])]
    fits = [_newton(facts, truth, free) for free in candidates]
    gains = [
        -2 * _loss(facts @ fit, truth).sum() - CLEAR * free.sum()
        for fit, free in zip(fits, candidates, strict=True)
    ]
    return fits[int(np.argmax(gains))]


def _newton(facts: Floats, truth: Floats, free: Floats) -> Floats:
    """Fit the free weights by Newton's method, under the prior."""
    weights = USUAL
    for _ in range(STEPS):
        right = quadrature.sigmoid(facts @ weights)
        gradient = facts.T @ (truth - right) - PRIOR_PRECISION * (weights - USUAL)
        curved = (facts.T * (right * (1 - right))) @ facts + PRIOR_PRECISION * np.eye(2)
        inner = free @ curved @ free + np.eye(2) - free
        step = np.clip(np.linalg.solve(inner, free @ gradient), -0.5, 0.5)
        weights = weights + step
        if np.abs(step).max() < 1e-12:
            break
    return weights


def _loss(log_odds: Floats, truth: Floats) -> Floats:
    """Compute the negative log-likelihood of each pair, in nats."""
    loss: Floats = np.logaddexp(0.0, np.where(truth > 0, -log_odds, log_odds))
    return loss


def _figures(log_odds: Floats, truth: Floats) -> dict[str, float]:
    """Compute accuracy, log loss in nats and calibration error of the predicted better answer."""
    stated = quadrature.sigmoid(np.abs(log_odds))
    right = ((log_odds > 0) == (truth > 0)).astype(np.float64)
    bins = int(np.clip(len(truth) // PER_BIN, 1, BINS))
    return {
        "accuracy": round(float(right.mean()), 12),
        "log_loss": round(float(_loss(log_odds, truth).mean()), 12),
        "calibration_error": round(expected_calibration_error(stated, right, bins), 12),
        "bins": bins,
    }
