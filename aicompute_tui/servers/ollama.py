"""Ollama: models that it fetches, loads and forgets by itself or when it is asked to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing

from aicompute_tui.domain.errors import AicError, BadAnswer, InvalidInput, NotFound
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.server import ModelState, ServerFacts, ServerFigures, ServerModel
from aicompute_tui.servers.base import (
    Adapter,
    Embedding,
    PullStep,
    Told,
    as_count,
    as_object,
    as_text,
    numbers_in,
    objects_in,
)
from aicompute_tui.servers.modelfile import creation
from aicompute_tui.servers.openai_api import no_vector
from aicompute_tui.servers.wire import Wire

_UNKNOWN = re.compile(r"file does not exist|manifest: 404|^model .* not found", re.DOTALL)
"""How it says that there is no such model; a registry that it does not reach fails at the manifest as well."""


class Ollama(Adapter):
    async def health(self, wire: Wire) -> str:
        """Its version, since its root is answered by any proxy as well."""
        if not as_text(as_object(await wire.get_json("/api/version")).get("version")):
            raise BadAnswer(f"“{wire.server.name}” does not answer as Ollama does.", "Check its address and kind.")
        return ""

    async def facts(self, wire: Wire) -> ServerFacts:
        version = as_text(as_object(await wire.get_json("/api/version")).get("version")) or ""
        there = objects_in(as_object(await wire.get_json("/api/tags")).get("models"))
        running = {_id(each): each for each in await _running(wire)}
        found = {_id(each): _model(each, running.get(_id(each))) for each in there if _id(each)}
        found |= {name: _model(each, each) for name, each in running.items() if name and name not in found}
        return ServerFacts(version=version, models=tuple(found.values()))

    async def figures(self, wire: Wire) -> Told:
        used = [as_count(each.get("size_vram")) for each in await _running(wire)]
        known = [size for size in used if size is not None]
        return Told(ServerFigures(memory_used_bytes=float(sum(known)) if len(known) == len(used) else None))

    async def pull(self, wire: Wire, model: str) -> AsyncIterator[PullStep]:
        """An unknown model is an error within the stream, whose status was good."""
        async for step in _steps(wire, "/api/pull", {"model": model}, model):
            yield step

    async def create(self, wire: Wire, model: str, modelfile: str) -> AsyncIterator[PullStep]:
        async for step in _steps(wire, "/api/create", {"model": model, **creation(modelfile)}, model):
            yield step

    async def delete(self, wire: Wire, model: str) -> None:
        try:
            await wire.send("DELETE", "/api/delete", {"model": model})
        except NotFound as error:
            raise _no_model(wire, model, error) from error

    async def load(self, wire: Wire, model: str) -> None:
        await _kept(wire, model, {})

    async def unload(self, wire: Wire, model: str) -> None:
        await _kept(wire, model, {"keep_alive": 0})

    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:
        if model is None:
            raise InvalidInput(f"“{wire.server.name}” has many models, and none is named.", "Give --model MODEL.")
        answer = as_object(await wire.try_out("/api/embed", {"model": model, "input": text}))
        vectors = answer.get("embeddings")
        vector = numbers_in(vectors[0]) if isinstance(vectors, list) and vectors else []
        if not vector:
            raise no_vector(wire)
        return Embedding(vector, as_count(answer.get("prompt_eval_count")))


async def _running(wire: Wire) -> list[JsonObject]:
    return objects_in(as_object(await wire.get_json("/api/ps")).get("models"))


def _id(values: JsonObject) -> str:
    return as_text(values.get("name")) or as_text(values.get("model")) or ""


def _model(values: JsonObject, running: JsonObject | None) -> ServerModel:
    details = as_object(values.get("details"))
    context = as_count(as_object(running).get("context_length")) or as_count(details.get("context_length"))
    return ServerModel(
        id=_id(values),
        state=ModelState.AVAILABLE if running is None else ModelState.LOADED,
        size_bytes=as_count(as_object(running).get("size")) or as_count(values.get("size")),
        quantisation=as_text(details.get("quantization_level")),
        context_tokens=context,
        parameters=as_text(details.get("parameter_size")),
        memory_bytes=None if running is None else as_count(running.get("size_vram")),
    )


async def _kept(wire: Wire, model: str, keeping: JsonObject) -> None:
    """Loads or unloads by a prompt of nothing; a model that only embeds is asked to embed nothing."""
    body: JsonObject = {"model": model, "stream": False, **keeping}
    try:
        await wire.send("POST", "/api/generate", body)
    except NotFound as error:
        raise _no_model(wire, model, error) from error
    except InvalidInput:
        await wire.send("POST", "/api/embed", {"model": model, "input": "", **keeping})


def _no_model(wire: Wire, model: str, error: AicError) -> NotFound:
    step = f"See what is there: aic-tui server models {wire.server.word}"
    return NotFound(f"“{wire.server.name}” has no model “{model}”.", step, error.details)


async def _steps(wire: Wire, path: str, body: JsonObject, model: str) -> AsyncIterator[PullStep]:
    """Raises NotFound or BadAnswer for an error within the stream, and for one that stops before its end."""
    layers: dict[str, tuple[int, int]] = {}
    is_done = False
    async with aclosing(wire.lines(path, body)) as lines:
        async for line in lines:
            problem = as_text(line.get("error"))
            if problem is not None:
                raise _refused(wire, model, problem)
            text = as_text(line.get("status")) or ""
            digest, total = as_text(line.get("digest")), as_count(line.get("total"))
            if digest is not None and total is not None:
                layers[digest] = (as_count(line.get("completed")) or 0, total)
            is_done = text == "success"
            sums = [sum(column) for column in zip(*layers.values(), strict=True)] or [None, None]
            yield PullStep(text=text, completed=sums[0], total=sums[1])
    if not is_done:
        raise BadAnswer(f"“{wire.server.name}” stopped before it was done.", "Do it again: what came stays.")


def _refused(wire: Wire, model: str, problem: str) -> AicError:
    said = wire.saying(problem.encode())
    if _UNKNOWN.search(problem):
        return NotFound(f"There is no model “{model}” to fetch.", f"“{wire.server.name}” says: {said}")
    return BadAnswer(f"“{wire.server.name}” gave up: {said}", "Look at its log.")
