"""What every rater starts from and gives back.   prompts, responses -> ratings"""

import polars as pl

from schemas.ratings import Ratings


def to_rate(prompts: pl.DataFrame, responses: pl.DataFrame) -> pl.DataFrame:
    """List each distinct response once, with its prompt's columns.

    Samples with one text share a response. A failed sample has no text, hence no response to rate:
    it stays accounted for in the responses table.
    """
    texts = responses.filter(pl.col("text").is_not_null()).unique("response_id", keep="any")
    said = texts.select("response_id", "prompt_id", "text")
    return said.join(prompts, on="prompt_id").sort("response_id")


def ratings(rater: str, rated: pl.DataFrame) -> pl.DataFrame:
    """Make the ratings table of one rater from rated responses with their score and reason."""
    rows = rated.select(
        "response_id",
        "prompt_id",
        "score",
        rater=pl.lit(rater),
        aspect=pl.lit("overall"),
        reason=pl.col("reason").cast(pl.String),
    )
    return pl.concat([Ratings.create_empty(), rows], how="diagonal").sort("response_id")
