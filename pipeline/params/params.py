"""params.yaml: every parameter, read and checked."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from rather.params import rater_kinds
from rather.params.groups import Contamination, Evaluate, Generator, Pair, Winnow, sentence
from rather.params.loss_names import known_loss, policy_losses
from rather.params.model_params import Further, Model
from rather.params.overrides import apply, read_values
from rather.params.training import Policy, Round, Strict, Training
from rather.schemas.base import UserError
from rather.stages.audit.audit_options import Options as Audit
from rather.stages.calibrate.calibrate import Options as Calibrate
from rather.stages.choose.choose import Options as Choose
from rather.stages.convert.convert import Options as Convert
from rather.stages.models.generate import Options as Generate
from rather.stages.sources.load import Demo, Source
from rather.stages.validate.declared_quality import Options as Validate

NAME = re.compile(r"[A-Za-z0-9_-]+")
# Models that other stages write, beside those of `train`.
MODELS = ("base", "sft", "reward")


class Params(Strict):
    """All parameters of params.yaml, with their defaults."""

    seed: int = Field(0, ge=0)
    model: Model = Model()
    models: dict[str, Further] = Field(default_factory=dict)
    source: Source = Source()
    demo: Demo = Demo()
    test_fraction: float = Field(0.15, ge=0, lt=1)
    max_length: int = Field(512, ge=8)
    sft: Training = Training()
    reward: Training = Training()
    generators: dict[str, Generator] = Field(default_factory=dict)
    sample: Generate = Generate()
    raters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    model_raters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    contamination: Contamination = Contamination()
    calibrate: Calibrate = Calibrate()
    pair: Pair = Pair()
    winnow: Winnow = Winnow()
    choose: Choose = Choose()
    validate_: Validate = Field(default=Validate(), alias="validate")
    audit: Audit = Audit()
    convert: Convert = Convert()
    train: dict[str, Policy] = Field(default_factory=dict)
    rounds: dict[str, Round] = Field(default_factory=dict)
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _evidence(self) -> "Params":
        """Check that the inputs of every rule are enabled."""
        rules, source = self.winnow.rules, self.source
        if "deduplicated" in rules and not (self.test_fraction or source.near_duplicates):
            raise ValueError(
                "source.near_duplicates: expected true where winnow has the rule deduplicated and "
                "test_fraction is 0, found false"
            )
        if "decontaminated" in rules and self.contamination.path is None:
            raise ValueError(
                "contamination.path: expected the evaluation sets that the rule decontaminated "
                "goes by, found none"
            )
        return self

    @model_validator(mode="after")
    def _models(self) -> "Params":
        """Check that no further model has the name of another stage's model."""
        for name in self.models:
            if not NAME.fullmatch(name) or name in MODELS or name in self.train:
                raise ValueError(
                    f"models: expected letters, digits, _ and -, and none of "
                    f"{', '.join([*MODELS, *self.train])}, found {name!r}"
                )
        return self

    @model_validator(mode="after")
    def _generators(self) -> "Params":
        """Check that every generator's model exists before policies are trained."""
        known = ["base", "sft", *self.models]
        for name, generator in self.generators.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"generators: expected letters, digits, _ and -, found {name!r}")
            if generator.model not in known:
                raise ValueError(
                    f"generators.{name}.model: expected one of {', '.join(known)}, found "
                    f"{generator.model!r}; further models are named under `models`"
                )
        return self

    @model_validator(mode="after")
    def _train(self) -> "Params":
        """Check that the names under `train` are free, and that losses, options and data fit."""
        for name, policy in self.train.items():
            if not NAME.fullmatch(name) or name in MODELS:
                raise ValueError(
                    f"train: expected letters, digits, _ and -, and none of {', '.join(MODELS)}, "
                    f"found {name!r}"
                )
            _check_loss(f"train.{name}", losses_of(name, policy), policy)
        return self

    @model_validator(mode="after")
    def _rounds(self) -> "Params":
        """Check that round names are free, and that `from` names an earlier model."""
        there = ["sft", *self.train]
        for name, entry in self.rounds.items():
            taken = (*MODELS, *self.models, *self.train)
            if not NAME.fullmatch(name) or name in taken:
                raise ValueError(
                    f"rounds: expected letters, digits, _ and -, and none of {', '.join(taken)}, "
                    f"found {name!r}"
                )
            for what, given, known in (
                ("from", entry.from_, there),
                ("policy", entry.policy or next(iter(self.train), None), [*self.train]),
            ):
                if given not in known:
                    raise ValueError(
                        f"rounds.{name}.{what}: expected one of {', '.join(known) or 'train'}, "
                        f"found {given!r}"
                    )
            there.append(name)
        return self

    @property
    def trained(self) -> dict[str, Policy]:
        """Every policy by name with how it is trained: those of `train`, then the rounds'."""
        first = next(iter(self.train), "")
        return self.train | {
            name: self.train[entry.policy or first] for name, entry in self.rounds.items()
        }

    @property
    def all_raters(self) -> dict[str, dict[str, Any]]:
        """Every rater by name, programs first: to what comes after, all are alike."""
        return self.raters | self.model_raters

    @model_validator(mode="after")
    def _raters(self) -> "Params":
        """Check every rater's name, kind and options."""
        for group in ("raters", "model_raters"):
            for name in getattr(self, group):
                if not NAME.fullmatch(name):
                    raise ValueError(f"{group}: expected letters, digits, _ and -, found {name!r}")
        if twice := self.raters.keys() & self.model_raters.keys():
            raise ValueError(
                f"model_raters.{min(twice)}: expected a name that no entry of raters has; "
                "give one of the two another name"
            )
        for name in self.all_raters:
            rater_options(self, name)
        return self


def losses_of(name: str, policy: Policy) -> dict[str, float]:
    """Return the losses that an entry of `train` sums, each with its weight."""
    named = name if policy.loss is None else policy.loss
    return {named: 1.0} if isinstance(named, str) else named


def _check_loss(where: str, losses: dict[str, float], policy: Policy) -> None:
    options: set[str] = set()
    for loss in losses or [""]:
        try:
            known = known_loss(loss)
        except ValueError as error:
            raise ValueError(f"{where}.{error}") from None
        if known is None or known.data is None:
            expected = ", ".join(policy_losses())
            raise ValueError(
                f"{where}.loss: expected some of {expected}, or package.module:function, found "
                f"{loss!r}"
            )
        if known.data != policy.data:
            raise ValueError(
                f"{where}.data: expected {known.data}, the data set of the loss {loss}, found "
                f"{policy.data}"
            )
        options |= {*known.options}
    for option in policy.options:
        if option not in options:
            expected = ", ".join(sorted(options)) or "none"
            raise ValueError(f"{where}.options: expected {expected}, found {option!r}")


def rater_options(params: Params, name: str) -> tuple[str, Any]:
    """Return a rater's kind and its options; `rater_model` returns the model that it is or asks."""
    group = "raters" if name in params.raters else "model_raters"
    entry = params.all_raters[name]
    kind = entry.get("kind")
    options_class = rater_kinds.options_class(kind, group, f"{group}.{name}.kind")
    if group == "model_raters":
        rater_model(params, name)
    options = {key: value for key, value in entry.items() if key not in ("kind", "model")}
    if "max_length" in options_class.model_fields:
        options.setdefault("max_length", params.max_length)
    try:
        return str(kind), options_class(**options)
    except ValidationError as error:
        raise ValueError(f"{group}.{name}.{sentence(error)}") from None


def rater_model(params: Params, name: str) -> str:
    """Return the name of a rater's model in data/models."""
    model, known = params.model_raters[name].get("model"), [*MODELS, *params.models]
    if model not in known:
        raise ValueError(
            f"model_raters.{name}.model: expected one of {', '.join(known)}, found {model!r}; "
            "further models are named under `models`"
        )
    return str(model)


def read_params(path: Path) -> Params:
    """Read a params file; raise UserError that names file, parameter, expected and found."""
    return make_params(read_values(path), (), str(path))


def make_params(
    values: dict[str, Any], changes: Mapping[str, Any] | Iterable[str], where: str
) -> Params:
    """Return checked parameters, after changes like `a.b=1`; left out ones take their defaults."""
    apply(values, changes)
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: {sentence(error, Params)}") from None
