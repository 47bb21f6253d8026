"""The audit of one source: the verdict, its figures, and the rows that a person should look at."""

import shlex
import shutil
from html import escape
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from rather.api.curation import AUDITED, at_work, run_stages
from rather.api.data_source import FRAME_FILE, Changes, Owner, Scratch, Source, opened
from rather.auditing.audit_folder import FIGURES, FLAGGED, PAGE, PAIRS, write_page, write_tables
from rather.auditing.gates import missed, read_gates
from rather.auditing.previous_audit import read_previous
from rather.params.params import Params
from rather.run import Run
from rather.schemas.audit import Audit as AuditFigures
from rather.schemas.audit import Dropped, Headline
from rather.schemas.base import UserError
from rather.stages.audit.formatting import WRITERS
from rather.stages.sources.source_files import find
from rather.tables.atomic_files import atomic_folder, require_writable, write_text

PAIRING = ("pair", "winnow", "choose")  # what they drop takes nothing from single answers
DOCS = "docs/index.html"
FILES = (*("card.md", FLAGGED, PAIRS, "worst.parquet", "params.yaml"), "docs", "data")


class Audit(Owner):
    """An audit of a source.

    Attributes:
        figures: every figure, as audit.json holds them.
    """

    def __init__(self, scratch: Scratch, figures: AuditFigures, worst: pl.DataFrame) -> None:
        super().__init__(scratch)
        self._folder = scratch.path
        self.figures = figures
        self._worst = worst

    @property
    def verdict(self) -> str:
        """Whether the data may be trained on: yes, with_care or no."""
        return self.figures["verdict"]["answer"]

    @property
    def problems(self) -> list[str]:
        """The problems behind the verdict, a sentence each, the worst first."""
        return [problem["sentence"] for problem in self.figures["verdict"]["problems"]]

    @property
    def pairs(self) -> pl.DataFrame:
        """Every pair with its evidence, and the stage and reason that dropped it (null: chosen)."""
        return self._table(PAIRS)

    @property
    def flagged(self) -> pl.DataFrame:
        """Every row that became no training pair, its reason, and all rules that it fails."""
        return self._table(FLAGGED)

    def _table(self, name: str) -> pl.DataFrame:
        self._require_open()
        return pl.read_parquet(self._folder / name)

    def missed(self, *gates: str) -> list[str]:
        """Return a sentence for each gate that the audit misses.

        Args:
            gates: as `rather audit --fail-under` takes them, such as "with_care" or
                "agreement=0.7".

        Raises:
            UserError: A gate is unknown, or its value out of range.
        """
        return missed(self.figures, read_gates(gates))

    def save(self, folder: str | Path) -> Path:
        """Write the page, the figures and the tables into a folder; return the page's path.

        An earlier audit there is replaced; `rather why ID --in FOLDER` reads the folder.

        Raises:
            UserError: The folder cannot be written, or holds something other than an audit.
        """
        self._require_open()
        out = Path(folder)
        check_folder(out)
        with atomic_folder(out.resolve()) as draft:
            for name in FILES:
                file = self._folder / name
                (shutil.copytree if file.is_dir() else shutil.copyfile)(file, draft / name)
            write_page(draft, self.figures | {"why": _why(str(out))}, self._worst)
        return out / PAGE

    def lines(self) -> list[str]:
        """Return the verdict, the problems and the main figures, as the command prints them."""
        verdict = self.figures["verdict"]
        lines = [verdict["sentence"]]
        lines += [f"- {each['severity']}: {each['sentence']}" for each in verdict["problems"]]
        lines += [f"{each['label']}: {_value(each)}" for each in self.figures["headline"]]
        apart = PAIRING if self.figures["kind"] == "labels" else ()
        lost = [
            f"{row['count']:,} {_unit(row)} by {row['stage']}: {row['reason']}"
            for row in self.figures["waterfall"]
            if row["stage"] not in apart
        ]
        return [*lines, *([f"Left out: {'; '.join(lost)}"] if lost else [])]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        """Return the verdict, the problems and the main figures for a notebook."""
        verdict = self.figures["verdict"]
        problems = "".join(
            f"<li>{escape(each['severity'])}: {escape(each['sentence'])}</li>"
            for each in verdict["problems"]
        )
        rows = "".join(
            f"<tr><td>{escape(each['label'])}</td><td>{escape(_value(each))}</td></tr>"
            for each in self.figures["headline"]
        )
        return (
            f"<p><b>{escape(verdict['sentence'])}</b></p><ul>{problems}</ul><table>{rows}</table>"
        )


def audit(
    data: Any,
    format: str = "auto",
    mapping: Any = None,
    *,
    against: str | Path | None = None,
    set: Changes = (),
    progress: bool = False,
    **groups: Any,
) -> Audit:
    """Return whether data may be trained on, and which of its rows a person should look at.

    Args:
        data: a Source, or what `rather.read` takes.
        format, mapping: as `rather.read` takes them.
        against: the folder of an earlier audit to compare with.
        set: parameters by dotted names, such as {"winnow.margin.at_least": 1.0}.
        progress: show the stage at work on stderr, where that is a terminal.
        groups: groups of params.yaml, such as winnow={"rules": {"margin": {"at_least": 1.0}}}.

    Raises:
        UserError: The data or an option is wrong.
    """
    previous = None if against is None else read_previous(Path(against))
    with opened(data, format, mapping) as source:
        params = source.params(set, groups, source={"near_duplicates": True})
        scratch = Scratch()
        try:
            run = Run(scratch.path, params)
            run_stages(run, AUDITED, progress=progress)
            _tidy(run, source)
            with at_work("page", progress):
                figures, worst = write_tables(run, run.root, DOCS, _why("FOLDER"), previous)
        except BaseException:
            scratch.close()
            raise
    return Audit(scratch, figures, worst)


def _tidy(run: Run, source: Source) -> None:
    """Move the Data Docs beside the page, and write the parameters that `rather why` reads."""
    built = run.data / "validate"
    (built / "docs").replace(run.root / "docs")
    shutil.rmtree(built / "gx")
    text = yaml.safe_dump(_values(run.params, source), sort_keys=False, allow_unicode=True)
    write_text(run.root / "params.yaml", text)


def _values(params: Params, source: Source) -> dict[str, Any]:
    """Return the parameters that were set, a frame's temporary file by its bare name."""
    values = params.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if source.is_frame:
        values["source"]["path"] = FRAME_FILE
    return values


def _why(folder: str) -> str:
    """Return the command that shows a pair's whole story."""
    return f"rather why PAIR_ID --in {shlex.quote(folder)}"


def check_folder(out: Path, source: str | None = None) -> None:
    """Raise UserError for a folder that cannot be written, or that holds something else.

    Args:
        out: the folder of an audit.
        source: the data that is audited, which may not lie in the folder.
    """
    place = out.resolve()
    require_writable(place.parent, f"--out {out}")
    if place == Path.cwd():
        raise UserError(
            f"--out {out}: expected a folder of its own, found the one you are in; name a new one"
        )
    if out.exists() and not (out / FIGURES).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(
            f"--out {out}: expected a new or empty folder or an earlier audit, found something "
            "else; choose another name"
        )
    files = [] if source is None else find(source)
    inside = [file for file in files if Path(file).resolve().is_relative_to(place)]
    if inside:
        raise UserError(f"--out {out}: {inside[0]} lies in it; choose another folder")


def _value(figure: Headline) -> str:
    """Write a figure with its interval and its detail."""
    if figure["value"] is None:
        return f"unknown ({figure['detail']})" if figure["detail"] else "unknown"
    write = WRITERS[figure["unit"]]
    written = write(figure["value"])
    if figure["low"] is not None and figure["high"] is not None:
        written += f" ({write(figure['low'])} to {write(figure['high'])})"
    return f"{written}, {figure['detail']}" if figure["detail"] else written


def _unit(row: Dropped) -> str:
    """Return a unit's name in the number of a count."""
    unit = row["unit"]
    return unit.removesuffix("s") if row["count"] == 1 else unit
