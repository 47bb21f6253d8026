"""An earlier audit, to compare with: its figures, and its pairs where they lie beside."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rather.schemas.base import UserError
from rather.stages.audit.against import against

COLUMNS = ("pair_id", "chosen_id", "reason")


@dataclass(frozen=True)
class Previous:
    """An earlier audit: the name it was given by, its figures, and its pairs if they are known."""

    name: str
    audit: dict[str, Any]
    pairs: pl.DataFrame | None

    def compare(self, audit: dict[str, Any], pairs: Path) -> dict[str, Any]:
        """Compare this audit and its pairs with the earlier ones."""
        both = None if self.pairs is None else (self.pairs, _pairs(pairs))
        return against(self.name, self.audit, audit, both)


def read_previous(path: Path) -> Previous:
    """Read the folder of an earlier audit, or its audit.json; raise UserError for anything else."""
    file = path / "audit.json" if path.is_dir() else path
    try:
        audit = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"--against {path}: expected an audit's folder or its audit.json, found {error}"
        ) from None
    if not _is_audit(audit):
        raise UserError(
            f"--against {path}: expected what `rather audit` wrote into audit.json, found another "
            "file"
        )
    beside = file.with_name("pairs.parquet")
    pairs = _pairs(beside) if beside.is_file() else None
    return Previous((path if path.is_dir() else path.parent).name or path.name, audit, pairs)


def _is_audit(found: Any) -> bool:
    """Check whether a parsed file has the keys by which audits are compared."""
    try:
        figures, problems = found["headline"], found["verdict"]["problems"]
        return all({"name", "value"} <= each.keys() for each in figures) and all(
            "name" in each for each in problems
        )
    except (KeyError, TypeError, AttributeError):
        return False


def _pairs(path: Path) -> pl.DataFrame:
    """Read an earlier audit's pairs."""
    try:
        return pl.read_parquet(path, columns=list(COLUMNS))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"--against: {path}: expected an audit's pairs, found {error}") from None
