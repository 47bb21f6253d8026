"""The rules of winnow on a plain frame of pairs."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from pydantic import ValidationError

from rather.api.frames import frame_of
from rather.params.groups import Winnow, sentence
from rather.schemas.base import UserError
from rather.schemas.evidence import Pairs
from rather.stages.winnow.winnow import columns, evidence_of
from rather.stages.winnow.winnow import winnow as judge

WHAT = "the frame of pairs"
JUDGED = ("failed", "reason")


def winnow(pairs: Any, rules: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """Return pairs with two columns: `failed`, the rules that a pair fails, and `reason`.

    A pair is clear where `reason` is null; otherwise it is the first rule that failed. A rule whose
    evidence is null in every pair does not apply.

    Args:
        pairs: a frame of polars, pandas, pyarrow or `datasets` with a row per pair and the columns
            that the rules judge by, such as margin, agreement or p_correct; other columns stay.
        rules: options by rule, such as {"margin": {"at_least": 1.0}}, as under winnow.rules in
            params.yaml; None for the default rules.

    Raises:
        UserError: A rule or option is wrong, or a column is missing or of another kind.
    """
    checked = _rules(rules)
    frame = frame_of(pairs, WHAT, may_be_empty=True)
    evidence = {name: _evidence(frame, name, rule) for name, rule in _needed(checked).items()}
    judged = judge(pl.DataFrame(list(evidence.values())), checked).select(JUDGED)
    return frame.drop(JUDGED, strict=False).hstack(judged)


def _rules(rules: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return checked rules."""
    if rules is None:
        return Winnow().rules
    try:
        return Winnow.model_validate(
            {"rules": dict(rules) if isinstance(rules, Mapping) else rules}
        ).rules
    except ValidationError as error:
        raise UserError(f"winnow: {sentence(error)}") from None


def _needed(rules: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Return the columns that rules look at, each with the first rule that needs it."""
    needed: dict[str, str] = {}
    for name, options in rules.items():
        alone = {name: options}
        for column in [*evidence_of(alone), *columns(alone)]:
            needed.setdefault(column, name)
    return needed


def _evidence(frame: pl.DataFrame, column: str, rule: str) -> pl.Series:
    """Return a column of evidence in the type of the table of pairs."""
    known = Pairs.columns().get(column)
    if column not in frame.columns:
        kind = "" if known is None else f" ({known.dtype})"
        raise UserError(
            f"{WHAT}: expected the column {column}{kind}, by which the rule {rule} judges, "
            f"found {', '.join(frame.columns)}; add the column, or leave out the rule"
        )
    values = frame[column]
    if known is None:  # the evidence of a rule of the user's own
        return values
    numeric = known.dtype.is_numeric()
    fits = values.dtype.is_numeric() if numeric else values.dtype == known.dtype
    if not fits and values.dtype != pl.Null:
        raise UserError(
            f"{WHAT}: expected {known.dtype} in the column {column}, by which the rule {rule} "
            f"judges, found {values.dtype}; convert the column"
        )
    return values.cast(pl.Float64 if numeric else known.dtype)
