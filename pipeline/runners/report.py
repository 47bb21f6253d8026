"""Audit the tables up to validate."""

import json
from collections.abc import Mapping
from typing import Any

from rather.auditing.audit_folder import PAGE, write_dossier
from rather.run import Run
from rather.tables.atomic_files import write_text

DOCS = "../validate/docs/index.html"
WHY = "rather why PAIR_ID"
NAMES = {"pairs_kept": "keep_rate"}  # what a headline figure is called among the metrics


def run(run: Run) -> None:
    """Audit the tables up to validate."""
    audit = write_dossier(run, run.data / "report", DOCS, WHY)
    text = json.dumps(summary(audit), indent=2)
    write_text(run.data / "metrics" / "report.json", text + "\n")
    print_verdict(run, audit, "report")


def summary(audit: Mapping[str, Any]) -> dict[str, Any]:
    """Return an audit's headline figures under short names, for `dvc metrics diff`."""
    figures = {NAMES.get(each["name"], each["name"]): each["value"] for each in audit["headline"]}
    return {**figures, "num_problems": len(audit["verdict"]["problems"])}


def print_verdict(run: Run, audit: Mapping[str, Any], stage: str) -> None:
    """Print the verdict and the path of its page."""
    print(f"{audit['verdict']['sentence']} {run.data / stage / PAGE}")
