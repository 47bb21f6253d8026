"""Write params.yaml with its defaults, and links to the files that decide results.

values.yaml: every parameter, so that a stage depends on defaults too
named:       a link for each file that params.yaml names, so that its content is a dependency
"""

import os
from pathlib import Path
from typing import Any

import yaml

from rather.params.named_files import file_groups, single_files
from rather.params.params import Params, rater_model, rater_options
from rather.run import Run
from rather.tables.atomic_files import atomic_folder, write_text


def run(run: Run) -> None:
    """Write data/params anew."""
    folder = run.data / "params"
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(complete(run.params), sort_keys=False, allow_unicode=True)
    write_text(folder / "values.yaml", text)
    named = folder / "named"
    with atomic_folder(named) as draft:
        for name, path in single_files(run.params, run.root).items():
            _link(draft / name, path and _target(path, run.root, named))
        for group, paths in file_groups(run.params, run.root).items():
            targets = sorted(_target(path, run.root, named / group) for path in paths)
            _link_all(draft / group, targets)


def complete(params: Params) -> dict[str, Any]:
    """Return all parameters with their defaults, raters' own included."""
    values = params.model_dump(mode="json", by_alias=True)
    for group in ("raters", "model_raters"):
        for name in values[group]:
            kind, options = rater_options(params, name)
            model = {"model": rater_model(params, name)} if group == "model_raters" else {}
            values[group][name] = {"kind": kind, **model, **options.model_dump(mode="json")}
    return values


def _target(path: Path, root: Path, folder: Path) -> Path:
    """Return what a link in a folder points to: a file of the repository by its relative path.

    A relative link stays right in a copy of the repository, and after a move.
    """
    path = path.resolve()
    inside = path.is_relative_to(root.resolve())
    return Path(os.path.relpath(path, folder.resolve())) if inside else path


def _link(link: Path, target: Path | None) -> None:
    """Link to a file or folder; an empty file stands for none."""
    if target is None:
        link.touch()
    else:
        link.symlink_to(target)


def _link_all(folder: Path, targets: list[Path]) -> None:
    """Fill a folder with numbered links, beside a list of their names."""
    folder.mkdir(parents=True)
    (folder / "names").write_text("".join(f"{path.name}\n" for path in targets), encoding="utf-8")
    for number, target in enumerate(targets):
        (folder / f"{number:02}-{target.name}").symlink_to(target)
