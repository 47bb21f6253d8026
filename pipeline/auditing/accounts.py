"""What several commands tell of a run: its ledger, and advice on its chosen pairs."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from rather.ledger import is_account
from rather.run import Run
from rather.stages.audit import advice
from rather.stages.choose import choose
from rather.stages.text import length

BEFORE_REPORT = ("load", "measure", "calibrate", "pair", "winnow", "choose")


def ledgers(run: Run, stages: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read the accounts of stages that have run, the figures beside them left out."""
    found = {stage: run.figures(stage) for stage in stages}
    return {
        stage: {unit: entry for unit, entry in entries.items() if is_account(entry)}
        for stage, entries in found.items()
    }


def advise(run: Run, chosen: pl.DataFrame) -> list[advice.Advice]:
    """Return advice on the number of training pairs and their length balance."""
    options, pairs = run.params.choose, chosen.filter(pl.col("split") == "train")
    found = [advice.of_size(pairs.height)]
    if options.balance != "none":
        unequal = pairs.filter(pl.col("length_gap") != 0).height
        odd_pair = choose.ODD / max(unequal, 1)
        share, allowed = length.share_longer(pairs), options.tolerance + odd_pair
        found.append(advice.of_length(share, options.length_target, allowed))
    return [each for each in found if each is not None]
