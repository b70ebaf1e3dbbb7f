"""Infinity: models that embed and rank, without a version path unless it was given one."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.server import ModelState, ServerFacts, ServerFigures, ServerModel
from aicompute_tui.servers import openai_api
from aicompute_tui.servers.base import Adapter, Embedding, Ranked, Told, as_count, as_object
from aicompute_tui.servers.wire import Wire


class Infinity(Adapter):
    key_variable = "INFINITY_API_KEY"

    async def health(self, wire: Wire) -> str:
        if "unix" not in as_object(await wire.get_json("/health")):
            raise BadAnswer(f"“{wire.server.name}” does not answer as Infinity does.", "Check its address and kind.")
        return ""

    async def facts(self, wire: Wire) -> ServerFacts:
        rows = openai_api.listed(wire, await wire.get_json("/models"))
        return ServerFacts(models=tuple(ServerModel(id=str(each["id"]), state=ModelState.LOADED) for each in rows))

    async def figures(self, wire: Wire) -> Told:
        """Each model has a queue of its own."""
        rows = openai_api.listed(wire, await wire.get_json("/models"))
        queues = [as_count(as_object(each.get("stats")).get("queue_absolute")) for each in rows]
        known = [queue for queue in queues if queue is not None]
        return Told(ServerFigures(requests_waiting=float(sum(known)) if known else None))

    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:
        return await openai_api.embed(wire, text, model or await openai_api.only_model(wire, "/models"), "/embeddings")

    async def rerank(self, wire: Wire, query: str, documents: Sequence[str], model: str | None) -> list[Ranked]:
        named = model or await openai_api.only_model(wire, "/models")
        answer = await wire.try_out("/rerank", {"model": named, "query": query, "documents": [*documents]})
        return openai_api.ranked(wire, as_object(answer).get("results"), "relevance_score")
