"""Answers in the shapes of Ollama's API."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aicompute_tui.demo.nodes import openai_server
from aicompute_tui.demo.nodes.box import Box
from aicompute_tui.demo.nodes.http_answer import Answer, Request, prompt_of, spoken, tokens_in, words_for
from aicompute_tui.demo.nodes.setting_up import model_gib

_VERSION = "0.33.0"
_KEEP_ALIVE = timedelta(minutes=5)
_EMBEDDING = ("bge-", "nomic-embed")


def answer(box: Box, request: Request) -> Answer:
    if request.path.startswith("/v1/"):
        return openai_server.answer(box, request)
    now = time.time()
    if request.method == "POST":
        return _post(box, request.path, request.fields(), now)
    if request.path == "/":
        return Answer(200, "text/plain; charset=utf-8", b"Ollama is running")
    known: dict[str, Callable[[], object]] = {
        "/api/version": lambda: {"version": _VERSION},
        "/api/tags": lambda: {"models": [_tag(name) for name in box.models_here(now)]},
        "/api/ps": lambda: {"models": [_loaded(name, box, now) for name in box.loaded(now)]},
    }
    found = known.get(request.path)
    return _absent() if found is None else Answer.json(found())


def _absent() -> Answer:
    return Answer(404, "text/plain", b"404 page not found")


def _post(box: Box, path: str, fields: dict[str, Any] | None, now: float) -> Answer:
    carried_out = _POSTS.get(path)
    if carried_out is None:
        return _absent()
    if fields is None:
        return Answer.json({"error": "invalid character in request body"}, 400)
    model = str(fields.get("model") or "")
    names = {model, f"{model}:latest", model.removesuffix(":latest")}
    known = next((name for name in box.models_here(now) if name in names), None)
    if known is None:
        return Answer.json({"error": f"model '{model}' not found"}, 404)
    return carried_out(known, path, fields)


def _say(model: str, path: str, fields: Mapping[str, Any]) -> Answer:
    parts = _said(model, path, fields)
    if fields.get("stream") is False:
        return Answer.once("application/json", _last(parts, path))
    return Answer.once("application/x-ndjson", _lines(parts))


def _embed(model: str, path: str, fields: Mapping[str, Any]) -> Answer:  # noqa: ARG001
    return Answer.json({"model": model, "embeddings": _embeddings(fields), "prompt_eval_count": 8})


def _show(model: str, path: str, fields: Mapping[str, Any]) -> Answer:  # noqa: ARG001
    return Answer.json({"modelfile": "", "parameters": "", "template": "", "details": _details(model)})


def _pull(model: str, path: str, fields: Mapping[str, Any]) -> Answer:  # noqa: ARG001
    return Answer.json({"status": "success"})


_POSTS: dict[str, Callable[[str, str, Mapping[str, Any]], Answer]] = {
    "/api/chat": _say,
    "/api/generate": _say,
    "/api/embed": _embed,
    "/api/show": _show,
    "/api/pull": _pull,
}


async def _said(model: str, path: str, fields: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    prompt = prompt_of(fields)
    options = fields.get("options")
    most = options.get("num_predict") if isinstance(options, dict) else None
    words = words_for(prompt, most if isinstance(most, int) and most > 0 else None) if prompt else []
    began = time.monotonic_ns()
    async for word in spoken(words):
        yield {"model": model, "created_at": _now(), **_part(path, word), "done": False}
    took = time.monotonic_ns() - began
    yield {
        "model": model,
        "created_at": _now(),
        **_part(path, ""),
        "done": True,
        "done_reason": "stop" if words else "load",
        "total_duration": took,
        "load_duration": 41_000_000,
        "prompt_eval_count": tokens_in(prompt),
        "prompt_eval_duration": 120_000_000,
        "eval_count": len(words),
        "eval_duration": max(1, took - 180_000_000),
    }


def _part(path: str, word: str) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": word}} if path == "/api/chat" else {"response": word}


async def _lines(parts: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    async for part in parts:
        yield json.dumps(part).encode() + b"\n"


async def _last(parts: AsyncIterator[dict[str, Any]], path: str) -> AsyncIterator[bytes]:
    """One object with the whole text, as `"stream": false` asks for."""
    text = ""
    last: dict[str, Any] = {}
    async for last in parts:
        text += last["message"]["content"] if path == "/api/chat" else last["response"]
    yield json.dumps({**last, **_part(path, text)}).encode()


def _embeddings(fields: Mapping[str, Any]) -> list[list[float]]:
    given = fields.get("input")
    texts = given if isinstance(given, list) else [given]
    return [[(zlib.crc32(f"{text}/{place}".encode()) % 2_000 - 1_000) / 1_000 for place in range(16)] for text in texts]


def _tag(name: str) -> dict[str, Any]:
    full = name if ":" in name else f"{name}:latest"
    digest = f"{zlib.crc32(name.encode()):08x}" * 8
    return {
        "name": full,
        "model": full,
        "modified_at": _now(),
        "size": round(model_gib(name) * (1 << 30)),
        "digest": digest,
        "details": _details(name),
        "capabilities": ["embedding"] if name.startswith(_EMBEDDING) else ["completion"],
    }


def _details(name: str) -> dict[str, Any]:
    family = name.partition(":")[0].rstrip("0123456789.")
    size = name.partition(":")[2].partition("-")[0].upper() or "0.6B"
    return {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family],
        "parameter_size": size,
        "quantization_level": "Q4_K_M",
    }


def _loaded(name: str, box: Box, now: float) -> dict[str, Any]:
    expires = datetime.fromtimestamp(max(box.work.last_at, now - 200), UTC) + _KEEP_ALIVE
    tag = _tag(name)
    del tag["modified_at"], tag["capabilities"]
    return {**tag, "expires_at": expires.isoformat(), "size_vram": tag["size"], "context_length": 4096}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
