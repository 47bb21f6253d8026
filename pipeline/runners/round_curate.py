"""Turn a round's ratings into its training sets."""

from collections.abc import Callable
from functools import partial

import polars as pl

from rather.run import Run
from rather.runners import calibrate, choose, convert, measure, pair, validate, winnow
from rather.runners.shared.rounds import round_run
from rather.stages.convert import kto_labels
from rather.tables.buckets import Bucket
from rather.tables.tables import Frames

SETS = {"dpo": "pair_id", "kto": "response_id"}
SPLITS = ("train", "test")


def run(run: Run, name: str) -> None:
    """Turn a round's ratings into its training sets."""
    own = round_run(run, name)
    measure.run(own)
    calibrate.run(own)
    pair.run(own)
    winnow.run(own)
    choose.run(own)
    validate.run(own)
    convert.run(own)
    if run.params.rounds[name].pairs == "join":
        join(own, _before(run, name))


def _before(run: Run, name: str) -> Run:
    """Return the run that trained a round's `from`: an earlier round, or the first pass."""
    model = run.params.rounds[name].from_
    return round_run(run, model) if model in run.params.rounds else run


def join(own: Run, before: Run) -> None:
    """Add the pairs and labels of an earlier pass to a round's own, which come first."""
    for name, key in SETS.items():
        for split in SPLITS:
            table = f"convert/{name}/{split}"
            joined: Callable[[Bucket], tuple[Frames, None]] = partial(
                _joined, own, before, table, key
            )
            own.fill([table], joined)
    _weigh(own)


def _joined(own: Run, before: Run, table: str, key: str, bucket: Bucket) -> tuple[Frames, None]:
    """Return one bucket's rows of both passes, each pair or label once."""
    rows = own.read(table, bucket)
    others = before.read(table, bucket).join(rows, on=key, how="anti", maintain_order="left")
    return (pl.concat([rows, others]),), None


def _weigh(own: Run) -> None:
    """Weigh joined labels so that both kinds balance."""
    trained = own.read("convert/kto/train", columns=["label"])["label"]
    good = int(trained.sum())
    desirable, undesirable = kto_labels.weights(good, len(trained) - good)
    weight = pl.when("label").then(desirable).otherwise(undesirable)
    for split in SPLITS:
        rows = own.read(f"convert/kto/{split}")
        own.write(f"convert/kto/{split}", rows.with_columns(weight=weight))
