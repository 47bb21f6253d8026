"""What an audit holds data to."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Shares = tuple[Share, Share]


class Options(BaseModel):
    """What the audit holds data to. Of two numbers the first gives a warning, the second an error.

    label:        rater whose word is the published label, where it is not the source's own
    flipped_from: probability, by everyone else's word, from which a label counts as flipped
    num_pairs_at_least:   training pairs (or labels) that remain
    alpha_at_least:       Krippendorff's alpha itself, and the lower end of its interval (above it)
    p_correct_at_least:   mean probability that the chosen answer is truly better
    length_before_at_most, length_after_at_most: how far the share of pairs whose chosen answer is
        the longer may surely be from choose.length_target, before any rule and among those chosen
    duplicates_at_most:   share of rows and pairs that repeat earlier ones
    identical_at_most:    share of pairs whose answers are, or read, the same
    flipped_at_most:      share of labels that everyone else contradicts
    leaked_at_most:       share of prompts that stand in a test set, or nearly on both sides
    contaminated_at_most: share of pairs that share a stretch of text with a test set
    unread_at_most:       share of rows, and of judgements, that could not be read
    kto_ratio_at_most:    labels of the more frequent class for one of the other
    adversaries_at_most:  share of judgements by raters below chance
    rater_pairs_at_least: pairs, or items where there are none, from which a rater is judged
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str | None = None
    flipped_from: float = Field(0.8, ge=0.5, le=1)
    num_pairs_at_least: tuple[int, int] = (1000, 1)
    alpha_at_least: tuple[float, float] = (0.667, 0.0)
    p_correct_at_least: Shares = (0.8, 0.65)
    length_before_at_most: Shares = (0.1, 0.3)
    length_after_at_most: Shares = (0.05, 0.1)
    duplicates_at_most: Shares = (0.01, 0.2)
    identical_at_most: Shares = (0.01, 0.2)
    flipped_at_most: Shares = (0.02, 0.08)
    leaked_at_most: Shares = (0.0, 0.01)
    contaminated_at_most: Shares = (0.0, 0.05)
    unread_at_most: Shares = (0.05, 0.2)
    kto_ratio_at_most: tuple[float, float] = (4.0, 20.0)
    adversaries_at_most: Shares = (0.0, 0.05)
    rater_pairs_at_least: int = Field(20, ge=4)
