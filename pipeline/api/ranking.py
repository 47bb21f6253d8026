"""Candidate answers in the order of the reward that a policy implies: best of n."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from rather.api.data_source import Changes, Groups, Scratch, Source, opened
from rather.run import Run
from rather.runners.load import run as run_load
from rather.schemas.base import UserError
from rather.stages.models import rank_answers
from rather.stages.sources.source_files import find, open_sheet

BATCH_SIZE = 8
# Columns of candidates that nobody judged, in files that would else be read as prompts alone.
LISTS = ("responses", "candidates", "completions", "answers", "outputs")
SINGLES = ("response", "candidate", "completion", "answer", "output", "text")

Candidates = tuple[pl.DataFrame, pl.DataFrame, int]


def rank(
    data: Any,
    policy: str | Path,
    reference: str | Path,
    beta: float = 0.1,
    format: str = "auto",
    mapping: Any = None,
    *,
    set: Changes = (),
    **groups: Any,
) -> pl.DataFrame:
    """Return candidate answers with rewards and ranks, the best of each prompt first.

    The reward is beta * log(policy / reference) of an answer (Rafailov et al. 2023, section 4.1),
    summed over its tokens, in nats; reward_per_token is its mean.

    Args:
        data: a Source, or what `rather.read` takes; the candidates need no judgement.
        policy: the folder of a model trained on preferences.
        reference: the folder of the model it was trained from.
        beta: the beta that the policy was trained with, above 0.
        format, mapping: as `rather.read` takes them.
        set: parameters by dotted names, such as {"max_length": 4096}.
        groups: groups of params.yaml, or max_length=4096.

    Raises:
        UserError: The data, a model's folder or an option is wrong.
    """
    _check_models(Path(policy), Path(reference), beta)
    with opened(data, format, mapping) as source:
        prompts, responses, max_length = _candidates(source, set, groups)
        return rank_answers.rank(
            prompts, responses, Path(policy), Path(reference), beta, max_length, BATCH_SIZE
        )


def _check_models(policy: Path, reference: Path, beta: float) -> None:
    """Raise UserError for folders without a model, and for a beta that is not above 0."""
    for option, folder in (("--policy", policy), ("--reference", reference)):
        if not (folder / "config.json").is_file() and not (folder / "pointer.json").is_file():
            raise UserError(
                f"{option} {folder}: expected a model's folder, found no config.json in it"
            )
    if isinstance(beta, bool) or not isinstance(beta, int | float) or not beta > 0:
        raise UserError(f"--beta: expected a number above 0, found {beta}")


def _candidates(source: Source, changes: Changes, groups: Groups) -> Candidates:
    """Read prompts and their candidates, judged or not, and the tokens that the models see."""
    candidates = _read(source, changes, groups)
    if candidates[1].height:
        return candidates
    with _unjudged(source) as other:
        return _read(other, changes, groups)


def _read(source: Source, changes: Changes, groups: Groups) -> Candidates:
    params = source.params(changes, groups)
    scratch = Scratch()
    try:
        run = Run(scratch.path, params)
        run_load(run)
        return run.read("load/prompts"), run.read("load/responses"), params.max_length
    finally:
        scratch.close()


@contextmanager
def _unjudged(source: Source) -> Iterator[Source]:
    """Yield another way to read a source in which nobody judged the candidates."""
    sheets = [open_sheet(file) for file in find(source.path)]
    columns = {name.casefold(): name for sheet in sheets for name in sheet.names}
    lists = [columns[name] for name in LISTS if name in columns]
    singles = [columns[name] for name in SINGLES if name in columns]
    if source.mapping or not (lists or singles):
        raise UserError(
            f"{source.path}: expected candidates beside the prompts, in a column such as response "
            f"or responses, found {', '.join(columns.values())}; name the column response, or say "
            "with --map which holds what"
        )
    if lists:
        yield Source(source.path, "prompts", {"shape": "rankings", "responses": lists[0]})
        return
    with tempfile.TemporaryDirectory(prefix="rather-") as folder:
        path = Path(folder) / "candidates.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for sheet in sheets:
                for batch in sheet.batches(None):
                    # a score for the sake of the reader, which asks for judgements
                    rows = (row | {"score": 0} for row in batch.objects())
                    file.writelines(json.dumps(row, default=str) + "\n" for row in rows)
        mapping = {"shape": "ratings", "response": singles[0], "scores": "score"}
        yield Source(str(path), "prompts", mapping)
