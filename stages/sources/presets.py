"""Known formats: a YAML file each in the folder presets/, recognised by the columns of a file.

A preset file is a mapping file (`--map`) with some further fields:

about:    one line, for `rather sources`
columns:  what a file must have to be recognised; without it, the columns that the mapping reads
order:    presets of a lower number are tried first; the more particular needs the lower number
unwrap:   function that cuts a row, or several, out of a nested row: a name in UNWRAP, or the user's
          own as package.module:name; with options, {name: ..., option: ...}
example:  rows of the format;  becomes: the tables' content that they are read into (for the tests)
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path
from typing import Any

from rather.schemas.base import UserError
from rather.stages.common.extensions import declared, file_of, import_object, is_reference
from rather.stages.common.spelling import did_you_mean
from rather.stages.sources.mapping import PRESET_FIELDS, SHAPES, Mapping, one_or_more, read_fields
from rather.stages.sources.nested_rows import (
    argilla,
    helpsteer3,
    label_studio,
    lift,
    nectar,
    openassistant,
    pandalm,
    prometheus,
    self_instruct,
    ultrafeedback,
)
from rather.stages.sources.row_batches import Row, UnreadableError
from rather.stages.sources.transcripts import (
    alpaca,
    arena,
    dices,
    helpsteer2,
    labelled,
    pair,
    pair_of_transcripts,
)

FOLDER = Path(__file__).with_name("presets")
GROUP = "rather.presets"  # entry points: packages with preset files
ENDINGS = (".yaml", ".yml")
ORDER = 800  # of a preset without one: after all particular formats, before the general ones
UNWRAP: dict[str, Callable[..., Row | list[Row]]] = {
    function.__name__: function
    for function in (
        *(alpaca, arena, argilla, dices, helpsteer2, helpsteer3, label_studio, labelled, lift),
        *(nectar, openassistant, pair, pair_of_transcripts, pandalm, prometheus, self_instruct),
        ultrafeedback,
    )
}
# Columns that a general format reads where a file has them and the mapping leaves them open.
OPTIONAL = ("rater", "generator", "category", "system")
USUAL = {"scores": "score", "generators": "generator"}  # a field's usual column


@dataclass(frozen=True)
class Preset:
    """A known format: the columns that it is recognised by, and how its rows are read.

    unwrap: cuts a row, or several, out of a nested or templated one; raises UnreadableError
    """

    about: str
    recognised_by: frozenset[str]
    mapping: Mapping
    unwrap: Callable[[Row], Row | list[Row]] | None = None
    order: int = ORDER


@cache
def presets() -> dict[str, Preset]:
    """Return all presets in the order of recognition: rather's own, and installed packages'.

    Raises:
        UserError: A package's preset file is broken, or its name is taken.
    """
    own = {file.stem: read_preset(file) for file in FOLDER.glob("*.yaml")}
    for file in _declared_files():
        if file.stem in own:
            raise UserError(f"{file}: expected a name of its own, found the name of a known format")
        own[file.stem] = read_preset(file)
    return dict(sorted(own.items(), key=lambda item: (item[1].order, item[0])))


def _declared_files() -> Iterator[Path]:
    """Yield the preset files of the packages that entry points declare."""
    for name, package in declared(GROUP).items():
        module = file_of(package)
        if module is None:
            raise UserError(
                f"entry point {name} in {GROUP}: expected a package with preset files, found that "
                f"{package} cannot be imported; correct or remove the package that declares it"
            )
        yield from sorted(module.parent.glob("*.yaml"))


def preset_named(name: str) -> Preset:
    """Return the preset of this name, or of this path to a preset file (YAML).

    Raises:
        UserError: There is no such preset, or its file is broken.
    """
    if name.endswith(ENDINGS):
        return read_preset(Path(name))
    if name not in presets():
        raise UserError(
            f"unknown format {name!r}{did_you_mean(name, presets())}; expected one of "
            f"{', '.join(presets())}, a preset file (.yaml), or package.module:name"
        )
    return presets()[name]


def read_preset(path: Path) -> Preset:
    """Read a preset file.

    Raises:
        UserError: The file cannot be read, lacks a field, or names an unknown function.
    """
    fields = read_fields(path)
    changes = {name: fields[name] for name in fields if name not in PRESET_FIELDS}
    base = _base(path, fields.get("extends"))
    if base is not None:
        changes = base.mapping.model_dump(exclude_unset=True) | changes
    mapping = Mapping.model_validate(changes)
    unwrap = base.unwrap if base is not None else None
    if "unwrap" in fields:
        unwrap = _unwrap(path, fields["unwrap"])
    if lack := mapping.lacks():
        raise UserError(f"{path}: {lack}; add it")
    if unwrap is not None and "columns" not in fields:
        raise UserError(
            f"{path}: expected `columns`, by which a format with `unwrap` is recognised"
        )
    columns = frozenset(one_or_more(fields.get("columns", ())) or mapping.needed())
    return Preset(fields.get("about", ""), columns, mapping, unwrap, fields.get("order", ORDER))


def _base(path: Path, name: str | None) -> Preset | None:
    """Return rather's own preset that a preset file extends, None if it extends none."""
    if name is None:
        return None
    file = FOLDER / f"{name}.yaml"
    if not file.is_file():
        known = sorted(other.stem for other in FOLDER.glob("*.yaml"))
        hint = did_you_mean(name, known)
        raise UserError(f"{path}: extends: expected a known format, found {name!r}{hint}")
    return read_preset(file)


def unwrap_of(path: Path) -> str:
    """Return the name of the function in a preset file's `unwrap`, empty if it has none."""
    return _named(read_fields(path).get("unwrap", ""))[0]


def _named(unwrap: Any) -> tuple[str, dict[str, Any]]:
    """Return the name and the options that `unwrap` holds."""
    if isinstance(unwrap, dict):
        options = {option: value for option, value in unwrap.items() if option != "name"}
        return str(unwrap.get("name")), options
    return str(unwrap), {}


def _unwrap(path: Path, unwrap: Any) -> Callable[[Row], Row | list[Row]]:
    """Return the function that `unwrap` names, with its options bound."""
    name, options = _named(unwrap)
    if is_reference(name):
        return partial(_call, import_object(name, f"{path}: unwrap"), **options)
    if name in UNWRAP:
        return partial(UNWRAP[name], **options) if options else UNWRAP[name]
    raise UserError(
        f"{path}: unwrap: expected package.module:name or one of {', '.join(UNWRAP)}, found "
        f"{name!r}{did_you_mean(name, UNWRAP)}"
    )


def _call(function: Callable[..., Any], row: Row, **options: Any) -> Row | list[Row]:
    """Call a function of the user's own; whatever it raises makes its row unreadable."""
    try:
        result = function(row, **options)
    except UnreadableError:
        raise
    except Exception as error:
        raise UnreadableError(f"raised_{type(error).__name__}") from None
    rows = result if isinstance(result, list) else [result]
    if not all(isinstance(part, dict) for part in rows):
        raise UnreadableError("not_an_object")
    return rows


def describe() -> list[tuple[str, str, str, str]]:
    """Return each format's name, shape, the columns that it is recognised by, and `about`."""
    return [
        (name, preset.mapping.shape, ", ".join(sorted(preset.recognised_by)), preset.about)
        for name, preset in presets().items()
    ]


def recognise(
    columns: Collection[str], changes: dict[str, Any], path: str, members: Collection[str] = ()
) -> str:
    """Return the first preset whose columns a file has; a shape that the user names decides.

    Args:
        columns: of the file.
        changes: the user's mapping; its fields' usual columns count as present.
        path: the file, for the error's sentence.
        members: of nested columns, such as fields.response; they count as columns.

    Raises:
        UserError: No preset fits.
    """
    if changes.get("shape") in presets():
        return str(changes["shape"])
    present = {*columns, *members, *(USUAL.get(field, field) for field in changes)}
    for name, preset in presets().items():
        if not missing(preset.recognised_by, present):
            return name
    raise UserError(
        f"{path}: no known format has the columns {', '.join(sorted(columns))}"
        f"{_nearest(present)}; let `rather init {path}` guess, or name one with "
        f"--from ({', '.join(presets())}) and its columns with --set source.mapping.prompt=..."
    )


def _nearest(columns: Collection[str]) -> str:
    """Return a hint: columns spelt nearly like those of the preset that fits best."""
    absent = min((missing(p.recognised_by, columns) for p in presets().values()), key=len)
    matches = [(name, get_close_matches(name, columns, 1)) for name in sorted(absent)]
    pairs = [f"{name!r} may be {match[0]!r}" for name, match in matches if match]
    return f" ({', '.join(pairs)})" if pairs else ""


def choose_mapping(
    name: str, changes: dict[str, Any], columns: Collection[str], path: str
) -> tuple[Preset, Mapping]:
    """Return a preset and its mapping with the user's changes, each column checked to exist.

    The general formats, one per shape, also read rater, generator, category and system columns of
    that very name. A preset with `unwrap` makes its columns row by row: those are not checked.

    Raises:
        UserError: The preset is unknown, the mapping incomplete, or a column missing.
    """
    preset = preset_named(name)
    fields = preset.mapping.model_dump()
    if name in SHAPES:
        fields |= {field: field for field in OPTIONAL if not missing([field], columns)}
    mapping = Mapping.model_validate(fields | changes)
    if lack := mapping.lacks():
        raise UserError(f"{path}: format {name}: {lack}; set source.mapping")
    if not preset.unwrap and (absent := missing(mapping.needed(), columns)):
        raise UserError(
            f"{path}: format {name} needs column {absent[0]!r}{did_you_mean(absent[0], columns)}; "
            f"found {', '.join(sorted(columns))}; set source.mapping to the right names"
        )
    return preset, mapping


def missing(wanted: Iterable[str], columns: Collection[str]) -> list[str]:
    """Return the wanted columns that a file lacks in any spelling."""
    wanted = list(wanted)
    present = spelt(wanted, columns)
    return [name for name in wanted if name not in present]


def spelt(wanted: Iterable[str], columns: Collection[str]) -> dict[str, str]:
    """Return each column's name in a file: itself, or the only one that differs in case alone."""
    loose: dict[str, list[str]] = {}
    for column in columns:
        loose.setdefault(column.strip().casefold(), []).append(column)
    names = {}
    for name in wanted:
        alike = [name] if name in columns else loose.get(name.strip().casefold(), [])
        if len(alike) == 1:
            names[name] = alike[0]
    return names
