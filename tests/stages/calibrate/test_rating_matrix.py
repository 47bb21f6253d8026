"""Ratings in numbers."""

import numpy as np
import polars as pl

from rather.stages.calibrate.rating_matrix import sheet


def test_a_sheet_comes_out_of_its_packing_as_it_went_in() -> None:
    """Two prompts, three answers, one of them with two scores, and one judgement not given."""
    a, b, c = (digit * 16 for digit in "abc")
    ratings = pl.DataFrame(
        [
            (b, "1" * 16, "y", 4.0),
            (a, "0" * 16, "y", 2.5),
            (a, "0" * 16, "x", 1.0),
            (c, "1" * 16, "x", None),
            (c, "1" * 16, "y", 3.0),
        ],
        schema=["response_id", "prompt_id", "rater", "score"],
        orient="row",
    ).with_columns(aspect=pl.lit("overall"))
    features = pl.DataFrame(
        {
            "response_id": [a, b, c],
            "prompt_id": ["0" * 16, *["1" * 16] * 2],
            "num_tokens": [3, 5, 9],
        }
    )
    whole = sheet(ratings, features)
    again = whole.packed().unpacked()
    assert again.responses.equals(whole.responses)
    assert (again.names, again.spread) == (whole.names, whole.spread)
    for name in ("prompt", "length", "missing", "row", "rater", "score"):
        expected = getattr(whole, name)
        assert np.array_equal(getattr(again, name), expected), name
        assert getattr(again, name).dtype == expected.dtype, name
    assert whole.row.tolist() == [0, 0, 1, 2]
