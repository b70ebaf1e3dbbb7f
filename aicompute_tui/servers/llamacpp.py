"""llama.cpp's server: with one model, or as a router that loads those it is asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

from aicompute_tui.domain.errors import BadAnswer, InvalidInput, NotFound, RateLimited, TimedOut
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server import ModelState, ServerCounters, ServerFacts, ServerFigures, ServerModel
from aicompute_tui.servers import openai_api
from aicompute_tui.servers.base import Adapter, Embedding, PullStep, Ranked, Told, as_count, as_object, as_text
from aicompute_tui.servers.prometheus import Page
from aicompute_tui.servers.wire import Wire

_RUNNING, _WAITING = "llamacpp:requests_processing", "llamacpp:requests_deferred"
_TOKENS = "llamacpp:tokens_predicted_total"
_LOOK_SECONDS = 0.5
_LOOKS = 1_200
"""Ten minutes: the longest that a model takes to load."""
_LOOKS_WITHOUT = 20
"""For a download to be listed at all."""
_STATES = {
    "loaded": ModelState.LOADED,
    "loading": ModelState.LOADING,
    "downloading": ModelState.LOADING,
    "sleeping": ModelState.SLEEPING,
}


class LlamaCpp(Adapter):
    key_variable = "LLAMA_API_KEY"

    async def health(self, wire: Wire) -> str:
        """Answered without the key; while a model loads it answers, and can do nothing."""
        answer = await wire.ask("/health")
        if answer.status == 503:
            if not _is_loading(answer.body):
                raise wire.problem(answer.status, answer.body, answer.headers)
            return wire.saying(answer.body) or "not ready"
        if as_object(wire.decoded(answer.body)).get("status") != "ok":
            raise wire.problem(answer.status, answer.body, answer.headers)
        return ""

    async def facts(self, wire: Wire) -> ServerFacts:
        props = as_object(await wire.get_json("/props"))
        settings = as_object(props.get("default_generation_settings"))
        rows = openai_api.listed(wire, await wire.get_json("/v1/models"))
        state = ModelState.SLEEPING if props.get("is_sleeping") is True else ModelState.LOADED
        models = tuple(_model(each, state, as_count(settings.get("n_ctx"))) for each in rows)
        return ServerFacts(version=as_text(props.get("build_info")) or "", models=models)

    async def figures(self, wire: Wire) -> Told:
        """Off unless it was started with --metrics."""
        page = Page((await wire.get("/metrics")).body, (_RUNNING, _WAITING, _TOKENS))
        figures = ServerFigures(requests_running=page.total(_RUNNING), requests_waiting=page.total(_WAITING))
        return Told(figures, ServerCounters(tokens=page.total(_TOKENS)))

    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:
        return await openai_api.embed(wire, text, model or await openai_api.only_model(wire))

    async def rerank(self, wire: Wire, query: str, documents: Sequence[str], model: str | None) -> list[Ranked]:
        named = model or await openai_api.only_model(wire)
        answer = await wire.try_out("/v1/rerank", {"model": named, "query": query, "documents": [*documents]})
        return openai_api.ranked(wire, as_object(answer).get("results"), "relevance_score")


class LlamaCppRouter(LlamaCpp):
    async def facts(self, wire: Wire) -> ServerFacts:
        props = as_object(await wire.get_json("/props"))
        models = tuple(_routed(each) for each in await _routes(wire))
        return ServerFacts(version=as_text(props.get("build_info")) or "", models=models)

    async def figures(self, wire: Wire) -> Told:  # noqa: ARG002 - each of its models has a page of its own
        return Told()

    async def pull(self, wire: Wire, model: str) -> AsyncIterator[PullStep]:
        await wire.send("POST", "/models", {"model": model})
        for looks in range(_LOOKS * 100):
            status = await _status(wire, model)
            if status is None and looks > _LOOKS_WITHOUT:
                raise BadAnswer(f"“{wire.server.name}” does not list “{model}”.", "Look at its log.")
            if status is not None and status.get("failed") is True:
                raise BadAnswer(f"“{wire.server.name}” could not fetch “{model}”.", "Look at its log.")
            if status is not None and status.get("value") != "downloading":
                return
            yield _progress(as_object(status).get("progress"))
            await asyncio.sleep(_LOOK_SECONDS)

    async def delete(self, wire: Wire, model: str) -> None:
        await _sent(wire, model, "DELETE", f"/models?model={quote(model, safe='')}")

    async def load(self, wire: Wire, model: str) -> None:
        await _sent(wire, model, "POST", "/models/load", {"model": model})
        await _until(wire, model, frozenset({"loaded", "sleeping"}))

    async def unload(self, wire: Wire, model: str) -> None:
        await _sent(wire, model, "POST", "/models/unload", {"model": model})
        await _until(wire, model, frozenset({"unloaded"}))


def _is_loading(body: bytes) -> bool:
    """Whether it says so itself: a proxy before a server that died answers 503 in words of its own."""
    try:
        error = as_object(as_object(json.loads(body)).get("error"))
    except (ValueError, RecursionError):
        return False
    return error.get("code") == 503 and error.get("type") == "unavailable_error"


async def _sent(wire: Wire, model: str, method: str, path: str, body: JsonObject | None = None) -> None:
    """An unknown model is refused as a bad request. Raises NotFound for it."""
    try:
        await wire.send(method, path, body)
    except InvalidInput as error:
        if "not found" not in error.details:
            raise
        raise _no_model(wire, model) from error


async def _routes(wire: Wire) -> list[JsonObject]:
    return openai_api.listed(wire, await wire.get_json("/models"))


async def _status(wire: Wire, model: str) -> JsonObject | None:
    return next((as_object(each.get("status")) for each in await _routes(wire) if each["id"] == model), None)


async def _until(wire: Wire, model: str, wanted: frozenset[str]) -> None:
    """It answers at once and does it afterwards. Raises what became of it instead."""
    for _ in range(_LOOKS):
        try:
            status = await _status(wire, model)
        except RateLimited:
            status = {}
        if status is None:
            raise _no_model(wire, model)
        if status.get("failed") is True:
            code = as_count(status.get("exit_code"))
            told = "" if code is None else f" (exit code {code})"
            raise BadAnswer(f"“{model}” could not be loaded{told}.", f"Look at the log of “{wire.server.name}”.")
        if status.get("value") in wanted:
            return
        await asyncio.sleep(_LOOK_SECONDS)
    raise TimedOut(f"“{model}” is not there yet after ten minutes.", "Look at its models again later.")


def _no_model(wire: Wire, model: str) -> NotFound:
    step = f"See what is there: aic-tui server models {wire.server.word}"
    return NotFound(f"“{wire.server.name}” has no model “{model}”.", step)


def _model(values: JsonObject, state: ModelState, context: int | None) -> ServerModel:
    """What it was made of is told once it is loaded."""
    meta = as_object(values.get("meta"))
    count = as_count(meta.get("n_params"))
    return ServerModel(
        id=str(values["id"]),
        state=state,
        size_bytes=as_count(meta.get("size")),
        quantisation=as_text(meta.get("ftype")),
        context_tokens=as_count(meta.get("n_ctx")) or context,
        parameters=None if count is None else _count_text(count),
    )


def _routed(values: JsonObject) -> ServerModel:
    """Of the status no more than its word: it also holds the whole command line."""
    status = as_object(values.get("status"))
    value = as_text(status.get("value")) or ""
    state = ModelState.FAILED if status.get("failed") is True else _STATES.get(value, ModelState.AVAILABLE)
    return _model(values, state, None)


def _count_text(count: int) -> str:
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return str(count)


def _progress(value: Json) -> PullStep:
    """Bytes by file, or a share; how it is told is not settled."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return PullStep(text="downloading", completed=round(value * 100), total=100)
    done, total = as_count(as_object(value).get("done")), as_count(as_object(value).get("total"))
    return PullStep(text="downloading", completed=done, total=total)
