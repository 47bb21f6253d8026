"""Parquet in, examples and a balancing ledger out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import PreTrainedTokenizerFast

from rather.trainer.config import Kind
from rather.trainer.data.dataset import Example, TokenLedger, read_examples
from rather.trainer.data.encoding import ChatEncoder
from rather.trainer.errors import TrainerError

# Five tokens of template stand in a prompt (BOS, user, EOS, a line break, assistant) and one, EOS,
# in a completion: "hi" takes seven tokens and "yo" three.
WriteSplit = Callable[..., Path]
Read = Callable[..., tuple[list[Example], TokenLedger]]


def turn(role: str, content: str | None) -> list[dict[str, str | None]]:
    """Make a conversation of one message."""
    return [{"role": role, "content": content}]


def demonstration(prompt: str | None, completion: str | None) -> dict[str, Any]:
    """Make a row of one turn each."""
    return {"prompt": turn("user", prompt), "completion": turn("assistant", completion)}


@pytest.fixture
def read(write_split: WriteSplit, tokenizer: PreTrainedTokenizerFast) -> Read:
    """Write rows and read them back as examples."""

    def of(
        rows: list[dict[str, Any]], max_length: int, eats: Kind = "demonstrations"
    ) -> tuple[list[Example], TokenLedger]:
        path = write_split(rows, list(rows[0])) / "train.parquet"
        return read_examples(path, eats, ChatEncoder(tokenizer), max_length)

    return of


def test_an_over_long_completion_is_cut_and_counted(
    read: Read, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Seven tokens of prompt leave three of ten, and the EOS is lost."""
    examples, ledger = read([demonstration("hi", "abcdef"), demonstration("hi", "yo")], 10)
    assert tokenizer.decode(examples[0].completions[0]) == "abc"
    assert (ledger.kept, ledger.truncated, ledger.eos_lost) == (2, 1, 1)


def test_a_completion_that_just_fits_is_whole(read: Read) -> None:
    """Seven tokens of prompt and three of completion are not cut at ten."""
    _, ledger = read([demonstration("hi", "yo")], 10)
    assert (ledger.truncated, ledger.eos_lost) == (0, 0)


def test_a_prompt_that_leaves_no_room_is_dropped(read: Read) -> None:
    """A completion is never cut to nothing: its row goes, and is counted."""
    examples, ledger = read([demonstration("hello", "yo"), demonstration("hi", "yo")], 10)
    assert len(examples) == 1
    assert ledger.dropped == {"prompt_too_long": 1}


def test_a_prompt_that_leaves_one_token_is_kept(read: Read) -> None:
    """Nine tokens of prompt leave room for one of ten."""
    examples, _ = read([demonstration("four", "yo")], 10)
    assert len(examples[0].completions[0]) == 1


def test_the_ledger_names_every_reason(read: Read) -> None:
    """Rows in are rows kept and rows dropped, by reason."""
    rows = [
        demonstration("hi", "yo"),
        demonstration("hi", "  "),
        demonstration("hi", None),
        demonstration(None, "yo"),
        {"prompt": None, "completion": turn("assistant", "yo")},
        {"prompt": turn("user", "hi"), "completion": []},
        demonstration("far too long a prompt", "yo"),
    ]
    _, ledger = read(rows, 12)
    assert ledger.dropped == {"empty_prompt": 2, "empty_completion": 3, "prompt_too_long": 1}
    assert (ledger.rows_in, ledger.kept) == (7, 1)


def test_a_label_may_be_missing_and_is_then_dropped(read: Read) -> None:
    """Missing is not undesirable."""
    rows = [{**demonstration("hi", "yo"), "label": label} for label in (True, None, False)]
    examples, ledger = read(rows, 20, "labels")
    assert [example.label for example in examples] == [True, False]
    assert ledger.dropped == {"no_label": 1}


def test_a_pair_has_one_prompt_and_counts_once(read: Read) -> None:
    """Both completions of a pair were cut: one row truncated, two ends lost."""
    row = {
        "prompt": turn("user", "hi"),
        "chosen": turn("assistant", "abcdef"),
        "rejected": turn("assistant", "ghijkl"),
    }
    examples, ledger = read([row], 10, "pairs")
    assert [len(ids) for ids in examples[0].completions] == [3, 3]
    assert (ledger.truncated, ledger.eos_lost) == (1, 2)


def test_an_unbalanced_ledger_cannot_be_made() -> None:
    """Three rows in, one kept and one dropped: a row is unaccounted for."""
    with pytest.raises(ValueError, match="does not balance"):
        TokenLedger(rows_in=3, kept=1, dropped={"no_label": 1})


def test_a_row_without_room_for_a_completion_is_dropped(read: Read) -> None:
    """A prompt as long as max_length leaves nothing to train on, and the ledger says so."""
    examples, ledger = read([demonstration("hello", "yo")], 5)
    assert (examples, ledger.dropped) == ([], {"prompt_too_long": 1})


def test_a_file_of_another_kind_is_refused(read: Read) -> None:
    """The error tells the columns expected and found."""
    with pytest.raises(TrainerError, match=r"prompt, chosen, rejected.*found prompt.*completion"):
        read([demonstration("hi", "yo")], 20, "pairs")


def test_a_column_of_plain_text_is_refused(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    """A prompt that is a string, and not a list of messages, is named with its type."""
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"prompt": ["hi"], "completion": ["yo"]}), path)
    with pytest.raises(TrainerError, match="prompt: string"):
        read_examples(path, "demonstrations", ChatEncoder(tokenizer), 20)


def test_other_columns_are_ignored(
    write_split: WriteSplit, tokenizer: PreTrainedTokenizerFast
) -> None:
    """A pair's label column, or anything else, does not stand in the way of demonstrations."""
    row = {**demonstration("hi", "yo"), "label": None, "chosen": None}
    path = write_split([row], list(row)) / "train.parquet"
    examples, _ = read_examples(path, "demonstrations", ChatEncoder(tokenizer), 20)
    assert len(examples) == 1


def test_evidence_is_read_where_it_is_known(
    write_split: WriteSplit, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Null, NaN and infinity are no evidence; each column stands for itself."""
    pair = {"prompt": turn("user", "hi"), "chosen": turn("assistant", "yo")}
    rows = [pair | {"rejected": turn("assistant", "no")}] * 4
    path = write_split(rows, ["prompt", "chosen", "rejected"]) / "train.parquet"
    table = pq.read_table(path)
    table = table.append_column("p_correct", pa.array([0.9, None, float("nan"), 0.6]))
    table = table.append_column("margin", pa.array([1.0, 2.0, 3.0, float("inf")]))
    pq.write_table(table, path)
    examples, _ = read_examples(path, "pairs", ChatEncoder(tokenizer), 20)
    assert [dict(example.evidence) for example in examples] == [
        {"p_correct": 0.9, "score_margin": 1.0},
        {"score_margin": 2.0},
        {"score_margin": 3.0},
        {"p_correct": 0.6},
    ]
