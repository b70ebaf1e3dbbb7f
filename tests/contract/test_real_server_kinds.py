"""What real servers make of the shapes that their kinds are told by: llama.cpp with a model and as a router."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import NotFound
from aicompute_tui.domain.server import ModelServer, ModelState, ServerOptions
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.servers.probing import find_kind
from aicompute_tui.servers.reading import facts_now, read
from aicompute_tui.servers.registry import ADAPTERS
from aicompute_tui.servers.wire import Wire
from aicompute_tui.services.server_readings import report_after
from tests.contract.model_servers import KEY, RunningServer, llama_server

pytestmark = pytest.mark.timeout(1800)  # the first use on a machine builds the server

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PROMPT = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 30}


def of(server: RunningServer, kind: ServerKind = ServerKind.HTTP) -> ModelServer:
    return ModelServer(
        id="0199",
        owner="me",
        created_by="me",
        name="box",
        kind=kind,
        base_url=server.url,
        options=ServerOptions(timeout_seconds=20),
        created_at=NOW,
    )


@pytest.mark.asyncio
async def test_a_llama_server_is_found_and_its_tokens_counted(tmp_path: Path) -> None:
    with llama_server(tmp_path, "--metrics") as server:
        assert (await find_kind(of(server), KEY)).kind is ServerKind.LLAMACPP
        locked = await find_kind(of(server), None)
        assert (locked.kind, locked.needs_key) == (ServerKind.LLAMACPP, True)
        box = of(server, ServerKind.LLAMACPP)
        first = await read(box, KEY, None, NOW)
        assert (first.problem, first.degraded, first.figures.requests_running) == (None, "", 0)
        assert first.facts is not None
        (model,) = first.facts.models
        assert (model.state, bool(model.size_bytes), bool(model.context_tokens)) == (ModelState.LOADED, True, True)
        answer = await asyncio.to_thread(server.post, "/v1/chat/completions", PROMPT)
        second = await read(box, KEY, report_after(first, None), NOW + timedelta(seconds=10))
        assert second.figures.tokens_per_second == answer["usage"]["completion_tokens"] / 10
        refused = await read(box, "wrong-key", None, NOW)
        assert (refused.problem, "key" in refused.degraded) == (None, True)
        with pytest.raises(NotFound):
            await ADAPTERS[box.kind].rerank(Wire(box, KEY), "who?", ["a"], None)


@pytest.mark.asyncio
async def test_a_llama_server_embeds(tmp_path: Path) -> None:
    with llama_server(tmp_path, "--embeddings", "--pooling", "mean") as server:
        box = of(server, ServerKind.LLAMACPP)
        found = await ADAPTERS[box.kind].embed(Wire(box, KEY), "Hello", None)
        assert len(found.vector) > 1
        reading = await read(box, KEY, None, NOW)
        assert (reading.problem, reading.degraded, reading.figures.requests_running) == (None, "", 0)


@pytest.mark.asyncio
async def test_a_router_loads_and_unloads_what_it_is_asked_to(tmp_path: Path) -> None:
    with llama_server(tmp_path, models=("one", "two")) as server:
        assert (await find_kind(of(server), KEY)).kind is ServerKind.LLAMACPP_ROUTER
        box = of(server, ServerKind.LLAMACPP_ROUTER)
        adapter, wire = ADAPTERS[box.kind], Wire(box, KEY)
        assert await states(box) == {"one": ModelState.AVAILABLE, "two": ModelState.AVAILABLE}
        await adapter.load(wire, "one")
        assert (await states(box))["one"] is ModelState.LOADED
        await adapter.unload(wire, "one")
        assert (await states(box))["one"] is ModelState.AVAILABLE


async def states(box: ModelServer) -> dict[str, ModelState]:
    return {model.id: model.state for model in (await facts_now(box, KEY)).models}
