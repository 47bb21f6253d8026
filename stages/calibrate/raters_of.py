"""Sorted names of raters, by pair and by response.   ratings, comparisons ->"""

import polars as pl

NOBODY = pl.lit([], dtype=pl.List(pl.String))


def judges_of_pairs(
    pairs: pl.DataFrame, ratings: pl.DataFrame, comparisons: pl.DataFrame
) -> pl.DataFrame:
    """List by pair_id the raters who rated both answers for one aspect, or compared them.

    Pairs without raters are left out.
    """
    rows = pairs.select("pair_id", "chosen_id", "rejected_id").with_row_index("row")
    judges = pl.concat([_who_rated_both(rows, ratings), _who_compared(rows, comparisons)])
    return _listed(judges, "row").join(rows, on="row").select("pair_id", "raters")


def judges_of_responses(responses: pl.DataFrame, ratings: pl.DataFrame) -> pl.DataFrame:
    """List by response_id the raters who scored each of these responses.

    Responses without raters are left out.
    """
    rows = responses.select("response_id").with_row_index("row")
    judges = _given(ratings).join(rows, on="response_id").select("row", "rater")
    return _listed(judges, "row").join(rows, on="row").select("response_id", "raters")


def judges_of_both_sides(sides: pl.DataFrame) -> pl.DataFrame:
    """Join the lists of a response's pairs into one: response_id, raters -> response_id, raters."""
    names = sides.select("response_id", rater="raters").explode("rater").drop_nulls()
    return _listed(names, "response_id")


def _given(ratings: pl.DataFrame) -> pl.DataFrame:
    """Return the ratings that have a score."""
    return ratings.filter(pl.col("score").is_not_null()).select("response_id", "rater", "aspect")


def _who_rated_both(rows: pl.DataFrame, ratings: pl.DataFrame) -> pl.DataFrame:
    """Return row and rater of each rater of both answers of a row for one aspect."""
    given = _given(ratings)
    keys = "row", "rater", "aspect"
    chosen, rejected = (
        rows.select("row", response_id=side).join(given, on="response_id").select(keys)
        for side in ("chosen_id", "rejected_id")
    )
    return chosen.join(rejected, on=keys, how="semi").select("row", "rater")


def _who_compared(rows: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Return row and rater of each comparison, or tie, of a row's two answers."""
    given = comparisons.filter(pl.col("preference").is_not_null())
    either = [
        rows.select("row", first_id=first, second_id=second)
        for first, second in (("chosen_id", "rejected_id"), ("rejected_id", "chosen_id"))
    ]
    return pl.concat(either).join(given, on=["first_id", "second_id"]).select("row", "rater")


def _listed(judges: pl.DataFrame, by: str) -> pl.DataFrame:
    """List each row's distinct raters, sorted by name."""
    names = pl.Enum(judges["rater"].unique().sort())
    return (
        judges.with_columns(pl.col("rater").cast(names))
        .unique()
        .sort(by, "rater")
        .group_by(by, maintain_order=True)
        .agg(raters="rater")
        .with_columns(pl.col("raters").cast(pl.List(pl.String)))
    )
