"""Mappings: which column of a file holds what, and files that hold a mapping."""

from collections.abc import Mapping as Table
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from rather.schemas.base import UserError
from rather.stages.common.spelling import did_you_mean

Shape = Literal["ratings", "comparisons", "pairs", "rankings", "labels", "prompts"]
SHAPES: tuple[str, ...] = get_args(Shape)
SOURCE = "source"  # names a rater, or who answered, where the file does not

# What a label of one response may be called, where the map has no values of its own.
GOOD = ("true", "1", "+1", "yes", "good", "up", "thumbs_up", "like", "desirable", "positive", "👍")
BAD = ("false", "0", "-1", "no", "bad", "down", "thumbs_down", "dislike", "undesirable", "negative")
THUMBS = {**dict.fromkeys(GOOD, 1.0), **dict.fromkeys((*BAD, "👎"), 0.0)}


class Mapping(BaseModel):
    """Which column holds what. A column may be named by its one name or in a list.

    shape:         ratings (scores of responses), comparisons (of two or more responses by labels),
                   pairs (chosen, rejected), rankings, labels (good or bad), or prompts
    prompt:        text, a list of user turns, or a list of messages (role, content); of several
                   columns the texts are joined by a blank line, blank ones skipped
    system:        the system message's text, put before the prompt
    response:      the answer's text, or a message: ratings and labels of one response a row
    responses:     several columns of answers, or one that holds a list of them
    chosen, rejected: the two answers of a pair
    scores:        ratings: columns of scores, each a rater, or an aspect where `aspects` says so; a
                   list in a cell has one score per rater. Beside several answers: one column per
                   answer (of pairs: chosen's, rejected's), or one column of lists
    aspects:       the columns of scores or preferences are aspects of one rater, not raters
    rater:         column that names the rater
    preference:    columns of labels, one per rater (or aspect). With two columns of responses a
                   list in a cell has one label per rater; with more responses it has one label per
                   pair of them: first and second, first and third, ..., second and third, ...
    values:        what labels mean, as numbers. Comparisons: 1 the first is better, 0 a tie, -1
                   the second, between them a graded preference; ratings and labels: the score.
                   null: an opinion that is no number (Unsure). Upper and lower case are one
    label:         column of good or bad
    ranks:         list, or columns, parallel to responses, 1 the best; else they stand best first
    inverted:      lower is better; of comparisons: the label means the opposite
    generator, generators: columns that name who answered, as response and responses
    category:      the source's own grouping;  demonstration: an answer to imitate
    answer:        the one right answer, where a program can check it
    scale:         lowest and highest possible score; others are not ratings. Of comparisons: the
                   numbers that mean "the second is much better" and "the first is much better"
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Shape = "ratings"
    prompt: tuple[str, ...] = ("prompt",)
    system: str | None = None
    response: str | None = None
    responses: tuple[str, ...] = ()
    chosen: str | None = None
    rejected: str | None = None
    scores: tuple[str, ...] = ()
    aspects: bool = False
    rater: str | None = None
    preference: tuple[str, ...] = ()
    values: dict[str, float | None] = {}
    label: str | None = None
    ranks: tuple[str, ...] = ()
    inverted: bool = False
    generator: str | None = None
    generators: tuple[str, ...] = ()
    category: str | None = None
    demonstration: str | None = None
    answer: str | None = None
    scale: tuple[float, float] | None = None

    @field_validator(
        "prompt", "responses", "scores", "preference", "ranks", "generators", mode="before"
    )
    @classmethod
    def _one_is_enough(cls, columns: Any) -> Any:
        """Read one column's name as a list of one."""
        return one_or_more(columns)

    @field_validator("values", mode="before")
    @classmethod
    def _labels_are_text(cls, values: Any) -> Any:
        """Read numbers and booleans as labels; YAML reads yes and no as booleans."""
        if not isinstance(values, Table):
            return values
        return {label_text(label): number for label, number in values.items()}

    @model_validator(mode="after")
    def _in_order(self) -> "Mapping":
        if self.scale and self.scale[0] >= self.scale[1]:
            raise ValueError("scale: expected the lowest score, then the highest")
        return self

    @property
    def answers(self) -> tuple[str, ...]:
        """The columns that hold answers."""
        if self.shape == "prompts":
            return ()
        if self.shape == "pairs":
            return tuple(column for column in (self.chosen, self.rejected) if column)
        one = (self.response,) if self.response else ()
        return self.responses or (one if self.shape in ("ratings", "labels") else ())

    @property
    def authors(self) -> tuple[str, ...]:
        """The columns that name who answered."""
        return self.generators or ((self.generator,) if self.generator else ())

    @property
    def judgements(self) -> tuple[str, ...]:
        """The columns that hold what raters said of single answers."""
        labels = (self.label,) if self.label and self.shape == "labels" else ()
        return labels or self.scores

    def needed(self) -> list[str]:
        """Return the columns that this mapping reads."""
        singles = (self.system, self.category, self.demonstration, self.answer)
        names = [*self.prompt, *(name for name in singles if name)]
        if self.shape == "prompts":
            return list(dict.fromkeys(names))
        names += [*self.answers, *self.judgements, *self.authors]
        if self.shape in ("comparisons", "rankings"):
            names += self.preference + self.ranks
        if self.rater:
            names.append(self.rater)
        return list(dict.fromkeys(names))

    def lacks(self) -> str | None:
        """Return a sentence on the first field that the shape lacks, None if it is complete."""
        wanted: dict[Shape, list[tuple[str, object]]] = {
            "ratings": [("response or responses", self.answers), ("scores", self.scores)],
            "comparisons": [("responses", self.responses), ("preference", self.preference)],
            "pairs": [("chosen", self.chosen), ("rejected", self.rejected)],
            "rankings": [("responses", self.responses)],
            "labels": [("response", self.answers), ("label", self.label)],
            "prompts": [],
        }
        fields = [("prompt", self.prompt), *wanted[self.shape]]
        missing = [name for name, columns in fields if not columns]
        return f"shape {self.shape} needs {missing[0]}" if missing else self._mismatch()

    def _mismatch(self) -> str | None:
        """Return a sentence on fields of unequal length, else None."""
        num = len(self.answers)
        if self.shape == "rankings" or self.responses:
            for name, columns in (("scores", self.scores), ("ranks", self.ranks)):
                if columns and len(columns) not in (1, num):
                    return f"{name}: expected a column for each of {num} responses, or one of lists"
        if self.shape == "pairs" and len(self.scores) not in (0, 2):
            return "scores: expected the chosen's column and the rejected's"
        if len(self.authors) not in (0, 1, num):
            return f"generators: expected a column for each of {num} responses, or one of lists"
        too_large = [v for v in self.values.values() if v is not None and abs(v) > 1]
        if self.shape == "comparisons" and too_large:
            return f"values: expected numbers from -1 to 1, found {too_large[0]:g}"
        return None


class PresetFile(Mapping):
    """A mapping file with what a preset adds to it (stages/sources/presets.py)."""

    extends: Any = ""
    about: str = ""
    columns: str | tuple[str, ...] = ()
    order: int = 0
    unwrap: Any = None
    example: list[dict[str, Any]] = []
    becomes: dict[str, Any] = {}


PRESET_FIELDS = frozenset(PresetFile.model_fields) - frozenset(Mapping.model_fields)


def one_or_more(columns: Any) -> Any:
    """Return one column's name as a list of one, anything else as it is."""
    return (columns,) if isinstance(columns, str) else columns


def label_text(value: object) -> str:
    """Write a label as the text it is looked up by: 1.0 and 1 are one label, so are Yes and yes."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().casefold()


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a mapping file: fields of Mapping, and `extends`, the preset that they change.

    A file with `unwrap` cannot be merged with another format: it is returned as `extends` itself.

    Stars of two people, one rating a row:
        shape: ratings
        prompt: question
        response: reply
        scores: stars
        rater: annotator
        scale: [1, 5]
    Three people's votes between two models' answers, 0 for a tie:
        shape: comparisons
        prompt: [instruction, input]
        responses: [output_1, output_2]
        generators: [model_1, model_2]
        preference: [annotator1, annotator2, annotator3]
        values: {0: 0, 1: 1, 2: -1}
    A known format with one column of another name:
        extends: pairs
        chosen: better

    Raises UserError if the file cannot be read, or is no mapping.
    """
    fields = read_fields(path)
    if "unwrap" in fields:
        return {"extends": str(path)}
    extra = PRESET_FIELDS - {"extends"}
    return {name: value for name, value in fields.items() if name not in extra}


def read_fields(path: Path) -> dict[str, Any]:
    """Read the fields of a mapping file or a preset file, as written.

    Raises:
        UserError: The file cannot be read, or a field is unknown or of the wrong type.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # written in C where it was built
    try:
        fields = yaml.load(path.read_text(encoding="utf-8"), loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: expected a mapping file (YAML), found {error}") from None
    return check_mapping(str(path), fields)


def check_mapping(where: str, fields: Any) -> dict[str, Any]:
    """Return a mapping's fields as they are; raise UserError, after `where`, for wrong ones."""
    if not isinstance(fields, dict):
        raise UserError(f"{where}: expected lines such as `prompt: question`, found {fields!r:.80}")
    try:
        PresetFile.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"{where}: {_first_mistake(error)}") from None
    if not isinstance(fields.get("extends", ""), str):
        raise UserError(f"{where}: extends: expected a format's name, found {fields['extends']!r}")
    return dict(fields)


def _first_mistake(error: ValidationError) -> str:
    """Return a sentence on the first wrong field: its name, its value, and what is allowed."""
    mistake = error.errors()[0]
    name = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        known = ["extends", *Mapping.model_fields, *sorted(PRESET_FIELDS - {"extends"})]
        return f"expected one of {', '.join(known)}, found {name!r}{did_you_mean(name, known)}"
    return f"{name + ': ' if name else ''}{mistake['msg']}; found {mistake['input']!r:.80}"
