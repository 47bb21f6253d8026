"""Pairs to judge, for winnow and choose."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from rather.schemas.evidence import Pairs


@pytest.fixture
def make_pairs() -> Callable[..., pl.DataFrame]:
    """Make a pairs table of rows that say only what matters; the rest is beyond reproach."""

    def make(*rows: dict[str, Any]) -> pl.DataFrame:
        full = [
            {
                "pair_id": f"pair{number}",
                "prompt_id": f"prompt{number}",
                "split": "train",
                "margin": 1.0,
                "agreement": 1.0,
                "num_raters": 2,
                "length_gap": 0,
                "complete": True,
                "distinct": True,
                "distinct_cut": True,
            }
            | row
            for number, row in enumerate(rows)
        ]
        return pl.DataFrame(full, schema=Pairs.create_empty().schema)

    return make
