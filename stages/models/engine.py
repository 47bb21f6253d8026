"""vLLM, started late, kept quiet and shut down whole: the one file that imports it."""

import gc
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from rather.schemas.base import Message, UserError
from rather.stages.models.chat import TOO_LONG, Chat, Sample, Sampling, StoppedError, refusal
from rather.stages.models.response_cache import spoken

if TYPE_CHECKING:
    from rather.trainer.data.encoding import ChatEncoder

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
# A model may otherwise fill its answer with the white space that JSON allows, to the last token.
PLAIN_JSON = {"backend": "xgrammar", "disable_any_whitespace": True}


class Holding:
    """A vLLM engine in memory, from `with` to its end."""

    _llm: Any

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Free weights and cache; vLLM's objects form cycles, so they are collected here."""
        self._llm.llm_engine.engine_core.shutdown()
        del self._llm
        gc.collect()


class Engine(Holding):
    """One model folder's chat template and weights, in memory from `with` to its end.

    dtype:         of weights and arithmetic; auto: the one that config.json says they are stored in
    max_model_len: in tokens, prompt and answer together; None: the model's own
    template:      options for the chat template

    Several engines may follow one another in a process; each later one starts in seconds.
    Raises UserError where the folder is no chat model, or vLLM is missing or refuses it.
    """

    def __init__(
        self,
        model: Path,
        dtype: str = "auto",
        max_model_len: int | None = None,
        template: Mapping[str, Any] | None = None,
    ) -> None:
        self._model = model
        self._dtype = dtype
        self._asked_len = max_model_len
        self._template = template or {}

    def __enter__(self) -> Self:
        """Load the chat template, then the weights: the cheaper check comes first."""
        self._encoder = _load_encoder(self._model, self._template)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._llm = start(
                self._model, self._dtype, self._asked_len, structured_outputs_config=PLAIN_JSON
            )
        self.max_model_len: int = self._llm.model_config.max_model_len
        return self

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Render and tokenise a prompt as the trainer does.

        Special tokens are the template's alone; raises whatever the template raises.
        """
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
        return self._encoder.encode_prompt(turns)

    def chat(self, requests: Sequence[Chat], sampling: Sampling) -> list[Sample | str]:
        """Answer each request once; see stages/models/chat.py."""
        encoded = self._encoded(requests)
        pairs = zip(encoded, requests, strict=True)
        askable = [(ids, request) for ids, request in pairs if not isinstance(ids, str)]
        samples = iter(self._generate(askable, sampling))
        return [ids if isinstance(ids, str) else next(samples) for ids in encoded]

    def _encoded(self, requests: Sequence[Chat]) -> list[list[int] | str]:
        """Return each conversation's token ids, or the reason why it cannot be asked."""
        known: dict[tuple[str, ...], list[int] | str] = {}
        encoded = []
        for request in requests:
            key = tuple(spoken(request.messages))
            if key not in known:
                known[key] = self._encode_or_refuse(request.messages)
            encoded.append(known[key])
        return encoded

    def _encode_or_refuse(self, messages: Sequence[Message]) -> list[int] | str:
        """Return a conversation's token ids, or the reason why it cannot be asked."""
        if reason := refusal(messages):
            return reason
        try:
            token_ids = self.encode(messages)
        except Exception:  # a template is the model author's program and may raise anything
            return "template_error"
        if not token_ids:
            return "prompt_empty"
        return token_ids if len(token_ids) < self.max_model_len else TOO_LONG

    def _generate(self, requests: Sequence[tuple[Any, Chat]], sampling: Sampling) -> list[Sample]:
        """Return vLLM's answers to encoded requests; raise StoppedError where it fails."""
        from vllm import TokensPrompt

        prompts = [TokensPrompt(prompt_token_ids=token_ids) for token_ids, _ in requests]
        try:
            params = [_params(request, sampling) for _, request in requests]
            answers = self._llm.generate(prompts, params, use_tqdm=False) if requests else []
        except Exception as error:  # vLLM raises nearly anything; all of it ends the run
            raise StoppedError(
                f"vLLM: expected {len(requests):,} answers from {self._model}, found: "
                f"{first_line(error)}; finished chunks are kept, run again to go on",
                [],
            ) from error
        return [_sample(answer) for answer in answers]


def _params(request: Chat, sampling: Sampling) -> Any:
    """Return a request's parameters for vLLM."""
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    schema = None if request.schema is None else dict(request.schema)
    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        stop=list(sampling.stop),
        seed=request.seed,
        logprobs=0,
        structured_outputs=None if schema is None else StructuredOutputsParams(json=schema),
    )


def _sample(answer: Any) -> Sample:
    """Return vLLM's answer as a sample; a sum of log-probabilities can round to above zero."""
    output = answer.outputs[0]
    return Sample(
        text=output.text,
        finish_reason=output.finish_reason,
        num_tokens=len(output.token_ids),
        logprob=min(0.0, output.cumulative_logprob),
        num_prompt_tokens=len(answer.prompt_token_ids),
    )


def _load_encoder(model: Path, template: Mapping[str, Any]) -> "ChatEncoder":
    """Load a folder's tokenizer and its chat template, with options of its own."""
    _set(EVERYWHERE)
    from transformers import AutoTokenizer

    from rather.trainer.data.encoding import ChatEncoder
    from rather.trainer.errors import TrainerError

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            model, local_files_only=True, trust_remote_code=False
        )
        return ChatEncoder(tokenizer, template)
    except TrainerError as error:
        raise UserError(f"{model}: {error}") from None
    except Exception as error:  # transformers raises nearly anything over a broken folder
        raise UserError(
            f"{model}: expected a tokenizer that transformers can load, found: "
            f"{first_line(error)}; correct the model's folder, or `model` in params.yaml"
        ) from error


def start(model: Path, dtype: str, max_model_len: int | None, **more: Any) -> Any:
    """Start vLLM on a folder of safetensors weights; more: options of its own."""
    _set(EVERYWHERE)
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
            f"expected vLLM, found: {first_line(error)}; "
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
            enable_prefix_caching=True,
            disable_log_stats=True,
            use_tqdm_on_load=False,
            seed=0,
            **more,
        )
    except Exception as error:  # vLLM raises nearly anything; all of it means it did not start
        raise UserError(
            f"{model}: expected a model that vLLM can serve here, found: {first_line(error)}; "
            "correct the model, or max_model_len or dtype in params.yaml"
        ) from error


def _stored_dtype(model: Path) -> Any:
    """Return the dtype of the stored weights; vLLM's own auto would round float32 down."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model, local_files_only=True, trust_remote_code=False)
    return config.get_text_config().dtype or "auto"


def _set(variables: dict[str, str]) -> None:
    """Set environment variables that are unset."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    text = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return (text.strip() or type(error).__name__).splitlines()[0]
