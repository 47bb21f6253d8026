"""Each figure of an audit, worked out another way: plain Python over the run's tables."""

import json
from collections import Counter
from pathlib import Path
from statistics import fmean, median
from typing import Any

import krippendorff
import numpy as np
import polars as pl
import pytest

from rather.auditing.figures import audit_figures
from rather.auditing.worst_rows import audit_rows
from rather.params.params import make_params
from rather.run import Run
from rather.runners.convert import run as run_convert
from rather.stages.audit.verdict import RULES
from rather.tables import buckets
from tests.pipeline.audited import NUM_COMPARED, REFUSAL, Audited, Row, compared, rated
from tests.pipeline.curated import PAIRS, curated

MAKE = {"ratings": rated, "comparisons": compared}
NEAR = 1e-6  # figures are rounded to six decimals


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Audited]:
    """Both runs, audited."""
    folder = tmp_path_factory.mktemp("audited")
    return {name: Audited(make(folder / name)) for name, make in MAKE.items()}


@pytest.fixture(params=MAKE)
def audited(request: pytest.FixtureRequest, audits: dict[str, Audited]) -> Audited:
    """One of the runs after the other."""
    return audits[request.param]


def near(value: float | None) -> Any:
    """Equal but for rounding."""
    return value if value is None else pytest.approx(value, abs=NEAR)


def share(flags: list[bool]) -> float | None:
    """The share of flags that are true."""
    return fmean(flags) if flags else None


def test_totals_are_counts_of_the_tables(audited: Audited) -> None:
    """Pairs before any rule and kept, and prompts that have a kept one."""
    told = audited.figures["totals"]
    assert told["pairs"] == len(audited.pairs) > 100
    assert told["kept"] == told["training"] == len(audited.chosen) > 50
    assert told["prompts"] == len(audited.prompts)
    assert told["prompts_kept"] == len({pair["prompt_id"] for pair in audited.chosen})


def test_the_five_figures(audited: Audited) -> None:
    """Shares and means of the tables, in their order, each inside its interval."""
    told = {each["name"]: each for each in audited.figures["headline"]}
    assert list(told) == [
        "pairs_kept",
        "agreement",
        "p_correct",
        "length_effect",
        "duplicates_and_leaks",
    ]
    unequal = [pair for pair in audited.chosen if pair["length_gap"]]
    expected = {
        "pairs_kept": len(audited.chosen) / len(audited.pairs),
        "p_correct": fmean(pair["p_correct"] for pair in audited.chosen),
        "length_effect": share([pair["length_gap"] > 0 for pair in unequal]),
    }
    assert {name: told[name]["value"] for name in expected} == near_all(expected)
    for each in told.values():
        assert each["low"] is None or each["low"] <= each["value"] <= each["high"]


def near_all(values: dict[str, Any]) -> dict[str, Any]:
    """Equal but for rounding, each of several."""
    return {name: near(value) for name, value in values.items()}


def test_intervals_are_those_of_a_bootstrap_over_prompts(audits: dict[str, Audited]) -> None:
    """Within .03 of the middle 95% of 2,000 draws of as many prompts."""
    audited, rng = audits["ratings"], np.random.default_rng(0)
    kept = Counter(pair["prompt_id"] for pair in audited.chosen)
    every = Counter(pair["prompt_id"] for pair in audited.pairs)
    table = np.array([[kept[prompt], num] for prompt, num in every.items()])
    drawn = table[rng.integers(len(table), size=(2000, len(table)))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    told = audited.figures["headline"][0]
    assert (told["low"], told["high"]) == pytest.approx((low, high), abs=0.03)


def test_the_waterfall_counts_what_was_dropped(audited: Audited) -> None:
    """Of load what was set aside, of winnow and choose the pairs by reason."""
    dropped = Counter((pair["stage"], pair["reason"]) for pair in audited.pairs)
    aside = Counter((row["unit"], row["reason"]) for row in audited.rows("load/set_aside"))
    told = audited.figures["waterfall"]
    pairs = {(e["stage"], e["reason"]): e["count"] for e in told if e["unit"] == "pairs"}
    load = {(e["unit"], e["reason"]): e["count"] for e in told if e["stage"] == "load"}
    assert pairs == {fate: num for fate, num in dropped.items() if fate[0]}
    assert load == aside


def test_reasons_say_what_they_ask(audited: Audited) -> None:
    """Each with its pairs, and findings that drop nothing."""
    dropped = Counter(pair["reason"] for pair in audited.pairs if pair["reason"])
    findings = {
        "repeated_prompt": sum(pair["duplicate_of"] is not None for pair in audited.pairs),
        "in_a_test_set": sum(pair["contamination"] is not None for pair in audited.pairs),
        "flipped_label": (audited.figures["flips"] or {"flipped": 0})["flipped"],
    }
    expected = dropped | {name: num for name, num in findings.items() if num}
    assert {each["reason"]: each["num_pairs"] for each in audited.figures["reasons"]} == expected
    assert all(each["what"] for each in audited.figures["reasons"])


@pytest.mark.parametrize("by", ["by_source", "by_generator"])
def test_pairs_by_where_they_come_from(by: str, audited: Audited) -> None:
    """Of each file, and of each model that gave one of the two answers."""

    def names(pair: Row) -> set[str]:
        if by == "by_source":
            return {audited.prompts[pair["prompt_id"]]["source"]}
        return {audited.answers[pair[f"{side}_id"]]["generator"] for side in SIDES}

    every = Counter(name for pair in audited.pairs for name in names(pair))
    kept = Counter(name for pair in audited.chosen for name in names(pair))
    told = {each["name"]: each for each in audited.figures[by]}
    assert {name: each["pairs"] for name, each in told.items()} == every
    assert {name: each["kept"] for name, each in told.items()} == kept
    for name, each in told.items():
        assert sum(each["reasons"].values()) == every[name] - kept[name]


SIDES = ("chosen", "rejected")


def test_margins_are_counted_in_bins(audits: dict[str, Audited]) -> None:
    """Every pair with a margin is in one bin, within its ends but for the outermost."""
    audited = audits["ratings"]
    bins = audited.figures["margins"]["bins"]
    margins = [pair["margin"] for pair in audited.pairs]
    assert sum(each["all"] for each in bins) == len(margins)
    assert sum(each["chosen"] for each in bins) == len(audited.chosen)
    for each in bins[1:-1]:
        assert each["all"] == sum(each["low"] <= margin < each["high"] for margin in margins)


def test_keep_rates_are_those_of_another_threshold(audits: dict[str, Audited]) -> None:
    """With the other rules as they are, and alone; a threshold of 0.5 gives what winnow kept."""
    audited = audits["ratings"]
    clear = [pair for pair in audited.pairs if pair["stage"] != "winnow"]
    passing = [p for p in audited.pairs if p["stage"] != "winnow" or p["failed"] == ["margin"]]
    rates = {each["at_least"]: each for each in audited.figures["margins"]["keep_rate"]}
    for at, each in rates.items():
        alone = [pair["margin"] >= at for pair in audited.pairs]
        kept = [pair["margin"] >= at for pair in passing]
        assert each["alone"] == near(share(alone))
        assert each["share"] == near(sum(kept) / len(audited.pairs))
    assert rates[0.4]["share"] >= len(clear) / len(audited.pairs) >= rates[0.6]["share"]
    assert audited.figures["margins"]["cuts"] == [{"at": 0.5, "label": "at least 0.5"}]


def test_the_tie_rate(audited: Audited) -> None:
    """Pairs of which the evidence leans to neither answer."""
    ties = [pair["p_correct"] == 0.5 for pair in audited.pairs]
    assert audited.figures["margins"]["tie_rate"] == near(share(ties))


def test_length_before_and_after(audited: Audited) -> None:
    """Counts, shares and gaps, in tokens and in characters."""
    decided = [pair for pair in audited.pairs if not _tied(pair)]
    for side, pairs in (("before", decided), ("after", audited.chosen)):
        for unit, suffix in (("tokens", "tokens"), ("characters", "chars")):
            gaps = [pair[f"chosen_{suffix}"] - pair[f"rejected_{suffix}"] for pair in pairs]
            told = audited.figures["length"][side][unit]
            assert told["num_longer"] == sum(gap > 0 for gap in gaps)
            assert told["share_longer"] == near(share([gap > 0 for gap in gaps if gap]))
            assert told["median_gap"] == near(median(gaps))
    bins = audited.figures["length"]["bins"]
    assert sum(each["before"] for each in bins) == len(decided)
    assert sum(each["after"] for each in bins) == len(audited.chosen)


def _tied(pair: Row) -> bool:
    if pair["margin"] is not None:
        return bool(pair["margin"] <= 0)
    return bool(pair["agreement"] == 0.5)


def test_alpha_is_that_of_the_reference_implementation(audits: dict[str, Audited]) -> None:
    """Ordinal for stars of the aspect judged most, nominal for votes as the first rater saw them.

    Both aspects were judged as often; the first by name stands for them.
    """
    for kind, level in (("ratings", "ordinal"), ("comparisons", "nominal")):
        audited = audits[kind]
        given: dict[tuple[str, str], float] = {}
        for row in audited.rows(f"load/{kind}"):
            if kind == "ratings" and row["aspect"] == "helpful":
                given[row["rater"], row["response_id"]] = row["score"]
            elif kind == "comparisons":
                given[row["rater"], f"{row['first_id']} {row['second_id']}"] = row["preference"]
        raters, items = ({key[at] for key in given} for at in (0, 1))
        data = [[given.get((rater, item), np.nan) for item in items] for rater in raters]
        alpha = krippendorff.alpha(reliability_data=data, level_of_measurement=level)
        (told,) = audited.figures["agreement"].values()
        assert told["alpha"] == near(alpha)
        assert told["level"] == level
        assert audited.figures["headline"][1]["value"] == near(alpha)


def test_raters_side_with_the_others(audits: dict[str, Audited]) -> None:
    """Of the votes that are decided, how many are on the side where most of the others are."""
    audited = audits["comparisons"]
    sides: dict[str, list[bool]] = {}
    for pair in audited.pairs:
        votes = list(audited.votes(pair))
        for rater, _, vote in votes:
            others = sum(other for name, _, other in votes if name != rater)
            if vote * others:
                sides.setdefault(rater, []).append(vote * others > 0)
    told = {each["rater"]: each["with_others"] for each in audited.figures["raters"]}
    assert {name: each["num"] for name, each in told.items()} == {
        name: len(flags) for name, flags in sides.items()
    }
    for name, flags in sides.items():
        assert told[name]["value"] == near(share(flags))


def test_confusion_counts_scores_by_the_others_mean(audits: dict[str, Audited]) -> None:
    """A row for each score the rater gave, a column for the mean of the others, rounded down."""
    audited = audits["ratings"]
    scores: dict[tuple[str, str], dict[str, float]] = {}
    for row in audited.rows("load/ratings"):
        scores.setdefault((row["response_id"], row["aspect"]), {})[row["rater"]] = row["score"]
    expected = np.zeros((5, 5), int)
    for given in scores.values():
        others = fmean(score for rater, score in given.items() if rater != "odd")
        nearest = int(np.ceil(others - 0.5))
        expected[int(given["odd"]) - 1, nearest - 1] += 1
    told = next(each for each in audited.figures["raters"] if each["rater"] == "odd")
    assert told["confusion"] == {"labels": list("12345"), "counts": expected.tolist()}
    assert told["alpha"] < 0


def test_an_upside_down_rater_is_named(audits: dict[str, Audited]) -> None:
    """And no other."""
    problems = {each["name"]: each for each in audits["ratings"].figures["verdict"]["problems"]}
    assert problems["adversarial_rater"]["sentence"].startswith("the rater odd says")
    assert "adversarial_rater" not in {
        each["name"] for each in audits["comparisons"].figures["verdict"]["problems"]
    }


def test_equal_and_telling_texts_are_counted(audited: Audited) -> None:
    """Those that load set aside as identical too; refusals and questions by their words."""
    aside = {
        row["source_line"]
        for row in audited.rows("load/set_aside")
        if row["reason"] == "identical_answers"
    }
    texts = {name: row["text"] for name, row in audited.answers.items()}
    told = audited.figures["equality"]
    assert told["identical"] == len(aside) + sum(not pair["distinct"] for pair in audited.pairs)
    assert told["refusals"] == sum(REFUSAL in texts[pair["chosen_id"]] for pair in audited.pairs)
    assert told["incomplete"] == sum(not pair["complete"] for pair in audited.pairs)
    repeated = [
        any(texts[pair[f"{side}_id"]].startswith(_question(audited, pair)) for side in SIDES)
        for pair in audited.pairs
    ]
    assert told["prompt_leak"] == sum(repeated)


def _question(audited: Audited, pair: Row) -> str:
    return str(audited.prompts[pair["prompt_id"]]["messages"][-1]["content"])


def test_duplicates_are_rows_and_pairs_of_repeated_prompts(audits: dict[str, Audited]) -> None:
    """Of 120 rows, 6 stand there again as they are and 6 with the prompt in capitals."""
    audited = audits["comparisons"]
    told = audited.figures["duplicates"]
    assert (told["rows"], told["pairs"]) == (NUM_COMPARED // 20, NUM_COMPARED // 20)
    assert told["share"] == near(6 / 132 + 6 / len(audited.pairs))


def test_wins_of_models(audited: Audited) -> None:
    """Each two of them, by who gave the chosen answer of pairs that are no tie."""
    wins: Counter[tuple[str, str]] = Counter()
    for pair in audited.pairs:
        if pair["p_correct"] != 0.5:
            who = (audited.answers[pair[f"{side}_id"]]["generator"] for side in SIDES)
            wins[tuple(who)] += 1  # type: ignore[index]
    told = audited.figures["model_wins"]
    assert told
    for duel in told:
        winner, loser = duel["winner"], duel["loser"]
        assert (duel["wins"], duel["losses"]) == (wins[winner, loser], wins[loser, winner])
        assert duel["wins"] >= duel["losses"]


def test_conflicts_of_objectives(audits: dict[str, Audited]) -> None:
    """Pairs on which the sums of gaps of two aspects have like, or opposite, signs."""
    audited, products = audits["ratings"], []
    scores: dict[tuple[str, str], float] = Counter()  # type: ignore[assignment]
    for row in audited.rows("load/ratings"):
        scores[row["response_id"], row["aspect"]] += row["score"]
    for pair in audited.pairs:
        gaps = [
            scores[pair["chosen_id"], aspect] - scores[pair["rejected_id"], aspect]
            for aspect in ("helpful", "honest")
        ]
        products.append(gaps[0] * gaps[1])
    agree, disagree = sum(p > 0 for p in products), sum(p < 0 for p in products)
    expected = {"pairs": agree + disagree, "agree": agree, "disagree": disagree}
    names = {"first": "helpful", "second": "honest"}
    assert audited.figures["objectives"]["conflicts"] == [names | expected]


def test_coverage_of_sources_and_categories(audited: Audited) -> None:
    """Prompts of each before, and with a chosen pair after."""
    kept = {pair["prompt_id"] for pair in audited.chosen}
    for told in audited.figures["coverage"]:
        for group in told["groups"]:
            members = [
                name
                for name, prompt in audited.prompts.items()
                if prompt[told["by"]] == group["group"]
            ]
            assert group["before"] == len(members)
            assert group["rate"] == near(share([name in kept for name in members]))


def test_leaks_into_a_test_set(audits: dict[str, Audited]) -> None:
    """Four prompts word for word, four others nearly; the words both have are told."""
    figures = audits["comparisons"].figures
    told, spans = figures["leakage"], figures["contamination"]
    assert (told["prompts_on_both_sides"], told["near"]) == (4, 4)
    assert told["contaminated_pairs"] == 8
    assert {each["of"] for each in spans} == {"prompt"}
    assert {each["file"] for each in spans} == {"tests.jsonl"}
    asked = {_question(audits["comparisons"], pair) for pair in audits["comparisons"].pairs}
    assert all(any(each["span"] in text for text in asked) for each in spans)


def test_labels_are_those_that_convert_writes(audits: dict[str, Audited]) -> None:
    """As many desirable and undesirable answers, and the same weights."""
    audited = audits["ratings"]
    params = make_params(
        audited.run.params.model_dump(by_alias=True) | {"convert": {"to": ["kto"]}}, (), "here"
    )
    run_convert(Run(audited.run.root, params))
    labels = Counter(row["label"] for row in audited.rows("convert/kto/train"))
    told = audited.figures["kto"]
    assert (told["desirable"], told["undesirable"]) == (labels[True], labels[False])
    assert told["ratio"] == near(labels[True] / labels[False])


def test_flipped_labels_are_those_most_others_contradict(audits: dict[str, Audited]) -> None:
    """Where ann, bob and cat, who are alike, say the opposite by two votes, or some by one."""
    audited, against = audits["comparisons"], {}
    for pair in audited.pairs:
        votes = {rater: vote for rater, _, vote in audited.votes(pair)}
        others = votes["ann"] + votes["bob"] + votes["cat"]
        against[pair["pair_id"]] = votes["label"] * others
    rows = audit_rows(audited.run).filter(pl.col("reason") == "flipped_label")
    flagged = set(rows["pair_id"])
    assert {name for name, sides in against.items() if sides <= -2} <= flagged
    assert flagged <= {name for name, sides in against.items() if sides < 0}
    told = audited.figures["flips"]
    assert (told["label"], told["flipped"]) == ("label", len(flagged))


def test_figures_do_not_depend_on_buckets(
    audits: dict[str, Audited], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worked on in eight parts, they are the same to the last digit."""
    monkeypatch.setattr(buckets, "ROWS", 40)
    for audited in audits.values():
        run = Run(audited.run.root, audited.run.params)
        assert len(run.buckets) > 4
        assert json.dumps(audit_figures(run)) == json.dumps(audited.figures)


def test_what_to_do_next_is_said_for_every_problem(audited: Audited) -> None:
    """In the order of the problems, errors first."""
    problems = audited.figures["verdict"]["problems"]
    assert audited.figures["next"] == [each["next"] for each in problems]
    severities = [each["severity"] for each in problems]
    assert severities == sorted(severities)
    assert {each["name"] for each in problems} <= {*RULES, "agreement_unknown"}


def test_a_source_without_pairs_is_told_as_labels(tmp_path: Path) -> None:
    """Thumbs of one answer a prompt: answers stand for pairs, and lengths are compared by label."""
    rows = [
        {"prompt": f"q{number}", "completion": "x" * (30 + number % 7), "label": number % 3 > 0}
        for number in range(60)
    ]
    figures = Audited(curated(tmp_path / "run", {"kto.jsonl": rows}, PAIRS)).figures
    good = [30 + number % 7 for number in range(60) if number % 3 > 0]
    bad = [30 + number % 7 for number in range(60) if number % 3 == 0]
    greater = [(one > other) + 0.5 * (one == other) for one in good for other in bad]
    assert figures["kind"] == "labels"
    assert figures["totals"]["training"] == 60
    assert figures["headline"][0]["value"] == 1.0
    assert figures["headline"][3]["value"] == near(fmean(greater))


def row(number: int, answer: str, **said: Any) -> Row:
    """One row of ratings."""
    return {"prompt": f"q{number}", "response": answer, **said}


POOR = {
    "all scores equal": [row(at, f"{side} words", score=3) for at in range(9) for side in "ab"],
    "one pair": [row(0, "a", score=1), row(0, "b", score=5)],
    "blank answers": [row(at, " ", score=at % 5 + 1) for at in range(6)],
    "no usable score but one": [row(0, "a", score=1), *(row(1, s, score="N/A") for s in "bc")],
    "a million characters": [row(0, "a" * 1_000_000, score=1), row(0, "b", score=5)],
}


@pytest.mark.parametrize("rows", POOR.values(), ids=POOR)
def test_a_poor_source_gets_a_verdict(rows: list[Row], tmp_path: Path) -> None:
    """With care at best, its figures JSON, and its rows a table."""
    audited = Audited(curated(tmp_path / "run", {"ratings.jsonl": rows}, PAIRS))
    assert audited.figures["verdict"]["answer"] in ("no", "with_care")
    assert len(audited.figures["headline"]) == 5
    assert json.loads(json.dumps(audited.figures, allow_nan=False)) == audited.figures
    assert audit_rows(audited.run).height <= len(audited.pairs)
