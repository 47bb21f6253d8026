"""vLLM, started late, kept quiet and shut down whole: the one file that imports it."""

import gc
import logging
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas.errors import RatherError, UserError
from schemas.messages import Message

if TYPE_CHECKING:
    from trainer.encoding import ChatEncoder

# In vLLM's own process nothing outlives a kill, requests are scheduled in the same order every
# time, and a second model starts without importing everything again.
EVERYWHERE = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # Its errors reach us as exceptions; what it logs beside them is a whole batch of requests.
    "VLLM_LOGGING_LEVEL": "CRITICAL",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    # A thread that spins while it waits holds the core that its neighbour waits for: small models
    # on busy cores ran 8 times slower. Read once, when torch is loaded.
    "OMP_WAIT_POLICY": "PASSIVE",
}
# A stated cache size (GiB) spares vLLM's measuring of memory; what it would compile for the sake
# of one small kernel costs more than it saves, and needs a C++ compiler.
WITHOUT_CUDA = {"VLLM_CPU_KVCACHE_SPACE": "1", "TORCH_COMPILE_DISABLE": "1"}


@dataclass(frozen=True)
class Request:
    """A prompt's token ids, and the seed of its first sample; the next sample's is one higher."""

    token_ids: list[int]
    seed: int


@dataclass(frozen=True)
class Sampling:
    """How every request is sampled: see the options of stages/generate.py."""

    num_samples: int
    temperature: float
    top_p: float
    max_tokens: int


@dataclass(frozen=True)
class Sample:
    """One answer: finish_reason as vLLM names it, num_tokens with the end token, logprob in nats.

    logprob: summed over the tokens, under the model itself (before temperature and top_p)
    """

    text: str
    finish_reason: str | None
    num_tokens: int
    logprob: float


class Engine:
    """One model folder's chat template and weights, in memory from `with` to its end.

    dtype:         of weights and arithmetic; auto: the one that config.json says they are stored in
    max_model_len: in tokens, prompt and answer together; None: the model's own

    Several engines may follow one another in a process; each later one starts in seconds.
    Raises UserError where the folder is no chat model, or vLLM is missing or refuses it.
    """

    max_model_len: int

    def __init__(self, model: Path, dtype: str = "auto", max_model_len: int | None = None) -> None:
        self._model = model
        self._dtype = dtype
        self._asked_len = max_model_len

    def __enter__(self) -> "Engine":
        """Load the chat template, then the weights: the cheaper mistake is met first."""
        self._encoder = _load_encoder(self._model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._llm = _start(self._model, self._dtype, self._asked_len)
        self.max_model_len = self._llm.model_config.max_model_len
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give back weights and cache; vLLM's objects form cycles, so they are collected here."""
        self._llm.llm_engine.engine_core.shutdown()
        del self._llm
        gc.collect()

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Render and tokenise a prompt as the trainer does.

        Special tokens are the template's alone; raises whatever the template raises.
        """
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
        return self._encoder.encode_prompt(turns)

    def sample(self, requests: Sequence[Request], sampling: Sampling) -> list[list[Sample]]:
        """Answer each request `num_samples` times; raises RatherError where vLLM gives up."""
        from vllm import SamplingParams, TokensPrompt

        prompts = [TokensPrompt(prompt_token_ids=request.token_ids) for request in requests]
        params = [
            SamplingParams(
                n=sampling.num_samples,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=sampling.max_tokens,
                seed=request.seed,
                logprobs=0,
            )
            for request in requests
        ]
        try:
            answers = self._llm.generate(prompts, params, use_tqdm=False)
        except Exception as error:  # vLLM raises nearly anything; all of it ends the run
            raise RatherError(
                f"vLLM: expected {len(requests):,} answers from {self._model}, found: "
                f"{_first_line(error)}; finished chunks are kept, run again to go on"
            ) from error
        return [[_sample(output) for output in answer.outputs] for answer in answers]


def _sample(output: Any) -> Sample:
    """Take what we keep of vLLM's answer; a sum of log-probabilities can round to above zero."""
    return Sample(
        text=output.text,
        finish_reason=output.finish_reason,
        num_tokens=len(output.token_ids),
        logprob=min(0.0, output.cumulative_logprob),
    )


def _load_encoder(model: Path) -> "ChatEncoder":
    """Load a folder's tokenizer and chat template."""
    _set(EVERYWHERE)
    from transformers import AutoTokenizer

    from trainer.encoding import ChatEncoder
    from trainer.errors import TrainerError

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            model, local_files_only=True, trust_remote_code=False
        )
        return ChatEncoder(tokenizer)
    except TrainerError as error:
        raise UserError(f"{model}: {error}") from None
    except Exception as error:  # transformers raises nearly anything over a broken folder
        raise UserError(
            f"{model}: expected a tokenizer that transformers can load, found: "
            f"{_first_line(error)}; correct the model's folder, or `model` in params.yaml"
        ) from error


def _start(model: Path, dtype: str, max_model_len: int | None) -> Any:
    """Start vLLM on a folder of safetensors weights."""
    import torch

    on_cuda = torch.cuda.is_available()
    if not on_cuda:
        _set(WITHOUT_CUDA)
    # vLLM reads its own level too late for what it logs while it is imported.
    logging.getLogger("vllm").setLevel(logging.CRITICAL)
    try:
        from vllm import LLM
    except ImportError as error:
        raise UserError(
            f"expected vLLM, found: {_first_line(error)}; "
            "install the extra `cpu` or `cuda`, whichever this machine has"
        ) from error
    try:
        return LLM(
            str(model),
            dtype=_stored_dtype(model) if dtype == "auto" else dtype,  # type: ignore[arg-type]
            max_model_len=max_model_len,
            load_format="safetensors",
            enforce_eager=not on_cuda,
            # A seeded request that is read in two parts stops vLLM without CUDA (0.32: "CPU
            # Generator does not use offset"), and a full batch cuts some in two.
            enable_chunked_prefill=on_cuda,
            disable_log_stats=True,
            use_tqdm_on_load=False,
            seed=0,
        )
    except Exception as error:  # vLLM raises nearly anything; all of it means it did not start
        raise UserError(
            f"{model}: expected a model that vLLM can serve here, found: {_first_line(error)}; "
            "correct the model, or generate.max_model_len or generate.dtype in params.yaml"
        ) from error


def _stored_dtype(model: Path) -> Any:
    """Read in which dtype the weights are stored; vLLM's own auto would round float32 down."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model, local_files_only=True, trust_remote_code=False)
    return config.get_text_config().dtype or "auto"


def _set(variables: dict[str, str]) -> None:
    """Set environment variables that nobody has set."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)


def _first_line(error: Exception) -> str:
    """Say in one line what went wrong."""
    text = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return (text.strip() or type(error).__name__).splitlines()[0]
