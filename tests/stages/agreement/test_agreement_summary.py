import json
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from rather.stages.agreement.agreement_summary import band, gate, headline, influences, summarise
from rather.stages.agreement.agreement_text import lines
from rather.stages.agreement.reliability_data import of_ratings, tally
from rather.stages.common.ids import pair_id

NONE = float("nan")


def test_a_summary_tells_what_was_judged(judged: Callable[..., pl.DataFrame]) -> None:
    """Items, raters, judgements, missing ones, and how many items alpha rests on."""
    told = summarise(tally(judged([[1, 2, 3], [1, 2, NONE]])), "score")
    counts = {name: told[name] for name in told if name.startswith("num_")}
    assert counts == {
        "num_items": 3,
        "num_items_judged_twice": 2,
        "num_raters": 2,
        "num_judgements": 5,
        "num_missing": 1,
        "num_values": 3,
    }


def test_a_summary_is_json(judged: Callable[..., pl.DataFrame]) -> None:
    """Every shape of table gives plain data without a NaN, and lines to print."""
    rng = np.random.default_rng(0)
    tables = [
        rng.integers(1, 6, (3, 20)).astype(float),
        rng.normal(size=(3, 200)),
        [[3.0] * 5] * 2,
        [[1.0, 2.0]],
        [[1.0, NONE], [NONE, 2.0]],
        [[NONE, NONE]],
        np.where(rng.random((40, 3)) < 0.1, NONE, rng.normal(size=(40, 3))),
    ]
    for table in tables:
        told = summarise(tally(judged(table)), "score")
        assert json.loads(json.dumps(told, allow_nan=False)) == told
        assert lines(told)


def test_an_empty_table_has_a_summary() -> None:
    """No judgement at all: nothing is known, and said so."""
    empty = pl.DataFrame(
        schema=dict.fromkeys(("response_id", "rater", "aspect", "source"), pl.String)
        | {"score": pl.Float64}
    )
    told = summarise(tally(of_ratings(empty)), "score")
    assert (told["band"], told["may_gate"]) == ("unknown", None)
    assert "Agreement is not known: no item has two ratings." in lines(told)


def test_bands() -> None:
    """Krippendorff's: .8 reliable, .667 tentative."""
    bands = [band(alpha) for alpha in (0.8, 0.79, 0.667, 0.66, None)]
    assert bands == ["reliable", "tentative", "tentative", "unreliable", "unknown"]


@pytest.mark.parametrize(
    ("jackknife", "bootstrap", "may_gate"),
    [([0.1, 0.5], [0.2, 0.6], True), ([0.1, 0.5], [0.0, 0.6], False), (None, None, False)],
)
def test_agreement_gates_only_above_chance(
    jackknife: list[float] | None, bootstrap: list[float] | None, may_gate: bool
) -> None:
    """Both lower bounds are above zero, or the advice says what to do."""
    told = gate({"alpha": 0.3, "jackknife": jackknife, "bootstrap": bootstrap, "reason": None})
    assert told["may_gate"] is may_gate
    assert (told["advice"] is None) is may_gate


def test_coin_flips_may_not_gate(judged: Callable[..., pl.DataFrame]) -> None:
    """Raters at random: guidelines, more raters and the worst items are what helps."""
    table = np.random.default_rng(0).integers(0, 2, (3, 50)).astype(float)
    told = summarise(tally(judged(table)), "score")
    assert told["may_gate"] is False
    assert "Sharpen the guidelines, ask more raters, and look at the worst items" in told["advice"]


def test_aspects_are_never_pooled(judged: Callable[..., pl.DataFrame]) -> None:
    """Aspects of different mean, at random within each: alpha is low, as in each of them."""
    rng = np.random.default_rng(0)
    low, high = rng.integers(1, 3, (2, 40)), rng.integers(4, 6, (2, 40))
    told = summarise(tally(pl.concat([judged(low, "brevity"), judged(high, "candour")])), "score")
    assert told["aspect"] == "brevity"
    assert [part["aspect"] for part in told["aspects"]] == ["brevity", "candour"]
    assert all(abs(part["alpha"]) < 0.3 for part in told["aspects"])


def test_overall_is_the_headline(judged: Callable[..., pl.DataFrame]) -> None:
    """Where an aspect is called overall it stands for agreement, however many judged another."""
    table = tally(pl.concat([judged([[1, 2, 3]] * 2, "candour"), judged([[1]], "overall")]))
    assert headline(table) == "overall"
    assert summarise(table, "score", aspect="candour")["aspect"] == "candour"


def test_sources_are_told_apart(judged: Callable[..., pl.DataFrame]) -> None:
    """One source agrees fully, the other never."""
    same, other = judged([[1, 2], [1, 2]]), judged([[1, 2], [2, 1]])
    apart = other.with_columns(item=pl.col("item") + "b", source=pl.lit("other"))
    told = summarise(tally(pl.concat([same, apart])), "score")
    assert [(part["source"], part["alpha"]) for part in told["sources"]] == [
        ("other", pytest.approx(-0.5)),
        ("table", pytest.approx(1)),
    ]


def test_the_worst_items_are_named(judged: Callable[..., pl.DataFrame]) -> None:
    """The only two disputed items of ten, given the same, are told once, with their values."""
    scores = [1.0, 5, 1, 5, 1, 5, 1, 5, 1, 5]
    told = summarise(tally(judged([scores, [5.0, 1, *scores[2:]]])), "score")
    item = told["worst_items"][0]
    assert len(told["worst_items"]) == 1
    assert (item["responses"], item["num_alike"]) == (["item0000"], 1)
    assert item["given"] == [[1.0, 1], [5.0, 1]]


def test_a_compared_pair_is_named_by_its_id(judged: Callable[..., pl.DataFrame]) -> None:
    """Its two responses and the id under which other tables know it."""
    table = judged([[1.0, -1, 1, 1], [-1.0, -1, 1, 1]]).with_columns(item=pl.col("item") + "|z")
    item = summarise(tally(table), "compare")["worst_items"][0]
    assert item["responses"] == ["item0000", "z"]
    assert item["pair_id"] == pair_id("item0000", "z")


def test_influences_are_told_for_every_aspect(judged: Callable[..., pl.DataFrame]) -> None:
    """A row for each aspect and rater, in order; none of an empty table."""
    table = tally(pl.concat([judged([[1, 2]] * 3, "b"), judged([[1, 2]] * 2, "a")]))
    rows = influences(table, "score").select("aspect", "rater", "num_judgements").rows()
    names = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("b", 2)]
    assert rows == [(aspect, f"rater{number:04}", 2) for aspect, number in names]
    assert influences(table.clear(), "score").is_empty()


def test_names_are_printed_on_one_line(judged: Callable[..., pl.DataFrame]) -> None:
    """Control characters in a rater's name never reach the terminal."""
    table = judged([[1, 2, 1], [1, 2, 2]]).with_columns(rater=pl.col("rater") + "\x1b[2J\n" * 20)
    printed = lines(summarise(tally(table), "score"))
    assert all(line.isprintable() and len(line) <= 110 for line in printed)
