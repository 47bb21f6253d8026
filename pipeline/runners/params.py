"""Write params.yaml with its defaults, and links to the files that decide results.

values.yaml: every parameter, so that a stage depends on defaults too
named:       a link for each file that params.yaml names, so that its content is a dependency
"""

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
    with atomic_folder(folder / "named") as draft:
        for name, path in single_files(run.params, run.root).items():
            _link(draft / name, path)
        for group, paths in file_groups(run.params, run.root).items():
            _link_all(draft / group, paths)


def complete(params: Params) -> dict[str, Any]:
    """Return all parameters with their defaults, raters' own included."""
    values = params.model_dump(mode="json", by_alias=True)
    for group in ("raters", "model_raters"):
        for name in values[group]:
            kind, options = rater_options(params, name)
            model = {"model": rater_model(params, name)} if group == "model_raters" else {}
            values[group][name] = {"kind": kind, **model, **options.model_dump(mode="json")}
    return values


def _link(link: Path, path: Path | None) -> None:
    """Link to a file or folder; an empty file stands for none."""
    if path is None:
        link.touch()
    else:
        link.symlink_to(path.resolve(), target_is_directory=path.is_dir())


def _link_all(folder: Path, paths: set[Path]) -> None:
    """Fill a folder with links, numbered in the order of their paths, beside a list of names."""
    folder.mkdir(parents=True)
    ordered = sorted(path.resolve() for path in paths)
    (folder / "names").write_text("".join(f"{path.name}\n" for path in ordered), encoding="utf-8")
    for number, path in enumerate(ordered):
        (folder / f"{number:02}-{path.name}").symlink_to(path)
