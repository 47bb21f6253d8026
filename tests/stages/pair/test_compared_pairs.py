"""What comparisons tell of each two answers."""

import polars as pl

from rather.schemas.evidence import Features, Raters
from rather.schemas.judgements import Comparisons
from rather.stages.calibrate.rating_evidence import UNCALIBRATED
from rather.stages.pair.compared_pairs import compared

ANSWERS = pl.DataFrame({"response_id": ["a", "b"], "prompt": [0, 0]}).cast({"prompt": pl.UInt32})
FEATURES = pl.DataFrame(
    [{"response_id": name, "prompt_id": "p", "key": name, "num_tokens": 1} for name in "ab"],
    schema=Features.create_empty().schema,
)
COMPARED = pl.DataFrame(
    [
        {
            "first_id": "a",
            "second_id": "b",
            "rater": "ann",
            "aspect": "overall",
            "prompt_id": "p",
            "preference": 1.0,
        }
    ],
    schema=Comparisons.create_empty().schema,
)


def test_no_comparison_tells_nothing_in_the_same_columns() -> None:
    """So that whoever reads on need not ask whether there was one."""
    raters = Raters.create_empty()
    some, none = (
        compared(rows, FEATURES, raters, ANSWERS, UNCALIBRATED)
        for rows in (COMPARED, COMPARED.clear())
    )
    assert (some.height, none.height) == (1, 0)
    assert none.schema == some.schema
