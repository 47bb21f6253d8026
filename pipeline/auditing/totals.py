"""What buckets tell an audit, and how it adds up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from rather.stages.audit import per_rater as voices
from rather.stages.audit import sources_and_generators
from rather.stages.audit.estimates import Estimate, added, estimated

OTHERS = "others"


@dataclass(frozen=True)
class Part:
    """What one bucket adds: the pairs' numbers, counts and sums that add up, and single finds.

    pairs:  NARROW, kept, passing (no rule but margin fails), and the id's last digit
    sums:   estimates over prompts, by name;  counts: tables of counts, by name
    """

    pairs: pl.DataFrame
    sums: dict[str, pl.DataFrame]
    counts: dict[str, pl.DataFrame]
    numbers: Counter[str]
    finds: dict[str, pl.DataFrame]


NAMES = ["name", "reason"]
KEYS = {
    "reasons": ["stage", "reason"],
    "by_source": NAMES,
    "by_generator": NAMES,
    "wins": sources_and_generators.WINS,
    "conflicts": ["first", "second"],
    "confusion": voices.CELL,
    "gaps": [*voices.WHO, "gap", "won"],
}


@dataclass(frozen=True)
class Whole:
    """What all buckets told together.

    others: sums by rater and kind of how often it sides with the others
    """

    pairs: pl.DataFrame
    estimates: dict[str, Estimate]
    others: pl.DataFrame
    counts: dict[str, pl.DataFrame]
    numbers: Counter[str]
    finds: dict[str, pl.DataFrame]

    @classmethod
    def of(cls, parts: Sequence[Part]) -> "Whole":
        """Add up the buckets' parts."""
        sums = {
            name: added((part.sums[name] for part in parts), voices.WHO if name == OTHERS else ())
            for name in parts[0].sums
        }
        others = sums.pop(OTHERS)
        return cls(
            pairs=pl.concat(part.pairs for part in parts),
            estimates={name: estimated(each) for name, each in sums.items()},
            others=others,
            counts={
                name: added((part.counts[name] for part in parts), by) for name, by in KEYS.items()
            },
            numbers=sum((part.numbers for part in parts), Counter[str]()),
            finds={name: pl.concat(part.finds[name] for part in parts) for name in parts[0].finds},
        )
