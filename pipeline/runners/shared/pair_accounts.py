"""The account of judged pairs."""

import polars as pl

from rather.ledger import Ledger, by_reason

NAMES = ("pair_id", "prompt_id")


def account(stage: str, judged: pl.DataFrame) -> Ledger:
    """Account for one bucket's judged pairs, and for the prompts they belong to."""
    ledger, kept = Ledger(stage), judged.filter(pl.col("reason").is_null())
    ledger.account("pairs", came=judged.height, kept=kept.height, dropped=by_reason(judged))
    came, left = (frame["prompt_id"].n_unique() for frame in (judged, kept))
    lost = {"no_pair_left": came - left} if came > left else {}
    ledger.account("prompts", came=came, kept=left, dropped=lost)
    return ledger
