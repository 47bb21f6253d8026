"""`rather agreement` and `rather sources`: how far raters agree, and which files are read."""

import json

from rich.console import Console
from rich.table import Table

from rather.api.agreement_report import Agreement


def show_agreement(found: Agreement, as_json: bool) -> None:
    """Print agreement figures as text, or as one JSON object."""
    print(json.dumps(found.figures, indent=2) if as_json else f"{found}\n")


def show_sources() -> None:
    """Print every format that is recognised, and the columns that give it away."""
    from rather.stages.sources.presets import describe

    table = Table("name", "shape", "recognised by the columns", "about")
    for row in describe():
        table.add_row(*row)
    Console().print(table)
