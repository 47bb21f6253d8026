"""The `rather` command. Heavy packages are imported by the work, never by `--help`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rather.commands import examples

if TYPE_CHECKING:
    from rather.commands.convert import Request

# Read once, when torch and polars are loaded.
SETTINGS = {
    # A thread that spins while it waits holds the core its neighbour waits for.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Polars' allocator keeps freed memory for two seconds, not half a second: buckets follow each
    # other, and asking the system for the same pages again took a twentieth of a run.
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:2000,muzzy_decay_ms:2000",
}


app = typer.Typer(
    name="rather",
    help="Chosen rather than rejected: preference data, from prompts and ratings to a policy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Format = Annotated[
    str,
    typer.Option("--from", metavar="FORMAT", help="auto, or a name that `rather sources` lists."),
]
Map = Annotated[
    Path | None,
    typer.Option("--map", metavar="FILE", help="A YAML file that says which column holds what."),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change a parameter of params.yaml."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print no progress and no remarks; errors stay.")
]
Input = Annotated[
    str,
    typer.Argument(metavar="INPUT", help="A file, a folder, a glob in quotes, or hub:OWNER/NAME."),
]


def _print_version(is_asked: bool) -> None:
    """Print the installed version and exit, if the option is given."""
    if is_asked:
        from importlib.metadata import version

        print(f"rather {version('rather')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Chosen rather than rejected: preference data, from prompts and ratings to a policy."""


@app.command(epilog=examples.RUN)
def run(
    stage: Annotated[str, typer.Argument(help="A stage of dvc.yaml, such as winnow.")],
    name: Annotated[
        str | None, typer.Argument(help="Which rater or data set, where there are several.")
    ] = None,
) -> None:
    """Run one stage in this repository, as dvc.yaml does."""
    from rather.registry import run_stage

    run_stage(Path(), stage, name)


@app.command(epilog=examples.CONVERT)
def convert(
    source: Input,
    to: Annotated[Literal["dpo", "kto"], typer.Option(help="Pairs, or single labelled answers.")],
    out: Annotated[Path, typer.Option(help="The file to write: .parquet, .jsonl or .json.")],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="trl, trl-standard, axolotl, llamafactory, open-instruct, or package.module:name.",
        ),
    ] = "trl",
    from_: Format = "auto",
    map_: Map = None,
    changes: Changes = None,
    quiet: Quiet = False,
) -> None:
    """Turn ratings, comparisons, rankings, pairs or thumbs into a training set, without DVC.

    Beside the training set lies OUT.dropped.parquet, with every row that is not in it and why.
    """
    from rather.commands.convert import convert_file

    convert_file(_request(source, from_, map_, changes, quiet), to, out, format_)


@app.command(epilog=examples.AUDIT)
def audit(
    source: Input,
    out: Annotated[Path, typer.Option(help="The folder to write; an earlier audit is replaced.")],
    from_: Format = "auto",
    map_: Map = None,
    changes: Changes = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="PREVIOUS", help="An earlier audit to compare with."),
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(metavar="LEVEL", help="Exit with 1 where the audit finds less than this."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Report whether a file may be trained on, and which of its rows a person should look at."""
    from rather.commands.audit import audit_file

    request = _request(source, from_, map_, changes, quiet)
    audit_file(request, out, against, fail_under or ())


@app.command(epilog=examples.INIT)
def init(
    source: Input,
    out: Annotated[Path, typer.Option(help="The params file to write.")] = Path("params.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a params.yaml and a mapping for a file: what was recognised, and what was guessed."""
    from rather.commands.init import initialise

    initialise(source, out, force)


@app.command("agreement", epilog=examples.AGREEMENT)
def show_agreement_of(
    source: Input,
    from_: Format = "auto",
    map_: Map = None,
    changes: Changes = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Report how far the raters of a file agree, with intervals, before any filter."""
    from rather.api.agreement_report import agreement
    from rather.commands.agreement import show_agreement

    show_agreement(agreement(source, from_, map_, set=tuple(changes or ())), as_json)


@app.command(epilog=examples.RANK)
def rank(
    source: Input,
    policy: Annotated[Path, typer.Option(help="The folder of a model trained on preferences.")],
    reference: Annotated[Path, typer.Option(help="The folder of the model it was trained from.")],
    beta: Annotated[float, typer.Option(help="The beta that the policy was trained with.")] = 0.1,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write: .parquet, .jsonl or .json; else JSON lines."),
    ] = None,
    from_: Format = "auto",
    map_: Map = None,
    changes: Changes = None,
    quiet: Quiet = False,
) -> None:
    """Order candidate answers by the reward that a policy implies: best of n."""
    from rather.commands.rank import Models, rank_file

    request = _request(source, from_, map_, changes, quiet)
    rank_file(request, Models(policy, reference, beta), out)


@app.command()
def sources() -> None:
    """List the formats that are recognised, and the columns that give each away."""
    from rather.commands.agreement import show_sources

    show_sources()


@app.command(epilog=examples.WHY)
def why(
    name: Annotated[str, typer.Argument(metavar="ID", help="Of a pair, a prompt or a response.")],
    root: Annotated[
        Path, typer.Option("--in", metavar="FOLDER", help="A repository, or an audit's folder.")
    ] = Path(),
) -> None:
    """Show one row's whole story: its source, its ratings, the stage that kept or dropped it."""
    from rather.commands.why import show_story

    show_story(root, name)


def _request(
    source: str, format_: str, mapping: Path | None, changes: list[str] | None, quiet: bool
) -> "Request":
    """Gather the arguments that several commands share."""
    from rather.commands.convert import Request

    return Request(source, format_, mapping, tuple(changes or ()), quiet)


def prepare() -> None:
    """Set default environment variables that are unset."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command; a mistake of the user's is one line and exit code 2, never a traceback."""
    prepare()
    try:
        _require_text(sys.argv[1:] if arguments is None else arguments)
        return app(args=arguments)
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        from rather.stages.audit.formatting import visible

        print(f"error: {visible(_sentence(error))}", file=sys.stderr)
        sys.exit(code)
    except KeyboardInterrupt:
        print("interrupted: what was not finished was not written", file=sys.stderr)
        sys.exit(130)


def _require_text(arguments: Sequence[str]) -> None:
    """Raise UserError for an argument that is not valid UTF-8: no table can hold it."""
    for text in arguments:
        if not text.isascii() and text.encode(errors="replace").decode() != text:
            from rather.schemas.base import UserError

            raise UserError(f"{text!r}: expected a name in UTF-8, found other bytes; rename it")


def _exit_code(error: Exception) -> int | None:
    """Return the exit code of an error that is raised on purpose, None for any other."""
    from rather.schemas.base import RatherError
    from rather.trainer.errors import TrainerError

    if isinstance(error, RatherError):
        return error.exit_code
    missing = isinstance(error, ModuleNotFoundError) and error.name in EXTRAS
    return 2 if missing or isinstance(error, TrainerError) else None


def _sentence(error: Exception) -> str:
    """Return an error's sentence; for a package that is missing, the extra that brings it."""
    if isinstance(error, ModuleNotFoundError):
        extra = EXTRAS[str(error.name)]
        return f"expected the package {error.name}, found none; install the extra: rather[{extra}]"
    return str(error)


EXTRAS = {
    "torch": "train",
    "transformers": "train",
    "accelerate": "train",
    "vllm": "cpu",
    "openai": "endpoint",
}
