"""How far the raters of a source agree, before any filter."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import polars as pl

from rather.api.data_source import Changes, opened
from rather.schemas.base import UserError
from rather.stages.agreement.agreement_summary import summarise
from rather.stages.agreement.agreement_text import lines
from rather.stages.agreement.reliability_data import UNDECIDED, as_met, tally, undecided_as_category
from rather.stages.calibrate.rating_scale import means_of, on_one_scale, standardised, usage
from rather.stages.common.ids import text_ids
from rather.stages.sources.load import read

TITLES = {"with_undecided": "The same, undecided as a category of its own:"}


@dataclass(frozen=True)
class Agreement:
    """Agreement figures of each kind of judgement in a source.

    Attributes:
        figures: by kind (score, compare, with_undecided): alpha with intervals, pairs of raters and
            counts, as `rather agreement --json` prints them.
        one_scale: whether the raters use one scale; otherwise scores are standardised by rater.
    """

    figures: Mapping[str, dict[str, Any]]
    one_scale: bool

    def __str__(self) -> str:
        parts = [
            "\n".join([*([TITLES[name]] if name in TITLES else []), *lines(summary)])
            for name, summary in self.figures.items()
        ]
        if not self.one_scale:
            parts.insert(
                0,
                "Raters use different scales: each one's scores are standardised over all it gave.",
            )
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        """Return the text of the command for a notebook."""
        return f"<pre>{escape(str(self))}</pre>"


def agreement(
    data: Any, format: str = "auto", mapping: Any = None, *, set: Changes = (), **groups: Any
) -> Agreement:
    """Return how far the raters of a source agree, with intervals.

    Args:
        data: a Source, or what `rather.read` takes.
        format, mapping: as `rather.read` takes them.
        set: parameters by dotted names, such as {"source.limit": 1000}.
        groups: groups of params.yaml, such as source={"limit": 1000}.

    Raises:
        UserError: The data or an option is wrong, or the data holds no judgement.
    """
    with opened(data, format, mapping) as source:
        judged = [
            (chunk.ratings, chunk.comparisons) for chunk in read(source.params(set, groups).source)
        ]
        ratings, comparisons = (text_ids(pl.concat(part)) for part in zip(*judged, strict=True))
        one_scale = on_one_scale(usage(ratings))
        scores = ratings if one_scale else standardised(ratings, means_of(ratings))
        figures = _summaries(scores, comparisons)
        if not figures:
            raise UserError(
                f"{source.path}: expected ratings or comparisons, found none; name their columns "
                "with --map or --set source.mapping.scores=..."
            )
    return Agreement(figures, one_scale)


def _summaries(ratings: pl.DataFrame, comparisons: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Summarise each kind of judgement in the source."""
    summaries: dict[str, dict[str, Any]] = {
        kind: summarise(tally(judged), kind)
        for kind, judged in as_met(ratings, comparisons).items()
        if judged.height
    }
    if (ratings["reason"] == UNDECIDED).any():
        judged = undecided_as_category(ratings)
        summaries["with_undecided"] = summarise(tally(judged), "score", level="nominal")
    return summaries
