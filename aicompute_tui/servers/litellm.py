"""LiteLLM's proxy: whether it is up is asked without a key; its look at each model costs money and is left alone."""

from __future__ import annotations

from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.server import ServerFacts
from aicompute_tui.servers import openai_api
from aicompute_tui.servers.base import Adapter, Embedding, as_object, as_text
from aicompute_tui.servers.wire import Wire


class LiteLlm(Adapter):
    key_variable = "LITELLM_MASTER_KEY"

    async def health(self, wire: Wire) -> str:
        if "alive" not in str(await wire.get_json("/health/liveliness")):
            raise BadAnswer(f"“{wire.server.name}” does not answer as LiteLLM does.", "Check its address and kind.")
        answer = await wire.ask("/health/readiness")
        if 200 <= answer.status < 300:
            status = as_text(as_object(wire.decoded(answer.body)).get("status"))
            return "" if status in {None, "healthy", "connected"} else f"it says: {status}"
        return wire.saying(answer.body) or f"not ready ({answer.status})"

    async def facts(self, wire: Wire) -> ServerFacts:
        answer = await wire.get("/v1/models")
        version = answer.headers.get("x-litellm-version", "")
        return ServerFacts(version=version, models=openai_api.models_in(wire, wire.decoded(answer.body)))

    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:
        return await openai_api.embed(wire, text, model or await openai_api.only_model(wire))
