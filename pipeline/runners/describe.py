"""Write the data card of the training sets."""

from typing import Literal

from rather.auditing.card_facts import described, facts
from rather.run import Run
from rather.stages.audit.data_card import card
from rather.tables.atomic_files import write_text

SETS: tuple[Literal["dpo", "kto"], ...] = ("dpo", "kto")


def run(run: Run) -> None:
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
