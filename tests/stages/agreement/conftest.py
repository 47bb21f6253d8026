"""Tables of raters by items, and the judgements that they hold."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from rather.stages.agreement.reliability_data import tally
from rather.stages.agreement.units import Units, units

Table = NDArray[np.float64]


@pytest.fixture
def judged() -> Callable[..., pl.DataFrame]:
    """Take a table, a row for each rater and NaN where nothing was given, as judgements."""

    def make(table: Table | list[list[float]], aspect: str = "overall") -> pl.DataFrame:
        cells = np.asarray(table, dtype=float)
        rater, item = np.indices(cells.shape)
        return pl.DataFrame(
            {
                "item": [f"item{number:04}" for number in item.ravel()],
                "rater": [f"rater{number:04}" for number in rater.ravel()],
                "aspect": aspect,
                "source": "table",
                "value": cells.ravel(),
            }
        ).with_columns(pl.col("value").fill_nan(None))

    return make


@pytest.fixture
def units_of(judged: Callable[..., pl.DataFrame]) -> Callable[..., Units]:
    """Make a table's units."""
    return lambda table: units(tally(judged(table)), "overall")


@pytest.fixture
def sparse() -> Callable[..., Table]:
    """Draw a table of 2 to 6 raters, 4 to 40 items and a few values, a third of it missing."""

    def draw(seed: int, lowest: int = 0) -> Table:
        rng = np.random.default_rng(seed)
        shape = rng.integers(2, 7), rng.integers(4, 41)
        scale = rng.integers(lowest, 9, size=rng.integers(2, 12)) * rng.choice([1.0, 0.25])
        table = rng.choice(scale, size=shape)
        return np.where(rng.random(shape) < 1 / 3, np.nan, table)

    return draw
