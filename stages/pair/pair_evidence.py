"""Evidence found in texts and across prompts, joined to pairs."""

from dataclasses import dataclass

import polars as pl

NEAR = 0.9  # similarity below this is not measured: no rule asks for it, and it takes time


@dataclass(frozen=True)
class Findings:
    """Tables of evidence; a table of None was not computed, and its columns are null in the pairs.

    texts:          response_id, text: to tell how similar answers are; a response may recur
    scripts:        prompt_id, script
    contamination:  id (of a prompt or a response), contamination
    duplicates:     prompt_id, duplicate_of
    contradictions: low_id, high_id, found across prompts; without, they are sought in each prompt
    """

    texts: pl.DataFrame | None = None
    scripts: pl.DataFrame | None = None
    contamination: pl.DataFrame | None = None
    duplicates: pl.DataFrame | None = None
    contradictions: pl.DataFrame | None = None


NOTHING = Findings()


def laid_beside(pairs: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """Add similarity, contamination and duplicate_of; narrow same_script by the prompt.

    pairs: oriented, with `distinct`, and `same_script` as far as the answers tell
    """
    return (
        pairs.pipe(_with_similarity, findings.texts)
        .pipe(_with_scripts, findings.scripts)
        .pipe(_with_contamination, findings.contamination)
        .pipe(_with_duplicates, findings.duplicates)
    )


def _with_similarity(pairs: pl.DataFrame, texts: pl.DataFrame | None) -> pl.DataFrame:
    """Measure the similarity of texts of nearly one length; of texts that read the same it is 1."""
    if texts is None:
        return pairs.with_columns(similarity=pl.lit(None, pl.Float64))
    from rather.stages.text.similarity import similarity

    chars = pl.col("chosen_chars"), pl.col("rejected_chars")
    longer, shorter = pl.max_horizontal(*chars), pl.min_horizontal(*chars)
    near = pairs.filter("distinct", shorter >= NEAR * longer)
    both = near.select("pair_id", "chosen_id", "rejected_id")
    once = texts.select("response_id", "text").unique("response_id")
    for side, name in (("chosen_id", "first_text"), ("rejected_id", "second_text")):
        named = once.rename({"response_id": side, "text": name})
        both = both.join(named, on=side, how="left", maintain_order="left")
    figures = both.select("pair_id").with_columns(similarity=similarity(both, NEAR))
    found = pairs.join(figures, on="pair_id", how="left", maintain_order="left")
    return found.with_columns(similarity=pl.when("distinct").then("similarity").otherwise(1.0))


def _with_scripts(pairs: pl.DataFrame, scripts: pl.DataFrame | None) -> pl.DataFrame:
    """Narrow same_script by the prompt's script, where it is known."""
    if scripts is None:
        return pairs
    asked = scripts.select("prompt_id", asked="script")
    fits = (pl.col("script") == pl.col("asked")).fill_null(True)
    return pairs.join(asked, on="prompt_id", how="left", maintain_order="left").with_columns(
        same_script=pl.col("same_script") & fits
    )


def _with_contamination(pairs: pl.DataFrame, found: pl.DataFrame | None) -> pl.DataFrame:
    """Add the evaluation set that the prompt shares text with, or else an answer."""
    if found is None:
        return pairs.with_columns(contamination=pl.lit(None, pl.String))
    parts = ("prompt_id", "chosen_id", "rejected_id")
    for part in parts:
        of_part = found.select(
            pl.col("id").alias(part), pl.col("contamination").alias(f"in_{part}")
        )
        pairs = pairs.join(of_part, on=part, how="left", maintain_order="left")
    return pairs.with_columns(contamination=pl.coalesce(f"in_{part}" for part in parts))


def _with_duplicates(pairs: pl.DataFrame, duplicates: pl.DataFrame | None) -> pl.DataFrame:
    """Add the earlier prompt that a pair's prompt nearly repeats."""
    if duplicates is None:
        return pairs.with_columns(duplicate_of=pl.lit(None, pl.String))
    earlier = duplicates.select("prompt_id", "duplicate_of")
    return pairs.join(earlier, on="prompt_id", how="left", maintain_order="left")
