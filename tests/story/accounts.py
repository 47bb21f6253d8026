"""Real files, converted as the command does it, and an account of what became of their rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import polars as pl

from rather.api.curation import CURATE, LABEL, run_stages
from rather.api.data_source import read
from rather.api.training_set import Converted as Made
from rather.auditing.accounts import ledgers
from rather.registry import runner
from rather.run import Run
from rather.stages.common.ids import pair_ids
from rather.stages.convert.formats.formats import Kind
from tests.stages.sources.real import DATA

Entries = Mapping[str, Mapping[str, Any]]
TABLES = ("responses", "ratings", "comparisons")


@dataclass(frozen=True)
class Converted:
    """One training set of one file: its rows, what was dropped, and the run behind both.

    ledger: of each stage that ran, the account of each unit;  remarks: what the command said
    """

    run: Run
    kind: Kind
    out: Path
    ledger: Entries
    remarks: str

    @property
    def rows(self) -> pl.DataFrame:
        """The training set."""
        return pl.read_parquet(self.out)

    @property
    def dropped(self) -> pl.DataFrame:
        """What lies beside it."""
        return pl.read_parquet(self.out.with_name(f"{self.out.stem}.dropped.parquet"))

    @property
    def reasons(self) -> dict[tuple[str, str], int]:
        """Count what was dropped by unit and reason."""
        return dict(Counter(self.dropped.select("unit", "reason").iter_rows()))

    @property
    def by_pairs(self) -> bool:
        """Whether the training set was made of pairs."""
        return "pair" in self.ledger

    def lines(self) -> set[int]:
        """Find the source's lines of which an answer or judgement went into the training set."""
        tables = {name: self.run.read(f"load/{name}") for name in TABLES}
        said = pl.col("response_id").is_in(self._answers().implode())
        used = [tables["responses"].filter(said), tables["ratings"].filter(said)]
        if self.by_pairs:
            pairs = self.run.read("choose/chosen")["pair_id"]
            told = pair_ids(pl.col("first_id"), pl.col("second_id")).is_in(pairs.implode())
            used.append(tables["comparisons"].filter(told))
        return set(pl.concat(frame["source_line"] for frame in used))

    def _answers(self) -> pl.Series:
        """Name the answers in the training set."""
        if self.kind == "kto":
            return self.rows["response_id"]
        return pl.concat([self.rows["chosen_id"], self.rows["rejected_id"]])


def converted(name: str, by: Literal["auto", "pairs"], folder: Path) -> dict[Kind, Converted]:
    """Convert a file to DPO and to KTO; `by` says what KTO's labels go by."""
    source = read(str(DATA / name))
    run = Run(folder, source.params(convert={"to": ["dpo"]}))
    labelled = replace(run, params=source.params(convert={"to": ["kto"], "kto": {"by": by}}))
    run_stages(run, CURATE)
    dpo = _published(run, "dpo", CURATE)
    runner("convert")(labelled)
    return {"dpo": dpo, "kto": _published(labelled, "kto", CURATE if by == "pairs" else LABEL)}


def _published(run: Run, kind: Kind, stages: tuple[str, ...]) -> Converted:
    """Write what the command leaves, and keep its remarks."""
    out, made = run.root / f"{kind}.parquet", Made(None, run, kind, "trl")
    made.save(out)
    return Converted(run, kind, out, ledgers(run, stages), "\n".join(made.remarks))
