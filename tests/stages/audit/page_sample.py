"""An audit with something to tell in every section, and its worst pairs."""

from typing import Any

import polars as pl

LENGTH = {
    "num_longer": 1260,
    "num_shorter": 690,
    "num_equal": 50,
    "share_longer": 0.646154,
    "mean_gap": 41.25,
    "median_gap": 28.0,
    "effect_size": 0.412,
    "pearson": 0.231,
    "spearman": 0.254,
    "slope": 1.204,
    "slope_low": 0.981,
    "slope_high": 1.427,
    "win_at_equal_length": 0.503,
}
BALANCED = LENGTH | {
    "num_longer": 598,
    "num_shorter": 612,
    "num_equal": 24,
    "share_longer": 0.494215,
    "mean_gap": -1.5,
    "median_gap": 0.0,
    "effect_size": -0.011,
    "pearson": 0.02,
    "spearman": 0.013,
    "slope": -0.031,
    "slope_low": -0.144,
    "slope_high": 0.082,
}


def headline(name: str, value: float | None, **other: Any) -> dict[str, Any]:
    """One of the five figures."""
    return {"name": name, "label": name, "value": value, "low": None, "high": None, **other}


AUDIT: dict[str, Any] = {
    "source": {
        "name": "votes & scores.jsonl",
        "format": "ratings",
        "num_rows": 8000,
        "splits": {"train": 7000, "test": 1000},
        "notes": ["the rule same_script does not apply"],
    },
    "kind": "pairs",
    "verdict": {
        "answer": "no",
        "sentence": "No: two things are wrong with these pairs.",
        "problems": [
            {
                "name": "duplicates",
                "severity": "error",
                "sentence": "200 pairs repeat another pair's prompt and both its answers.",
                "count": 200,
                "share": 0.1,
                "next": "Keep one of each.",
                "reason": "distinct",
            },
            {
                "name": "length",
                "severity": "warning",
                "sentence": "The longer answer is preferred 64.6% of the time.",
                "count": None,
                "share": 0.646154,
                "next": "Leave choose.balance on.",
            },
        ],
    },
    "headline": [
        headline(
            "pairs_kept",
            0.617,
            low=0.5955,
            high=0.638,
            label="Pairs kept",
            unit="share",
            detail="1,234 of 2,000 pairs",
        ),
        headline(
            "agreement",
            0.5821,
            low=0.551,
            high=0.6123,
            label="Agreement",
            unit="alpha",
            detail="Krippendorff's alpha of 3 raters",
            reference=0.667,
        ),
        headline(
            "p_correct",
            0.931,
            low=0.927,
            high=0.935,
            label="P(correct)",
            unit="share",
            detail="mean over the chosen pairs",
            reference=0.5,
        ),
        headline(
            "length_effect",
            0.494215,
            low=0.466,
            high=0.5225,
            label="Longer is chosen",
            unit="share",
            detail="64.6% before the rules",
            reference=0.5,
        ),
        headline(
            "duplicates_and_leaks",
            212,
            label="Duplicates and leaks",
            unit="count",
            detail="200 repeats, 12 prompts on both sides",
        ),
    ],
    "next": [
        "Remove the 200 repeated pairs: --set winnow.deduplicated={}.",
        "Ask carol's judgements again, or leave her out.",
        "Look at the pairs that were kept with the lowest P(correct).",
    ],
    "totals": {"pairs": 2000, "kept": 1234, "prompts": 2000, "prompts_kept": 1234},
    "waterfall": [
        {"unit": "rows", "stage": "load", "reason": "no_prompt", "count": 3},
        {"unit": "pairs", "stage": "winnow", "reason": "distinct", "count": 100},
        {"unit": "pairs", "stage": "winnow", "reason": "margin", "count": 302},
        {"unit": "pairs", "stage": "winnow", "reason": "agreement", "count": 264},
        {"unit": "pairs", "stage": "choose", "reason": "length_balance", "count": 100},
    ],
    "by_source": [
        {
            "name": "forum",
            "pairs": 1500,
            "kept": 1000,
            "share": 0.666667,
            "reasons": {"margin": 300, "agreement": 200},
        },
        {"name": "<b>shop</b>", "pairs": 500, "kept": 234, "share": 0.468, "reasons": {}},
    ],
    "by_generator": [
        {"name": "big-70b", "pairs": 1140, "kept": 800, "share": 0.701754, "reasons": {}},
        {"name": "small-7b", "pairs": 2000, "kept": 1234, "share": 0.617, "reasons": {}},
    ],
    "margins": {
        "num": 2000,
        "unit": "standard deviations",
        "bins": [
            {"low": 0.0, "high": 0.5, "all": 402, "chosen": 0},
            {"low": 0.5, "high": 1.0, "all": 598, "chosen": 420},
            {"low": 1.0, "high": 1.5, "all": 600, "chosen": 434},
            {"low": 1.5, "high": 2.0, "all": 400, "chosen": 380},
        ],
        "cuts": [{"at": 0.5, "label": "margin at least 0.5"}],
        "tie_rate": 0.045,
        "keep_rate": [
            {"at_least": 0.0, "share": 0.8, "alone": 1.0},
            {"at_least": 0.5, "share": 0.617, "alone": 0.799},
            {"at_least": 1.0, "share": 0.41, "alone": 0.5},
            {"at_least": 1.5, "share": 0.17, "alone": 0.2},
        ],
        "confidence": [
            {"low": 0.5, "high": 0.75, "all": 700, "chosen": 0},
            {"low": 0.75, "high": 1.0, "all": 1300, "chosen": 1234},
        ],
    },
    "length": {
        "unit": "tokens",
        "before": {"num_pairs": 2000, "tokens": LENGTH, "characters": LENGTH},
        "after": {"num_pairs": 1234, "tokens": BALANCED, "characters": BALANCED},
        "bins": [
            {"low": -75.0, "high": -25.0, "before": 300, "after": 301},
            {"low": -25.0, "high": 25.0, "before": 600, "after": 632},
            {"low": 25.0, "high": 75.0, "before": 1100, "after": 301},
        ],
        "longer_wins": {
            "tokens": {"num_right": 1200, "num_pairs": 1900, "share": 0.631579},
            "characters": {"num_right": 1190, "num_pairs": 1900, "share": 0.626316},
        },
        "per_rater": [
            {
                "rater": "ann",
                "kind": "score",
                "num_unequal": 1900,
                "share_longer": 0.52,
                "slope": 0.1,
                "slope_low": -0.05,
                "slope_high": 0.25,
            },
            {
                "rater": "carol",
                "kind": "score",
                "num_unequal": 1900,
                "share_longer": 0.83,
                "slope": 2.1,
                "slope_low": 1.8,
                "slope_high": 2.4,
            },
        ],
    },
    "agreement": {
        "score": {
            "alpha": 0.5821,
            "low": 0.551,
            "high": 0.6123,
            "num_items": 4000,
            "reason": None,
            "advice": "leave carol out",
        },
        "compare": {"alpha": None, "low": None, "high": None, "reason": "nobody compared"},
    },
    "raters": [
        {
            "rater": "ann",
            "kind": "score",
            "num_judgements": 4000,
            "num_missing": 2,
            "alpha": 0.71,
            "low": 0.68,
            "high": 0.74,
            "reliability": 0.93,
            "num_items": 2000,
            "with_others": {"value": 0.91, "low": 0.88, "high": 0.93, "num": 1800},
            "position_bias": 0.51,
            "length_slope": 0.02,
            "influence": 0.03,
            "confusion": {"labels": ["1", "2"], "counts": [[700, 100], [90, 610]]},
        },
        {
            "rater": "carol",
            "kind": "score",
            "num_judgements": 4000,
            "num_missing": 0,
            "alpha": 0.33,
            "low": 0.28,
            "high": 0.38,
            "reliability": 0.44,
            "num_items": 2000,
            "with_others": {"value": 0.42, "low": 0.4, "high": 0.44, "num": 1800},
            "position_bias": None,
            "length_slope": 0.61,
            "influence": -0.08,
            "confusion": None,
        },
    ],
    "equality": {
        "identical": 100,
        "share_identical": 0.05,
        "near": 12,
        "equal_after_truncation": 3,
        "prompt_leak": 2,
        "refusals": 17,
        "refusals_rejected": 19,
        "incomplete": 6,
    },
    "duplicates": {"rows": 180, "pairs": 20, "share": 0.1},
    "contradicted": {"count": 9, "share": 0.0045},
    "flips": {"label": "source", "judged": 1900, "flipped": 190, "share": 0.1, "expected": 21.5},
    "model_wins": [
        {"winner": "big-70b", "loser": "small-7b", "wins": 800, "losses": 300, "ties": 40},
        {"winner": "small-7b", "loser": "tiny-1b", "wins": 500, "losses": 360, "ties": 0},
        {"winner": "big-70b", "loser": "tiny-1b", "wins": 90, "losses": 0, "ties": 10},
    ],
    "objectives": {
        "conflicts": [
            {
                "first": "helpfulness",
                "second": "honesty",
                "pairs": 900,
                "agree": 700,
                "disagree": 120,
            }
        ]
    },
    "coverage": [
        {
            "by": "source",
            "num_groups": 30,
            "groups": [
                {"group": "forum", "before": 1500, "after": 1000, "rate": 0.667, "flagged": False},
                {"group": "shop", "before": 500, "after": 34, "rate": 0.068, "flagged": True},
            ],
        }
    ],
    "leakage": {
        "prompts_on_both_sides": 12,
        "near": 4,
        "contaminated_prompts": 1,
        "contaminated_answers": 3,
        "contaminated_pairs": 5,
        "tests": ["test.jsonl"],
        "examples": [{"prompt_id": "0123456789abcdef", "split": "train", "other": "test"}],
    },
    "contamination": [
        {
            "id": "00000000000000aa",
            "of": "prompt",
            "share": 0.82,
            "span": "how many <i>apples</i>",
            "file": "test.jsonl",
        }
    ],
    "kto": {
        "desirable": 1400,
        "undesirable": 600,
        "ratio": 2.333333,
        "rule": "around the middle of the scale",
        "weights": {"desirable": 1.0, "undesirable": 1.75},
    },
    "against": {
        "previous": "audit-v1",
        "added": 220,
        "removed": 20,
        "changed": 7,
        "now_kept": 3,
        "now_dropped": 2,
        "turned": 4,
        "moved": [{"from": "kept", "to": "margin", "count": 2}],
        "problems": {"new": ["duplicates"], "gone": ["few_pairs"]},
        "figures": [
            {
                "name": "agreement",
                "label": "Agreement",
                "before": 0.61,
                "after": 0.5821,
                "unit": "alpha",
            }
        ],
    },
    "training": {
        "dpo": {
            "ledger": {"num_tokens": 120000, "num_padding": 0},
            "warnings": [{"name": "few_rows", "sentence": "Fewer than 1,000 pairs."}],
            "evaluation": {
                "gold_accuracy": {"value": 0.62, "low": 0.58, "high": 0.66, "before": 0.48}
            },
            "curve": [
                {"step": 0, "loss": None, "accuracy": None},
                {"step": 1, "loss": 0.6931, "accuracy": 0.5},
                {"step": 10, "loss": 0.52, "accuracy": 0.74},
            ],
        }
    },
    "reasons": [
        {
            "reason": "distinct",
            "stage": "winnow",
            "num_pairs": 100,
            "what": "the two answers read the same, nearly, or within what the trainer sees",
        },
        {
            "reason": "margin",
            "stage": "winnow",
            "num_pairs": 302,
            "what": "the preference is too weak",
        },
        {
            "reason": "agreement",
            "stage": "winnow",
            "num_pairs": 264,
            "what": "those who judged both answers disagree",
        },
        {
            "reason": "length_balance",
            "stage": "choose",
            "num_pairs": 100,
            "what": "more chosen answers were longer than shorter",
        },
    ],
    "quality": {
        "success": False,
        "failures": ["pairs: mean agreement is below 0.7"],
        "tables": [{"table": "pairs", "num_rows": 1234, "num_expectations": 21, "success": False}],
    },
    "card": {
        "source": {"licence": None},
        "files": [{"name": "votes & scores.jsonl", "bytes": 48213, "sha256": "00ff" * 16}],
        "versions": {"rather": "0.1.0"},
    },
    "links": {"docs": "docs/index.html", "card": "card.md"},
    "why": "rather why PAIR_ID --in audit",
}

JUDGEMENT = pl.Struct(
    {
        "rater": pl.String,
        "aspect": pl.String,
        "chosen": pl.Float64,
        "rejected": pl.Float64,
        "preference": pl.Float64,
    }
)
SCHEMA: dict[str, Any] = {
    "pair_id": pl.String,
    "prompt_id": pl.String,
    "reason": pl.String,
    "stage": pl.String,
    "failed": pl.List(pl.String),
    "prompt": pl.String,
    "chosen": pl.String,
    "rejected": pl.String,
    "margin": pl.Float64,
    "agreement": pl.Float64,
    "p_correct": pl.Float64,
    "similarity": pl.Float64,
    "chosen_tokens": pl.Int64,
    "rejected_tokens": pl.Int64,
    "split": pl.String,
    "source": pl.String,
    "source_line": pl.Int64,
    "chosen_generator": pl.String,
    "rejected_generator": pl.String,
    "judgements": pl.List(JUDGEMENT),
}


def pair(number: int, chosen: str, rejected: str, **other: Any) -> dict[str, Any]:
    """One of the worst pairs, dropped by the margin rule unless said otherwise."""
    return {
        "pair_id": f"{number:016x}",
        "prompt_id": f"{number:015x}f",
        "reason": "margin",
        "stage": "winnow",
        "failed": ["margin"],
        "prompt": f"Question {number}?",
        "chosen": chosen,
        "rejected": rejected,
        "margin": number / 10,
        "agreement": 0.5,
        "p_correct": 0.6,
        "chosen_tokens": len(chosen) // 4,
        "rejected_tokens": len(rejected) // 4,
        "split": "train",
        "source": "votes.jsonl",
        "source_line": number,
        "chosen_generator": "big-70b",
        "rejected_generator": "small-7b",
        "judgements": [
            {"rater": "ann", "aspect": "overall", "chosen": 4.0, "rejected": 3.0},
            {"rater": "carol", "aspect": "overall", "preference": -1.0},
        ],
    } | other


def frame(*pairs: dict[str, Any]) -> pl.DataFrame:
    """Put pairs into the frame that the page takes."""
    return pl.DataFrame(list(pairs), schema=SCHEMA)


ROWS = frame(
    pair(
        1,
        "Paris is the capital of France, and its largest city.",
        "Lyon is the capital of France, and its third largest city.",
        failed=["margin", "agreement"],
    ),
    pair(2, "Boil the egg for seven minutes.", "Fry it.", prompt="How do I cook an egg?"),
    pair(3, "Seven.", "Seven.", reason="distinct", failed=["distinct", "margin"], margin=0.0),
    pair(
        4,
        "Use a hash map: each lookup takes constant time.",
        "Use a list: each lookup takes linear time.",
        reason="kept",
        failed=[],
        p_correct=0.81,
        margin=0.9,
    ),
)
