"""`rather rank`: the candidates of any file, best first by the reward that a policy implies."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from rather.commands.convert import Asked, temporary_run
from rather.runners.load import run as run_load
from rather.schemas.base import UserError
from rather.stages.models.rank_answers import rank
from rather.stages.sources.source_files import find, open_sheet
from rather.tables.atomic_files import atomic_path
from rather.tables.row_writers import ENDINGS, row_writer

BATCH_SIZE = 8
# Columns of candidates that nobody judged, in files that would else be read as prompts alone.
LISTS = ("responses", "candidates", "completions", "answers", "outputs")
SINGLES = ("response", "candidate", "completion", "answer", "output", "text")


@dataclass(frozen=True)
class Models:
    """The policy, the reference it was trained from, and what their log-ratio is multiplied by."""

    policy: Path
    reference: Path
    beta: float

    def check(self) -> None:
        """Refuse what no ranking can be made with."""
        for option, folder in (("--policy", self.policy), ("--reference", self.reference)):
            if not (folder / "config.json").is_file() and not (folder / "pointer.json").is_file():
                raise UserError(
                    f"{option} {folder}: expected a model's folder, found no config.json in it"
                )
        if not self.beta > 0:
            raise UserError(f"--beta: expected a number above 0, found {self.beta:g}")


def rank_file(asked: Asked, models: Models, out: Path | None) -> None:
    """Rank a file's candidates into another, or print them as JSON lines where `out` is None.

    Raises UserError on a mistake in the file or the options; an earlier `out` then stays.
    """
    models.check()
    _check_out(asked.source, out)
    prompts, responses, max_length = _candidates(asked)
    found = rank(
        prompts,
        responses,
        models.policy,
        models.reference,
        models.beta,
        max_length,
        BATCH_SIZE,
    )
    if out is None:
        found.write_ndjson(sys.stdout.buffer if hasattr(sys.stdout, "buffer") else sys.stdout)
    else:
        with atomic_path(out) as draft, row_writer(draft) as append:
            append(found)
    _say(found, out)


def _check_out(source: str, out: Path | None) -> None:
    """Refuse, before any work, what cannot be written or would take the input's place."""
    if out is None:
        return
    if out.suffix not in ENDINGS:
        raise UserError(f"--out {out}: expected a name ending in {' or '.join(ENDINGS)}")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: expected an existing folder, found none; make it first")
    if out.resolve() in {Path(file).resolve() for file in find(source)}:
        raise UserError(f"--out {out}: it is the input itself; choose another name")


def _candidates(asked: Asked) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Read prompts and their candidates, judged or not, and the tokens the models see of them."""
    found = _read(asked)
    if found[1].height:
        return found
    with _unjudged(asked) as other:
        return _read(other)


def _read(asked: Asked) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    params = asked.params()
    with temporary_run(params) as run:
        run_load(run)
        return run.read("load/prompts"), run.read("load/responses"), params.max_length


@contextmanager
def _unjudged(asked: Asked) -> Iterator[Asked]:
    """Give another way to read a source in which nobody judged the candidates."""
    sheets = [open_sheet(file) for file in find(asked.source)]
    columns = {name.casefold(): name for sheet in sheets for name in sheet.names}
    lists = [columns[name] for name in LISTS if name in columns]
    singles = [columns[name] for name in SINGLES if name in columns]
    if asked.map or not (lists or singles):
        raise UserError(
            f"{asked.source}: expected candidates beside the prompts, in a column such as response "
            f"or responses, found {', '.join(columns.values())}; name the column response, or say "
            "with --map which holds what"
        )
    if lists:
        mapping = _mapping("rankings", "responses", lists[0])
        yield replace(asked, format="prompts", changes=(*asked.changes, *mapping))
        return
    with tempfile.TemporaryDirectory(prefix="rather-") as folder:
        path = Path(folder) / "candidates.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for sheet in sheets:
                for batch in sheet.batches(None):
                    # a score for the sake of the reader, which asks for judgements
                    rows = (row | {"score": 0} for row in batch.objects())
                    file.writelines(json.dumps(row, default=str) + "\n" for row in rows)
        mapping = (*_mapping("ratings", "response", singles[0]), "source.mapping.scores=score")
        yield Asked(str(path), "prompts", None, (*asked.changes, *mapping))


def _mapping(shape: str, field: str, column: str) -> Sequence[str]:
    return f"source.mapping.shape={shape}", f"source.mapping.{field}={json.dumps(column)}"


def _say(found: pl.DataFrame, out: Path | None) -> None:
    """Say how many were ranked, and which could not be."""
    ranked = found.filter(pl.col("rank").is_not_null())
    lost = found.height - ranked.height
    print(
        f"{out or 'printed'}: {ranked.height:,} candidates to {ranked['prompt_id'].n_unique():,} "
        f"prompts ranked; {lost:,} without a reward" + (", each with its reason" if lost else ""),
        file=sys.stderr,
    )
