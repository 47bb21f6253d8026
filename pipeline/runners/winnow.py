"""Keep the pairs whose preference is clear."""

import polars as pl

from rather.ledger import Ledger
from rather.run import Run
from rather.runners.shared.pair_accounts import NAMES, account
from rather.stages.winnow import winnow
from rather.tables.buckets import Bucket
from rather.tables.tables import Frames


def run(run: Run) -> None:
    """Keep the pairs whose preference is clear."""
    run = run.with_numeric_ids
    rules, ledger = run.params.winnow.rules, Ledger("winnow")
    judged_by = run.read("pair/pairs", columns=winnow.evidence_of(rules))
    idle = winnow.not_applicable(judged_by, rules)
    refused = winnow.refused(rules, run.figures("calibrate")["agreement"]["lower"])
    columns = [*NAMES, *winnow.columns(rules)]

    def judged(bucket: Bucket) -> tuple[Frames, Ledger]:
        found = winnow.winnow(run.read("pair/pairs", bucket, columns), rules, [*idle, *refused])
        kept = pl.col("reason").is_null()
        return (found.filter(kept), found.filter(~kept)), account("winnow", found)

    ledger.merge(run.fill(("winnow/clear", "winnow/dropped"), judged))
    ledger.note(not_applicable=idle, refused=refused)
    run.close(ledger)
