"""Options of a judge."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rather.stages.raters.rating import ModelOptions

OVERALL = {"overall": "how well it does what the user asks for"}
EXPLANATION = "explanation"
MOST_SCORES = 101


class Price(BaseModel):
    """The price of a million tokens, in any currency.

    input:  of tokens that are read
    output: of tokens that are written
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class Options(ModelOptions):
    """The questions to a judge, their number, and a cap on their cost.

    by:           pointwise: each answer gets scores;  pairwise: two answers of a prompt are
                  compared, shown in both orders
    aspects:      what is judged, by name, and what each means
    rubric:       what else the judge should know, in your words
    scale:        pointwise: the lowest and the highest score, whole numbers
    explain:      let the judge think aloud before it decides
    votes:        how often each question is asked, each time with another seed
    temperature:  0 takes the likeliest answer;  max_tokens: of one answer
    max_pairs:    pairwise: couples of answers to one prompt, drawn where there are more
    price:        of the judge's tokens;  max_cost, max_requests: what one run may need at the most
    chunk_size:   questions asked at a time, which is the most that a kill can lose
    template:     the chat template's own options, such as {enable_thinking: false}
    max_model_len, dtype: of a judge that runs here; see stages/models/generate.py
    """

    costs_money: ClassVar[bool] = True

    by: Literal["pointwise", "pairwise"] = "pointwise"
    aspects: dict[str, str] = Field(default_factory=lambda: dict(OVERALL), min_length=1)
    rubric: str | None = None
    scale: tuple[int, int] = (1, 5)
    explain: bool = True
    votes: int = Field(default=1, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=512, ge=1)
    max_pairs: int = Field(default=6, ge=1)
    price: Price | None = None
    max_cost: float | None = Field(default=None, ge=0)
    max_requests: int | None = Field(default=None, ge=0)
    chunk_size: int = Field(default=256, ge=1)
    template: dict[str, Any] = Field(default_factory=dict)
    max_model_len: int | None = Field(default=None, ge=2)
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"

    @field_validator("aspects")
    @classmethod
    def _aspects_have_names(cls, given: dict[str, str]) -> dict[str, str]:
        """Check the names of the aspects: not blank, and not the name of the explanation."""
        for name in given:
            if not name.strip() or name == EXPLANATION:
                raise ValueError(f"expected names other than {EXPLANATION!r}, found {name!r}")
        return given

    @field_validator("scale")
    @classmethod
    def _scale_rises(cls, given: tuple[int, int]) -> tuple[int, int]:
        """Check that the scale rises, by fewer than MOST_SCORES points."""
        if not 1 <= given[1] - given[0] < MOST_SCORES:
            raise ValueError(
                f"expected the lowest score, then a higher one, at most {MOST_SCORES} of them, "
                f"found {[*given]}"
            )
        return given

    @model_validator(mode="after")
    def _together(self) -> "Options":
        """Check that several votes have a temperature, and that a cap has a price."""
        if self.votes > 1 and self.temperature == 0:
            raise ValueError(f"votes: expected 1 at temperature 0, found {self.votes}")
        if self.max_cost is not None and self.price is None:
            raise ValueError(
                "price: expected input and output, per million tokens, where max_cost is given, "
                "found none"
            )
        return self
