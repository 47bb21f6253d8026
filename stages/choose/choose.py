"""Choose pairs so that length does not predict the label.   clear -> chosen, dropped"""

from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from rather.stages.choose import programme
from rather.stages.choose.balance import balanced
from rather.stages.choose.candidates import Candidates, Flags, Floats, Indices, Level, Loads
from rather.stages.choose.worth import NEEDED, STRATEGIES, quality, scores_of_prompts

COLUMNS = ("pair_id", "prompt_id", "split", "margin", "p_correct", "length_gap")
ORDER = ["prompt_id", "pair_id"]
EVEN, ODD = 0.5, 0.5  # the share of balanced scales; by how much an odd pair tips them
TIE = 1e-4  # of the range of worth: far above what the solver tells apart, far below what matters


class Options(BaseModel):
    """How pairs are chosen.

    strategy:   best_worst, the widest margin; best_random, the best answer against any other;
                best_nearest, against the one nearest to mean - 2 sd; all
    per_prompt: pairs that a prompt may give, 1 unless said; for `all` every one unless said
    balance:    none; drop, drops surplus pairs; optimal, takes another pair of the prompt where
                it has one, and drops only where not
    length_target: share of chosen pairs, of those of unequal length, whose chosen answer is the
                longer: 0.5, or what trusted pairs tell of the worth of length
    tolerance:  how far that share may be from the target; it holds for pairs counted alike and
                for pairs counted by how unequal they are
    even_margin: keep margin and length gap uncorrelated too, for losses that read margins
    keep_at_least: share of pairs below which the tolerance grows instead of more being dropped
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: Literal["best_worst", "best_random", "best_nearest", "all"] = "best_worst"
    per_prompt: int | None = Field(None, ge=1)
    balance: Literal["none", "drop", "optimal"] = "optimal"
    length_target: float = Field(0.5, ge=0.0, le=1.0)
    tolerance: float = Field(0.02, gt=0.0, le=1.0)
    even_margin: bool = False
    keep_at_least: float = Field(0.5, ge=0.0, le=1.0)

    def most(self, num_pairs: int) -> int:
        """Return the most pairs that one prompt may give, of `num_pairs` in all."""
        return self.per_prompt or (max(num_pairs, 1) if self.strategy == "all" else 1)


def columns(options: Options) -> list[str]:
    """Return the columns that the choice reads: numbers, few enough to hold every pair's."""
    return [*COLUMNS, *NEEDED.get(options.strategy, ())]


def prepare(options: Options) -> None:
    """Start to load the solver in the background, if the options need it."""
    if options.balance != "none":
        programme.prepare()


def choose(clear: pl.DataFrame, options: Options, seed: int = 0) -> pl.DataFrame:
    """Add `reason`, null to keep, and `weight`, 1 over the prompt's chosen pairs, to clear pairs.

    not_best:       the strategy prefers other pairs of the prompt
    length_balance: it would have been chosen if length did not matter

    Rows keep their order; ids may be texts or the numbers that they spell. Each split is balanced
    by itself. Equal pairs are told apart by pair_id, which is a hash.
    """
    needed = clear.select(columns(options))
    if clear.select(_in_order()).item():
        return clear.with_columns(_reasons_and_weights(needed, options, seed))
    order = clear.select(pl.arg_sort_by(ORDER)).to_series()
    return clear.with_columns(_reasons_and_weights(needed[order], options, seed)[order.arg_sort()])


def _in_order() -> pl.Expr:
    """Return whether the rows are sorted by ORDER."""
    prompt, pair = (pl.col(name) for name in ORDER)
    same = prompt == prompt.shift()
    return ~((prompt < prompt.shift()) | (same & (pair < pair.shift()))).any()


def _reasons_and_weights(pairs: pl.DataFrame, options: Options, seed: int) -> pl.DataFrame:
    """Return the reason and weight of sorted pairs."""
    needed = _with_worth(pairs, options, seed)
    preferred, taken = (np.zeros(pairs.height, dtype=np.bool_) for _ in range(2))
    for side in pairs["split"].unique().sort():
        of_side = pairs["split"] == side
        rows = of_side.to_numpy()
        preferred[rows], taken[rows] = _choose(needed.filter(of_side).rechunk(), options)
    return pl.select(
        reason=pl.when(pl.lit(pl.Series(taken)))
        .then(None)
        .when(pl.lit(pl.Series(preferred)))
        .then(pl.lit("length_balance"))
        .otherwise(pl.lit("not_best")),
        weight=pl.when(pl.lit(pl.Series(taken))).then(pl.lit(_weights(pairs["prompt_id"], taken))),
    )


def _weights(prompt: pl.Series, taken: Flags) -> pl.Series:
    """Return 1 over the number of chosen pairs of each pair's prompt."""
    starts = _starts(prompt)
    num = np.maximum(np.add.reduceat(taken, starts, dtype=np.int64), 1)
    return pl.Series(np.repeat(1.0 / num, np.diff(starts, append=len(taken))))


def _with_worth(needed: pl.DataFrame, options: Options, seed: int) -> pl.DataFrame:
    """Add what each pair is worth to the strategy, and its quality; leave out the rest."""
    if options.strategy == "best_nearest":
        scores = scores_of_prompts(needed)
        needed = needed.join(scores, on="prompt_id", how="left", maintain_order="left")
    worth = STRATEGIES[options.strategy](seed)
    margins = {"quality": quality()} if options.even_margin else {}
    return needed.select("prompt_id", "length_gap", worth=worth, **margins)


def _choose(pairs: pl.DataFrame, options: Options) -> tuple[Flags, Flags]:
    """Mark the pairs that the strategy prefers, and those chosen, of one split in order."""
    candidates = _candidates(pairs, options)
    preferred = candidates.best(candidates.worth)
    if options.balance == "none":
        return preferred, preferred
    if options.balance == "optimal":
        return preferred, _balanced(candidates, options)
    taken = preferred.copy()
    taken[preferred] = _balanced(_candidates(pairs.filter(preferred), options), options)
    return preferred, taken


def _balanced(pairs: Candidates, options: Options) -> Flags:
    """Mark the pairs to choose for even lengths; an odd pair is no imbalance among few."""
    target = options.length_target
    few = pairs.num_prompts * options.tolerance < ODD
    level = Level(
        targets=np.array([target, target, EVEN][: len(pairs.loads)]),
        tolerance=options.tolerance,
        slack=ODD if few else 0.0,
    )
    earlier = np.linspace(TIE, 0, pairs.num_pairs)
    return balanced(replace(pairs, worth=pairs.worth + earlier), level, options.keep_at_least)


def _candidates(pairs: pl.DataFrame, options: Options) -> Candidates:
    """Turn pairs, in order of prompts, into arrays."""
    return Candidates(
        worth=_above_one(pairs["worth"].to_numpy()),
        starts=_starts(pairs["prompt_id"]),
        loads=_loads(pairs),
        most=options.most(pairs.height),
    )


def _starts(prompt: pl.Series) -> Indices:
    """Find where the pairs of each prompt begin, in order of prompts."""
    return np.flatnonzero(prompt.ne_missing(prompt.shift()).to_numpy())


def _above_one(worth: Floats) -> Floats:
    """Bring worth to 1 ... 2: to lose a prompt costs more than to take its least worthy pair."""
    least, most = (worth.min(), worth.max()) if len(worth) else (0.0, 0.0)
    return np.asarray(1.0 + (worth - least) / ((most - least) or 1.0))


def _loads(pairs: pl.DataFrame) -> Loads:
    """Weigh pairs by which answer is longer, by how much, and by that times the margin."""
    gap = pairs["length_gap"].to_numpy().astype(np.float32)
    spread = np.sqrt(np.square(gap, dtype=np.float64).mean()) if len(gap) else 0.0
    length = np.tanh(gap / np.float32(spread or 1.0))
    loads = [np.sign(gap), length]
    if "quality" in pairs.columns:
        margin = pairs["quality"].to_numpy()
        loads.append(((margin - margin.mean()) * length).astype(np.float32))
    return np.stack(loads)
