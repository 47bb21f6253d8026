"""Many sequences in batches that waste little."""

from array import array

import pytest

from rather.trainer.reference import scoring


def test_many_completions_of_one_prompt_are_cut_to_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five completions of two tokens, computed five tokens at once: two after each prompt."""
    monkeypatch.setattr(scoring, "TOKENS_AT_ONCE", 5)
    prompt = array("i", [1])
    sequences = {str(at): (prompt, array("i", [at, 9])) for at in range(5)}
    parts = list(scoring._packed_parts(sequences, shared=True))
    assert [keys for keys, _ in parts] == [["0", "1"], ["2", "3"], ["4"]]
