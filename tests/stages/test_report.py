import re
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from schemas.features import Features
from schemas.pairs import DroppedPairs, Pairs
from schemas.scores import Raters
from stages import charts
from stages.length import length_report
from stages.report import dropped_by_reason, ledger_rows, report, verdict

SCRIPT = "<script>alert(1)</script>"


def good(**changes: Any) -> dict[str, Any]:
    """What validate writes of one good pair."""
    quality = {
        "success": True,
        "num_pairs": 1200,
        "agreement": 0.9,
        "agreement_before": 0.8,
        "agreement_floor": 0.7,
        "agreement_aim": 0.85,
        "aim_reached": True,
        "margin": {"median": 1.25},
        "share_longer": {"before": 0.75, "after": 0.5},
        "expectations": [
            {"name": "margin is given", "success": True, "observed": 0, "in_corpus": False},
            {"name": "agreement is known", "success": None, "observed": None, "in_corpus": True},
        ],
        "not_applicable": [],
        "failures": [],
    }
    return quality | changes


def pairs(*margins: float | None) -> pl.DataFrame:
    """Pairs of these margins, each of its own prompt; pair i is chosen i tokens longer."""
    rows = [
        {
            "pair_id": f"{number:016x}",
            "prompt_id": f"{number:016x}",
            "split": "train",
            "chosen_id": f"{number:015x}a",
            "rejected_id": f"{number:015x}b",
            "chosen_score": margin,
            "rejected_score": 0.0,
            "margin": margin,
            "agreement": 0.9,
            "num_raters": 2,
            "chosen_tokens": 5 + number,
            "rejected_tokens": 5,
            "length_gap": number,
            "complete": True,
            "distinct": True,
        }
        for number, margin in enumerate(margins)
    ]
    return pl.DataFrame(rows, schema=Pairs.create_empty().schema)


def drops(*reasons: tuple[str, list[str]]) -> pl.DataFrame:
    """Dropped pairs, each with the reason that owns it and all that failed."""
    base = pairs(*(0.1 for _ in reasons))
    return base.with_columns(
        reason=pl.Series([reason for reason, _ in reasons], dtype=pl.String),
        failed=pl.Series([failed for _, failed in reasons], dtype=pl.List(pl.String)),
    )


def raters(*names: str) -> pl.DataFrame:
    """Raters of these names."""
    rows = [
        {
            "rater": name,
            "kind": "score",
            "num_ratings": 1500,
            "num_missing": 2,
            "mean": 3.0,
            "sd": None,
            "reliability": None,
            "num_items": 0,
        }
        for name in names
    ]
    return pl.DataFrame(rows, schema=Raters.create_empty().schema)


def findings(**changes: Any) -> dict[str, Any]:
    """What pipeline/reporting.py measures where there is next to nothing."""
    nothing = {"num_right": 0, "num_pairs": 0, "share": None}
    found: dict[str, Any] = {
        "advice": [],
        "length": {side: length_report(Pairs.create_empty()) for side in ("before", "after")},
        "longer_wins": {"tokens": nothing, "characters": nothing},
        "raters": [],
        "retention": [],
        "diversity": {
            side: {
                "prompts": 0,
                "clusters": 0,
                "largest_share": None,
                "effective_clusters": None,
                "distinct_2": None,
            }
            for side in ("before", "after")
        },
    }
    return found | changes


def page(ledgers: Any = None, quality: Any = None, **more: Any) -> str:
    """The page of three pairs, one of them dropped, or of the tables given."""
    tables: dict[str, Any] = {
        "pairs": pairs(0.1, 0.6, 1.5),
        "dropped": drops(("margin", ["margin", "agreement"])),
        "chosen": pairs(0.6, 1.5),
        "raters": raters("ann"),
        "features": Features.create_empty(),
        "findings": findings(),
        "agreement": {},
    }
    return report(ledgers or {}, quality or good(), **(tables | more))


def text_of(html: str) -> str:
    """What a reader sees, without markup."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.S))


def test_the_page_loads_and_runs_nothing() -> None:
    """The document has no script, no style sheet, image or font of elsewhere."""
    html = page()
    assert html.startswith("<!doctype html>")
    assert not re.search(r"<script|<link|<img|\bsrc=|url\(|@import", html)


def test_the_verdict_comes_first_in_words() -> None:
    """A reader learns first whether the pairs may be trained on, and with what agreement."""
    assert verdict(good()) == (
        "1,200 pairs are ready for training. Mean agreement of 0.900 meets the floor of 0.7 "
        "and reaches the aim of 0.85."
    )
    assert "falls short of the aim" in verdict(good(aim_reached=False))


def test_the_verdict_says_where_nobody_agreed() -> None:
    """Pairs without agreement are ready, and the page says that nothing was checked."""
    assert "No pair has agreement" in verdict(good(agreement=None, aim_reached=None))


def test_failures_are_listed() -> None:
    """Low quality is refused in words, with each failure."""
    text = text_of(page(quality=good(success=False, failures=["margin is given: 3 of 9 fail"])))
    assert "convert refuses them" in text and "margin is given: 3 of 9 fail" in text


def test_notes_and_what_is_not_applicable_are_announced() -> None:
    """The caller's notes and the expectations that were not applicable both stand on the page."""
    text = text_of(page(quality=good(not_applicable=["floor: n/a"]), notes=["rule: n/a"]))
    assert "rule: n/a" in text and "floor: n/a" in text


def advice(level: str, sentence: str) -> dict[str, str]:
    """One piece of advice."""
    return {"level": level, "sentence": sentence}


def test_warnings_come_before_notes_and_figures() -> None:
    """Advice stands near the verdict, the loud first."""
    told = findings(advice=[advice("note", "few of x"), advice("warning", "none of y")])
    text = text_of(page(findings=told))
    assert "Warning none of y few of x Chosen pairs" in text


GROUP = {"group": "forum", "before": 100, "after": 10, "rate": 0.1, "flagged": True}
UNNAMED = {"group": None, "before": 2000, "after": 1900, "rate": 0.95, "flagged": False}


def test_groups_of_prompts_are_listed_with_the_flagged_marked() -> None:
    """10 of 100 is far below the others; prompts without a category say so."""
    part = {"by": "category", "num_groups": 2, "groups": [GROUP, UNNAMED]}
    text = text_of(page(findings=findings(retention=[part])))
    assert "forum 100 10 10.0% far below the others not given 2,000 1,900 95.0% " in text
    assert "are listed" not in text


def test_groups_that_are_not_listed_are_counted() -> None:
    """Of 1,234 categories one is listed."""
    part = {"by": "category", "num_groups": 1234, "groups": [GROUP]}
    assert "1 of 1,234 are listed" in text_of(page(findings=findings(retention=[part])))


def test_longer_wins_is_said_where_pairs_were_compared() -> None:
    """The longer answer in characters is the majority's in 30 of 40; tokens tell nothing here."""
    won = {
        "tokens": {"num_right": 0, "num_pairs": 0, "share": None},
        "characters": {"num_right": 30, "num_pairs": 40, "share": 0.75},
    }
    text = text_of(page(findings=findings(longer_wins=won)))
    assert "in characters, agrees with most raters on 30 of 40 compared pairs" in text
    assert "“The longer one wins”, in tokens" not in text


def test_alpha_and_its_advice_are_shown() -> None:
    """The row at the level that counts, and below it what to do."""
    at = {"alpha": 0.5, "jackknife": [0.25, 0.75], "bootstrap": None}
    told = {
        "aspect": "overall",
        "level": "ordinal",
        "alpha": {"ordinal": at},
        "band": "unreliable",
        "num_items_judged_twice": 40,
        "num_judgements": 1200,
        "num_raters": 3,
        "advice": "Ask more raters.",
    }
    text = text_of(page(agreement={"score": told}))
    assert "scores overall 0.500 ordinal 0.250 to 0.750 – unreliable 40 1,200 3" in text
    assert "Of scores: Ask more raters." in text
    assert "No rater judged anything." in text_of(page())


def test_comparisons_alone_have_no_margin_to_draw() -> None:
    """Null margins draw no histogram; the other charts and figures stand."""
    unscored = pairs(None, None)
    html = page(
        pairs=unscored, chosen=unscored, quality=good(margin={"median": None}), margin_at_least=0.5
    )
    assert html.count("<svg") == 2
    text = text_of(html)
    assert "No pair has a margin" in text and "Median margin – standard deviations" in text


def test_the_ledger_lists_every_stage_and_unit() -> None:
    """Each row gives in, kept and the drop reasons, most frequent first, ties by name."""
    count = {"in": 1200, "kept": 1100, "dropped": {"b": 10, "margin": 80, "a": 10}}
    (row,) = ledger_rows({"winnow": {"pairs": count}})
    assert row["dropped"] == [("margin", 80), ("a", 10), ("b", 10)]
    text = text_of(page({"winnow": {"pairs": count}}))
    assert "winnow pairs 1,200 1,100 80 margin 10 a 10 b" in text


def test_a_reason_owns_and_would_have_failed() -> None:
    """Margin owns two of three pairs and agreement one; agreement would have failed two."""
    dropped = drops(
        ("margin", ["margin", "agreement"]), ("margin", []), ("agreement", ["agreement"])
    )
    assert dropped_by_reason(dropped).rows() == [("margin", 2, 2), ("agreement", 1, 2)]


@pytest.mark.parametrize(
    "told",
    [
        {"raters": raters(SCRIPT)},
        {"dropped": drops((SCRIPT, [SCRIPT]))},
        {"ledgers": {"load": {"rows": {"in": 1, "kept": 0, "dropped": {SCRIPT: 1}}}}},
        {"notes": [SCRIPT]},
        {"length_unit": SCRIPT},
        {"quality": good(success=False, failures=[SCRIPT])},
        {"findings": findings(advice=[advice("warning", SCRIPT)])},
        {
            "findings": findings(
                retention=[
                    {"by": "source", "num_groups": 1, "groups": [GROUP | {"group": SCRIPT}]},
                ]
            )
        },
    ],
)
def test_whatever_the_data_says_is_escaped(told: dict[str, Any]) -> None:
    """A script among names, reasons or notes is shown as text, in tables and in charts."""
    html = page(**told)
    assert "<script" not in html and "&lt;script&gt;" in html


def test_a_reason_cannot_leave_the_charts_label() -> None:
    """Quotes in a reason do not end the attribute that names the chart."""
    reason = '" onload="x'
    drawn = charts.reasons(pl.DataFrame({"reason": [reason], "owned": [1], "failed": [1]}))
    root = ElementTree.fromstring(drawn)
    assert reason in root.attrib["aria-label"] and "onload" not in root.attrib


def test_empty_tables_make_a_page() -> None:
    """Without pairs, raters or ledgers the page says so and draws nothing."""
    nothing = {"median": None}
    html = page(
        quality=good(margin=nothing, share_longer={"before": None, "after": None}),
        pairs=Pairs.create_empty(),
        dropped=DroppedPairs.create_empty(),
        chosen=Pairs.create_empty(),
        raters=raters(),
    )
    assert "No pair was built." in html and "No rater scored anything." in html
    assert "No pair was dropped." in html and "<svg" not in html


def test_every_pair_dropped_still_draws_what_was_there() -> None:
    """With pairs but none chosen, the distributions before the rules are still drawn."""
    assert page(chosen=Pairs.create_empty()).count("<svg") == 3


def test_the_same_tables_make_the_same_bytes() -> None:
    """Nothing on the page depends on when or how often it is made."""
    assert page() == page()


def test_charts_name_themselves() -> None:
    """Each chart is an image with a label, for those who do not see it."""
    html = page()
    assert html.count("<svg") == 3 == len(re.findall(r'<svg role="img" aria-label="[^"]+"', html))


def test_the_margin_rule_is_drawn_where_it_cuts() -> None:
    """The cut line is there with the rule's threshold, and only where the rule stands."""
    assert "at least 0.5" in page(margin_at_least=0.5)
    assert "at least" not in text_of(page())


def test_lengths_say_their_unit() -> None:
    """Without a tokenizer lengths are bytes, and the chart says so."""
    assert "in bytes" in text_of(page(length_unit="bytes"))


def test_charts_have_every_palette_colour_in_the_dark() -> None:
    """Each colour of the drawings has its counterpart for dark pages, matched by value."""
    html = page(margin_at_least=0.5)
    assert charts.LIGHT.keys() == charts.DARK.keys()
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]+)"', html.split("</style>")[1]))
    assert used <= set(charts.LIGHT.values())


def test_margins_count_only_pairs_that_have_one() -> None:
    """Of four pairs before and three after, three and two have a margin."""
    before, after = pl.Series([0.5, 1.0, None, 2.0]), pl.Series([0.5, None, 2.0])
    drawn = charts.margins(before, after, None)
    assert "3 pairs before the rules, 2 after" in drawn


def test_margins_below_zero_have_bars_of_their_own() -> None:
    """From -1 to 2 in 32 bins makes steps of .1: an axis from 0 would put -1 into the first bar."""
    drawn = charts.margins(pl.Series([-1.0, 0.5, 2.0]), pl.Series([0.5]), None)
    labels = re.findall(r">([−-]\d[^<]*)</text>", drawn)
    assert labels and not re.findall(
        r">[−-]\d", charts.margins(pl.Series([0.5]), pl.Series([0.5]), None)
    )


def test_histogram_counts_what_lies_beyond_its_ends() -> None:
    """Bins of 1 from 0 to 2: .5 | 1.0, 1.9 | 9 at the open end, and -3 at the other."""
    counted = charts.histogram(pl.Series([0.5, 1.0, 1.9, 9.0, -3.0]), 1.0, 0, 2, 0.0)
    assert counted["num"].to_list() == [2, 2, 1]
    assert counted["share"].sum() == pytest.approx(1.0)


def test_gap_bins_are_symmetric_about_zero() -> None:
    """With a step of 10, gaps from -5 to 4 stand on zero."""
    counted = charts.histogram(pl.Series([-6, -5, 0, 4, 5]), 10.0, -1, 1, 0.5)
    assert counted["num"].to_list() == [1, 3, 1]
    assert counted["middle"].to_list() == [-10.0, 0.0, 10.0]


@pytest.mark.parametrize(("reach", "step"), [(3.0, 0.1), (3.1, 0.2), (40.0, 2.0), (0.0, 1.0)])
def test_steps_are_round(reach: float, step: float) -> None:
    """Thirty bins reach 3 in steps of .1; a little further takes the next round step."""
    assert charts.step_for(reach, 30) == pytest.approx(step)
