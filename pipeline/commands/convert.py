"""`rather convert`: a training set of one file, its dropped rows, and the ledger on stderr."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rather.api.data_source import read
from rather.api.training_set import Saved, Target, convert
from rather.schemas.base import QualityError
from rather.stages.convert.formats.formats import Kind, form


@dataclass(frozen=True)
class Request:
    """What the arguments of a command say: a source, its format and mapping, changed parameters.

    quiet: print neither progress nor remarks; errors stay
    """

    source: str
    format: str = "auto"
    mapping: Path | None = None
    changes: tuple[str, ...] = ()
    quiet: bool = False


def convert_file(request: Request, to: Kind, out: Path, format_: str) -> None:
    """Write a training set, its dropped rows beside it, and the ledger to the terminal.

    Raises:
        UserError: The file or an option is wrong.
        QualityError: The pairs are below the declared quality, or no row is left; files of an
            earlier run then stay as they were.
    """
    Target(to, out, form(format_, to)).check(request.source)
    console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=request.quiet)
    with read(request.source, request.format, request.mapping) as source:
        try:
            result = convert(
                source, to, rows=format_, set=request.changes, progress=not request.quiet
            )
        except QualityError as error:
            if error.ledger:
                _show_ledger(error.ledger)
            raise
        with result:
            if not request.quiet:
                _show_ledger(result.ledger)
            saved = result.save(out)
            for line in (*result.remarks, *_lines(saved, to), saved.recipe):
                console.print(line, markup=False)


def _lines(saved: Saved, to: Kind) -> tuple[str, str]:
    """Return what was written and what was dropped, a line each."""
    num_rows = saved.counts["rows"]
    rows = f"{saved.path}: {counted(num_rows, f'{to} row')}"
    if to == "kto":
        good = saved.counts["desirable"]
        rows += f" ({good:,} desirable, {num_rows - good:,} undesirable)"
    units = [
        counted(count, f"dropped {unit.removesuffix('s')}") for unit, count in saved.dropped.items()
    ]
    dropped = f"{', '.join(units)}, each with its reason" if units else "0 rows dropped"
    return rows, f"{saved.dropped_path}: {dropped}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, which takes an s unless the count is 1."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _show_ledger(ledger: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the account of each stage."""
    table = Table("stage", "unit", "in", "kept", "dropped by reason", title="Ledger")
    for stage, entries in ledger.items():
        for unit, entry in entries.items():
            reasons = ", ".join(f"{name} {count:,}" for name, count in entry["dropped"].items())
            if entry["in"]:
                table.add_row(stage, unit, f"{entry['in']:,}", f"{entry['kept']:,}", reasons)
    Console(stderr=True).print(table)
