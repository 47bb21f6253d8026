"""Table files and their contracts."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.schemas.base import UserError
from rather.schemas.judgements import Ratings
from rather.stages.common.ids import numeric_ids
from rather.tables.buckets import Bucket
from rather.tables.contracts import FAMILIES, SCHEMAS, schema_of
from rather.tables.tables import Tables

RATING = {
    "response_id": "0" * 16,
    "rater": "ann",
    "aspect": "overall",
    "prompt_id": "1" * 16,
    "score": 3.0,
    "reason": None,
    "source_line": 1,
}


def ratings(*changes: dict[str, Any]) -> pl.DataFrame:
    """Make ratings, each one a good row with changes."""
    return pl.DataFrame(
        [RATING | change for change in changes], schema=Ratings.create_empty().schema
    )


def refusal(folder: Path, frame: pl.DataFrame) -> str:
    """Return the message that rejects a frame as load/ratings."""
    with pytest.raises(UserError) as raised:
        Tables(folder).write("load/ratings", frame)
    return str(raised.value)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Written, found at STAGE/TABLE.parquet, and read."""
    tables, frame = Tables(tmp_path), ratings({}, {"rater": "bob"})
    tables.write("load/ratings", frame)
    assert (tmp_path / "load" / "ratings.parquet").is_file()
    assert tables.read("load/ratings").equals(frame)


def test_ids_are_numbers_in_files_and_wherever_they_are_asked_for(tmp_path: Path) -> None:
    """To be joined they are 8 bytes each; to be shown they are texts."""
    tables = Tables(tmp_path)
    tables.write("load/ratings", ratings({"prompt_id": "00000000000000ff"}))
    assert pl.read_parquet(tables.path("load/ratings"))["prompt_id"].to_list() == [255]
    assert tables.read("load/ratings")["prompt_id"].to_list() == ["00000000000000ff"]
    assert Tables(tmp_path, numeric_ids=True).read("load/ratings")["prompt_id"].to_list() == [255]


def test_ids_that_come_as_numbers_make_the_same_file(tmp_path: Path) -> None:
    """A stage that works with numbers writes them as they are."""
    frame = ratings({}, {"rater": "bob"})
    for name, rows in (("texts", frame), ("numbers", numeric_ids(frame))):
        Tables(tmp_path / name).write("load/ratings", rows)
    one, two = (tmp_path / name / "load" / "ratings.parquet" for name in ("texts", "numbers"))
    assert one.read_bytes() == two.read_bytes()


def test_a_key_twice_is_shown_with_its_ids_spelt(tmp_path: Path) -> None:
    """Though it came as a number."""
    assert "'prompt_id': '1111111111111111'" in refusal(tmp_path, numeric_ids(ratings({}, {})))


def test_some_rows_are_read_alone_with_their_ids_as_texts(tmp_path: Path) -> None:
    """The others stay in the file, whose texts may not fit in memory."""
    tables = Tables(tmp_path)
    tables.write("load/ratings", ratings({}, {"rater": "bob"}))
    first = tables.scan("load/ratings").head(1)
    assert first.collect().equals(tables.read("load/ratings")[:1])
    assert "SLICE: Positive { offset: 0, len: 1 }" in first.explain()


def test_trainers_and_people_read_texts(tmp_path: Path) -> None:
    """What convert writes has ids as they are written."""
    tables = Tables(tmp_path, numeric_ids=True)
    row = {"response_id": ["0" * 16], "prompt_id": ["1" * 16], "rating": [2.0], "reason": ["x"]}
    tables.write("convert/dropped", pl.DataFrame(row))
    assert pl.read_parquet(tables.path("convert/dropped"))["prompt_id"].to_list() == ["1" * 16]


def test_a_table_whose_ids_are_texts_is_read_as_well(tmp_path: Path) -> None:
    """Another tool wrote it; a bucket of it too."""
    path, frame = Tables(tmp_path).path("load/ratings"), ratings({}, {"prompt_id": "f" * 16})
    path.parent.mkdir()
    frame.with_columns(rater=pl.Series(["a", "b"])).write_parquet(path)
    found = Tables(tmp_path, numeric_ids=True).read("load/ratings", HALVES[1])
    assert found["prompt_id"].to_list() == [2**64 - 1]


def test_the_order_of_rows_is_that_of_the_key(tmp_path: Path) -> None:
    """So the same rows in another order are the same bytes."""
    frame = ratings({"rater": "a"}, {"rater": "b"}, {"rater": "c"})
    for name, rows in (("one", frame), ("two", frame.reverse())):
        Tables(tmp_path / name).write("load/ratings", rows)
    one, two = (tmp_path / name / "load" / "ratings.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_table_without_a_key_is_sorted_by_its_columns(tmp_path: Path) -> None:
    """Columns that are not the schema's are left out, and do not matter."""
    rows = [
        {"reason": "b", "source_line": 2, "detail": "x", "other": 1},
        {"reason": "a", "source_line": 1, "detail": "x", "other": 2},
    ]
    frame = pl.DataFrame(rows).with_columns(unit=pl.lit("rows"), source=pl.lit("f"))
    written = Tables(tmp_path).write("load/set_aside", frame)
    assert written.rows() == [("rows", "a", "f", 1, "x"), ("rows", "b", "f", 2, "x")]


def test_a_broken_column_is_named_with_its_rule_and_count(tmp_path: Path) -> None:
    """Table, column, rule, how many of how many rows, the first of them, and the mend."""
    message = refusal(tmp_path, ratings({"prompt_id": "x"}, {"rater": "b"}))
    assert message.startswith(
        "load/ratings: 1 of 2 rows break the rule 'regex' of column 'prompt_id'"
    )
    assert "'prompt_id': 'x'" in message
    assert "dvc repro --force load" in message


def test_a_broken_rule_over_columns_is_named(tmp_path: Path) -> None:
    """A rating with neither score nor reason breaks the schema's own rule."""
    message = refusal(tmp_path, ratings({"score": None}, {"rater": "b"}, {"rater": "c"}))
    assert "1 of 3 rows break the rule 'score_or_reason'" in message


def test_a_key_twice_is_named(tmp_path: Path) -> None:
    """Both rows are counted."""
    message = refusal(tmp_path, ratings({}, {}))
    assert "2 of 2 rows break the rule that response_id, rater, aspect name a row once" in message


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_refused(score: float, tmp_path: Path) -> None:
    """NaN would spread to every calibrated score."""
    assert "1 of 1 rows break" in refusal(tmp_path, ratings({"score": score}))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """With the columns that are there."""
    message = refusal(tmp_path, ratings({}).drop("score"))
    assert "expected column 'score' of type Float64, found response_id, rater" in message


def test_a_column_of_another_type_is_named(tmp_path: Path) -> None:
    """With both types."""
    message = refusal(tmp_path, ratings({}).with_columns(pl.col("score").cast(pl.String)))
    assert "expected column 'score' of type Float64, found String" in message


def test_a_long_row_is_shown_in_short(tmp_path: Path) -> None:
    """A message is for a person, even where a cell has a million characters."""
    assert len(refusal(tmp_path, ratings({"rater": "x" * 1_000_000, "score": None}))) < 1000


def test_a_refused_table_leaves_the_old_one(tmp_path: Path) -> None:
    """What was there before stays as it was."""
    tables = Tables(tmp_path)
    tables.write("load/ratings", ratings({}))
    before = tables.path("load/ratings").read_bytes()
    refusal(tmp_path, ratings({"score": None}))
    assert tables.path("load/ratings").read_bytes() == before


def test_a_missing_table_names_the_stage_to_run(tmp_path: Path) -> None:
    """And the file that was expected."""
    with pytest.raises(UserError, match=r"load/ratings.parquet: .* run the stage load first"):
        Tables(tmp_path).read("load/ratings")


def test_a_table_that_someone_changed_is_refused_when_read(tmp_path: Path) -> None:
    """The contract is held on both sides of the file, and the file is named."""
    path = tmp_path / "load" / "ratings.parquet"
    path.parent.mkdir()
    ratings({"score": None}).write_parquet(path)
    with pytest.raises(UserError, match=f"^{path}: 1 of 1 rows break"):
        Tables(tmp_path).read("load/ratings")


def test_a_table_cut_short_is_refused(tmp_path: Path) -> None:
    """A broken file is an error with its name, not a traceback."""
    tables = Tables(tmp_path)
    tables.write("load/ratings", ratings({}))
    path = tables.path("load/ratings")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"ratings\.parquet: expected a Parquet file, found"):
        tables.read("load/ratings")


def test_a_family_is_read_as_one(tmp_path: Path) -> None:
    """One table per rater; none at all is an empty table."""
    tables = Tables(tmp_path)
    for rater in ("ann", "bob"):
        tables.write(f"rate/{rater}", ratings({"rater": rater}))
    assert tables.read_family("rate", ["ann", "bob"])["rater"].to_list() == ["ann", "bob"]
    assert tables.read_family("rate", []).schema == ratings().schema


PROMPTS = ["00" + "0" * 14, "7f" + "0" * 14, "80" + "0" * 14]
HALVES = [Bucket("00", "80"), Bucket("80", None)]


def test_a_table_written_by_buckets_is_one_table(tmp_path: Path) -> None:
    """Each bucket's rows, checked and in order; rows in another order make the same bytes."""
    many, again = Tables(tmp_path / "many"), Tables(tmp_path / "again")
    frame = ratings(*({"prompt_id": name} for name in PROMPTS))
    frame = frame.with_columns(rater=pl.Series(["a", "b", "c"]))
    for tables, rows in ((many, frame.reverse()), (again, frame)):
        told = tables.fill(
            ["load/ratings"],
            HALVES,
            lambda bucket, rows=rows: ((rows.filter(bucket.holds()),), bucket.low),
        )
        assert told == [bucket.low for bucket in HALVES]
        assert tables.read("load/ratings").equals(frame)
    assert many.path("load/ratings").read_bytes() == again.path("load/ratings").read_bytes()


def test_a_bucket_is_read_alone(tmp_path: Path) -> None:
    """The rows of a range of prompts, its low end in it and its high end not."""
    tables = Tables(tmp_path)
    tables.write("load/ratings", ratings(*({"prompt_id": p, "rater": p} for p in PROMPTS)))
    found = [tables.read("load/ratings", bucket)["prompt_id"].to_list() for bucket in HALVES]
    assert found == [PROMPTS[:2], PROMPTS[2:]]


def test_a_table_broken_in_its_second_bucket_does_not_appear(tmp_path: Path) -> None:
    """Whole or absent, however many buckets were written."""
    rows = dict(zip(HALVES, (ratings({}), ratings({"score": None})), strict=True))
    with pytest.raises(UserError):
        Tables(tmp_path).fill(["load/ratings"], HALVES, lambda bucket: ((rows[bucket],), None))
    assert list(tmp_path.rglob("*.parquet")) == []


@pytest.mark.parametrize("table", [*SCHEMAS, *(f"{stage}/member" for stage in FAMILIES)])
def test_every_table_has_a_schema(table: str, tmp_path: Path) -> None:
    """And an empty one of it can be written and read."""
    tables = Tables(tmp_path)
    tables.write(table, schema_of(table).create_empty())
    assert tables.read(table).height == 0
