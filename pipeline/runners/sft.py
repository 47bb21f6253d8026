"""Train the base model on the source's demonstrations."""

from typing import TYPE_CHECKING

from rather.ledger import Ledger, by_reason
from rather.run import Run

if TYPE_CHECKING:
    pass
from rather.runners.shared.train_model import teach


def run(run: Run) -> None:
    """Teach the base model the source's demonstrations."""
    from rather.stages.models.teach import demonstrations, undemonstrated

    prompts = run.read("load/prompts")
    rows = demonstrations(prompts)
    ledger = Ledger("train/sft")
    dropped = by_reason(prompts.select(reason=undemonstrated()))
    ledger.account("prompts", came=prompts.height, kept=rows.height, dropped=dropped)
    teach(run, ledger, "base", rows, run.params.sft)
