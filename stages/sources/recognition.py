"""Which known format a file has, told by its columns; how its columns are spelt."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

from rather.schemas.base import UserError
from rather.stages.sources.mapping import SHAPES, Mapping, Preset
from rather.stages.sources.presets import PRESETS

# Columns that a format's map finds by their usual name, where the person says nothing of them.
OPTIONAL = ("rater", "generator", "category", "system")
USUAL = {"scores": "score", "generators": "generator"}  # a field's usual column


def recognise(
    columns: Collection[str], changes: dict[str, Any], path: str, members: Collection[str] = ()
) -> str:
    """Name the first format whose columns are all there; raise UserError where none fits.

    A shape that the person names decides. Members of nested columns, such as fields.response,
    count as columns. A column that the changes map counts as there: whether it is, is checked
    later.
    """
    if changes.get("shape") in PRESETS:
        return str(changes["shape"])
    there = {*columns, *members, *(USUAL.get(field, field) for field in changes)}
    for name, preset in PRESETS.items():
        if not missing(preset.recognised_by, there):
            return name
    raise UserError(
        f"{path}: no known format has the columns {', '.join(sorted(columns))}"
        f"{_nearest(there)}; let `rather init {path}` guess, or name one with "
        f"--from ({', '.join(PRESETS)}) and its columns with --set source.mapping.prompt=..."
    )


def _nearest(columns: Collection[str]) -> str:
    """Name columns that look like those of the format that fits best."""
    wanted = min((missing(p.recognised_by, columns) for p in PRESETS.values()), key=len)
    likely = [(name, get_close_matches(name, columns, 1)) for name in sorted(wanted)]
    pairs = [f"{name!r} may be {found[0]!r}" for name, found in likely if found]
    return f" ({', '.join(pairs)})" if pairs else ""


def choose_mapping(
    name: str, changes: dict[str, Any], columns: Collection[str], path: str
) -> tuple[Preset, Mapping]:
    """Give a preset and its map with the person's changes, each column checked to exist.

    The general formats, one for each shape, take rater, generator, category and system columns of
    that very name as they find them. A preset that unwraps rows makes its columns row by row:
    those are not checked.
    """
    if name not in PRESETS:
        like = get_close_matches(name, PRESETS, 1)
        hint = f" (is it {like[0]}?)" if like else ""
        raise UserError(f"unknown format {name!r}{hint}; expected one of {', '.join(PRESETS)}")
    preset = PRESETS[name]
    fields = preset.mapping.model_dump()
    if name in SHAPES:
        fields |= {field: field for field in OPTIONAL if not missing([field], columns)}
    mapping = Mapping.model_validate(fields | changes)
    if lack := mapping.lacks():
        raise UserError(f"{path}: format {name}: {lack}; set source.mapping")
    if not preset.unwrap and (absent := missing(mapping.needed(), columns)):
        like = get_close_matches(absent[0], columns, 1)
        hint = f" (is it {like[0]!r}?)" if like else ""
        raise UserError(
            f"{path}: format {name} needs column {absent[0]!r}{hint}; found "
            f"{', '.join(sorted(columns))}; set source.mapping to the right names"
        )
    return preset, mapping


def missing(wanted: Iterable[str], columns: Collection[str]) -> list[str]:
    """List the columns that are not there in any spelling."""
    wanted = list(wanted)
    there = spelt(wanted, columns)
    return [name for name in wanted if name not in there]


def spelt(wanted: Iterable[str], columns: Collection[str]) -> dict[str, str]:
    """Find each column's name in a file: itself, or the only one that differs in case alone."""
    loose: dict[str, list[str]] = {}
    for column in columns:
        loose.setdefault(column.strip().casefold(), []).append(column)
    found = {}
    for name in wanted:
        alike = [name] if name in columns else loose.get(name.strip().casefold(), [])
        if len(alike) == 1:
            found[name] = alike[0]
    return found
