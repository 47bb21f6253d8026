"""What params.yaml may say of a training; trainer/config.py says what each number does."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """A group of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Lora(Strict):
    """A low-rank adapter, which is merged into the model it is published as."""

    r: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: str | list[str] = "all-linear"
    rslora: bool = False


class Training(Strict):
    """How a model is trained; see trainer/config.py for units.

    beta: None for the loss's usual one
    lora: None to train all weights
    max_dropped, max_truncated: shares of the rows above which the stage fails
    """

    beta: float | None = Field(None, gt=0)
    epochs: int = Field(1, ge=0)
    learning_rate: float = Field(1e-5, gt=0)
    batch_size: int = Field(16, ge=1)
    gradient_accumulation_steps: int = Field(1, ge=1)
    warmup_ratio: float = Field(0.1, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    computation: Literal["auto", "shared", "packed", "padded"] = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"
    desirable_weight: float = Field(1.0, gt=0)
    undesirable_weight: float = Field(1.0, gt=0)
    gradient_checkpointing: bool = False
    lora: Lora | None = None
    logging_steps: int = Field(10, ge=1)
    save_steps: int | None = Field(None, ge=1)
    saves_per_epoch: int | None = Field(None, ge=1)
    eval_steps: int | None = Field(None, ge=1)
    max_dropped: float = Field(1.0, ge=0, le=1)
    max_truncated: float = Field(1.0, ge=0, le=1)


class Round(Strict):
    """One more pass: a trained model answers, its answers are rated and curated, and it learns.

    from:      the model that answers and is trained on: sft, a policy of `train`, an earlier round
    turn:      which of the user's turns is asked; those before it are asked and answered first
    policy:    the entry of `train` by which it is trained; the first of them where it is left out
    pairs:     join those of the pass that `from` came out of, or replace them
    reference: keep the first model, or refresh it: the round's `from`
    max_kl, max_length_ratio: how far `from` may have drifted from the first model, in nats per
        token of its own samples and in length of answers; beyond, the run stops
    """

    from_: str = Field("sft", alias="from")
    turn: int = Field(1, ge=1)
    policy: str | None = None
    pairs: Literal["join", "replace"] = "join"
    reference: Literal["keep", "refresh"] = "keep"
    max_kl: float | None = Field(None, gt=0)
    max_length_ratio: float | None = Field(None, gt=0)


class Policy(Training):
    """How a policy is trained on preferences.

    loss: its name in trainer/losses, or a weighted sum, {name: weight}; the entry's own name where
        it is left out
    options: the loss's own numbers beside beta
    data: dpo or kto, the set of `convert` that has what the loss eats: pairs, or labels
    reference: computed once and cached, or online, which alone can be refreshed
    """

    reference: Literal["cached", "online"] = "cached"
    refresh_steps: int | None = Field(None, ge=1)
    refresh_alpha: float = Field(0.6, ge=0, le=1)
    data: Literal["dpo", "kto"]
    loss: str | dict[str, float] | None = None
    options: dict[str, bool | float | str] = Field(default_factory=dict)
