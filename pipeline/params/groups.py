"""Groups of params.yaml that belong to no stage's own file, and words for what is wrong in one."""

from collections.abc import Collection
from inspect import signature
from typing import Any, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from rather.params.training import Strict
from rather.schemas.base import UserError
from rather.stages.common.spelling import did_you_mean
from rather.stages.models.generate import Options as Generate
from rather.stages.winnow.winnow import DEFAULT_RULES, keeps, reason_of, rule_named


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
                raise ValueError(f"rules.{name}.{sentence(error, _options_of(name))}") from None
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


def sentence(error: ValidationError, known: type[BaseModel] | Collection[str] | None = None) -> str:
    """Return pydantic's first error as one sentence: where, expected, found.

    known: the model or the names of the options that were checked, for "did you mean"
    """
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        # A field's own check goes on with what it expected; one of several fields names its field.
        joint = ": " if message.startswith("expected") else "."
        return f"{where}{joint}{message}" if where else message
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        like = did_you_mean(str(first["loc"][-1]), _names_at(known, first["loc"][:-1]))
        return f"{where}: no such parameter{like or '; correct the name'}"
    return f"{where}: {message[0].lower()}{message[1:]}, found {first['input']!r}"


def _options_of(rule: str) -> Collection[str]:
    """Return the names of a rule's options."""
    return signature(rule_named(rule).require).parameters


def _names_at(
    known: type[BaseModel] | Collection[str] | None, path: tuple[int | str, ...]
) -> Collection[str]:
    """Return the names that are known at a place below a model."""
    if known is None or not isinstance(known, type):
        return known or ()
    model: type[BaseModel] | None = known
    inside_dict = False
    for part in path:
        if inside_dict or model is None:
            inside_dict = False
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        annotation = fields[str(part)].annotation if str(part) in fields else None
        inside_dict = getattr(annotation, "__origin__", None) is dict
        model = _model_in(annotation)
    if model is None:
        return ()
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the first model that a type is or holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in models if model is not None), None)
