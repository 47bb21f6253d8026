"""Sample one generator's answers to the prompts."""

from rather.ledger import Ledger
from rather.run import Run
from rather.runners.shared.sample_answers import answer


def run(run: Run, name: str) -> None:
    """Sample one generator's answers; a source that has judgements needs none."""
    prompts, ledger = run.read("load/prompts"), Ledger(f"generate/{name}")
    if run.read("load/ratings").height or run.source_comparisons().height:
        prompts = prompts.clear()
    answer(run, ledger, prompts, name)
    run.close(ledger)
