"""`rather init`: a params.yaml and a mapping for a file of unknown columns."""

import json
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from rather.params.params import Params, make_params
from rather.schemas.base import UserError
from rather.stages.audit.formatting import visible
from rather.stages.calibrate.rating_scale import shared_scale, usage
from rather.stages.sources.column_stats import profiles
from rather.stages.sources.guessing import Guess, guess
from rather.stages.sources.load import Source, read, refuse_lines
from rather.stages.sources.presets import presets, recognise
from rather.stages.sources.row_batches import Sheet
from rather.stages.sources.source_files import find, open_sheet
from rather.tables.atomic_files import require_writable, write_text

MAPPING = "mapping.yaml"  # written beside the params
PROMPTS = 200  # read to see whether the mapping works
BEYOND = "beyond_limit"  # why the others were not read
WIDTH = 40  # of a field before its comment
VAGUE = ("hh", "prompts")  # formats that are told by so few columns that a guess may know better
ABOUT = {
    "seed": "everything drawn is drawn by it",
    "model": "what training starts from: a local folder or a hub name",
    "models": "further models, to generate or to rate",
    "demo": "the size of the demo's world; of no use to a file",
    "test_fraction": "share of prompts held out, by cluster, seen by no training",
    "max_length": "tokens of prompt and answer that the trainer sees",
    "sft": "epochs: 0 for a model that already follows instructions",
    "generators": "who answers the prompts, where the source has too few answers",
    "raters": "programs that rate",
    "model_raters": "models that rate",
    "contamination": "path: evaluation sets that training data may not share",
    "winnow": "rules in their order; the first that fails is the reason",
    "validate": "convert refuses pairs below this quality",
    "train": "a policy for each entry, such as dpo: {data: dpo, beta: 0.1}",
}


@dataclass
class Described:
    """How a file is to be read.

    format: its name, or auto;  fields: of the mapping file, each with a comment;  notes: what a
    person should look at or know
    """

    format: str
    fields: dict[str, tuple[Any, str]]
    notes: list[str] = field(default_factory=list)

    @property
    def mapping(self) -> dict[str, Any]:
        """The mapping, without the name of the format that it extends."""
        return {name: value for name, (value, _) in self.fields.items() if name != "extends"}


def initialise(source: str, out: Path, force: bool) -> None:
    """Write params and mapping, and say what was recognised and what was guessed.

    Raises UserError where a file is there already, and where nothing can be made of the source.
    """
    beside = out.with_name(MAPPING)
    _check(source, out, beside, force)
    described = describe(source)
    described.notes = [_one_line(note) for note in (*described.notes, *_sampled(source, described))]
    params = _params(source, described)
    write_text(beside, _mapping_text(source, described))
    write_text(out, _params_text(source, described, params))
    for line in (_headline(source, described), *_lines(described), *described.notes):
        print(line)
    command = shlex.join(["rather", "convert", source, "--map", str(beside)])
    print(_one_line(f"{out} and {beside} are written; `{command}` reads it"))


def _check(source: str, out: Path, beside: Path, force: bool) -> None:
    """Check that the files can be written, and replace neither the source nor existing files."""
    inputs = {Path(file).resolve() for file in find(source)}
    if out.name == MAPPING:
        raise UserError(f"--out {out}: expected another name, as the mapping is written there")
    for path in (out, beside):
        if path.resolve() in inputs:
            raise UserError(f"--out {out}: {path} is the input itself; choose another name")
        if path.is_dir():
            raise UserError(f"--out {out}: expected a file, found that {path} is a folder")
        if path.exists() and not force:
            raise UserError(f"{path}: expected no such file, found one; --force replaces it")
    require_writable(out.parent, f"--out {out}")


def describe(source: str) -> Described:
    """Recognise a source by its columns, or guess."""
    file = find(source)[0]
    sheet = open_sheet(file)
    if not sheet.names:
        refuse_lines(file, sheet.batches(None))
    known = _known(source, sheet)
    if known is not None and known not in VAGUE:
        return _recognised(known)
    found = guess(profiles(next(sheet.batches(None))))
    if found is not None and (known != "hh" or found.fields["prompt"].sure != "a guess"):
        return _guessed(found)
    if known is None:
        raise UserError(
            f"{source}: expected columns of prompts, answers and judgements, found "
            f"{', '.join(sheet.names)}; say which is which in a mapping file (--map), as "
            "stages/sources/mapping.py describes it"
        )
    return _recognised(known)


def _known(source: str, sheet: Sheet) -> str | None:
    """Return the format that a sheet's columns are recognised as, None if none fits."""
    try:
        return recognise(sheet.names, {}, source, sheet.members)
    except UserError:
        return None


def _recognised(name: str) -> Described:
    """Describe a file of a known format."""
    preset = presets()[name]
    told = preset.mapping.model_dump(mode="json", exclude_unset=True)
    read_as = ", ".join(f"{key} {value}" for key, value in told.items())
    notes = [f"recognised as {name}: {preset.about}"]
    return Described(name, {"extends": (name, read_as)}, notes)


def _guessed(found: Guess) -> Described:
    """Describe a file whose columns were guessed."""
    fields = {name: (each.value, f"{each.sure}: {each.why}") for name, each in found.fields.items()}
    shape = {"shape": (found.shape, "what the columns below make of it")}
    return Described("auto", shape | fields, [f"look at: {note}" for note in found.notes])


def _sampled(source: str, described: Described) -> Iterator[str]:
    """Read the first prompts by the mapping, and tell what came of them."""
    asked = Source.model_validate(
        {"path": source, "format": described.format, "mapping": described.mapping, "limit": PROMPTS}
    )
    try:
        chunks = list(islice(read(asked), 1))
    except UserError as error:
        if described.format != "auto":
            raise
        raise UserError(f"{source}: the columns were guessed, and do not fit: {error}") from None
    for chunk in chunks:
        aside = Counter(chunk.set_aside["reason"])
        del aside[BEYOND]
        if not chunk.num_read:
            raise UserError(
                f"{source}: expected rows that can be read as {chunk.format}, found none among "
                f"the first {chunk.num_rows:,} ({', '.join(aside)}); correct them"
            )
        yield (
            f"read for a trial: prompts {chunk.prompts['prompt_id'].n_unique():,}, "
            f"answers {chunk.responses['response_id'].n_unique():,}, "
            f"ratings {chunk.ratings.height:,}, comparisons {chunk.comparisons.height:,}"
        )
        yield from _of_ratings(chunk.ratings)
        yield from (f"set aside: {count:,} for {reason}" for reason, count in aside.most_common())


def _of_ratings(ratings: pl.DataFrame) -> Iterator[str]:
    """Yield sentences on the ratings' scale and raters."""
    if ratings["score"].count() == 0:
        return
    lowest, highest = ratings.select(low=pl.col("score").min(), high=pl.col("score").max()).row(0)
    scale = shared_scale(usage(ratings))
    known = f"taken as {scale.lowest:g} to {scale.highest:g}" if scale else "no scale we know"
    yield f"scores go from {lowest:g} to {highest:g}: {known}; `scale: [lowest, highest]` sets it"
    raters = ratings["rater"].unique().sort()
    yield f"raters: {len(raters):,} ({', '.join(raters.head(5))})"


def _params(source: str, described: Described) -> Params:
    """Make the parameters that are written."""
    told = {"path": source, "format": described.format, "mapping": described.mapping}
    return make_params({"source": told}, (), source)


def _mapping_text(source: str, described: Described) -> str:
    """Write the mapping file."""
    lines = [f"# {_headline(source, described)}", *(f"# {note}" for note in described.notes)]
    return "\n".join([*lines, *_lines(described)]) + "\n"


def _params_text(source: str, described: Described, params: Params) -> str:
    """Write the params file: the source as described, everything else as it is by default."""
    lines = [
        "# Every number a person may turn. What is left out takes its default.",
        f"# {_headline(source, described)}",
        *(f"# {note}" for note in described.notes),
        "source:",
        f"  path: {_inline(source)}",
        f"  format: {described.format}",
        f"  {'licence: null':<{WIDTH}} # of the source, for the data card",
    ]
    fields = [line for line in _lines(described) if not line.startswith("extends:")]
    lines += ["  mapping:" + ("" if fields else " {}"), *(f"    {line}" for line in fields)]
    for name, value in params.model_dump(mode="json", by_alias=True).items():
        if name != "source":
            about = f"  # {ABOUT[name]}" if name in ABOUT else ""
            text = yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True).rstrip()
            first, *rest = text.split("\n")
            lines += [first + about, *rest]
    return "\n".join(lines) + "\n"


def _headline(source: str, described: Described) -> str:
    """Return the first line: whether the columns were recognised or guessed."""
    how = "guessed" if described.format == "auto" else "recognised"
    return _one_line(f"{source}: its columns were {how}")


def _lines(described: Described) -> Iterator[str]:
    """Write a mapping's fields, a line each, with a comment."""
    for name, (value, about) in described.fields.items():
        yield f"{f'{name}: {_inline(value)}':<{WIDTH}} # {_one_line(about)}"


def _one_line(text: str) -> str:
    """Write foreign names so that they cannot end a comment, nor command a terminal."""
    return visible(" ".join(text.split()))


def _inline(value: Any) -> str:
    """Write a value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    line = str(text).removesuffix("...\n").strip()
    return json.dumps(value) if "\n" in line else line
