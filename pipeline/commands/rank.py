"""`rather rank`: the candidates of any file, best first by the reward that a policy implies."""

import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rather.api.data_source import read
from rather.api.ranking import rank
from rather.commands.convert import Request, counted
from rather.schemas.base import UserError
from rather.stages.sources.source_files import find
from rather.tables.atomic_files import atomic_path
from rather.tables.row_writers import ENDINGS, row_writer


@dataclass(frozen=True)
class Models:
    """The policy, the reference it was trained from, and the factor of their log-ratio."""

    policy: Path
    reference: Path
    beta: float


def rank_file(request: Request, models: Models, out: Path | None) -> None:
    """Rank a file's candidates into another, or print them as JSON lines where `out` is None.

    Raises:
        UserError: The file or an option is wrong; an earlier `out` then stays.
    """
    _check_out(request.source, out)
    with read(request.source, request.format, request.mapping) as source:
        ranked = rank(source, models.policy, models.reference, models.beta, set=request.changes)
    if out is None:
        ranked.write_ndjson(sys.stdout.buffer if hasattr(sys.stdout, "buffer") else sys.stdout)
    else:
        with atomic_path(out) as draft, row_writer(draft) as append:
            append(ranked)
    if not request.quiet:
        print(f"{out or 'printed'}: {_counts(ranked)}", file=sys.stderr)


def _check_out(source: str, out: Path | None) -> None:
    """Raise UserError, before any work, for a file that cannot be written or is the input."""
    if out is None:
        return
    if out.suffix not in ENDINGS:
        raise UserError(f"--out {out}: expected a name ending in {' or '.join(ENDINGS)}")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: expected an existing folder, found none; make it first")
    if out.resolve() in {Path(file).resolve() for file in find(source)}:
        raise UserError(f"--out {out}: it is the input itself; choose another name")


def _counts(ranked: pl.DataFrame) -> str:
    """Return how many candidates were ranked, and how many have no reward."""
    placed = ranked.filter(pl.col("rank").is_not_null())
    lost = ranked.height - placed.height
    return (
        f"{counted(placed.height, 'candidate')} to "
        f"{counted(placed['prompt_id'].n_unique(), 'prompt')} ranked; {lost:,} without a reward"
        + (", each with its reason" if lost else "")
    )
