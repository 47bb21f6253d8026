"""Scores conversations with a reward model."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rather.trainer.compute.logps import inference, sequence_scores, to_device
from rather.trainer.data.dataset import Conversation, fit
from rather.trainer.data.encoding import ChatEncoder, Messages, Tokens
from rather.trainer.data.layouts import cut, pad
from rather.trainer.model.load_model import load_scorer, load_tokenizer, to_accelerator

Said = tuple[Messages, Messages]  # a prompt, and the completion that is scored
Tokenised = tuple[Tokens, Tokens]


def score(
    model: Path, conversations: Iterable[Said], max_length: int, batch_size: int
) -> list[float | None]:
    """Score (prompt, completion) conversations: raw logits in fp32, in the order given.

    None stands where training would have dropped the row; see `Reader`. Without conversations no
    model is loaded. Raises TrainerError where the folder holds no reward model.
    """
    given = list(conversations)
    return Rewarder(model, max_length, batch_size)(given) if given else []


class Reader:
    """Tokenises conversations as a reward model was taught to read them."""

    def __init__(self, model: Path, max_length: int) -> None:
        tokenizer = load_tokenizer(model)
        self._encoder, self._max_length = ChatEncoder(tokenizer), max_length
        self.pad_id = int(tokenizer.pad_token_id)

    def __call__(self, conversations: Sequence[Said]) -> dict[int, Tokenised]:
        """Tokenise conversations, each under its place; a completion is cut at max_length.

        One that training would have dropped is left out: no prompt, no text in the completion, or
        a prompt that leaves no room for a completion.
        """
        rows = [Conversation(prompt, (completion,)) for prompt, completion in conversations]
        fitted = fit(self._encoder, rows, "demonstrations", self._max_length)
        return {
            at: (row.example.prompt, row.example.completions[0])
            for at, row in enumerate(fitted)
            if row.example is not None
        }


class Rewarder:
    """A reward model in memory, called with conversations as often as there are some."""

    def __init__(self, model: Path, max_length: int, batch_size: int) -> None:
        self._read, self._batch_size = Reader(model, max_length), batch_size
        self._scorer = to_accelerator(load_scorer(model, self._read.pad_id, new_head=False))

    def __call__(self, conversations: Sequence[Said]) -> list[float | None]:
        """Score conversations as `score` does, those of like length together."""
        sequences = self._read(conversations)
        scores: list[float | None] = [None] * len(conversations)
        by_length = sorted(sequences, key=lambda at: sum(map(len, sequences[at])))
        for places in cut(by_length, self._batch_size):
            given = [sequences[at] for at in places]
            batch = to_device(pad(given, self._read.pad_id), self._scorer)
            with inference(self._scorer, "fp32"):
                values = sequence_scores(self._scorer, batch).tolist()
            for at, value in zip(places, values, strict=True):
                scores[at] = value
        return scores
