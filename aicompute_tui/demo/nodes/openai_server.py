"""Answers in the shapes of vLLM's API, which the other servers share as far as they are asked here."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aicompute_tui.demo.nodes.box import Box
from aicompute_tui.demo.nodes.http_answer import Answer, Request, prompt_of, spoken, tokens_in, words_for

_VERSION = "0.33.0"


def answer(box: Box, request: Request) -> Answer:
    path = request.path
    if request.method == "POST":
        return _complete(box, path, request.fields())
    if path in {"/health", "/ping"}:
        return Answer(200, "text/plain", b"")
    if path == "/version":
        return Answer.json({"version": _VERSION})
    if path == "/v1/models":
        return Answer.json({"object": "list", "data": [_model(box, name) for name in _models(box)]})
    if path == "/metrics" and box.facts.framework == "vllm":
        return Answer(200, "text/plain; version=0.0.4; charset=utf-8", _metrics(box).encode())
    return Answer.json({"detail": "Not Found"}, 404)


def _models(box: Box) -> tuple[str, ...]:
    return box.models_here(time.time())


def _model(box: Box, name: str) -> dict[str, Any]:
    owner = {"ollama": "library"}.get(box.facts.framework, box.facts.framework)
    row = {"id": name, "object": "model", "created": int(box.booted_at), "owned_by": owner}
    return {**row, "root": name, "parent": None, "max_model_len": 32_768} if owner == "vllm" else row


def _complete(box: Box, path: str, fields: dict[str, Any] | None) -> Answer:
    if path not in {"/v1/chat/completions", "/v1/completions"}:
        return Answer.json({"detail": "Not Found"}, 404)
    if fields is None:
        return _error(400, "BadRequestError", "The body is not valid JSON.")
    model = str(fields.get("model") or "")
    if model not in _models(box):
        return _error(404, "NotFoundError", f"The model `{model}` does not exist.")
    saying = _Saying(model, fields, is_chat=path == "/v1/chat/completions")
    if fields.get("stream"):
        return Answer.once("text/event-stream; charset=utf-8", saying.events())
    return Answer.once("application/json", saying.whole())


def _error(code: int, kind: str, message: str) -> Answer:
    return Answer.json({"error": {"message": message, "type": kind, "param": None, "code": code}}, code)


class _Saying:
    """One completion."""

    def __init__(self, model: str, fields: Mapping[str, Any], *, is_chat: bool) -> None:
        prompt = prompt_of(fields)
        most = fields.get("max_completion_tokens") or fields.get("max_tokens")
        self._words = words_for(prompt, most if isinstance(most, int) and most > 0 else None)
        self._is_cut = self._words != words_for(prompt, None)
        self._prompt_tokens = tokens_in(prompt)
        self._is_chat = is_chat
        options = fields.get("stream_options")
        self._tells_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        kind = "chat.completion" if is_chat else "text_completion"
        name = f"{'chatcmpl' if is_chat else 'cmpl'}-{uuid.uuid4().hex}"
        self._head = {"id": name, "object": kind, "created": int(time.time()), "model": model}

    async def events(self) -> AsyncIterator[bytes]:
        if self._is_chat:
            yield self._event([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
        async for word in spoken(self._words):
            yield self._event([self._piece(word, None)])
        yield self._event([self._piece("", self._reason())])
        if self._tells_usage:
            yield self._event([], usage=self._usage())
        yield b"data: [DONE]\n\n"

    async def whole(self) -> AsyncIterator[bytes]:
        text = "".join([word async for word in spoken(self._words)])
        choice: dict[str, Any] = {"index": 0, "finish_reason": self._reason()}
        choice |= {"message": {"role": "assistant", "content": text}} if self._is_chat else {"text": text}
        yield json.dumps({**self._head, "choices": [choice], "usage": self._usage()}).encode()

    def _reason(self) -> str:
        return "length" if self._is_cut else "stop"

    def _piece(self, word: str, reason: str | None) -> dict[str, Any]:
        said: dict[str, Any] = {"delta": {"content": word} if word else {}} if self._is_chat else {"text": word}
        return {"index": 0, **said, "finish_reason": reason}

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        kind = "chat.completion.chunk" if self._is_chat else "text_completion"
        return f"data: {json.dumps({**self._head, 'object': kind, 'choices': choices, **more})}\n\n".encode()

    def _usage(self) -> dict[str, int]:
        told = {"prompt_tokens": self._prompt_tokens, "completion_tokens": len(self._words)}
        return {**told, "total_tokens": sum(told.values())}


def _metrics(box: Box) -> str:
    label = f'{{engine="0",model_name="{box.facts.models[0] if box.facts.models else ""}"}}'
    work = box.work
    answered = max(0, int(time.time() - box.booted_at)) // 9
    rows = (
        ("gauge", "num_requests_running", float(work.running)),
        ("gauge", "num_requests_waiting", float(work.waiting)),
        ("gauge", "kv_cache_usage_perc", work.kv_percent / 100),
        ("counter", "prompt_tokens_total", answered * 412.0),
        ("counter", "generation_tokens_total", answered * 187.0),
    )
    lines = []
    for kind, name, value in rows:
        lines += [f"# TYPE vllm:{name} {kind}", f"vllm:{name}{label} {value}"]
    return "\n".join((*lines, ""))
