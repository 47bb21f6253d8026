"""The stages that need no model, by name."""

from collections.abc import Callable

from rather.run import Run
from rather.runners.calibrate import run_calibrate
from rather.runners.convert import run_convert
from rather.runners.evidence import run_measure, run_pair
from rather.runners.load import run_load
from rather.runners.selection import run_choose, run_validate, run_winnow

CURATION: dict[str, Callable[[Run], None]] = {
    "load": run_load,
    "measure": run_measure,
    "calibrate": run_calibrate,
    "pair": run_pair,
    "winnow": run_winnow,
    "choose": run_choose,
    "validate": run_validate,
    "convert": run_convert,
}
