"""Reading a source and fixing the split."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from rather.schemas.base import UserError
from rather.schemas.judgements import Comparisons, Ratings
from rather.schemas.texts import Prompts, Responses, SetAside
from rather.stages.sources import row_batches
from rather.stages.sources.chunks import PROMPTS
from rather.stages.sources.load import Demo, Loaded, Source, load, read, with_split

WORLD = Demo()
ROW = {"prompt": "p", "response": "a", "score": 1}


def write(path: Path, *rows: Any) -> Path:
    """Write rows to a file; a text is a line as it is."""
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return path


def loaded(folder: Path, *rows: Any, **options: Any) -> Loaded:
    """Load rows of a file as they are recognised, nothing held out."""
    path = write(folder / "ratings.jsonl", *rows)
    return load(Source(path=str(path), format="auto", **options), WORLD, 0.0, 0)


def prompts(*texts: str) -> pl.DataFrame:
    """Make prompts without a split; a number names each."""
    rows = [
        {
            "prompt_id": f"{line:016x}",
            "messages": [{"role": "user", "content": text}],
            "source": "here",
            "source_line": line,
        }
        for line, text in enumerate(texts, 1)
    ]
    return pl.DataFrame(rows, schema=PROMPTS)


def sides(seed: int, fraction: float, *texts: str) -> list[str]:
    """Give the side of the split each prompt lands on."""
    return with_split(prompts(*texts), fraction, seed)["split"].to_list()


WORDS = ("what", "why", "how", "who", "when", "where", "which")
MANY = [f"{WORDS[number % 7]} {number}" for number in range(200)]


def test_tables_keep_to_their_schemas(tmp_path: Path) -> None:
    """Every one of them, of ratings with a bit of everything."""
    rows = [ROW, ROW | {"score": "N/A", "response": "b"}, ROW | {"response": []}, ROW, "{"]
    found = loaded(tmp_path, *rows)
    Prompts.validate(found.prompts)
    Responses.validate(found.responses)
    Ratings.validate(found.ratings)
    Comparisons.validate(found.comparisons)
    SetAside.validate(found.set_aside)


def test_a_prompt_under_two_spellings_is_one(tmp_path: Path) -> None:
    """Rows whose prompts differ in a trailing newline are answers to one; the first is kept."""
    found = loaded(tmp_path, ROW, ROW | {"prompt": "p\n", "response": "b"})
    assert found.prompts["messages"].to_list() == [[{"role": "user", "content": "p"}]]
    assert found.prompts["source_line"].to_list() == [1]
    assert found.responses["prompt_id"].n_unique() == 1


def test_every_row_is_counted(tmp_path: Path) -> None:
    """Rows and ratings met are those kept and those set aside."""
    found = loaded(tmp_path, ROW, ROW | {"score": 2}, ROW | {"response": []}, "{")
    reasons = found.set_aside.select("unit", "reason", "source", "source_line").sort("source_line")
    assert reasons.rows() == [
        ("ratings", "repeated_rating", "ratings.jsonl", 1),
        ("rows", "response_not_text", "ratings.jsonl", 3),
        ("rows", "invalid_json", "ratings.jsonl", 4),
    ]
    assert (found.num_rows, found.num_read, found.num_ratings) == (4, 2, 2)
    assert found.ratings["score"].to_list() == [2.0]


def test_batches_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source read two rows at a time gives the tables of one read at once."""
    rows = [
        {"prompt": f"p{n % 3}", "response": f"a{n % 4}", "score": n % 5, "generator": f"g{n % 2}"}
        for n in range(25)
    ]
    at_once = loaded(tmp_path, *rows)
    monkeypatch.setattr(row_batches, "NUM_ROWS", 2)
    assert len(list(read(Source(path=str(tmp_path / "ratings.jsonl"), format="auto")))) == 13
    by_two = loaded(tmp_path, *rows)
    for name in ("prompts", "responses", "ratings"):
        assert_frame_equal(getattr(at_once, name), getattr(by_two, name))
    key = ["unit", "source_line"]
    assert_frame_equal(at_once.set_aside.sort(key), by_two.set_aside.sort(key))


def test_several_files_are_one_source(tmp_path: Path) -> None:
    """A folder's files, each recognised by itself; rows know the file they are from."""
    write(tmp_path / "a.jsonl", ROW)
    write(tmp_path / "b.jsonl", {"prompt": "q"})
    (tmp_path / "c.csv").write_text("Prompt;Response;Score\np;b;4\n")
    found = load(Source(path=str(tmp_path), format="auto"), WORLD, 0.0, 0)
    assert (found.format, found.num_rows) == ("ratings, prompts", 3)
    assert found.prompts.select("source", "source_line").rows() == [("a.jsonl", 1), ("b.jsonl", 1)]
    assert found.responses.select("source", "text").rows() == [("a.jsonl", "a"), ("c.csv", "b")]
    assert found.ratings["score"].to_list() == [1.0, 4.0]


def test_the_limit_counts_prompts_of_all_files(tmp_path: Path) -> None:
    """The first two prompts of the source, whichever file they stand in."""
    write(tmp_path / "a.jsonl", {"prompt": "1"})
    write(tmp_path / "b.jsonl", {"prompt": "2"}, {"prompt": "3"}, {"prompt": "1"})
    found = load(Source(path=str(tmp_path), format="auto", limit=2), WORLD, 0.0, 0)
    assert found.prompts.height == 2
    assert found.set_aside.select("source", "source_line", "reason").rows() == [
        ("b.jsonl", 2, "beyond_limit")
    ]


def test_a_limit_of_none_at_all_is_refused() -> None:
    """0 is not a way to say "no limit"."""
    with pytest.raises(ValidationError, match="limit"):
        Source(limit=0)


def test_an_unknown_name_in_the_mapping_is_refused() -> None:
    """A typo in the mapping is refused before any file is opened."""
    with pytest.raises(ValidationError, match="respones"):
        Source.model_validate({"mapping": {"respones": "answer"}})


def test_a_column_that_changes_type_half_way_is_judged_cell_by_cell(tmp_path: Path) -> None:
    """Numbers, then texts of numbers, then something else."""
    scores = [1, "2", "N/A", {"score": 3}]
    found = loaded(
        tmp_path, *(ROW | {"response": f"{n}", "score": s} for n, s in enumerate(scores))
    )
    assert found.ratings.select("score", "reason").rows() == [
        *((1.0, None), (2.0, None)),
        *((None, "unparsable_score"), (None, "unparsable_score")),
    ]


def test_a_column_that_only_a_later_row_has_is_there(tmp_path: Path) -> None:
    """Columns are those of all rows."""
    found = loaded(tmp_path, {"prompt": "p", "response": "a"}, ROW | {"response": "b"})
    assert found.ratings.select("score", "reason").rows() == [(None, "no_score"), (1.0, None)]


@pytest.mark.parametrize("num_rows", [2, 100_000])
def test_a_file_of_which_no_row_can_be_read_is_refused(
    num_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the first row as the example, though parsing set aside a later one first."""
    monkeypatch.setattr(row_batches, "NUM_ROWS", num_rows)
    bad = ROW | {"prompt": None}
    with pytest.raises(UserError, match="none of 3 rows can be read as ratings; the first, line 1"):
        loaded(tmp_path, bad, "{", bad)


def test_a_file_of_which_no_line_is_a_row_is_refused(tmp_path: Path) -> None:
    """Before its format is asked for, as it has no columns."""
    with pytest.raises(UserError, match="none of 2 rows can be read; the first, line 1: invalid"):
        loaded(tmp_path, "{", "[")


def test_rows_without_a_column_are_refused(tmp_path: Path) -> None:
    """Empty objects say nothing."""
    with pytest.raises(UserError, match="rows with columns, found that every row is empty"):
        loaded(tmp_path, "{}", "{}")


def test_a_file_without_one_usable_score_is_refused(tmp_path: Path) -> None:
    """Then scale or column is wrong, not the ratings: what was expected, found, and the mend."""
    with pytest.raises(UserError) as raised:
        loaded(tmp_path, ROW, ROW | {"response": "b"}, mapping={"scale": (7, 9)})
    assert (
        "expected scores (7 to 9) in score, found none among 2 judgements (outside_scale)"
        in str(raised.value)
    )
    assert "source.mapping.scale" in str(raised.value)


def test_a_file_without_one_usable_label_is_refused(tmp_path: Path) -> None:
    """With the labels that were expected."""
    mapping = {
        "shape": "comparisons",
        "responses": ["a", "b"],
        "preference": "best",
        "values": {"a": 1, "b": -1},
    }
    row = {"prompt": "p", "a": "1", "b": "2", "best": "left"}
    with pytest.raises(UserError, match=r"expected preferences \(a, b\) in best, found none"):
        loaded(tmp_path, row, mapping=mapping)


def test_one_usable_score_is_enough(tmp_path: Path) -> None:
    """Others outside the scale are rows with a reason."""
    rows = [ROW, ROW | {"response": "b", "score": 9}]
    found = loaded(tmp_path, *rows, mapping={"scale": (1, 5)})
    assert found.ratings.select("score", "reason").rows() == [(1.0, None), (None, "outside_scale")]


def test_all_scores_equal_are_scores(tmp_path: Path) -> None:
    """What can be made of them is not for load to say."""
    found = loaded(tmp_path, ROW, ROW | {"response": "b"})
    assert found.ratings["score"].to_list() == [1.0, 1.0]


def test_nothing_is_held_out_at_fraction_0() -> None:
    """Every prompt is in train, a cluster of its own."""
    split = with_split(prompts(*MANY), 0.0, 0)
    assert set(split["split"]) == {"train"}
    assert split["cluster"].to_list() == split["prompt_id"].to_list()


def test_everything_is_held_out_at_fraction_1() -> None:
    """Every prompt is in test."""
    assert set(sides(0, 1.0, *MANY)) == {"test"}


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


def test_clusters_that_are_known_decide() -> None:
    """They are not looked for again."""
    known = prompts("one", "another").with_columns(cluster=pl.lit("f" * 16))
    for seed in range(20):
        split = with_split(known, 0.5, seed)
        assert (split["split"].n_unique(), set(split["cluster"])) == (1, {"f" * 16})


def test_the_split_depends_on_the_seed() -> None:
    """Another seed holds out other prompts."""
    assert sides(0, 0.5, *MANY) != sides(1, 0.5, *MANY)


def test_the_split_of_a_prompt_does_not_depend_on_unlike_others() -> None:
    """More prompts in the source move none from one side to the other."""
    assert sides(0, 0.5, *MANY)[:50] == sides(0, 0.5, *MANY[:50])


def test_raising_the_fraction_only_adds_to_the_test_side() -> None:
    """What is held out at 0.2 is held out at 0.4 too."""
    little, more = sides(0, 0.2, *MANY), sides(0, 0.4, *MANY)
    assert "test" in little
    assert all(m == "test" for few, m in zip(little, more, strict=True) if few == "test")


def test_prompts_without_a_word_keep_apart() -> None:
    """Prompts of punctuation alone are clusters of their own, not one."""
    assert with_split(prompts("?!", "..."), 0.5, 0)["cluster"].n_unique() == 2


def test_a_file_of_prompts_gives_no_responses(tmp_path: Path) -> None:
    """Prompts alone make a prompts table, and every other table empty but typed."""
    found = loaded(tmp_path, {"prompt": "p"}, {"prompt": "q"})
    assert found.prompts.height == 2
    assert found.responses.height == found.ratings.height == 0
    assert found.responses.schema["num_tokens"] == pl.Int64
