"""The `rather` command, called in process."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rather.cli import main


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    code: int
    stderr: str
    stdout: str

    @property
    def errors(self) -> list[str]:
        """The lines of stderr that begin an error."""
        return [line for line in self.stderr.splitlines() if line.startswith("error:")]


def call(*arguments: Any) -> Done:
    """Call the command as its script does; what it does not stop for on purpose is raised."""
    stderr, stdout = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(stderr), contextlib.redirect_stdout(stdout):
        try:
            main([str(argument) for argument in arguments])
            code: Any = 0
        except SystemExit as end:
            code = end.code or 0
    return Done(code, stderr.getvalue(), stdout.getvalue())


@pytest.fixture(scope="session")
def rather() -> Callable[..., Done]:
    """Give the command."""
    return call


@pytest.fixture(scope="session")
def policy(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, a little astray."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("policy")
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        for weight in model.parameters():
            weight += 0.05 * torch.randn_like(weight)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder
