"""Every two answers of a prompt, as row numbers."""

import numpy as np
import polars as pl

from rather.stages.pair.couples import couples, every_two, row_numbers


def answers(*rows: tuple[str, int, float | None]) -> pl.DataFrame:
    """Make answers of (response id, number of the prompt, score)."""
    schema = {"response_id": pl.String, "prompt": pl.UInt32, "score": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def compared(*rows: tuple[int, int]) -> pl.DataFrame:
    """Make compared couples of row numbers."""
    return pl.DataFrame(rows, schema={"first": pl.Int64, "second": pl.Int64}, orient="row")


def test_every_two_rows_of_a_run() -> None:
    """Runs of 3, 1 and 2 rows give 3, 0 and 1 couples."""
    first, second = every_two(np.array([7, 7, 7, 3, 5, 5]))
    assert list(zip(first, second, strict=True)) == [(0, 1), (0, 2), (1, 2), (4, 5)]


def test_no_rows_give_no_couples() -> None:
    """An empty bucket is none."""
    first, second = every_two(np.array([], dtype=np.int64))
    assert (len(first), len(second)) == (0, 0)


TABLE = answers(("a", 0, 1.0), ("b", 0, None), ("c", 0, 2.0), ("d", 1, 1.0), ("e", 1, None))


def test_scored_and_compared_are_united() -> None:
    """a and c are scored, a and b were compared; c and a compared as well add nothing."""
    found = couples(TABLE, compared((0, 1), (0, 2)))
    assert sorted(zip(found.first, found.second, strict=True)) == [(0, 1), (0, 2)]


def test_each_couple_is_found_where_it_stands() -> None:
    """Of a scored couple and of one that is only compared."""
    found = couples(TABLE, compared((0, 1), (3, 4), (1, 2)))
    assert len(found) == 4
    assert list(found.find(found.first, found.second)) == [0, 1, 2, 3]


def test_what_is_not_paired_is_not_found() -> None:
    """Neither is scored, or one is not and they were not compared: -1."""
    found = couples(TABLE, compared((0, 1)))
    assert list(found.find(np.array([1, 3]), np.array([2, 4]))) == [-1, -1]


def test_many_scored_answers_are_found_by_arithmetic() -> None:
    """Groups of 5, 1, 0 and 4 scored answers, with unscored ones between them."""
    rows = [
        (f"{prompt}{at}", prompt, None if at % 3 == 2 else 1.0)
        for prompt, size in enumerate((8, 1, 0, 6))
        for at in range(size)
    ]
    found = couples(answers(*rows), compared())
    assert len(found) == 6 * 5 // 2 + 4 * 3 // 2
    assert list(found.find(found.first, found.second)) == list(range(len(found)))


def test_ids_are_found_whatever_is_asked() -> None:
    """An unknown id is nowhere."""
    found = couples(TABLE, compared())
    place = found.find_ids(pl.Series(["a", "a"]), pl.Series(["c", "z"]), TABLE)
    assert list(place) == [0, -1]


def test_row_numbers_keep_the_order_asked() -> None:
    """Repeated, unknown and missing ids each stay where they stand."""
    asked = pl.Series(["c", "c", "z", None, "a"], dtype=pl.String)
    assert row_numbers(TABLE, asked).to_list() == [2, 2, None, None, 0]
