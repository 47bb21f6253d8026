"""The stages that gather evidence: text to numbers, ratings to scores, both to pairs."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run
from rather.runners.calibrate import judged_comparisons, judged_ratings
from rather.schemas.evidence import Contamination
from rather.stages.calibrate.rating_evidence import Evidence
from rather.stages.models.pointer import weights
from rather.stages.pair import pair
from rather.stages.pair.contradictions import contradictions
from rather.stages.pair.pair_evidence import Findings
from rather.stages.text import measure
from rather.stages.text.clusters import duplicates
from rather.stages.text.contamination import Index, build_index, overlaps
from rather.stages.text.normalise import prompt_texts
from rather.tables.buckets import Bucket
from rather.tables.tables import Frames


def run_measure(run: Run) -> None:
    """Take numbers from text."""
    run = run.in_numbers
    tokenizer, ledger = _tokenizer(run), Ledger("measure")
    index = _evaluation_index(run)

    def measured(bucket: Bucket) -> tuple[Frames, tuple[Ledger, Counter[str]]]:
        prompts = run.read("load/prompts", bucket)
        responses = run.responses(bucket, measure.NEEDED)
        features = measure.measure(prompts, responses, run.params.max_length, tokenizer)
        shared = _shared(run, index, prompts, responses)
        truncated = int(features["truncated"].sum())
        counts = Counter(truncated=truncated, contaminated=shared.height)
        return (features, shared), (_account(responses, features), counts)

    told = run.fill(("measure/features", "measure/contamination"), measured)
    ledger.merge(account for account, _ in told)
    counts = sum((counts for _, counts in told), Counter(truncated=0, contaminated=0))
    ledger.note(length_unit="tokens" if tokenizer else "bytes")
    ledger.note(**{name: counts[name] for name in ("truncated", "contaminated")})
    run.close(ledger)


def _account(responses: pl.DataFrame, features: pl.DataFrame) -> Ledger:
    """Account for one bucket's responses: failed, said before, or measured."""
    said = responses["response_id"].drop_nulls()
    repeated = said.len() - said.n_unique()
    dropped = by_reason(responses) | ({"same_text_again": repeated} if repeated else {})
    ledger = Ledger("measure")
    ledger.account("responses", came=responses.height, kept=features.height, dropped=dropped)
    return ledger


def _evaluation_index(run: Run) -> Index | None:
    """Index the evaluation sets that training data may not share, where there are any."""
    texts = run.read("load/evaluations")
    return build_index(texts, run.params.contamination.words) if texts.height else None


def _shared(
    run: Run, index: Index | None, prompts: pl.DataFrame, responses: pl.DataFrame
) -> pl.DataFrame:
    """Find the prompts and responses of one bucket that share text with an evaluation set."""
    if index is None:
        return Contamination.create_empty()
    asked = prompts.select("prompt_id", id="prompt_id").with_columns(text=prompt_texts(prompts))
    said = responses.filter(pl.col("text").is_not_null()).unique("response_id")
    texts = pl.concat([asked, said.select("prompt_id", "text", id="response_id")], how="diagonal")
    found = overlaps(texts.select("id", "text"), index, run.params.contamination.at_least)
    shown = pl.format("{}: {}", "evaluation", "span")
    return found.join(texts.select("id", "prompt_id"), on="id").select(
        "id", "prompt_id", "share", contamination=shown
    )


def _tokenizer(run: Run) -> Path | None:
    """Find the tokenizer of the model that everything starts from, where there is one."""
    base = run.model("base")
    path = weights(base) / "tokenizer.json" if base.is_dir() else base
    return path if path.is_file() else None


def run_pair(run: Run) -> None:
    """Pair responses within a prompt."""
    run = run.in_numbers
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
