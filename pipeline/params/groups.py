"""Groups of params.yaml that belong to no stage's own file, and words for what is wrong in one."""

from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from rather.params.training import Strict
from rather.schemas.base import UserError
from rather.stages.models.generate import Options as Generate
from rather.stages.winnow.winnow import DEFAULT_RULES, keeps, reason_of


class Generator(Generate):
    """What answers the source's prompts: a model of data/models, and how it is sampled."""

    model: str

    @property
    def options(self) -> Generate:
        """Return the sampling options."""
        return Generate(**self.model_dump(exclude={"model"}))


class Pair(Strict):
    """Options of the stage pair.

    similarity: compare the texts of pairs of nearly equal length"""

    similarity: bool = True


class Contamination(Strict):
    """Evaluation sets that training data may not share; the rule `decontaminated` goes by it.

    path:     a file, folder or glob of their prompts; null for none
    words:    length of the runs of words that are looked for
    at_least: share of an evaluation text's words from which a text counts as contaminated
    """

    path: str | None = None
    words: int = Field(8, ge=2)
    at_least: float = Field(0.5, ge=0, le=1)


class Winnow(Strict):
    """The rules a pair must pass, in this order, each with its options."""

    rules: dict[str, dict[str, Any]] = Field(default_factory=lambda: dict(DEFAULT_RULES))

    @field_validator("rules", mode="before")
    @classmethod
    def _no_options_is_fine(cls, rules: Any) -> Any:
        """Return the rules, with empty options for a rule such as `distinct:` alone."""
        if isinstance(rules, dict):
            return {name: {} if options is None else options for name, options in rules.items()}
        return rules

    @model_validator(mode="after")
    def _known(self) -> "Winnow":
        """Check that each rule exists, accepts its options, and has a reason of its own."""
        names: dict[str, str] = {}
        for name, options in self.rules.items():
            other = names.setdefault(reason_of(name), name)
            if other != name:
                raise ValueError(
                    f"rules.{name}: expected a name of its own after the colon, found that of "
                    f"{other}; rename the function"
                )
            try:
                keeps(name, options)
            except ValidationError as error:
                raise ValueError(f"rules.{name}.{sentence(error)}") from None
            except UserError as error:
                raise ValueError(str(error)) from None
            except ValueError as error:
                raise ValueError(f"rules.{name}.{error}") from None
        return self


class Evaluate(Strict):
    """Evaluations of trained policies beside the held-out prompts.

    harmful, benign: files of prompts that a policy should refuse, and should answer; null for none
    command: a user's own evaluation, run on every model before and after training, with the
        model's folder as its last argument; the JSON it prints is kept
    """

    harmful: str | None = None
    benign: str | None = None
    command: str | None = None


def sentence(error: ValidationError) -> str:
    """Return pydantic's first error as one sentence: where, expected, found."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        # A field's own check goes on with what it expected; one of several fields names its field.
        joint = ": " if message.startswith("expected") else "."
        return f"{where}{joint}{message}" if where else message
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{where}: no such parameter; correct the name"
    return f"{where}: {message[0].lower()}{message[1:]}, found {first['input']!r}"
