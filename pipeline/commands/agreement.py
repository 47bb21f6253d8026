"""`rather agreement` and `rather sources`: how far raters agree, and which files are read."""

import json
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from rather.commands.convert import Asked
from rather.schemas.base import UserError
from rather.stages.agreement.agreement_summary import summarise
from rather.stages.agreement.agreement_text import lines
from rather.stages.agreement.reliability_data import UNDECIDED, as_met, tally, undecided_as_category
from rather.stages.calibrate.rating_scale import means_of, on_one_scale, standardised, usage
from rather.stages.common.ids import text_ids
from rather.stages.sources.load import read


def show_agreement(asked: Asked, as_json: bool) -> None:
    """Print how far a source's raters agree; raise UserError where nobody judged anything."""
    judged = [(chunk.ratings, chunk.comparisons) for chunk in read(asked.params().source)]
    ratings, comparisons = (text_ids(pl.concat(part)) for part in zip(*judged, strict=True))
    alike = on_one_scale(usage(ratings))
    found = _summaries(ratings if alike else standardised(ratings, means_of(ratings)), comparisons)
    if not found:
        raise UserError(
            f"{asked.source}: expected ratings or comparisons, found none; name their columns with "
            "--map or --set source.mapping.scores=..."
        )
    if as_json:
        print(json.dumps(found, indent=2))
        return
    if not alike:
        print("Raters use different scales: each one's scores are standardised over all it gave.\n")
    for name, summary in found.items():
        print(*([TITLES[name]] if name in TITLES else []), *lines(summary), sep="\n", end="\n\n")


TITLES = {"with_undecided": "The same, undecided as a category of its own:"}


def _summaries(ratings: pl.DataFrame, comparisons: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Summarise each kind of judgement that there is."""
    found: dict[str, dict[str, Any]] = {
        kind: summarise(tally(judged), kind)
        for kind, judged in as_met(ratings, comparisons).items()
        if judged.height
    }
    if (ratings["reason"] == UNDECIDED).any():
        judged = undecided_as_category(ratings)
        found["with_undecided"] = summarise(tally(judged), "score", level="nominal")
    return found


def show_sources() -> None:
    """Print every format that is recognised, and what gives it away."""
    from rather.stages.sources.presets import describe

    table = Table("name", "shape", "recognised by the columns", "about")
    for row in describe():
        table.add_row(*row)
    Console().print(table)
