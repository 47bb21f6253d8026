"""A training set made of one source: its rows, the dropped rows, and an account of both."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from rather.api.curation import CURATE, LABEL, run_stages
from rather.api.data_source import Changes, Owner, Scratch, opened
from rather.auditing.accounts import advise, ledgers
from rather.auditing.dropped_rows import write_dropped
from rather.run import Run
from rather.runners.validate import run_declared
from rather.schemas.base import QualityError, UserError
from rather.stages.convert.formats.formats import Form, Kind, form
from rather.stages.convert.formats.turns import Facts
from rather.stages.sources.source_files import find
from rather.tables.atomic_files import atomic_path, require_writable, write_text
from rather.tables.buckets import Bucket
from rather.tables.row_writers import ENDINGS, row_writer

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Ledger = dict[str, dict[str, Any]]
DROPPED = "dropped.parquet"


@dataclass(frozen=True)
class Target:
    """A training set to write: its kind, its file and its format."""

    kind: Kind
    out: Path
    form: Form

    @property
    def beside(self) -> Path:
        """The file of dropped rows that lies beside the training set."""
        return self.out.with_name(f"{self.out.stem}.dropped.parquet")

    def check(self, source: str | None) -> None:
        """Raise UserError, before any work, for a file that cannot be written or is the input."""
        out = self.out
        if out.suffix not in ENDINGS:
            raise UserError(f"--out {out}: expected a name ending in {' or '.join(ENDINGS)}")
        require_writable(out.parent, f"--out {out}")
        files = [] if source is None else find(source)
        inputs = {Path(file).resolve() for file in files}
        for path in (out, self.beside):
            if path.is_dir():
                raise UserError(f"--out {out}: expected a file, found that {path} is a folder")
            if path.resolve() in inputs:
                raise UserError(f"--out {out}: {path} is the input itself; choose another name")
        self._check_side_file(inputs)

    def _check_side_file(self, inputs: set[Path]) -> None:
        """Raise UserError for a side file that is another file of the run, or no JSON object."""
        if self.form.side_file is None:
            return
        path = self.out.with_name(self.form.side_file(Facts(self.out.name))[0])
        if path.resolve() in {self.out.resolve(), *inputs}:
            raise UserError(
                f"--out {self.out}: {path} is written beside the rows; choose another name"
            )
        _json_object(path)


@dataclass(frozen=True)
class Saved:
    """A training set that was written.

    Attributes:
        path: the file of rows;  dropped_path: the file of dropped rows beside it.
        counts: rows, and of labels how many are desirable.
        dropped: counts of dropped rows by unit.
        recipe: the lines that make a trainer read the file.
    """

    path: Path
    dropped_path: Path
    counts: Counter[str]
    dropped: dict[str, int]
    recipe: str = field(repr=False)


class Converted(Owner):
    """A training set in the tables of a temporary run.

    Attributes:
        to: dpo (pairs) or kto (labelled answers).
        format: the format of `rows`, which `save` writes unless it is given another.
    """

    def __init__(self, scratch: Scratch | None, run: Run, to: Kind, format: str) -> None:
        super().__init__(scratch)
        self._run = run
        self._inputs = run.params.source.path
        self.to, self.format = to, format

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The training set in its format, one row per pair or labelled answer."""
        self._require_open()
        reshape = form(self.format, self.to).reshape
        return pl.concat([reshape(rows).rows for _, rows in self._buckets()])

    @cached_property
    def dropped(self) -> pl.DataFrame:
        """Every row that is not in the training set: stage, unit, reason, ids and source lines."""
        self._require_open()
        reshape = form(self.format, self.to).reshape
        unfit = [(bucket, reshape(rows).dropped) for bucket, rows in self._buckets()]
        path = self._run.root / DROPPED
        write_dropped(self._run, self._stages, path, unfit)
        return pl.read_parquet(path)

    @cached_property
    def ledger(self) -> Ledger:
        """The account of each stage by unit: rows in, rows kept, rows dropped by reason."""
        self._require_open()
        return ledgers(self._run, self._stages)

    @cached_property
    def remarks(self) -> list[str]:
        """What to know of how pairs and labels were decided, a sentence each."""
        self._require_open()
        return _remarks(self._run)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the rows as a pandas frame."""
        return self.rows.to_pandas()

    def to_arrow(self) -> "pa.Table":
        """Return the rows as a pyarrow table."""
        return self.rows.to_arrow(compat_level=pl.CompatLevel.oldest())

    def to_dataset(self) -> Any:
        """Return the rows as a `datasets.Dataset`.

        Raises:
            UserError: The package datasets is not installed.
        """
        try:
            from datasets import Dataset  # type: ignore[import-untyped]
        except ModuleNotFoundError:
            raise UserError(
                "to_dataset: expected the package datasets, found none; install rather[hub]"
            ) from None
        return Dataset(self.to_arrow())

    def save(self, path: str | Path, format: str | None = None) -> Saved:
        """Write the training set, and its dropped rows beside it.

        Args:
            path: a name ending in .parquet, .jsonl or .json.
            format: trl, trl-standard, axolotl, llamafactory or open-instruct; None for
                the format of `rows`.

        Raises:
            UserError: The file cannot be written, or there is no such format.
            QualityError: No row is left to write.
        """
        self._require_open()
        target = Target(self.to, Path(path), form(format or self.format, self.to))
        # the input may be gone by now; what is there is not overwritten
        is_there = Path(self._inputs).exists()
        target.check(self._inputs if is_there else None)
        with atomic_path(target.beside) as draft_dropped, atomic_path(target.out) as draft:
            unfit: list[tuple[Bucket, pl.DataFrame]] = []
            counts = self._write(target, draft, unfit)
            if not counts["rows"]:
                raise QualityError(
                    f"{path}: not written: not one row was left; the ledger above says why"
                )
            dropped = write_dropped(self._run, self._stages, draft_dropped, unfit)
        facts = self._facts(target.out)
        _write_side_file(target, facts)
        return Saved(target.out, target.beside, counts, dropped, target.form.recipe(facts))

    @property
    def _stages(self) -> tuple[str, ...]:
        return stages_of(self.to, self._run.params.convert.kto.by)

    def _write(
        self, target: Target, draft: Path, unfit: list[tuple[Bucket, pl.DataFrame]]
    ) -> Counter[str]:
        """Write the rows in their format, and keep those that it cannot hold; count both."""
        counts: Counter[str] = Counter(rows=0)
        with row_writer(draft) as append:
            for bucket, rows in self._buckets():
                reshaped = target.form.reshape(rows)
                append(reshaped.rows)
                unfit.append((bucket, reshaped.dropped))
                counts["rows"] += reshaped.rows.height
                if self.to == "kto":
                    counts["desirable"] += int(reshaped.rows["label"].sum())
        return counts

    def _buckets(self) -> Iterator[tuple[Bucket, pl.DataFrame]]:
        """Yield the converted rows by split and bucket."""
        for split in ("train", "test"):
            for bucket in self._run.buckets:
                yield bucket, self._run.read(f"convert/{self.to}/{split}", bucket)

    def _facts(self, out: Path) -> Facts:
        """Return what a trainer's configuration has to know."""
        default = {"desirable": 1.0, "undesirable": 1.0}
        weights = self._run.figures("convert").get("weights", default)
        return Facts(out.name, weights["desirable"], weights["undesirable"], str(out.resolve()))

    def __repr__(self) -> str:
        return f"Converted(to={self.to!r}, format={self.format!r}, rows={self.rows.height:,})"


def convert(
    data: Any,
    to: Literal["dpo", "kto"] = "dpo",
    format: str = "auto",
    mapping: Any = None,
    *,
    rows: str = "trl",
    set: Changes = (),
    progress: bool = False,
    **groups: Any,
) -> Converted:
    """Return a training set made of ratings, comparisons, rankings, pairs or thumbs.

    Args:
        data: a Source, or what `rather.read` takes.
        to: dpo for pairs, kto for single labelled answers.
        format, mapping: as `rather.read` takes them.
        rows: the format of the training set: trl, trl-standard, axolotl, llamafactory or
            open-instruct.
        set: parameters by dotted names, such as {"winnow.margin.at_least": 1.0}.
        progress: show the stage at work on stderr, where that is a terminal.
        groups: groups of params.yaml, such as choose={"per_prompt": 2}.

    Raises:
        UserError: The data or an option is wrong.
        QualityError: The pairs are below the declared quality; its `ledger` shows the drops.
    """
    if to not in ("dpo", "kto"):
        raise UserError(f"to: expected dpo or kto, found {to!r}")
    form(rows, to)
    with opened(data, format, mapping) as source:
        params = source.params(set, groups, convert={"to": [to]})
        if params.convert.to != (to,):
            raise UserError("--set: expected no convert.to, which --to says; remove it")
        stages = stages_of(to, params.convert.kto.by)
        scratch = Scratch()
        run = Run(scratch.path, params)
        try:
            run_stages(run, stages, {"validate": run_declared}, progress)
        except QualityError as error:
            error.ledger = ledgers(run, stages[:-1])
            scratch.close()
            raise
        except BaseException:
            scratch.close()
            raise
    return Converted(scratch, run, to, rows)


def stages_of(to: Kind, by: str) -> tuple[str, ...]:
    """Return the stages that make a training set; labels of single answers need no pairs."""
    return CURATE if to == "dpo" or by == "pairs" else LABEL


def _write_side_file(target: Target, facts: Facts) -> None:
    """Write what must lie beside the rows, added to what lies there already."""
    if target.form.side_file is None:
        return
    name, entries = target.form.side_file(facts)
    path = target.out.with_name(name)
    merged = json.dumps(_json_object(path) | entries, indent=2, ensure_ascii=False)
    write_text(path, merged + "\n")


def _json_object(path: Path) -> dict[str, Any]:
    """Read a file that entries are added to; a file that is not there has none yet."""
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
    """Return what to know of how pairs and labels were decided, a sentence each."""
    remarks = []
    with suppress(FileNotFoundError):  # labels of single answers go through no rules
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
