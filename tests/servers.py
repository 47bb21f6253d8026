"""Servers on loopback that speak OpenAI's protocol: one that plays a part, a real `vllm serve`."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from rather.stages.models.engine import PLAIN_JSON

LOOPBACK = "127.0.0.1"
STARTS_WITHIN = 300.0  # seconds
Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What a server sends back."""

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


def answer(text: str, finish_reason: str = "stop", num_tokens: int = 3) -> Reply:
    """Make a whole answer."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": finish_reason,
    }
    usage = {"prompt_tokens": 5, "completion_tokens": num_tokens, "total_tokens": 5 + num_tokens}
    body = {"id": "1", "object": "chat.completion", "created": 0, "model": "played"}
    return Reply(content=json.dumps(body | {"choices": [choice], "usage": usage}).encode())


def refusal(status: int, message: str = "no", **headers: str) -> Reply:
    """Make a server's refusal."""
    content = json.dumps({"error": {"message": message, "type": "error", "code": None}})
    return Reply(status, content.encode(), {"content-type": "application/json"} | headers)


@dataclass
class Played:
    """A running server: its address, and every request it was sent."""

    url: str
    asked: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def played(part: Callable[[Body], Reply]) -> Iterator[Played]:
    """Serve whatever a function makes of each request's body."""
    server = ThreadingHTTPServer((LOOPBACK, 0), BaseHTTPRequestHandler)
    found = Played(f"http://{LOOPBACK}:{server.server_port}/v1")
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                found.asked.append(body)
                found.headers.append({key.lower(): value for key, value in self.headers.items()})
            reply = part(body)
            self.send_response(reply.status)
            for name, value in (
                reply.headers | {"content-length": f"{len(reply.content)}"}
            ).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server.RequestHandlerClass = Handler
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


class VllmServer:
    """`vllm serve` on a model folder, which may be stopped and started again at its address."""

    name = "served"

    def __init__(self, model: Path, log: Path) -> None:
        self._model, self._log = model, log
        with socket.socket() as free:
            free.bind((LOOPBACK, 0))
            self._port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Give the address that requests go to."""
        return f"http://{LOOPBACK}:{self._port}/v1"

    def start(self) -> None:
        """Start it where it does not run, and wait until it answers."""
        if self._process is not None:
            return
        # What `vllm serve` runs; the command itself asks for its version under the name vllm, which
        # the CPU's package has not.
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        command += ["--model", str(self._model), "--served-model-name", self.name]
        command += ["--host", LOOPBACK, "--port", str(self._port), "--enforce-eager"]
        command += ["--no-enable-chunked-prefill", "--dtype", "float32"]
        command += ["--structured-outputs-config", json.dumps(PLAIN_JSON)]
        quiet = {
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "TORCH_COMPILE_DISABLE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    def _wait(self) -> None:
        """Wait until it is well."""
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()[-3000:]
            try:
                with urlopen(f"http://{LOOPBACK}:{self._port}/health", timeout=5):
                    return
            except (URLError, OSError):
                time.sleep(0.5)
        raise AssertionError(self._log.read_text()[-3000:])

    def stop(self) -> None:
        """Kill it and every process it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
