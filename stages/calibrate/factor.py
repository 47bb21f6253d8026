"""One-factor model of many raters' scores, with a length slope for each rater.

Rater r's standardised score of answer i is z = b_r u_i + k_r x_i + e, with x the standard length
within the prompt, u the quality at equal length (unit variance, of which the share `shared` is
common to a prompt's answers) and e independent noise of variance s_r^2 = 1 - b_r^2 - k_r^2.
Everything is estimated from sums over answers of products of two raters' scores, so buckets add up:
k_r from products with length, b_r from E[z_r z_s] - k_r k_s = b_r b_s, by alternating least squares
over all pairs of raters (minres, Harman and Jones 1966), each weighted by its shared items.

True quality is q = u + worth * x. Ratings do not identify worth: its default is k_r / b_r of the
median rater, weighted by reliability; the rest of a slope is bias.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rather.stages.calibrate.length_slopes import FARTHEST
from rather.stages.calibrate.products import Gram, gram, no_gram
from rather.stages.calibrate.quadrature import Codes, Floats
from rather.stages.calibrate.rating_matrix import Sheet

MIN_ITEMS = 20  # items shared with other raters, for a reliability of one's own
MOST_RATERS = 2000  # of one's own reliability: those who rated most
MOST_SHARED = 0.95
LEAST_NOISE = 0.02
USUAL = 0.5  # loading of a rater without shared items; any value gives the same order
ROUNDS = 500


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of the scores; moments of buckets add up.

    answers: products of scores of the same answer;  prompts: of sums over a prompt's answers; both
             for the raters that are fitted individually
    num_items: answers that another rater rated too, for each rater
    """

    answers: Gram
    prompts: Gram
    num_items: Floats

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.answers + other.answers,
            self.prompts + other.prompts,
            self.num_items + other.num_items,
        )


@dataclass(frozen=True)
class Factor:
    """The fitted model; arrays over `names`.

    loading: b;  slope: k;  noise: s^2;  known: whether reliability rests on ratings shared
    worth:  what a standard length is truly worth, in standard deviations of u
    shared: share of the variance of u that is common to a prompt's answers
    """

    names: list[str]
    loading: Floats
    slope: Floats
    noise: Floats
    num_items: Floats
    known: NDArray[np.bool_]
    worth: float
    shared: float


def measured(scales: pl.DataFrame) -> Codes:
    """Choose the raters to fit individually: enough ratings, and among those with most."""
    many = pl.col("num_ratings") >= MIN_ITEMS
    numbered = scales.with_row_index("code").filter(many)
    most = numbered.sort("num_ratings", "rater", descending=[True, False]).head(MOST_RATERS)
    return most["code"].sort().cast(pl.Int64).to_numpy()


def moments(sheet: Sheet, z: Floats, unit: float, names: list[str], measured: Codes) -> Moments:
    """Compute a bucket's moments.

    Args:
        unit: one standard deviation of log length within prompts.
        measured: indices into `names` of the raters that are fitted individually."""
    place = np.full(len(names), -1)
    place[measured] = np.arange(len(measured))
    code = sheet.renumbered(names)
    own = place[code]
    kept = own >= 0
    x = np.clip(sheet.length / unit, -FARTHEST, FARTHEST)[sheet.row]
    row, arrays = sheet.row[kept], (own[kept], z[kept], x[kept])
    together = np.bincount(sheet.row, minlength=len(sheet.length))[sheet.row] > 1
    return Moments(
        gram(row, *arrays, len(measured)),
        gram(sheet.prompt[row], *arrays, len(measured)),
        np.bincount(code[together], minlength=len(names)).astype(np.float64),
    )


def no_moments(num_raters: int, num_measured: int) -> Moments:
    """Return the zero of the sums."""
    zero = no_gram(num_measured)
    return Moments(zero, zero, np.zeros(num_raters))


def fit(moments: Moments, names: list[str], measured: Codes, worth: float | None = None) -> Factor:
    """Estimate each rater's loading and slope; worth None takes the median rater's.

    A rater with too few shared items takes the pooled loading, and no bias.
    """
    count = moments.answers.count.copy()
    np.fill_diagonal(count, 0.0)
    slope = _slopes(moments.answers)
    covariance = moments.answers.residual(slope) / np.maximum(count, 1.0)
    loading, pooled = _loadings(covariance, count)
    most = np.sqrt(np.maximum(1 - LEAST_NOISE - slope**2, 0.0))
    loading = np.clip(loading, -most, most)
    valued = median_worth(loading, slope) if worth is None else worth
    usual = np.where(moments.num_items > 0, pooled, pooled or USUAL)
    all_loading, all_slope = usual, usual * valued
    own = moments.num_items[measured] >= MIN_ITEMS
    all_loading[measured[own]], all_slope[measured[own]] = loading[own], slope[own]
    return Factor(
        names=names,
        loading=all_loading,
        slope=all_slope,
        noise=np.maximum(1 - all_loading**2 - all_slope**2, LEAST_NOISE),
        num_items=moments.num_items,
        known=(moments.num_items > 0) & (count.sum() / 2 >= MIN_ITEMS),
        worth=valued,
        shared=_shared(moments, slope, loading),
    )


def reliabilities(factor: Factor) -> Floats:
    """Compute the chance that a rater prefers the better of two answers of equal length.

    For two answers that differ in quality and noise, both normal, it is 1/2 + arcsin(c) / pi with c
    the correlation of the seen and the true difference (Sheppard 1899).
    """
    seen = factor.loading * np.sqrt(1 - factor.shared)
    chance: Floats = 0.5 + np.arcsin(seen / np.sqrt(seen**2 + factor.noise)) / np.pi
    return chance


def _slopes(sums: Gram) -> Floats:
    """Compute each rater's length slope, shrunk to the mean with the weight of MIN_ITEMS items."""
    mixed, own = np.diag(sums.mixed), np.diag(sums.lengths)
    mean = mixed.sum() / max(own.sum(), 1.0)
    slope: Floats = (mixed + MIN_ITEMS * mean) / (own + MIN_ITEMS)
    return slope


def median_worth(loading: Floats, slope: Floats) -> float:
    """Compute the weighted median of slope / loading; a rater's weight is its shared variance."""
    able = loading > 0.0
    if not able.any():
        return 0.0
    order = np.argsort(slope[able] / loading[able], kind="stable")
    weight = (loading[able] ** 2)[order]
    reached = np.cumsum(weight) - weight / 2
    return float(np.interp(weight.sum() / 2, reached, (slope[able] / loading[able])[order]))


def posterior(sheet: Sheet, z: Floats, unit: float, factor: Factor) -> pl.DataFrame:
    """Compute response_id, prompt_id, score and variance, in standard deviations of u.

    The score is the posterior mean of q. The variance is that of an answer's quality against the
    other answers to its prompt; null where no rater of known reliability rated it.
    """
    code = sheet.renumbered(factor.names)
    x = np.clip(sheet.length / unit, -FARTHEST, FARTHEST)
    trusted = np.maximum(factor.loading, 0.0) / factor.noise
    size = len(x)
    signal = trusted[code] * (z - factor.slope[code] * x[sheet.row])
    evidence = np.bincount(sheet.row, signal, size)
    precision = np.bincount(sheet.row, (trusted * factor.loading)[code], size)
    own = 1 - factor.shared
    damped = 1 + own * precision
    prompt = _prompt_means(sheet.prompt, evidence / damped, precision / damped, factor.shared)
    score = prompt + own * (evidence - precision * prompt) / damped + factor.worth * x
    known = np.bincount(sheet.row, factor.known[code], size) > 0
    variance = pl.Series(own / damped)
    return sheet.responses.with_columns(
        score=pl.Series(score), variance=pl.when(pl.Series(known)).then(variance)
    )


def _prompt_means(prompt: Codes, evidence: Floats, precision: Floats, shared: float) -> Floats:
    """Compute for each answer the posterior mean of its prompt's common quality."""
    total, weight = np.bincount(prompt, evidence), np.bincount(prompt, precision)
    mean: Floats = (shared * total / (1 + shared * weight))[prompt]
    return mean


def _loadings(covariance: Floats, count: Floats) -> tuple[Floats, float]:
    """Solve covariance_rs = b_r b_s, and return the pooled loading too.

    Each loading is shrunk to the pooled one with the weight of MIN_ITEMS shared items.
    """
    total = count.sum()
    pooled = float(np.sqrt(max((count * covariance).sum() / max(total, 1.0), 0.0)))
    weighed, prior = count * covariance, MIN_ITEMS * max(pooled, 0.1) ** 2
    loading = np.full(len(count), max(pooled, 0.3))
    for _ in range(ROUNDS):
        target = (weighed @ loading + prior * pooled) / (count @ loading**2 + prior)
        step = np.clip(target, -1.0, 1.0) - loading
        loading = loading + step / 2
        if np.abs(step).max(initial=0.0) < 1e-12:
            break
    return np.where(_couples(count), _couple_loading(weighed, count), loading), pooled


def _couples(count: Floats) -> NDArray[np.bool_]:
    """Find isolated pairs of raters: each shares items with the other only."""
    linked = count > 0
    single = linked.sum(axis=1) == 1
    result: NDArray[np.bool_] = single & ((linked & single[None, :]).sum(axis=1) == 1)
    return result


def _couple_loading(weighed: Floats, count: Floats) -> Floats:
    """Split an isolated pair's covariance evenly; a negative one leaves both unknown."""
    covariance = weighed.sum(axis=1) / np.maximum(count.sum(axis=1), 1.0)
    root: Floats = np.sqrt(np.maximum(covariance, 0.0))
    return root


def _shared(moments: Moments, slope: Floats, loading: Floats) -> float:
    """Estimate the share of quality common to a prompt's answers, from pairs of raters."""
    across = moments.prompts - moments.answers
    np.fill_diagonal(across.count, 0.0)
    expected = np.outer(loading, loading)
    products = across.residual(slope)
    np.fill_diagonal(products, 0.0)
    weight = float((across.count * expected**2).sum())
    if across.count.sum() / 2 < MIN_ITEMS or weight <= 0:
        return 0.0
    return float(np.clip((products * expected).sum() / weight, 0.0, MOST_SHARED))
