"""vLLM: one model with its adapters, its figures on a Prometheus page, and a sleep allowed at its start."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.errors import AicError, NotFound, Refused
from aicompute_tui.domain.server import ModelState, ServerCounters, ServerFacts, ServerFigures, ServerModel
from aicompute_tui.servers import openai_api
from aicompute_tui.servers.base import Adapter, Embedding, Ranked, Told, as_object, as_text
from aicompute_tui.servers.prometheus import Page
from aicompute_tui.servers.wire import Wire

_RUNNING, _WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
_CACHE, _OLD_CACHE = "vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"
_TOKENS, _FIRST = "vllm:generation_tokens_total", "vllm:time_to_first_token_seconds"


class Vllm(Adapter):
    key_variable = "VLLM_API_KEY"

    async def facts(self, wire: Wire) -> ServerFacts:
        """The version is told without the key, the models are not."""
        version = as_object(await wire.get_json("/version")).get("version")
        found = await openai_api.models(wire)
        state = ModelState.SLEEPING if await _is_sleeping(wire) else ModelState.LOADED
        models = tuple(_in_state(model, state) for model in found)
        return ServerFacts(version=as_text(version) or "", models=models)

    async def figures(self, wire: Wire) -> Told:
        names = (_RUNNING, _WAITING, _CACHE, _OLD_CACHE, _TOKENS, f"{_FIRST}_sum", f"{_FIRST}_count")
        page = Page((await wire.get("/metrics")).body, names)
        figures = ServerFigures(
            requests_running=page.total(_RUNNING),
            requests_waiting=page.total(_WAITING),
            cache_share=page.mean(_CACHE, _OLD_CACHE),
        )
        return Told(figures, counters_of(page, _TOKENS, _FIRST))

    async def sleep(self, wire: Wire) -> None:
        await _allowed(wire, "/sleep?level=1", _SLEEP)

    async def wake(self, wire: Wire) -> None:
        await _allowed(wire, "/wake_up", _SLEEP)

    async def load_lora(self, wire: Wire, adapter: str, path: str) -> None:
        await _allowed(wire, "/v1/load_lora_adapter", _LORA, lora_name=adapter, lora_path=path)

    async def unload_lora(self, wire: Wire, adapter: str) -> None:
        await _allowed(wire, "/v1/unload_lora_adapter", _LORA, lora_name=adapter)

    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:
        return await openai_api.embed(wire, text, model or await openai_api.only_model(wire))

    async def rerank(self, wire: Wire, query: str, documents: Sequence[str], model: str | None) -> list[Ranked]:
        named = model or await openai_api.only_model(wire)
        answer = await wire.try_out("/rerank", {"model": named, "query": query, "documents": [*documents]})
        return openai_api.ranked(wire, as_object(answer).get("results"), "relevance_score")


_SLEEP = "Start it with --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1, on a network of your own."
_LORA = "Start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1."


def counters_of(page: Page, tokens: str, first: str) -> ServerCounters:
    return ServerCounters(
        tokens=page.total(tokens),
        first_tokens=page.total(f"{first}_count"),
        first_token_seconds=page.total(f"{first}_sum"),
    )


def _in_state(model: ServerModel, state: ModelState) -> ServerModel:
    return ServerModel(id=model.id, state=state, context_tokens=model.context_tokens, parent=model.parent)


async def _is_sleeping(wire: Wire) -> bool:
    """Told in its developers' mode alone."""
    try:
        return as_object(await wire.get_json("/is_sleeping")).get("is_sleeping") is True
    except AicError:
        return False


async def _allowed(wire: Wire, path: str, needs: str, **body: str) -> None:
    """An unknown adapter is told by its name, a way that is closed by none."""
    try:
        await wire.send("POST", path, dict(body) if body else None)
    except NotFound as error:
        if "adapter" in error.details.lower():
            raise
        raise Refused(f"“{wire.server.name}” was started without that.", needs, error.details) from error
