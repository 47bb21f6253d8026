"""One run: its parameters, and the places of its tables, models and metrics."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rather.ledger import Ledger
from rather.params.params import Params
from rather.tables.buckets import WHOLE, Bucket, buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from rather.tables.tables import Frames, Tables


T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """A root folder and its parameters.

    tables: Parquet files, data/STAGE/TABLE.parquet;  models: data/models/NAME
    metrics: data/metrics/STAGE.json;  work: cached rows of models, kept from run to run
    round: name of a further round, None for the first pass. A round's tables and metrics are under
        data/rounds/NAME; its prompts are the loaded ones, unless it asks a later turn
    numeric_ids: whether tables return ids as numbers, which a stage with many rows reads faster
    """

    root: Path
    params: Params
    round: str | None = None
    numeric_ids: bool = False

    @property
    def data(self) -> Path:
        """The folder of tables and metrics."""
        data = self.root / "data"
        return data if self.round is None else data / "rounds" / self.round

    @cached_property
    def tables(self) -> "Tables":
        """The run's tables."""
        from rather.tables.tables import Tables

        shared = dict.fromkeys(self._shared(), self.root / "data")
        return Tables(self.data, shared, self.numeric_ids)

    @property
    def with_numeric_ids(self) -> "Run":
        """The same run with numeric ids."""
        return replace(self, numeric_ids=True)

    def _shared(self) -> tuple[str, ...]:
        """Return the tables shared with the first pass (turn 1 shares prompts)."""
        if self.round is None:
            return ()
        turn = self.params.rounds[self.round].turn
        return ("load/prompts", "load/evaluations") if turn == 1 else ("load/evaluations",)

    def read(
        self, table: str, bucket: Bucket = WHOLE, columns: "Sequence[str] | None" = None
    ) -> "pl.DataFrame":
        """Read a table, stage/name, or one bucket of it, or some of its columns."""
        return self.tables.read(table, bucket, columns)

    def write(self, table: str, frame: "pl.DataFrame") -> "pl.DataFrame":
        """Write a table, stage/name."""
        return self.tables.write(table, frame)

    @cached_property
    def num_responses(self) -> int:
        """The number of responses, loaded and generated."""
        generated = (f"generate/{name}" for name in self.params.generators)
        return sum(self.tables.height(table) for table in ("load/responses", *generated))

    @cached_property
    def buckets(self) -> list[Bucket]:
        """The buckets of this run's tables, sized by its responses."""
        return buckets(self.num_responses)

    def fill(
        self, tables: "Sequence[str]", work: "Callable[[Bucket], tuple[Frames, T]]"
    ) -> "list[T]":
        """Write tables bucket by bucket, several buckets in parallel.

        Args:
            tables: names, stage/name.
            work: returns a bucket's rows of each table, and its own result.

        Returns:
            The buckets' results, in order, when the tables are written.
        """
        return self.tables.fill(tables, self.buckets, work)

    def responses(
        self, bucket: Bucket = WHOLE, columns: "Sequence[str] | None" = None
    ) -> "pl.DataFrame":
        """Read all responses, loaded and generated."""
        import polars as pl

        loaded = self.read("load/responses", bucket, columns)
        return pl.concat([loaded, self.generated(bucket, loaded.columns)])

    def generated(
        self, bucket: Bucket = WHOLE, columns: "Sequence[str] | None" = None
    ) -> "pl.DataFrame":
        """Read the responses of this run's generators."""
        return self.tables.read_family("generate", self.params.generators, bucket, columns)

    def ratings(
        self, bucket: Bucket = WHOLE, columns: "Sequence[str] | None" = None
    ) -> "pl.DataFrame":
        """Read all ratings, loaded and by this run's raters."""
        import polars as pl

        loaded = self.read("load/ratings", bucket, columns)
        raters = self.params.all_raters
        return pl.concat([loaded, self.tables.read_family("rate", raters, bucket, columns)])

    def comparisons(self, bucket: Bucket = WHOLE) -> "pl.DataFrame":
        """Read all comparisons, loaded and by this run's raters."""
        import polars as pl

        compared = self.tables.read_family("compare", self.params.all_raters, bucket)
        return pl.concat([self.source_comparisons(bucket), compared])

    def source_comparisons(self, bucket: Bucket = WHOLE) -> "pl.DataFrame":
        """Read the loaded comparisons; none if they train a reward model."""
        loaded = self.read("load/comparisons", bucket)
        return loaded if self.params.source.comparisons_for == "pairs" else loaded.clear()

    def pairs(
        self, table: str, bucket: Bucket = WHOLE, columns: "Sequence[str] | None" = None
    ) -> "pl.DataFrame":
        """Read pair/pairs, restricted to a table's pairs."""
        named = self.read(table, bucket, ["pair_id"])
        wanted = columns if columns is None else list(dict.fromkeys(["pair_id", *columns]))
        pairs = self.read("pair/pairs", bucket, wanted)
        kept = pairs.join(named, on="pair_id", how="semi", maintain_order="left")
        return kept if columns is None else kept.select(columns)

    def model(self, name: str) -> Path:
        """Return the folder of a model."""
        return self.root / "data" / "models" / name

    def work(self, stage: str) -> Path:
        """Return the folder of a stage's cached rows."""
        return self.root / ".work" / stage

    def figures(self, stage: str) -> dict[str, Any]:
        """Read a stage's metrics."""
        figures: dict[str, Any] = json.loads(self._metrics(stage).read_text())
        return figures

    def _metrics(self, stage: str) -> Path:
        """Return the file of a stage's metrics."""
        return self.data / "metrics" / f"{stage}.json"

    def close(self, ledger: Ledger) -> None:
        """Write a stage's ledger as its metrics."""
        ledger.write(self._metrics(ledger.stage))
