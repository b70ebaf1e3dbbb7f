"""SGLang: one model with its adapters, whose memory can be given back for a while."""

from __future__ import annotations

from aicompute_tui.domain.errors import AicError, NotFound, Refused
from aicompute_tui.domain.server import ServerFacts, ServerFigures
from aicompute_tui.servers import openai_api
from aicompute_tui.servers.base import Adapter, Embedding, Told, as_object, as_text
from aicompute_tui.servers.prometheus import Page
from aicompute_tui.servers.vllm import counters_of
from aicompute_tui.servers.wire import Wire

_RUNNING, _WAITING, _CACHE = "sglang:num_running_reqs", "sglang:num_queue_reqs", "sglang:token_usage"
_RATE, _TOKENS, _FIRST = "sglang:gen_throughput", "sglang:generation_tokens_total", "sglang:time_to_first_token_seconds"


class Sglang(Adapter):
    async def facts(self, wire: Wire) -> ServerFacts:
        try:
            version = as_text(as_object(await wire.get_json("/server_info")).get("version"))
        except AicError:
            version = None
        return ServerFacts(version=version or "", models=await openai_api.models(wire))

    async def figures(self, wire: Wire) -> Told:
        names = (_RUNNING, _WAITING, _CACHE, _RATE, _TOKENS, f"{_FIRST}_sum", f"{_FIRST}_count")
        page = Page((await wire.get("/metrics")).body, names)
        figures = ServerFigures(
            requests_running=page.total(_RUNNING),
            requests_waiting=page.total(_WAITING),
            cache_share=page.mean(_CACHE),
            tokens_per_second=page.total(_RATE),
        )
        return Told(figures, counters_of(page, _TOKENS, _FIRST))

    async def sleep(self, wire: Wire) -> None:
        await _allowed(wire, "/release_memory_occupation")

    async def wake(self, wire: Wire) -> None:
        await _allowed(wire, "/resume_memory_occupation")

    async def load_lora(self, wire: Wire, adapter: str, path: str) -> None:
        await wire.send("POST", "/load_lora_adapter", {"lora_name": adapter, "lora_path": path})

    async def unload_lora(self, wire: Wire, adapter: str) -> None:
        await wire.send("POST", "/unload_lora_adapter", {"lora_name": adapter})

    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:
        return await openai_api.embed(wire, text, model or await openai_api.only_model(wire))


async def _allowed(wire: Wire, path: str) -> None:
    try:
        await wire.send("POST", path, {})
    except NotFound as error:
        needs = "Start it with --enable-memory-saver."
        raise Refused(f"“{wire.server.name}” was started without that.", needs, error.details) from error
