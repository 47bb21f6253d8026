"""What an audit leaves in a folder: the page, its figures and rows, flagged rows, a data card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from rather.auditing.card_facts import DROPPING, described, facts, read_json
from rather.auditing.dropped_rows import write_dropped
from rather.auditing.figures import audit_figures
from rather.auditing.previous_audit import Previous
from rather.auditing.worst_rows import audit_rows
from rather.ledger import plain
from rather.run import Run
from rather.schemas.audit import Audit as AuditFigures
from rather.schemas.audit import checked_audit
from rather.stages.audit.data_card import card
from rather.stages.audit.outcomes import with_fates
from rather.stages.validate import declared_quality
from rather.tables.atomic_files import atomic_path, write_text
from rather.tables.buckets import Bucket
from rather.tables.row_writers import row_writer

Audit = dict[str, Any]

PAGE, FIGURES, CARD = "index.html", "audit.json", "card.md"
FLAGGED, PAIRS, WORST = "flagged.parquet", "pairs.parquet", "worst.parquet"
EVIDENCE = ("pair_id", "prompt_id", "split", "chosen_id", "margin", "agreement", "p_correct")
COLUMNS = (*EVIDENCE, "stage", "reason", "failed")


def write_dossier(
    run: Run, folder: Path, docs: str, why: str, previous: Previous | None = None
) -> AuditFigures:
    """Audit a run's tables up to validate, write all of it into a folder, return the figures.

    docs: where the Data Docs are, seen from the folder;  why: the command that tells a pair's story
    """
    audit, rows = write_tables(run, folder, docs, why, previous)
    write_page(folder, audit, rows)
    return audit


def write_tables(
    run: Run, folder: Path, docs: str, why: str, previous: Previous | None = None
) -> tuple[AuditFigures, pl.DataFrame]:
    """Write an audit but for its page and figures; return the figures and the worst pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_pairs(run, folder / PAIRS)
    with atomic_path(folder / FLAGGED) as draft:
        write_dropped(run, DROPPING, draft, ())
    told, figures = facts(run), audit_figures(run)
    quality = _quality(run, figures["kind"])
    told["quality"] |= {name: quality[name] for name in ("success", "failures")}
    audit: Audit = figures | {
        "quality": quality,
        "card": told,
        "links": {"docs": docs, "card": CARD, "tables": FLAGGED, "json": FIGURES},
        "why": why,
    }
    if previous is not None:
        audit["against"] = previous.compare(audit, folder / PAIRS)
    audit |= plain(audit)
    rows = audit_rows(run)
    with atomic_path(folder / WORST) as draft:
        rows.write_parquet(draft, compression="zstd")
    written = described((folder / name for name in (FLAGGED, PAIRS, WORST)), folder)
    write_text(folder / CARD, card(told, written=written))
    return checked_audit(audit), rows


def write_page(folder: Path, audit: Mapping[str, Any], rows: pl.DataFrame) -> None:
    """Write the figures, and the page that shows them and the worst pairs."""
    from rather.stages.audit.page import page

    typed = checked_audit(audit)
    write_text(folder / FIGURES, json.dumps(typed, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / PAGE, page(audit, rows))


def _quality(run: Run, kind: str) -> Audit:
    """Return validate's findings; a source of labels has none on pairs."""
    tables = read_json(run.data / "validate" / "quality.json")["tables"]
    asked = [each for each in tables if kind == "pairs" or each["table"] != declared_quality.PAIRS]
    return {
        "success": all(each["success"] for each in asked),
        "failures": [sentence for each in asked for sentence in each["failures"]],
        "tables": asked,
    }


def _write_pairs(run: Run, path: Path) -> None:
    """Write what became of every pair, for this audit's readers and for the next to compare."""

    def fated(bucket: Bucket) -> pl.DataFrame:
        winnowed, unchosen = (run.read(f"{name}/dropped", bucket) for name in ("winnow", "choose"))
        return with_fates(run.read("pair/pairs", bucket, EVIDENCE), winnowed, unchosen)

    with atomic_path(path) as draft, row_writer(draft) as add:
        for pairs in map(fated, run.buckets):
            add(pairs.select(COLUMNS))
