"""The run of one round."""

from rather.params.groups import Generator
from rather.run import Run
from rather.stages.common.ids import digest

FIRST = "sft"  # the model that every drift is measured from, and the reference that is kept


def round_run(run: Run, name: str) -> Run:
    """Return the run of a round: its own tables, and its `from` as the generator.

    It samples as policies are sampled, with a seed of its own, so that it repeats no earlier
    sample of the same model.
    """
    model = run.params.rounds[name].from_
    seed = int(digest([str(run.params.seed), name])[:12], 16)
    sampled = run.params.sample.model_dump() | {"seed": seed}
    generators = {model: Generator(model=model, **sampled)}
    return Run(run.root, run.params.model_copy(update={"generators": generators}), name)
