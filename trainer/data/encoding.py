"""Turns conversations into token ids, in which what people wrote is only ever text."""

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, TypeAlias

from transformers import PreTrainedTokenizerBase

from rather.trainer.errors import TrainerError

Message: TypeAlias = Mapping[str, str]
Messages: TypeAlias = Sequence[Message]
# Four bytes a token, where a list of ints takes eight and more.
Tokens: TypeAlias = "array[int]"

PRIVATE_USE = range(0xE000, 0xF900)


def tokens(ids: Sequence[int]) -> Tokens:
    """Pack token ids."""
    return array("i", ids)


@dataclass(frozen=True)
class Encoded:
    """A prompt and the completions that follow it, before any cutting.

    mismatched: the template renders the prompt differently once a completion follows it, so the
    boundary is where the two renderings part.
    """

    prompt: Tokens
    completions: tuple[Tokens, ...]
    mismatched: bool


class ChatEncoder:
    """Encodes conversations with a tokenizer's chat template.

    The template alone places special tokens: a message that contains the characters of one keeps
    them as ordinary text. options: what the template is given besides the conversation. Raises
    TrainerError where the tokenizer has no template or no EOS.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, options: Mapping[str, Any] | None = None
    ) -> None:
        where = f"correct the tokenizer in {tokenizer.name_or_path}"
        if not tokenizer.chat_template:
            raise TrainerError(f"expected a tokenizer with a chat template, found none; {where}")
        if tokenizer.eos_token_id is None:
            raise TrainerError(f"expected a tokenizer with an eos_token, found none; {where}")
        self._tokenizer = tokenizer
        self._options = dict(options or {})
        self._eos: int = tokenizer.eos_token_id
        added = tokenizer.added_tokens_decoder
        self._special_ids = {token.content: id_ for id_, token in added.items() if token.special}
        longest_first = sorted(self._special_ids, key=len, reverse=True)
        self._special = re.compile(f"({'|'.join(map(re.escape, longest_first))})")

    def encode(self, rows: Sequence[tuple[Messages, Sequence[Messages]]]) -> list[Encoded]:
        """Encode rows of (prompt, completions)."""
        conversations: list[tuple[list[Message], bool]] = []
        for prompt, completions in rows:
            conversations.append((list(prompt), True))
            conversations.extend(([*prompt, *completion], False) for completion in completions)
        encoded = iter(self._encode_conversations(conversations))
        return [
            self._split(next(encoded), [next(encoded) for _ in completions])
            for _, completions in rows
        ]

    def _split(self, prompt: list[int], wholes: list[list[int]]) -> Encoded:
        boundary = min(common_prefix(prompt, whole) for whole in wholes)
        return Encoded(
            prompt=tokens(prompt[:boundary]),
            completions=tuple(tokens(self._end_once(whole[boundary:])) for whole in wholes),
            mismatched=boundary < len(prompt),
        )

    def _end_once(self, completion: list[int]) -> list[int]:
        """End a completion with exactly one EOS, dropping the blanks a template writes after it."""
        last = max((at for at, id_ in enumerate(completion) if id_ == self._eos), default=-1)
        if last < 0 or str(self._tokenizer.decode(completion[last + 1 :])).strip():
            return [*completion, self._eos]
        while last and completion[last - 1] == self._eos:
            last -= 1
        return completion[: last + 1]

    def encode_prompt(self, messages: Messages) -> list[int]:
        """Encode a conversation up to where the assistant's answer begins."""
        return self._encode_conversations([([dict(m) for m in messages], True)])[0]

    def _encode_conversations(
        self, conversations: Sequence[tuple[list[Message], bool]]
    ) -> list[list[int]]:
        plain = [c for c in conversations if not self._holds_special(c[0])]
        encoded = iter(self._encode_plain(plain))
        return [
            self._encode_guarded(messages, generation_prompt)
            if self._holds_special(messages)
            else next(encoded)
            for messages, generation_prompt in conversations
        ]

    def _holds_special(self, messages: Messages) -> bool:
        return any(
            self._special.search(value) for message in messages for value in message.values()
        )

    def _encode_plain(self, conversations: Sequence[tuple[list[Message], bool]]) -> list[list[int]]:
        if not conversations:
            return []
        texts = [self._render(*conversation) for conversation in conversations]
        # The template writes BOS where the model wants one; the tokenizer must not add another.
        encoding = self._tokenizer(
            texts, add_special_tokens=False, return_attention_mask=False, verbose=False
        )
        return [list(ids) for ids in encoding["input_ids"]]

    def _encode_guarded(self, messages: list[Message], generation_prompt: bool) -> list[int]:
        """Encode messages that contain the characters of special tokens.

        The template sees a mark in their stead, so every special token it renders is its own;
        between those, the text is restored and encoded as text.
        """
        written = "".join(value for message in messages for value in message.values())
        mark = next(chr(code) for code in PRIVATE_USE if chr(code) not in written)
        names = list(self._special_ids)

        def guard(text: str) -> str:
            return self._special.sub(lambda m: f"{mark}{names.index(m[0])}{mark}", text)

        def restore(text: str) -> str:
            return re.sub(f"{mark}(\\d+){mark}", lambda m: names[int(m[1])], text)

        guarded = [{key: guard(value) for key, value in message.items()} for message in messages]
        ids: list[int] = []
        for piece in self._special.split(self._render(guarded, generation_prompt)):
            if piece in self._special_ids:
                ids.append(self._special_ids[piece])
            elif piece:
                ids += self._tokenizer.encode(
                    restore(piece), add_special_tokens=False, split_special_tokens=True
                )
        return ids

    def _render(self, messages: Messages, generation_prompt: bool) -> str:
        conversation = [dict(message) for message in messages]
        return str(
            self._tokenizer.apply_chat_template(
                conversation,
                tokenize=False,
                add_generation_prompt=generation_prompt,
                **self._options,
            )
        )


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Count the tokens on which two sequences agree from the start."""
    if right[: len(left)] == left:
        return len(left)
    pairs = zip(left, right, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
