"""A planted world, laid down as tables of `load`, so that the pipeline's own stages run on it."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rather.params.params import make_params
from rather.registry import runner
from rather.run import Run
from rather.schemas.base import MESSAGES_DTYPE
from rather.schemas.judgements import Comparisons
from rather.schemas.texts import Evaluations, Prompts, Responses
from tests.worlds import World

STAGES = ("measure", "calibrate", "pair", "winnow", "choose")
TRUSTED = "adjudicator"
LINE = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)


def curated(world: World, root: Path, params: dict[str, Any], num_trusted: int = 0) -> Run:
    """Run the stages from measure to choose on a world.

    num_trusted: pairs that an adjudicator, who is always right, judges as well
    """
    values = {"test_fraction": 0, **params}
    if num_trusted:
        values["calibrate"] = {"trusted": TRUSTED}
    run = Run(root, make_params(values, (), "planted"))
    _lay(world, run, adjudicated(world, num_trusted))
    for stage in STAGES:
        runner(stage)(run)
    return run


def _lay(world: World, run: Run, more: pl.DataFrame) -> None:
    """Write what `load` would have written of this world."""
    run.write("load/prompts", _prompts(world))
    run.write("load/responses", _responses(world))
    run.write("load/ratings", world.ratings)
    run.write("load/comparisons", pl.concat([world.comparisons, more]))
    run.write("load/evaluations", Evaluations.create_empty())


def _prompts(world: World) -> pl.DataFrame:
    """Ask something in each prompt."""
    asked = pl.struct(role=pl.lit("user"), content=pl.format("question {}", "prompt_id"))
    return _full(
        world.features.select("prompt_id").unique(maintain_order=True),
        Prompts.create_empty(),
        messages=pl.concat_list(asked).cast(MESSAGES_DTYPE),
        cluster=pl.col("prompt_id"),
        split=pl.lit("train"),
        source=pl.lit("world"),
        source_line=LINE,
    )


def _responses(world: World) -> pl.DataFrame:
    """Write the answers, with texts of the planted lengths where the world has none."""
    texts = world.texts if world.texts.height else _noise(world.features)
    return _full(
        world.features.select("response_id", "prompt_id").join(texts, on="response_id"),
        Responses.create_empty(),
        generator=pl.lit("world"),
        sample_index=pl.int_range(pl.len(), dtype=pl.Int64).over("prompt_id"),
        source=pl.lit("world"),
        source_line=LINE,
    )


def _noise(features: pl.DataFrame) -> pl.DataFrame:
    """Write random letters, one a token, since lengths are bytes where there is no tokenizer."""
    random, lengths = np.random.default_rng(0), features["num_tokens"]
    letters = random.integers(97, 123, int(lengths.sum()), dtype=np.uint8).tobytes().decode()
    ends = lengths.cum_sum()
    texts = [letters[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    return features.select("response_id", text=pl.Series(texts))


def true_pairs(world: World) -> pl.DataFrame:
    """Give all pairs of a prompt's answers: first_id, second_id, and whether the first is better.

    The first is the one of the smaller id.
    """
    sides = world.gold.join(world.gold, on="prompt_id", suffix="_second")
    return (
        sides.filter(pl.col("response_id") < pl.col("response_id_second"))
        .select(
            "prompt_id",
            first_id="response_id",
            second_id="response_id_second",
            first_better=pl.col("quality") > pl.col("quality_second"),
        )
        .sort("first_id", "second_id")
    )


def adjudicated(world: World, num_pairs: int) -> pl.DataFrame:
    """Have an adjudicator judge some pairs."""
    some = true_pairs(world).sample(num_pairs, seed=0)
    return _full(
        some,
        Comparisons.create_empty(),
        rater=pl.lit(TRUSTED),
        aspect=pl.lit("overall"),
        preference=pl.when("first_better").then(1.0).otherwise(-1.0),
    )


def _full(rows: pl.DataFrame, empty: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    """Bring rows into a table's columns; what is not given is null."""
    full = rows.with_columns(**columns)
    missing = [pl.lit(None).alias(name) for name in empty.columns if name not in full.columns]
    return full.with_columns(missing).select(
        pl.col(name).cast(dtype) for name, dtype in empty.schema.items()
    )
