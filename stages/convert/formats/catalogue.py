"""Every format that training sets are written in, by name: one line each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from rather.schemas.base import UserError
from rather.stages.convert.formats import axolotl, llamafactory, open_instruct, trl
from rather.stages.convert.formats.turns import Facts, Reshaped, SideFile

Kind = Literal["dpo", "kto"]


@dataclass(frozen=True)
class Form:
    """One kind of training set as one trainer reads it.

    reshape: nested rows in, the trainer's columns out; columns of evidence go along
    recipe:  what to tell the trainer, in its own words
    side_file: name and content of a JSON file that must lie beside the rows
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


def form(name: str, kind: Kind) -> Form:
    """Find a format; raise UserError where there is none of that name for such rows."""
    fitting = [known for known, kinds in FORMATS.items() if kind in kinds]
    if name not in fitting:
        raise UserError(
            f"--format {name}: expected one of {', '.join(fitting)} for {kind} rows; correct the "
            "name, or choose another with --to"
        )
    return FORMATS[name][kind]
