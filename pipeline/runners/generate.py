"""Ask one generator for answers to the prompts."""

from rather.ledger import Ledger
from rather.run import Run
from rather.runners.shared.answers import answer


def run(run: Run, name: str) -> None:
    """Let one generator answer the source's prompts, unless the source brought answers."""
    prompts, ledger = run.read("load/prompts"), Ledger(f"generate/{name}")
    if run.read("load/ratings").height or run.source_comparisons().height:
        prompts = prompts.clear()
    answer(run, ledger, prompts, name)
    run.close(ledger)
