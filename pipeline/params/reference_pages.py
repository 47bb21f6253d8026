"""Write docs/parameters.md, docs/formats.md and docs/audit-schema.json from the code.

`make docs` writes them; a test compares the committed files.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rather.params.params import Params
from rather.params.rater_kinds import BASES, kinds, options_class
from rather.params.training import Lora, Training
from rather.schemas.audit import audit_schema
from rather.stages.convert.formats.formats import FORMATS
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.presets import presets
from rather.stages.winnow.rules import RULES
from rather.stages.winnow.winnow import DEFAULT_RULES, evidence
from rather.trainer import config

GENERATED = "<!-- Generated from the code by `make docs`: edit the docstrings there. -->"
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
    "minItems": "items: at least",
    "minProperties": "entries: at least",
}
SETTINGS: dict[type, type] = {Training: config.TrainConfig, Lora: config.Lora}
FIELD = re.compile(r"^(\w+(?:, \w+)*):\s+(.*)")
ANOTHER = re.compile(r";\s+(?=\w+(?:, \w+)*:\s)")
PARAGRAPH = re.compile(r"\n\s*\n")


def parameters() -> str:
    """Return parameters.md: each group of params.yaml with its fields."""
    lines = [
        "# Parameters",
        "",
        GENERATED,
        "",
        "Every group of `params.yaml`. Omitted values take their default; unknown names fail.",
        "A field of a group is set from the shell by `--set GROUP.FIELD=VALUE`.",
        "Fields without a group are numbers or texts at the top level.",
        "",
        "## Top level",
        *_table(Params, _is_plain),
    ]
    shown: dict[type[BaseModel], str] = {}
    for name, model in _groups(Params):
        if model in shown:
            lines += ["", f"## {name}", "", f"The fields of `{shown[model]}`."]
        else:
            shown[model] = name
            lines += ["", f"## {name}", *_model(model)]
    for group in BASES:
        for kind in kinds(group):
            options = options_class(kind, group, group)
            lines += ["", f"## {group}.NAME, kind: {kind}", *_model(options)]
            for name, model in _groups(options):
                lines += ["", f"## {group}.NAME.{name}", *_model(model)]
    return "\n".join(lines) + "\n"


def formats() -> str:
    """Return formats.md: input formats, mapping fields, output formats, rules and losses."""
    return (
        "\n".join(
            [
                "# Formats, rules and losses",
                "",
                GENERATED,
                "",
                "## Input formats",
                "",
                f"{len(presets())} formats are recognised by their columns, in this order: the "
                "first whose columns are all present is used. `--from NAME` selects one.",
                "",
                *_rows(
                    ("format", "shape", "recognised by the columns", "content"),
                    (
                        (
                            f"`{name}`",
                            preset.mapping.shape,
                            _codes(preset.recognised_by),
                            preset.about,
                        )
                        for name, preset in presets().items()
                    ),
                ),
                "",
                "## Mapping fields",
                *_model(Mapping),
                "",
                "## Output formats",
                "",
                *_rows(
                    ("`--format`", "`--to`"),
                    ((f"`{name}`", _codes(kinds)) for name, kinds in FORMATS.items()),
                ),
                "",
                "## Rules",
                "",
                f"{len(RULES)} rules. By default a pair must pass, in this order: "
                f"{_codes(DEFAULT_RULES, ordered=True)}.",
                "",
                *_rows(("rule", "options", "what a pair must be", "evidence column"), _rules()),
                "",
                "## Losses",
                "",
                *_losses(),
            ]
        )
        + "\n"
    )


def _rules() -> Iterator[tuple[str, ...]]:
    """Return a row for each rule."""
    for name, rule in RULES.items():
        columns = _codes(evidence(rule, {}))
        yield f"`{name}`", _options(rule.require), _summary(rule.require), columns


def _losses() -> list[str]:
    """Return the section on losses."""
    from rather.trainer.losses.catalogue import LOSSES

    rows = (
        (
            f"`{name}`",
            loss.eats,
            "" if loss.usual_beta is None else f"{loss.usual_beta:g}",
            "" if loss.usual_betas is None else "{:g} to {:g}".format(*loss.usual_betas),
            _options(loss.function),
            _summary(loss.function),
        )
        for name, loss in LOSSES.items()
    )
    heads = ("loss", "data", "beta", "usual betas", "options", "definition")
    return [f"{len(LOSSES)} losses.", "", *_rows(heads, rows)]


def _options(function: Any) -> str:
    """Return a function's parameters that have a default, or must be given by name."""
    tensors = ("Tensor", "Pair")
    parameters = inspect.signature(inspect.unwrap(function)).parameters.values()
    return ", ".join(
        f"`{p.name}`" if p.default is p.empty else f"`{p.name}={p.default}`"
        for p in parameters
        if p.annotation not in tensors and p.name != "beta"
    )


def _summary(thing: Any) -> str:
    """Return the first sentence of a docstring, on one line."""
    return " ".join(PARAGRAPH.split(inspect.getdoc(thing) or "")[0].split())


def _groups(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Visit the models below a model, each with its dotted name; NAME stands for a free name."""
    for name, field in model.model_fields.items():
        for inner, free in _models_in(field.annotation):
            dotted = prefix + (field.alias or name) + (".NAME" if free else "")
            yield dotted, inner
            yield from _groups(inner, f"{dotted}.")


def _models_in(annotation: Any) -> Iterator[tuple[type[BaseModel], bool]]:
    """Visit the models in an annotation, and whether each stands below a free name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, False
    for inner in get_args(annotation):
        for model, free in _models_in(inner):
            yield model, free or getattr(annotation, "__origin__", None) is dict


def _is_plain(field: FieldInfo) -> bool:
    """Return whether a field holds a value, not a group."""
    return not list(_models_in(field.annotation)) and field.annotation is not dict


def _model(model: type[BaseModel]) -> list[str]:
    """Return a model's introduction and its table of fields."""
    first = PARAGRAPH.split(inspect.getdoc(model) or "")[0]
    return ["", " ".join(first.split()), *_table(model, _is_plain)]


def _table(model: type[BaseModel], wanted: Any) -> list[str]:
    """Return the table of a model's fields: name, type, default, meaning."""
    schema = model.model_json_schema()
    types = schema["properties"]
    meanings = field_docs(model)
    rows = []
    for name, field in model.model_fields.items():
        if not wanted(field):
            continue
        shown = field.alias or name
        meaning = meanings.get(shown, meanings.get(name, ""))
        rows.append((f"`{shown}`", _type(types[shown]), _default(field), meaning))
    return ["", *_rows(("field", "type", "default", "meaning"), rows)] if rows else []


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the meaning of each field, as `name: meaning` in the docstrings of a model's bases.

    Fields of a training are explained by the trainer's own settings.
    """
    bases = [base for base in reversed(model.__mro__) if issubclass(base, BaseModel)]
    trainers = [SETTINGS[base] for base in bases if base in SETTINGS]
    meanings: dict[str, str] = {}
    for base in (*trainers, *bases[1:]):
        for names, text in _entries(inspect.cleandoc(base.__doc__ or "")):
            meanings |= dict.fromkeys(names.split(", "), text)
    return meanings


def _entries(docstring: str) -> Iterator[tuple[str, str]]:
    """Visit the `names: text` entries of a docstring, continuation lines joined."""
    entries: list[str] = []
    for paragraph in PARAGRAPH.split(docstring)[1:]:
        indents = [len(line) - len(line.lstrip()) for line in paragraph.splitlines()]
        lines = paragraph.splitlines()
        if lines[0].strip() in ("Args:", "Attributes:"):
            lines, indents = lines[1:], indents[1:]
        for line, indent in zip(lines, indents, strict=True):
            if indent == min(indents) and FIELD.match(line.strip()):
                entries.append(line.strip())
            elif entries:
                entries[-1] += f" {line.strip()}"
    for entry in entries:
        for part in ANOTHER.split(entry):
            if match := FIELD.match(part):
                yield match[1], match[2]


def _type(schema: dict[str, Any]) -> str:
    """Return a JSON schema's type in words."""
    if "anyOf" in schema:
        kinds = sorted((_type(kind) for kind in schema["anyOf"]), key=lambda kind: kind != "null")
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    name = schema.get("type", "any")
    if name == "array":
        inner = schema.get("items") or {}
        prefix = schema.get("prefixItems")
        name = f"{len(prefix)} x {_type(prefix[0])}" if prefix else f"list of {_type(inner)}"
    elif name == "object" and isinstance(schema.get("additionalProperties"), dict):
        name = f"name: {_type(schema['additionalProperties'])}"
    bounds = [f"{words} {schema[key]:g}" for key, words in BOUNDS.items() if key in schema]
    counted = "prefixItems" in schema
    return ", ".join([name, *(() if counted else bounds)])


def _default(field: FieldInfo) -> str:
    """Return a field's default as YAML would have it, or that it is required."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, bool) or value is None:
        return f"`{str(value).lower() if value is not None else 'null'}`"
    if isinstance(value, tuple | list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`"


def _codes(names: Iterable[str], ordered: bool = False) -> str:
    """Return names as code, separated by commas."""
    return ", ".join(f"`{name}`" for name in (names if ordered else sorted(names)))


def _rows(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table."""
    lines = [heads, ("---",) * len(heads), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines]


def audit_json() -> str:
    """Return audit-schema.json: the JSON schema of audit.json."""
    return json.dumps(audit_schema(), indent=2) + "\n"


PAGES = {"parameters.md": parameters, "formats.md": formats, "audit-schema.json": audit_json}


def main() -> None:
    """Write the pages into the folder named by the first argument, docs by default."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
