"""What model servers, cloud-init and the set-up write to their logs, in the words of the real ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

from aicompute_tui.demo.nodes.setting_up import NEVER, Plan, Stretch
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.node import SetupStage

LONG_LINE = 9_000
_WORDS = ["the", "model", "of", "tokens", "and", "weights", "answers", "with", "fewer", "steps", "than", "before", "it"]
_BRIDGE = "172.17.0.1"
_OLLAMA_TROUBLE = (
    ("WARN", 'runner.go:153 msg="truncating input prompt" limit=4096 prompt=5210 keep=4'),
    ("ERROR", 'server.go:1512 msg="post predict" error="context canceled"'),
    ("WARN", 'sched.go:687 msg="gpu VRAM usage didn\'t recover within timeout" seconds=5.2'),
)
_VLLM_TROUBLE = (
    ("WARNING", "[scheduler.py:1204] Sequence group 412 is preempted: there is not enough KV cache space."),
    ("ERROR", "[serving_chat.py:1034] Error in chat completion stream generator: Connection reset by peer"),
    ("WARNING", "[protocol.py:117] The following fields were present in the request but ignored: guided_json"),
)


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def cloud_init(plan: Plan, name: str) -> Iterator[tuple[float, str]]:
    """Of the first seconds of a machine."""
    began, up = plan[0].begins, plan[0].ends
    long = up - began
    first = _utc(began).strftime("%a, %d %b %Y %H:%M:%S +0000")
    yield began + 0.1 * long, f"Cloud-init v. 25.2-0ubuntu1~24.04.1 running 'init-local' at {first}. Up 3.41 seconds."
    yield began + 0.2 * long, "ci-info: ++++++++++++++Net device info++++++++++++++"
    yield began + 0.2 * long, "ci-info: |  ens5  | True |  10.0.12.7  | 255.255.240.0 | global |"
    yield began + 0.3 * long, "Generating public/private ed25519 key pair."
    yield began + 0.4 * long, f"Setting hostname to {name}"
    yield began + 0.5 * long, "Get:1 http://archive.ubuntu.com/ubuntu noble InRelease [256 kB]"
    yield began + 0.6 * long, "WARNING: apt does not have a stable CLI interface. Use with caution in scripts."
    yield began + 0.8 * long, "Created symlink /etc/systemd/system/timers.target.wants/aic-tui-deadman.timer."
    yield began + 0.9 * long, "Created symlink /etc/systemd/system/multi-user.target.wants/aic-tui-setup.service."
    yield up, f"Cloud-init v. 25.2-0ubuntu1~24.04.1 finished. Datasource DataSourceEc2Local. Up {long:.2f} seconds"


def set_up(plan: Plan) -> Iterator[tuple[float, str]]:
    """The set-up's own log."""
    for step in plan:
        if step.begins == NEVER:
            return
        if step.tells:
            yield step.begins, f"{_stamp(step.begins)} {step.stage} {step.name}: {step.tells}"
        for part in _parts(step):
            moment = step.moment_of(100 * part)
            yield moment, f"{_stamp(moment)} | {_said(step, part)}"
        word = f"failed. {step.failure}" if step.failure else "done."
        yield step.ends, f"{_stamp(step.ends)} {step.stage} {step.name}: {word}"


def server_start(framework: str, models: tuple[str, ...], plan: Plan) -> Iterator[tuple[float, str]]:
    """The model server's first lines, between the start of its container and its first answer."""
    if framework not in FRAMEWORKS or any(step.failure for step in plan):
        return
    begin = next((step.begins for step in plan if step.stage is SetupStage.MODEL), plan[-1].begins)
    end = plan[-1].ends
    lines = _ollama_start(begin) if framework == "ollama" else _vllm_start(begin, models[0] if models else "model")
    for place, line in enumerate(lines):
        moment = begin + (end - begin) * place / len(lines)
        yield moment, line


class Server:
    """The lines of one model server at work."""

    def __init__(self, framework: str, seed: str) -> None:
        self._is_ollama = framework == "ollama"
        self._random = random.Random(f"{seed}/talk")  # noqa: S311 - words of a demo

    def request(self, at: float, asked: str, seconds: float, status: int) -> list[str]:
        """One request that was answered; `asked` is its method and path."""
        method, _, path = asked.partition(" ")
        if self._is_ollama:
            return [f'{_gin(at, status)} | {seconds:>11.6f}s | {_BRIDGE:>15} | {method:<8} "{path}"']
        port = self._random.randint(32_000, 60_000)
        phrase = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}.get(status, "")
        return [f'INFO:     {_BRIDGE}:{port} - "{asked} HTTP/1.1" {status} {phrase}']

    def probe(self, at: float) -> list[str]:
        """A look at its health."""
        if self._is_ollama:
            micro = self._random.uniform(18, 60)
            return [f'{_gin(at, 200)} | {micro:>10.3f}µs | {_BRIDGE:>15} | GET      "/api/ps"']
        return [f'INFO:     {_BRIDGE}:{self._random.randint(32_000, 60_000)} - "GET /health HTTP/1.1" 200 OK']

    def figures(self, at: float, running: int, waiting: int, kv_percent: float) -> list[str]:
        """What it says of itself each ten seconds of work."""
        reading, writing = running * self._random.uniform(180, 420), running * self._random.uniform(34, 58)
        if self._is_ollama:
            used = self._random.randint(900, 3_900)
            return [
                f"{_iso(at)} level=DEBUG source=cache.go:136 "
                f'msg="loading cache slot" id={self._random.randint(0, 3)} cache={used} prompt={used + 214} used={used}'
            ]
        return [
            f"INFO {_utc(at):%m-%d %H:%M:%S} [loggers.py:257] Engine 000: "
            f"Avg prompt throughput: {reading:.1f} tokens/s, Avg generation throughput: {writing:.1f} tokens/s, "
            f"Running: {running} reqs, Waiting: {waiting} reqs, GPU KV cache usage: {kv_percent:.1f}%, "
            f"Prefix cache hit rate: {self._random.uniform(22, 61):.1f}%"
        ]

    def trouble(self, at: float) -> list[str]:
        """Now and then something is worth a warning, or worse."""
        if self._is_ollama:
            level, rest = self._random.choice(_OLLAMA_TROUBLE)
            return [f"{_iso(at)} level={level} source={rest}"]
        level, rest = self._random.choice(_VLLM_TROUBLE)
        return [f"{level} {_utc(at):%m-%d %H:%M:%S} {rest}"]

    def long_line(self, at: float) -> list[str]:
        """A request written out whole, longer than any screen is wide."""
        words = " ".join(self._random.choices(_WORDS, k=LONG_LINE // 4))
        head = (
            f'time={_utc(at):%Y-%m-%dT%H:%M:%SZ} level=DEBUG source=routes.go:1560 msg="chat request" prompt="'
            if self._is_ollama
            else f"INFO {_utc(at):%m-%d %H:%M:%S} [logger.py:39] Received request chatcmpl-7d1e: prompt: '"
        )
        return [(head + words)[: LONG_LINE - 1] + ('"' if self._is_ollama else "'")]


def node(at: float, name: str, unit: str, text: str) -> str:
    """A line of the journal as `journalctl -o short-iso` prints it."""
    return f"{_utc(at):%Y-%m-%dT%H:%M:%S+00:00} {name} {unit}[{700 + len(unit)}]: {text}"


def _gin(at: float, status: int) -> str:
    return f"[GIN] {_utc(at):%Y/%m/%d - %H:%M:%S} | {status}"


def _iso(at: float) -> str:
    return f"time={_utc(at):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def _stamp(at: float) -> str:
    return f"{_utc(at):%Y-%m-%dT%H:%M:%SZ}"


def _parts(step: Stretch) -> tuple[float, ...]:
    wanted = {SetupStage.IMAGE: (0.1, 0.3, 0.5, 0.7, 0.9), SetupStage.MODEL: (0.2, 0.4, 0.6, 0.8)}
    return () if step.failure else wanted.get(step.stage, ())


def _said(step: Stretch, part: float) -> str:
    if step.stage is SetupStage.IMAGE:
        return f"{int(part * 0xFFFFFFFFFF):012x}: {'Pull complete' if part > 0.4 else 'Download complete'}"
    return f"{step.name}: {step.gib * part:.1f} GiB of {step.gib:.1f} GiB"


def _ollama_start(at: float) -> list[str]:
    stamp = f"time={_utc(at):%Y-%m-%dT%H:%M:%S.000Z}"
    return [
        "Couldn't find '/root/.ollama/id_ed25519'. Generating new private key.",
        f'{stamp} level=INFO source=routes.go:1511 msg="server config" env="map[OLLAMA_HOST:http://0.0.0.0:11434]"',
        f'{stamp} level=INFO source=images.go:522 msg="total blobs: 0"',
        f'{stamp} level=INFO source=routes.go:1564 msg="Listening on [::]:11434 (version 0.33.0)"',
        f'{stamp} level=INFO source=types.go:42 msg="inference compute" library=CUDA compute=8.6 driver=13.0',
        f'{stamp} level=INFO source=download.go:177 msg="downloading 60e05f210007 in 16 291 MB part(s)"',
    ]


def _vllm_start(at: float, model: str) -> list[str]:
    stamp = f"INFO {_utc(at):%m-%d %H:%M:%S}"
    return [
        f"{stamp} [api_server.py:1896] vLLM API server version 0.33.0",
        f"{stamp} [utils.py:328] non-default args: {{'model': '{model}', 'gpu_memory_utilization': 0.9}}",
        f"{stamp} [config.py:1604] Using max model len 32768",
        f"WARNING {_utc(at):%m-%d %H:%M:%S} [cuda.py:101] To see the gain of async output, enable CUDA graph.",
        f"{stamp} [gpu_model_runner.py:1843] Starting to load model {model}...",
        f"{stamp} [weight_utils.py:296] Time spent downloading weights for {model}: 8.412553 seconds",
        f"{stamp} [default_loader.py:262] Loading weights took 4.21 seconds",
        f"{stamp} [kv_cache_utils.py:849] GPU KV cache size: 41,840 tokens",
        f"{stamp} [gpu_model_runner.py:2485] Graph capturing finished in 11 secs, took 0.61 GiB",
        "INFO:     Application startup complete.",
    ]
