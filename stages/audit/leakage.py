"""What stands in a source more than once, or in a test set too.   tables of load -> counts"""

from typing import Any

import polars as pl

from rather.stages.text.normalise import normalised, prompt_texts

MOST_EXAMPLES = 20
MOST_SPANS = 50
LINE = ["source", "source_line"]


def repeats(set_aside: pl.DataFrame, num_comparisons: int) -> dict[str, int]:
    """Count rows of the source that load set aside: identical, and said before by the same rater.

    identical: rows that compare a text with itself
    repeated:  rows whose judgement stands again further down; of a source with comparisons those
        count, as one answer may well stand in several pairs with the same score
    """
    identical = set_aside.filter(pl.col("reason") == "identical_answers").select(LINE).unique()
    reason = "repeated_comparison" if num_comparisons else "repeated_rating"
    repeated = set_aside.filter(pl.col("reason") == reason).select(LINE).unique()
    alone = repeated.join(identical, on=LINE, how="anti")
    return {"identical": identical.height, "repeated": alone.height}


def in_evaluations(prompts: pl.DataFrame, evaluations: pl.DataFrame) -> pl.DataFrame:
    """Return the prompts that are also in a test set, equal once normalised.

    evaluations: name, source_line and text;  -> prompt_id, split, other (file and line)
    """
    where = pl.format("{} line {}", "name", "source_line")
    known = evaluations.select(other=where, form=normalised(evaluations["text"]))
    forms = prompts.select("prompt_id", "split", form=normalised(prompt_texts(prompts)))
    return forms.join(
        known.unique("form", keep="first", maintain_order=True), on="form", maintain_order="left"
    ).select("prompt_id", "split", "other")


def straddling(prompts: pl.DataFrame) -> pl.DataFrame:
    """Return the prompts that nearly repeat one on the other side of the split.

    prompts: prompt_id, cluster and split;  -> prompt_id, split, other (the cluster's name)
    """
    both = pl.col("split").n_unique().over("cluster") > 1
    return prompts.filter(both).sort("prompt_id").select("prompt_id", "split", other="cluster")


def leakage(
    same: pl.DataFrame,
    near: pl.DataFrame,
    contamination: pl.DataFrame,
    num_pairs: int,
    tests: list[str],
) -> dict[str, Any]:
    """Find training prompts that are also test prompts.

    same:  prompts that stand in a test set;  near: those that nearly stand on the other side of
        this run's own split;  contamination: Contamination, of prompts and answers
    num_pairs: pairs of which the prompt or an answer is contaminated
    tests: names of the test sets that were looked at
    """
    is_prompt = pl.col("id") == pl.col("prompt_id")
    prompts = contamination.filter(is_prompt)
    nearly = prompts.join(same, on="prompt_id", how="anti").height
    return {
        "prompts_on_both_sides": same.height,
        "near": nearly + near.height,
        "contaminated_prompts": prompts.height,
        "contaminated_answers": contamination.height - prompts.height,
        "contaminated_pairs": num_pairs,
        "tests": tests,
        "examples": pl.concat([same, near]).head(MOST_EXAMPLES).to_dicts(),
    }


def spans(contamination: pl.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """List what shares most with a test set: id, of (prompt or answer), share, span and file.

    names: of the test sets' files
    """
    order = ["share", "id"]
    worst = contamination.sort(order, descending=[True, False]).head(MOST_SPANS)
    return [_span(row, names) for row in worst.to_dicts()]


def _span(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Take apart the file and the words that a text shares with it."""
    said: str = row["contamination"]
    file = next((name for name in names if said.startswith(f"{name}: ")), "")
    return {
        "id": row["id"],
        "of": "prompt" if row["id"] == row["prompt_id"] else "answer",
        "share": row["share"],
        "span": said.removeprefix(f"{file}: "),
        "file": file,
    }
