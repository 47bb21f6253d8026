"""The table reader's map from columns to tables, and the formats that are presets of it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.errors import UserError
from stages.sources.templates import prometheus, self_instruct


class Mapping(BaseModel):
    """Which column holds what.

    prompt:        text, a list of user turns, or a list of messages (role, content)
    response:      the answer's text
    scores:        columns of scores; a column that holds lists has one score per rater
    rater:         column that names the rater, where each row is one rating
    generator:     column that names who answered
    demonstration: column with an answer to imitate
    answer:        column with the one right answer, where a program can check it
    scale:         lowest and highest possible score; others are not ratings
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Literal["ratings", "prompts"] = "ratings"
    prompt: str = "prompt"
    response: str = "response"
    scores: tuple[str, ...] = Field(("score",), min_length=1)
    rater: str | None = None
    generator: str | None = None
    category: str | None = None
    demonstration: str | None = None
    answer: str | None = None
    scale: tuple[float, float] | None = None

    @field_validator("scores", mode="before")
    @classmethod
    def _one_is_enough(cls, scores: Any) -> Any:
        """Let one column's name stand for a list of one."""
        return (scores,) if isinstance(scores, str) else scores

    @model_validator(mode="after")
    def _in_order(self) -> "Mapping":
        if self.scale and self.scale[0] >= self.scale[1]:
            raise ValueError("scale: expected the lowest score, then the highest")
        return self

    def needed(self) -> list[str]:
        """List the columns that this map reads."""
        names = [self.prompt, self.category, self.demonstration, self.answer]
        if self.shape == "ratings":
            names += [self.response, *self.scores, self.rater, self.generator]
        return [name for name in names if name]


@dataclass(frozen=True)
class Preset:
    """A known format: the columns that give it away, and how to read them."""

    about: str
    recognised_by: frozenset[str]
    mapping: Mapping
    unwrap: Callable[[dict[str, Any]], dict[str, Any]] | None = None


PRESETS = {
    "prometheus": Preset(
        "Prometheus evaluation sets: a judge template and a list of scores",
        frozenset({"instruction", "response_source", "gpt4_score"}),
        Mapping(
            scores=("gpt4_score",),
            generator="response_source",
            category="category",
            demonstration="demonstration",
            scale=(1, 5),
        ),
        unwrap=prometheus,
    ),
    "self_instruct": Preset(
        "Self-Instruct user-oriented prompts: an instruction and its instances",
        frozenset({"instruction", "instances"}),
        Mapping(shape="prompts"),
        unwrap=self_instruct,
    ),
    "turns": Preset(
        "MT-bench, Vicuna and Arena-Hard questions: prompts as lists of user turns",
        frozenset({"question_id", "turns"}),
        Mapping(shape="prompts", prompt="turns"),
    ),
    "ratings": Preset(
        "one rating a row (columns prompt, response, score), or several score columns",
        frozenset({"prompt", "response", "score"}),
        Mapping(),
    ),
    "prompts": Preset(
        "prompts alone",
        frozenset({"prompt"}),
        Mapping(shape="prompts"),
    ),
}

GENERAL = ("turns", "ratings", "prompts")
OPTIONAL = ("rater", "generator", "category")


def recognise(columns: Collection[str], changes: Collection[str], path: str) -> str:
    """Name the first preset whose columns are all there; raise UserError where none fits.

    A column that the person's changes map counts as there: whether it is, is checked later.
    """
    there = {*columns, *("score" if field == "scores" else field for field in changes)}
    for name, preset in PRESETS.items():
        if preset.recognised_by <= there:
            return name
    raise UserError(
        f"{path}: no known format has the columns {', '.join(sorted(columns))}; name one with "
        f"--from ({', '.join(PRESETS)}) and its columns with --set source.mapping.prompt=..."
    )


def choose_mapping(
    name: str, changes: dict[str, Any], columns: Collection[str], path: str
) -> tuple[Preset, Mapping]:
    """Give a preset and its map with the person's changes, each column checked to exist.

    The general formats take rater, generator and category columns of that very name as they find
    them. A preset with a template of its own makes its columns row by row: those are not checked.
    """
    if name not in PRESETS:
        raise UserError(f"unknown format {name!r}; expected one of {', '.join(PRESETS)}")
    preset = PRESETS[name]
    fields = preset.mapping.model_dump()
    if name in GENERAL:
        fields |= {column: column for column in OPTIONAL if column in columns}
    mapping = Mapping.model_validate(fields | changes)
    missing = [] if preset.unwrap else [c for c in mapping.needed() if c not in columns]
    if missing:
        raise UserError(
            f"{path}: format {name} needs column {missing[0]!r}; found "
            f"{', '.join(sorted(columns))}; set source.mapping to the right names"
        )
    return preset, mapping
