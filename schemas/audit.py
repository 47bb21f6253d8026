"""audit.json: every figure of an audit, typed. Shares lie in [0, 1]; None means unknown.

Intervals are at 95%. `low` and `high` of an interval are None where it cannot be computed.
"""

import json
import sys
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, cast

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Level = Literal["error", "warning"]


class Interval(TypedDict):
    """An estimate with its interval; num: the observations that it rests on."""

    value: float | None
    low: float | None
    high: float | None
    num: NotRequired[Count]


class Source(TypedDict):
    """The rows that were read. num_judged_unread: judgements set aside as unreadable."""

    name: str
    format: str
    num_rows: Count
    num_read: Count
    num_judged: Count
    num_judged_unread: Count
    num_prompts: Count
    num_responses: Count
    num_ratings: Count
    num_comparisons: Count
    num_generated: Count
    splits: dict[str, Count]
    length_unit: str
    notes: list[str]


class Totals(TypedDict):
    """Counts of pairs and prompts. training: pairs of the training split; labels: KTO labels."""

    pairs: Count
    kept: Count
    prompts: Count
    prompts_kept: Count
    training: Count
    labels: NotRequired[Count]
    answers: NotRequired[Count]


class Dropped(TypedDict):
    """Rows of one unit that one stage dropped for one reason."""

    unit: str
    stage: str
    reason: str
    count: Count


class Reason(TypedDict):
    """Pairs that failed a rule first. what: the reason in words."""

    reason: str
    stage: str
    num_pairs: Count
    what: str


class Outcomes(TypedDict):
    """Pairs of one file or generator. reasons: dropped pairs by reason."""

    name: str
    pairs: Count
    kept: Count
    share: Share
    reasons: dict[str, Count]


class Wins(TypedDict):
    """Pairs between two generators."""

    winner: str
    loser: str
    wins: Count
    losses: Count
    ties: Count


class MarginBin(TypedDict):
    """Pairs with a value in [low, high)."""

    low: float
    high: float
    all: Count
    chosen: Count


class Cut(TypedDict):
    """A threshold of a rule."""

    at: float
    label: str


class KeepRate(TypedDict):
    """Pairs kept at a threshold of the margin. alone: by the margin rule alone."""

    at_least: float
    share: Share
    alone: Share


class Margins(TypedDict):
    """Margins of all and of chosen pairs. confidence: P(correct), in bins."""

    num: Count
    unit: str
    bins: list[MarginBin]
    cuts: list[Cut]
    tie_rate: Share | None
    keep_rate: list[KeepRate]
    confidence: list[MarginBin]


class LengthEffect(TypedDict):
    """The preference for longer answers. Gaps are lengths of chosen minus rejected.

    slope: logit per standard deviation of log length
    """

    num_longer: Count
    num_shorter: Count
    num_equal: Count
    share_longer: Share | None
    mean_gap: float | None
    median_gap: float | None
    effect_size: float | None
    pearson: float | None
    spearman: float | None
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    win_at_equal_length: float | None


class LengthSide(TypedDict):
    """The preference for longer answers of one set of pairs, in two units of length."""

    num_pairs: Count
    tokens: LengthEffect
    characters: LengthEffect


class LengthBin(TypedDict):
    """Pairs with a length gap in [low, high)."""

    low: float
    high: float
    before: Count
    after: Count


class LongerWins(TypedDict):
    """Pairs whose longer answer is the chosen one."""

    num_right: Count
    num_pairs: Count
    share: Share | None


class RaterLength(TypedDict):
    """One rater's preference for longer answers."""

    rater: str
    kind: str
    num_unequal: Count
    share_longer: float | None
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    win_at_equal_length: float | None


class ShareLonger(TypedDict):
    """The share of longer chosen answers, before any rule and after."""

    before: Interval
    after: Interval


class LongerWinsByUnit(TypedDict):
    """Held-out pairs that length alone predicts."""

    tokens: LongerWins
    characters: LongerWins


class Length(TypedDict):
    """The effect of length. target: declared share of longer chosen answers."""

    target: float
    unit: str
    before: LengthSide
    after: LengthSide
    share_longer: ShareLonger
    bins: list[LengthBin]
    longer_wins: LongerWinsByUnit
    per_rater: list[RaterLength]


class Agreement(TypedDict):
    """Krippendorff's alpha of one kind of judgement. may_gate: its interval lies above zero."""

    alpha: float | None
    low: float | None
    high: float | None
    reason: str | None
    num_items: Count
    aspect: str
    level: str
    band: str
    advice: str | None
    num_raters: Count
    num_judgements: Count
    may_gate: bool | None


class Confusion(TypedDict):
    """Counts of a rater's labels (rows) against the others' mean label (columns)."""

    labels: list[str]
    counts: list[list[Count]]


class Rater(TypedDict):
    """One rater and kind of judgement."""

    rater: str
    kind: str
    num_judgements: Count
    num_missing: Count
    reliability: float | None
    num_items: Count
    position_bias: float | None
    length_slope: float | None
    influence: float | None
    share_longer: float | None
    with_others: Interval
    alpha: float | None
    low: float | None
    high: float | None
    correlation: float | None
    confusion: Confusion | None


class Equality(TypedDict):
    """Pairs whose answers are equal or defective."""

    identical: Count
    share_identical: Share | None
    near: Count
    equal_after_truncation: Count
    prompt_leak: Count
    refusals: Count
    refusals_rejected: Count
    incomplete: Count


class Duplicates(TypedDict):
    """Repeated rows, and repeated pairs."""

    rows: Count
    pairs: Count
    share: Share | None


class Contradicted(TypedDict):
    """Pairs compared more than once with opposite outcomes."""

    count: Count
    share: Share | None


class Flips(TypedDict):
    """Published labels that other raters oppose."""

    label: str
    judged: Count
    flipped: Count
    share: Share | None


class Objectives(TypedDict):
    """Pairs whose aspects disagree."""

    conflicts: list[dict[str, Any]]


class Weights(TypedDict):
    """Weights of KTO's two kinds of labels."""

    desirable: float
    undesirable: float


class KtoLabels(TypedDict):
    """KTO labels of the training split. both_kinds: prompts with labels of both kinds."""

    label_rule: str
    weights: Weights
    desirable: Count
    undesirable: Count
    both_kinds: Count
    only_desirable: Count
    only_undesirable: Count
    ratio: float | None


class CoverageGroup(TypedDict):
    """Prompts of one group before and after curation. flagged: its rate is far below the mean."""

    group: str
    before: Count
    after: Count
    rate: Share | None
    flagged: bool


class Coverage(TypedDict):
    """Prompts kept, by source, category or cluster."""

    by: str
    num_groups: Count
    groups: list[CoverageGroup]


class Variety(TypedDict):
    """Diversity of prompts. effective_clusters: exponential of the entropy of cluster sizes."""

    prompts: Count
    clusters: Count
    largest_share: Share | None
    effective_clusters: float | None


class Diversity(TypedDict):
    """Diversity of prompts before and after curation."""

    before: Variety
    after: Variety


class Leakage(TypedDict):
    """Training data shared with test sets and with the held-out side."""

    prompts_on_both_sides: Count
    near: Count
    contaminated_prompts: Count
    contaminated_answers: Count
    contaminated_pairs: Count
    tests: list[str]
    examples: list[dict[str, Any]]


class FigurePair(TypedDict):
    """A headline figure of two audits."""

    name: str
    label: str
    unit: str
    before: float | int | None
    after: float | int | None


class ProblemChanges(TypedDict):
    """Problems that are new, and problems that are gone, by name."""

    new: list[str]
    gone: list[str]


class Comparison(TypedDict):
    """This audit against an earlier one. Counts of pairs are None without the earlier pairs."""

    previous: str
    figures: list[FigurePair]
    problems: ProblemChanges
    added: Count | None
    removed: Count | None
    now_kept: Count | None
    now_dropped: Count | None
    turned: Count | None
    changed: Count | None
    moved: list[dict[str, Any]]


class Headline(TypedDict):
    """One of the figures at the top of the page. better: which direction is good."""

    name: str
    label: str
    value: float | int | None
    low: float | None
    high: float | None
    unit: str
    better: str
    detail: str
    reference: NotRequired[float | None]


class Problem(TypedDict):
    """One problem. next: the step that fixes it; reason: the rule whose pairs show it."""

    name: str
    severity: Level
    sentence: str
    count: Count | None
    share: float | None
    next: str
    reason: str | None


class Verdict(TypedDict):
    """Whether to train on the data."""

    answer: str
    sentence: str
    problems: list[Problem]


class TableQuality(TypedDict):
    """Expectations of one table."""

    table: str
    num_rows: Count
    num_expectations: Count
    success: bool
    failures: list[str]


class Quality(TypedDict):
    """The result of validate."""

    success: bool
    failures: list[str]
    tables: list[TableQuality]


class Links(TypedDict):
    """Files beside the page, by relative path."""

    docs: str
    card: str
    tables: str
    json: str


@with_config(ConfigDict(extra="forbid"))
class Audit(TypedDict):
    """The whole of audit.json. against, training: None until there is something to compare."""

    source: Source
    kind: Literal["pairs", "labels"]
    totals: Totals
    waterfall: list[Dropped]
    reasons: list[Reason]
    by_source: list[Outcomes]
    by_generator: list[Outcomes]
    model_wins: list[Wins]
    margins: Margins
    length: Length
    agreement: dict[str, Agreement]
    raters: list[Rater]
    equality: Equality
    duplicates: Duplicates
    contradicted: Contradicted
    flips: Flips | None
    objectives: Objectives
    kto: KtoLabels | None
    coverage: list[Coverage]
    diversity: Diversity
    leakage: Leakage
    contamination: list[dict[str, Any]]
    against: Comparison | None
    training: dict[str, Any] | None
    headline: list[Headline]
    verdict: Verdict
    next: list[str]
    quality: Quality
    card: dict[str, Any]
    links: Links
    why: str


@cache
def _adapter() -> TypeAdapter[Audit]:
    """Build the validator once."""
    return TypeAdapter(Audit)


def checked_audit(audit: Mapping[str, Any]) -> Audit:
    """Return the same figures, once they are held to their types.

    Raises:
        pydantic.ValidationError: A figure is missing or has another type: a defect of rather.
    """
    _adapter().validate_python(audit)
    return cast(Audit, audit)


def audit_schema() -> dict[str, Any]:
    """Return the JSON schema of audit.json."""
    return {"$id": "audit.json", **_adapter().json_schema()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(audit_schema(), indent=2) + "\n")
