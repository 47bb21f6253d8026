"""A program that checks an answer."""

from functools import cached_property
from typing import Any

import polars as pl
from pydantic import Field, field_validator, model_validator

from rather.stages.raters.rating import ProgramOptions, ratings, to_rate
from rather.stages.raters.verifier_checks import (
    Check,
    compiled,
    exact,
    facts,
    function,
    json_schema,
    number,
    pattern,
    require_function,
    require_json_schema,
)

CHECKS = ("tolerance", "pattern", "json_schema", "facts", "function")


class Options(ProgramOptions):
    """The check: one of these, or by default that text and the prompt's answer are the same.

    tolerance:   the last number in the text is the answer's, so much or less apart
    pattern:     a regular expression is found in the text (`^` and `$` are its ends)
    json_schema: the text is JSON that meets a schema
    facts:       texts that must all occur, whatever their case and white space; or `answer`, where
                 they are the lines of the prompt's answer. The score is the share that occurs
    function:    your own, `package.module:name`: given the prompt's messages, the text and the
                 prompt's answer, it returns a number, a truth value, or None for no verdict
    extract:     a regular expression whose first group, where it is last found, is taken for the
                 text, such as `#### (.*)`
    """

    tolerance: float | None = Field(default=None, ge=0)
    pattern: str | None = None
    json_schema: dict[str, Any] | None = None
    facts: tuple[str, ...] | str | None = None
    function: str | None = None
    extract: str | None = None

    @field_validator("pattern", "extract")
    @classmethod
    def _compiles(cls, given: str | None) -> str | None:
        return given if given is None else compiled(given).pattern

    @field_validator("json_schema")
    @classmethod
    def _is_a_schema(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        return given if given is None else require_json_schema(given)

    @field_validator("facts")
    @classmethod
    def _are_facts(cls, given: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        if isinstance(given, str) and given != "answer":
            raise ValueError(f"expected `answer` or a list of texts, found {given!r}")
        if given is not None and not all(fact.strip() for fact in given or [""]):
            raise ValueError("expected texts that say something, found an empty one, or none")
        return given

    @field_validator("function")
    @classmethod
    def _names_a_function(cls, given: str | None) -> str | None:
        return given if given is None else require_function(given)

    @model_validator(mode="after")
    def _one_check(self) -> "Options":
        """Check that one check is chosen at most, and that `extract` has a group."""
        given = [name for name in CHECKS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(
                f"{given[1]}: expected one of {', '.join(CHECKS)}, found {' and '.join(given)}; "
                "make each a rater of its own"
            )
        if self.extract is not None and compiled(self.extract).groups < 1:
            raise ValueError("extract: expected a group, such as `#### (.*)`, found none")
        return self

    @cached_property
    def check(self) -> Check:
        """The check that the options describe."""
        if self.tolerance is not None:
            return number(self.tolerance)
        if self.pattern is not None:
            return pattern(self.pattern)
        if self.json_schema is not None:
            return json_schema(self.json_schema)
        if self.facts is not None:
            return facts(None if isinstance(self.facts, str) else self.facts)
        return exact if self.function is None else function(self.function)


def rate(
    rater: str, prompts: pl.DataFrame, responses: pl.DataFrame, options: Options, seed: int
) -> pl.DataFrame:
    """Score a right answer 1 and a wrong one 0, or as the check says.

    A response without a verdict has null, with a reason: no_answer (the prompt has none),
    answer_no_number, answer_no_facts, no_verdict (your function returned None), no_number (neither
    a number nor a truth value), function_failed (it raised an error).
    """
    listed = to_rate(prompts, responses)
    scores = [_judge_row(row, options) for row in listed.iter_rows(named=True)]
    columns = pl.DataFrame(scores, schema={"score": pl.Float64, "reason": pl.String}, orient="row")
    return ratings(rater, listed.hstack(columns))


def _judge_row(row: dict[str, Any], options: Options) -> tuple[float | None, str | None]:
    """Return one response's score, or null and the reason."""
    text = row["text"]
    if options.extract is not None:
        parts = list(compiled(options.extract).finditer(text))
        # A text that does not keep to the form has no right answer in it.
        text = (parts[-1].group(1) or "") if parts else ""
    score = options.check(row["messages"], text, row["answer"])
    return (None, score) if isinstance(score, str) else (score, None)
