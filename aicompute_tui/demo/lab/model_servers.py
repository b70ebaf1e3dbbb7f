"""The model servers of the demo: enough of Ollama, vLLM, ComfyUI and a TEI reranker to be watched and tried out."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from aicompute_tui.demo.lab.exchange import Exchange, serve
from aicompute_tui.domain.json import Json, JsonObject

LOOPBACK = "127.0.0.1"
VLLM_MODEL = "meta-llama/Llama-3.1-8B-Instruct"
RERANKER = "BAAI/bge-reranker-v2-m3"
_GIB = 1 << 30
_NUMBERS = 384
_PULL_STEPS, _PULL_SECONDS = 30, 0.4
_LAYER = int(2.9 * _GIB)
_WAVE_SECONDS = 90.0
_NOT_FOUND: JsonObject = {"error": "not found"}


@dataclass(slots=True)
class OllamaModel:
    name: str
    size: int
    parameters: str
    context: int
    is_loaded: bool = False
    share: float = 1.0
    """Of it that lies in GPU memory while it is loaded."""


@dataclass(slots=True)
class Ollama:
    models: dict[str, OllamaModel] = field(
        default_factory=lambda: {
            each.name: each
            for each in (
                OllamaModel("qwen2.5-coder:7b", int(4.7 * _GIB), "7.6B", 32_768, is_loaded=True),
                OllamaModel("llama3.2:3b", int(2.0 * _GIB), "3.2B", 131_072),
                OllamaModel("bge-m3:latest", int(1.2 * _GIB), "567M", 8_192, is_loaded=True, share=0.5),
            )
        }
    )

    async def answer(self, exchange: Exchange) -> None:
        path, body = exchange.request.path, exchange.request.fields()
        model = self.models.get(str(body.get("model") or ""))
        if path == "/":
            await exchange.text(b"Ollama is running")
        elif path == "/api/version":
            await exchange.answer({"version": "0.33.0"})
        elif path == "/api/tags":
            await exchange.answer({"models": [_listed(each) for each in self.models.values()]})
        elif path == "/api/ps":
            loaded = [each for each in self.models.values() if each.is_loaded]
            await exchange.answer({"models": [_running(each) for each in loaded]})
        elif path == "/api/pull":
            await self._pull(exchange, str(body.get("model") or ""))
        elif path in _OF_A_MODEL and model is None:
            await exchange.answer({"error": f"model '{body.get('model')}' not found"}, 404)
        elif path == "/api/delete" and model is not None:
            del self.models[model.name]
            await exchange.text(b"")
        elif path == "/api/generate" and model is not None:
            model.is_loaded = body.get("keep_alive") != 0
            await exchange.answer({"model": model.name, "response": "", "done": True})
        elif path == "/api/embed":
            await exchange.answer({"embeddings": [[*vector_of(str(body.get("input") or ""))]], "prompt_eval_count": 4})
        else:
            await exchange.answer(_NOT_FOUND, 404)

    async def _pull(self, exchange: Exchange, name: str) -> None:
        """A model whose name begins with `no` is not in the registry."""
        await exchange.begin("application/x-ndjson")
        await exchange.line({"status": "pulling manifest"})
        if name.startswith("no"):
            await exchange.line({"error": "pull model manifest: file does not exist"})
        else:
            digest = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
            for step in range(_PULL_STEPS + 1):
                done: Json = _LAYER * step // _PULL_STEPS
                line: JsonObject = {"status": "pulling", "digest": digest, "total": _LAYER, "completed": done}
                await exchange.line(line)
                await asyncio.sleep(_PULL_SECONDS)
            full = name if ":" in name else f"{name}:latest"
            self.models[full] = OllamaModel(full, _LAYER, "4.3B", 131_072)
            await exchange.line({"status": "success"})
        await exchange.finish()


_OF_A_MODEL = frozenset({"/api/delete", "/api/generate"})


@dataclass(slots=True)
class Vllm:
    """Its load comes and goes in waves; the counters are what those add up to."""

    began: float
    is_sleeping: bool = False

    async def answer(self, exchange: Exchange) -> None:
        path = exchange.request.path
        if path == "/health":
            await exchange.text(b"")
        elif path == "/version":
            await exchange.answer({"version": "0.33.0"})
        elif path == "/v1/models":
            model: JsonObject = {"id": VLLM_MODEL, "object": "model", "owned_by": "vllm", "max_model_len": 32_768}
            await exchange.answer({"object": "list", "data": [model]})
        elif path == "/metrics":
            await exchange.text(self._page(time.time()).encode())
        elif path == "/is_sleeping":
            await exchange.answer({"is_sleeping": self.is_sleeping})
        elif path in ("/sleep", "/wake_up"):
            self.is_sleeping = path == "/sleep"
            await exchange.answer({"status": "sleeping" if self.is_sleeping else "awake"})
        else:
            await exchange.answer({"error": {"message": "Not Found", "code": 404}}, 404)

    def _page(self, now: float) -> str:
        load = 0.0 if self.is_sleeping else wave(now)
        tokens = 180.0 * (now - self.began) + 140.0 * _WAVE_SECONDS / math.tau * (1 - _cosine(now - self.began))
        answers = tokens / 220.0
        values = {
            "num_requests_running": round(6 * load),
            "num_requests_waiting": max(0, round(9 * load - 6)),
            "kv_cache_usage_perc": round(0.08 + 0.6 * load, 3),
            "generation_tokens_total": round(tokens),
            "time_to_first_token_seconds_sum": round(answers * 0.31, 3),
            "time_to_first_token_seconds_count": round(answers),
        }
        return "".join(f'vllm:{name}{{model_name="{VLLM_MODEL}"}} {value}\n' for name, value in values.items())


@dataclass(slots=True)
class ComfyUi:
    held: int = 14 * _GIB

    async def answer(self, exchange: Exchange) -> None:
        path, load = exchange.request.path, wave(time.time() + 40)
        if path == "/system_stats":
            device: JsonObject = {"name": "NVIDIA A10G", "type": "cuda", "vram_total": 24 * _GIB,
                                  "vram_free": 24 * _GIB - self.held - int(5 * _GIB * load)}  # fmt: skip
            await exchange.answer({"system": {"comfyui_version": "0.9.2"}, "devices": [device]})
        elif path == "/queue":
            waiting: list[Json] = [[place] for place in range(round(3 * load))]
            await exchange.answer({"queue_running": [[0]] if load > 0.2 else [], "queue_pending": waiting})
        elif path == "/free":
            self.held = _GIB
            await exchange.text(b"")
        else:
            await exchange.answer(_NOT_FOUND, 404)


@dataclass(slots=True)
class Reranker:
    async def answer(self, exchange: Exchange) -> None:
        path, body = exchange.request.path, exchange.request.fields()
        if path == "/info":
            await exchange.answer({"model_id": RERANKER, "model_type": {"reranker": {}}, "version": "1.9.3",
                                   "max_input_length": 8_192})  # fmt: skip
        elif path == "/health":
            await exchange.text(b"")
        elif path == "/metrics":
            await exchange.text(f"te_queue_size {round(2 * wave(time.time()))}\n".encode())
        elif path == "/rerank":
            query, texts = str(body.get("query") or ""), body.get("texts")
            await exchange.answer([*_ranked(query, [str(each) for each in texts] if isinstance(texts, list) else [])])
        else:
            await exchange.answer(_NOT_FOUND, 404)


def _ranked(query: str, texts: Sequence[str]) -> list[JsonObject]:
    asked = vector_of(query)
    scores = [sum(a * b for a, b in zip(asked, vector_of(each), strict=True)) for each in texts]
    found = sorted(enumerate(scores), key=lambda each: -each[1])
    return [{"index": index, "score": round(max(0.0001, score), 4)} for index, score in found]


def vector_of(text: str) -> list[float]:
    """Of length one; texts that share words lie near each other."""
    sums = [0.0] * _NUMBERS
    for word in text.lower().split() or [""]:
        for letter, byte in enumerate(hashlib.sha256(word.strip(".,?!").encode()).digest()[:8]):
            sums[(byte * 7 + letter * 48) % _NUMBERS] += 1.0 if byte % 3 else -1.0
    norm = math.sqrt(sum(each * each for each in sums)) or 1.0
    return [round(each / norm, 6) for each in sums]


def wave(now: float) -> float:
    """How much there is to do, 0 to 1."""
    return 0.5 - 0.5 * _cosine(now)


def _cosine(seconds: float) -> float:
    return math.cos(seconds * math.tau / _WAVE_SECONDS)


def _listed(model: OllamaModel) -> JsonObject:
    details: JsonObject = {"format": "gguf", "parameter_size": model.parameters, "quantization_level": "Q4_K_M",
                           "context_length": model.context}  # fmt: skip
    can: list[Json] = ["embedding"] if model.name.startswith("bge-") else ["completion"]
    return {"name": model.name, "model": model.name, "size": model.size, "details": details, "capabilities": can}


def _running(model: OllamaModel) -> JsonObject:
    return {**_listed(model), "size_vram": int(model.size * model.share), "context_length": model.context}


async def listen(ports: Sequence[int], began: float) -> list[asyncio.Server]:
    """Each of the four at its port, in the order of this file."""
    answers: list[Callable[[Exchange], Coroutine[Any, Any, None]]] = [
        Ollama().answer, Vllm(began).answer, ComfyUi().answer, Reranker().answer,
    ]  # fmt: skip

    async def open_at(port: int, answer: Callable[[Exchange], Coroutine[Any, Any, None]]) -> asyncio.Server:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve(answer, reader, writer)

        return await asyncio.start_server(take, LOOPBACK, port)

    return [await open_at(port, answer) for port, answer in zip(ports, answers, strict=True)]
