"""What a container of the demo prints: the same for the same moment, so that its past need not be kept."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from aicompute_tui.demo.lab.box import Box, base_name
from aicompute_tui.demo.nodes.talk import Server

STDOUT, STDERR = 1, 2
_SLOT_SECONDS = 2.0
_REMEMBERED_SECONDS = 6 * 3_600
"""How far back its log goes."""
_STARTING_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Line:
    at: float
    stream: int
    text: str


def lines(box: Box, since: float, until: float) -> Iterator[Line]:
    """All of every run after `since`, up to `until`, oldest first."""
    for run in box.runs:
        began = max(run.began, until - _REMEMBERED_SECONDS)
        end = min(until, run.ended if run.ended is not None else until)
        first = _slot(max(since, began))
        if since < run.began + _STARTING_SECONDS and began == run.began:
            yield from (line for line in _start(box, run.began) if since < line.at <= end)
        for slot in range(first, _slot(end) + 1):
            for line in _said(box, slot):
                if max(since, began, run.began + _STARTING_SECONDS) < line.at <= end:
                    yield line
        if run.ended is not None and since < run.ended <= until:
            yield from _last_words(box, run.ended)


def last(box: Box, count: int, until: float) -> list[Line]:
    """The newest `count` lines."""
    reach = max(60.0, count * _SLOT_SECONDS * 2)
    while True:
        found = list(lines(box, until - reach, until))
        if len(found) >= count or reach > _REMEMBERED_SECONDS * 2 + until - (box.ended or until):
            return found[-count:] if count else []
        reach *= 4


def _slot(moment: float) -> int:
    return int(moment // _SLOT_SECONDS)


def _luck(*words: object) -> random.Random:
    return random.Random(zlib.crc32("/".join(map(str, words)).encode()))  # noqa: S311 - words of a demo


def _said(box: Box, slot: int) -> list[Line]:
    """Within two seconds, in order."""
    say = _VOICES.get(base_name(box.image), _plain)
    found = say(box, slot, slot * _SLOT_SECONDS)
    return sorted(found, key=lambda line: line.at)


def _chat(slot: int) -> tuple[float, float] | None:
    """Somebody talks to a model: the second it ends and how long it took. The same for all that take part in it."""
    luck = _luck("chat", slot)
    return (luck.uniform(0.2, 1.7), luck.uniform(0.4, 6.5)) if luck.random() < 0.32 else None


def _ollama(box: Box, slot: int, at: float) -> list[Line]:
    server, luck = Server("ollama", f"{box.name}/{slot}"), _luck(box.name, slot)
    found: list[Line] = []
    talk = _chat(slot)
    if talk is not None:
        found += [
            Line(at + talk[0], STDOUT, text) for text in server.request(at + talk[0], "POST /api/chat", talk[1], 200)
        ]
    if luck.random() < 0.12:
        found += [Line(at + 0.1, STDERR, text) for text in server.figures(at + 0.1, 1, 0, 4.0)]
    if luck.random() < 0.01:
        found += [Line(at + 0.15, STDERR, text) for text in server.trouble(at + 0.15)]
    if slot % 15 == 0:
        found += [Line(at + 0.05, STDOUT, text) for text in server.probe(at + 0.05)]
    return found


def _vllm(box: Box, slot: int, at: float) -> list[Line]:
    server, luck = Server("vllm", f"{box.name}/{slot}"), _luck(box.name, slot)
    found: list[Line] = []
    if luck.random() < 0.3:
        asked = "POST /v1/chat/completions"
        found += [Line(at + 0.9, STDOUT, text) for text in server.request(at + 0.9, asked, 1.4, 200)]
    if slot % 5 == 0:
        found += [Line(at, STDOUT, text) for text in server.figures(at, luck.randint(0, 3), 0, luck.uniform(1, 30))]
    return found


def _webui(box: Box, slot: int, at: float) -> list[Line]:  # noqa: ARG001
    luck = _luck("webui", slot)
    port = luck.randint(32_000, 60_000)
    talk = _chat(slot)
    found = []
    if talk is not None:
        text = f'INFO:     172.18.0.1:{port} - "POST /api/chat/completions HTTP/1.1" 200'
        found.append(Line(at + talk[0] + 0.008, STDOUT, text))
    if luck.random() < 0.1:
        path = luck.choice(("/api/v1/chats/?page=1", "/api/models", "/api/v1/users/user/settings", "/api/config"))
        found.append(Line(at + 1.2, STDOUT, f'INFO:     172.18.0.1:{port} - "GET {path} HTTP/1.1" 200'))
    if luck.random() < 0.004:
        text = "WARNING  [open_webui.retrieval.utils] no embedding endpoint answers, falling back to keywords"
        found.append(Line(at + 0.4, STDERR, text))
    return found


def _tei(box: Box, slot: int, at: float) -> list[Line]:
    luck = _luck(box.name, slot)
    found = []
    if luck.random() < 0.45:
        taken, queued = luck.uniform(40, 900), luck.uniform(20, 800)
        counts = f'total_time="{taken + queued:.6f}ms" tokenization_time="{luck.uniform(100, 900):.6f}µs"'
        text = f'INFO embed{{{counts} queue_time="{queued:.6f}ms" inference_time="{taken:.6f}ms"}}: Success'
        found.append(Line(at + 0.7, STDOUT, f"{_iso(at + 0.7)}  {text}"))
    if box.health == "unhealthy" and luck.random() < 0.12:
        text = f"WARN text_embeddings_core::queue: queue is long: {luck.randint(31, 58)} requests wait"
        found.append(Line(at + 1.1, STDERR, f"{_iso(at + 1.1)}  {text}"))
    if box.health == "unhealthy" and slot % 15 == 0:
        text = "ERROR health: Error: Backend error: CUDA out of memory while warming up a batch of 32768 tokens"
        found.append(Line(at + 1.6, STDERR, f"{_iso(at + 1.6)} {text}"))
    return found


def _qdrant(box: Box, slot: int, at: float) -> list[Line]:
    luck = _luck(box.name, slot)
    if luck.random() > 0.16:
        return []
    verb = luck.choice(("PUT /collections/notes/points?wait=true", "POST /collections/notes/points/search"))
    size, took = luck.randint(90, 4_000), luck.uniform(0.0004, 0.03)
    text = f'INFO actix_web::middleware::logger: 172.18.0.4 "{verb} HTTP/1.1" 200 {size} "-" "python-client" {took:.6f}'
    return [Line(at + 0.5, STDOUT, f"{_iso(at + 0.5)}  {text}")]


def _plain(box: Box, slot: int, at: float) -> list[Line]:
    luck = _luck(box.name, slot)
    if luck.random() > 0.2:
        return []
    return [
        Line(at + 0.3, STDOUT, f"INFO  request served in {luck.uniform(0.5, 80):.1f} ms, {luck.randint(1, 9)} open")
    ]


_VOICES: dict[str, Callable[[Box, int, float], list[Line]]] = {
    "ollama": _ollama,
    "vllm-openai": _vllm,
    "open-webui": _webui,
    "text-embeddings-inference": _tei,
    "qdrant": _qdrant,
}


def _start(box: Box, at: float) -> list[Line]:
    kind = base_name(box.image)
    texts: tuple[tuple[float, int, str], ...] = ((0.2, STDOUT, "starting"), (1.4, STDOUT, "ready"))
    if kind == "ollama":
        texts = (
            (0.3, STDERR, f'time={_iso(at + 0.3)} level=INFO source=routes.go:1511 msg="server config" env="map[…]"'),
            (0.4, STDERR, f'time={_iso(at + 0.4)} level=INFO source=routes.go:1564 msg="Listening on [::]:11434"'),
            (1.9, STDERR, f'time={_iso(at + 1.9)} level=INFO source=types.go:131 msg="inference compute" library=cuda'),
        )
    elif kind == "text-embeddings-inference":
        texts = (
            (0.4, STDOUT, f'{_iso(at + 0.4)}  INFO text_embeddings_router: Args {{ model_id: "BAAI/****/bge-m3" }}'),
            (2.2, STDOUT, f"{_iso(at + 2.2)}  INFO text_embeddings_router: Starting model backend"),
            (2.8, STDOUT, f"{_iso(at + 2.8)}  INFO text_embeddings_router::http::server: Ready"),
        )
    elif kind in {"open-webui", "vllm-openai"}:
        texts = (
            (0.5, STDERR, "INFO:     Started server process [1]"),
            (1.5, STDERR, "INFO:     Waiting for application startup."),
            (2.5, STDERR, "INFO:     Application startup complete."),
        )
    return [Line(at + seconds, stream, text) for seconds, stream, text in texts]


def _last_words(box: Box, at: float) -> Iterator[Line]:
    if box.is_out_of_memory:
        yield Line(at - 0.002, STDERR, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.50 GiB.")
        yield Line(at - 0.001, STDERR, "Killed")
    else:
        yield Line(at - 0.001, STDERR, "shutting down")


def _iso(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}.{int(at % 1 * 1e6):06d}Z"
