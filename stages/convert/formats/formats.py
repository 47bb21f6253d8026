"""The formats of training sets, by name.

A format of the user's own is a dict like those of FORMATS, a Form for each kind of rows that it
holds. `--format package.module:name` names it, or an installed package declares it as an entry
point in the group `rather.formats`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from rather.schemas.base import UserError
from rather.stages.common.extensions import own_object
from rather.stages.common.spelling import did_you_mean
from rather.stages.convert.formats import axolotl, llamafactory, open_instruct, trl
from rather.stages.convert.formats.turns import Facts, Reshaped, SideFile

Kind = Literal["dpo", "kto"]


@dataclass(frozen=True)
class Form:
    """One kind of training set in the format of one trainer.

    reshape: nested rows in, the trainer's columns out; columns of evidence are kept
    recipe:  the lines of the trainer's own configuration
    side_file: name and content of a JSON file that the trainer expects beside the rows
    """

    reshape: Callable[[pl.DataFrame], Reshaped]
    recipe: Callable[[Facts], str]
    side_file: Callable[[Facts], SideFile] | None = None


FORMATS: dict[str, dict[Kind, Form]] = {
    "trl": {
        "dpo": Form(trl.conversational, trl.dpo_recipe),
        "kto": Form(trl.conversational, trl.kto_recipe),
    },
    "trl-standard": {
        "dpo": Form(trl.standard_dpo, trl.dpo_recipe),
        "kto": Form(trl.standard_kto, trl.kto_recipe),
    },
    "axolotl": {
        "dpo": Form(axolotl.dpo, axolotl.dpo_recipe),
        "kto": Form(axolotl.kto, axolotl.kto_recipe),
    },
    "llamafactory": {
        "dpo": Form(llamafactory.dpo, llamafactory.dpo_recipe, llamafactory.dpo_side_file),
        "kto": Form(llamafactory.kto, llamafactory.kto_recipe, llamafactory.kto_side_file),
    },
    "open-instruct": {"dpo": Form(open_instruct.dpo, open_instruct.dpo_recipe)},
}


GROUP = "rather.formats"  # of entry points


def form(name: str, kind: Kind) -> Form:
    """Return a format for one kind of rows.

    Args:
        name: of a built-in format, `package.module:name`, or an entry point of `rather.formats`.
        kind: of the rows.

    Raises:
        UserError: No format has this name, or it does not hold such rows.
    """
    kinds = FORMATS[name] if name in FORMATS else _own_format(name)
    if kind not in kinds:
        fitting = [known for known, holds in FORMATS.items() if kind in holds]
        raise UserError(
            f"--format {name}{'' if kinds else did_you_mean(name, fitting)}: expected one of "
            f"{', '.join(fitting)} for {kind} rows; correct the name, or choose another with --to"
        )
    return kinds[kind]


def _own_format(name: str) -> Mapping[Kind, Form]:
    """Import a format of the user's own; an unknown name holds no kind of rows."""
    where = f"--format {name}"
    own = own_object(name, GROUP, where)
    if own is None:
        return {}
    if not isinstance(own, Mapping) or not all(isinstance(each, Form) for each in own.values()):
        raise UserError(
            f"{where}: expected a dict of dpo and kto, each a "
            f"rather.stages.convert.formats.formats.Form, found {type(own).__name__}; correct it"
        )
    return own
