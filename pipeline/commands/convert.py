"""`rather convert`: the curation stages on one source, in a folder that is not kept."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rather.commands.publish import Target, show_ledger
from rather.params.params import Params, make_params
from rather.registry import runner
from rather.run import Run
from rather.runners.validate import run_declared
from rather.schemas.base import QualityError, UserError
from rather.stages.convert.formats.formats import form
from rather.stages.sources.mapping import read_mapping

CURATE = ("load", "measure", "calibrate", "pair", "winnow", "choose", "validate", "convert")
LABEL = ("load", "measure", "calibrate", "convert")
Work = Callable[[Run], None]


@dataclass(frozen=True)
class Asked:
    """What a person asked to read: a source, its format, a mapping file, and changed parameters."""

    source: str
    format: str = "auto"
    map: Path | None = None
    changes: tuple[str, ...] = ()

    def params(self, **more: Any) -> Params:
        """Make the parameters of a run on this source alone."""
        source = {"path": self.source, "format": self.format, **more.pop("source", {})}
        if self.map is not None:
            mapping = read_mapping(self.map)
            extends = mapping.pop("extends", self.format)
            if self.format not in ("auto", extends):
                raise UserError(
                    f"--from {self.format}: expected the format that {self.map} extends, "
                    f"{extends}, or none; leave out one of them"
                )
            source |= {"format": extends, "mapping": mapping}
        values = {"source": source, "test_fraction": 0, **more}
        params = make_params(values, self.changes, "--set")
        self._check(params, source["format"])
        return params

    def _check(self, params: Params, expected: str) -> None:
        """Refuse the demo's world, and changes to what arguments already say."""
        if expected == "demo":
            raise UserError("--from demo: expected auto or a name that `rather sources` lists")
        if (params.source.path, params.source.format) != (self.source, expected):
            raise UserError(
                "--set: expected no source.path or source.format, which INPUT, --from and --map "
                "say; remove it"
            )
        if params.all_raters:
            raise UserError("--set raters: expected none, as a file has its own; remove it")


@contextmanager
def temporary_run(params: Params) -> Iterator[Run]:
    """Give a run whose tables are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="rather-") as folder:
        run = Run(Path(folder), params)
        yield run


def convert_file(asked: Asked, to: Literal["dpo", "kto"], out: Path, format_: str) -> None:
    """Write a training set, its dropped rows beside it, and the ledger to the terminal.

    Raises UserError on a mistake in the file or the options, QualityError where pairs are below
    the declared quality or no row is left; files of an earlier run then stay as they were.
    """
    target = Target(to, out, form(format_, to))
    target.check(asked.source)
    params = asked.params(convert={"to": [to]})
    if params.convert.to != (to,):
        raise UserError("--set: expected no convert.to, which --to says; remove it")
    stages = CURATE if to == "dpo" or params.convert.kto.by == "pairs" else LABEL
    with temporary_run(params) as run:
        try:
            run_stages(run, stages, {"validate": run_declared})
        except QualityError:
            show_ledger(run, stages[:-1])
            raise
        show_ledger(run, stages)
        target.publish(run, stages)


def run_stages(run: Run, stages: Sequence[str], instead: Mapping[str, Work] | None = None) -> None:
    """Run stages in order, showing which one is at work.

    instead: other work than a stage's own, by stage
    """
    for stage in stages:
        with at_work(stage):
            ((instead or {}).get(stage) or runner(stage))(run)
        if stage == "load":
            _require_answers(run)


@contextmanager
def at_work(name: str) -> Iterator[None]:
    """Show what is at work, and for how long."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        progress.add_task(name)
        yield


def _require_answers(run: Run) -> None:
    """Refuse a source of prompts alone: there is nothing in it to prefer."""
    if run.read("load/responses").is_empty():
        raise UserError(
            f"{run.params.source.path}: expected rated responses, found prompts alone; let `rather "
            f"init {run.params.source.path}` guess the columns, or name them with --from ratings "
            "--set source.mapping.response=... --set source.mapping.scores='[...]'"
        )
