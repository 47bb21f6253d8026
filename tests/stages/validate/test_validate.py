import json
import logging
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from rather.schemas.base import QualityError
from rather.schemas.evidence import Pairs
from rather.stages.text.length import share_longer
from rather.stages.validate.declared_quality import Options, scalars
from rather.stages.validate.table_suites import suite
from rather.stages.validate.validate import require, validate


def pair(number: int, **changes: Any) -> dict[str, Any]:
    """A good pair of its own prompt, chosen one token longer."""
    columns = {
        "pair_id": f"{number:016x}",
        "prompt_id": f"{number:016x}",
        "split": "train",
        "chosen_id": f"{number:015x}a",
        "rejected_id": f"{number:015x}b",
        "chosen_score": 1.0,
        "rejected_score": 0.0,
        "margin": 1.0,
        "agreement": 0.9,
        "num_raters": 2,
        "chosen_tokens": 5,
        "rejected_tokens": 4,
        "length_gap": 1,
        "complete": True,
        "distinct": True,
    }
    return columns | changes


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    """Pairs as a table."""
    return pl.DataFrame(list(rows), schema=Pairs.create_empty().schema)


def judged(chosen: pl.DataFrame, folder: Path, **options: Any) -> dict[str, Any]:
    """The verdict on pairs that no rule has touched."""
    return validate(chosen, chosen, Options(**options), folder)


def failing(quality: dict[str, Any]) -> set[str]:
    """The expectations that do not hold."""
    return {row["name"] for row in quality["expectations"] if row["success"] is False}


def test_good_pairs_succeed(tmp_path: Path) -> None:
    """Pairs that meet every expectation succeed, without a failure, and convert may go on."""
    quality = judged(table(pair(1), pair(2)), tmp_path)
    assert quality["success"] and quality["failures"] == [] and quality["num_pairs"] == 2
    require(quality)


def test_low_agreement_is_written_not_raised(tmp_path: Path) -> None:
    """(.5 + .7) / 2 = .6 is below a floor of .7: a verdict with expected, found and remedy."""
    quality = judged(table(pair(1, agreement=0.5), pair(2, agreement=0.7)), tmp_path)
    assert not quality["success"] and failing(quality) == {"mean agreement is at least 0.7"}
    (failure,) = quality["failures"]
    assert "found 0.6;" in failure and "validate.agreement_floor" in failure


def test_require_names_figures_and_remedy(tmp_path: Path) -> None:
    """Convert is refused with the figure and the parameter to turn."""
    with pytest.raises(QualityError, match=r"(?s)at least 3: found 1;.*choose\.balance to none"):
        require(judged(table(pair(1)), tmp_path, min_pairs=3))


def test_mean_equal_to_the_floor_passes(tmp_path: Path) -> None:
    """Three times .7 averages to .6999999999999998 in floating point, and still meets .7."""
    assert judged(table(*(pair(i, agreement=0.7) for i in range(3))), tmp_path)["success"]


def test_mean_equal_to_the_aim_reaches_it(tmp_path: Path) -> None:
    """The aim is as forgiving of the last digit as the floor, and missing it fails nothing."""
    rows = [pair(i, agreement=0.7) for i in range(3)]
    assert judged(table(*rows), tmp_path, agreement_aim=0.7)["aim_reached"] is True
    quality = judged(table(*rows), tmp_path, agreement_aim=0.71)
    assert quality["aim_reached"] is False and quality["success"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"pair_id": f"{1:016x}"}, "pair_id is unique"),
        ({"rejected_id": f"{2:015x}a"}, "a pair has two responses"),
        ({"prompt_id": f"{1:016x}", "split": "test"}, "a prompt is on one side of the split"),
        ({"agreement": 1.5}, "agreement is from 0 to 1"),
        ({"chosen_tokens": 0}, "chosen is not empty"),
        ({"rejected_tokens": 0}, "rejected is not empty"),
        ({"complete": False}, "both answers are complete"),
        ({"distinct": False}, "the two texts differ"),
    ],
)
def test_one_bad_pair_fails_its_expectation(
    changes: dict[str, Any], name: str, tmp_path: Path
) -> None:
    """A single bad pair fails the one expectation it breaks, and no other."""
    quality = judged(table(pair(1), pair(2, **changes)), tmp_path)
    assert failing(quality) == {name} and not quality["success"]


@pytest.mark.parametrize("margin", [None, -0.1])
def test_a_pair_that_was_compared_needs_no_margin(margin: float | None, tmp_path: Path) -> None:
    """Comparisons give no margin, and outvote one that ratings give the other way."""
    assert judged(table(pair(1), pair(2, margin=margin)), tmp_path)["success"]


def test_no_chosen_pair_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    """An empty table fails for its size alone, with null figures."""
    quality = judged(table(), tmp_path)
    assert failing(quality) == {"the number of chosen pairs is at least 1"}
    assert quality["agreement"] is None and quality["margin"]["median"] is None


def test_without_agreement_the_floor_is_not_applicable(tmp_path: Path) -> None:
    """Where no pair has agreement, its expectations neither hold nor fail, and that is said."""
    quality = judged(table(pair(1, agreement=None)), tmp_path)
    verdicts = {row["name"]: row["success"] for row in quality["expectations"]}
    assert verdicts["mean agreement is at least 0.7"] is None and quality["success"]
    assert quality["agreement"] is None and quality["aim_reached"] is None
    assert "mean agreement is at least 0.7: not applicable" in quality["not_applicable"][0]


@pytest.mark.parametrize(("share", "fails"), [(0.75, False), (0.76, True)])
def test_a_quantile_of_the_margins_may_be_asked_for(
    share: float, fails: bool, tmp_path: Path
) -> None:
    """Three of four margins are 2 or more; the lowest is 1."""
    margins = (1.0, 2.0, 2.0, 3.0)
    chosen = table(*(pair(number, margin=margin) for number, margin in enumerate(margins, 1)))
    found = failing(judged(chosen, tmp_path, margins_at_least={share: 2.0}))
    assert found == ({f"{share:.0%} of the margins are at least 2"} if fails else set())


@pytest.mark.parametrize(("most", "fails"), [(0.25, False), (0.24, True)])
def test_a_length_effect_may_be_bounded(most: float, fails: bool, tmp_path: Path) -> None:
    """Of four unequal pairs three are longer, a quarter beyond one half; the equal one is out."""
    gaps = (1, 1, 1, -1, 0)
    chosen = table(*(pair(number, length_gap=gap) for number, gap in enumerate(gaps, 1)))
    quality = judged(chosen, tmp_path, length_effect_at_most=most)
    assert bool(failing(quality)) == fails and quality["success"] != fails


@pytest.mark.parametrize(("rarer", "success"), [(0.2, True), (0.21, False)])
@pytest.mark.parametrize("desirable", [10, 40])
def test_the_balance_of_labels_may_be_asked_for(
    desirable: int, rarer: float, success: bool, tmp_path: Path
) -> None:
    """Of 50 labels 10 are of the rarer kind, whichever it is: a share of .2."""
    labels = {"desirable": desirable, "undesirable": 50 - desirable}
    options = Options(rarer_label_at_least=rarer)
    quality = validate(table(pair(1)), table(pair(1)), options, tmp_path, labels=labels)
    assert quality["success"] == success and quality["labels"] == labels


def test_what_no_source_told_is_not_asked(tmp_path: Path) -> None:
    """Without margins and lengths that differ, their expectations are not applicable."""
    chosen = table(pair(1, margin=None, length_gap=0))
    options = {"margins_at_least": {0.5: 9.0}, "length_effect_at_most": 0.0}
    quality = judged(chosen, tmp_path, **options)
    assert quality["success"] and len(quality["not_applicable"]) == 2


def test_tables_are_judged_beside_the_pairs(tmp_path: Path) -> None:
    """A table that breaks its schema fails the whole, named with its table."""
    twice = pl.concat([table(pair(1)), table(pair(1))])
    asked = suite("pair/pairs", Pairs, twice.lazy())
    quality = validate(table(pair(1)), table(pair(1)), Options(), tmp_path, tables=[asked])
    assert not quality["success"]
    assert any(
        failure.startswith("pair.pairs: pair_id is unique: 2 of 2 fail")
        for failure in quality["failures"]
    )
    assert [told["table"] for told in quality["tables"]] == ["chosen", "pair.pairs"]


def test_agreement_before_counts_all_pairs_with_a_margin(tmp_path: Path) -> None:
    """Before the rules: (.9 + .5) / 2 = .7; the pair with no margin has no preference to share."""
    pairs = table(pair(1), pair(2, agreement=0.5), pair(3, agreement=0.1, margin=0.0))
    quality = validate(table(pair(1)), pairs, Options(), tmp_path)
    assert quality["agreement_before"] == pytest.approx(0.7)
    assert quality["agreement"] == pytest.approx(0.9)


def test_share_longer_leaves_out_equal_lengths() -> None:
    """Of gaps 2, 1, -1 and 0, three are unequal and two of those are longer."""
    assert share_longer(pl.DataFrame({"length_gap": [2, 1, -1, 0]})) == pytest.approx(2 / 3)
    assert share_longer(pl.DataFrame({"length_gap": [0]})) is None


def test_margin_quantiles(tmp_path: Path) -> None:
    """Margins 1, 2, 3 have the median 2 and their own ends."""
    margin = judged(table(*(pair(i, margin=float(i)) for i in (1, 2, 3))), tmp_path)["margin"]
    assert (margin["min"], margin["median"], margin["max"]) == (1.0, 2.0, 3.0)


def test_quality_is_stable_bytes_without_paths(tmp_path: Path) -> None:
    """The same pairs judged in two folders give the same JSON, which names no folder."""
    chosen = table(pair(1), pair(2, complete=False))
    first, second = (json.dumps(judged(chosen, tmp_path / name)) for name in ("one", "two"))
    assert first == second and str(tmp_path) not in first


def test_data_docs_are_built_anew(tmp_path: Path) -> None:
    """The docs hold the last judgement only, in the failing pairs' own words."""
    judged(table(pair(1)), tmp_path)
    judged(table(pair(1, complete=False)), tmp_path)
    (page,) = (tmp_path / "docs" / "validations").rglob("*.html")
    assert (tmp_path / "docs" / "index.html").exists()
    assert "both answers are complete" in page.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"docs", "gx"}


def test_a_relative_folder_keeps_machine_paths_out_of_the_docs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing built for a relative folder names the directory it was built in."""
    monkeypatch.chdir(tmp_path)
    judged(table(pair(1)), Path("validate"))
    built = [
        path for path in Path("validate").rglob("*") if path.suffix in (".html", ".yml", ".json")
    ]
    assert built and not any(str(tmp_path) in path.read_text() for path in built)


def test_validation_is_silent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither progress bars nor log lines reach a person's terminal."""
    with caplog.at_level(logging.WARNING):
        judged(table(pair(1)), tmp_path)
    assert capfd.readouterr() == ("", "") and caplog.records == []


def test_the_view_is_scalar() -> None:
    """Great Expectations sees ids, numbers and flags only."""
    assert not any(dtype.is_nested() for dtype in scalars(table(pair(1))).dtypes)


@pytest.mark.parametrize("options", [{"agreement_floor": 1.1}, {"min_pairs": 0}, {"floor": 0.5}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    """A floor above 1, an empty training set and an unknown name are mistakes."""
    with pytest.raises(ValidationError):
        Options(**options)
