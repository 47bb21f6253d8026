"""Clusters of near-duplicate prompts.   prompts -> prompt_id, cluster

Two prompts are neighbours if their words are equal, whatever the case, spacing and punctuation, or
if the Jaccard index of their distinct runs of three words is at least 4/5. A chain of neighbours is
one cluster, so that no two of them are on both sides of a split, though its ends may differ more.
Prompts of fewer than five words are compared by their words alone.
"""

import polars as pl
import polars_hash  # noqa: F401  adds `nchash` to expressions

from rather.stages.text.near_duplicates import near
from rather.stages.text.normalise import normalised, prompt_texts, words
from rather.stages.text.shingles import Rows, Shingles, joined, shingles

NUM_WORDS, FEWEST_WORDS = 3, 5
PROMPTS_AT_ONCE = 50_000


def clusters(prompts: pl.DataFrame) -> pl.DataFrame:
    """Compute each prompt's cluster: the least prompt_id in it.   -> prompt_id, cluster

    Sorted by prompt_id; the result does not depend on the order of rows.
    """
    ordered = prompts.select("prompt_id", "messages").sort("prompt_id")
    names, sets = _read(ordered)
    labels = near(sets, _first_of(names))
    return ordered.select("prompt_id", cluster=pl.col("prompt_id").gather(labels))


def duplicates(prompts: pl.DataFrame) -> pl.DataFrame:
    """Find each prompt's first duplicate in the source's order.   -> prompt_id, duplicate_of

    Sorted by prompt_id; first prompts are left out.
    """
    first = pl.col("prompt_id").first().over("cluster")
    return (
        prompts.select("source", "source_line", "prompt_id", "cluster")
        .filter(pl.col("cluster").is_duplicated())
        .sort("source", "source_line", "prompt_id")
        .select("prompt_id", duplicate_of=first)
        .filter(pl.col("prompt_id") != pl.col("duplicate_of"))
        .sort("prompt_id")
    )


def _read(prompts: pl.DataFrame) -> tuple[pl.Series, Shingles]:
    """Hash each prompt's words, and its runs of three if it has enough words."""
    names, sets = [pl.Series([], dtype=pl.UInt64)], []
    for part in prompts.iter_slices(PROMPTS_AT_ONCE):
        texts = prompt_texts(part)
        of_prompt = words(texts)
        names.append(_names(of_prompt, texts))
        sets.append(shingles(of_prompt, NUM_WORDS, FEWEST_WORDS))
    return pl.concat(names), joined(sets)


def _names(of_prompt: pl.Series, texts: pl.Series) -> pl.Series:
    """Hash each prompt's words; a prompt without words is hashed by its normal form."""
    wordless = pl.col("words").list.len() == 0
    name = pl.when(wordless).then("form").otherwise(pl.col("words").list.join(" "))
    rows = pl.DataFrame({"words": of_prompt, "form": normalised(texts)})
    hashed: pl.Expr = name.nchash.xxh3_64()  # type: ignore[attr-defined]
    return rows.select(hashed).to_series()


def _first_of(names: pl.Series) -> Rows:
    """Return for each row the first row with an equal name."""
    rows = pl.DataFrame({"name": names}).with_row_index("row")
    first = pl.col("row").first().over("name").cast(pl.Int64)
    return rows.select(first).to_series().to_numpy(writable=True)
