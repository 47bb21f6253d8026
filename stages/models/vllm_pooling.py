"""Reward models through vLLM's pooling runner."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rather.schemas.base import RatherError, UserError
from rather.stages.models import engine

if TYPE_CHECKING:
    from rather.trainer.reference.rewards import Said


class Pooling(engine.Holding):
    """A sequence classifier with one label, in memory from `with` to its end.

    max_length: in tokens, prompt and completion together

    Raises UserError where vLLM is missing or cannot serve the model.
    """

    def __init__(self, model: Path, max_length: int) -> None:
        self._model, self._max_length = model, max_length

    def __enter__(self) -> Self:
        """Load the tokenizer, then the weights: the cheaper check comes first."""
        from rather.trainer.reference.rewards import Reader

        self._read = Reader(self._model, self._max_length)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._llm = engine.start(
                self._model, "auto", self._max_length, runner="pooling", convert="classify"
            )
        labels = getattr(self._llm.model_config.hf_config, "num_labels", None)
        if labels != 1:
            raise UserError(
                f"{self._model}: expected a reward model with one label, found {labels}; "
                "give another model in params.yaml"
            )
        return self

    def __call__(self, conversations: "Sequence[Said]") -> list[float | None]:
        """Return raw logits in the order given, as trainer/reference/rewards.py does."""
        sequences = self._read(conversations)
        scores: list[float | None] = [None] * len(conversations)
        logits = self._logits([[*prompt, *answer] for prompt, answer in sequences.values()])
        for place, value in zip(sequences, logits, strict=True):
            scores[place] = value
        return scores

    def _logits(self, sequences: list[list[int]]) -> list[float]:
        """Return each token sequence's raw logit, without a sigmoid."""
        from vllm import PoolingParams, TokensPrompt

        prompts: list[Any] = [TokensPrompt(prompt_token_ids=ids) for ids in sequences]
        raw = PoolingParams(use_activation=False)
        try:
            outputs = self._llm.classify(prompts, pooling_params=raw, use_tqdm=False)
        except Exception as error:  # vLLM raises nearly anything; all of it ends the run
            raise RatherError(
                f"vLLM: expected {len(sequences):,} scores from {self._model}, found: "
                f"{engine.first_line(error)}; finished chunks are kept, run again to go on"
            ) from error
        return [float(answer.outputs.probs[0]) for answer in outputs]
