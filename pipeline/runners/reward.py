"""Train a reward model on the source's comparisons."""

from typing import TYPE_CHECKING

from rather.ledger import Ledger, by_reason
from rather.run import Run

if TYPE_CHECKING:
    pass
from rather.runners.shared.train_model import teach


def run(run: Run) -> None:
    """Train a reward model on the source's comparisons."""
    from rather.stages.models.teach import decide, reward_pairs

    comparisons = run.read("load/comparisons")
    if run.params.source.comparisons_for == "pairs":
        comparisons = comparisons.clear()
    decided = decide(run.read("load/prompts"), comparisons)
    rows = reward_pairs(decided, run.read("load/responses"))
    ledger = Ledger("train/reward")
    came, dropped = comparisons.height, by_reason(decided)
    ledger.account("comparisons", came=came, kept=rows.height, dropped=dropped)
    teach(run, ledger, "sft", rows, run.params.reward)
