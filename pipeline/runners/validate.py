"""Check the chosen pairs against the declared quality, and every table against its schema."""

import json

from rather.ledger import Ledger
from rather.run import Run
from rather.runners.shared.label_balance import label_balance
from rather.stages.validate import validate
from rather.stages.validate.expectations import Suite
from rather.stages.validate.table_suites import suite
from rather.tables.atomic_files import write_text
from rather.tables.contracts import schema_of


def run(run: Run) -> None:
    """Check the chosen pairs against the declared quality, and every table against its schema."""
    _validate(run, _suites(run))


def run_declared(run: Run) -> None:
    """Check the declared quality alone, without Data Docs."""
    _validate(run, [])


def _validate(run: Run, tables: list[Suite]) -> None:
    folder = run.data / "validate"
    chosen = run.read("choose/chosen", columns=validate.COLUMNS)
    pairs = run.read("pair/pairs", columns=["margin", "agreement", "length_gap"])
    labels = label_balance(run) if "kto" in run.params.convert.to else None
    quality = validate.validate(
        chosen, pairs, run.params.validate_, folder, labels=labels, tables=tables
    )
    write_text(folder / "quality.json", json.dumps(quality, indent=2) + "\n")
    ledger = Ledger("validate")
    ledger.note(**{name: quality[name] for name in ("success", "num_pairs", "agreement")})
    run.close(ledger)


def _suites(run: Run) -> list[Suite]:
    """Return the expectations of each table that has rows."""
    tables = (
        "load/prompts",
        "load/responses",
        "load/ratings",
        "load/comparisons",
        "load/set_aside",
        *(f"generate/{name}" for name in run.params.generators),
        "measure/features",
        "calibrate/raters",
        "calibrate/scores",
        "pair/pairs",
        "winnow/dropped",
        "choose/chosen",
        "choose/dropped",
    )
    return [
        suite(table, schema_of(table), run.tables.scan(table))
        for table in tables
        if run.tables.height(table)
    ]
