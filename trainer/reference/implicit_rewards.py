"""What a policy says of completions beside its reference: log-ratios, hence implicit rewards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rather.trainer.compute.computation import choose
from rather.trainer.config import TrainConfig
from rather.trainer.data.dataset import Conversation, fit
from rather.trainer.data.encoding import ChatEncoder, Messages, Tokens
from rather.trainer.errors import TrainerError
from rather.trainer.model.load_model import load_policy, load_tokenizer, to_accelerator
from rather.trainer.reference.scoring import Sequences, sequence_key, token_logps

Tokenised = tuple[Tokens, Tokens]
# By sequence: log-probs summed, and of the last token.
Logps = dict[str, tuple[float, float]]


class Said(NamedTuple):
    """A prompt and what was answered; finished: the answer ended by itself and was not cut."""

    prompt: Messages
    completion: Messages
    finished: bool = True


@dataclass(frozen=True)
class LogRatio:
    """One completion's log-probs under two models, in nats.

    policy, reference: summed over num_tokens tokens;  policy_end, reference_end: of the last token,
    the end token of a finished completion.
    """

    policy: float
    reference: float
    num_tokens: int
    policy_end: float
    reference_end: float

    @property
    def sum(self) -> float:
        """The log-ratio; times beta it is the reward that the policy implies.

        Rafailov et al. 2023 (arXiv:2305.18290), section 4, up to a term of the prompt alone.
        """
        return self.policy - self.reference

    @property
    def per_token(self) -> float:
        """The log-ratio's mean over tokens."""
        return self.sum / self.num_tokens


def log_ratios(
    policy: Path,
    reference: Path,
    said: Iterable[Said],
    max_length: int,
    batch_size: int,
) -> list[LogRatio | None]:
    """Compute log-ratios under the models in two folders, in the order given.

    Conversations are tokenised and cut as in training, at max_length tokens of prompt and
    completion together; one that is not finished has no end token. None stands where training
    would have dropped the row. Raises TrainerError where the two do not read tokens alike.
    """
    given = list(said)
    if not given:
        return []
    tokenizer = load_tokenizer(policy)
    _check_same_tokens(policy, reference)
    end = int(tokenizer.eos_token_id)
    sequences = _sequences(ChatEncoder(tokenizer), given, max_length, end)
    distinct = {sequence_key(*each): each for each in sequences if each is not None}
    # The loss plays no part: nothing is trained.
    config = TrainConfig("dpo", max_length=max_length, batch_size=batch_size)
    pad_id = int(tokenizer.pad_token_id)
    ours, theirs = (_logps(model, distinct, pad_id, config) for model in (policy, reference))
    found = {
        key: LogRatio(ours[key][0], theirs[key][0], len(sequence[1]), ours[key][1], theirs[key][1])
        for key, sequence in distinct.items()
    }
    return [None if sequence is None else found[sequence_key(*sequence)] for sequence in sequences]


def _check_same_tokens(policy: Path, reference: Path) -> None:
    one, other = (load_tokenizer(folder).get_vocab() for folder in (policy, reference))
    if one != other:
        raise TrainerError(
            f"{reference}: expected the tokens of {policy}, {len(one):,} of them, found "
            f"{len(other):,} or other ones; log-probs compare only where both models read the same "
            "tokens: give the model that the policy was trained from"
        )


def _sequences(
    encoder: ChatEncoder, said: Sequence[Said], max_length: int, end: int
) -> list[Tokenised | None]:
    rows = [Conversation(each.prompt, (each.completion,)) for each in said]
    fitted = fit(encoder, rows, "demonstrations", max_length)
    return [
        None
        if row.example is None
        else _without_end(row.example.prompt, row.example.completions[0], each.finished, end)
        for row, each in zip(fitted, said, strict=True)
    ]


def _without_end(prompt: Tokens, completion: Tokens, finished: bool, end: int) -> Tokenised | None:
    """Take off the end token that the encoder gives a completion which never ended."""
    if not finished and completion[-1] == end:
        completion = completion[:-1]
    return (prompt, completion) if len(completion) else None


def _logps(folder: Path, sequences: Sequences, pad_id: int, config: TrainConfig) -> Logps:
    """Compute each sequence's summed log-probs, and those of its last token."""
    model = to_accelerator(load_policy(folder))
    found: Logps = {}
    for keys, logps in token_logps(model, sequences, pad_id, config, choose(model, config)):
        both = zip(logps.sums().tolist(), logps.ends().tolist(), strict=True)
        found |= zip(keys, both, strict=True)
    return found
