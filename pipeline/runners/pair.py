"""Pair responses within a prompt, with the evidence of each pair."""

import json
from dataclasses import replace

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run
from rather.runners.shared.counted_judgements import judged_comparisons, judged_ratings
from rather.stages.calibrate.rating_evidence import Evidence
from rather.stages.pair import pair
from rather.stages.pair.compared_pairs import contradictions
from rather.stages.pair.pair_evidence import Findings
from rather.stages.text import measure
from rather.stages.text.clusters import duplicates
from rather.tables.buckets import Bucket
from rather.tables.tables import Frames


def run(run: Run) -> None:
    """Pair responses within a prompt."""
    run = run.with_numeric_ids
    ledger = Ledger("pair")
    raters, learnt = run.read("calibrate/raters"), _learnt(run)
    across = _across_prompts(run)

    def paired(bucket: Bucket) -> tuple[Frames, tuple[Ledger, int]]:
        prompts, features = (
            run.read("load/prompts", bucket),
            run.read("measure/features", bucket),
        )
        pairs = pair.pair(
            prompts,
            features,
            run.read("calibrate/scores", bucket),
            judged_ratings(run, bucket, pair.NEEDED),
            judged_comparisons(run, bucket),
            raters,
            run.params.seed,
            evidence=learnt,
            findings=_findings(run, prompts, across, bucket),
        )
        dropped, account = pair.unpaired(prompts, features, pairs), Ledger("pair")
        came, kept = prompts.height, pairs["prompt_id"].n_unique()
        account.account("prompts", came=came, kept=kept, dropped=by_reason(dropped))
        return (pairs, dropped), (account, pairs.height)

    told = run.fill(("pair/pairs", "pair/dropped"), paired)
    ledger.merge(account for account, _ in told)
    ledger.note(pairs=sum(num_pairs for _, num_pairs in told))
    run.close(ledger)


def _learnt(run: Run) -> Evidence:
    """Read what calibration learnt beside the raters."""
    return Evidence(**json.loads((run.data / "calibrate" / "evidence.json").read_text()))


def _across_prompts(run: Run) -> Findings:
    """Find the prompts that nearly repeat others, and what is contradicted across them."""
    columns = ["source", "source_line", "prompt_id", "cluster"]
    prompts = run.read("load/prompts", columns=columns)
    repeated = duplicates(prompts)
    if repeated.is_empty():
        return Findings(duplicates=repeated)
    comparisons = pl.concat(judged_comparisons(run, bucket) for bucket in run.buckets)
    keys = run.read("measure/features", columns=["response_id", "key"])
    return Findings(duplicates=repeated, contradictions=contradictions(comparisons, keys, prompts))


def _findings(run: Run, prompts: pl.DataFrame, across: Findings, bucket: Bucket) -> Findings:
    """Add what is known of one bucket's texts."""
    return replace(
        across,
        texts=run.responses(bucket) if run.params.pair.similarity else None,
        scripts=measure.prompt_scripts(prompts),
        contamination=run.read("measure/contamination", bucket),
    )
