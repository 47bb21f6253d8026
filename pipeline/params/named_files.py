"""Files behind results that dvc.yaml cannot name: those of params.yaml, and raters' code."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from rather.params.import_closure import import_closure
from rather.params.params import Params, rater_options
from rather.params.rater_kinds import reference_of
from rather.schemas.base import UserError
from rather.stages.common.extensions import file_of, is_reference
from rather.stages.sources.presets import ENDINGS, unwrap_of

MAGIC = frozenset("*?[")
REMOTE = "hub:"


def single_files(params: Params, root: Path) -> dict[str, Path | None]:
    """Return the file or folder of each parameter that holds a path, None where it holds none.

    Raises:
        UserError: A parameter names a file that does not exist.
    """
    return {
        "source": _existing("source.path", params.source.path, root),
        "contamination": _existing("contamination.path", params.contamination.path, root),
        "harmful": _existing("evaluate.harmful", params.evaluate.harmful, root),
        "benign": _existing("evaluate.benign", params.evaluate.benign, root),
    }


def file_groups(params: Params, root: Path) -> dict[str, set[Path]]:
    """Return the files behind each parameter that may stand for several, by the group's name."""
    groups = {
        "command": set(_scripts(params.evaluate.command, root)),
        "rules": set(_modules(params.winnow.rules)),
        "reader": set(_format_files(params.source.format, root)),
    }
    for name in params.all_raters:
        groups[f"raters/{name}"] = set(_rater_files(params, name))
    for name, policy in params.train.items():
        losses = policy.loss or name
        groups[f"losses/{name}"] = set(_modules([losses] if isinstance(losses, str) else losses))
    return groups


def _existing(parameter: str, path: str | None, root: Path) -> Path | None:
    """Return the file or folder that a path names; of a pattern, the folder that it searches."""
    if path is None or path.startswith(REMOTE):
        return None
    plain: list[str] = []
    for part in Path(path).parts:
        if MAGIC & set(part) and not (root / path).exists():
            break
        plain.append(part)
    found = root / Path(*plain)
    if not found.exists():
        raise UserError(
            f"params.yaml: {parameter}: expected a file, a folder or a pattern, found none at "
            f"{path}; correct the path"
        )
    return found


def _scripts(command: str | None, root: Path) -> Iterator[Path]:
    """Yield the words of a command that are files."""
    try:
        words = shlex.split(command or "")
    except ValueError:  # the stage that runs the command reports it
        return
    yield from (root / word for word in words if (root / word).is_file())


def _format_files(format_: str, root: Path) -> Iterator[Path]:
    """Yield the files behind a source's format: a preset file and its function, or a reader."""
    yield from _modules([format_])
    path = root / format_
    if (
        format_.endswith(ENDINGS) and path.is_file()
    ):  # the stage that reads it reports a missing one
        yield path
        yield from _modules([unwrap_of(path)])


def _modules(names: Iterable[str]) -> Iterator[Path]:
    """Yield the files of names that are references to the user's own objects."""
    for name in names:
        if is_reference(name) and (path := file_of(name)):
            yield path


def _rater_files(params: Params, name: str) -> Iterator[Path]:
    """Yield the files of a rater: its kind's code, at any depth, and the user's own function."""
    kind, options = rater_options(params, name)
    module = reference_of(kind).partition(":")[0]
    if module.startswith("rather."):
        yield from import_closure(module).values()
    elif path := file_of(module):
        yield path
    yield from _modules([getattr(options, "function", None) or ""])
