"""Real model servers on loopback, from `tests.real_servers`: each is started with its documented command, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.ssh_world import free_port
from tests.contract.tiny_model import write_tiny_model
from tests.needs import need
from tests.real_servers import SERVERS

KEY = "sk-plantedPLANTEDplanted0123456789"
_NEAR = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_START_SECONDS = {"llama-server": 30.0, "litellm": 180.0, "mlflow": 180.0}


@dataclass(frozen=True)
class RunningServer:
    """`get` and `post` ask it as a plain program would, to compare with what we made of its answers."""

    url: str
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> Any:
        return self._ask(path, None)

    def post(self, path: str, body: Any) -> Any:
        return self._ask(path, body)

    def stop(self, number: signal.Signals) -> None:
        """The server and all that it started."""
        os.killpg(self.process.pid, number)

    def _ask(self, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with _NEAR.open(urllib.request.Request(self.url + path, data, headers), timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if "json" in answer.headers["Content-Type"] else said.decode()


@contextlib.contextmanager
def llama_server(folder: Path, *words: str, models: Sequence[str] = ()) -> Iterator[RunningServer]:
    """Of one tiny model, or with `models` a router that loads each of them when it is asked for."""
    if models:
        (folder / "models").mkdir()
        for name in models:
            write_tiny_model(folder / "models" / f"{name}.gguf")
        source = ["--models-dir", str(folder / "models")]
    else:
        source = ["-m", str(write_tiny_model(folder / "tiny.gguf")), "--alias", "tiny"]
    given = [*source, "--api-key", KEY, "--metrics", "--offline", "--threads", "1", "--parallel", "2", *words]
    with _running("llama-server", folder, given, {}, "/health") as made:
        yield made


_LITELLM = """model_list:
{models}
litellm_settings: {{num_retries: 0, request_timeout: 20}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
general_settings: {{master_key: {key}}}
"""
_LITELLM_MODEL = (
    "  - {{model_name: {name}, litellm_params: {{model: openai/{name}, api_key: none, mock_response: {answer}}}}}"
)


@contextlib.contextmanager
def litellm_proxy(folder: Path, models: Mapping[str, str]) -> Iterator[RunningServer]:
    """Each model answers what stands there; `litellm.RateLimitError` and its like raise that."""
    lines = [_LITELLM_MODEL.format(name=name, answer=json.dumps(answer)) for name, answer in models.items()]
    configuration = folder / "litellm.yaml"
    configuration.write_text(_LITELLM.format(models="\n".join(lines), key=KEY), encoding="utf-8")
    alone = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True"}
    words = ["--config", str(configuration), "--telemetry", "False"]
    with _running("litellm", folder, words, alone, "/health/readiness") as made:
        yield made


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[RunningServer]:
    kept = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "art")]
    alone = {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with _running("mlflow", folder, ["server", "--workers", "1", *kept], alone, "/health") as made:
        yield made


@contextlib.contextmanager
def _running(
    name: str, folder: Path, words: Sequence[str], more: Mapping[str, str], health: str
) -> Iterator[RunningServer]:
    """From when it answers, until the test has ended; what it says stays in the folder."""
    server = SERVERS[name]
    need(name, server.is_ready, f"python -m tests.real_servers {name}")
    need("setpriv", shutil.which("setpriv") is not None, "apt-get install util-linux")
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **more}
    command = [str(server.path), *words, "--host", "127.0.0.1", "--port", str(port)]
    log = folder / f"{name}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment, cwd=folder, start_new_session=True,
        )  # fmt: skip
    made = RunningServer(f"http://127.0.0.1:{port}", process)
    try:
        deadline = time.monotonic() + _START_SECONDS[name]
        while not _answers(made, health):
            assert process.poll() is None, log.read_text(errors="replace")[-2_000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2_000:]
            time.sleep(0.05)
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            made.stop(signal.SIGCONT)
            made.stop(signal.SIGKILL)
        process.wait()


def _answers(server: RunningServer, path: str) -> bool:
    try:
        server.get(path)
    except (urllib.error.HTTPError, OSError):
        return False
    return True
