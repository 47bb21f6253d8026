"""Prompts that ask nearly the same."""

import polars as pl
import pytest

from rather.schemas.texts import Prompts
from rather.stages.text.clusters import clusters, duplicates

TWENTY = [f"word{number}" for number in range(20)]


def asked(*texts: str) -> pl.DataFrame:
    """Make prompts, named a, b, c ... in their order."""
    return pl.DataFrame(
        {
            "prompt_id": [chr(ord("a") + number) for number in range(len(texts))],
            "messages": [[{"role": "user", "content": text}] for text in texts],
        }
    )


def grouped(*texts: str) -> str:
    """Return the clusters' names, one letter for each prompt."""
    return "".join(clusters(asked(*texts))["cluster"])


@pytest.mark.parametrize(
    "other", ["WHAT is it?", "what  is\nit", "«What» is: it!", "what\u200b is it", "ｗｈａｔ is it"]
)
def test_the_same_words_are_one_cluster(other: str) -> None:
    """Case, spacing, punctuation and invisible characters make no difference."""
    assert grouped("What is it?", other) == "aa"


def test_a_short_prompt_is_near_nothing_else() -> None:
    """Of four words one that differs is a quarter; only the same words are the same prompt."""
    assert grouped("what is two two", "what is two three", "two is what two") == "abc"


def test_signs_alone_are_compared_as_they_are() -> None:
    """Prompts without a word are not all one."""
    assert grouped("?!", "!!", " ?! ", "😀") == "abad"


def test_four_fifths_of_the_runs_of_three_are_near() -> None:
    """Of 11 words the last differs: 8 of the 10 runs in either are in both, and that is enough."""
    assert grouped(" ".join(TWENTY[:11]), " ".join([*TWENTY[:10], "x"])) == "aa"


def test_two_words_more_than_ten_are_near() -> None:
    """All 8 runs of the shorter are among the 10 of the longer, which has 2 of its own before."""
    assert grouped(" ".join(TWENTY[:12]), " ".join(TWENTY[:10])) == "aa"


def test_less_than_four_fifths_is_not_near() -> None:
    """Of 10 words the last differs: 7 of 9 runs are too few."""
    assert grouped(" ".join(TWENTY[:10]), " ".join([*TWENTY[:9], "x"])) == "ab"


def test_the_order_of_words_counts() -> None:
    """The same words the other way round are another prompt."""
    assert grouped(" ".join(TWENTY), " ".join(TWENTY[::-1])) == "ab"


def test_a_chain_is_one_cluster() -> None:
    """One more word at a time leads from 12 words to 20; the ends alone would be two clusters."""
    steps = [" ".join(TWENTY[:size]) for size in range(12, 21)]
    assert set(grouped(*steps)) == {"a"}
    assert grouped(steps[0], steps[-1]) == "ab"


def test_unspaced_scripts_are_compared_letter_by_letter() -> None:
    """Of eleven Han letters the last differs, as of eleven words."""
    assert grouped("請用中文告訴我今天天氣", "請用中文告訴我今天天候") == "aa"


def test_every_turn_counts() -> None:
    """Conversations that end in the same question are not near if they began otherwise."""
    last = {"role": "user", "content": "why"}
    turns = [[{"role": "user", "content": start}, last] for start in ("tell me a joke", "sing")]
    prompts = pl.DataFrame({"prompt_id": ["a", "b"], "messages": turns})
    assert clusters(prompts)["cluster"].to_list() == ["a", "b"]


def test_the_order_of_rows_does_not_matter() -> None:
    """A cluster is named by its least prompt_id, wherever that stands."""
    prompts = asked("one two", "three", "ONE two")
    assert clusters(prompts.reverse()).equals(clusters(prompts))


def test_no_prompts() -> None:
    """Nothing has no clusters and no duplicates."""
    empty = Prompts.create_empty()
    assert clusters(empty).height == duplicates(empty).height == 0


def test_odd_prompts() -> None:
    """A blank one, control characters and a million characters are prompts like any other."""
    long = "so " * 333_333
    assert grouped("", "\x00\x07", long, long + "on", "\u202e") == "aacda"


def sourced(**columns: list[object]) -> pl.DataFrame:
    """Make prompts of clusters, in the order of a source."""
    number = len(columns["cluster"])
    defaults = asked(*(["a b"] * number)).with_columns(
        source=pl.lit("file"), source_line=pl.int_range(1, number + 1)
    )
    return defaults.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def test_a_duplicate_names_the_first_of_its_cluster() -> None:
    """The source's order decides, not the ids': b stands on line 1, a and c after it."""
    found = duplicates(sourced(cluster=["a", "a", "a", "d"], source_line=[2, 1, 3, 4]))
    assert found.rows() == [("a", "b"), ("c", "b")]
