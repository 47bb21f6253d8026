"""`rather audit`: may we train on this file, and which of its rows should a person look at?"""

import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from rather.auditing.audit_folder import FIGURES, PAGE, write_dossier
from rather.auditing.gates import Gate, missed
from rather.auditing.previous_audit import read_previous
from rather.commands.convert import Asked, at_work, run_stages
from rather.params.params import Params
from rather.run import Run
from rather.schemas.base import QualityError, UserError
from rather.stages.audit.formatting import WRITERS, visible
from rather.stages.sources.source_files import find
from rather.tables.atomic_files import atomic_folder, require_writable, write_text

AUDITED = ("load", "measure", "calibrate", "pair", "winnow", "choose", "validate")
PAIRING = ("pair", "winnow", "choose")  # what they drop takes nothing from single answers
DOCS = "docs/index.html"


def audit_file(
    asked: Asked, out: Path, against: Path | None = None, gates: Sequence[Gate] = ()
) -> None:
    """Audit a source into a folder, and say the verdict; nothing is written if anything is raised.

    Raises UserError on a mistake in the file or the options; QualityError where a gate is missed,
    when all is written.
    """
    _check_out(asked.source, out)
    previous = None if against is None else read_previous(against)
    params = asked.params(source={"near_duplicates": True})
    with atomic_folder(out.resolve()) as folder:
        run = Run(folder, params)
        run_stages(run, AUDITED)
        _tidy(run, folder, params)
        with at_work("page"):
            audit = write_dossier(run, folder, DOCS, _why(out), previous)
    _say(audit, out)
    if sentences := missed(audit, gates):
        raise QualityError(f"{asked.source}: " + "; ".join(sentences))


def _check_out(source: str, out: Path) -> None:
    """Refuse, before any work, a folder that cannot be written or holds what is not an audit's."""
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
    inside = [file for file in find(source) if Path(file).resolve().is_relative_to(place)]
    if inside:
        raise UserError(f"--out {out}: {inside[0]} lies in it; choose another folder")


def _tidy(run: Run, folder: Path, params: Params) -> None:
    """Put the Data Docs beside the page, and the parameters where `rather why` looks for them."""
    built = run.data / "validate"
    (built / "docs").replace(folder / "docs")
    shutil.rmtree(built / "gx")
    told = params.model_dump(mode="json", by_alias=True, exclude_unset=True)
    write_text(folder / "params.yaml", yaml.safe_dump(told, sort_keys=False, allow_unicode=True))


def _why(out: Path) -> str:
    """Give the command that tells a pair's whole story."""
    return f"rather why PAIR_ID --in {shlex.quote(str(out))}"


def _say(audit: dict[str, Any], out: Path) -> None:
    """Say the verdict, the figures, and where the page is."""
    console = Console(highlight=False, soft_wrap=True)
    for line in _lines(audit, out):
        console.print(visible(line), markup=False)


def _lines(audit: dict[str, Any], out: Path) -> Iterator[str]:
    """Give the lines for the terminal."""
    verdict = audit["verdict"]
    yield verdict["sentence"]
    for problem in verdict["problems"]:
        yield f"- {problem['severity']}: {problem['sentence']}"
    for figure in audit["headline"]:
        yield f"{figure['label']}: {_value(figure)}"
    apart = PAIRING if audit["kind"] == "labels" else ()
    if lost := [row for row in audit["waterfall"] if row["stage"] not in apart]:
        told = (
            f"{row['count']:,} {row['unit']} by {row['stage']}: {row['reason']}" for row in lost
        )
        yield f"Left out: {'; '.join(told)}"
    yield f"{out / PAGE}"


def _value(figure: dict[str, Any]) -> str:
    """Write a figure with its interval and its detail."""
    if figure["value"] is None:
        return f"unknown ({figure['detail']})" if figure["detail"] else "unknown"
    write = WRITERS[figure["unit"]]
    written = write(figure["value"])
    if figure["low"] is not None:
        written += f" ({write(figure['low'])} to {write(figure['high'])})"
    return f"{written}, {figure['detail']}" if figure["detail"] else written
