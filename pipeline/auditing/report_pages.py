"""The stages that people read: the audit of a run, its training sets' card, and how training went.

report:   an audit of the tables up to validate; it never waits for training
describe: the data card of the training sets, beside them
conclude: the audit again, with what training came to
"""

import json
from typing import Any, Literal

import polars as pl

from rather.auditing.audit_folder import FIGURES, FLAGGED, PAGE, WORST, write_dossier, write_page
from rather.auditing.card_facts import described, facts, read_json
from rather.auditing.training_results import training_figures
from rather.run import Run
from rather.stages.audit.data_card import card
from rather.tables.atomic_files import write_text

DOCS = "../validate/docs/index.html"
WHY = "rather why PAIR_ID"
NAMES = {"pairs_kept": "keep_rate"}  # what a headline figure is called among the metrics
SETS: tuple[Literal["dpo", "kto"], ...] = ("dpo", "kto")


def run_report(run: Run) -> None:
    """Audit the tables up to validate."""
    audit = write_dossier(run, run.data / "report", DOCS, WHY)
    text = json.dumps(summary(audit), indent=2)
    write_text(run.data / "metrics" / "report.json", text + "\n")
    _say(run, audit, "report")


def summary(audit: dict[str, Any]) -> dict[str, Any]:
    """Give an audit's headline under short names, for `dvc metrics diff`."""
    figures = {NAMES.get(each["name"], each["name"]): each["value"] for each in audit["headline"]}
    return {**figures, "num_problems": len(audit["verdict"]["problems"])}


def run_describe(run: Run) -> None:
    """Write the data card of the training sets."""
    folder = run.data / "convert"
    files = sorted(folder.rglob("*.parquet"))
    sets: dict[str, dict[str, str]] = {
        name: {split: f"{name}/{split}.parquet" for split in ("train", "test")}
        for name in SETS
        if name in run.params.convert.to
    }
    text = card(facts(run), written=described(files, folder), sets=sets)
    write_text(folder / "README.md", text)


def run_conclude(run: Run) -> None:
    """Write the audit again, with what training came to, and with links to what lies elsewhere."""
    report, folder = run.data / "report", run.data / "conclude"
    audit = read_json(report / FIGURES)
    audit["training"] = training_figures(run)
    audit["links"] |= {
        "card": "../convert/README.md",
        "tables": f"../report/{FLAGGED}",
    }
    write_page(folder, audit, pl.read_parquet(report / WORST))
    _say(run, audit, "conclude")


def _say(run: Run, audit: dict[str, Any], stage: str) -> None:
    """Say the verdict, and where the page is that gives its reasons."""
    print(f"{audit['verdict']['sentence']} {run.data / stage / PAGE}")
