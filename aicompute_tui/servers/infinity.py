"""Infinity: models that embed and rank, without a version path unless it was given one."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.errors import BadAnswer, NotFound
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.server import ModelState, ServerFacts, ServerFigures, ServerModel
from aicompute_tui.servers import openai_api
from aicompute_tui.servers.base import Adapter, Embedding, Ranked, Told, as_count, as_object
from aicompute_tui.servers.wire import Wire

_PREFIX = "/v1"
"""The usual one of those that it can be started with."""


class Infinity(Adapter):
    key_variable = "INFINITY_API_KEY"

    async def health(self, wire: Wire) -> str:
        if "unix" not in as_object(await _got(wire, "/health")):
            raise BadAnswer(f"“{wire.server.name}” does not answer as Infinity does.", "Check its address and kind.")
        return ""

    async def facts(self, wire: Wire) -> ServerFacts:
        rows = openai_api.listed(wire, await _got(wire, "/models"))
        return ServerFacts(models=tuple(ServerModel(id=str(each["id"]), state=ModelState.LOADED) for each in rows))

    async def figures(self, wire: Wire) -> Told:
        """Each model has a queue of its own."""
        rows = openai_api.listed(wire, await _got(wire, "/models"))
        queues = [as_count(as_object(each.get("stats")).get("queue_absolute")) for each in rows]
        known = [queue for queue in queues if queue is not None]
        return Told(ServerFigures(requests_waiting=float(sum(known)) if known else None))

    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:
        prefix = await _prefix(wire)
        named = model or await openai_api.only_model(wire, f"{prefix}/models")
        return await openai_api.embed(wire, text, named, f"{prefix}/embeddings")

    async def rerank(self, wire: Wire, query: str, documents: Sequence[str], model: str | None) -> list[Ranked]:
        prefix = await _prefix(wire)
        named = model or await openai_api.only_model(wire, f"{prefix}/models")
        answer = await wire.try_out(f"{prefix}/rerank", {"model": named, "query": query, "documents": [*documents]})
        return openai_api.ranked(wire, as_object(answer).get("results"), "relevance_score")


async def _got(wire: Wire, path: str) -> Json:
    """With the prefix where it does not answer without one. Raises AicError."""
    try:
        return await wire.get_json(path)
    except NotFound as error:
        try:
            return await wire.get_json(f"{_PREFIX}{path}")
        except NotFound:
            raise error from None


async def _prefix(wire: Wire) -> str:
    return _PREFIX if (await wire.ask("/models")).status == 404 else ""
