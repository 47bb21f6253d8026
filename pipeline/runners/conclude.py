"""Write the audit again, with the results of training."""

import polars as pl

from rather.auditing.audit_folder import FIGURES, FLAGGED, WORST, write_page
from rather.auditing.card_facts import read_json
from rather.auditing.training_results import training_figures
from rather.run import Run
from rather.runners.report import print_verdict


def run(run: Run) -> None:
    """Write the audit again, with what training came to, and with links to what lies elsewhere."""
    report, folder = run.data / "report", run.data / "conclude"
    audit = read_json(report / FIGURES)
    audit["training"] = training_figures(run)
    audit["links"] |= {
        "card": "../convert/README.md",
        "tables": f"../report/{FLAGGED}",
    }
    write_page(folder, audit, pl.read_parquet(report / WORST))
    print_verdict(run, audit, "conclude")
