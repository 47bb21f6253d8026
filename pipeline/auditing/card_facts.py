"""What a data card tells of a run: its source, counts, rules, quality, parameters and versions."""

import json
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rather.ledger import is_account
from rather.params.params import Params
from rather.run import Run
from rather.stages.sources.source_files import sha256
from rather.stages.winnow.winnow import reason_of

Facts = dict[str, Any]

DROPPING = ("load", "measure", "calibrate", "pair", "winnow", "choose")
PACKAGES = ("rather", "polars", "pyarrow", "dataframely", "great-expectations", "scipy")
# What curation goes by; training has its own parameters.
CURATING = (
    "seed",
    "source",
    "test_fraction",
    "max_length",
    "contamination",
    "calibrate",
    "pair",
    "winnow",
    "choose",
    "validate",
    "convert",
)
FIGURES = ("agreement", "agreement_before")


def facts(run: Run) -> Facts:
    """Gather what is known of a run up to validate, all of it equal for equal data."""
    source, quality = run.params.source, read_json(run.data / "validate" / "quality.json")
    figures = {name: quality[name] for name in FIGURES} | {
        f"chosen answer is the longer, {when}": share
        for when, share in quality["share_longer"].items()
    }
    return {
        "source": {
            "name": Path(source.path).name,
            "format": run.figures("load")["format"],
            "licence": source.licence,
        },
        "files": read_json(run.data / "load" / "files.json"),
        "counts": _counts(run),
        "rules": list(_rules(run)),
        "quality": {name: quality[name] for name in ("success", "failures")} | {"figures": figures},
        "labels": quality["labels"],
        "params": curating(run.params),
        "versions": _versions(),
    }


def curating(params: Params) -> Facts:
    """Return the parameters of curation, the source by its name alone."""
    every = params.model_dump(mode="json", by_alias=True)
    source = {name: value for name, value in every["source"].items() if name != "mapping"}
    source["path"] = Path(params.source.path).name
    source["mapping"] = params.source.mapping.model_dump(mode="json", exclude_unset=True)
    return {name: every[name] for name in CURATING} | {"source": source}


def read_json(path: Path) -> Any:
    """Read what a stage wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def described(files: Iterable[Path], base: Path) -> list[Facts]:
    """Return the files written below a folder, with size and hash."""
    return [
        {
            "name": file.relative_to(base).as_posix(),
            "bytes": file.stat().st_size,
            "sha256": sha256(file),
        }
        for file in files
    ]


def _counts(run: Run) -> Facts:
    """Count the rows of the tables that a reader asks for."""
    tables = {
        "prompts": "load/prompts",
        "responses read": "load/responses",
        "ratings": "load/ratings",
        "comparisons": "load/comparisons",
        "pairs": "pair/pairs",
        "clear pairs": "winnow/clear",
        "chosen pairs": "choose/chosen",
    }
    counts = {name: run.tables.height(table) for name, table in tables.items()}
    return counts | {"responses generated": run.num_responses - counts["responses read"]}


def _rules(run: Run) -> Iterator[Facts]:
    """List the reasons for which rows were dropped, in the order of stages and rules."""
    options = {reason_of(name): told for name, told in run.params.winnow.rules.items()}
    for stage in DROPPING:
        for unit, entry in run.figures(stage).items():
            if is_account(entry):
                dropped = entry["dropped"]
                asked = [*options] if (stage, unit) == ("winnow", "pairs") else []
                for reason in dict.fromkeys([*asked, *dropped]):
                    told = options.get(reason, {}) if asked else {}
                    count = dropped.get(reason, 0)
                    yield {
                        "stage": stage,
                        "unit": unit,
                        "reason": reason,
                        "options": told,
                        "count": count,
                    }


def _versions() -> dict[str, str]:
    """Return the versions of the packages that made the data."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a checkout that was not installed
            continue
    return found
