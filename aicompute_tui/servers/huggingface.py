"""Hugging Face's servers: TGI for text, TEI for embeddings and for ranking; each has one model for life."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.server import ModelState, ServerCounters, ServerFacts, ServerFigures, ServerModel
from aicompute_tui.servers.base import Adapter, Embedding, Ranked, Told, as_count, as_object, as_text, numbers_in
from aicompute_tui.servers.openai_api import no_vector, ranked
from aicompute_tui.servers.prometheus import Page
from aicompute_tui.servers.wire import Wire

_TGI_RUNNING, _TGI_WAITING, _TGI_TOKENS = "tgi_batch_current_size", "tgi_queue_size", "tgi_request_generated_tokens_sum"
_TEI_WAITING = "te_queue_size"


class Tgi(Adapter):
    key_variable = "API_KEY"

    async def facts(self, wire: Wire) -> ServerFacts:
        info = as_object(await wire.get_json("/info"))
        return _facts(wire, info, as_count(info.get("max_total_tokens")))

    async def figures(self, wire: Wire) -> Told:
        page = Page((await wire.get("/metrics")).body, (_TGI_RUNNING, _TGI_WAITING, _TGI_TOKENS))
        figures = ServerFigures(requests_running=page.total(_TGI_RUNNING), requests_waiting=page.total(_TGI_WAITING))
        return Told(figures, ServerCounters(tokens=page.total(_TGI_TOKENS)))


class Tei(Adapter):
    key_variable = "API_KEY"

    async def facts(self, wire: Wire) -> ServerFacts:
        info = as_object(await wire.get_json("/info"))
        return _facts(wire, info, as_count(info.get("max_input_length")))

    async def figures(self, wire: Wire) -> Told:
        page = Page((await wire.get("/metrics")).body, (_TEI_WAITING,))
        return Told(ServerFigures(requests_waiting=page.total(_TEI_WAITING)))

    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:  # noqa: ARG002 - it has one
        answer = await wire.try_out("/embed", {"inputs": text})
        vector = numbers_in(answer[0]) if isinstance(answer, list) and answer else []
        if not vector:
            raise no_vector(wire)
        return Embedding(vector)


class TeiReranker(Tei):
    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:
        return await Adapter.embed(self, wire, text, model)

    async def rerank(self, wire: Wire, query: str, documents: Sequence[str], model: str | None) -> list[Ranked]:  # noqa: ARG002
        answer = await wire.try_out("/rerank", {"query": query, "texts": [*documents]})
        return ranked(wire, answer, "score")


def _facts(wire: Wire, info: JsonObject, context: int | None) -> ServerFacts:
    name = as_text(info.get("served_model_name")) or as_text(info.get("model_id"))
    if name is None:
        raise BadAnswer(f"“{wire.server.name}” does not tell its model.", "Check its address and kind.")
    model = ServerModel(id=name, state=ModelState.LOADED, context_tokens=context)
    return ServerFacts(version=as_text(info.get("version")) or "", models=(model,))
