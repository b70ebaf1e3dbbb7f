"""What answers prompts in the demo: a server of ours and a hosted provider with a key as OpenAI, and an Ollama."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from aicompute_tui.demo.lab.exchange import Exchange, serve
from aicompute_tui.demo.lab.model_servers import vector_of
from aicompute_tui.demo.nodes.http_answer import prompt_of, spoken, tokens_in, words_for
from aicompute_tui.domain.json import Json, JsonObject

HOSTED_PATH = "/hosted/v1"
HOSTED_KEY = "sk-demo-nothing-outside-takes-this-7f3a"
OWN_MODELS = ("meta-llama/Llama-3.1-8B-Instruct",)
HOSTED_MODELS = ("large-2", "large-2-mini", "embed-2")
OLLAMA_MODELS = ("llama3.2:3b", "qwen2.5-coder:7b")
_LOOPBACK = "127.0.0.1"
_COMPLETIONS = "/chat/completions"


async def listen(port: int) -> asyncio.Server:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(_answer, reader, writer)

    return await asyncio.start_server(take, _LOOPBACK, port)


async def _answer(exchange: Exchange) -> None:
    request = exchange.request
    if request.path.startswith(f"{HOSTED_PATH}/"):
        if request.headers.get("authorization") != f"Bearer {HOSTED_KEY}":
            await _refuse(exchange, 401, "invalid_api_key", "Incorrect API key provided.")
            return
        await _as_openai(exchange, request.path.removeprefix(HOSTED_PATH), HOSTED_MODELS)
    elif request.path.startswith("/v1/"):
        await _as_openai(exchange, request.path.removeprefix("/v1"), OWN_MODELS)
    elif request.path == "/health":
        await exchange.text(b"")
    else:
        await _as_ollama(exchange)


async def _as_openai(exchange: Exchange, path: str, models: tuple[str, ...]) -> None:
    fields: dict[str, Any] = dict(exchange.request.fields())
    if path == "/models":
        await exchange.answer({"object": "list", "data": [{"id": name, "object": "model"} for name in models]})
    elif path == "/embeddings" and fields.get("model") in models and "embed" in str(fields["model"]):
        await _embed(exchange, fields)
    elif path != _COMPLETIONS:
        await _refuse(exchange, 404, "not_found_error", "There is nothing here.")
    elif fields.get("model") not in models:
        await _refuse(exchange, 404, "model_not_found", f"The model `{fields.get('model')}` does not exist.")
    else:
        await _complete(exchange, fields)


async def _embed(exchange: Exchange, fields: dict[str, Any]) -> None:
    given = fields.get("input")
    texts = [str(each) for each in given] if isinstance(given, list) else [str(given)]
    data: list[Json] = [{"index": place, "embedding": [*vector_of(each)]} for place, each in enumerate(texts)]
    asked = sum(tokens_in(each) for each in texts)
    usage: JsonObject = {"prompt_tokens": asked, "total_tokens": asked}
    await exchange.answer({"object": "list", "model": str(fields["model"]), "data": data, "usage": usage})


async def _complete(exchange: Exchange, fields: dict[str, Any]) -> None:
    prompt = prompt_of(fields)
    most = fields.get("max_completion_tokens") or fields.get("max_tokens")
    words = words_for(prompt, most if isinstance(most, int) and most > 0 else None)
    asked = tokens_in(prompt)
    usage: JsonObject = {
        "prompt_tokens": asked, "completion_tokens": len(words), "total_tokens": asked + len(words),
    }  # fmt: skip
    head: JsonObject = {"id": "chatcmpl-demo", "created": int(time.time()), "model": str(fields["model"])}
    if not fields.get("stream"):
        said: JsonObject = {"role": "assistant", "content": "".join([word async for word in spoken(words)])}
        choice: JsonObject = {"index": 0, "finish_reason": "stop", "message": said}
        await exchange.answer({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        return
    await exchange.begin("text/event-stream; charset=utf-8")
    async for piece in _pieces(words, usage):
        await exchange.send(f"data: {json.dumps({**head, 'object': 'chat.completion.chunk', **piece})}\n\n".encode())
    await exchange.send(b"data: [DONE]\n\n")
    await exchange.finish()


async def _pieces(words: list[str], usage: JsonObject) -> AsyncIterator[JsonObject]:
    async for word in spoken(words):
        yield {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}
    yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield {"choices": [], "usage": usage}


async def _refuse(exchange: Exchange, status: int, kind: str, message: str) -> None:
    error: JsonObject = {"message": message, "type": "invalid_request_error", "param": None, "code": kind}
    await exchange.answer({"error": error}, status)


async def _as_ollama(exchange: Exchange) -> None:
    path, fields = exchange.request.path, dict(exchange.request.fields())
    if path == "/api/version":
        await exchange.answer({"version": "0.33.0"})
    elif path == "/api/tags":
        await exchange.answer({"models": [{"name": name, "model": name, "size": 2 << 30} for name in OLLAMA_MODELS]})
    elif path == "/api/chat" and fields.get("model") in OLLAMA_MODELS:
        await _chat(exchange, fields)
    elif path == "/api/chat":
        await exchange.answer({"error": f"model '{fields.get('model')}' not found"}, 404)
    else:
        await exchange.text(b"404 page not found", status=404)


async def _chat(exchange: Exchange, fields: dict[str, Any]) -> None:
    prompt, model = prompt_of(fields), str(fields["model"])
    options = fields.get("options")
    most = options.get("num_predict") if isinstance(options, dict) else None
    words = words_for(prompt, most if isinstance(most, int) and most > 0 else None)
    last: JsonObject = {
        "model": model, "done": True, "done_reason": "stop", "prompt_eval_count": tokens_in(prompt),
        "eval_count": len(words),
    }  # fmt: skip
    if fields.get("stream") is False:
        text = "".join([word async for word in spoken(words)])
        await exchange.answer({**last, "message": {"role": "assistant", "content": text}})
        return
    await exchange.begin("application/x-ndjson")
    async for word in spoken(words):
        await exchange.line({"model": model, "message": {"role": "assistant", "content": word}, "done": False})
    await exchange.line({**last, "message": {"role": "assistant", "content": ""}})
    await exchange.finish()
