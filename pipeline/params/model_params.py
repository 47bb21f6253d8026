"""Parameters of models that are not trained here."""

import re
from typing import Any

from pydantic import Field, field_validator, model_validator

from rather.params.training import Strict

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Model(Strict):
    """What everything starts from: `demo`, a local folder or a hub name, and a hub revision."""

    name: str = "demo"
    revision: str | None = None


class Further(Strict):
    """One more model: weights, with or without an adapter, or what an endpoint serves.

    name:        a local folder or hub name; with an endpoint, what it serves
    revision:    a hub branch, tag or commit
    adapter:     a folder with a LoRA adapter, which is merged into the weights
    endpoint:    the address of an OpenAI-compatible server, such as http://localhost:8000/v1
    key:         the environment variable that holds the endpoint's key; null: it asks for none
    concurrency: requests under way at a time;  retries: of one request, with backoff
    logprobs:    ask for log-probabilities, which not every server gives
    """

    name: str
    revision: str | None = None
    adapter: str | None = None
    endpoint: str | None = None
    key: str | None = None
    concurrency: int = Field(16, ge=1)
    retries: int = Field(8, ge=0)
    logprobs: bool = False

    @field_validator("key", mode="before")
    @classmethod
    def _key_is_a_name(cls, key: Any) -> Any:
        """Check that `key` names an environment variable; the error never repeats the value."""
        if key is not None and not VARIABLE.fullmatch(str(key)):
            raise ValueError("expected the name of an environment variable, found something else")
        return key

    @model_validator(mode="after")
    def _one_kind(self) -> "Further":
        """Check that no option of weights stands beside an endpoint, nor the reverse."""
        of_weights, of_endpoint = {"revision", "adapter"}, {"key", "concurrency", "retries"}
        unfit = of_weights if self.endpoint is not None else of_endpoint | {"logprobs"}
        if found := sorted(unfit & self.model_fields_set):
            kind = "an endpoint" if self.endpoint is not None else "weights"
            raise ValueError(f"{found[0]}: expected none of {kind}; remove it")
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(
                f"endpoint: expected an address such as http://localhost:8000/v1, found "
                f"{self.endpoint!r}"
            )
        return self
