"""Reading a source and fixing the split."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from stages.load import Demo, Loaded, Source, cluster, load, with_split

WORLD = Demo()


def source(folder: Path, *rows: dict[str, Any], **options: Any) -> Source:
    """Write rows to a file and point a source at it."""
    path = folder / "ratings.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Source(path=str(path), format="auto", **options)


def read(
    folder: Path, *rows: dict[str, Any], test_fraction: float = 0.0, seed: int = 0, **options: Any
) -> Loaded:
    """Load rows of a file."""
    return load(source(folder, *rows, **options), WORLD, test_fraction, seed)


def prompts(*texts: str) -> list[dict[str, Any]]:
    """Make rows of the prompts table-to-be; a text names itself."""
    return [
        {
            "prompt_id": text,
            "messages": [{"role": "user", "content": text}],
            "source": "here",
            "source_line": line,
        }
        for line, text in enumerate(texts, 1)
    ]


def sides(seed: int, fraction: float, *texts: str) -> list[str]:
    """Give the side of the split each prompt lands on."""
    return with_split(prompts(*texts), fraction, seed)["split"].to_list()


MANY = [f"question {number}" for number in range(200)]


def test_a_prompt_under_two_spellings_is_one(tmp_path: Path) -> None:
    """Rows whose prompts differ in a trailing newline are answers to one prompt."""
    loaded = read(
        tmp_path,
        {"prompt": "Why?", "response": "a", "score": 1},
        {"prompt": "Why?\n", "response": "b", "score": 2},
    )
    assert loaded.prompts.height == 1
    assert loaded.responses["prompt_id"].n_unique() == 1


def test_the_first_spelling_of_a_prompt_is_kept(tmp_path: Path) -> None:
    """Where one prompt comes in two spellings, its first row gives messages and line."""
    loaded = read(
        tmp_path,
        {"prompt": "Why?", "response": "a", "score": 1},
        {"prompt": "Why?\n", "response": "b", "score": 2},
    )
    assert loaded.prompts["messages"].to_list() == [[{"role": "user", "content": "Why?"}]]
    assert loaded.prompts["source_line"].to_list() == [1]


def test_samples_of_one_generator_are_numbered(tmp_path: Path) -> None:
    """Two different answers of one generator to one prompt are its samples 0 and 1."""
    loaded = read(
        tmp_path,
        {"prompt": "p", "response": "a", "score": 1, "generator": "g"},
        {"prompt": "p", "response": "b", "score": 2, "generator": "g"},
        {"prompt": "p", "response": "a", "score": 1, "generator": "h"},
    )
    found = loaded.responses.select("generator", "sample_index", "text").rows()
    assert found == [("g", 0, "a"), ("g", 1, "b"), ("h", 0, "a")]


def test_the_same_text_of_two_generators_is_one_response(tmp_path: Path) -> None:
    """Two rows of the responses table, each with its generator, share one response_id."""
    loaded = read(
        tmp_path,
        {"prompt": "p", "response": "a", "score": 1, "generator": "g"},
        {"prompt": "p", "response": "a", "score": 1, "generator": "h"},
    )
    assert loaded.responses.height == 2
    assert loaded.responses["response_id"].n_unique() == 1


def test_every_row_is_counted(tmp_path: Path) -> None:
    """Rows read and rows set aside add up to the rows of the file."""
    loaded = read(
        tmp_path,
        {"prompt": "p", "response": "a", "score": 1},
        {"prompt": "p", "response": True, "score": 1},
        {"prompt": None, "response": "a", "score": 1},
    )
    assert loaded.num_rows == 3
    assert loaded.set_aside.height == 2
    assert loaded.ratings.height == loaded.num_ratings == 1


def test_the_limit_counts_prompts(tmp_path: Path) -> None:
    """With a limit of 1, later answers to the first prompt are still read; other rows are not."""
    loaded = read(
        tmp_path,
        {"prompt": "p", "response": "a", "score": 1},
        {"prompt": "q", "response": "a", "score": 1},
        {"prompt": "p", "response": "b", "score": 2},
        limit=1,
    )
    assert loaded.responses["text"].to_list() == ["a", "b"]
    assert loaded.set_aside.select("unit", "reason", "source_line").rows() == [
        ("rows", "beyond_limit", 2)
    ]


def test_a_limit_of_none_at_all_is_refused() -> None:
    """0 is not a way to say "no limit"."""
    with pytest.raises(ValidationError, match="limit"):
        Source(limit=0)


def test_an_unknown_name_in_the_mapping_is_refused() -> None:
    """A typo in the mapping is refused before any file is opened."""
    with pytest.raises(ValidationError, match="respones"):
        Source.model_validate({"mapping": {"respones": "answer"}})


def test_nothing_is_held_out_at_fraction_0() -> None:
    """A test_fraction of 0 leaves every prompt in train."""
    assert set(sides(0, 0.0, *MANY)) == {"train"}


def test_the_fraction_is_about_what_was_asked() -> None:
    """Of 200 prompts a half is held out, give or take.

    The number held out is binomial with standard deviation sqrt(200 / 4) = 7.1; 65 to 135 is five
    of them to either side.
    """
    assert 65 <= sides(0, 0.5, *MANY).count("test") <= 135


def test_case_and_spacing_do_not_split_a_cluster() -> None:
    """Prompts that differ in case, spacing and punctuation land on one side, for any seed."""
    for seed in range(20):
        assert len(set(sides(seed, 0.5, "Name a fruit", "name  a FRUIT?", "Name a fruit."))) == 1


def test_the_split_depends_on_the_seed() -> None:
    """Another seed holds out other prompts."""
    assert sides(0, 0.5, *MANY) != sides(1, 0.5, *MANY)


def test_the_split_of_a_prompt_does_not_depend_on_the_others() -> None:
    """More prompts in the source move none from one side to the other."""
    assert sides(0, 0.5, *MANY)[:50] == sides(0, 0.5, *MANY[:50])


def test_raising_the_fraction_only_adds_to_the_test_side() -> None:
    """What is held out at 0.2 is held out at 0.4 too."""
    little, more = sides(0, 0.2, *MANY), sides(0, 0.4, *MANY)
    assert "test" in little
    assert all(m == "test" for few, m in zip(little, more, strict=True) if few == "test")


def test_prompts_without_a_word_keep_apart() -> None:
    """Prompts of punctuation alone are clusters of their own, not one."""
    one, two = ([{"role": "user", "content": text}] for text in ("?!", "..."))
    assert cluster(one) != cluster(two)


def test_a_file_of_prompts_gives_no_responses(tmp_path: Path) -> None:
    """Prompts alone make a prompts table, and every other table empty but typed."""
    loaded = read(tmp_path, {"prompt": "p"}, {"prompt": "q"})
    assert loaded.prompts.height == 2
    assert loaded.responses.height == loaded.ratings.height == 0
    assert loaded.responses.schema["num_tokens"] == pl.Int64
