"""Compute features from text."""

from collections import Counter
from pathlib import Path

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run
from rather.schemas.evidence import Contamination
from rather.stages.models.pointer import weights
from rather.stages.text import measure
from rather.stages.text.contamination import Index, build_index, overlaps
from rather.stages.text.normalise import prompt_texts
from rather.tables.buckets import Bucket
from rather.tables.tables import Frames


def run(run: Run) -> None:
    """Take numbers from text."""
    run = run.with_numeric_ids
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
