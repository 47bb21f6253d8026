"""One run: where its tables, models and metrics are, and the numbers it is run with."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ledger import Ledger
from pipeline.params import Params

if TYPE_CHECKING:
    import polars as pl

    from pipeline.tables import Tables


@dataclass(frozen=True)
class Run:
    """A root folder, and the parameters of what happens under it.

    tables: Parquet files, data/STAGE/TABLE.parquet;  models: data/models/NAME
    metrics: data/metrics/STAGE.json;  work: rows already paid for, kept from run to run
    """

    root: Path
    params: Params

    @property
    def data(self) -> Path:
        """The folder of everything generated."""
        return self.root / "data"

    @cached_property
    def tables(self) -> "Tables":
        """The run's tables."""
        from pipeline.tables import Tables

        return Tables(self.data)

    def read(self, table: str) -> "pl.DataFrame":
        """Read a table, stage/name."""
        return self.tables.read(table)

    def write(self, table: str, frame: "pl.DataFrame") -> "pl.DataFrame":
        """Write a table, stage/name."""
        return self.tables.write(table, frame)

    def model(self, name: str) -> Path:
        """Give the folder of a model."""
        return self.data / "models" / name

    def work(self, stage: str) -> Path:
        """Give the folder in which a stage keeps rows that were paid for."""
        return self.root / ".work" / stage

    def close(self, ledger: Ledger) -> None:
        """Write a stage's account."""
        ledger.write(self.data / "metrics" / f"{ledger.stage}.json")
