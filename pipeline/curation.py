"""The stages that need no model, by name."""

from collections.abc import Callable

from pipeline.calibration import run_calibrate
from pipeline.conversion import run_convert
from pipeline.evidence import run_measure, run_pair
from pipeline.loading import run_load
from pipeline.run import Run
from pipeline.selection import run_choose, run_validate, run_winnow

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
