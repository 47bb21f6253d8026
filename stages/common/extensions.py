"""Objects of the user's own: `package.module:name`, or declared by an installed package."""

import sys
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rather.schemas.base import UserError


def is_reference(name: str) -> bool:
    """Check whether a name has the form `package.module:name`."""
    module, colon, attribute = name.partition(":")
    parts = [*module.split("."), attribute]
    return bool(colon) and all(part.isidentifier() for part in parts)


def import_object(reference: str, where: str) -> Any:
    """Import `package.module:name`, or a module alone, from the working folder too.

    Args:
        reference: module and attribute, joined by a colon; or a module.
        where: the parameter or option that holds the reference, for the error's sentence.

    Raises:
        UserError: The module cannot be imported, or lacks the attribute.
    """
    module, _, attribute = reference.partition(":")
    _add_working_folder()
    try:
        imported = import_module(module)
        return getattr(imported, attribute) if attribute else imported
    except Exception as error:  # importing runs the user's program, which may raise anything
        raise UserError(
            f"{where}: expected {reference}, found {type(error).__name__}: {error}; correct the "
            "name, or the module, which is also looked for in this folder"
        ) from None


def declared(group: str) -> dict[str, str]:
    """Return the names that installed packages declare in an entry-point group, with references.

    Args:
        group: such as `rather.rules`.
    """
    return {entry.name: entry.value for entry in entry_points(group=group)}


def own_object(name: str, group: str, where: str) -> Any | None:
    """Import an object of the user's own: a reference, or a name that a package declares.

    Args:
        name: `package.module:name`, or an entry point's name.
        group: of entry points, such as `rather.rules`.
        where: the parameter or option that holds the name, for the error's sentence.

    Returns:
        The object, None where the name is neither a reference nor declared.

    Raises:
        UserError: The object cannot be imported.
    """
    reference = name if is_reference(name) else declared(group).get(name)
    return None if reference is None else import_object(reference, where)


def file_of(reference: str) -> Path | None:
    """Return the file of a reference's module, None where it has none or cannot be found."""
    module = reference.partition(":")[0]
    _add_working_folder()
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    origin = None if spec is None else spec.origin
    return Path(origin) if origin is not None and Path(origin).is_file() else None


def _add_working_folder() -> None:
    """Append the working folder to the module search path."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
