"""The chains of stages that curate one source, run in one folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rather.registry import runner
from rather.run import Run
from rather.schemas.base import UserError

CURATE = ("load", "measure", "calibrate", "pair", "winnow", "choose", "validate", "convert")
LABEL = ("load", "measure", "calibrate", "convert")
AUDITED = ("load", "measure", "calibrate", "pair", "winnow", "choose", "validate")
Work = Callable[[Run], None]


def run_stages(
    run: Run,
    stages: Sequence[str],
    instead: Mapping[str, Work] | None = None,
    progress: bool = False,
) -> None:
    """Run stages in order.

    Args:
        run: where the tables are written, and the parameters.
        stages: names of stages.
        instead: other work than a stage's own, by stage.
        progress: show the stage at work on stderr, where that is a terminal.
    """
    for stage in stages:
        with at_work(stage, progress):
            ((instead or {}).get(stage) or runner(stage))(run)
        if stage == "load":
            _require_answers(run)


@contextmanager
def at_work(name: str, progress: bool) -> Iterator[None]:
    """Show the name of the work and its seconds on stderr, where that is a terminal."""
    if not progress:
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        bars.add_task(name)
        yield


def _require_answers(run: Run) -> None:
    """Raise UserError for a source of prompts alone, which holds nothing to prefer."""
    if run.read("load/responses").is_empty():
        path = run.params.source.path
        raise UserError(
            f"{path}: expected rated responses, found prompts alone; let `rather init {path}` "
            "guess the columns, or name them with --from ratings "
            "--set source.mapping.response=... --set source.mapping.scores='[...]'"
        )
