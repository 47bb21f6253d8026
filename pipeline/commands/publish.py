"""What `rather convert` leaves: the training set, what was dropped, and an account of both."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl
from rich.console import Console
from rich.table import Table

from rather.auditing.accounts import advise, ledgers
from rather.auditing.dropped_rows import write_dropped
from rather.run import Run
from rather.schemas.base import QualityError, UserError
from rather.stages.convert.formats.formats import Form
from rather.stages.convert.formats.turns import Facts
from rather.stages.sources.source_files import find
from rather.tables.atomic_files import atomic_path, require_writable, write_text
from rather.tables.buckets import Bucket
from rather.tables.row_writers import ENDINGS, row_writer


@dataclass(frozen=True)
class Target:
    """A training set to write: its kind, its file and its format."""

    kind: Literal["dpo", "kto"]
    out: Path
    form: Form

    @property
    def beside(self) -> Path:
        """The file of dropped rows that lies beside the training set."""
        return self.out.with_name(f"{self.out.stem}.dropped.parquet")

    def check(self, source: str) -> None:
        """Refuse, before any work, what cannot be written or would take the input's place."""
        out = self.out
        if out.suffix not in ENDINGS:
            raise UserError(f"--out {out}: expected a name ending in {' or '.join(ENDINGS)}")
        require_writable(out.parent, f"--out {out}")
        inputs = {Path(file).resolve() for file in find(source)}
        for path in (out, self.beside):
            if path.is_dir():
                raise UserError(f"--out {out}: expected a file, found that {path} is a folder")
            if path.resolve() in inputs:
                raise UserError(f"--out {out}: {path} is the input itself; choose another name")
        self._check_side_file(inputs)

    def _check_side_file(self, inputs: set[Path]) -> None:
        """Refuse a side file that is another file of the run's, or that nothing can be added to."""
        if self.form.side_file is None:
            return
        path = self.out.with_name(self.form.side_file(Facts(self.out.name))[0])
        if path.resolve() in {self.out.resolve(), *inputs}:
            raise UserError(
                f"--out {self.out}: {path} is written beside the rows; choose another name"
            )
        _json_object(path)

    def publish(self, run: Run, stages: Sequence[str]) -> None:
        """Move the results to where they were asked for, and say what became of every row."""
        with atomic_path(self.beside) as draft_dropped, atomic_path(self.out) as draft:
            lost: list[tuple[Bucket, pl.DataFrame]] = []
            counts = self._write(run, draft, lost)
            if not counts["rows"]:
                raise QualityError(
                    f"{self.out}: not written: not one row was left; the ledger above says why"
                )
            dropped = write_dropped(run, stages, draft_dropped, lost)
        facts = self._facts(run)
        self._write_side_file(facts)
        self._say(run, counts, dropped, facts)

    def _write(
        self, run: Run, draft: Path, lost: list[tuple[Bucket, pl.DataFrame]]
    ) -> Counter[str]:
        """Write the rows in their format, and keep those that it cannot hold; count both."""
        counts: Counter[str] = Counter(rows=0)
        with row_writer(draft) as append:
            for bucket, rows in self._buckets(run):
                reshaped = self.form.reshape(rows)
                append(reshaped.rows)
                lost.append((bucket, reshaped.dropped))
                counts["rows"] += reshaped.rows.height
                if self.kind == "kto":
                    counts["desirable"] += int(reshaped.rows["label"].sum())
        return counts

    def _buckets(self, run: Run) -> Iterator[tuple[Bucket, pl.DataFrame]]:
        """Go through the converted rows."""
        for split in ("train", "test"):
            for bucket in run.buckets:
                yield bucket, run.read(f"convert/{self.kind}/{split}", bucket)

    def _facts(self, run: Run) -> Facts:
        """Gather what the trainer has to be told."""
        weights = run.figures("convert").get("weights", {"desirable": 1.0, "undesirable": 1.0})
        return Facts(self.out.name, weights["desirable"], weights["undesirable"])

    def _write_side_file(self, facts: Facts) -> None:
        """Write what must lie beside the rows, added to what lies there already."""
        if self.form.side_file is None:
            return
        name, entries = self.form.side_file(facts)
        path = self.out.with_name(name)
        merged = json.dumps(_json_object(path) | entries, indent=2, ensure_ascii=False)
        write_text(path, merged + "\n")

    def _say(self, run: Run, counts: Counter[str], dropped: dict[str, int], facts: Facts) -> None:
        """Say what was written, what was not and why, and how a trainer reads it."""
        units = ", ".join(f"{count:,} dropped {unit}" for unit, count in dropped.items())
        rows = f"{self.out}: {counts['rows']:,} {self.kind} rows"
        if self.kind == "kto":
            bad = counts["rows"] - counts["desirable"]
            rows += f" ({counts['desirable']:,} desirable, {bad:,} undesirable)"
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        for line in (
            *_remarks(run),
            rows,
            f"{self.beside}: {units or 'none'}, each with its reason",
        ):
            console.print(line, markup=False)
        console.print(self.form.recipe(facts), markup=False)


def _json_object(path: Path) -> dict[str, Any]:
    """Read a file that more entries are added to; one that is not there has none yet."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: expected a JSON object to add to, found {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected a JSON object to add to, found {type(found).__name__}")
    return found


def _remarks(run: Run) -> list[str]:
    """Say what a person should know of how pairs and labels were decided."""
    remarks = []
    if (run.data / "metrics" / "winnow.json").is_file():
        winnowed = run.figures("winnow")
        idle = winnowed["not_applicable"]
        remarks += [f"the rule {rule} was not applied: no pair has its evidence" for rule in idle]
        remarks += winnowed["refused"].values()
    remarks += run.figures("calibrate")["notes"]
    if rule := run.figures("convert").get("label_rule"):
        remarks.append(f"labels: {rule}")
    if "dpo" in run.params.convert.to:
        chosen = run.read("choose/chosen", columns=["split", "length_gap"])
        remarks += [f"{each.level}: {each.sentence}" for each in advise(run, chosen)]
    return remarks


def show_ledger(run: Run, stages: Sequence[str]) -> None:
    """Print the ledger."""
    table = Table("stage", "unit", "in", "kept", "dropped by reason", title="Ledger")
    for stage, entries in ledgers(run, stages).items():
        for unit, entry in entries.items():
            reasons = ", ".join(f"{name} {count:,}" for name, count in entry["dropped"].items())
            if entry["in"]:
                table.add_row(stage, unit, f"{entry['in']:,}", f"{entry['kept']:,}", reasons)
    Console(stderr=True).print(table)
