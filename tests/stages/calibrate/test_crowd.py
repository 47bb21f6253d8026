"""Label models, by crowd-kit."""

import polars as pl
import pytest

from rather.schemas.base import UserError
from rather.stages.calibrate.calibrate import Options, in_memory
from rather.stages.calibrate.crowd import Method, aggregate
from tests.worlds import crowd

pytest.importorskip("crowdkit")

MEMBERS: list[Method] = ["dawid_skene", "mace"]


def judged(*rows: tuple[str, str, float]) -> pl.DataFrame:
    """Make labels of (item, rater, label)."""
    return pl.DataFrame(rows, schema=["item", "rater", "label"], orient="row")


@pytest.mark.parametrize("method", MEMBERS)
def test_the_careless_rater_is_found(method: Method) -> None:
    """Two agree on forty items, the third says 1 of all: it is right of half of them."""
    rows = [
        (f"{item:02}", rater, label)
        for item in range(40)
        for rater, label in (("r", float(item % 2)), ("s", float(item % 2)), ("t", 1.0))
    ]
    found = aggregate(judged(*rows), ["item"], method)
    assert found.raters is not None
    reliability = dict(found.raters.iter_rows())
    assert reliability["r"] > 0.9
    assert reliability["t"] == pytest.approx(0.5, abs=0.1)
    assert found.items["score"].round(0).to_list() == [0.0, 1.0] * 20


def test_two_raters_are_too_few() -> None:
    """With two raters the mean is taken, and said so."""
    rows = [(f"{item}", rater, 1.0) for item in range(30) for rater in "rs"]
    found = aggregate(judged(*rows), ["item"], "dawid_skene")
    assert found.raters is None
    assert found.note is not None
    assert "found 2" in found.note


def test_continuous_scores_are_refused() -> None:
    """Twelve different labels are scores, not labels: the message says what to choose instead."""
    rows = [(f"{item}", rater, float(item)) for item in range(12) for rater in "rst"]
    with pytest.raises(UserError, match="found 12; choose"):
        aggregate(judged(*rows), ["item"], "mace")


@pytest.mark.parametrize("method", MEMBERS)
@pytest.mark.parametrize("kind", ["scores", "comparisons"])
def test_label_models_serve_both_kinds(method: Method, kind: str) -> None:
    """The adversary comes last by either model, of scores and of comparisons."""
    world = crowd(60, kind=kind)
    found, _ = in_memory(world.ratings, world.comparisons, world.features, Options(method=method))
    worst = found.raters.sort("reliability")["rater"][0]
    assert worst == "rater9"
